/* What the operators compute, against numbers worked out by hand or by plain loops here: the other
 * tests only compare one of our paths with another. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "value_bench.h"

static void test_linear(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(2, 2), (const double[]){1, 2, -1, 0.5});
    const value w = input(&b, SHAPE(2, 2), (const double[]){3, 4, 5, 6});
    const value bias = input(&b, SHAPE(2), (const double[]){0.5, -10});
    check(&b, nn_linear(b.graph, "y", x, w, bias, ACTIVATION_RELU), false,
          (const double[]){11.5, 7, 0, 0}, 4);
}

static void test_matmul(void **state)
{
    (void)state;
    for (int transposed = 0; transposed < 2; transposed++) {
        struct bench b = open_bench();
        const value x = input(&b, SHAPE(1, 2, 2), (const double[]){1, 2, 3, 4});
        const value y = transposed ? input(&b, SHAPE(1, 3, 2), (const double[]){5, 8, 6, 9, 7, 10})
                                   : input(&b, SHAPE(1, 2, 3), (const double[]){5, 6, 7, 8, 9, 10});
        check(&b, nn_matmul(b.graph, "y", x, y, transposed ? NN_TRANSPOSE_B : 0), false,
              (const double[]){21, 24, 27, 47, 54, 61}, 6);
    }
}

/* 2 x 2 kernel over a 2 x 3 image, stride 1: written out. */
static void test_convolution(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(1, 2, 3, 1), (const double[]){1, 2, 3, 4, 5, 6});
    const value w = input(&b, SHAPE(1, 1, 2, 2), (const double[]){1, 10, 100, 1000});
    const value bias = input(&b, SHAPE(1), (const double[]){0.5});
    check(&b, nn_conv(b.graph, "y", x, w, bias, NULL), false,
          (const double[]){1 + 20 + 400 + 5000 + 0.5, 2 + 30 + 500 + 6000 + 0.5}, 2);
}

/* One axis per loop, as the definition says. */
struct norm_data {
    double x[3 * 4 * 5], gain[5], bias[5], film[3 * 10], residual[3 * 4 * 5];
    double running_mean[5], running_var[5];
};
enum { N = 3, P = 4, C = 5 };

static void draw_norm(struct norm_data *d)
{
    draw(d->x, N * P * C, 1);
    draw(d->gain, C, 2);
    draw(d->bias, C, 3);
    draw(d->film, N * 2 * C, 4);
    draw(d->residual, N * P * C, 5);
    draw(d->running_mean, C, 6);
    draw(d->running_var, C, 7);
    for (int c = 0; c < C; c++)
        d->running_var[c] = 0.5 + d->running_var[c] * d->running_var[c];
}

static double norm_by_definition(const struct norm_data *d, int n, int p, int c, double mean,
                                 double variance)
{
    const int at = (n * P + p) * C + c;
    const double xhat = (d->x[at] - mean) / sqrt(variance + 1e-5);
    const double g = d->film[n * 2 * C + c], b = d->film[n * 2 * C + C + c];
    const double z = (1 + g) * (d->gain[c] * xhat + d->bias[c]) + b + d->residual[at];
    return z > 0 ? z : 0;
}

/* Over [n_from, n_to) x P x [c_from, c_to). */
static void moments(const struct norm_data *d, const int range[4], double *mean, double *variance,
                    double *count)
{
    double sum = 0, square = 0;
    *count = (double)((range[1] - range[0]) * P * (range[3] - range[2]));
    for (int n = range[0]; n < range[1]; n++)
        for (int p = 0; p < P; p++)
            for (int c = range[2]; c < range[3]; c++)
                sum += d->x[(n * P + p) * C + c];
    *mean = sum / *count;
    for (int n = range[0]; n < range[1]; n++)
        for (int p = 0; p < P; p++)
            for (int c = range[2]; c < range[3]; c++)
                square += pow(d->x[(n * P + p) * C + c] - *mean, 2);
    *variance = square / *count;
}

static struct nn_norm_inputs norm_inputs(struct bench *b, const struct norm_data *d)
{
    return (struct nn_norm_inputs){.x = input(b, SHAPE(N, P, C), d->x),
                                   .gain = input(b, SHAPE(C), d->gain),
                                   .bias = input(b, SHAPE(C), d->bias),
                                   .running_mean = input(b, SHAPE(C), d->running_mean),
                                   .running_var = input(b, SHAPE(C), d->running_var),
                                   .film = input(b, SHAPE(N, 2 * C), d->film),
                                   .residual = input(b, SHAPE(N, P, C), d->residual)};
}

static void check_batch_norm(bool training)
{
    struct norm_data d;
    struct bench b = open_bench();
    double expected[N * P * C], mean[C], variance[C], running_mean[C], running_var[C];
    draw_norm(&d);
    for (int c = 0; c < C; c++) {
        double count;
        running_mean[c] = mean[c] = d.running_mean[c];
        running_var[c] = variance[c] = d.running_var[c];
        if (!training)
            continue;
        moments(&d, (const int[]){0, N, c, c + 1}, &mean[c], &variance[c], &count);
        running_mean[c] = 0.75 * running_mean[c] + 0.25 * mean[c];
        running_var[c] = 0.75 * running_var[c] + 0.25 * variance[c] * count / (count - 1);
    }
    for (int i = 0; i < N * P * C; i++)
        expected[i] =
            norm_by_definition(&d, i / (P * C), i / C % P, i % C, mean[i % C], variance[i % C]);
    const struct nn_norm_inputs in = norm_inputs(&b, &d);
    const value y =
        nn_batch_norm(b.graph, "y", in,
                      &(struct nn_norm_options){.momentum = 0.25, .activation = ACTIVATION_RELU});
    run(&b, y, training);
    expect_values(&b, y, expected, N * P * C);
    expect_values(&b, in.running_mean, running_mean, C);
    expect_values(&b, in.running_var, running_var, C);
    close_bench(&b);
}

static void test_batch_norm(void **state)
{
    (void)state;
    check_batch_norm(true);
    check_batch_norm(false);
}

static void test_instance_norm(void **state)
{
    (void)state;
    struct norm_data d;
    struct bench b = open_bench();
    double expected[N * P * C];
    draw_norm(&d);
    for (int i = 0; i < N * P * C; i++) {
        const int n = i / (P * C), c = i % C;
        double mean, variance, count;
        moments(&d, (const int[]){n, n + 1, c, c + 1}, &mean, &variance, &count);
        expected[i] = norm_by_definition(&d, n, i / C % P, c, mean, variance);
    }
    const struct nn_norm_inputs in = norm_inputs(&b, &d);
    run(&b,
        nn_group_norm(b.graph, "y", in,
                      &(struct nn_norm_options){.groups = C, .activation = ACTIVATION_RELU}),
        true);
    expect_values(&b, graph_find(b.graph, "y"), expected, N * P * C);
    close_bench(&b);
}

static void test_one_group_norm(void **state)
{
    (void)state;
    struct norm_data d;
    struct bench b = open_bench();
    double expected[N * P * C];
    draw_norm(&d);
    for (int i = 0; i < N * P * C; i++) {
        const int n = i / (P * C);
        double mean, variance, count;
        moments(&d, (const int[]){n, n + 1, 0, C}, &mean, &variance, &count);
        expected[i] = (d.x[i] - mean) / sqrt(variance + 1e-5);
    }
    const struct nn_norm_inputs in = {
        input(&b, SHAPE(N, P, C), d.x), NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE};
    check(&b, nn_group_norm(b.graph, "y", in, &(struct nn_norm_options){.groups = 1}), true,
          expected, N * P * C);
}

static void test_rows(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(2, 2), (const double[]){1, 3, -5, 5});
    const double a = 1 / sqrt(1 + 1e-5), c = 5 / sqrt(25 + 1e-5);
    check(&b, nn_layer_norm(b.graph, "y", x, NO_VALUE, NO_VALUE, 1e-5), false,
          (const double[]){-a, a, -c, c}, 4);

    b = open_bench();
    x = input(&b, SHAPE(2, 2), (const double[]){3, -4, 0, 0});
    check(&b, nn_l2_normalise(b.graph, "y", x, 1e-12), false, (const double[]){0.6, -0.8, 0, 0}, 4);

    b = open_bench();
    x = input(&b, SHAPE(2, 2), (const double[]){log(1), log(3), 1000, 1000});
    check(&b, nn_softmax(b.graph, "y", x), false, (const double[]){0.25, 0.75, 0.5, 0.5}, 4);
}

static void test_moving_elements(void **state)
{
    (void)state;
    const double numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct bench b = open_bench();
    value x = input(&b, SHAPE(1, 1, 1, 8), numbers);
    /* channel 4 c + 2 dy + dx goes to (dy, dx, c) */
    check(&b, nn_depth_to_space(b.graph, "y", x, 2), false,
          (const double[]){0, 4, 1, 5, 2, 6, 3, 7}, 8);

    b = open_bench();
    x = input(&b, SHAPE(1, 2, 2, 2), (const double[]){0, 4, 1, 5, 2, 6, 3, 7});
    check(&b, nn_space_to_depth(b.graph, "y", x, 2), false, numbers, 8);

    b = open_bench();
    x = input(&b, SHAPE(2, 4), numbers);
    check(&b, nn_permute(b.graph, "y", x, (const int[]){1, 0}), false,
          (const double[]){0, 4, 1, 5, 2, 6, 3, 7}, 8);

    b = open_bench();
    x = input(&b, SHAPE(2, 4), numbers);
    check(&b, nn_slice(b.graph, "y", x, 1, 1, 2), false, (const double[]){1, 2, 5, 6}, 4);

    b = open_bench();
    x = input(&b, SHAPE(2, 2), numbers);
    const value other = input(&b, SHAPE(2, 1), (const double[]){8, 9});
    check(&b, nn_concat(b.graph, "y", (const value[]){x, other}, 2), false,
          (const double[]){0, 1, 8, 2, 3, 9}, 6);

    b = open_bench();
    x = input(&b, SHAPE(4, 2), numbers);
    check(&b, nn_take(b.graph, "y", x, index_input(&b, SHAPE(3), (const int32_t[]){2, 0, 2})),
          false, (const double[]){4, 5, 0, 1, 4, 5}, 6);
}

static void test_word_bag(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value table = input(&b, SHAPE(3, 2), (const double[]){1, 2, 3, 4, 10, 20});
    const value index = index_input(&b, SHAPE(3, 2), (const int32_t[]){2, 0, -1, 1, -1, -1});
    check(&b, nn_word_bag(b.graph, "y", table, index), false, (const double[]){5.5, 11, 3, 4, 0, 0},
          6);
}

static void test_elementwise(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(2, 2), (const double[]){1, -2, 3, 4});
    value y = input(&b, SHAPE(2, 2), (const double[]){5, 6, 7, 8});
    check(&b, nn_combine(b.graph, "y", x, 2, y, -1), false, (const double[]){-3, -10, -1, 0}, 4);

    b = open_bench();
    x = input(&b, SHAPE(2, 2), (const double[]){1, -2, 3, 4});
    y = input(&b, SHAPE(2, 2), (const double[]){5, 6, 7, 8});
    check(&b, nn_mul(b.graph, "y", x, y), false, (const double[]){5, -12, 21, 32}, 4);

    b = open_bench();
    x = input(&b, SHAPE(2, 2), (const double[]){1, -2, 3, 4});
    y = input(&b, SHAPE(2), (const double[]){10, 0.5});
    check(&b, nn_scale_rows(b.graph, "y", x, y), false, (const double[]){10, -20, 1.5, 2}, 4);
}

static void test_pooling_and_resizing(void **state)
{
    (void)state;
    const double numbers[] = {1, 2, 5, 4, 3, 9}; /* 2 x 3 */
    struct bench b = open_bench();
    value x = input(&b, SHAPE(1, 2, 3, 1), numbers);
    check(&b, nn_global_pool(b.graph, "y", x, false), false, (const double[]){4}, 1);

    b = open_bench();
    x = input(&b, SHAPE(1, 2, 3, 1), numbers);
    check(&b, nn_global_pool(b.graph, "y", x, true), false, (const double[]){9}, 1);

    b = open_bench();
    x = input(&b, SHAPE(1, 2, 3, 1), numbers);
    check(&b,
          nn_pool2d(b.graph, "y", x,
                    &(struct nn_pool_options){.kernel = {2, 2}, .stride = {1, 1}, .is_max = true}),
          false, (const double[]){4, 9}, 2);

    b = open_bench();
    x = input(&b, SHAPE(1, 2, 3, 1), numbers);
    check(&b,
          nn_pool2d(b.graph, "y", x, &(struct nn_pool_options){.kernel = {2, 3}, .is_max = false}),
          false, (const double[]){4}, 1);

    b = open_bench();
    x = input(&b, SHAPE(1, 1, 2, 1), numbers);
    check(&b, nn_resize2d(b.graph, "y", x, 1, 4, RESIZE_BILINEAR, false), false,
          (const double[]){1, 1.25, 1.75, 2}, 4);

    b = open_bench();
    x = input(&b, SHAPE(1, 1, 2, 1), numbers);
    check(&b, nn_resize2d(b.graph, "y", x, 2, 3, RESIZE_NEAREST, false), false,
          (const double[]){1, 1, 2, 1, 1, 2}, 6);
}

/* A query of zeros looks at all unmasked keys alike. */
static void test_attention(void **state)
{
    (void)state;
    for (int materialised = 0; materialised < 2; materialised++) {
        struct bench b = open_bench();
        const value q = input(&b, SHAPE(2, 1, 2), (const double[]){0, 0, 0, log(3) * sqrt(2)});
        const value k =
            input(&b, SHAPE(2, 3, 2), (const double[]){1, 2, 3, 4, 5, 6, 0, 0, 0, 1, 7, 8});
        const value v =
            input(&b, SHAPE(2, 3, 2), (const double[]){1, 2, 3, 4, 8, 9, 0, 4, 8, 12, 5, 6});
        const value count = index_input(&b, SHAPE(2), (const int32_t[]){3, 2});
        struct nn_attention_inputs in = nn_attention_of(q, k, v);
        in.key_count = count;
        check(
            &b,
            nn_attention(b.graph, "y", in,
                         &(struct nn_attention_options){.heads = 1, .materialised = materialised}),
            false, (const double[]){4, 5, 6, 10}, 4);
    }
}

static void test_mask_losses(void **state)
{
    (void)state;
    enum { SAMPLES = 2, SIZE = 77 };
    double x[SAMPLES * SIZE], t[SAMPLES * SIZE], bce[SAMPLES], dice[SAMPLES], both[SAMPLES];
    draw(x, SAMPLES * SIZE, 8);
    draw(t, SAMPLES * SIZE, 9);
    for (int p = 0; p < SAMPLES; p++) {
        double st = 0, s = 0, sum_t = 0;
        bce[p] = 0;
        for (int i = p * SIZE; i < (p + 1) * SIZE; i++) {
            x[i] *= 5;
            t[i] = t[i] > 0 ? 1 : 0.25;
            const double sigmoid = 1 / (1 + exp(-x[i]));
            bce[p] -= (t[i] * log(sigmoid) + (1 - t[i]) * log(1 - sigmoid)) / SIZE;
            st += sigmoid * t[i];
            s += sigmoid;
            sum_t += t[i];
        }
        dice[p] = 1 - (2 * st + 0.5) / (s + sum_t + 0.5);
        both[p] = 0.7 * bce[p] + 1.3 * dice[p];
    }
    struct bench b = open_bench();
    value logits = input(&b, SHAPE(SAMPLES, 7, 11), x),
          target = input(&b, SHAPE(SAMPLES, 7, 11), t);
    check(&b, nn_bce_logits(b.graph, "y", logits, target), false, bce, SAMPLES);
    b = open_bench();
    logits = input(&b, SHAPE(SAMPLES, 7, 11), x);
    target = input(&b, SHAPE(SAMPLES, 7, 11), t);
    check(&b, nn_soft_dice(b.graph, "y", logits, target, 0.5), false, dice, SAMPLES);
    b = open_bench();
    logits = input(&b, SHAPE(SAMPLES, 7, 11), x);
    target = input(&b, SHAPE(SAMPLES, 7, 11), t);
    check(&b, nn_bce_dice(b.graph, "y", logits, target, 0.5, 0.7, 1.3), false, both, SAMPLES);
}

static void test_losses_of_huge_logits_stay_finite(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(1, 4), (const double[]){1000, -1000, 1000, -1000});
    const value t = input(&b, SHAPE(1, 4), (const double[]){1, 0, 0, 1});
    check(&b, nn_bce_logits(b.graph, "y", x, t), false, (const double[]){500}, 1);

    b = open_bench();
    x = input(&b, SHAPE(2, 2), (const double[]){1000, 0, 0, log(3)});
    const value index = index_input(&b, SHAPE(2), (const int32_t[]){1, 0});
    check(&b, nn_cross_entropy(b.graph, "y", x, index), false, (const double[]){1000, log(4)}, 2);
}

static void test_weighted_sum(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(3), (const double[]){1, 2, 3});
    const value w = input(&b, SHAPE(3), (const double[]){0.5, 0, -2});
    check(&b, nn_weighted_sum(b.graph, "y", x, w), false, (const double[]){-5.5}, 1);
}

enum { DROPPED = 40000 };

static double share_of_zeros(const struct bench *b, value y, double other)
{
    const struct tensor tensor = plan_value(b->plan, y);
    int64_t zeros = 0;
    for (int64_t i = 0; i < DROPPED; i++) {
        zeros += tensor_f64(&tensor)[i] == 0;
        assert_true(tensor_f64(&tensor)[i] == 0 || fabs(tensor_f64(&tensor)[i] - other) < 1e-12);
    }
    return (double)zeros / DROPPED;
}

static void test_dropout(void **state)
{
    (void)state;
    static double ones[DROPPED], kept[DROPPED];
    for (int i = 0; i < DROPPED; i++)
        ones[i] = 1;
    struct bench b = open_bench();
    const value y = nn_dropout(b.graph, "y", input(&b, SHAPE(DROPPED), ones), 0.2);
    run(&b, y, true);
    /* five standard deviations of 0.002 */
    assert_true(fabs(share_of_zeros(&b, y, 1.25) - 0.2) < 0.01);
    const struct tensor tensor = plan_value(b.plan, y);
    memcpy(kept, tensor.data, sizeof kept);
    assert_int_equal(plan_forward(b.plan, NULL, NULL, NULL), ANA_OK);
    assert_memory_equal(tensor.data, kept, sizeof kept);
    plan_set_step(b.plan, 0, 1);
    assert_int_equal(plan_forward(b.plan, NULL, NULL, NULL), ANA_OK);
    assert_memory_not_equal(tensor.data, kept, sizeof kept);
    close_bench(&b);

    b = open_bench();
    const value z = nn_dropout(b.graph, "y", input(&b, SHAPE(DROPPED), ones), 0.2);
    check(&b, z, false, ones, DROPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_batch_norm),
        cmocka_unit_test(test_instance_norm),
        cmocka_unit_test(test_one_group_norm),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_moving_elements),
        cmocka_unit_test(test_word_bag),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_pooling_and_resizing),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_mask_losses),
        cmocka_unit_test(test_losses_of_huge_logits_stay_finite),
        cmocka_unit_test(test_weighted_sum),
        cmocka_unit_test(test_dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
