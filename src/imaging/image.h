/* One image type for 2D and 3D (design.md 9).
 *
 * 2D pixels: [height, width, channels]; 3D: [depth, height, width, channels]; x is fastest before
 * channels. Coordinates are (x, y[, z]), origin top left, integers at pixel centres. 2D images are
 * in displayed orientation: the EXIF orientation has been applied.
 */
#ifndef ANA_IMAGING_IMAGE_H
#define ANA_IMAGING_IMAGE_H

#include "tensor/tensor.h"

enum channel_meaning { CHANNELS_GREY, CHANNELS_RGB, CHANNELS_LABEL, CHANNELS_OTHER };

struct image {
    struct tensor pixels; /* U8, U16, I32 (labels) or F32; contiguous, owned by the image */
    enum channel_meaning meaning;
    bool has_spacing;
    double spacing_mm[3];          /* x, y, z; meaningful if has_spacing */
    double world_from_voxel[4][4]; /* RAS mm; identity for 2D images without one */
    int exif_orientation;          /* 1..8 as found in the file, 1 if none; already applied */
};

/* Zeroed pixels. */
MUST_CHECK ana_status image_create_2d(struct image *out, int64_t height, int64_t width,
                                      int64_t channels, enum dtype dtype, ana_error *err);
void image_clear(struct image *image);

/* Extents of a 2D image. */
static inline int64_t image_height(const struct image *image)
{
    return image->pixels.shape.extent[0];
}

static inline int64_t image_width(const struct image *image)
{
    return image->pixels.shape.extent[1];
}

static inline int64_t image_channels(const struct image *image)
{
    return image->pixels.shape.extent[2];
}

#endif
