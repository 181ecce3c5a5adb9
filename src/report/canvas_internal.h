/* Ink goes down as coverage, segment by segment, and dries once per shape. */
#ifndef ANA_REPORT_CANVAS_INTERNAL_H
#define ANA_REPORT_CANVAS_INTERNAL_H

#include "report/canvas.h"

struct ink_area {
    int64_t x0, y0, x1, y1; /* half-open; starts as zeros */
};

void ink_segment(struct canvas *canvas, struct ink_area *area, struct canvas_point a,
                 struct canvas_point b, double width);
void ink_dry(struct canvas *canvas, const struct ink_area *area, struct colour colour,
             double opacity);

#endif
