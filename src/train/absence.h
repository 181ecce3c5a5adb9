/* Which concepts are certainly not in a picture, so that asking for them is a true negative.
 *
 * A concept may be visible in its views only (text/concepts.h), labelled or not. The views that a
 * picture may be are those that all its labelled concepts share, of its own family.
 */
#ifndef ANA_TRAIN_ABSENCE_H
#define ANA_TRAIN_ABSENCE_H

#include "train/dataset.h"

enum absence {
    ABSENCE_UNSURE, /* may be visible */
    ABSENCE_NEAR,   /* same kind of picture (grey scans, or colour and microscopy), other region */
    ABSENCE_FAR     /* another kind of picture */
};

/* out[concepts->n]. A picture of which nothing is known gets ABSENCE_UNSURE throughout. */
void absence_of(uint8_t *out, const struct dataset_image *image, const struct concepts *concepts);

#endif
