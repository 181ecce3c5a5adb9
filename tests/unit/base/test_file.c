/* Files: mapping, reading, and writers that leave either the whole file or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "failing_memory.h"
#include "scratch_folder.h"

static void expect_content(const char *path, const char *expected)
{
    uint8_t *data;
    size_t size;
    ana_error err = {0};

    assert_int_equal(file_read(&data, &size, path, 0, &err), ANA_OK);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(data, expected, size + 1); /* with the terminator */
    memory_free(data);
}

static void what_is_written_is_read(void **state)
{
    struct scratch_folder folder;
    struct file_map map;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "a");
    assert_int_equal(file_write(path, "hello", 5, &err), ANA_OK);
    expect_content(path, "hello");
    assert_int_equal(file_write(path, "again", 5, &err), ANA_OK);
    expect_content(path, "again");
    assert_int_equal(scratch_count(&folder), 1);
    assert_int_equal(file_map_open(&map, path, &err), ANA_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "again", 5);
    file_map_close(&map);
    file_map_close(&map);
    path = scratch_path(&folder, "empty");
    assert_int_equal(file_write(path, NULL, 0, &err), ANA_OK);
    expect_content(path, "");
    assert_int_equal(file_map_open(&map, path, &err), ANA_OK);
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    file_map_close(&map);
    scratch_folder_remove(&folder);
}

static void limits_of_reading(void **state)
{
    struct scratch_folder folder;
    uint8_t *data = NULL;
    size_t size = 9;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "five");
    assert_int_equal(file_write(path, "12345", 5, &err), ANA_OK);
    assert_int_equal(file_read(&data, &size, path, 5, &err), ANA_OK);
    assert_int_equal(size, 5);
    memory_free(data);
    assert_int_equal(file_read(&data, &size, path, 4, &err), ANA_ERR_LIMIT);
    assert_null(data);
    assert_int_equal(size, 0);
    assert_non_null(strstr(err.message, "five"));
    /* Sizes that are not known beforehand: */
    assert_int_equal(file_read(&data, &size, "/dev/zero", 200000, &err), ANA_ERR_LIMIT);
    assert_int_equal(file_read(&data, &size, "/proc/self/status", 0, &err), ANA_OK);
    assert_true(size > 100);
    memory_free(data);
    scratch_folder_remove(&folder);
}

static void reading_what_cannot_be_read(void **state)
{
    struct scratch_folder folder;
    struct file_map map;
    uint8_t *data;
    size_t size;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "missing");
    assert_int_equal(file_read(&data, &size, path, 0, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "missing: No such file"));
    assert_int_equal(file_map_open(&map, path, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "missing: No such file"));
    assert_int_equal(file_read(&data, &size, folder.path, 0, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "directory"));
    assert_int_equal(file_map_open(&map, folder.path, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "directory"));
    assert_int_equal(file_map_open(&map, "/dev/null", &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    assert_int_equal(file_map_open(&map, "", &err), ANA_ERR_IO);
    scratch_folder_remove(&folder);
}

static void discard_leaves_nothing(void **state)
{
    struct scratch_folder folder;
    struct file_writer writer;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "out");
    assert_int_equal(file_writer_open(&writer, path, &err), ANA_OK);
    assert_true(fputs("half", writer.stream) >= 0);
    assert_false(path_exists(path));
    file_discard(&writer);
    file_discard(&writer);
    assert_int_equal(scratch_count(&folder), 0);

    assert_int_equal(file_write(path, "old", 3, &err), ANA_OK);
    assert_int_equal(file_writer_open(&writer, path, &err), ANA_OK);
    assert_true(fputs("new and longer", writer.stream) >= 0);
    assert_int_equal(fflush(writer.stream), 0);
    expect_content(path, "old");
    file_discard(&writer);
    expect_content(path, "old");
    assert_int_equal(file_writer_open(&writer, path, &err), ANA_OK);
    assert_true(fputs("new", writer.stream) >= 0);
    assert_int_equal(file_commit(&writer, &err), ANA_OK);
    file_discard(&writer);
    expect_content(path, "new");
    assert_int_equal(scratch_count(&folder), 1);
    scratch_folder_remove(&folder);
}

static void several_writers_in_one_folder(void **state)
{
    struct scratch_folder folder;
    struct file_writer a;
    struct file_writer b;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(file_writer_open(&a, scratch_path(&folder, "a"), &err), ANA_OK);
    assert_int_equal(file_writer_open(&b, scratch_path(&folder, "b"), &err), ANA_OK);
    assert_true(fputs("A", a.stream) >= 0 && fputs("B", b.stream) >= 0);
    assert_int_equal(file_commit(&a, &err), ANA_OK);
    assert_int_equal(file_commit(&b, &err), ANA_OK);
    expect_content(scratch_path(&folder, "a"), "A");
    expect_content(scratch_path(&folder, "b"), "B");
    scratch_folder_remove(&folder);
}

static void writing_where_one_cannot(void **state)
{
    struct scratch_folder folder;
    struct file_writer writer;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(file_writer_open(&writer, folder.path, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "directory"));
    assert_int_equal(file_writer_open(&writer, "", &err), ANA_ERR_ARGUMENT);
    assert_int_equal(file_write(scratch_path(&folder, "none/out"), "x", 1, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "none/out: No such file"));
    assert_int_equal(file_write("/proc/out", "x", 1, &err), ANA_ERR_IO); /* not even for root */
    assert_int_equal(file_write(scratch_path(&folder, "file"), "x", 1, &err), ANA_OK);
    assert_int_equal(file_write(scratch_path(&folder, "file/out"), "x", 1, &err), ANA_ERR_IO);
    if (geteuid() != 0) { /* permissions do not bind root */
        assert_int_equal(chmod(folder.path, 0500), 0);
        assert_int_equal(file_write(scratch_path(&folder, "out"), "x", 1, &err), ANA_ERR_IO);
        assert_non_null(strstr(err.message, "Permission denied"));
        assert_int_equal(chmod(folder.path, 0700), 0);
    }
    assert_int_equal(scratch_count(&folder), 1);
    scratch_folder_remove(&folder);
}

/* The target turns into a folder while the file is written: the rename fails at the very end. */
static void a_failing_commit_leaves_nothing(void **state)
{
    struct scratch_folder folder;
    struct file_writer writer;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "out");
    assert_int_equal(file_writer_open(&writer, path, &err), ANA_OK);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(file_commit(&writer, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "out"));
    assert_null(writer.stream);
    assert_int_equal(scratch_count(&folder), 1);
    scratch_folder_remove(&folder);
}

static void devices_are_written_directly(void **state)
{
    struct stat info;
    ana_error err = {0};

    (void)state;
    assert_int_equal(file_write("/dev/null", "x", 1, &err), ANA_OK);
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_int_equal(file_write("/dev/full", "x", 1, &err), ANA_ERR_IO);
    assert_non_null(strstr(err.message, "No space left"));
}

static void links_are_followed(void **state)
{
    struct scratch_folder folder;
    struct stat info;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    assert_int_equal(file_write(scratch_path(&folder, "target"), "old", 3, &err), ANA_OK);
    assert_int_equal(symlink("target", scratch_path(&folder, "link")), 0);
    assert_int_equal(file_write(scratch_path(&folder, "link"), "new", 3, &err), ANA_OK);
    assert_int_equal(lstat(scratch_path(&folder, "link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    expect_content(scratch_path(&folder, "target"), "new");
    scratch_folder_remove(&folder);
}

static void permissions_follow_the_umask(void **state)
{
    struct scratch_folder folder;
    struct stat info;
    ana_error err = {0};
    const mode_t before = umask(027);

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "out");
    assert_int_equal(file_write(path, "x", 1, &err), ANA_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    (void)umask(before);
    scratch_folder_remove(&folder);
}

/* Left by a killed process: no lock is on it. Other names are none of ours. */
static void a_sweep_removes_what_nobody_writes(void **state)
{
    static const char *const left[] = {".anatome-1-0.tmp", ".anatome-4194304-12.tmp"};
    static const char *const others[] = {".anatome-1-0.tmp2", ".anatome-x-0.tmp", ".anatome--0.tmp",
                                         ".anatome-1.tmp",    "anatome-1-0.tmp",  "a.tmp"};
    enum { LEFT = sizeof left / sizeof left[0], OTHERS = sizeof others / sizeof others[0] };
    struct scratch_folder folder;
    struct file_writer writer;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    for (int i = 0; i < LEFT + OTHERS; i++) {
        const char *name = i < LEFT ? left[i] : others[i - LEFT];
        FILE *file = fopen(scratch_path(&folder, name), "wb");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(mkdir(scratch_path(&folder, ".anatome-2-0.tmp"), 0700), 0);
    assert_int_equal(file_writer_open(&writer, scratch_path(&folder, "out"), &err), ANA_OK);
    file_sweep(folder.path);
    assert_int_equal(scratch_count(&folder), OTHERS + 2);
    for (int i = 0; i < LEFT; i++)
        assert_false(path_exists(scratch_path(&folder, left[i])));

    /* The one being written is still whole. */
    assert_true(fputs("x", writer.stream) >= 0);
    assert_int_equal(file_commit(&writer, &err), ANA_OK);
    expect_content(scratch_path(&folder, "out"), "x");
    file_sweep("/no/such/folder");
    scratch_folder_remove(&folder);
}

static void every_failing_allocation_is_told(void **state)
{
    struct scratch_folder folder;
    ana_error err = {0};
    int n = 0;
    int reached;

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "out");
    do {
        uint8_t *data;
        size_t size;
        failing_memory_start(++n);
        ana_status status = file_write(path, "x", 1, &err);
        if (!status)
            status = file_read(&data, &size, path, 0, &err);
        if (!status)
            memory_free(data);
        assert_int_equal(failing_memory_live(), 0);
        reached = failing_memory_stop();
        /* Syncing the folder is best effort, and so is the allocation in it. */
        assert_true(status == ANA_OK || (reached && status == ANA_ERR_MEMORY));
        assert_in_range(scratch_count(&folder), 0, 1);
    } while (reached);
    assert_true(n > 5);
    scratch_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(limits_of_reading),
        cmocka_unit_test(reading_what_cannot_be_read),
        cmocka_unit_test(discard_leaves_nothing),
        cmocka_unit_test(several_writers_in_one_folder),
        cmocka_unit_test(writing_where_one_cannot),
        cmocka_unit_test(a_failing_commit_leaves_nothing),
        cmocka_unit_test(devices_are_written_directly),
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(permissions_follow_the_umask),
        cmocka_unit_test(a_sweep_removes_what_nobody_writes),
        cmocka_unit_test(every_failing_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
