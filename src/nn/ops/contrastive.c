/* Contrastive losses of a batch of B pairs from their logits l = s / tau, s_ij = cos(image_i,
 * text_j); the loss is the sum of two directions, l and its transpose.
 *
 * InfoNCE (Radford et al., CLIP): half of mean_i( lse_j l_ij - l_ii ) in each direction.
 *
 * DHN-NCE (Koleilat et al., MedCLIP-SAM), with beta for each direction:
 * - paper: sum_i( -l_ii + ln(B - 1) + lse_{j != i}((1 + beta) l_ij) - lse_{j != i}(beta l_ij) )
 * - as released: masks multiply before the exponential, so that a masked entry counts exp(0) = 1,
 *   and the row sum of row j divides column j:
 *     m = l with 0 on the diagonal,  norm_j = sum_k exp(m_jk),
 *     neg_ij = N exp((1 + beta) m_ij) / norm_j,  pos_ij = exp(l_ii) on the diagonal, else 1,
 *     mean over all i, j of -ln( pos_ij / (alpha pos_ij + neg_ij) )
 *   With w = neg / (alpha pos + neg), W_j = sum_i w_ij, the gradient is, over B^2,
 *     (1 + beta) w_ij - W_i exp(m_ij) / norm_i  off the diagonal,  alpha pos_ii / (alpha pos_ii +
 *     neg_ii) - 1 on it. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <math.h>
#include <string.h>

static const struct operand_rule rules[] = {{.name = "logits", .min_rank = 2, .max_rank = 2}};

static const struct nn_contrastive_options *options_of(const struct op_call *call)
{
    return call->options;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_contrastive_options *o = s->options;
    ana_status status = operands_check(s, rules, 1, err);
    if (status)
        return status;
    const int64_t b = s->input[0]->extent[0];
    if ((int)o->kind < 0 || o->kind >= NN_CONTRASTIVE_COUNT)
        return ana_fail(err, ANA_ERR_ARGUMENT, "no contrastive loss has number %d", (int)o->kind);
    if (b < (o->kind == NN_DHN_NCE ? 2 : 1))
        return ana_fail(err, ANA_ERR_ARGUMENT, "a batch of %lld has no negatives", (long long)b);
    status = operand_expect(s, rules, 0, SHAPE(b, b), err);
    s->output = SHAPE(1);
    return status;
}

/* One direction: element (i, j) of l lies at i * row + j * column. */
struct direction {
    const double *l;
    int64_t b, row, column;
    double beta;
};

static double at(const struct direction *d, int64_t i, int64_t j)
{
    return d->l[i * d->row + j * d->column];
}

/* Row i without the diagonal (or with it): the largest of factor l_ij and the sum of the
 * exponentials above it. */
struct row_sum {
    double largest, sum;
};

static struct row_sum sum_row(const struct direction *d, int64_t i, double factor, bool diagonal)
{
    struct row_sum r = {-(double)INFINITY, 0};
    for (int64_t j = 0; j < d->b; j++)
        if (diagonal || j != i)
            r.largest = fmax(r.largest, factor * at(d, i, j));
    for (int64_t j = 0; j < d->b; j++)
        if (diagonal || j != i)
            r.sum += exp(factor * at(d, i, j) - r.largest);
    return r;
}

static double log_sum(struct row_sum r)
{
    return r.largest + log(r.sum);
}

static double share(const struct direction *d, int64_t i, int64_t j, double factor,
                    struct row_sum r)
{
    return exp(factor * at(d, i, j) - r.largest) / r.sum;
}

/* Adds dl to the gradient; g NULL: the loss alone. `scale` is the gradient of the loss. */
static void add_to(double *g, const struct direction *d, int64_t i, int64_t j, double dl)
{
    if (g)
        g[i * d->row + j * d->column] += dl;
}

static double info_nce(const struct direction *d, double *g, double scale)
{
    const double factor = 0.5 / (double)d->b;
    double loss = 0;
    for (int64_t i = 0; i < d->b; i++) {
        const struct row_sum r = sum_row(d, i, 1, true);
        loss += factor * (log_sum(r) - at(d, i, i));
        for (int64_t j = 0; g && j < d->b; j++)
            add_to(g, d, i, j, scale * factor * (share(d, i, j, 1, r) - (i == j)));
    }
    return loss;
}

static double dhn_nce(const struct direction *d, double *g, double scale)
{
    double loss = 0;
    for (int64_t i = 0; i < d->b; i++) {
        const struct row_sum hard = sum_row(d, i, 1 + d->beta, false);
        const struct row_sum soft = sum_row(d, i, d->beta, false);
        loss += log((double)(d->b - 1)) + log_sum(hard) - log_sum(soft) - at(d, i, i);
        add_to(g, d, i, i, -scale);
        for (int64_t j = 0; g && j < d->b; j++)
            if (j != i)
                add_to(g, d, i, j,
                       scale * ((1 + d->beta) * share(d, i, j, 1 + d->beta, hard) -
                                d->beta * share(d, i, j, d->beta, soft)));
    }
    return loss;
}

static double masked(const struct direction *d, int64_t i, int64_t j)
{
    return i == j ? 0 : at(d, i, j);
}

static double released_norm(const struct direction *d, int64_t i)
{
    double norm = 0;
    for (int64_t j = 0; j < d->b; j++)
        norm += exp(masked(d, i, j));
    return norm;
}

/* norm and weight: [b], for the row sums and W. */
static double released(const struct direction *d, const struct nn_contrastive_options *o,
                       double *norm, double *weight, double *g, double scale)
{
    const double n = o->negatives > 0 ? o->negatives : (double)(d->b - 1);
    const double mean = 1 / (double)(d->b * d->b);
    double loss = 0;
    for (int64_t j = 0; j < d->b; j++) {
        norm[j] = released_norm(d, j);
        weight[j] = 0;
    }
    for (int64_t i = 0; i < d->b; i++)
        for (int64_t j = 0; j < d->b; j++) {
            const double pos = i == j ? exp(at(d, i, i)) : 1;
            const double neg = n * exp((1 + d->beta) * masked(d, i, j)) / norm[j];
            const double all = o->alpha * pos + neg;
            loss += mean * (log(all) - (i == j ? at(d, i, i) : 0));
            weight[j] += neg / all;
            add_to(g, d, i, j,
                   scale * mean * (i == j ? o->alpha * pos / all - 1 : (1 + d->beta) * neg / all));
        }
    for (int64_t i = 0; g && i < d->b; i++)
        for (int64_t j = 0; j < d->b; j++)
            if (i != j)
                add_to(g, d, i, j, -scale * mean * weight[i] * exp(at(d, i, j)) / norm[i]);
    return loss;
}

/* l as double, its gradient, and two vectors. */
struct workspace {
    double *l, *g, *norm, *weight;
    size_t bytes;
};

static struct workspace workspace_of(const struct op_call *call, bool is_backward)
{
    const int64_t b = call->input[0].shape.extent[0];
    const size_t square = (size_t)(b * b) * sizeof(double), line = (size_t)b * sizeof(double);
    struct workspace w = {0};
    const size_t l = scratch_take(&w.bytes, square);
    const size_t g = scratch_take(&w.bytes, is_backward ? square : 0);
    const size_t norm = scratch_take(&w.bytes, line), weight = scratch_take(&w.bytes, line);
    if (call->scratch) {
        w.l = scratch_at(call, l);
        w.g = is_backward ? scratch_at(call, g) : NULL;
        w.norm = scratch_at(call, norm);
        w.weight = scratch_at(call, weight);
    }
    return w;
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    (void)n_workers;
    return workspace_of(call, is_backward).bytes;
}

static double both_directions(const struct op_call *call, const struct workspace *w, double scale)
{
    const struct nn_contrastive_options *o = options_of(call);
    const int64_t b = call->input[0].shape.extent[0];
    for (int64_t i = 0; i < b * b; i++)
        w->l[i] = real_get(call->input[0].data, call->dtype, i);
    double loss = 0;
    for (int which = 0; which < 2; which++) {
        const struct direction d = {w->l, b, which ? 1 : b, which ? b : 1, o->beta[which]};
        loss += o->kind == NN_INFO_NCE  ? info_nce(&d, w->g, scale)
                : o->kind == NN_DHN_NCE ? dhn_nce(&d, w->g, scale)
                                        : released(&d, o, w->norm, w->weight, w->g, scale);
    }
    return loss;
}

static void forward(const struct op_call *call)
{
    const struct workspace w = workspace_of(call, false);
    real_put(call->output.data, call->dtype, 0, both_directions(call, &w, 1));
}

static void backward(const struct op_call *call)
{
    const struct workspace w = workspace_of(call, true);
    const int64_t count = tensor_count(&call->input[0]);
    memset(w.g, 0, (size_t)count * sizeof *w.g);
    (void)both_directions(call, &w, real_get(call->output_gradient.data, call->dtype, 0));
    for (int64_t i = 0; i < count; i++)
        real_store(call->input_gradient[0].data, call->dtype, i, w.g[i], call->accumulate[0]);
}

const struct nn_op nn_op_contrastive = {.name = "contrastive",
                                        .accumulates = true,
                                        .reads = 1,
                                        .infer = infer,
                                        .scratch = scratch,
                                        .forward = forward,
                                        .backward = backward};

value nn_contrastive(struct graph *graph, const char *name, value logits,
                     const struct nn_contrastive_options *options)
{
    return graph_add(graph, &nn_op_contrastive, name, &logits, 1, options, sizeof *options);
}
