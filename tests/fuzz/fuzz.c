/* See fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/image_file.h"

_Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: expected %s\n", file, line, condition);
    abort();
}

void fuzz_end(ana_status status, const ana_error *err)
{
    EXPECT(!status || err->message[0]);
    EXPECT(!status || err->status == status);
    EXPECT(status != ANA_ERR_INTERNAL);
    EXPECT(memory_in_use() == 0);
}

static char scratch[64];

static void remove_scratch(void)
{
    (void)remove(scratch);
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
    if (!scratch[0]) {
        snprintf(scratch, sizeof scratch, "fuzz-%ld.tmp", (long)getpid());
        atexit(remove_scratch);
    }
    FILE *file = fopen(scratch, "wb");
    EXPECT(file);
    EXPECT(fwrite(data, 1, size, file) == size);
    EXPECT(fclose(file) == 0);
    return scratch;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = memory_alloc(size + 1);

    EXPECT(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* What can be read can be looked at before, and is then as it was foretold; a PNG may say only
 * behind its pixels that it is to be turned. */
static void check_facts(const struct image *image, const uint8_t *data, size_t size,
                        const struct image_read_options *options)
{
    const int64_t width = image_width(image), height = image_height(image);
    struct image_facts facts;
    ana_error err;

    EXPECT(image_probe_memory(&facts, data, size, "file", options, &err) == ANA_OK);
    EXPECT((facts.width == width && facts.height == height) ||
           (facts.width == height && facts.height == width));
    EXPECT(facts.channels == image_channels(image) && facts.dtype == image->pixels.dtype);
    EXPECT(facts.image_bytes == tensor_bytes(&image->pixels));
    EXPECT(facts.decode_bytes >= facts.image_bytes);
}

static void write_image(const struct image *image)
{
    static const uint8_t palette[256][3] = {{0}};
    ana_error err;

    EXPECT(png_write("/dev/null", image, &err) == ANA_OK);
    if (image->pixels.dtype == DTYPE_U8 && image_channels(image) == 1)
        EXPECT(png_write_indexed("/dev/null", image, palette, 256, &err) == ANA_OK);
}

void fuzz_image(const uint8_t *data, size_t size)
{
    static const struct image_read_options small = {1 << 16};
    struct image image;
    ana_error err = {0};

    const ana_status status = image_read_memory(&image, data, size, "file", &small, &err);
    if (!status) {
        const int64_t channels = image_channels(&image);
        EXPECT(channels == 1 || channels == 3);
        EXPECT(image_width(&image) >= 1 && image_height(&image) >= 1);
        EXPECT(image_width(&image) * image_height(&image) <= small.max_pixels);
        EXPECT(image.pixels.dtype == DTYPE_U8 || image.pixels.dtype == DTYPE_U16);
        check_facts(&image, data, size, &small);
        write_image(&image);
    } else {
        EXPECT(!image.pixels.data);
    }
    image_clear(&image);
    fuzz_end(status, &err);
}
