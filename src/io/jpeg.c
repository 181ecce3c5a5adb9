/* JPEG by libjpeg-turbo: the only file that sees it.
 *
 * libjpeg reports errors by a callback that must not return; ours jumps to the setjmp() of run(),
 * which does nothing else, and what must survive lives in a struct. Warnings of damaged data, which
 * libjpeg would follow by an image that is partly grey, are errors too.
 */
#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/memory.h"
#include "io/codec_internal.h"

/* More scans than any encoder makes; a small file of thousands would keep us busy for minutes. */
enum { MAX_SCANS = 500, APP1_BYTES = 0xffff, CHANNELS_CMYK = 4 };
#define BASE_MEMORY_BYTES (64L << 20)

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
    const struct encoded *in;
    ana_error *err;
    ana_status status; /* of a step of ours */
    struct image image;
    uint8_t *cmyk; /* one row */
};

static void leave(j_common_ptr jpeg)
{
    struct reader *reader = jpeg->client_data;
    jpeg->err->format_message(jpeg, reader->message);
    longjmp(reader->jump, 1);
}

/* Odd, and met in files that every viewer shows; the pixels are all there. */
static bool is_harmless(int warning)
{
    return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR ||
           warning == JWRN_ADOBE_XFORM || warning == JWRN_TOO_MUCH_DATA;
}

static void judge_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && !is_harmless(jpeg->err->msg_code))
        leave(jpeg);
}

static void drop_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void count_scans(j_common_ptr jpeg)
{
    struct reader *reader = jpeg->client_data;
    if (reader->jpeg.input_scan_number <= MAX_SCANS)
        return;
    snprintf(reader->message, sizeof(reader->message), "more than %d scans", MAX_SCANS);
    longjmp(reader->jump, 1);
}

static void find_orientation(struct reader *reader)
{
    for (jpeg_saved_marker_ptr m = reader->jpeg.marker_list; m; m = m->next) {
        const int orientation = exif_orientation(m->data, m->data_length);
        if (orientation != 1) {
            reader->image.exif_orientation = orientation;
            return;
        }
    }
}

/* What libjpeg may use: the coefficients of a progressive image are kept whole. */
static long coefficient_limit(const struct reader *reader)
{
    const long n = (long)reader->jpeg.image_width * (long)reader->jpeg.image_height;
    return BASE_MEMORY_BYTES + 4 * n * (long)sizeof(JCOEF);
}

static void start(struct reader *reader)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = reader;
    jpeg->progress = &reader->progress;
    jpeg_mem_src(jpeg, reader->in->data, (unsigned long)reader->in->size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, APP1_BYTES);
    jpeg_read_header(jpeg, TRUE);

    reader->status =
        check_pixel_limit(reader->in, jpeg->image_width, jpeg->image_height, reader->err);
    if (!reader->status)
        jpeg->mem->max_memory_to_use = coefficient_limit(reader);
}

static ana_status make_image(struct reader *reader)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    const int n = jpeg->num_components;
    if (n != 1 && n != 3 && n != CHANNELS_CMYK)
        return ana_fail(reader->err, ANA_ERR_UNSUPPORTED, "a JPEG of %d components", n);

    jpeg->out_color_space = n == 1 ? JCS_GRAYSCALE : n == 3 ? JCS_RGB : JCS_CMYK;
    if (n == CHANNELS_CMYK) {
        const size_t bytes = (size_t)jpeg->image_width * CHANNELS_CMYK;
        reader->cmyk = memory_alloc(bytes);
        if (!reader->cmyk)
            return ana_fail_memory(reader->err, bytes);
    }
    return image_create_2d(&reader->image, jpeg->image_height, jpeg->image_width, n == 1 ? 1 : 3,
                           DTYPE_U8, reader->err);
}

/* a b / 255, rounded */
static unsigned scaled(unsigned a, unsigned b)
{
    const unsigned product = a * b + 128;
    return (product + (product >> 8)) >> 8;
}

/* The inks as Adobe stores them, inverted: 255 is no ink. Written as Pillow does, to the bit. */
static void rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, int64_t n)
{
    for (int64_t i = 0; i < n; i++, cmyk += CHANNELS_CMYK)
        for (int c = 0; c < 3; c++)
            *rgb++ = (uint8_t)(cmyk[3] - scaled(255U - cmyk[c], cmyk[3]));
}

static void read_pixels(struct reader *reader)
{
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    reader->status = make_image(reader);
    if (reader->status)
        return;
    find_orientation(reader);

    jpeg_start_decompress(jpeg);
    const size_t stride = (size_t)(image_width(&reader->image) * image_channels(&reader->image));
    uint8_t *row = reader->image.pixels.data;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW target = reader->cmyk ? reader->cmyk : row;
        jpeg_read_scanlines(jpeg, &target, 1);
        if (reader->cmyk)
            rgb_from_cmyk(row, reader->cmyk, image_width(&reader->image));
        row += stride;
    }
    jpeg_finish_decompress(jpeg);
}

static bool run(struct reader *reader, void (*step)(struct reader *reader))
{
    if (setjmp(reader->jump))
        return false;
    step(reader);
    return true;
}

static ana_status read_step(struct reader *reader, void (*step)(struct reader *reader))
{
    if (!run(reader, step))
        return ana_fail(reader->err, ANA_ERR_FORMAT, "damaged JPEG: %s", reader->message);
    return reader->status;
}

static void set_callbacks(struct reader *reader)
{
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->jpeg.client_data = reader;
    reader->errors.error_exit = leave;
    reader->errors.emit_message = judge_message;
    reader->errors.output_message = drop_message;
    reader->progress.progress_monitor = count_scans;
}

/* libjpeg's own memory is its malloc()'s. */
ana_status jpeg_probe(struct image_facts *out, int *turn, const struct encoded *in, ana_error *err)
{
    struct reader reader = {.in = in, .err = err};
    set_callbacks(&reader);
    ana_status status = read_step(&reader, start);
    if (!status) {
        const struct jpeg_decompress_struct *jpeg = &reader.jpeg;
        find_orientation(&reader);
        *turn = reader.image.exif_orientation;
        *out = (struct image_facts){.width = jpeg->image_width,
                                    .height = jpeg->image_height,
                                    .channels = jpeg->num_components == 1 ? 1 : 3,
                                    .dtype = DTYPE_U8};
        facts_measure(out, (size_t)jpeg->image_width * CHANNELS_CMYK);
    }
    jpeg_destroy_decompress(&reader.jpeg);
    return status;
}

ana_status jpeg_decode(struct image *out, const struct encoded *in, ana_error *err)
{
    struct reader reader = {.in = in, .err = err};
    set_callbacks(&reader);
    *out = (struct image){0};
    ana_status status = read_step(&reader, start);
    if (!status)
        status = read_step(&reader, read_pixels);
    jpeg_destroy_decompress(&reader.jpeg);
    memory_free(reader.cmyk);
    if (status)
        image_clear(&reader.image);
    *out = reader.image;
    return status;
}
