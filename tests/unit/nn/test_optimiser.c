/* Optimiser steps against the published formulas in double, clipping, averages, exact resume. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "memory_tensors.h"
#include "nn/optimiser.h"

/* Sizes that fill one chunk, several, and none in full. */
static const struct param_spec specs[] = {
    {.name = "weight",
     .shape = {2, {300, 111}},
     .init = PARAM_NORMAL,
     .init_scale = 0.1,
     .flags = PARAM_DECAY},
    {.name = "bias", .shape = {1, {7}}, .init = PARAM_NORMAL, .init_scale = 1, .rate = 0.25},
    {.name = "running", .shape = {1, {5}}, .init = PARAM_ONE, .flags = PARAM_BUFFER},
    {.name = "frozen",
     .shape = {1, {9}},
     .init = PARAM_NORMAL,
     .init_scale = 1,
     .flags = PARAM_FROZEN | PARAM_DECAY},
};
enum { WEIGHT, BIAS, RUNNING, FROZEN, N_PARAMS };

struct bench {
    struct params *params;
    struct optimiser *optimiser;
    struct tensor gradients[N_PARAMS];
    float gradient_data[N_PARAMS][300 * 111];
};

static void open_bench(struct bench *b, const struct optimiser_options *options)
{
    ana_error err = {0};
    assert_int_equal(params_create(&b->params, DTYPE_F32, &err), ANA_OK);
    for (int i = 0; i < N_PARAMS; i++)
        params_declare(b->params, &specs[i]);
    assert_int_equal(params_finish(b->params, &err), ANA_OK);
    params_initialise(b->params, 11);
    for (int i = 0; i < N_PARAMS; i++)
        b->gradients[i] = tensor_view(b->gradient_data[i], DTYPE_F32, specs[i].shape);
    b->gradients[RUNNING].data = NULL;
    if (optimiser_create(&b->optimiser, b->params, options, &err))
        fail_msg("%s", err.message);
}

static void close_bench(struct bench *b)
{
    optimiser_free(b->optimiser);
    params_free(b->params);
}

/* Running statistics change from step to step as a forward pass would change them. */
static void move_buffers(struct bench *b, int64_t step)
{
    const struct tensor running = params_value(b->params, RUNNING);
    struct random random = random_at(5, (uint64_t)step, 0, 2);
    for (int64_t k = 0; k < tensor_count(&running); k++)
        tensor_f32(&running)[k] = (float)random_normal(&random);
}

static void draw_gradients(struct bench *b, int64_t step)
{
    move_buffers(b, step);
    for (int i = 0; i < N_PARAMS; i++) {
        struct random random = random_at(5, (uint64_t)step, (uint32_t)i, 1);
        for (int64_t k = 0; k < shape_count(&specs[i].shape); k++)
            b->gradient_data[i][k] = (float)random_normal(&random);
    }
}

static void take_step(struct bench *b, int64_t step, struct pool *pool)
{
    ana_error err = {0};
    draw_gradients(b, step);
    if (optimiser_step(b->optimiser, b->gradients, 0.01, pool, NULL, &err))
        fail_msg("%s", err.message);
}

static double value_of(const struct bench *b, int param, int64_t i)
{
    const struct tensor value = params_value(b->params, param);
    return (double)tensor_f32(&value)[i];
}

/* The formulas of torch.optim, with decay apart from the gradient, for one element. */
struct oracle {
    double p, m, v, average;
};

static double gradient_norm_of(const struct bench *b)
{
    double sum = 0;
    for (int i = WEIGHT; i <= BIAS; i++)
        for (int64_t k = 0; k < shape_count(&specs[i].shape); k++)
            sum += (double)b->gradient_data[i][k] * (double)b->gradient_data[i][k];
    return sqrt(sum);
}

static void average(struct oracle *o, const struct optimiser_options *options, int n)
{
    const double decay = fmin(options->ema_decay, (1.0 + n) / (10.0 + n));
    o->average = decay * o->average + (1 - decay) * o->p;
}

static void oracle_step(struct oracle *o, const struct optimiser_options *options, double g,
                        double rate, bool decays, int n)
{
    if (decays)
        o->p *= 1 - rate * options->weight_decay;
    if (options->kind == OPTIMISER_ADAMW) {
        o->m = options->beta1 * o->m + (1 - options->beta1) * g;
        o->v = options->beta2 * o->v + (1 - options->beta2) * g * g;
        const double m = o->m / (1 - pow(options->beta1, n));
        const double v = o->v / (1 - pow(options->beta2, n));
        o->p -= rate * m / (sqrt(v) + options->epsilon);
    } else {
        o->m = options->momentum * o->m + g;
        o->p -= rate * o->m;
    }
    average(o, options, n);
}

static void check_against_oracle(const struct optimiser_options *options)
{
    static struct bench b;
    open_bench(&b, options);
    enum { WATCHED = 5 };
    const int64_t watched[WATCHED][2] = {
        {WEIGHT, 0}, {WEIGHT, 16383}, {WEIGHT, 33299}, {BIAS, 6}, {RUNNING, 4}};
    struct oracle oracles[WATCHED];
    for (int w = 0; w < WATCHED; w++) {
        const double p = value_of(&b, (int)watched[w][0], watched[w][1]);
        oracles[w] = (struct oracle){.p = p, .average = p};
    }
    const double frozen = value_of(&b, FROZEN, 3);
    for (int n = 1; n <= 20; n++) {
        draw_gradients(&b, n);
        const double norm = gradient_norm_of(&b), rate = 0.01 / n;
        const double scale = options->clip_norm > 0 && norm > options->clip_norm
                                 ? options->clip_norm / (norm + 1e-6)
                                 : 1;
        double told = 0;
        assert_int_equal(optimiser_step(b.optimiser, b.gradients, rate, NULL, &told, NULL), ANA_OK);
        assert_true(fabs(told - norm) <= 1e-9 * norm);
        for (int w = 0; w < WATCHED; w++) {
            const int param = (int)watched[w][0];
            if (param == RUNNING) {
                oracles[w].p = value_of(&b, param, watched[w][1]);
                average(&oracles[w], options, n);
                continue;
            }
            const double g = scale * (double)b.gradient_data[param][watched[w][1]];
            oracle_step(&oracles[w], options, g, rate * (param == BIAS ? 0.25 : 1), param == WEIGHT,
                        n);
            const double error = fabs(oracles[w].p - value_of(&b, param, watched[w][1]));
            if (error > 2e-6)
                fail_msg("step %d, value %d: error %g, tolerance 2e-6", n, w, error);
        }
    }
    optimiser_swap_ema(b.optimiser);
    for (int w = 0; w < WATCHED && options->ema_decay > 0; w++) {
        const double found = value_of(&b, (int)watched[w][0], watched[w][1]);
        if (fabs(oracles[w].average - found) > 2e-6)
            fail_msg("average %d: %g, expected %g", w, found, oracles[w].average);
    }
    assert_true(value_of(&b, FROZEN, 3) == frozen);
    optimiser_swap_ema(b.optimiser);
    assert_int_equal(optimiser_steps(b.optimiser), 20);
    close_bench(&b);
}

static void test_adamw(void **state)
{
    (void)state;
    struct optimiser_options options = optimiser_defaults();
    check_against_oracle(&options);
    options.weight_decay = 0.3;
    options.beta2 = 0.99;
    options.clip_norm = 5;
    options.ema_decay = 0.9;
    check_against_oracle(&options);
}

static void test_sgd(void **state)
{
    (void)state;
    struct optimiser_options options = optimiser_defaults();
    options.kind = OPTIMISER_SGD;
    options.clip_norm = 1;
    options.ema_decay = 0.5;
    check_against_oracle(&options);
}

/* By hand: the first AdamW step moves by the rate, whatever the gradient. */
static void test_first_step_by_hand(void **state)
{
    (void)state;
    static struct bench b;
    struct optimiser_options options = optimiser_defaults();
    options.weight_decay = 0.5;
    open_bench(&b, &options);
    const double weight = value_of(&b, WEIGHT, 1), bias = value_of(&b, BIAS, 1);
    draw_gradients(&b, 1);
    b.gradient_data[WEIGHT][1] = -250;
    b.gradient_data[BIAS][1] = 0.125F;
    assert_int_equal(optimiser_step(b.optimiser, b.gradients, 0.1, NULL, NULL, NULL), ANA_OK);
    assert_true(fabs(value_of(&b, WEIGHT, 1) - (weight * 0.95 + 0.1)) < 1e-6);
    assert_true(fabs(value_of(&b, BIAS, 1) - (bias - 0.025)) < 1e-6);
    close_bench(&b);
}

static void test_swapping_twice_changes_nothing(void **state)
{
    (void)state;
    static struct bench b;
    struct optimiser_options options = optimiser_defaults();
    options.ema_decay = 0.9;
    open_bench(&b, &options);
    take_step(&b, 1, NULL);
    take_step(&b, 2, NULL);
    const double before = value_of(&b, WEIGHT, 5);
    const uint64_t version = params_version(b.params);
    optimiser_swap_ema(b.optimiser);
    assert_true(params_version(b.params) != version);
    assert_true(value_of(&b, WEIGHT, 5) != before);
    optimiser_swap_ema(b.optimiser);
    assert_true(value_of(&b, WEIGHT, 5) == before);
    close_bench(&b);
}

static void expect_same_params(const struct bench *a, const struct bench *b)
{
    for (int i = 0; i < N_PARAMS; i++) {
        const struct tensor x = params_value(a->params, i), y = params_value(b->params, i);
        assert_memory_equal(x.data, y.data, tensor_bytes(&x));
    }
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    static struct bench one, many;
    struct optimiser_options options = optimiser_defaults();
    options.ema_decay = 0.9;
    options.clip_norm = 1;
    static const int thread_counts[] = {2, 4, 7};
    for (int t = 0; t < 3; t++) {
        const int n_threads = thread_counts[t];
        struct pool *pool = NULL;
        assert_int_equal(pool_create(&pool, n_threads, NULL), ANA_OK);
        open_bench(&one, &options);
        open_bench(&many, &options);
        for (int64_t step = 0; step < 3; step++) {
            take_step(&one, step, NULL);
            take_step(&many, step, pool);
        }
        expect_same_params(&one, &many);
        optimiser_swap_ema(one.optimiser);
        optimiser_swap_ema(many.optimiser);
        expect_same_params(&one, &many);
        close_bench(&one);
        close_bench(&many);
        pool_free(pool);
    }
}

static void check_resume(enum optimiser_kind kind)
{
    static struct bench whole, first, second;
    struct memory_tensors store;
    ana_error err = {0};
    struct optimiser_options options = optimiser_defaults();
    options.kind = kind;
    options.ema_decay = 0.9;
    open_bench(&whole, &options);
    open_bench(&first, &options);
    open_bench(&second, &options);
    for (int64_t step = 0; step < 6; step++)
        take_step(&whole, step, NULL);

    for (int64_t step = 0; step < 3; step++)
        take_step(&first, step, NULL);
    memory_tensors_init(&store);
    assert_int_equal(params_save(first.params, &store.sink, "model.", DTYPE_F32, &err), ANA_OK);
    assert_int_equal(optimiser_save(first.optimiser, &store.sink, &err), ANA_OK);
    params_initialise(second.params, 99);
    assert_int_equal(params_load_prefixed(second.params, &store.source, "model.", &err), ANA_OK);
    if (optimiser_load(second.optimiser, &store.source, &err))
        fail_msg("%s", err.message);
    for (int64_t step = 3; step < 6; step++)
        take_step(&second, step, NULL);

    expect_same_params(&whole, &second);
    optimiser_swap_ema(whole.optimiser);
    optimiser_swap_ema(second.optimiser);
    expect_same_params(&whole, &second);
    memory_tensors_clear(&store);
    close_bench(&whole);
    close_bench(&first);
    close_bench(&second);
}

static void test_resumed_runs_give_the_same_bytes(void **state)
{
    (void)state;
    check_resume(OPTIMISER_ADAMW);
    check_resume(OPTIMISER_SGD);
}

static void test_bad_states_are_refused(void **state)
{
    (void)state;
    static struct bench b;
    struct memory_tensors store;
    ana_error err = {0};
    const struct optimiser_options options = optimiser_defaults();
    open_bench(&b, &options);
    memory_tensors_init(&store);
    assert_int_equal(optimiser_save(b.optimiser, &store.sink, &err), ANA_OK);
    tensor_f32(memory_tensors_find(&store, "optimiser.v.bias"))[2] = NAN;
    assert_int_equal(optimiser_load(b.optimiser, &store.source, &err), ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "optimiser.v.bias"));
    memory_tensors_remove(&store, "optimiser.m.weight");
    assert_int_equal(optimiser_load(b.optimiser, &store.source, &err), ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "optimiser.m.weight is missing"));
    memory_tensors_remove(&store, "optimiser.step");
    assert_int_equal(optimiser_load(b.optimiser, &store.source, &err), ANA_ERR_FORMAT);
    memory_tensors_clear(&store);
    close_bench(&b);
}

static void test_gradients_that_are_not_finite_change_nothing(void **state)
{
    (void)state;
    static struct bench b;
    ana_error err = {0};
    const struct optimiser_options options = optimiser_defaults();
    open_bench(&b, &options);
    const double before = value_of(&b, WEIGHT, 0);
    draw_gradients(&b, 1);
    b.gradient_data[BIAS][3] = INFINITY;
    assert_int_not_equal(optimiser_step(b.optimiser, b.gradients, 0.1, NULL, NULL, &err), ANA_OK);
    assert_non_null(strstr(err.message, "bias"));
    assert_true(value_of(&b, WEIGHT, 0) == before);
    assert_int_equal(optimiser_steps(b.optimiser), 0);
    close_bench(&b);
}

static void test_parameters_without_gradient_stay(void **state)
{
    (void)state;
    static struct bench b;
    const struct optimiser_options options = optimiser_defaults();
    open_bench(&b, &options);
    const double before = value_of(&b, WEIGHT, 0);
    draw_gradients(&b, 1);
    b.gradients[WEIGHT].data = NULL;
    assert_int_equal(optimiser_step(b.optimiser, b.gradients, 0.1, NULL, NULL, NULL), ANA_OK);
    assert_true(value_of(&b, WEIGHT, 0) == before);
    close_bench(&b);
}

static void test_schedule(void **state)
{
    (void)state;
    assert_true(fabs(schedule_cosine(0, 10, 110, 2, 0) - 0.2) < 1e-12);
    assert_true(fabs(schedule_cosine(9, 10, 110, 2, 0) - 2) < 1e-12);
    assert_true(fabs(schedule_cosine(10, 10, 110, 2, 0) - 2) < 1e-12);
    assert_true(fabs(schedule_cosine(60, 10, 110, 2, 0) - 1) < 1e-12);
    assert_true(fabs(schedule_cosine(35, 10, 110, 2, 1) - (1 + 0.5 * (1 + sqrt(0.5)))) < 1e-12);
    assert_true(schedule_cosine(110, 10, 110, 2, 0.5) == 0.5);
    assert_true(schedule_cosine(5000, 10, 110, 2, 0.5) == 0.5);
    assert_true(schedule_cosine(0, 0, 10, 3, 0) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adamw),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_first_step_by_hand),
        cmocka_unit_test(test_swapping_twice_changes_nothing),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_resumed_runs_give_the_same_bytes),
        cmocka_unit_test(test_bad_states_are_refused),
        cmocka_unit_test(test_gradients_that_are_not_finite_change_nothing),
        cmocka_unit_test(test_parameters_without_gradient_stay),
        cmocka_unit_test(test_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
