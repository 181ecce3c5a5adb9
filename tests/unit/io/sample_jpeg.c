/* Sample JPEG files by libjpeg. */
#include "sample_encoders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static void write_exif(struct jpeg_compress_struct *jpeg, const struct sample *s)
{
    uint8_t marker[6 + EXIF_BYTES] = "Exif\0";
    make_exif(marker + 6, s->orientation, s->big_endian);
    jpeg_write_marker(jpeg, JPEG_APP0 + 1, marker, sizeof(marker));
}

static void set_parameters(struct jpeg_compress_struct *jpeg, const struct sample *s)
{
    jpeg->image_width = (JDIMENSION)s->width;
    jpeg->image_height = (JDIMENSION)s->height;
    jpeg->input_components = s->colours;
    jpeg->in_color_space = s->colours == 1 ? JCS_GRAYSCALE : s->colours == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, 100, TRUE);
    jpeg->comp_info[0].h_samp_factor = 1; /* no chroma subsampling: blocks stay flat */
    jpeg->comp_info[0].v_samp_factor = 1;
    if (s->interlaced)
        jpeg_simple_progression(jpeg);
}

void encode_jpeg(struct text *out, const struct sample *s)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    uint8_t row[1024];
    JSAMPROW rows[1] = {row};

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    set_parameters(&jpeg, s);
    jpeg_start_compress(&jpeg, TRUE);
    if (s->orientation)
        write_exif(&jpeg, s);
    for (int y = 0; y < s->height; y++) {
        pack_row(row, s, y, 0, s->colours);
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    text_append_bytes(out, data, size);
    free(data);
}
