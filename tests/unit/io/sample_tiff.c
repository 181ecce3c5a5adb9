/* Sample TIFF files by libtiff. */
#include "sample_encoders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

enum { TILE = 16, MAX_BYTES = 1 << 16 };

/* A file in memory, large enough for every sample. */
struct memory_file {
    uint8_t data[MAX_BYTES];
    uint64_t size;
    uint64_t at;
};

static tmsize_t read_bytes(thandle_t handle, void *out, tmsize_t size)
{
    struct memory_file *file = handle;
    const uint64_t left = file->at < file->size ? file->size - file->at : 0;
    const uint64_t n = (uint64_t)size < left ? (uint64_t)size : left;
    memcpy(out, file->data + file->at, n);
    file->at += n;
    return (tmsize_t)n;
}

static tmsize_t write_bytes(thandle_t handle, void *data, tmsize_t size)
{
    struct memory_file *file = handle;
    if (file->at + (uint64_t)size > MAX_BYTES)
        abort();
    memcpy(file->data + file->at, data, (size_t)size);
    file->at += (uint64_t)size;
    file->size = file->at > file->size ? file->at : file->size;
    return size;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
    struct memory_file *file = handle;
    file->at = offset + (whence == SEEK_CUR ? file->at : whence == SEEK_END ? file->size : 0);
    return file->at;
}

static int close_nothing(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of(thandle_t handle)
{
    return ((struct memory_file *)handle)->size;
}

static TIFF *open_memory(struct memory_file *file, const char *mode)
{
    *file = (struct memory_file){.size = 0};
    TIFF *tiff = TIFFClientOpen("sample", mode, file, read_bytes, write_bytes, seek, close_nothing,
                                size_of, NULL, NULL);
    if (!tiff)
        abort();
    return tiff;
}

static uint16_t compression_of(const struct sample *s)
{
    switch (s->compression) {
    case SAMPLE_LZW:
        return COMPRESSION_LZW;
    case SAMPLE_DEFLATE:
        return COMPRESSION_ADOBE_DEFLATE;
    case SAMPLE_PACKBITS:
        return COMPRESSION_PACKBITS;
    case SAMPLE_FAX4:
        return COMPRESSION_CCITTFAX4;
    case SAMPLE_IN_JPEG:
        return COMPRESSION_JPEG;
    default:
        return COMPRESSION_NONE;
    }
}

static void set_palette(TIFF *tiff)
{
    uint16_t map[3][256];
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 3; c++)
            map[c][i] = (uint16_t)(sample_colour(i, c) * 257);
    TIFFSetField(tiff, TIFFTAG_COLORMAP, map[0], map[1], map[2]);
}

static void set_colour(TIFF *tiff, const struct sample *s)
{
    const bool in_jpeg = s->compression == SAMPLE_IN_JPEG;
    const int grey = s->min_is_white ? PHOTOMETRIC_MINISWHITE : PHOTOMETRIC_MINISBLACK;
    const int rgb = in_jpeg ? PHOTOMETRIC_YCBCR : PHOTOMETRIC_RGB;
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
                 s->palette        ? PHOTOMETRIC_PALETTE
                 : s->colours == 3 ? rgb
                                   : grey);
    if (s->palette)
        set_palette(tiff);
    if (s->alpha) {
        const uint16_t kind = s->associated ? EXTRASAMPLE_ASSOCALPHA : EXTRASAMPLE_UNASSALPHA;
        TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &kind);
    }
    if (in_jpeg) {
        TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, 100);
        if (s->colours == 3) {
            TIFFSetField(tiff, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);
            TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        }
    }
}

static void set_tags(TIFF *tiff, const struct sample *s)
{
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, s->width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, s->height);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, s->bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, s->colours + s->alpha);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG,
                 s->planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression_of(s));
    if (s->orientation)
        TIFFSetField(tiff, TIFFTAG_ORIENTATION, s->orientation);
    if (s->tiled) {
        TIFFSetField(tiff, TIFFTAG_TILEWIDTH, TILE);
        TIFFSetField(tiff, TIFFTAG_TILELENGTH, TILE);
    } else {
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, s->rows_per_strip ? s->rows_per_strip : s->height);
    }
    set_colour(tiff, s);
}

static void write_tile(TIFF *tiff, const struct sample *s, int x, int y, int plane, int n)
{
    uint8_t tile[TILE * TILE * 8] = {0};
    uint8_t row[1024];
    const size_t pixel = (size_t)(n * s->bits / 8);
    const int columns = s->width - x < TILE ? s->width - x : TILE;
    for (int i = 0; i < TILE && y + i < s->height; i++) {
        pack_row(row, s, y + i, plane, n);
        memcpy(tile + (size_t)(i * TILE) * pixel, row + (size_t)x * pixel, (size_t)columns * pixel);
    }
    if (TIFFWriteTile(tiff, tile, (uint32_t)x, (uint32_t)y, 0, (uint16_t)plane) < 0)
        abort();
}

static void write_plane(TIFF *tiff, const struct sample *s, int plane, int n)
{
    uint8_t row[1024];
    if (s->tiled) {
        for (int y = 0; y < s->height; y += TILE)
            for (int x = 0; x < s->width; x += TILE)
                write_tile(tiff, s, x, y, plane, n);
        return;
    }
    for (int y = 0; y < s->height; y++) {
        pack_row(row, s, y, plane, n);
        if (TIFFWriteScanline(tiff, row, (uint32_t)y, (uint16_t)plane) != 1)
            abort();
    }
}

static void write_pixels(TIFF *tiff, const struct sample *s)
{
    const int n = s->colours + s->alpha;
    if (!s->planar)
        write_plane(tiff, s, 0, n);
    for (int plane = 0; s->planar && plane < n; plane++)
        write_plane(tiff, s, plane, 1);
}

static void write_thumbnail(TIFF *tiff)
{
    const struct sample small = {.width = 2, .height = 2, .bits = 8, .colours = 1};
    TIFFWriteDirectory(tiff);
    TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
    set_tags(tiff, &small);
    write_pixels(tiff, &small);
}

void encode_tiff(struct text *out, const struct sample *s)
{
    static struct memory_file file;
    char mode[4] = {'w', s->big_endian ? 'b' : 'l', s->big_tiff ? '8' : 0, 0};
    TIFF *tiff = open_memory(&file, mode);
    set_tags(tiff, s);
    write_pixels(tiff, s);
    if (s->thumbnail)
        write_thumbnail(tiff);
    TIFFClose(tiff);
    text_append_bytes(out, file.data, file.size);
}

void encode_odd_tiff(struct text *out, enum odd_tiff kind)
{
    static struct memory_file file;
    const struct sample page = {.width = 4, .height = 2, .bits = 8, .colours = 1};
    const uint8_t pixels[128] = {0};
    TIFF *tiff = open_memory(&file, "wl");
    set_tags(tiff, &page);

    if (kind == ODD_FLOAT || kind == ODD_32_BIT)
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 32);
    if (kind == ODD_FLOAT)
        TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_IEEEFP);
    if (kind == ODD_SIGNED)
        TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_INT);
    if (kind == ODD_CMYK || kind == ODD_LAB) {
        TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, kind == ODD_CMYK ? 4 : 3);
        TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
                     kind == ODD_CMYK ? PHOTOMETRIC_SEPARATED : PHOTOMETRIC_CIELAB);
    }
    if (kind == ODD_BOMB) {
        TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, 100000);
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, 100000);
        TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, 100000);
    }
    TIFFWriteRawStrip(tiff, 0, (void *)(uintptr_t)pixels, sizeof(pixels));
    if (kind == ODD_TWO_PAGES) {
        TIFFWriteDirectory(tiff);
        set_tags(tiff, &page);
        write_pixels(tiff, &page);
    }
    TIFFClose(tiff);
    text_append_bytes(out, file.data, file.size);
}
