/* Bins, their edges, and the expected calibration error by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "imaging/reliability.h"

static void test_error_by_hand(void **state)
{
    struct reliability r = {0};

    (void)state;
    assert_true(isnan(reliability_error(&r)));
    /* Bin 13 ([13/15, 14/15)): 0.9 said three times, true twice. Bin 1: 0.1 said once, false. */
    reliability_add(&r, 0.9, 1, 1);
    reliability_add(&r, 0.9, 1, 1);
    reliability_add(&r, 0.9, 0, 1);
    reliability_add(&r, 0.1, 0, 1);
    assert_true(fabs(reliability_weight(&r) - 4) < 1e-12);
    assert_true(fabs(r.weight[13] - 3) < 1e-12);
    assert_true(fabs(r.weight[1] - 1) < 1e-12);
    assert_true(fabs(reliability_error(&r) - (3 * (0.9 - 2.0 / 3) + 1 * 0.1) / 4) < 1e-12);
}

static void test_edges(void **state)
{
    struct reliability r = {0};

    (void)state;
    reliability_add(&r, 0, 0, 1);
    reliability_add(&r, 1, 1, 1);
    reliability_add(&r, 7, 1, 1);
    reliability_add(&r, -7, 0, 1);
    reliability_add(&r, (double)NAN, 0, 1);
    reliability_add(&r, 0.5, (double)NAN, 1);
    assert_true(fabs(r.weight[0] - 2) < 1e-12);
    assert_true(fabs(r.weight[RELIABILITY_BINS - 1] - 2) < 1e-12);
    assert_true(fabs(reliability_weight(&r) - 4) < 1e-12);
    assert_true(reliability_error(&r) < 1e-12);
}

static void test_merging_weighs(void **state)
{
    struct reliability sum = {0}, small = {0}, large = {0}, nothing = {0};

    (void)state;
    reliability_add(&small, 0.5, 1, 1);
    for (int i = 0; i < 1000; i++)
        reliability_add(&large, 0.5, 0, 1);
    reliability_merge(&sum, &small, 1);
    reliability_merge(&sum, &large, 1);
    reliability_merge(&sum, &nothing, 1);
    assert_true(fabs(reliability_weight(&sum) - 2) < 1e-9);
    assert_true(fabs(sum.truth[7] - 1) < 1e-9);
    assert_true(reliability_error(&sum) < 1e-9); /* half of 0.5 came true */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_by_hand),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_merging_weighs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
