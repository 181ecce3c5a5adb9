/* From the manifest and the list of absent things to questions, image by image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "pipeline/evaluate_internal.h"

static bool is_volume(const char *path)
{
    static const char *const suffixes[] = {".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha",
                                           ".mhd", ".dcm",    ".hdr",  ".img"};

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (string_ends_with(path, suffixes[i]))
            return true;
    return false;
}

/* `file#N` names the voxels of value N in a label volume. */
static bool is_measurable(const char *image, const char *mask)
{
    return *image && *mask && !strchr(mask, '#') && !is_volume(image) && !is_volume(mask);
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return *a ? a : *b ? b : c;
}

static ana_status need_column(int64_t *out, const struct csv *csv, const char *path,
                              const char *name, ana_error *err)
{
    *out = csv_column(csv, name);
    if (*out < 0)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: no column \"%s\"", path, name);
    return ANA_OK;
}

/* Rows outside the split become mentions: they say that an absent phrase is not for this split. */
static ana_status add_rows(struct task_list *list, const ana_evaluate_options *options,
                           ana_error *err)
{
    const struct csv *csv = &list->manifest;
    int64_t image, mask, concept, split = -1;

    ana_status status = need_column(&image, csv, options->manifest, "image", err);
    if (!status)
        status = need_column(&mask, csv, options->manifest, "mask", err);
    if (!status)
        status = need_column(&concept, csv, options->manifest, "concept", err);
    if (!status && options->split)
        status = need_column(&split, csv, options->manifest, "split", err);
    if (status)
        return status;

    const int64_t patient = csv_column(csv, "patient"), case_id = csv_column(csv, "case");
    for (int64_t i = 0; i < csv->n_rows; i++) {
        struct task *task = &list->tasks[list->n_tasks];
        *task = (struct task){.kind = TASK_PRESENT,
                              .image = csv_cell(csv, i, image),
                              .mask = csv_cell(csv, i, mask),
                              .words = csv_cell(csv, i, concept),
                              .order = list->n_tasks,
                              .in_split = !options->split ||
                                          strcmp(csv_cell(csv, i, split), options->split) == 0};
        task->patient = first_of(csv_cell(csv, i, patient), csv_cell(csv, i, case_id), task->image);
        if (!task->in_split || !is_measurable(task->image, task->mask)) {
            list->skipped += task->in_split;
            task->kind = TASK_MENTION;
        }
        list->n_tasks++;
    }
    return ANA_OK;
}

static ana_status add_absent(struct task_list *list, const ana_evaluate_options *options,
                             ana_error *err)
{
    const struct csv *csv = &list->absent;
    int64_t image, phrase, kind;

    ana_status status = need_column(&image, csv, options->absent, "image", err);
    if (!status)
        status = need_column(&phrase, csv, options->absent, "phrase", err);
    if (!status)
        status = need_column(&kind, csv, options->absent, "kind", err);
    for (int64_t i = 0; !status && i < csv->n_rows; i++) {
        const char *word = csv_cell(csv, i, kind);
        struct task *task = &list->tasks[list->n_tasks];
        if (strcmp(word, "same") != 0 && strcmp(word, "other") != 0)
            status = ana_fail(err, ANA_ERR_FORMAT,
                              "%s: line %lld: kind is \"%s\", expected other or same",
                              options->absent, (long long)csv->lines[i], word);
        *task = (struct task){.kind = TASK_ABSENT,
                              .image = csv_cell(csv, i, image),
                              .words = csv_cell(csv, i, phrase),
                              .same_kind = strcmp(word, "same") == 0,
                              .order = list->n_tasks};
        list->n_tasks++;
    }
    return status;
}

static int by_image(const void *a, const void *b)
{
    const struct task *x = a, *y = b;
    const int names = strcmp(x->image, y->image);

    return names ? names : x->order < y->order ? -1 : 1;
}

static int by_order(const void *a, const void *b)
{
    const struct task_group *x = a, *y = b;

    return x->tasks->order < y->tasks->order ? -1 : 1;
}

/* Whether anything is to be asked: a row of the split, or absent phrases of an image that no other
 * split claims. */
static bool group_counts(const struct task *tasks, int64_t n)
{
    bool in_split = false, mentioned = false, asks = false;

    for (int64_t i = 0; i < n; i++) {
        mentioned = mentioned || tasks[i].kind != TASK_ABSENT;
        in_split = in_split || tasks[i].in_split;
        asks = asks || tasks[i].kind != TASK_MENTION;
    }
    return asks && (in_split || !mentioned) && !is_volume(tasks->image);
}

static ana_status group_tasks(struct task_list *list, ana_error *err)
{
    list->groups = memory_alloc_array((size_t)list->n_tasks + 1, sizeof *list->groups);
    if (!list->groups)
        return ana_fail_memory(err, (size_t)list->n_tasks * sizeof *list->groups);

    if (list->n_tasks > 0)
        qsort(list->tasks, (size_t)list->n_tasks, sizeof *list->tasks, by_image);
    for (int64_t i = 0, n; i < list->n_tasks; i += n) {
        const struct task *first = &list->tasks[i];
        for (n = 1; i + n < list->n_tasks && strcmp(first->image, first[n].image) == 0;)
            n++;
        if (group_counts(first, n))
            list->groups[list->n_groups++] = (struct task_group){first, n};
    }
    if (list->n_groups > 0)
        qsort(list->groups, (size_t)list->n_groups, sizeof *list->groups, by_order);
    return ANA_OK;
}

ana_status task_list_open(struct task_list *out, const ana_evaluate_options *options,
                          ana_error *err)
{
    struct task_list list = {0};

    ana_status status = csv_read(&list.manifest, options->manifest, err);
    if (!status && options->absent)
        status = csv_read(&list.absent, options->absent, err);
    const size_t n = (size_t)list.manifest.n_rows + (size_t)list.absent.n_rows + 1;
    if (!status) {
        list.tasks = memory_alloc_array(n, sizeof *list.tasks);
        list.folder = path_folder(options->manifest);
        if (!list.tasks || !list.folder)
            status = ana_fail_memory(err, n * sizeof *list.tasks);
    }
    if (!status)
        status = add_rows(&list, options, err);
    if (!status && options->absent)
        status = add_absent(&list, options, err);
    if (!status)
        status = group_tasks(&list, err);
    if (!status && list.n_groups == 0)
        status = ana_fail(err, ANA_ERR_ARGUMENT, "%s: no row to measure%s%s", options->manifest,
                          options->split ? " in split " : "", options->split ? options->split : "");
    if (!status && options->max_images && list.n_groups > options->max_images)
        list.n_groups = options->max_images;
    if (status) {
        task_list_clear(&list);
        return status;
    }
    *out = list;
    return ANA_OK;
}

void task_list_clear(struct task_list *list)
{
    csv_clear(&list->manifest);
    csv_clear(&list->absent);
    memory_free(list->folder);
    memory_free(list->tasks);
    memory_free(list->groups);
    *list = (struct task_list){0};
}
