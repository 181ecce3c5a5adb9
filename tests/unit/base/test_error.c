/* Statuses and messages: order, context, cutting, harmless bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i <= (int)ANA_ERR_INTERNAL; i++) {
        assert_string_not_equal(ana_status_name((ana_status)i), "unknown status");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(ana_status_name((ana_status)i), ana_status_name((ana_status)j));
    }
    assert_string_equal(ana_status_name(ANA_OK), "ok");
    assert_string_equal(ana_status_name(ANA_ERR_ARGUMENT), "bad argument");
    assert_string_equal(ana_status_name(ANA_ERR_FORMAT), "bad format");
    assert_string_equal(ana_status_name(ANA_ERR_CANCELLED), "cancelled");
    assert_string_equal(ana_status_name(ANA_ERR_INTERNAL), "internal error");
    assert_string_equal(ana_status_name((ana_status)99), "unknown status");
}

static void context_goes_in_front(void **state)
{
    ana_error err = {0};

    (void)state;
    assert_int_equal(ana_fail(&err, ANA_ERR_FORMAT, "dim[0] is %d, expected 1 to 7", 9),
                     ANA_ERR_FORMAT);
    assert_int_equal(ana_fail_in(&err, ANA_ERR_FORMAT, "reading %s", "ct.nii"), ANA_ERR_FORMAT);
    assert_int_equal(ana_fail_in(&err, ANA_ERR_FORMAT, "case %d", 17), ANA_ERR_FORMAT);
    assert_string_equal(err.message, "case 17: reading ct.nii: dim[0] is 9, expected 1 to 7");
    assert_int_equal(err.status, ANA_ERR_FORMAT);
}

static void context_of_nothing_stands_alone(void **state)
{
    ana_error err = {0};

    (void)state;
    (void)ana_fail_in(&err, ANA_ERR_IO, "only this");
    assert_string_equal(err.message, "only this");
}

static void nobody_interested_is_fine(void **state)
{
    (void)state;
    assert_int_equal(ana_fail(NULL, ANA_ERR_IO, "x"), ANA_ERR_IO);
    assert_int_equal(ana_fail_in(NULL, ANA_ERR_LIMIT, "x"), ANA_ERR_LIMIT);
    assert_int_equal(ana_fail_memory(NULL, 1), ANA_ERR_MEMORY);
}

static void memory_says_how_much(void **state)
{
    ana_error err;

    (void)state;
    assert_int_equal(ana_fail_memory(&err, 123), ANA_ERR_MEMORY);
    assert_string_equal(err.message, "out of memory (123 bytes wanted)");
}

static void long_messages_are_cut_between_characters(void **state)
{
    ana_error err;
    char text[2 * sizeof err.message];

    (void)state;
    for (int shift = 0; shift < 2; shift++) {
        size_t n = 0;
        if (shift)
            text[n++] = 'x';
        while (n + 2 < sizeof text) {
            text[n++] = (char)0xc3; /* e acute */
            text[n++] = (char)0xa9;
        }
        text[n] = '\0';
        (void)ana_fail(&err, ANA_ERR_IO, "%s", text);
        const size_t length = strlen(err.message);
        assert_in_range(length, sizeof err.message - 3, sizeof err.message - 1);
        assert_string_equal(err.message + length - 3, "...");
        assert_int_equal((unsigned char)err.message[length - 4], 0xa9);
        (void)ana_fail_in(&err, ANA_ERR_IO, "%s", text);
        assert_true(strlen(err.message) < sizeof err.message);
    }
}

static void control_bytes_become_blanks(void **state)
{
    ana_error err;

    (void)state;
    (void)ana_fail(&err, ANA_ERR_IO, "%s", "a\nb\x1b[31mc\x7f");
    assert_string_equal(err.message, "a b [31mc ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(context_of_nothing_stands_alone),
        cmocka_unit_test(nobody_interested_is_fine),
        cmocka_unit_test(memory_says_how_much),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(control_bytes_become_blanks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
