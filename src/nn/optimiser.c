/* AdamW and SGD over fixed chunks of the parameters. */
#include "nn/optimiser.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* A piece of one parameter: the unit of parallel work. */
struct chunk {
    int param;
    int64_t begin, end;
};

enum { CHUNK = 16384 };

struct optimiser {
    struct params *params;
    struct optimiser_options options;
    int64_t steps;
    bool swapped;
    size_t *offset; /* [params] where each one's state begins */
    size_t elements;
    float *m, *v; /* [elements]; v is NULL for SGD */
    float *ema;   /* [elements] or NULL */
    struct chunk *chunks;
    int64_t n_chunks;
    double *partial; /* [chunks] */
};

struct optimiser_options optimiser_defaults(void)
{
    return (struct optimiser_options){.kind = OPTIMISER_ADAMW,
                                      .beta1 = 0.9,
                                      .beta2 = 0.999,
                                      .epsilon = 1e-8,
                                      .momentum = 0.9,
                                      .weight_decay = 0.01};
}

/* ---- creation ---- */

static ana_status check_options(const struct params *params, const struct optimiser_options *o,
                                ana_error *err)
{
    if (params_count(params) == 0 || params_value(params, 0).dtype != DTYPE_F32)
        return ana_fail(err, ANA_ERR_ARGUMENT, "an optimiser needs parameters of type F32");
    const bool sane = o->beta1 >= 0 && o->beta1 < 1 && o->beta2 >= 0 && o->beta2 < 1 &&
                      o->epsilon > 0 && o->momentum >= 0 && o->momentum < 1 &&
                      o->weight_decay >= 0 && o->clip_norm >= 0 && o->ema_decay >= 0 &&
                      o->ema_decay < 1;
    return sane ? ANA_OK
                : ana_fail(err, ANA_ERR_ARGUMENT, "optimiser options are out of their ranges");
}

static int64_t param_size(const struct params *params, int i)
{
    return shape_count(&params_spec(params, i)->shape);
}

static bool allocate(struct optimiser *o)
{
    const int n = params_count(o->params);
    o->offset = memory_alloc_array((size_t)n, sizeof *o->offset);
    if (!o->offset)
        return false;
    for (int i = 0; i < n; i++) {
        o->offset[i] = o->elements;
        o->elements += (size_t)param_size(o->params, i);
        o->n_chunks += (param_size(o->params, i) + CHUNK - 1) / CHUNK;
    }
    o->m = memory_alloc_array_zeroed(o->elements, sizeof *o->m);
    if (o->options.kind == OPTIMISER_ADAMW)
        o->v = memory_alloc_array_zeroed(o->elements, sizeof *o->v);
    if (o->options.ema_decay > 0)
        o->ema = memory_alloc_array_zeroed(o->elements, sizeof *o->ema);
    o->chunks = memory_alloc_array((size_t)o->n_chunks, sizeof *o->chunks);
    o->partial = memory_alloc_array((size_t)o->n_chunks, sizeof *o->partial);
    return o->m && o->chunks && o->partial && (o->v || o->options.kind != OPTIMISER_ADAMW) &&
           (o->ema || o->options.ema_decay <= 0);
}

static void cut_into_chunks(struct optimiser *o)
{
    int64_t at = 0;
    for (int i = 0; i < params_count(o->params); i++)
        for (int64_t begin = 0; begin < param_size(o->params, i); begin += CHUNK) {
            const int64_t end = begin + CHUNK;
            const int64_t size = param_size(o->params, i);
            o->chunks[at++] = (struct chunk){i, begin, end < size ? end : size};
        }
    assert(at == o->n_chunks);
}

static void copy_values_to_ema(struct optimiser *o)
{
    for (int i = 0; o->ema && i < params_count(o->params); i++) {
        const struct tensor value = params_value(o->params, i);
        memcpy(o->ema + o->offset[i], value.data, tensor_bytes(&value));
    }
}

ana_status optimiser_create(struct optimiser **out, struct params *params,
                            const struct optimiser_options *options, ana_error *err)
{
    *out = NULL;
    const ana_status status = check_options(params, options, err);
    if (status)
        return status;
    struct optimiser *o = memory_alloc_zeroed(sizeof *o);
    if (!o)
        return ana_fail_memory(err, sizeof *o);
    o->params = params;
    o->options = *options;
    if (!allocate(o)) {
        const size_t elements = o->elements;
        optimiser_free(o);
        return ana_fail_memory(err, elements * sizeof(float));
    }
    cut_into_chunks(o);
    copy_values_to_ema(o);
    *out = o;
    return ANA_OK;
}

void optimiser_free(struct optimiser *optimiser)
{
    if (!optimiser)
        return;
    memory_free(optimiser->offset);
    memory_free(optimiser->m);
    memory_free(optimiser->v);
    memory_free(optimiser->ema);
    memory_free(optimiser->chunks);
    memory_free(optimiser->partial);
    memory_free(optimiser);
}

/* ---- a step ---- */

struct step {
    struct optimiser *optimiser;
    const struct tensor *gradients;
    double rate;                     /* before the parameter's own factor */
    double scale;                    /* of the gradients, by clipping */
    double correction1, correction2; /* 1 - beta^steps */
    double ema_decay;
};

static bool is_trained(const struct step *s, int param)
{
    const unsigned flags = params_spec(s->optimiser->params, param)->flags;
    return s->gradients[param].data && !(flags & (PARAM_BUFFER | PARAM_FROZEN));
}

static void sum_squares(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct step *s = context;
    const struct chunk c = s->optimiser->chunks[job];
    double sum = 0;
    if (is_trained(s, c.param)) {
        const float *g = tensor_f32(&s->gradients[c.param]);
        for (int64_t i = c.begin; i < c.end; i++)
            sum += (double)g[i] * (double)g[i];
    }
    s->optimiser->partial[job] = sum;
}

/* The squares of floats cannot overflow a double, so a sum that is not finite comes from a gradient
 * that is not. */
static ana_status gradient_norm(const struct step *s, struct pool *pool, double *out,
                                ana_error *err)
{
    const struct optimiser *o = s->optimiser;
    struct step context = *s;
    parallel_for(pool, o->n_chunks, sum_squares, &context);
    double sum = 0;
    for (int64_t i = 0; i < o->n_chunks; i++) {
        if (!isfinite(o->partial[i]))
            return ana_fail(err, ANA_ERR_ARGUMENT, "the gradient of %s is not finite",
                            params_spec(o->params, o->chunks[i].param)->name);
        sum += o->partial[i];
    }
    *out = sqrt(sum);
    return ANA_OK;
}

static void adamw_chunk(const struct step *s, struct chunk c, double rate, double keep)
{
    const struct optimiser *o = s->optimiser;
    const struct tensor value = params_value(o->params, c.param);
    const float *restrict g = tensor_f32(&s->gradients[c.param]);
    float *restrict p = tensor_f32(&value);
    float *restrict m = o->m + o->offset[c.param], *restrict v = o->v + o->offset[c.param];
    const float b1 = (float)o->options.beta1, b2 = (float)o->options.beta2;
    const float a1 = (float)(1 - o->options.beta1), a2 = (float)(1 - o->options.beta2);
    const float scale = (float)s->scale, kept = (float)keep;
    const float size = (float)(rate / s->correction1);
    const float root = (float)(1 / sqrt(s->correction2)), epsilon = (float)o->options.epsilon;
    for (int64_t i = c.begin; i < c.end; i++) {
        const float gi = g[i] * scale;
        m[i] = b1 * m[i] + a1 * gi;
        v[i] = b2 * v[i] + a2 * gi * gi;
        p[i] = p[i] * kept - size * m[i] / (sqrtf(v[i]) * root + epsilon);
    }
}

static void sgd_chunk(const struct step *s, struct chunk c, double rate, double keep)
{
    const struct optimiser *o = s->optimiser;
    const struct tensor value = params_value(o->params, c.param);
    const float *restrict g = tensor_f32(&s->gradients[c.param]);
    float *restrict p = tensor_f32(&value);
    float *restrict m = o->m + o->offset[c.param];
    const float momentum = (float)o->options.momentum, scale = (float)s->scale;
    const float size = (float)rate, kept = (float)keep;
    for (int64_t i = c.begin; i < c.end; i++) {
        m[i] = momentum * m[i] + g[i] * scale;
        p[i] = p[i] * kept - size * m[i];
    }
}

/* Buffers too: running statistics of the averaged weights are nearest to the averaged statistics.
 * Of frozen parameters the value itself stands for the average. */
static bool is_averaged(const struct optimiser *o, int param)
{
    return o->ema && !(params_spec(o->params, param)->flags & PARAM_FROZEN);
}

static void average_chunk(const struct step *s, struct chunk c)
{
    const struct optimiser *o = s->optimiser;
    const struct tensor value = params_value(o->params, c.param);
    const float *restrict p = tensor_f32(&value);
    float *restrict ema = o->ema + o->offset[c.param];
    const float share = (float)(1 - s->ema_decay);
    for (int64_t i = c.begin; i < c.end; i++)
        ema[i] += share * (p[i] - ema[i]);
}

static void step_chunk(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct step *s = context;
    const struct optimiser *o = s->optimiser;
    const struct chunk c = o->chunks[job];
    if (is_trained(s, c.param)) {
        const struct param_spec *spec = params_spec(o->params, c.param);
        const double rate = s->rate * spec->rate;
        const double keep = spec->flags & PARAM_DECAY ? 1 - rate * o->options.weight_decay : 1;
        if (o->options.kind == OPTIMISER_ADAMW)
            adamw_chunk(s, c, rate, keep);
        else
            sgd_chunk(s, c, rate, keep);
    }
    if (is_averaged(o, c.param))
        average_chunk(s, c);
}

ana_status optimiser_step(struct optimiser *optimiser, const struct tensor *gradients,
                          double learning_rate, struct pool *pool, double *norm_out, ana_error *err)
{
    assert(!optimiser->swapped);
    struct step s = {.optimiser = optimiser, .gradients = gradients, .rate = learning_rate};
    double norm = 0;
    const ana_status status = gradient_norm(&s, pool, &norm, err);
    if (status)
        return status;
    const struct optimiser_options *o = &optimiser->options;
    const double n = (double)++optimiser->steps;
    s.scale = o->clip_norm > 0 && norm > o->clip_norm ? o->clip_norm / (norm + 1e-6) : 1;
    s.correction1 = 1 - pow(o->beta1, n);
    s.correction2 = 1 - pow(o->beta2, n);
    s.ema_decay = fmin(o->ema_decay, (1 + n) / (10 + n));
    parallel_for(pool, optimiser->n_chunks, step_chunk, &s);
    params_touch(optimiser->params);
    if (norm_out)
        *norm_out = norm;
    return ANA_OK;
}

int64_t optimiser_steps(const struct optimiser *optimiser)
{
    return optimiser->steps;
}

void optimiser_swap_ema(struct optimiser *optimiser)
{
    if (!optimiser->ema)
        return;
    for (int i = 0; i < params_count(optimiser->params); i++) {
        const struct tensor value = params_value(optimiser->params, i);
        if (!is_averaged(optimiser, i))
            continue;
        float *p = tensor_f32(&value), *ema = optimiser->ema + optimiser->offset[i];
        for (int64_t j = 0; j < tensor_count(&value); j++) {
            const float kept = p[j];
            p[j] = ema[j];
            ema[j] = kept;
        }
    }
    optimiser->swapped = !optimiser->swapped;
    params_touch(optimiser->params);
}

/* ---- state ---- */

static const char step_name[] = "optimiser.step";

struct state_kind {
    const char *prefix;
    float *values; /* NULL: this optimiser has none */
};

enum { STATE_KINDS = 3 };

static void list_state(const struct optimiser *o, struct state_kind out[STATE_KINDS])
{
    out[0] = (struct state_kind){"optimiser.m.", o->m};
    out[1] = (struct state_kind){"optimiser.v.", o->v};
    out[2] = (struct state_kind){"optimiser.ema.", o->ema};
}

static bool has_state(const struct optimiser *o, const struct state_kind *kind, int param)
{
    const bool is_buffer = params_spec(o->params, param)->flags & PARAM_BUFFER;
    return kind->values && (!is_buffer || kind->values == o->ema);
}

static ana_status save_one(const struct optimiser *o, const struct state_kind *kind, int param,
                           struct tensor_sink *sink, ana_error *err)
{
    const struct param_spec *spec = params_spec(o->params, param);
    const struct tensor tensor =
        tensor_view(kind->values + o->offset[param], DTYPE_F32, spec->shape);
    struct text name = {0};
    text_appendf(&name, "%s%s", kind->prefix, spec->name);
    const ana_status status = name.failed ? ana_fail_memory(err, strlen(spec->name))
                                          : sink->ops->put(sink, text_string(&name), &tensor, err);
    text_clear(&name);
    return status;
}

ana_status optimiser_save(const struct optimiser *optimiser, struct tensor_sink *sink,
                          ana_error *err)
{
    if (optimiser->swapped)
        return ana_fail(err, ANA_ERR_INTERNAL, "optimiser saved while averages are in place");
    struct state_kind kinds[STATE_KINDS];
    list_state(optimiser, kinds);
    int64_t steps = optimiser->steps;
    const struct tensor step = tensor_view(&steps, DTYPE_I64, SHAPE(1));
    ana_status status = sink->ops->put(sink, step_name, &step, err);
    for (int k = 0; k < STATE_KINDS; k++)
        for (int i = 0; !status && i < params_count(optimiser->params); i++)
            if (has_state(optimiser, &kinds[k], i))
                status = save_one(optimiser, &kinds[k], i, sink, err);
    return status;
}

static ana_status load_named(float *out, const struct tensor_source *source, const char *name,
                             const struct shape *shape, ana_error *err)
{
    const char *label = source->ops->label(source);
    const int64_t at = source->ops->find(source, name);
    if (at < 0)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %s is missing", label, name);
    const struct tensor stored = source->ops->tensor(source, at);
    if (stored.dtype != DTYPE_F32 || !shape_equal(&stored.shape, shape))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %s has another shape or type", label, name);
    memcpy(out, stored.data, tensor_bytes(&stored));
    for (int64_t i = 0; i < shape_count(shape); i++)
        if (!isfinite(out[i]))
            return ana_fail(err, ANA_ERR_FORMAT, "%s: %s holds a value that is not finite", label,
                            name);
    return ANA_OK;
}

static ana_status load_one(struct optimiser *o, const struct state_kind *kind, int param,
                           const struct tensor_source *source, ana_error *err)
{
    const struct param_spec *spec = params_spec(o->params, param);
    struct text name = {0};
    text_appendf(&name, "%s%s", kind->prefix, spec->name);
    const ana_status status = name.failed ? ana_fail_memory(err, strlen(spec->name))
                                          : load_named(kind->values + o->offset[param], source,
                                                       text_string(&name), &spec->shape, err);
    text_clear(&name);
    return status;
}

static ana_status load_steps(struct optimiser *o, const struct tensor_source *source,
                             ana_error *err)
{
    const int64_t at = source->ops->find(source, step_name);
    const struct tensor stored = at < 0 ? (struct tensor){0} : source->ops->tensor(source, at);
    int64_t steps = -1;
    if (at >= 0 && stored.dtype == DTYPE_I64 && tensor_count(&stored) == 1)
        memcpy(&steps, stored.data, sizeof steps);
    if (steps < 0)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %s is missing or makes no sense",
                        source->ops->label(source), step_name);
    o->steps = steps;
    return ANA_OK;
}

ana_status optimiser_load(struct optimiser *optimiser, const struct tensor_source *source,
                          ana_error *err)
{
    struct state_kind kinds[STATE_KINDS];
    list_state(optimiser, kinds);
    optimiser->swapped = false;
    ana_status status = load_steps(optimiser, source, err);
    for (int k = 0; k < STATE_KINDS; k++)
        for (int i = 0; !status && i < params_count(optimiser->params); i++)
            if (has_state(optimiser, &kinds[k], i))
                status = load_one(optimiser, &kinds[k], i, source, err);
    return status;
}

/* ---- schedule ---- */

double schedule_cosine(int64_t step, int64_t warmup, int64_t total, double peak, double last)
{
    const double pi = 3.14159265358979323846;
    if (step < warmup)
        return peak * (double)(step + 1) / (double)warmup;
    if (step >= total)
        return last;
    const double done = (double)(step - warmup) / (double)(total - warmup);
    return last + (peak - last) * 0.5 * (1 + cos(pi * done));
}
