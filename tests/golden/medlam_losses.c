/* medlam/losses: MedLAM's two losses and their gradients with respect to positions and features.
 * The similarity's terms are written out here; probabilities come from the operators, and the
 * gradients flow back through them. */
#include <math.h>

#include "golden_net.h"

static const struct tolerance count = {"counts", 0, "whole numbers"};
static const struct tolerance loss_value = {"loss", 1e-5, "relative; float32 features"};
static const struct tolerance offset_mm = {"offset", 1e-3, "float32 of up to 1500 mm"};
static const struct tolerance gradients = {"gradients", 1e-5, "share of the tensor's largest"};

enum { PATCHES = 2, SCALES = 3, TERMS = PATCHES * SCALES };

static const struct golden_gradients whole = {.prefix = ""};

/* ---- positions: mean of (r tanh(p0 - p1) - offset)^2 ---- */

static void compare_positions(struct golden *golden, const struct tensor_source *file)
{
    struct golden_net net;
    struct tensor ratio, label, want;
    if (!golden_tensor(golden, &ratio, file, "dis_ratio") ||
        !golden_tensor(golden, &label, file, "label_mm") ||
        !golden_tensor(golden, &want, file, "uam"))
        return;
    golden_net_init(&net, golden, file, "");
    struct graph *g = net.graph;
    const value p[] = {golden_net_weight(&net, "fc_position0"),
                       golden_net_weight(&net, "fc_position1")};
    const value difference = nn_combine(g, NULL, p[0], 1, p[1], -1);
    const value scale = nn_broadcast(g, NULL, golden_net_input(&net, "ratio", &ratio), label.shape);
    const value offset = golden_net_tap(
        &net, nn_mul(g, NULL, scale, nn_activate(g, NULL, difference, ACTIVATION_TANH)));
    const value miss = nn_combine(g, NULL, offset, 1, golden_net_input(&net, "label", &label), -1);
    const int64_t n = tensor_count(&label);
    float *share = golden_alloc(golden, n, sizeof *share);
    for (int64_t i = 0; i < n; i++)
        share[i] = 1 / (float)n;
    const struct tensor shares = tensor_view(share, DTYPE_F32, SHAPE(n));
    const value square = nn_reshape(g, NULL, nn_mul(g, NULL, miss, miss), SHAPE(n));
    const value loss = golden_net_tap(
        &net, nn_weighted_sum(g, "loss", square, golden_net_input(&net, "shares", &shares)));
    if (golden_net_run(&net, true, loss)) {
        const struct tensor got = plan_value(net.plan, loss);
        golden_net_compare(&net, &offset_mm, offset, file, "predicted_offset_mm");
        golden_compare_one(golden, &loss_value, "uam",
                           (double)tensor_f32(&got)[0] / golden_f64(golden, &want)[0], 1);
        golden_net_compare_gradient(&net, &gradients, p[0], file, "uam_grad.fc0", &whole);
        golden_net_compare_gradient(&net, &gradients, p[1], file, "uam_grad.fc1", &whole);
    }
    golden_net_clear(&net);
}

/* ---- similarity ---- */

/* One patch at one scale. */
struct term {
    int patch, scale;
    double temperature, threshold_mm; /* of the full resolution */
    value original, augmented;        /* features as stored */
    value probability;                /* [n, points, voxels] */
    value distance;                   /* mm, [n, d, h, w, points] */
};

static int64_t shrink_of(int scale)
{
    return scale == 0 ? 4 : scale == 1 ? 2 : 1;
}

/* [n, side, side, side, points] mm from the original's points to the augmented's voxels. */
static value distances(struct golden_net *net, const struct tensor_source *file, int patch,
                       const struct tensor *points)
{
    struct tensor from, to;
    struct golden *golden = net->golden;
    if (!golden_tensor(golden, &from, file, golden_print(golden, "grid_orig%d", patch)) ||
        !golden_tensor(golden, &to, file, golden_print(golden, "grid_aug%d", patch)))
        return NO_VALUE;
    const int64_t n = from.shape.extent[0], side = from.shape.extent[2];
    const int64_t voxels = side * side * side, m = points->shape.extent[0];
    float *mm = golden_alloc(golden, n * voxels * m, sizeof *mm);
    for (int64_t i = 0; i < n * voxels * m; i++) {
        const int32_t *q = tensor_i32(points) + i % m * 3;
        const int64_t sample = i / m / voxels, x = i / m % voxels;
        const int64_t at = (q[0] * side + q[1]) * side + q[2];
        double square = 0;
        for (int axis = 0; axis < 3; axis++)
            square += pow((double)tensor_f32(&to)[(sample * 3 + axis) * voxels + x] -
                              (double)tensor_f32(&from)[(sample * 3 + axis) * voxels + at],
                          2);
        mm[i] = (float)sqrt(square);
    }
    const struct tensor all = tensor_view(mm, DTYPE_F32, SHAPE(n, side, side, side, m));
    return golden_net_input(net, "distances", &all);
}

/* The points of the full resolution at this scale, for each of n samples. */
static value points_at(struct golden_net *net, const struct tensor *points, int64_t n, int scale)
{
    const int64_t m = points->shape.extent[0];
    int32_t *index = golden_alloc(net->golden, n * m * 3, sizeof *index);
    for (int64_t i = 0; i < n * m * 3; i++)
        index[i] = (int32_t)(tensor_i32(points)[i % (m * 3)] / shrink_of(scale));
    const struct tensor all = tensor_view(index, DTYPE_I32, SHAPE(n, m, 3));
    return golden_net_index(net, "points", &all);
}

static void build_term(struct golden_net *net, struct term *t, const struct tensor_source *file,
                       const struct tensor *points)
{
    struct graph *g = net->graph;
    t->original = golden_net_weight(net, "feature_orig%d_%d", t->patch, t->scale);
    t->augmented = golden_net_weight(net, "feature_aug%d_%d", t->patch, t->scale);
    const value original = nn_permute(g, NULL, t->original, (int[]){0, 2, 3, 4, 1});
    value augmented = nn_permute(g, NULL, t->augmented, (int[]){0, 2, 3, 4, 1});
    const struct shape s = graph_shape(g, augmented);
    const int64_t n = s.extent[0], voxels = s.extent[1] * s.extent[2] * s.extent[3];
    augmented = nn_reshape(g, NULL, augmented, SHAPE(n, voxels, s.extent[4]));
    value queries = nn_take_points(g, NULL, original, points_at(net, points, n, t->scale));
    queries = nn_l2_normalise(g, NULL, queries, 1e-12);
    augmented = nn_l2_normalise(g, NULL, augmented, 1e-12);
    const value similar = nn_matmul(g, NULL, queries, augmented, true);
    t->probability = golden_net_tap(
        net, nn_softmax(g, NULL, nn_combine(g, NULL, similar, t->temperature, NO_VALUE, 0)));
    t->distance =
        golden_net_tap(net, nn_resize_trilinear(g, NULL, distances(net, file, t->patch, points),
                                                s.extent[1], s.extent[2], s.extent[3], false));
}

struct sums {
    double loss, positive, negative; /* the latter two count */
};

/* - mean of log P over near voxels - mean of log(1 - P) over far ones; times 1 / 60 its gradient
 * with respect to P, once the counts are known. */
static void add_terms(const struct term *t, const struct golden_net *net, struct sums *sums,
                      const struct sums *counts)
{
    const struct tensor p = plan_value(net->plan, t->probability);
    const struct tensor d = plan_value(net->plan, t->distance);
    const struct tensor dp = plan_gradient(net->plan, t->probability);
    const int64_t m = p.shape.extent[1], voxels = p.shape.extent[2];
    const double near = t->threshold_mm * (double)shrink_of(t->scale), far = 2 * near;
    for (int64_t i = 0; i < tensor_count(&p); i++) {
        const int64_t sample = i / voxels / m, j = i / voxels % m, x = i % voxels;
        const double mm = (double)tensor_f32(&d)[(sample * voxels + x) * m + j];
        const double share = (double)tensor_f32(&p)[i];
        double gradient = 0;
        if (mm <= near) {
            sums->positive++;
            sums->loss -= counts ? log(share) / counts->positive : 0;
            gradient = counts ? -1 / share / counts->positive : 0;
        } else if (mm >= far) {
            sums->negative++;
            sums->loss -= counts ? log1p(-share) / counts->negative : 0;
            gradient = counts ? 1 / (1 - share) / counts->negative : 0;
        }
        tensor_f32(&dp)[i] = (float)(gradient / (SCALES * 20));
    }
}

static double compare_term(struct golden *golden, const struct tensor_source *file, struct term *t,
                           const struct tensor *points)
{
    struct golden_net net;
    struct sums counts = {0}, sums = {0};
    struct tensor loss, positive, negative;
    const int i = t->patch * SCALES + t->scale;
    golden_net_init(&net, golden, file, "");
    build_term(&net, t, file, points);
    if (golden_net_forward(&net, true, t->probability) &&
        golden_tensor(golden, &loss, file, "mss_per_patch_scale") &&
        golden_tensor(golden, &positive, file, "pos_count") &&
        golden_tensor(golden, &negative, file, "neg_count")) {
        add_terms(t, &net, &counts, NULL);
        add_terms(t, &net, &sums, &counts);
        golden_compare_one(golden, &count, "pos_count", counts.positive,
                           golden_f64(golden, &positive)[i]);
        golden_compare_one(golden, &count, "neg_count", counts.negative,
                           golden_f64(golden, &negative)[i]);
        golden_compare_one(golden, &loss_value, "mss_per_patch_scale",
                           sums.loss / golden_f64(golden, &loss)[i], 1);
        if (golden_net_backward(&net)) {
            const char *name = golden_print(golden, "%d_%d", t->patch, t->scale);
            golden_net_compare_gradient(&net, &gradients, t->original, file,
                                        golden_print(golden, "mss_grad.feature_orig%s", name),
                                        &whole);
            golden_net_compare_gradient(&net, &gradients, t->augmented, file,
                                        golden_print(golden, "mss_grad.feature_aug%s", name),
                                        &whole);
        }
    }
    golden_net_clear(&net);
    return sums.loss;
}

static void compare_similarity(struct golden *golden, const struct tensor_source *file)
{
    struct tensor temperature, threshold, points, want;
    double total = 0;
    if (!golden_tensor(golden, &temperature, file, "temperature") ||
        !golden_tensor(golden, &threshold, file, "dis_thresh") ||
        !golden_tensor(golden, &want, file, "mss"))
        return;
    for (int i = 0; i < TERMS; i++) {
        struct term term = {.patch = i / SCALES,
                            .scale = i % SCALES,
                            .temperature = golden_f64(golden, &temperature)[0],
                            .threshold_mm = golden_f64(golden, &threshold)[0]};
        if (golden_tensor(golden, &points, file, golden_print(golden, "points%d", term.patch)))
            total += compare_term(golden, file, &term, &points);
    }
    golden_compare_one(golden, &loss_value, "mss",
                       total / (SCALES * 20) / golden_f64(golden, &want)[0], 1);
}

void golden_medlam_losses(struct golden *golden)
{
    const struct tensor_source *file = golden_tensors(golden, "losses.safetensors");
    if (!file)
        return;
    compare_positions(golden, file);
    compare_similarity(golden, file);
    golden_skip(golden, "recorded_draws", "drawing points comes with the trainer");
    golden_skip(golden, "article_*", "a variant of the article that no weights were made with");
}
