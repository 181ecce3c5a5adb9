/* Attention, rows, arithmetic and losses against numbers worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value_bench.h"

/* ---- attention ---- */

enum { BATCH = 2, TOKENS = 5, HEADS = 2, DIM = 3, WIDTH = HEADS * DIM };

/* One packed tensor is its three parts, fused is materialised, and a rule is its mask. */
static void test_forms_of_attention_agree(void **state)
{
    (void)state;
    enum { N = BATCH * TOKENS * WIDTH };
    double qkv[3 * N], mask[TOKENS * TOKENS];
    draw(qkv, 3 * N, 1);
    for (int i = 0; i < TOKENS * TOKENS; i++)
        mask[i] = i % TOKENS > i / TOKENS ? -(double)INFINITY : 0;
    struct bench b = open_bench();
    const value all = input(&b, SHAPE(BATCH, TOKENS, 3 * WIDTH), qkv);
    const value bias = input(&b, SHAPE(1, TOKENS, TOKENS), mask);
    value part[3], form[4];
    for (int i = 0; i < 3; i++)
        part[i] = nn_slice(b.graph, NULL, all, 2, i * WIDTH, WIDTH);
    for (int i = 0; i < 4; i++) {
        const bool packed = i & 1, rule = i & 2;
        struct nn_attention_inputs in = packed ? nn_attention_of(all, NO_VALUE, NO_VALUE)
                                               : nn_attention_of(part[0], part[1], part[2]);
        in.bias = rule ? NO_VALUE : bias;
        form[i] = nn_attention(
            b.graph, NULL, in,
            &(struct nn_attention_options){.heads = HEADS, .causal = rule, .materialised = i == 1});
    }
    const value joined = nn_concat(b.graph, "y", form, 4);
    run(&b, joined, false);
    const struct tensor y = plan_value(b.plan, joined);
    for (int64_t i = 0; i < BATCH * TOKENS; i++)
        for (int64_t k = 0; k < 4 * WIDTH; k++) {
            const double first = tensor_f64(&y)[i * 4 * WIDTH + k % WIDTH];
            assert_true(fabs(tensor_f64(&y)[i * 4 * WIDTH + k] - first) < 1e-14);
        }
    /* The first token sees itself alone. */
    for (int64_t k = 0; k < WIDTH; k++)
        assert_true(fabs(tensor_f64(&y)[k] - qkv[2 * WIDTH + k]) < 1e-14);
    close_bench(&b);
}

/* The probabilities as a tap: named, fed in place of the computed ones, with their gradient. */
static void test_probabilities_are_a_tap(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const double zeros[4] = {0}, fed[] = {1, 0, 0.25, 0.75}, v[] = {10, 1, 20, 2};
    const value q = input(&b, SHAPE(1, 2, 2), zeros), k = input(&b, SHAPE(1, 2, 2), zeros);
    const value values = input(&b, SHAPE(1, 2, 2), v);
    const value y = nn_attention(b.graph, "y", nn_attention_of(q, k, values),
                                 &(struct nn_attention_options){.heads = 1, .materialised = true});
    const value p = graph_find(b.graph, "y.probabilities");
    assert_false(value_is_none(p));
    const struct plan_request request = {.outputs = &y,
                                         .n_outputs = 1,
                                         .fed = &p,
                                         .n_fed = 1,
                                         .seeds = &y,
                                         .n_seeds = 1,
                                         .wrt = &p,
                                         .n_wrt = 1};
    assert_int_equal(plan_create(&b.plan, b.graph, &request, NULL, NULL), ANA_OK);
    memcpy(plan_value(b.plan, p).data, fed, sizeof fed);
    memcpy(plan_value(b.plan, values).data, v, sizeof v);
    memcpy(plan_seed(b.plan, y).data, (const double[]){1, 0, 0, 1}, sizeof fed);
    assert_null(plan_value(b.plan, q).data); /* what made the probabilities is pruned */
    assert_int_equal(plan_forward(b.plan, NULL, NULL, NULL), ANA_OK);
    expect_values(&b, y, (const double[]){10, 1, 17.5, 1.75}, 4);
    assert_int_equal(plan_backward(b.plan, NULL, NULL, NULL), ANA_OK);
    const struct tensor dp = plan_gradient(b.plan, p);
    assert_memory_equal(dp.data, ((const double[]){10, 20, 1, 2}), 4 * sizeof(double));
    close_bench(&b);
}

/* Two rows of three queries, one channel: query (y, x) times the table's row y - y' + 1. */
static void test_relative_positions(void **state)
{
    (void)state;
    for (int along_w = 0; along_w < 2; along_w++) {
        struct bench b = open_bench();
        const value q = input(&b, SHAPE(1, 6, 1), (const double[]){1, 2, 3, 4, 5, 6});
        const value table = along_w
                                ? input(&b, SHAPE(5, 1), (const double[]){1, 10, 100, 1000, 10000})
                                : input(&b, SHAPE(3, 1), (const double[]){1, 10, 100});
        const value y = nn_relative_positions(
            b.graph, "y", q, table,
            &(struct nn_relative_options){
                .heads = 1, .grid = {2, 3}, .n_keys = along_w ? 3 : 2, .along_w = along_w});
        if (along_w)
            check(&b, y, false,
                  (const double[]){100, 10, 1, 2000, 200, 20, 30000, 3000, 300, 400, 40, 4, 5000,
                                   500, 50, 60000, 6000, 600},
                  18);
        else
            check(&b, y, false, (const double[]){10, 1, 20, 2, 30, 3, 400, 40, 500, 50, 600, 60},
                  12);
    }
}

/* ---- rows and arithmetic ---- */

static void test_masked_rows(void **state)
{
    (void)state;
    const double none = -(double)INFINITY;
    struct bench b = open_bench();
    const value x = input(&b, SHAPE(3, 2), (const double[]){5, 5 + log(3), 1, 1e3, -1e3, 7});
    const value mask = input(&b, SHAPE(3, 2), (const double[]){0, 0, none, none, 0, none});
    check(&b, nn_softmax(b.graph, "y", nn_add(b.graph, NULL, x, mask)), false,
          (const double[]){0.25, 0.75, 0, 0, 1, 0}, 6);
    b = open_bench();
    const value columns = input(&b, SHAPE(2, 2), (const double[]){1, 1e3, 1 + log(3), 1e3});
    check(&b, nn_softmax_over(b.graph, "y", columns, 0), false,
          (const double[]){0.25, 0.5, 0.75, 0.5}, 4);
    b = open_bench();
    const value row = input(&b, SHAPE(1, 2), (const double[]){1e3, 1e3 + log(3)});
    check(&b, nn_log_softmax(b.graph, "y", row), false, (const double[]){-log(4), log(0.75)}, 2);
}

static void test_arithmetic(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(2, 1), (const double[]){1, 2});
    value y = input(&b, SHAPE(3), (const double[]){10, 20, 40});
    check(&b, nn_binary(b.graph, "y", x, y, NN_SUB), false,
          (const double[]){-9, -19, -39, -8, -18, -38}, 6);
    b = open_bench();
    x = input(&b, SHAPE(2, 1), (const double[]){1, 2});
    y = input(&b, SHAPE(3), (const double[]){10, 20, 40});
    check(&b, nn_binary(b.graph, "y", x, y, NN_DIV), false,
          (const double[]){0.1, 0.05, 0.025, 0.2, 0.1, 0.05}, 6);
    b = open_bench();
    x = input(&b, SHAPE(2, 3, 1), (const double[]){1, 5, 3, -4, -6, -5});
    check(&b, nn_reduce(b.graph, "y", x, &(struct nn_reduce_options){NN_MAX, 1, 1, false}), false,
          (const double[]){5, -4}, 2);
    b = open_bench();
    x = input(&b, SHAPE(2, 3, 1), (const double[]){1, 5, 3, -4, -6, -5});
    check(&b, nn_reduce(b.graph, "y", x, &(struct nn_reduce_options){NN_MEAN, 0, 2, true}), false,
          (const double[]){-1}, 1);
    b = open_bench();
    x = input(&b, SHAPE(2, 2), (const double[]){3, 4, 0, 0});
    y = input(&b, SHAPE(2), (const double[]){0, 2});
    check(&b, nn_cosine(b.graph, "y", x, y, 1e-6), false, (const double[]){0.8, 0}, 2);
}

static void test_take(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct bench b = open_bench();
    value table = input(&b, SHAPE(3, 4), x);
    value index = index_input(&b, SHAPE(2, 1), (const int32_t[]){2, 0});
    check(&b, nn_take(b.graph, "y", table, index), false,
          (const double[]){9, 10, 11, 12, 1, 2, 3, 4}, 8);
    b = open_bench();
    table = input(&b, SHAPE(2, 3, 2), x);
    index = index_input(&b, SHAPE(2), (const int32_t[]){1, 2});
    check(&b, nn_take_each(b.graph, "y", table, index), false, (const double[]){3, 4, 11, 12}, 4);
}

/* KL of the information bottleneck (medclip-sam.md 13) from the pieces: -(1 + ln v - mu^2 - v) / 2
 * with lambda the sigmoid of alpha, mu = x lambda, v = (1 - lambda)^2. */
static void test_bottleneck_divergence(void **state)
{
    (void)state;
    struct bench b = open_bench();
    struct graph *g = b.graph;
    const value alpha = input(&b, SHAPE(3), (const double[]){5, 5, -4});
    const value x = input(&b, SHAPE(3), (const double[]){0, 1, 1});
    const value one = input(&b, SHAPE(1), (const double[]){1});
    const value lambda = nn_activate(g, NULL, alpha, ACTIVATION_SIGMOID);
    const value mu = nn_mul(g, NULL, x, lambda);
    const value rest = nn_binary(g, NULL, one, lambda, NN_SUB), v = nn_mul(g, NULL, rest, rest);
    const value sum = nn_combine(g, NULL, nn_mul(g, NULL, mu, mu), 1, v, 1);
    const value inner = nn_binary(
        g, NULL, nn_combine(g, NULL, sum, 1, nn_unary(g, NULL, v, NN_LOG), -1), one, NN_SUB);
    run(&b, nn_combine(g, "kl", inner, 0.5, NO_VALUE, 0), false);
    const struct tensor kl = plan_value(b.plan, graph_find(g, "kl"));
    const double expected[] = {4.506737745615884, 5.000067291818347, 0.00048722170451859226};
    for (int i = 0; i < 3; i++)
        assert_true(fabs(tensor_f64(&kl)[i] - expected[i]) < 1e-13);
    close_bench(&b);
}

/* ---- losses ---- */

static void test_classes(void **state)
{
    (void)state;
    struct bench b = open_bench();
    value x = input(&b, SHAPE(1, 3, 2), (const double[]){0, log(3), 9, 9, 2, 2 + log(7)});
    const value t = index_input(&b, SHAPE(1, 3), (const int32_t[]){1, -1, 0});
    check(&b, nn_cross_entropy(b.graph, "y", x, t), false,
          (const double[]){log(4.0 / 3), 0, log(8)}, 3);
    b = open_bench();
    x = input(&b, SHAPE(1, 2), (const double[]){0, log(3)});
    const value soft = input(&b, SHAPE(1, 2), (const double[]){0.25, 0.75});
    check(&b, nn_soft_cross_entropy(b.graph, "y", x, soft), false,
          (const double[]){log(4) - 0.75 * log(3)}, 1);
    b = open_bench();
    x = input(&b, SHAPE(2, 2), (const double[]){1, 2, 3, 4});
    const value target = input(&b, SHAPE(2, 2), (const double[]){0, 0, 3, 2});
    check(&b, nn_squared_error(b.graph, "y", x, target), false, (const double[]){2.5, 2}, 2);
}

/* vlsm.md 12: an empty target, and half probabilities on four pixels of it. */
static void test_dice(void **state)
{
    (void)state;
    const double p[] = {0.5, 1, 0.5, 1, 0.5, 0, 0.5, 0}, t[] = {0, 1, 0, 1, 0, 0, 0, 1};
    const struct nn_dice_options o[] = {
        {.smooth = 1e-5}, {.smooth = 1, .squared = true}, {.smooth = 1, .batch = true}};
    const double per_sample[] = {1 - 1e-5 / 2.00001, 1 - 4.00001 / 5.00001};
    const double squared[] = {1 - 1 / 2.0, 1 - 5.0 / 6};
    const double batch[] = {1 - 1 / 3.0, 1 - 5.0 / 6};
    const double *expected[] = {per_sample, squared, batch};
    for (int i = 0; i < 3; i++) {
        struct bench b = open_bench();
        const struct shape shape = i == 2 ? SHAPE(2, 2, 2) : SHAPE(1, 4, 2);
        const value x = input(&b, shape, p), target = input(&b, shape, t);
        check(&b, nn_dice(b.graph, "y", x, target, &o[i]), false, expected[i], 2);
    }
}

/* medclip-sam.md 13: tau 0.6, beta 0.15, alpha 0. */
static void test_contrastive(void **state)
{
    (void)state;
    const double two[] = {0.5, 0.1, 0.2, 0.4};
    const double three[] = {0.50, 0.10, 0.20, 0.15, 0.40, 0.05, 0.25, 0.30, 0.60};
    const struct {
        enum nn_contrastive_kind kind;
        const double *s;
        int64_t n;
        double expected;
    } rows[] = {{NN_DHN_NCE_RELEASED, two, 2, -2.1160876327890463},
                {NN_DHN_NCE, two, 2, -2.0},
                {NN_DHN_NCE_RELEASED, three, 3, -1.3361906561048655},
                {NN_DHN_NCE, three, 3, 0.9515968417336484}};
    for (int i = 0; i < 4; i++) {
        struct bench b = open_bench();
        const value s = input(&b, SHAPE(rows[i].n, rows[i].n), rows[i].s);
        const value y = nn_contrastive(
            b.graph, "y", nn_combine(b.graph, NULL, s, 1 / 0.6, NO_VALUE, 0),
            &(struct nn_contrastive_options){.kind = rows[i].kind, .beta = {0.15, 0.15}});
        check(&b, y, false, &rows[i].expected, 1);
    }
    struct bench b = open_bench();
    const value l = input(&b, SHAPE(2, 2), (const double[]){log(3), 0, 0, log(3)});
    check(&b,
          nn_contrastive(b.graph, "y", l, &(struct nn_contrastive_options){.kind = NN_INFO_NCE}),
          false, (const double[]){log(4.0 / 3)}, 1);
}

static void test_match(void **state)
{
    (void)state;
    struct bench b = open_bench();
    const value s = input(&b, SHAPE(1, 3), (const double[]){0, log(2), log(5)});
    const value positive = input(&b, SHAPE(1, 3), (const double[]){0, 0, 1});
    const value negative = input(&b, SHAPE(1, 3), (const double[]){0.5, 0, 0});
    check(&b, nn_match(b.graph, "y", s, positive, negative), false,
          (const double[]){-log(5.0 / 8) - 0.5 * log(7.0 / 8)}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_attention_agree),
        cmocka_unit_test(test_probabilities_are_a_tap),
        cmocka_unit_test(test_relative_positions),
        cmocka_unit_test(test_masked_rows),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_bottleneck_divergence),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_dice),
        cmocka_unit_test(test_contrastive),
        cmocka_unit_test(test_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
