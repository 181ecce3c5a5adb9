/* Losses of masks and classes, one number per sample, and their weighted sum.
 *
 * Masks: with s = sigmoid(x) over the m elements of one sample
 *
 *   bce  = mean( max(x, 0) - x t - log(max(s, 1 - s)) )      since log(1 + e^-|x|) = -log s(|x|)
 *   dice = 1 - (2 sum s t + smooth) / (sum s + sum t + smooth)
 *
 * The logarithms are taken of products of 32 factors in [1/2, 1], one call for 32 elements. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <math.h>

static const struct operand_rule mask_rules[] = {
    {.name = "logits", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "target", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
};
enum { LOGITS, TARGET };

struct mask_options {
    double smooth, bce_weight, dice_weight;
};

/* What the gradient needs of a sample besides s. */
struct mask_sums {
    double bce, st, s, t;
};

static ana_status infer_mask(struct op_shapes *s, ana_error *err)
{
    const struct mask_options *o = s->options;
    ana_status status = operands_check(s, mask_rules, 2, err);
    if (!status)
        status = operand_expect(s, mask_rules, TARGET, *s->input[LOGITS], err);
    if (!status && !(o->smooth >= 0))
        status = ana_fail(err, ANA_ERR_ARGUMENT, "smooth is %g", o->smooth);
    if (status)
        return status;
    s->output = SHAPE(s->input[LOGITS]->extent[0]);
    s->saved_bytes[0] = (size_t)shape_count(s->input[LOGITS]) * dtype_size(s->dtype); /* s */
    s->saved_bytes[1] = (size_t)s->output.extent[0] * sizeof(struct mask_sums);
    return ANA_OK;
}

static int64_t sample_size(const struct op_call *call)
{
    return tensor_count(&call->input[LOGITS]) / call->input[LOGITS].shape.extent[0];
}

/* A job is one chunk of one sample. */
struct mask_job {
    const struct op_call *call;
    const void *s;
    struct mask_sums *partial; /* [samples, chunks] */
    int64_t chunks;
};

static size_t mask_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    (void)n_workers;
    size_t total = 0;
    if (is_backward)
        return 0;
    const int64_t samples = call->output.shape.extent[0];
    scratch_take(&total,
                 (size_t)(samples * chunks_of(sample_size(call))) * sizeof(struct mask_sums));
    scratch_take(&total, (size_t)samples * sizeof(struct mask_sums));
    scratch_take(&total, tensor_bytes(&call->input[LOGITS]));
    return total;
}

static ALWAYS_INLINE struct mask_sums sum_mask(const void *x, const void *t, const void *s,
                                               int64_t begin, int64_t end, enum dtype dtype)
{
    enum { FACTORS = 32 };
    struct mask_sums sums = {0};
    double logs = 0;
    for (int64_t block = begin; block < end; block += FACTORS) {
        const int64_t stop = block + FACTORS < end ? block + FACTORS : end;
        double product = 1;
        for (int64_t i = block; i < stop; i++) {
            const double xi = real_get(x, dtype, i), ti = real_get(t, dtype, i);
            const double si = real_get(s, dtype, i);
            sums.bce += (xi > 0 ? xi : 0) - xi * ti;
            product *= si > 0.5 ? si : 1 - si;
            sums.st += si * ti;
            sums.s += si;
            sums.t += ti;
        }
        logs += log(product);
    }
    sums.bce -= logs;
    return sums;
}

static void sum_mask_chunk(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct mask_job *m = context;
    const int64_t size = sample_size(m->call), chunk = job % m->chunks;
    const int64_t base = job / m->chunks * size;
    const int64_t begin = base + chunk * OPS_CHUNK, end = base + chunk_end(chunk, size);
    const void *x = m->call->input[LOGITS].data, *t = m->call->input[TARGET].data;
    m->partial[job] = m->call->dtype == DTYPE_F64 ? sum_mask(x, t, m->s, begin, end, DTYPE_F64)
                                                  : sum_mask(x, t, m->s, begin, end, DTYPE_F32);
}

static void finish_sample(const struct op_call *call, const struct mask_job *m, int64_t sample,
                          struct mask_sums *total)
{
    const struct mask_options *o = call->options;
    *total = (struct mask_sums){0};
    for (int64_t chunk = 0; chunk < m->chunks; chunk++) {
        const struct mask_sums *part = &m->partial[sample * m->chunks + chunk];
        total->bce += part->bce;
        total->st += part->st;
        total->s += part->s;
        total->t += part->t;
    }
    const double divisor = total->s + total->t + o->smooth;
    const double dice = divisor > 0 ? 1 - (2 * total->st + o->smooth) / divisor : 0;
    real_put(call->output.data, call->dtype, sample,
             o->bce_weight * total->bce / (double)sample_size(call) + o->dice_weight * dice);
}

static void mask_forward(const struct op_call *call)
{
    const int64_t samples = call->output.shape.extent[0], chunks = chunks_of(sample_size(call));
    size_t used = 0;
    struct mask_sums *partial =
        scratch_at(call, scratch_take(&used, (size_t)(samples * chunks) * sizeof *partial));
    struct mask_sums *totals =
        scratch_at(call, scratch_take(&used, (size_t)samples * sizeof *totals));
    void *s = scratch_at(call, used);
    if (call->wants_gradient) {
        s = call->saved[0];
        totals = call->saved[1];
    }
    const struct kernel_env env = call_env(call, used);
    call->compute->activate(&env,
                            &(struct activation_args){.dtype = call->dtype,
                                                      .count = tensor_count(&call->input[LOGITS]),
                                                      .activation = ACTIVATION_SIGMOID,
                                                      .x = call->input[LOGITS].data,
                                                      .y = s});
    struct mask_job m = {call, s, partial, chunks};
    parallel_for(call->pool, samples * chunks, sum_mask_chunk, &m);
    for (int64_t sample = 0; sample < samples; sample++)
        finish_sample(call, &m, sample, &totals[sample]);
}

/* dx = dy (bce_weight (s - t) / m + dice_weight s (1 - s) (N - 2 t D) / D^2) with the dice loss
 * written 1 - N / D. */
static ALWAYS_INLINE void mask_gradient(const struct op_call *call, int64_t sample, int64_t begin,
                                        int64_t end, enum dtype dtype)
{
    const struct mask_options *o = call->options;
    const struct mask_sums *sums = (const struct mask_sums *)call->saved[1] + sample;
    const double dy = real_get(call->output_gradient.data, dtype, sample);
    const double bce = dy * o->bce_weight / (double)sample_size(call);
    const double d = sums->s + sums->t + o->smooth, n = 2 * sums->st + o->smooth;
    const double dice = d > 0 ? dy * o->dice_weight / (d * d) : 0;
    const void *t = call->input[TARGET].data, *s = call->saved[0];
    void *dx = call->input_gradient[LOGITS].data;
    const bool accumulate = call->accumulate[LOGITS];
    for (int64_t i = begin; i < end; i++) {
        const double si = real_get(s, dtype, i), ti = real_get(t, dtype, i);
        real_store(dx, dtype, i, bce * (si - ti) + dice * si * (1 - si) * (n - 2 * ti * d),
                   accumulate);
    }
}

static void mask_gradient_chunk(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t size = sample_size(call), chunks = chunks_of(size);
    const int64_t sample = job / chunks, chunk = job % chunks;
    const int64_t begin = sample * size + chunk * OPS_CHUNK;
    const int64_t end = sample * size + chunk_end(chunk, size);
    if (call->dtype == DTYPE_F64)
        mask_gradient(call, sample, begin, end, DTYPE_F64);
    else
        mask_gradient(call, sample, begin, end, DTYPE_F32);
}

static void mask_backward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, call->output.shape.extent[0] * chunks_of(sample_size(call)),
                 mask_gradient_chunk, &context);
}

const struct nn_op nn_op_mask_loss = {.name = "mask_loss",
                                      .accumulates = true,
                                      .reads = 1U << TARGET,
                                      .no_gradient = 1U << TARGET,
                                      .infer = infer_mask,
                                      .scratch = mask_scratch,
                                      .forward = mask_forward,
                                      .backward = mask_backward};

value nn_bce_dice(struct graph *graph, const char *name, value logits, value target, double smooth,
                  double bce_weight, double dice_weight)
{
    const struct mask_options o = {smooth, bce_weight, dice_weight};
    return graph_add(graph, &nn_op_mask_loss, name, (value[]){logits, target}, 2, &o, sizeof o);
}

value nn_bce_logits(struct graph *graph, const char *name, value logits, value target)
{
    return nn_bce_dice(graph, name, logits, target, 1, 1, 0);
}

value nn_soft_dice(struct graph *graph, const char *name, value logits, value target, double smooth)
{
    return nn_bce_dice(graph, name, logits, target, smooth, 0, 1);
}

/* ---- cross entropy: log sum_k exp(x_k) - x_target; 0 where the target is -1 ---- */

static const struct operand_rule class_rules[] = {
    {.name = "logits", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "target", .min_rank = 1, .max_rank = TENSOR_MAX_RANK, .kind = OPERAND_INDEX},
};

static ana_status infer_class(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, class_rules, 2, err);
    if (status)
        return status;
    s->output = *s->input[LOGITS];
    s->output.extent[--s->output.rank] = 0;
    return operand_expect(s, class_rules, TARGET, s->output, err);
}

static double log_sum_exp(const struct op_call *call, int64_t row)
{
    const int64_t k = shape_last(&call->input[LOGITS].shape);
    return real_log_sum_exp(call->input[LOGITS].data, call->dtype, row * k, k);
}

static void class_forward_row(const struct op_call *call, int64_t row)
{
    const int64_t k = shape_last(&call->input[LOGITS].shape);
    const int32_t target = tensor_i32(&call->input[TARGET])[row];
    const double loss = target < 0
                            ? 0
                            : log_sum_exp(call, row) -
                                  real_get(call->input[LOGITS].data, call->dtype, row * k + target);
    real_put(call->output.data, call->dtype, row, loss);
}

static void class_backward_row(const struct op_call *call, int64_t row)
{
    const int64_t k = shape_last(&call->input[LOGITS].shape);
    const int32_t target = tensor_i32(&call->input[TARGET])[row];
    const double all = log_sum_exp(call, row);
    const double dy = target < 0 ? 0 : real_get(call->output_gradient.data, call->dtype, row);
    for (int64_t j = 0; j < k; j++) {
        const double p = exp(real_get(call->input[LOGITS].data, call->dtype, row * k + j) - all);
        real_store(call->input_gradient[LOGITS].data, call->dtype, row * k + j,
                   dy * (p - (j == target)), call->accumulate[LOGITS]);
    }
}

/* A job is as many rows as make a chunk of logits. */
static int64_t rows_of_chunk(const struct op_call *call)
{
    const int64_t rows = OPS_CHUNK / shape_last(&call->input[LOGITS].shape);
    return rows > 1 ? rows : 1;
}

struct class_job {
    const struct op_call *call;
    void (*row)(const struct op_call *call, int64_t row);
};

static void class_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct class_job *job = context;
    const int64_t n = rows_of_chunk(job->call), all = tensor_count(&job->call->input[TARGET]);
    for (int64_t row = chunk * n; row < (chunk + 1) * n && row < all; row++)
        job->row(job->call, row);
}

static void run_class(const struct op_call *call,
                      void (*row)(const struct op_call *call, int64_t row))
{
    struct class_job job = {call, row};
    const int64_t n = rows_of_chunk(call), all = tensor_count(&call->input[TARGET]);
    parallel_for(call->pool, (all + n - 1) / n, class_chunk, &job);
}

static void class_forward(const struct op_call *call)
{
    run_class(call, class_forward_row);
}

static void class_backward(const struct op_call *call)
{
    run_class(call, class_backward_row);
}

const struct nn_op nn_op_cross_entropy = {.name = "cross_entropy",
                                          .accumulates = true,
                                          .reads = 1U << LOGITS | 1U << TARGET,
                                          .no_gradient = 1U << TARGET,
                                          .infer = infer_class,
                                          .forward = class_forward,
                                          .backward = class_backward};

value nn_cross_entropy(struct graph *graph, const char *name, value logits, value target)
{
    return graph_add(graph, &nn_op_cross_entropy, name, (value[]){logits, target}, 2, NULL, 0);
}

/* ---- weighted sum ---- */

static const struct operand_rule sum_rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = 1},
    {.name = "weight", .min_rank = 1, .max_rank = 1},
};

static ana_status infer_sum(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, sum_rules, 2, err);
    if (!status)
        status = operand_expect(s, sum_rules, 1, *s->input[0], err);
    if (!status)
        s->output = SHAPE(1);
    return status;
}

static void sum_forward(const struct op_call *call)
{
    double sum = 0;
    for (int64_t i = 0; i < call->input[0].shape.extent[0]; i++)
        sum += real_get(call->input[0].data, call->dtype, i) *
               real_get(call->input[1].data, call->dtype, i);
    real_put(call->output.data, call->dtype, 0, sum);
}

static void sum_backward(const struct op_call *call)
{
    call_scale(call, call->input_gradient[0].data, call->input[1].data,
               real_get(call->output_gradient.data, call->dtype, 0), call->input[1].shape.extent[0],
               call->accumulate[0]);
}

const struct nn_op nn_op_weighted_sum = {.name = "weighted_sum",
                                         .accumulates = true,
                                         .reads = 1U << 1,
                                         .no_gradient = 1U << 1,
                                         .infer = infer_sum,
                                         .forward = sum_forward,
                                         .backward = sum_backward};

value nn_weighted_sum(struct graph *graph, const char *name, value x, value weight)
{
    return graph_add(graph, &nn_op_weighted_sum, name, (value[]){x, weight}, 2, NULL, 0);
}
