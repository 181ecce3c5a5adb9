/* The thresholds of the verdict, fitted on pictures set aside from training (train/aside.h), as use
 * will show and ask for them, or where none were set aside on augmented training pictures that no
 * step has seen.
 */
#ifndef ANA_TRAIN_CALIBRATE_H
#define ANA_TRAIN_CALIBRATE_H

#include "train/fit.h"
#include "train/trainee.h"

struct calibration {
    double presence_absent, presence_found; /* as of struct fit_verdict */
    struct fit_logit presence;
    double mask_threshold;
    int n_present, n_absent; /* word prompts it rests on */
};

/* Uses the trainee's parameters as they are and `n_batches` batches from `first_step` on. */
MUST_CHECK ana_status calibrate(struct calibration *out, const struct trainee *trainee,
                                const struct sampler *sampler,
                                const struct sampler_options *sampling, uint64_t first_step,
                                int n_batches, struct pool *pool, ana_error *err);
/* What calibrate() would hold at once. */
MUST_CHECK ana_status calibrate_bytes(size_t *out, const struct trainee *trainee,
                                      const struct sampler_options *sampling, int n_batches,
                                      struct pool *pool, ana_error *err);

/* On the images of `split` that `aside` marks, whole and not augmented, each of their things asked
 * for by name, and beside them things that are not there. Fits presence first, the verdict on the
 * fitted scores, and the thresholds of the masks: `each` of the concepts' and the common one. If
 * nothing was set aside that can be asked for, *out and `each` are left as they are. */
MUST_CHECK ana_status calibrate_aside(struct calibration *out, double *each,
                                      const struct trainee *trainee, const struct dataset *dataset,
                                      const struct concepts *concepts, const bool *aside,
                                      const char *split, struct pool *pool, ana_error *err);
/* What calibrate_aside() would hold at once, but for some bytes for each question. */
MUST_CHECK ana_status calibrate_aside_bytes(size_t *out, const struct trainee *trainee,
                                            const struct concepts *concepts, struct pool *pool,
                                            ana_error *err);

#endif
