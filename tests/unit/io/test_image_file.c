/* image_read() and mask_read(): every kind of sample pixel by pixel, limits and refusals. */
#include "io/image_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../base/scratch_folder.h"
#include "base/file.h"
#include "base/memory.h"
#include "sample_encoders.h"
#include "sample_images.h"

static int64_t element(const struct image *image, int64_t i)
{
    if (image->pixels.dtype == DTYPE_U16)
        return ((const uint16_t *)image->pixels.data)[i];
    return ((const uint8_t *)image->pixels.data)[i];
}

static void assert_same_image(const char *name, const struct image *actual,
                              const struct image *expected, int tolerance)
{
    if (!shape_equal(&actual->pixels.shape, &expected->pixels.shape) ||
        actual->pixels.dtype != expected->pixels.dtype ||
        actual->exif_orientation != expected->exif_orientation ||
        actual->meaning != expected->meaning)
        fail_msg("%s: another shape, type, orientation or meaning", name);
    for (int64_t i = 0; i < tensor_count(&expected->pixels); i++)
        if (llabs(element(actual, i) - element(expected, i)) > tolerance)
            fail_msg("%s: sample %lld is %lld, expected %lld +- %d", name, (long long)i,
                     (long long)element(actual, i), (long long)element(expected, i), tolerance);
}

static void every_sample_gives_its_pixels(void **state)
{
    (void)state;
    for (int i = 0; i < n_samples; i++) {
        struct text file = {0};
        struct image actual;
        struct image expected;
        ana_error err = {0};

        sample_encode(&file, &samples[i]);
        if (image_read_memory(&actual, file.data, file.size, samples[i].name, NULL, &err))
            fail_msg("%s", err.message);
        sample_expect(&expected, &samples[i]);
        assert_same_image(samples[i].name, &actual, &expected, samples[i].tolerance);
        image_clear(&actual);
        image_clear(&expected);
        text_clear(&file);
    }
    assert_int_equal(memory_in_use(), 0);
}

static void masks_are_thresholded(void **state)
{
    (void)state;
    for (int i = 0; i < n_samples; i++) {
        struct text file = {0};
        struct image mask;
        struct image image;

        sample_encode(&file, &samples[i]);
        assert_int_equal(mask_read_memory(&mask, file.data, file.size, "mask", NULL, NULL), ANA_OK);
        assert_int_equal(image_read_memory(&image, file.data, file.size, "mask", NULL, NULL), 0);
        assert_int_equal(mask.meaning, CHANNELS_LABEL);
        assert_int_equal(image_channels(&mask), 1);
        const int64_t n_channels = image_channels(&image);
        const int64_t half = image.pixels.dtype == DTYPE_U16 ? 32767 : 127;
        for (int64_t at = 0; at < tensor_count(&mask.pixels); at++) {
            int64_t expected = 0;
            for (int64_t c = 0; c < n_channels; c++)
                expected |= element(&image, at * n_channels + c) > half;
            if (element(&mask, at) != expected)
                fail_msg("%s: pixel %lld of the mask", samples[i].name, (long long)at);
        }
        image_clear(&mask);
        image_clear(&image);
        text_clear(&file);
    }
}

static void content_decides_not_the_name(void **state)
{
    struct scratch_folder folder;
    struct text file = {0};
    struct image image;

    (void)state;
    scratch_folder_make(&folder);
    sample_encode(&file, &samples[0]); /* PNG */
    const char *path = scratch_path(&folder, "liver.tiff");
    assert_int_equal(file_write(path, file.data, file.size, NULL), ANA_OK);
    assert_int_equal(image_read(&image, path, NULL, NULL), ANA_OK);
    image_clear(&image);
    assert_int_equal(mask_read(&image, path, NULL, NULL), ANA_OK);
    image_clear(&image);
    text_clear(&file);
    scratch_folder_remove(&folder);
}

static void expect_failure(const void *data, size_t size, const struct image_read_options *options,
                           ana_status status, const char *in_message)
{
    struct image image;
    ana_error err = {0};
    assert_int_equal(image_read_memory(&image, data, size, "scan.bin", options, &err), status);
    assert_null(image.pixels.data);
    assert_non_null(strstr(err.message, "scan.bin"));
    if (!strstr(err.message, in_message))
        fail_msg("\"%s\" does not say \"%s\"", err.message, in_message);
    assert_int_equal(memory_in_use(), 0);
}

static void other_files_are_refused(void **state)
{
    struct image image;
    ana_error err = {0};

    (void)state;
    expect_failure("", 0, NULL, ANA_ERR_FORMAT, "empty");
    expect_failure("GIF89a", 6, NULL, ANA_ERR_FORMAT, "neither PNG nor JPEG nor TIFF");
    expect_failure("\x89PNG", 4, NULL, ANA_ERR_FORMAT, "neither");
    assert_int_equal(image_read(&image, "no such file.png", NULL, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "no such file.png"));
    assert_int_equal(image_read(&image, ".", NULL, &err), ANA_ERR_IO);
}

static void odd_tiffs_are_refused(void **state)
{
    static const struct {
        enum odd_tiff kind;
        ana_status status;
        const char *in_message;
    } cases[] = {
        {ODD_FLOAT, ANA_ERR_UNSUPPORTED, "floating-point"},
        {ODD_SIGNED, ANA_ERR_UNSUPPORTED, "signed"},
        {ODD_32_BIT, ANA_ERR_UNSUPPORTED, "32 bits"},
        {ODD_CMYK, ANA_ERR_UNSUPPORTED, "colour space"},
        {ODD_LAB, ANA_ERR_UNSUPPORTED, "colour space"},
        {ODD_TWO_PAGES, ANA_ERR_UNSUPPORTED, "several pages"},
        {ODD_BOMB, ANA_ERR_LIMIT, "--max-pixels"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text file = {0};
        encode_odd_tiff(&file, cases[i].kind);
        char *copy = malloc(file.size);
        const size_t size = file.size;
        memcpy(copy, file.data, size);
        text_clear(&file);
        expect_failure(copy, size, NULL, cases[i].status, cases[i].in_message);
        free(copy);
    }
}

static void limit_can_be_lowered_and_lifted(void **state)
{
    const struct sample *sample = &samples[3]; /* 13 x 9 */
    const struct image_read_options below = {13 * 9 - 1};
    const struct image_read_options just = {13 * 9};
    struct text file = {0};
    struct image image;

    (void)state;
    sample_encode(&file, sample);
    ana_error err = {0};
    assert_int_equal(image_read_memory(&image, file.data, file.size, "a", &below, &err),
                     ANA_ERR_LIMIT);
    assert_non_null(strstr(err.message, "the limit of 116"));
    assert_non_null(strstr(err.message, "--max-pixels"));
    assert_int_equal(image_read_memory(&image, file.data, file.size, "a", &just, &err), ANA_OK);
    image_clear(&image);
    text_clear(&file);
}

static uint32_t crc_of(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void put_big_endian(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Sizes of headers alone: nothing of the size may be allocated before it is checked. */
static void bombs_are_refused_cheaply(void **state)
{
    static const uint32_t sizes[][2] = {
        {100000, 100000}, {16385, 16384}, {1, (1U << 28) + 1}, {0x7fffffff, 0x7fffffff}};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct text file = {0};
        sample_encode(&file, &samples[3]);
        uint8_t bytes[64];
        memcpy(bytes, file.data, sizeof(bytes));
        text_clear(&file);
        put_big_endian(bytes + 16, sizes[i][0]);
        put_big_endian(bytes + 20, sizes[i][1]);
        put_big_endian(bytes + 29, crc_of(bytes + 12, 17));
        expect_failure(bytes, sizeof(bytes), NULL, ANA_ERR_LIMIT, "--max-pixels");
    }
    assert_true(memory_peak() < (size_t)16 << 20);
}

static void jpeg_bombs_are_refused_cheaply(void **state)
{
    (void)state;
    for (int i = 0; i < n_samples; i++) {
        if (samples[i].format != SAMPLE_JPEG)
            continue;
        struct text file = {0};
        sample_encode(&file, &samples[i]);
        uint8_t bytes[8192];
        const size_t size = file.size < sizeof(bytes) ? file.size : sizeof(bytes);
        memcpy(bytes, file.data, size);
        text_clear(&file);
        for (size_t at = 0; at + 9 < size; at++)
            if (bytes[at] == 0xff && (bytes[at + 1] == 0xc0 || bytes[at + 1] == 0xc2))
                memset(bytes + at + 5, 0xfe, 4); /* 65278 x 65278 */
        expect_failure(bytes, size, NULL, ANA_ERR_LIMIT, "65278 x 65278");
    }
    assert_true(memory_peak() < (size_t)16 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bombs_are_refused_cheaply),
        cmocka_unit_test(jpeg_bombs_are_refused_cheaply),
        cmocka_unit_test(every_sample_gives_its_pixels),
        cmocka_unit_test(masks_are_thresholded),
        cmocka_unit_test(content_decides_not_the_name),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(odd_tiffs_are_refused),
        cmocka_unit_test(limit_can_be_lowered_and_lifted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
