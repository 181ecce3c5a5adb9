/* Sum, mean and maximum over neighbouring axes: x seen as [outer, n, inner] -> [outer, inner].
 * Sums run in double and in index order; the gradient of a maximum goes to the first one. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK}};

enum { BLOCK = 64 }; /* columns of one job */

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_reduce_options *o = s->options;
    const ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    const struct shape *x = s->input[0];
    if (o->axis < 0 || o->n_axes < 1 || o->axis > x->rank - o->n_axes)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%d axes from %d of %d", o->n_axes, o->axis,
                        x->rank);
    s->output = (struct shape){0};
    for (int axis = 0; axis < x->rank; axis++) {
        const bool reduced = axis >= o->axis && axis < o->axis + o->n_axes;
        if (!reduced || o->keep)
            s->output.extent[s->output.rank++] = reduced ? 1 : x->extent[axis];
    }
    if (s->output.rank == 0)
        s->output = SHAPE(1);
    return ANA_OK;
}

struct reduction {
    const struct op_call *call;
    enum nn_reduction kind;
    int64_t outer, n, inner, blocks;
};

static struct reduction reduction_of(const struct op_call *call)
{
    const struct nn_reduce_options *o = call->options;
    const struct shape *x = &call->input[0].shape;
    struct reduction r = {call, o->kind, 1, 1, 1, 0};
    for (int axis = 0; axis < x->rank; axis++) {
        int64_t *of = axis < o->axis ? &r.outer : axis < o->axis + o->n_axes ? &r.n : &r.inner;
        *of *= x->extent[axis];
    }
    r.blocks = (r.inner + BLOCK - 1) / BLOCK;
    return r;
}

/* Columns [begin, end) of the row of one job. */
struct columns {
    int64_t row, begin, end;
};

static struct columns columns_of(const struct reduction *r, int64_t job)
{
    struct columns c = {job / r->blocks, job % r->blocks * BLOCK, 0};
    c.end = c.begin + BLOCK < r->inner ? c.begin + BLOCK : r->inner;
    return c;
}

static ALWAYS_INLINE void reduce(const struct reduction *r, struct columns c, enum dtype dtype)
{
    const void *x = r->call->input[0].data;
    double total[BLOCK] = {0};
    for (int64_t i = 0; i < r->n; i++) {
        const int64_t at = (c.row * r->n + i) * r->inner;
        for (int64_t j = c.begin; j < c.end; j++) {
            const double v = real_get(x, dtype, at + j);
            double *t = &total[j - c.begin];
            if (r->kind != NN_MAX)
                *t += v;
            else if (i == 0 || v > *t)
                *t = v;
        }
    }
    const double factor = r->kind == NN_MEAN ? 1 / (double)r->n : 1;
    for (int64_t j = c.begin; j < c.end; j++)
        real_put(r->call->output.data, dtype, c.row * r->inner + j, factor * total[j - c.begin]);
}

static void reduce_job(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct reduction *r = context;
    if (r->call->dtype == DTYPE_F64)
        reduce(r, columns_of(r, job), DTYPE_F64);
    else
        reduce(r, columns_of(r, job), DTYPE_F32);
}

static void forward(const struct op_call *call)
{
    struct reduction r = reduction_of(call);
    parallel_for(call->pool, r.outer * r.blocks, reduce_job, &r);
}

static ALWAYS_INLINE void spread(const struct reduction *r, struct columns c, enum dtype dtype)
{
    const struct op_call *call = r->call;
    const double factor = r->kind == NN_MEAN ? 1 / (double)r->n : 1;
    bool found[BLOCK] = {false};
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t j = c.begin; j < c.end; j++) {
            const int64_t at = (c.row * r->n + i) * r->inner + j, from = c.row * r->inner + j;
            double d = factor * real_get(call->output_gradient.data, dtype, from);
            if (r->kind == NN_MAX) {
                const bool first =
                    !found[j - c.begin] && real_get(call->input[0].data, dtype, at) >=
                                               real_get(call->output.data, dtype, from);
                found[j - c.begin] |= first;
                d = first ? d : 0;
            }
            real_store(call->input_gradient[0].data, dtype, at, d, call->accumulate[0]);
        }
}

static void spread_job(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct reduction *r = context;
    if (r->call->dtype == DTYPE_F64)
        spread(r, columns_of(r, job), DTYPE_F64);
    else
        spread(r, columns_of(r, job), DTYPE_F32);
}

static void backward(const struct op_call *call)
{
    struct reduction r = reduction_of(call);
    parallel_for(call->pool, r.outer * r.blocks, spread_job, &r);
}

const struct nn_op nn_op_reduce = {.name = "reduce",
                                   .accumulates = true,
                                   .infer = infer,
                                   .forward = forward,
                                   .backward = backward};

const struct nn_op nn_op_reduce_max = {.name = "reduce_max",
                                       .accumulates = true,
                                       .reads = 1 | OP_READS_OUTPUT,
                                       .infer = infer,
                                       .forward = forward,
                                       .backward = backward};

value nn_reduce(struct graph *graph, const char *name, value x,
                const struct nn_reduce_options *options)
{
    const struct nn_op *op = options->kind == NN_MAX ? &nn_op_reduce_max : &nn_op_reduce;
    return graph_add(graph, op, name, &x, 1, options, sizeof *options);
}
