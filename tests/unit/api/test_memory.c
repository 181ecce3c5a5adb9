/* The memory limit is kept, told before it is passed, and what the message calls the smallest limit
 * that works does work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/scratch.h"
#include "anatome/anatome.h"
#include "base/memory.h"
#include "helpers.h"

static struct scratch scratch;
static char weights[256];

struct shape_case {
    int width, height, channels, n_prompts;
    bool soft, overlay;
    bool words_alone; /* else with a box */
    ana_passes passes;
};

static const struct shape_case cases[] = {
    {1, 1, 1, 1, false, false, false, {false, 0}},
    {64, 48, 3, 1, true, true, false, {false, 0}},
    {700, 20, 1, 3, true, false, false, {false, 0}},
    {20, 700, 3, 2, false, true, false, {false, 0}},
    {600, 500, 3, 1, true, true, false, {false, 0}},
    {900, 800, 1, 4, true, true, false, {false, 0}},
    {1200, 1100, 3, 2, false, true, false, {false, 0}},
    {900, 700, 3, 1, false, false, true, {false, 2}},
    {500, 800, 1, 2, true, false, false, {true, 0}},
    {1100, 900, 3, 1, true, true, true, {true, 3}},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

/* The last plan that was told. */
static struct {
    size_t needed, limit;
    int n;
} told;

static void listen(void *user, const ana_memory_plan *plan)
{
    size_t sum = 0;

    (void)user;
    for (size_t i = 0; i < plan->n_items; i++)
        sum += plan->items[i].bytes;
    assert_int_equal(sum, plan->needed_bytes);
    told.needed = plan->needed_bytes;
    told.limit = plan->limit_bytes;
    told.n++;
}

static ana_context *context_of(size_t limit)
{
    ana_context_options options = ana_context_defaults();
    ana_context *context;
    ana_error err;

    options.n_threads = 1;
    options.memory_limit_bytes = limit;
    options.memory_plan = listen;
    if (ana_context_create(&context, &options, &err))
        fail_msg("%s", err.message);
    return context;
}

static ana_status write_results(const struct shape_case *c, const ana_image *image,
                                const ana_result *const *results, ana_error *err)
{
    const size_t n = (size_t)c->n_prompts;
    ana_labels *labels = NULL;
    ana_status status = ana_result_write_mask(results[0], "/dev/null", err);

    if (!status && c->soft)
        status = ana_result_write_soft(results[0], "/dev/null", err);
    if (!status && n > 1)
        status = ana_labels_create(&labels, results, n, err);
    if (!status && c->overlay)
        status = ana_write_overlay(image, results, n, "/dev/null", err);
    if (!status && n > 1)
        status = ana_labels_write(labels, "/dev/null", err);
    ana_labels_free(labels);
    return status;
}

/* All that `anatome segment` does with one image. */
static ana_status segment_file(ana_session *session, const char *path, const struct shape_case *c,
                               ana_error *err)
{
    const ana_box box = {0, 0, 1, 1};
    const ana_prompt prompt = {
        .text = "bright disc", .boxes = &box, .n_boxes = c->words_alone ? 0 : 1};
    const ana_prompt prompts[4] = {prompt, prompt, prompt, prompt};
    const ana_segment_work work = {.path = path,
                                   .n_prompts = (size_t)c->n_prompts,
                                   .prompts = prompts,
                                   .labels = c->n_prompts > 1,
                                   .soft = c->soft,
                                   .overlay = c->overlay};
    ana_result *results[4] = {NULL};
    ana_image *image = NULL;

    ana_status status = ana_session_check_memory(session, &work, err);
    if (!status)
        status = ana_image_read(&image, path, 0, err);
    if (!status)
        status = ana_session_set_image(session, image, err);
    for (int i = 0; !status && i < c->n_prompts; i++)
        status = ana_segment(&results[i], session, &prompt, err);
    if (!status)
        status = write_results(c, image, (const ana_result *const *)results, err);
    for (int i = 0; i < c->n_prompts; i++)
        ana_result_free(results[i]);
    ana_image_free(image);
    return status;
}

/* Everything from the file of the weights on, in a context of its own. */
static ana_status run(size_t limit, const char *path, const struct shape_case *c, ana_error *err)
{
    ana_context *context = context_of(limit);
    ana_session *session = NULL;
    ana_model *model = NULL;

    ana_status status = ana_model_open(&model, weights, err);
    if (!status)
        status = ana_session_create(&session, model, context, err);
    if (!status)
        status = ana_session_set_passes(session, &c->passes, err);
    if (!status)
        status = segment_file(session, path, c, err);
    ana_session_free(session);
    ana_model_free(model);
    ana_context_free(context);
    assert_int_equal(memory_in_use(), 0);
    return status;
}

static int set_up(void **state)
{
    ana_error err;

    (void)state;
    scratch_make(&scratch);
    if (helper_weights_write(scratch_name(weights, &scratch, "w.safetensors"), &err)) {
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

/* Without a limit, what was planned is what was used: never less, and not much more. */
static void the_plan_is_what_happens(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        const struct shape_case *c = &cases[i];
        char path[256];
        ana_error err = {0};
        assert_int_equal(helper_image_write(scratch_name(path, &scratch, "image.png"), c->width,
                                            c->height, c->channels, &err),
                         ANA_OK);
        memory_reset_peak();
        if (run(0, path, c, &err))
            fail_msg("%s", err.message);
        const size_t peak = memory_peak();
        if (peak > told.needed || (double)told.needed > 1.15 * (double)peak)
            fail_msg("%d x %d: %zu bytes were planned, %zu used at most", c->width, c->height,
                     told.needed, peak);
    }
}

static void the_smallest_limit_works_and_no_smaller_one(void **state)
{
    (void)state;
    for (int i = 1; i < N_CASES; i += 3) {
        const struct shape_case *c = &cases[i];
        char path[256], number[32];
        ana_error err = {0};
        assert_int_equal(helper_image_write(scratch_name(path, &scratch, "image.png"), c->width,
                                            c->height, c->channels, &err),
                         ANA_OK);
        assert_int_equal(run(1U << 30, path, c, &err), ANA_OK);
        const size_t needed = told.needed;
        memory_reset_peak();
        if (run(needed, path, c, &err))
            fail_msg("limit %zu: %s", needed, err.message);
        assert_true(memory_peak() <= needed);

        /* One byte less: refused before the image is read. */
        memory_reset_peak();
        assert_int_equal(run(needed - 1, path, c, &err), ANA_ERR_MEMORY);
        assert_true(memory_peak() < needed - 1);
        assert_int_equal(told.limit, needed - 1);
        (void)snprintf(number, sizeof number, "%zu bytes", needed);
        if (!strstr(err.message, path) || !strstr(err.message, number) ||
            !strstr(err.message, "the limit is"))
            fail_msg("the message is \"%s\"", err.message);
    }
}

/* Whatever the limit, it is kept, and the failure says so. */
static void every_limit_is_kept(void **state)
{
    const struct shape_case c = {300, 200, 3, 2, true, true, false, {false, 0}};
    char path[256];
    ana_error err = {0};

    (void)state;
    assert_int_equal(
        helper_image_write(scratch_name(path, &scratch, "image.png"), 300, 200, 3, &err), ANA_OK);
    for (size_t limit = 1000; limit < (size_t)40 << 20; limit = limit * 9 / 4) {
        memory_reset_peak();
        const size_t before = memory_in_use();
        ana_context_options options = ana_context_defaults();
        ana_context *context;
        options.n_threads = 1;
        options.memory_limit_bytes = limit;
        if (ana_context_create(&context, &options, &err))
            continue;
        ana_context_free(context);
        assert_int_equal(memory_in_use(), before);
        assert_int_equal(run(limit, path, &c, &err), ANA_ERR_MEMORY);
        assert_true(memory_peak() <= limit + 4096); /* the context itself comes before its limit */
        if (!strstr(err.message, "limit"))
            fail_msg("limit %zu: \"%s\"", limit, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_is_what_happens),
        cmocka_unit_test(the_smallest_limit_works_and_no_smaller_one),
        cmocka_unit_test(every_limit_is_kept),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
