/* a + b, a - b, a b, a / b with broadcasting: axes are matched from the last one on, and an axis
 * that is 1 or missing on one side repeats. The gradient of such a side is the sum over the
 * repetitions, in index order and in double.
 *
 * Shapes are filled up with ones to TENSOR_MAX_RANK axes; a job is a row of the result, or a block
 * of a row of the operand in the backward pass. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "a", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
    {.name = "b", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
};

enum { RANK = TENSOR_MAX_RANK, LAST = RANK - 1, OUTER_AXES = LAST, COLUMN_BLOCK = 128 };
_Static_assert(RANK == 5, "backward_block() has one loop for each axis before the last one");

struct binary_options {
    enum nn_binary_kind kind;
};

static int64_t extent_at(const struct shape *shape, int axis)
{
    const int own = axis - (RANK - shape->rank);
    return own < 0 ? 1 : shape->extent[own];
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const ana_status status = operands_check(s, rules, 2, err);
    if (status)
        return status;
    const struct shape *a = s->input[0], *b = s->input[1];
    s->output.rank = a->rank > b->rank ? a->rank : b->rank;
    for (int axis = RANK - s->output.rank; axis < RANK; axis++) {
        const int64_t x = extent_at(a, axis), y = extent_at(b, axis);
        if (x != y && x != 1 && y != 1) {
            char left[96], right[96];
            return ana_fail(err, ANA_ERR_ARGUMENT, "%s and %s do not broadcast",
                            shape_print(left, sizeof left, a), shape_print(right, sizeof right, b));
        }
        s->output.extent[axis - (RANK - s->output.rank)] = x > y ? x : y;
    }
    return ANA_OK;
}

/* The result's extents and how each tensor lies along them; 0 repeats. */
struct binary {
    const struct op_call *call;
    enum nn_binary_kind kind;
    int64_t extent[RANK];
    int64_t stride[2][RANK]; /* of a and b */
    int64_t out[RANK];
    int operand; /* backward: whose gradient */
};

static void fill_strides(int64_t *stride, const struct shape *shape)
{
    int64_t step = 1;
    for (int axis = LAST; axis >= 0; axis--) {
        const int64_t extent = extent_at(shape, axis);
        stride[axis] = extent == 1 ? 0 : step;
        step *= extent;
    }
}

static struct binary binary_of(const struct op_call *call)
{
    struct binary b = {.call = call, .kind = ((const struct binary_options *)call->options)->kind};
    for (int axis = 0; axis < RANK; axis++)
        b.extent[axis] = extent_at(&call->output.shape, axis);
    fill_strides(b.out, &call->output.shape);
    for (int i = 0; i < 2; i++)
        fill_strides(b.stride[i], &call->input[i].shape);
    return b;
}

static int64_t offset_of(const int64_t *stride, const int64_t *at)
{
    int64_t offset = 0;
    for (int axis = 0; axis < OUTER_AXES; axis++)
        offset += stride[axis] * at[axis];
    return offset;
}

/* ---- forward ---- */

static ALWAYS_INLINE double combined(enum nn_binary_kind kind, double a, double b)
{
    switch (kind) {
    case NN_ADD:
        return a + b;
    case NN_SUB:
        return a - b;
    case NN_MUL:
        return a * b;
    case NN_DIV:
        break;
    }
    return a / b;
}

static ALWAYS_INLINE void forward_line(const struct binary *b, const int64_t *at, enum dtype dtype)
{
    const int64_t pa = offset_of(b->stride[0], at), pb = offset_of(b->stride[1], at);
    const int64_t sa = b->stride[0][LAST], sb = b->stride[1][LAST], to = offset_of(b->out, at);
    for (int64_t j = 0; j < b->extent[LAST]; j++)
        real_put(b->call->output.data, dtype, to + j,
                 combined(b->kind, real_get(b->call->input[0].data, dtype, pa + sa * j),
                          real_get(b->call->input[1].data, dtype, pb + sb * j)));
}

/* Coordinates of a row among the axes before the last. */
static void row_coordinates(int64_t *at, const int64_t *extent, int64_t row)
{
    for (int axis = OUTER_AXES - 1; axis >= 0; axis--) {
        at[axis] = row % extent[axis];
        row /= extent[axis];
    }
}

static int64_t rows_per_chunk(const struct binary *b)
{
    const int64_t rows = OPS_CHUNK / b->extent[LAST];
    return rows > 1 ? rows : 1;
}

static int64_t rows_of(const struct binary *b)
{
    return shape_rows(&b->call->output.shape);
}

static void forward_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct binary *b = context;
    const int64_t begin = chunk * rows_per_chunk(b), all = rows_of(b);
    for (int64_t row = begin; row < begin + rows_per_chunk(b) && row < all; row++) {
        int64_t at[OUTER_AXES];
        row_coordinates(at, b->extent, row);
        if (b->call->dtype == DTYPE_F64)
            forward_line(b, at, DTYPE_F64);
        else
            forward_line(b, at, DTYPE_F32);
    }
}

static void forward(const struct op_call *call)
{
    struct binary b = binary_of(call);
    const int64_t chunks = (rows_of(&b) + rows_per_chunk(&b) - 1) / rows_per_chunk(&b);
    parallel_for(call->pool, chunks, forward_chunk, &b);
}

/* ---- backward ---- */

/* d result / d operand */
static ALWAYS_INLINE double slope(enum nn_binary_kind kind, int operand, double a, double b)
{
    switch (kind) {
    case NN_ADD:
        return 1;
    case NN_SUB:
        return operand ? -1 : 1;
    case NN_MUL:
        return operand ? a : b;
    case NN_DIV:
        break;
    }
    return operand ? -a / (b * b) : 1 / b;
}

/* Adds what one line of the result gives the operand's columns [begin, end), or its only one. */
static ALWAYS_INLINE void backward_line(const struct binary *b, const int64_t *at, int64_t begin,
                                        int64_t end, double *sum, enum dtype dtype)
{
    const struct op_call *call = b->call;
    const int64_t pa = offset_of(b->stride[0], at), pb = offset_of(b->stride[1], at);
    const int64_t sa = b->stride[0][LAST], sb = b->stride[1][LAST], from = offset_of(b->out, at);
    const bool one = b->stride[b->operand][LAST] == 0;
    const bool reads = b->kind == NN_MUL || b->kind == NN_DIV;
    for (int64_t j = begin; j < end; j++) {
        const double left = reads ? real_get(call->input[0].data, dtype, pa + sa * j) : 0;
        const double right = reads ? real_get(call->input[1].data, dtype, pb + sb * j) : 0;
        sum[one ? 0 : j - begin] += real_get(call->output_gradient.data, dtype, from + j) *
                                    slope(b->kind, b->operand, left, right);
    }
}

/* Extents of the operand along the result's axes. */
static int64_t own_extent(const struct binary *b, int axis)
{
    return b->stride[b->operand][axis] ? b->extent[axis] : 1;
}

static int64_t column_blocks(const struct binary *b)
{
    return (own_extent(b, LAST) + COLUMN_BLOCK - 1) / COLUMN_BLOCK;
}

static ALWAYS_INLINE void backward_block(const struct binary *b, int64_t row, int64_t block,
                                         enum dtype dtype)
{
    int64_t own[OUTER_AXES], home[OUTER_AXES], first[OUTER_AXES], last[OUTER_AXES];
    for (int axis = 0; axis < OUTER_AXES; axis++)
        own[axis] = own_extent(b, axis);
    row_coordinates(home, own, row);
    for (int axis = 0; axis < OUTER_AXES; axis++) {
        first[axis] = home[axis];
        last[axis] = own[axis] == 1 ? b->extent[axis] - 1 : home[axis];
    }
    const int64_t columns = own_extent(b, LAST), begin = block * COLUMN_BLOCK;
    const int64_t end = columns == 1                     ? b->extent[LAST]
                        : begin + COLUMN_BLOCK < columns ? begin + COLUMN_BLOCK
                                                         : columns;
    double sum[COLUMN_BLOCK] = {0};
    int64_t at[OUTER_AXES];
    for (at[0] = first[0]; at[0] <= last[0]; at[0]++)
        for (at[1] = first[1]; at[1] <= last[1]; at[1]++)
            for (at[2] = first[2]; at[2] <= last[2]; at[2]++)
                for (at[3] = first[3]; at[3] <= last[3]; at[3]++)
                    backward_line(b, at, begin, end, sum, dtype);
    const int64_t n = columns == 1 ? 1 : end - begin;
    for (int64_t j = 0; j < n; j++)
        real_store(b->call->input_gradient[b->operand].data, dtype, row * columns + begin + j,
                   sum[j], b->call->accumulate[b->operand]);
}

static void backward_job(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct binary *b = context;
    const int64_t row = job / column_blocks(b), block = job % column_blocks(b);
    if (b->call->dtype == DTYPE_F64)
        backward_block(b, row, block, DTYPE_F64);
    else
        backward_block(b, row, block, DTYPE_F32);
}

static void backward(const struct op_call *call)
{
    struct binary b = binary_of(call);
    for (b.operand = 0; b.operand < 2; b.operand++)
        if (call->input_gradient[b.operand].data)
            parallel_for(call->pool, shape_rows(&call->input[b.operand].shape) * column_blocks(&b),
                         backward_job, &b);
}

const struct nn_op nn_op_binary = {.name = "binary",
                                   .accumulates = true,
                                   .reads = 3,
                                   .infer = infer,
                                   .forward = forward,
                                   .backward = backward};

value nn_binary(struct graph *graph, const char *name, value a, value b, enum nn_binary_kind kind)
{
    const struct binary_options o = {kind};
    return graph_add(graph, &nn_op_binary, name, (value[]){a, b}, 2, &o, sizeof o);
}
