/* clip/preprocess: resizing of Pillow, OpenCV and torch, and CLIP's way from file to pixel values.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "images.h"
#include "imaging/prepare.h"
#include "imaging/resize.h"
#include "io/image_file.h"

static const struct tolerance normalised = {"pixel values", 1e-5, "float32 rounding"};
static const struct tolerance opencv_u8 = {"OpenCV u8", 1, "its fixed-point weights have 11 bits"};
static const struct tolerance opencv_f32 = {"OpenCV float", 1e-5, "float32 rounding"};
static const struct tolerance torch_f32 = {"torch float", 1e-5, "float32 rounding"};
static const struct tolerance exact_index = {"nearest", 0, "pixels are only moved"};
static const struct tolerance cubic_mask = {"cubic mask", 0, "sign of the interpolated mask"};

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* A file of the folder whose pixels must be those of the tensor. */
static void compare_file(struct golden *golden, const char *name, const struct tensor *input)
{
    ana_error err = {0};
    struct image image = {0};
    char *path = path_join(golden->folder, golden_print(golden, "%s.png", name));
    const ana_status status = image_read(&image, path, NULL, &err);
    if (golden_ok(golden, status, &err, name))
        golden_compare_image(golden, &golden_exact_u8, golden_print(golden, "%s.png", name), &image,
                             input);
    image_clear(&image);
    memory_free(path);
}

static void compare_crop(struct golden *golden, const struct tensor_source *source,
                         const char *name, const char *front_end, const struct image *resized,
                         int64_t side, int64_t (*offset)(int64_t surplus))
{
    ana_error err = {0};
    struct tensor cropped, values;
    if (!golden_tensor(golden, &cropped, source,
                       golden_print(golden, "%s.%s.cropped", name, front_end)) ||
        !golden_tensor(golden, &values, source,
                       golden_print(golden, "%s.%s.pixel_values", name, front_end)))
        return;
    struct image crop = {0};
    const ana_status status = image_crop(&crop, resized, offset(image_height(resized) - side),
                                         offset(image_width(resized) - side), side, side, &err);
    if (!golden_ok(golden, status, &err, name))
        return;
    golden_compare_image(golden, &golden_exact_u8,
                         golden_print(golden, "%s.%s.cropped", name, front_end), &crop, &cropped);

    float *pixels = golden_alloc(golden, side * side * 3, sizeof *pixels);
    if (golden_ok(golden, image_normalise(pixels, &crop, &pixel_norm_clip, &err), &err, name))
        golden_compare_planar(golden, &normalised,
                              golden_print(golden, "%s.%s.pixel_values", name, front_end), pixels,
                              &values);
    image_clear(&crop);
}

/* imgN: shorter side to `size`, centre crop, normalise. */
static void compare_front_ends(struct golden *golden, const struct tensor_source *source,
                               const char *name)
{
    ana_error err = {0};
    struct tensor input, size, want;
    if (!golden_tensor(golden, &input, source, golden_print(golden, "%s.input", name)) ||
        !golden_tensor(golden, &size, source, golden_print(golden, "%s.size", name)) ||
        !golden_tensor(golden, &want, source, golden_print(golden, "%s.tv.resized", name)))
        return;
    compare_file(golden, name, &input);

    const int64_t side = tensor_i32(&size)[0];
    struct image image = {0}, rgb = {0}, resized = {0};
    int64_t height, width;
    if (golden_image(golden, &image, &input, name)) {
        resize_shortest_side(&height, &width, image_height(&image), image_width(&image), side);
        ana_status status = image_to_rgb(&rgb, &image, &err);
        if (!status)
            status = image_resize(&resized, &rgb, height, width, RESIZE_FILTER_BICUBIC, &err);
        if (golden_ok(golden, status, &err, name)) {
            golden_compare_image(golden, &golden_exact_u8,
                                 golden_print(golden, "%s.tv.resized", name), &resized, &want);
            compare_crop(golden, source, name, "tv", &resized, side, crop_offset_half_even);
            compare_crop(golden, source, name, "hf", &resized, side, crop_offset_floor);
        }
    }
    image_clear(&image);
    image_clear(&rgb);
    image_clear(&resized);
}

/* resize.pil_<filter>.<image>_HxW */
static void compare_pillow(struct golden *golden, const char *name, const struct tensor *want,
                           const struct image *image)
{
    static const struct {
        const char *prefix;
        enum resize_filter filter;
    } filters[] = {{"resize.pil_bicubic.", RESIZE_FILTER_BICUBIC},
                   {"resize.pil_bilinear.", RESIZE_FILTER_BILINEAR},
                   {"resize.pil_nearest.", RESIZE_FILTER_NEAREST},
                   {"resize.pil_lanczos.", RESIZE_FILTER_LANCZOS}};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (!has_prefix(name, filters[i].prefix))
            continue;
        ana_error err = {0};
        struct image resized = {0};
        const ana_status status = image_resize(&resized, image, want->shape.extent[0],
                                               want->shape.extent[1], filters[i].filter, &err);
        if (golden_ok(golden, status, &err, name))
            golden_compare_image(golden, &golden_exact_u8, name, &resized, want);
        image_clear(&resized);
        return;
    }
    golden_fail(golden, "%s: an unknown filter", name);
}

static bool cv_mode_of(enum cv_mode *mode, const char *name)
{
    static const struct {
        const char *part;
        enum cv_mode mode;
    } modes[] = {
        {"_nearest", CV_NEAREST}, {"_linear", CV_LINEAR}, {"_cubic", CV_CUBIC}, {"_area", CV_AREA}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strstr(name, modes[i].part)) {
            *mode = modes[i].mode;
            return true;
        }
    return false;
}

/* The nearest level of an OpenCV result. */
static uint8_t level_of(float value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5F);
}

/* A plane resized to the extents of `want`. */
static float *cv_resized(struct golden *golden, const char *name, const struct tensor *want,
                         const float *plane, const struct plane_shape *shape, enum cv_mode mode)
{
    ana_error err = {0};
    float *out = golden_alloc(golden, tensor_count(want), sizeof *out);
    const ana_status status = plane_resize_cv(out, want->shape.extent[0], want->shape.extent[1],
                                              plane, shape, mode, &err);
    return golden_ok(golden, status, &err, name) ? out : NULL;
}

/* resize.cv_<mode>.<image>_HxW */
static void compare_opencv_u8(struct golden *golden, const char *name, const struct tensor *want,
                              const struct image *image)
{
    enum cv_mode mode;
    if (!cv_mode_of(&mode, name)) {
        golden_fail(golden, "%s: an unknown mode", name);
        return;
    }
    const struct plane_shape shape = {image_height(image), image_width(image),
                                      image_channels(image)};
    const float *out =
        cv_resized(golden, name, want, golden_f32(golden, &image->pixels), &shape, mode);
    if (!out)
        return;
    const int64_t n = tensor_count(want);
    uint8_t *levels = golden_alloc(golden, n, 1);
    for (int64_t i = 0; i < n; i++)
        levels[i] = level_of(out[i]);
    golden_compare_u8(golden, mode == CV_NEAREST ? &exact_index : &opencv_u8, name, levels, want);
}

static void compare_torch(struct golden *golden, const char *name, const struct tensor *want,
                          const float *plane, const struct plane_shape *shape)
{
    const struct torch_resize how = {
        .mode = strstr(name, "_nearest")   ? TORCH_NEAREST
                : strstr(name, "_bicubic") ? TORCH_BICUBIC
                                           : TORCH_BILINEAR,
        .align_corners = strstr(name, "_ac1_") != NULL,
        .antialias = strstr(name, "_aa_") != NULL,
    };
    ana_error err = {0};
    float *out = golden_alloc(golden, tensor_count(want), sizeof *out);
    const ana_status status = plane_resize_torch(out, want->shape.extent[0], want->shape.extent[1],
                                                 plane, shape, &how, &err);
    if (golden_ok(golden, status, &err, name))
        golden_compare_f32(golden, how.mode == TORCH_NEAREST ? &exact_index : &torch_f32, name, out,
                           want);
}

/* resize.cvf_<mode>_HxW and resize.torch_<mode>_HxW on the plane gray / 255 - 0.3 */
static void compare_float(struct golden *golden, const char *name, const struct tensor *want,
                          const float *plane, const struct plane_shape *shape)
{
    enum cv_mode mode;
    if (has_prefix(name, "resize.torch_")) {
        compare_torch(golden, name, want, plane, shape);
    } else if (!cv_mode_of(&mode, name)) {
        golden_fail(golden, "%s: an unknown mode", name);
    } else {
        const float *out = cv_resized(golden, name, want, plane, shape, mode);
        if (out)
            golden_compare_f32(golden, mode == CV_NEAREST ? &exact_index : &opencv_f32, name, out,
                               want);
    }
}

static void compare_resized(struct golden *golden, const char *name, const struct tensor *want,
                            const struct image *rgb, const struct image *gray)
{
    const struct image *image = strstr(name, ".rgb_") ? rgb : gray;
    const struct plane_shape shape = {image_height(gray), image_width(gray), 1};
    if (has_prefix(name, "resize.pil_")) {
        compare_pillow(golden, name, want, image);
    } else if (has_prefix(name, "resize.cv_")) {
        compare_opencv_u8(golden, name, want, image);
    } else {
        float *plane = golden_f32(golden, &gray->pixels);
        for (int64_t i = 0; i < shape.height * shape.width; i++)
            plane[i] = plane[i] / 255.0F - 0.3F;
        compare_float(golden, name, want, plane, &shape);
    }
}

static void compare_all_resized(struct golden *golden, const struct tensor_source *source)
{
    struct tensor rgb_tensor, gray_tensor;
    struct image rgb = {0}, gray = {0};
    if (golden_tensor(golden, &rgb_tensor, source, "resize.rgb") &&
        golden_tensor(golden, &gray_tensor, source, "resize.gray") &&
        golden_image(golden, &rgb, &rgb_tensor, "resize.rgb") &&
        golden_image(golden, &gray, &gray_tensor, "resize.gray"))
        for (int64_t i = 0; i < source->ops->count(source); i++) {
            const char *name = source->ops->name(source, i);
            const struct tensor want = source->ops->tensor(source, i);
            const bool is_input =
                strcmp(name, "resize.rgb") == 0 || strcmp(name, "resize.gray") == 0;
            if (has_prefix(name, "resize.") && !is_input)
                compare_resized(golden, name, &want, &rgb, &gray);
        }
    image_clear(&rgb);
    image_clear(&gray);
}

/* The mask as 0/255, resized by OpenCV's cubic as u8, then > 0. */
static void compare_masks(struct golden *golden, const struct tensor_source *source)
{
    struct tensor mask;
    if (!golden_find(&mask, source, "nnunet.mask"))
        return;
    const struct plane_shape shape = {mask.shape.extent[0], mask.shape.extent[1], 1};
    float *plane = golden_f32(golden, &mask);
    for (int64_t i = 0; i < tensor_count(&mask); i++)
        plane[i] = plane[i] > 0 ? 255.0F : 0.0F;
    for (int64_t i = 0; i < source->ops->count(source); i++) {
        const char *name = source->ops->name(source, i);
        const struct tensor want = source->ops->tensor(source, i);
        if (!has_prefix(name, "nnunet.mask_cubic_gt0_"))
            continue;
        const float *out = cv_resized(golden, name, &want, plane, &shape, CV_CUBIC);
        uint8_t *set = golden_alloc(golden, tensor_count(&want), 1);
        for (int64_t j = 0; out && j < tensor_count(&want); j++)
            set[j] = level_of(out[j]) > 0;
        const uint8_t *expected = want.data;
        uint8_t *binary = golden_alloc(golden, tensor_count(&want), 1);
        for (int64_t j = 0; j < tensor_count(&want); j++)
            binary[j] = expected[j] > 0;
        const struct tensor binary_want = tensor_view(binary, DTYPE_U8, want.shape);
        golden_compare_u8(golden, &cubic_mask, name, set, &binary_want);
    }
}

void golden_clip_preprocess(struct golden *golden)
{
    const struct tensor_source *source = golden_tensors(golden, "preprocess.safetensors");
    if (!source)
        return;
    static const char suffix[] = ".input";
    for (int64_t i = 0; i < source->ops->count(source); i++) {
        const char *name = source->ops->name(source, i);
        const size_t n = strlen(name);
        if (n > strlen(suffix) && strcmp(name + n - strlen(suffix), suffix) == 0)
            compare_front_ends(golden, source,
                               golden_print(golden, "%.*s", (int)(n - strlen(suffix)), name));
    }
    compare_all_resized(golden, source);
    compare_masks(golden, source);
}
