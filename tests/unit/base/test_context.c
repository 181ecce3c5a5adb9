/* The context and its log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "failing_memory.h"

struct seen {
    int n;
    ana_log_level level;
    char line[2048];
};

static void remember(void *user, ana_log_level level, const char *line)
{
    struct seen *seen = user;

    seen->n++;
    seen->level = level;
    (void)strncpy(seen->line, line, sizeof seen->line - 1);
}

static void defaults_are_silent(void **state)
{
    ana_context *context = NULL;
    ana_error err = {0};

    (void)state;
    assert_int_equal(ana_context_create(&context, NULL, &err), ANA_OK);
    assert_true(ana_context_threads(context) >= 1);
    log_write(&context->log, ANA_LOG_ERROR, "nobody listens");
    ana_context_free(context);
    ana_context_free(NULL);
    log_write(NULL, ANA_LOG_ERROR, "nobody at all");
}

static void lines_reach_the_sink_by_level(void **state)
{
    struct seen seen = {0};
    ana_context_options options = ana_context_defaults();
    ana_context *context = NULL;

    (void)state;
    options.n_threads = 3;
    options.log = remember;
    options.log_user = &seen;
    assert_int_equal(ana_context_create(&context, &options, NULL), ANA_OK);
    assert_int_equal(ana_context_threads(context), 3);
    log_write(&context->log, ANA_LOG_INFO, "dropped");
    assert_int_equal(seen.n, 0);
    log_write(&context->log, ANA_LOG_WARNING, "%d of %s", 2, "three");
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.level, ANA_LOG_WARNING);
    assert_string_equal(seen.line, "2 of three");
    log_write(&context->log, ANA_LOG_ERROR, "%3000d", 1);
    assert_in_range(strlen(seen.line), 1000, 1100);
    ana_context_free(context);
}

static void the_budget_lasts_as_long_as_the_context(void **state)
{
    ana_context_options options = ana_context_defaults();
    ana_context *context = NULL;

    (void)state;
    options.memory_limit_bytes = memory_in_use() + 100000;
    assert_int_equal(ana_context_create(&context, &options, NULL), ANA_OK);
    assert_null(memory_alloc(200000));
    ana_context_free(context);
    void *block = memory_alloc(200000);
    assert_non_null(block);
    memory_free(block);
}

static void nonsense_is_refused(void **state)
{
    ana_context_options options = ana_context_defaults();
    ana_context *context = (ana_context *)state;
    ana_error err = {0};

    options.n_threads = -1;
    assert_int_equal(ana_context_create(&context, &options, &err), ANA_ERR_ARGUMENT);
    assert_null(context);
    assert_non_null(strstr(err.message, "-1 threads"));
    options.n_threads = 1000000;
    assert_int_equal(ana_context_create(&context, &options, &err), ANA_ERR_ARGUMENT);
}

static void every_failing_allocation_is_told(void **state)
{
    (void)state;
    for (int n = 1, reached = 1; reached; n++) {
        ana_context *context;
        ana_error err = {0};
        failing_memory_start(n);
        const ana_status status = ana_context_create(&context, NULL, &err);
        ana_context_free(context);
        assert_int_equal(failing_memory_live(), 0);
        reached = failing_memory_stop();
        assert_int_equal(status, reached ? ANA_ERR_MEMORY : ANA_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_silent),
        cmocka_unit_test(lines_reach_the_sink_by_level),
        cmocka_unit_test(the_budget_lasts_as_long_as_the_context),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(every_failing_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
