/* Batched matrix products of two values, c = op(a) op(b) with op the identity or the transpose.
 *
 *   da = dc op(b)^T, db = op(a)^T dc, and where a side is shared by the batch the sum over it.
 *
 * The gradient of a transposed side is the transpose of that product. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "a", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "b", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
};
enum { A, B };

struct matmul_options {
    unsigned transpose;
};

/* A matrix of one batch entry as the product reads it: element (i, j) lies at i row + j column. */
struct matrix {
    int64_t rows, columns;
    int64_t row, column;
    int64_t batch; /* elements from one entry to the next, 0 if shared */
};

/* Whether all axes before the matrix are 1, or there are none. */
static bool is_one(const struct shape *x)
{
    return shape_count(x) == x->extent[x->rank - 2] * x->extent[x->rank - 1];
}

static struct matrix matrix_of(const struct shape *shape, bool transposed)
{
    const int64_t m = shape->extent[shape->rank - 2], n = shape->extent[shape->rank - 1];
    struct matrix x = {.rows = m, .columns = n, .row = n, .column = 1};
    x.batch = is_one(shape) ? 0 : m * n;
    if (transposed)
        x = (struct matrix){.rows = n, .columns = m, .row = 1, .column = n, .batch = x.batch};
    return x;
}

static struct matrix flipped(struct matrix x)
{
    return (struct matrix){
        .rows = x.columns, .columns = x.rows, .row = x.column, .column = x.row, .batch = x.batch};
}

/* The batch axes of one side; those of the other are the same, or all 1, or not there. */
static bool same_batch(const struct shape *a, const struct shape *b)
{
    bool same = a->rank == b->rank;
    for (int axis = 0; same && axis < a->rank - 2; axis++)
        same = a->extent[axis] == b->extent[axis];
    return same;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const unsigned transpose = ((const struct matmul_options *)s->options)->transpose;
    const ana_status status = operands_check(s, rules, 2, err);
    if (status)
        return status;
    const struct shape *a = s->input[A], *b = s->input[B];
    const struct matrix left = matrix_of(a, transpose & NN_TRANSPOSE_A);
    const struct matrix right = matrix_of(b, transpose & NN_TRANSPOSE_B);
    if (left.columns != right.rows || !(same_batch(a, b) || is_one(a) || is_one(b))) {
        char text_a[96], text_b[96];
        return ana_fail(
            err, ANA_ERR_ARGUMENT, "a is %s%s and b %s%s", shape_print(text_a, sizeof text_a, a),
            transpose & NN_TRANSPOSE_A ? " transposed" : "", shape_print(text_b, sizeof text_b, b),
            transpose & NN_TRANSPOSE_B ? " transposed" : "");
    }
    const bool a_is_shared = is_one(a) && (!is_one(b) || b->rank > a->rank);
    s->output = a_is_shared ? *b : *a;
    s->output.extent[s->output.rank - 2] = left.rows;
    s->output.extent[s->output.rank - 1] = right.columns;
    return ANA_OK;
}

static unsigned transpose_of(const struct op_call *call)
{
    return ((const struct matmul_options *)call->options)->transpose;
}

static struct matrix a_of(const struct op_call *call)
{
    return matrix_of(&call->input[A].shape, transpose_of(call) & NN_TRANSPOSE_A);
}

static struct matrix b_of(const struct op_call *call)
{
    return matrix_of(&call->input[B].shape, transpose_of(call) & NN_TRANSPOSE_B);
}

static struct matrix c_of(const struct op_call *call)
{
    return matrix_of(&call->output.shape, false);
}

static int64_t batch_of(const struct op_call *call)
{
    const struct matrix c = c_of(call);
    return tensor_count(&call->output) / (c.rows * c.columns);
}

/* out = x y. `out` has unit columns: a transposed one is made as y^T x^T. */
static struct gemm_args product(const struct op_call *call, struct matrix out, void *c,
                                struct matrix x, const void *a, struct matrix y, const void *b)
{
    if (out.column != 1) {
        const struct matrix x_flipped = flipped(x);
        const void *left = a;
        out = flipped(out);
        x = flipped(y);
        y = x_flipped;
        a = b;
        b = left;
    }
    return (struct gemm_args){.dtype = call->dtype,
                              .batch = batch_of(call),
                              .m = x.rows,
                              .n = y.columns,
                              .k = x.columns,
                              .a = a,
                              .a_batch = x.batch,
                              .a_row = x.row,
                              .a_column = x.column,
                              .b = b,
                              .b_batch = y.batch,
                              .b_row = y.row,
                              .b_column = y.column,
                              .c = c,
                              .c_batch = out.batch,
                              .c_row = out.row};
}

static struct gemm_args forward_gemm(const struct op_call *call)
{
    return product(call, c_of(call), call->output.data, a_of(call), call->input[A].data, b_of(call),
                   call->input[B].data);
}

/* da = dc op(b)^T, db = op(a)^T dc. */
static struct gemm_args gradient_gemm(const struct op_call *call, int operand)
{
    const struct matrix a = a_of(call), b = b_of(call), c = c_of(call);
    const void *dc = call->output_gradient.data;
    struct gemm_args g = operand == A ? product(call, a, call->input_gradient[A].data, c, dc,
                                                flipped(b), call->input[B].data)
                                      : product(call, b, call->input_gradient[B].data, flipped(a),
                                                call->input[A].data, c, dc);
    g.accumulate = call->accumulate[operand];
    return g;
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    if (!is_backward) {
        const struct gemm_args gemm = forward_gemm(call);
        return call->compute->gemm_scratch(&gemm, n_workers);
    }
    size_t bytes = 0;
    for (int operand = A; operand <= B; operand++) {
        struct gemm_args gemm = gradient_gemm(call, operand);
        bytes = size_larger(bytes, call->compute->gemm_scratch(&gemm, n_workers));
        gemm.batch = 1; /* a shared side takes one entry after the other */
        bytes = size_larger(bytes, call->compute->gemm_scratch(&gemm, n_workers));
    }
    return bytes;
}

static void forward(const struct op_call *call)
{
    const struct kernel_env env = call_env(call, 0);
    const struct gemm_args gemm = forward_gemm(call);
    call->compute->gemm(&env, &gemm);
}

/* A shared side collects its gradient entry by entry, in order. */
static void gradient(const struct op_call *call, int operand)
{
    const struct kernel_env env = call_env(call, 0);
    const struct gemm_args whole = gradient_gemm(call, operand);
    if (whole.c_batch != 0 || whole.batch == 1) {
        call->compute->gemm(&env, &whole);
        return;
    }
    for (int64_t entry = 0; entry < whole.batch; entry++) {
        const size_t width = dtype_size(call->dtype);
        struct gemm_args one = whole;
        one.batch = 1;
        one.a = (const uint8_t *)whole.a + (size_t)(entry * whole.a_batch) * width;
        one.b = (const uint8_t *)whole.b + (size_t)(entry * whole.b_batch) * width;
        one.accumulate = whole.accumulate || entry > 0;
        call->compute->gemm(&env, &one);
    }
}

static void backward(const struct op_call *call)
{
    for (int operand = A; operand <= B; operand++)
        if (call->input_gradient[operand].data)
            gradient(call, operand);
}

static double flop(const struct op_call *call, bool is_backward)
{
    const int passes =
        (call->input_gradient[A].data != NULL) + (call->input_gradient[B].data != NULL);
    return 2 * (double)tensor_count(&call->output) * (double)a_of(call).columns *
           (is_backward ? passes : 1);
}

const struct nn_op nn_op_matmul = {.name = "matmul",
                                   .fast = true,
                                   .accumulates = true,
                                   .reads = 1U << A | 1U << B,
                                   .infer = infer,
                                   .scratch = scratch,
                                   .forward = forward,
                                   .backward = backward,
                                   .flop = flop};

value nn_matmul(struct graph *graph, const char *name, value a, value b, unsigned transpose)
{
    const struct matmul_options o = {transpose};
    return graph_add(graph, &nn_op_matmul, name, (value[]){a, b}, 2, &o, sizeof o);
}
