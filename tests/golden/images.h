/* Images from tensors and back, for the checks of preprocessing. */
#ifndef ANA_GOLDEN_IMAGES_H
#define ANA_GOLDEN_IMAGES_H

#include "golden.h"
#include "imaging/image.h"

/* A U8 tensor [h, w] or [h, w, c] as an image; the caller clears it. False, and the folder failed,
 * if that cannot be. */
bool golden_image(struct golden *golden, struct image *out, const struct tensor *tensor,
                  const char *name);

/* An image against a tensor of the same extents, [h, w] or [h, w, c]. */
void golden_compare_image(struct golden *golden, const struct tolerance *tolerance,
                          const char *name, const struct image *got, const struct tensor *want);

/* A plane [h, w, c] against a tensor [c, h, w]. */
void golden_compare_planar(struct golden *golden, const struct tolerance *tolerance,
                           const char *name, const float *got, const struct tensor *want);

extern const struct tolerance golden_exact_u8;

#endif
