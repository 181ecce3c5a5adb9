/* The default model as a model kind. */
#ifndef ANA_MODELS_MINI_MINI_H
#define ANA_MODELS_MINI_MINI_H

#include "models/model.h"

enum { MINI_SIZE = 256 }; /* the picture that the network sees, by plain stretch */

extern const struct model_kind model_kind_mini;

/* The picture of the network, [size, size, 3] in 0..1: grey repeated, U8 / 255, U16 / 65535, area
 * average when shrinking, bilinear when growing, no mean or standard deviation. */
MUST_CHECK ana_status mini_picture(float *out, int64_t size, const struct image *image,
                                   ana_error *err);

#endif
