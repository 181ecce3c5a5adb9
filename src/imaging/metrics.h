/* Agreement of a prediction with a reference mask.
 *
 * Two families of surface metrics are in use and differ much, so each is named:
 *   surface_element: DeepMind's surface-distance as in MedCLIP-SAMv2's SurfaceDice.py. Surface
 *     elements sit on pixel corners and weigh their area; a 2D mask is a volume of depth 1, so its
 *     interior pixels are surface too (top and bottom) and NSD acts like a tolerant Dice.
 *   boundary_pixel: mask minus its erosion by the face-connected cross (beyond the image is
 *     background), distances between pixel centres. MedLAM's HD95 is its hd_pool at 95 %.
 * NaN means undefined or, under EMPTY_MEDLAM, excluded from every average.
 */
#ifndef ANA_IMAGING_METRICS_H
#define ANA_IMAGING_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "imaging/distance.h"

/* What the published evaluations do when a mask is empty. */
enum empty_rule {
    EMPTY_CLIP,  /* overlap: both empty 0/0 = NaN, one empty 0 */
    EMPTY_VLSM,  /* overlap: both empty 1, one empty 0 */
    EMPTY_MEDLAM /* overlap and HD95: any of the two empty, NaN: neither value is counted */
};

struct confusion {
    int64_t tp, fp, fn, tn;
};

/* Pixels of non-zero value are foreground. */
struct confusion confusion_count(const uint8_t *truth, const uint8_t *prediction, int64_t n);
double metric_dice(const struct confusion *confusion, enum empty_rule rule);
double metric_iou(const struct confusion *confusion, enum empty_rule rule);
/* 2 tp / (truth + prediction + 1e-4), what MedLAM records where EMPTY_MEDLAM does not exclude. */
double metric_dice_medlam(const struct confusion *confusion);

/* Against a target in [0, 1] that was not binarised; prediction is 0 or 1. 0/0 is 1. */
double metric_dice_soft(const uint8_t *prediction, const float *target, int64_t n);
double metric_iou_soft(const uint8_t *prediction, const float *target, int64_t n);

/* Distances from each surface element of one mask to the other mask's surface, with weights. */
struct surface {
    double *distance; /* ascending; INFINITY if the other mask is empty */
    double *weight;   /* area of surface elements; 1 for boundary pixels */
    int64_t n;
};

struct surface_pair {
    struct surface truth;      /* from the truth to the prediction */
    struct surface prediction; /* from the prediction to the truth */
};
void surface_pair_clear(struct surface_pair *pair);

/* Masks lie on the same grid. The caller clears *out. */
MUST_CHECK ana_status surface_element_open(struct surface_pair *out, const uint8_t *truth,
                                           const uint8_t *prediction, const struct grid *grid,
                                           ana_error *err);
MUST_CHECK ana_status boundary_pixel_open(struct surface_pair *out, const uint8_t *truth,
                                          const uint8_t *prediction, const struct grid *grid,
                                          ana_error *err);

/* surface_element: NSD is NaN when both are empty; percentiles are weighted, the first distance
 * whose cumulative weight reaches the share, the larger of both directions. */
double surface_element_nsd(const struct surface_pair *pair, double tolerance);
double surface_element_hd(const struct surface_pair *pair, double percent);
void surface_element_asd(double *truth_to_prediction, double *prediction_to_truth,
                         const struct surface_pair *pair);

/* boundary_pixel: both empty gives NSD 1 and distances 0, one empty NSD 0 and INFINITY. Percentiles
 * interpolate linearly: hd_max is the larger of the two directions', hd_pool the one of all
 * distances together. HD is percent 100. */
double boundary_pixel_nsd(const struct surface_pair *pair, double tolerance);
double boundary_pixel_hd_max(const struct surface_pair *pair, double percent);
double boundary_pixel_hd_pool(const struct surface_pair *pair, double percent);
double boundary_pixel_assd(const struct surface_pair *pair);

/* Boxes of MedLAM, (z, y, x) min and max as its masks' voxel indices; no + 1 anywhere. */
struct extent_box {
    double min[3], max[3];
};
double extent_box_iou(const struct extent_box *truth, const struct extent_box *prediction);
/* Mean distance of the two walls of each axis, and of all six, in units of the spacing. */
double extent_box_wall_distance(double per_axis[3], const struct extent_box *truth,
                                const struct extent_box *prediction, const double spacing[3]);
/* Average localisation error: mean distance of n point pairs [n, 3]; each[n] may be NULL. */
double metric_ale(double *each, const double *truth, const double *prediction, int64_t n,
                  const double spacing[3]);
/* False for an empty mask. Axes (z, y, x). */
bool extent_box_of_mask(struct extent_box *out, const uint8_t *mask, const struct grid *grid);

#endif
