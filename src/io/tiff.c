/* TIFF by libtiff: the only file that sees it.
 *
 * Only what images of people's work contain is let in: grey, palette and RGB of up to 16 bits, one
 * page, the common compressions. Samples are taken row by row or tile by tile into "planes as
 * stored", then expanded. Messages of libtiff end in our error; its warnings matter only while
 * pixels are decoded, where they mean damaged data.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

#include "base/budget.h"
#include "base/memory.h"
#include "io/codec_internal.h"

enum { MAX_SAMPLES = 16, MAX_PAGES_SEEN = 1024, MAX_COLOURS = 256 };
#define LIBRARY_BYTES  ((size_t)32 << 20) /* one allocation of libtiff, besides the file's size */
#define MAX_TILE_BYTES ((uint64_t)64 << 20)

struct stream {
    const struct encoded *in;
    uint64_t at;
    bool decoding; /* warnings are errors from now on */
    bool failed;   /* something was reported */
    bool ended;    /* more was asked for than the file holds; libtiff may guess what was there */
    char message[192]; /* the first one */
};

/* What the first page says of itself. */
struct page {
    uint32_t width;
    uint32_t height;
    uint16_t bits;    /* of a sample */
    uint16_t samples; /* of a pixel, in the file */
    uint16_t photometric;
    uint16_t compression;
    uint16_t colours; /* samples that are colour: 1 or 3 */
    bool has_alpha;   /* the sample behind them is straight alpha */
    bool is_planar;   /* one plane after the other */
};

struct reader {
    TIFF *tiff;
    struct stream *stream;
    struct page page;
    struct image *image;
    uint8_t
        *stored; /* [height, width, colours + has_alpha], U8 or U16; may be the image's pixels */
    uint8_t *buffer; /* one row or tile as libtiff gives it */
    ana_error *err;
};

/* ---- libtiff's callbacks ---- */

static tmsize_t read_bytes(thandle_t handle, void *out, tmsize_t size)
{
    struct stream *stream = handle;
    const uint64_t left = stream->at < stream->in->size ? stream->in->size - stream->at : 0;
    const size_t n = (uint64_t)size < left ? (size_t)size : (size_t)left;
    if (n)
        memcpy(out, stream->in->data + stream->at, n);
    stream->at += n;
    stream->ended = stream->ended || n < (size_t)size;
    return (tmsize_t)n;
}

static tmsize_t write_nothing(thandle_t handle, void *data, tmsize_t size)
{
    (void)handle;
    (void)data;
    (void)size;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
    struct stream *stream = handle;
    const uint64_t base = whence == SEEK_CUR   ? stream->at
                          : whence == SEEK_END ? stream->in->size
                                               : 0;
    stream->at = base + offset;
    return stream->at;
}

static int close_nothing(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of(thandle_t handle)
{
    return ((struct stream *)handle)->in->size;
}

static void keep_message(struct stream *stream, const char *format, va_list args) PRINTF_LIKE(2, 0);
static int keep_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
    PRINTF_LIKE(4, 0);
static int judge_warning(TIFF *tiff, void *user, const char *module, const char *format,
                         va_list args) PRINTF_LIKE(4, 0);

static void keep_message(struct stream *stream, const char *format, va_list args)
{
    if (stream->failed)
        return;
    stream->failed = true;
    vsnprintf(stream->message, sizeof(stream->message), format, args);
}

static int keep_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff;
    (void)module;
    keep_message(user, format, args);
    return 1;
}

static int judge_warning(TIFF *tiff, void *user, const char *module, const char *format,
                         va_list args)
{
    struct stream *stream = user;
    (void)tiff;
    (void)module;
    if (stream->decoding)
        keep_message(stream, format, args);
    return 1;
}

static TIFF *open_stream(struct stream *stream)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(LIBRARY_BYTES + stream->in->size));
    TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, stream);
    TIFFOpenOptionsSetWarningHandlerExtR(options, judge_warning, stream);
    TIFF *tiff = TIFFClientOpenExt("", "rm", stream, read_bytes, write_nothing, seek, close_nothing,
                                   size_of, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* ---- the directory ---- */

static ana_status fail_damaged(const struct reader *reader, const char *otherwise)
{
    const char *story = reader->stream->ended    ? "the file ends too early"
                        : reader->stream->failed ? reader->stream->message
                                                 : otherwise;
    return ana_fail(reader->err, ANA_ERR_FORMAT, "damaged TIFF: %s", story);
}

static bool is_known_compression(uint16_t compression)
{
    static const uint16_t known[] = {
        COMPRESSION_NONE,          COMPRESSION_LZW,       COMPRESSION_DEFLATE,
        COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS,  COMPRESSION_CCITTRLE,
        COMPRESSION_CCITTFAX3,     COMPRESSION_CCITTFAX4, COMPRESSION_JPEG,
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i] == compression)
            return TIFFIsCODECConfigured(compression) == 1;
    return false;
}

static ana_status check_samples(const struct reader *reader)
{
    uint16_t format;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    const struct page *page = &reader->page;

    if (format == SAMPLEFORMAT_IEEEFP)
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED,
                        "a TIFF of floating-point samples; convert it to 8 or 16 bits");
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED,
                        "a TIFF of signed or complex samples; convert it to 8 or 16 bits");
    if (page->bits != 1 && page->bits != 2 && page->bits != 4 && page->bits != 8 &&
        page->bits != 16)
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED,
                        "a TIFF of %u bits a sample; 1, 2, 4, 8 and 16 can be read",
                        (unsigned)page->bits);
    if (page->samples > MAX_SAMPLES)
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED, "a TIFF of %u samples a pixel",
                        (unsigned)page->samples);
    if (!is_known_compression(page->compression))
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED, "a TIFF of compression scheme %u",
                        (unsigned)page->compression);
    return ANA_OK;
}

/* Sets `colours`, and has libtiff turn the YCbCr of its JPEG compression into RGB. */
static ana_status check_photometric(struct reader *reader)
{
    struct page *page = &reader->page;
    switch (page->photometric) {
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_MINISWHITE:
        page->colours = 1;
        break;
    case PHOTOMETRIC_PALETTE:
        page->colours = 1;
        if (page->bits > 8 || page->samples != 1)
            return ana_fail(reader->err, ANA_ERR_UNSUPPORTED,
                            "a palette TIFF of %u samples of %u bits", (unsigned)page->samples,
                            (unsigned)page->bits);
        break;
    case PHOTOMETRIC_YCBCR:
        if (page->compression != COMPRESSION_JPEG)
            return ana_fail(reader->err, ANA_ERR_UNSUPPORTED, "a YCbCr TIFF without JPEG");
        TIFFSetField(reader->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        page->colours = 3;
        break;
    case PHOTOMETRIC_RGB:
        page->colours = 3;
        break;
    default:
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED,
                        "a TIFF of colour space %u; grey, palette and RGB can be read",
                        (unsigned)page->photometric);
    }
    if (page->samples < page->colours || (page->colours == 3 && page->bits < 8))
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED, "an RGB TIFF of %u samples of %u bits",
                        (unsigned)page->samples, (unsigned)page->bits);
    return ANA_OK;
}

/* Associated alpha has been multiplied in, which already is "over black". */
static void find_alpha(struct reader *reader)
{
    struct page *page = &reader->page;
    uint16_t n_extra = 0;
    uint16_t *extra = NULL;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_EXTRASAMPLES, &n_extra, &extra);
    page->has_alpha = page->bits >= 8 && page->samples > page->colours && n_extra > 0 &&
                      extra[0] == EXTRASAMPLE_UNASSALPHA;
}

static ana_status read_page(struct reader *reader)
{
    struct page *page = &reader->page;
    TIFF *tiff = reader->tiff;
    uint16_t planar;

    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page->width) ||
        !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page->height) ||
        !TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &page->photometric))
        return fail_damaged(reader, "no width, height or colour space");
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &page->compression);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
    page->is_planar = planar == PLANARCONFIG_SEPARATE && page->samples > 1;

    ana_status status =
        check_pixel_limit(reader->stream->in, page->width, page->height, reader->err);
    if (!status)
        status = check_samples(reader);
    if (!status)
        status = check_photometric(reader);
    if (!status)
        find_alpha(reader);
    return status;
}

/* Thumbnails and masks of the first page may follow it, further pages may not. */
static ana_status check_single_page(const struct reader *reader)
{
    int n_pages = 1;
    for (int i = 1; i < MAX_PAGES_SEEN && !TIFFLastDirectory(reader->tiff); i++) {
        uint32_t type = 0;
        if (!TIFFReadDirectory(reader->tiff))
            return fail_damaged(reader, "a page cannot be read");
        TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_SUBFILETYPE, &type);
        n_pages += !(type & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK));
    }
    if (n_pages > 1)
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED,
                        "a TIFF of several pages; split it into files of one page each");
    if (TIFFCurrentDirectory(reader->tiff) != 0 && !TIFFSetDirectory(reader->tiff, 0))
        return fail_damaged(reader, "the first page cannot be read");
    return ANA_OK;
}

/* ---- samples ---- */

static int stored_samples(const struct page *page)
{
    return page->colours + page->has_alpha;
}

static size_t sample_bytes(const struct page *page)
{
    return page->bits == 16 ? 2 : 1;
}

/* Moves n pixels of a row in the buffer to their place: samples first .. first + count of each, of
 * `per_pixel` in the buffer. */
struct run {
    const uint8_t *row;
    int per_pixel;
    int first; /* in the stored pixel */
    int count;
};

static void store_run(const struct reader *reader, const struct run *run, uint32_t x, uint32_t y,
                      uint32_t n)
{
    assert(reader->stored && run->row);
    const struct page *page = &reader->page;
    const size_t bytes = sample_bytes(page);
    const size_t pixel = bytes * (size_t)stored_samples(page);
    uint8_t *to =
        reader->stored + ((size_t)y * page->width + x) * pixel + (size_t)run->first * bytes;

    for (size_t i = 0; i < n; i++, to += pixel) {
        const size_t from = i * (size_t)run->per_pixel;
        if (page->bits >= 8) {
            memcpy(to, run->row + from * bytes, bytes * (size_t)run->count);
            continue;
        }
        for (size_t c = 0; c < (size_t)run->count; c++) {
            const size_t bit = (from + c) * page->bits;
            const unsigned shift = 8U - page->bits - (unsigned)(bit & 7);
            to[c] = (uint8_t)(run->row[bit >> 3] >> shift & ((1U << page->bits) - 1));
        }
    }
}

static struct run run_of(const struct reader *reader, const uint8_t *row, int plane)
{
    if (reader->page.is_planar)
        return (struct run){row, 1, plane, 1};
    return (struct run){row, reader->page.samples, 0, stored_samples(&reader->page)};
}

static ana_status make_buffer(struct reader *reader, uint64_t size, size_t least)
{
    if (size < least)
        return fail_damaged(reader, "rows of impossible size");
    reader->buffer = memory_alloc_zeroed((size_t)size);
    return reader->buffer ? ANA_OK : ana_fail_memory(reader->err, size);
}

/* Bytes of n pixels of one run in libtiff's buffer. */
static size_t run_bytes(const struct page *page, uint32_t n)
{
    const size_t per_pixel = page->is_planar ? 1 : page->samples;
    return ((size_t)n * per_pixel * page->bits + 7) / 8;
}

static ana_status read_rows(struct reader *reader)
{
    const struct page *page = &reader->page;
    const int n_planes = page->is_planar ? stored_samples(page) : 1;
    ana_status status =
        make_buffer(reader, TIFFScanlineSize64(reader->tiff), run_bytes(page, page->width));
    if (status)
        return status;

    for (int plane = 0; plane < n_planes; plane++)
        for (uint32_t y = 0; y < page->height; y++) {
            if (TIFFReadScanline(reader->tiff, reader->buffer, y, (uint16_t)plane) != 1 ||
                reader->stream->failed)
                return fail_damaged(reader, "a row cannot be decoded");
            const struct run run = run_of(reader, reader->buffer, plane);
            store_run(reader, &run, 0, y, page->width);
        }
    return ANA_OK;
}

struct tiling {
    uint32_t width;
    uint32_t height;
    uint64_t size;
    uint64_t row_size;
};

static ana_status read_tile(struct reader *reader, const struct tiling *tiling, uint32_t x,
                            uint32_t y, int plane)
{
    const struct page *page = &reader->page;
    const uint32_t tile = TIFFComputeTile(reader->tiff, x, y, 0, (uint16_t)plane);
    const tmsize_t got =
        TIFFReadEncodedTile(reader->tiff, tile, reader->buffer, (tmsize_t)tiling->size);
    if (got < 0 || (uint64_t)got != tiling->size || reader->stream->failed)
        return fail_damaged(reader, "a tile cannot be decoded");

    const uint32_t right = page->width - x;
    const uint32_t below = page->height - y;
    for (uint32_t i = 0; i < tiling->height && i < below; i++) {
        const struct run run = run_of(reader, reader->buffer + i * tiling->row_size, plane);
        store_run(reader, &run, x, y + i, tiling->width < right ? tiling->width : right);
    }
    return ANA_OK;
}

static ana_status read_tiles(struct reader *reader)
{
    const struct page *page = &reader->page;
    const int n_planes = page->is_planar ? stored_samples(page) : 1;
    struct tiling tiling = {0};

    TIFFGetField(reader->tiff, TIFFTAG_TILEWIDTH, &tiling.width);
    TIFFGetField(reader->tiff, TIFFTAG_TILELENGTH, &tiling.height);
    tiling.size = TIFFTileSize64(reader->tiff);
    tiling.row_size = TIFFTileRowSize64(reader->tiff);
    if (tiling.width == 0 || tiling.height == 0 || tiling.size > MAX_TILE_BYTES ||
        tiling.row_size < run_bytes(page, tiling.width) ||
        tiling.size / tiling.height < tiling.row_size)
        return fail_damaged(reader, "tiles of impossible size");

    ana_status status = make_buffer(reader, tiling.size, 1);
    for (int plane = 0; plane < n_planes && !status; plane++)
        for (uint64_t y = 0; y < page->height && !status; y += tiling.height)
            for (uint64_t x = 0; x < page->width && !status; x += tiling.width)
                status = read_tile(reader, &tiling, (uint32_t)x, (uint32_t)y, plane);
    return status;
}

/* ---- from stored samples to the image ---- */

static void spread_and_invert(const struct reader *reader)
{
    const struct page *page = &reader->page;
    const size_t n = (size_t)page->width * page->height;
    const size_t step = (size_t)stored_samples(page);
    const bool inverts = page->photometric == PHOTOMETRIC_MINISWHITE;
    const unsigned factor = page->bits < 8 ? 255U / ((1U << page->bits) - 1) : 1;
    uint16_t *wide = (void *)reader->stored;

    if (!inverts && factor == 1)
        return;
    for (size_t i = 0; i < n * step; i += step) {
        if (page->bits == 16)
            wide[i] = (uint16_t)(65535 - wide[i]);
        else {
            const unsigned value = reader->stored[i] * factor;
            reader->stored[i] = (uint8_t)(inverts ? 255 - value : value);
        }
    }
}

static bool has_wide_palette(uint16_t *const map[3], size_t n)
{
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            if (map[c][i] > 255)
                return true;
    return false; /* an old writer's mistake: 8-bit values */
}

static ana_status expand_palette(const struct reader *reader)
{
    const struct page *page = &reader->page;
    uint16_t *map[3];
    if (!TIFFGetField(reader->tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]))
        return fail_damaged(reader, "no palette");

    uint8_t palette[MAX_COLOURS][3] = {{0}};
    const size_t n_colours = (size_t)1 << page->bits;
    const int shift = has_wide_palette(map, n_colours) ? 8 : 0;
    for (size_t i = 0; i < n_colours; i++)
        for (int c = 0; c < 3; c++)
            palette[i][c] = (uint8_t)(map[c][i] >> shift);

    uint8_t *to = reader->image->pixels.data;
    const size_t n = (size_t)page->width * page->height;
    for (size_t i = 0; i < n; i++, to += 3)
        memcpy(to, palette[reader->stored[i]], 3);
    return ANA_OK;
}

static ana_status make_image(struct reader *reader)
{
    const struct page *page = &reader->page;
    const bool is_palette = page->photometric == PHOTOMETRIC_PALETTE;
    const int channels = is_palette ? 3 : page->colours;
    uint16_t orientation;

    ana_status status = image_create_2d(reader->image, page->height, page->width, channels,
                                        page->bits == 16 ? DTYPE_U16 : DTYPE_U8, reader->err);
    if (status)
        return status;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_ORIENTATION, &orientation);
    if (orientation >= 1 && orientation <= 8)
        reader->image->exif_orientation = orientation;

    reader->stored = reader->image->pixels.data;
    if (is_palette || page->has_alpha) {
        const size_t n = (size_t)page->width * page->height * (size_t)stored_samples(page);
        reader->stored = memory_alloc_array(n, sample_bytes(page));
        if (!reader->stored)
            return ana_fail_memory(reader->err, n * sample_bytes(page));
    }
    return ANA_OK;
}

static ana_status decode_pixels(struct reader *reader)
{
    ana_status status = make_image(reader);
    reader->stream->failed = false;
    reader->stream->decoding = true;
    if (!status)
        status = TIFFIsTiled(reader->tiff) ? read_tiles(reader) : read_rows(reader);
    if (status)
        return status;

    if (reader->page.photometric == PHOTOMETRIC_PALETTE)
        return expand_palette(reader);
    spread_and_invert(reader);
    if (reader->page.has_alpha)
        composite_over_black(reader->image, reader->stored);
    return ANA_OK;
}

/* The row or tile that libtiff fills. libtiff's own memory is its malloc()'s. */
static size_t buffer_bytes(const struct reader *reader)
{
    return (size_t)(TIFFIsTiled(reader->tiff) ? TIFFTileSize64(reader->tiff)
                                              : TIFFScanlineSize64(reader->tiff));
}

static void find_facts(struct image_facts *out, int *turn, const struct reader *reader)
{
    const struct page *page = &reader->page;
    const bool is_palette = page->photometric == PHOTOMETRIC_PALETTE;
    const size_t pixels = (size_t)page->width * page->height;
    uint16_t orientation;

    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_ORIENTATION, &orientation);
    *turn = orientation >= 1 && orientation <= 8 ? orientation : 1;
    *out = (struct image_facts){.width = page->width,
                                .height = page->height,
                                .channels = is_palette ? 3 : page->colours,
                                .dtype = page->bits == 16 ? DTYPE_U16 : DTYPE_U8};
    const size_t stored =
        is_palette || page->has_alpha
            ? bytes_product(pixels, (size_t)stored_samples(page) * sample_bytes(page))
            : 0;
    facts_measure(out, bytes_sum(stored, buffer_bytes(reader)));
}

ana_status tiff_probe(struct image_facts *out, int *turn, const struct encoded *in, ana_error *err)
{
    struct stream stream = {.in = in};
    struct reader reader = {.stream = &stream, .err = err};

    reader.tiff = open_stream(&stream);
    if (!reader.tiff)
        return fail_damaged(&reader, "it cannot be opened");
    ana_status status = check_single_page(&reader);
    if (!status)
        status = read_page(&reader);
    if (!status)
        find_facts(out, turn, &reader);
    TIFFClose(reader.tiff);
    return status;
}

ana_status tiff_decode(struct image *out, const struct encoded *in, ana_error *err)
{
    struct stream stream = {.in = in};
    struct image image = {0};
    struct reader reader = {.stream = &stream, .image = &image, .err = err};

    *out = (struct image){0};
    reader.tiff = open_stream(&stream);
    if (!reader.tiff)
        return fail_damaged(&reader, "it cannot be opened");

    ana_status status = check_single_page(&reader);
    if (!status)
        status = read_page(&reader);
    if (!status)
        status = decode_pixels(&reader);
    TIFFClose(reader.tiff);
    if (stream.ended)
        status = fail_damaged(&reader, "");

    if (reader.stored != image.pixels.data)
        memory_free(reader.stored);
    memory_free(reader.buffer);
    if (status)
        image_clear(&image);
    *out = image;
    return status;
}
