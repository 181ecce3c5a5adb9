/* act(x w^T + bias) on rows. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
    {.name = "w", .min_rank = 2, .max_rank = 2},
    {.name = "bias", .min_rank = 1, .max_rank = 1, .optional = true},
};
enum { X, W, BIAS };

struct linear_options {
    enum activation activation;
};

static enum activation activation_of(const struct op_call *call)
{
    return ((const struct linear_options *)call->options)->activation;
}

/* Activations whose derivative cannot be told from the result: their argument is saved. */
static bool saves_argument(enum activation activation)
{
    return activation != ACTIVATION_NONE && activation != ACTIVATION_RELU;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, rules, 3, err);
    if (status)
        return status;
    const int64_t out = s->input[W]->extent[0], in = s->input[W]->extent[1];
    if (shape_last(s->input[X]) != in)
        return ana_fail(err, ANA_ERR_ARGUMENT, "w takes %lld features, x has %lld", (long long)in,
                        (long long)shape_last(s->input[X]));
    status = operand_expect(s, rules, BIAS, SHAPE(out), err);
    if (status)
        return status;
    s->output = *s->input[X];
    s->output.extent[s->output.rank - 1] = out;
    const struct linear_options *o = s->options;
    if (saves_argument(o->activation) && !shape_size(&s->saved_bytes[0], &s->output, s->dtype))
        return ana_fail(err, ANA_ERR_LIMIT, "result too large");
    return ANA_OK;
}

/* [rows, in] [in, out], w read transposed. */
static struct gemm_args forward_gemm(const struct op_call *call)
{
    const int64_t out = call->input[W].shape.extent[0], in = call->input[W].shape.extent[1];
    return (struct gemm_args){.dtype = call->dtype,
                              .batch = 1,
                              .m = shape_rows(&call->input[X].shape),
                              .n = out,
                              .k = in,
                              .a = call->input[X].data,
                              .a_row = in,
                              .a_column = 1,
                              .b = call->input[W].data,
                              .b_row = 1,
                              .b_column = in,
                              .c_row = out};
}

/* dx = dz w. */
static struct gemm_args input_gemm(const struct op_call *call, const void *dz)
{
    const int64_t out = call->input[W].shape.extent[0], in = call->input[W].shape.extent[1];
    return (struct gemm_args){.dtype = call->dtype,
                              .batch = 1,
                              .m = shape_rows(&call->input[X].shape),
                              .n = in,
                              .k = out,
                              .a = dz,
                              .a_row = out,
                              .a_column = 1,
                              .b = call->input[W].data,
                              .b_row = in,
                              .b_column = 1,
                              .c = call->input_gradient[X].data,
                              .c_row = in,
                              .accumulate = call->accumulate[X]};
}

/* dw = dz^T x. */
static struct gemm_args weight_gemm(const struct op_call *call, const void *dz)
{
    const int64_t out = call->input[W].shape.extent[0], in = call->input[W].shape.extent[1];
    return (struct gemm_args){.dtype = call->dtype,
                              .batch = 1,
                              .m = out,
                              .n = in,
                              .k = shape_rows(&call->input[X].shape),
                              .a = dz,
                              .a_row = 1,
                              .a_column = out,
                              .b = call->input[X].data,
                              .b_row = in,
                              .b_column = 1,
                              .c = call->input_gradient[W].data,
                              .c_row = in,
                              .accumulate = call->accumulate[W]};
}

static struct channel_sums_args bias_sums(const struct op_call *call, const void *dz, double *sum)
{
    return (struct channel_sums_args){.dtype = call->dtype,
                                      .n = 1,
                                      .p = shape_rows(&call->output.shape),
                                      .c = shape_last(&call->output.shape),
                                      .x = dz,
                                      .sum = sum};
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    const struct compute *compute = call->compute;
    struct gemm_args gemm = forward_gemm(call);
    if (!is_backward)
        return compute->gemm_scratch(&gemm, n_workers);
    size_t total = 0;
    if (activation_of(call) != ACTIVATION_NONE)
        scratch_take(&total, tensor_bytes(&call->output));
    scratch_take(&total, (size_t)shape_last(&call->output.shape) * sizeof(double));
    gemm = input_gemm(call, NULL);
    size_t kernel = compute->gemm_scratch(&gemm, n_workers);
    gemm = weight_gemm(call, NULL);
    kernel = size_larger(kernel, compute->gemm_scratch(&gemm, n_workers));
    const struct channel_sums_args sums = bias_sums(call, NULL, NULL);
    return total + size_larger(kernel, compute->channel_sums_scratch(&sums, n_workers));
}

static void forward(const struct op_call *call)
{
    const struct kernel_env env = call_env(call, 0);
    const enum activation activation = activation_of(call);
    const bool saves = call->wants_gradient && saves_argument(activation);
    struct gemm_args gemm = forward_gemm(call);
    gemm.b_packed = call->packed_forward;
    gemm.bias = call->input[BIAS].data;
    gemm.activation = saves ? ACTIVATION_NONE : activation;
    gemm.c = saves ? call->saved[0] : call->output.data;
    call->compute->gemm(&env, &gemm);
    if (saves)
        call->compute->activate(&env,
                                &(struct activation_args){.dtype = call->dtype,
                                                          .count = tensor_count(&call->output),
                                                          .activation = activation,
                                                          .x = call->saved[0],
                                                          .y = call->output.data});
}

static const void *gradient_before_activation(const struct op_call *call, size_t *used)
{
    const enum activation activation = activation_of(call);
    if (activation == ACTIVATION_NONE)
        return call->output_gradient.data;
    void *dz = scratch_at(call, scratch_take(used, tensor_bytes(&call->output)));
    const struct kernel_env env = call_env(call, *used);
    const void *x = saves_argument(activation) ? call->saved[0] : call->output.data;
    call->compute->activate_backward(&env,
                                     &(struct activation_args){.dtype = call->dtype,
                                                               .count = tensor_count(&call->output),
                                                               .activation = activation,
                                                               .x = x,
                                                               .dy = call->output_gradient.data,
                                                               .dx = dz});
    return dz;
}

static void bias_gradient(const struct op_call *call, const void *dz, size_t used)
{
    const int64_t c = shape_last(&call->output.shape);
    double *sum = scratch_at(call, scratch_take(&used, (size_t)c * sizeof *sum));
    const struct kernel_env env = call_env(call, used);
    const struct channel_sums_args args = bias_sums(call, dz, sum);
    call->compute->channel_sums(&env, &args);
    for (int64_t i = 0; i < c; i++)
        real_store(call->input_gradient[BIAS].data, call->dtype, i, sum[i], call->accumulate[BIAS]);
}

static void backward(const struct op_call *call)
{
    size_t used = 0;
    const void *dz = gradient_before_activation(call, &used);
    const struct kernel_env env = call_env(call, used);
    if (call->input_gradient[X].data) {
        struct gemm_args gemm = input_gemm(call, dz);
        gemm.b_packed = call->packed_backward;
        call->compute->gemm(&env, &gemm);
    }
    if (call->input_gradient[W].data) {
        const struct gemm_args gemm = weight_gemm(call, dz);
        call->compute->gemm(&env, &gemm);
    }
    if (call->input_gradient[BIAS].data)
        bias_gradient(call, dz, used);
}

static struct gemm_args packing(const struct op_call *call, bool is_backward)
{
    return is_backward ? input_gemm(call, NULL) : forward_gemm(call);
}

static size_t packed_bytes(const struct op_call *call, bool is_backward)
{
    const struct gemm_args gemm = packing(call, is_backward);
    return call->compute->gemm_packed_bytes(&gemm);
}

static void pack(const struct op_call *call, bool is_backward, void *packed)
{
    const struct gemm_args gemm = packing(call, is_backward);
    const struct kernel_env env = {.pool = call->pool};
    call->compute->gemm_pack(&env, &gemm, packed);
}

static double flop(const struct op_call *call, bool is_backward)
{
    const double products = (double)tensor_count(&call->output);
    const int passes =
        (call->input_gradient[X].data != NULL) + (call->input_gradient[W].data != NULL);
    return 2 * products * (double)call->input[W].shape.extent[1] * (is_backward ? passes : 1);
}

const struct nn_op nn_op_linear = {.name = "linear",
                                   .fast = true,
                                   .accumulates = true,
                                   .reads = 1U << X | 1U << W | OP_READS_OUTPUT,
                                   .infer = infer,
                                   .scratch = scratch,
                                   .forward = forward,
                                   .backward = backward,
                                   .packed_bytes = packed_bytes,
                                   .pack = pack,
                                   .flop = flop};

value nn_linear(struct graph *graph, const char *name, value x, value w, value bias,
                enum activation activation)
{
    const bool fused = activation == ACTIVATION_NONE || activation == ACTIVATION_RELU ||
                       activation == ACTIVATION_GELU || activation == ACTIVATION_QUICK_GELU;
    const struct linear_options o = {fused ? activation : ACTIVATION_NONE};
    struct fused_name before;
    const value v = graph_add(graph, &nn_op_linear, name_before_activation(&before, name, fused),
                              (value[]){x, w, bias}, 3, &o, sizeof o);
    return activation_after(graph, name, v, activation, fused);
}
