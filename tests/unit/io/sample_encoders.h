/* Writers of the sample images, one file a library. */
#ifndef SAMPLE_ENCODERS_H
#define SAMPLE_ENCODERS_H

#include "sample_images.h"

void encode_png(struct text *out, const struct sample *sample);
void encode_jpeg(struct text *out, const struct sample *sample);
void encode_tiff(struct text *out, const struct sample *sample);

/* TIFF files that must be refused. */
enum odd_tiff { ODD_FLOAT, ODD_SIGNED, ODD_32_BIT, ODD_CMYK, ODD_LAB, ODD_TWO_PAGES, ODD_BOMB };
void encode_odd_tiff(struct text *out, enum odd_tiff kind);

/* Sample c of the stored pixel, and channel c of a palette's colour. */
unsigned sample_value(const struct sample *sample, int x, int y, int c);
unsigned sample_colour(int index, int c);

/* An EXIF block with nothing but an orientation. */
enum { EXIF_BYTES = 26 };
void make_exif(uint8_t out[EXIF_BYTES], int orientation, bool big_endian);

/* One row of samples packed as PNG and TIFF do, `first` .. `first` + n of each pixel; 16 bits in
 * the order of the processor. Returns its bytes. */
size_t pack_row(uint8_t *out, const struct sample *sample, int y, int first, int n);

#endif
