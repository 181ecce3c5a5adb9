/* Agreement of masks: the same both ways round and in a mirror, perfect with itself, and Dice and
 * IoU say one thing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "imaging/metrics.h"

/* Sums in double over at most some thousand surface elements. */
static const double tolerance = 1e-9;

enum { SIDE = 28, N = SIDE * SIDE, TRIES = 60 };

static uint8_t a[N], b[N], flipped_a[N], flipped_b[N];
static const struct grid grid = {.depth = 1, .height = SIDE, .width = SIDE, .spacing = {1, 1, 1}};

/* A few discs; now and then none. */
static void draw_mask(uint8_t *mask, struct random *random)
{
    memset(mask, 0, N);
    for (int64_t k = random_below(random, 4); k > 0; k--) {
        const double x = random_between(random, 0, SIDE), y = random_between(random, 0, SIDE);
        const double r = random_between(random, 0.5, SIDE / 3.0);
        for (int i = 0; i < N; i++) {
            const double dx = i % SIDE - x, dy = i / SIDE - y;
            if (dx * dx + dy * dy <= r * r)
                mask[i] = 1;
        }
    }
}

static void draw_masks(uint32_t t)
{
    struct random random = random_at(11, t, 0, 0);
    draw_mask(a, &random);
    draw_mask(b, &random);
}

static void mirror(uint8_t *to, const uint8_t *from)
{
    for (int i = 0; i < N; i++)
        to[i / SIDE * SIDE + SIDE - 1 - i % SIDE] = from[i];
}

/* Equal, both undefined, or both infinite. */
static bool same(double x, double y)
{
    return (isnan(x) && isnan(y)) || (isinf(x) && isinf(y)) || fabs(x - y) <= tolerance;
}

static void expect_same(const char *what, uint32_t t, double got, double expected)
{
    if (!same(got, expected))
        fail_msg("%s of pair %u is %.17g, expected %.17g, tolerance %g", what, (unsigned)t, got,
                 expected, tolerance);
}

/* Everything there is to say about a pair. */
enum { N_VALUES = 12 };
static const char *const value_names[N_VALUES] = {
    "Dice (clip)",  "Dice (vlsm)", "Dice (medlam)", "IoU (clip)", "IoU (vlsm)", "element NSD",
    "element HD95", "element HD",  "pixel NSD",     "pixel HD95", "pixel HD",   "pixel ASSD"};

static void measure(double out[N_VALUES], const uint8_t *truth, const uint8_t *prediction)
{
    const struct confusion c = confusion_count(truth, prediction, N);
    struct surface_pair elements, pixels;
    ana_error err = {0};
    if (surface_element_open(&elements, truth, prediction, &grid, &err) ||
        boundary_pixel_open(&pixels, truth, prediction, &grid, &err))
        fail_msg("%s", err.message);
    const double values[N_VALUES] = {
        metric_dice(&c, EMPTY_CLIP),         metric_dice(&c, EMPTY_VLSM),
        metric_dice(&c, EMPTY_MEDLAM),       metric_iou(&c, EMPTY_CLIP),
        metric_iou(&c, EMPTY_VLSM),          surface_element_nsd(&elements, 2),
        surface_element_hd(&elements, 95),   surface_element_hd(&elements, 100),
        boundary_pixel_nsd(&pixels, 2),      boundary_pixel_hd_max(&pixels, 95),
        boundary_pixel_hd_max(&pixels, 100), boundary_pixel_assd(&pixels)};
    memcpy(out, values, sizeof values);
    surface_pair_clear(&elements);
    surface_pair_clear(&pixels);
}

static void truth_and_prediction_may_change_places(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < TRIES; t++) {
        double one[N_VALUES], other[N_VALUES];
        draw_masks(t);
        measure(one, a, b);
        measure(other, b, a);
        for (int i = 0; i < N_VALUES; i++)
            expect_same(value_names[i], t, other[i], one[i]);
    }
}

static void mirrored_masks_agree_as_well(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < TRIES; t++) {
        double one[N_VALUES], other[N_VALUES];
        draw_masks(t);
        mirror(flipped_a, a);
        mirror(flipped_b, b);
        measure(one, a, b);
        measure(other, flipped_a, flipped_b);
        for (int i = 0; i < N_VALUES; i++)
            expect_same(value_names[i], t, other[i], one[i]);
    }
}

static void a_mask_agrees_with_itself(void **state)
{
    static const double perfect[N_VALUES] = {1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0};
    (void)state;
    for (uint32_t t = 0; t < TRIES; t++) {
        double values[N_VALUES];
        draw_masks(t);
        a[N / 2 + SIDE / 2] = 1; /* never empty */
        measure(values, a, a);
        for (int i = 0; i < N_VALUES; i++)
            expect_same(value_names[i], t, values[i], perfect[i]);
    }
}

static void dice_and_iou_say_one_thing(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < TRIES; t++) {
        draw_masks(t);
        a[0] = 1;
        const struct confusion c = confusion_count(a, b, N);
        const double dice = metric_dice(&c, EMPTY_VLSM), iou = metric_iou(&c, EMPTY_VLSM);
        expect_same("Dice", t, dice, 2 * iou / (1 + iou));
        assert_true(iou <= dice && dice <= 1 && iou >= 0);
        assert_int_equal(c.tp + c.fp + c.fn + c.tn, N);
    }
}

/* More tolerance never makes two surfaces agree less. */
static void nsd_grows_with_the_tolerance(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < TRIES; t++) {
        struct surface_pair elements, pixels;
        ana_error err;
        draw_masks(t);
        a[N / 2] = b[N / 3] = 1;
        assert_int_equal(surface_element_open(&elements, a, b, &grid, &err), ANA_OK);
        assert_int_equal(boundary_pixel_open(&pixels, a, b, &grid, &err), ANA_OK);
        for (double d = 0; d < 40; d += 0.5) {
            assert_true(surface_element_nsd(&elements, d) <=
                        surface_element_nsd(&elements, d + 0.5) + tolerance);
            assert_true(boundary_pixel_nsd(&pixels, d) <=
                        boundary_pixel_nsd(&pixels, d + 0.5) + tolerance);
        }
        expect_same("NSD at 40", t, boundary_pixel_nsd(&pixels, 40), 1);
        surface_pair_clear(&elements);
        surface_pair_clear(&pixels);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_and_prediction_may_change_places),
        cmocka_unit_test(mirrored_masks_agree_as_well),
        cmocka_unit_test(a_mask_agrees_with_itself),
        cmocka_unit_test(dice_and_iou_say_one_thing),
        cmocka_unit_test(nsd_grows_with_the_tolerance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
