/* Repeating along axes of extent 1: a copy with source stride 0. The gradient sums over the
 * repeated axes, in index order and in double, as long sums are. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
};

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct shape *wanted = s->options;
    const ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    bool fits = wanted->rank == s->input[0]->rank;
    for (int axis = 0; fits && axis < wanted->rank; axis++)
        fits = wanted->extent[axis] >= 1 && (s->input[0]->extent[axis] == wanted->extent[axis] ||
                                             s->input[0]->extent[axis] == 1);
    char from[96], to[96];
    if (!fits)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s cannot be repeated to %s",
                        shape_print(from, sizeof from, s->input[0]),
                        shape_print(to, sizeof to, wanted));
    s->output = *wanted;
    return ANA_OK;
}

static bool is_repeated(const struct op_call *call, int axis)
{
    return call->input[0].shape.extent[axis] != call->output.shape.extent[axis];
}

static void forward(const struct op_call *call)
{
    struct copy_args args = {.dtype = call->dtype,
                             .rank = call->output.shape.rank,
                             .src = call->input[0].data,
                             .dst = call->output.data};
    for (int axis = 0; axis < args.rank; axis++) {
        args.extent[axis] = call->output.shape.extent[axis];
        args.src_stride[axis] = is_repeated(call, axis) ? 0 : call->input[0].stride[axis];
        args.dst_stride[axis] = call->output.stride[axis];
    }
    const struct kernel_env env = call_env(call, 0);
    call->compute->copy(&env, &args);
}

/* ---- the gradient ---- */

enum { COLUMNS = 64 }; /* summed at a time */

/* Where in dy the elements lie that one element of dx sums over: all but the last axis. */
struct repeats {
    int n;
    int64_t extent[TENSOR_MAX_RANK], stride[TENSOR_MAX_RANK];
    int64_t count;
};

static struct repeats repeats_of(const struct op_call *call)
{
    struct repeats r = {.count = 1};
    for (int axis = 0; axis < call->output.shape.rank - 1; axis++) {
        if (!is_repeated(call, axis))
            continue;
        r.extent[r.n] = call->output.shape.extent[axis];
        r.stride[r.n] = call->output.stride[axis];
        r.count *= r.extent[r.n++];
    }
    return r;
}

static int64_t repeat_at(const struct repeats *r, int64_t i)
{
    int64_t at = 0;
    for (int axis = r->n - 1; axis >= 0; axis--) {
        at += i % r->extent[axis] * r->stride[axis];
        i /= r->extent[axis];
    }
    return at;
}

/* Offset in dy of the first element of row `row` of x. */
static int64_t row_at(const struct op_call *call, int64_t row)
{
    int64_t at = 0;
    for (int axis = call->output.shape.rank - 2; axis >= 0; axis--) {
        at += row % call->input[0].shape.extent[axis] * call->output.stride[axis];
        row /= call->input[0].shape.extent[axis];
    }
    return at;
}

/* Some columns of one row of dx. */
static void sum_job(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t c = shape_last(&call->input[0].shape), blocks = (c + COLUMNS - 1) / COLUMNS;
    const int64_t row = job / blocks, first = job % blocks * COLUMNS;
    const int64_t n = c - first < COLUMNS ? c - first : COLUMNS;
    const int last = call->output.shape.rank - 1;
    const int64_t along = is_repeated(call, last) ? call->output.shape.extent[last] : 1;
    const struct repeats repeats = repeats_of(call);
    double sum[COLUMNS] = {0};
    for (int64_t i = 0; i < repeats.count; i++) {
        const int64_t at = row_at(call, row) + repeat_at(&repeats, i) + first;
        for (int64_t j = 0; j < along; j++) /* more than one only where c is 1 */
            for (int64_t q = 0; q < n; q++)
                sum[q] += real_get(call->output_gradient.data, call->dtype, at + j + q);
    }
    for (int64_t q = 0; q < n; q++)
        real_store(call->input_gradient[0].data, call->dtype, row * c + first + q, sum[q],
                   call->accumulate[0]);
}

static void backward(const struct op_call *call)
{
    struct op_call context = *call;
    const int64_t c = shape_last(&call->input[0].shape);
    parallel_for(call->pool, shape_rows(&call->input[0].shape) * ((c + COLUMNS - 1) / COLUMNS),
                 sum_job, &context);
}

static const struct op_variant variants[] = {{"", true, false}, {NULL, false, false}};

const struct nn_op nn_op_broadcast = {.name = "broadcast",
                                      .variants = variants,
                                      .accumulates = true,
                                      .infer = infer,
                                      .forward = forward,
                                      .backward = backward};

value nn_broadcast(struct graph *graph, const char *name, value x, struct shape shape)
{
    return graph_add(graph, &nn_op_broadcast, name, &x, 1, &shape, sizeof shape);
}
