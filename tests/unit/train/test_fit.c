/* Scaling and thresholds on made-up answers whose right fit is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "imaging/reliability.h"
#include "train/fit.h"

enum { N = 40000, PIXELS = 1000 };

static double logits[N];
static bool present[N];

/* The truth follows sigmoid(scale * logit + bias). */
static void draw(double scale, double bias)
{
    struct random random = random_at(3, 0, 0, 0);

    for (int i = 0; i < N; i++) {
        logits[i] = 4 * random_normal(&random);
        present[i] = random_uniform(&random) < 1 / (1 + exp(-(scale * logits[i] + bias)));
    }
}

static double error_of(const struct fit_logit *f)
{
    struct reliability r = {0};

    for (int i = 0; i < N; i++)
        reliability_add(&r, 1 / (1 + exp(-(f->scale * logits[i] + f->bias))), present[i], 1);
    return reliability_error(&r);
}

static void presence_is_found_again(void **state)
{
    (void)state;
    draw(0.5, 0);
    const struct fit_logit fit = fit_presence(logits, present, N), raw = {1, 0};
    if (!(fabs(fit.scale - 0.5) < 0.05 && fabs(fit.bias) < 0.15))
        fail_msg("scale %g, bias %g; expected 0.5 and 0", fit.scale, fit.bias);
    assert_true(error_of(&fit) < 0.02);
    assert_true(error_of(&raw) > 2 * error_of(&fit));
}

/* Nine of ten cases are present; 0.5 still means "as likely as not, if it was before". */
static void classes_weigh_the_same(void **state)
{
    static double values[N];
    static bool there[N];
    int n = 0, absent = 0;

    (void)state;
    draw(1, 0);
    for (int i = 0; i < N; i++) {
        if (!present[i] && absent++ % 9 != 0)
            continue;
        values[n] = logits[i];
        there[n++] = present[i];
    }
    const struct fit_logit fit = fit_presence(values, there, n);
    if (!(fabs(fit.scale - 1) < 0.15 && fabs(fit.bias) < 0.3))
        fail_msg("scale %g, bias %g; expected 1 and 0", fit.scale, fit.bias);
}

static void what_cannot_be_fitted_stays(void **state)
{
    static const double apart[] = {-3, -2, 2, 3};
    static const bool all[] = {true, true, true, true};
    static const bool split[] = {false, false, true, true};
    static const bool wrong[] = {true, true, false, false};
    const struct fit_logit one = fit_presence(apart, all, 4), none = fit_presence(apart, all, 0);
    const struct fit_logit clear = fit_presence(apart, split, 4);
    const struct fit_logit opposite = fit_presence(apart, wrong, 4);

    (void)state;
    assert_true(one.scale >= 1 && one.scale <= 1 && fabs(one.bias) <= 0);
    assert_true(none.scale >= 1 && none.scale <= 1);
    assert_true(opposite.scale >= 1 && opposite.scale <= 1);
    /* Classes that never meet would drive the scale up without end but for Platt's targets: 3 of 4
     * at logits of 2 and 3. */
    assert_true(clear.scale > 0.3 && clear.scale < 2 && fabs(clear.bias) < 1e-6);
}

static void percentiles(void **state)
{
    double scores[] = {0.9, 0.1, 0.5, 0.7, 0.3};

    (void)state;
    assert_true(fabs(fit_percentile(scores, 5, 0, 7) - 0.1) < 1e-12);
    assert_true(fabs(fit_percentile(scores, 5, 0.5, 7) - 0.5) < 1e-12);
    assert_true(fabs(fit_percentile(scores, 5, 1, 7) - 0.9) < 1e-12);
    assert_true(fabs(fit_percentile(scores, 0, 0.5, 7) - 7) < 1e-12);
}

/* The first `truth` pixels belong to the thing, and the first `found` have the probability p. */
static void add_case(struct fit_curve *curve, int truth, int found, double p)
{
    static float answer[PIXELS];
    static unsigned char mask[PIXELS];

    for (int i = 0; i < PIXELS; i++) {
        answer[i] = i < found ? (float)log(p / (1 - p)) : -20.0F;
        mask[i] = i < truth ? 255 : 127;
    }
    fit_curve_add(curve, answer, mask, PIXELS);
}

static void curves_by_hand(void **state)
{
    struct fit_curve curve = {{0}, {{0}}, 0};

    (void)state;
    add_case(&curve, 100, 50, 0.37);
    assert_int_equal(curve.n, 1);
    for (int t = 0; t < FIT_THRESHOLDS; t++) {
        const double expected = fit_threshold_at(t) <= 0.37 ? 2.0 * 50 / 150 : 0;
        assert_true(fabs(curve.dice[t] - expected) < 1e-12);
    }
    add_case(&curve, 100, 200, 0.9);
    assert_true(fabs(curve.dice[FIT_THRESHOLDS - 1] - 2.0 * 100 / 300) < 1e-12);
}

static void one_thin_thing_gets_its_own_threshold(void **state)
{
    struct fit_curve curves[4] = {{{0}, {{0}}, 0}};
    double each[4];

    (void)state;
    /* Nothing known: one half. */
    assert_true(fabs(fit_thresholds(each, curves, 4) - 0.5) < 1e-12);
    assert_true(fabs(each[0] - 0.5) < 1e-12);
    /* Two things that any threshold serves, a thin one whose rim has 0.33. */
    for (int i = 0; i < 6; i++) {
        add_case(&curves[0], 100, 100, 0.99);
        add_case(&curves[1], 100, 100 + i, 0.99);
        add_case(&curves[2], 100, 80 + i, 0.33);
    }
    assert_true(fabs(fit_thresholds(each, curves, 4) - 0.5) < 1e-12);
    assert_true(fabs(each[0] - 0.5) < 1e-12 && fabs(each[1] - 0.5) < 1e-12);
    assert_true(each[2] < 0.34);
    assert_true(fabs(each[3] - 0.5) < 1e-12); /* has no cases */
}

/* A gain that some cases pay for is not believed. */
static void luck_is_no_gain(void **state)
{
    struct fit_curve curve = {{0}, {{0}}, 0};
    double each;

    (void)state;
    for (int i = 0; i < 4; i++)
        add_case(&curve, 100, 100, 0.3); /* lower is better by 1 */
    for (int i = 0; i < 2; i++)
        add_case(&curve, 0, 100, 0.3); /* lower is worse by 1 */
    fit_thresholds(&each, &curve, 1);
    assert_true(fabs(each - 0.5) < 1e-12);
    for (int i = 0; i < 60; i++)
        add_case(&curve, 100, 100, 0.3);
    fit_thresholds(&each, &curve, 1);
    assert_true(each < 0.31);
}

static void what_all_gain_is_common(void **state)
{
    enum { CONCEPTS = 5 };
    struct fit_curve curves[CONCEPTS] = {{{0}, {{0}}, 0}};
    double each[CONCEPTS];

    (void)state;
    for (int c = 0; c < CONCEPTS; c++)
        add_case(&curves[c], 100, 60 + c, 0.43);
    assert_true(fit_thresholds(each, curves, CONCEPTS) < 0.44);
    for (int c = 0; c < CONCEPTS; c++)
        assert_true(each[c] < 0.44);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presence_is_found_again),
        cmocka_unit_test(classes_weigh_the_same),
        cmocka_unit_test(what_cannot_be_fitted_stays),
        cmocka_unit_test(percentiles),
        cmocka_unit_test(curves_by_hand),
        cmocka_unit_test(one_thin_thing_gets_its_own_threshold),
        cmocka_unit_test(luck_is_no_gain),
        cmocka_unit_test(what_all_gain_is_common),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
