/* Models of the public API: the mapped file, what the kind made of it, and its identity. */
#include "anatome/model.h"

#include <string.h>
#include <sys/stat.h>

#include "api/api_internal.h"
#include "api/search.h"
#include "base/memory.h"
#include "base/text.h"
#include "text/concepts.h"

static int64_t count_parameters(const struct tensor_source *weights)
{
    int64_t total = 0;

    for (int64_t i = 0; i < weights->ops->count(weights); i++) {
        const struct tensor tensor = weights->ops->tensor(weights, i);
        total += tensor_count(&tensor);
    }
    return total;
}

static int64_t file_size(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 ? (int64_t)facts.st_size : 0;
}

static void fill_info(ana_model *m)
{
    const struct model_facts *facts = &m->model->facts;
    const struct model_kind *kind = m->model->kind;

    m->info = (ana_model_info){
        .name = facts->name,
        .version = facts->version,
        .kind = kind->name,
        .summary = kind->summary,
        .licence = facts->licence,
        .intended_use = facts->intended_use,
        .path = m->path,
        .sha256 = m->sha256,
        .size_bytes = file_size(m->path),
        .n_parameters = count_parameters(safetensors_source(m->file)),
        .takes_text = m->model->concepts && (kind->accepts & PROMPT_BIT(PROMPT_WORDS)),
        .takes_boxes = kind->accepts & PROMPT_BIT(PROMPT_BOX),
        .takes_points = kind->accepts & PROMPT_BIT(PROMPT_POINT),
        .mask_threshold = facts->mask_threshold,
        .presence_absent = facts->presence_absent,
        .presence_found = facts->presence_found,
    };
}

ana_status ana_model_open(ana_model **out, const char *name_or_path, ana_error *err)
{
    *out = NULL;
    ana_model *m = memory_alloc_zeroed(sizeof *m);
    if (!m)
        return ana_fail_memory(err, sizeof *m);

    ana_status status = model_find(&m->path, name_or_path, err);
    if (!status)
        status = safetensors_open(&m->file, m->path, err);
    if (!status)
        status = model_open(&m->model, safetensors_source(m->file), err);
    if (!status)
        status = sha256_file(m->sha256, m->path, err);
    if (status) {
        ana_model_free(m);
        return status;
    }
    fill_info(m);
    *out = m;
    return ANA_OK;
}

void ana_model_free(ana_model *model)
{
    if (!model)
        return;
    model_free(model->model);
    safetensors_free(model->file);
    memory_free(model->path);
    memory_free(model);
}

const ana_model_info *ana_model_get_info(const ana_model *model)
{
    return &model->info;
}

const char *ana_model_concept(const ana_model *model, int64_t index)
{
    const struct concepts *concepts = model->model->concepts;

    return concepts && index >= 0 && index < concepts->n ? concepts->items[index].name : NULL;
}

struct ana_model_list {
    struct path_list folders, names, paths;
};

static bool listed(const struct path_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

/* Takes item. */
static ana_status append(struct path_list *list, char *item, ana_error *err)
{
    char **items = item ? memory_resize(list->items, (list->n + 1) * sizeof *items) : NULL;

    if (!items) {
        memory_free(item);
        return ana_fail_memory(err, sizeof *items);
    }
    list->items = items;
    items[list->n++] = item;
    return ANA_OK;
}

static ana_status list_folder(ana_model_list *list, const char *folder, ana_error *err)
{
    struct path_list files;
    ana_status status = ANA_OK;

    if (!path_is_folder(folder) || folder_list(&files, folder, NULL))
        return ANA_OK;
    for (size_t i = 0; !status && i < files.n; i++) {
        if (!string_ends_with(files.items[i], MODEL_SUFFIX))
            continue;
        char *name = path_stem(files.items[i]);
        if (name && listed(&list->names, name)) {
            memory_free(name);
            continue;
        }
        status = append(&list->names, name, err);
        if (!status)
            status = append(&list->paths, path_join(folder, files.items[i]), err);
    }
    path_list_clear(&files);
    return status;
}

ana_status ana_model_list_open(ana_model_list **out, ana_error *err)
{
    *out = NULL;
    ana_model_list *list = memory_alloc_zeroed(sizeof *list);
    if (!list)
        return ana_fail_memory(err, sizeof *list);

    ana_status status = model_folders(&list->folders, err);
    for (size_t i = 0; !status && i < list->folders.n; i++)
        status = list_folder(list, list->folders.items[i], err);
    if (status) {
        ana_model_list_free(list);
        return status;
    }
    *out = list;
    return ANA_OK;
}

void ana_model_list_free(ana_model_list *list)
{
    if (!list)
        return;
    path_list_clear(&list->folders);
    path_list_clear(&list->names);
    path_list_clear(&list->paths);
    memory_free(list);
}

static const char *item_at(const struct path_list *list, int64_t index)
{
    return index >= 0 && (size_t)index < list->n ? list->items[index] : NULL;
}

const char *ana_model_list_name(const ana_model_list *list, int64_t index)
{
    return item_at(&list->names, index);
}

const char *ana_model_list_path(const ana_model_list *list, int64_t index)
{
    return item_at(&list->paths, index);
}

const char *ana_model_list_folder(const ana_model_list *list, int64_t index)
{
    return item_at(&list->folders, index);
}
