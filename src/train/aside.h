/* Patients set aside: never drawn for training, so that what is fitted on them afterwards was not
 * learnt by heart. */
#ifndef ANA_TRAIN_ASIDE_H
#define ANA_TRAIN_ASIDE_H

#include "train/dataset.h"

/* out[n_images]: true for the images of the patients set aside, a share (rounded) of each set's
 * patients in `split`, never all of them. Patients are ranked by a hash of set and name, so the
 * choice depends neither on a seed nor on the order of the rows. Returns how many images. */
MUST_CHECK ana_status aside_mark(bool *out, int *n_out, const struct dataset *dataset,
                                 const char *split, double share, ana_error *err);

#endif
