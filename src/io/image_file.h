/* 2D image files in and out: PNG, JPEG and TIFF, told apart by content, never by name.
 *
 * Samples come out as stored (no colour management, no gamma):
 *   - U8, or U16 where the file has 16 bits a sample; grey of 1, 2 or 4 bits is spread over 0..255;
 *   - 1 channel (grey) or 3 (RGB); palettes are expanded to RGB; TIFF's "0 is white" is inverted;
 *   - an alpha channel or a transparent colour is composited over black, so that what nobody can
 * see holds nothing; other extra channels are dropped;
 *   - the orientation of EXIF or TIFF has been applied; exif_orientation says which it was.
 * CMYK JPEG is converted to RGB by r = c k / 255 of Adobe's inverted values, as Pillow does.
 * Refused with a clear error: float, signed and 32-bit TIFF, CIELab and CMYK TIFF, and TIFF files
 * of several pages (thumbnails aside), since a silently dropped page is a wrong answer. A damaged
 * or incomplete file is an error, never half an image.
 */
#ifndef ANA_IO_IMAGE_FILE_H
#define ANA_IO_IMAGE_FILE_H

#include "imaging/image.h"

#define IMAGE_DEFAULT_MAX_PIXELS (INT64_C(1) << 28)

struct image_read_options {
    int64_t max_pixels; /* width times height; 0: IMAGE_DEFAULT_MAX_PIXELS */
};

/* options NULL means the defaults. Larger images are refused (ANA_ERR_LIMIT) before anything of
 * their size is allocated. On success *out is the caller's to image_clear(); on failure it is
 * empty. Errors name the path. */
MUST_CHECK ana_status image_read(struct image *out, const char *path,
                                 const struct image_read_options *options, ana_error *err);

/* The same from bytes in memory; `label` stands for the file's name in messages. */
MUST_CHECK ana_status image_read_memory(struct image *out, const void *data, size_t size,
                                        const char *label, const struct image_read_options *options,
                                        ana_error *err);

/* What a file says of its image before pixels are decoded. */
struct image_facts {
    int64_t width,
        height;       /* as displayed; as stored for a PNG that says otherwise behind its pixels */
    int64_t channels; /* 1 or 3 */
    enum dtype dtype;
    size_t image_bytes; /* of its pixels */
    size_t
        decode_bytes; /* most that reading it holds of base/memory.h at once, its pixels included */
};
MUST_CHECK ana_status image_probe(struct image_facts *out, const char *path,
                                  const struct image_read_options *options, ana_error *err);
MUST_CHECK ana_status image_probe_memory(struct image_facts *out, const void *data, size_t size,
                                         const char *label,
                                         const struct image_read_options *options, ana_error *err);

/* A mask: U8 [height, width, 1] of 0 and 1, CHANNELS_LABEL. A pixel is 1 where any channel is above
 * 127 of 255 (above 32767 of 65535 for 16 bits), after palette and alpha as above. */
MUST_CHECK ana_status mask_read(struct image *out, const char *path,
                                const struct image_read_options *options, ana_error *err);
MUST_CHECK ana_status mask_read_memory(struct image *out, const void *data, size_t size,
                                       const char *label, const struct image_read_options *options,
                                       ana_error *err);

/* U8 or U16 of 1 or 3 channels. The file appears complete or not at all; the same pixels give the
 * same bytes (no time, no text chunk). */
MUST_CHECK ana_status png_write(const char *path, const struct image *image, ana_error *err);
/* Most that png_write() holds of base/memory.h at once. */
size_t png_write_bytes(int64_t width, int64_t channels, enum dtype dtype);

/* Labels (U8, 1 channel, all below n_colours <= 256) as 8-bit palette PNG: pixel values stay the
 * labels, viewers show the colours. */
MUST_CHECK ana_status png_write_indexed(const char *path, const struct image *labels,
                                        const uint8_t palette[][3], int n_colours, ana_error *err);

#endif
