/* The committed images: each is on the list with its source, licence and hash, and can be read; and
 * nothing else lies in their folder. */
#include "io/image_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "io/csv.h"

static const char *repository_path(const char *path)
{
    static char joined[4096];
    snprintf(joined, sizeof(joined), "%s/../../%s", TEST_DATA, path);
    return joined;
}

static struct csv read_list(void)
{
    struct csv list;
    ana_error err = {0};
    if (csv_read(&list, TEST_DATA "/SOURCES.csv", &err))
        fail_msg("%s", err.message);
    return list;
}

static void each_is_described_and_readable(void **state)
{
    static const char *const columns[] = {"package", "version", "source", "licence"};
    (void)state;
    struct csv list = read_list();
    assert_true(list.n_rows > 0);
    for (int64_t row = 0; row < list.n_rows; row++) {
        const char *path = csv_cell(&list, row, csv_column(&list, "path"));
        char hash[SHA256_HEX_SIZE];
        struct image image;
        ana_error err = {0};
        for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
            assert_true(*csv_cell(&list, row, csv_column(&list, columns[i])) != 0);
        if (sha256_file(hash, repository_path(path), &err) ||
            image_read(&image, repository_path(path), NULL, &err))
            fail_msg("%s", err.message);
        assert_string_equal(hash, csv_cell(&list, row, csv_column(&list, "sha256")));
        image_clear(&image);
    }
    csv_clear(&list);
    assert_int_equal(memory_in_use(), 0);
}

static void none_is_missing_from_the_list(void **state)
{
    struct path_list names;
    (void)state;
    struct csv list = read_list();
    assert_int_equal(folder_list(&names, TEST_DATA "/samples", NULL), ANA_OK);
    for (size_t i = 0; i < names.n; i++) {
        bool listed = false;
        for (int64_t row = 0; row < list.n_rows; row++)
            listed = listed || strcmp(path_name(csv_cell(&list, row, csv_column(&list, "path"))),
                                      names.items[i]) == 0;
        if (!listed)
            fail_msg("samples/%s is not in SOURCES.csv", names.items[i]);
    }
    path_list_clear(&names);
    csv_clear(&list);
}

static void retina_is_as_known(void **state)
{
    struct image image;
    (void)state;
    assert_int_equal(image_read(&image, TEST_DATA "/samples/retina.jpg", NULL, NULL), ANA_OK);
    assert_int_equal(image_width(&image), 1411);
    assert_int_equal(image_height(&image), 1411);
    assert_int_equal(image.meaning, CHANNELS_RGB);
    image_clear(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_described_and_readable),
        cmocka_unit_test(none_is_missing_from_the_list),
        cmocka_unit_test(retina_is_as_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
