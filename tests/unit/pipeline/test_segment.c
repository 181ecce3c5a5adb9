/* Verdicts, refusals, coordinates and labels, with a model that has no network. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "anatome/context.h"
#include "fake_model.h"
#include "pipeline/labels.h"
#include "pipeline/segment.h"

enum { WIDTH = 20, HEIGHT = 10 };

struct fixture {
    struct fake_model model;
    ana_context *context;
    struct segmenter segmenter;
};

/* Two bright rectangles: [2, 6) x [1, 5) and [10, 13) x [4, 9). */
static int set_up(void **state)
{
    static struct fixture f;
    struct image image;

    fake_model_init(&f.model);
    assert_int_equal(ana_context_create(&f.context, NULL, NULL), ANA_OK);
    assert_int_equal(segmenter_open(&f.segmenter, &f.model.base, f.context, NULL), ANA_OK);
    assert_int_equal(image_create_2d(&image, HEIGHT, WIDTH, 1, DTYPE_U8, NULL), ANA_OK);
    uint8_t *pixels = image.pixels.data;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            pixels[y * WIDTH + x] =
                (x >= 2 && x < 6 && y >= 1 && y < 5) || (x >= 10 && x < 13 && y >= 4 && y < 9) ? 200
                                                                                               : 20;
    assert_int_equal(segmenter_set_image(&f.segmenter, &image, NULL), ANA_OK);
    image_clear(&image);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    segmenter_clear(&f->segmenter);
    ana_context_free(f->context);
    fake_model_clear(&f->model);
    return 0;
}

static ana_result *ask(struct fixture *f, const char *text)
{
    const ana_prompt prompt = {.text = text};
    ana_result *result;
    ana_error error = {0};

    if (segment_ask(&result, &f->segmenter, &prompt, &error))
        fail_msg("%s", error.message);
    return result;
}

static void test_words_give_a_mask(void **state)
{
    ana_result *r = ask(*state, "the Lung Fields");

    assert_int_equal(r->info.verdict, ANA_VERDICT_FOUND);
    assert_string_equal(r->info.concept_name, "lungs");
    assert_null(r->info.reason);
    assert_int_equal(r->info.area, 31);
    assert_int_equal(r->info.n_components, 2);
    assert_int_equal(r->info.x0, 2);
    assert_int_equal(r->info.y0, 1);
    assert_int_equal(r->info.x1, 13);
    assert_int_equal(r->info.y1, 9);
    assert_true(fabs(r->info.quality - 0.9) < 1e-6);
    const uint8_t *mask = r->mask.pixels.data;
    assert_int_equal(mask[1 * WIDTH + 2], 255);
    assert_int_equal(mask[0], 0);
    result_free(r);
}

static void test_unknown_words_never_reach_the_network(void **state)
{
    static const char *const phrases[] = {"zebra", "lungs zebra", "lungs and liver", "the of"};

    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        ana_result *r = ask(*state, phrases[i]);
        assert_int_equal(fake_questions, 0);
        assert_int_equal(r->info.verdict, ANA_VERDICT_NOT_FOUND);
        assert_int_equal(r->info.area, 0);
        assert_int_equal(r->info.x1, 0);
        assert_non_null(r->info.reason);
        assert_int_equal(r->n_warnings, 1);
        assert_true(((const float *)r->soft.pixels.data)[WIDTH + 2] == 0);
        result_free(r);
    }
    ana_result *r = ask(*state, "zebra");
    assert_non_null(strstr(r->info.reason, "zebra"));
    result_free(r);
}

static void test_verdict_follows_presence(void **state)
{
    struct fixture *f = *state;
    static const struct {
        double presence;
        ana_verdict verdict;
        int64_t area;
    } rows[] = {
        {0.499, ANA_VERDICT_NOT_FOUND, 0},
        {0.5, ANA_VERDICT_DOUBTFUL, 31},
        {0.799, ANA_VERDICT_DOUBTFUL, 31},
        {0.8, ANA_VERDICT_FOUND, 31},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        f->model.presence = rows[i].presence;
        ana_result *r = ask(f, "liver");
        assert_int_equal(r->info.verdict, rows[i].verdict);
        assert_int_equal(r->info.area, rows[i].area);
        assert_true((r->info.reason != NULL) == (rows[i].verdict == ANA_VERDICT_NOT_FOUND));
        /* The soft map is what the model gave, whatever the verdict. */
        assert_true(((const float *)r->soft.pixels.data)[WIDTH + 2] > 0.8F);
        result_free(r);
    }
}

static void test_empty_box_is_not_found(void **state)
{
    struct fixture *f = *state;
    const ana_box box = {15, 0, 20, 4};
    const ana_prompt prompt = {.boxes = &box, .n_boxes = 1};
    ana_result *r;

    assert_int_equal(segment_ask(&r, &f->segmenter, &prompt, NULL), ANA_OK);
    assert_int_equal(r->info.verdict, ANA_VERDICT_NOT_FOUND);
    assert_non_null(strstr(r->info.reason, "threshold"));
    assert_null(r->info.text);
    result_free(r);
}

static void test_boxes_are_clipped_and_half_open(void **state)
{
    struct fixture *f = *state;
    const ana_box box = {-7, 1, 5, 100};
    const ana_prompt prompt = {.boxes = &box, .n_boxes = 1};
    ana_result *r;

    assert_int_equal(segment_ask(&r, &f->segmenter, &prompt, NULL), ANA_OK);
    assert_int_equal(r->info.area, 12); /* x 2..4, y 1..4 */
    assert_int_equal(r->info.x1, 5);
    assert_int_equal(r->n_warnings, 1);
    assert_int_equal(fake_n_last, 1);
    assert_true(fake_last[0].of.box.x0 == 0 && fake_last[0].of.box.y1 == HEIGHT);
    result_free(r);
}

static void test_senseless_prompts_are_errors(void **state)
{
    struct fixture *f = *state;
    const ana_box boxes[] = {
        {20, 0, 25, 5}, {5, 5, 5, 9}, {3.2, 1, 3.8, 5}, {(double)NAN, 0, 5, 5}, {9, 9, 1, 1}};
    const ana_point points[] = {{-1, 0, false}, {20, 0, false}, {0, 9.6, false}, {3, 3, true}};
    const ana_prompt nothing = {.text = ""};
    ana_result *r;
    ana_error error;

    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        const ana_prompt prompt = {.boxes = &boxes[i], .n_boxes = 1};
        assert_int_equal(segment_ask(&r, &f->segmenter, &prompt, &error), ANA_ERR_ARGUMENT);
        assert_null(r);
    }
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        const ana_prompt prompt = {.points = &points[i], .n_points = 1};
        assert_int_equal(segment_ask(&r, &f->segmenter, &prompt, &error), ANA_ERR_ARGUMENT);
    }
    assert_int_equal(segment_ask(&r, &f->segmenter, &nothing, &error), ANA_ERR_ARGUMENT);
    assert_int_equal(fake_questions, 0);
}

static void test_unknown_words_beside_a_point_are_left_out(void **state)
{
    struct fixture *f = *state;
    const ana_point point = {3, 3, false};
    const ana_prompt prompt = {.text = "zebra", .points = &point, .n_points = 1};
    ana_result *r;

    assert_int_equal(segment_ask(&r, &f->segmenter, &prompt, NULL), ANA_OK);
    assert_int_equal(fake_n_last, 1);
    assert_int_equal(fake_last[0].kind, PROMPT_POINT);
    assert_int_equal(r->info.verdict, ANA_VERDICT_FOUND);
    assert_non_null(strstr(text_string(&r->warnings[0]), "only the box and points"));
    result_free(r);
}

static void test_later_labels_win(void **state)
{
    struct fixture *f = *state;
    const ana_box box = {0, 0, 4, 10};
    const ana_prompt inside = {.text = "liver", .boxes = &box, .n_boxes = 1};
    ana_result *results[3];
    ana_labels *labels;

    results[0] = ask(f, "lungs");
    assert_int_equal(segment_ask(&results[1], &f->segmenter, &inside, NULL), ANA_OK);
    results[2] = ask(f, "zebra");
    assert_int_equal(labels_create(&labels, (const ana_result *const *)results, 3, NULL), ANA_OK);
    const uint16_t *pixels = labels->image.pixels.data;
    assert_int_equal(pixels[0], 0);
    assert_int_equal(pixels[WIDTH + 2], 2);
    assert_int_equal(pixels[WIDTH + 5], 1);
    assert_int_equal(labels->overlap, 8);
    assert_int_equal(labels->entries[1].lost, 8);
    assert_int_equal(labels->entries[2].lost, 0);
    assert_string_equal(labels->entries[3].name, "zebra");
    labels_free(labels);
    for (int i = 0; i < 3; i++)
        result_free(results[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_words_give_a_mask, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_words_never_reach_the_network, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verdict_follows_presence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_box_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_boxes_are_clipped_and_half_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_senseless_prompts_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_words_beside_a_point_are_left_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_later_labels_win, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
