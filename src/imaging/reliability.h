/* Is a stated probability right as often as it says? (Guo et al., ICML 2017.)
 *
 * Statements are put into 15 bins of equal width, [0, 1/15), ..., [14/15, 1]. The expected
 * calibration error is the mean over the bins, each weighing as much as what fell into it, of
 * |mean of what was stated - mean of what was true|.
 */
#ifndef ANA_IMAGING_RELIABILITY_H
#define ANA_IMAGING_RELIABILITY_H

enum { RELIABILITY_BINS = 15 };

/* Sums of each bin; starts as zeros. */
struct reliability {
    double weight[RELIABILITY_BINS];
    double stated[RELIABILITY_BINS]; /* weight times what was stated */
    double truth[RELIABILITY_BINS];  /* weight times what was true */
};

/* Both values are 0..1; what is outside counts at the nearer end, NaN not at all. */
void reliability_add(struct reliability *reliability, double stated, double truth, double weight);
/* Adds what another one holds, scaled so that all of it weighs `weight`. */
void reliability_merge(struct reliability *reliability, const struct reliability *other,
                       double weight);
double reliability_weight(const struct reliability *reliability);
/* Expected calibration error; NaN if nothing was added. */
double reliability_error(const struct reliability *reliability);

#endif
