/* Channels at points of a picture or a volume. Where points coincide their gradients add up, in
 * the order of the points. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <assert.h>
#include <string.h>

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 3, .max_rank = TENSOR_MAX_RANK},
    {.name = "points", .min_rank = 3, .max_rank = 3, .kind = OPERAND_INDEX},
};
enum { X, POINTS };

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, rules, 2, err);
    if (status)
        return status;
    const int64_t n = s->input[X]->extent[0], m = s->input[POINTS]->extent[1];
    status = operand_expect(s, rules, POINTS, SHAPE(n, m, s->input[X]->rank - 2), err);
    s->output = SHAPE(n, m, shape_last(s->input[X]));
    return status;
}

/* Offset in x of the channels of point `row`, counted over all samples. */
static int64_t point_at(const struct op_call *call, int64_t row)
{
    const struct shape *x = &call->input[X].shape;
    const int dims = x->rank - 2;
    const int32_t *point = tensor_i32(&call->input[POINTS]) + row * dims;
    int64_t at = row / call->output.shape.extent[1];
    for (int axis = 0; axis < dims; axis++) {
        assert(point[axis] >= 0 && point[axis] < x->extent[axis + 1]);
        at = at * x->extent[axis + 1] + point[axis];
    }
    return at * shape_last(x);
}

static void forward(const struct op_call *call)
{
    const size_t element = dtype_size(call->dtype);
    const size_t bytes = (size_t)shape_last(&call->output.shape) * element;
    for (int64_t row = 0; row < shape_rows(&call->output.shape); row++)
        memcpy((uint8_t *)call->output.data + (size_t)row * bytes,
               (const uint8_t *)call->input[X].data + (size_t)point_at(call, row) * element, bytes);
}

static void backward(const struct op_call *call)
{
    const int64_t c = shape_last(&call->output.shape);
    if (!call->accumulate[X])
        zero_tensor(&call->input_gradient[X]);
    for (int64_t row = 0; row < shape_rows(&call->output.shape); row++)
        for (int64_t j = 0; j < c; j++)
            real_store(call->input_gradient[X].data, call->dtype, point_at(call, row) + j,
                       real_get(call->output_gradient.data, call->dtype, row * c + j), true);
}

const struct nn_op nn_op_take_points = {.name = "take_points",
                                        .accumulates = true,
                                        .reads = 1U << POINTS,
                                        .no_gradient = 1U << POINTS,
                                        .infer = infer,
                                        .forward = forward,
                                        .backward = backward};

value nn_take_points(struct graph *graph, const char *name, value x, value points)
{
    return graph_add(graph, &nn_op_take_points, name, (value[]){x, points}, 2, NULL, 0);
}
