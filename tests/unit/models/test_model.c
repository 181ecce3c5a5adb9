/* The table of model kinds, and what every model says about itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/mini_weights.h"
#include "models/model.h"
#include "text/concepts.h"

static struct mini_weights weights;

static int set_up(void **state)
{
    (void)state;
    return mini_weights_make(&weights, 3, DTYPE_F16) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mini_weights_clear(&weights);
    return 0;
}

static void expect_refused(ana_status expected, const char *in_message)
{
    struct model *model = (struct model *)&weights;
    ana_error err = {0};
    const ana_status status = model_open(&model, &weights.source, &err);
    if (status != expected || !strstr(err.message, in_message))
        fail_msg("status %d, \"%s\"; expected %d with \"%s\"", (int)status, err.message,
                 (int)expected, in_message);
    assert_non_null(strstr(err.message, MINI_WEIGHTS_LABEL));
    assert_null(model);
}

static void the_table_of_kinds(void **state)
{
    (void)state;
    assert_ptr_equal(model_kind_at(0), &model_kind_mini);
    assert_null(model_kind_at(-1));
    int n = 0;
    for (; model_kind_at(n); n++) {
        const struct model_kind *kind = model_kind_at(n);
        assert_ptr_equal(model_kind_by_name(kind->name), kind);
        assert_true(kind->summary && strlen(kind->summary) > 10);
        assert_true(kind->accepts != 0);
        assert_true(kind->open && kind->free && kind->session_create && kind->session_free &&
                    kind->set_image && kind->ask);
    }
    assert_null(model_kind_at(n + 1));
    assert_null(model_kind_by_name("nosuch"));
    assert_null(model_kind_by_name(""));
}

static void nothing_may_be_freed(void **state)
{
    struct answer answer = {0};
    (void)state;
    model_free(NULL);
    session_free(NULL);
    answer_clear(&answer);
    answer_clear(&answer);
}

static void weights_without_a_kind_are_refused(void **state)
{
    (void)state;
    mini_weights_tell(&weights, MODEL_KEY_KIND, NULL);
    expect_refused(ANA_ERR_UNSUPPORTED, MODEL_KEY_KIND);
    mini_weights_tell(&weights, MODEL_KEY_KIND, "maxi");
    expect_refused(ANA_ERR_UNSUPPORTED, "\"maxi\"");
    mini_weights_tell(&weights, MODEL_KEY_KIND, "mini");
}

static void facts_have_defaults(void **state)
{
    struct model_facts facts;
    ana_error err;
    (void)state;
    assert_int_equal(model_facts_read(&facts, &model_kind_mini, &weights.source, &err), ANA_OK);
    assert_string_equal(facts.name, "mini");
    assert_string_equal(facts.version, "");
    assert_string_equal(facts.licence, "unknown");
    assert_non_null(strstr(facts.intended_use, "Not a medical device"));
    assert_true(fabs(facts.mask_threshold - 0.5) <= 0 && fabs(facts.presence_absent - 0.5) <= 0);
    assert_true(fabs(facts.presence_found - 0.5) <= 0);
}

static void facts_come_from_the_metadata(void **state)
{
    struct model_facts facts;
    ana_error err;
    (void)state;
    mini_weights_tell(&weights, MODEL_KEY_NAME, "liver");
    mini_weights_tell(&weights, MODEL_KEY_VERSION, "1.2");
    mini_weights_tell(&weights, MODEL_KEY_LICENCE, "CC0");
    mini_weights_tell(&weights, MODEL_KEY_INTENDED_USE, "tests");
    mini_weights_tell(&weights, MODEL_KEY_MASK_THRESHOLD, "0.4");
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_ABSENT, "0.25");
    assert_int_equal(model_facts_read(&facts, &model_kind_mini, &weights.source, &err), ANA_OK);
    assert_string_equal(facts.name, "liver");
    assert_string_equal(facts.version, "1.2");
    assert_string_equal(facts.licence, "CC0");
    assert_string_equal(facts.intended_use, "tests");
    assert_true(fabs(facts.mask_threshold - 0.4) < 1e-12);
    assert_true(fabs(facts.presence_absent - 0.25) <= 0);
    assert_true(fabs(facts.presence_found - 0.25) <= 0); /* no gap unless asked for */
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_FOUND, "0.75");
    assert_int_equal(model_facts_read(&facts, &model_kind_mini, &weights.source, &err), ANA_OK);
    assert_true(fabs(facts.presence_found - 0.75) <= 0);
}

static void thresholds_that_make_no_sense_are_refused(void **state)
{
    static const char *const bad[] = {"", "0.5x", "-0.1", "1.5", "nan", "half"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mini_weights_tell(&weights, MODEL_KEY_MASK_THRESHOLD, bad[i]);
        expect_refused(ANA_ERR_FORMAT, MODEL_KEY_MASK_THRESHOLD);
    }
    mini_weights_tell(&weights, MODEL_KEY_MASK_THRESHOLD, NULL);
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_ABSENT, "0.8");
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_FOUND, "0.7");
    expect_refused(ANA_ERR_FORMAT, MODEL_KEY_PRESENCE_FOUND);
}

static void calibration_that_makes_no_sense_is_refused(void **state)
{
    static const char *const thresholds[] = {"bright disc", "bright disc=2", "unicorn=0.5", "=0.5",
                                             "bright disc=0.5||dark square=x"};
    (void)state;
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_SCALE, "0");
    expect_refused(ANA_ERR_FORMAT, MODEL_KEY_PRESENCE_SCALE);
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_SCALE, "-1");
    expect_refused(ANA_ERR_FORMAT, MODEL_KEY_PRESENCE_SCALE);
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_SCALE, "2");
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_BIAS, "much");
    expect_refused(ANA_ERR_FORMAT, MODEL_KEY_PRESENCE_BIAS);
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_BIAS, NULL);
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++) {
        mini_weights_tell(&weights, MODEL_KEY_MASK_THRESHOLDS, thresholds[i]);
        expect_refused(ANA_ERR_FORMAT, MODEL_KEY_MASK_THRESHOLDS);
    }
}

static void mini_needs_a_concept_table(void **state)
{
    (void)state;
    mini_weights_tell(&weights, MODEL_KEY_CONCEPTS, NULL);
    expect_refused(ANA_ERR_FORMAT, MODEL_KEY_CONCEPTS);
    mini_weights_tell(&weights, MODEL_KEY_CONCEPTS, "group\nchest\n");
    expect_refused(ANA_ERR_FORMAT, "no column \"name\"");
}

static void an_opened_model_tells_what_it_is(void **state)
{
    struct model *model;
    ana_error err;
    (void)state;
    if (model_open(&model, &weights.source, &err))
        fail_msg("%s", err.message);
    assert_ptr_equal(model->kind, &model_kind_mini);
    assert_int_equal(model->concepts->n, 2);
    assert_int_equal(concepts_find(model->concepts, "dark square"), 1);
    assert_int_equal(model->kind->accepts,
                     PROMPT_BIT(PROMPT_WORDS) | PROMPT_BIT(PROMPT_BOX) | PROMPT_BIT(PROMPT_POINT));
    model_free(model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_kinds),
        cmocka_unit_test(nothing_may_be_freed),
        TEST(weights_without_a_kind_are_refused),
        TEST(facts_have_defaults),
        TEST(facts_come_from_the_metadata),
        TEST(thresholds_that_make_no_sense_are_refused),
        TEST(calibration_that_makes_no_sense_is_refused),
        TEST(mini_needs_a_concept_table),
        TEST(an_opened_model_tells_what_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
