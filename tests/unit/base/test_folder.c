/* Folders that appear complete or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "failing_memory.h"
#include "scratch_folder.h"

static void put(const char *folder, const char *name)
{
    char *path = path_join(folder, name);

    assert_non_null(path);
    assert_int_equal(file_write(path, "x", 1, NULL), ANA_OK);
    memory_free(path);
}

static void appears_at_commit(void **state)
{
    struct scratch_folder folder;
    struct folder_writer writer;

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(folder_writer_open(&writer, scratch_path(&folder, "out/"), NULL), ANA_OK);
    put(writer.temporary, "a");
    assert_false(path_exists(scratch_path(&folder, "out")));
    assert_int_equal(folder_commit(&writer, NULL), ANA_OK);
    assert_true(path_exists(scratch_path(&folder, "out/a")));
    assert_int_equal(scratch_count(&folder), 1);

    /* The next one takes its place with all that was in it. */
    assert_int_equal(folder_writer_open(&writer, scratch_path(&folder, "out"), NULL), ANA_OK);
    put(writer.temporary, "b");
    assert_int_equal(folder_commit(&writer, NULL), ANA_OK);
    assert_false(path_exists(scratch_path(&folder, "out/a")));
    assert_true(path_exists(scratch_path(&folder, "out/b")));
    assert_int_equal(scratch_count(&folder), 1);

    assert_int_equal(unlink(scratch_path(&folder, "out/b")), 0);
    assert_int_equal(rmdir(scratch_path(&folder, "out")), 0);
    scratch_folder_remove(&folder);
}

static void leaves_nothing_when_discarded(void **state)
{
    struct scratch_folder folder;
    struct folder_writer writer;

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(folder_writer_open(&writer, scratch_path(&folder, "out"), NULL), ANA_OK);
    put(writer.temporary, "a");
    folder_discard(&writer);
    folder_discard(&writer);
    assert_int_equal(scratch_count(&folder), 0);
    scratch_folder_remove(&folder);
}

static void links_are_followed(void **state)
{
    struct scratch_folder folder;
    struct folder_writer writer;
    struct stat info;

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(mkdir(scratch_path(&folder, "real"), 0777), 0);
    assert_int_equal(symlink("real", scratch_path(&folder, "link")), 0);
    assert_int_equal(folder_writer_open(&writer, scratch_path(&folder, "link"), NULL), ANA_OK);
    put(writer.temporary, "a");
    assert_int_equal(folder_commit(&writer, NULL), ANA_OK);
    assert_int_equal(lstat(scratch_path(&folder, "link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_true(path_exists(scratch_path(&folder, "real/a")));
    assert_int_equal(unlink(scratch_path(&folder, "real/a")), 0);
    assert_int_equal(rmdir(scratch_path(&folder, "real")), 0);
    assert_int_equal(unlink(scratch_path(&folder, "link")), 0);
    scratch_folder_remove(&folder);
}

static void failures_are_told(void **state)
{
    struct scratch_folder folder;
    struct folder_writer writer;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    put(folder.path, "file");
    assert_int_equal(folder_writer_open(&writer, scratch_path(&folder, "file/out"), &err),
                     ANA_ERR_IO);
    assert_null(writer.temporary);
    assert_int_equal(folder_writer_open(&writer, "", &err), ANA_ERR_ARGUMENT);
    int n = 0;
    for (int failed = 1; failed;) {
        failing_memory_start(++n);
        const ana_status status = folder_writer_open(&writer, scratch_path(&folder, "out"), &err);
        if (!status)
            folder_discard(&writer);
        const int live = failing_memory_live();
        failed = failing_memory_stop();
        assert_int_equal(live, 0);
        assert_true(status == ANA_OK || status == ANA_ERR_MEMORY);
        assert_int_equal(scratch_count(&folder), 1);
    }
    assert_true(n > 3);
    scratch_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appears_at_commit),
        cmocka_unit_test(leaves_nothing_when_discarded),
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(failures_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
