/* The numbers of an evaluation on images whose answer is known: a model that sees what is bright.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "fake_model.h"
#include "io/image_file.h"
#include "io/json.h"
#include "pipeline/evaluate_internal.h"

static char folder[] = "evaluate-XXXXXX";

static char *in_folder(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Rectangles {x0, y0, x1, y1} of 255 on a 40 x 30 picture. */
static void write_picture(const char *name, const int (*rectangles)[4], int n)
{
    struct image image;

    assert_int_equal(image_create_2d(&image, 30, 40, 1, DTYPE_U8, NULL), ANA_OK);
    for (int i = 0; i < n; i++)
        for (int y = rectangles[i][1]; y < rectangles[i][3]; y++)
            for (int x = rectangles[i][0]; x < rectangles[i][2]; x++)
                ((uint8_t *)image.pixels.data)[y * 40 + x] = 255;
    assert_int_equal(png_write(in_folder(name), &image, NULL), ANA_OK);
    image_clear(&image);
}

static void write_text(const char *name, const char *text)
{
    assert_int_equal(file_write(in_folder(name), text, strlen(text), NULL), ANA_OK);
}

/* a: the model's answer is the mask. b: the mask is half of the answer. c: two parts of the mask,
 * one too small to count. */
static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    write_picture("a.png", (const int[][4]){{5, 5, 15, 15}}, 1);
    write_picture("b.png", (const int[][4]){{0, 0, 20, 10}}, 1);
    write_picture("b_mask.png", (const int[][4]){{0, 0, 10, 10}}, 1);
    write_picture("c.png", (const int[][4]){{2, 2, 12, 8}, {20, 20, 23, 25}, {30, 5, 38, 9}}, 3);
    write_picture("empty.png", NULL, 0);
    write_text("m.csv", "image,mask,concept,split,patient\n"
                        "a.png,a.png,lungs,val,p1\n"
                        "b.png,b_mask.png,lungs,val,p2\n"
                        "c.png,c.png,liver,val,\n"
                        "a.png,,lungs,val,p1\n"
                        "v.nii,v.nii#1,liver,val,p1\n"
                        "a.png,empty.png,liver,val,p1\n"
                        "b.png,b.png,lungs,train,p3\n");
    write_text("absent.csv", "image,phrase,kind\na.png,zebra,other\na.png,lungs,same\n"
                             "b.png,wombat,other\nc.png,unicorn,same\n");
    return 0;
}

static int tear_down(void **state)
{
    struct path_list files;

    (void)state;
    assert_int_equal(folder_list(&files, folder, NULL), ANA_OK);
    for (size_t i = 0; i < files.n; i++)
        unlink(in_folder(files.items[i]));
    path_list_clear(&files);
    return rmdir(folder);
}

static struct ana_evaluation *evaluate(ana_evaluate_by by, const char *absent, bool extras)
{
    struct ana_evaluation *evaluation;
    struct fake_model model;
    ana_context *context;
    ana_error error = {0};
    char manifest[64], absent_path[64], cases[64];

    snprintf(manifest, sizeof manifest, "%s/m.csv", folder);
    snprintf(absent_path, sizeof absent_path, "%s/absent.csv", folder);
    snprintf(cases, sizeof cases, "%s/cases.csv", folder);
    const ana_evaluate_options options = {.manifest = manifest,
                                          .split = "val",
                                          .by = by,
                                          .absent = absent ? absent_path : NULL,
                                          .cases_csv = cases,
                                          .ellipse = extras,
                                          .surface = extras,
                                          .nsd_tolerance = 1,
                                          .seed = 1};
    fake_model_init(&model);
    assert_int_equal(ana_context_create(&context, NULL, NULL), ANA_OK);
    if (evaluate_model(&evaluation, &model.base, NULL, context, &options, &error))
        fail_msg("%s", error.message);
    ana_context_free(context);
    fake_model_clear(&model);
    return evaluation;
}

static void test_by_text(void **state)
{
    (void)state;
    struct ana_evaluation *e = evaluate(ANA_BY_TEXT, "absent.csv", false);

    assert_int_equal(e->totals.n_concepts, 2);
    assert_string_equal(e->concepts[0].concept_name, "liver");
    assert_string_equal(e->concepts[1].concept_name, "lungs");
    assert_false(e->concepts[0].headline);
    assert_true(e->concepts[1].headline);
    assert_int_equal(e->concepts[1].n, 2);
    /* Dice 1 and 2 * 100 / 300 */
    assert_true(fabs(e->concepts[1].dice.mean - (1 + 2.0 / 3) / 2) < 1e-12);
    assert_true(fabs(e->concepts[1].dice.sd - (1 - 2.0 / 3) / sqrt(2)) < 1e-12);
    assert_true(e->concepts[1].dice.lo < e->concepts[1].dice.hi);
    assert_true(e->concepts[1].missed_share == 0);
    assert_int_equal(e->totals.skipped, 3); /* no mask, a volume, an empty mask */
    assert_int_equal(e->totals.n_images, 3);
    assert_int_equal(fake_images, 3); /* rows of an image share its encoding */
    assert_int_equal(e->totals.other.n, 2);
    assert_true(e->totals.other.empty_share == 1);
    assert_int_equal(e->totals.same.n, 2);
    assert_true(e->totals.same.empty_share == 0.5);
    evaluation_free(e);
}

static void test_by_box(void **state)
{
    (void)state;
    struct ana_evaluation *e = evaluate(ANA_BY_BOX, NULL, true);

    /* liver: parts of 60 and 32 pixels; the one of 15 is too small */
    assert_int_equal(e->concepts[0].n, 2);
    assert_true(e->concepts[0].dice.mean == 1);
    assert_int_equal(e->concepts[1].n, 2);
    assert_true(e->concepts[1].dice.mean == 1);
    /* An ellipse fills pi / 4 of its box: 2 * 0.785 / 1.785 = 0.88. */
    assert_true(fabs(e->concepts[1].ellipse.mean - 0.88) < 0.02);
    assert_true(e->concepts[1].hd95_boundary.mean == 0);
    assert_true(e->concepts[1].nsd_element.mean == 1);
    evaluation_free(e);
}

static void test_by_point(void **state)
{
    uint8_t *cases;
    size_t size;
    (void)state;
    struct ana_evaluation *e = evaluate(ANA_BY_POINT, NULL, false);

    assert_int_equal(e->concepts[0].n, 2);
    /* The fake answers with all that is bright: 107 pixels, parts of 60 and 32. */
    assert_true(fabs(e->concepts[0].dice.mean - (120.0 / 167 + 64.0 / 139) / 2) < 1e-12);
    assert_int_equal(file_read(&cases, &size, in_folder("cases.csv"), 1 << 16, NULL), ANA_OK);
    /* 10 x 10 from (5, 5): rows and columns 9 and 10 are equally deep, the first is (9, 9). The
     * picture's edge is outside too, so the half of b.png is deepest at (4, 4). */
    assert_non_null(strstr((const char *)cases, "a.png,lungs,p1,1,\"9,9\",found"));
    assert_non_null(strstr((const char *)cases, "b.png,lungs,p2,1,\"4,4\",found"));
    memory_free(cases);
    evaluation_free(e);
}

static void test_json(void **state)
{
    struct json *root;
    (void)state;
    struct ana_evaluation *e = evaluate(ANA_BY_TEXT, NULL, false);

    assert_int_equal(json_parse(&root, e->json.data, e->json.size, "report", NULL, NULL), ANA_OK);
    assert_int_equal(json_count(root), 5);
    const struct json *liver = json_at(json_get(root, "concepts"), 0);
    assert_int_equal(json_count(liver), 4);
    assert_string_equal(json_text(json_get(liver, "concept")), "liver");
    assert_true(json_double(json_get(liver, "n"), -1) == 1);
    assert_true(json_double(json_get(json_get(liver, "dice"), "mean"), -1) == 1);
    assert_true(json_double(json_get(liver, "missed_share"), -1) == 0);
    const struct json *other = json_get(json_get(root, "absent"), "other");
    assert_true(json_double(json_get(other, "n"), -1) == 0);
    assert_int_equal(json_type_of(json_get(other, "empty_share")), JSON_TYPE_NULL);
    assert_true(json_double(json_get(root, "skipped"), -1) == 3);
    assert_true(json_double(json_get(root, "seconds_per_image"), -1) >= 0);
    json_free(root);
    evaluation_free(e);
}

static void test_calibration(void **state)
{
    struct json *root;
    (void)state;
    struct ana_evaluation *e = evaluate(ANA_BY_TEXT, "absent.csv", false);

    assert_int_equal(json_parse(&root, e->json.data, e->json.size, "report", NULL, NULL), ANA_OK);
    const struct json *calibration = json_get(root, "calibration");
    /* Three present cases and one absent question that was not refused, all with score 0.99. */
    const struct json *presence = json_get(calibration, "presence");
    assert_true(json_double(json_get(presence, "n"), -1) == 4);
    assert_true(fabs(json_double(json_get(presence, "expected_error"), -1) - 0.24) < 1e-9);
    assert_int_equal(json_count(json_get(presence, "bins")), 1);
    const struct json *bin = json_at(json_get(presence, "bins"), 0);
    assert_true(fabs(json_double(json_get(bin, "stated"), -1) - 0.99) < 1e-9);
    assert_true(fabs(json_double(json_get(bin, "true"), -1) - 0.75) < 1e-9);
    /* Pixels are 0.1 and 0.9; half of b's 200 bright ones belong to its mask. */
    const struct json *pixels = json_get(calibration, "pixels");
    assert_true(json_double(json_get(pixels, "n"), -1) > 2.999);
    assert_int_equal(json_count(json_get(pixels, "bins")), 2);
    bin = json_at(json_get(pixels, "bins"), 1);
    assert_true(fabs(json_double(json_get(bin, "true"), -1) - 307.0 / 407) < 1e-6);
    /* Quality 0.9 against Dice 1, 2/3 and 1. */
    const struct json *quality = json_get(calibration, "quality");
    assert_true(json_double(json_get(quality, "n"), -1) == 3);
    assert_true(fabs(json_double(json_get(quality, "expected_error"), -1) - (0.9 - 8.0 / 9)) <
                1e-6);
    json_free(root);
    evaluation_free(e);
}

static void test_selection(void **state)
{
    const struct eval_case cases[100] = {{0}};
    const struct eval_case *sorted[100];
    struct eval_selection chosen[9];

    (void)state;
    for (int i = 0; i < 100; i++)
        sorted[i] = &cases[i];
    for (int64_t n = 0; n <= 100; n++) {
        const int64_t count = eval_select(chosen, sorted, n, 3);
        bool taken[100] = {false};
        assert_int_equal(count, n < 9 ? n : 9);
        for (int64_t i = 0; i < count; i++) {
            const int64_t at = chosen[i].item - cases;
            assert_true(at < n && !taken[at]);
            taken[at] = true;
        }
        assert_true(n == 0 || (taken[0] && (n == 1 || taken[n - 1]) && taken[n / 2]));
    }
    assert_int_equal(eval_select(chosen, sorted, 50, 0), 0);
    eval_select(chosen, sorted, 11, 1);
    assert_int_equal(chosen[0].item - cases, 0);
    assert_string_equal(chosen[0].rank, "worst");
    assert_int_equal(chosen[1].item - cases, 5);
    assert_string_equal(chosen[1].rank, "median");
    assert_int_equal(chosen[2].item - cases, 10);
    assert_string_equal(chosen[2].rank, "best");
}

static bool stop(void *user, const char *stage, double done)
{
    (void)user;
    (void)stage;
    return done < 0.5;
}

static void test_cancelled(void **state)
{
    struct ana_evaluation *evaluation;
    struct fake_model model;
    ana_context *context;
    char manifest[64];

    (void)state;
    snprintf(manifest, sizeof manifest, "%s/m.csv", folder);
    const ana_evaluate_options options = {.manifest = manifest, .progress = stop};
    fake_model_init(&model);
    assert_int_equal(ana_context_create(&context, NULL, NULL), ANA_OK);
    assert_int_equal(evaluate_model(&evaluation, &model.base, NULL, context, &options, NULL),
                     ANA_ERR_CANCELLED);
    assert_null(evaluation);
    ana_context_free(context);
    fake_model_clear(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_text),   cmocka_unit_test(test_by_box),
        cmocka_unit_test(test_by_point),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_cancelled), cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_selection),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
