/* The training loop at 32 px on the synthetic data set: the same bytes however often it is stopped
 * and with however many threads, errors that leave nothing behind, and a loss that falls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/scratch.h"
#include "../../support/synthetic.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "text/concepts.h"
#include "train/loop.h"

enum { N_IMAGES = 8, IMAGE_SIZE = 48, STEPS = 12, LONG_STEPS = 40, THREADS = 4 };

static struct scratch scratch;
static char manifest[256], concepts[256], cache[256];
static const char *const manifests[] = {manifest};
static ana_context *contexts[THREADS];
static const int thread_counts[THREADS] = {1, 2, 4, 7};

/* What a run leaves. */
struct outcome {
    char weights[256], state[256], log[256]; /* names of the files */
    char sha256[3][SHA256_HEX_SIZE];
};

static struct outcome whole; /* of the uninterrupted run */

static struct train_options options_for(struct outcome *out, const char *name)
{
    struct train_options o = train_options_defaults();
    char file[64];
    (void)snprintf(file, sizeof file, "%s.safetensors", name);
    (void)scratch_name(out->weights, &scratch, file);
    (void)snprintf(file, sizeof file, "%s.state", name);
    (void)scratch_name(out->state, &scratch, file);
    (void)snprintf(file, sizeof file, "%s.csv", name);
    (void)scratch_name(out->log, &scratch, file);
    o.manifests = manifests;
    o.n_manifests = 1;
    o.concepts = concepts;
    o.cache = cache;
    o.out = out->weights;
    o.state = out->state;
    o.log = out->log;
    o.save_every = 0;
    o.seed = 17;
    o.recipe.steps = STEPS;
    o.recipe.n_images = 2;
    o.recipe.warmup_steps = 3;
    o.recipe.word_steps = 5;
    o.recipe.calibrate_batches = 0; /* they are of 256 px */
    o.recipe.n_phases = 1;
    o.recipe.phases[0] = (struct recipe_phase){32, 1};
    return o;
}

/* Stops after a number of steps. */
static bool stop_when_zero(void *user, const char *stage, double done)
{
    int *left = user;
    (void)done;
    return strncmp(stage, "step ", 5) != 0 || --*left != 0;
}

static void run_whole(const struct train_options *options, int context)
{
    ana_error err = {0};
    if (train_run(options, contexts[context], NULL, NULL, &err))
        fail_msg("%s", err.message);
}

static void run_until(const struct train_options *options, int context, int steps)
{
    ana_error err = {0};
    assert_int_equal(train_run(options, contexts[context], stop_when_zero, &steps, &err),
                     ANA_ERR_CANCELLED);
    assert_int_equal(steps, 0);
    assert_non_null(strstr(err.message, "stopped after step"));
}

static void hash_outcome(struct outcome *out)
{
    const char *const files[] = {out->weights, out->state, out->log};
    ana_error err = {0};
    for (int i = 0; i < 3; i++)
        if (sha256_file(out->sha256[i], files[i], &err))
            fail_msg("%s", err.message);
}

static void expect_same_outcome(struct outcome *out, const char *what)
{
    static const char *const files[] = {"weights", "state", "log"};
    hash_outcome(out);
    for (int i = 0; i < 3; i++)
        if (strcmp(out->sha256[i], whole.sha256[i]) != 0)
            fail_msg("%s: the %s differ: %s, expected %s", what, files[i], out->sha256[i],
                     whole.sha256[i]);
}

static void forget(const struct outcome *out)
{
    (void)remove(out->weights);
    (void)remove(out->state);
    (void)remove(out->log);
}

static int set_up(void **state)
{
    ana_error err = {0};
    (void)state;
    scratch_make(&scratch);
    (void)scratch_name(manifest, &scratch, "manifest.csv");
    (void)scratch_name(concepts, &scratch, "concepts.csv");
    (void)scratch_name(cache, &scratch, "cache");
    for (int i = 0; i < THREADS; i++) {
        ana_context_options options = ana_context_defaults();
        options.n_threads = thread_counts[i];
        if (ana_context_create(&contexts[i], &options, &err))
            return -1;
    }
    const struct train_options options = options_for(&whole, "whole");
    if (synthetic_write(scratch.path, N_IMAGES, IMAGE_SIZE, &err) ||
        train_run(&options, contexts[0], NULL, NULL, &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    hash_outcome(&whole);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < THREADS; i++)
        ana_context_free(contexts[i]);
    scratch_remove(&scratch);
    return 0;
}

static char *text_of(const char *path)
{
    uint8_t *bytes;
    size_t size;
    ana_error err = {0};
    if (file_read(&bytes, &size, path, 0, &err))
        fail_msg("%s", err.message);
    return (char *)bytes;
}

static int lines_of(const char *path)
{
    char *text = text_of(path);
    int n = 0;
    for (const char *p = text; *p; p++)
        n += *p == '\n';
    memory_free(text);
    return n;
}

/* ---- the same bytes ---- */

static void the_log_has_a_line_a_step(void **state)
{
    static const char first_lines[] =
        "step,size,rate,loss,bce,dice,presence,auxiliary,gradient_norm\n0,32,";
    char *text = text_of(whole.log);
    (void)state;
    if (strncmp(text, first_lines, strlen(first_lines)) != 0)
        fail_msg("%.90s, expected %s", text, first_lines);
    memory_free(text);
    assert_int_equal(lines_of(whole.log), STEPS + 1);
}

static void a_stopped_run_resumes_to_the_same_bytes(void **state)
{
    static const int stops[] = {1, STEPS - 1};
    (void)state;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        struct outcome out;
        char what[48];
        struct train_options options = options_for(&out, "stopped");
        options.resume = true; /* there is no state yet: begins at step 0 */
        run_until(&options, 0, stops[i]);
        assert_false(path_exists(out.weights));
        assert_int_equal(lines_of(out.log), stops[i] + 1);
        run_whole(&options, 0);
        (void)snprintf(what, sizeof what, "stopped after %d steps", stops[i]);
        expect_same_outcome(&out, what);
        forget(&out);
    }
}

/* Twice, with other numbers of threads, and with a log that ran ahead of the state. */
static void a_run_may_be_stopped_often(void **state)
{
    struct outcome out;
    struct train_options options = options_for(&out, "often");
    (void)state;
    options.resume = true;
    options.save_every = 4;
    run_until(&options, 1, 2);
    run_until(&options, 2, 5); /* saved after 4 and after 7 */
    FILE *log = fopen(out.log, "ab");
    assert_non_null(log);
    assert_true(fputs("7,32,line of a step that was lost\n8,3", log) >= 0);
    assert_int_equal(fclose(log), 0);
    run_whole(&options, 0);
    expect_same_outcome(&out, "stopped twice");
    forget(&out);
}

static void threads_make_no_difference(void **state)
{
    (void)state;
    for (int i = 1; i < THREADS; i++) {
        struct outcome out;
        char what[32];
        const struct train_options options = options_for(&out, "threads");
        run_whole(&options, i);
        (void)snprintf(what, sizeof what, "%d threads", thread_counts[i]);
        expect_same_outcome(&out, what);
        forget(&out);
    }
}

static void another_seed_is_another_run(void **state)
{
    struct outcome out;
    struct train_options options = options_for(&out, "seed");
    (void)state;
    options.recipe.steps = 2;
    options.seed = 18;
    run_whole(&options, 1);
    hash_outcome(&out);
    assert_string_not_equal(out.sha256[0], whole.sha256[0]);
    /* Its state is refused by a run of the old seed, and stays as it is. */
    struct train_options resumed = options;
    ana_error err = {0};
    resumed.seed = 17;
    resumed.resume = true;
    assert_int_equal(train_run(&resumed, contexts[0], NULL, NULL, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "another seed"));
    assert_non_null(strstr(err.message, out.state));
    char sha256[SHA256_HEX_SIZE];
    assert_int_equal(sha256_file(sha256, out.state, &err), ANA_OK);
    assert_string_equal(sha256, out.sha256[1]);
    forget(&out);
}

/* ---- other ways to start ---- */

static void a_run_starts_from_weights_alone(void **state)
{
    struct outcome out;
    struct train_options options = options_for(&out, "init");
    struct safetensors *file = NULL;
    struct model *model = NULL;
    ana_error err = {0};
    (void)state;
    options.init = whole.weights;
    options.recipe.steps = 3;
    run_whole(&options, 1);
    if (safetensors_open(&file, out.weights, &err) ||
        model_open(&model, safetensors_source(file), &err))
        fail_msg("%s", err.message);
    assert_int_equal(model->concepts->n, 3);
    model_free(model);
    safetensors_free(file);
    forget(&out);
    options.init = whole.state; /* a state is no weights */
    assert_int_equal(train_run(&options, contexts[0], NULL, NULL, &err), ANA_ERR_FORMAT);
    options.init = "nosuch.safetensors";
    assert_int_equal(train_run(&options, contexts[0], NULL, NULL, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "nosuch.safetensors"));
    forget(&out);
}

/* ---- errors ---- */

static void expect_error(const struct train_options *options, ana_status expected,
                         const char *in_message)
{
    const size_t before = scratch_entries(&scratch, "");
    ana_error err = {0};
    int steps = 0; /* none is done before the error shows */
    const ana_status status = train_run(options, contexts[0], stop_when_zero, &steps, &err);
    if (status != expected || !strstr(err.message, in_message))
        fail_msg("status %d, \"%s\"; expected %d with \"%s\"", (int)status, err.message,
                 (int)expected, in_message);
    assert_int_equal(steps, 0);
    assert_int_equal(scratch_entries(&scratch, ""), before);
}

static void places_that_cannot_be_written_show_at_once(void **state)
{
    char nowhere[256];
    struct outcome out;
    const struct train_options good = options_for(&out, "nowhere");
    struct train_options bad = good;
    (void)state;
    bad.out = scratch_name(nowhere, &scratch, "no/where");
    expect_error(&bad, ANA_ERR_IO, "no/where");
    bad.out = scratch.path;
    expect_error(&bad, ANA_ERR_IO, scratch.path);
    bad = good;
    bad.state = nowhere;
    expect_error(&bad, ANA_ERR_IO, "no/where");
    bad = good;
    bad.log = nowhere;
    expect_error(&bad, ANA_ERR_IO, "no/where");
    bad = good;
    bad.cache = manifest; /* a file */
    expect_error(&bad, ANA_ERR_IO, "manifest.csv");
}

static void bad_input_is_named(void **state)
{
    static const char *const missing[] = {"nosuch.csv"};
    struct outcome out;
    const struct train_options good = options_for(&out, "bad");
    struct train_options bad = good;
    (void)state;
    bad.manifests = missing;
    expect_error(&bad, ANA_ERR_IO, "nosuch.csv");
    bad = good;
    bad.n_manifests = 0;
    expect_error(&bad, ANA_ERR_ARGUMENT, "manifests");
    bad = good;
    bad.concepts = manifest; /* a table without the column "name" */
    expect_error(&bad, ANA_ERR_FORMAT, "manifest.csv");
    bad = good;
    bad.weights_table = concepts;
    expect_error(&bad, ANA_ERR_FORMAT, "concepts.csv");
    bad = good;
    bad.recipe.phases[0].size = 48;
    expect_error(&bad, ANA_ERR_ARGUMENT, "48");
}

/* ---- learning ---- */

/* Mean of the loss over lines [begin, end) of a log. */
static double mean_loss(const char *text, int begin, int end)
{
    double sum = 0;
    const char *line = text;
    for (int i = 0; i <= end; i++) {
        double loss = 0;
        if (i > begin) {
            assert_int_equal(sscanf(line, "%*d,%*d,%*f,%lf", &loss), 1);
            sum += loss;
        }
        line = strchr(line, '\n');
        assert_non_null(line);
        line++;
    }
    return sum / (end - begin);
}

static void the_loss_goes_down(void **state)
{
    struct outcome out;
    struct train_options options = options_for(&out, "long");
    (void)state;
    options.recipe.steps = LONG_STEPS;
    options.recipe.learning_rate = 5e-3;
    options.state = NULL; /* no checkpoints are fine */
    run_whole(&options, 1);
    char *text = text_of(out.log);
    const double first = mean_loss(text, 0, 8), last = mean_loss(text, LONG_STEPS - 8, LONG_STEPS);
    memory_free(text);
    if (!(last < 0.9 * first)) /* 0.77 of it when this was written */
        fail_msg("loss %g at first, %g at last, expected less than 0.9 of it", first, last);
    forget(&out);
}

/* The log's last column: Dice at every second step, empty in between. Returns the steps logged. */
static int read_validations(const char *log, double *dice, int most)
{
    uint8_t *text;
    size_t size;
    int n = 0, steps = 0;
    ana_error err = {0};
    if (file_read(&text, &size, log, 0, &err))
        fail_msg("%s", err.message);
    char *line = strchr((char *)text, '\n') + 1;
    assert_non_null(strstr((char *)text, ",val_dice\n"));
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1, steps++) {
        *end = '\0';
        const char *last = strrchr(line, ',') + 1;
        assert_int_equal(*last != '\0', steps % 2 == 1);
        if (*last && n < most)
            dice[n++] = strtod(last, NULL);
    }
    memory_free(text);
    return steps;
}

/* Where the rule says that a run ends: after `patience` validations without a better one. */
static int expected_end(const double *dice, int n, int patience)
{
    double best = -1;
    for (int i = 0, without = 0; i < n; i++) {
        without = dice[i] > best ? 0 : without + 1;
        best = dice[i] > best ? dice[i] : best;
        if (without == patience)
            return 2 * (i + 1);
    }
    return STEPS;
}

static void validation_stops_a_run_that_gets_no_better(void **state)
{
    enum { PATIENCE = 1 };
    struct outcome out, again;
    double dice[STEPS] = {0};
    (void)state;
    struct train_options options = options_for(&out, "patient");
    options.recipe.validate_every = 2;
    options.recipe.patience = PATIENCE;
    options.recipe.learning_rate = 0; /* nothing gets better */
    run_whole(&options, 0);
    const int steps = read_validations(out.log, dice, STEPS);
    assert_int_equal(steps, expected_end(dice, steps / 2, PATIENCE));
    hash_outcome(&out);

    /* Resumed, it is at its end already. */
    again = out;
    options.resume = true;
    run_whole(&options, 0);
    hash_outcome(&again);
    for (int i = 0; i < 3; i++)
        assert_string_equal(again.sha256[i], out.sha256[i]);
    forget(&out);
}

/* Two of six patients are kept out of training, and everything is fitted on them. */
static void patients_are_set_aside(void **state)
{
    struct outcome out[2];
    struct safetensors *file = NULL;
    struct model *model = NULL;
    ana_error err = {0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct train_options options = options_for(&out[i], i ? "aside4" : "aside1");
        options.recipe.calibration_share = 0.34;
        options.recipe.steps = 3;
        run_whole(&options, i ? THREADS - 1 : 0);
        hash_outcome(&out[i]);
    }
    for (int i = 0; i < 3; i++) {
        assert_string_equal(out[0].sha256[i], out[1].sha256[i]);
        assert_string_not_equal(out[0].sha256[i], whole.sha256[i]);
    }
    if (safetensors_open(&file, out[0].weights, &err) ||
        model_open(&model, safetensors_source(file), &err))
        fail_msg("%s", err.message);
    const struct model_facts *f = &model->facts;
    assert_true(f->presence_absent >= 0.05 && f->presence_found >= f->presence_absent);
    assert_true(f->presence_absent < 0.819 || f->presence_absent > 0.821); /* the unfitted one */
    model_free(model);
    safetensors_free(file);

    /* A state of a run that trained on everybody is another run's. */
    struct train_options other = options_for(&out[0], "aside1");
    other.resume = true;
    other.recipe.steps = 3;
    assert_int_equal(train_run(&other, contexts[0], NULL, NULL, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "another recipe"));
    forget(&out[0]);
    forget(&out[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validation_stops_a_run_that_gets_no_better),
        cmocka_unit_test(the_log_has_a_line_a_step),
        cmocka_unit_test(a_stopped_run_resumes_to_the_same_bytes),
        cmocka_unit_test(a_run_may_be_stopped_often),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(another_seed_is_another_run),
        cmocka_unit_test(a_run_starts_from_weights_alone),
        cmocka_unit_test(places_that_cannot_be_written_show_at_once),
        cmocka_unit_test(bad_input_is_named),
        cmocka_unit_test(the_loss_goes_down),
        cmocka_unit_test(patients_are_set_aside),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
