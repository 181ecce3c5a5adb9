/* The memory limit of a training: planned before the first step, kept, and the smallest one that
 * the message names is enough for all of the run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/scratch.h"
#include "../../support/synthetic.h"
#include "anatome/anatome.h"
#include "base/file.h"
#include "base/memory.h"

static struct scratch scratch;
static char manifest[256], concepts[256], cache[256], recipe[256];
static const char *const manifests[] = {manifest};
static size_t needed;

static void listen(void *user, const ana_memory_plan *plan)
{
    (void)user;
    needed = plan->needed_bytes;
}

static ana_status run(size_t limit, const char *name, ana_error *err)
{
    ana_context_options settings = ana_context_defaults();
    ana_train_options options = ana_train_defaults();
    ana_context *context;
    char out[256];

    settings.n_threads = 1;
    settings.memory_limit_bytes = limit;
    settings.memory_plan = listen;
    options.manifests = manifests;
    options.n_manifests = 1;
    options.concepts = concepts;
    options.recipe = recipe;
    options.cache = cache;
    options.out = scratch_name(out, &scratch, name);
    ana_status status = ana_context_create(&context, &settings, err);
    if (status)
        return status;
    memory_reset_peak();
    status = ana_train(context, &options, err);
    ana_context_free(context);
    assert_int_equal(memory_in_use(), 0);
    return status;
}

static void use_recipe(const char *more)
{
    char text[256];
    ana_error err;
    const int n = snprintf(text, sizeof text,
                           "steps = 2\nn_images = 2\nprompts_per_image = 2\nword_steps = 0\n"
                           "warmup_steps = 1\nphase = 32 1\n%s",
                           more);

    assert_int_equal(file_write(recipe, text, (size_t)n, &err), ANA_OK);
}

static int set_up(void **state)
{
    ana_error err;

    (void)state;
    scratch_make(&scratch);
    (void)scratch_name(manifest, &scratch, "manifest.csv");
    (void)scratch_name(concepts, &scratch, "concepts.csv");
    (void)scratch_name(cache, &scratch, "cache");
    (void)scratch_name(recipe, &scratch, "recipe.txt");
    if (synthetic_write(scratch.path, 4, 40, &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

static void expect_plan_holds(const char *name)
{
    ana_error err = {0};

    if (run(0, name, &err))
        fail_msg("%s", err.message);
    if (memory_peak() > needed || (double)needed > 1.3 * (double)memory_peak())
        fail_msg("%s: %zu bytes were planned, %zu used at most", name, needed, memory_peak());
}

static void the_plan_is_what_happens(void **state)
{
    (void)state;
    use_recipe("calibrate_batches = 0\n");
    expect_plan_holds("plain");
    use_recipe("calibrate_batches = 1\nvalidate_every = 1\n");
    expect_plan_holds("calibrated");
}

static void a_limit_below_it_is_refused_before_the_first_step(void **state)
{
    char name[256], number[32];
    ana_error err = {0};

    (void)state;
    use_recipe("calibrate_batches = 0\n");
    assert_int_equal(run(0, "all-1", &err), ANA_OK);
    const size_t enough = needed;
    if (run(enough, "all-2", &err))
        fail_msg("%s", err.message);
    assert_true(memory_peak() <= enough);

    assert_int_equal(run(enough - 1, "all-3", &err), ANA_ERR_MEMORY);
    assert_true(memory_peak() < enough);
    (void)snprintf(number, sizeof number, "%zu bytes", enough);
    if (!strstr(err.message, number) || !strstr(err.message, "limit"))
        fail_msg("%s", err.message);
    assert_false(path_exists(scratch_name(name, &scratch, "all-3/log.csv")));
    assert_false(path_exists(scratch_name(name, &scratch, "all-3/mini.safetensors")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_is_what_happens),
        cmocka_unit_test(a_limit_below_it_is_refused_before_the_first_step),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
