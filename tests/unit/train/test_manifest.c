/* Manifests: rows, what is skipped and why, and complaints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "little_set.h"

static void reads_rows(void **state)
{
    struct little_set set;
    ana_error err = {0};
    char path[160];

    (void)state;
    little_set_write(&set);
    assert_int_equal(manifest_read(&set.manifest, set.csv, NULL, &err), ANA_OK);
    const struct manifest *m = &set.manifest;
    assert_int_equal(m->n_rows, 9);
    assert_int_equal(m->skipped[SKIP_NO_MASK], 1);
    assert_int_equal(m->skipped[SKIP_VOLUME], 1);
    assert_int_equal(m->skipped[SKIP_LABEL_VOLUME], 1);
    assert_int_equal(manifest_skipped(m), 3);
    assert_string_equal(m->rows[1].image, "scan0.png");
    snprintf(path, sizeof path, "%s/right.png", set.folder);
    assert_string_equal(m->rows[1].mask_path, path);
    assert_string_equal(m->rows[1].concept, "right lung");
    assert_string_equal(m->rows[1].family, "x-ray");
    assert_string_equal(m->rows[1].set, "a");
    assert_string_equal(m->rows[0].patient, "p0");
    assert_string_equal(m->rows[3].patient, "c1");        /* the case stands in */
    assert_string_equal(m->rows[2].patient, "dots0.png"); /* and the image for that */
    assert_string_equal(m->rows[2].licence, "");
    assert_int_equal(strlen(m->sha256), 64);
    little_set_remove(&set);
}

static void reads_folders(void **state)
{
    struct little_set set;
    struct manifest m;
    ana_error err = {0};
    const struct manifest_options options = {.concept = "dots"};

    (void)state;
    little_set_write(&set);
    assert_int_not_equal(manifest_read(&m, set.folder, NULL, &err), ANA_OK);
    assert_non_null(strstr(err.message, "must be named"));
    assert_int_not_equal(manifest_read(&m, set.folder, &options, &err), ANA_OK);
    assert_non_null(strstr(err.message, "images"));

    char path[160];
    snprintf(path, sizeof path, "%s/images", set.folder);
    assert_int_equal(path_make_folders(path, &err), ANA_OK);
    snprintf(path, sizeof path, "%s/masks", set.folder);
    assert_int_equal(path_make_folders(path, &err), ANA_OK);
    little_file(&set, "images/one.jpg", "");
    little_file(&set, "images/two.png", "");
    assert_int_not_equal(manifest_read(&m, set.folder, &options, &err), ANA_OK);
    assert_non_null(strstr(err.message, "no file of images/"));
    little_file(&set, "masks/two.png", "");
    assert_int_equal(manifest_read(&m, set.folder, &options, &err), ANA_OK);
    assert_int_equal(m.n_rows, 1);
    assert_int_equal(m.skipped[SKIP_NO_MASK], 1);
    assert_string_equal(m.rows[0].mask, "masks/two.png");
    assert_string_equal(m.rows[0].concept, "dots");
    assert_string_equal(m.rows[0].split, "train");
    assert_true(path_exists(m.rows[0].image_path));
    manifest_clear(&m);
    little_set_remove(&set);
}

static void complains(void **state)
{
    static const char *const cases[][2] = {
        {"image,mask,concept\n", "no column \"split\""},
        {"image,mask,split\n", "no column \"concept\""},
        {"mask,concept,split\n", "no column \"image\""},
        {"image,mask,concept,split\na.png,b.png,,train\n", "line 2: no concept"},
        {"image,mask,concept,split\n,b.png,x,train\n", "line 2: no image"},
        {"image,mask,concept,split\na.png\n", "line 2"},
        {"", "set.csv"},
    };
    struct little_set set;
    struct manifest m;

    (void)state;
    little_set_write(&set);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ana_error err = {0};
        little_file(&set, "set.csv", cases[i][0]);
        assert_int_not_equal(manifest_read(&m, set.csv, NULL, &err), ANA_OK);
        assert_null(m.rows);
        if (!strstr(err.message, cases[i][1]))
            fail_msg("\"%s\" lacks \"%s\"", err.message, cases[i][1]);
    }
    ana_error err = {0};
    assert_int_equal(manifest_read(&m, "/nowhere/set.csv", NULL, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "/nowhere/set.csv"));
    little_set_remove(&set);
}

static void allows_a_hash_in_names(void **state)
{
    struct little_set set;
    ana_error err = {0};

    (void)state;
    little_set_write(&set);
    little_file(&set, "set.csv",
                "image,mask,concept,split\na#1.png,m#1.png,x,train\nb.png,m.png#2,x,train\n");
    assert_int_equal(manifest_read(&set.manifest, set.csv, NULL, &err), ANA_OK);
    assert_int_equal(set.manifest.n_rows, 1);
    assert_int_equal(set.manifest.skipped[SKIP_LABEL_VOLUME], 1);
    little_set_remove(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_rows),
        cmocka_unit_test(reads_folders),
        cmocka_unit_test(complains),
        cmocka_unit_test(allows_a_hash_in_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
