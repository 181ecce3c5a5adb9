/* The data set and its cache: grouping, pixels, and recovery from damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "little_set.h"

static void groups_rows_by_image(void **state)
{
    struct little_set set;

    (void)state;
    little_set_make(&set);
    const struct dataset *d = &set.dataset;
    assert_int_equal(d->n_images, 6);
    assert_int_equal(d->n_targets, 9);
    assert_int_equal(d->images[0].n_targets, 2);
    assert_string_equal(d->images[0].targets[1].name, "right lung");
    assert_int_equal(d->images[0].targets[1].concept, 1);
    assert_string_equal(d->images[1].row->image, "dots0.png");
    assert_string_equal(d->images[3].split, "val");
    assert_string_equal(d->images[4].targets[1].name, "spleen");
    assert_int_equal(d->images[4].targets[1].concept, -1);
    assert_int_equal(d->images[0].native_width, 80);
    assert_int_equal(d->images[0].native_height, 64);
    assert_true(d->images[0].grey);
    little_set_remove(&set);
}

static void holds_stretched_pixels(void **state)
{
    struct little_set set;

    (void)state;
    little_set_make(&set);
    const struct dataset_image *scan = &set.dataset.images[0];
    /* Native (20, 32), the bright disc; (60, 32), the dark one; both sizes. */
    assert_int_equal(scan->small[(130 * 256 + 65) * 3 + 2], 230);
    assert_int_equal(scan->large[(260 * 512 + 388) * 3], 20);
    const struct dataset_target *left = &scan->targets[0];
    assert_int_equal(left->small[130 * 256 + 194], 255);
    assert_int_equal(left->large[260 * 512 + 388], 255);
    assert_int_equal(left->small[130 * 256 + 65], 0);
    /* Radius 10 of 80x64, stretched by 3.2 and 4. */
    assert_true(abs((left->box.x1 - left->box.x0) - 67) <= 2);
    assert_true(abs((left->box.y1 - left->box.y0) - 84) <= 2);
    assert_int_equal(left->n_parts, 1);
    assert_int_equal(set.dataset.images[1].targets[0].n_parts, 3);
    assert_int_equal(set.dataset.images[5].targets[0].area, 0); /* looked for, not there */
    assert_int_equal(set.dataset.images[5].targets[0].n_parts, 0);
    little_set_remove(&set);
}

static void cache_file(char *out, size_t size, const struct little_set *set)
{
    struct path_list list;

    assert_int_equal(folder_list(&list, set->cache, NULL), ANA_OK);
    assert_int_equal(list.n, 1);
    snprintf(out, size, "%s/%s", set->cache, list.items[0]);
    path_list_clear(&list);
}

static int warnings;

static void count_warning(void *user, ana_log_level level, const char *message)
{
    (void)user;
    (void)message;
    warnings += level == ANA_LOG_WARNING;
}

/* Damages one byte, or cuts the file at `at`. */
static void damage(const char *path, size_t at, bool cut)
{
    uint8_t *bytes;
    size_t size;

    assert_int_equal(file_read(&bytes, &size, path, SIZE_MAX / 2, NULL), ANA_OK);
    if (!cut)
        bytes[at] ^= 0x10;
    assert_int_equal(file_write(path, bytes, cut ? at : size, NULL), ANA_OK);
    memory_free(bytes);
}

static void rebuilds_a_damaged_cache(void **state)
{
    struct little_set set;
    char path[160];
    const struct log log = {count_warning, NULL, ANA_LOG_WARNING};
    ana_error err = {0};

    (void)state;
    little_set_make(&set);
    const struct dataset_options options = {.cache_folder = set.cache, .log = &log};
    cache_file(path, sizeof path, &set);
    static const size_t places[] = {0, 9, 20, 150, 600, 5000, 3000000};
    for (size_t i = 0; i < 2 + sizeof places / sizeof places[0]; i++) {
        struct dataset again;
        const size_t n = sizeof places / sizeof places[0];
        damage(path, i < n ? places[i] : i == n ? 100 : 4000, i >= n);
        warnings = 0;
        if (dataset_open(&again, &set.manifest, 1, &set.concepts, &options, &err))
            fail_msg("%s", err.message);
        assert_int_equal(warnings, 1);
        assert_int_equal(again.images[0].small[(130 * 256 + 65) * 3], 230);
        dataset_clear(&again);
        assert_int_equal(dataset_open(&again, &set.manifest, 1, &set.concepts, &options, &err),
                         ANA_OK);
        assert_int_equal(warnings, 1); /* sound now */
        dataset_clear(&again);
    }
    little_set_remove(&set);
}

static uint8_t white(int x, int y)
{
    (void)x;
    (void)y;
    return 255;
}

static void notices_changed_files(void **state)
{
    struct little_set set;

    (void)state;
    little_set_make(&set);
    assert_int_equal(set.dataset.images[0].small[0], 120);
    dataset_clear(&set.dataset);
    manifest_clear(&set.manifest);
    little_picture(&set, "scan0.png", 80, 64, white);
    little_set_open(&set);
    assert_int_equal(set.dataset.images[0].small[0], 255);
    little_set_remove(&set);
}

static void complains(const char *row, const char *expected)
{
    struct little_set set;
    char csv[256];
    ana_error err = {0};

    little_set_write(&set);
    little_picture(&set, "small.png", 8, 8, white);
    little_file(&set, "text.png", "not a picture");
    snprintf(csv, sizeof csv, "image,mask,concept,split\n%s,dots,train\n", row);
    little_file(&set, "set.csv", csv);
    assert_int_equal(manifest_read(&set.manifest, set.csv, NULL, &err), ANA_OK);
    const struct dataset_options options = {.cache_folder = set.cache};
    assert_int_not_equal(
        dataset_open(&set.dataset, &set.manifest, 1, &set.concepts, &options, &err), ANA_OK);
    if (!strstr(err.message, expected))
        fail_msg("\"%s\" lacks \"%s\"", err.message, expected);
    struct path_list list;
    if (!folder_list(&list, set.cache, NULL)) {
        assert_int_equal(list.n, 0); /* nothing half-made stays */
        path_list_clear(&list);
    }
    little_set_remove(&set);
}

static void names_bad_files(void **state)
{
    (void)state;
    complains("none.png,left.png", "none.png, which cannot be found");
    complains("scan0.png,none.png", "none.png");
    complains("scan0.png,small.png", "small.png: 8x8 pixels, its image");
    complains("text.png,left.png", "text.png");
}

static void cache_folder_must_be_writable(void **state)
{
    struct little_set set;
    ana_error err = {0};

    (void)state;
    little_set_write(&set);
    little_file(&set, "cache", "a file in the way");
    assert_int_equal(manifest_read(&set.manifest, set.csv, NULL, &err), ANA_OK);
    const struct dataset_options options = {.cache_folder = set.cache};
    assert_int_not_equal(
        dataset_open(&set.dataset, &set.manifest, 1, &set.concepts, &options, &err), ANA_OK);
    assert_non_null(strstr(err.message, "cache"));
    little_set_remove(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_rows_by_image),     cmocka_unit_test(holds_stretched_pixels),
        cmocka_unit_test(rebuilds_a_damaged_cache), cmocka_unit_test(notices_changed_files),
        cmocka_unit_test(names_bad_files),          cmocka_unit_test(cache_folder_must_be_writable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
