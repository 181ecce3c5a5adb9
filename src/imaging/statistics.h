/* Mean, spread and bootstrap intervals of per-case values. */
#ifndef ANA_IMAGING_STATISTICS_H
#define ANA_IMAGING_STATISTICS_H

#include <stdint.h>

#include "base/error.h"

enum { STATISTICS_RESAMPLES = 2000 };

struct summary {
    int64_t n;       /* values counted; NaN values are not */
    double mean, sd; /* sd of the sample (n - 1), 0 for one value */
    double lo, hi;   /* 95 % percentile bootstrap interval of the mean */
};

/* Groups (patients) are drawn whole with replacement, so cases of one patient do not feign
 * independence; group is any number per value, NULL for each value on its own. Draws are keyed by
 * seed and resample: same input, same interval. n = 0 gives NaN. */
MUST_CHECK ana_status statistics_summarise(struct summary *out, const double *values,
                                           const int64_t *group, int64_t n, uint64_t seed,
                                           ana_error *err);

/* Percentile of ascending values with linear interpolation (NumPy's default); n > 0. */
double percentile_of_sorted(const double *sorted, int64_t n, double percent);

#endif
