/* 2D images: from a PNG, JPEG or TIFF file, or from pixels in memory.
 *
 * Pixel (x, y) has its origin at the top left and integer coordinates at pixel centres, in the
 * orientation in which the picture is displayed: EXIF orientation has been applied.
 */
#ifndef ANATOME_IMAGE_H
#define ANATOME_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ana_image ana_image;

typedef enum ana_pixel_type { ANA_PIXEL_U8, ANA_PIXEL_U16, ANA_PIXEL_F32 } ana_pixel_type;

/* Pixels of the caller, rows from top to bottom, channels interleaved. */
typedef struct ana_pixels {
    const void *data;
    ana_pixel_type type; /* F32 is expected in 0..1 */
    int64_t width, height;
    int channels;     /* 1 (grey) or 3 (RGB) */
    size_t row_bytes; /* from one row to the next; 0: rows follow each other closely */
} ana_pixels;

/* Largest image read unless told otherwise: width times height. */
#define ANA_DEFAULT_MAX_PIXELS (INT64_C(1) << 28)

/* Reads a file, told apart by content, not by name. An image of more than max_pixels (0: the
 * default) is refused with ANA_ERR_LIMIT before memory of its size is used. On success *out is the
 * caller's to ana_image_free(); on failure it is NULL. */
ANA_API ANA_MUST_CHECK ana_status ana_image_read(ana_image **out, const char *path,
                                                 int64_t max_pixels, ana_error *err);

/* The same from the bytes of such a file in memory; label stands for its name in messages. */
ANA_API ANA_MUST_CHECK ana_status ana_image_read_memory(ana_image **out, const void *bytes,
                                                        size_t size, const char *label,
                                                        int64_t max_pixels, ana_error *err);

/* What a file says of its image, without its pixels: fails where the header cannot be read. Width
 * and height are as displayed (as stored, if a PNG names its orientation only behind its pixels).
 */
typedef struct ana_image_facts {
    int64_t width, height;
    int channels; /* 1 or 3 */
    ana_pixel_type type;
    size_t image_bytes;  /* of the pixels */
    size_t decode_bytes; /* most that reading holds at once, the pixels included */
} ana_image_facts;
ANA_API ANA_MUST_CHECK ana_status ana_image_probe(ana_image_facts *out, const char *path,
                                                  int64_t max_pixels, ana_error *err);

/* Copies the caller's pixels. */
ANA_API ANA_MUST_CHECK ana_status ana_image_create(ana_image **out, const ana_pixels *pixels,
                                                   ana_error *err);
ANA_API void ana_image_free(ana_image *image); /* NULL is fine */

/* The pixels as they lie in the image; borrowed from it. */
ANA_API ana_pixels ana_image_pixels(const ana_image *image);

/* True, with the distance of pixel centres in mm, if the file stated it. */
ANA_API bool ana_image_spacing_mm(const ana_image *image, double *x, double *y);

#ifdef __cplusplus
}
#endif
#endif
