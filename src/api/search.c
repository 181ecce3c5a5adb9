/* Looking for weights: nothing is fetched, everything is on this machine. */
#include "api/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* Takes folder, which may be NULL when memory ran out before. */
static ana_status add_folder(struct path_list *list, char *folder, ana_error *err)
{
    char **items = folder ? memory_resize(list->items, (list->n + 1) * sizeof *items) : NULL;

    if (!items) {
        memory_free(folder);
        return ana_fail_memory(err, (list->n + 1) * sizeof *items);
    }
    list->items = items;
    list->items[list->n++] = folder;
    return ANA_OK;
}

static ana_status add_list(struct path_list *list, const char *folders, ana_error *err)
{
    ana_status status = ANA_OK;

    while (!status && *folders) {
        const size_t n = strcspn(folders, ":");
        struct text folder = {0};
        text_append_bytes(&folder, folders, n);
        if (n > 0)
            status = add_folder(list, memory_copy_string(text_string(&folder)), err);
        text_clear(&folder);
        folders += n + (folders[n] == ':');
    }
    return status;
}

static ana_status add_home(struct path_list *list, ana_error *err)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (data && *data == '/')
        return add_folder(list, path_join(data, "anatome/models"), err);
    if (home && *home == '/')
        return add_folder(list, path_join(home, ".local/share/anatome/models"), err);
    return ANA_OK;
}

/* bin/anatome of an installation; <build>/anatome and <build>/tests/x of a build tree two levels
 * below the sources. */
static ana_status add_beside_program(struct path_list *list, ana_error *err)
{
    static const char *const places[] = {"../share/anatome/models", "../../models",
                                         "../../../models"};
    char program[4096];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    if (n <= 0)
        return ANA_OK;
    program[n] = '\0';
    char *folder = path_folder(program);
    ana_status status = folder ? ANA_OK : ana_fail_memory(err, (size_t)n);
    for (size_t i = 0; !status && i < sizeof places / sizeof places[0]; i++) {
        char *joined = path_join(folder, places[i]);
        if (joined && !path_is_folder(joined))
            memory_free(joined);
        else
            status = add_folder(list, joined, err);
    }
    memory_free(folder);
    return status;
}

ana_status model_folders(struct path_list *out, ana_error *err)
{
    const char *named = getenv("ANATOME_MODELS");

    *out = (struct path_list){0};
    ana_status status = named ? add_list(out, named, err) : ANA_OK;
    if (!status)
        status = add_home(out, err);
    if (!status)
        status = add_beside_program(out, err);
    if (!status)
        status = add_folder(out, memory_copy_string(ANATOME_DATA_FOLDER "/models"), err);
    if (status)
        path_list_clear(out);
    return status;
}

/* The first of the folders that has the file; *out stays NULL if none has. */
static ana_status find_in(char **out, const struct path_list *folders, const char *file,
                          ana_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < folders->n && !*out; i++) {
        char *path = path_join(folders->items[i], file);
        if (!path)
            return ana_fail_memory(err, strlen(file));
        if (path_exists(path))
            *out = path;
        else
            memory_free(path);
    }
    return ANA_OK;
}

static ana_status not_found(const struct path_list *folders, const char *file, ana_error *err)
{
    struct text places = {0};

    for (size_t i = 0; i < folders->n; i++)
        text_appendf(&places, "%s%s", i ? ", " : "", folders->items[i]);
    ana_status status = ana_fail(err, ANA_ERR_NOT_FOUND,
                                 "no %s in %s. Give the path of the file, or set ANATOME_MODELS",
                                 file, text_string(&places));
    text_clear(&places);
    return status;
}

ana_status model_data_find(char **out, const char *file, ana_error *err)
{
    struct path_list folders;

    *out = NULL;
    ana_status status = model_folders(&folders, err);
    if (status)
        return status;
    status = find_in(out, &folders, file, err);
    if (!status && !*out)
        status = not_found(&folders, file, err);
    path_list_clear(&folders);
    return status;
}

ana_status model_find(char **out, const char *name_or_path, ana_error *err)
{
    const char *name = name_or_path ? name_or_path : MODEL_DEFAULT_NAME;

    *out = NULL;
    if (strchr(name, '/') || string_ends_with(name, MODEL_SUFFIX) ||
        (path_exists(name) && !path_is_folder(name))) {
        *out = memory_copy_string(name);
        return *out ? ANA_OK : ana_fail_memory(err, strlen(name) + 1);
    }

    struct text file = {0};
    text_appendf(&file, "%s" MODEL_SUFFIX, name);
    ana_status status = file.failed ? ana_fail_memory(err, strlen(name))
                                    : model_data_find(out, text_string(&file), err);
    text_clear(&file);
    return status ? ana_fail_in(err, status, "model \"%s\"", name) : ANA_OK;
}
