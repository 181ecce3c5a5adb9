/* Temporary folders of tests. mkdtemp() is POSIX 2008. */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

void scratch_make(struct scratch *scratch)
{
    strcpy(scratch->path, "scratch-XXXXXX");
    if (!mkdtemp(scratch->path))
        abort();
}

static void remove_tree(const char *path)
{
    struct path_list list;
    ana_error err;

    if (folder_list(&list, path, &err))
        abort();
    for (size_t i = 0; i < list.n; i++) {
        char *inner = path_join(path, list.items[i]);
        if (!inner)
            abort();
        if (path_is_folder(inner))
            remove_tree(inner);
        else if (unlink(inner) != 0)
            abort();
        memory_free(inner);
    }
    path_list_clear(&list);
    if (rmdir(path) != 0)
        abort();
}

void scratch_remove(const struct scratch *scratch)
{
    remove_tree(scratch->path);
}

char *scratch_name(char out[256], const struct scratch *scratch, const char *name)
{
    (void)snprintf(out, 256, "%s%s%s", scratch->path, *name ? "/" : "", name);
    return out;
}

size_t scratch_entries(const struct scratch *scratch, const char *name)
{
    char path[256];
    struct path_list list;
    ana_error err;

    if (folder_list(&list, scratch_name(path, scratch, name), &err))
        return 0;
    const size_t n = list.n;
    path_list_clear(&list);
    return n;
}
