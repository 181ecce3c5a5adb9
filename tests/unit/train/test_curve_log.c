/* The log of a run: written line by line, cut back when a run goes on from an earlier step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/scratch.h"
#include "base/file.h"
#include "base/memory.h"
#include "train/curve_log.h"

static struct scratch scratch;
static char path[256];

static int set_up(void **state)
{
    (void)state;
    scratch_make(&scratch);
    (void)scratch_name(path, &scratch, "log.csv");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

static void put(const char *text)
{
    ana_error err;
    assert_int_equal(file_write(path, text, strlen(text), &err), ANA_OK);
}

static void expect_file(const char *expected)
{
    uint8_t *text;
    size_t size;
    ana_error err;
    assert_int_equal(file_read(&text, &size, path, 0, &err), ANA_OK);
    assert_string_equal((const char *)text, expected);
    assert_int_equal(size, strlen(expected));
    memory_free(text);
}

static struct curve_log opened(int64_t steps)
{
    struct curve_log log;
    ana_error err = {0};
    if (curve_log_open(&log, path, "step,loss", steps, &err))
        fail_msg("%s", err.message);
    return log;
}

/* Opens at `steps`, writes one line and expects a whole file. */
static void expect_after(const char *before, int64_t steps, const char *expected)
{
    ana_error err;
    put(before);
    struct curve_log log = opened(steps);
    assert_int_equal(curve_log_line(&log, &err, "%d,%s", 7, "new"), ANA_OK);
    curve_log_close(&log);
    expect_file(expected);
}

static void a_new_log_begins_with_the_header(void **state)
{
    (void)state;
    expect_after("old,stuff\n1\n2\n", 0, "step,loss\n7,new\n");
}

static void lines_are_there_at_once(void **state)
{
    ana_error err;
    (void)state;
    struct curve_log log = opened(0);
    expect_file("step,loss\n");
    assert_int_equal(curve_log_line(&log, &err, "0,%.3f", 1.5), ANA_OK);
    expect_file("step,loss\n0,1.500\n");
    curve_log_close(&log);
    curve_log_close(&log);
}

static void an_old_log_is_cut_back_to_the_state(void **state)
{
    (void)state;
    expect_after("step,loss\n0,a\n1,b\n2,c\n3,d\n", 2, "step,loss\n0,a\n1,b\n7,new\n");
    expect_after("step,loss\n0,a\n1,b\n", 2, "step,loss\n0,a\n1,b\n7,new\n");
}

static void a_torn_line_is_dropped(void **state)
{
    (void)state;
    expect_after("step,loss\n0,a\n1,b\n2,", 2, "step,loss\n0,a\n1,b\n7,new\n");
    expect_after("step,loss\n0,a\n1,", 2, "step,loss\n0,a\n7,new\n");
}

static void a_short_log_keeps_what_it_has(void **state)
{
    (void)state;
    expect_after("step,loss\n0,a\n", 5, "step,loss\n0,a\n7,new\n");
}

static void a_lost_log_begins_anew(void **state)
{
    ana_error err;
    (void)state;
    struct curve_log log = opened(3);
    assert_int_equal(curve_log_line(&log, &err, "3,x"), ANA_OK);
    curve_log_close(&log);
    expect_file("step,loss\n3,x\n");
}

/* Killed between the file's making and its first line. */
static void an_empty_log_gets_its_header(void **state)
{
    (void)state;
    expect_after("", 2, "step,loss\n7,new\n");
    expect_after("step,lo", 2, "step,loss\n7,new\n");
}

static void no_log_is_fine(void **state)
{
    struct curve_log log;
    ana_error err;
    (void)state;
    assert_int_equal(curve_log_open(&log, NULL, "step,loss", 4, &err), ANA_OK);
    assert_int_equal(curve_log_line(&log, &err, "%d", 1), ANA_OK);
    curve_log_close(&log);
    assert_int_equal(scratch_entries(&scratch, ""), 0);
}

static void a_log_that_cannot_be_written_is_named(void **state)
{
    struct curve_log log;
    ana_error err = {0};
    char nowhere[256];
    (void)state;
    (void)scratch_name(nowhere, &scratch, "no/folder.csv");
    assert_int_equal(curve_log_open(&log, nowhere, "step", 0, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "no/folder.csv"));
    assert_int_equal(curve_log_open(&log, scratch.path, "step", 3, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, scratch.path));
    curve_log_close(&log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_log_begins_with_the_header),      TEST(lines_are_there_at_once),
        TEST(an_old_log_is_cut_back_to_the_state),   TEST(a_torn_line_is_dropped),
        TEST(a_short_log_keeps_what_it_has),         TEST(a_lost_log_begins_anew),
        TEST(an_empty_log_gets_its_header),          TEST(no_log_is_fine),
        TEST(a_log_that_cannot_be_written_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
