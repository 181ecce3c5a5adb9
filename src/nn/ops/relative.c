/* Decomposed relative positions (SAM, after Li et al., MViTv2): what one axis of the key grid adds
 * to the scores of every query,
 *
 *   out[b, head, (y, x), j] = sum_d q[b, (y, x), head, d] table[index(i, j), d],  i = y or x,
 *   index(i, j) = i max(nk / nq, 1) - j max(nq / nk, 1) + (nk - 1) max(nq / nk, 1), rounded down,
 *
 * with q unscaled. The rows of the table that belong to one i are gathered to a matrix R_i; then
 * all queries with that i are one matrix product, and a job is one head of one batch entry. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <string.h>

static const struct operand_rule rules[] = {
    {.name = "q", .min_rank = 3, .max_rank = 3},
    {.name = "table", .min_rank = 2, .max_rank = 2},
};
enum { Q, TABLE };

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t nn_relative_rows(int64_t n_queries, int64_t n_keys)
{
    return 2 * larger(n_queries, n_keys) - 1;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_relative_options *o = s->options;
    ana_status status = operands_check(s, rules, 2, err);
    if (!status)
        status = heads_check(s->input[Q]->extent[2], o->heads, o->packed, err);
    if (status)
        return status;
    const int64_t *q = s->input[Q]->extent;
    if (o->grid[0] < 1 || o->grid[1] < 1 || o->n_keys < 1 || o->grid[0] * o->grid[1] != q[1])
        return ana_fail(err, ANA_ERR_ARGUMENT, "%lld queries on a grid of %lld x %lld",
                        (long long)q[1], (long long)o->grid[0], (long long)o->grid[1]);
    const int64_t n = o->grid[o->along_w ? 1 : 0];
    s->output = SHAPE(q[0], o->heads, q[1], o->n_keys);
    return operand_expect(
        s, rules, TABLE,
        SHAPE(nn_relative_rows(n, o->n_keys), q[2] / (o->packed ? 3 : 1) / o->heads), err);
}

/* Queries with one i: `line` of them, `line_step` tokens apart; from i to i + 1 `step` tokens. */
struct relative {
    int64_t batch, heads, tq, dim, token; /* elements from one token to the next */
    int64_t n, n_keys, line, step, line_step;
};

static struct relative relative_of(const struct op_call *call)
{
    const struct nn_relative_options *o = call->options;
    const int64_t *q = call->input[Q].shape.extent;
    struct relative r = {.batch = q[0],
                         .heads = o->heads,
                         .tq = q[1],
                         .dim = call->input[TABLE].shape.extent[1],
                         .token = q[2],
                         .n_keys = o->n_keys};
    r.n = o->grid[o->along_w ? 1 : 0];
    r.line = o->grid[o->along_w ? 0 : 1];
    r.step = o->along_w ? 1 : o->grid[1];
    r.line_step = o->along_w ? o->grid[1] : 1;
    return r;
}

static int64_t table_row(const struct relative *r, int64_t i, int64_t j)
{
    const double nq = (double)r->n, nk = (double)r->n_keys;
    const double per_query = nk > nq ? nk / nq : 1, per_key = nq > nk ? nq / nk : 1;
    return (int64_t)((double)i * per_query - (double)j * per_key + (nk - 1) * per_key);
}

static size_t gathered_bytes(const struct op_call *call, const struct relative *r)
{
    return (size_t)(r->n * r->n_keys * r->dim) * dtype_size(call->dtype);
}

/* [n, n_keys, dim] */
static void gather(const struct op_call *call, const struct relative *r, void *rows)
{
    const size_t bytes = (size_t)r->dim * dtype_size(call->dtype);
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t j = 0; j < r->n_keys; j++)
            memcpy((uint8_t *)rows + (size_t)(i * r->n_keys + j) * bytes,
                   (const uint8_t *)call->input[TABLE].data + (size_t)table_row(r, i, j) * bytes,
                   bytes);
}

/* The products of one head of one batch entry run on the worker that has the job. */
struct relative_job {
    const struct op_call *call;
    struct relative r;
    void *rows;         /* R */
    size_t scratch_at;  /* of worker 0 */
    size_t scratch_one; /* bytes of one worker */
};

static void *query_at(const struct relative_job *job, void *q, int64_t head)
{
    const struct relative *r = &job->r;
    return real_at(q, job->call->dtype,
                   head / r->heads * r->tq * r->token + head % r->heads * r->dim);
}

static void *score_at(const struct relative_job *job, void *scores, int64_t head)
{
    return real_at(scores, job->call->dtype, head * job->r.tq * job->r.n_keys);
}

/* out_i = q_i R_i^T for every i. */
static struct gemm_args forward_gemm(const struct relative_job *job, int64_t head)
{
    const struct relative *r = &job->r;
    return (struct gemm_args){.dtype = job->call->dtype,
                              .batch = r->n,
                              .m = r->line,
                              .n = r->n_keys,
                              .k = r->dim,
                              .a = query_at(job, job->call->input[Q].data, head),
                              .a_batch = r->step * r->token,
                              .a_row = r->line_step * r->token,
                              .a_column = 1,
                              .b = job->rows,
                              .b_batch = r->n_keys * r->dim,
                              .b_row = 1,
                              .b_column = r->dim,
                              .c = score_at(job, job->call->output.data, head),
                              .c_batch = r->step * r->n_keys,
                              .c_row = r->line_step * r->n_keys};
}

/* dq_i += dout_i R_i */
static struct gemm_args query_gemm(const struct relative_job *job, int64_t head)
{
    const struct relative *r = &job->r;
    return (struct gemm_args){.dtype = job->call->dtype,
                              .batch = r->n,
                              .m = r->line,
                              .n = r->dim,
                              .k = r->n_keys,
                              .a = score_at(job, job->call->output_gradient.data, head),
                              .a_batch = r->step * r->n_keys,
                              .a_row = r->line_step * r->n_keys,
                              .a_column = 1,
                              .b = job->rows,
                              .b_batch = r->n_keys * r->dim,
                              .b_row = r->dim,
                              .b_column = 1,
                              .c = query_at(job, job->call->input_gradient[Q].data, head),
                              .c_batch = r->step * r->token,
                              .c_row = r->line_step * r->token,
                              .accumulate = true};
}

/* dR_i += dout_i^T q_i */
static struct gemm_args table_gemm(const struct relative_job *job, int64_t head, void *d_rows)
{
    const struct relative *r = &job->r;
    return (struct gemm_args){.dtype = job->call->dtype,
                              .batch = r->n,
                              .m = r->n_keys,
                              .n = r->dim,
                              .k = r->line,
                              .a = score_at(job, job->call->output_gradient.data, head),
                              .a_batch = r->step * r->n_keys,
                              .a_row = 1,
                              .a_column = r->line_step * r->n_keys,
                              .b = query_at(job, job->call->input[Q].data, head),
                              .b_batch = r->step * r->token,
                              .b_row = r->line_step * r->token,
                              .b_column = 1,
                              .c = d_rows,
                              .c_batch = r->n_keys * r->dim,
                              .c_row = r->dim,
                              .accumulate = true};
}

/* R, dR, then the kernel's scratch: that of one worker for each, or of all for the table's. */
static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    const struct relative_job job = {.call = call, .r = relative_of(call)};
    size_t total = 0;
    scratch_take(&total, gathered_bytes(call, &job.r));
    struct gemm_args gemm = is_backward ? query_gemm(&job, 0) : forward_gemm(&job, 0);
    size_t one = 0;
    scratch_take(&one, call->compute->gemm_scratch(&gemm, 1));
    if (!is_backward)
        return total + one * (size_t)n_workers;
    scratch_take(&total, gathered_bytes(call, &job.r));
    gemm = table_gemm(&job, 0, NULL);
    return total +
           size_larger(one * (size_t)n_workers, call->compute->gemm_scratch(&gemm, n_workers));
}

static struct relative_job open_job(const struct op_call *call, size_t *used)
{
    struct relative_job job = {.call = call, .r = relative_of(call)};
    job.rows = scratch_at(call, scratch_take(used, gathered_bytes(call, &job.r)));
    gather(call, &job.r, job.rows);
    return job;
}

static void run_alone(const struct relative_job *job, const struct gemm_args *gemm, int worker)
{
    const struct op_call *call = job->call;
    const struct kernel_env env = {
        .scratch = scratch_at(call, job->scratch_at + (size_t)worker * job->scratch_one),
        .scratch_bytes = job->scratch_one};
    call->compute->gemm(&env, gemm);
}

static void forward_head(void *context, int64_t head, int worker)
{
    const struct relative_job *job = context;
    const struct gemm_args gemm = forward_gemm(job, head);
    run_alone(job, &gemm, worker);
}

static void query_head(void *context, int64_t head, int worker)
{
    const struct relative_job *job = context;
    const struct gemm_args gemm = query_gemm(job, head);
    run_alone(job, &gemm, worker);
}

static void run_heads(struct relative_job *job, const struct gemm_args *gemm, size_t used,
                      void (*head)(void *, int64_t, int))
{
    job->scratch_at = used;
    scratch_take(&job->scratch_one, job->call->compute->gemm_scratch(gemm, 1));
    parallel_for(job->call->pool, job->r.batch * job->r.heads, head, job);
}

static void forward(const struct op_call *call)
{
    size_t used = 0;
    struct relative_job job = open_job(call, &used);
    const struct gemm_args gemm = forward_gemm(&job, 0);
    run_heads(&job, &gemm, used, forward_head);
}

/* Heads one after another, so that their order is fixed; each product uses all workers. */
static void table_gradient(const struct relative_job *job, size_t used)
{
    const struct op_call *call = job->call;
    const struct relative *r = &job->r;
    void *d_rows = scratch_at(call, scratch_take(&used, gathered_bytes(call, r)));
    memset(d_rows, 0, gathered_bytes(call, r));
    const struct kernel_env env = call_env(call, used);
    for (int64_t head = 0; head < r->batch * r->heads; head++) {
        const struct gemm_args gemm = table_gemm(job, head, d_rows);
        call->compute->gemm(&env, &gemm);
    }
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t j = 0; j < r->n_keys; j++)
            for (int64_t d = 0; d < r->dim; d++)
                real_store(call->input_gradient[TABLE].data, call->dtype,
                           table_row(r, i, j) * r->dim + d,
                           real_get(d_rows, call->dtype, (i * r->n_keys + j) * r->dim + d), true);
}

static void backward(const struct op_call *call)
{
    size_t used = 0;
    struct relative_job job = open_job(call, &used);
    for (int k = Q; k <= TABLE; k++)
        if (call->input_gradient[k].data && !call->accumulate[k])
            zero_tensor(&call->input_gradient[k]);
    if (call->input_gradient[TABLE].data)
        table_gradient(&job, used);
    if (call->input_gradient[Q].data) {
        const struct gemm_args gemm = query_gemm(&job, 0);
        run_heads(&job, &gemm, used, query_head);
    }
}

const struct nn_op nn_op_relative_positions = {.name = "relative_positions",
                                               .fast = true,
                                               .accumulates = true,
                                               .reads = 1U << Q | 1U << TABLE,
                                               .infer = infer,
                                               .scratch = scratch,
                                               .forward = forward,
                                               .backward = backward};

value nn_relative_positions(struct graph *graph, const char *name, value q, value table,
                            const struct nn_relative_options *options)
{
    return graph_add(graph, &nn_op_relative_positions, name, (value[]){q, table}, 2, options,
                     sizeof *options);
}
