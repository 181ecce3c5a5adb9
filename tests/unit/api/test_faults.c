/* On the whole way from the files to masks, overlay, soft map and legend, each allocation in turn
 * fails: a clear error, no leak, no half file, and the next try succeeds. The way is walked in
 * stages, each with what the stages before it made, so that the network runs only where what
 * follows it is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/faults.h"
#include "../../support/scratch.h"
#include "../io/sample_images.h"
#include "anatome/anatome.h"
#include "base/file.h"
#include "base/memory.h"
#include "helpers.h"

enum { OPEN_STRIDE = 37 }; /* the header of the weights is some thousand JSON values */

static struct scratch scratch;
static char weights[256], picture[256], results_folder[256];
static const struct sample *sample;
static ana_context *context;
static ana_model *model;
static ana_session *session;
static ana_image *image;
static ana_result *results[2];

static const ana_box box = {1, 1, 7, 6};
static const ana_prompt prompts[2] = {{.text = "bright disc", .boxes = &box, .n_boxes = 1},
                                      {.text = "zebra crossing"}};

static int set_up(void **state)
{
    ana_context_options options = ana_context_defaults();
    ana_error err;

    (void)state;
    options.n_threads = 1;
    scratch_make(&scratch);
    (void)scratch_name(weights, &scratch, "w.safetensors");
    (void)scratch_name(picture, &scratch, "picture.png");
    (void)scratch_name(results_folder, &scratch, "results");
    if (helper_weights_write(weights, &err) || helper_image_write(picture, 9, 8, 3, &err) ||
        path_make_folders(results_folder, &err) || ana_context_create(&context, &options, &err) ||
        ana_model_open(&model, weights, &err) ||
        ana_session_create(&session, model, context, &err) ||
        ana_image_read(&image, picture, 0, &err) || ana_session_set_image(session, image, &err) ||
        ana_segment(&results[0], session, &prompts[0], &err) ||
        ana_segment(&results[1], session, &prompts[1], &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ana_result_free(results[0]);
    ana_result_free(results[1]);
    ana_image_free(image);
    ana_session_free(session);
    ana_model_free(model);
    ana_context_free(context);
    scratch_remove(&scratch);
    return 0;
}

static ana_status open_model(ana_error *err)
{
    ana_model *opened;
    const ana_status status = ana_model_open(&opened, weights, err);

    ana_model_free(opened);
    return status;
}

static void the_model_file(void **state)
{
    (void)state;
    assert_true(faults_strided("model", open_model, OPEN_STRIDE) > 20);
}

static ana_status read_sample(ana_error *err)
{
    ana_image_facts facts;
    ana_image *read = NULL;
    char path[256];

    (void)scratch_name(path, &scratch, "sample");
    ana_status status = ana_image_probe(&facts, path, 0, err);
    if (!status)
        status = ana_image_read(&read, path, 0, err);
    ana_image_free(read);
    return status;
}

static void images_of_every_format(void **state)
{
    (void)state;
    for (int i = 0; i < n_samples; i++) {
        struct text bytes = {0};
        char path[256];
        ana_error err;
        sample = &samples[i];
        sample_encode(&bytes, sample);
        assert_int_equal(
            file_write(scratch_name(path, &scratch, "sample"), bytes.data, bytes.size, &err),
            ANA_OK);
        text_clear(&bytes);
        assert_true(faults_each(sample->name, read_sample) >= 2);
    }
}

/* The session up to the first run of the network: plans, picture, budget. */
static ana_status begin_session(ana_error *err)
{
    const ana_segment_work work = {.path = picture, .n_prompts = 2, .labels = true};
    ana_session *begun;

    ana_status status = ana_session_create(&begun, model, context, err);
    if (!status)
        status = ana_session_check_memory(begun, &work, err);
    if (!status)
        status = ana_session_set_image(begun, image, err);
    ana_session_free(begun);
    return status;
}

static void a_session(void **state)
{
    (void)state;
    assert_true(faults_each("session", begin_session) > 50);
}

static ana_status ask(ana_error *err)
{
    ana_result *answers[2] = {NULL, NULL};
    ana_status status = ana_segment(&answers[0], session, &prompts[0], err);

    if (!status)
        status = ana_segment(&answers[1], session, &prompts[1], err);
    ana_result_free(answers[0]);
    ana_result_free(answers[1]);
    return status;
}

static void questions(void **state)
{
    (void)state;
    assert_true(faults_each("questions", ask) > 10);
}

static ana_status write_files(ana_error *err)
{
    const ana_result *const all[] = {results[0], results[1]};
    char path[5][512];
    ana_labels *labels = NULL;

    static const char *const names[] = {"mask.png", "soft.png", "labels.png", "labels.json",
                                        "overlay.png"};
    for (int i = 0; i < 5; i++)
        (void)snprintf(path[i], sizeof path[i], "%s/%s", results_folder, names[i]);
    ana_status status = ana_result_write_mask(results[0], path[0], err);
    if (!status)
        status = ana_result_write_soft(results[0], path[1], err);
    if (!status)
        status = ana_labels_create(&labels, all, 2, err);
    if (!status)
        status = ana_labels_write(labels, path[2], err);
    if (!status)
        status = ana_labels_write_legend(labels, path[3], err);
    if (!status)
        status = ana_write_overlay(image, all, 2, path[4], err);
    ana_labels_free(labels);
    return status;
}

/* A file of the names above is whole: its size is that of the file a good run wrote. */
static void expect_whole_files(const size_t sizes[5])
{
    struct path_list names;
    ana_error err;

    assert_int_equal(folder_list(&names, results_folder, &err), ANA_OK);
    for (size_t i = 0; i < names.n; i++) {
        char path[512];
        uint8_t *bytes;
        size_t size;
        bool known = false;
        (void)snprintf(path, sizeof path, "%s/%s", results_folder, names.items[i]);
        assert_int_equal(file_read(&bytes, &size, path, 0, &err), ANA_OK);
        memory_free(bytes);
        for (int k = 0; k < 5; k++)
            known = known || size == sizes[k];
        if (!known)
            fail_msg("%s has %zu bytes, which no whole file has", names.items[i], size);
        assert_int_equal(remove(path), 0);
    }
    path_list_clear(&names);
}

static void result_files(void **state)
{
    static const char *const names[] = {"mask.png", "soft.png", "labels.png", "labels.json",
                                        "overlay.png"};
    size_t sizes[5];
    ana_error err;
    int told = 0;

    (void)state;
    assert_int_equal(write_files(&err), ANA_OK);
    for (int i = 0; i < 5; i++) {
        char path[512];
        uint8_t *bytes;
        (void)snprintf(path, sizeof path, "%s/%s", results_folder, names[i]);
        assert_int_equal(file_read(&bytes, &sizes[i], path, 0, &err), ANA_OK);
        memory_free(bytes);
    }
    for (int n = 1; faults_try("files", write_files, n, &told); n++)
        expect_whole_files(sizes);
    assert_true(told > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_file), cmocka_unit_test(images_of_every_format),
        cmocka_unit_test(a_session),      cmocka_unit_test(questions),
        cmocka_unit_test(result_files),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
