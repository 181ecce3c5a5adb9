/* How good the weights are on pictures that are not trained on, while training: Dice by words over
 * the rows of another split, at the picture size of the step. A guide for early stopping and for
 * the eye; what is published comes from `anatome eval`. */
#ifndef ANA_TRAIN_VALIDATE_H
#define ANA_TRAIN_VALIDATE_H

#include "train/dataset.h"
#include "train/trainee.h"

/* Mean over concepts of the mean Dice over their targets in the split; NaN if the split has none.
 * Uses the trainee's parameters as they are. */
MUST_CHECK ana_status validate(double *dice, const struct trainee *trainee,
                               const struct dataset *dataset, const struct concepts *concepts,
                               const char *split, int size, struct pool *pool, ana_error *err);
/* What validate() would hold at once. */
MUST_CHECK ana_status validate_bytes(size_t *out, const struct trainee *trainee,
                                     const struct concepts *concepts, int size, struct pool *pool,
                                     ana_error *err);

#endif
