/* Strings: growth, sticky failure, strict numbers in any locale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "failing_memory.h"

static void text_grows(void **state)
{
    struct text text = {0};
    size_t expected = 0;

    (void)state;
    assert_string_equal(text_string(&text), "");
    for (int i = 0; i < 1000; i++) {
        text_append(&text, "ab");
        text_append_bytes(&text, "c\0d", 3);
        text_appendf(&text, "%d", i % 10);
        expected += 6;
    }
    assert_false(text.failed);
    assert_int_equal(text.size, expected);
    assert_int_equal(text.data[text.size], 0);
    for (size_t i = 0; i < expected; i += 6) {
        assert_memory_equal(text.data + i, "abc\0d", 5);
        assert_int_equal(text.data[i + 5], '0' + (char)(i / 6 % 10));
    }
    text_clear(&text);
    assert_null(text.data);
    text_append_bytes(&text, NULL, 0);
    assert_string_equal(text_string(&text), "");
    text_clear(&text);
}

static void failure_sticks(void **state)
{
    struct text text = {0};

    (void)state;
    failing_memory_start(2);
    text_append(&text, "kept");
    text_appendf(&text, "%2000d", 1);
    assert_true(text.failed);
    text_append(&text, "x");
    assert_string_equal(text_string(&text), "kept");
    text_clear(&text);
    assert_false(text.failed);
    assert_int_equal(failing_memory_live(), 0);
    assert_int_equal(failing_memory_stop(), 1);
}

static void prefixes_and_suffixes(void **state)
{
    (void)state;
    assert_true(string_starts_with("retina.png", "ret"));
    assert_true(string_starts_with("x", ""));
    assert_false(string_starts_with("re", "ret"));
    assert_true(string_ends_with("retina.png", ".png"));
    assert_true(string_ends_with("x", ""));
    assert_false(string_ends_with("png", ".png"));
    assert_false(string_ends_with("a.PNG", ".png"));
}

static void whole_numbers(void **state)
{
    static const char *const bad[] = {
        "", " 1", "1 ", "1x", "0x10", "--1", "+-1", "1.0", "+", "1+", "9223372036854775808"};
    long long out = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(string_to_int64(bad[i], &out));
        assert_int_equal(out, 77);
    }
    assert_true(string_to_int64("-9223372036854775808", &out) && out == INT64_MIN);
    assert_true(string_to_int64("9223372036854775807", &out) && out == INT64_MAX);
    assert_true(string_to_int64("+012", &out) && out == 12);
}

static void real_numbers(void **state)
{
    static const char *const bad[] = {"",      " 1",  "1 ", "nan", "inf",   "-inf", "1e999",
                                      "0x1p3", "1,5", "1e", "e5",  "1.2.3", "-",    "."};
    double out = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(string_to_double(bad[i], &out));
        assert_true(out == 77);
    }
    assert_true(string_to_double("-2.5e-3", &out) && out == -2.5e-3);
    assert_true(string_to_double(".5", &out) && out == 0.5);
    assert_true(string_to_double("1e-320", &out) && out > 0);
}

/* Runs in whatever comma locale the machine has; the C locale alone proves little but harms
 * nothing. */
static void the_locale_changes_nothing(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    struct text text = {0};
    double out = 0;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_NUMERIC, names[i]))
            break;
    }
    assert_true(string_to_double("0.25", &out) && out == 0.25);
    text_appendf(&text, "%.2f", 1.5);
    assert_string_equal(text_string(&text), "1.50");
    text_clear(&text);
    (void)setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),
        cmocka_unit_test(failure_sticks),
        cmocka_unit_test(prefixes_and_suffixes),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(real_numbers),
        cmocka_unit_test(the_locale_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
