/* Geometric augmentation: sampling an image through an affine map and a displacement grid, and
 * Gaussian blur. Results do not depend on the pool's size; pool may be NULL. */
#ifndef ANA_IMAGING_WARP_H
#define ANA_IMAGING_WARP_H

#include "base/threads.h"
#include "imaging/image.h"

enum warp_border { WARP_ZERO, WARP_REPLICATE };

/* A 2x3 map of pixel coordinates (x, y): x' = m[0][0] x + m[0][1] y + m[0][2]. */
struct affine {
    double m[2][3];
};

struct affine affine_identity(void);
/* a after b: first b is applied, then a. */
struct affine affine_product(const struct affine *a, const struct affine *b);
/* False if it cannot be inverted. */
bool affine_inverse(struct affine *out, const struct affine *a);

struct warp {
    struct affine source_from_target;
    /* Elastic: displacements [grid_height, grid_width, 2] (dx, dy) in target pixels, interpolated
     * bilinearly, corner nodes on the image's corner pixels, added before the affine map.
     * NULL: none; grid extents at least 2. */
    const float *displacement;
    int64_t grid_height, grid_width;
    enum warp_border border;
    bool nearest; /* masks and labels: no interpolation */
    /* Samples per axis of a target pixel that are averaged; 0 chooses by the map's shrinking (at
     * most 8), 1 is plain bilinear. Ignored if nearest. */
    int supersample;
};

/* `in` 2D, U8, U16 (as they are, not scaled) or F32; out [height, width, channels] is the caller's
 * storage. */
MUST_CHECK ana_status warp_image(float *out, int64_t height, int64_t width, const struct image *in,
                                 const struct warp *warp, struct pool *pool, ana_error *err);

/* Nearest sampling of a U8 mask [in_height, in_width]; WARP_ZERO gives 0 outside. */
void warp_mask(uint8_t *out, int64_t height, int64_t width, const uint8_t *in, int64_t in_height,
               int64_t in_width, const struct warp *warp, struct pool *pool);

/* Separable Gaussian of standard deviation sigma (pixels), cut at 3 sigma, border replicated, in
 * place on [height, width, channels]. sigma <= 0 does nothing. */
MUST_CHECK ana_status blur_gaussian(float *plane, int64_t height, int64_t width, int64_t channels,
                                    double sigma, struct pool *pool, ana_error *err);

#endif
