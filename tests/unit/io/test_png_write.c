/* png_write() and png_write_indexed(): what is written is what is read, byte for byte again. */
#include "io/image_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../base/failing_memory.h"
#include "../base/scratch_folder.h"
#include "base/file.h"
#include "base/memory.h"

static void fill(struct image *image)
{
    uint8_t *bytes = image->pixels.data;
    for (size_t i = 0; i < tensor_bytes(&image->pixels); i++)
        bytes[i] = (uint8_t)(i * 37 + i / 7);
}

static void what_is_written_is_read(void **state)
{
    static const struct {
        enum dtype dtype;
        int channels;
    } kinds[] = {{DTYPE_U8, 1}, {DTYPE_U8, 3}, {DTYPE_U16, 1}, {DTYPE_U16, 3}};
    struct scratch_folder folder;

    (void)state;
    scratch_folder_make(&folder);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct image image;
        struct image back;
        const char *path = scratch_path(&folder, "image.png");
        assert_int_equal(image_create_2d(&image, 17, 23, kinds[i].channels, kinds[i].dtype, NULL),
                         ANA_OK);
        fill(&image);
        assert_int_equal(png_write(path, &image, NULL), ANA_OK);
        assert_int_equal(image_read(&back, path, NULL, NULL), ANA_OK);
        assert_true(shape_equal(&image.pixels.shape, &back.pixels.shape));
        assert_int_equal(image.pixels.dtype, back.pixels.dtype);
        assert_memory_equal(image.pixels.data, back.pixels.data, tensor_bytes(&image.pixels));
        image_clear(&image);
        image_clear(&back);
    }
    assert_int_equal(scratch_count(&folder), 1);
    scratch_folder_remove(&folder);
}

static void indexed_keeps_colours(void **state)
{
    static const uint8_t palette[3][3] = {{0, 0, 0}, {200, 10, 20}, {30, 240, 50}};
    struct scratch_folder folder;
    struct image labels;
    struct image back;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(image_create_2d(&labels, 5, 4, 1, DTYPE_U8, NULL), ANA_OK);
    uint8_t *pixels = labels.pixels.data;
    for (int i = 0; i < 20; i++)
        pixels[i] = (uint8_t)(i % 3);
    const char *path = scratch_path(&folder, "labels.png");
    assert_int_equal(png_write_indexed(path, &labels, palette, 3, NULL), ANA_OK);
    assert_int_equal(image_read(&back, path, NULL, NULL), ANA_OK);
    for (int i = 0; i < 20; i++)
        assert_memory_equal((uint8_t *)back.pixels.data + 3 * i, palette[i % 3], 3);
    image_clear(&back);

    assert_int_equal(png_write_indexed(path, &labels, palette, 2, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "label 2"));
    assert_int_equal(png_write_indexed(path, &labels, palette, 0, &err), ANA_ERR_ARGUMENT);
    image_clear(&labels);
    scratch_folder_remove(&folder);
}

static void same_pixels_same_bytes(void **state)
{
    struct scratch_folder folder;
    struct image image;
    uint8_t *bytes[2];
    size_t size[2];

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(image_create_2d(&image, 40, 30, 3, DTYPE_U8, NULL), ANA_OK);
    fill(&image);
    for (int i = 0; i < 2; i++) {
        const char *path = scratch_path(&folder, "image.png");
        assert_int_equal(png_write(path, &image, NULL), ANA_OK);
        assert_int_equal(file_read(&bytes[i], &size[i], path, 1 << 20, NULL), ANA_OK);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    memory_free(bytes[0]);
    memory_free(bytes[1]);
    image_clear(&image);
    scratch_folder_remove(&folder);
}

static void failures_leave_no_file(void **state)
{
    struct scratch_folder folder;
    struct image image;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(image_create_2d(&image, 4, 4, 2, DTYPE_U8, NULL), ANA_OK);
    const char *path = scratch_path(&folder, "image.png");
    assert_int_equal(png_write(path, &image, &err), ANA_ERR_ARGUMENT);
    image_clear(&image);
    assert_int_equal(image_create_2d(&image, 4, 4, 1, DTYPE_F32, NULL), ANA_OK);
    assert_int_equal(png_write(path, &image, &err), ANA_ERR_ARGUMENT);
    image_clear(&image);
    assert_int_equal(image_create_2d(&image, 4, 4, 1, DTYPE_U8, NULL), ANA_OK);
    assert_int_equal(png_write("no such folder/image.png", &image, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "no such folder"));

    /* A full disk, as far as a test can make one. */
    if (path_exists("/dev/full"))
        assert_int_equal(png_write("/dev/full/image.png", &image, &err), ANA_ERR_IO);
    assert_int_equal(scratch_count(&folder), 0);
    image_clear(&image);
    scratch_folder_remove(&folder);
}

static void failing_allocations_leave_no_file(void **state)
{
    struct scratch_folder folder;
    uint8_t pixels[64] = {0};
    const struct image image = {.pixels = tensor_view(pixels, DTYPE_U8, SHAPE(8, 8, 1))};
    int reached = 1;

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "image.png");
    for (int n = 1; reached; n++) {
        ana_error err = {0};
        failing_memory_start(n);
        const ana_status status = png_write(path, &image, &err);
        const int live = failing_memory_live();
        reached = failing_memory_stop();
        assert_int_equal(live, 0);
        /* The last allocation serves to sync the folder, when the file is there already. */
        assert_int_equal(scratch_count(&folder), status == ANA_OK);
        assert_true(reached || status == ANA_OK);
        if (status == ANA_OK)
            assert_int_equal(remove(path), 0);
    }
    scratch_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(indexed_keeps_colours),
        cmocka_unit_test(same_pixels_same_bytes), cmocka_unit_test(failures_leave_no_file),
        cmocka_unit_test(failing_allocations_leave_no_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
