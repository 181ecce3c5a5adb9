/* Operators that move blocks of elements: pad, roll, flip, window partition and its inverse.
 *
 * Each is a few strided copies from x to y, one for each block of elements that keep their
 * neighbours, and its gradient is the same copies the other way. Elements of y that no block fills
 * get a constant first, elements of x that no block takes have a gradient of zero. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
};

/* ---- blocks ---- */

enum { MAX_BLOCKS = 4 };

/* Strides of copy.src are those of x, of copy.dst those of y. */
struct block {
    struct copy_args copy;
    int64_t x_at, y_at; /* elements before the first */
};

static void blocks_forward(const struct op_call *call, const struct block *blocks, int n)
{
    const struct kernel_env env = call_env(call, 0);
    for (int i = 0; i < n; i++) {
        struct copy_args args = blocks[i].copy;
        args.dtype = call->dtype;
        args.src = real_at(call->input[0].data, call->dtype, blocks[i].x_at);
        args.dst = real_at(call->output.data, call->dtype, blocks[i].y_at);
        call->compute->copy(&env, &args);
    }
}

static void blocks_backward(const struct op_call *call, const struct block *blocks, int n)
{
    const struct kernel_env env = call_env(call, 0);
    for (int i = 0; i < n; i++) {
        struct copy_args args = blocks[i].copy;
        args.dtype = call->dtype;
        for (int axis = 0; axis < args.rank; axis++) {
            args.src_stride[axis] = blocks[i].copy.dst_stride[axis];
            args.dst_stride[axis] = blocks[i].copy.src_stride[axis];
        }
        args.src = real_at(call->output_gradient.data, call->dtype, blocks[i].y_at);
        args.dst = real_at(call->input_gradient[0].data, call->dtype, blocks[i].x_at);
        args.accumulate = call->accumulate[0];
        call->compute->copy(&env, &args);
    }
}

/* x as [outer, extent, inner] around one axis. */
struct axis_view {
    int64_t outer, extent, inner;
};

static struct axis_view view_axis(const struct shape *shape, int axis)
{
    struct axis_view v = {1, shape->extent[axis], 1};
    for (int i = 0; i < axis; i++)
        v.outer *= shape->extent[i];
    for (int i = axis + 1; i < shape->rank; i++)
        v.inner *= shape->extent[i];
    return v;
}

static ana_status check_axis(const struct op_shapes *s, int axis, ana_error *err)
{
    const ana_status status = operands_check(s, rules, 1, err);
    if (!status && (axis < 0 || axis >= s->input[0]->rank))
        return ana_fail(err, ANA_ERR_ARGUMENT, "axis %d of %d", axis, s->input[0]->rank);
    return status;
}

/* ---- pad ---- */

struct pad_options {
    int64_t before[TENSOR_MAX_RANK], after[TENSOR_MAX_RANK];
    double fill;
};

static ana_status infer_pad(struct op_shapes *s, ana_error *err)
{
    const struct pad_options *o = s->options;
    const ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    s->output = *s->input[0];
    for (int axis = 0; axis < s->output.rank; axis++) {
        int64_t *extent = &s->output.extent[axis];
        const int64_t most = (INT64_MAX - *extent) / 2;
        if (o->before[axis] < 0 || o->after[axis] < 0 || o->before[axis] > most ||
            o->after[axis] > most)
            return ana_fail(err, ANA_ERR_ARGUMENT, "axis %d: %lld before and %lld after", axis,
                            (long long)o->before[axis], (long long)o->after[axis]);
        *extent += o->before[axis] + o->after[axis];
    }
    return ANA_OK;
}

static struct block pad_block(const struct op_call *call)
{
    const struct pad_options *o = call->options;
    struct block b = {.copy = {.rank = call->output.shape.rank}};
    for (int axis = 0; axis < b.copy.rank; axis++) {
        b.copy.extent[axis] = call->input[0].shape.extent[axis];
        b.copy.src_stride[axis] = call->input[0].stride[axis];
        b.copy.dst_stride[axis] = call->output.stride[axis];
        b.y_at += o->before[axis] * call->output.stride[axis];
    }
    return b;
}

static size_t pad_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    (void)n_workers;
    return is_backward ? 0 : dtype_size(call->dtype);
}

static void pad_forward(const struct op_call *call)
{
    void *fill = scratch_at(call, 0);
    real_put(fill, call->dtype, 0, ((const struct pad_options *)call->options)->fill);
    const struct kernel_env env = call_env(call, 0);
    call->compute->copy(&env, &(struct copy_args){.dtype = call->dtype,
                                                  .rank = 1,
                                                  .extent = {tensor_count(&call->output)},
                                                  .src_stride = {0},
                                                  .dst_stride = {1},
                                                  .src = fill,
                                                  .dst = call->output.data});
    const struct block block = pad_block(call);
    blocks_forward(call, &block, 1);
}

static void pad_backward(const struct op_call *call)
{
    const struct block block = pad_block(call);
    blocks_backward(call, &block, 1);
}

const struct nn_op nn_op_pad = {.name = "pad",
                                .fast = true,
                                .accumulates = true,
                                .infer = infer_pad,
                                .scratch = pad_scratch,
                                .forward = pad_forward,
                                .backward = pad_backward};

value nn_pad(struct graph *graph, const char *name, value x, const int64_t *before,
             const int64_t *after, double fill)
{
    struct pad_options o = {.fill = fill};
    const int rank = graph_shape(graph, x).rank;
    for (int axis = 0; axis < rank && axis < TENSOR_MAX_RANK; axis++) {
        o.before[axis] = before[axis];
        o.after[axis] = after[axis];
    }
    return graph_add(graph, &nn_op_pad, name, &x, 1, &o, sizeof o);
}

/* ---- roll ---- */

struct roll_options {
    int axis;
    int64_t shift;
};

static ana_status infer_roll(struct op_shapes *s, ana_error *err)
{
    const ana_status status = check_axis(s, ((const struct roll_options *)s->options)->axis, err);
    if (!status)
        s->output = *s->input[0];
    return status;
}

/* The part that moves up and the part that comes in again from below. */
static int roll_blocks(struct block *blocks, const struct op_call *call)
{
    const struct roll_options *o = call->options;
    const struct axis_view v = view_axis(&call->input[0].shape, o->axis);
    const int64_t shift = (o->shift % v.extent + v.extent) % v.extent;
    const int64_t begin[] = {0, v.extent - shift}, to[] = {shift, 0};
    const int64_t count[] = {v.extent - shift, shift};
    const int n = shift == 0 ? 1 : 2;
    for (int i = 0; i < n; i++)
        blocks[i] = (struct block){.copy = {.rank = 2,
                                            .extent = {v.outer, count[i] * v.inner},
                                            .src_stride = {v.extent * v.inner, 1},
                                            .dst_stride = {v.extent * v.inner, 1}},
                                   .x_at = begin[i] * v.inner,
                                   .y_at = to[i] * v.inner};
    return n;
}

static void roll_forward(const struct op_call *call)
{
    struct block blocks[MAX_BLOCKS];
    blocks_forward(call, blocks, roll_blocks(blocks, call));
}

static void roll_backward(const struct op_call *call)
{
    struct block blocks[MAX_BLOCKS];
    blocks_backward(call, blocks, roll_blocks(blocks, call));
}

const struct nn_op nn_op_roll = {.name = "roll",
                                 .fast = true,
                                 .accumulates = true,
                                 .infer = infer_roll,
                                 .forward = roll_forward,
                                 .backward = roll_backward};

value nn_roll(struct graph *graph, const char *name, value x, int axis, int64_t shift)
{
    const struct roll_options o = {axis, shift};
    return graph_add(graph, &nn_op_roll, name, &x, 1, &o, sizeof o);
}

/* ---- flip ---- */

struct flip_options {
    int axis;
};

static ana_status infer_flip(struct op_shapes *s, ana_error *err)
{
    const ana_status status = check_axis(s, ((const struct flip_options *)s->options)->axis, err);
    if (!status)
        s->output = *s->input[0];
    return status;
}

static struct block flip_block(const struct op_call *call)
{
    const struct flip_options *o = call->options;
    const struct axis_view v = view_axis(&call->input[0].shape, o->axis);
    return (struct block){.copy = {.rank = 3,
                                   .extent = {v.outer, v.extent, v.inner},
                                   .src_stride = {v.extent * v.inner, -v.inner, 1},
                                   .dst_stride = {v.extent * v.inner, v.inner, 1}},
                          .x_at = (v.extent - 1) * v.inner};
}

static void flip_forward(const struct op_call *call)
{
    const struct block block = flip_block(call);
    blocks_forward(call, &block, 1);
}

static void flip_backward(const struct op_call *call)
{
    const struct block block = flip_block(call);
    blocks_backward(call, &block, 1);
}

const struct nn_op nn_op_flip = {.name = "flip",
                                 .fast = true,
                                 .accumulates = true,
                                 .infer = infer_flip,
                                 .forward = flip_forward,
                                 .backward = flip_backward};

value nn_flip(struct graph *graph, const char *name, value x, int axis)
{
    const struct flip_options o = {axis};
    return graph_add(graph, &nn_op_flip, name, &x, 1, &o, sizeof o);
}

/* ---- windows ---- */

static const struct operand_rule image_rules[] = {{.name = "x", .min_rank = 4, .max_rank = 4}};
static const struct operand_rule window_rules[] = {
    {.name = "windows", .min_rank = 3, .max_rank = 3}};

struct window_options {
    int64_t h, w; /* of the picture that a merge makes */
    int64_t side;
    bool merges;
};

static int64_t windows_along(int64_t extent, int64_t side)
{
    return (extent - 1) / side + 1;
}

static ana_status infer_partition(struct op_shapes *s, int64_t side, ana_error *err)
{
    const ana_status status = operands_check(s, image_rules, 1, err);
    if (status)
        return status;
    const int64_t *x = s->input[0]->extent;
    s->output =
        SHAPE(x[0] * windows_along(x[1], side) * windows_along(x[2], side), side * side, x[3]);
    return ANA_OK;
}

static ana_status infer_merge(struct op_shapes *s, const struct window_options *o, ana_error *err)
{
    const ana_status status = operands_check(s, window_rules, 1, err);
    if (status)
        return status;
    const int64_t *x = s->input[0]->extent, limit = INT32_MAX;
    if (o->h < 1 || o->w < 1 || o->h > limit || o->w > limit)
        return ana_fail(err, ANA_ERR_ARGUMENT, "to %lld x %lld", (long long)o->h, (long long)o->w);
    const int64_t per_image = windows_along(o->h, o->side) * windows_along(o->w, o->side);
    if (x[1] != o->side * o->side || x[0] % per_image != 0) {
        char text[96];
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s are no windows of side %lld of %lld x %lld",
                        shape_print(text, sizeof text, s->input[0]), (long long)o->side,
                        (long long)o->h, (long long)o->w);
    }
    s->output = SHAPE(x[0] / per_image, o->h, o->w, x[2]);
    return ANA_OK;
}

static ana_status infer_window(struct op_shapes *s, ana_error *err)
{
    const struct window_options *o = s->options;
    if (o->side < 1 || o->side > 4096)
        return ana_fail(err, ANA_ERR_ARGUMENT, "side %lld, expected 1 to 4096", (long long)o->side);
    return o->merges ? infer_merge(s, o, err) : infer_partition(s, o->side, err);
}

/* One axis of the picture: whole windows, or what is left over in the last one. */
struct span {
    int64_t first; /* window */
    int64_t count; /* windows */
    int64_t extent;
};

static int spans_of(struct span spans[2], int64_t extent, int64_t side)
{
    int n = 0;
    if (extent / side > 0)
        spans[n++] = (struct span){0, extent / side, side};
    if (extent % side > 0)
        spans[n++] = (struct span){extent / side, 1, extent % side};
    return n;
}

/* Axes [n, window row, y, window column, (x, c)]: a row of a window is one run on both sides. */
static int window_blocks(struct block *blocks, const struct op_call *call)
{
    const struct window_options *o = call->options;
    const struct shape *image = o->merges ? &call->output.shape : &call->input[0].shape;
    const int64_t h = image->extent[1], w = image->extent[2], c = image->extent[3], s = o->side;
    const int64_t across = windows_along(w, s), down = windows_along(h, s);
    const int64_t image_stride[] = {h * w * c, s * w * c, w * c, s * c, 1};
    const int64_t window_stride[] = {down * across * s * s * c, across * s * s * c, s * c,
                                     s * s * c, 1};
    struct span rows[2], columns[2];
    const int n_rows = spans_of(rows, h, s), n_columns = spans_of(columns, w, s);
    int n = 0;
    for (int i = 0; i < n_rows; i++)
        for (int j = 0; j < n_columns; j++) {
            const int64_t image_at = (rows[i].first * w + columns[j].first) * s * c;
            const int64_t window_at = (rows[i].first * across + columns[j].first) * s * s * c;
            struct block *b = &blocks[n++];
            *b = (struct block){.copy = {.rank = 5,
                                         .extent = {image->extent[0], rows[i].count, rows[i].extent,
                                                    columns[j].count, columns[j].extent * c}},
                                .x_at = o->merges ? window_at : image_at,
                                .y_at = o->merges ? image_at : window_at};
            for (int axis = 0; axis < 5; axis++) {
                b->copy.src_stride[axis] = o->merges ? window_stride[axis] : image_stride[axis];
                b->copy.dst_stride[axis] = o->merges ? image_stride[axis] : window_stride[axis];
            }
        }
    return n;
}

static void window_forward(const struct op_call *call)
{
    struct block blocks[MAX_BLOCKS];
    const bool has_gaps = tensor_count(&call->output) > tensor_count(&call->input[0]);
    if (has_gaps)
        zero_tensor(&call->output);
    blocks_forward(call, blocks, window_blocks(blocks, call));
}

static void window_backward(const struct op_call *call)
{
    struct block blocks[MAX_BLOCKS];
    const bool has_gaps = tensor_count(&call->input_gradient[0]) > tensor_count(&call->output);
    if (has_gaps && !call->accumulate[0])
        zero_tensor(&call->input_gradient[0]);
    blocks_backward(call, blocks, window_blocks(blocks, call));
}

const struct nn_op nn_op_window = {.name = "window",
                                   .fast = true,
                                   .accumulates = true,
                                   .infer = infer_window,
                                   .forward = window_forward,
                                   .backward = window_backward};

value nn_window_partition(struct graph *graph, const char *name, value x, int64_t side)
{
    const struct window_options o = {.side = side};
    return graph_add(graph, &nn_op_window, name, &x, 1, &o, sizeof o);
}

value nn_window_merge(struct graph *graph, const char *name, value windows, int64_t h, int64_t w,
                      int64_t side)
{
    const struct window_options o = {h, w, side, true};
    return graph_add(graph, &nn_op_window, name, &windows, 1, &o, sizeof o);
}
