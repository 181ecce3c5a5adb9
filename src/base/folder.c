/* Folders that appear only when complete.
 *
 * A writer fills a temporary sibling of the target; folder_commit() renames it. A folder that is in
 * the way is renamed aside first and removed last, so that at any moment either the old one or the
 * new one is there whole, for an instant under the temporary name.
 *
 * realpath() is an X/Open function.
 */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_internal.h"
#include "base/memory.h"

/* A sibling's name that nothing has. */
static ana_status free_sibling(char **out, const char *path, ana_error *err)
{
    char *folder = path_folder(path);

    *out = NULL;
    if (!folder)
        return ana_fail_memory(err, strlen(path) + 1);
    ana_status status = file_fail(err, "write beside", path, EEXIST);
    for (int i = 0; status && i < TEMPORARY_ATTEMPTS; i++) {
        char name[TEMPORARY_NAME_SIZE];
        struct stat info;
        temporary_name(name, i);
        char *sibling = path_join(folder, name);
        if (!sibling) {
            status = ana_fail_memory(err, strlen(path) + sizeof name);
            break;
        }
        if (lstat(sibling, &info) != 0) {
            *out = sibling;
            status = ANA_OK;
        } else {
            memory_free(sibling);
        }
    }
    memory_free(folder);
    return status;
}

/* What is to be renamed: the folder itself where a symbolic link leads to it, and "a/b" of "a/b/",
 * since a slash at the end would make the sibling a child. */
static char *real_name(const char *path)
{
    char target[PATH_MAX];
    char *copy = memory_copy_string(realpath(path, target) ? target : path);
    size_t n = copy ? strlen(copy) : 0;

    while (n > 1 && copy[n - 1] == '/')
        copy[--n] = '\0';
    return copy;
}

ana_status folder_writer_open(struct folder_writer *out, const char *path, ana_error *err)
{
    *out = (struct folder_writer){0};
    if (!*path)
        return ana_fail(err, ANA_ERR_ARGUMENT, "cannot write a folder without a name");

    struct folder_writer writer = {.path = real_name(path)};
    char *parent = writer.path ? path_folder(writer.path) : NULL;
    ana_status status =
        parent ? path_make_folders(parent, err) : ana_fail_memory(err, strlen(path));
    if (!status)
        status = free_sibling(&writer.temporary, writer.path, err);
    if (!status && mkdir(writer.temporary, 0777) != 0) {
        status = file_fail(err, "make the folder", writer.temporary, errno);
        memory_free(writer.temporary);
        writer.temporary = NULL;
    }
    memory_free(parent);
    if (status) {
        folder_discard(&writer);
        return status;
    }
    *out = writer;
    return ANA_OK;
}

/* Files only: what holds a folder of its own stays. */
static bool remove_flat(const char *folder)
{
    struct path_list names;

    if (folder_list(&names, folder, NULL))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        char *path = path_join(folder, names.items[i]);
        if (path)
            (void)unlink(path);
        memory_free(path);
    }
    path_list_clear(&names);
    return rmdir(folder) == 0;
}

/* rename() replaces an empty folder only. */
static ana_status replace(const struct folder_writer *writer, ana_error *err)
{
    char *aside;

    ana_status status = free_sibling(&aside, writer->path, err);
    if (status)
        return status;
    if (rename(writer->path, aside) != 0) {
        status = file_fail(err, "replace", writer->path, errno);
    } else if (rename(writer->temporary, writer->path) != 0) {
        status = file_fail(err, "write", writer->path, errno);
        (void)rename(aside, writer->path);
    } else if (!remove_flat(aside)) {
        status = ana_fail(err, ANA_ERR_IO, "cannot remove %s, which %s has replaced", aside,
                          writer->path);
    }
    memory_free(aside);
    return status;
}

ana_status folder_commit(struct folder_writer *writer, ana_error *err)
{
    ana_status status = ANA_OK;

    if (path_exists(writer->path))
        status = replace(writer, err);
    else if (rename(writer->temporary, writer->path) != 0)
        status = file_fail(err, "write", writer->path, errno);
    folder_discard(writer);
    return status;
}

void folder_discard(struct folder_writer *writer)
{
    /* After a commit nothing has the temporary name any more. */
    if (writer->temporary && path_is_folder(writer->temporary))
        (void)remove_flat(writer->temporary);
    memory_free(writer->temporary);
    memory_free(writer->path);
    *writer = (struct folder_writer){0};
}
