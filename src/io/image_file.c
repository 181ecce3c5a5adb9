/* Images and masks from files: finds the decoder by the first bytes and turns the result upright.
 */
#include "io/image_file.h"

#include <string.h>

#include "base/file.h"
#include "io/codec_internal.h"

/* One row per format; `magic` may stand for several variants of it. */
struct codec {
    const char *magic;
    size_t magic_size;
    ana_status (*decode)(struct image *out, const struct encoded *in, ana_error *err);
};

static const struct codec codecs[] = {
    {"\x89PNG\r\n\x1a\n", 8, png_decode},
    {"\xff\xd8\xff", 3, jpeg_decode},
    {"II*\0", 4, tiff_decode},
    {"MM\0*", 4, tiff_decode},
    {"II+\0", 4, tiff_decode}, /* BigTIFF */
    {"MM\0+", 4, tiff_decode},
};

static ana_status decode(struct image *out, const struct encoded *in, ana_error *err)
{
    if (in->size == 0)
        return ana_fail(err, ANA_ERR_FORMAT, "the file is empty");
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (in->size >= codecs[i].magic_size &&
            memcmp(in->data, codecs[i].magic, codecs[i].magic_size) == 0)
            return codecs[i].decode(out, in, err);
    return ana_fail(err, ANA_ERR_FORMAT, "neither PNG nor JPEG nor TIFF");
}

ana_status image_read_memory(struct image *out, const void *data, size_t size, const char *label,
                             const struct image_read_options *options, ana_error *err)
{
    *out = (struct image){0};
    const int64_t asked = options ? options->max_pixels : 0;
    const struct encoded in = {data, size, asked > 0 ? asked : IMAGE_DEFAULT_MAX_PIXELS};

    struct image image = {0};
    ana_status status = decode(&image, &in, err);
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
