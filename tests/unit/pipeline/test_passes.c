/* More than one look at an image. The fake model judges each pixel on its own, so whatever is cut,
 * mirrored and put together again must be what one look gives. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "anatome/context.h"
#include "fake_model.h"
#include "pipeline/segment.h"

enum { WIDTH = 83, HEIGHT = 61 };

struct fixture {
    struct fake_model model;
    ana_context *context;
    struct segmenter segmenter;
    struct image image;
};

/* Nothing of it is symmetric. */
static int set_up(void **state)
{
    static struct fixture f;

    fake_model_init(&f.model);
    assert_int_equal(ana_context_create(&f.context, NULL, NULL), ANA_OK);
    assert_int_equal(segmenter_open(&f.segmenter, &f.model.base, f.context, NULL), ANA_OK);
    assert_int_equal(image_create_2d(&f.image, HEIGHT, WIDTH, 3, DTYPE_U8, NULL), ANA_OK);
    uint8_t *pixels = f.image.pixels.data;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 3; c++)
                pixels[(y * WIDTH + x) * 3 + c] = (uint8_t)((x * x * 7 + y * 31 + x * y) % 256);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    image_clear(&f->image);
    segmenter_clear(&f->segmenter);
    ana_context_free(f->context);
    fake_model_clear(&f->model);
    return 0;
}

static ana_result *ask(struct fixture *f, ana_passes passes, const ana_prompt *prompt)
{
    ana_result *result;
    ana_error error = {0};

    assert_int_equal(segmenter_set_passes(&f->segmenter, &passes, NULL), ANA_OK);
    assert_int_equal(segmenter_set_image(&f->segmenter, &f->image, NULL), ANA_OK);
    if (segment_ask(&result, &f->segmenter, prompt, &error))
        fail_msg("%s", error.message);
    return result;
}

static void expect_same_answer(struct fixture *f, ana_passes passes, const ana_prompt *prompt)
{
    ana_result *once = ask(f, (ana_passes){false, 0}, prompt);
    ana_result *more = ask(f, passes, prompt);

    assert_int_equal(once->info.area, more->info.area);
    assert_true(once->info.area > 0);
    assert_memory_equal(once->mask.pixels.data, more->mask.pixels.data, WIDTH * HEIGHT);
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        assert_true(fabsf(((const float *)once->soft.pixels.data)[i] -
                          ((const float *)more->soft.pixels.data)[i]) < 1e-6F);
    result_free(once);
    result_free(more);
}

static void test_tiles_are_put_together(void **state)
{
    const ana_prompt prompt = {.text = "lungs"};

    for (int n = 0; n <= 5; n++)
        for (int flip = 0; flip <= 1; flip++)
            expect_same_answer(*state, (ana_passes){flip, n}, &prompt);
}

static void test_number_of_looks(void **state)
{
    static const struct {
        ana_passes passes;
        const char *text;
        int images;
    } rows[] = {
        {{false, 0}, "vessels", 1},
        {{false, ANA_TILES_AUTO}, "vessels", 10}, /* as the table says */
        {{false, ANA_TILES_AUTO}, "lungs", 1},
        {{false, 2}, "lungs", 5},
        {{true, 0}, "lungs", 2},
        {{true, 2}, "lungs", 10},
        {{false, 8}, "lungs", 1}, /* tiles of 13 pixels show nothing */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const ana_prompt prompt = {.text = rows[i].text};
        fake_images = 0;
        result_free(ask(f, rows[i].passes, &prompt));
        assert_int_equal(fake_images, rows[i].images);
    }
}

static void test_presence_is_the_whole_image_s(void **state)
{
    const ana_prompt prompt = {.text = "vessels"};
    struct fixture *f = *state;

    f->model.presence = 0.4;
    fake_images = 0;
    ana_result *r = ask(f, (ana_passes){false, 3}, &prompt);
    assert_int_equal(r->info.verdict, ANA_VERDICT_NOT_FOUND);
    assert_int_equal(r->info.area, 0);
    assert_int_equal(fake_images, 1); /* what is not there is not looked for in tiles */
    result_free(r);
    f->model.presence = 0.9;
    r = ask(f, (ana_passes){true, 3}, &prompt);
    assert_true(fabs(r->info.score - 0.9) < 1e-12);
    result_free(r);
}

static void test_boxes_and_points_are_mirrored(void **state)
{
    const ana_box box = {10, 5, 40, 50};
    const ana_point point = {12, 20, false};
    const ana_prompt by_box = {.boxes = &box, .n_boxes = 1};
    const ana_prompt by_point = {.text = "lungs", .points = &point, .n_points = 1};
    struct fixture *f = *state;

    expect_same_answer(f, (ana_passes){true, 3}, &by_box);
    assert_int_equal(fake_n_last, 1);
    assert_true(fake_last[0].of.box.x0 == WIDTH - 40 && fake_last[0].of.box.x1 == WIDTH - 10);
    assert_true(fake_last[0].of.box.y0 == 5 && fake_last[0].of.box.y1 == 50);
    fake_images = 0;
    result_free(ask(f, (ana_passes){false, 3}, &by_point)); /* no tiles: it says where */
    assert_int_equal(fake_images, 1);
    result_free(ask(f, (ana_passes){true, 0}, &by_point));
    assert_true(fake_last[1].of.point.x == WIDTH - 1 - 12 && fake_last[1].of.point.y == 20);
    assert_string_equal(fake_last[0].of.words.phrase, "lungs");
}

static void test_sides_are_swapped(void **state)
{
    const ana_prompt prompt = {.text = "left lung"};
    ana_result *r = ask(*state, (ana_passes){true, 0}, &prompt);

    assert_string_equal(fake_last[0].of.words.phrase, "right lung");
    assert_int_equal(fake_last[0].of.words.concept, 3);
    assert_string_equal(r->info.concept_name, "left lung");
    result_free(r);
}

static void test_prompts_share_the_mirror(void **state)
{
    const ana_prompt prompt = {.text = "lungs"};
    struct fixture *f = *state;
    ana_result *r;

    fake_images = 0;
    result_free(ask(f, (ana_passes){true, 0}, &prompt));
    assert_int_equal(segment_ask(&r, &f->segmenter, &prompt, NULL), ANA_OK);
    result_free(r);
    assert_int_equal(fake_images, 2);
}

static void test_senseless_numbers(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(segmenter_set_passes(&f->segmenter, &(ana_passes){false, -2}, NULL),
                     ANA_ERR_ARGUMENT);
    assert_int_equal(
        segmenter_set_passes(&f->segmenter, &(ana_passes){false, ANA_TILES_MOST + 1}, NULL),
        ANA_ERR_ARGUMENT);
}

static void test_tiles_cover_an_axis(void **state)
{
    (void)state;
    for (int64_t extent = 16; extent < 700; extent += 7)
        for (int n = 2; n <= ANA_TILES_MOST; n++) {
            int64_t start, end, before_start = 0, before_end = 0, side = 0;
            for (int k = 0; k < n; k++) {
                pass_tile(&start, &end, extent, n, k);
                assert_true(k == 0 ? start == 0 : start >= before_start && start <= before_end);
                assert_true(k == 0 || end - start == side);
                side = end - start;
                before_start = start;
                before_end = end;
            }
            assert_true(end == extent);
            assert_true(llabs(side * (n + 1) - 2 * extent) <= n);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tiles_are_put_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_number_of_looks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_presence_is_the_whole_image_s, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_boxes_and_points_are_mirrored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sides_are_swapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_prompts_share_the_mirror, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_senseless_numbers, set_up, tear_down),
        cmocka_unit_test(test_tiles_cover_an_axis),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
