/* Convolution over one to three spatial axes, with bias and a fused ReLU. */
#include "nn/ops/conv_internal.h"
#include "nn/ops/registry.h"

enum { X = CONV_X, W = CONV_W, BIAS = CONV_BIAS };

/* ---- what both share ---- */

const struct operand_rule conv_rules[CONV_OPERANDS] = {
    {.name = "x", .min_rank = 3, .max_rank = 5},
    {.name = "w", .min_rank = 3, .max_rank = 5},
    {.name = "bias", .min_rank = 1, .max_rank = 1, .optional = true},
};

const struct op_variant conv_variants[] = {
    [CONV_DENSE] = {"dense", true, true},
    [CONV_GROUPED] = {"groups, depthwise", false, false},
    [CONV_STRIDED_DILATED] = {"stride and dilation on one axis", false, false},
    [CONV_LARGE_KERNEL] = {"kernel of more than 512 positions", false, false},
    {NULL, false, false},
};

enum conv_variant conv_variant_of(const struct nn_conv_options *o, const struct shape *w)
{
    int64_t taps = 1;
    if (o->groups > 1)
        return CONV_GROUPED;
    for (int axis = 0; axis < o->dims; axis++) {
        if (o->stride[axis] > 1 && o->dilation[axis] > 1)
            return CONV_STRIDED_DILATED;
        taps *= w->extent[axis + 2];
    }
    return taps > 512 ? CONV_LARGE_KERNEL : CONV_DENSE;
}

struct nn_conv_options conv_options_complete(const struct nn_conv_options *options)
{
    struct nn_conv_options o = options ? *options : (struct nn_conv_options){0};
    o.dims = o.dims ? o.dims : 2;
    o.groups = o.groups ? o.groups : 1;
    for (int axis = 0; axis < CONV_MAX_DIMS; axis++) {
        o.stride[axis] = o.stride[axis] ? o.stride[axis] : 1;
        o.dilation[axis] = o.dilation[axis] ? o.dilation[axis] : 1;
    }
    return o;
}

ana_status conv_check_options(const struct nn_conv_options *o, ana_error *err)
{
    if (o->dims < 1 || o->dims > CONV_MAX_DIMS)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%d spatial axes, expected 1 to 3", o->dims);
    if (o->groups < 1)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%lld groups", (long long)o->groups);
    for (int axis = 0; axis < o->dims; axis++)
        if (o->stride[axis] < 1 || o->dilation[axis] < 1 || o->pad[axis] < 0)
            return ana_fail(
                err, ANA_ERR_ARGUMENT, "axis %d: stride %lld, dilation %lld, padding %lld", axis,
                (long long)o->stride[axis], (long long)o->dilation[axis], (long long)o->pad[axis]);
    return ANA_OK;
}

ana_status conv_check_ranks(const struct op_shapes *s, const struct nn_conv_options *o,
                            ana_error *err)
{
    if (s->input[X]->rank != o->dims + 2 || s->input[W]->rank != o->dims + 2)
        return ana_fail(err, ANA_ERR_ARGUMENT, "x has %d axes and w %d, expected %d",
                        s->input[X]->rank, s->input[W]->rank, o->dims + 2);
    return ANA_OK;
}

struct conv_args conv_args_of(const struct op_call *call, const struct nn_conv_options *o,
                              const struct shape *picture, const struct shape *result)
{
    const struct shape *w = &call->input[W].shape;
    struct conv_args args = {.dtype = call->dtype,
                             .dims = o->dims,
                             .n = picture->extent[0],
                             .ic = w->extent[1],
                             .oc = w->extent[0] / o->groups,
                             .groups = o->groups,
                             .w = call->input[W].data};
    for (int axis = 0; axis < o->dims; axis++) {
        args.in[axis] = picture->extent[axis + 1];
        args.out[axis] = result->extent[axis + 1];
        args.kernel[axis] = w->extent[axis + 2];
        args.stride[axis] = o->stride[axis];
        args.pad[axis] = o->pad[axis];
        args.dilation[axis] = o->dilation[axis];
    }
    return args;
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

void conv_bias_gradient(const struct op_call *call, const void *dz, size_t used)
{
    const int64_t c = shape_last(&call->output.shape);
    double *sum = scratch_at(call, scratch_take(&used, (size_t)c * sizeof *sum));
    const struct kernel_env env = call_env(call, used);
    const struct channel_sums_args args = bias_sums(call, dz, sum);
    call->compute->channel_sums(&env, &args);
    for (int64_t i = 0; i < c; i++)
        real_store(call->input_gradient[BIAS].data, call->dtype, i, sum[i], call->accumulate[BIAS]);
}

size_t conv_bias_scratch(const struct op_call *call, int n_workers)
{
    const struct channel_sums_args sums = bias_sums(call, NULL, NULL);
    size_t bytes = 0;
    scratch_take(&bytes, (size_t)sums.c * sizeof(double));
    return bytes + call->compute->channel_sums_scratch(&sums, n_workers);
}

/* ---- convolution ---- */

static ana_status check_channels(const struct op_shapes *s, const struct nn_conv_options *o,
                                 ana_error *err)
{
    const int64_t channels = shape_last(s->input[X]);
    const ana_status status = conv_check_ranks(s, o, err);
    if (status)
        return status;
    if (s->input[W]->extent[0] % o->groups != 0 || s->input[W]->extent[1] * o->groups != channels)
        return ana_fail(
            err, ANA_ERR_ARGUMENT, "w makes %lld channels from %lld in %lld groups, x has %lld",
            (long long)s->input[W]->extent[0], (long long)(s->input[W]->extent[1] * o->groups),
            (long long)o->groups, (long long)channels);
    return operand_expect(s, conv_rules, BIAS, SHAPE(s->input[W]->extent[0]), err);
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_conv_options *o = s->options;
    ana_status status = operands_check(s, conv_rules, CONV_OPERANDS, err);
    if (!status)
        status = conv_check_options(o, err);
    if (!status)
        status = check_channels(s, o, err);
    if (status)
        return status;

    s->output = *s->input[X];
    s->output.extent[o->dims + 1] = s->input[W]->extent[0];
    for (int axis = 0; axis < o->dims; axis++) {
        const int64_t in = s->input[X]->extent[axis + 1], kernel = s->input[W]->extent[axis + 2];
        const int64_t room = in + 2 * o->pad[axis] - o->dilation[axis] * (kernel - 1) - 1;
        if (room < 0)
            return ana_fail(
                err, ANA_ERR_ARGUMENT,
                "axis %d: a kernel of %lld (dilation %lld) does not fit %lld + 2 * %lld", axis,
                (long long)kernel, (long long)o->dilation[axis], (long long)in,
                (long long)o->pad[axis]);
        s->output.extent[axis + 1] = room / o->stride[axis] + 1;
    }
    return ANA_OK;
}

static struct conv_args conv_args(const struct op_call *call)
{
    struct conv_args args =
        conv_args_of(call, call->options, &call->input[X].shape, &call->output.shape);
    args.x = call->input[X].data;
    return args;
}

static bool has_relu(const struct op_call *call)
{
    const struct nn_conv_options *o = call->options;
    return o->activation == ACTIVATION_RELU;
}

static void forward(const struct op_call *call)
{
    const struct nn_conv_options *o = call->options;
    const struct kernel_env env = call_env(call, 0);
    struct conv_args args = conv_args(call);
    args.packed = call->packed_forward;
    args.bias = call->input[BIAS].data;
    args.activation = o->activation;
    args.y = call->output.data;
    call->compute->conv_forward(&env, &args);
}

/* dz = dy where the ReLU let through, in scratch; or dy itself. */
static const void *gradient_before_relu(const struct op_call *call, size_t *used)
{
    *used = 0;
    if (!has_relu(call))
        return call->output_gradient.data;
    void *dz = scratch_at(call, scratch_take(used, tensor_bytes(&call->output)));
    const struct kernel_env env = call_env(call, *used);
    call->compute->activate_backward(&env,
                                     &(struct activation_args){.dtype = call->dtype,
                                                               .count = tensor_count(&call->output),
                                                               .activation = ACTIVATION_RELU,
                                                               .x = call->output.data,
                                                               .dy = call->output_gradient.data,
                                                               .dx = dz});
    return dz;
}

static void backward(const struct op_call *call)
{
    size_t used;
    struct conv_args args = conv_args(call);
    args.dy = gradient_before_relu(call, &used);
    const struct kernel_env env = call_env(call, used);

    if (call->input_gradient[X].data) {
        args.packed = call->packed_backward;
        args.dx = call->input_gradient[X].data;
        args.accumulate = call->accumulate[X];
        call->compute->conv_backward_data(&env, &args);
    }
    args.packed = NULL;
    bool bias_done = !call->input_gradient[BIAS].data;
    if (call->input_gradient[W].data) {
        args.dw = call->input_gradient[W].data;
        args.accumulate = call->accumulate[W];
        if (!bias_done && call->accumulate[W] == call->accumulate[BIAS]) {
            args.dbias = call->input_gradient[BIAS].data;
            bias_done = true;
        }
        call->compute->conv_backward_weights(&env, &args);
    }
    /* The bias may want its gradient while the weights do not, or may accumulate where they do not.
     */
    if (!bias_done)
        conv_bias_gradient(call, args.dy, used);
}

static size_t backward_scratch(const struct op_call *call, int n_workers)
{
    const struct conv_args args = conv_args(call);
    size_t dz = 0;
    if (has_relu(call))
        scratch_take(&dz, tensor_bytes(&call->output));
    size_t largest = conv_bias_scratch(call, n_workers);
    largest = size_larger(largest, call->compute->conv_backward_data_scratch(&args, n_workers));
    largest = size_larger(largest, call->compute->conv_backward_weights_scratch(&args, n_workers));
    return dz + largest;
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    const struct conv_args args = conv_args(call);
    return is_backward ? backward_scratch(call, n_workers)
                       : call->compute->conv_forward_scratch(&args, n_workers);
}

static size_t packed_bytes(const struct op_call *call, bool is_backward)
{
    const struct conv_args args = conv_args(call);
    return call->compute->conv_packed_bytes(&args, is_backward ? CONV_BACKWARD_DATA : CONV_FORWARD);
}

static void pack(const struct op_call *call, bool is_backward, void *packed)
{
    const struct conv_args args = conv_args(call);
    const struct kernel_env env = {.pool = call->pool};
    call->compute->conv_pack(&env, &args, is_backward ? CONV_BACKWARD_DATA : CONV_FORWARD, packed);
}

static int variant(const struct op_shapes *s)
{
    return (int)conv_variant_of(s->options, s->input[W]);
}

static double flop(const struct op_call *call, bool is_backward)
{
    const struct shape *w = &call->input[W].shape;
    const double products = (double)(shape_count(w) / w->extent[0]); /* for one output */
    const int passes =
        (call->input_gradient[X].data != NULL) + (call->input_gradient[W].data != NULL);
    return 2 * products * (double)tensor_count(&call->output) * (is_backward ? passes : 1);
}

const struct nn_op nn_op_conv = {.name = "conv",
                                 .variants = conv_variants,
                                 .variant = variant,
                                 .accumulates = true,
                                 .reads = 1U << X | 1U << W | OP_READS_OUTPUT,
                                 .infer = infer,
                                 .scratch = scratch,
                                 .forward = forward,
                                 .backward = backward,
                                 .packed_bytes = packed_bytes,
                                 .pack = pack,
                                 .flop = flop};

value nn_conv(struct graph *graph, const char *name, value x, value w, value bias,
              const struct nn_conv_options *options)
{
    struct nn_conv_options o = conv_options_complete(options);
    const enum activation wanted = o.activation;
    const bool fused = wanted == ACTIVATION_NONE || wanted == ACTIVATION_RELU;
    if (!fused)
        o.activation = ACTIVATION_NONE;
    struct fused_name before;
    const value v = graph_add(graph, &nn_op_conv, name_before_activation(&before, name, fused),
                              (value[]){x, w, bias}, 3, &o, sizeof o);
    return activation_after(graph, name, v, wanted, fused);
}
