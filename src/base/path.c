/* Paths and folders. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/file_internal.h"
#include "base/memory.h"

bool path_exists(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0;
}

bool path_is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static ana_status make_folder(const char *path, ana_error *err)
{
    if (mkdir(path, 0777) == 0 || path_is_folder(path))
        return ANA_OK;
    return file_fail(err, "make the folder", path, errno);
}

ana_status path_make_folders(const char *path, ana_error *err)
{
    ana_status status = ANA_OK;
    char *part = memory_copy_string(path);

    if (!part)
        return ana_fail_memory(err, strlen(path) + 1);
    for (char *slash = strchr(part, '/'); slash && !status; slash = strchr(slash + 1, '/')) {
        if (slash == part || slash[-1] == '/')
            continue;
        *slash = '\0';
        status = make_folder(part, err);
        *slash = '/';
    }
    if (!status)
        status = make_folder(part, err);
    memory_free(part);
    return status;
}

static char *copy_bytes(const char *data, size_t size)
{
    char *copy = memory_alloc(size + 1);

    if (copy) {
        memcpy(copy, data, size);
        copy[size] = '\0';
    }
    return copy;
}

char *path_join(const char *folder, const char *name)
{
    const size_t folder_size = strlen(folder);
    const size_t name_size = strlen(name);

    if (name[0] == '/' || folder_size == 0)
        return copy_bytes(name, name_size);
    const size_t slash = folder[folder_size - 1] == '/' ? 0 : 1;
    char *path = memory_alloc(folder_size + slash + name_size + 1);
    if (!path)
        return NULL;
    memcpy(path, folder, folder_size);
    if (slash)
        path[folder_size] = '/';
    memcpy(path + folder_size + slash, name, name_size);
    path[folder_size + slash + name_size] = '\0';
    return path;
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return memory_copy_string(".");
    return copy_bytes(path, slash == path ? 1 : (size_t)(slash - path));
}

char *path_stem(const char *path)
{
    const char *name = path_name(path);
    const char *dot = strrchr(name, '.');

    return copy_bytes(name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* False when out of memory. */
static bool add_name(struct path_list *list, size_t *capacity, const char *name)
{
    if (list->n == *capacity) {
        const size_t wider = *capacity ? 2 * *capacity : 16;
        size_t bytes;
        char **items =
            size_mul(&bytes, wider, sizeof *items) ? memory_resize(list->items, bytes) : NULL;
        if (!items)
            return false;
        list->items = items;
        *capacity = wider;
    }
    char *copy = memory_copy_string(name);
    if (!copy)
        return false;
    list->items[list->n++] = copy;
    return true;
}

ana_status folder_list(struct path_list *out, const char *folder, ana_error *err)
{
    struct path_list list = {0};
    size_t capacity = 0;
    const struct dirent *entry;
    ana_status status = ANA_OK;

    *out = list;
    DIR *stream = opendir(folder);
    if (!stream)
        return file_fail(err, "list", folder, errno);
    errno = 0;
    while (!status && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!add_name(&list, &capacity, entry->d_name))
            status = ana_fail_memory(err, strlen(entry->d_name) + 1);
        errno = 0;
    }
    if (!status && errno)
        status = file_fail(err, "list", folder, errno);
    (void)closedir(stream);
    if (status) {
        path_list_clear(&list);
        return status;
    }
    if (list.n)
        qsort(list.items, list.n, sizeof *list.items, compare_names);
    *out = list;
    return ANA_OK;
}

void path_list_clear(struct path_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        memory_free(list->items[i]);
    memory_free(list->items);
    *list = (struct path_list){0};
}
