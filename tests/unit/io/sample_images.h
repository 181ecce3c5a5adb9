/* Small images of every kind that image_read() knows, made on the spot by the format's own library,
 * each with the pixels that must come out, computed from the formula that filled it. */
#ifndef SAMPLE_IMAGES_H
#define SAMPLE_IMAGES_H

#include <stdbool.h>

#include "base/text.h"
#include "imaging/image.h"

enum sample_format { SAMPLE_PNG, SAMPLE_JPEG, SAMPLE_TIFF };

enum sample_compression {
    SAMPLE_PLAIN, /* baseline for JPEG */
    SAMPLE_LZW,
    SAMPLE_DEFLATE,
    SAMPLE_PACKBITS,
    SAMPLE_FAX4,
    SAMPLE_IN_JPEG /* JPEG inside TIFF */
};

struct sample {
    const char *name;
    enum sample_format format;
    int width;
    int height;
    int bits;
    int colours; /* 1, 3 or 4 (CMYK) */
    enum sample_compression compression;
    bool palette;
    bool alpha;
    bool associated;       /* the alpha of a TIFF is multiplied in */
    bool transparent_zero; /* PNG: sample 0 (grey, palette) or RGB 0,0,0 is transparent */
    bool interlaced;       /* PNG: Adam7, JPEG: progressive */
    bool tiled;
    bool planar;
    bool min_is_white;
    bool thumbnail; /* TIFF: a reduced second page */
    bool big_endian;
    bool big_tiff;
    int rows_per_strip; /* 0: all */
    int orientation;    /* 0: no such tag */
    int tolerance;      /* of lossy colours */
};

extern const struct sample samples[];
extern const int n_samples;

/* Appends the file's bytes; aborts the test program if a library refuses. */
void sample_encode(struct text *out, const struct sample *sample);

/* What image_read() must give. */
void sample_expect(struct image *out, const struct sample *sample);

const char *sample_extension(const struct sample *sample); /* ".png" */

#endif
