/* Resizing and pooling over the spatial axes. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule image_rules[] = {{.name = "x", .min_rank = 4, .max_rank = 4}};

/* ---- resize ---- */

struct resize_options {
    int64_t oh, ow;
    enum resize_mode mode;
    bool align_corners;
};

static ana_status infer_resize(struct op_shapes *s, ana_error *err)
{
    const struct resize_options *o = s->options;
    const ana_status status = operands_check(s, image_rules, 1, err);
    if (status)
        return status;
    if (o->oh < 1 || o->ow < 1)
        return ana_fail(err, ANA_ERR_ARGUMENT, "to %lld x %lld", (long long)o->oh,
                        (long long)o->ow);
    if (o->mode == RESIZE_NEAREST && o->align_corners)
        return ana_fail(err, ANA_ERR_ARGUMENT, "nearest knows no aligned corners");
    s->output = *s->input[0];
    s->output.extent[1] = o->oh;
    s->output.extent[2] = o->ow;
    return ANA_OK;
}

static struct resize2d_args resize_args(const struct op_call *call)
{
    const struct resize_options *o = call->options;
    const int64_t *x = call->input[0].shape.extent;
    return (struct resize2d_args){.dtype = call->dtype,
                                  .n = x[0],
                                  .h = x[1],
                                  .w = x[2],
                                  .c = x[3],
                                  .oh = o->oh,
                                  .ow = o->ow,
                                  .mode = o->mode,
                                  .align_corners = o->align_corners,
                                  .x = call->input[0].data,
                                  .y = call->output.data};
}

static void resize_forward(const struct op_call *call)
{
    const struct resize2d_args args = resize_args(call);
    const struct kernel_env env = call_env(call, 0);
    call->compute->resize2d(&env, &args);
}

static void resize_backward(const struct op_call *call)
{
    struct resize2d_args args = resize_args(call);
    args.dy = call->output_gradient.data;
    args.dx = call->input_gradient[0].data;
    const struct kernel_env env = call_env(call, 0);
    call->compute->resize2d_backward(&env, &args);
}

/* ORDER resize_mode */
static const struct op_variant resize_variants[] = {
    {"nearest", true, true},
    {"bilinear", true, false},
    {"bicubic", false, false},
    {NULL, false, false},
};

static int resize_variant(const struct op_shapes *s)
{
    return (int)((const struct resize_options *)s->options)->mode;
}

const struct nn_op nn_op_resize2d = {.name = "resize2d",
                                     .variants = resize_variants,
                                     .variant = resize_variant,
                                     .infer = infer_resize,
                                     .forward = resize_forward,
                                     .backward = resize_backward};

value nn_resize2d(struct graph *graph, const char *name, value x, int64_t oh, int64_t ow,
                  enum resize_mode mode, bool align_corners)
{
    const struct resize_options o = {oh, ow, mode, align_corners};
    return graph_add(graph, &nn_op_resize2d, name, &x, 1, &o, sizeof o);
}

/* ---- pooling ---- */

static ana_status infer_pool(struct op_shapes *s, ana_error *err)
{
    const struct nn_pool_options *o = s->options;
    ana_status status = operands_check(s, image_rules, 1, err);
    if (status)
        return status;
    s->output = *s->input[0];
    for (int axis = 0; !status && axis < 2; axis++)
        status = pool_extent(&s->output.extent[axis + 1], axis, s->input[0]->extent[axis + 1],
                             o->kernel[axis], o->stride[axis], o->pad[axis], err);
    if (status)
        return status;
    if (o->is_max)
        s->saved_bytes[0] = (size_t)shape_count(&s->output) * sizeof(int32_t); /* argmax */
    return ANA_OK;
}

static struct pool2d_args pool_args(const struct op_call *call)
{
    const struct nn_pool_options *o = call->options;
    const int64_t *x = call->input[0].shape.extent, *y = call->output.shape.extent;
    return (struct pool2d_args){.dtype = call->dtype,
                                .n = x[0],
                                .h = x[1],
                                .w = x[2],
                                .c = x[3],
                                .oh = y[1],
                                .ow = y[2],
                                .kernel = {o->kernel[0], o->kernel[1]},
                                .stride = {o->stride[0], o->stride[1]},
                                .pad = {o->pad[0], o->pad[1]},
                                .is_max = o->is_max,
                                .x = call->input[0].data,
                                .y = call->output.data};
}

static void pool_forward(const struct op_call *call)
{
    struct pool2d_args args = pool_args(call);
    args.index = call->wants_gradient ? call->saved[0] : NULL;
    const struct kernel_env env = call_env(call, 0);
    call->compute->pool2d(&env, &args);
}

static void pool_backward(const struct op_call *call)
{
    struct pool2d_args args = pool_args(call);
    args.index = call->saved[0];
    args.dy = call->output_gradient.data;
    args.dx = call->input_gradient[0].data;
    const struct kernel_env env = call_env(call, 0);
    call->compute->pool2d_backward(&env, &args);
}

const struct nn_op nn_op_pool2d = {.name = "pool2d",
                                   .fast = true,
                                   .infer = infer_pool,
                                   .forward = pool_forward,
                                   .backward = pool_backward};

value nn_pool2d(struct graph *graph, const char *name, value x,
                const struct nn_pool_options *options)
{
    struct nn_pool_options o = *options;
    for (int axis = 0; axis < 2; axis++)
        o.stride[axis] = o.stride[axis] ? o.stride[axis] : o.kernel[axis];
    return graph_add(graph, &nn_op_pool2d, name, &x, 1, &o, sizeof o);
}

/* ---- global pooling ---- */

static const struct operand_rule global_rules[] = {
    {.name = "x", .min_rank = 3, .max_rank = TENSOR_MAX_RANK}};

struct global_options {
    bool is_max;
};

static bool is_max(const struct op_call *call)
{
    return ((const struct global_options *)call->options)->is_max;
}

static ana_status infer_global(struct op_shapes *s, ana_error *err)
{
    const ana_status status = operands_check(s, global_rules, 1, err);
    if (status)
        return status;
    s->output = SHAPE(s->input[0]->extent[0], shape_last(s->input[0]));
    if (((const struct global_options *)s->options)->is_max)
        s->saved_bytes[0] = (size_t)shape_count(&s->output) * sizeof(int64_t); /* position */
    return ANA_OK;
}

static struct channel_sums_args global_sums(const struct op_call *call, double *sum)
{
    const struct channels_view v = view_channels(&call->input[0].shape);
    return (struct channel_sums_args){
        .dtype = call->dtype, .n = v.n, .p = v.p, .c = v.c, .x = call->input[0].data, .sum = sum};
}

/* Forward of the mean: the sums; backward of it: dy / p. */
static size_t global_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    size_t total = 0;
    if (is_max(call))
        return 0;
    scratch_take(&total, (size_t)tensor_count(&call->output) * sizeof(double));
    if (is_backward)
        return total;
    const struct channel_sums_args args = global_sums(call, NULL);
    return total + call->compute->channel_sums_scratch(&args, n_workers);
}

static void mean_forward(const struct op_call *call)
{
    size_t used = 0;
    const int64_t count = tensor_count(&call->output);
    double *sum = scratch_at(call, scratch_take(&used, (size_t)count * sizeof *sum));
    const struct channel_sums_args args = global_sums(call, sum);
    const struct kernel_env env = call_env(call, used);
    call->compute->channel_sums(&env, &args);
    for (int64_t i = 0; i < count; i++)
        real_put(call->output.data, call->dtype, i, sum[i] / (double)args.p);
}

/* The first of equal maxima wins. */
static void max_sample(void *context, int64_t sample, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct channels_view v = view_channels(&call->input[0].shape);
    const void *x = call->input[0].data;
    int64_t *best = call->wants_gradient ? call->saved[0] : NULL;
    for (int64_t j = 0; j < v.c; j++) {
        int64_t at = sample * v.p * v.c + j;
        for (int64_t p = 1; p < v.p; p++) {
            const int64_t candidate = (sample * v.p + p) * v.c + j;
            if (real_get(x, call->dtype, candidate) > real_get(x, call->dtype, at))
                at = candidate;
        }
        real_put(call->output.data, call->dtype, sample * v.c + j, real_get(x, call->dtype, at));
        if (best)
            best[sample * v.c + j] = at;
    }
}

static void global_forward(const struct op_call *call)
{
    struct op_call context = *call;
    if (is_max(call))
        parallel_for(call->pool, call->output.shape.extent[0], max_sample, &context);
    else
        mean_forward(call);
}

static void mean_backward(const struct op_call *call)
{
    const struct channels_view v = view_channels(&call->input[0].shape);
    void *share = scratch_at(call, 0);
    call_scale(call, share, call->output_gradient.data, 1 / (double)v.p,
               tensor_count(&call->output), false);
    const struct kernel_env env = call_env(call, 0);
    call->compute->copy(&env, &(struct copy_args){.dtype = call->dtype,
                                                  .rank = 3,
                                                  .extent = {v.n, v.p, v.c},
                                                  .src_stride = {v.c, 0, 1},
                                                  .dst_stride = {v.p * v.c, v.c, 1},
                                                  .src = share,
                                                  .dst = call->input_gradient[0].data,
                                                  .accumulate = call->accumulate[0]});
}

static void max_backward(const struct op_call *call)
{
    const int64_t *best = call->saved[0];
    if (!call->accumulate[0])
        zero_tensor(&call->input_gradient[0]);
    for (int64_t i = 0; i < tensor_count(&call->output); i++)
        real_store(call->input_gradient[0].data, call->dtype, best[i],
                   real_get(call->output_gradient.data, call->dtype, i), true);
}

static void global_backward(const struct op_call *call)
{
    if (is_max(call))
        max_backward(call);
    else
        mean_backward(call);
}

static const struct op_variant global_variants[] = {
    {"mean", true, true}, {"max", false, false}, {NULL, false, false}};

static int global_variant(const struct op_shapes *s)
{
    return ((const struct global_options *)s->options)->is_max;
}

const struct nn_op nn_op_global_pool = {.name = "global_pool",
                                        .variants = global_variants,
                                        .variant = global_variant,
                                        .accumulates = true,
                                        .infer = infer_global,
                                        .scratch = global_scratch,
                                        .forward = global_forward,
                                        .backward = global_backward};

value nn_global_pool(struct graph *graph, const char *name, value x, bool maximum)
{
    const struct global_options o = {maximum};
    return graph_add(graph, &nn_op_global_pool, name, &x, 1, &o, sizeof o);
}
