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
        EXPECT(png_write("/dev/null", &image, &err) == ANA_OK);
    } else {
        EXPECT(!image.pixels.data);
    }
    image_clear(&image);
    fuzz_end(status, &err);
}
