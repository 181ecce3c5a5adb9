/* What the decoders of image_file.c share. Each gives pixels as stored and the orientation it
 * found; turning the image is left to image_file.c. */
#ifndef ANA_IO_CODEC_INTERNAL_H
#define ANA_IO_CODEC_INTERNAL_H

#include "io/image_file.h"

struct encoded {
    const uint8_t *data;
    size_t size;
    int64_t max_pixels; /* above 0 */
};

/* On failure *out is empty. Messages do not name the file: image_file.c puts its name in front. */
MUST_CHECK ana_status png_decode(struct image *out, const struct encoded *in, ana_error *err);
MUST_CHECK ana_status jpeg_decode(struct image *out, const struct encoded *in, ana_error *err);
MUST_CHECK ana_status tiff_decode(struct image *out, const struct encoded *in, ana_error *err);

/* Looks at the header only. `turn` becomes the orientation, as far as it is known by then. */
MUST_CHECK ana_status png_probe(struct image_facts *out, int *turn, const struct encoded *in,
                                ana_error *err);
MUST_CHECK ana_status jpeg_probe(struct image_facts *out, int *turn, const struct encoded *in,
                                 ana_error *err);
MUST_CHECK ana_status tiff_probe(struct image_facts *out, int *turn, const struct encoded *in,
                                 ana_error *err);

/* Sets image_bytes from the extents, decode_bytes to them and `extra`. */
void facts_measure(struct image_facts *facts, size_t extra);

/* To be called before anything is allocated that grows with the image. */
MUST_CHECK ana_status check_pixel_limit(const struct encoded *in, uint64_t width, uint64_t height,
                                        ana_error *err);

/* An image of 1 or 3 channels from n pixels of the same channels plus straight alpha, all U8 or all
 * U16: colour times alpha, rounded. */
void composite_over_black(struct image *out, const void *with_alpha);

/* Orientation 1..8 of an EXIF block (TIFF structure, with or without "Exif\0\0" before it); 1 if it
 * says nothing or is damaged. */
int exif_orientation(const uint8_t *data, size_t size);

/* Turns the image as its exif_orientation asks. On failure the image is as before. */
MUST_CHECK ana_status image_apply_orientation(struct image *image, ana_error *err);

#endif
