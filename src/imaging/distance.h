/* Exact Euclidean distance transform in 2D and 3D (Felzenszwalb and Huttenlocher 2012). */
#ifndef ANA_IMAGING_DISTANCE_H
#define ANA_IMAGING_DISTANCE_H

#include <stdint.h>

#include "base/error.h"

/* Extents and spacing of a mask [depth, height, width]; depth is 1 in 2D. */
struct grid {
    int64_t depth, height, width;
    double spacing[3]; /* x, y, z: distance of neighbouring pixel centres; 1 for pixels */
};

static inline struct grid grid_2d(int64_t height, int64_t width)
{
    return (struct grid){1, height, width, {1, 1, 1}};
}

static inline int64_t grid_count(const struct grid *grid)
{
    return grid->depth * grid->height * grid->width;
}

enum distance_target {
    DISTANCE_TO_FOREGROUND, /* nearest non-zero pixel */
    DISTANCE_TO_BACKGROUND, /* nearest zero pixel of the image */
    DISTANCE_TO_OUTSIDE /* nearest zero pixel; beyond the image (of depth 1: not in z) is zero */
};

/* Squared distance between pixel centres; 0 on the target, INFINITY if there is none. Whole numbers
 * and exact when the spacing is 1. */
MUST_CHECK ana_status distance_squared(double *out, const uint8_t *mask, const struct grid *grid,
                                       enum distance_target target, ana_error *err);
/* The root of it. */
MUST_CHECK ana_status distance_transform(double *out, const uint8_t *mask, const struct grid *grid,
                                         enum distance_target target, ana_error *err);

/* The non-zero pixel farthest from the outside (pixels beyond the image are outside), the first in
 * row order of equals. Fails with ANA_ERR_ARGUMENT for an empty mask. */
MUST_CHECK ana_status mask_interior_point(int64_t *x, int64_t *y, const uint8_t *mask,
                                          int64_t height, int64_t width, ana_error *err);

#endif
