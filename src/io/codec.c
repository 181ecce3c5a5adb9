/* The parts that all decoders of images share: limit, alpha, orientation. */
#include "io/codec_internal.h"

#include <string.h>

#include "base/budget.h"

ana_status check_pixel_limit(const struct encoded *in, uint64_t width, uint64_t height,
                             ana_error *err)
{
    if (width == 0 || height == 0)
        return ana_fail(err, ANA_ERR_FORMAT, "an image of %llu x %llu pixels",
                        (unsigned long long)width, (unsigned long long)height);
    if (width > (uint64_t)in->max_pixels / height)
        return ana_fail(err, ANA_ERR_LIMIT,
                        "%llu x %llu pixels are more than the limit of %lld; --max-pixels lifts it",
                        (unsigned long long)width, (unsigned long long)height,
                        (long long)in->max_pixels);
    return ANA_OK;
}

void facts_measure(struct image_facts *facts, size_t extra)
{
    const size_t pixels = bytes_product((size_t)facts->width, (size_t)facts->height);

    facts->image_bytes = bytes_product(pixels, (size_t)facts->channels * dtype_size(facts->dtype));
    facts->decode_bytes = bytes_sum(facts->image_bytes, extra);
}

static void composite_u8(uint8_t *out, const uint8_t *in, int64_t n, int64_t channels)
{
    for (int64_t i = 0; i < n; i++, in++)
        for (const uint8_t *alpha = in + channels; in < alpha; in++, out++)
            *out = (uint8_t)((*in * *alpha + 127) / 255);
}

static void composite_u16(uint16_t *out, const uint16_t *in, int64_t n, int64_t channels)
{
    for (int64_t i = 0; i < n; i++, in++)
        for (const uint16_t *alpha = in + channels; in < alpha; in++, out++)
            *out = (uint16_t)(((uint32_t)*in * *alpha + 32767) / 65535);
}

void composite_over_black(struct image *out, const void *with_alpha)
{
    const int64_t channels = image_channels(out);
    const int64_t n = image_width(out) * image_height(out);
    if (out->pixels.dtype == DTYPE_U8)
        composite_u8(out->pixels.data, with_alpha, n, channels);
    else
        composite_u16(out->pixels.data, with_alpha, n, channels);
}

/* Where the pixel at (0, 0) of the turned image comes from, and how far, in pixels, the source
 * moves for a step in x and in y. */
struct walk {
    int64_t start;
    int64_t step_x;
    int64_t step_y;
};

static struct walk walk_of(int orientation, int64_t width, int64_t height)
{
    const int64_t right = width - 1;
    const int64_t bottom = (height - 1) * width;
    switch (orientation) {
    case 2: /* mirrored */
        return (struct walk){right, -1, width};
    case 3: /* by 180 degrees */
        return (struct walk){bottom + right, -1, -width};
    case 4: /* upside down mirrored */
        return (struct walk){bottom, 1, -width};
    case 5: /* transposed */
        return (struct walk){0, width, 1};
    case 6: /* to be turned clockwise */
        return (struct walk){bottom, -width, 1};
    case 7: /* transposed along the other diagonal */
        return (struct walk){bottom + right, -width, -1};
    case 8: /* to be turned anticlockwise */
        return (struct walk){right, width, -1};
    default:
        return (struct walk){0, 1, width};
    }
}

ana_status image_apply_orientation(struct image *image, ana_error *err)
{
    const int orientation = image->exif_orientation;
    const int64_t width = image_width(image);
    const int64_t height = image_height(image);
    const bool swaps_axes = orientation >= 5;
    if (orientation <= 1)
        return ANA_OK;

    struct image turned;
    ana_status status =
        image_create_2d(&turned, swaps_axes ? width : height, swaps_axes ? height : width,
                        image_channels(image), image->pixels.dtype, err);
    if (status)
        return status;

    const struct walk walk = walk_of(orientation, width, height);
    const size_t bytes = (size_t)image_channels(image) * dtype_size(image->pixels.dtype);
    const uint8_t *from = image->pixels.data;
    uint8_t *to = turned.pixels.data;
    for (int64_t y = 0; y < image_height(&turned); y++)
        for (int64_t x = 0; x < image_width(&turned); x++, to += bytes)
            memcpy(to, from + (size_t)(walk.start + x * walk.step_x + y * walk.step_y) * bytes,
                   bytes);

    turned.exif_orientation = orientation;
    image_clear(image);
    *image = turned;
    return ANA_OK;
}
