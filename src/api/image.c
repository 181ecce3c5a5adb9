/* Images of the public API. */
#include "anatome/image.h"

#include <math.h>
#include <string.h>

#include "api/api_internal.h"
#include "base/memory.h"
#include "io/image_file.h"

static ana_status image_alloc(ana_image **out, ana_error *err)
{
    *out = memory_alloc_zeroed(sizeof **out);
    return *out ? ANA_OK : ana_fail_memory(err, sizeof **out);
}

/* Frees and empties *out if the status says so. */
static ana_status publish(ana_image **out, ana_status status)
{
    if (status) {
        memory_free(*out);
        *out = NULL;
    }
    return status;
}

ana_status ana_image_read(ana_image **out, const char *path, int64_t max_pixels, ana_error *err)
{
    const struct image_read_options options = {.max_pixels = max_pixels};

    ana_status status = image_alloc(out, err);
    if (!status)
        status = image_read(&(*out)->image, path, &options, err);
    return publish(out, status);
}

ana_status ana_image_read_memory(ana_image **out, const void *bytes, size_t size, const char *label,
                                 int64_t max_pixels, ana_error *err)
{
    const struct image_read_options options = {.max_pixels = max_pixels};

    ana_status status = image_alloc(out, err);
    if (!status)
        status = image_read_memory(&(*out)->image, bytes, size, label, &options, err);
    return publish(out, status);
}

static ana_pixel_type type_of(enum dtype dtype)
{
    return dtype == DTYPE_U8 ? ANA_PIXEL_U8 : dtype == DTYPE_U16 ? ANA_PIXEL_U16 : ANA_PIXEL_F32;
}

ana_status ana_image_probe(ana_image_facts *out, const char *path, int64_t max_pixels,
                           ana_error *err)
{
    const struct image_read_options options = {.max_pixels = max_pixels};
    struct image_facts facts;

    const ana_status status = image_probe(&facts, path, &options, err);
    *out = (ana_image_facts){
        .width = facts.width,
        .height = facts.height,
        .channels = (int)facts.channels,
        .type = type_of(facts.dtype),
        .image_bytes = facts.image_bytes,
        .decode_bytes = facts.decode_bytes,
    };
    return status;
}

static enum dtype dtype_of(ana_pixel_type type)
{
    return type == ANA_PIXEL_U8 ? DTYPE_U8 : type == ANA_PIXEL_U16 ? DTYPE_U16 : DTYPE_F32;
}

static bool finite_pixels(const struct image *image)
{
    const float *data = image->pixels.data;

    for (int64_t i = 0; i < tensor_count(&image->pixels); i++)
        if (!isfinite(data[i]))
            return false;
    return true;
}

ana_status ana_image_create(ana_image **out, const ana_pixels *pixels, ana_error *err)
{
    const enum dtype dtype = dtype_of(pixels->type);

    *out = NULL;
    if (!pixels->data || pixels->width < 1 || pixels->height < 1 ||
        (pixels->channels != 1 && pixels->channels != 3))
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "pixels of %lld x %lld with %d channels: 1 or 3 channels are expected",
                        (long long)pixels->width, (long long)pixels->height, pixels->channels);

    ana_status status = image_alloc(out, err);
    if (!status)
        status = image_create_2d(&(*out)->image, pixels->height, pixels->width, pixels->channels,
                                 dtype, err);
    if (status)
        return publish(out, status);

    const size_t row = (size_t)pixels->width * (size_t)pixels->channels * dtype_size(dtype);
    const size_t step = pixels->row_bytes ? pixels->row_bytes : row;
    for (int64_t y = 0; step >= row && y < pixels->height; y++)
        memcpy((uint8_t *)(*out)->image.pixels.data + (size_t)y * row,
               (const uint8_t *)pixels->data + (size_t)y * step, row);
    if (step < row || (dtype == DTYPE_F32 && !finite_pixels(&(*out)->image))) {
        image_clear(&(*out)->image);
        status = ana_fail(err, ANA_ERR_ARGUMENT,
                          step < row ? "row_bytes is less than a row" : "a pixel is not finite");
    }
    return publish(out, status);
}

void ana_image_free(ana_image *image)
{
    if (!image)
        return;
    image_clear(&image->image);
    memory_free(image);
}

ana_pixels ana_image_pixels(const ana_image *image)
{
    const struct image *i = &image->image;
    const enum dtype dtype = i->pixels.dtype;

    return (ana_pixels){
        .data = i->pixels.data,
        .type = type_of(dtype),
        .width = image_width(i),
        .height = image_height(i),
        .channels = (int)image_channels(i),
        .row_bytes = (size_t)image_width(i) * (size_t)image_channels(i) * dtype_size(dtype),
    };
}

bool ana_image_spacing_mm(const ana_image *image, double *x, double *y)
{
    if (!image->image.has_spacing)
        return false;
    *x = image->image.spacing_mm[0];
    *y = image->image.spacing_mm[1];
    return true;
}
