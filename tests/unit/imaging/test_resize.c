/* Properties of resizing; the exact values are in golden.clip.preprocess and golden.sam.ops. */
#include "imaging/resize.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "helpers.h"

static const enum resize_filter filters[] = {RESIZE_FILTER_NEAREST, RESIZE_FILTER_BOX,
                                             RESIZE_FILTER_BILINEAR, RESIZE_FILTER_BICUBIC,
                                             RESIZE_FILTER_LANCZOS};
static const enum dtype types[] = {DTYPE_U8, DTYPE_U16, DTYPE_F32};
enum { N_FILTERS = 5, N_TYPES = 3 };

static void test_same_size_is_the_same_image(void **state)
{
    (void)state;
    for (int t = 0; t < N_TYPES; t++)
        for (int f = 0; f < N_FILTERS; f++) {
            struct image in = random_image(13, 17, 3, types[t], 1), out;
            assert_int_equal(image_resize(&out, &in, 13, 17, filters[f], NULL), ANA_OK);
            assert_memory_equal(out.pixels.data, in.pixels.data, tensor_bytes(&in.pixels));
            image_clear(&in);
            image_clear(&out);
        }
}

static void test_flat_stays_flat(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {5, 40}, {40, 5}, {13, 30}, {64, 17}};
    for (int f = 0; f < N_FILTERS; f++)
        for (int s = 0; s < 5; s++) {
            struct image in = random_image(13, 17, 1, DTYPE_U8, 1), out;
            memset(in.pixels.data, 200, 13 * 17);
            assert_int_equal(image_resize(&out, &in, sizes[s][0], sizes[s][1], filters[f], NULL),
                             ANA_OK);
            for (int64_t i = 0; i < sizes[s][0] * sizes[s][1]; i++)
                assert_int_equal(((uint8_t *)out.pixels.data)[i], 200);
            image_clear(&in);
            image_clear(&out);
        }
}

/* Fixed point against float: two roundings of U8, one of U16. Levels of the middle, since U8 is
 * clipped between the passes too. */
static void test_types_agree(void **state)
{
    (void)state;
    struct image u8 = random_image(21, 33, 3, DTYPE_U8, 7),
                 u16 = random_image(21, 33, 3, DTYPE_U16, 7);
    struct image f32 = random_image(21, 33, 3, DTYPE_F32, 7), a, b, c;
    const int64_t n = 21 * 33 * 3;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t level = (uint8_t)(96 + ((uint8_t *)u8.pixels.data)[i] / 4);
        ((uint8_t *)u8.pixels.data)[i] = level;
        ((uint16_t *)u16.pixels.data)[i] = level;
        ((float *)f32.pixels.data)[i] = (float)level;
    }
    for (int f = 1; f < N_FILTERS; f++) {
        assert_int_equal(image_resize(&a, &u8, 9, 50, filters[f], NULL), ANA_OK);
        assert_int_equal(image_resize(&b, &u16, 9, 50, filters[f], NULL), ANA_OK);
        assert_int_equal(image_resize(&c, &f32, 9, 50, filters[f], NULL), ANA_OK);
        for (int i = 0; i < 9 * 50 * 3; i++) {
            const double exact = (double)((float *)c.pixels.data)[i];
            assert_near(((uint16_t *)b.pixels.data)[i], exact, 0.501);
            assert_near(((uint8_t *)a.pixels.data)[i], exact, 1.5);
        }
        image_clear(&a);
        image_clear(&b);
        image_clear(&c);
    }
    image_clear(&u8);
    image_clear(&u16);
    image_clear(&f32);
}

static void test_labels_only_by_nearest(void **state)
{
    (void)state;
    struct image labels, out;
    ana_error err;
    assert_int_equal(image_create_2d(&labels, 4, 4, 1, DTYPE_I32, NULL), ANA_OK);
    labels.meaning = CHANNELS_LABEL;
    for (int i = 0; i < 16; i++)
        tensor_i32(&labels.pixels)[i] = 100000 * i;
    assert_int_equal(image_resize(&out, &labels, 8, 8, RESIZE_FILTER_BILINEAR, &err),
                     ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "nearest"));
    assert_int_equal(image_resize(&out, &labels, 8, 8, RESIZE_FILTER_NEAREST, NULL), ANA_OK);
    assert_int_equal(out.meaning, CHANNELS_LABEL);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            assert_int_equal(tensor_i32(&out.pixels)[y * 8 + x], 100000 * (y / 2 * 4 + x / 2));
    image_clear(&out);
    image_clear(&labels);
}

/* A corner of the image keeps its place in the world. */
static void test_spacing_and_world_follow(void **state)
{
    (void)state;
    struct image in = random_image(10, 20, 1, DTYPE_F32, 1), out;
    in.has_spacing = true;
    in.spacing_mm[0] = 0.5;
    in.spacing_mm[1] = 2;
    in.world_from_voxel[0][0] = 0.5;
    in.world_from_voxel[1][1] = 2;
    in.world_from_voxel[0][3] = 7;
    assert_int_equal(image_resize(&out, &in, 5, 40, RESIZE_FILTER_BOX, NULL), ANA_OK);
    assert_true(out.has_spacing);
    assert_near(out.spacing_mm[0], 0.25, 1e-12);
    assert_near(out.spacing_mm[1], 4, 1e-12);
    const double corner_in = 7 + 0.5 * -0.5, corner_out = out.world_from_voxel[0][3] - 0.125;
    assert_near(corner_out, corner_in, 1e-12);
    assert_near(out.world_from_voxel[1][3] - 2, -1, 1e-12);
    image_clear(&in);
    image_clear(&out);
}

static void test_sides(void **state)
{
    (void)state;
    static const int64_t longest[][4] = {
        {500, 375, 1024, 768}, {1, 10000, 1, 1024}, {7, 7, 1024, 1024}};
    int64_t h, w;
    for (int i = 0; i < 3; i++) {
        resize_longest_side(&h, &w, longest[i][0], longest[i][1], 1024);
        assert_int_equal(h, longest[i][2]);
        assert_int_equal(w, longest[i][3]);
    }
    resize_shortest_side(&h, &w, 61, 83, 32);
    assert_int_equal(h, 32);
    assert_int_equal(w, 43);
    resize_shortest_side(&h, &w, 57, 31, 32);
    assert_int_equal(h, 58);
    assert_int_equal(w, 32);
}

static double mean_of(const float *values, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)values[i];
    return sum / (double)n;
}

/* Every source pixel counts the same, whatever the ratio. */
static void test_area_keeps_the_mean(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {7, 5}, {16, 10}, {29, 31}, {3, 18}};
    struct image in = random_image(29, 31, 2, DTYPE_F32, 9);
    const struct plane_shape shape = {29, 31, 2};
    float out[29 * 31 * 2];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            plane_resize_area(out, sizes[i][0], sizes[i][1], in.pixels.data, &shape, NULL), ANA_OK);
        assert_near(mean_of(out, sizes[i][0] * sizes[i][1] * 2),
                    mean_of(in.pixels.data, 29 * 31 * 2), 1e-6);
    }
    image_clear(&in);
}

/* Linear functions are reproduced away from the border. */
static void test_torch_bilinear_reproduces_a_ramp(void **state)
{
    (void)state;
    enum { H = 8, W = 12, OH = 21, OW = 30 };
    float in[H * W], out[OH * OW];
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            in[y * W + x] = (float)(3 * x - 2 * y);
    const struct plane_shape shape = {H, W, 1};
    const struct torch_resize aligned = {.mode = TORCH_BILINEAR, .align_corners = true};
    const struct torch_resize cubic = {.mode = TORCH_BICUBIC, .align_corners = true};
    assert_int_equal(plane_resize_torch(out, OH, OW, in, &shape, &aligned, NULL), ANA_OK);
    for (int y = 0; y < OH; y++)
        for (int x = 0; x < OW; x++)
            assert_near((double)out[y * OW + x],
                        3.0 * x * (W - 1) / (OW - 1) - 2.0 * y * (H - 1) / (OH - 1), 1e-4);
    assert_int_equal(plane_resize_torch(out, OH, OW, in, &shape, &cubic, NULL), ANA_OK);
    assert_near((double)out[0], 0, 1e-6);
    assert_near((double)out[OH * OW - 1], 3 * (W - 1) - 2 * (H - 1), 1e-4);
}

static void test_table_resize_matches_the_plane(void **state)
{
    (void)state;
    struct image in = random_image(1, 13, 3, DTYPE_F32, 5);
    const struct plane_shape shape = {1, 13, 3};
    const struct torch_resize how = {.mode = TORCH_BILINEAR};
    float table[40 * 3], plane[40 * 3];
    static const int64_t sizes[] = {1, 5, 13, 40};
    for (int i = 0; i < 4; i++) {
        table_resize_linear(table, sizes[i], in.pixels.data, 13, 3);
        assert_int_equal(plane_resize_torch(plane, 1, sizes[i], in.pixels.data, &shape, &how, NULL),
                         ANA_OK);
        for (int64_t j = 0; j < sizes[i] * 3; j++)
            assert_near((double)table[j], (double)plane[j], 1e-6);
    }
    image_clear(&in);
}

static ana_status resize_all(void *context, ana_error *err)
{
    const struct image *in = context;
    struct image out = {0};
    for (int f = 0; f < N_FILTERS; f++) {
        const ana_status status = image_resize(&out, in, 6, 40, filters[f], err);
        if (status)
            return status;
        image_clear(&out);
    }
    return ANA_OK;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    for (int t = 0; t < N_TYPES; t++) {
        struct image in = random_image(13, 17, 3, types[t], 1);
        check_allocation_failures(resize_all, &in);
        image_clear(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_size_is_the_same_image),
        cmocka_unit_test(test_flat_stays_flat),
        cmocka_unit_test(test_types_agree),
        cmocka_unit_test(test_labels_only_by_nearest),
        cmocka_unit_test(test_spacing_and_world_follow),
        cmocka_unit_test(test_sides),
        cmocka_unit_test(test_area_keeps_the_mean),
        cmocka_unit_test(test_torch_bilinear_reproduces_a_ramp),
        cmocka_unit_test(test_table_resize_matches_the_plane),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
