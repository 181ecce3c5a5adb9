/* clip/metrics: overlap and both families of surface metrics, 2D and 3D, and the evaluation program
 * of MedCLIP-SAMv2. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "imaging/metrics.h"
#include "imaging/resize.h"

static const struct tolerance exact_count = {"pixel counts", 0, "whole numbers"};
static const struct tolerance overlap = {"overlap", 1e-9, "double arithmetic"};
static const struct tolerance surface_element = {"surface_element", 1e-9, "double arithmetic"};
static const struct tolerance boundary_pixel = {"boundary_pixel", 1e-9, "double arithmetic"};
static const struct tolerance rounded = {"eval program", 1e-9, "rounded to 4 decimals there"};

/* A number, "inf", or null for NaN. */
static double number_of(const struct json *value)
{
    const char *text = json_text(value);
    if (text)
        return strcmp(text, "inf") == 0 ? HUGE_VAL : (double)NAN;
    return json_double(value, (double)NAN);
}

static void compare_key(struct golden *golden, const struct tolerance *tolerance, const char *name,
                        const struct json *object, const char *key, double got)
{
    const struct json *value = json_get(object, key);
    if (!value)
        golden_fail(golden, "%s: no %s", name, key);
    else
        golden_compare_one(golden, tolerance, golden_print(golden, "%s.%s", name, key), got,
                           number_of(value));
}

static void compare_list(struct golden *golden, const struct tolerance *tolerance, const char *name,
                         const struct json *list, const double *got, int64_t n)
{
    if (json_count(list) != n) {
        golden_fail(golden, "%s: %lld values, expected %lld", name, (long long)json_count(list),
                    (long long)n);
        return;
    }
    double want[4];
    for (int64_t i = 0; i < n; i++)
        want[i] = number_of(json_at(list, i));
    golden_compare(golden, tolerance, name, got, want, n);
}

struct mask_case {
    const char *name;
    const struct json *expected;
    const uint8_t *truth, *prediction;
    struct grid grid;
};

static bool read_case(struct golden *golden, struct mask_case *out, const struct json *expected,
                      const struct tensor_source *source)
{
    struct tensor truth, prediction;
    const char *name = json_text(json_get(expected, "name"));
    if (!name) {
        golden_fail(golden, "a case without a name");
        return false;
    }
    if (!golden_tensor(golden, &truth, source, golden_print(golden, "%s.gt", name)) ||
        !golden_tensor(golden, &prediction, source, golden_print(golden, "%s.pred", name)))
        return false;
    const struct json *spacing = json_get(expected, "spacing");
    const int rank = truth.shape.rank;
    if (!shape_equal(&truth.shape, &prediction.shape) || json_count(spacing) != rank) {
        golden_fail(golden, "%s: shapes differ", name);
        return false;
    }
    const int64_t *extent = truth.shape.extent;
    struct grid grid = grid_2d(extent[rank - 2], extent[rank - 1]);
    grid.depth = rank == 3 ? extent[0] : 1;
    for (int axis = 0; axis < rank; axis++)
        grid.spacing[axis] = json_double(json_at(spacing, rank - 1 - axis), 0);
    *out = (struct mask_case){name, expected, truth.data, prediction.data, grid};
    return true;
}

static void compare_overlap(struct golden *golden, const struct mask_case *c)
{
    const struct confusion n = confusion_count(c->truth, c->prediction, grid_count(&c->grid));
    const double counts[4] = {(double)n.tp, (double)n.fp, (double)n.fn, (double)n.tn};
    compare_list(golden, &exact_count, golden_print(golden, "%s.tp_fp_fn_tn", c->name),
                 json_get(c->expected, "tp_fp_fn_tn"), counts, 4);
    compare_key(golden, &overlap, c->name, c->expected, "dice", metric_dice(&n, EMPTY_CLIP));
    compare_key(golden, &overlap, c->name, c->expected, "iou", metric_iou(&n, EMPTY_CLIP));
}

static void compare_surface_elements(struct golden *golden, const struct mask_case *c,
                                     const struct json *expected)
{
    ana_error err = {0};
    struct surface_pair pair = {0};
    const ana_status status = surface_element_open(&pair, c->truth, c->prediction, &c->grid, &err);
    if (!golden_ok(golden, status, &err, c->name))
        return;
    const double nsd[3] = {surface_element_nsd(&pair, 1), surface_element_nsd(&pair, 2),
                           surface_element_nsd(&pair, 3)};
    double asd[2];
    surface_element_asd(&asd[0], &asd[1], &pair);
    compare_list(golden, &surface_element, golden_print(golden, "%s.nsd", c->name),
                 json_get(expected, "nsd_tol1_2_3"), nsd, 3);
    compare_list(golden, &surface_element, golden_print(golden, "%s.asd", c->name),
                 json_get(expected, "asd_gt_pred"), asd, 2);
    compare_key(golden, &surface_element, c->name, expected, "hd100",
                surface_element_hd(&pair, 100));
    compare_key(golden, &surface_element, c->name, expected, "hd95", surface_element_hd(&pair, 95));
    surface_pair_clear(&pair);
}

static void compare_boundary_pixels(struct golden *golden, const struct mask_case *c,
                                    const struct json *expected)
{
    ana_error err = {0};
    struct surface_pair pair = {0};
    const ana_status status = boundary_pixel_open(&pair, c->truth, c->prediction, &c->grid, &err);
    if (!golden_ok(golden, status, &err, c->name))
        return;
    const double nsd[3] = {boundary_pixel_nsd(&pair, 1), boundary_pixel_nsd(&pair, 2),
                           boundary_pixel_nsd(&pair, 3)};
    compare_list(golden, &boundary_pixel, golden_print(golden, "%s.nsd", c->name),
                 json_get(expected, "nsd"), nsd, 3);
    compare_key(golden, &boundary_pixel, c->name, expected, "hd",
                boundary_pixel_hd_max(&pair, 100));
    compare_key(golden, &boundary_pixel, c->name, expected, "hd95_max",
                boundary_pixel_hd_max(&pair, 95));
    compare_key(golden, &boundary_pixel, c->name, expected, "hd95_pool",
                boundary_pixel_hd_pool(&pair, 95));
    compare_key(golden, &boundary_pixel, c->name, expected, "assd", boundary_pixel_assd(&pair));
    surface_pair_clear(&pair);
}

static void compare_case(struct golden *golden, const struct mask_case *c)
{
    const struct json *released = json_get(c->expected, "repo");
    const struct json *elements = json_get(c->expected, "surface_element");
    const struct json *boundary = json_get(c->expected, "boundary_pixel");

    compare_overlap(golden, c);
    if (released)
        compare_surface_elements(golden, c, released);
    if (elements)
        compare_surface_elements(golden, c, elements);
    if (boundary)
        compare_boundary_pixels(golden, c, boundary);
}

static double round_4(double value)
{
    return nearbyint(value * 1e4) / 1e4;
}

/* One pair as the evaluation program does it: nearest to the truth's size, both > 200, an empty
 * truth gives 0 and 0. */
static bool evaluate(struct golden *golden, double *dsc, double *nsd, const struct tensor *truth,
                     const struct tensor *prediction)
{
    ana_error err = {0};
    const int64_t height = truth->shape.extent[0], width = truth->shape.extent[1];
    const int64_t n = height * width;
    const uint8_t *levels = truth->data;
    uint8_t *a = golden_alloc(golden, n, 1), *b = golden_alloc(golden, n, 1);
    ana_status status =
        nearest_resize_bytes(b, height, width, prediction->data, prediction->shape.extent[0],
                             prediction->shape.extent[1], 1, &err);
    for (int64_t i = 0; i < n; i++) {
        a[i] = levels[i] > 200;
        b[i] = b[i] > 200;
    }
    struct surface_pair pair = {0};
    const struct grid grid = grid_2d(height, width);
    if (!status)
        status = surface_element_open(&pair, a, b, &grid, &err);
    if (!golden_ok(golden, status, &err, "evaluation"))
        return false;
    const struct confusion c = confusion_count(a, b, n);
    *dsc = round_4(metric_dice(&c, EMPTY_CLIP));
    *nsd = round_4(surface_element_nsd(&pair, 2));
    surface_pair_clear(&pair);
    return true;
}

static void compare_program(struct golden *golden, const struct tensor_source *source)
{
    struct tensor dsc, nsd, means, truth, prediction;
    if (!golden_tensor(golden, &dsc, source, "dsc") ||
        !golden_tensor(golden, &nsd, source, "nsd") ||
        !golden_tensor(golden, &means, source, "mean_dsc_nsd"))
        return;
    const int64_t n = tensor_count(&dsc);
    double *got_dsc = golden_alloc(golden, n, sizeof(double));
    double *got_nsd = golden_alloc(golden, n, sizeof(double));
    double mean[2] = {0};
    for (int64_t i = 0; i < n; i++) {
        if (!golden_tensor(golden, &truth, source, golden_print(golden, "eval%d.gt", (int)i)) ||
            !golden_tensor(golden, &prediction, source,
                           golden_print(golden, "eval%d.seg", (int)i)) ||
            !evaluate(golden, &got_dsc[i], &got_nsd[i], &truth, &prediction))
            return;
        mean[0] += got_dsc[i] / (double)n;
        mean[1] += got_nsd[i] / (double)n;
    }
    golden_compare(golden, &rounded, "eval.dsc", got_dsc, golden_f64(golden, &dsc), n);
    golden_compare(golden, &rounded, "eval.nsd", got_nsd, golden_f64(golden, &nsd), n);
    golden_compare(golden, &rounded, "eval.mean", mean, golden_f64(golden, &means), 2);
}

void golden_clip_metrics(struct golden *golden)
{
    const struct json *expected = golden_json(golden, "expected.json");
    const struct tensor_source *masks = golden_tensors(golden, "masks.safetensors");
    const struct tensor_source *program = golden_tensors(golden, "eval_program.safetensors");
    for (int64_t i = 0; masks && i < json_count(expected); i++) {
        struct mask_case c;
        if (read_case(golden, &c, json_at(expected, i), masks))
            compare_case(golden, &c);
    }
    if (program)
        compare_program(golden, program);
}
