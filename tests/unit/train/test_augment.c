/* Views: what they show, and which of them are mirrored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "little_set.h"
#include "train/augment.h"

static struct little_set set;

static int set_up(void **state)
{
    (void)state;
    little_set_make(&set);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    little_set_remove(&set);
    return 0;
}

static void render(float *rgb, float *mask, int size, const struct augment *augment,
                   const struct dataset_image *image)
{
    struct augment_map *map;
    struct random random = random_at(1, 2, 3, 4);

    assert_int_equal(augment_map_create(&map, augment, size, NULL), ANA_OK);
    if (rgb)
        assert_int_equal(augment_image(rgb, map, augment, image, &random, NULL), ANA_OK);
    if (mask)
        assert_int_equal(augment_mask(mask, map, &image->targets[0], NULL), ANA_OK);
    augment_map_free(map);
}

static void identity_changes_nothing(void **state)
{
    static const int sizes[] = {512, 256, 128, 192};
    const struct dataset_image *image = &set.dataset.images[0];
    struct augment augment;

    (void)state;
    augment_identity(&augment);
    assert_false(augment.mirrored);
    for (int k = 0; k < 4; k++) {
        const int s = sizes[k];
        float *rgb = memory_alloc_array((size_t)(s * s * 3), sizeof *rgb);
        float *mask = memory_alloc_array((size_t)(s * s), sizeof *mask);
        render(rgb, mask, s, &augment, image);
        for (int i = 0; s >= 256 && i < s * s * 3; i++)
            assert_float_equal(rgb[i], (float)(s == 512 ? image->large : image->small)[i] / 255.0f,
                               1e-6f);
        assert_float_equal(mask[(s / 2) * s + s * 3 / 4], 1.0f, 1e-6f);
        assert_float_equal(mask[(s / 2) * s + s / 4], 0.0f, 1e-6f);
        memory_free(rgb);
        memory_free(mask);
    }
}

/* Every view that is called mirrored has swapped sides, and no other. */
static void mirrored_means_mirrored(void **state)
{
    enum { S = 128 };
    static float rgb[S * S * 3];
    const struct dataset_image *image = &set.dataset.images[0];
    const struct augment_policy policy = {.flip = 0.5, .aspect = 1.25};
    int n_mirrored = 0;

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        struct augment augment;
        struct random random = random_at(5, 0, i, 0);
        const enum augment_kind kind = i % 2 ? AUGMENT_GENERAL : AUGMENT_PLAIN;
        assert_true(augment_draw_view(&augment, kind, &policy, NULL, &random));
        render(rgb, NULL, S, &augment, image);
        double bright = 0, dark = 0, n_bright = 1e-9, n_dark = 1e-9;
        for (int y = S / 4; y < S * 3 / 4; y++) /* less the black beyond the picture */
            for (int x = 0; x < S; x++) {
                const double v = (double)rgb[(y * S + x) * 3] * 255;
                bright += v > 225 ? x : 0;
                n_bright += v > 225;
                dark += v > 15 && v < 25 ? x : 0;
                n_dark += v > 15 && v < 25;
            }
        assert_int_equal(augment.mirrored, bright / n_bright > dark / n_dark);
        n_mirrored += augment.mirrored;
    }
    assert_in_range(n_mirrored, 30, 70);
}

static void policy_forbids_flips(void **state)
{
    const struct augment_policy policy = {.flip = 0.0, .aspect = 1.0};

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct augment augment;
        struct random random = random_at(6, 0, i, 0);
        assert_true(augment_draw_view(&augment, AUGMENT_GENERAL, &policy, NULL, &random));
        assert_false(augment.mirrored);
        /* Upright: the view's "down" is the picture's "down". */
        assert_true(augment.source[1][1] > fabs(augment.source[1][0]));
    }
}

static void zoom_shows_the_focus(void **state)
{
    enum { S = 128 };
    static float mask[S * S];
    const struct dataset_image *image = &set.dataset.images[0];
    const struct augment_policy policy = {.flip = 0.5, .aspect = 1.25};
    double sum = 0;

    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        struct augment augment;
        struct random random = random_at(7, 0, i, 0);
        assert_true(
            augment_draw_view(&augment, AUGMENT_ZOOM, &policy, &image->targets[0], &random));
        render(NULL, mask, S, &augment, image);
        double area = 0;
        for (int k = 0; k < S * S; k++)
            area += (double)mask[k];
        assert_true(area > 0.03 * S * S);
        sum += area / (S * S);
    }
    assert_true(sum / 50 > 2.0 * image->targets[0].area / 65536.0);
}

static void away_shows_nothing_of_the_focus(void **state)
{
    enum { S = 128 };
    static float mask[S * S];
    const struct dataset_image *image = &set.dataset.images[0];
    const struct augment_policy policies[] = {{.flip = 0.5, .aspect = 1.25},
                                              {.flip = 0.5, .turns = true, .aspect = 1.25}};
    int found = 0;

    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        struct augment augment;
        struct random random = random_at(8, 0, i, 0);
        if (!augment_draw_view(&augment, AUGMENT_AWAY, &policies[i % 2], &image->targets[0],
                               &random))
            continue;
        found++;
        render(NULL, mask, S, &augment, image);
        for (int k = 0; k < S * S; k++)
            assert_float_equal(mask[k], 0.0f, 0.0f);
    }
    assert_true(found > 40);
}

static void tones_stay_in_range(void **state)
{
    enum { S = 64 };
    static float rgb[S * S * 3];

    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        struct augment augment;
        struct random random = random_at(9, 0, i, 0);
        augment_identity(&augment);
        augment_draw_tone(&augment, true, &random);
        render(rgb, NULL, S, &augment, &set.dataset.images[0]);
        for (int k = 0; k < S * S; k++) {
            assert_true(rgb[3 * k] >= 0.0f && rgb[3 * k] <= 1.0f);
            assert_float_equal(rgb[3 * k], rgb[3 * k + 1], 0.0f); /* grey stays grey */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_changes_nothing),
        cmocka_unit_test(mirrored_means_mirrored),
        cmocka_unit_test(policy_forbids_flips),
        cmocka_unit_test(zoom_shows_the_focus),
        cmocka_unit_test(away_shows_nothing_of_the_focus),
        cmocka_unit_test(tones_stay_in_range),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
