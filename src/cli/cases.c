/* Files, folders and names. Names follow the order of the inputs, so that any split of a run into
 * parts gives the same ones. */
#include "cli/cases.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/terminal.h"

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool is_folder(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

bool file_exists(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0;
}

bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool make_folders(const char *path)
{
    char *copy = strdup(path);
    bool good = copy != NULL;

    for (char *at = copy ? copy + 1 : NULL; good && *path && *at; at++)
        if (*at == '/') {
            *at = '\0';
            good = mkdir(copy, 0777) == 0 || errno == EEXIST;
            *at = '/';
        }
    if (good)
        good = mkdir(path, 0777) == 0 || (errno == EEXIST && is_folder(path));
    if (!good)
        complain("cannot make the folder %s: %s", path, copy ? strerror(errno) : "out of memory");
    free(copy);
    return good;
}

char *join_path(const char *folder, const char *name, const char *suffix)
{
    const size_t n = strlen(folder);
    const char *slash = n && folder[n - 1] == '/' ? "" : "/";
    const size_t size = n + strlen(name) + strlen(suffix) + 2;
    char *path = malloc(size);

    if (path && strcmp(folder, ".") == 0)
        snprintf(path, size, "%s%s", name, suffix);
    else if (path)
        snprintf(path, size, "%s%s%s%s", folder, slash, name, suffix);
    return path;
}

static char *copy_bytes(const char *text, size_t n)
{
    char *copy = malloc(n + 1);

    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

char *stem_of(const char *path)
{
    const char *name = base_name(path);
    const char *dot = strrchr(name, '.');

    return copy_bytes(name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? copy_bytes(path, slash == path ? 1 : (size_t)(slash - path))
                 : copy_bytes(".", 1);
}

enum { SLUG_MAX = 80 };

char *slug_of(const char *words)
{
    char *slug = malloc(SLUG_MAX + 1);
    size_t n = 0;

    for (; slug && *words && n < SLUG_MAX; words++) {
        const unsigned char c = (unsigned char)*words;
        const bool safe = c < 0x80 && (isalnum(c) || c == '-' || c == '.');
        if (safe)
            slug[n++] = (char)tolower(c);
        else if (n > 0 && slug[n - 1] != '_')
            slug[n++] = '_';
    }
    while (slug && n > 0 && slug[n - 1] == '_')
        n--;
    if (slug)
        slug[n] = '\0';
    if (slug && n == 0)
        memcpy(slug, "mask", sizeof "mask");
    return slug;
}

static bool is_image_name(const char *name)
{
    static const char *const suffixes[] = {".png", ".jpg", ".jpeg", ".tif", ".tiff"};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return *name != '.';
    return false;
}

/* Takes path. */
static bool add_case(struct case_list *cases, char *path)
{
    struct case_file *items = realloc(cases->items, (cases->n + 1) * sizeof *items);

    if (!items || !path) {
        cases->items = items ? items : cases->items;
        free(path);
        complain("out of memory");
        return false;
    }
    cases->items = items;
    items[cases->n++] = (struct case_file){.path = path};
    return true;
}

static int compare_paths(const void *a, const void *b)
{
    const struct case_file *x = a, *y = b;

    return strcmp(x->path, y->path);
}

static bool add_folder(struct case_list *cases, const char *folder)
{
    const size_t before = cases->n;
    const struct dirent *entry;
    bool good = true;

    DIR *listing = opendir(folder);
    if (!listing) {
        complain("cannot list %s: %s", folder, strerror(errno));
        return false;
    }
    while (good && (entry = readdir(listing)) != NULL)
        if (is_image_name(entry->d_name))
            good = add_case(cases, join_path(folder, entry->d_name, ""));
    closedir(listing);
    if (cases->n > before)
        qsort(cases->items + before, cases->n - before, sizeof *cases->items, compare_paths);
    if (good && cases->n == before)
        complain("%s holds no image (.png, .jpg, .jpeg, .tif, .tiff)", folder);
    return good && cases->n > before;
}

static bool name_taken(const struct case_list *cases, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(cases->items[i].name, name) == 0)
            return true;
    return false;
}

static bool name_cases(struct case_list *cases)
{
    for (size_t i = 0; i < cases->n; i++) {
        char *stem = stem_of(cases->items[i].path);
        const size_t size = stem ? strlen(stem) + 24 : 0;
        char *name = malloc(size + 1);
        if (!stem || !name) {
            free(stem);
            free(name);
            complain("out of memory");
            return false;
        }
        snprintf(name, size, "%s", stem);
        for (int k = 2; name_taken(cases, i, name); k++)
            snprintf(name, size, "%s-%d", stem, k);
        cases->items[i].name = name;
        free(stem);
    }
    return true;
}

bool cases_open(struct case_list *out, const struct strings *inputs)
{
    struct case_list cases = {0};
    bool good = true;

    for (size_t i = 0; good && i < inputs->n; i++) {
        const char *input = inputs->items[i];
        good = is_folder(input) ? add_folder(&cases, input) : add_case(&cases, strdup(input));
    }
    if (!good || !name_cases(&cases)) {
        cases_clear(&cases);
        return false;
    }
    *out = cases;
    return true;
}

void cases_clear(struct case_list *cases)
{
    for (size_t i = 0; i < cases->n; i++) {
        free(cases->items[i].path);
        free(cases->items[i].name);
    }
    free(cases->items);
    *cases = (struct case_list){0};
}
