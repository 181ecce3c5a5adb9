/* Training states to the byte, and weights for use. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../support/scratch.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "train/checkpoint.h"

static const char concepts_csv[] = "name,aliases\nliver,hepatic organ\nspleen,\n";

static struct scratch scratch;
static struct concepts concepts;

static int set_up(void **state)
{
    ana_error err;
    (void)state;
    scratch_make(&scratch);
    return concepts_parse(&concepts, concepts_csv, "concepts", &err) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    concepts_clear(&concepts);
    scratch_remove(&scratch);
    return 0;
}

/* A trainee and its optimiser. */
struct pair {
    struct trainee trainee;
    struct optimiser *optimiser;
};

static void pair_open(struct pair *pair, uint64_t seed)
{
    struct optimiser_options options = optimiser_defaults();
    ana_error err = {0};
    options.ema_decay = 0.9;
    if (trainee_create(&pair->trainee, &concepts, seed, &err) ||
        optimiser_create(&pair->optimiser, pair->trainee.params, &options, &err))
        fail_msg("%s", err.message);
}

static void pair_close(struct pair *pair)
{
    optimiser_free(pair->optimiser);
    trainee_clear(&pair->trainee);
}

/* One step with made-up gradients, so that no part of the state is what it starts as. */
static void pair_step(const struct pair *pair, uint64_t seed)
{
    struct params *params = pair->trainee.params;
    const int n = params_count(params);
    struct tensor *gradients = memory_alloc_array_zeroed((size_t)n, sizeof *gradients);
    ana_error err = {0};
    assert_non_null(gradients);
    for (int i = 0; i < n; i++) {
        gradients[i] = params_value(params, i);
        float *data = memory_alloc(tensor_bytes(&gradients[i]));
        struct random random = random_at(seed, 1, (uint32_t)i, 0);
        assert_non_null(data);
        for (int64_t k = 0; k < tensor_count(&gradients[i]); k++)
            data[k] = (float)random_between(&random, -1, 1);
        gradients[i].data = data;
        if (params_spec(params, i)->flags & PARAM_BUFFER) /* statistics move as well */
            *(float *)params_value(params, i).data += 0.25F;
    }
    if (optimiser_step(pair->optimiser, gradients, 1e-3, NULL, NULL, &err))
        fail_msg("%s", err.message);
    for (int i = 0; i < n; i++)
        memory_free(gradients[i].data);
    memory_free(gradients);
}

static const struct checkpoint at_seven = {.step = 7,
                                           .seed = UINT64_MAX,
                                           .recipe = UINT64_MAX - 5,
                                           .instruction_set = "abacus",
                                           .best_dice = 1.0 / 3,
                                           .without_best = 2};

static void save(const struct pair *pair, const char *path)
{
    ana_error err = {0};
    if (checkpoint_save(path, &at_seven, &pair->trainee, pair->optimiser, &err))
        fail_msg("%s", err.message);
}

static ana_status load(struct pair *pair, const char *path, struct checkpoint *at, ana_error *err)
{
    *err = (ana_error){0};
    return checkpoint_load(path, at, &pair->trainee, pair->optimiser, err);
}

static void expect_same_file(const char *a, const char *b)
{
    char of_a[SHA256_HEX_SIZE], of_b[SHA256_HEX_SIZE];
    ana_error err;
    assert_int_equal(sha256_file(of_a, a, &err), ANA_OK);
    assert_int_equal(sha256_file(of_b, b, &err), ANA_OK);
    assert_string_equal(of_a, of_b);
}

static void a_state_comes_back_to_the_byte(void **state)
{
    char path[256], again[256];
    struct pair first, second;
    struct checkpoint at = {.seed = at_seven.seed, .recipe = at_seven.recipe};
    ana_error err;
    (void)state;
    pair_open(&first, 1);
    pair_step(&first, 5);
    save(&first, scratch_name(path, &scratch, "a"));
    pair_open(&second, 2);
    pair_step(&second, 6);
    if (load(&second, path, &at, &err))
        fail_msg("%s", err.message);
    assert_int_equal(at.step, 7);
    assert_string_equal(at.instruction_set, "abacus");
    assert_memory_equal(&at.best_dice, &at_seven.best_dice, sizeof at.best_dice);
    assert_int_equal(at.without_best, 2);
    assert_int_equal(optimiser_steps(second.optimiser), 1);
    save(&second, scratch_name(again, &scratch, "b"));
    expect_same_file(path, again);
    /* And they go on alike. */
    pair_step(&first, 9);
    pair_step(&second, 9);
    save(&first, path);
    save(&second, again);
    expect_same_file(path, again);
    pair_close(&first);
    pair_close(&second);
}

static void a_state_without_validations_says_so(void **state)
{
    char path[256];
    struct pair pair;
    struct checkpoint at = {.seed = 3, .recipe = 4, .best_dice = -1};
    ana_error err = {0};
    (void)state;
    pair_open(&pair, 1);
    (void)scratch_name(path, &scratch, "a");
    assert_int_equal(checkpoint_save(path, &at, &pair.trainee, pair.optimiser, &err), ANA_OK);
    at.best_dice = 5;
    at.without_best = 5;
    assert_int_equal(load(&pair, path, &at, &err), ANA_OK);
    assert_true(at.best_dice < 0);
    assert_int_equal(at.without_best, 0);
    pair_close(&pair);
}

static void another_seed_or_recipe_is_refused(void **state)
{
    char path[256];
    struct pair pair;
    ana_error err;
    (void)state;
    pair_open(&pair, 1);
    save(&pair, scratch_name(path, &scratch, "a"));
    struct checkpoint at = {.seed = 3, .recipe = at_seven.recipe};
    assert_int_equal(load(&pair, path, &at, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "another seed"));
    at = (struct checkpoint){.seed = at_seven.seed, .recipe = 4};
    assert_int_equal(load(&pair, path, &at, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "another recipe"));
    assert_non_null(strstr(err.message, path));
    pair_close(&pair);
}

static void a_truncated_state_is_an_error(void **state)
{
    char path[256];
    struct pair pair;
    struct checkpoint at = {.seed = at_seven.seed, .recipe = at_seven.recipe};
    struct file_map map;
    ana_error err;
    (void)state;
    pair_open(&pair, 1);
    save(&pair, scratch_name(path, &scratch, "a"));
    assert_int_equal(file_map_open(&map, path, &err), ANA_OK);
    const size_t size = map.size;
    file_map_close(&map);
    const size_t lengths[] = {size - 1, size - 4, size / 2, 4096, 100, 8, 7, 0};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(truncate(path, (off_t)lengths[i]), 0);
        const ana_status status = load(&pair, path, &at, &err);
        if (!status || !strstr(err.message, path))
            fail_msg("%zu of %zu bytes: status %d, \"%s\"", lengths[i], size, (int)status,
                     err.message);
    }
    pair_close(&pair);
}

static struct weights_facts facts(void)
{
    return (struct weights_facts){.version = "1.2",
                                  .licence = "CC0",
                                  .intended_use = "tests",
                                  .concepts = concepts_csv,
                                  .mask_threshold = 0.45,
                                  .presence_absent = 0.3,
                                  .presence_found = 0.8};
}

static void export(const struct pair *pair, const char *path)
{
    const struct weights_facts f = facts();
    ana_error err = {0};
    if (weights_export(path, &pair->trainee, &f, &err))
        fail_msg("%s", err.message);
}

static void weights_are_no_state(void **state)
{
    char path[256];
    struct pair pair;
    struct checkpoint at = {.seed = at_seven.seed, .recipe = at_seven.recipe};
    ana_error err;
    (void)state;
    pair_open(&pair, 1);
    export(&pair, scratch_name(path, &scratch, "w"));
    assert_int_equal(load(&pair, path, &at, &err), ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "not a training state"));
    save(&pair, scratch_name(path, &scratch, "s"));
    assert_int_equal(weights_import(&pair.trainee, path, &err), ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "does not fit the model"));
    pair_close(&pair);
}

/* Optimisers of other options save other tensors. */
static void a_state_without_averages_is_refused(void **state)
{
    char path[256];
    struct pair pair, without;
    struct checkpoint at = {.seed = at_seven.seed, .recipe = at_seven.recipe};
    const struct optimiser_options options = optimiser_defaults(); /* no average */
    ana_error err;
    (void)state;
    pair_open(&pair, 1);
    pair_open(&without, 1);
    optimiser_free(without.optimiser);
    assert_int_equal(optimiser_create(&without.optimiser, without.trainee.params, &options, &err),
                     ANA_OK);
    save(&without, scratch_name(path, &scratch, "a"));
    assert_int_equal(load(&pair, path, &at, &err), ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "optimiser.ema."));
    pair_close(&pair);
    pair_close(&without);
}

static bool is_for_training_only(const char *name)
{
    return strncmp(name, "auxiliary", 9) == 0 || strncmp(name, "lesson", 6) == 0;
}

static void expect_rounded(const struct tensor *got, const struct tensor *from, const char *name)
{
    for (int64_t i = 0; i < tensor_count(got); i++) {
        const float expected = f32_from_f16(f16_from_f32(tensor_f32(from)[i]));
        if (memcmp(&tensor_f32(got)[i], &expected, sizeof expected) != 0)
            fail_msg("%s[%lld] is %.9g, expected %.9g", name, (long long)i,
                     (double)tensor_f32(got)[i], (double)expected);
    }
}

static void weights_come_back_as_half_floats(void **state)
{
    char path[256];
    struct pair first, second, untouched;
    ana_error err = {0};
    int kept = 0;
    (void)state;
    pair_open(&first, 1);
    pair_open(&second, 2);
    pair_open(&untouched, 2);
    export(&first, scratch_name(path, &scratch, "w"));
    if (weights_import(&second.trainee, path, &err))
        fail_msg("%s", err.message);
    for (int i = 0; i < params_count(first.trainee.params); i++) {
        const char *name = params_spec(first.trainee.params, i)->name;
        const struct tensor got = params_value(second.trainee.params, i);
        const struct tensor from = params_value(first.trainee.params, i);
        const struct tensor old = params_value(untouched.trainee.params, i);
        if (is_for_training_only(name)) {
            assert_memory_equal(got.data, old.data, tensor_bytes(&got));
            kept++;
        } else {
            expect_rounded(&got, &from, name);
        }
    }
    assert_int_equal(kept, 2 * MINI_AUXILIARY + 2);
    pair_close(&first);
    pair_close(&second);
    pair_close(&untouched);
}

static void exported_weights_are_a_model(void **state)
{
    char path[256];
    struct pair pair;
    struct safetensors *file = NULL;
    struct model *model = NULL;
    ana_error err = {0};
    (void)state;
    pair_open(&pair, 1);
    export(&pair, scratch_name(path, &scratch, "w"));
    if (safetensors_open(&file, path, &err) || model_open(&model, safetensors_source(file), &err))
        fail_msg("%s", err.message);
    assert_string_equal(model->facts.name, "mini");
    assert_string_equal(model->facts.version, "1.2");
    assert_string_equal(model->facts.licence, "CC0");
    assert_string_equal(model->facts.intended_use, "tests");
    assert_true(fabs(model->facts.mask_threshold - 0.45) < 1e-9);
    assert_true(fabs(model->facts.presence_absent - 0.3) < 1e-9);
    assert_true(fabs(model->facts.presence_found - 0.8) < 1e-9);
    assert_int_equal(model->concepts->n, 2);
    model_free(model);
    safetensors_free(file);
    pair_close(&pair);
}

static void calibration_travels_with_the_weights(void **state)
{
    static const double each[] = {0.5, 0.25};
    char path[256];
    struct pair pair;
    struct safetensors *file = NULL;
    struct model *model = NULL;
    double *thresholds;
    ana_error err = {0};
    (void)state;
    pair_open(&pair, 1);
    struct weights_facts f = facts();
    f.mask_threshold = 0.5;
    f.presence_scale = 0.75;
    f.presence_bias = -0.125;
    f.mask_thresholds = each;
    f.table = &concepts;
    assert_int_equal(weights_export(scratch_name(path, &scratch, "w"), &pair.trainee, &f, &err),
                     ANA_OK);
    if (safetensors_open(&file, path, &err) || model_open(&model, safetensors_source(file), &err))
        fail_msg("%s", err.message);
    assert_true(fabs(model->facts.presence_scale - 0.75) < 1e-9);
    assert_true(fabs(model->facts.presence_bias + 0.125) < 1e-9);
    const struct tensor_source *source = safetensors_source(file);
    assert_string_equal(source->ops->metadata(source, MODEL_KEY_MASK_THRESHOLDS), "spleen=0.25");
    assert_int_equal(model_mask_thresholds_read(&thresholds, model->concepts, source, 0.5, &err),
                     ANA_OK);
    assert_true(fabs(thresholds[0] - 0.5) < 1e-9 && fabs(thresholds[1] - 0.25) < 1e-9);
    memory_free(thresholds);
    model_free(model);
    safetensors_free(file);

    /* What goes without saying is not written. */
    export(&pair, path);
    assert_int_equal(safetensors_open(&file, path, &err), ANA_OK);
    source = safetensors_source(file);
    assert_null(source->ops->metadata(source, MODEL_KEY_PRESENCE_SCALE));
    assert_null(source->ops->metadata(source, MODEL_KEY_PRESENCE_BIAS));
    assert_null(source->ops->metadata(source, MODEL_KEY_MASK_THRESHOLDS));
    safetensors_free(file);
    pair_close(&pair);
}

/* The same weights, the same bytes; at most 20 MB of them. */
static void exporting_is_repeatable_and_small(void **state)
{
    char a[256], b[256];
    struct pair pair;
    struct file_map map;
    ana_error err;
    (void)state;
    pair_open(&pair, 4);
    export(&pair, scratch_name(a, &scratch, "a"));
    export(&pair, scratch_name(b, &scratch, "b"));
    expect_same_file(a, b);
    assert_int_equal(file_map_open(&map, a, &err), ANA_OK);
    assert_true(map.size < 11000000);
    file_map_close(&map);
    pair_close(&pair);
}

static void a_weight_that_half_floats_cannot_hold_is_named(void **state)
{
    char path[256];
    struct pair pair;
    const struct weights_facts f = facts();
    ana_error err = {0};
    (void)state;
    pair_open(&pair, 1);
    const int i = params_find(pair.trainee.params, "condition.out.bias");
    const struct tensor bias = params_value(pair.trainee.params, i);
    tensor_f32(&bias)[3] = 1e6F;
    assert_int_equal(weights_export(scratch_name(path, &scratch, "w"), &pair.trainee, &f, &err),
                     ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "condition.out.bias"));
    assert_int_equal(scratch_entries(&scratch, ""), 0);
    pair_close(&pair);
}

static void places_that_cannot_be_written_are_named(void **state)
{
    char path[256];
    struct pair pair;
    const struct weights_facts f = facts();
    ana_error err = {0};
    (void)state;
    pair_open(&pair, 1);
    (void)scratch_name(path, &scratch, "no/where");
    assert_int_equal(checkpoint_save(path, &at_seven, &pair.trainee, pair.optimiser, &err),
                     ANA_ERR_IO);
    assert_non_null(strstr(err.message, "no/where"));
    assert_int_equal(weights_export(path, &pair.trainee, &f, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "no/where"));
    assert_int_equal(weights_export(scratch.path, &pair.trainee, &f, &err), ANA_ERR_IO);
    assert_int_equal(scratch_entries(&scratch, ""), 0);
    assert_int_equal(weights_import(&pair.trainee, path, &err), ANA_ERR_IO);
    pair_close(&pair);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_state_comes_back_to_the_byte),
        TEST(a_state_without_validations_says_so),
        TEST(another_seed_or_recipe_is_refused),
        TEST(a_truncated_state_is_an_error),
        TEST(weights_are_no_state),
        TEST(a_state_without_averages_is_refused),
        TEST(weights_come_back_as_half_floats),
        TEST(exported_weights_are_a_model),
        TEST(calibration_travels_with_the_weights),
        TEST(exporting_is_repeatable_and_small),
        TEST(a_weight_that_half_floats_cannot_hold_is_named),
        TEST(places_that_cannot_be_written_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
