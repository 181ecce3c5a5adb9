/* bench_square IN OUT.png SIDE: the middle square of an image, resized to SIDE x SIDE; the picture
 * that bench/prompt_time asks about. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "imaging/resize.h"
#include "io/image_file.h"

static ana_status crop_square(struct image *out, const struct image *in, ana_error *err)
{
    const int64_t h = image_height(in), w = image_width(in), side = h < w ? h : w;
    const size_t pixel = (size_t)image_channels(in) * dtype_size(in->pixels.dtype);
    const size_t row = (size_t)side * pixel;

    ana_status status = image_create_2d(out, side, side, image_channels(in), in->pixels.dtype, err);
    if (status)
        return status;
    out->meaning = in->meaning;
    const char *from = in->pixels.data;
    char *to = out->pixels.data;
    for (int64_t y = 0; y < side; y++)
        memcpy(to + (size_t)y * row,
               from + ((size_t)((h - side) / 2 + y) * (size_t)w + (size_t)((w - side) / 2)) * pixel,
               row);
    return ANA_OK;
}

int main(int argc, char **argv)
{
    struct image image = {0}, square = {0}, resized = {0};
    ana_error error = {0};
    long long side = 0;

    if (argc != 4 || !string_to_int64(argv[3], &side) || side < 1 || side > 65535) {
        fprintf(stderr, "usage: bench_square IN OUT.png SIDE\n");
        return 2;
    }
    ana_status status = image_read(&image, argv[1], NULL, &error);
    if (!status)
        status = crop_square(&square, &image, &error);
    if (!status)
        status = image_resize(&resized, &square, side, side, RESIZE_FILTER_BICUBIC, &error);
    if (!status)
        status = png_write(argv[2], &resized, &error);
    image_clear(&image);
    image_clear(&square);
    image_clear(&resized);
    if (status)
        fprintf(stderr, "bench_square: %s\n", error.message);
    return status ? 1 : 0;
}
