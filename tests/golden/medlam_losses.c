/* medlam/losses: unified anatomical mapping and multi-scale similarity, values and gradients, in
 * the released and in the article's form. */
#include <math.h>

#include "golden_graph.h"

static const struct tolerance offset_rule = {"offset, mm", 1e-3, "float32 reference, up to 1500"};
static const struct tolerance uam_rule = {"UAM", 1e-5, "float32 reference, relative"};
static const struct tolerance mss_rule = {"MSS", 2e-6, "float32 reference, values of about 0.1"};
static const struct tolerance gradient_rule = {"gradient", 2e-6, "float32 reference, up to 0.3"};
static const struct tolerance count_rule = {"counts", 0, "whole numbers"};

enum { PATCHES = 2, SCALES = 3, POINTS = 20, SIDE = 16, VOXELS = SIDE * SIDE * SIDE };
static const double FEATURE_EPSILON = 1e-12;

struct losses {
    struct golden *golden;
    const struct tensor_source *source;
    int64_t batch, channels;
    const double *grid_orig[PATCHES], *grid_aug[PATCHES]; /* [batch, 3, SIDE^3], mm */
    const int32_t *points[PATCHES];                       /* [POINTS, 3] */
    double temperature, threshold_mm;
};

static bool find(const struct losses *l, struct tensor *out, const char *name)
{
    return golden_tensor(l->golden, out, l->source, name);
}

static const double *numbers(const struct losses *l, const char *name)
{
    struct tensor tensor;
    return find(l, &tensor, name) ? golden_f64(l->golden, &tensor) : NULL;
}

/* ---- UAM: mean of (r tanh(p0 - p1) - d)^2, and the article's mean norm ---- */

static void compare_relative(const struct losses *l, const char *name, double got)
{
    const double *want = numbers(l, name);
    if (want)
        golden_compare_one(l->golden, &uam_rule, name, got / want[0], 1);
}

static void compare_uam_gradient(const struct losses *l, const char *name, const double *got)
{
    const double *want = numbers(l, name);
    for (int64_t i = 0; want && i < l->batch * 3; i++)
        golden_compare_one(l->golden, &uam_rule, name, got[i] / want[i], 1);
}

static value mean_of_all(struct golden_graph *g, value x)
{
    return nn_reduce(
        g->graph, NULL, x,
        &(struct nn_reduce_options){.kind = NN_MEAN, .n_axes = graph_shape(g->graph, x).rank});
}

static double compare_uam(const struct losses *l)
{
    const struct shape shape = SHAPE(l->batch, 3);
    const double *data[] = {numbers(l, "fc_position0"), numbers(l, "fc_position1"),
                            numbers(l, "label_mm"), numbers(l, "dis_ratio")};
    struct golden_graph g;
    double uam = (double)NAN;
    if (l->golden->failed)
        return uam;
    golden_graph_init(&g, l->golden);
    value in[4];
    for (int i = 0; i < 4; i++)
        in[i] = golden_graph_input(&g, i == 3 ? SHAPE(3) : shape, data[i]);
    const value t =
        nn_activate(g.graph, NULL, nn_combine(g.graph, NULL, in[0], 1, in[1], -1), ACTIVATION_TANH);
    const value offset = nn_binary(g.graph, NULL, t, in[3], NN_MUL);
    const value d = nn_binary(g.graph, NULL, offset, in[2], NN_SUB);
    const value sum = nn_reduce(g.graph, NULL, nn_mul(g.graph, NULL, d, d),
                                &(struct nn_reduce_options){.axis = 1, .n_axes = 1});
    const value norm = mean_of_all(&g, nn_unary(g.graph, NULL, sum, NN_SQRT));
    const value loss = mean_of_all(&g, nn_squared_error(g.graph, NULL, offset, in[2]));
    const value outputs[] = {offset, norm, loss};
    if (golden_graph_run(&g, outputs, 3, in, 2)) {
        const double *want = numbers(l, "predicted_offset_mm");
        if (want)
            golden_compare(l->golden, &offset_rule, "predicted_offset_mm",
                           golden_graph_value(&g, offset), want, l->batch * 3);
        uam = golden_graph_value(&g, loss)[0];
        compare_relative(l, "uam", uam);
        compare_relative(l, "article_uam_norm", golden_graph_value(&g, norm)[0]);
        compare_uam_gradient(l, "uam_grad.fc0", golden_graph_gradient(&g, in[0]));
        compare_uam_gradient(l, "uam_grad.fc1", golden_graph_gradient(&g, in[1]));
    }
    golden_graph_clear(&g);
    return uam;
}

/* ---- MSS ---- */

/* One patch at one scale. */
struct match {
    int patch, scale;
    int64_t down, side, voxels; /* of the scale */
    struct tensor orig, aug;
    double *features[2];         /* channels-last */
    int32_t *index;              /* [batch, POINTS] */
    double *positive, *negative; /* [batch, POINTS, voxels] */
    double n_positive, n_negative;
};

static double *channels_last(const struct losses *l, const struct tensor *tensor)
{
    const double *from = golden_f64(l->golden, tensor);
    const int64_t c = l->channels, n = tensor_count(tensor) / l->batch / c;
    double *to = golden_alloc(l->golden, tensor_count(tensor), sizeof *to);
    for (int64_t b = 0; b < l->batch; b++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t i = 0; i < n; i++)
                to[(b * n + i) * c + k] = from[(b * c + k) * n + i];
    return to;
}

static bool open_match(const struct losses *l, struct match *m, int patch, int scale)
{
    *m = (struct match){.patch = patch, .scale = scale, .down = 4 >> scale};
    m->side = SIDE / m->down;
    m->voxels = m->side * m->side * m->side;
    if (!find(l, &m->orig, golden_print(l->golden, "feature_orig%d_%d", patch, scale)) ||
        !find(l, &m->aug, golden_print(l->golden, "feature_aug%d_%d", patch, scale)))
        return false;
    m->features[0] = channels_last(l, &m->orig);
    m->features[1] = channels_last(l, &m->aug);
    m->index = golden_alloc(l->golden, l->batch * POINTS, sizeof *m->index);
    for (int64_t i = 0; i < l->batch * POINTS; i++) {
        const int32_t *q = l->points[patch] + i % POINTS * 3;
        const int64_t z = q[0] / m->down, y = q[1] / m->down, x = q[2] / m->down;
        m->index[i] = (int32_t)((z * m->side + y) * m->side + x);
    }
    const int64_t n = l->batch * POINTS * m->voxels;
    m->positive = golden_alloc(l->golden, n, sizeof *m->positive);
    m->negative = golden_alloc(l->golden, n, sizeof *m->negative);
    return true;
}

/* Distance of a voxel of the augmented patch from point j of the original one. */
static double distance_mm(const struct losses *l, int patch, int64_t b, int64_t j, int64_t voxel)
{
    const int32_t *q = l->points[patch] + j * 3;
    const int64_t at = ((int64_t)q[0] * SIDE + q[1]) * SIDE + q[2];
    double square = 0;
    for (int64_t axis = 0; axis < 3; axis++) {
        const double d = l->grid_aug[patch][(b * 3 + axis) * VOXELS + voxel] -
                         l->grid_orig[patch][(b * 3 + axis) * VOXELS + at];
        square += d * d;
    }
    return sqrt(square);
}

/* Trilinear with half pixels: the mean of the eight voxels around the middle of the coarse one. */
static double coarse_distance_mm(const struct losses *l, const struct match *m, int64_t b,
                                 int64_t j, int64_t voxel)
{
    const int64_t coarse[] = {voxel / m->side / m->side, voxel / m->side % m->side,
                              voxel % m->side};
    const int64_t low = m->down == 1 ? 0 : m->down / 2 - 1, n = m->down == 1 ? 1 : 2;
    double sum = 0;
    for (int64_t z = 0; z < n; z++)
        for (int64_t y = 0; y < n; y++)
            for (int64_t x = 0; x < n; x++)
                sum += distance_mm(
                    l, m->patch, b, j,
                    ((coarse[0] * m->down + low + z) * SIDE + coarse[1] * m->down + low + y) *
                            SIDE +
                        coarse[2] * m->down + low + x);
    return sum / (double)(n * n * n);
}

/* Within 3 mm of the scale's voxel: positive; beyond 6 mm: negative; each a mean of its own. */
static void fill_bands(const struct losses *l, struct match *m)
{
    const double near = l->threshold_mm * (double)m->down;
    for (int64_t i = 0; i < l->batch * POINTS * m->voxels; i++) {
        const double d =
            coarse_distance_mm(l, m, i / m->voxels / POINTS, i / m->voxels % POINTS, i % m->voxels);
        m->positive[i] = d <= near;
        m->negative[i] = d >= 2 * near;
        m->n_positive += m->positive[i];
        m->n_negative += m->negative[i];
    }
    for (int64_t i = 0; i < l->batch * POINTS * m->voxels; i++) {
        m->positive[i] /= m->n_positive;
        m->negative[i] /= m->n_negative;
    }
}

/* The article's target: the voxel nearest to the point, rounded to the scale. */
static void fill_one_hot(const struct losses *l, struct match *m, double weight)
{
    for (int64_t i = 0; i < l->batch * POINTS; i++) {
        const int64_t b = i / POINTS, j = i % POINTS;
        int64_t nearest = 0, at = 0;
        for (int64_t voxel = 1; voxel < VOXELS; voxel++)
            if (distance_mm(l, m->patch, b, j, voxel) < distance_mm(l, m->patch, b, j, nearest))
                nearest = voxel;
        for (int64_t step = SIDE * SIDE; step >= 1; step /= SIDE) {
            const double c = (double)(nearest / step % SIDE) / (double)m->down;
            at = at * m->side + (int64_t)fmin(nearbyint(c), (double)(m->side - 1));
        }
        for (int64_t voxel = 0; voxel < m->voxels; voxel++) {
            m->positive[i * m->voxels + voxel] = voxel == at ? weight : 0;
            m->negative[i * m->voxels + voxel] = voxel == at ? 0 : weight;
        }
    }
}

static void compare_features(const struct losses *l, const struct match *m, const char *prefix,
                             const char *which, const double *got, double factor)
{
    struct tensor want;
    const char *name =
        golden_print(l->golden, "%s.feature_%s%d_%d", prefix, which, m->patch, m->scale);
    if (!golden_find(&want, l->source, name))
        return;
    double *expected = channels_last(l, &want), *scaled;
    scaled = golden_alloc(l->golden, tensor_count(&want), sizeof *scaled);
    for (int64_t i = 0; i < tensor_count(&want); i++)
        scaled[i] = factor * got[i];
    golden_compare(l->golden, &gradient_rule, name, scaled, expected, tensor_count(&want));
}

/* The loss of one match; gradients are compared times `factor`, the share in the whole. */
static double run_match(const struct losses *l, const struct match *m, double temperature,
                        const char *gradients, double factor)
{
    const struct shape features = SHAPE(l->batch, m->voxels, l->channels);
    const struct shape weights = SHAPE(l->batch, POINTS, m->voxels);
    struct golden_graph g;
    double result = (double)NAN;
    golden_graph_init(&g, l->golden);
    const value orig = golden_graph_input(&g, features, m->features[0]);
    const value aug = golden_graph_input(&g, features, m->features[1]);
    const value index = golden_graph_index(&g, SHAPE(l->batch, POINTS), m->index);
    const value queries =
        nn_take_each(g.graph, NULL, nn_l2_normalise(g.graph, NULL, orig, FEATURE_EPSILON), index);
    const value candidates = nn_l2_normalise(g.graph, NULL, aug, FEATURE_EPSILON);
    const value cosines = nn_matmul(g.graph, NULL, queries, candidates, NN_TRANSPOSE_B);
    const value rows = nn_match(
        g.graph, NULL, nn_combine(g.graph, NULL, cosines, temperature, NO_VALUE, 0),
        golden_graph_input(&g, weights, m->positive), golden_graph_input(&g, weights, m->negative));
    const value loss =
        nn_reduce(g.graph, NULL, rows, &(struct nn_reduce_options){.kind = NN_SUM, .n_axes = 2});
    if (golden_graph_run(&g, &loss, 1, (value[]){orig, aug}, 2)) {
        result = golden_graph_value(&g, loss)[0];
        compare_features(l, m, gradients, "orig", golden_graph_gradient(&g, orig), factor);
        compare_features(l, m, gradients, "aug", golden_graph_gradient(&g, aug), factor);
    }
    golden_graph_clear(&g);
    return result;
}

static double compare_mss(const struct losses *l)
{
    double got[PATCHES * SCALES], positive[PATCHES * SCALES], negative[PATCHES * SCALES], sum = 0;
    const double share = 1.0 / (SCALES * POINTS);
    for (int i = 0; i < PATCHES * SCALES; i++) {
        struct match m;
        if (!open_match(l, &m, i / SCALES, i % SCALES))
            return (double)NAN;
        fill_bands(l, &m);
        positive[i] = m.n_positive;
        negative[i] = m.n_negative;
        got[i] = run_match(l, &m, l->temperature, "mss_grad", share);
        sum += share * got[i];
    }
    const struct {
        const char *name;
        const struct tolerance *rule;
        const double *got;
        int64_t n;
    } rows[] = {{"pos_count", &count_rule, positive, PATCHES * SCALES},
                {"neg_count", &count_rule, negative, PATCHES * SCALES},
                {"mss_per_patch_scale", &mss_rule, got, PATCHES * SCALES},
                {"mss", &mss_rule, &sum, 1}};
    for (int i = 0; i < 4; i++) {
        const double *want = numbers(l, rows[i].name);
        if (want)
            golden_compare(l->golden, rows[i].rule, rows[i].name, rows[i].got, want, rows[i].n);
    }
    return sum;
}

static void compare_article(const struct losses *l, double temperature, const char *name,
                            const char *gradients)
{
    const double weight = 1 / (double)(PATCHES * SCALES * POINTS * l->batch);
    const double *want = numbers(l, name);
    double sum = 0;
    for (int i = 0; i < PATCHES * SCALES; i++) {
        struct match m;
        if (!open_match(l, &m, i / SCALES, i % SCALES))
            return;
        fill_one_hot(l, &m, weight);
        sum += run_match(l, &m, temperature, gradients, 1);
    }
    if (want)
        golden_compare_one(l->golden, &mss_rule, name, sum / want[0], 1);
}

static bool open_losses(struct losses *l)
{
    struct tensor features, points;
    if (!find(l, &features, "feature_orig0_0"))
        return false;
    l->batch = features.shape.extent[0];
    l->channels = features.shape.extent[1];
    for (int p = 0; p < PATCHES; p++) {
        l->grid_orig[p] = numbers(l, golden_print(l->golden, "grid_orig%d", p));
        l->grid_aug[p] = numbers(l, golden_print(l->golden, "grid_aug%d", p));
        if (!find(l, &points, golden_print(l->golden, "points%d", p)))
            return false;
        l->points[p] = tensor_i32(&points);
    }
    const double *temperature = numbers(l, "temperature"), *threshold = numbers(l, "dis_thresh");
    if (l->golden->failed)
        return false;
    l->temperature = temperature[0];
    l->threshold_mm = threshold[0];
    return true;
}

void golden_medlam_losses(struct golden *golden)
{
    struct losses l = {.golden = golden, .source = golden_tensors(golden, "losses.safetensors")};
    if (!l.source || !open_losses(&l))
        return;
    const double uam = compare_uam(&l);
    compare_relative(&l, "total", uam + compare_mss(&l));
    compare_article(&l, 1, "article_mss_tau1", "none");
    compare_article(&l, 15, "article_mss_tau15", "article_grad_tau15");
}
