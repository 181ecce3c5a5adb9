/* The last steps before a network: channels, crop, normalisation. */
#ifndef ANA_IMAGING_PREPARE_H
#define ANA_IMAGING_PREPARE_H

#include "imaging/image.h"

/* Grey is repeated, RGB copied. Type as `in`. */
MUST_CHECK ana_status image_to_rgb(struct image *out, const struct image *in, ana_error *err);

/* The part that begins at (x, y); it must lie inside. */
MUST_CHECK ana_status image_crop(struct image *out, const struct image *in, int64_t y, int64_t x,
                                 int64_t height, int64_t width, ana_error *err);

/* Where a centre crop begins when `surplus` pixels go: torchvision rounds half to even, Hugging
 * Face's slow processor rounds down. */
int64_t crop_offset_half_even(int64_t surplus);
int64_t crop_offset_floor(int64_t surplus);

/* Statistics of the training pixels, in [0, 1]. */
struct pixel_norm {
    double mean[3], sd[3];
};
extern const struct pixel_norm pixel_norm_imagenet, pixel_norm_clip;

/* (level / 255 - mean) / sd, or / 65535 for U16; F32 pixels are in [0, 1] already. `in` has 3
 * channels; out [height, width, 3]. */
MUST_CHECK ana_status image_normalise(float *out, const struct image *in,
                                      const struct pixel_norm *norm, ana_error *err);

#endif
