/* Choosing a backend: by name, by ANATOME_ISA, and what a wrong name does. */
#include "compute/compute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct compute *with_isa(const char *isa)
{
    assert_int_equal(setenv("ANATOME_ISA", isa, 1), 0);
    const struct compute *table = compute_default();
    assert_int_equal(unsetenv("ANATOME_ISA"), 0);
    return table;
}

static void reference_is_always_there(void **state)
{
    (void)state;
    assert_ptr_equal(compute_by_name("reference"), compute_reference(DTYPE_F32));
    assert_ptr_not_equal(compute_reference(DTYPE_F64), compute_reference(DTYPE_F32));
    assert_string_equal(compute_reference(DTYPE_F64)->name, "reference");
    assert_ptr_equal(with_isa("reference"), compute_reference(DTYPE_F32));
}

static void names_find_their_table(void **state)
{
    const char *const names[] = {"avx2", "x86-64", "reference"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct compute *table = compute_by_name(names[i]);
        if (!table) /* this CPU lacks it */
            continue;
        assert_string_equal(table->name, names[i]);
        assert_ptr_equal(with_isa(names[i]), table);
    }
    assert_null(compute_by_name("mmx"));
    assert_null(compute_by_name(""));
}

static void default_is_the_best_one(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("ANATOME_ISA"), 0);
    const struct compute *best = compute_by_name("avx2");
    if (!best)
        best = compute_by_name("x86-64");
    if (!best)
        best = compute_by_name("reference");
    assert_ptr_equal(compute_default(), best);
    assert_ptr_equal(compute_default(), best);
    assert_ptr_equal(with_isa("no such thing"), best);
}

/* A kernel that a table forgets would be a null call somewhere else. */
static void no_kernel_is_missing(void **state)
{
    const char *const names[] = {"avx2", "x86-64", "reference"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct compute *table = compute_by_name(names[i]);
        if (!table)
            continue;
        void (*function)(void);
        const size_t first = offsetof(struct compute, gemm_packed_bytes);
        for (size_t at = first; at < sizeof *table; at += sizeof function) {
            memcpy(&function, (const char *)table + at, sizeof function);
            if (!function)
                fail_msg("%s lacks the kernel at offset %zu", names[i], at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_is_always_there),
        cmocka_unit_test(names_find_their_table),
        cmocka_unit_test(default_is_the_best_one),
        cmocka_unit_test(no_kernel_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
