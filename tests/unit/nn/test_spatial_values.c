/* What the operators over pictures and volumes compute, against numbers worked out by hand or by
 * plain loops here. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value_bench.h"

static const double numbers[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

/* ---- transposed convolution ---- */

/* Each position of x puts its kernel next to its neighbour's. */
static void test_transposed_convolution_of_stride_kernel(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(1, 1, 2, 1), (const double[]){1, 2});
    const value w = input(&b, SHAPE(1, 2, 2, 2), (const double[]){1, 2, 3, 4, 10, 20, 30, 40});
    const value bias = input(&b, SHAPE(2), (const double[]){0.5, -1});
    check(&b,
          nn_conv_transpose(b.graph, "y", x, w, bias,
                            &(struct nn_conv_transpose_options){.conv = {.stride = {2, 2}}}),
          false,
          (const double[]){1.5, 9, 2.5, 19, 2.5, 19, 4.5, 39, /* upper row, two channels each */
                           3.5, 29, 4.5, 39, 6.5, 59, 8.5, 79},
          16);
}

/* Overlapping kernels, padding and output padding along a line: out = (3 - 1) 2 - 2 + 2 + 1 + 1.
 * Before padding: 1 2 (3+2) 4 (6+3) 6 9 and nothing; the first is cut off, the last stays. */
static void test_transposed_convolution_with_padding(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(1, 3, 1), (const double[]){1, 2, 3});
    const value w = input(&b, SHAPE(1, 1, 3), (const double[]){1, 2, 3});
    check(&b,
          nn_conv_transpose(b.graph, "y", x, w, NO_VALUE,
                            &(struct nn_conv_transpose_options){
                                .conv = {.dims = 1, .stride = {2}, .pad = {1}}, .output_pad = {1}}),
          false, (const double[]){2, 5, 4, 9, 6, 9}, 6);
}

/* By the scatter that defines it: groups, an uneven kernel, dilation. */
static void test_transposed_convolution_by_definition(void **state)
{
    (void)state;
    enum { H = 3, W = 4, IC = 4, OC = 6, GROUPS = 2, KH = 2, KW = 3, DW = 2 };
    enum { OH = (H - 1) * 2 - 2 + KH, OW = W - 1 + DW * (KW - 1) + 1 };
    double x[H * W * IC], w[IC * (OC / GROUPS) * KH * KW], y[OH * OW * OC] = {0};
    draw(x, H * W * IC, 1);
    draw(w, IC * (OC / GROUPS) * KH * KW, 2);
    for (int i = 0; i < H * W * IC * (OC / GROUPS) * KH * KW; i++) {
        const int kx = i % KW, ky = i / KW % KH, o = i / KW / KH % (OC / GROUPS);
        const int ic = i / KW / KH / (OC / GROUPS) % IC, at = i / KW / KH / (OC / GROUPS) / IC;
        const int oy = at / W * 2 - 1 + ky, ox = at % W + kx * DW;
        const int oc = ic / (IC / GROUPS) * (OC / GROUPS) + o;
        if (oy >= 0 && oy < OH)
            y[(oy * OW + ox) * OC + oc] +=
                x[at * IC + ic] * w[((ic * (OC / GROUPS) + o) * KH + ky) * KW + kx];
    }
    struct bench b = open_bench();
    const value vx = input(&b, SHAPE(1, H, W, IC), x);
    const value vw = input(&b, SHAPE(IC, OC / GROUPS, KH, KW), w);
    const struct nn_conv_transpose_options options = {
        .conv = {.stride = {2, 1}, .pad = {1, 0}, .dilation = {1, DW}, .groups = GROUPS}};
    check(&b, nn_conv_transpose(b.graph, "y", vx, vw, NO_VALUE, &options), false, y, OH * OW * OC);
}

/* ---- moving elements ---- */

static void test_pad(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(2, 2), numbers);
    check(&b, nn_pad(b.graph, "y", x, (const int64_t[]){1, 0}, (const int64_t[]){0, 2}, -1), false,
          (const double[]){-1, -1, -1, -1, 0, 1, -1, -1, 2, 3, -1, -1}, 12);
}

static void test_roll_and_flip(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(2, 3), numbers);
    check(&b, nn_roll(b.graph, "y", x, 1, 1), false, (const double[]){2, 0, 1, 5, 3, 4}, 6);

    b = open_bench();
    x = input(&b, SHAPE(3, 2), numbers);
    check(&b, nn_roll(b.graph, "y", x, 0, -4), false, (const double[]){2, 3, 4, 5, 0, 1}, 6);

    b = open_bench();
    x = input(&b, SHAPE(2, 3, 1), numbers);
    check(&b, nn_flip(b.graph, "y", x, 1), false, (const double[]){2, 1, 0, 5, 4, 3}, 6);
}

static void test_broadcast(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(2, 1, 2), numbers);
    check(&b, nn_broadcast(b.graph, "y", x, SHAPE(2, 2, 2)), false,
          (const double[]){0, 1, 0, 1, 2, 3, 2, 3}, 8);
}

static void test_concat_along_the_first_axis(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(2, 2), numbers);
    const value y = input(&b, SHAPE(1, 2), numbers + 8);
    check(&b, nn_concat_axis(b.graph, "y", (const value[]){x, y}, 2, 0), false,
          (const double[]){0, 1, 2, 3, 8, 9}, 6);
}

/* 3 x 2 pixels in windows of side 2: the second window has a row of zeros. */
static void test_windows(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(1, 3, 2, 1), numbers);
    check(&b, nn_window_partition(b.graph, "y", x, 2), false,
          (const double[]){0, 1, 2, 3, 4, 5, 0, 0}, 8);

    /* 2 x 3: whole windows left, half of one right */
    b = open_bench();
    x = input(&b, SHAPE(1, 2, 3, 1), numbers);
    check(&b, nn_window_partition(b.graph, "y", x, 2), false,
          (const double[]){0, 1, 3, 4, 2, 0, 5, 0}, 8);

    b = open_bench();
    x = input(&b, SHAPE(2, 4, 1), (const double[]){0, 1, 3, 4, 2, 9, 5, 9});
    check(&b, nn_window_merge(b.graph, "y", x, 2, 3, 2), false, numbers, 6);
}

static void test_points(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(2, 2, 3, 2), numbers);
    const value points = index_input(&b, SHAPE(2, 2, 2), (const int32_t[]){1, 2, 0, 0, 0, 1, 0, 1});
    check(&b, nn_take_points(b.graph, "y", x, points), false,
          (const double[]){10, 11, 0, 1, 14, 15, 14, 15}, 8);
}

/* ---- volumes ---- */

static void test_trilinear(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(1, 2, 1, 2, 1), (const double[]){0, 4, 8, 16});
    /* half-pixel centres: shares 1, 3/4, 1/4, 0 along both */
    check(&b, nn_resize_trilinear(b.graph, "y", x, 4, 1, 4, false), false,
          (const double[]){0, 1, 3, 4, 2, 3.25, 5.75, 7, 6, 7.75, 11.25, 13, 8, 10, 14, 16}, 16);

    b = open_bench();
    x = input(&b, SHAPE(1, 2, 2, 1, 1), (const double[]){0, 4, 8, 16});
    check(&b, nn_resize_trilinear(b.graph, "y", x, 3, 3, 1, true), false,
          (const double[]){0, 2, 4, 4, 7, 10, 8, 12, 16}, 9);
}

static void test_pooling_of_volumes(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(1, 2, 2, 2, 2), numbers);
    check(&b,
          nn_pool3d(b.graph, "y", x,
                    &(struct nn_pool3d_options){.kernel = {2, 2, 2}, .is_max = true}),
          false, (const double[]){14, 15}, 2);

    b = open_bench();
    x = input(&b, SHAPE(1, 2, 2, 2, 2), numbers);
    check(&b,
          nn_pool3d(b.graph, "y", x,
                    &(struct nn_pool3d_options){.kernel = {2, 2, 2}, .is_max = false}),
          false, (const double[]){7, 8}, 2);

    /* Padding is not counted: windows {0}, {0, 1}, {1} along d. */
    b = open_bench();
    x = input(&b, SHAPE(1, 2, 1, 1, 1), (const double[]){3, 5});
    check(&b,
          nn_pool3d(b.graph, "y", x,
                    &(struct nn_pool3d_options){
                        .kernel = {2, 1, 1}, .stride = {1, 1, 1}, .pad = {1, 0, 0}}),
          false, (const double[]){3, 4, 5}, 3);
}

/* Of equal maxima the first in the order (d, h, w) gets the gradient. */
static void test_ties_in_volumes(void **state)
{
    (void)state;
    const double x[] = {1, 7, 2, 7, 7, 3, 7, 0};
    const double expected[] = {0, 1, 0, 0, 0, 0, 0, 0};
    struct bench b = open_bench();
    const value in = input(&b, SHAPE(1, 2, 2, 2, 1), x);
    const value y = nn_pool3d(b.graph, "y", in,
                              &(struct nn_pool3d_options){.kernel = {2, 2, 2}, .is_max = true});
    const struct plan_request request = {
        .outputs = &y, .n_outputs = 1, .seeds = &y, .n_seeds = 1, .wrt = &in, .n_wrt = 1};
    assert_int_equal(plan_create(&b.plan, b.graph, &request, NULL, NULL), ANA_OK);
    memcpy(plan_value(b.plan, in).data, x, sizeof x);
    assert_int_equal(plan_forward(b.plan, NULL, NULL, NULL), ANA_OK);
    const struct tensor seed = plan_gradient(b.plan, y);
    tensor_f64(&seed)[0] = 1;
    assert_int_equal(plan_backward(b.plan, NULL, NULL, NULL), ANA_OK);
    assert_memory_equal(plan_gradient(b.plan, in).data, expected, sizeof expected);
    close_bench(&b);
}

/* ---- resizing ---- */

/* Keys' weights with a = -0.75 half way between samples: -3/32, 19/32, 19/32, -3/32. With aligned
 * corners the outer samples stay where they are. */
static void test_bicubic_with_aligned_corners(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(1, 1, 4, 1), (const double[]){32, 0, 64, 96});
    check(&b, nn_resize2d(b.graph, "y", x, 1, 7, RESIZE_BICUBIC, true), false,
          (const double[]){32, 32 * 16.0 / 32 - 3.0 / 32 * 64, 0,
                           -3.0 / 32 * (32 + 96) + 19.0 / 32 * 64, 64,
                           -3.0 / 32 * 96 + 19.0 / 32 * (64 + 96), 96},
          7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transposed_convolution_of_stride_kernel),
        cmocka_unit_test(test_transposed_convolution_with_padding),
        cmocka_unit_test(test_transposed_convolution_by_definition),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_roll_and_flip),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_concat_along_the_first_axis),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_trilinear),
        cmocka_unit_test(test_pooling_of_volumes),
        cmocka_unit_test(test_ties_in_volumes),
        cmocka_unit_test(test_bicubic_with_aligned_corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
