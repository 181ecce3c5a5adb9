/* Prompt maps against values worked out by hand. The picture has 64 pixels a side, so that a click
 * has a standard deviation of one pixel. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "models/mini/maps.h"
#include "models/mini/network.h"

enum { S = 64 };

/* Values are rounded to float once or twice. */
static const double tolerance = 1e-6;

static float maps[S * S * MINI_MAPS];

static int clear_maps(void **state)
{
    (void)state;
    memset(maps, 0, sizeof maps);
    return 0;
}

static double at(int channel, int x, int y)
{
    return (double)maps[(y * S + x) * MINI_MAPS + channel];
}

static void expect_at(int channel, int x, int y, double expected)
{
    if (!(fabs(at(channel, x, y) - expected) <= tolerance))
        fail_msg("channel %d at (%d, %d) is %.9g, expected %.9g, tolerance %g", channel, x, y,
                 at(channel, x, y), expected, tolerance);
}

static double sum_of(int channel)
{
    double sum = 0;
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++)
            sum += at(channel, x, y);
    return sum;
}

static void expect_empty(int channel)
{
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++)
            expect_at(channel, x, y, 0);
}

/* ---- boxes ---- */

static void a_box_of_whole_pixels_is_half_open(void **state)
{
    (void)state;
    map_draw_box(maps, S, 2, 3, 5, 7);
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++)
            expect_at(MAP_BOX, x, y, x >= 2 && x < 5 && y >= 3 && y < 7 ? 1 : 0);
    expect_empty(MAP_POSITIVE);
    expect_empty(MAP_NEGATIVE);
}

static void the_rim_of_a_box_is_its_covered_share(void **state)
{
    (void)state;
    map_draw_box(maps, S, 1.5, 2.75, 4.25, 4);
    static const double across[] = {0, 0.5, 1, 1, 0.25, 0}, down[] = {0, 0, 0.25, 1, 0, 0};
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 6; x++)
            expect_at(MAP_BOX, x, y, across[x] * down[y]);
    assert_true(fabs(sum_of(MAP_BOX) - 2.75 * 1.25) <= 1e-5);
}

static void a_box_inside_one_pixel_is_its_area(void **state)
{
    (void)state;
    map_draw_box(maps, S, 7.25, 9.5, 7.5, 9.75);
    expect_at(MAP_BOX, 7, 9, 0.0625);
    assert_true(fabs(sum_of(MAP_BOX) - 0.0625) <= tolerance);
}

static void a_box_is_clipped_at_the_borders(void **state)
{
    (void)state;
    map_draw_box(maps, S, -10, -10, 1.5, 1);
    map_draw_box(maps, S, 62.5, 63, 1e9, 1e9);
    expect_at(MAP_BOX, 0, 0, 1);
    expect_at(MAP_BOX, 1, 0, 0.5);
    expect_at(MAP_BOX, 62, 63, 0.5);
    expect_at(MAP_BOX, 63, 63, 1);
    assert_true(fabs(sum_of(MAP_BOX) - 3) <= tolerance);
}

static void boxes_outside_or_turned_round_draw_nothing(void **state)
{
    (void)state;
    map_draw_box(maps, S, 64, 0, 80, 64);
    map_draw_box(maps, S, 0, -5, 64, 0);
    map_draw_box(maps, S, 10, 10, 10, 20);
    map_draw_box(maps, S, 20, 20, 10, 10);
    expect_empty(MAP_BOX);
}

static void two_boxes_make_their_union(void **state)
{
    (void)state;
    map_draw_box(maps, S, 0, 0, 2.5, 1);
    map_draw_box(maps, S, 2.25, 0, 4, 1);
    expect_at(MAP_BOX, 1, 0, 1);
    expect_at(MAP_BOX, 2, 0, 0.75); /* the larger share, not the sum */
    expect_at(MAP_BOX, 3, 0, 1);
    map_draw_box(maps, S, 0, 0, 4, 1);
    expect_at(MAP_BOX, 2, 0, 1);
}

/* ---- clicks ---- */

static void a_click_peaks_at_its_pixel(void **state)
{
    (void)state;
    map_draw_click(maps, S, MAP_POSITIVE, 10, 20);
    expect_at(MAP_POSITIVE, 10, 20, 1);
    expect_at(MAP_POSITIVE, 11, 20, 0.60653065971); /* exp(-1/2) */
    expect_at(MAP_POSITIVE, 10, 19, 0.60653065971);
    expect_at(MAP_POSITIVE, 9, 21, 0.36787944117);  /* exp(-1) */
    expect_at(MAP_POSITIVE, 12, 20, 0.13533528324); /* exp(-2) */
    expect_at(MAP_POSITIVE, 14, 20, 3.3546262790e-4);
    expect_at(MAP_POSITIVE, 15, 20, 0); /* beyond four standard deviations */
    expect_empty(MAP_NEGATIVE);
    expect_empty(MAP_BOX);
}

static void a_click_between_pixels_is_shared(void **state)
{
    (void)state;
    map_draw_click(maps, S, MAP_NEGATIVE, 30.5, 31);
    expect_at(MAP_NEGATIVE, 30, 31, 0.88249690258); /* exp(-1/8) */
    expect_at(MAP_NEGATIVE, 31, 31, 0.88249690258);
    expect_empty(MAP_POSITIVE);
}

static void clicks_are_clipped_at_the_borders(void **state)
{
    (void)state;
    map_draw_click(maps, S, MAP_POSITIVE, 0, 0);
    map_draw_click(maps, S, MAP_POSITIVE, S - 1, S - 1);
    map_draw_click(maps, S, MAP_POSITIVE, -0.5, S - 0.5); /* the outermost corner of a pixel */
    expect_at(MAP_POSITIVE, 0, 0, 1);
    expect_at(MAP_POSITIVE, S - 1, S - 1, 1);
    expect_at(MAP_POSITIVE, 0, S - 1, 0.77880078307); /* exp(-1/4) */
    expect_at(MAP_POSITIVE, S - 1, 0, 0);
    expect_at(MAP_POSITIVE, S - 1, 1, 0); /* rows do not run into each other */
}

static void a_click_far_outside_draws_nothing(void **state)
{
    (void)state;
    map_draw_click(maps, S, MAP_POSITIVE, -50, 10);
    map_draw_click(maps, S, MAP_POSITIVE, 10, 1000);
    expect_empty(MAP_POSITIVE);
}

static void clicks_combine_by_the_maximum(void **state)
{
    (void)state;
    map_draw_click(maps, S, MAP_POSITIVE, 10, 10);
    map_draw_click(maps, S, MAP_POSITIVE, 12, 10);
    map_draw_click(maps, S, MAP_POSITIVE, 12, 10);
    expect_at(MAP_POSITIVE, 10, 10, 1);
    expect_at(MAP_POSITIVE, 11, 10, 0.60653065971);
    expect_at(MAP_POSITIVE, 12, 10, 1);
}

static void a_click_is_as_wide_as_the_map_is_large(void **state)
{
    static float large[4 * S * S * MINI_MAPS];
    (void)state;
    map_draw_click(large, 2 * S, MAP_POSITIVE, 64, 64); /* standard deviation 2 */
    const double beside = (double)large[(64 * 2 * S + 66) * MINI_MAPS + MAP_POSITIVE];
    assert_true(fabs(beside - 0.60653065971) <= tolerance);
}

#define TEST(name) cmocka_unit_test_setup(name, clear_maps)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_box_of_whole_pixels_is_half_open),
        TEST(the_rim_of_a_box_is_its_covered_share),
        TEST(a_box_inside_one_pixel_is_its_area),
        TEST(a_box_is_clipped_at_the_borders),
        TEST(boxes_outside_or_turned_round_draw_nothing),
        TEST(two_boxes_make_their_union),
        TEST(a_click_peaks_at_its_pixel),
        TEST(a_click_between_pixels_is_shared),
        TEST(clicks_are_clipped_at_the_borders),
        TEST(a_click_far_outside_draws_nothing),
        TEST(clicks_combine_by_the_maximum),
        TEST(a_click_is_as_wide_as_the_map_is_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
