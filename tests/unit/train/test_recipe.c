/* Recipes: what is read, what is refused, and what follows at each step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/scratch.h"
#include "base/file.h"
#include "train/recipe.h"

static struct scratch scratch;
static char path[256];

static int set_up(void **state)
{
    (void)state;
    scratch_make(&scratch);
    (void)scratch_name(path, &scratch, "recipe.txt");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

static ana_status read_recipe(struct train_recipe *recipe, const char *text, ana_error *err)
{
    *err = (ana_error){0};
    *recipe = recipe_defaults();
    if (file_write(path, text, strlen(text), err))
        fail_msg("%s", err->message);
    return recipe_read(recipe, path, err);
}

static struct train_recipe recipe_of(const char *text)
{
    struct train_recipe recipe;
    ana_error err;
    if (read_recipe(&recipe, text, &err))
        fail_msg("%s", err.message);
    return recipe;
}

static void expect_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-12))
        fail_msg("%.17g, expected %.17g", got, expected);
}

static void every_key_is_read(void **state)
{
    const struct train_recipe r =
        recipe_of("# all of them\n"
                  "steps = 123\nn_images=4\n\tprompts_per_image =  2\n"
                  "learning_rate = 1e-3 # peak\nfinal_rate = 0.5\nwarmup_steps = 7\n"
                  "weight_decay = 0.25\nbeta1 = 0.8\nbeta2 = 0.95\nclip_norm = 2\n"
                  "ema_decay = 0.9\npresence_weight = 0.125\nauxiliary_weight = 0\n"
                  "word_steps = 9\ncalibrate_batches = 3\ncalibration_share = "
                  "0.125\nvalidate_every = 11\npatience = 5\r\n"
                  "\n   \nphase = 64 0.25\nphase = 96 0.75");
    (void)state;
    assert_int_equal(r.steps, 123);
    assert_int_equal(r.n_images, 4);
    assert_int_equal(r.prompts_per_image, 2);
    expect_near(r.learning_rate, 1e-3);
    expect_near(r.final_rate, 0.5);
    assert_int_equal(r.warmup_steps, 7);
    expect_near(r.weight_decay, 0.25);
    expect_near(r.beta1, 0.8);
    expect_near(r.beta2, 0.95);
    expect_near(r.clip_norm, 2);
    expect_near(r.ema_decay, 0.9);
    expect_near(r.presence_weight, 0.125);
    expect_near(r.auxiliary_weight, 0);
    assert_int_equal(r.word_steps, 9);
    assert_int_equal(r.calibrate_batches, 3);
    expect_near(r.calibration_share, 0.125);
    assert_int_equal(r.validate_every, 11);
    assert_int_equal(r.patience, 5);
    assert_int_equal(r.n_phases, 2);
    assert_int_equal(r.phases[0].size, 64);
    expect_near(r.phases[1].share, 0.75);
}

static void what_is_not_said_keeps_its_default(void **state)
{
    const struct train_recipe defaults = recipe_defaults(), r = recipe_of("steps = 10\n");
    ana_error err;
    (void)state;
    assert_int_equal(r.n_images, defaults.n_images);
    assert_int_equal(r.n_phases, defaults.n_phases);
    expect_near(r.beta2, defaults.beta2);
    assert_int_equal(recipe_check(&defaults, &err), ANA_OK);
}

static void errors_name_the_line(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"steps = 5\nsteps == 6\n", "line 2"},
        {"\n\n# x\nspeed = 5\n", "line 4: unknown key \"speed\""},
        {"steps = ten\n", "line 1: steps is \"ten\""},
        {"steps = 0\n", "expected a number from 1"},
        {"steps = 1.5\n", "steps is \"1.5\""},
        {"steps = nan\n", "steps is \"nan\""},
        {"steps =\n", "steps is \"\""},
        {"learning_rate = -1\n", "learning_rate is \"-1\""},
        {"beta1 = 0.9 0.8\n", "beta1 is \"0.9 0.8\""},
        {"n_images = 1000\n", "n_images"},
        {"just words\n", "line 1: \"just words\" is not `key = value`"},
        {"phase = 64\n", "phase is \"64\""},
        {"phase = 64 1 x\n", "phase is \"64 1 x\""},
        {"phase = big 1\n", "phase is \"big 1\""},
        {"phase = 64 nan\n", "phase is \"64 nan\""},
        {"phase = 1\n", "phase is \"1\""},
        {"phase = 4294967328 1\n", "phase is \"4294967328 1\""}, /* 2^32 + 32 */
        {"phase = 123456789012345678901234567890 1\n", "phase is \"1234"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct train_recipe recipe;
        ana_error err;
        const ana_status status = read_recipe(&recipe, cases[i].text, &err);
        if (status != ANA_ERR_FORMAT || !strstr(err.message, cases[i].expected) ||
            !strstr(err.message, "recipe.txt"))
            fail_msg("\"%s\": status %d, \"%s\"; expected \"%s\"", cases[i].text, (int)status,
                     err.message, cases[i].expected);
    }
}

static void phases_must_make_a_whole(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"phase = 64 0.5\nphase = 96 0.4\n", "add up to 0.9"},
        {"phase = 64 1\nphase = 96 -0\n", "share of phase 2"},
        {"phase = 40 1\n", "size of phase 1 is 40"},
        {"phase = 0 1\n", "size of phase 1 is 0"},
        {"phase = 544 1\n", "size of phase 1 is 544"},
        {"phase = -32 1\n", "size of phase 1 is -32"},
    };
    struct train_recipe recipe;
    ana_error err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const ana_status status = read_recipe(&recipe, cases[i].text, &err);
        if (!status || !strstr(err.message, cases[i].expected) ||
            !strstr(err.message, "recipe.txt"))
            fail_msg("\"%s\": status %d, \"%s\"; expected \"%s\"", cases[i].text, (int)status,
                     err.message, cases[i].expected);
    }
    char text[16 * (RECIPE_MAX_PHASES + 1)] = "";
    for (int i = 0; i <= RECIPE_MAX_PHASES; i++)
        strcat(text, "phase = 32 0.1\n");
    assert_int_not_equal(read_recipe(&recipe, text, &err), ANA_OK);
    assert_non_null(strstr(err.message, "line 9: more than 8 phases"));
}

static void a_missing_file_is_named(void **state)
{
    struct train_recipe recipe = recipe_defaults();
    ana_error err = {0};
    char nowhere[256];
    (void)state;
    assert_int_equal(recipe_read(&recipe, scratch_name(nowhere, &scratch, "no.txt"), &err),
                     ANA_ERR_IO);
    assert_non_null(strstr(err.message, "no.txt"));
}

static void sizes_follow_the_phases(void **state)
{
    const struct train_recipe r =
        recipe_of("steps = 100\nphase = 32 0.5\nphase = 64 0.25\nphase = 96 0.25\n");
    static const struct {
        int64_t step;
        int size;
    } cases[] = {{0, 32}, {49, 32}, {50, 64}, {74, 64}, {75, 96}, {99, 96}, {100, 96}, {5000, 96}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(recipe_size_at(&r, cases[i].step), cases[i].size);
}

static void the_rate_rises_and_falls(void **state)
{
    const struct train_recipe r = recipe_of(
        "steps = 110\nwarmup_steps = 10\nlearning_rate = 0.5\nfinal_rate = 0.1\nphase = 32 1\n");
    (void)state;
    expect_near(recipe_rate_at(&r, 0), 0.05);
    expect_near(recipe_rate_at(&r, 4), 0.25);
    expect_near(recipe_rate_at(&r, 9), 0.5);
    expect_near(recipe_rate_at(&r, 60), 0.5 * (0.5 + 0.05)); /* half of the way down */
    expect_near(recipe_rate_at(&r, 110), 0.05);
    expect_near(recipe_rate_at(&r, 500), 0.05);
    for (int64_t step = 10; step < 109; step++)
        assert_true(recipe_rate_at(&r, step) >= recipe_rate_at(&r, step + 1));
}

static void the_fingerprint_tells_recipes_apart(void **state)
{
    static const char *const changes[] = {
        "steps = 5",       "n_images = 2",         "prompts_per_image = 4", "learning_rate = 0.1",
        "final_rate = 0",  "warmup_steps = 1",     "weight_decay = 0",      "beta1 = 0.5",
        "beta2 = 0.5",     "clip_norm = 3",        "ema_decay = 0.5",       "presence_weight = 9",
        "word_steps = 17", "auxiliary_weight = 9", "phase = 32 1",          "phase = 64 1"};
    enum { N = sizeof changes / sizeof changes[0] };
    const struct train_recipe defaults = recipe_defaults();
    uint64_t seen[N + 1];
    (void)state;
    seen[N] = recipe_fingerprint(&defaults);
    for (int i = 0; i < N; i++) {
        const struct train_recipe r = recipe_of(changes[i]);
        seen[i] = recipe_fingerprint(&r);
        assert_true(seen[i] != seen[N]);
        for (int k = 0; k < i; k++)
            if (seen[i] == seen[k])
                fail_msg("\"%s\" and \"%s\" are one", changes[i], changes[k]);
        assert_true(recipe_fingerprint(&r) == seen[i]);
    }
}

/* A run may be resumed with other settings of these. */
static void what_changes_no_step_changes_no_fingerprint(void **state)
{
    const struct train_recipe a = recipe_defaults();
    const struct train_recipe b =
        recipe_of("calibrate_batches = 1\nvalidate_every = 50\npatience = 3\n");
    (void)state;
    assert_true(recipe_fingerprint(&a) == recipe_fingerprint(&b));
}

/* Patients set aside change what is drawn; nobody set aside is what older states did. */
static void setting_aside_changes_the_fingerprint(void **state)
{
    const struct train_recipe a = recipe_defaults(), none = recipe_of("calibration_share = 0\n");
    const struct train_recipe some = recipe_of("calibration_share = 0.1\n");
    const struct train_recipe more = recipe_of("calibration_share = 0.2\n");
    (void)state;
    assert_true(recipe_fingerprint(&a) == recipe_fingerprint(&none));
    assert_true(recipe_fingerprint(&a) != recipe_fingerprint(&some));
    assert_true(recipe_fingerprint(&more) != recipe_fingerprint(&some));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(what_is_not_said_keeps_its_default),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(phases_must_make_a_whole),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(sizes_follow_the_phases),
        cmocka_unit_test(the_rate_rises_and_falls),
        cmocka_unit_test(the_fingerprint_tells_recipes_apart),
        cmocka_unit_test(what_changes_no_step_changes_no_fingerprint),
        cmocka_unit_test(setting_aside_changes_the_fingerprint),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
