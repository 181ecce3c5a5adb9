/* Opens the caches of manifests and lays their rows out as images with targets. */
#include "train/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "train/dataset_internal.h"

/* ANATOME_CACHE, else the XDG folder. */
static ana_status cache_folder(char **out, const char *wanted, ana_error *err)
{
    struct text path = {0};
    const char *ours = getenv("ANATOME_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    *out = NULL;
    if (wanted && wanted[0])
        text_append(&path, wanted);
    else if (ours && ours[0])
        text_append(&path, ours);
    else if (xdg && xdg[0] == '/')
        text_appendf(&path, "%s/anatome", xdg);
    else if (home && home[0])
        text_appendf(&path, "%s/.cache/anatome", home);
    else
        return ana_fail(err, ANA_ERR_ARGUMENT, "no cache folder: set ANATOME_CACHE");
    *out = memory_copy_string(text_string(&path));
    const bool failed = path.failed || !*out;
    text_clear(&path);
    return failed ? ana_fail(err, ANA_ERR_MEMORY, "out of memory") : ANA_OK;
}

static char *cache_path(const char *folder, const char *key)
{
    char name[40];

    memcpy(name, key, 24);
    memcpy(name + 24, ".images", sizeof ".images");
    return path_join(folder, name);
}

/* Opens the cache, building it first where it is missing, outdated or damaged. */
static ana_status open_cache(struct file_map *out, struct cache_plan *plan,
                             const struct manifest *manifest, const char *folder,
                             const struct dataset_options *options, ana_error *err)
{
    char key[CACHE_KEY_SIZE];
    ana_error reason = {0};

    ana_status status = cache_key(key, manifest, err);
    if (status)
        return status;
    char *path = cache_path(folder, key);
    if (!path)
        return ana_fail(err, ANA_ERR_MEMORY, "out of memory");
    if (cache_open(out, path, key, plan, options->pool, &reason)) {
        if (path_exists(path) && options->log)
            log_write(options->log, ANA_LOG_WARNING, "%s; it is built again", reason.message);
        file_sweep(folder);
        status = path_make_folders(folder, err);
        if (!status)
            status = cache_build(path, key, plan, manifest, options, err);
        if (!status)
            status = cache_open(out, path, key, plan, options->pool, err);
    }
    memory_free(path);
    return status;
}

static void fill_target(struct dataset_target *out, const struct cache_target *in,
                        const struct manifest *manifest, const struct concepts *concepts)
{
    out->row = &manifest->rows[in->row];
    out->name = out->row->concept;
    out->concept = concepts_find(concepts, out->name);
    out->area = in->area;
    out->box = in->box;
    out->n_parts = in->n_parts;
    memcpy(out->parts, in->parts, sizeof out->parts);
}

/* Appends the images of one cache. */
static void add_images(struct dataset *out, const struct file_map *map,
                       const struct cache_plan *plan, const struct manifest *manifest,
                       const struct concepts *concepts)
{
    const struct cache_image *images = (const void *)(map->data + sizeof(struct cache_header));
    const struct cache_target *targets = (const void *)(images + plan->n_images);

    for (int64_t i = 0; i < plan->n_images; i++) {
        const struct manifest_row *row = &manifest->rows[images[i].row];
        const uint8_t *pixels = map->data + cache_offset(images, i, plan->data_offset);
        struct dataset_image *image = &out->images[out->n_images++];
        *image = (struct dataset_image){
            .row = row,
            .split = row->split,
            .set = row->set,
            .family = row->family,
            .patient = row->patient,
            .grey = images[i].grey != 0,
            .native_width = images[i].native_width,
            .native_height = images[i].native_height,
            .large = pixels,
            .small = pixels + 3 * LARGE_PIXELS,
            .targets = &out->targets[out->n_targets],
            .n_targets = images[i].n_targets,
        };
        for (int k = 0; k < image->n_targets; k++) {
            struct dataset_target *target = &out->targets[out->n_targets++];
            fill_target(target, &targets[images[i].first_target + k], manifest, concepts);
            target->large = pixels + IMAGE_BYTES + (size_t)k * TARGET_BYTES;
            target->small = target->large + LARGE_PIXELS;
        }
    }
}

static ana_status make_room(struct dataset *out, const struct manifest *manifests, int n,
                            ana_error *err)
{
    size_t rows = 0;

    for (int i = 0; i < n; i++)
        rows += manifests[i].n_rows;
    out->images = memory_alloc_array_zeroed(rows, sizeof *out->images);
    out->targets = memory_alloc_array_zeroed(rows, sizeof *out->targets);
    out->caches = memory_alloc_array_zeroed((size_t)n, sizeof *out->caches);
    if (!out->images || !out->targets || !out->caches)
        return ana_fail(err, ANA_ERR_MEMORY, "out of memory for %zu rows", rows);
    return ANA_OK;
}

ana_status dataset_open(struct dataset *out, const struct manifest *manifests, int n_manifests,
                        const struct concepts *concepts, const struct dataset_options *options,
                        ana_error *err)
{
    const struct dataset_options none = {0};
    struct dataset dataset = {0};
    char *folder = NULL;

    *out = dataset;
    if (!options)
        options = &none;
    ana_status status = cache_folder(&folder, options->cache_folder, err);
    if (!status)
        status = make_room(&dataset, manifests, n_manifests, err);
    for (int i = 0; i < n_manifests && !status; i++) {
        struct cache_plan plan;
        if (!manifests[i].n_rows)
            continue;
        status = cache_plan_make(&plan, &manifests[i], err);
        if (status)
            break;
        struct file_map *map = &dataset.caches[dataset.n_caches];
        status = open_cache(map, &plan, &manifests[i], folder, options, err);
        if (!status) {
            dataset.n_caches++;
            add_images(&dataset, map, &plan, &manifests[i], concepts);
        }
        cache_plan_clear(&plan);
    }
    memory_free(folder);
    if (status) {
        dataset_clear(&dataset);
        return ana_fail_in(err, status, "opening the data set");
    }
    *out = dataset;
    return ANA_OK;
}

void dataset_clear(struct dataset *dataset)
{
    for (int i = 0; i < dataset->n_caches; i++)
        file_map_close(&dataset->caches[i]);
    memory_free(dataset->caches);
    memory_free(dataset->images);
    memory_free(dataset->targets);
    *dataset = (struct dataset){0};
}
