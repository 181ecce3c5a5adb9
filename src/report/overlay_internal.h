/* What overlays and comparisons share. */
#ifndef ANA_REPORT_OVERLAY_INTERNAL_H
#define ANA_REPORT_OVERLAY_INTERNAL_H

#include "report/canvas.h"

/* The image from the canvas's top left, each pixel a square of `scale`; what is not U8 is shown
 * from its smallest to its largest value. */
void overlay_draw_image(struct canvas *canvas, const struct image *image, int64_t scale);

#endif
