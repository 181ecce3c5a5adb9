/* Parameters: declaration, initialisation, loading with its complaints, saving. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "memory_tensors.h"
#include "nn/params.h"

static const struct param_spec small_model[] = {
    {.name = "conv.weight",
     .shape = {4, {8, 4, 3, 3}},
     .init = PARAM_HE_FAN_IN,
     .init_scale = 1,
     .flags = PARAM_DECAY},
    {.name = "norm.gain", .shape = {1, {8}}, .init = PARAM_ONE},
    {.name = "norm.mean", .shape = {1, {8}}, .flags = PARAM_BUFFER},
    {.name = "words", .shape = {2, {50, 16}}, .init = PARAM_NORMAL, .init_scale = 0.5, .rate = 3},
    {.name = "scale", .shape = {1, {1}}, .init = PARAM_CONSTANT, .init_scale = 4.6},
};
enum { CONV, GAIN, MEAN, WORDS, SCALE, N_PARAMS };

static struct params *make(enum dtype dtype)
{
    struct params *params = NULL;
    ana_error err = {0};
    assert_int_equal(params_create(&params, dtype, &err), ANA_OK);
    for (int i = 0; i < N_PARAMS; i++)
        assert_int_equal(params_declare(params, &small_model[i]), i);
    if (params_finish(params, &err))
        fail_msg("%s", err.message);
    return params;
}

static void test_declared_ones_can_be_asked(void **state)
{
    (void)state;
    struct params *params = make(DTYPE_F32);
    assert_int_equal(params_count(params), N_PARAMS);
    assert_int_equal(params_elements(params), 8 * 4 * 9 + 8 + 50 * 16 + 1);
    assert_int_equal(params_find(params, "words"), WORDS);
    assert_int_equal(params_find(params, "word"), -1);
    assert_true(params_spec(params, WORDS)->rate == 3);
    assert_true(params_spec(params, GAIN)->rate == 1);
    const struct tensor value = params_value(params, CONV);
    assert_int_equal((uintptr_t)value.data % 64, 0);
    assert_int_equal(tensor_count(&value), 288);
    const uint64_t version = params_version(params);
    params_touch(params);
    assert_true(params_version(params) != version);
    params_free(params);
}

static void expect_failed_declaration(const struct param_spec *spec, const char *expected)
{
    struct params *params = NULL;
    ana_error err = {0};
    assert_int_equal(params_create(&params, DTYPE_F32, &err), ANA_OK);
    params_declare(params, &small_model[GAIN]);
    params_declare(params, spec);
    params_declare(params, &small_model[WORDS]);
    assert_int_not_equal(params_finish(params, &err), ANA_OK);
    if (!strstr(err.message, expected))
        fail_msg("\"%s\" does not say \"%s\"", err.message, expected);
    params_free(params);
}

static void test_bad_declarations_stick(void **state)
{
    (void)state;
    expect_failed_declaration(&small_model[GAIN], "two parameters are named norm.gain");
    expect_failed_declaration(
        &(struct param_spec){.name = "huge", .shape = {3, {INT64_MAX, INT64_MAX, 9}}},
        "huge has an impossible shape");
    expect_failed_declaration(&(struct param_spec){.name = "none", .shape = {2, {4, 0}}},
                              "none has an impossible shape");
}

static void test_initial_values(void **state)
{
    (void)state;
    struct params *params = make(DTYPE_F32), *same = make(DTYPE_F32);
    params_initialise(params, 7);
    params_initialise(same, 7);
    double square[N_PARAMS] = {0};
    for (int i = 0; i < N_PARAMS; i++) {
        const struct tensor a = params_value(params, i), b = params_value(same, i);
        assert_memory_equal(a.data, b.data, tensor_bytes(&a));
        for (int64_t k = 0; k < tensor_count(&a); k++)
            square[i] += (double)tensor_f32(&a)[k] * (double)tensor_f32(&a)[k];
        square[i] /= (double)tensor_count(&a);
    }
    /* The variance of n draws is off by about sqrt(2 / n): 0.08 and 0.05 of it. */
    assert_true(fabs(square[CONV] / (2.0 / 36) - 1) < 0.3);
    assert_true(fabs(square[WORDS] / 0.25 - 1) < 0.2);
    assert_true(square[GAIN] == 1);
    assert_true(square[MEAN] == 0);
    assert_true(fabs(square[SCALE] - 4.6 * 4.6) < 1e-5);

    params_initialise(same, 8);
    const struct tensor a = params_value(params, WORDS), b = params_value(same, WORDS);
    assert_memory_not_equal(a.data, b.data, tensor_bytes(&a));
    params_free(params);
    params_free(same);
}

static void expect_same_values(const struct params *a, const struct params *b, double tolerance)
{
    for (int i = 0; i < N_PARAMS; i++) {
        const struct tensor x = params_value(a, i), y = params_value(b, i);
        for (int64_t k = 0; k < tensor_count(&x); k++) {
            const double error = fabs((double)tensor_f32(&x)[k] - (double)tensor_f32(&y)[k]);
            if (error > tolerance)
                fail_msg("parameter %d: error %g, tolerance %g", i, error, tolerance);
        }
    }
}

static void check_round_trip(enum dtype dtype, double tolerance)
{
    struct params *params = make(DTYPE_F32), *loaded = make(DTYPE_F32);
    struct memory_tensors store;
    ana_error err = {0};
    memory_tensors_init(&store);
    params_initialise(params, 3);
    assert_int_equal(params_save(params, &store.sink, "", dtype, &err), ANA_OK);
    assert_int_equal(store.n, N_PARAMS);
    assert_int_equal(memory_tensors_find(&store, "words")->dtype, dtype);
    const uint64_t version = params_version(loaded);
    if (params_load(loaded, &store.source, &err))
        fail_msg("%s", err.message);
    assert_true(params_version(loaded) != version);
    expect_same_values(params, loaded, tolerance);
    memory_tensors_clear(&store);
    params_free(params);
    params_free(loaded);
}

static void test_round_trips(void **state)
{
    (void)state;
    check_round_trip(DTYPE_F32, 0);
    check_round_trip(DTYPE_F16, 5 / 2048.0); /* half a unit in the last of 11 bits, up to 4.6 */
}

static void test_prefixes_share_a_file(void **state)
{
    (void)state;
    struct params *a = make(DTYPE_F32), *b = make(DTYPE_F32), *loaded = make(DTYPE_F32);
    struct memory_tensors store;
    ana_error err = {0};
    memory_tensors_init(&store);
    params_initialise(a, 1);
    params_initialise(b, 2);
    assert_int_equal(params_save(a, &store.sink, "model.", DTYPE_F32, &err), ANA_OK);
    assert_int_equal(params_save(b, &store.sink, "average.", DTYPE_F32, &err), ANA_OK);
    if (params_load_prefixed(loaded, &store.source, "average.", &err))
        fail_msg("%s", err.message);
    expect_same_values(b, loaded, 0);
    if (params_load_prefixed(loaded, &store.source, "model.", &err))
        fail_msg("%s", err.message);
    expect_same_values(a, loaded, 0);
    assert_int_equal(params_load(loaded, &store.source, &err), ANA_ERR_FORMAT);
    memory_tensors_clear(&store);
    params_free(a);
    params_free(b);
    params_free(loaded);
}

/* A file that is spoilt by `spoil` must be refused with these words. */
static void expect_refused(void (*spoil)(struct memory_tensors *store), const char *const *words)
{
    struct params *params = make(DTYPE_F32);
    struct memory_tensors store;
    ana_error err = {0};
    memory_tensors_init(&store);
    params_initialise(params, 3);
    assert_int_equal(params_save(params, &store.sink, "", DTYPE_F32, &err), ANA_OK);
    spoil(&store);
    assert_int_equal(params_load(params, &store.source, &err), ANA_ERR_FORMAT);
    for (; *words; words++)
        if (!strstr(err.message, *words))
            fail_msg("\"%s\" does not say \"%s\"", err.message, *words);
    memory_tensors_clear(&store);
    params_free(params);
}

static void spoil_names(struct memory_tensors *store)
{
    const float value[8] = {0};
    memory_tensors_remove(store, "scale");
    memory_tensors_remove(store, "norm.gain");
    memory_tensors_put(store, "norm.gain", DTYPE_F32, SHAPE(2, 4), value);
    memory_tensors_put(store, "extra", DTYPE_F32, SHAPE(8), value);
}

static void spoil_with_nan(struct memory_tensors *store)
{
    tensor_f32(memory_tensors_find(store, "words"))[799] = NAN;
}

static void spoil_with_infinity(struct memory_tensors *store)
{
    tensor_f32(memory_tensors_find(store, "norm.mean"))[0] = -INFINITY;
}

static void spoil_type(struct memory_tensors *store)
{
    const int32_t value[8] = {0};
    memory_tensors_remove(store, "norm.mean");
    memory_tensors_put(store, "norm.mean", DTYPE_I32, SHAPE(8), value);
}

static void spoil_many(struct memory_tensors *store)
{
    const float value[1] = {0};
    for (int i = 0; i < 12; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "extra%d", i);
        memory_tensors_put(store, name, DTYPE_F32, SHAPE(1), value);
    }
}

static void test_files_that_do_not_fit(void **state)
{
    (void)state;
    expect_refused(spoil_names, (const char *const[]){"memory.safetensors", "missing scale",
                                                      "misshapen norm.gain is [2, 4], expected [8]",
                                                      "unexpected extra", NULL});
    expect_refused(spoil_with_nan,
                   (const char *const[]){"memory.safetensors", "words", "not finite", NULL});
    expect_refused(spoil_with_infinity, (const char *const[]){"norm.mean", "not finite", NULL});
    expect_refused(spoil_type, (const char *const[]){"norm.mean", "I32", NULL});
    expect_refused(spoil_many, (const char *const[]){"extra7", "and 4 more", NULL});
}

static void test_any_float_type_loads(void **state)
{
    (void)state;
    struct params *params = make(DTYPE_F64);
    struct memory_tensors store;
    ana_error err = {0};
    memory_tensors_init(&store);
    params_initialise(params, 3);
    assert_int_equal(params_save(params, &store.sink, "", DTYPE_F32, &err), ANA_OK);
    const double exact[] = {1, 2, 3, 4, 5, 6, 7, 0.1};
    memory_tensors_remove(&store, "norm.mean");
    memory_tensors_put(&store, "norm.mean", DTYPE_F64, SHAPE(8), exact);
    const uint16_t ones[8] = {0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x4000};
    memory_tensors_remove(&store, "norm.gain");
    memory_tensors_put(&store, "norm.gain", DTYPE_BF16, SHAPE(8), ones);
    if (params_load(params, &store.source, &err))
        fail_msg("%s", err.message);
    const struct tensor mean = params_value(params, MEAN), gain = params_value(params, GAIN);
    assert_memory_equal(mean.data, exact, sizeof exact);
    assert_true(tensor_f64(&gain)[0] == 1 && tensor_f64(&gain)[7] == 2);
    memory_tensors_clear(&store);
    params_free(params);
}

static void test_values_beyond_half_precision_are_not_saved(void **state)
{
    (void)state;
    struct params *params = make(DTYPE_F32);
    struct memory_tensors store;
    ana_error err = {0};
    memory_tensors_init(&store);
    const struct tensor scale = params_value(params, SCALE);
    tensor_f32(&scale)[0] = 1e6F;
    assert_int_equal(params_save(params, &store.sink, "", DTYPE_F16, &err), ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "scale"));
    assert_int_equal(params_save(params, &store.sink, "", DTYPE_I32, &err), ANA_ERR_ARGUMENT);
    memory_tensors_clear(&store);
    params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_declared_ones_can_be_asked),
        cmocka_unit_test(test_bad_declarations_stick),
        cmocka_unit_test(test_initial_values),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_prefixes_share_a_file),
        cmocka_unit_test(test_files_that_do_not_fit),
        cmocka_unit_test(test_any_float_type_loads),
        cmocka_unit_test(test_values_beyond_half_precision_are_not_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
