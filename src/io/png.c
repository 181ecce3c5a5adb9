/* PNG by libpng: the only file that sees it.
 *
 * libpng reports errors by longjmp(). Each setjmp() stands in a function that does nothing else,
 * and what must survive lives in a struct, so no local is ever clobbered. Chunks that we do not use
 * (text, profiles, times) are skipped unread.
 */
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/budget.h"
#include "base/file.h"
#include "base/memory.h"
#include "io/codec_internal.h"
#include "io/image_file.h"

enum { MAX_CHUNK_BYTES = 8 << 20, COMPRESSION_LEVEL = 6 };
/* What libpng and zlib hold besides rows: their states, windows and buffers. */
#define LIBRARY_BYTES ((size_t)400 << 10)

struct session {
    png_structp png;
    png_infop info;
    ana_error *err;
    char message[128]; /* of libpng */
    ana_status status; /* of ours, where a step failed without libpng */
    bool out_of_memory;
};

static void keep_error(png_structp png, png_const_charp message)
{
    struct session *session = png_get_error_ptr(png);
    snprintf(session->message, sizeof(session->message), "%s", message);
    png_longjmp(png, 1);
}

static void drop_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    struct session *session = png_get_mem_ptr(png);
    void *block = memory_alloc(size);
    if (!block)
        session->out_of_memory = true; /* libpng itself may go on and leave something out */
    return block;
}

static void release(png_structp png, png_voidp block)
{
    (void)png;
    memory_free(block);
}

/* PNG is big-endian, pixels in memory are as the processor has them. */
static bool is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

/* What a step that ended this way means. */
static ana_status judge(const struct session *session, bool completed, ana_status status,
                        const char *what)
{
    if (session->out_of_memory)
        return ana_fail(session->err, ANA_ERR_MEMORY, "out of memory in libpng");
    if (!completed)
        return ana_fail(session->err, status, "%s: %s", what, session->message);
    return session->status;
}

/* ---- reading ---- */

struct reader {
    struct session session; /* first */
    const struct encoded *in;
    size_t at;
    struct image image;
    struct image_facts *facts; /* of a probe */
    uint8_t *rows; /* pixels with alpha, before compositing; NULL if decoded into the image */
};

static void read_bytes(png_structp png, png_bytep out, size_t size)
{
    struct reader *reader = png_get_io_ptr(png);
    if (size > reader->in->size - reader->at)
        png_error(png, "the file ends too early");
    memcpy(out, reader->in->data + reader->at, size);
    reader->at += size;
}

static void read_header(struct reader *reader)
{
    png_structp png = reader->session.png;
    png_infop info = reader->session.info;

    /* Our own limit says more than libpng's. */
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "eXIf", 1);

    png_set_read_fn(png, reader, read_bytes);
    png_read_info(png, info);
    reader->session.status =
        check_pixel_limit(reader->in, png_get_image_width(png, info),
                          png_get_image_height(png, info), reader->session.err);
}

/* Asks libpng for grey or RGB of 8 or 16 bits, with alpha where there is transparency. */
static void set_transformations(struct reader *reader, int *n_passes)
{
    png_structp png = reader->session.png;
    png_set_expand(png);
    if (is_little_endian())
        png_set_swap(png);
    *n_passes = png_set_interlace_handling(png);
    png_read_update_info(png, reader->session.info);
}

/* Makes the image, and `rows` if alpha has to be composited. */
static ana_status make_image(struct reader *reader)
{
    png_structp png = reader->session.png;
    png_infop info = reader->session.info;
    const int64_t channels = png_get_channels(png, info);
    const bool has_alpha = channels == 2 || channels == 4;
    const enum dtype dtype = png_get_bit_depth(png, info) == 16 ? DTYPE_U16 : DTYPE_U8;
    const int64_t width = png_get_image_width(png, info);
    const int64_t height = png_get_image_height(png, info);

    ana_status status = image_create_2d(&reader->image, height, width, channels - has_alpha, dtype,
                                        reader->session.err);
    if (status || !has_alpha)
        return status;
    const size_t n = (size_t)(width * height * channels);
    reader->rows = memory_alloc_array(n, dtype_size(dtype));
    return reader->rows ? ANA_OK : ana_fail_memory(reader->session.err, n * dtype_size(dtype));
}

static void read_pixels(struct reader *reader)
{
    png_structp png = reader->session.png;
    int n_passes;
    set_transformations(reader, &n_passes);
    reader->session.status = make_image(reader);
    if (reader->session.status)
        return;

    const size_t stride = png_get_rowbytes(png, reader->session.info);
    const size_t height = png_get_image_height(png, reader->session.info);
    uint8_t *rows = reader->rows ? reader->rows : reader->image.pixels.data;
    for (int pass = 0; pass < n_passes; pass++)
        for (size_t y = 0; y < height; y++)
            png_read_row(png, rows + y * stride, NULL);
    png_read_end(png, reader->session.info);
}

static void read_orientation(struct reader *reader)
{
    png_uint_32 size;
    png_bytep data;
    if (png_get_eXIf_1(reader->session.png, reader->session.info, &size, &data))
        reader->image.exif_orientation = exif_orientation(data, size);
}

static bool run_read(struct reader *reader, void (*step)(struct reader *reader))
{
    if (setjmp(png_jmpbuf(reader->session.png)))
        return false;
    step(reader);
    return true;
}

static ana_status read_step(struct reader *reader, void (*step)(struct reader *reader))
{
    const bool completed = run_read(reader, step);
    return judge(&reader->session, completed, ANA_ERR_FORMAT, "damaged PNG");
}

static ana_status open_reader(struct reader *reader)
{
    struct session *session = &reader->session;

    session->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, session, keep_error,
                                            drop_warning, session, allocate, release);
    if (session->png)
        session->info = png_create_info_struct(session->png);
    return session->info ? ANA_OK
                         : ana_fail(session->err, ANA_ERR_MEMORY, "out of memory for libpng");
}

ana_status png_decode(struct image *out, const struct encoded *in, ana_error *err)
{
    struct reader reader = {.session = {.err = err}, .in = in};
    struct session *session = &reader.session;

    *out = (struct image){0};
    ana_status status = open_reader(&reader);
    if (!status)
        status = read_step(&reader, read_header);
    if (!status)
        status = read_step(&reader, read_pixels);
    if (!status)
        status = read_step(&reader, read_orientation);
    png_destroy_read_struct(&session->png, &session->info, NULL);

    if (!status && reader.rows)
        composite_over_black(&reader.image, reader.rows);
    memory_free(reader.rows);
    if (status)
        image_clear(&reader.image);
    *out = reader.image;
    return status;
}

/* Rows in libpng are of the widest pixel that a transformation makes. */
static size_t row_bytes(int64_t width)
{
    enum { ROWS = 4, WIDEST_PIXEL = 8 };
    return bytes_product(ROWS * WIDEST_PIXEL, (size_t)width);
}

static void find_facts(struct reader *reader)
{
    png_structp png = reader->session.png;
    png_infop info = reader->session.info;
    int n_passes;

    read_header(reader);
    if (reader->session.status)
        return;
    set_transformations(reader, &n_passes);
    const int channels = png_get_channels(png, info);
    const bool has_alpha = channels == 2 || channels == 4;
    struct image_facts *facts = reader->facts;
    facts->width = png_get_image_width(png, info);
    facts->height = png_get_image_height(png, info);
    facts->channels = channels - has_alpha;
    facts->dtype = png_get_bit_depth(png, info) == 16 ? DTYPE_U16 : DTYPE_U8;
    const size_t rows = bytes_product(png_get_rowbytes(png, info), (size_t)facts->height);
    facts_measure(
        facts, bytes_sum(has_alpha ? rows : 0, bytes_sum(row_bytes(facts->width), LIBRARY_BYTES)));
}

ana_status png_probe(struct image_facts *out, int *turn, const struct encoded *in, ana_error *err)
{
    struct reader reader = {.session = {.err = err}, .in = in, .facts = out};

    ana_status status = open_reader(&reader);
    if (!status)
        status = read_step(&reader, find_facts);
    if (!status)
        status = read_step(&reader, read_orientation);
    png_destroy_read_struct(&reader.session.png, &reader.session.info, NULL);
    *turn = reader.image.exif_orientation;
    return status;
}

/* ---- writing ---- */

struct writer {
    struct session session; /* first */
    FILE *stream;
    const struct image *image;
    const uint8_t (*palette)[3]; /* NULL: not indexed */
    int n_colours;
};

static void write_bytes(png_structp png, png_bytep data, size_t size)
{
    struct writer *writer = png_get_io_ptr(png);
    if (fwrite(data, 1, size, writer->stream) != size)
        png_error(png, "the disk may be full");
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static void write_palette(const struct writer *writer)
{
    png_color colours[256];
    for (int i = 0; i < writer->n_colours; i++)
        colours[i] =
            (png_color){writer->palette[i][0], writer->palette[i][1], writer->palette[i][2]};
    png_set_PLTE(writer->session.png, writer->session.info, colours, writer->n_colours);
}

/* Masks and labels are flat and compress best unfiltered. For pictures and maps, runs of vertical
 * differences come within 8 % of the best size that zlib finds in five times the time. */
static void set_compression(png_structp png, bool is_flat)
{
    png_set_filter(png, PNG_FILTER_TYPE_BASE, is_flat ? PNG_FILTER_NONE : PNG_FILTER_UP);
    png_set_compression_level(png, COMPRESSION_LEVEL);
    png_set_compression_strategy(png, is_flat ? Z_DEFAULT_STRATEGY : Z_RLE);
}

static void write_header(const struct writer *writer)
{
    png_structp png = writer->session.png;
    const struct image *image = writer->image;
    const bool is_wide = image->pixels.dtype == DTYPE_U16;
    const int colour_type = writer->palette              ? PNG_COLOR_TYPE_PALETTE
                            : image_channels(image) == 3 ? PNG_COLOR_TYPE_RGB
                                                         : PNG_COLOR_TYPE_GRAY;

    png_set_IHDR(png, writer->session.info, (png_uint_32)image_width(image),
                 (png_uint_32)image_height(image), is_wide ? 16 : 8, colour_type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (writer->palette)
        write_palette(writer);
    set_compression(png, !is_wide && image_channels(image) == 1);
    png_write_info(png, writer->session.info);
    if (is_wide && is_little_endian())
        png_set_swap(png);
}

static void write_image(struct writer *writer)
{
    const struct image *image = writer->image;
    const size_t stride =
        (size_t)(image_width(image) * image_channels(image)) * dtype_size(image->pixels.dtype);
    const uint8_t *rows = image->pixels.data;

    png_set_user_limits(writer->session.png, 0x7fffffff, 0x7fffffff);
    png_set_write_fn(writer->session.png, writer, write_bytes, flush_nothing);
    write_header(writer);
    for (int64_t y = 0; y < image_height(image); y++)
        png_write_row(writer->session.png, rows + (size_t)y * stride);
    png_write_end(writer->session.png, NULL);
}

static bool run_write(struct writer *writer)
{
    if (setjmp(png_jmpbuf(writer->session.png)))
        return false;
    write_image(writer);
    return true;
}

static ana_status encode(struct writer *writer, ana_error *err)
{
    struct session *session = &writer->session;
    ana_status status = ANA_OK;

    session->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, session, keep_error,
                                             drop_warning, session, allocate, release);
    if (session->png)
        session->info = png_create_info_struct(session->png);
    if (!session->info)
        status = ana_fail(err, ANA_ERR_MEMORY, "out of memory for libpng");
    else
        status = judge(session, run_write(writer), ANA_ERR_IO, "cannot be written");
    png_destroy_write_struct(&session->png, &session->info);
    return status;
}

static ana_status write_file(const char *path, struct writer *writer, ana_error *err)
{
    struct file_writer file;
    ana_status status = file_writer_open(&file, path, err);
    if (status)
        return status;
    writer->stream = file.stream;
    status = encode(writer, err);
    if (status)
        ana_fail_in(err, status, "%s", path);
    else
        status = file_commit(&file, err);
    file_discard(&file);
    return status;
}

static bool is_writable(const struct image *image)
{
    const enum dtype dtype = image->pixels.dtype;
    return (dtype == DTYPE_U8 || dtype == DTYPE_U16) && image->pixels.shape.rank == 3 &&
           (image_channels(image) == 1 || image_channels(image) == 3) &&
           image_width(image) <= 0x7fffffff && image_height(image) <= 0x7fffffff;
}

ana_status png_write(const char *path, const struct image *image, ana_error *err)
{
    if (!is_writable(image))
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "%s: PNG takes 8 or 16-bit images of 1 or 3 channels", path);
    struct writer writer = {.session = {.err = err}, .image = image};
    return write_file(path, &writer, err);
}

size_t png_write_bytes(int64_t width, int64_t channels, enum dtype dtype)
{
    enum { ROWS = 4 };
    const size_t row = bytes_product((size_t)width, (size_t)channels * dtype_size(dtype));
    return bytes_sum(LIBRARY_BYTES, bytes_product(ROWS, row));
}

static int highest_label(const struct image *labels)
{
    const uint8_t *pixels = labels->pixels.data;
    const int64_t n = image_width(labels) * image_height(labels);
    int highest = 0;
    for (int64_t i = 0; i < n; i++)
        highest = pixels[i] > highest ? pixels[i] : highest;
    return highest;
}

ana_status png_write_indexed(const char *path, const struct image *labels,
                             const uint8_t palette[][3], int n_colours, ana_error *err)
{
    if (!is_writable(labels) || labels->pixels.dtype != DTYPE_U8 || image_channels(labels) != 1 ||
        n_colours < 1 || n_colours > 256)
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "%s: an indexed PNG takes 8-bit labels and 1 to 256 colours", path);
    const int highest = highest_label(labels);
    if (highest >= n_colours)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s: label %d, but only %d colours", path, highest,
                        n_colours);
    struct writer writer = {
        .session = {.err = err}, .image = labels, .palette = palette, .n_colours = n_colours};
    return write_file(path, &writer, err);
}
