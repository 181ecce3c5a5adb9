/* Attention and its gradient, one row of probabilities at a time, in double.
 *
 * Fused and materialised run the same arithmetic; materialised also keeps the rows. A row whose
 * keys are all masked has probabilities and result 0.
 */
#include "compute/reference/reference_internal.h"

#include <math.h>
#include <string.h>

struct attention_job {
    const struct attention_args *args;
    double *scratch;
    int64_t worker_doubles; /* scratch of one worker */
};

static int64_t round_to_line(int64_t doubles)
{
    return div_up(doubles, 8) * 8;
}

static double dot_product(const real *a, const real *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Where token t of head h of batch entry b begins, for q, k, v and their gradients. */
static int64_t head_offset(const struct attention_args *a, int64_t b, int64_t h, int64_t t,
                           int64_t batch_stride, int64_t token_stride)
{
    return b * batch_stride + t * token_stride + h * a->dim;
}

static int64_t live_keys(const struct attention_args *a, int64_t b)
{
    return a->key_count ? min_i64(a->key_count[b], a->tk) : a->tk;
}

/* score[j] = scale q_i k_j + bias + rel_h + rel_w for the live keys; row = (b heads + h) tq + i */
static void score_row(const struct attention_args *a, int64_t row, int64_t n_keys, double *score)
{
    const int64_t i = row % a->tq, h = row / a->tq % a->heads, b = row / a->tq / a->heads;
    const real *q = (const real *)a->q + head_offset(a, b, h, i, a->q_batch, a->q_token);
    const real *bias = a->bias, *rel_h = a->rel_h, *rel_w = a->rel_w;

    for (int64_t j = 0; j < n_keys; j++) {
        const real *k = (const real *)a->k + head_offset(a, b, h, j, a->k_batch, a->k_token);
        score[j] = a->scale * dot_product(q, k, a->dim);
        if (bias)
            score[j] += (double)bias[(h * a->tq + i) * a->tk + j];
        if (rel_h)
            score[j] +=
                (double)rel_h[row * a->kh + j / a->kw] + (double)rel_w[row * a->kw + j % a->kw];
    }
}

/* Turns scores into probabilities in place; returns log(sum(exp(score))). */
static double normalise_row(double *row, int64_t n_keys)
{
    double largest = -(double)INFINITY, sum = 0;

    for (int64_t j = 0; j < n_keys; j++)
        largest = fmax(largest, row[j]);
    for (int64_t j = 0; j < n_keys; j++) {
        row[j] = isinf(largest) && largest < 0 ? 0 : exp(row[j] - largest);
        sum += row[j];
    }
    for (int64_t j = 0; j < n_keys && sum > 0; j++)
        row[j] /= sum;
    return largest + log(sum);
}

/* p: [tk], 0 for masked keys */
static double probability_row(const struct attention_args *a, int64_t row, double *p)
{
    const int64_t n_keys = live_keys(a, row / a->tq / a->heads);

    score_row(a, row, n_keys, p);
    const double log_sum = normalise_row(p, n_keys);
    for (int64_t j = n_keys; j < a->tk; j++)
        p[j] = 0;
    return log_sum;
}

/* out[d] = factor sum_j p[j] values[j][d] over tk tokens */
static void weighted_sum(const double *p, const real *values, int64_t token_stride, int64_t tk,
                         int64_t dim, double factor, real *out)
{
    for (int64_t first = 0; first < dim; first += BLOCK) {
        const int64_t count = min_i64(BLOCK, dim - first);
        double sum[BLOCK] = {0};
        for (int64_t j = 0; j < tk; j++) {
            for (int64_t d = 0; d < count && p[j] != 0; d++)
                sum[d] += p[j] * (double)values[j * token_stride + first + d];
        }
        for (int64_t d = 0; d < count; d++)
            out[first + d] = (real)(factor * sum[d]);
    }
}

static void attention_row(void *context, int64_t row, int worker)
{
    const struct attention_job *job = context;
    const struct attention_args *a = job->args;
    const int64_t i = row % a->tq, h = row / a->tq % a->heads, b = row / a->tq / a->heads;
    double *p = job->scratch + worker * job->worker_doubles;
    const real *v = (const real *)a->v + head_offset(a, b, h, 0, a->v_batch, a->v_token);
    real *y = (real *)a->y + ((b * a->tq + i) * a->heads + h) * a->dim;
    real *kept = a->probabilities;

    const double log_sum = probability_row(a, row, p);
    weighted_sum(p, v, a->v_token, a->tk, a->dim, 1, y);
    for (int64_t j = 0; kept && j < a->tk; j++)
        kept[row * a->tk + j] = (real)p[j];
    if (a->log_sum)
        a->log_sum[row] = log_sum;
}

static int64_t forward_doubles(const struct attention_args *args)
{
    return round_to_line(args->tk);
}

size_t REF(attention_scratch)(const struct attention_args *args, int n_workers)
{
    return (size_t)forward_doubles(args) * (size_t)n_workers * sizeof(double);
}

void REF(attention)(const struct kernel_env *env, const struct attention_args *args)
{
    struct attention_job job = {args, env->scratch, forward_doubles(args)};
    parallel_for(env->pool, args->batch * args->heads * args->tq, attention_row, &job);
}

/* Scratch of one worker in the backward pass. */
struct backward_rows {
    double *p, *ds;  /* [tk] */
    double *dk, *dv; /* [tk, dim] */
};

static int64_t backward_doubles(const struct attention_args *args)
{
    return round_to_line(2 * args->tk * (1 + args->dim));
}

static struct backward_rows backward_rows_of(const struct attention_job *job, int worker)
{
    const struct attention_args *a = job->args;
    double *p = job->scratch + worker * job->worker_doubles;
    return (struct backward_rows){p, p + a->tk, p + 2 * a->tk, p + (2 + a->dim) * a->tk};
}

/* ds = p (dp - sum(p dp)) with dp_j = dy v_j: the gradient of the scores of one row. */
static void score_gradient(const struct attention_args *a, const real *dy, const real *v,
                           const double *p, double *ds)
{
    double dot = 0;

    for (int64_t j = 0; j < a->tk; j++) {
        ds[j] = p[j] != 0 ? dot_product(dy, v + j * a->v_token, a->dim) : 0;
        dot += p[j] * ds[j];
    }
    for (int64_t j = 0; j < a->tk; j++)
        ds[j] = p[j] * (ds[j] - dot);
}

/* Row i of dq, and what it adds to dk and dv. */
static void backward_row(const struct attention_args *a, int64_t row, struct backward_rows s)
{
    const int64_t i = row % a->tq, h = row / a->tq % a->heads, b = row / a->tq / a->heads;
    const int64_t q_at = head_offset(a, b, h, i, a->q_batch, a->q_token);
    const real *q = (const real *)a->q + q_at;
    const real *k = (const real *)a->k + head_offset(a, b, h, 0, a->k_batch, a->k_token);
    const real *v = (const real *)a->v + head_offset(a, b, h, 0, a->v_batch, a->v_token);
    const real *dy = (const real *)a->dy + ((b * a->tq + i) * a->heads + h) * a->dim;
    const real *kept = a->probabilities;

    if (!kept)
        (void)probability_row(a, row, s.p);
    for (int64_t j = 0; kept && j < a->tk; j++)
        s.p[j] = (double)kept[row * a->tk + j];
    score_gradient(a, dy, v, s.p, s.ds);
    weighted_sum(s.ds, k, a->k_token, a->tk, a->dim, a->scale, (real *)a->dq + q_at);
    for (int64_t j = 0; j < a->tk; j++) {
        for (int64_t d = 0; d < a->dim && s.p[j] != 0; d++) {
            s.dk[j * a->dim + d] += a->scale * s.ds[j] * (double)q[d];
            s.dv[j * a->dim + d] += s.p[j] * (double)dy[d];
        }
    }
}

/* One job: all queries of one head, since each adds to every key. */
static void attention_backward_head(void *context, int64_t head, int worker)
{
    const struct attention_job *job = context;
    const struct attention_args *a = job->args;
    const int64_t b = head / a->heads, h = head % a->heads;
    const struct backward_rows s = backward_rows_of(job, worker);
    real *dk = (real *)a->dk + head_offset(a, b, h, 0, a->k_batch, a->k_token);
    real *dv = (real *)a->dv + head_offset(a, b, h, 0, a->v_batch, a->v_token);

    memset(s.dk, 0, (size_t)(a->tk * a->dim) * sizeof(double));
    memset(s.dv, 0, (size_t)(a->tk * a->dim) * sizeof(double));
    for (int64_t i = 0; i < a->tq; i++)
        backward_row(a, head * a->tq + i, s);
    for (int64_t j = 0; j < a->tk; j++) {
        for (int64_t d = 0; d < a->dim; d++) {
            dk[j * a->k_token + d] = (real)s.dk[j * a->dim + d];
            dv[j * a->v_token + d] = (real)s.dv[j * a->dim + d];
        }
    }
}

size_t REF(attention_backward_scratch)(const struct attention_args *args, int n_workers)
{
    return (size_t)backward_doubles(args) * (size_t)n_workers * sizeof(double);
}

void REF(attention_backward)(const struct kernel_env *env, const struct attention_args *args)
{
    struct attention_job job = {args, env->scratch, backward_doubles(args)};
    parallel_for(env->pool, args->batch * args->heads, attention_backward_head, &job);
}
