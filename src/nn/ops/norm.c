/* Batch and group normalisation with FiLM, residual and ReLU in one pass over the data.
 *
 *   xhat = (x - mean) rstd,  z = (1 + g) (gain xhat + bias) + b + residual,  y = act(z)
 *
 * Forward: per-channel sums give mean and rstd, these a scale and a shift per sample and channel,
 * and one pass computes y. With A = sum_p dz and B = sum_p dz xhat per (sample, channel), every
 * gradient follows, where S is the set that shares a mean (a channel of the batch, or a group of
 * channels of one sample), m its size and k = (1 + g) gain:
 *
 *   db = A, dg = gain B + bias A, dbias = sum_n (1 + g) A, dgain = sum_n (1 + g) B
 *   dx = rstd (k dz - sum_S(k A) / m - xhat sum_S(k B) / m)
 *
 * With running statistics the two sums vanish. Per-channel arithmetic is in double. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "gain", .min_rank = 1, .max_rank = 1, .optional = true},
    {.name = "bias", .min_rank = 1, .max_rank = 1, .optional = true},
    {.name = "running mean", .min_rank = 1, .max_rank = 1, .optional = true},
    {.name = "running variance", .min_rank = 1, .max_rank = 1, .optional = true},
    {.name = "film", .min_rank = 2, .max_rank = 2, .optional = true},
    {.name = "residual", .min_rank = 2, .max_rank = TENSOR_MAX_RANK, .optional = true},
};
enum { X, GAIN, BIAS, RUNNING_MEAN, RUNNING_VAR, FILM, RESIDUAL, N_OPERANDS };

/* groups 0: batch statistics. */
static const struct nn_norm_options *options_of(const struct op_call *call)
{
    return call->options;
}

static bool is_batch_norm(const struct op_call *call)
{
    return options_of(call)->groups == 0;
}

static bool uses_running(const struct op_call *call)
{
    return is_batch_norm(call) && !call->training;
}

/* ---- which values share a mean ---- */

/* Set of (sample i, channel j): the channel for batch norm, the sample's group for group norm. */
struct sets {
    int64_t count;       /* sets */
    int64_t per_set;     /* channels of one set */
    int64_t sample_step; /* sets from one sample to the next */
    double size;         /* elements of one set */
};

static struct sets sets_of(const struct shape *shape, int64_t groups)
{
    const struct channels_view v = view_channels(shape);
    if (groups == 0)
        return (struct sets){v.c, 1, 0, (double)v.n * (double)v.p};
    return (struct sets){v.n * groups, v.c / groups, groups, (double)v.p * (double)(v.c / groups)};
}

static inline int64_t set_index(const struct sets *sets, int64_t sample, int64_t channel)
{
    return sample * sets->sample_step + channel / sets->per_set;
}

/* ---- shape rule ---- */

static ana_status check_options(const struct op_shapes *s, const struct nn_norm_options *o,
                                ana_error *err)
{
    const int64_t c = shape_last(s->input[X]);
    if (o->groups < 0 || (o->groups > 0 && c % o->groups != 0))
        return ana_fail(err, ANA_ERR_ARGUMENT, "%lld channels in %lld groups", (long long)c,
                        (long long)o->groups);
    if (!(o->epsilon > 0) || !(o->momentum > 0) || o->momentum > 1)
        return ana_fail(err, ANA_ERR_ARGUMENT, "epsilon %g, momentum %g", o->epsilon, o->momentum);
    if (o->groups == 0 && (!s->input[RUNNING_MEAN] || !s->input[RUNNING_VAR]))
        return ana_fail(err, ANA_ERR_ARGUMENT, "running statistics are missing");
    return ANA_OK;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_norm_options *o = s->options;
    ana_status status = operands_check(s, rules, N_OPERANDS, err);
    if (!status)
        status = check_options(s, o, err);
    if (status)
        return status;
    const int64_t n = s->input[X]->extent[0], c = shape_last(s->input[X]);
    for (int i = GAIN; !status && i <= RUNNING_VAR; i++)
        status = operand_expect(s, rules, i, SHAPE(c), err);
    if (!status)
        status = operand_expect(s, rules, FILM, SHAPE(n, 2 * c), err);
    if (!status)
        status = operand_expect(s, rules, RESIDUAL, *s->input[X], err);
    s->output = *s->input[X];
    const struct sets sets = sets_of(s->input[X], o->groups);
    s->saved_bytes[0] = (size_t)sets.count * sizeof(double); /* mean */
    s->saved_bytes[1] = (size_t)sets.count * sizeof(double); /* rstd */
    return status;
}

/* ---- forward ---- */

/* Offsets of the parts of scratch. */
struct forward_layout {
    size_t sum, sum_square; /* [n, c] double */
    size_t mean, rstd;      /* [sets] double */
    size_t scale, shift;    /* [n, c] */
    size_t total;
};

static struct forward_layout forward_layout(const struct op_call *call)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    const size_t doubles = (size_t)(v.n * v.c) * sizeof(double);
    const size_t per_set = (size_t)sets.count * sizeof(double);
    struct forward_layout l = {0};
    l.sum = scratch_take(&l.total, doubles);
    l.sum_square = scratch_take(&l.total, doubles);
    l.mean = scratch_take(&l.total, per_set);
    l.rstd = scratch_take(&l.total, per_set);
    l.scale = scratch_take(&l.total, doubles);
    l.shift = scratch_take(&l.total, doubles);
    return l;
}

/* mean and the biased variance of every set; the variance lies in rstd for now. */
static void measure(const struct op_call *call, const struct forward_layout *l, double *mean,
                    double *variance)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    double *sum = scratch_at(call, l->sum), *sum_square = scratch_at(call, l->sum_square);
    const struct kernel_env env = call_env(call, l->total);
    call->compute->channel_sums(&env, &(struct channel_sums_args){.dtype = call->dtype,
                                                                  .n = v.n,
                                                                  .p = v.p,
                                                                  .c = v.c,
                                                                  .x = call->input[X].data,
                                                                  .sum = sum,
                                                                  .sum_square = sum_square});
    for (int64_t s = 0; s < sets.count; s++)
        mean[s] = variance[s] = 0;
    for (int64_t i = 0; i < v.n; i++)
        for (int64_t j = 0; j < v.c; j++) {
            mean[set_index(&sets, i, j)] += sum[i * v.c + j];
            variance[set_index(&sets, i, j)] += sum_square[i * v.c + j];
        }
    for (int64_t s = 0; s < sets.count; s++) {
        mean[s] /= sets.size;
        variance[s] = fmax(0, variance[s] / sets.size - mean[s] * mean[s]);
    }
}

/* running = (1 - m) running + m batch, with the unbiased variance. */
static void update_running(const struct op_call *call, const double *mean, const double *variance)
{
    const double m = options_of(call)->momentum;
    const struct sets sets = sets_of(&call->input[X].shape, 0);
    const double unbias = sets.size > 1 ? sets.size / (sets.size - 1) : 1;
    void *running_mean = call->input[RUNNING_MEAN].data;
    void *running_var = call->input[RUNNING_VAR].data;
    for (int64_t j = 0; j < sets.count; j++) {
        real_put(running_mean, call->dtype, j,
                 (1 - m) * real_get(running_mean, call->dtype, j) + m * mean[j]);
        real_put(running_var, call->dtype, j,
                 (1 - m) * real_get(running_var, call->dtype, j) + m * unbias * variance[j]);
    }
}

static void find_statistics(const struct op_call *call, const struct forward_layout *l,
                            double *mean, double *rstd)
{
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    if (uses_running(call)) {
        for (int64_t j = 0; j < sets.count; j++) {
            mean[j] = real_get(call->input[RUNNING_MEAN].data, call->dtype, j);
            rstd[j] = real_get(call->input[RUNNING_VAR].data, call->dtype, j);
        }
    } else {
        measure(call, l, mean, rstd);
        if (is_batch_norm(call))
            update_running(call, mean, rstd);
    }
    for (int64_t s = 0; s < sets.count; s++)
        rstd[s] = 1 / sqrt(rstd[s] + options_of(call)->epsilon);
}

/* The four per-channel numbers of z = (1 + g) (gain xhat + bias) + b. */
struct modulation {
    double gain, bias, one_g, b;
};

static struct modulation modulation_at(const struct op_call *call, int64_t sample, int64_t channel)
{
    const int64_t c = shape_last(&call->input[X].shape);
    struct modulation m = {1, 0, 1, 0};
    if (operand_given(call, GAIN))
        m.gain = real_get(call->input[GAIN].data, call->dtype, channel);
    if (operand_given(call, BIAS))
        m.bias = real_get(call->input[BIAS].data, call->dtype, channel);
    if (operand_given(call, FILM)) {
        m.one_g = 1 + real_get(call->input[FILM].data, call->dtype, sample * 2 * c + channel);
        m.b = real_get(call->input[FILM].data, call->dtype, sample * 2 * c + c + channel);
    }
    return m;
}

static void forward(const struct op_call *call)
{
    const struct forward_layout l = forward_layout(call);
    const struct channels_view v = view_channels(&call->input[X].shape);
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    double *mean = call->wants_gradient ? call->saved[0] : scratch_at(call, l.mean);
    double *rstd = call->wants_gradient ? call->saved[1] : scratch_at(call, l.rstd);
    find_statistics(call, &l, mean, rstd);

    void *scale = scratch_at(call, l.scale), *shift = scratch_at(call, l.shift);
    const bool shared = is_batch_norm(call) && !operand_given(call, FILM);
    for (int64_t i = 0; i < (shared ? 1 : v.n); i++)
        for (int64_t j = 0; j < v.c; j++) {
            const int64_t s = set_index(&sets, i, j);
            const struct modulation m = modulation_at(call, i, j);
            real_put(scale, call->dtype, i * v.c + j, m.one_g * m.gain * rstd[s]);
            real_put(shift, call->dtype, i * v.c + j,
                     m.one_g * (m.bias - m.gain * mean[s] * rstd[s]) + m.b);
        }
    const struct kernel_env env = call_env(call, l.total);
    call->compute->channel_affine(
        &env, &(struct channel_affine_args){.dtype = call->dtype,
                                            .n = v.n,
                                            .p = v.p,
                                            .c = v.c,
                                            .x = call->input[X].data,
                                            .scale = scale,
                                            .shift = shift,
                                            .shared = shared,
                                            .residual = call->input[RESIDUAL].data,
                                            .activation = options_of(call)->activation,
                                            .y = call->output.data});
}

/* ---- backward ---- */

struct backward_layout {
    size_t a, b;       /* [n, c] double: A and B */
    size_t ka, kb;     /* [sets] double: means of k A and k B */
    size_t p0, p1, p2; /* [n, c] */
    size_t sums;       /* [2, c] double: of the gains and biases */
    size_t total;
};

static struct backward_layout backward_layout(const struct op_call *call)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    const size_t doubles = (size_t)(v.n * v.c) * sizeof(double);
    struct backward_layout l = {0};
    l.a = scratch_take(&l.total, doubles);
    l.b = scratch_take(&l.total, doubles);
    l.ka = scratch_take(&l.total, (size_t)sets.count * sizeof(double));
    l.kb = scratch_take(&l.total, (size_t)sets.count * sizeof(double));
    l.p0 = scratch_take(&l.total, doubles);
    l.p1 = scratch_take(&l.total, doubles);
    l.p2 = scratch_take(&l.total, doubles);
    l.sums = scratch_take(&l.total, (size_t)(2 * v.c) * sizeof(double));
    return l;
}

static struct channel_affine_backward_args backward_args(const struct op_call *call)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    return (struct channel_affine_backward_args){.dtype = call->dtype,
                                                 .n = v.n,
                                                 .p = v.p,
                                                 .c = v.c,
                                                 .x = call->input[X].data,
                                                 .y = call->output.data,
                                                 .dy = call->output_gradient.data,
                                                 .activation = options_of(call)->activation};
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    if (is_backward) {
        const struct channel_affine_backward_args args = backward_args(call);
        return backward_layout(call).total +
               call->compute->channel_affine_sums_scratch(&args, n_workers);
    }
    const struct channel_sums_args args = {.dtype = call->dtype, .n = v.n, .p = v.p, .c = v.c};
    return forward_layout(call).total + call->compute->channel_sums_scratch(&args, n_workers);
}

/* A and B of every sample and channel. */
static void sum_gradients(const struct op_call *call, const struct backward_layout *l)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    const double *mean = call->saved[0], *rstd = call->saved[1];
    double *a = scratch_at(call, l->a), *b = scratch_at(call, l->b);
    struct channel_affine_backward_args args = backward_args(call);
    args.sum_dz = a;
    args.sum_dz_x = b;
    const struct kernel_env env = call_env(call, l->total);
    call->compute->channel_affine_sums(&env, &args);
    for (int64_t i = 0; i < v.n; i++)
        for (int64_t j = 0; j < v.c; j++) {
            const int64_t s = set_index(&sets, i, j), at = i * v.c + j;
            b[at] = rstd[s] * (b[at] - mean[s] * a[at]);
        }
}

static void film_gradient(const struct op_call *call, const double *a, const double *b)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    void *dfilm = call->input_gradient[FILM].data;
    const bool accumulate = call->accumulate[FILM];
    for (int64_t i = 0; i < v.n; i++)
        for (int64_t j = 0; j < v.c; j++) {
            const struct modulation m = modulation_at(call, i, j);
            const int64_t at = i * v.c + j, to = i * 2 * v.c + j;
            real_store(dfilm, call->dtype, to, m.gain * b[at] + m.bias * a[at], accumulate);
            real_store(dfilm, call->dtype, to + v.c, a[at], accumulate);
        }
}

static void gain_and_bias_gradients(const struct op_call *call, const struct backward_layout *l)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    const double *a = scratch_at(call, l->a), *b = scratch_at(call, l->b);
    double *gains = scratch_at(call, l->sums), *biases = gains + v.c;
    for (int64_t j = 0; j < v.c; j++)
        gains[j] = biases[j] = 0;
    for (int64_t i = 0; i < v.n; i++)
        for (int64_t j = 0; j < v.c; j++) {
            const struct modulation m = modulation_at(call, i, j);
            gains[j] += m.one_g * b[i * v.c + j];
            biases[j] += m.one_g * a[i * v.c + j];
        }
    for (int64_t j = 0; j < v.c; j++) {
        if (call->input_gradient[GAIN].data)
            real_store(call->input_gradient[GAIN].data, call->dtype, j, gains[j],
                       call->accumulate[GAIN]);
        if (call->input_gradient[BIAS].data)
            real_store(call->input_gradient[BIAS].data, call->dtype, j, biases[j],
                       call->accumulate[BIAS]);
    }
}

/* sum_S(k A) / m and sum_S(k B) / m; zero where the statistics do not depend on x. */
static void set_means(const struct op_call *call, const struct backward_layout *l)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    const double *a = scratch_at(call, l->a), *b = scratch_at(call, l->b);
    double *ka = scratch_at(call, l->ka), *kb = scratch_at(call, l->kb);
    for (int64_t s = 0; s < sets.count; s++)
        ka[s] = kb[s] = 0;
    for (int64_t i = 0; !uses_running(call) && i < v.n; i++)
        for (int64_t j = 0; j < v.c; j++) {
            const struct modulation m = modulation_at(call, i, j);
            const double k = m.one_g * m.gain / sets.size;
            ka[set_index(&sets, i, j)] += k * a[i * v.c + j];
            kb[set_index(&sets, i, j)] += k * b[i * v.c + j];
        }
}

/* dx = p0 dz + p1 x + p2. */
static void fill_coefficients(const struct op_call *call, const struct backward_layout *l)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    const struct sets sets = sets_of(&call->input[X].shape, options_of(call)->groups);
    const double *mean = call->saved[0], *rstd = call->saved[1];
    const double *ka = scratch_at(call, l->ka), *kb = scratch_at(call, l->kb);
    void *p0 = scratch_at(call, l->p0), *p1 = scratch_at(call, l->p1);
    void *p2 = scratch_at(call, l->p2);
    for (int64_t i = 0; i < v.n; i++)
        for (int64_t j = 0; j < v.c; j++) {
            const int64_t s = set_index(&sets, i, j), at = i * v.c + j;
            const struct modulation m = modulation_at(call, i, j);
            real_put(p0, call->dtype, at, m.one_g * m.gain * rstd[s]);
            real_put(p1, call->dtype, at, -rstd[s] * rstd[s] * kb[s]);
            real_put(p2, call->dtype, at, rstd[s] * (rstd[s] * mean[s] * kb[s] - ka[s]));
        }
}

/* dresidual = dz alone, as the affine pass of p0 = 1, p1 = p2 = 0. */
static void residual_gradient(const struct op_call *call, const struct backward_layout *l)
{
    const struct channels_view v = view_channels(&call->input[X].shape);
    struct channel_affine_backward_args args = backward_args(call);
    void *one = scratch_at(call, l->p0), *zero = scratch_at(call, l->p1);
    for (int64_t i = 0; i < v.n * v.c; i++) {
        real_put(one, call->dtype, i, 1);
        real_put(zero, call->dtype, i, 0);
    }
    args.p0 = one;
    args.p1 = args.p2 = zero;
    args.dx = call->input_gradient[RESIDUAL].data;
    args.accumulate = call->accumulate[RESIDUAL];
    const struct kernel_env env = call_env(call, l->total);
    call->compute->channel_affine_backward(&env, &args);
}

static void backward(const struct op_call *call)
{
    const struct backward_layout l = backward_layout(call);
    void *dx = call->input_gradient[X].data, *dresidual = call->input_gradient[RESIDUAL].data;
    sum_gradients(call, &l);
    if (call->input_gradient[FILM].data)
        film_gradient(call, scratch_at(call, l.a), scratch_at(call, l.b));
    if (call->input_gradient[GAIN].data || call->input_gradient[BIAS].data)
        gain_and_bias_gradients(call, &l);

    /* One pass writes both, unless x is its own residual: they are the same buffer then. */
    const bool together = dx && dresidual && dx != dresidual;
    if (dx) {
        set_means(call, &l);
        fill_coefficients(call, &l);
        struct channel_affine_backward_args args = backward_args(call);
        args.p0 = scratch_at(call, l.p0);
        args.p1 = scratch_at(call, l.p1);
        args.p2 = scratch_at(call, l.p2);
        args.dx = dx;
        args.accumulate = call->accumulate[X];
        args.dresidual = together ? dresidual : NULL;
        args.accumulate_residual = call->accumulate[RESIDUAL];
        const struct kernel_env env = call_env(call, l.total);
        call->compute->channel_affine_backward(&env, &args);
    }
    if (dresidual && !together)
        residual_gradient(call, &l);
}

const struct nn_op nn_op_batch_norm = {.name = "batch_norm",
                                       .fast = true,
                                       .accumulates = true,
                                       .reads = 1U << X | 1U << GAIN | 1U << BIAS | 1U << FILM |
                                                OP_READS_OUTPUT,
                                       .no_gradient = 1U << RUNNING_MEAN | 1U << RUNNING_VAR,
                                       .writes = 1U << RUNNING_MEAN | 1U << RUNNING_VAR,
                                       .infer = infer,
                                       .scratch = scratch,
                                       .forward = forward,
                                       .backward = backward};

const struct nn_op nn_op_group_norm = {.name = "group_norm",
                                       .fast = true,
                                       .accumulates = true,
                                       .reads = 1U << X | 1U << GAIN | 1U << BIAS | 1U << FILM |
                                                OP_READS_OUTPUT,
                                       .no_gradient = 1U << RUNNING_MEAN | 1U << RUNNING_VAR,
                                       .infer = infer,
                                       .scratch = scratch,
                                       .forward = forward,
                                       .backward = backward};

static value add_norm(struct graph *graph, const struct nn_op *op, const char *name,
                      const struct nn_norm_inputs *in, struct nn_norm_options o)
{
    const value operands[N_OPERANDS] = {[X] = in->x,
                                        [GAIN] = in->gain,
                                        [BIAS] = in->bias,
                                        [RUNNING_MEAN] = in->running_mean,
                                        [RUNNING_VAR] = in->running_var,
                                        [FILM] = in->film,
                                        [RESIDUAL] = in->residual};
    const enum activation wanted = o.activation;
    const bool fused = wanted == ACTIVATION_NONE || wanted == ACTIVATION_RELU;
    if (!fused)
        o.activation = ACTIVATION_NONE;
    o.epsilon = o.epsilon == 0 ? 1e-5 : o.epsilon;
    o.momentum = o.momentum == 0 ? 0.1 : o.momentum;
    struct fused_name before;
    const value v = graph_add(graph, op, name_before_activation(&before, name, fused), operands,
                              N_OPERANDS, &o, sizeof o);
    return activation_after(graph, name, v, wanted, fused);
}

value nn_batch_norm(struct graph *graph, const char *name, struct nn_norm_inputs inputs,
                    const struct nn_norm_options *options)
{
    struct nn_norm_options o = options ? *options : (struct nn_norm_options){0};
    o.groups = 0;
    return add_norm(graph, &nn_op_batch_norm, name, &inputs, o);
}

value nn_group_norm(struct graph *graph, const char *name, struct nn_norm_inputs inputs,
                    const struct nn_norm_options *options)
{
    const struct nn_norm_options o = options ? *options : (struct nn_norm_options){0};
    if (o.groups < 1)
        graph_fail(graph, "%s (group_norm): %lld groups", name ? name : "", (long long)o.groups);
    inputs.running_mean = inputs.running_var = NO_VALUE;
    return add_norm(graph, &nn_op_group_norm, name, &inputs, o);
}
