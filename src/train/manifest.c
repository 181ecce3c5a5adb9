/* Reads manifests; what a file name cannot tell is left to whoever opens the files. */
#include "train/manifest.h"

#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"

enum { MAX_MANIFEST_BYTES = 256 << 20 };

struct manifest_strings {
    struct arena arena;
};

/* ORDER manifest_skip */
static const char *const skip_names[SKIP_COUNT] = {"no mask", "volume", "label of a volume"};

const char *manifest_skip_name(enum manifest_skip reason)
{
    return skip_names[reason];
}

size_t manifest_skipped(const struct manifest *manifest)
{
    size_t sum = 0;

    for (int i = 0; i < SKIP_COUNT; i++)
        sum += manifest->skipped[i];
    return sum;
}

static bool is_volume(const char *name)
{
    static const char *const endings[] = {".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (string_ends_with(name, endings[i]))
            return true;
    return false;
}

/* `file#N`; a '#' elsewhere is part of the name. */
static bool is_label_of_volume(const char *mask)
{
    const char *hash = strrchr(mask, '#');
    return hash && hash[1] && hash[1 + strspn(hash + 1, "0123456789")] == 0;
}

/* SKIP_COUNT: nothing speaks against it. */
static enum manifest_skip reason_to_skip(const char *image, const char *mask)
{
    if (!mask[0])
        return SKIP_NO_MASK;
    if (is_label_of_volume(mask))
        return SKIP_LABEL_VOLUME;
    return is_volume(image) || is_volume(mask) ? SKIP_VOLUME : SKIP_COUNT;
}

/* A string that lives as long as the manifest; NULL when out of memory. */
static const char *keep(struct manifest *manifest, const char *text)
{
    return text[0] ? arena_copy_string(&manifest->strings->arena, text) : "";
}

static const char *keep_path(struct manifest *manifest, const char *folder, const char *name)
{
    char *joined = path_join(folder, name);
    const char *kept = joined ? keep(manifest, joined) : NULL;

    memory_free(joined);
    return kept;
}

static bool row_is_complete(const struct manifest_row *row)
{
    return row->image && row->mask && row->concept && row->split && row->set && row->family &&
           row->modality && row->patient && row->case_id && row->licence && row->label &&
           row->image_path && row->mask_path;
}

/* Cells of one line, by meaning. */
struct columns {
    int64_t image, mask, concept, split, set, family, modality, patient, case_id, licence, label;
};

static ana_status find_columns(struct columns *out, const struct csv *csv,
                               const struct manifest *manifest,
                               const struct manifest_options *options, ana_error *err)
{
    *out = (struct columns){
        .image = csv_column(csv, "image"),
        .mask = csv_column(csv, "mask"),
        .concept = csv_column(csv, "concept"),
        .split = csv_column(csv, "split"),
        .set = csv_column(csv, "path"),
        .family = csv_column(csv, "family"),
        .modality = csv_column(csv, "modality"),
        .patient = csv_column(csv, "patient"),
        .case_id = csv_column(csv, "case"),
        .licence = csv_column(csv, "licence"),
        .label = csv_column(csv, "label"),
    };
    const char *missing = out->image < 0                          ? "image"
                          : out->mask < 0                         ? "mask"
                          : out->split < 0                        ? "split"
                          : out->concept < 0 && !options->concept ? "concept"
                                                                  : NULL;
    if (missing)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: no column \"%s\"", manifest->path, missing);
    return ANA_OK;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a[0] ? a : b[0] ? b : c;
}

static ana_status add_csv_row(struct manifest *manifest, const char *folder, const struct csv *csv,
                              int64_t at, const struct columns *c,
                              const struct manifest_options *options, ana_error *err)
{
    const char *image = csv_cell(csv, at, c->image), *mask = csv_cell(csv, at, c->mask);
    const char *concept = csv_cell(csv, at, c->concept);
    const char *case_id = csv_cell(csv, at, c->case_id);

    if (!image[0])
        return ana_fail(err, ANA_ERR_FORMAT, "%s: line %lld: no image", manifest->path,
                        (long long)csv->lines[at]);
    const enum manifest_skip reason = reason_to_skip(image, mask);
    if (reason != SKIP_COUNT) {
        manifest->skipped[reason]++;
        return ANA_OK;
    }
    if (!concept[0])
    concept = options->concept;
    if (!concept || !concept[0])
        return ana_fail(err, ANA_ERR_FORMAT, "%s: line %lld: no concept", manifest->path,
                        (long long)csv->lines[at]);
    const char *patient = first_of(csv_cell(csv, at, c->patient), case_id, image);
    const struct manifest_row row = {
        .image = keep(manifest, image),
        .mask = keep(manifest, mask),
        .concept = keep(manifest, concept),
        .split = keep(manifest, csv_cell(csv, at, c->split)),
        .set = keep(manifest, csv_cell(csv, at, c->set)),
        .family = keep(manifest, csv_cell(csv, at, c->family)),
        .modality = keep(manifest, csv_cell(csv, at, c->modality)),
        .patient = keep(manifest, patient),
        .case_id = keep(manifest, case_id),
        .licence = keep(manifest, csv_cell(csv, at, c->licence)),
        .label = keep(manifest, csv_cell(csv, at, c->label)),
        .image_path = keep_path(manifest, folder, image),
        .mask_path = keep_path(manifest, folder, mask),
    };
    if (!row_is_complete(&row))
        return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", manifest->path);
    manifest->rows[manifest->n_rows++] = row;
    return ANA_OK;
}

static ana_status make_rows(struct manifest *manifest, size_t n, ana_error *err)
{
    manifest->rows = memory_alloc_array_zeroed(n, sizeof *manifest->rows);
    if (!manifest->rows)
        return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", manifest->path);
    return ANA_OK;
}

static ana_status read_csv(struct manifest *manifest, const struct manifest_options *options,
                           ana_error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct csv csv = {0};
    struct columns columns;
    char *folder = path_folder(manifest->path);

    ana_status status = folder ? file_read(&bytes, &size, manifest->path, MAX_MANIFEST_BYTES, err)
                               : ana_fail(err, ANA_ERR_MEMORY, "out of memory");
    if (!status) {
        sha256_hex(manifest->sha256, bytes, size);
        status = csv_read_memory(&csv, bytes, size, manifest->path, err);
    }
    if (!status)
        status = find_columns(&columns, &csv, manifest, options, err);
    if (!status)
        status = make_rows(manifest, (size_t)csv.n_rows, err);
    for (int64_t i = 0; !status && i < csv.n_rows; i++)
        status = add_csv_row(manifest, folder, &csv, i, &columns, options, err);
    csv_clear(&csv);
    memory_free(bytes);
    memory_free(folder);
    return status;
}

static bool same_stem(const char *a, const char *b)
{
    char *stem_a = path_stem(a), *stem_b = path_stem(b);
    const bool same = stem_a && stem_b && strcmp(stem_a, stem_b) == 0;

    memory_free(stem_a);
    memory_free(stem_b);
    return same;
}

static const char *find_mask(const struct path_list *masks, const char *image)
{
    for (size_t i = 0; i < masks->n; i++)
        if (same_stem(masks->items[i], image))
            return masks->items[i];
    return "";
}

static ana_status add_pair(struct manifest *manifest, const char *image, const char *mask,
                           const struct manifest_options *options, struct text *names,
                           ana_error *err)
{
    struct text relative[2] = {{0}, {0}};

    text_appendf(&relative[0], "images/%s", image);
    text_appendf(&relative[1], "masks/%s", mask);
    text_appendf(names, "%s\t%s\n", image, mask);
    const struct manifest_row row = {
        .image = keep(manifest, text_string(&relative[0])),
        .mask = keep(manifest, text_string(&relative[1])),
        .concept = keep(manifest, options->concept),
        .split = keep(manifest, options->split ? options->split : "train"),
        .set = keep(manifest, path_name(manifest->path)),
        .family = "",
        .modality = "",
        .patient = keep(manifest, image),
        .case_id = "",
        .licence = "",
        .label = "",
        .image_path = keep_path(manifest, manifest->path, text_string(&relative[0])),
        .mask_path = keep_path(manifest, manifest->path, text_string(&relative[1])),
    };
    text_clear(&relative[0]);
    text_clear(&relative[1]);
    if (!row_is_complete(&row) || names->failed)
        return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", manifest->path);
    manifest->rows[manifest->n_rows++] = row;
    return ANA_OK;
}

static ana_status pair_files(struct manifest *manifest, const struct path_list *images,
                             const struct path_list *masks, const struct manifest_options *options,
                             ana_error *err)
{
    struct text names = {0};
    ana_status status = make_rows(manifest, images->n, err);

    for (size_t i = 0; !status && i < images->n; i++) {
        const char *mask = find_mask(masks, images->items[i]);
        const enum manifest_skip reason = reason_to_skip(images->items[i], mask);
        if (reason != SKIP_COUNT)
            manifest->skipped[reason]++;
        else
            status = add_pair(manifest, images->items[i], mask, options, &names, err);
    }
    sha256_hex(manifest->sha256, text_string(&names), names.size);
    text_clear(&names);
    if (!status && !manifest->n_rows)
        status = ana_fail(err, ANA_ERR_NOT_FOUND,
                          "%s: no file of images/ has a mask of the same name in masks/",
                          manifest->path);
    return status;
}

static ana_status list_subfolder(struct path_list *out, const char *folder, const char *name,
                                 ana_error *err)
{
    char *path = path_join(folder, name);
    const ana_status status =
        path ? folder_list(out, path, err) : ana_fail(err, ANA_ERR_MEMORY, "out of memory");

    memory_free(path);
    return status;
}

static ana_status read_folder(struct manifest *manifest, const struct manifest_options *options,
                              ana_error *err)
{
    struct path_list images = {0}, masks = {0};

    if (!options->concept || !options->concept[0])
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s: what the masks show must be named",
                        manifest->path);
    ana_status status = list_subfolder(&images, manifest->path, "images", err);
    if (!status)
        status = list_subfolder(&masks, manifest->path, "masks", err);
    if (!status)
        status = pair_files(manifest, &images, &masks, options, err);
    path_list_clear(&images);
    path_list_clear(&masks);
    return status;
}

ana_status manifest_read(struct manifest *out, const char *path,
                         const struct manifest_options *options, ana_error *err)
{
    const struct manifest_options none = {0};
    struct manifest manifest = {.path = memory_copy_string(path),
                                .strings = memory_alloc_zeroed(sizeof(struct manifest_strings))};

    *out = (struct manifest){0};
    if (!options)
        options = &none;
    ana_status status = ANA_OK;
    if (!manifest.path || !manifest.strings)
        status = ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", path);
    if (manifest.strings)
        arena_init(&manifest.strings->arena);
    if (!status)
        status = path_is_folder(path) ? read_folder(&manifest, options, err)
                                      : read_csv(&manifest, options, err);
    if (status) {
        manifest_clear(&manifest);
        return status;
    }
    *out = manifest;
    return ANA_OK;
}

void manifest_clear(struct manifest *manifest)
{
    memory_free(manifest->path);
    memory_free(manifest->rows);
    if (manifest->strings)
        arena_clear(&manifest->strings->arena);
    memory_free(manifest->strings);
    *manifest = (struct manifest){0};
}
