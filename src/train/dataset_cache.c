/* The cache file: its plan, its key, and whether a file on disk can be trusted. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/dataset_internal.h"

static uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return state ^ (state >> 29);
}

uint64_t cache_check(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t lane[4] = {1, 2, 3, 4};

    while (size) {
        uint64_t words[4] = {0};
        const size_t n = size < sizeof words ? size : sizeof words;
        memcpy(words, bytes, n);
        for (int i = 0; i < 4; i++)
            lane[i] = mix(lane[i], words[i]);
        bytes += n;
        size -= n;
    }
    return mix(mix(mix(lane[0], lane[1]), lane[2]), lane[3]);
}

uint64_t cache_offset(const struct cache_image *images, int64_t i, uint64_t data_offset)
{
    return data_offset + (uint64_t)i * IMAGE_BYTES +
           (uint64_t)images[i].first_target * TARGET_BYTES;
}

size_t cache_image_bytes(const struct cache_image *image)
{
    return IMAGE_BYTES + (size_t)image->n_targets * TARGET_BYTES;
}

struct named_row {
    const char *image;
    int32_t row;
};

static int by_image_then_row(const void *a, const void *b)
{
    const struct named_row *p = a, *q = b;
    const int order = strcmp(p->image, q->image);
    return order ? order : (p->row > q->row) - (p->row < q->row);
}

static int by_first_row(const void *a, const void *b)
{
    const struct cache_image *p = a, *q = b;
    return (p->row > q->row) - (p->row < q->row);
}

/* Images in the order of their first rows; then targets in the order of images. `first_target`
 * holds the place among the sorted rows until the images are in order. */
static void group_rows(struct cache_plan *plan, const struct named_row *rows, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const bool first = i == 0 || strcmp(rows[i].image, rows[i - 1].image) != 0;
        if (first)
            plan->images[plan->n_images++] =
                (struct cache_image){.row = rows[i].row, .first_target = (int32_t)i};
        plan->images[plan->n_images - 1].n_targets++;
    }
    qsort(plan->images, (size_t)plan->n_images, sizeof *plan->images, by_first_row);
    for (int64_t i = 0; i < plan->n_images; i++) {
        struct cache_image *image = &plan->images[i];
        const int32_t sorted_at = image->first_target;
        image->first_target = (int32_t)plan->n_targets;
        for (int32_t k = 0; k < image->n_targets; k++)
            plan->targets[plan->n_targets++].row = rows[sorted_at + k].row;
    }
}

ana_status cache_plan_make(struct cache_plan *out, const struct manifest *manifest, ana_error *err)
{
    const size_t n = manifest->n_rows;
    struct cache_plan plan = {0};
    struct named_row *rows = memory_alloc_array(n, sizeof *rows);

    *out = plan;
    plan.images = memory_alloc_array_zeroed(n, sizeof *plan.images);
    plan.targets = memory_alloc_array_zeroed(n, sizeof *plan.targets);
    if (!rows || !plan.images || !plan.targets || n > INT32_MAX / 2) {
        memory_free(rows);
        cache_plan_clear(&plan);
        return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", manifest->path);
    }
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct named_row){manifest->rows[i].image_path, (int32_t)i};
    qsort(rows, n, sizeof *rows, by_image_then_row);
    group_rows(&plan, rows, (int64_t)n);
    memory_free(rows);

    const uint64_t index = sizeof(struct cache_header) +
                           (uint64_t)plan.n_images * sizeof *plan.images +
                           (uint64_t)plan.n_targets * sizeof *plan.targets;
    plan.data_offset = (index + CACHE_PAGE - 1) / CACHE_PAGE * CACHE_PAGE;
    plan.file_size = plan.data_offset + (uint64_t)plan.n_images * IMAGE_BYTES +
                     (uint64_t)plan.n_targets * TARGET_BYTES;
    *out = plan;
    return ANA_OK;
}

void cache_plan_clear(struct cache_plan *plan)
{
    memory_free(plan->images);
    memory_free(plan->targets);
    *plan = (struct cache_plan){0};
}

static ana_status append_file(struct text *out, const char *path, const struct manifest *manifest,
                              ana_error *err)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return ana_fail(err, ANA_ERR_IO, "%s: names %s, which cannot be found", manifest->path,
                        path);
    text_appendf(out, "%s\t%lld\t%lld.%09ld\n", path, (long long)info.st_size,
                 (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    return ANA_OK;
}

ana_status cache_key(char key[CACHE_KEY_SIZE], const struct manifest *manifest, ana_error *err)
{
    struct text text = {0};
    ana_status status = ANA_OK;

    text_appendf(&text, "version %d, %d %d\n%s\n", CACHE_VERSION, DATASET_LARGE, DATASET_SMALL,
                 manifest->sha256);
    for (size_t i = 0; i < manifest->n_rows && !status; i++) {
        status = append_file(&text, manifest->rows[i].image_path, manifest, err);
        if (!status)
            status = append_file(&text, manifest->rows[i].mask_path, manifest, err);
    }
    if (!status && text.failed)
        status = ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", manifest->path);
    memset(key, 0, CACHE_KEY_SIZE);
    sha256_hex(key, text_string(&text), text.size);
    text_clear(&text);
    return status;
}

static bool header_fits(const struct cache_header *header, const char *key,
                        const struct cache_plan *plan)
{
    struct cache_header unchecked = *header;

    unchecked.head_check = 0;
    return header->magic == CACHE_MAGIC && header->version == CACHE_VERSION &&
           header->byte_order == 1 && memcmp(header->key, key, CACHE_KEY_SIZE) == 0 &&
           header->n_images == plan->n_images && header->n_targets == plan->n_targets &&
           header->data_offset == plan->data_offset && header->file_size == plan->file_size &&
           header->head_check == cache_check(&unchecked, sizeof unchecked);
}

static bool box_is_sane(const struct dataset_box *box)
{
    return 0 <= box->x0 && box->x0 <= box->x1 && box->x1 <= DATASET_SMALL && 0 <= box->y0 &&
           box->y0 <= box->y1 && box->y1 <= DATASET_SMALL;
}

/* The grouping must be the plan's, whatever the check sum says. */
static bool index_fits(const uint8_t *data, const struct cache_plan *plan)
{
    const struct cache_image *images = (const void *)(data + sizeof(struct cache_header));
    const struct cache_target *targets = (const void *)(images + plan->n_images);

    for (int64_t i = 0; i < plan->n_images; i++)
        if (images[i].row != plan->images[i].row ||
            images[i].first_target != plan->images[i].first_target ||
            images[i].n_targets != plan->images[i].n_targets)
            return false;
    for (int64_t i = 0; i < plan->n_targets; i++) {
        if (targets[i].row != plan->targets[i].row || targets[i].n_parts < 0 ||
            targets[i].n_parts > DATASET_PARTS || !box_is_sane(&targets[i].box))
            return false;
        for (int k = 0; k < targets[i].n_parts; k++)
            if (!box_is_sane(&targets[i].parts[k]))
                return false;
    }
    return true;
}

struct check {
    const struct cache_image *images;
    const uint8_t *data;
    uint64_t data_offset;
    bool *fits;
};

static void check_image(void *context, int64_t job, int worker)
{
    const struct check *c = context;

    (void)worker;
    c->fits[job] = cache_check(c->data + cache_offset(c->images, job, c->data_offset),
                               cache_image_bytes(&c->images[job])) == c->images[job].check;
}

static bool pixels_fit(const uint8_t *data, const struct cache_plan *plan, struct pool *pool)
{
    struct check check = {.images = (const void *)(data + sizeof(struct cache_header)),
                          .data = data,
                          .data_offset = plan->data_offset,
                          .fits = memory_alloc_array_zeroed((size_t)plan->n_images, sizeof(bool))};
    bool all = check.fits != NULL;

    if (all)
        parallel_for(pool, plan->n_images, check_image, &check);
    for (int64_t i = 0; all && i < plan->n_images; i++)
        all = check.fits[i];
    memory_free(check.fits);
    return all;
}

static ana_status judge(const struct file_map *map, const char *path, const char *key,
                        const struct cache_plan *plan, struct pool *pool, ana_error *err)
{
    struct cache_header header;

    if (map->size != plan->file_size)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %zu bytes, expected %llu", path, map->size,
                        (unsigned long long)plan->file_size);
    memcpy(&header, map->data, sizeof header);
    if (!header_fits(&header, key, plan))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: of other files or damaged", path);
    const size_t index_bytes = (size_t)plan->n_images * sizeof *plan->images +
                               (size_t)plan->n_targets * sizeof *plan->targets;
    if (cache_check(map->data + sizeof header, index_bytes) != header.index_check ||
        !index_fits(map->data, plan) || !pixels_fit(map->data, plan, pool))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: damaged", path);
    return ANA_OK;
}

ana_status cache_open(struct file_map *out, const char *path, const char *key,
                      const struct cache_plan *plan, struct pool *pool, ana_error *err)
{
    struct file_map map = {0};

    *out = map;
    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    status = judge(&map, path, key, plan, pool, err);
    if (status)
        file_map_close(&map);
    else
        *out = map;
    return status;
}
