/* Batched matrix products of two activations. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "a", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "b", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
};
enum { A, B };

struct matmul_options {
    bool transpose_b;
};

struct matmul_sizes {
    int64_t batch, m, n, k;
    bool transpose_b;
};

static struct matmul_sizes sizes_of(const struct shape *a, const struct shape *b,
                                    const struct matmul_options *o)
{
    const int last = a->rank - 1;
    struct matmul_sizes s = {.batch = 1, .m = a->extent[last - 1], .k = a->extent[last]};
    for (int axis = 0; axis < last - 1; axis++)
        s.batch *= a->extent[axis];
    s.transpose_b = o->transpose_b;
    s.n = b->extent[o->transpose_b ? last - 1 : last];
    return s;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct matmul_options *o = s->options;
    const ana_status status = operands_check(s, rules, 2, err);
    if (status)
        return status;
    const struct shape *a = s->input[A], *b = s->input[B];
    const int last = a->rank - 1;
    bool fits = a->rank == b->rank;
    for (int axis = 0; fits && axis < last - 1; axis++)
        fits = a->extent[axis] == b->extent[axis];
    fits = fits && a->extent[last] == b->extent[o->transpose_b ? last : last - 1];
    if (!fits) {
        char left[96], right[96];
        return ana_fail(err, ANA_ERR_ARGUMENT, "a is %s and b %s%s",
                        shape_print(left, sizeof left, a), shape_print(right, sizeof right, b),
                        o->transpose_b ? " transposed" : "");
    }
    s->output = *a;
    s->output.extent[last] = b->extent[o->transpose_b ? last - 1 : last];
    return ANA_OK;
}

static struct matmul_sizes call_sizes(const struct op_call *call)
{
    return sizes_of(&call->input[A].shape, &call->input[B].shape, call->options);
}

static struct gemm_args forward_gemm(const struct op_call *call)
{
    const struct matmul_sizes s = call_sizes(call);
    return (struct gemm_args){.dtype = call->dtype,
                              .batch = s.batch,
                              .m = s.m,
                              .n = s.n,
                              .k = s.k,
                              .a = call->input[A].data,
                              .a_batch = s.m * s.k,
                              .a_row = s.k,
                              .a_column = 1,
                              .b = call->input[B].data,
                              .b_batch = s.k * s.n,
                              .b_row = s.transpose_b ? 1 : s.n,
                              .b_column = s.transpose_b ? s.k : 1,
                              .c = call->output.data,
                              .c_batch = s.m * s.n,
                              .c_row = s.n};
}

/* da [m, k] = dc [m, n] b^T. */
static struct gemm_args a_gemm(const struct op_call *call)
{
    const struct matmul_sizes s = call_sizes(call);
    return (struct gemm_args){.dtype = call->dtype,
                              .batch = s.batch,
                              .m = s.m,
                              .n = s.k,
                              .k = s.n,
                              .a = call->output_gradient.data,
                              .a_batch = s.m * s.n,
                              .a_row = s.n,
                              .a_column = 1,
                              .b = call->input[B].data,
                              .b_batch = s.k * s.n,
                              .b_row = s.transpose_b ? s.k : 1,
                              .b_column = s.transpose_b ? 1 : s.n,
                              .c = call->input_gradient[A].data,
                              .c_batch = s.m * s.k,
                              .c_row = s.k,
                              .accumulate = call->accumulate[A]};
}

/* db [k, n] = a^T dc, or [n, k] = dc^T a. */
static struct gemm_args b_gemm(const struct op_call *call)
{
    const struct matmul_sizes s = call_sizes(call);
    struct gemm_args g = {.dtype = call->dtype,
                          .batch = s.batch,
                          .k = s.m,
                          .c = call->input_gradient[B].data,
                          .c_batch = s.k * s.n,
                          .a_row = 1,
                          .b_column = 1,
                          .accumulate = call->accumulate[B]};
    const void *a = call->input[A].data, *dc = call->output_gradient.data;
    g.m = s.transpose_b ? s.n : s.k;
    g.n = s.transpose_b ? s.k : s.n;
    g.a = s.transpose_b ? dc : a;
    g.b = s.transpose_b ? a : dc;
    g.a_column = g.m;
    g.a_batch = s.m * g.m;
    g.b_row = g.n;
    g.b_batch = s.m * g.n;
    g.c_row = g.n;
    return g;
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    struct gemm_args gemm = is_backward ? a_gemm(call) : forward_gemm(call);
    size_t bytes = call->compute->gemm_scratch(&gemm, n_workers);
    if (is_backward) {
        gemm = b_gemm(call);
        bytes = size_larger(bytes, call->compute->gemm_scratch(&gemm, n_workers));
    }
    return bytes;
}

static void run(const struct op_call *call, struct gemm_args gemm)
{
    const struct kernel_env env = call_env(call, 0);
    call->compute->gemm(&env, &gemm);
}

static void forward(const struct op_call *call)
{
    run(call, forward_gemm(call));
}

static void backward(const struct op_call *call)
{
    if (call->input_gradient[A].data)
        run(call, a_gemm(call));
    if (call->input_gradient[B].data)
        run(call, b_gemm(call));
}

const struct nn_op nn_op_matmul = {.name = "matmul",
                                   .fast = true,
                                   .accumulates = true,
                                   .reads = 1U << A | 1U << B,
                                   .infer = infer,
                                   .scratch = scratch,
                                   .forward = forward,
                                   .backward = backward};

value nn_matmul(struct graph *graph, const char *name, value a, value b, bool transpose_b)
{
    const struct matmul_options o = {transpose_b};
    return graph_add(graph, &nn_op_matmul, name, (value[]){a, b}, 2, &o, sizeof o);
}
