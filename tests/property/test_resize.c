/* Resizing: constants stay, identity is exact, what is enlarged without blur comes back, and a
 * mirrored image is resized to the mirrored result. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "imaging/resize.h"

/* Sums of some hundred float products of values up to 1. */
static const double tolerance = 1e-5;

enum { MAX_SIDE = 48, MAX_CHANNELS = 3, MAX_VALUES = MAX_SIDE * MAX_SIDE * MAX_CHANNELS };
enum { TRIES = 40 };

/* One way to resize float planes. */
struct way {
    const char *name;
    ana_status (*run)(float *out, int64_t h, int64_t w, const float *in,
                      const struct plane_shape *shape, const struct way *way, ana_error *err);
    int mode;
    bool flag; /* align_corners */
    bool antialias;
    bool symmetric; /* no preferred side where a place lies between two pixels */
};

static ana_status by_torch(float *out, int64_t h, int64_t w, const float *in,
                           const struct plane_shape *shape, const struct way *way, ana_error *err)
{
    const struct torch_resize how = {.mode = (enum torch_mode)way->mode,
                                     .align_corners = way->flag,
                                     .antialias = way->antialias};
    return plane_resize_torch(out, h, w, in, shape, &how, err);
}

static ana_status by_cv(float *out, int64_t h, int64_t w, const float *in,
                        const struct plane_shape *shape, const struct way *way, ana_error *err)
{
    return plane_resize_cv(out, h, w, in, shape, (enum cv_mode)way->mode, err);
}

static ana_status by_area(float *out, int64_t h, int64_t w, const float *in,
                          const struct plane_shape *shape, const struct way *way, ana_error *err)
{
    (void)way;
    return plane_resize_area(out, h, w, in, shape, err);
}

static ana_status by_pillow(float *out, int64_t h, int64_t w, const float *in,
                            const struct plane_shape *shape, const struct way *way, ana_error *err)
{
    struct image small, image;
    ana_status status =
        image_create_2d(&image, shape->height, shape->width, shape->channels, DTYPE_F32, err);
    if (status)
        return status;
    memcpy(image.pixels.data, in, tensor_bytes(&image.pixels));
    status = image_resize(&small, &image, h, w, (enum resize_filter)way->mode, err);
    if (!status)
        memcpy(out, small.pixels.data, tensor_bytes(&small.pixels));
    if (!status)
        image_clear(&small);
    image_clear(&image);
    return status;
}

static const struct way ways[] = {
    {"torch nearest", by_torch, TORCH_NEAREST, false, false, false},
    {"torch nearest exact", by_torch, TORCH_NEAREST_EXACT, false, false, false},
    {"torch bilinear", by_torch, TORCH_BILINEAR, false, false, true},
    {"torch bilinear, corners", by_torch, TORCH_BILINEAR, true, false, true},
    {"torch bilinear, antialias", by_torch, TORCH_BILINEAR, false, true, true},
    {"torch bicubic", by_torch, TORCH_BICUBIC, false, false, true},
    {"torch bicubic, antialias", by_torch, TORCH_BICUBIC, false, true, true},
    {"cv nearest", by_cv, CV_NEAREST, false, false, false},
    {"cv linear", by_cv, CV_LINEAR, false, false, true},
    {"cv cubic", by_cv, CV_CUBIC, false, false, true},
    {"area", by_area, 0, false, false, true},
    {"Pillow nearest", by_pillow, RESIZE_FILTER_NEAREST, false, false, false},
    {"Pillow box", by_pillow, RESIZE_FILTER_BOX, false, false, false},
    {"Pillow bilinear", by_pillow, RESIZE_FILTER_BILINEAR, false, false, true},
    {"Pillow bicubic", by_pillow, RESIZE_FILTER_BICUBIC, false, false, true},
    {"Pillow lanczos", by_pillow, RESIZE_FILTER_LANCZOS, false, false, true},
};
enum { N_WAYS = sizeof ways / sizeof ways[0] };

static float in[MAX_VALUES], out[MAX_VALUES], turned[MAX_VALUES], expected[MAX_VALUES];

static void resize(const struct way *way, float *to, int64_t h, int64_t w, const float *from,
                   const struct plane_shape *shape)
{
    ana_error err = {0};
    if (way->run(to, h, w, from, shape, way, &err))
        fail_msg("%s: %s", way->name, err.message);
}

static struct plane_shape draw_plane(struct random *random)
{
    const struct plane_shape shape = {1 + random_below(random, MAX_SIDE),
                                      1 + random_below(random, MAX_SIDE),
                                      random_below(random, 2) ? 3 : 1};
    for (int64_t i = 0; i < shape.height * shape.width * shape.channels; i++)
        in[i] = (float)random_uniform(random);
    return shape;
}

static void expect_close(const char *name, const char *what, const float *got, const float *wanted,
                         int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)wanted[i]) <= tolerance))
            fail_msg("%s: %s: value %lld is %.9g, expected %.9g, tolerance %g", name, what,
                     (long long)i, (double)got[i], (double)wanted[i], tolerance);
}

static void constants_stay(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < N_WAYS; k++)
        for (uint32_t t = 0; t < TRIES; t++) {
            struct random random = random_at(1, t, k, 0);
            const struct plane_shape shape = draw_plane(&random);
            const int64_t h = 1 + random_below(&random, MAX_SIDE);
            const int64_t w = 1 + random_below(&random, MAX_SIDE);
            for (int64_t i = 0; i < MAX_VALUES; i++)
                in[i] = expected[i] = 0.6875F;
            resize(&ways[k], out, h, w, in, &shape);
            expect_close(ways[k].name, "a constant", out, expected, h * w * shape.channels);
        }
}

static void the_same_size_changes_nothing(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < N_WAYS; k++)
        for (uint32_t t = 0; t < TRIES; t++) {
            struct random random = random_at(2, t, k, 0);
            const struct plane_shape shape = draw_plane(&random);
            resize(&ways[k], out, shape.height, shape.width, in, &shape);
            expect_close(ways[k].name, "the same size", out, in,
                         shape.height * shape.width * shape.channels);
        }
}

/* Every pixel repeated a whole number of times, then shrunk by it. */
static void what_is_enlarged_by_repeating_comes_back(void **state)
{
    static const struct way nearest[] = {
        {"torch nearest", by_torch, TORCH_NEAREST, false, false, false},
        {"torch nearest exact", by_torch, TORCH_NEAREST_EXACT, false, false, false},
        {"cv nearest", by_cv, CV_NEAREST, false, false, false},
        {"Pillow nearest", by_pillow, RESIZE_FILTER_NEAREST, false, false, false}};
    (void)state;
    for (uint32_t t = 0; t < TRIES; t++)
        for (uint32_t k = 0; k < 4; k++) {
            struct random random = random_at(3, t, k, 0);
            struct plane_shape shape = draw_plane(&random);
            shape.height = 1 + shape.height % 12;
            shape.width = 1 + shape.width % 12;
            const struct plane_shape large = {shape.height * (1 + random_below(&random, 4)),
                                              shape.width * (1 + random_below(&random, 4)),
                                              shape.channels};
            const int64_t n = shape.height * shape.width * shape.channels;
            ana_error err;
            resize(&nearest[k], turned, large.height, large.width, in, &shape);
            resize(&nearest[k], out, shape.height, shape.width, turned, &large);
            assert_memory_equal(out, in, (size_t)n * sizeof *out);
            assert_int_equal(
                plane_resize_area(out, shape.height, shape.width, turned, &large, &err), ANA_OK);
            expect_close("area", "back from a repeated image", out, in, n);
        }
}

static void flip_rows(float *to, const float *from, int64_t h, int64_t w, int64_t c)
{
    for (int64_t y = 0; y < h; y++)
        memcpy(to + (h - 1 - y) * w * c, from + y * w * c, (size_t)(w * c) * sizeof *to);
}

static void flip_columns(float *to, const float *from, int64_t h, int64_t w, int64_t c)
{
    for (int64_t i = 0; i < h * w; i++)
        memcpy(to + (i / w * w + w - 1 - i % w) * c, from + i * c, (size_t)c * sizeof *to);
}

static void flips_commute(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < N_WAYS; k++)
        for (uint32_t t = 0; ways[k].symmetric && t < 2 * TRIES; t++) {
            void (*const flip)(float *, const float *, int64_t, int64_t, int64_t) =
                t % 2 ? flip_rows : flip_columns;
            struct random random = random_at(4, t, k, 0);
            const struct plane_shape shape = draw_plane(&random);
            const int64_t h = 1 + random_below(&random, MAX_SIDE);
            const int64_t w = 1 + random_below(&random, MAX_SIDE);
            flip(turned, in, shape.height, shape.width, shape.channels);
            resize(&ways[k], out, h, w, turned, &shape);
            resize(&ways[k], turned, h, w, in, &shape);
            flip(expected, turned, h, w, shape.channels);
            expect_close(ways[k].name, t % 2 ? "upside down" : "mirrored", out, expected,
                         h * w * shape.channels);
        }
}

/* Shrinking by the covered area keeps the mean, whatever the ratio. */
static void area_keeps_the_mean(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < 4 * TRIES; t++) {
        struct random random = random_at(5, t, 0, 0);
        const struct plane_shape shape = draw_plane(&random);
        const int64_t h = 1 + random_below(&random, shape.height);
        const int64_t w = 1 + random_below(&random, shape.width);
        double before = 0, after = 0;
        ana_error err;
        assert_int_equal(plane_resize_area(out, h, w, in, &shape, &err), ANA_OK);
        for (int64_t i = 0; i < shape.height * shape.width * shape.channels; i++)
            before += (double)in[i] / (double)(shape.height * shape.width);
        for (int64_t i = 0; i < h * w * shape.channels; i++)
            after += (double)out[i] / (double)(h * w);
        if (!(fabs(before - after) <= tolerance))
            fail_msg("mean %.9g, expected %.9g", after, before);
    }
}

/* Linear ways never leave the range of what they mix. */
static void linear_ways_keep_the_range(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < N_WAYS; k++)
        for (uint32_t t = 0;
             t < TRIES && !strstr(ways[k].name, "cubic") && !strstr(ways[k].name, "lanczos"); t++) {
            struct random random = random_at(6, t, k, 0);
            const struct plane_shape shape = draw_plane(&random);
            const int64_t h = 1 + random_below(&random, MAX_SIDE);
            const int64_t w = 1 + random_below(&random, MAX_SIDE);
            resize(&ways[k], out, h, w, in, &shape);
            for (int64_t i = 0; i < h * w * shape.channels; i++)
                if (!((double)out[i] >= -tolerance && (double)out[i] <= 1 + tolerance))
                    fail_msg("%s: value %.9g of an image within 0 and 1", ways[k].name,
                             (double)out[i]);
        }
}

static void long_and_short_sides_are_met(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < 2000; t++) {
        struct random random = random_at(7, t, 0, 0);
        const int64_t h = 1 + random_below(&random, 3000), w = 1 + random_below(&random, 3000);
        const int64_t side = 1 + random_below(&random, 1200);
        int64_t a, b;
        resize_longest_side(&a, &b, h, w, side);
        assert_int_equal(a > b ? a : b, side);
        assert_true(a >= 1 && b >= 1);
        resize_shortest_side(&a, &b, h, w, side);
        assert_int_equal(a < b ? a : b, side);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_stay),
        cmocka_unit_test(the_same_size_changes_nothing),
        cmocka_unit_test(what_is_enlarged_by_repeating_comes_back),
        cmocka_unit_test(flips_commute),
        cmocka_unit_test(area_keeps_the_mean),
        cmocka_unit_test(linear_ways_keep_the_range),
        cmocka_unit_test(long_and_short_sides_are_met),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
