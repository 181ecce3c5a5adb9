/* Attention and its gradient, one row of probabilities at a time, in double.
 *
 * Fused and materialised run the same arithmetic; materialised also keeps the rows. A row whose
 * keys are all masked has probabilities and result 0. The gradient of the bias is a pass of its own
 * over the rows that share it, so that no two jobs add to one number.
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

/* Keys that a row sees: those of its batch entry, and none after itself if causal. */
static int64_t live_keys(const struct attention_args *a, int64_t row)
{
    const int64_t b = row / a->tq / a->heads, i = row % a->tq;
    const int64_t n = a->key_count ? min_i64(a->key_count[b], a->tk) : a->tk;
    return a->causal ? min_i64(n, i + 1) : n;
}

/* score[j] = scale q_i k_j + bias + rel_h + rel_w for the live keys; row = (b heads + h) tq + i */
static void score_row(const struct attention_args *a, int64_t row, int64_t n_keys, double *score)
{
    const int64_t i = row % a->tq, h = row / a->tq % a->heads, b = row / a->tq / a->heads;
    const real *q = (const real *)a->q + head_offset(a, b, h, i, a->q_batch, a->q_token);
    const real *bias = a->bias, *rel_h = a->rel_h, *rel_w = a->rel_w;
    const int64_t bias_at = b * a->bias_batch + h * a->bias_head + i * a->bias_query;

    for (int64_t j = 0; j < n_keys; j++) {
        const real *k = (const real *)a->k + head_offset(a, b, h, j, a->k_batch, a->k_token);
        score[j] = a->scale * dot_product(q, k, a->dim);
        if (bias)
            score[j] += (double)bias[bias_at + j];
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
    const int64_t n_keys = live_keys(a, row);

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
    real *kept = a->probabilities;

    const double log_sum = probability_row(a, row, p);
    if (a->y)
        weighted_sum(p, (const real *)a->v + head_offset(a, b, h, 0, a->v_batch, a->v_token),
                     a->v_token, a->tk, a->dim, 1,
                     (real *)a->y + ((b * a->tq + i) * a->heads + h) * a->dim);
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
    return round_to_line(args->tk * (3 + 2 * args->dim)); /* 3: the pass of the bias */
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

/* The probabilities of a row and the gradient of its scores. */
static void scores_of_row(const struct attention_args *a, int64_t row, double *p, double *ds)
{
    const int64_t i = row % a->tq, h = row / a->tq % a->heads, b = row / a->tq / a->heads;
    const real *v = (const real *)a->v + head_offset(a, b, h, 0, a->v_batch, a->v_token);
    const real *dy = (const real *)a->dy + ((b * a->tq + i) * a->heads + h) * a->dim;
    const real *kept = a->probabilities;

    if (!kept)
        (void)probability_row(a, row, p);
    for (int64_t j = 0; kept && j < a->tk; j++)
        p[j] = (double)kept[row * a->tk + j];
    score_gradient(a, dy, v, p, ds);
}

/* drel_h[y] = sum over the keys of grid row y, drel_w[x] = sum over those of column x. */
static void position_gradient(const struct attention_args *a, int64_t row, const double *ds)
{
    real *drel_h = (real *)a->drel_h + row * a->kh, *drel_w = (real *)a->drel_w + row * a->kw;

    for (int64_t y = 0; y < a->kh; y++) {
        double sum = 0;
        for (int64_t x = 0; x < a->kw; x++)
            sum += ds[y * a->kw + x];
        drel_h[y] = (real)sum;
    }
    for (int64_t x = 0; x < a->kw; x++) {
        double sum = 0;
        for (int64_t y = 0; y < a->kh; y++)
            sum += ds[y * a->kw + x];
        drel_w[x] = (real)sum;
    }
}

/* Row i of dq, and what it adds to dk and dv. */
static void backward_row(const struct attention_args *a, int64_t row, struct backward_rows s)
{
    const int64_t i = row % a->tq, h = row / a->tq % a->heads, b = row / a->tq / a->heads;
    const int64_t q_at = head_offset(a, b, h, i, a->q_batch, a->q_token);
    const real *q = (const real *)a->q + q_at;
    const real *k = (const real *)a->k + head_offset(a, b, h, 0, a->k_batch, a->k_token);
    const real *dy = (const real *)a->dy + ((b * a->tq + i) * a->heads + h) * a->dim;

    scores_of_row(a, row, s.p, s.ds);
    if (a->drel_h)
        position_gradient(a, row, s.ds);
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

/* Entries of the bias along one axis: all of it, or one that is shared. */
static int64_t bias_extent(int64_t stride, int64_t extent)
{
    return stride ? extent : 1;
}

/* One job: the tk numbers of dbias that begin at one place, over all rows that read them. */
static void bias_gradient_job(void *context, int64_t at, int worker)
{
    const struct attention_job *job = context;
    const struct attention_args *a = job->args;
    const int64_t nh = bias_extent(a->bias_head, a->heads);
    const int64_t ni = bias_extent(a->bias_query, a->tq);
    const int64_t i = at % ni, h = at / ni % nh, b = at / ni / nh;
    double *p = job->scratch + worker * job->worker_doubles, *ds = p + a->tk, *sum = p + 2 * a->tk;
    real *dbias = (real *)a->dbias + b * a->bias_batch + h * a->bias_head + i * a->bias_query;

    memset(sum, 0, (size_t)a->tk * sizeof *sum);
    for (int64_t row = 0; row < a->batch * a->heads * a->tq; row++) {
        if ((a->bias_query && row % a->tq != i) || (a->bias_head && row / a->tq % a->heads != h) ||
            (a->bias_batch && row / a->tq / a->heads != b))
            continue;
        scores_of_row(a, row, p, ds);
        for (int64_t j = 0; j < a->tk; j++)
            sum[j] += ds[j];
    }
    for (int64_t j = 0; j < a->tk; j++)
        dbias[j] = (real)sum[j];
}

size_t REF(attention_backward_scratch)(const struct attention_args *args, int n_workers)
{
    return (size_t)backward_doubles(args) * (size_t)n_workers * sizeof(double);
}

void REF(attention_backward)(const struct kernel_env *env, const struct attention_args *args)
{
    struct attention_job job = {args, env->scratch, backward_doubles(args)};
    parallel_for(env->pool, args->batch * args->heads, attention_backward_head, &job);
    if (args->dbias)
        parallel_for(env->pool,
                     bias_extent(args->bias_batch, args->batch) *
                         bias_extent(args->bias_head, args->heads) *
                         bias_extent(args->bias_query, args->tq),
                     bias_gradient_job, &job);
}
