/* Morphology of 2D masks: any non-zero pixel is set, results are 0 and 1. Pixels beyond the image
 * are background. `out` may be `in`. */
#ifndef ANA_IMAGING_MORPHOLOGY_H
#define ANA_IMAGING_MORPHOLOGY_H

#include <stdint.h>

#include "base/error.h"

enum morphology_element {
    MORPHOLOGY_CROSS, /* a pixel and its 4 neighbours */
    MORPHOLOGY_SQUARE /* 3x3 */
};

MUST_CHECK ana_status mask_erode(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                                 enum morphology_element element, int steps, ana_error *err);
MUST_CHECK ana_status mask_dilate(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                                  enum morphology_element element, int steps, ana_error *err);

/* Background that the image border cannot reach by 4-neighbours becomes foreground. */
MUST_CHECK ana_status mask_fill_holes(uint8_t *out, const uint8_t *in, int64_t height,
                                      int64_t width, ana_error *err);

/* Components (4 or 8 neighbours) of fewer than min_area pixels go. */
MUST_CHECK ana_status mask_keep_components(uint8_t *out, const uint8_t *in, int64_t height,
                                           int64_t width, int connectivity, int64_t min_area,
                                           ana_error *err);

#endif
