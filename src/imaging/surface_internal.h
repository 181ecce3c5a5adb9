/* What the two families of surface metrics share: two sets of sites on one grid, each of which
 * asks for its distances to the other. */
#ifndef ANA_IMAGING_SURFACE_INTERNAL_H
#define ANA_IMAGING_SURFACE_INTERNAL_H

#include "imaging/metrics.h"

/* Region of a grid, half-open, in voxels. */
struct region {
    int64_t z0, y0, x0, z1, y1, x1;
};

/* Smallest region of voxels set in either mask; false if both are empty. */
bool region_of_masks(struct region *out, const uint8_t *a, const uint8_t *b,
                     const struct grid *grid);

/* site: non-zero where a surface site lies; weight: [n] or NULL for 1. Fills *out, ascending. */
MUST_CHECK ana_status surface_pair_measure(struct surface_pair *out, const uint8_t *truth_site,
                                           const uint8_t *prediction_site,
                                           const double *truth_weight,
                                           const double *prediction_weight, const struct grid *grid,
                                           ana_error *err);

#endif
