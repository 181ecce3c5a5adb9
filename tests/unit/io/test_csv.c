/* csv.h: RFC 4180 cell by cell, errors with their line, writing what reads back. */
#include "io/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../base/failing_memory.h"
#include "base/memory.h"
#include "base/random.h"

static struct csv parse(const char *text)
{
    struct csv csv;
    ana_error err = {0};
    if (csv_read_memory(&csv, text, strlen(text), "test", &err))
        fail_msg("%s", err.message);
    return csv;
}

static void cells_are_found(void **state)
{
    (void)state;
    struct csv csv = parse("path,mask,note\na.png,b.png,\nc.png,,last");
    assert_int_equal(csv.n_rows, 2);
    assert_int_equal(csv.n_columns, 3);
    assert_int_equal(csv_column(&csv, "mask"), 1);
    assert_int_equal(csv_column(&csv, "Mask"), -1);
    assert_string_equal(csv_cell(&csv, 0, 0), "a.png");
    assert_string_equal(csv_cell(&csv, 0, 2), "");
    assert_string_equal(csv_cell(&csv, 1, 1), "");
    assert_string_equal(csv_cell(&csv, 1, 2), "last");
    assert_string_equal(csv_cell(&csv, 1, -1), "");
    assert_string_equal(csv_cell(&csv, 2, 0), "");
    csv_clear(&csv);
    assert_int_equal(memory_in_use(), 0);
}

static void quotes_line_ends_and_mark(void **state)
{
    (void)state;
    struct csv csv =
        parse("\xef\xbb\xbf\"a\",b\r\n\r\n\"x, \"\"y\"\"\",\"two\r\nlines\"\r\n\n\"\",z\n");
    assert_string_equal(csv.names[0], "a");
    assert_int_equal(csv.n_rows, 2);
    assert_string_equal(csv_cell(&csv, 0, 0), "x, \"y\"");
    assert_string_equal(csv_cell(&csv, 0, 1), "two\r\nlines");
    assert_int_equal(csv.lines[0], 3);
    assert_string_equal(csv_cell(&csv, 1, 0), "");
    assert_int_equal(csv.lines[1], 6);
    csv_clear(&csv);
}

static void header_alone(void **state)
{
    (void)state;
    struct csv csv = parse("a,b");
    assert_int_equal(csv.n_rows, 0);
    assert_int_equal(csv.n_columns, 2);
    csv_clear(&csv);
}

static void bad_text_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *in_message;
    } cases[] = {
        {"", "line 1: no header"},
        {"\n\n", "line 3: no header"},
        {"a,b\n1\n", "line 2: 1 fields, the header has 2"},
        {"a,b\n1,2\n\"\n\n\",2,3\n", "line 3: 3 fields"},
        {"a,a\n", "two columns of one name"},
        {"a,,b\n", "without a name"},
        {"a\n\"b", "line 2: the file ends inside a quoted field"},
        {"a\n\"b\"c\n", "line 2: text behind a closing quote"},
        {"a\nb\"c\n", "line 2: a quote inside"},
        {"a\nb\rc\n", "line 2: a carriage return"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct csv csv;
        ana_error err = {0};
        assert_int_equal(csv_read_memory(&csv, cases[i].text, strlen(cases[i].text), "m.csv", &err),
                         ANA_ERR_FORMAT);
        assert_null(csv.cells);
        assert_non_null(strstr(err.message, "m.csv"));
        if (!strstr(err.message, cases[i].in_message))
            fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i].in_message);
        assert_int_equal(memory_in_use(), 0);
    }
    struct csv csv;
    assert_int_equal(csv_read_memory(&csv, "a\0b", 3, "m.csv", NULL), ANA_ERR_FORMAT);
    assert_int_equal(csv_read(&csv, "no such.csv", NULL), ANA_ERR_IO);
}

static void too_many_columns(void **state)
{
    struct text text = {0};
    struct csv csv;
    (void)state;
    for (int i = 0; i < 5000; i++)
        text_appendf(&text, "c%d,", i);
    text_append(&text, "last\n");
    assert_int_equal(csv_read_memory(&csv, text.data, text.size, "m", NULL), ANA_ERR_LIMIT);
    text_clear(&text);
}

static void what_is_written_is_read(void **state)
{
    static const char *const fields[] = {"",       "plain",   "a,b", "say \"x\"", "two\nlines",
                                         "cr\rlf", " blank ", ",",   "\"",        "\xc3\xa9"};
    const int n = (int)(sizeof(fields) / sizeof(fields[0]));
    struct text text = {0};

    (void)state;
    for (int i = 0; i < n; i++)
        text_appendf(&text, "%sc%d", i ? "," : "", i);
    csv_end_record(&text);
    for (int row = 0; row < n; row++) {
        for (int i = 0; i < n; i++)
            csv_append_field(&text, fields[(row + i) % n]);
        csv_end_record(&text);
    }
    struct csv csv = parse(text_string(&text));
    assert_int_equal(csv.n_rows, n);
    for (int row = 0; row < n; row++)
        for (int i = 0; i < n; i++)
            assert_string_equal(csv_cell(&csv, row, i), fields[(row + i) % n]);
    csv_clear(&csv);
    text_clear(&text);
}

/* Random text of the characters that matter: a status, and nothing else. */
static void random_text_gives_a_status(void **state)
{
    static const char letters[] = "ab,\"\n\r";
    (void)state;
    for (uint64_t step = 0; step < 5000; step++) {
        struct random random = random_at(3, step, 0, 0);
        struct csv csv;
        const size_t size = (size_t)random_below(&random, 24);
        char *text = malloc(size + 1);
        for (size_t i = 0; i < size; i++)
            text[i] = letters[random_below(&random, sizeof(letters) - 1)];
        const ana_status status = csv_read_memory(&csv, text, size, "m", NULL);
        assert_true(status == ANA_OK || status == ANA_ERR_FORMAT);
        csv_clear(&csv);
        free(text);
        assert_int_equal(memory_in_use(), 0);
    }
}

static void failing_allocations_leak_nothing(void **state)
{
    int reached = 1;
    (void)state;
    for (int n = 1; reached; n++) {
        struct csv csv;
        failing_memory_start(n);
        const ana_status status = csv_read_memory(&csv, "a,b\n1,2\n3,4\n", 12, "m", NULL);
        csv_clear(&csv);
        const int live = failing_memory_live();
        reached = failing_memory_stop();
        assert_int_equal(live, 0);
        assert_int_equal(status, reached ? ANA_ERR_MEMORY : ANA_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_found),
        cmocka_unit_test(quotes_line_ends_and_mark),
        cmocka_unit_test(header_alone),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(too_many_columns),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(random_text_gives_a_status),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
