/* The reference backend against tiny results that were worked out by hand, in double: what shows
 * that a definition is right, layouts and strides above all, where two passes or two element types
 * that share a mistake would agree. */
#include "compute/compute.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct compute *f64(void)
{
    return compute_reference(DTYPE_F64);
}

static const struct kernel_env inline_env;

static void expect(const double *actual, const double *expected, int n, double tolerance)
{
    for (int i = 0; i < n; i++) {
        if (!(fabs(actual[i] - expected[i]) <= tolerance))
            fail_msg("element %d is %.17g, expected %.17g, tolerance %g", i, actual[i], expected[i],
                     tolerance);
    }
}

static void gemm_by_hand(void **state)
{
    (void)state;
    /* A = [1 2 3; 4 5 6], B = [1 0; 0 1; 1 -5]: A B = [4 -13; 10 -25] */
    const double a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, 0, 1, 1, -5};
    const double bias[] = {-5, 1}, residual[] = {100, 200, 300, 400};
    double c[4];
    struct gemm_args args = {.dtype = DTYPE_F64,
                             .batch = 1,
                             .m = 2,
                             .n = 2,
                             .k = 3,
                             .a = a,
                             .a_row = 3,
                             .a_column = 1,
                             .b = b,
                             .b_row = 2,
                             .b_column = 1,
                             .c = c,
                             .c_row = 2};

    f64()->gemm(&inline_env, &args);
    expect(c, (const double[]){4, -13, 10, -25}, 4, 0);
    args.accumulate = true;
    f64()->gemm(&inline_env, &args);
    expect(c, (const double[]){8, -26, 20, -50}, 4, 0);

    /* relu comes after the bias and before the residual: relu([-1 -12; 5 -24]) + residual */
    args.accumulate = false;
    args.bias = bias;
    args.residual = residual;
    args.activation = ACTIVATION_RELU;
    f64()->gemm(&inline_env, &args);
    expect(c, (const double[]){100, 200, 305, 400}, 4, 0);
}

static void gemm_batch_by_hand(void **state)
{
    (void)state;
    /* one row [10 100] for two columns, which lie transposed */
    const double a[] = {10, 100}, b[] = {1, 2, 3, 4};
    double c[2];
    const struct gemm_args args = {.dtype = DTYPE_F64,
                                   .batch = 2,
                                   .m = 1,
                                   .n = 1,
                                   .k = 2,
                                   .a = a,
                                   .a_row = 2,
                                   .a_column = 1,
                                   .b = b,
                                   .b_batch = 2,
                                   .b_row = 1,
                                   .b_column = 2,
                                   .c = c,
                                   .c_batch = 1,
                                   .c_row = 1};

    f64()->gemm(&inline_env, &args);
    expect(c, (const double[]){210, 430}, 2, 0);
}

static void conv_by_hand(void **state)
{
    (void)state;
    /* 3x3 image 1..9, kernel [1 2; 3 4], padding 1 on the low side, stride 2:
     * windows [0 0; 0 1] [0 0; 2 3] [0 4; 0 7] [5 6; 8 9] */
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 2, 3, 4}, bias[] = {0.5};
    const double dy[] = {1, 10, 100, 1000};
    double y[4], dx[9], dw[4], dbias[1];
    const struct conv_args args = {.dtype = DTYPE_F64,
                                   .dims = 2,
                                   .n = 1,
                                   .ic = 1,
                                   .oc = 1,
                                   .groups = 1,
                                   .in = {3, 3},
                                   .out = {2, 2},
                                   .kernel = {2, 2},
                                   .stride = {2, 2},
                                   .pad = {1, 1},
                                   .dilation = {1, 1},
                                   .x = x,
                                   .w = w,
                                   .bias = bias,
                                   .dy = dy,
                                   .y = y,
                                   .dx = dx,
                                   .dw = dw,
                                   .dbias = dbias};

    f64()->conv_forward(&inline_env, &args);
    expect(y, (const double[]){4.5, 18.5, 36.5, 77.5}, 4, 0);
    f64()->conv_backward_data(&inline_env, &args);
    expect(dx, (const double[]){4, 30, 40, 200, 1000, 2000, 400, 3000, 4000}, 9, 0);
    f64()->conv_backward_weights(&inline_env, &args);
    expect(dw, (const double[]){5000, 400 + 6000, 20 + 8000, 1 + 30 + 700 + 9000}, 4, 0);
    expect(dbias, (const double[]){1111}, 1, 0);
}

static void conv_groups_by_hand(void **state)
{
    (void)state;
    /* Two groups of 1 input and 2 output channels, one position: y = [x0 w0, x0 w1, x1 w2, x1 w3]
     */
    const double x[] = {2, 3}, w[] = {1, 10, 100, 1000};
    double y[4];
    const struct conv_args args = {.dtype = DTYPE_F64,
                                   .dims = 1,
                                   .n = 1,
                                   .ic = 1,
                                   .oc = 2,
                                   .groups = 2,
                                   .in = {1},
                                   .out = {1},
                                   .kernel = {1},
                                   .stride = {1},
                                   .dilation = {1},
                                   .x = x,
                                   .w = w,
                                   .y = y};

    f64()->conv_forward(&inline_env, &args);
    expect(y, (const double[]){2, 20, 300, 3000}, 4, 0);
}

static void conv_extents_by_hand(void **state)
{
    (void)state;
    /* every second value under [1 10 100] */
    const double x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 10, 100};
    double y[2];
    const struct conv_args dilated = {.dtype = DTYPE_F64,
                                      .dims = 1,
                                      .n = 1,
                                      .ic = 1,
                                      .oc = 1,
                                      .groups = 1,
                                      .in = {6},
                                      .out = {2},
                                      .kernel = {3},
                                      .stride = {1},
                                      .dilation = {2},
                                      .x = x,
                                      .w = w,
                                      .y = y};
    /* A kernel that covers the volume pairs equal indices: with x = w = 0 .. 11 the sum of squares,
     * 506, and any other pairing gives less. */
    const double ramp[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const struct conv_args volume = {.dtype = DTYPE_F64,
                                     .dims = 3,
                                     .n = 1,
                                     .ic = 1,
                                     .oc = 1,
                                     .groups = 1,
                                     .in = {2, 3, 2},
                                     .out = {1, 1, 1},
                                     .kernel = {2, 3, 2},
                                     .stride = {1, 1, 1},
                                     .dilation = {1, 1, 1},
                                     .x = ramp,
                                     .w = ramp,
                                     .y = y};

    f64()->conv_forward(&inline_env, &dilated);
    expect(y, (const double[]){531, 642}, 2, 0);
    f64()->conv_forward(&inline_env, &volume);
    expect(y, (const double[]){506}, 1, 0);
}

/* Weights are [out, in, taps] while activations keep channels last. */
static void conv_layout_by_hand(void **state)
{
    (void)state;
    /* two positions of channels (1 2) (3 4); channel 0 under [1 10], channel 1 under [100 1000] */
    const double x[] = {1, 2, 3, 4}, w[] = {1, 10, 100, 1000};
    double y[1];
    const struct conv_args args = {.dtype = DTYPE_F64,
                                   .dims = 1,
                                   .n = 1,
                                   .ic = 2,
                                   .oc = 1,
                                   .groups = 1,
                                   .in = {2},
                                   .out = {1},
                                   .kernel = {2},
                                   .stride = {1},
                                   .dilation = {1},
                                   .x = x,
                                   .w = w,
                                   .y = y};

    f64()->conv_forward(&inline_env, &args);
    expect(y, (const double[]){1 + 30 + 200 + 4000}, 1, 0);
}

static void channels_by_hand(void **state)
{
    (void)state;
    /* two positions of two channels */
    const double x[] = {1, 2, 3, -4}, scale[] = {2, 1}, shift[] = {-3, 0}, dy[] = {5, 6, 7, 8};
    const double p0[] = {1, 10}, p1[] = {100, 1000}, p2[] = {0.5, 0.25};
    double sum[2], square[2], y[4], sum_dz[2], sum_dz_x[2], dx[4], dresidual[4];
    const struct channel_sums_args sums = {DTYPE_F64, 1, 2, 2, x, sum, square};
    const struct channel_affine_args affine = {.dtype = DTYPE_F64,
                                               .n = 1,
                                               .p = 2,
                                               .c = 2,
                                               .x = x,
                                               .scale = scale,
                                               .shift = shift,
                                               .activation = ACTIVATION_RELU,
                                               .y = y};
    const struct channel_affine_backward_args backward = {.dtype = DTYPE_F64,
                                                          .n = 1,
                                                          .p = 2,
                                                          .c = 2,
                                                          .x = x,
                                                          .y = y,
                                                          .dy = dy,
                                                          .activation = ACTIVATION_RELU,
                                                          .sum_dz = sum_dz,
                                                          .sum_dz_x = sum_dz_x,
                                                          .p0 = p0,
                                                          .p1 = p1,
                                                          .p2 = p2,
                                                          .dx = dx,
                                                          .dresidual = dresidual};

    f64()->channel_sums(&inline_env, &sums);
    expect(sum, (const double[]){4, -2}, 2, 0);
    expect(square, (const double[]){10, 20}, 2, 0);
    f64()->channel_affine(&inline_env, &affine);
    expect(y, (const double[]){0, 2, 3, 0}, 4, 0);
    f64()->channel_affine_sums(&inline_env, &backward);
    expect(sum_dz, (const double[]){7, 6}, 2, 0);
    expect(sum_dz_x, (const double[]){21, 12}, 2, 0);
    f64()->channel_affine_backward(&inline_env, &backward);
    expect(dresidual, (const double[]){0, 6, 7, 0}, 4, 0);
    expect(dx, (const double[]){100.5, 60 + 2000 + 0.25, 7 + 300 + 0.5, -4000 + 0.25}, 4, 0);
}

static void rows_by_hand(void **state)
{
    (void)state;
    /* mean 2, variance 1 with epsilon 3: rstd = 1/2 */
    const double x[] = {1, 3}, gain[] = {2, 4}, bias[] = {10, 20};
    double y[2], mean[1], rstd[1];
    const struct row_norm_args norm = {.dtype = DTYPE_F64,
                                       .rows = 1,
                                       .c = 2,
                                       .epsilon = 3,
                                       .x = x,
                                       .gain = gain,
                                       .bias = bias,
                                       .y = y,
                                       .mean = mean,
                                       .rstd = rstd};
    /* exp(0) : exp(log 3) = 1 : 3, far from zero on both sides */
    const double scores[] = {1000, 1000 + log(3.0), -1000, -1000 + log(3.0)};
    double p[4];
    const struct softmax_args softmax = {
        .dtype = DTYPE_F64, .rows = 2, .c = 2, .x = scores, .y = p};

    f64()->row_norm(&inline_env, &norm);
    expect(y, (const double[]){9, 22}, 2, 0);
    expect(mean, (const double[]){2}, 1, 0);
    expect(rstd, (const double[]){0.5}, 1, 0);
    f64()->softmax(&inline_env, &softmax);
    expect(p, (const double[]){0.25, 0.75, 0.25, 0.75}, 4, 1e-12);
}

static void attention_by_hand(void **state)
{
    (void)state;
    /* one query q = 1; keys log(1), log(3) and a masked one; rel_h adds log(2) to both live keys,
     * rel_w nothing: p = [1/4, 3/4, 0], log_sum = log(2 + 6), y = 3/4 * 8 + 1/4 * 4 */
    const double q[] = {1}, k[] = {0, log(3.0), 50}, v[] = {4, 8, 1000};
    const double rel_h[] = {log(2.0)}, rel_w[] = {0, 0, 0};
    const int32_t key_count[] = {2};
    double y[1], p[3], log_sum[1], scratch[64];
    const struct kernel_env env = {.scratch = scratch, .scratch_bytes = sizeof scratch};
    struct attention_args args = {.dtype = DTYPE_F64,
                                  .batch = 1,
                                  .heads = 1,
                                  .tq = 1,
                                  .tk = 3,
                                  .dim = 1,
                                  .scale = 1,
                                  .q = q,
                                  .k = k,
                                  .v = v,
                                  .q_token = 1,
                                  .k_token = 1,
                                  .v_token = 1,
                                  .q_batch = 1,
                                  .k_batch = 3,
                                  .v_batch = 3,
                                  .rel_h = rel_h,
                                  .rel_w = rel_w,
                                  .kh = 1,
                                  .kw = 3,
                                  .key_count = key_count,
                                  .y = y,
                                  .probabilities = p,
                                  .log_sum = log_sum};

    f64()->attention(&env, &args);
    expect(p, (const double[]){0.25, 0.75, 0}, 3, 1e-14);
    expect(y, (const double[]){7}, 1, 1e-14);
    expect(log_sum, (const double[]){log(8.0)}, 1, 1e-14);
    args.probabilities = NULL;
    f64()->attention(&env, &args);
    expect(y, (const double[]){7}, 1, 1e-14);

    const int32_t none[] = {0};
    args.key_count = none;
    args.probabilities = p;
    f64()->attention(&env, &args);
    expect(y, (const double[]){0}, 1, 0);
    expect(p, (const double[]){0, 0, 0}, 3, 0);
}

static void relative_positions_by_hand(void **state)
{
    (void)state;
    /* q = 0 leaves rel_h[j / 3] + rel_w[j % 3]: p = [1 3 5 2 6 10] / 27 */
    const double q[] = {0}, k[6] = {0}, v[] = {27, 54, 81, 108, 135, 162};
    const double rel_h[] = {0, log(2.0)}, rel_w[] = {0, log(3.0), log(5.0)};
    double y[1], p[6], scratch[64];
    const struct kernel_env env = {.scratch = scratch, .scratch_bytes = sizeof scratch};
    const struct attention_args args = {.dtype = DTYPE_F64,
                                        .batch = 1,
                                        .heads = 1,
                                        .tq = 1,
                                        .tk = 6,
                                        .dim = 1,
                                        .scale = 1,
                                        .q = q,
                                        .k = k,
                                        .v = v,
                                        .q_token = 1,
                                        .k_token = 1,
                                        .v_token = 1,
                                        .q_batch = 1,
                                        .k_batch = 6,
                                        .v_batch = 6,
                                        .rel_h = rel_h,
                                        .rel_w = rel_w,
                                        .kh = 2,
                                        .kw = 3,
                                        .y = y,
                                        .probabilities = p};

    f64()->attention(&env, &args);
    expect(p, (const double[]){1.0 / 27, 3.0 / 27, 5.0 / 27, 2.0 / 27, 6.0 / 27, 10.0 / 27}, 6,
           1e-15);
    expect(y, (const double[]){1 + 6 + 15 + 8 + 30 + 60}, 1, 1e-12);
}

static void attention_layout_by_hand(void **state)
{
    (void)state;
    /* Two entries, two heads of dim 1. Entry 0, head 1 is the only place where scores differ: its
     * query is 1 and its keys 0 and log(3). bias lifts key 1 of head 0 by log(7). */
    const double q[] = {0, 1, 0, 0}, k[] = {0, 0, 0, log(3.0), 0, 0, 0, 0};
    const double v[] = {8, 4, 16, 8, 80, 40, 160, 80}, bias[] = {0, log(7.0), 0, 0};
    double y[4], scratch[64];
    const struct kernel_env env = {.scratch = scratch, .scratch_bytes = sizeof scratch};
    const struct attention_args args = {.dtype = DTYPE_F64,
                                        .batch = 2,
                                        .heads = 2,
                                        .tq = 1,
                                        .tk = 2,
                                        .dim = 1,
                                        .scale = 1,
                                        .q = q,
                                        .k = k,
                                        .v = v,
                                        .q_token = 2,
                                        .k_token = 2,
                                        .v_token = 2,
                                        .q_batch = 2,
                                        .k_batch = 4,
                                        .v_batch = 4,
                                        .bias = bias,
                                        .bias_head = 2,
                                        .bias_query = 2,
                                        .y = y};

    f64()->attention(&env, &args);
    expect(y, (const double[]){8 * 0.125 + 16 * 0.875, 4 * 0.25 + 8 * 0.75, 150, 60}, 4, 1e-12);
}

static void activations_by_hand(void **state)
{
    (void)state;
    const struct {
        enum activation activation;
        double x, y;
    } rows[] = {
        {ACTIVATION_NONE, -2, -2},
        {ACTIVATION_RELU, -2, 0},
        {ACTIVATION_RELU, 2, 2},
        {ACTIVATION_RELU6, 7, 6},
        {ACTIVATION_RELU6, -1, 0},
        {ACTIVATION_LEAKY_RELU, -2, -0.02},
        {ACTIVATION_SIGMOID, 0, 0.5},
        {ACTIVATION_TANH, 0.5, 0.46211715726000976},
        {ACTIVATION_GELU, 1, 0.84134474606854295},
        {ACTIVATION_GELU, -1, -0.15865525393145705},
        {ACTIVATION_GELU_TANH, 1, 0.8411919906082768},
        {ACTIVATION_QUICK_GELU, 1, 0.8457957659328212},
        {ACTIVATION_SILU, 1, 0.7310585786300049},
        {ACTIVATION_HARDSWISH, 1, 2.0 / 3},
        {ACTIVATION_HARDSWISH, -3.5, 0},
        {ACTIVATION_HARDSWISH, 4, 4},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double y;
        const struct activation_args args = {.dtype = DTYPE_F64,
                                             .count = 1,
                                             .activation = rows[i].activation,
                                             .x = &rows[i].x,
                                             .y = &y};
        f64()->activate(&inline_env, &args);
        expect(&y, &rows[i].y, 1, 1e-14);
    }
}

static void pools_by_hand(void **state)
{
    (void)state;
    /* 3x3 image 1..9, 2x2 windows with padding 1 on the low side, stride 2: {1} {2 3} {4 7} {5 6 8
     * 9} */
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, dy[] = {1, 10, 100, 1000};
    double y[4], dx[9];
    int32_t index[4];
    struct pool2d_args args = {.dtype = DTYPE_F64,
                               .n = 1,
                               .h = 3,
                               .w = 3,
                               .c = 1,
                               .oh = 2,
                               .ow = 2,
                               .kernel = {2, 2},
                               .stride = {2, 2},
                               .pad = {1, 1},
                               .is_max = true,
                               .x = x,
                               .y = y,
                               .index = index,
                               .dy = dy,
                               .dx = dx};

    f64()->pool2d(&inline_env, &args);
    expect(y, (const double[]){1, 3, 7, 9}, 4, 0);
    assert_memory_equal(index, ((const int32_t[]){0, 2, 6, 8}), sizeof index);
    f64()->pool2d_backward(&inline_env, &args);
    expect(dx, (const double[]){1, 0, 10, 0, 0, 0, 100, 0, 1000}, 9, 0);
    args.is_max = false;
    f64()->pool2d(&inline_env, &args);
    expect(y, (const double[]){1, 2.5, 5.5, 7}, 4, 0);
    f64()->pool2d_backward(&inline_env, &args);
    expect(dx, (const double[]){1, 5, 5, 50, 250, 250, 50, 250, 250}, 9, 0);
}

static void pool_channels_by_hand(void **state)
{
    (void)state;
    /* two pixels (1 9) (2 8): each channel has its largest value elsewhere */
    const double x[] = {1, 9, 2, 8};
    double y[2];
    int32_t index[2];
    const struct pool2d_args args = {.dtype = DTYPE_F64,
                                     .n = 1,
                                     .h = 1,
                                     .w = 2,
                                     .c = 2,
                                     .oh = 1,
                                     .ow = 1,
                                     .kernel = {1, 2},
                                     .stride = {1, 2},
                                     .is_max = true,
                                     .x = x,
                                     .y = y,
                                     .index = index};

    f64()->pool2d(&inline_env, &args);
    expect(y, (const double[]){2, 9}, 2, 0);
    assert_memory_equal(index, ((const int32_t[]){1, 0}), sizeof index);
}

static void resize_row(enum resize_mode mode, bool align_corners, const double *x, int w,
                       const double *expected, int ow, double tolerance)
{
    double y[16];
    const struct resize2d_args args = {.dtype = DTYPE_F64,
                                       .n = 1,
                                       .h = 1,
                                       .w = w,
                                       .c = 1,
                                       .oh = 1,
                                       .ow = ow,
                                       .mode = mode,
                                       .align_corners = align_corners,
                                       .x = x,
                                       .y = y};

    f64()->resize2d(&inline_env, &args);
    expect(y, expected, ow, tolerance);
}

static void resizes_by_hand(void **state)
{
    (void)state;
    const double step[] = {0, 4}, impulse[] = {0, 0, 1, 0, 0};

    resize_row(RESIZE_NEAREST, false, (const double[]){1, 2, 3}, 3, (const double[]){1, 1, 2, 2, 3},
               5, 0);
    resize_row(RESIZE_NEAREST, false, (const double[]){1, 2, 3, 4, 5}, 5, (const double[]){1, 2, 4},
               3, 0);
    resize_row(RESIZE_BILINEAR, false, step, 2, (const double[]){0, 1, 3, 4}, 4, 0);
    resize_row(RESIZE_BILINEAR, true, step, 2, (const double[]){0, 1, 2, 3, 4}, 5, 0);
    /* at twice the size outputs lie 1/4 and 3/4 between pixels; the kernel of a = -0.75 there:
     * k(0.25) = 0.87890625, k(0.75) = 0.26171875, k(1.25) = -0.10546875, k(1.75) = -0.03515625 */
    resize_row(RESIZE_BICUBIC, false, impulse, 5,
               (const double[]){0, -0.03515625, -0.10546875, 0.26171875, 0.87890625, 0.87890625,
                                0.26171875, -0.10546875, -0.03515625, 0},
               10, 1e-15);
    /* corners aligned, 5 to 9: every other output is a source pixel, half-way between them
     * k(0.5) = 0.59375, k(1.5) = -0.09375 */
    resize_row(RESIZE_BICUBIC, true, impulse, 5,
               (const double[]){0, -0.09375, 0, 0.59375, 1, 0.59375, 0, -0.09375, 0}, 9, 1e-15);
    /* beyond the border the last pixel repeats */
    resize_row(RESIZE_BICUBIC, false, (const double[]){3, 3}, 2, (const double[]){3, 3, 3, 3, 3}, 5,
               1e-14);
}

static void copy_by_hand(void **state)
{
    (void)state;
    const double src[] = {1, 2, 3, 4, 5, 6};
    double dst[6] = {0}, total[3] = {10, 20, 30};
    struct copy_args args = {.dtype = DTYPE_F64,
                             .rank = 2,
                             .extent = {2, 3},
                             .src_stride = {3, 1},
                             .dst_stride = {1, 2},
                             .src = src,
                             .dst = dst};

    f64()->copy(&inline_env, &args);
    expect(dst, (const double[]){1, 4, 2, 5, 3, 6}, 6, 0);
    args.dst_stride[0] = 0;
    args.dst_stride[1] = 1;
    args.dst = total;
    args.accumulate = true;
    f64()->copy(&inline_env, &args);
    expect(total, (const double[]){15, 27, 39}, 3, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_by_hand),
        cmocka_unit_test(gemm_batch_by_hand),
        cmocka_unit_test(conv_by_hand),
        cmocka_unit_test(conv_groups_by_hand),
        cmocka_unit_test(conv_extents_by_hand),
        cmocka_unit_test(conv_layout_by_hand),
        cmocka_unit_test(channels_by_hand),
        cmocka_unit_test(rows_by_hand),
        cmocka_unit_test(attention_by_hand),
        cmocka_unit_test(relative_positions_by_hand),
        cmocka_unit_test(attention_layout_by_hand),
        cmocka_unit_test(activations_by_hand),
        cmocka_unit_test(pools_by_hand),
        cmocka_unit_test(pool_channels_by_hand),
        cmocka_unit_test(resizes_by_hand),
        cmocka_unit_test(copy_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
