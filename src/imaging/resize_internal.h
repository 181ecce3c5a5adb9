/* What the resizing files share: for each target index along one axis, the source indices it takes
 * and their weights. Every resize of this module is such a table per axis. */
#ifndef ANA_IMAGING_RESIZE_INTERNAL_H
#define ANA_IMAGING_RESIZE_INTERNAL_H

#include "imaging/resize.h"

struct taps {
    int64_t n;      /* target extent */
    int64_t n_max;  /* row length of `weight` */
    int64_t *first; /* [n] first source index */
    int64_t *count; /* [n] number of taps, all inside the source */
    double *weight; /* [n, n_max], zeroed beyond count */
};

MUST_CHECK ana_status taps_init(struct taps *out, int64_t n, int64_t n_max, ana_error *err);
void taps_clear(struct taps *taps);

/* Adds weight to the source index i, clamped to [0, n_in); indices of one target come in ascending
 * order. */
void taps_add(struct taps *taps, int64_t target, int64_t i, int64_t n_in, double weight);

/* A resampling kernel as Pillow and torch's antialias use it. */
struct tap_kernel {
    double (*value)(double x);
    double support; /* half width at scale 1 */
};
extern const struct tap_kernel tap_kernel_box, tap_kernel_bilinear, tap_kernel_bicubic,
    tap_kernel_lanczos;

/* The kernel widened by in / out when shrinking, cut at the border and renormalised. */
MUST_CHECK ana_status taps_antialias(struct taps *out, int64_t n_in, int64_t n_out,
                                     const struct tap_kernel *kernel, ana_error *err);

/* out [y.n, x.n, c] from in [h, w, c]; the sums are double, the pass between them float. */
MUST_CHECK ana_status taps_apply(float *out, const float *in, const struct plane_shape *in_shape,
                                 const struct taps *y, const struct taps *x, ana_error *err);

#endif
