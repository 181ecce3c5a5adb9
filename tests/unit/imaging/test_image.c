/* Creating images, channels, crops, normalisation. */
#include <string.h>

#include "base/memory.h"
#include "helpers.h"
#include "imaging/prepare.h"

static void test_create_gives_zeroed_pixels(void **state)
{
    (void)state;
    struct image image;
    assert_int_equal(image_create_2d(&image, 3, 5, 3, DTYPE_U8, NULL), ANA_OK);
    assert_int_equal(image_height(&image), 3);
    assert_int_equal(image_width(&image), 5);
    assert_int_equal(image_channels(&image), 3);
    assert_int_equal(image.meaning, CHANNELS_RGB);
    assert_int_equal(image.exif_orientation, 1);
    for (int i = 0; i < 45; i++)
        assert_int_equal(((uint8_t *)image.pixels.data)[i], 0);
    image_clear(&image);
    assert_null(image.pixels.data);
    image_clear(&image);
}

static void test_create_refuses_bad_extents(void **state)
{
    (void)state;
    static const int64_t extents[][3] = {
        {0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {-1, 4, 1}, {INT64_MAX, INT64_MAX, 3}};
    for (size_t i = 0; i < sizeof extents / sizeof *extents; i++) {
        struct image image;
        ana_error err;
        assert_int_equal(
            image_create_2d(&image, extents[i][0], extents[i][1], extents[i][2], DTYPE_U16, &err),
            ANA_ERR_ARGUMENT);
        assert_null(image.pixels.data);
        assert_non_null(strstr(err.message, "image"));
    }
}

static void test_grey_becomes_rgb(void **state)
{
    (void)state;
    struct image grey = random_image(4, 3, 1, DTYPE_U16, 1), rgb, again;
    assert_int_equal(image_to_rgb(&rgb, &grey, NULL), ANA_OK);
    assert_int_equal(rgb.meaning, CHANNELS_RGB);
    for (int i = 0; i < 36; i++)
        assert_int_equal(((uint16_t *)rgb.pixels.data)[i], ((uint16_t *)grey.pixels.data)[i / 3]);
    assert_int_equal(image_to_rgb(&again, &rgb, NULL), ANA_OK);
    assert_memory_equal(again.pixels.data, rgb.pixels.data, 72);
    image_clear(&grey);
    image_clear(&rgb);
    image_clear(&again);

    struct image two = random_image(2, 2, 2, DTYPE_U8, 1);
    assert_int_equal(image_to_rgb(&rgb, &two, NULL), ANA_ERR_ARGUMENT);
    image_clear(&two);
}

static void test_crop_takes_the_right_pixels(void **state)
{
    (void)state;
    struct image image = random_image(7, 9, 3, DTYPE_U8, 2), part;
    assert_int_equal(image_crop(&part, &image, 2, 3, 4, 5, NULL), ANA_OK);
    for (int64_t y = 0; y < 4; y++)
        for (int64_t i = 0; i < 15; i++)
            assert_int_equal(((uint8_t *)part.pixels.data)[y * 15 + i],
                             ((uint8_t *)image.pixels.data)[(y + 2) * 27 + 9 + i]);
    assert_near(part.world_from_voxel[0][3], 3, 0);
    assert_near(part.world_from_voxel[1][3], 2, 0);
    image_clear(&part);
    assert_int_equal(image_crop(&part, &image, 4, 0, 4, 5, NULL), ANA_ERR_ARGUMENT);
    assert_int_equal(image_crop(&part, &image, -1, 0, 4, 5, NULL), ANA_ERR_ARGUMENT);
    assert_int_equal(image_crop(&part, &image, 0, 0, 0, 5, NULL), ANA_ERR_ARGUMENT);
    image_clear(&image);
}

static void test_crop_offsets_round_as_each_library(void **state)
{
    (void)state;
    static const int64_t surplus[] = {0, 1, 2, 3, 5, 7}, even[] = {0, 0, 1, 2, 2, 4},
                         down[] = {0, 0, 1, 1, 2, 3};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(crop_offset_half_even(surplus[i]), even[i]);
        assert_int_equal(crop_offset_floor(surplus[i]), down[i]);
    }
}

static void test_normalise_is_the_formula_for_each_type(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_U8, DTYPE_U16, DTYPE_F32};
    for (int t = 0; t < 3; t++) {
        struct image image = random_image(3, 4, 3, types[t], 3);
        float values[36], plain[36];
        elements_to_f32(plain, image.pixels.data, types[t], 36);
        assert_int_equal(image_normalise(values, &image, &pixel_norm_imagenet, NULL), ANA_OK);
        const double full = t == 0 ? 255 : t == 1 ? 65535 : 1;
        for (int i = 0; i < 36; i++)
            assert_near((double)values[i],
                        ((double)plain[i] / full - pixel_norm_imagenet.mean[i % 3]) /
                            pixel_norm_imagenet.sd[i % 3],
                        1e-5);
        image_clear(&image);
    }
    struct image grey = random_image(2, 2, 1, DTYPE_U8, 4);
    float none[4];
    assert_int_equal(image_normalise(none, &grey, &pixel_norm_clip, NULL), ANA_ERR_ARGUMENT);
    image_clear(&grey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_gives_zeroed_pixels),
        cmocka_unit_test(test_create_refuses_bad_extents),
        cmocka_unit_test(test_grey_becomes_rgb),
        cmocka_unit_test(test_crop_takes_the_right_pixels),
        cmocka_unit_test(test_crop_offsets_round_as_each_library),
        cmocka_unit_test(test_normalise_is_the_formula_for_each_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
