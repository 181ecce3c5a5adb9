/* Transposed convolution over one to three spatial axes.
 *
 * It is a convolution read backwards: with y in the place of a convolution's x, and x in the place
 * of its y, PyTorch's weights [ic, oc / groups, kernel...] are that convolution's own. So forward
 * is its backward_data pass, dx its forward pass, and dw its gradient of the weights with y's
 * gradient as the picture. Where the stride equals the kernel every phase of backward_data is one
 * matrix product whose rows are scattered over y. */
#include "nn/ops/conv_internal.h"
#include "nn/ops/registry.h"

enum { X = CONV_X, W = CONV_W, BIAS = CONV_BIAS };

static const struct nn_conv_options *conv_options(const struct op_call *call)
{
    return &((const struct nn_conv_transpose_options *)call->options)->conv;
}

static ana_status check_channels(const struct op_shapes *s, const struct nn_conv_options *o,
                                 ana_error *err)
{
    const int64_t channels = shape_last(s->input[X]);
    const ana_status status = conv_check_ranks(s, o, err);
    if (status)
        return status;
    if (s->input[W]->extent[0] != channels || channels % o->groups != 0)
        return ana_fail(err, ANA_ERR_ARGUMENT, "w takes %lld channels in %lld groups, x has %lld",
                        (long long)s->input[W]->extent[0], (long long)o->groups,
                        (long long)channels);
    return operand_expect(s, conv_rules, BIAS, SHAPE(s->input[W]->extent[1] * o->groups), err);
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_conv_transpose_options *options = s->options;
    const struct nn_conv_options *o = &options->conv;
    ana_status status = operands_check(s, conv_rules, CONV_OPERANDS, err);
    if (!status)
        status = conv_check_options(o, err);
    if (!status)
        status = check_channels(s, o, err);
    if (status)
        return status;

    s->output = *s->input[X];
    s->output.extent[o->dims + 1] = s->input[W]->extent[1] * o->groups;
    for (int axis = 0; axis < o->dims; axis++) {
        const int64_t in = s->input[X]->extent[axis + 1], kernel = s->input[W]->extent[axis + 2];
        const int64_t extra = options->output_pad[axis];
        if (extra < 0 || (extra >= o->stride[axis] && extra >= o->dilation[axis]))
            return ana_fail(err, ANA_ERR_ARGUMENT,
                            "axis %d: output padding %lld with stride %lld and dilation %lld", axis,
                            (long long)extra, (long long)o->stride[axis],
                            (long long)o->dilation[axis]);
        const int64_t out = (in - 1) * o->stride[axis] - 2 * o->pad[axis] +
                            o->dilation[axis] * (kernel - 1) + extra + 1;
        if (out < 1)
            return ana_fail(err, ANA_ERR_ARGUMENT, "axis %d: padding %lld leaves nothing of %lld",
                            axis, (long long)o->pad[axis], (long long)(out + 2 * o->pad[axis]));
        s->output.extent[axis + 1] = out;
    }
    return ANA_OK;
}

static int variant(const struct op_shapes *s)
{
    const struct nn_conv_transpose_options *o = s->options;
    return (int)conv_variant_of(&o->conv, s->input[W]);
}

/* The convolution from y to x. */
static struct conv_args conv_args(const struct op_call *call)
{
    return conv_args_of(call, conv_options(call), &call->output.shape, &call->input[X].shape);
}

/* Every position of y begins as the bias. */
static void put_bias(const struct op_call *call)
{
    const int64_t c = shape_last(&call->output.shape);
    const struct kernel_env env = call_env(call, 0);
    call->compute->copy(&env, &(struct copy_args){.dtype = call->dtype,
                                                  .rank = 2,
                                                  .extent = {shape_rows(&call->output.shape), c},
                                                  .src_stride = {0, 1},
                                                  .dst_stride = {c, 1},
                                                  .src = call->input[BIAS].data,
                                                  .dst = call->output.data});
}

static void forward(const struct op_call *call)
{
    const struct kernel_env env = call_env(call, 0);
    struct conv_args args = conv_args(call);
    args.accumulate = operand_given(call, BIAS);
    if (args.accumulate)
        put_bias(call);
    args.packed = call->packed_forward;
    args.dy = call->input[X].data;
    args.dx = call->output.data;
    call->compute->conv_backward_data(&env, &args);
}

static void backward(const struct op_call *call)
{
    const struct kernel_env env = call_env(call, 0);
    struct conv_args args = conv_args(call);
    args.x = call->output_gradient.data;
    if (call->input_gradient[X].data) {
        args.packed = call->packed_backward;
        args.y = call->input_gradient[X].data;
        call->compute->conv_forward(&env, &args);
    }
    args.packed = NULL;
    if (call->input_gradient[W].data) {
        args.dy = call->input[X].data;
        args.dw = call->input_gradient[W].data;
        call->compute->conv_backward_weights(&env, &args);
    }
    if (call->input_gradient[BIAS].data)
        conv_bias_gradient(call, call->output_gradient.data, 0);
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    const struct compute *compute = call->compute;
    const struct conv_args args = conv_args(call);
    if (!is_backward)
        return compute->conv_backward_data_scratch(&args, n_workers);
    const size_t bias = conv_bias_scratch(call, n_workers);
    return size_larger(bias, size_larger(compute->conv_forward_scratch(&args, n_workers),
                                         compute->conv_backward_weights_scratch(&args, n_workers)));
}

static enum conv_pass pass_of(bool is_backward)
{
    return is_backward ? CONV_FORWARD : CONV_BACKWARD_DATA;
}

static size_t packed_bytes(const struct op_call *call, bool is_backward)
{
    const struct conv_args args = conv_args(call);
    return call->compute->conv_packed_bytes(&args, pass_of(is_backward));
}

static void pack(const struct op_call *call, bool is_backward, void *packed)
{
    const struct conv_args args = conv_args(call);
    const struct kernel_env env = {.pool = call->pool};
    call->compute->conv_pack(&env, &args, pass_of(is_backward), packed);
}

static double flop(const struct op_call *call, bool is_backward)
{
    const struct shape *w = &call->input[W].shape;
    const double products = (double)(shape_count(w) / w->extent[0]); /* for one input */
    const int passes =
        (call->input_gradient[X].data != NULL) + (call->input_gradient[W].data != NULL);
    return 2 * products * (double)tensor_count(&call->input[X]) * (is_backward ? passes : 1);
}

const struct nn_op nn_op_conv_transpose = {.name = "conv_transpose",
                                           .variants = conv_variants,
                                           .variant = variant,
                                           .reads = 1U << X | 1U << W,
                                           .infer = infer,
                                           .scratch = scratch,
                                           .forward = forward,
                                           .backward = backward,
                                           .packed_bytes = packed_bytes,
                                           .pack = pack,
                                           .flop = flop};

value nn_conv_transpose(struct graph *graph, const char *name, value x, value w, value bias,
                        const struct nn_conv_transpose_options *options)
{
    struct nn_conv_transpose_options o = options ? *options : (struct nn_conv_transpose_options){0};
    o.conv = conv_options_complete(&o.conv);
    const enum activation wanted = o.conv.activation;
    const bool fused = wanted == ACTIVATION_NONE;
    struct fused_name before;
    o.conv.activation = ACTIVATION_NONE;
    const value v =
        graph_add(graph, &nn_op_conv_transpose, name_before_activation(&before, name, fused),
                  (value[]){x, w, bias}, 3, &o, sizeof o);
    return activation_after(graph, name, v, wanted, fused);
}
