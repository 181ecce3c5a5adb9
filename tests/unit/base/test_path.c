/* Paths: taking apart, putting together, making and listing folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "failing_memory.h"
#include "scratch_folder.h"

static void expect_and_free(char *actual, const char *expected)
{
    assert_non_null(actual);
    assert_string_equal(actual, expected);
    memory_free(actual);
}

static void parts_of_a_path(void **state)
{
    (void)state;
    expect_and_free(path_join("a", "b"), "a/b");
    expect_and_free(path_join("a/", "b"), "a/b");
    expect_and_free(path_join("/", "b"), "/b");
    expect_and_free(path_join("", "b"), "b");
    expect_and_free(path_join("a", "/b"), "/b");
    expect_and_free(path_folder("a/b.png"), "a");
    expect_and_free(path_folder("b"), ".");
    expect_and_free(path_folder("/b"), "/");
    expect_and_free(path_folder("a/b/c"), "a/b");
    expect_and_free(path_stem("a/b.tar.gz"), "b.tar");
    expect_and_free(path_stem("a.b/c"), "c");
    expect_and_free(path_stem(".hidden"), ".hidden");
    expect_and_free(path_stem("b."), "b");
    assert_string_equal(path_name("a/b.png"), "b.png");
    assert_string_equal(path_name("b.png"), "b.png");
    assert_string_equal(path_name("a/"), "");
}

static void folders_are_made_and_seen(void **state)
{
    struct scratch_folder folder;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(path_make_folders(scratch_path(&folder, "a//b/c/"), &err), ANA_OK);
    assert_int_equal(path_make_folders(scratch_path(&folder, "a/b"), &err), ANA_OK);
    assert_true(path_is_folder(scratch_path(&folder, "a/b/c")));
    assert_int_equal(file_write(scratch_path(&folder, "a/file"), "x", 1, &err), ANA_OK);
    assert_true(path_exists(scratch_path(&folder, "a/file")));
    assert_false(path_is_folder(scratch_path(&folder, "a/file")));
    assert_false(path_exists(scratch_path(&folder, "none")));
    assert_int_equal(path_make_folders(scratch_path(&folder, "a/file/d"), &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "a/file"));
    assert_int_equal(path_make_folders("/proc/none", &err), ANA_ERR_IO);
    assert_int_equal(path_make_folders("", &err), ANA_ERR_IO);
    assert_int_equal(path_make_folders("/", &err), ANA_OK);
    static const char *const names[] = {"a/b/c", "a/b", "a/file", "a"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(remove(scratch_path(&folder, names[i])), 0);
    scratch_folder_remove(&folder);
}

static void lists_are_sorted(void **state)
{
    struct scratch_folder folder;
    struct path_list list;
    ana_error err = {0};
    char name[16];

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(folder_list(&list, folder.path, &err), ANA_OK);
    assert_int_equal(list.n, 0);
    path_list_clear(&list);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof name, "%02d", i * 7 % 50);
        assert_int_equal(file_write(scratch_path(&folder, name), "", 0, &err), ANA_OK);
    }
    assert_int_equal(folder_list(&list, folder.path, &err), ANA_OK);
    assert_int_equal(list.n, 50);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof name, "%02d", i);
        assert_string_equal(list.items[i], name);
    }
    path_list_clear(&list);
    path_list_clear(&list);
    assert_int_equal(folder_list(&list, scratch_path(&folder, "07"), &err), ANA_ERR_IO);
    assert_int_equal(folder_list(&list, scratch_path(&folder, "none"), &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "none"));
    for (int n = 1, reached = 1; reached; n++) {
        failing_memory_start(n);
        const ana_status status = folder_list(&list, folder.path, &err);
        path_list_clear(&list);
        assert_int_equal(failing_memory_live(), 0);
        reached = failing_memory_stop();
        assert_int_equal(status, reached ? ANA_ERR_MEMORY : ANA_OK);
    }
    scratch_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_a_path),
        cmocka_unit_test(folders_are_made_and_seen),
        cmocka_unit_test(lists_are_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
