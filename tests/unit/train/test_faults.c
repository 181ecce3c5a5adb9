/* Each allocation in turn fails in what a training does: a clear error, no leak, no half file, and
 * the next try succeeds. The parts are tried one by one, since a whole run makes tens of thousands;
 * the whole run is tried at places that a keyed generator draws, ANATOME_FAULT_ROUND chooses other
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/faults.h"
#include "../../support/scratch.h"
#include "../../support/synthetic.h"
#include "../base/failing_memory.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "train/checkpoint.h"
#include "train/curve_log.h"
#include "train/loop.h"

enum { SIZE = 32, EXPORT_STRIDE = 401, WHOLE_RUNS = 2 };

static struct scratch scratch;
static char manifest_path[256], concepts_path[256], cache[256], file[256];
static const char *const manifests[] = {manifest_path};
static struct concepts concepts;
static struct train_recipe recipe;
static ana_context *context;

static int set_up(void **state)
{
    ana_context_options options = ana_context_defaults();
    ana_error err;
    uint8_t *text = NULL;
    size_t size;

    (void)state;
    options.n_threads = 1;
    recipe = recipe_defaults();
    recipe.steps = 2;
    recipe.n_images = 1;
    recipe.prompts_per_image = 1;
    recipe.warmup_steps = 1;
    recipe.word_steps = 0;
    recipe.calibrate_batches = 0;
    recipe.n_phases = 1;
    recipe.phases[0] = (struct recipe_phase){SIZE, 1};
    scratch_make(&scratch);
    (void)scratch_name(manifest_path, &scratch, "manifest.csv");
    (void)scratch_name(concepts_path, &scratch, "concepts.csv");
    (void)scratch_name(cache, &scratch, "cache");
    (void)scratch_name(file, &scratch, "file");
    if (synthetic_write(scratch.path, 3, 40, &err) ||
        ana_context_create(&context, &options, &err) ||
        file_read(&text, &size, concepts_path, 0, &err) ||
        concepts_parse(&concepts, (const char *)text, concepts_path, &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    memory_free(text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    concepts_clear(&concepts);
    ana_context_free(context);
    scratch_remove(&scratch);
    return 0;
}

/* ---- from the manifest to a batch ---- */

static ana_status draw_batch(ana_error *err)
{
    const struct dataset_options options = {.cache_folder = cache};
    struct sampler_options sampling = sampler_defaults();
    struct sample_batch batch = {0};
    struct sampler *sampler = NULL;
    struct manifest manifest;
    struct dataset dataset = {0};

    sampling.n_images = 2;
    sampling.size = SIZE;
    ana_status status = manifest_read(&manifest, manifest_path, NULL, err);
    if (!status)
        status = dataset_open(&dataset, &manifest, 1, &concepts, &options, err);
    if (!status)
        status = sampler_create(&sampler, &dataset, &concepts, &sampling, err);
    if (!status)
        status = sample_batch_create(&batch, &sampling, err);
    if (!status)
        status = sampler_fill(sampler, 0, &batch, NULL, err);
    sample_batch_clear(&batch);
    sampler_free(sampler);
    dataset_clear(&dataset);
    manifest_clear(&manifest);
    return status;
}

/* The first tries also build the cache, which is there once a try gets so far. */
static void data(void **state)
{
    (void)state;
    assert_true(faults_each("data", draw_batch) > 50);
    assert_int_equal(scratch_entries(&scratch, "cache"), 1);
}

static ana_status build_cache(ana_error *err)
{
    const struct dataset_options options = {.cache_folder = cache};
    struct manifest manifest;
    struct dataset dataset = {0};
    struct path_list names;

    if (!folder_list(&names, cache, NULL)) {
        for (size_t i = 0; i < names.n; i++) {
            char path[512];
            (void)snprintf(path, sizeof path, "%s/%s", cache, names.items[i]);
            (void)remove(path);
        }
        path_list_clear(&names);
    }
    ana_status status = manifest_read(&manifest, manifest_path, NULL, err);
    if (!status)
        status = dataset_open(&dataset, &manifest, 1, &concepts, &options, err);
    dataset_clear(&dataset);
    manifest_clear(&manifest);
    return status;
}

static void the_cache(void **state)
{
    (void)state;
    assert_true(faults_each("cache", build_cache) > 50);
    assert_int_equal(scratch_entries(&scratch, "cache"), 1);
}

/* ---- a step ---- */

static struct trainee trainee;
static struct optimiser *optimiser;
static struct sample_batch batch;

static void open_trainee(void)
{
    struct sampler_options sampling = sampler_defaults();
    struct optimiser_options options = optimiser_defaults();
    ana_error err;

    sampling.n_images = 1;
    sampling.prompts_per_image = 1;
    sampling.size = SIZE;
    options.ema_decay = 0.9;
    assert_int_equal(trainee_create(&trainee, &concepts, 3, &err), ANA_OK);
    assert_int_equal(optimiser_create(&optimiser, trainee.params, &options, &err), ANA_OK);
    assert_int_equal(sample_batch_create(&batch, &sampling, &err), ANA_OK);
    memset(batch.images, 0, SIZE * SIZE * 3 * sizeof(float));
    memset(batch.maps, 0, SIZE * SIZE * 3 * sizeof(float));
    memset(batch.targets, 0, SIZE * SIZE * sizeof(float));
    memset(batch.words, -1, WORDS_MAX * sizeof(int32_t));
    batch.flags[0] = batch.present[0] = batch.mask_weight[0] = batch.dice_weight[0] = 1;
    batch.flags[1] = batch.flags[2] = 0;
    batch.image_of[0] = 0;
}

static void close_trainee(void)
{
    sample_batch_clear(&batch);
    optimiser_free(optimiser);
    trainee_clear(&trainee);
}

static ana_status train_one_step(ana_error *err)
{
    struct train_step *step = NULL;
    double loss[LOSS_PARTS], norm;
    size_t bytes;
    struct tensor *gradients =
        memory_alloc_array_zeroed((size_t)params_count(trainee.params), sizeof *gradients);

    if (!gradients)
        return ana_fail_memory(err, sizeof *gradients);
    ana_status status = train_step_bytes(&bytes, &trainee, &recipe, SIZE, NULL, err);
    if (!status)
        status = train_step_create(&step, &trainee, &recipe, SIZE, NULL, err);
    if (!status)
        status = train_step_run(step, &batch, loss, err);
    if (!status) {
        train_step_gradients(step, gradients);
        status = optimiser_step(optimiser, gradients, 1e-3, NULL, &norm, err);
    }
    train_step_free(step);
    memory_free(gradients);
    return status;
}

static void a_step(void **state)
{
    (void)state;
    open_trainee();
    assert_true(faults_each("step", train_one_step) > 100);
    close_trainee();
}

/* ---- files ---- */

static ana_status save_and_load(ana_error *err)
{
    struct checkpoint at = {.step = 3, .seed = 4, .recipe = 5, .best_dice = 0.5};
    ana_status status = checkpoint_save(file, &at, &trainee, optimiser, err);

    if (!status)
        status = checkpoint_load(file, &at, &trainee, optimiser, err);
    return status;
}

/* With a trainee of three small parameters: the way is the same for each of them. */
static void a_checkpoint(void **state)
{
    struct optimiser_options options = optimiser_defaults();
    ana_error err;

    (void)state;
    options.ema_decay = 0.9;
    trainee = (struct trainee){0};
    assert_int_equal(params_create(&trainee.params, DTYPE_F32, &err), ANA_OK);
    params_declare(trainee.params, &(struct param_spec){.name = "a.weight", .shape = SHAPE(3, 2)});
    params_declare(trainee.params, &(struct param_spec){.name = "b.bias", .shape = SHAPE(5)});
    params_declare(
        trainee.params,
        &(struct param_spec){.name = "b.running_mean", .shape = SHAPE(5), .flags = PARAM_BUFFER});
    assert_int_equal(params_finish(trainee.params, &err), ANA_OK);
    assert_int_equal(optimiser_create(&optimiser, trainee.params, &options, &err), ANA_OK);
    assert_true(faults_each("checkpoint", save_and_load) > 100);
    optimiser_free(optimiser);
    trainee_clear(&trainee);
    (void)remove(file);
}

static ana_status export_and_import(ana_error *err)
{
    const struct weights_facts facts = {.version = "1",
                                        .licence = "free",
                                        .intended_use = "tests",
                                        .concepts = "name\nliver\n",
                                        .mask_threshold = 0.5,
                                        .presence_absent = 0.5,
                                        .presence_found = 0.6};
    ana_status status = weights_export(file, &trainee, &facts, err);

    if (!status)
        status = weights_import(&trainee, file, err);
    return status;
}

static void weights(void **state)
{
    (void)state;
    open_trainee();
    assert_true(faults_strided("weights", export_and_import, EXPORT_STRIDE) > 10);
    close_trainee();
    (void)remove(file);
}

static ana_status write_log(ana_error *err)
{
    struct curve_log log = {0};
    ana_status status = curve_log_open(&log, file, "step,loss", 1, err);

    if (!status)
        status = curve_log_line(&log, err, "%d,%g", 1, 0.5);
    curve_log_close(&log);
    return status;
}

static void the_log(void **state)
{
    ana_error err;

    (void)state;
    assert_int_equal(file_write(file, "step,loss\n0,1\n1,2\n", 18, &err), ANA_OK);
    assert_true(faults_each("log", write_log) > 1);
    (void)remove(file);
}

/* ---- all of it ---- */

static char out[256], state_file[256], log_file[256];

static ana_status run(ana_error *err)
{
    struct train_options options = train_options_defaults();

    options.manifests = manifests;
    options.n_manifests = 1;
    options.concepts = concepts_path;
    options.cache = cache;
    options.out = out;
    options.state = state_file;
    options.log = log_file;
    options.recipe = recipe;
    options.seed = 9;
    options.save_every = 1;
    options.resume = true;
    return train_run(&options, context, NULL, NULL, err);
}

static void hash_files(char sha256[3][SHA256_HEX_SIZE])
{
    const char *const files[] = {out, state_file, log_file};
    ana_error err;

    for (int i = 0; i < 3; i++)
        assert_int_equal(sha256_file(sha256[i], files[i], &err), ANA_OK);
}

/* Whatever failed and wherever: the next run goes on from what is there and ends with the same
 * bytes, and nothing else is left. */
static void a_whole_run(void **state)
{
    const char *wanted = getenv("ANATOME_FAULT_ROUND");
    char whole[3][SHA256_HEX_SIZE], again[3][SHA256_HEX_SIZE];
    struct random random = random_at(11, wanted ? strtoull(wanted, NULL, 10) : 0, 0, 0);
    ana_error err = {0};
    int told = 0;

    (void)state;
    (void)scratch_name(out, &scratch, "run.safetensors");
    (void)scratch_name(state_file, &scratch, "run.state");
    (void)scratch_name(log_file, &scratch, "run.csv");
    failing_memory_start(0);
    assert_int_equal(run(&err), ANA_OK);
    const int n = failing_memory_count();
    assert_int_equal(failing_memory_live(), 0);
    (void)failing_memory_stop();
    hash_files(whole);
    const size_t entries = scratch_entries(&scratch, "");
    for (int i = 0; i < WHOLE_RUNS; i++) {
        (void)remove(out);
        (void)remove(state_file);
        (void)remove(log_file);
        (void)faults_try("run", run, 1 + (int)random_below(&random, (uint32_t)n), &told);
        assert_int_equal(run(&err), ANA_OK);
        hash_files(again);
        for (int k = 0; k < 3; k++)
            assert_string_equal(again[k], whole[k]);
        assert_int_equal(scratch_entries(&scratch, ""), entries);
    }
    print_message("           run: %d allocations, %d of %d failures told\n", n, told, WHOLE_RUNS);
    assert_true(told > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data),        cmocka_unit_test(the_cache),    cmocka_unit_test(a_step),
        cmocka_unit_test(weights),     cmocka_unit_test(a_checkpoint), cmocka_unit_test(the_log),
        cmocka_unit_test(a_whole_run),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
