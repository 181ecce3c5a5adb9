/* The reference backend: float against double, every gradient against central finite differences,
 * fused against materialised attention, the same bytes for any number of threads. */
#include "kernel_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct compute *f32(void)
{
    return compute_reference(DTYPE_F32);
}

static const struct compute *f64(void)
{
    return compute_reference(DTYPE_F64);
}

/* ---- float against double */

/* Inputs are exact in float and sums run in double, so that only the rounding of what is stored
 * (2^-24 = 6e-8) is left; a saved float that backward reads again adds its own. */
static const double FLOAT_TOLERANCE = 1e-6;

static void float_agrees_with_double(void **state)
{
    (void)state;
    for (int k = 0; k < KERNEL_COUNT; k++) {
        const struct kernel_report report = kernel_compare((enum kernel)k, f32(), DTYPE_F32, f64(),
                                                           DTYPE_F64, NULL, FLOAT_TOLERANCE);
        print_message("%-15s %3d cases, worst %.2g of %.2g (%s, %s)\n", kernel_name((enum kernel)k),
                      report.n_cases, report.worst, FLOAT_TOLERANCE, report.c->label,
                      report.operand);
        assert_int_equal(report.n_over, 0);
    }
}

/* Results start as NaN, and no case computes one. */
static void every_element_is_written(void **state)
{
    int n_cases;
    const struct kernel_case *cases = kernel_test_cases(&n_cases);

    (void)state;
    for (int c = 0; c < n_cases; c++) {
        struct kernel_run run;
        if (cases[c].flags & CASE_GAPS)
            continue;
        kernel_run_init(&run, &cases[c], f32(), DTYPE_F32, NULL);
        kernel_run_all(&run);
        for (int i = 0; i < run.n_operands; i++) {
            for (int64_t at = 0; at < run.operands[i].count; at++) {
                if (isnan(operand_value(&run, i, at)))
                    fail_msg("%s, %s: %s[%lld] is NaN", kernel_name(cases[c].kernel),
                             cases[c].label, run.operands[i].name, (long long)at);
            }
        }
        kernel_run_clear(&run);
    }
}

/* ---- gradients */

/* Central differences in double: the error of the formula is of order STEP^2, that of rounding of
 * order 1e-16 / STEP. */
static const double STEP = 1e-5;
static const double GRADIENT_TOLERANCE = 1e-7;
enum { MOST_PROBES = 40 };

static int find_role(const struct kernel_run *run, enum operand_role role)
{
    int i = 0;
    while (run->operands[i].role != role)
        i++;
    return i;
}

/* sum of dy y after a forward pass */
static double loss(struct kernel_run *run)
{
    const int y = find_role(run, OPERAND_RESULT), dy = find_role(run, OPERAND_SEED);
    double sum = 0;

    kernel_run_forward(run);
    for (int64_t i = 0; i < run->operands[y].count; i++)
        sum += operand_value(run, y, i) * operand_value(run, dy, i);
    return sum;
}

static double difference(struct kernel_run *run, int input, int64_t i)
{
    const double value = operand_value(run, input, i);

    operand_set(run, input, i, value + STEP);
    const double above = loss(run);
    operand_set(run, input, i, value - STEP);
    const double below = loss(run);
    operand_set(run, input, i, value);
    return (above - below) / (2 * STEP);
}

/* The largest |analytic - numeric| / (1 + |numeric|) over some elements of one gradient. */
static double gradient_error(struct kernel_run *run, int gradient)
{
    const struct operand *operand = &run->operands[gradient];
    const int64_t stride = operand->count / MOST_PROBES + 1; /* 1 while few */
    double worst = 0;

    for (int64_t i = 0; i < operand->count; i += stride) {
        const double before = operand->accumulated ? operand_initial(run, gradient, i) : 0;
        const double analytic = operand_value(run, gradient, i) - before;
        const double numeric = difference(run, operand->gradient_of, i);
        worst = fmax(worst, fabs(analytic - numeric) / (1 + fabs(numeric)));
    }
    return worst;
}

static int check_case(const struct kernel_case *c, double *worst)
{
    struct kernel_run run;
    int n_gradients = 0;

    kernel_run_init(&run, c, f64(), DTYPE_F64, NULL);
    kernel_run_all(&run);
    for (int i = 0; i < run.n_operands; i++) {
        if (run.operands[i].gradient_of < 0)
            continue;
        const double error = gradient_error(&run, i);
        n_gradients++;
        *worst = fmax(*worst, error);
        if (!(error <= GRADIENT_TOLERANCE))
            fail_msg("%s, %s: %s is off by %.3g, tolerance %.3g", kernel_name(c->kernel), c->label,
                     run.operands[i].name, error, GRADIENT_TOLERANCE);
    }
    kernel_run_clear(&run);
    return n_gradients;
}

static void gradients_match_finite_differences(void **state)
{
    const enum kernel kernels[] = {KERNEL_CONV,    KERNEL_CHANNEL_AFFINE, KERNEL_ROW_NORM,
                                   KERNEL_SOFTMAX, KERNEL_ATTENTION,      KERNEL_ACTIVATE,
                                   KERNEL_POOL2D,  KERNEL_RESIZE2D};
    int n_cases;
    const struct kernel_case *cases = kernel_test_cases(&n_cases);

    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
        int n_shapes = 0, n_gradients = 0;
        double worst = 0;
        for (int c = 0; c < n_cases; c++) {
            if (cases[c].kernel != kernels[k] || !(cases[c].flags & CASE_GRADIENT))
                continue;
            n_shapes++;
            n_gradients += check_case(&cases[c], &worst);
        }
        print_message("%-15s %3d gradients of %2d shapes, worst %.2g of %.2g\n",
                      kernel_name(kernels[k]), n_gradients, n_shapes, worst, GRADIENT_TOLERANCE);
        assert_true(n_shapes >= 5 && n_gradients >= n_shapes);
    }
}

/* ---- attention's two modes */

static int find_operand(const struct kernel_run *run, const char *name)
{
    int i = 0;
    while (i < run->n_operands && strcmp(run->operands[i].name, name) != 0)
        i++;
    return i;
}

/* Both write y, dq, dk, dv; fused has no probabilities. */
static double mode_difference(const struct kernel_run *fused, const struct kernel_run *kept)
{
    const char *const names[] = {"y", "dq", "dk", "dv"};
    double worst = 0;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const int a = find_operand(fused, names[i]), b = find_operand(kept, names[i]);
        assert_in_range(a, 0, fused->n_operands - 1);
        for (int64_t at = 0; at < fused->operands[a].count; at++)
            worst = fmax(worst, fabs(operand_value(fused, a, at) - operand_value(kept, b, at)));
    }
    return worst;
}

/* Data is keyed by an operand's place, so the probabilities may come behind nothing that is read
 * but dy: its numbers are copied. */
static void share_seed(struct kernel_run *to, const struct kernel_run *from)
{
    const int a = find_role(to, OPERAND_SEED), b = find_role(from, OPERAND_SEED);
    memcpy(to->operands[a].data, from->operands[b].data, from->operands[b].bytes);
}

static void fused_and_materialised_agree(void **state)
{
    int n_cases, n_pairs = 0;
    const struct kernel_case *cases = kernel_test_cases(&n_cases);

    (void)state;
    for (int c = 0; c < n_cases; c++) {
        struct kernel_case without = cases[c];
        struct kernel_run kept, fused;
        if (without.kernel != KERNEL_ATTENTION || !(without.flags & CASE_MATERIALISED) ||
            without.flags & CASE_NO_RESULT)
            continue;
        without.flags &= ~(unsigned)CASE_MATERIALISED;
        kernel_run_init(&kept, &cases[c], f64(), DTYPE_F64, NULL);
        kernel_run_init(&fused, &without, f64(), DTYPE_F64, NULL);
        share_seed(&fused, &kept);
        kernel_run_all(&kept);
        kernel_run_all(&fused);
        const double difference_of_modes = mode_difference(&fused, &kept);
        if (!(difference_of_modes <= 1e-14))
            fail_msg("%s: the modes differ by %.3g", cases[c].label, difference_of_modes);
        kernel_run_clear(&kept);
        kernel_run_clear(&fused);
        n_pairs++;
    }
    assert_true(n_pairs >= 5);
}

/* ---- threads */

static void bytes_do_not_depend_on_threads(void **state)
{
    const int threads[] = {1, 2, 4, 7};
    int n_cases;
    const struct kernel_case *cases = kernel_test_cases(&n_cases);

    (void)state;
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        struct pool *pool = NULL;
        assert_int_equal(pool_create(&pool, threads[t], NULL), ANA_OK);
        for (int c = 0; c < n_cases; c++) {
            struct kernel_run alone, shared;
            kernel_run_init(&alone, &cases[c], f32(), DTYPE_F32, NULL);
            kernel_run_init(&shared, &cases[c], f32(), DTYPE_F32, pool);
            kernel_run_all(&alone);
            kernel_run_all(&shared);
            if (!kernel_run_equal(&shared, &alone))
                fail_msg("%s, %s: other bytes with %d threads", kernel_name(cases[c].kernel),
                         cases[c].label, threads[t]);
            kernel_run_clear(&alone);
            kernel_run_clear(&shared);
        }
        pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_agrees_with_double),
        cmocka_unit_test(every_element_is_written),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(fused_and_materialised_agree),
        cmocka_unit_test(bytes_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
