/* Pooling and trilinear resizing over three axes, as two passes of the kernels for two: one over
 * (h, w) of every slice, one along d with (h, w) as one axis that keeps its extent.
 *
 * Maxima, means over the part of a window that lies inside, and linear weights all separate. Of
 * equal maxima the first in the order (d, h, w) wins, as in one pass: the slices' own winners are
 * the first of their slice, and the first slice of them wins. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {{.name = "x", .min_rank = 5, .max_rank = 5}};

/* Bytes of the result of the first pass; it lies in scratch in both directions. */
static size_t between_bytes(const struct op_call *call, int64_t n, int64_t d, int64_t h, int64_t w)
{
    return (size_t)(n * d * h * w * shape_last(&call->output.shape)) * dtype_size(call->dtype);
}

/* ---- pooling: slices first, then along d ---- */

static ana_status infer_pool(struct op_shapes *s, ana_error *err)
{
    const struct nn_pool3d_options *o = s->options;
    ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    s->output = *s->input[0];
    for (int axis = 0; !status && axis < 3; axis++)
        status = pool_extent(&s->output.extent[axis + 1], axis, s->input[0]->extent[axis + 1],
                             o->kernel[axis], o->stride[axis], o->pad[axis], err);
    if (status)
        return status;
    if (!o->is_max)
        return ANA_OK;
    /* Where the maxima of both passes lie. */
    struct shape slices = s->output;
    slices.extent[1] = s->input[0]->extent[1];
    if (!shape_size(&s->saved_bytes[0], &slices, DTYPE_I32) ||
        !shape_size(&s->saved_bytes[1], &s->output, DTYPE_I32))
        return ana_fail(err, ANA_ERR_LIMIT, "result too large");
    return ANA_OK;
}

/* x[n, d, h, w, c] to between[n, d, oh, ow, c] */
static struct pool2d_args pool_slices(const struct op_call *call)
{
    const struct nn_pool3d_options *o = call->options;
    const int64_t *x = call->input[0].shape.extent, *y = call->output.shape.extent;
    return (struct pool2d_args){.dtype = call->dtype,
                                .n = x[0] * x[1],
                                .h = x[2],
                                .w = x[3],
                                .c = x[4],
                                .oh = y[2],
                                .ow = y[3],
                                .kernel = {o->kernel[1], o->kernel[2]},
                                .stride = {o->stride[1], o->stride[2]},
                                .pad = {o->pad[1], o->pad[2]},
                                .is_max = o->is_max,
                                .x = call->input[0].data,
                                .y = scratch_at(call, 0),
                                .index = o->is_max ? call->saved[0] : NULL};
}

/* between[n, d, oh ow, c] to y[n, od, oh ow, c] */
static struct pool2d_args pool_depth(const struct op_call *call)
{
    const struct nn_pool3d_options *o = call->options;
    const int64_t *x = call->input[0].shape.extent, *y = call->output.shape.extent;
    return (struct pool2d_args){.dtype = call->dtype,
                                .n = x[0],
                                .h = x[1],
                                .w = y[2] * y[3],
                                .c = x[4],
                                .oh = y[1],
                                .ow = y[2] * y[3],
                                .kernel = {o->kernel[0], 1},
                                .stride = {o->stride[0], 1},
                                .pad = {o->pad[0], 0},
                                .is_max = o->is_max,
                                .x = scratch_at(call, 0),
                                .y = call->output.data,
                                .index = o->is_max ? call->saved[1] : NULL};
}

static size_t pool_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    (void)is_backward;
    (void)n_workers;
    const int64_t *x = call->input[0].shape.extent, *y = call->output.shape.extent;
    return between_bytes(call, x[0], x[1], y[2], y[3]);
}

static void pool_forward(const struct op_call *call)
{
    struct pool2d_args slices = pool_slices(call), depth = pool_depth(call);
    const struct kernel_env env = call_env(call, pool_scratch(call, false, 0));
    if (!call->wants_gradient)
        slices.index = depth.index = NULL;
    call->compute->pool2d(&env, &slices);
    call->compute->pool2d(&env, &depth);
}

static void pool_backward(const struct op_call *call)
{
    struct pool2d_args slices = pool_slices(call), depth = pool_depth(call);
    const struct kernel_env env = call_env(call, pool_scratch(call, false, 0));
    depth.dy = call->output_gradient.data;
    depth.dx = scratch_at(call, 0);
    call->compute->pool2d_backward(&env, &depth);
    slices.dy = scratch_at(call, 0);
    slices.dx = call->input_gradient[0].data;
    call->compute->pool2d_backward(&env, &slices);
}

const struct nn_op nn_op_pool3d = {.name = "pool3d",
                                   .fast = true,
                                   .infer = infer_pool,
                                   .scratch = pool_scratch,
                                   .forward = pool_forward,
                                   .backward = pool_backward};

value nn_pool3d(struct graph *graph, const char *name, value x,
                const struct nn_pool3d_options *options)
{
    struct nn_pool3d_options o = *options;
    for (int axis = 0; axis < 3; axis++)
        o.stride[axis] = o.stride[axis] ? o.stride[axis] : o.kernel[axis];
    return graph_add(graph, &nn_op_pool3d, name, &x, 1, &o, sizeof o);
}

/* ---- trilinear resizing: along d first, since it mostly enlarges ---- */

struct trilinear_options {
    int64_t od, oh, ow;
    bool align_corners;
};

static ana_status infer_trilinear(struct op_shapes *s, ana_error *err)
{
    const struct trilinear_options *o = s->options;
    const ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    if (o->od < 1 || o->oh < 1 || o->ow < 1)
        return ana_fail(err, ANA_ERR_ARGUMENT, "to %lld x %lld x %lld", (long long)o->od,
                        (long long)o->oh, (long long)o->ow);
    s->output = *s->input[0];
    s->output.extent[1] = o->od;
    size_t between;
    if (!shape_size(&between, &s->output, s->dtype))
        return ana_fail(err, ANA_ERR_LIMIT, "result too large");
    s->output.extent[2] = o->oh;
    s->output.extent[3] = o->ow;
    return ANA_OK;
}

/* x[n, d, h w, c] to between[n, od, h w, c] */
static struct resize2d_args resize_depth(const struct op_call *call)
{
    const struct trilinear_options *o = call->options;
    const int64_t *x = call->input[0].shape.extent;
    return (struct resize2d_args){.dtype = call->dtype,
                                  .n = x[0],
                                  .h = x[1],
                                  .w = x[2] * x[3],
                                  .c = x[4],
                                  .oh = o->od,
                                  .ow = x[2] * x[3],
                                  .mode = RESIZE_BILINEAR,
                                  .align_corners = o->align_corners,
                                  .x = call->input[0].data,
                                  .y = scratch_at(call, 0)};
}

/* between[n, od, h, w, c] to y[n, od, oh, ow, c] */
static struct resize2d_args resize_slices(const struct op_call *call)
{
    const struct trilinear_options *o = call->options;
    const int64_t *x = call->input[0].shape.extent;
    return (struct resize2d_args){.dtype = call->dtype,
                                  .n = x[0] * o->od,
                                  .h = x[2],
                                  .w = x[3],
                                  .c = x[4],
                                  .oh = o->oh,
                                  .ow = o->ow,
                                  .mode = RESIZE_BILINEAR,
                                  .align_corners = o->align_corners,
                                  .x = scratch_at(call, 0),
                                  .y = call->output.data};
}

static size_t trilinear_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    (void)is_backward;
    (void)n_workers;
    const int64_t *x = call->input[0].shape.extent;
    return between_bytes(call, x[0], call->output.shape.extent[1], x[2], x[3]);
}

static void trilinear_forward(const struct op_call *call)
{
    const struct resize2d_args depth = resize_depth(call), slices = resize_slices(call);
    const struct kernel_env env = call_env(call, trilinear_scratch(call, false, 0));
    call->compute->resize2d(&env, &depth);
    call->compute->resize2d(&env, &slices);
}

static void trilinear_backward(const struct op_call *call)
{
    struct resize2d_args depth = resize_depth(call), slices = resize_slices(call);
    const struct kernel_env env = call_env(call, trilinear_scratch(call, false, 0));
    slices.dy = call->output_gradient.data;
    slices.dx = scratch_at(call, 0);
    call->compute->resize2d_backward(&env, &slices);
    depth.dy = scratch_at(call, 0);
    depth.dx = call->input_gradient[0].data;
    call->compute->resize2d_backward(&env, &depth);
}

static const struct op_variant variants[] = {{"", true, false}, {NULL, false, false}};

const struct nn_op nn_op_resize_trilinear = {.name = "resize_trilinear",
                                             .variants = variants,
                                             .infer = infer_trilinear,
                                             .scratch = trilinear_scratch,
                                             .forward = trilinear_forward,
                                             .backward = trilinear_backward};

value nn_resize_trilinear(struct graph *graph, const char *name, value x, int64_t od, int64_t oh,
                          int64_t ow, bool align_corners)
{
    const struct trilinear_options o = {od, oh, ow, align_corners};
    return graph_add(graph, &nn_op_resize_trilinear, name, &x, 1, &o, sizeof o);
}
