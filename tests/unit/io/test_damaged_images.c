/* Damaged files of every kind: cut off at every byte, one byte changed, memory that runs out. There
 * must be a status, no leak, and (under the sanitizers) no invalid access. */
#include "io/image_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../base/failing_memory.h"
#include "base/memory.h"
#include "base/random.h"
#include "sample_images.h"

/* Per sample, so that each format sees more than 2000. */
enum { CORRUPTIONS = 250, ROUNDS_OF_FAULTS = 60 };

/* Damaged sizes may be anything; large images only cost time here. */
static const struct image_read_options small = {1 << 16};

/* The bytes in a block of their own size, so that a sanitizer sees the first one too many. */
static uint8_t *encode_exactly(const struct sample *sample, size_t *size)
{
    struct text file = {0};
    sample_encode(&file, sample);
    uint8_t *bytes = malloc(file.size);
    memcpy(bytes, file.data, file.size);
    *size = file.size;
    text_clear(&file);
    return bytes;
}

static ana_status read_once(const uint8_t *data, size_t size, ana_error *err)
{
    struct image image;
    const ana_status status = image_read_memory(&image, data, size, "file", &small, err);
    if (status && (image.pixels.data || !err->message[0]))
        fail_msg("a failure with an image or without a story");
    image_clear(&image);
    if (memory_in_use() != 0)
        fail_msg("%zu bytes are still in use", memory_in_use());
    return status;
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    for (int i = 0; i < n_samples; i++) {
        size_t size;
        uint8_t *bytes = encode_exactly(&samples[i], &size);
        for (size_t kept = 0; kept < size; kept++) {
            uint8_t *cut = malloc(kept ? kept : 1);
            ana_error err = {0};
            memcpy(cut, bytes, kept);
            if (read_once(cut, kept, &err) == ANA_OK)
                fail_msg("%s: %zu of %zu bytes pass for a whole image", samples[i].name, kept,
                         size);
            free(cut);
        }
        free(bytes);
    }
}

static void corruption_gives_a_status(void **state)
{
    int n_errors[3] = {0};
    (void)state;
    for (int i = 0; i < n_samples; i++) {
        size_t size;
        uint8_t *bytes = encode_exactly(&samples[i], &size);
        for (uint64_t step = 0; step < CORRUPTIONS; step++) {
            struct random random = random_at(20, step, (uint32_t)i, 0);
            ana_error err = {0};
            const int64_t at = random_below(&random, (int64_t)size);
            const uint8_t before = bytes[at];
            bytes[at] = (uint8_t)(before ^ (1 + random_below(&random, 255)));
            n_errors[samples[i].format] += read_once(bytes, size, &err) != ANA_OK;
            bytes[at] = before;
        }
        free(bytes);
    }
    for (int format = 0; format < 3; format++)
        assert_true(n_errors[format] > CORRUPTIONS);
    print_message("errors: %d PNG, %d JPEG, %d TIFF\n", n_errors[0], n_errors[1], n_errors[2]);
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < n_samples; i++) {
        size_t size;
        uint8_t *bytes = encode_exactly(&samples[i], &size);
        for (int n = 1; n < ROUNDS_OF_FAULTS; n++) {
            struct image image;
            ana_error err = {0};
            failing_memory_start(n);
            const ana_status status = mask_read_memory(&image, bytes, size, "file", &small, &err);
            image_clear(&image);
            const int live = failing_memory_live();
            const int reached = failing_memory_stop();
            assert_int_equal(live, 0);
            if (reached ? status == ANA_OK : status != ANA_OK)
                fail_msg("%s: allocation %d fails, and the status is %d", samples[i].name, n,
                         status);
            if (!reached)
                break;
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(corruption_gives_a_status),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
