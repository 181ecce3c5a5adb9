/* The n-th allocation fails, for n = 1, 2, ... until all succeed: a clear error, and no leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../base/failing_memory.h"
#include "anatome/context.h"
#include "base/file.h"
#include "fake_model.h"
#include "io/image_file.h"
#include "pipeline/evaluate.h"
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

static char folder[] = "faults-XXXXXX";

static const char *in_folder(char out[64], const char *name)
{
    snprintf(out, 64, "%s/%s", folder, name);
    return out;
}

/* Everything of the folder but what `keep` names. */
static size_t clean(const char *name, const char *const *keep)
{
    struct path_list files;
    size_t kept = 0;
    char inner[64], path[512];

    assert_int_equal(folder_list(&files, in_folder(inner, name), NULL), ANA_OK);
    for (size_t i = 0; i < files.n; i++) {
        bool stays = false;
        for (int k = 0; keep[k]; k++)
            stays = stays || strcmp(files.items[i], keep[k]) == 0;
        kept += stays;
        snprintf(path, sizeof path, "%s/%s", inner, files.items[i]);
        if (!stays)
            unlink(path);
    }
    path_list_clear(&files);
    return kept;
}

/* The report is there whole, or not there and nothing of it. */
static void test_a_report_is_whole_or_not_there(void **state)
{
    static const char csv[] = "image,mask,concept\na.png,a.png,lungs\n";
    static const char absent_csv[] = "image,phrase,kind\na.png,liver,same\n";
    static const char *const inputs[] = {"a.png", "m.csv", "absent.csv", NULL};
    static const char *const nothing[] = {NULL};
    char manifest[64], absent[64], image_path[64], report[64], page[64];
    struct fake_model model;
    ana_context *context;
    struct image image;
    int n = 0, failed = 1;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(image_create_2d(&image, 8, 8, 1, DTYPE_U8, NULL), ANA_OK);
    memset((uint8_t *)image.pixels.data + 20, 200, 8);
    assert_int_equal(png_write(in_folder(image_path, "a.png"), &image, NULL), ANA_OK);
    assert_int_equal(file_write(in_folder(manifest, "m.csv"), csv, sizeof csv - 1, NULL), ANA_OK);
    assert_int_equal(
        file_write(in_folder(absent, "absent.csv"), absent_csv, sizeof absent_csv - 1, NULL),
        ANA_OK);
    in_folder(report, "report");
    in_folder(page, "report/index.html");
    fake_model_init(&model);
    assert_int_equal(ana_context_create(&context, NULL, NULL), ANA_OK);
    const ana_evaluate_options options = {.manifest = manifest,
                                          .absent = absent,
                                          .report = report,
                                          .report_cases = 1,
                                          .report_command = "a command",
                                          .passes = {true, 0},
                                          .seed = 1};
    while (failed) {
        struct ana_evaluation *evaluation;
        ana_error error = {0};
        failing_memory_start(++n);
        const ana_status status =
            evaluate_model(&evaluation, &model.base, NULL, context, &options, &error);
        evaluation_free(evaluation);
        const int live = failing_memory_live();
        failed = failing_memory_stop();
        assert_int_equal(live, 0);
        assert_true(status == ANA_OK || (failed && error.message[0]));
        assert_true(path_exists(page) == (status == ANA_OK));
        if (!status) {
            clean("report", nothing);
            assert_int_equal(rmdir(report), 0);
        }
        assert_int_equal(clean("", inputs), 3);
    }
    assert_true(n > 100);
    clean("", nothing);
    assert_int_equal(rmdir(folder), 0);
    image_clear(&image);
    ana_context_free(context);
    fake_model_clear(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail),
                                       cmocka_unit_test(test_a_report_is_whole_or_not_there)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
