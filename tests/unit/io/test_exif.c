/* exif_orientation(): both byte orders, and blocks that lie about themselves. */
#include "io/codec_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "sample_encoders.h"

static void both_byte_orders(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++)
        for (int orientation = 1; orientation <= 8; orientation++) {
            uint8_t block[6 + EXIF_BYTES] = "Exif\0";
            make_exif(block + 6, orientation, big);
            assert_int_equal(exif_orientation(block, sizeof(block)), orientation);
            assert_int_equal(exif_orientation(block + 6, EXIF_BYTES), orientation);
        }
}

static void nonsense_is_upright(void **state)
{
    uint8_t block[EXIF_BYTES];
    (void)state;
    make_exif(block, 9, false);
    assert_int_equal(exif_orientation(block, sizeof(block)), 1);
    make_exif(block, 0, false);
    assert_int_equal(exif_orientation(block, sizeof(block)), 1);
    make_exif(block, 6, false);
    block[12] = 4; /* not a SHORT */
    assert_int_equal(exif_orientation(block, sizeof(block)), 1);
    make_exif(block, 6, false);
    memset(block + 4, 0xff, 4); /* the directory lies outside */
    assert_int_equal(exif_orientation(block, sizeof(block)), 1);
    assert_int_equal(exif_orientation((const uint8_t *)"", 0), 1);
}

/* In a block of its own size, so that a sanitizer sees a step outside. */
static int orientation_of_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    const int orientation = exif_orientation(copy, size);
    free(copy);
    return orientation;
}

static void damage_stays_inside(void **state)
{
    uint8_t block[EXIF_BYTES];
    (void)state;
    make_exif(block, 6, true);
    for (size_t size = 0; size < 20; size++)
        assert_int_equal(orientation_of_copy(block, size), 1);
    for (uint64_t step = 0; step < 2000; step++) {
        struct random random = random_at(1, step, 0, 0);
        make_exif(block, 6, step & 1);
        for (int i = 0; i < 2; i++)
            block[random_below(&random, EXIF_BYTES)] = (uint8_t)random_u32(&random);
        const int orientation = orientation_of_copy(block, EXIF_BYTES);
        assert_in_range(orientation, 1, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders),
        cmocka_unit_test(nonsense_is_upright),
        cmocka_unit_test(damage_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
