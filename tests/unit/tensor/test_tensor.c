/* Shapes and views. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tensor/tensor.h"

static void shapes_compare_count_and_print(void **state)
{
    const struct shape scalar = {0};
    const struct shape a = SHAPE(2, 3, 4);
    const struct shape b = SHAPE(2, 3, 5);
    const struct shape c = SHAPE(2, 3);
    char buffer[64];
    char small[6];

    (void)state;
    assert_true(shape_equal(&a, &a));
    assert_false(shape_equal(&a, &b));
    assert_false(shape_equal(&a, &c));
    assert_int_equal(shape_count(&a), 24);
    assert_int_equal(shape_count(&scalar), 1);
    assert_string_equal(shape_print(buffer, sizeof buffer, &a), "[2, 3, 4]");
    assert_string_equal(shape_print(buffer, sizeof buffer, &scalar), "[]");
    assert_string_equal(shape_print(small, sizeof small, &a), "[2, 3");
    assert_string_equal(shape_print(small, 1, &a), "");
}

static void sizes_are_checked(void **state)
{
    struct shape five = SHAPE(2, 3, 4, 5, 6);
    const struct shape negative = SHAPE(2, -3);
    const struct shape wide = SHAPE(INT64_C(1) << 31, INT64_C(1) << 31);
    const struct shape wider = SHAPE(INT64_C(1) << 32, INT64_C(1) << 32);
    const struct shape empty = SHAPE(INT64_MAX, 0);
    size_t size = 7;

    (void)state;
    assert_false(shape_size(&size, &negative, DTYPE_U8));
    assert_false(shape_size(&size, &wider, DTYPE_U8));
    assert_false(shape_size(&size, &wide, DTYPE_F64));
    assert_int_equal(size, 7);
    assert_true(shape_size(&size, &wide, DTYPE_U8) && size == (size_t)1 << 62);
    assert_true(shape_size(&size, &empty, DTYPE_F32) && size == 0);
    for (int i = 0; i < DTYPE_COUNT; i++) {
        assert_true(shape_size(&size, &five, (enum dtype)i));
        assert_int_equal(size, 720 * dtype_size((enum dtype)i));
    }
    five.rank = 6;
    assert_false(shape_size(&size, &five, DTYPE_U8));
    five.rank = -1;
    assert_false(shape_size(&size, &five, DTYPE_U8));
}

static void views_are_contiguous_rows(void **state)
{
    float data[24];
    const struct tensor view = tensor_view(data, DTYPE_F32, SHAPE(2, 3, 4));

    (void)state;
    assert_int_equal(view.stride[0], 12);
    assert_int_equal(view.stride[1], 4);
    assert_int_equal(view.stride[2], 1);
    assert_true(tensor_is_contiguous(&view));
    assert_int_equal(tensor_count(&view), 24);
    assert_int_equal(tensor_bytes(&view), 96);
    assert_ptr_equal(tensor_f32(&view), data);
}

static void slices_are_views(void **state)
{
    int32_t data[24];
    const struct tensor view = tensor_view(data, DTYPE_I32, SHAPE(2, 3, 4));
    const struct tensor channels = tensor_slice(&view, 2, 1, 2);
    const struct tensor middle = tensor_slice(&view, 1, 1, 1);
    const struct tensor second = tensor_slice(&view, 0, 1, 1);
    const struct tensor none = tensor_slice(&view, 0, 2, 0);

    (void)state;
    assert_ptr_equal(tensor_i32(&channels), data + 1);
    assert_int_equal(tensor_count(&channels), 12);
    assert_int_equal(channels.stride[1], 4);
    assert_false(tensor_is_contiguous(&channels));
    assert_ptr_equal(tensor_i32(&middle), data + 4);
    assert_false(tensor_is_contiguous(&middle));
    assert_ptr_equal(tensor_i32(&second), data + 12);
    assert_true(tensor_is_contiguous(&second));
    assert_true(tensor_is_contiguous(&none));
    assert_int_equal(tensor_count(&none), 0);
    const struct tensor twice = tensor_slice(&second, 1, 2, 1);
    assert_ptr_equal(tensor_i32(&twice), data + 20);
    assert_true(tensor_is_contiguous(&twice));
}

static void reshape_keeps_the_elements(void **state)
{
    double data[24];
    const struct tensor view = tensor_view(data, DTYPE_F64, SHAPE(2, 3, 4));
    const struct tensor flat = tensor_reshape(&view, SHAPE(24));
    const struct tensor matrix = tensor_reshape(&flat, SHAPE(6, 4));

    (void)state;
    assert_ptr_equal(tensor_f64(&matrix), data);
    assert_int_equal(matrix.stride[0], 4);
    assert_int_equal(matrix.dtype, DTYPE_F64);
    assert_int_equal(flat.shape.rank, 1);
}

static void scalars_have_one_element(void **state)
{
    float value = 3;
    const struct tensor scalar = tensor_view(&value, DTYPE_F32, (struct shape){0});

    (void)state;
    assert_int_equal(tensor_count(&scalar), 1);
    assert_int_equal(tensor_bytes(&scalar), 4);
    assert_true(tensor_is_contiguous(&scalar));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_compare_count_and_print),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(views_are_contiguous_rows),
        cmocka_unit_test(slices_are_views),
        cmocka_unit_test(reshape_keeps_the_elements),
        cmocka_unit_test(scalars_have_one_element),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
