/* The fast backends against the reference in double, kernel by kernel over the shared table of
 * cases, and the same bytes for any number of threads. */
#include "kernel_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Of the largest value of an operand. Sums of up to some thousand float products, exp and erf of
 * about 2e-7: a wrong tail or tap is 100 times that. */
static const double TOLERANCE = 4e-6;

static const char *const backends[] = {"avx2", "x86-64"};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] };
static const int thread_counts[] = {1, 2, 4, 7};
enum { N_POOLS = sizeof thread_counts / sizeof thread_counts[0] };

static struct pool *pools[N_POOLS];

static int start_pools(void **state)
{
    (void)state;
    for (int i = 0; i < N_POOLS; i++)
        if (pool_create(&pools[i], thread_counts[i], NULL))
            return -1;
    return 0;
}

static int stop_pools(void **state)
{
    (void)state;
    for (int i = 0; i < N_POOLS; i++)
        pool_free(pools[i]);
    return 0;
}

static void agrees_with_reference(void **state)
{
    const struct compute *table = compute_by_name(*state);
    int n_over = 0;

    if (!table) {
        print_message("%s: this CPU lacks it\n", (const char *)*state);
        skip();
    }
    for (int kernel = 0; kernel < KERNEL_COUNT; kernel++) {
        const struct kernel_report report =
            kernel_compare((enum kernel)kernel, table, DTYPE_F32, compute_reference(DTYPE_F64),
                           DTYPE_F64, pools[1], TOLERANCE);
        print_message("%s, %s: %d cases, worst error %.2g of tolerance %.2g (%s, %s)\n",
                      table->name, kernel_name((enum kernel)kernel), report.n_cases, report.worst,
                      TOLERANCE, report.c ? report.c->label : "",
                      report.operand ? report.operand : "");
        assert_true(report.n_cases > 0);
        n_over += report.n_over;
    }
    assert_int_equal(n_over, 0);
}

static void same_bytes_for_any_threads(void **state)
{
    const struct compute *table = compute_by_name(*state);
    int n_cases;
    const struct kernel_case *cases = kernel_test_cases(&n_cases);

    if (!table)
        skip();
    for (int i = 0; i < n_cases; i++) {
        struct kernel_run first, other;
        kernel_run_init(&first, &cases[i], table, DTYPE_F32, pools[0]);
        kernel_run_all(&first);
        for (int p = 1; p < N_POOLS; p++) {
            kernel_run_init(&other, &cases[i], table, DTYPE_F32, pools[p]);
            kernel_run_all(&other);
            if (!kernel_run_equal(&first, &other))
                fail_msg("%s, %s: 1 and %d threads differ", kernel_name(cases[i].kernel),
                         cases[i].label, thread_counts[p]);
            kernel_run_clear(&other);
        }
        kernel_run_clear(&first);
    }
}

static void names_its_instruction_set(void **state)
{
    (void)state;
    for (int i = 0; i < N_BACKENDS; i++) {
        const struct compute *table = compute_by_name(backends[i]);
        if (table)
            assert_string_equal(table->instruction_set, backends[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"avx2 agrees with reference", agrees_with_reference, NULL, NULL,
         (void *)(uintptr_t) "avx2"},
        {"x86-64 agrees with reference", agrees_with_reference, NULL, NULL,
         (void *)(uintptr_t) "x86-64"},
        {"avx2 same bytes for any threads", same_bytes_for_any_threads, NULL, NULL,
         (void *)(uintptr_t) "avx2"},
        {"x86-64 same bytes for any threads", same_bytes_for_any_threads, NULL, NULL,
         (void *)(uintptr_t) "x86-64"},
        cmocka_unit_test(names_its_instruction_set),
    };
    return cmocka_run_group_tests(tests, start_pools, stop_pools);
}
