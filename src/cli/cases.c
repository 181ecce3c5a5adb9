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

bool identity_of(char out[64], const char *path)
{
    struct stat facts;

    if (stat(path, &facts) != 0)
        return false;
    snprintf(out, 64, "%llx:%llx", (unsigned long long)facts.st_dev,
             (unsigned long long)facts.st_ino);
    return true;
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
    if (!good && !is_folder(path) && file_exists(path))
        complain("%s is no folder: results go to a folder, or to a file whose name ends in .png",
                 path);
    else if (!good)
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

static size_t slot_of(char *const *slots, size_t n_slots, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    size_t slot = (size_t)(hash % n_slots);
    while (slots[slot] && strcmp(slots[slot], name) != 0)
        slot = (slot + 1) % n_slots;
    return slot;
}

/* Keeps at least half of the slots free. */
static bool name_set_grow(struct name_set *set)
{
    const size_t n_slots = set->n_slots ? 4 * set->n_slots : 64;
    char **slots = calloc(n_slots, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < set->n_slots; i++)
        if (set->slots[i])
            slots[slot_of(slots, n_slots, set->slots[i])] = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->n_slots = n_slots;
    return true;
}

enum name_state name_set_add(struct name_set *set, const char *name)
{
    if (2 * set->n >= set->n_slots && !name_set_grow(set))
        return NAME_FAILED;
    const size_t slot = slot_of(set->slots, set->n_slots, name);
    if (set->slots[slot])
        return NAME_TAKEN;
    set->slots[slot] = strdup(name);
    set->n += set->slots[slot] != NULL;
    return set->slots[slot] ? NAME_NEW : NAME_FAILED;
}

bool name_set_has(const struct name_set *set, const char *name)
{
    return set->n_slots && set->slots[slot_of(set->slots, set->n_slots, name)];
}

void name_set_clear(struct name_set *set)
{
    for (size_t i = 0; i < set->n_slots; i++)
        free(set->slots[i]);
    free(set->slots);
    *set = (struct name_set){0};
}

/* The stem, or the stem and a number that makes it new. NULL when out of memory. */
static char *new_name(struct name_set *taken, const char *stem)
{
    const size_t size = strlen(stem) + 24;
    char *name = malloc(size);

    if (!name)
        return NULL;
    snprintf(name, size, "%s", stem);
    enum name_state state = name_set_add(taken, name);
    for (int k = 2; state == NAME_TAKEN; k++) {
        snprintf(name, size, "%s-%d", stem, k);
        state = name_set_add(taken, name);
    }
    if (state == NAME_NEW)
        return name;
    free(name);
    return NULL;
}

static bool name_cases(struct case_list *cases)
{
    struct name_set taken = {0};
    bool good = true;

    for (size_t i = 0; good && i < cases->n; i++) {
        char *stem = stem_of(cases->items[i].path);
        cases->items[i].name = stem ? new_name(&taken, stem) : NULL;
        good = cases->items[i].name != NULL;
        free(stem);
    }
    name_set_clear(&taken);
    if (!good)
        complain("out of memory");
    return good;
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
