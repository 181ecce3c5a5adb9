/* The table of sample images, their formula and what must come out of them. */
#include "sample_images.h"

#include <stdlib.h>
#include <string.h>

#include "sample_encoders.h"

/* name, format, width, height, bits, colours, and what is special */
const struct sample samples[] = {
    {"grey1", SAMPLE_PNG, 13, 9, .bits = 1, .colours = 1},
    {"grey2", SAMPLE_PNG, 13, 9, .bits = 2, .colours = 1},
    {"grey4", SAMPLE_PNG, 13, 9, .bits = 4, .colours = 1},
    {"grey8", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 1},
    {"grey16", SAMPLE_PNG, 13, 9, .bits = 16, .colours = 1},
    {"grey8-interlaced", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 1, .interlaced = true},
    {"grey8-key", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 1, .transparent_zero = true},
    {"grey-alpha8", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 1, .alpha = true},
    {"grey-alpha16", SAMPLE_PNG, 13, 9, .bits = 16, .colours = 1, .alpha = true},
    {"rgb8", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 3},
    {"rgb16", SAMPLE_PNG, 13, 9, .bits = 16, .colours = 3},
    {"rgb16-interlaced", SAMPLE_PNG, 13, 9, .bits = 16, .colours = 3, .interlaced = true},
    {"rgba8", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 3, .alpha = true},
    {"rgba8-interlaced", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 3, .alpha = true,
     .interlaced = true},
    {"rgba16", SAMPLE_PNG, 13, 9, .bits = 16, .colours = 3, .alpha = true},
    {"palette1", SAMPLE_PNG, 13, 9, .bits = 1, .colours = 1, .palette = true},
    {"palette4", SAMPLE_PNG, 13, 9, .bits = 4, .colours = 1, .palette = true},
    {"palette8", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 1, .palette = true},
    {"palette8-key", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 1, .palette = true,
     .transparent_zero = true},
    {"orientation6", SAMPLE_PNG, 13, 9, .bits = 8, .colours = 3, .orientation = 6},
    {"tiny", SAMPLE_PNG, 1, 1, .bits = 8, .colours = 1},

    {"grey", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1},
    {"grey-progressive", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .interlaced = true},
    {"rgb", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 3, .tolerance = 2},
    {"rgb-progressive", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 3, .tolerance = 2,
     .interlaced = true},
    {"cmyk", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 4, .tolerance = 2},
    {"odd", SAMPLE_JPEG, 21, 11, .bits = 8, .colours = 1},
    {"tiny", SAMPLE_JPEG, 1, 1, .bits = 8, .colours = 1},
    {"orientation1", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 1},
    {"orientation2", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 2},
    {"orientation3", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 3},
    {"orientation4", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 4},
    {"orientation5", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 5},
    {"orientation6", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 6},
    {"orientation7", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 7},
    {"orientation8", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 8},
    {"orientation6-big-endian", SAMPLE_JPEG, 24, 16, .bits = 8, .colours = 1, .orientation = 6,
     .big_endian = true},

    {"grey1", SAMPLE_TIFF, 13, 9, .bits = 1, .colours = 1},
    {"grey1-white", SAMPLE_TIFF, 13, 9, .bits = 1, .colours = 1, .min_is_white = true},
    {"grey1-fax4", SAMPLE_TIFF, 13, 9, .bits = 1, .colours = 1, .min_is_white = true,
     .compression = SAMPLE_FAX4},
    {"grey2", SAMPLE_TIFF, 13, 9, .bits = 2, .colours = 1},
    {"grey4", SAMPLE_TIFF, 13, 9, .bits = 4, .colours = 1, .compression = SAMPLE_PACKBITS},
    {"grey8", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1},
    {"grey8-white", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .min_is_white = true},
    {"grey8-strips-lzw", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .rows_per_strip = 2,
     .compression = SAMPLE_LZW},
    {"grey8-tiles", SAMPLE_TIFF, 21, 35, .bits = 8, .colours = 1, .tiled = true},
    {"grey8-thumbnail", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .thumbnail = true},
    {"grey8-alpha", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .alpha = true},
    {"grey16", SAMPLE_TIFF, 13, 9, .bits = 16, .colours = 1},
    {"grey16-big-endian", SAMPLE_TIFF, 13, 9, .bits = 16, .colours = 1, .big_endian = true,
     .compression = SAMPLE_LZW},
    {"grey16-white-deflate", SAMPLE_TIFF, 13, 9, .bits = 16, .colours = 1, .min_is_white = true,
     .compression = SAMPLE_DEFLATE},
    {"grey16-bigtiff", SAMPLE_TIFF, 13, 9, .bits = 16, .colours = 1, .big_tiff = true},
    {"rgb8", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 3},
    {"rgb8-packbits", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 3, .compression = SAMPLE_PACKBITS},
    {"rgb8-planar", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 3, .planar = true,
     .rows_per_strip = 4},
    {"rgb8-planar-tiles", SAMPLE_TIFF, 17, 9, .bits = 8, .colours = 3, .planar = true,
     .tiled = true},
    {"rgba8", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 3, .alpha = true},
    {"rgba8-associated", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 3, .alpha = true,
     .associated = true},
    {"rgba16-planar", SAMPLE_TIFF, 13, 9, .bits = 16, .colours = 3, .alpha = true, .planar = true},
    {"rgb16-tiles-deflate", SAMPLE_TIFF, 13, 9, .bits = 16, .colours = 3, .tiled = true,
     .compression = SAMPLE_DEFLATE},
    {"grey8-jpeg", SAMPLE_TIFF, 32, 16, .bits = 8, .colours = 1, .compression = SAMPLE_IN_JPEG},
    {"rgb8-jpeg", SAMPLE_TIFF, 32, 16, .bits = 8, .colours = 3, .tolerance = 2,
     .compression = SAMPLE_IN_JPEG},
    {"palette1", SAMPLE_TIFF, 13, 9, .bits = 1, .colours = 1, .palette = true},
    {"palette4", SAMPLE_TIFF, 13, 9, .bits = 4, .colours = 1, .palette = true},
    {"palette8", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .palette = true},
    {"orientation1", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .orientation = 1},
    {"orientation2", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .orientation = 2},
    {"orientation3", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .orientation = 3},
    {"orientation4", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .orientation = 4},
    {"orientation5", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .orientation = 5},
    {"orientation6", SAMPLE_TIFF, 13, 9, .bits = 16, .colours = 1, .orientation = 6},
    {"orientation7", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 3, .orientation = 7},
    {"orientation8", SAMPLE_TIFF, 13, 9, .bits = 8, .colours = 1, .orientation = 8},
    {"tiny", SAMPLE_TIFF, 1, 1, .bits = 8, .colours = 1},
};
const int n_samples = (int)(sizeof(samples) / sizeof(samples[0]));

const char *sample_extension(const struct sample *sample)
{
    static const char *const extensions[] = {".png", ".jpg", ".tif"};
    return extensions[sample->format];
}

/* JPEG keeps 8 x 8 blocks of one value exactly, in grey at least. */
unsigned sample_value(const struct sample *s, int x, int y, int c)
{
    if (s->format == SAMPLE_JPEG || s->compression == SAMPLE_IN_JPEG) {
        x /= 8;
        y /= 8;
    }
    return (unsigned)(x * 3637 + y * 5923 + c * 10133 + x * y * 331) % (1U << s->bits);
}

unsigned sample_colour(int index, int c)
{
    return (unsigned)(index * 7 + c * 61 + 5) & 255;
}

void sample_encode(struct text *out, const struct sample *sample)
{
    switch (sample->format) {
    case SAMPLE_PNG:
        encode_png(out, sample);
        break;
    case SAMPLE_JPEG:
        encode_jpeg(out, sample);
        break;
    case SAMPLE_TIFF:
        encode_tiff(out, sample);
        break;
    }
    if (out->failed)
        abort();
}

/* ---- what must come out ---- */

/* EXIF 2.3, 4.6.4 A: which side of the picture row 0 and column 0 stand for. */
static void displayed_place(const struct sample *s, int x, int y, int *to_x, int *to_y)
{
    const int right = s->width - 1 - x;
    const int below = s->height - 1 - y;
    const int places[9][2] = {{x, y}, {x, y},     {right, y},     {right, below}, {x, below},
                              {y, x}, {below, x}, {below, right}, {y, right}};
    *to_x = places[s->orientation][0];
    *to_y = places[s->orientation][1];
}

/* Channel c of the pixel as image_read() promises it. */
static unsigned expected_value(const struct sample *s, int x, int y, int c)
{
    const unsigned highest = (1U << s->bits) - 1;
    const unsigned first = sample_value(s, x, y, 0);
    const unsigned value = sample_value(s, x, y, c);
    if (s->palette)
        return s->transparent_zero && first == 0 ? 0 : sample_colour((int)first, c);
    if (s->colours == 4) /* inks, 255 is none */
        return (value * sample_value(s, x, y, 3) + 127) / 255;
    if (s->alpha && !s->associated)
        return (unsigned)((double)value * sample_value(s, x, y, s->colours) / highest + 0.5);
    const unsigned spread = s->bits < 8 ? value * 255 / highest : value;
    const unsigned white = s->bits < 8 ? 255 : highest;
    return s->min_is_white ? white - spread : spread;
}

void sample_expect(struct image *out, const struct sample *s)
{
    const bool turns = s->orientation >= 5;
    const int64_t width = turns ? s->height : s->width;
    const int64_t height = turns ? s->width : s->height;
    const int channels = s->palette || s->colours > 1 ? 3 : 1;
    if (image_create_2d(out, height, width, channels, s->bits == 16 ? DTYPE_U16 : DTYPE_U8, NULL))
        abort();
    out->exif_orientation = s->orientation ? s->orientation : 1;

    uint8_t *u8 = out->pixels.data;
    uint16_t *u16 = out->pixels.data;
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++)
            for (int c = 0; c < channels; c++) {
                int to_x;
                int to_y;
                displayed_place(s, x, y, &to_x, &to_y);
                const int64_t at = (to_y * width + to_x) * channels + c;
                if (s->bits == 16)
                    u16[at] = (uint16_t)expected_value(s, x, y, c);
                else
                    u8[at] = (uint8_t)expected_value(s, x, y, c);
            }
}
