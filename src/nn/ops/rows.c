/* Row-wise operators over the last axis: layer norm, softmax and its logarithm, l2 normalisation.
 */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <math.h>

enum { X, GAIN, BIAS };

/* ---- layer norm ---- */

static const struct operand_rule norm_rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
    {.name = "gain", .min_rank = 1, .max_rank = 1, .optional = true},
    {.name = "bias", .min_rank = 1, .max_rank = 1, .optional = true},
};

struct row_options {
    double epsilon;
};

static ana_status infer_layer_norm(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, norm_rules, 3, err);
    if (status)
        return status;
    const struct shape c = SHAPE(shape_last(s->input[X]));
    status = operand_expect(s, norm_rules, GAIN, c, err);
    if (!status)
        status = operand_expect(s, norm_rules, BIAS, c, err);
    if (!status && !(((const struct row_options *)s->options)->epsilon > 0))
        status = ana_fail(err, ANA_ERR_ARGUMENT, "epsilon must be above zero");
    s->output = *s->input[X];
    s->saved_bytes[0] = (size_t)shape_rows(s->input[X]) * sizeof(double); /* mean */
    s->saved_bytes[1] = s->saved_bytes[0];                                /* rstd */
    return status;
}

static struct row_norm_args row_args(const struct op_call *call)
{
    const struct row_options *o = call->options;
    return (struct row_norm_args){.dtype = call->dtype,
                                  .rows = shape_rows(&call->input[X].shape),
                                  .c = shape_last(&call->input[X].shape),
                                  .epsilon = o->epsilon,
                                  .x = call->input[X].data,
                                  .gain = call->input[GAIN].data,
                                  .bias = call->input[BIAS].data,
                                  .y = call->output.data};
}

static size_t layer_norm_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    (void)n_workers;
    size_t total = 0;
    if (!is_backward) {
        const size_t bytes = (size_t)shape_rows(&call->input[X].shape) * sizeof(double);
        scratch_take(&total, bytes);
        scratch_take(&total, bytes);
    }
    return total;
}

static void layer_norm_forward(const struct op_call *call)
{
    struct row_norm_args args = row_args(call);
    const size_t bytes = (size_t)args.rows * sizeof(double);
    size_t used = 0;
    args.mean = scratch_at(call, scratch_take(&used, bytes));
    args.rstd = scratch_at(call, scratch_take(&used, bytes));
    if (call->wants_gradient) {
        args.mean = call->saved[0];
        args.rstd = call->saved[1];
    }
    const struct kernel_env env = call_env(call, used);
    call->compute->row_norm(&env, &args);
}

static void layer_norm_backward(const struct op_call *call)
{
    struct row_norm_args args = row_args(call);
    args.mean = call->saved[0];
    args.rstd = call->saved[1];
    args.dy = call->output_gradient.data;
    args.dx = call->input_gradient[X].data;
    args.dgain = call->input_gradient[GAIN].data;
    args.dbias = call->input_gradient[BIAS].data;
    const struct kernel_env env = call_env(call, 0);
    call->compute->row_norm_backward(&env, &args);
}

const struct nn_op nn_op_layer_norm = {.name = "layer_norm",
                                       .fast = true,
                                       .reads = 1U << X | 1U << GAIN,
                                       .infer = infer_layer_norm,
                                       .scratch = layer_norm_scratch,
                                       .forward = layer_norm_forward,
                                       .backward = layer_norm_backward};

value nn_layer_norm(struct graph *graph, const char *name, value x, value gain, value bias,
                    double epsilon)
{
    const struct row_options o = {epsilon};
    return graph_add(graph, &nn_op_layer_norm, name, (value[]){x, gain, bias}, 3, &o, sizeof o);
}

/* ---- softmax ---- */

static const struct operand_rule row_rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
};

static ana_status infer_same(struct op_shapes *s, ana_error *err)
{
    const ana_status status = operands_check(s, row_rules, 1, err);
    if (!status)
        s->output = *s->input[X];
    return status;
}

static struct softmax_args softmax_args(const struct op_call *call)
{
    return (struct softmax_args){.dtype = call->dtype,
                                 .rows = shape_rows(&call->output.shape),
                                 .c = shape_last(&call->output.shape),
                                 .x = call->input[X].data,
                                 .y = call->output.data};
}

static void softmax_forward(const struct op_call *call)
{
    const struct softmax_args args = softmax_args(call);
    const struct kernel_env env = call_env(call, 0);
    call->compute->softmax(&env, &args);
}

static void softmax_backward(const struct op_call *call)
{
    struct softmax_args args = softmax_args(call);
    args.dy = call->output_gradient.data;
    args.dx = call->input_gradient[X].data;
    const struct kernel_env env = call_env(call, 0);
    call->compute->softmax_backward(&env, &args);
}

const struct nn_op nn_op_softmax = {.name = "softmax",
                                    .fast = true,
                                    .reads = OP_READS_OUTPUT,
                                    .infer = infer_same,
                                    .forward = softmax_forward,
                                    .backward = softmax_backward};

value nn_softmax(struct graph *graph, const char *name, value x)
{
    return graph_add(graph, &nn_op_softmax, name, &x, 1, NULL, 0);
}

/* ---- log softmax: y = x - ln sum exp x, dx = dy - exp(y) sum dy ---- */

static void log_softmax_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t c = shape_last(&call->output.shape), at = row * c;
    const void *x = call->input[X].data;
    const double all = real_log_sum_exp(x, call->dtype, at, c);
    for (int64_t j = 0; j < c; j++)
        real_put(call->output.data, call->dtype, at + j, real_get(x, call->dtype, at + j) - all);
}

static void log_softmax_forward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, shape_rows(&call->output.shape), log_softmax_row, &context);
}

static void log_softmax_back_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t c = shape_last(&call->output.shape), at = row * c;
    const void *dy = call->output_gradient.data;
    double sum = 0;
    for (int64_t j = 0; j < c; j++)
        sum += real_get(dy, call->dtype, at + j);
    for (int64_t j = 0; j < c; j++)
        real_store(call->input_gradient[X].data, call->dtype, at + j,
                   real_get(dy, call->dtype, at + j) -
                       sum * exp(real_get(call->output.data, call->dtype, at + j)),
                   call->accumulate[X]);
}

static void log_softmax_backward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, shape_rows(&call->output.shape), log_softmax_back_row, &context);
}

const struct nn_op nn_op_log_softmax = {.name = "log_softmax",
                                        .accumulates = true,
                                        .reads = OP_READS_OUTPUT,
                                        .infer = infer_same,
                                        .forward = log_softmax_forward,
                                        .backward = log_softmax_backward};

value nn_log_softmax(struct graph *graph, const char *name, value x)
{
    return graph_add(graph, &nn_op_log_softmax, name, &x, 1, NULL, 0);
}

/* ---- l2 normalisation: y = x / r, r = max(||x||, epsilon) ---- */

static ana_status infer_l2(struct op_shapes *s, ana_error *err)
{
    if (!(((const struct row_options *)s->options)->epsilon > 0))
        return ana_fail(err, ANA_ERR_ARGUMENT, "epsilon must be above zero");
    return infer_same(s, err);
}

static ALWAYS_INLINE double row_dot(const void *a, const void *b, int64_t at, int64_t c,
                                    enum dtype dtype)
{
    double sum = 0;
    for (int64_t j = 0; j < c; j++)
        sum += real_get(a, dtype, at + j) * real_get(b, dtype, at + j);
    return sum;
}

static void l2_forward_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t c = shape_last(&call->output.shape), at = row * c;
    const double epsilon = ((const struct row_options *)call->options)->epsilon;
    const void *x = call->input[X].data;
    const double scale = 1 / fmax(sqrt(row_dot(x, x, at, c, call->dtype)), epsilon);
    for (int64_t j = 0; j < c; j++)
        real_put(call->output.data, call->dtype, at + j, scale * real_get(x, call->dtype, at + j));
}

static void l2_forward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, shape_rows(&call->output.shape), l2_forward_row, &context);
}

/* dx = (dy - y (y . dy)) / r; without the second term where epsilon holds. */
static void l2_backward_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t c = shape_last(&call->output.shape), at = row * c;
    const double epsilon = ((const struct row_options *)call->options)->epsilon;
    const enum dtype t = call->dtype;
    const void *x = call->input[X].data, *dy = call->output_gradient.data;
    const double norm = sqrt(row_dot(x, x, at, c, t)), r = fmax(norm, epsilon);
    const double along = norm > epsilon ? row_dot(x, dy, at, c, t) / (r * r) : 0;
    for (int64_t j = 0; j < c; j++)
        real_store(call->input_gradient[X].data, t, at + j,
                   (real_get(dy, t, at + j) - along * real_get(x, t, at + j)) / r,
                   call->accumulate[X]);
}

static void l2_backward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, shape_rows(&call->output.shape), l2_backward_row, &context);
}

const struct nn_op nn_op_l2_normalise = {.name = "l2_normalise",
                                         .accumulates = true,
                                         .reads = 1U << X,
                                         .infer = infer_l2,
                                         .forward = l2_forward,
                                         .backward = l2_backward};

value nn_l2_normalise(struct graph *graph, const char *name, value x, double epsilon)
{
    const struct row_options o = {epsilon};
    return graph_add(graph, &nn_op_l2_normalise, name, &x, 1, &o, sizeof o);
}
