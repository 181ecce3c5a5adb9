/* Images and masks from files: finds the decoder by the first bytes and turns the result upright.
 */
#include "io/image_file.h"

#include <string.h>

#include "base/budget.h"
#include "base/file.h"
#include "io/codec_internal.h"

/* One row per format; `magic` may stand for several variants of it. */
struct codec {
    const char *magic;
    size_t magic_size;
    ana_status (*decode)(struct image *out, const struct encoded *in, ana_error *err);
    ana_status (*probe)(struct image_facts *out, int *turn, const struct encoded *in,
                        ana_error *err);
};

static const struct codec codecs[] = {
    {"\x89PNG\r\n\x1a\n", 8, png_decode, png_probe}, {"\xff\xd8\xff", 3, jpeg_decode, jpeg_probe},
    {"II*\0", 4, tiff_decode, tiff_probe},           {"MM\0*", 4, tiff_decode, tiff_probe},
    {"II+\0", 4, tiff_decode, tiff_probe}, /* BigTIFF */
    {"MM\0+", 4, tiff_decode, tiff_probe},
};

static ana_status find_codec(const struct codec **out, const struct encoded *in, ana_error *err)
{
    if (in->size == 0)
        return ana_fail(err, ANA_ERR_FORMAT, "the file is empty");
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (in->size >= codecs[i].magic_size &&
            memcmp(in->data, codecs[i].magic, codecs[i].magic_size) == 0) {
            *out = &codecs[i];
            return ANA_OK;
        }
    return ana_fail(err, ANA_ERR_FORMAT, "neither PNG nor JPEG nor TIFF");
}

static struct encoded encoded_of(const void *data, size_t size,
                                 const struct image_read_options *options)
{
    const int64_t asked = options ? options->max_pixels : 0;

    return (struct encoded){data, size, asked > 0 ? asked : IMAGE_DEFAULT_MAX_PIXELS};
}

ana_status image_read_memory(struct image *out, const void *data, size_t size, const char *label,
                             const struct image_read_options *options, ana_error *err)
{
    *out = (struct image){0};
    const struct encoded in = encoded_of(data, size, options);
    const struct codec *codec = NULL;

    struct image image = {0};
    ana_status status = find_codec(&codec, &in, err);
    if (!status)
        status = codec->decode(&image, &in, err);
    if (!status)
        status = image_apply_orientation(&image, err);
    if (status) {
        image_clear(&image);
        return ana_fail_in(err, status, "%s", label);
    }
    *out = image;
    return ANA_OK;
}

ana_status image_read(struct image *out, const char *path, const struct image_read_options *options,
                      ana_error *err)
{
    *out = (struct image){0};
    struct file_map map;
    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    status = image_read_memory(out, map.data, map.size, path, options, err);
    file_map_close(&map);
    return status;
}

/* Turning needs both images at once. */
static void turn_facts(struct image_facts *facts, int turn)
{
    const int64_t width = facts->width;

    if (turn >= 5) {
        facts->width = facts->height;
        facts->height = width;
    }
    if (turn > 1)
        facts->decode_bytes =
            bytes_larger(facts->decode_bytes, bytes_product(2, facts->image_bytes));
}

ana_status image_probe_memory(struct image_facts *out, const void *data, size_t size,
                              const char *label, const struct image_read_options *options,
                              ana_error *err)
{
    const struct encoded in = encoded_of(data, size, options);
    const struct codec *codec = NULL;
    int turn = 1;

    *out = (struct image_facts){0};
    ana_status status = find_codec(&codec, &in, err);
    if (!status)
        status = codec->probe(out, &turn, &in, err);
    if (status)
        return ana_fail_in(err, status, "%s", label);
    turn_facts(out, turn);
    return ANA_OK;
}

ana_status image_probe(struct image_facts *out, const char *path,
                       const struct image_read_options *options, ana_error *err)
{
    struct file_map map;

    *out = (struct image_facts){0};
    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    status = image_probe_memory(out, map.data, map.size, path, options, err);
    file_map_close(&map);
    return status;
}

static void threshold(struct image *mask, const struct image *image)
{
    const int64_t n = image_width(image) * image_height(image);
    const int64_t channels = image_channels(image);
    const uint8_t *u8 = image->pixels.data;
    const uint16_t *u16 = image->pixels.data;
    const bool is_wide = image->pixels.dtype == DTYPE_U16;
    uint8_t *to = mask->pixels.data;

    for (int64_t i = 0; i < n * channels; i++)
        if (is_wide ? u16[i] > 32767 : u8[i] > 127)
            to[i / channels] = 1;
}

ana_status mask_read_memory(struct image *out, const void *data, size_t size, const char *label,
                            const struct image_read_options *options, ana_error *err)
{
    *out = (struct image){0};
    struct image image;
    struct image mask;
    ana_status status = image_read_memory(&image, data, size, label, options, err);
    if (status)
        return status;
    status = image_create_2d(&mask, image_height(&image), image_width(&image), 1, DTYPE_U8, err);
    if (!status) {
        threshold(&mask, &image);
        mask.meaning = CHANNELS_LABEL;
        mask.exif_orientation = image.exif_orientation;
        *out = mask;
    }
    image_clear(&image);
    return status;
}

ana_status mask_read(struct image *out, const char *path, const struct image_read_options *options,
                     ana_error *err)
{
    *out = (struct image){0};
    struct file_map map;
    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    status = mask_read_memory(out, map.data, map.size, path, options, err);
    file_map_close(&map);
    return status;
}
