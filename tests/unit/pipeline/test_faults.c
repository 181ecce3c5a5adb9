/* The n-th allocation fails, for n = 1, 2, ... until all succeed: a clear error, and no leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../base/failing_memory.h"
#include "anatome/context.h"
#include "fake_model.h"
#include "pipeline/labels.h"
#include "pipeline/segment.h"
#include "report/overlay.h"

/* Everything between an image and its labels and overlay. */
static ana_status work(const struct model *model, ana_context *context, const struct image *image,
                       ana_error *err)
{
    const ana_box box = {0, 0, 4, 4};
    const ana_prompt prompts[] = {
        {.text = "lungs"}, {.text = "zebra"}, {.text = "zebra", .boxes = &box, .n_boxes = 1}};
    struct ana_result *results[3] = {NULL, NULL, NULL};
    struct segmenter segmenter;
    struct ana_labels *labels = NULL;
    struct canvas canvas = {0};

    ana_status status = segmenter_open(&segmenter, model, context, err);
    if (status)
        return status;
    status = segmenter_set_image(&segmenter, image, err);
    for (int i = 0; !status && i < 3; i++)
        status = segment_ask(&results[i], &segmenter, &prompts[i], err);
    if (!status)
        status = labels_create(&labels, (const ana_result *const *)results, 3, err);
    if (!status) {
        const struct overlay_layer layer = {&results[0]->mask, "lungs", "found", {1, 2, 3}};
        status = overlay_create(&canvas, image, &layer, 1, err);
        if (!status)
            canvas_clear(&canvas);
    }
    labels_free(labels);
    for (int i = 0; i < 3; i++)
        result_free(results[i]);
    segmenter_clear(&segmenter);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    struct fake_model model;
    ana_context *context;
    struct image image;
    int n = 0, failed = 1;

    (void)state;
    fake_model_init(&model);
    assert_int_equal(ana_context_create(&context, NULL, NULL), ANA_OK);
    assert_int_equal(image_create_2d(&image, 8, 8, 1, DTYPE_U8, NULL), ANA_OK);
    ((uint8_t *)image.pixels.data)[9] = 200;
    while (failed) {
        ana_error error = {0};
        failing_memory_start(++n);
        const ana_status status = work(&model.base, context, &image, &error);
        const int live = failing_memory_live();
        failed = failing_memory_stop();
        assert_int_equal(live, 0);
        /* A text that cannot grow is sticky and may only cost a sentence of a warning. */
        assert_true(status == ANA_OK || (failed && status == ANA_ERR_MEMORY && error.message[0]));
    }
    assert_true(n > 10);
    image_clear(&image);
    ana_context_free(context);
    fake_model_clear(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
