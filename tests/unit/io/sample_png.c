/* Sample PNG files by libpng. */
#include "sample_encoders.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

size_t pack_row(uint8_t *out, const struct sample *s, int y, int first, int n)
{
    size_t bit = 0;
    memset(out, 0, (size_t)(s->width * n * s->bits + 7) / 8);
    for (int x = 0; x < s->width; x++)
        for (int c = first; c < first + n; c++, bit += (size_t)s->bits) {
            const uint16_t value = (uint16_t)sample_value(s, x, y, c);
            if (s->bits == 16)
                memcpy(out + bit / 8, &value, 2);
            else
                out[bit / 8] |= (uint8_t)(value << (8 - (size_t)s->bits - bit % 8));
        }
    return (bit + 7) / 8;
}

void make_exif(uint8_t out[EXIF_BYTES], int orientation, bool big_endian)
{
    static const uint8_t little[EXIF_BYTES] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1};
    static const uint8_t big[EXIF_BYTES] = {'M', 'M', 0,    42, 0, 0, 0, 8, 0,
                                            1,   1,   0x12, 0,  3, 0, 0, 0, 1};
    memcpy(out, big_endian ? big : little, EXIF_BYTES);
    out[big_endian ? 19 : 18] = (uint8_t)orientation;
}

static void append(png_structp png, png_bytep data, size_t size)
{
    text_append_bytes(png_get_io_ptr(png), data, size);
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static void set_header(png_structp png, png_infop info, const struct sample *s)
{
    const int grey = s->alpha ? PNG_COLOR_TYPE_GRAY_ALPHA : PNG_COLOR_TYPE_GRAY;
    const int rgb = s->alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB;
    png_set_IHDR(png, info, (png_uint_32)s->width, (png_uint_32)s->height, s->bits,
                 s->palette        ? PNG_COLOR_TYPE_PALETTE
                 : s->colours == 3 ? rgb
                                   : grey,
                 s->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (s->palette) {
        png_color colours[256];
        for (int i = 0; i < 256; i++)
            colours[i] = (png_color){(png_byte)sample_colour(i, 0), (png_byte)sample_colour(i, 1),
                                     (png_byte)sample_colour(i, 2)};
        png_set_PLTE(png, info, colours, 1 << s->bits);
    }
    if (s->transparent_zero) {
        const png_byte alpha = 0;
        const png_color_16 key = {0};
        png_set_tRNS(png, info, &alpha, 1, &key);
    }
    if (s->orientation) {
        png_byte exif[EXIF_BYTES];
        make_exif(exif, s->orientation, s->big_endian);
        png_set_eXIf_1(png, info, EXIF_BYTES, exif);
    }
}

void encode_png(struct text *out, const struct sample *s)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t row[1024];

    png_set_write_fn(png, out, append, flush_nothing);
    set_header(png, info, s);
    png_write_info(png, info);
    png_set_swap(png);
    const int n_passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < n_passes; pass++)
        for (int y = 0; y < s->height; y++) {
            pack_row(row, s, y, 0, s->colours + s->alpha);
            png_write_row(png, row);
        }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}
