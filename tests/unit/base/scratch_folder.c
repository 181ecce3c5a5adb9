/* See the header. Plain POSIX calls: it must not lean on what is being tested. */
#include "scratch_folder.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scratch_folder_make(struct scratch_folder *folder)
{
    (void)snprintf(folder->path, sizeof folder->path, "scratch-XXXXXX");
    if (!mkdtemp(folder->path))
        abort();
}

const char *scratch_path(struct scratch_folder *folder, const char *name)
{
    (void)snprintf(folder->joined, sizeof folder->joined, "%s/%s", folder->path, name);
    return folder->joined;
}

static int walk(const char *path, bool remove_them)
{
    char joined[512];
    const struct dirent *entry;
    int n = 0;
    DIR *stream = opendir(path);

    if (!stream)
        abort();
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        n++;
        (void)snprintf(joined, sizeof joined, "%s/%s", path, entry->d_name);
        if (remove_them && remove(joined) != 0)
            abort();
    }
    (void)closedir(stream);
    return n;
}

void scratch_folder_remove(struct scratch_folder *folder)
{
    (void)walk(folder->path, true);
    if (rmdir(folder->path) != 0)
        abort();
}

int scratch_count(const struct scratch_folder *folder)
{
    return walk(folder->path, false);
}
