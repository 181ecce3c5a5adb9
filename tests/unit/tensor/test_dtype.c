/* Element types: names, sizes, and conversions checked against definitions written in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void names_and_sizes_round_trip(void **state)
{
    static const char *const names[] = {"F32", "F64", "F16", "BF16", "I64", "I32",
                                        "I16", "U16", "I8",  "U8",   "BOOL"};
    static const size_t sizes[] = {4, 8, 2, 2, 8, 4, 2, 2, 1, 1, 1};
    enum dtype dtype;

    (void)state;
    for (int i = 0; i < DTYPE_COUNT; i++) {
        assert_string_equal(dtype_name((enum dtype)i), names[i]);
        assert_int_equal(dtype_size((enum dtype)i), sizes[i]);
        assert_true(dtype_from_name(&dtype, names[i]));
        assert_int_equal(dtype, i);
    }
    assert_false(dtype_from_name(&dtype, "F8_E4M3"));
    assert_false(dtype_from_name(&dtype, "f32"));
    assert_false(dtype_from_name(&dtype, ""));
}

/* IEEE 754 binary16 by its definition. */
static double value_of_f16(unsigned bits)
{
    const double sign = bits & 0x8000u ? -1.0 : 1.0;
    const int exponent = (int)(bits >> 10 & 31u);
    const int mantissa = (int)(bits & 1023u);

    if (exponent == 31)
        return mantissa ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(mantissa, -24);
    return sign * ldexp(1024 + mantissa, exponent - 25);
}

static void every_f16_has_its_value_and_returns(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        const float value = f32_from_f16((uint16_t)bits);
        const double expected = value_of_f16(bits);
        if (isnan(expected))
            assert_true(isnan(value));
        else
            assert_true((double)value == expected && !signbit(value) == !signbit(expected));
        assert_int_equal(f16_from_f32(value), bits);
    }
}

/* Every pair of neighbours: their middle goes to the even one, a hair beside it to the nearer. */
static void f16_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x7bffu; bits++) {
        const float low = f32_from_f16((uint16_t)bits);
        const float high = f32_from_f16((uint16_t)(bits + 1));
        const float middle = low + (high - low) / 2;
        const unsigned even = bits & 1u ? bits + 1 : bits;
        assert_int_equal(f16_from_f32(middle), even);
        assert_int_equal(f16_from_f32(-middle), even | 0x8000u);
        assert_int_equal(f16_from_f32(nextafterf(middle, 0.0f)), bits);
        assert_int_equal(f16_from_f32(nextafterf(middle, INFINITY)), bits + 1);
    }
}

static void f16_edges(void **state)
{
    (void)state;
    assert_int_equal(f16_from_f32(65504.0f), 0x7bff);
    assert_int_equal(f16_from_f32(nextafterf(65520.0f, 0.0f)), 0x7bff);
    assert_int_equal(f16_from_f32(65520.0f), 0x7c00);
    assert_int_equal(f16_from_f32(-1e30f), 0xfc00);
    assert_int_equal(f16_from_f32(INFINITY), 0x7c00);
    assert_int_equal(f16_from_f32(0x1p-25f), 0);
    assert_int_equal(f16_from_f32(nextafterf(0x1p-25f, 1.0f)), 1);
    assert_int_equal(f16_from_f32(-0.0f), 0x8000);
    assert_int_equal(f16_from_f32(float_of(0x7f800001u)),
                     0x7e00); /* NaN of low payload stays NaN */
    assert_int_equal(f16_from_f32(float_of(1u)), 0);
}

static void bf16_is_the_upper_half_rounded(void **state)
{
    static const uint32_t in[] = {0x3f800000u, 0x3f808000u, 0x3f818000u, 0x3f808001u,
                                  0x7f7fffffu, 0x7f800001u, 0xff800000u, 0x80000000u};
    static const uint16_t expected[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81,
                                        0x7f80, 0x7fc0, 0xff80, 0x8000};

    (void)state;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        const float value = float_of(in[i]);
        uint16_t out;
        elements_from_f32(&out, DTYPE_BF16, &value, 1);
        assert_int_equal(out, expected[i]);
    }
    for (unsigned bits = 0; bits < 65536; bits++) {
        const uint16_t half = (uint16_t)bits;
        float value;
        uint16_t back;
        elements_to_f32(&value, &half, DTYPE_BF16, 1);
        assert_int_equal(bits_of(value), bits << 16);
        elements_from_f32(&back, DTYPE_BF16, &value, 1);
        assert_int_equal(back, half);
    }
}

/* Small whole numbers fit every type; addresses are odd, as in a mapped file. */
static void every_type_round_trips_unaligned(void **state)
{
    static const float in[] = {0, 1, 2, 17, 100, 127};
    enum { N = sizeof in / sizeof *in };

    (void)state;
    for (int i = 0; i < DTYPE_COUNT; i++) {
        const enum dtype dtype = (enum dtype)i;
        unsigned char storage[N * 8 + 1];
        float f32[N];
        double f64[N];
        elements_from_f32(storage + 1, dtype, in, N);
        elements_to_f32(f32, storage + 1, dtype, N);
        elements_to_f64(f64, storage + 1, dtype, N);
        for (int j = 0; j < N; j++) {
            const float expected = dtype == DTYPE_BOOL ? (in[j] != 0.0f ? 1.0f : 0.0f) : in[j];
            assert_true(f32[j] == expected);
            assert_true(f64[j] == (double)expected);
        }
    }
}

static void negative_values_keep_their_sign(void **state)
{
    static const enum dtype signed_types[] = {DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16,
                                              DTYPE_I64, DTYPE_I32, DTYPE_I16, DTYPE_I8};
    const float in = -42.0f;

    (void)state;
    for (size_t i = 0; i < sizeof signed_types / sizeof *signed_types; i++) {
        unsigned char storage[8];
        float f32;
        double f64;
        elements_from_f32(storage, signed_types[i], &in, 1);
        elements_to_f32(&f32, storage, signed_types[i], 1);
        elements_to_f64(&f64, storage, signed_types[i], 1);
        assert_true(f32 == -42.0f);
        assert_true(f64 == -42.0);
    }
}

static void integers_round_and_saturate(void **state)
{
    static const float in[] = {0.5f, 1.5f, -2.5f, 1e30f, -1e30f, NAN, INFINITY};
    int64_t i64[7];
    int32_t i32[7];
    int16_t i16[7];
    uint16_t u16[7];
    int8_t i8[7];
    uint8_t u8[7];

    (void)state;
    elements_from_f32(i64, DTYPE_I64, in, 7);
    elements_from_f32(i32, DTYPE_I32, in, 7);
    elements_from_f32(i16, DTYPE_I16, in, 7);
    elements_from_f32(u16, DTYPE_U16, in, 7);
    elements_from_f32(i8, DTYPE_I8, in, 7);
    elements_from_f32(u8, DTYPE_U8, in, 7);
    assert_true(i64[0] == 0 && i64[1] == 2 && i64[2] == -2 && i64[5] == 0);
    assert_true(i64[3] == INT64_MAX && i64[4] == INT64_MIN && i64[6] == INT64_MAX);
    assert_true(i32[2] == -2 && i32[3] == INT32_MAX && i32[4] == INT32_MIN && i32[5] == 0);
    assert_true(i16[2] == -2 && i16[3] == INT16_MAX && i16[4] == INT16_MIN && i16[6] == INT16_MAX);
    assert_true(u16[1] == 2 && u16[2] == 0 && u16[3] == UINT16_MAX && u16[4] == 0);
    assert_true(i8[2] == -2 && i8[3] == INT8_MAX && i8[4] == INT8_MIN && i8[5] == 0);
    assert_true(u8[1] == 2 && u8[2] == 0 && u8[3] == UINT8_MAX && u8[4] == 0);
}

static void wide_integers_are_exact_in_double(void **state)
{
    const int64_t i64 = (INT64_C(1) << 53) - 1;
    const int32_t i32 = INT32_MIN + 1;
    const double f64 = 0.1;
    double out;

    (void)state;
    elements_to_f64(&out, &i64, DTYPE_I64, 1);
    assert_true(out == 9007199254740991.0);
    elements_to_f64(&out, &i32, DTYPE_I32, 1);
    assert_true(out == -2147483647.0);
    elements_to_f64(&out, &f64, DTYPE_F64, 1);
    assert_true(out == 0.1);
}

static void nothing_is_touched_for_zero_elements(void **state)
{
    (void)state;
    for (int i = 0; i < DTYPE_COUNT; i++) {
        elements_to_f32(NULL, NULL, (enum dtype)i, 0);
        elements_to_f64(NULL, NULL, (enum dtype)i, 0);
        elements_from_f32(NULL, (enum dtype)i, NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_sizes_round_trip),
        cmocka_unit_test(every_f16_has_its_value_and_returns),
        cmocka_unit_test(f16_rounds_to_nearest_even),
        cmocka_unit_test(f16_edges),
        cmocka_unit_test(bf16_is_the_upper_half_rounded),
        cmocka_unit_test(every_type_round_trips_unaligned),
        cmocka_unit_test(negative_values_keep_their_sign),
        cmocka_unit_test(integers_round_and_saturate),
        cmocka_unit_test(wide_integers_are_exact_in_double),
        cmocka_unit_test(nothing_is_touched_for_zero_elements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
