/* vlsm/preprocess_metrics: image and mask resizing, normalisation, Dice and IoU with their rules
 * for empty masks. */
#include <math.h>

#include "golden.h"
#include "images.h"
#include "imaging/metrics.h"
#include "imaging/prepare.h"
#include "imaging/resize.h"
#include "imaging/statistics.h"

static const struct tolerance normalised = {"normalised", 1e-5, "float32 rounding"};
static const struct tolerance exact_index = {"nearest", 0, "pixels are only moved"};
static const struct tolerance overlap = {"overlap", 1e-6, "stored as float32"};
static const struct tolerance percent = {"percent", 1e-4, "stored as float32, values to 100"};

static void compare_norm(struct golden *golden, const struct tensor_source *source,
                         const char *name, const struct image *image, const struct pixel_norm *norm)
{
    ana_error err = {0};
    struct tensor want;
    if (!golden_tensor(golden, &want, source, name))
        return;
    float *pixels = golden_alloc(golden, tensor_count(&want), sizeof *pixels);
    if (golden_ok(golden, image_normalise(pixels, image, norm, &err), &err, name))
        golden_compare_planar(golden, &normalised, name, pixels, &want);
}

static void compare_image(struct golden *golden, const struct tensor_source *source,
                          const char *name, const struct tensor *input)
{
    ana_error err = {0};
    struct tensor want;
    struct image image = {0}, resized = {0};
    const char *resized_name = golden_print(golden, "%s.resized_u8", name);
    if (!golden_tensor(golden, &want, source, resized_name) ||
        !golden_image(golden, &image, input, name))
        return;
    const ana_status status = image_resize(&resized, &image, want.shape.extent[0],
                                           want.shape.extent[1], RESIZE_FILTER_BILINEAR, &err);
    if (golden_ok(golden, status, &err, name)) {
        golden_compare_image(golden, &golden_exact_u8, resized_name, &resized, &want);
        compare_norm(golden, source, golden_print(golden, "%s.norm_imagenet", name), &resized,
                     &pixel_norm_imagenet);
        compare_norm(golden, source, golden_print(golden, "%s.norm_clip", name), &resized,
                     &pixel_norm_clip);
    }
    image_clear(&image);
    image_clear(&resized);
}

/* The small mask, 255 where it is above 127, back to the image's extents by torch's nearest-exact.
 */
static void compare_back(struct golden *golden, const char *name, const struct tensor *small,
                         const struct tensor *want)
{
    ana_error err = {0};
    const struct torch_resize how = {.mode = TORCH_NEAREST_EXACT};
    const struct plane_shape shape = {small->shape.extent[0], small->shape.extent[1], 1};
    float *plane = golden_f32(golden, small);
    for (int64_t i = 0; i < tensor_count(small); i++)
        plane[i] = plane[i] > 127.0F ? 255.0F : 0.0F;
    float *out = golden_alloc(golden, tensor_count(want), sizeof *out);
    const ana_status status = plane_resize_torch(out, want->shape.extent[0], want->shape.extent[1],
                                                 plane, &shape, &how, &err);
    if (golden_ok(golden, status, &err, name))
        golden_compare_f32(golden, &exact_index, name, out, want);
}

static void compare_mask(struct golden *golden, const struct tensor_source *source,
                         const char *name)
{
    ana_error err = {0};
    struct tensor mask, small, back;
    const char *small_name = golden_print(golden, "%s.mask_resized_u8", name);
    const char *back_name = golden_print(golden, "%s.pred_back_nearest_exact", name);
    if (!golden_tensor(golden, &mask, source, golden_print(golden, "%s.mask_u8", name)) ||
        !golden_tensor(golden, &small, source, small_name) ||
        !golden_tensor(golden, &back, source, back_name))
        return;
    uint8_t *out = golden_alloc(golden, tensor_count(&small), 1);
    const ana_status status =
        nearest_resize_bytes(out, small.shape.extent[0], small.shape.extent[1], mask.data,
                             mask.shape.extent[0], mask.shape.extent[1], 1, &err);
    if (golden_ok(golden, status, &err, small_name))
        golden_compare_u8(golden, &exact_index, small_name, out, &small);
    compare_back(golden, back_name, &small, &back);
}

static void compare_preprocessing(struct golden *golden)
{
    const struct tensor_source *source = golden_tensors(golden, "preprocess.safetensors");
    struct tensor input;
    for (int i = 0; source; i++) {
        const char *name = golden_print(golden, "c%d", i);
        if (!golden_find(&input, source, golden_print(golden, "%s.image_u8", name)))
            break;
        compare_image(golden, source, name, &input);
        compare_mask(golden, source, name);
    }
}

/* The metrics of all pairs, in the names of the file. */
struct overlaps {
    double *dice, *iou, *soft_dice, *soft_iou, *minus_ones, *minus_zeros;
};

static void compute_overlaps(struct overlaps *out, const struct tensor *prediction,
                             const struct tensor *truth, const float *soft, const uint8_t *ones,
                             const uint8_t *zeros)
{
    const int64_t cases = truth->shape.extent[0], n = tensor_count(truth) / cases;
    for (int64_t i = 0; i < cases; i++) {
        const uint8_t *t = (const uint8_t *)truth->data + i * n;
        const uint8_t *p = (const uint8_t *)prediction->data + i * n;
        const struct confusion c = confusion_count(t, p, n);
        const struct confusion all = confusion_count(t, ones, n);
        const struct confusion none = confusion_count(t, zeros, n);
        out->dice[i] = metric_dice(&c, EMPTY_VLSM);
        out->iou[i] = metric_iou(&c, EMPTY_VLSM);
        out->soft_dice[i] = metric_dice_soft(p, soft + i * n, n);
        out->soft_iou[i] = metric_iou_soft(p, soft + i * n, n);
        out->minus_ones[i] = 100 * (out->dice[i] - metric_dice(&all, EMPTY_VLSM));
        out->minus_zeros[i] = 100 * (out->dice[i] - metric_dice(&none, EMPTY_VLSM));
    }
}

static void compare_named(struct golden *golden, const struct tensor_source *source,
                          const struct tolerance *tolerance, const char *name, const double *got)
{
    struct tensor want;
    if (golden_tensor(golden, &want, source, name))
        golden_compare(golden, tolerance, name, got, golden_f64(golden, &want),
                       tensor_count(&want));
}

static void compare_spread(struct golden *golden, const struct tensor_source *source,
                           const char *metric, const double *values, int64_t n)
{
    ana_error err = {0};
    struct summary summary;
    if (!golden_ok(golden, statistics_summarise(&summary, values, NULL, n, 1, &err), &err, metric))
        return;
    const double mean = 100 * summary.mean, sd = 100 * summary.sd;
    compare_named(golden, source, &percent, golden_print(golden, "mean_%s_x100", metric), &mean);
    compare_named(golden, source, &percent, golden_print(golden, "sample_std_%s_x100", metric),
                  &sd);
}

static void compare_metrics(struct golden *golden)
{
    struct tensor prediction, truth, soft;
    const struct tensor_source *source = golden_tensors(golden, "metrics.safetensors");
    if (!source || !golden_tensor(golden, &prediction, source, "pred") ||
        !golden_tensor(golden, &truth, source, "gt") ||
        !golden_tensor(golden, &soft, source, "soft_target"))
        return;
    const int64_t cases = truth.shape.extent[0], n = tensor_count(&truth) / cases;
    uint8_t *ones = golden_alloc(golden, n, 1);
    for (int64_t i = 0; i < n; i++)
        ones[i] = 1;
    double *room = golden_alloc(golden, 6 * cases, sizeof *room);
    struct overlaps o = {
        room, room + cases, room + 2 * cases, room + 3 * cases, room + 4 * cases, room + 5 * cases};
    compute_overlaps(&o, &prediction, &truth, golden_f32(golden, &soft), ones,
                     golden_alloc(golden, n, 1));

    compare_named(golden, source, &overlap, "dice", o.dice);
    compare_named(golden, source, &overlap, "iou", o.iou);
    compare_named(golden, source, &overlap, "loop_dice_soft", o.soft_dice);
    compare_named(golden, source, &overlap, "loop_iou_soft", o.soft_iou);
    compare_named(golden, source, &percent, "dice_minus_all_ones_x100", o.minus_ones);
    compare_named(golden, source, &percent, "dice_minus_all_zeros_x100", o.minus_zeros);
    compare_spread(golden, source, "dice", o.dice, cases);
    compare_spread(golden, source, "iou", o.iou, cases);
}

void golden_vlsm_preprocess_metrics(struct golden *golden)
{
    compare_preprocessing(golden);
    compare_metrics(golden);
    golden_skip(golden, "schedule.json", "reduce-on-plateau is not built yet");
}
