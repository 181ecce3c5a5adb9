/* A picture to draw on: anti-aliased lines, and letters made of lines. */
#ifndef ANA_REPORT_CANVAS_H
#define ANA_REPORT_CANVAS_H

#include "imaging/image.h"

struct colour {
    uint8_t r, g, b;
};

/* Pixel (x, y) covers the square around its centre, which has integer coordinates. */
struct canvas {
    struct image image; /* U8 [height, width, 3] */
    uint8_t *coverage;  /* [height, width], zero between calls: how much ink the shape puts down */
};

MUST_CHECK ana_status canvas_create(struct canvas *out, int64_t width, int64_t height,
                                    struct colour background, ana_error *err);
void canvas_clear(struct canvas *canvas);

/* Whole pixels [x0, x1) x [y0, y1), clipped. opacity is 0..1. */
void canvas_rectangle(struct canvas *canvas, int64_t x0, int64_t y0, int64_t x1, int64_t y1,
                      struct colour colour, double opacity);

struct canvas_point {
    double x, y;
};

/* One shape with round joints, however often it crosses itself. */
void canvas_polyline(struct canvas *canvas, const struct canvas_point *points, int64_t n,
                     double width, struct colour colour, double opacity);

/* Letters of cap height `size` pixels whose left end of the baseline is (x, y). UTF-8; what is not
 * printable ASCII is drawn as a small frame. */
void canvas_text(struct canvas *canvas, double x, double y, double size, const char *text,
                 struct colour colour);
double canvas_text_width(double size, const char *text);

/* Colours that stay apart for people with colour-blindness too, for labels 0, 1, 2, ... */
struct colour colour_of_label(int64_t label);

#endif
