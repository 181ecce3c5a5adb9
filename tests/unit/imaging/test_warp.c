/* Affine and elastic sampling, blur, and the same bytes for any pool. */
#include "imaging/warp.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "helpers.h"

enum { H = 37, W = 29, C = 3, N = H * W * C };

static struct warp plain_warp(void)
{
    return (struct warp){
        .source_from_target = affine_identity(), .border = WARP_REPLICATE, .supersample = 1};
}

static void test_identity_copies(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_U8, DTYPE_U16, DTYPE_F32};
    for (int t = 0; t < 3; t++)
        for (int64_t c = 1; c <= 4; c++) {
            struct image in = random_image(H, W, c, types[t], 1);
            float out[H * W * 4], want[H * W * 4];
            const struct warp warp = plain_warp();
            assert_int_equal(warp_image(out, H, W, &in, &warp, NULL, NULL), ANA_OK);
            elements_to_f32(want, in.pixels.data, types[t], H * W * c);
            assert_memory_equal(out, want, (size_t)(H * W * c) * sizeof *out);
            image_clear(&in);
        }
}

static void test_shift_and_borders(void **state)
{
    (void)state;
    struct image in = random_image(H, W, C, DTYPE_U8, 2);
    const uint8_t *pixels = in.pixels.data;
    float out[N];
    struct warp warp = plain_warp();
    warp.source_from_target.m[0][2] = 3; /* x' = x + 3 */
    warp.source_from_target.m[1][2] = -2;
    for (int border = 0; border < 2; border++) {
        warp.border = border ? WARP_ZERO : WARP_REPLICATE;
        assert_int_equal(warp_image(out, H, W, &in, &warp, NULL, NULL), ANA_OK);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                const int u = x + 3, v = y - 2, outside = u >= W || v < 0;
                const int cu = u >= W ? W - 1 : u, cv = v < 0 ? 0 : v;
                for (int c = 0; c < C; c++)
                    assert_near((double)out[(y * W + x) * C + c],
                                outside && border ? 0 : pixels[(cv * W + cu) * C + c], 0);
            }
    }
    image_clear(&in);
}

/* Bilinear sampling reproduces a ramp under any affine map, supersampled or not. */
static void test_ramp_under_affine(void **state)
{
    (void)state;
    struct image in = random_image(H, W, 1, DTYPE_F32, 1);
    float out[20 * 20];
    for (int i = 0; i < H * W; i++)
        tensor_f32(&in.pixels)[i] = (float)(2 * (i % W) - 3 * (i / W));
    struct warp warp = plain_warp();
    warp.source_from_target = (struct affine){{{0.6, -0.3, 8}, {0.2, 0.9, 6.5}}};
    for (warp.supersample = 1; warp.supersample <= 3; warp.supersample++) {
        assert_int_equal(warp_image(out, 20, 20, &in, &warp, NULL, NULL), ANA_OK);
        for (int y = 0; y < 20; y++)
            for (int x = 0; x < 20; x++)
                assert_near((double)out[y * 20 + x],
                            2 * (0.6 * x - 0.3 * y + 8) - 3 * (0.2 * x + 0.9 * y + 6.5), 1e-3);
    }
    image_clear(&in);
}

/* Shrinking by 4 with the samples chosen by the map: blocks of 4x4 are averaged. */
static void test_shrinking_averages(void **state)
{
    (void)state;
    struct image in = random_image(32, 32, 1, DTYPE_U8, 5);
    float out[64];
    struct warp warp = plain_warp();
    warp.supersample = 0;
    warp.source_from_target = (struct affine){{{4, 0, 1.5}, {0, 4, 1.5}}};
    assert_int_equal(warp_image(out, 8, 8, &in, &warp, NULL, NULL), ANA_OK);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            double sum = 0;
            for (int i = 0; i < 16; i++)
                sum += ((uint8_t *)in.pixels.data)[(y * 4 + i / 4) * 32 + x * 4 + i % 4];
            assert_near((double)out[y * 8 + x], sum / 16, 1e-3);
        }
    image_clear(&in);
}

static void test_displacement(void **state)
{
    (void)state;
    struct image in = random_image(H, W, 1, DTYPE_F32, 1);
    float out[H * W];
    for (int i = 0; i < H * W; i++)
        tensor_f32(&in.pixels)[i] = (float)(i % W) + 100 * (float)(i / W);
    /* dx grows from 0 at the left to 2 at the right, dy is 1 everywhere. */
    const float grid[2 * 2 * 2] = {0, 1, 2, 1, 0, 1, 2, 1};
    struct warp warp = plain_warp();
    warp.displacement = grid;
    warp.grid_height = warp.grid_width = 2;
    assert_int_equal(warp_image(out, H, W, &in, &warp, NULL, NULL), ANA_OK);
    for (int y = 0; y + 1 < H; y++)
        for (int x = 0; x + 2 < W; x++)
            assert_near((double)out[y * W + x], x + 2.0 * x / (W - 1) + 100 * (y + 1), 1e-2);
    image_clear(&in);
}

static void test_masks_stay_masks(void **state)
{
    (void)state;
    uint8_t *mask = random_mask(H * W, 0.5, 1), out[H * W];
    for (int i = 0; i < H * W; i++)
        mask[i] = mask[i] ? 77 : 0;
    struct warp warp = plain_warp();
    warp_mask(out, H, W, mask, H, W, &warp, NULL);
    assert_memory_equal(out, mask, sizeof out);

    /* A quarter turn: (x, y) comes from (y, x). */
    uint8_t turned[W * H];
    warp.source_from_target = (struct affine){{{0, 1, 0}, {1, 0, 0}}};
    warp_mask(turned, W, H, mask, H, W, &warp, NULL);
    for (int y = 0; y < W; y++)
        for (int x = 0; x < H; x++)
            assert_int_equal(turned[y * H + x], mask[x * W + y]);

    warp.source_from_target = (struct affine){{{1, 0, 1e30}, {0, 1, 0}}};
    warp.border = WARP_ZERO;
    warp_mask(out, H, W, mask, H, W, &warp, NULL);
    for (int i = 0; i < H * W; i++)
        assert_int_equal(out[i], 0);
    memory_free(mask);
}

/* An image and its mask move together. */
static void test_mask_and_nearest_image_agree(void **state)
{
    (void)state;
    struct image in = random_image(H, W, 1, DTYPE_U8, 3);
    float out[H * W];
    uint8_t mask[H * W];
    struct warp warp = plain_warp();
    warp.nearest = true;
    warp.source_from_target = (struct affine){{{0.8, 0.3, -2}, {-0.4, 1.1, 5}}};
    for (int border = 0; border < 2; border++) {
        warp.border = border ? WARP_ZERO : WARP_REPLICATE;
        assert_int_equal(warp_image(out, H, W, &in, &warp, NULL, NULL), ANA_OK);
        warp_mask(mask, H, W, in.pixels.data, H, W, &warp, NULL);
        for (int i = 0; i < H * W; i++)
            assert_near((double)out[i], mask[i], 0);
    }
    image_clear(&in);
}

static void test_affine_algebra(void **state)
{
    (void)state;
    const struct affine a = {{{1.2, -0.4, 7}, {0.3, 0.9, -2}}};
    struct affine inverse;
    assert_true(affine_inverse(&inverse, &a));
    const struct affine one = affine_product(&a, &inverse), identity = affine_identity();
    for (int i = 0; i < 6; i++)
        assert_near(one.m[i / 3][i % 3], identity.m[i / 3][i % 3], 1e-12);
    const struct affine shift = {{{1, 0, 5}, {0, 1, 0}}}, twice = {{{2, 0, 0}, {0, 2, 0}}};
    assert_near(affine_product(&twice, &shift).m[0][2], 10, 0); /* shift first */
    const struct affine flat = {{{1, 2, 0}, {2, 4, 0}}};
    assert_false(affine_inverse(&inverse, &flat));
}

static void test_blur(void **state)
{
    (void)state;
    float plane[H * W] = {0};
    plane[18 * W + 14] = 1;
    assert_int_equal(blur_gaussian(plane, H, W, 1, 1.5, NULL, NULL), ANA_OK);
    double sum = 0, variance = 0;
    for (int i = 0; i < H * W; i++) {
        sum += (double)plane[i];
        variance += (double)plane[i] * (i % W - 14) * (i % W - 14);
    }
    assert_near(sum, 1, 1e-5);
    assert_near(variance, 1.5 * 1.5, 0.1); /* cut at 3 sigma */
    assert_near((double)plane[18 * W + 12], (double)plane[16 * W + 14], 1e-7);

    float flat[H * W];
    for (int i = 0; i < H * W; i++)
        flat[i] = 0.7F;
    assert_int_equal(blur_gaussian(flat, H, W, 1, 500, NULL, NULL), ANA_OK);
    for (int i = 0; i < H * W; i++)
        assert_near((double)flat[i], 0.7, 1e-5);
    assert_int_equal(blur_gaussian(flat, H, W, 1, 0, NULL, NULL), ANA_OK);
}

static void test_same_bytes_for_any_pool(void **state)
{
    (void)state;
    struct image in = random_image(H, W, C, DTYPE_U8, 8);
    float first[N], out[N];
    const float grid[3 * 3 * 2] = {1, -2, 0.5F, 3, 0, 0, 2, 2, -1, 0.3F, 1, 1, 0, 2, -3, 1, 0, 0};
    struct warp warp = plain_warp();
    warp.source_from_target = (struct affine){{{1.8, 0.3, -2}, {-0.4, 1.1, 5}}};
    warp.displacement = grid;
    warp.grid_height = warp.grid_width = 3;
    warp.supersample = 0;
    for (int threads = 1; threads <= 4; threads++) {
        struct pool *pool;
        assert_int_equal(pool_create(&pool, threads, NULL), ANA_OK);
        assert_int_equal(warp_image(out, H, W, &in, &warp, pool, NULL), ANA_OK);
        assert_int_equal(blur_gaussian(out, H, W, C, 1.2, pool, NULL), ANA_OK);
        if (threads == 1)
            memcpy(first, out, sizeof first);
        assert_memory_equal(out, first, sizeof first);
        pool_free(pool);
    }
    image_clear(&in);
}

static void test_labels_are_refused(void **state)
{
    (void)state;
    struct image labels;
    float out[4];
    ana_error err;
    const struct warp warp = plain_warp();
    assert_int_equal(image_create_2d(&labels, 2, 2, 1, DTYPE_I32, NULL), ANA_OK);
    assert_int_equal(warp_image(out, 2, 2, &labels, &warp, NULL, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "I32"));
    image_clear(&labels);
}

static ana_status blur_once(void *context, ana_error *err)
{
    return blur_gaussian(context, H, W, 1, 1, NULL, err);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    float plane[H * W] = {0};
    check_allocation_failures(blur_once, plane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_copies),
        cmocka_unit_test(test_shift_and_borders),
        cmocka_unit_test(test_ramp_under_affine),
        cmocka_unit_test(test_shrinking_averages),
        cmocka_unit_test(test_displacement),
        cmocka_unit_test(test_masks_stay_masks),
        cmocka_unit_test(test_mask_and_nearest_image_agree),
        cmocka_unit_test(test_affine_algebra),
        cmocka_unit_test(test_blur),
        cmocka_unit_test(test_same_bytes_for_any_pool),
        cmocka_unit_test(test_labels_are_refused),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
