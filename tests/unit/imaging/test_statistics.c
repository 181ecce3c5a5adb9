/* Means, deviations, percentiles and bootstrap intervals. */
#include "imaging/statistics.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "helpers.h"

static void test_moments(void **state)
{
    (void)state;
    const double values[] = {1, 2, (double)NAN, 4, 9};
    struct summary s;
    assert_int_equal(statistics_summarise(&s, values, NULL, 5, 1, NULL), ANA_OK);
    assert_int_equal(s.n, 4);
    assert_near(s.mean, 4, 1e-15);
    assert_near(s.sd, sqrt(38.0 / 3), 1e-15);
    assert_true(s.lo >= 1 && s.lo < 4 && s.hi > 4 && s.hi <= 9);
}

static void test_few_values(void **state)
{
    (void)state;
    struct summary s;
    const double one[] = {0.25, (double)NAN};
    assert_int_equal(statistics_summarise(&s, one, NULL, 0, 1, NULL), ANA_OK);
    assert_int_equal(s.n, 0);
    assert_true(isnan(s.mean) && isnan(s.sd) && isnan(s.lo) && isnan(s.hi));
    assert_int_equal(statistics_summarise(&s, one, NULL, 2, 1, NULL), ANA_OK);
    assert_int_equal(s.n, 1);
    assert_near(s.mean, 0.25, 0);
    assert_near(s.sd, 0, 0);
    assert_near(s.lo, 0.25, 0);
    assert_near(s.hi, 0.25, 0);
}

static void draw(double *values, int64_t n, uint64_t seed)
{
    struct random random = random_at(seed, 0, 0, 3);
    for (int64_t i = 0; i < n; i++)
        values[i] = random_normal(&random);
}

static void test_same_seed_same_interval(void **state)
{
    (void)state;
    double values[50];
    struct summary a, b, c;
    draw(values, 50, 1);
    assert_int_equal(statistics_summarise(&a, values, NULL, 50, 7, NULL), ANA_OK);
    assert_int_equal(statistics_summarise(&b, values, NULL, 50, 7, NULL), ANA_OK);
    assert_int_equal(statistics_summarise(&c, values, NULL, 50, 8, NULL), ANA_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.lo != c.lo);
    assert_near(a.lo, c.lo, 0.05);
}

/* For normal values the interval is about mean +- 1.96 sd / sqrt(n). */
static void test_width_is_that_of_the_normal_theory(void **state)
{
    (void)state;
    enum { N = 400 };
    double values[N];
    struct summary s;
    draw(values, N, 2);
    assert_int_equal(statistics_summarise(&s, values, NULL, N, 1, NULL), ANA_OK);
    const double half = 1.96 * s.sd / sqrt(N);
    assert_near(s.lo, s.mean - half, 0.15 * half);
    assert_near(s.hi, s.mean + half, 0.15 * half);
}

/* Ten copies of each patient's value say no more than one of them. */
static void test_patients_are_drawn_whole(void **state)
{
    (void)state;
    enum { PATIENTS = 40, COPIES = 10, N = PATIENTS * COPIES };
    double few[PATIENTS], many[N];
    int64_t group[N];
    struct summary one, grouped, naive;
    draw(few, PATIENTS, 3);
    for (int i = 0; i < N; i++) {
        many[i] = few[i % PATIENTS];
        group[i] = 1000 - 7 * (i % PATIENTS);
    }
    assert_int_equal(statistics_summarise(&one, few, NULL, PATIENTS, 1, NULL), ANA_OK);
    assert_int_equal(statistics_summarise(&grouped, many, group, N, 1, NULL), ANA_OK);
    assert_int_equal(statistics_summarise(&naive, many, NULL, N, 1, NULL), ANA_OK);
    assert_near(grouped.mean, one.mean, 1e-12);
    assert_near((grouped.hi - grouped.lo) / (one.hi - one.lo), 1, 0.1);
    assert_true(naive.hi - naive.lo < 0.5 * (grouped.hi - grouped.lo));
}

static void test_percentiles_interpolate(void **state)
{
    (void)state;
    const double values[] = {1, 2, 4, 8, HUGE_VAL};
    assert_near(percentile_of_sorted(values, 5, 0), 1, 0);
    assert_near(percentile_of_sorted(values, 5, 50), 4, 0);
    assert_near(percentile_of_sorted(values, 5, 37.5), 3, 1e-15);
    assert_true(isinf(percentile_of_sorted(values, 5, 100)));
    assert_near(percentile_of_sorted(values, 1, 95), 1, 0);
}

static ana_status summarise(void *context, ana_error *err)
{
    struct summary s;
    return statistics_summarise(&s, context, NULL, 10, 1, err);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    double values[10];
    draw(values, 10, 1);
    check_allocation_failures(summarise, values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_few_values),
        cmocka_unit_test(test_same_seed_same_interval),
        cmocka_unit_test(test_width_is_that_of_the_normal_theory),
        cmocka_unit_test(test_patients_are_drawn_whole),
        cmocka_unit_test(test_percentiles_interpolate),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
