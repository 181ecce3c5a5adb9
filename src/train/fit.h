/* The numbers of a calibration, from what was stated and what was true. No network here. */
#ifndef ANA_TRAIN_FIT_H
#define ANA_TRAIN_FIT_H

#include <stdbool.h>

#include "base/error.h"

/* Presence is sigmoid(scale * logit + bias). */
struct fit_logit {
    double scale, bias;
};

/* Platt's scaling (in Advances in Large Margin Classifiers, 1999) with his smoothed targets, and
 * both classes weighing the same: 0.5 means that a thing which is as likely as not to be there is
 * as likely as not. 1 and 0 if a class is empty, or if the logits say the opposite of the truth. */
struct fit_logit fit_presence(const double *logits, const bool *present, int n);

/* Sorts the scores; the one that a share of them lies below, `otherwise` if there are none. */
double fit_percentile(double *scores, int n, double share, double otherwise);

/* The verdict. absent: below it the answer is "not found"; the score that MISSED_SHARE of the
 * things that are there fall below. found: from it on the answer is "found"; the score that
 * WRONG_SHARE of the things that are not there reach. Whatever the scores are, both lie between
 * `lowest` and 0.98, where a score still means something, and `found` not below `absent`. Sorts
 * both. */
#define FIT_MISSED_SHARE 0.01
#define FIT_WRONG_SHARE  0.01
struct fit_verdict {
    double absent, found;
};
struct fit_verdict fit_verdict(double *present, int n_present, double *absent, int n_absent,
                               double lowest);

/* Thresholds from which a pixel belongs to the mask, from lower to higher. */
enum { FIT_THRESHOLDS = 9 };
double fit_threshold_at(int index); /* 0.2, 0.25, ..., 0.6 */

/* Dice at each threshold over the cases of one concept: sums, and sums of products of two. */
struct fit_curve {
    double dice[FIT_THRESHOLDS];
    double product[FIT_THRESHOLDS][FIT_THRESHOLDS];
    int n; /* cases */
};
/* Adds a case: probabilities as logits, and a mask of 0..255, n pixels each. */
void fit_curve_add(struct fit_curve *curve, const float *logits, const unsigned char *mask, long n);

/* A threshold common to all concepts, which is returned, and one for each concept. Another one than
 * 0.5 is chosen only if what it gains is sure: the lower end of the 95 % interval of the mean gain,
 * over concepts for the common one, must be above 0; and likewise another one than the common one
 * for a concept, over its cases. Of several the one with the highest lower end is taken. Few cases
 * tempt one to believe in thresholds that others then pay for. */
double fit_thresholds(double *each, const struct fit_curve *curves, int n_concepts);

#endif
