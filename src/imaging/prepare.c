/* Channels, crop, normalisation. */
#include "imaging/prepare.h"

#include <string.h>

const struct pixel_norm pixel_norm_imagenet = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
const struct pixel_norm pixel_norm_clip = {{0.48145466, 0.4578275, 0.40821073},
                                           {0.26862954, 0.26130258, 0.27577711}};

ana_status image_to_rgb(struct image *out, const struct image *in, ana_error *err)
{
    const int64_t channels = image_channels(in);
    if (channels != 1 && channels != 3)
        return ana_fail(err, ANA_ERR_ARGUMENT, "an image of %lld channels cannot become RGB",
                        (long long)channels);
    const ana_status status =
        image_create_2d(out, image_height(in), image_width(in), 3, in->pixels.dtype, err);
    if (status)
        return status;

    const struct tensor pixels = out->pixels;
    *out = *in; /* geometry */
    out->pixels = pixels;
    out->meaning = CHANNELS_RGB;
    if (channels == 3) {
        memcpy(pixels.data, in->pixels.data, tensor_bytes(&in->pixels));
        return ANA_OK;
    }
    const size_t size = dtype_size(in->pixels.dtype);
    const uint8_t *from = in->pixels.data;
    uint8_t *to = pixels.data;
    const int64_t n = image_height(in) * image_width(in);
    for (int64_t i = 0; i < n; i++, from += size)
        for (int c = 0; c < 3; c++, to += size)
            memcpy(to, from, size);
    return ANA_OK;
}

ana_status image_crop(struct image *out, const struct image *in, int64_t y, int64_t x,
                      int64_t height, int64_t width, ana_error *err)
{
    if (y < 0 || x < 0 || height > image_height(in) - y || width > image_width(in) - x)
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "a crop of %lld x %lld at (%lld, %lld) leaves the "
                        "image of %lld x %lld",
                        (long long)width, (long long)height, (long long)x, (long long)y,
                        (long long)image_width(in), (long long)image_height(in));
    const ana_status status =
        image_create_2d(out, height, width, image_channels(in), in->pixels.dtype, err);
    if (status)
        return status;

    const struct tensor pixels = out->pixels;
    *out = *in; /* meaning, spacing */
    out->pixels = pixels;
    for (int row = 0; row < 3; row++)
        out->world_from_voxel[row][3] +=
            in->world_from_voxel[row][0] * (double)x + in->world_from_voxel[row][1] * (double)y;
    const size_t pixel = (size_t)image_channels(in) * dtype_size(pixels.dtype);
    const size_t row_bytes = (size_t)width * pixel;
    for (int64_t row = 0; row < height; row++) {
        const size_t from = ((size_t)(y + row) * (size_t)image_width(in) + (size_t)x) * pixel;
        memcpy((uint8_t *)pixels.data + (size_t)row * row_bytes,
               (const uint8_t *)in->pixels.data + from, row_bytes);
    }
    return ANA_OK;
}

int64_t crop_offset_half_even(int64_t surplus)
{
    const int64_t half = surplus / 2;
    return surplus % 2 == 0 || half % 2 == 0 ? half : half + 1;
}

int64_t crop_offset_floor(int64_t surplus)
{
    return surplus / 2;
}

ana_status image_normalise(float *out, const struct image *in, const struct pixel_norm *norm,
                           ana_error *err)
{
    const enum dtype dtype = in->pixels.dtype;
    if (image_channels(in) != 3 || (dtype != DTYPE_U8 && dtype != DTYPE_U16 && dtype != DTYPE_F32))
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s pixels of %lld channels cannot be normalised",
                        dtype_name(dtype), (long long)image_channels(in));

    const float full = dtype == DTYPE_U8 ? 255.0F : dtype == DTYPE_U16 ? 65535.0F : 1.0F;
    const int64_t n = tensor_count(&in->pixels);
    elements_to_f32(out, in->pixels.data, dtype, n);
    for (int64_t i = 0; i < n; i += 3)
        for (int c = 0; c < 3; c++)
            out[i + c] = (out[i + c] / full - (float)norm->mean[c]) / (float)norm->sd[c];
    return ANA_OK;
}
