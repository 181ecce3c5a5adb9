/* Operators that only move elements: concat, slice, reshape, permute, pixel shuffle. All but
 * reshape are one strided copy, and their gradient is the copy the other way. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
};

static void run_copy(const struct op_call *call, struct copy_args args)
{
    args.dtype = call->dtype;
    const struct kernel_env env = call_env(call, 0);
    call->compute->copy(&env, &args);
}

/* The copy from the result's gradient to the operand's. */
static struct copy_args reversed(const struct op_call *call, const struct copy_args *forward)
{
    struct copy_args args = *forward;
    for (int axis = 0; axis < args.rank; axis++) {
        args.src_stride[axis] = forward->dst_stride[axis];
        args.dst_stride[axis] = forward->src_stride[axis];
    }
    args.src = call->output_gradient.data;
    args.dst = call->input_gradient[0].data;
    args.accumulate = call->accumulate[0];
    return args;
}

/* ---- concat ---- */

struct concat_options {
    int axis;
};

static ana_status infer_concat(struct op_shapes *s, ana_error *err)
{
    const int axis = ((const struct concat_options *)s->options)->axis;
    for (int i = 0; i < s->n_inputs; i++) {
        char name[16] = "part 0";
        name[5] = (char)('0' + i);
        const struct operand_rule rule = {name, 1, TENSOR_MAX_RANK, OPERAND_FLOAT, false};
        const struct op_shapes part = {.input = {s->input[i]},
                                       .input_dtype = {s->input_dtype[i]},
                                       .n_inputs = 1,
                                       .dtype = s->dtype};
        ana_status status = operands_check(&part, &rule, 1, err);
        if (status)
            return status;
        if (axis < 0 || axis >= s->input[i]->rank)
            return ana_fail(err, ANA_ERR_ARGUMENT, "axis %d of %d", axis, s->input[i]->rank);
        if (i == 0) {
            s->output = *s->input[0];
            continue;
        }
        struct shape expected = s->output;
        const int64_t extent = s->input[i]->extent[axis];
        expected.extent[axis] = extent;
        status = operand_expect(&part, &rule, 0, expected, err);
        if (status)
            return status;
        s->output.extent[axis] += extent;
    }
    return ANA_OK;
}

/* Elements of one run of a part, from its axis on; the parts' runs lie one behind another. */
static int64_t concat_run(const struct op_call *call, const struct tensor *tensor)
{
    int64_t run = 1;
    for (int i = ((const struct concat_options *)call->options)->axis; i < tensor->shape.rank; i++)
        run *= tensor->shape.extent[i];
    return run;
}

/* Copies runs between a part and its place in the whole. */
static struct copy_args concat_copy(const struct op_call *call, int part)
{
    const int64_t run = concat_run(call, &call->input[part]);
    const int64_t whole = concat_run(call, &call->output);
    return (struct copy_args){.rank = 2,
                              .extent = {tensor_count(&call->input[part]) / run, run},
                              .src_stride = {run, 1},
                              .dst_stride = {whole, 1}};
}

static void concat_forward(const struct op_call *call)
{
    int64_t at = 0;
    for (int i = 0; i < call->n_inputs; i++) {
        struct copy_args args = concat_copy(call, i);
        args.src = call->input[i].data;
        args.dst = real_at(call->output.data, call->dtype, at);
        run_copy(call, args);
        at += concat_run(call, &call->input[i]);
    }
}

static void concat_backward(const struct op_call *call)
{
    int64_t at = 0;
    for (int i = 0; i < call->n_inputs; i++) {
        if (call->input_gradient[i].data) {
            const struct copy_args forward = concat_copy(call, i);
            struct copy_args args = reversed(call, &forward);
            args.src = real_at(call->output_gradient.data, call->dtype, at);
            args.dst = call->input_gradient[i].data;
            args.accumulate = call->accumulate[i];
            run_copy(call, args);
        }
        at += concat_run(call, &call->input[i]);
    }
}

const struct nn_op nn_op_concat = {.name = "concat",
                                   .fast = true,
                                   .accumulates = true,
                                   .infer = infer_concat,
                                   .forward = concat_forward,
                                   .backward = concat_backward};

value nn_concat_axis(struct graph *graph, const char *name, const value *parts, int n_parts,
                     int axis)
{
    if (n_parts < 1 || n_parts > OP_MAX_INPUTS) {
        graph_fail(graph, "%s (concat): %d parts, expected 1 to %d", name ? name : "", n_parts,
                   OP_MAX_INPUTS);
        return NO_VALUE;
    }
    const struct concat_options o = {axis};
    return graph_add(graph, &nn_op_concat, name, parts, n_parts, &o, sizeof o);
}

value nn_concat(struct graph *graph, const char *name, const value *parts, int n_parts)
{
    const int rank = n_parts > 0 ? graph_shape(graph, parts[0]).rank : 0;
    return nn_concat_axis(graph, name, parts, n_parts, rank > 0 ? rank - 1 : 0);
}

/* ---- slice ---- */

struct slice_options {
    int axis;
    int64_t begin, count;
};

static ana_status infer_slice(struct op_shapes *s, ana_error *err)
{
    const struct slice_options *o = s->options;
    const ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    if (o->axis < 0 || o->axis >= s->input[0]->rank)
        return ana_fail(err, ANA_ERR_ARGUMENT, "axis %d of %d", o->axis, s->input[0]->rank);
    const int64_t extent = s->input[0]->extent[o->axis];
    if (o->begin < 0 || o->count < 1 || o->begin > extent || o->count > extent - o->begin)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%lld from %lld on axis %d of extent %lld",
                        (long long)o->count, (long long)o->begin, o->axis, (long long)extent);
    s->output = *s->input[0];
    s->output.extent[o->axis] = o->count;
    return ANA_OK;
}

/* [outer, count * inner] out of [outer, extent * inner]; *skipped elements lie before the first. */
static struct copy_args slice_copy(const struct op_call *call, int64_t *skipped)
{
    const struct slice_options *o = call->options;
    const struct shape *x = &call->input[0].shape;
    int64_t outer = 1, inner = 1;
    for (int axis = 0; axis < o->axis; axis++)
        outer *= x->extent[axis];
    for (int axis = o->axis + 1; axis < x->rank; axis++)
        inner *= x->extent[axis];
    *skipped = o->begin * inner;
    return (struct copy_args){.rank = 2,
                              .extent = {outer, o->count * inner},
                              .src_stride = {x->extent[o->axis] * inner, 1},
                              .dst_stride = {o->count * inner, 1}};
}

static void slice_forward(const struct op_call *call)
{
    int64_t skipped;
    struct copy_args args = slice_copy(call, &skipped);
    args.src = real_at(call->input[0].data, call->dtype, skipped);
    args.dst = call->output.data;
    run_copy(call, args);
}

static void slice_backward(const struct op_call *call)
{
    int64_t skipped;
    const struct copy_args forward = slice_copy(call, &skipped);
    struct copy_args args = reversed(call, &forward);
    args.dst = real_at(call->input_gradient[0].data, call->dtype, skipped);
    if (!call->accumulate[0])
        zero_tensor(&call->input_gradient[0]);
    run_copy(call, args);
}

const struct nn_op nn_op_slice = {.name = "slice",
                                  .fast = true,
                                  .accumulates = true,
                                  .infer = infer_slice,
                                  .forward = slice_forward,
                                  .backward = slice_backward};

value nn_slice(struct graph *graph, const char *name, value x, int axis, int64_t begin,
               int64_t count)
{
    const struct slice_options o = {axis, begin, count};
    return graph_add(graph, &nn_op_slice, name, &x, 1, &o, sizeof o);
}

/* ---- reshape ---- */

static ana_status infer_reshape(struct op_shapes *s, ana_error *err)
{
    const struct shape *wanted = s->options;
    const ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    size_t bytes;
    char from[96], to[96];
    if (wanted->rank < 1 || wanted->rank > TENSOR_MAX_RANK ||
        !shape_size(&bytes, wanted, s->dtype) || shape_count(wanted) != shape_count(s->input[0]))
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s cannot become %s",
                        shape_print(from, sizeof from, s->input[0]),
                        shape_print(to, sizeof to, wanted));
    s->output = *wanted;
    return ANA_OK;
}

static void reshape_forward(const struct op_call *call)
{
    call_scale(call, call->output.data, call->input[0].data, 1, tensor_count(&call->output), false);
}

static void reshape_backward(const struct op_call *call)
{
    call_scale(call, call->input_gradient[0].data, call->output_gradient.data, 1,
               tensor_count(&call->output), call->accumulate[0]);
}

const struct nn_op nn_op_reshape = {.name = "reshape",
                                    .fast = true,
                                    .accumulates = true,
                                    .infer = infer_reshape,
                                    .forward = reshape_forward,
                                    .backward = reshape_backward};

value nn_reshape(struct graph *graph, const char *name, value x, struct shape shape)
{
    return graph_add(graph, &nn_op_reshape, name, &x, 1, &shape, sizeof shape);
}

/* ---- permute ---- */

struct permute_options {
    int order[TENSOR_MAX_RANK];
};

static ana_status infer_permute(struct op_shapes *s, ana_error *err)
{
    const struct permute_options *o = s->options;
    const ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    bool used[TENSOR_MAX_RANK] = {false};
    s->output = *s->input[0];
    for (int i = 0; i < s->output.rank; i++) {
        const int from = o->order[i];
        if (from < 0 || from >= s->output.rank || used[from])
            return ana_fail(err, ANA_ERR_ARGUMENT, "axis %d is named twice or does not exist",
                            from);
        used[from] = true;
        s->output.extent[i] = s->input[0]->extent[from];
    }
    return ANA_OK;
}

static struct copy_args permute_copy(const struct op_call *call)
{
    const struct permute_options *o = call->options;
    struct copy_args args = {
        .rank = call->output.shape.rank, .src = call->input[0].data, .dst = call->output.data};
    for (int i = 0; i < args.rank; i++) {
        args.extent[i] = call->output.shape.extent[i];
        args.src_stride[i] = call->input[0].stride[o->order[i]];
        args.dst_stride[i] = call->output.stride[i];
    }
    return args;
}

static void permute_forward(const struct op_call *call)
{
    run_copy(call, permute_copy(call));
}

static void permute_backward(const struct op_call *call)
{
    const struct copy_args forward = permute_copy(call);
    run_copy(call, reversed(call, &forward));
}

const struct nn_op nn_op_permute = {.name = "permute",
                                    .fast = true,
                                    .accumulates = true,
                                    .infer = infer_permute,
                                    .forward = permute_forward,
                                    .backward = permute_backward};

value nn_permute(struct graph *graph, const char *name, value x, const int *order)
{
    struct permute_options o = {{0}};
    const int rank = graph_shape(graph, x).rank;
    for (int i = 0; i < rank && i < TENSOR_MAX_RANK; i++)
        o.order[i] = order[i];
    return graph_add(graph, &nn_op_permute, name, &x, 1, &o, sizeof o);
}

/* ---- pixel shuffle ---- */

struct shuffle_options {
    int64_t r;
    bool to_space;
};

static const struct operand_rule shuffle_rules[] = {{.name = "x", .min_rank = 4, .max_rank = 4}};

static ana_status infer_shuffle(struct op_shapes *s, ana_error *err)
{
    const struct shuffle_options *o = s->options;
    const ana_status status = operands_check(s, shuffle_rules, 1, err);
    if (status)
        return status;
    const int64_t *x = s->input[0]->extent;
    if (o->r < 1 || o->r > 64)
        return ana_fail(err, ANA_ERR_ARGUMENT, "factor %lld, expected 1 to 64", (long long)o->r);
    if (o->to_space ? x[3] % (o->r * o->r) != 0 : x[1] % o->r != 0 || x[2] % o->r != 0) {
        char text[96];
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s does not divide by %lld",
                        shape_print(text, sizeof text, s->input[0]), (long long)o->r);
    }
    s->output = o->to_space ? SHAPE(x[0], x[1] * o->r, x[2] * o->r, x[3] / (o->r * o->r))
                            : SHAPE(x[0], x[1] / o->r, x[2] / o->r, x[3] * o->r * o->r);
    return ANA_OK;
}

/* Axes [n h, dy, w, dx, c] of the coarse grid: deep[n h, w, (c, dy, dx)], wide[n h, dy, w, dx, c].
 */
static struct copy_args shuffle_copy(const struct op_call *call)
{
    const struct shuffle_options *o = call->options;
    const struct shape *deep = o->to_space ? &call->input[0].shape : &call->output.shape;
    const int64_t r = o->r, rows = deep->extent[0] * deep->extent[1], w = deep->extent[2];
    const int64_t channels = deep->extent[3], c = channels / (r * r);
    const int64_t deep_stride[] = {w * channels, r, channels, 1, r * r};
    const int64_t wide_stride[] = {r * w * r * c, w * r * c, r * c, c, 1};
    struct copy_args args = {.rank = 5,
                             .extent = {rows, r, w, r, c},
                             .src = call->input[0].data,
                             .dst = call->output.data};
    for (int axis = 0; axis < 5; axis++) {
        args.src_stride[axis] = o->to_space ? deep_stride[axis] : wide_stride[axis];
        args.dst_stride[axis] = o->to_space ? wide_stride[axis] : deep_stride[axis];
    }
    return args;
}

static void shuffle_forward(const struct op_call *call)
{
    run_copy(call, shuffle_copy(call));
}

static void shuffle_backward(const struct op_call *call)
{
    const struct copy_args forward = shuffle_copy(call);
    run_copy(call, reversed(call, &forward));
}

const struct nn_op nn_op_pixel_shuffle = {.name = "pixel_shuffle",
                                          .fast = true,
                                          .accumulates = true,
                                          .infer = infer_shuffle,
                                          .forward = shuffle_forward,
                                          .backward = shuffle_backward};

static value add_shuffle(struct graph *graph, const char *name, value x, int64_t r, bool to_space)
{
    const struct shuffle_options o = {r, to_space};
    return graph_add(graph, &nn_op_pixel_shuffle, name, &x, 1, &o, sizeof o);
}

value nn_depth_to_space(struct graph *graph, const char *name, value x, int64_t r)
{
    return add_shuffle(graph, name, x, r, true);
}

value nn_space_to_depth(struct graph *graph, const char *name, value x, int64_t r)
{
    return add_shuffle(graph, name, x, r, false);
}
