/* medlam/metrics: DSC and HD95 with silent exclusion, box IoU, wall distance, ALE, and averages. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "imaging/metrics.h"
#include "imaging/statistics.h"

static const struct tolerance overlap = {"DSC", 1e-9, "double arithmetic"};
static const struct tolerance surface = {"HD95", 1e-9, "double arithmetic"};
static const struct tolerance box_metric = {"box and point metrics", 1e-9, "double arithmetic"};
static const struct tolerance exact_box = {"boxes", 0, "whole numbers"};
static const struct tolerance average = {"averages", 1e-9, "double arithmetic"};

enum { MAX_CASES = 64 };

/* ORDER medlam metrics */
enum metric { METRIC_DSC, METRIC_HD95, METRIC_IOU, METRIC_WD, METRIC_ALE, METRIC_COUNT };
static const char *const metric_names[METRIC_COUNT] = {"dsc", "hd95", "iou", "wd", "ale"};

/* What was found for one organ, over cases. NaN: not counted. */
struct values {
    double of[METRIC_COUNT][MAX_CASES];
    int64_t n;
};

static void read_numbers(double *out, const struct json *list, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = json_double(json_at(list, i), (double)NAN);
}

static bool read_box(struct extent_box *out, const struct json *corners)
{
    if (json_count(corners) != 2)
        return false;
    read_numbers(out->min, json_at(corners, 0), 3);
    read_numbers(out->max, json_at(corners, 1), 3);
    return true;
}

/* DSC and HD95, or NaN for both where the released code records neither. */
static void compare_masks(struct golden *golden, const char *name, const struct json *expected,
                          const uint8_t *truth, const uint8_t *prediction, const struct grid *grid,
                          double found[METRIC_COUNT])
{
    ana_error err = {0};
    struct surface_pair pair = {0};
    const struct confusion c = confusion_count(truth, prediction, grid_count(grid));
    if (!golden_ok(golden, boundary_pixel_open(&pair, truth, prediction, grid, &err), &err, name))
        return;
    const double dsc = metric_dice_medlam(&c), hd95 = boundary_pixel_hd_pool(&pair, 95);
    const bool excluded = isnan(metric_dice(&c, EMPTY_MEDLAM));
    surface_pair_clear(&pair);

    const struct json *formula = json_get(expected, "dsc_formula");
    if (excluded != (json_get(expected, "dsc_hd95") != NULL))
        golden_fail(golden, "%s: excluded or not", name);
    if (formula)
        golden_compare_one(golden, &overlap, golden_print(golden, "%s.dsc_formula", name), dsc,
                           json_double(formula, (double)NAN));
    if (excluded)
        return;
    golden_compare_one(golden, &overlap, golden_print(golden, "%s.dsc", name), dsc,
                       json_double(json_get(expected, "dsc"), (double)NAN));
    golden_compare_one(golden, &surface, golden_print(golden, "%s.hd95", name), hd95,
                       json_double(json_get(expected, "hd95"), (double)NAN));
    found[METRIC_DSC] = dsc;
    found[METRIC_HD95] = hd95;
}

static void compare_boxes(struct golden *golden, const char *name, const struct json *expected,
                          const uint8_t *truth, const struct grid *grid, double found[METRIC_COUNT])
{
    struct extent_box want, from_mask, prediction;
    if (!read_box(&want, json_get(expected, "gt_box_zyx")) ||
        !read_box(&prediction, json_get(expected, "pred_box_zyx")))
        return;
    if (!extent_box_of_mask(&from_mask, truth, grid)) {
        golden_fail(golden, "%s: a box of an empty mask", name);
        return;
    }
    golden_compare(golden, &exact_box, golden_print(golden, "%s.gt_box", name), from_mask.min,
                   want.min, 3);
    golden_compare(golden, &exact_box, golden_print(golden, "%s.gt_box", name), from_mask.max,
                   want.max, 3);

    double axes[3], want_axes[3];
    found[METRIC_IOU] = extent_box_iou(&from_mask, &prediction);
    found[METRIC_WD] = extent_box_wall_distance(axes, &from_mask, &prediction, grid->spacing);
    read_numbers(want_axes, json_get(expected, "wall_distance_axes_mm"), 3);
    golden_compare_one(golden, &box_metric, golden_print(golden, "%s.iou", name), found[METRIC_IOU],
                       json_double(json_get(expected, "iou"), (double)NAN));
    golden_compare_one(golden, &box_metric, golden_print(golden, "%s.wd", name), found[METRIC_WD],
                       json_double(json_get(expected, "wall_distance_mm"), (double)NAN));
    golden_compare(golden, &box_metric, golden_print(golden, "%s.wd_axes", name), axes, want_axes,
                   3);
}

enum { EXTREME_POINTS = 6 };

static void compare_points(struct golden *golden, const char *name, const struct json *expected,
                           const struct grid *grid, double found[METRIC_COUNT])
{
    const struct json *truth = json_get(expected, "extreme_gt_zyx");
    const struct json *prediction = json_get(expected, "extreme_pred_zyx");
    if (!truth)
        return;
    double a[EXTREME_POINTS * 3], b[EXTREME_POINTS * 3], each[EXTREME_POINTS], want[EXTREME_POINTS];
    for (int i = 0; i < EXTREME_POINTS; i++) {
        read_numbers(a + i * 3, json_at(truth, i), 3);
        read_numbers(b + i * 3, json_at(prediction, i), 3);
    }
    read_numbers(want, json_get(expected, "point_error_mm"), EXTREME_POINTS);
    found[METRIC_ALE] = metric_ale(each, a, b, EXTREME_POINTS, grid->spacing);
    golden_compare(golden, &box_metric, golden_print(golden, "%s.point_error", name), each, want,
                   EXTREME_POINTS);
    golden_compare_one(golden, &box_metric, golden_print(golden, "%s.ale", name), found[METRIC_ALE],
                       json_double(json_get(expected, "ale_mm"), (double)NAN));
}

/* In these vectors an organ's prediction is a translated copy of its truth, and the expected values
 * belong to the whole of it, while the stored volume keeps only the label painted last. The voxels
 * that another organ hides are put back, if one translation alone explains the rest.
 */
enum { MAX_SHIFT = 8 };

/* Whether the truth, moved by `shift` voxels (and whole), covers the prediction and is hidden by
 * other labels elsewhere. */
static bool explains(const uint8_t *truth, const uint8_t *predicted, int organ,
                     const struct grid *grid, const int64_t shift[3])
{
    int64_t covered = 0, n_predicted = 0, i = 0;
    for (int64_t z = 0; z < grid->depth; z++)
        for (int64_t y = 0; y < grid->height; y++)
            for (int64_t x = 0; x < grid->width; x++, i++) {
                n_predicted += predicted[i] == organ;
                if (!truth[i])
                    continue;
                const int64_t w = z + shift[0], v = y + shift[1], u = x + shift[2];
                if (w < 0 || w >= grid->depth || v < 0 || v >= grid->height || u < 0 ||
                    u >= grid->width)
                    return false;
                const uint8_t label = predicted[(w * grid->height + v) * grid->width + u];
                if (label == 0)
                    return false;
                covered += label == organ;
            }
    return covered == n_predicted;
}

static void restore_hidden(uint8_t *prediction, const uint8_t *truth, const uint8_t *predicted,
                           int organ, const struct grid *grid)
{
    int64_t offset = 0, shift[3];
    int found = 0;
    for (shift[0] = -MAX_SHIFT; shift[0] <= MAX_SHIFT; shift[0]++)
        for (shift[1] = -MAX_SHIFT; shift[1] <= MAX_SHIFT; shift[1]++)
            for (shift[2] = -MAX_SHIFT; shift[2] <= MAX_SHIFT; shift[2]++)
                if (explains(truth, predicted, organ, grid, shift)) {
                    offset = (shift[0] * grid->height + shift[1]) * grid->width + shift[2];
                    found++;
                }
    for (int64_t i = 0; found == 1 && i < grid_count(grid); i++)
        if (truth[i])
            prediction[i + offset] = 1;
}

static int64_t count_set(const uint8_t *mask, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += mask[i] != 0;
    return count;
}

/* One organ of one case; its masks are the voxels of that label. */
static void compare_organ(struct golden *golden, const char *name, const struct json *expected,
                          const struct tensor *labels, const struct tensor *predictions, int organ,
                          const struct grid *grid, double found[METRIC_COUNT])
{
    const int64_t n = grid_count(grid);
    const uint8_t *label = labels->data, *predicted = predictions->data;
    uint8_t *truth = golden_alloc(golden, n, 1), *prediction = golden_alloc(golden, n, 1);
    for (int64_t i = 0; i < n; i++) {
        truth[i] = label[i] == organ;
        prediction[i] = predicted[i] == organ;
    }
    const int64_t stored = count_set(prediction, n);
    if (stored > 0 && count_set(truth, n) > 0)
        restore_hidden(prediction, truth, predicted, organ, grid);
    if (count_set(prediction, n) != stored)
        printf("  %s: %lld voxels hidden by another organ put back\n", name,
               (long long)(count_set(prediction, n) - stored));
    compare_masks(golden, name, expected, truth, prediction, grid, found);
    compare_boxes(golden, name, expected, truth, grid, found);
    compare_points(golden, name, expected, grid, found);
}

static bool read_grid(struct golden *golden, struct grid *out, const struct tensor *volume,
                      const struct json *spacing)
{
    if (volume->shape.rank != 3 || volume->dtype != DTYPE_U8 || json_count(spacing) != 3) {
        golden_fail(golden, "not a volume with three spacings");
        return false;
    }
    const int64_t *extent = volume->shape.extent;
    *out = (struct grid){.depth = extent[0], .height = extent[1], .width = extent[2]};
    for (int axis = 0; axis < 3; axis++)
        out->spacing[axis] = json_double(json_at(spacing, 2 - axis), 0);
    return true;
}

static void compare_case(struct golden *golden, const struct tensor_source *source,
                         const struct json *expected, int64_t index, int organ,
                         struct values *values)
{
    struct tensor labels, predictions;
    struct grid grid;
    const struct json *cases = json_get(expected, "cases");
    const struct json *of_organ =
        json_get(json_at(cases, index), golden_print(golden, "%d", organ));
    double found[METRIC_COUNT];
    for (int m = 0; m < METRIC_COUNT; m++)
        found[m] = (double)NAN;

    const char *name = golden_print(golden, "case%d", (int)index);
    if (of_organ &&
        golden_tensor(golden, &labels, source, golden_print(golden, "%s.label", name)) &&
        golden_tensor(golden, &predictions, source, golden_print(golden, "%s.pred", name)) &&
        read_grid(golden, &grid, &labels, json_get(expected, "spacing_zyx")))
        compare_organ(golden, golden_print(golden, "%s.%d", name, organ), of_organ, &labels,
                      &predictions, organ, &grid, found);
    for (int m = 0; m < METRIC_COUNT; m++)
        values->of[m][values->n] = found[m];
    values->n++;
}

/* Mean, population deviation and number of one metric for one organ. Returns the mean. */
static double compare_average(struct golden *golden, const struct json *expected, const char *name,
                              const double *values, int64_t n)
{
    ana_error err = {0};
    struct summary s;
    if (!golden_ok(golden, statistics_summarise(&s, values, NULL, n, 1, &err), &err, name))
        return (double)NAN;
    const double got[3] = {s.mean, s.sd * sqrt((double)(s.n - 1) / (double)s.n), (double)s.n};
    const double want[3] = {json_double(json_get(expected, "mean"), (double)NAN),
                            json_double(json_get(expected, "std_population"), (double)NAN),
                            json_double(json_get(expected, "n"), (double)NAN)};
    golden_compare(golden, &average, name, got, want, 3);
    return s.mean;
}

void golden_medlam_metrics(struct golden *golden)
{
    const struct json *expected = golden_json(golden, "expected.json");
    const struct tensor_source *source = golden_tensors(golden, "volumes.safetensors");
    const int64_t n_cases = json_count(json_get(expected, "cases"));
    if (!source || n_cases == 0 || n_cases > MAX_CASES)
        return;
    const struct json *aggregate = json_get(expected, "aggregate");
    const int64_t n_organs = json_count(json_get(json_at(json_get(expected, "cases"), 0), "1"))
                                 ? json_count(json_get(aggregate, "dsc")) - 1
                                 : 0;
    double over_organs[METRIC_COUNT] = {0};
    for (int organ = 1; organ <= n_organs; organ++) {
        struct values *values = golden_alloc(golden, 1, sizeof *values);
        for (int64_t i = 0; i < n_cases; i++)
            compare_case(golden, source, expected, i, organ, values);
        for (int m = 0; m < METRIC_COUNT; m++) {
            const struct json *want =
                json_get(json_get(aggregate, metric_names[m]), golden_print(golden, "%d", organ));
            over_organs[m] +=
                compare_average(golden, want, golden_print(golden, "%s.%d", metric_names[m], organ),
                                values->of[m], values->n) /
                (double)n_organs;
        }
    }
    for (int m = 0; m < METRIC_COUNT; m++)
        golden_compare_one(
            golden, &average, golden_print(golden, "%s.average", metric_names[m]), over_organs[m],
            json_double(json_get(json_get(aggregate, metric_names[m]), "average_over_organs"),
                        (double)NAN));
}
