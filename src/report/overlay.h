/* The picture with masks on it: translucent fill, outline, and a legend below. */
#ifndef ANA_REPORT_OVERLAY_H
#define ANA_REPORT_OVERLAY_H

#include "report/canvas.h"

struct overlay_layer {
    const struct image *mask; /* U8 [H, W, 1] of the image's size, any non-zero pixel */
    const char *name;         /* UTF-8, for the legend; NULL: no line there */
    const char *note;         /* "found", "not found"; NULL: none */
    struct colour colour;
};

/* Later layers lie above earlier ones. 16-bit and float images are shown from their smallest to
 * their largest value. Pictures of less than 320 pixels are enlarged by a whole factor. */
MUST_CHECK ana_status overlay_create(struct canvas *out, const struct image *image,
                                     const struct overlay_layer *layers, int64_t n_layers,
                                     ana_error *err);

MUST_CHECK ana_status overlay_write(const char *path, const struct image *image,
                                    const struct overlay_layer *layers, int64_t n_layers,
                                    ana_error *err);

/* Most that overlay_write() holds at once for an image of that size. */
size_t overlay_bytes(int64_t width, int64_t height, int64_t n_layers);

#endif
