/* Pillow's resize (Imaging/Resample.c of release 9.4, Geometry.c for nearest), to the level in U8.
 */
#include "imaging/resize_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

/* 32 bits less 8 of a pixel and 2 for sums above 1 and sign. */
enum { WEIGHT_BITS = 32 - 8 - 2 };

/* Source index of each target index. Pillow adds up the steps, so rounding accumulates as here. */
static void nearest_indices(int64_t *out, int64_t n_out, int64_t n_in)
{
    const double step = (double)n_in / (double)n_out;
    double at = step * 0.5;
    for (int64_t i = 0; i < n_out; i++, at += step) {
        const int64_t index = (int64_t)at;
        out[i] = index < n_in ? index : n_in - 1;
    }
}

ana_status nearest_resize_bytes(void *out, int64_t out_height, int64_t out_width, const void *in,
                                int64_t in_height, int64_t in_width, size_t pixel_bytes,
                                ana_error *err)
{
    int64_t *xs = memory_alloc_array((size_t)out_width, sizeof *xs);
    int64_t *ys = memory_alloc_array((size_t)out_height, sizeof *ys);
    if (!xs || !ys) {
        memory_free(xs);
        memory_free(ys);
        return ana_fail_memory(
            err, ((unsigned long long)out_width + (unsigned long long)out_height) * sizeof *xs);
    }
    nearest_indices(xs, out_width, in_width);
    nearest_indices(ys, out_height, in_height);

    uint8_t *target = out;
    for (int64_t y = 0; y < out_height; y++) {
        const uint8_t *row = (const uint8_t *)in + (size_t)(ys[y] * in_width) * pixel_bytes;
        for (int64_t x = 0; x < out_width; x++, target += pixel_bytes)
            memcpy(target, row + (size_t)xs[x] * pixel_bytes, pixel_bytes);
    }
    memory_free(xs);
    memory_free(ys);
    return ANA_OK;
}

/* Weights in fixed point, rounded half away from zero. The result is the caller's. */
static int32_t *fixed_weights(const struct taps *taps)
{
    const int64_t n = taps->n * taps->n_max;
    int32_t *fixed = memory_alloc_array((size_t)n, sizeof *fixed);
    if (!fixed)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        const double scaled = taps->weight[i] * (double)(1 << WEIGHT_BITS);
        fixed[i] = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    return fixed;
}

static uint8_t level_of(int32_t sum)
{
    const int32_t level = sum >> WEIGHT_BITS;
    return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
}

static ALWAYS_INLINE void along_row_u8_of(uint8_t *row_out, const uint8_t *row_in, int64_t channels,
                                          const struct taps *taps, const int32_t *fixed)
{
    for (int64_t x = 0; x < taps->n; x++) {
        const int32_t *weight = fixed + x * taps->n_max;
        const uint8_t *pixel = row_in + taps->first[x] * channels;
        for (int64_t c = 0; c < channels; c++) {
            int32_t sum = 1 << (WEIGHT_BITS - 1);
            for (int64_t t = 0; t < taps->count[x]; t++)
                sum += pixel[t * channels + c] * weight[t];
            row_out[x * channels + c] = level_of(sum);
        }
    }
}

static void along_row_u8(uint8_t *row_out, const uint8_t *row_in, int64_t channels,
                         const struct taps *taps, const int32_t *fixed)
{
    if (channels == 1)
        along_row_u8_of(row_out, row_in, 1, taps, fixed);
    else if (channels == 3)
        along_row_u8_of(row_out, row_in, 3, taps, fixed);
    else
        along_row_u8_of(row_out, row_in, channels, taps, fixed);
}

/* Target row y from rows of n levels. */
static void across_rows_u8(uint8_t *row_out, int32_t *sums, const uint8_t *in, int64_t n,
                           const struct taps *taps, const int32_t *fixed, int64_t y)
{
    for (int64_t i = 0; i < n; i++)
        sums[i] = 1 << (WEIGHT_BITS - 1);
    for (int64_t t = 0; t < taps->count[y]; t++) {
        const int32_t weight = fixed[y * taps->n_max + t];
        const uint8_t *row = in + (taps->first[y] + t) * n;
        for (int64_t i = 0; i < n; i++)
            sums[i] += row[i] * weight;
    }
    for (int64_t i = 0; i < n; i++)
        row_out[i] = level_of(sums[i]);
}

/* out [h, x.n, c]; in [h, w, c] */
static ana_status resize_width_u8(uint8_t *out, const uint8_t *in, const struct plane_shape *shape,
                                  const struct taps *x, ana_error *err)
{
    int32_t *fixed = fixed_weights(x);
    if (!fixed)
        return ana_fail_memory(err, (size_t)(x->n * x->n_max) * sizeof *fixed);
    for (int64_t row = 0; row < shape->height; row++)
        along_row_u8(out + row * x->n * shape->channels, in + row * shape->width * shape->channels,
                     shape->channels, x, fixed);
    memory_free(fixed);
    return ANA_OK;
}

/* out [y.n, w, c]; in [h, w, c] */
static ana_status resize_height_u8(uint8_t *out, const uint8_t *in, const struct plane_shape *shape,
                                   const struct taps *y, ana_error *err)
{
    const int64_t n = shape->width * shape->channels;
    int32_t *fixed = fixed_weights(y);
    int32_t *sums = memory_alloc_array((size_t)n, sizeof *sums);
    if (fixed && sums)
        for (int64_t row = 0; row < y->n; row++)
            across_rows_u8(out + row * n, sums, in, n, y, fixed, row);
    const bool done = fixed && sums;
    memory_free(fixed);
    memory_free(sums);
    return done ? ANA_OK : ana_fail_memory(err, (size_t)n * sizeof *sums);
}

/* A pass whose extent does not change is skipped, as Pillow does: it would round the same levels.
 */
static ana_status resize_u8(uint8_t *out, const uint8_t *in, const struct plane_shape *shape,
                            const struct taps *y, const struct taps *x, ana_error *err)
{
    if (y->n == shape->height)
        return resize_width_u8(out, in, shape, x, err);
    if (x->n == shape->width)
        return resize_height_u8(out, in, shape, y, err);

    const struct plane_shape narrow = {shape->height, x->n, shape->channels};
    uint8_t *between = memory_alloc_array((size_t)shape->height, (size_t)(x->n * shape->channels));
    if (!between)
        return ana_fail_memory(err, (size_t)(shape->height * x->n * shape->channels));
    ana_status status = resize_width_u8(between, in, shape, x, err);
    if (!status)
        status = resize_height_u8(out, between, &narrow, y, err);
    memory_free(between);
    return status;
}

/* By way of float planes, which hold 16 bits exactly; the result is rounded once. */
static ana_status resize_u16(uint16_t *out, const uint16_t *in, const struct plane_shape *shape,
                             const struct taps *y, const struct taps *x, ana_error *err)
{
    const int64_t n_in = shape->height * shape->width * shape->channels;
    const int64_t n_out = y->n * x->n * shape->channels;
    float *from = memory_alloc_array((size_t)n_in, sizeof *from);
    float *to = memory_alloc_array((size_t)n_out, sizeof *to);
    ana_status status = ANA_OK;
    if (!from || !to)
        status = ana_fail_memory(err, (size_t)(n_in + n_out) * sizeof *from);
    if (!status) {
        elements_to_f32(from, in, DTYPE_U16, n_in);
        status = taps_apply(to, from, shape, y, x, err);
    }
    for (int64_t i = 0; !status && i < n_out; i++) {
        const float level = to[i] + 0.5F;
        out[i] = (uint16_t)(level < 0.0F ? 0.0F : level > 65535.0F ? 65535.0F : level);
    }
    memory_free(from);
    memory_free(to);
    return status;
}

static const struct tap_kernel *kernel_of(enum resize_filter filter)
{
    switch (filter) {
    case RESIZE_FILTER_BOX:
        return &tap_kernel_box;
    case RESIZE_FILTER_BILINEAR:
        return &tap_kernel_bilinear;
    case RESIZE_FILTER_BICUBIC:
        return &tap_kernel_bicubic;
    case RESIZE_FILTER_LANCZOS:
        return &tap_kernel_lanczos;
    case RESIZE_FILTER_NEAREST:
        break;
    }
    return NULL;
}

static ana_status resize_filtered(struct image *out, const struct image *in,
                                  const struct tap_kernel *kernel, ana_error *err)
{
    const struct plane_shape shape = {image_height(in), image_width(in), image_channels(in)};
    struct taps x = {0}, y = {0};
    ana_status status = taps_antialias(&x, shape.width, image_width(out), kernel, err);
    if (!status)
        status = taps_antialias(&y, shape.height, image_height(out), kernel, err);
    if (!status) {
        const enum dtype dtype = in->pixels.dtype;
        if (dtype == DTYPE_U8)
            status = resize_u8(out->pixels.data, in->pixels.data, &shape, &y, &x, err);
        else if (dtype == DTYPE_U16)
            status = resize_u16(out->pixels.data, in->pixels.data, &shape, &y, &x, err);
        else if (dtype == DTYPE_F32)
            status = taps_apply(out->pixels.data, in->pixels.data, &shape, &y, &x, err);
        else
            status = ana_fail(err, ANA_ERR_ARGUMENT, "labels can only be resized by nearest");
    }
    taps_clear(&x);
    taps_clear(&y);
    return status;
}

/* The pixel spacing follows the extents; the world matrix is moved so that corners stay in place.
 */
static void carry_geometry(struct image *out, const struct image *in)
{
    const double step[2] = {(double)image_width(in) / (double)image_width(out),
                            (double)image_height(in) / (double)image_height(out)};

    out->meaning = in->meaning;
    out->exif_orientation = in->exif_orientation;
    out->has_spacing = in->has_spacing;
    for (int axis = 0; axis < 3; axis++)
        out->spacing_mm[axis] = in->spacing_mm[axis] * (axis < 2 ? step[axis] : 1.0);
    memcpy(out->world_from_voxel, in->world_from_voxel, sizeof out->world_from_voxel);
    for (int row = 0; row < 3; row++)
        for (int axis = 0; axis < 2; axis++) {
            const double column = in->world_from_voxel[row][axis];
            out->world_from_voxel[row][axis] = column * step[axis];
            out->world_from_voxel[row][3] += column * 0.5 * (step[axis] - 1.0);
        }
}

ana_status image_resize(struct image *out, const struct image *in, int64_t height, int64_t width,
                        enum resize_filter filter, ana_error *err)
{
    assert(in->pixels.shape.rank == 3 && tensor_is_contiguous(&in->pixels));

    ana_status status =
        image_create_2d(out, height, width, image_channels(in), in->pixels.dtype, err);
    if (status)
        return ana_fail_in(err, status, "resizing");
    carry_geometry(out, in);

    const struct tap_kernel *kernel = kernel_of(filter);
    if (height == image_height(in) && width == image_width(in))
        memcpy(out->pixels.data, in->pixels.data, tensor_bytes(&in->pixels));
    else if (kernel)
        status = resize_filtered(out, in, kernel, err);
    else
        status = nearest_resize_bytes(
            out->pixels.data, height, width, in->pixels.data, image_height(in), image_width(in),
            (size_t)image_channels(in) * dtype_size(in->pixels.dtype), err);
    if (status) {
        image_clear(out);
        return ana_fail_in(err, status, "resizing");
    }
    return ANA_OK;
}

void resize_longest_side(int64_t *out_height, int64_t *out_width, int64_t height, int64_t width,
                         int64_t side)
{
    const double scale = (double)side / (double)(height > width ? height : width);
    const int64_t h = (int64_t)((double)height * scale + 0.5);
    const int64_t w = (int64_t)((double)width * scale + 0.5);
    *out_height = h < 1 ? 1 : h;
    *out_width = w < 1 ? 1 : w;
}

void resize_shortest_side(int64_t *out_height, int64_t *out_width, int64_t height, int64_t width,
                          int64_t side)
{
    const bool tall = height > width;
    const int64_t longer = tall ? height : width, shorter = tall ? width : height;
    const int64_t other = (int64_t)((double)(side * longer) / (double)shorter);
    *out_height = tall ? other : side;
    *out_width = tall ? side : other;
}
