/* The cache file of a dataset: layout shared by its writer and its reader.
 *
 *   struct cache_header, then n_images cache_image, n_targets cache_target, then at data_offset the
 *   pixels, image by image: large RGB, small RGB, and for each of its targets large and small mask.
 *
 * Sizes are fixed, so offsets follow from the counts. Native byte order: the file never leaves the
 * machine.
 */
#ifndef ANA_TRAIN_DATASET_INTERNAL_H
#define ANA_TRAIN_DATASET_INTERNAL_H

#include "base/hash.h"
#include "train/dataset.h"

enum {
    CACHE_KEY_SIZE = 72, /* a SHA-256 in hex, padded to a multiple of 8 */
    CACHE_VERSION = 2,
    CACHE_PAGE = 4096,
    LARGE_PIXELS = DATASET_LARGE * DATASET_LARGE,
    SMALL_PIXELS = DATASET_SMALL * DATASET_SMALL,
    IMAGE_BYTES = 3 * (LARGE_PIXELS + SMALL_PIXELS),
    TARGET_BYTES = LARGE_PIXELS + SMALL_PIXELS
};

#define CACHE_MAGIC UINT64_C(0x31656863616e61) /* "anache1" */

struct cache_header {
    uint64_t magic;
    uint32_t version;
    uint32_t byte_order; /* 1 */
    char key[CACHE_KEY_SIZE];
    int64_t n_images, n_targets;
    uint64_t data_offset, file_size;
    uint64_t index_check; /* of images and targets */
    uint64_t head_check;  /* of the header with this field 0 */
};

struct cache_image {
    int32_t row; /* manifest row of its first target */
    int32_t first_target, n_targets;
    int32_t native_width, native_height;
    int32_t grey;
    uint64_t check; /* of its pixels and those of its targets */
};

struct cache_target {
    int32_t row;
    int32_t area;
    int32_t n_parts;
    struct dataset_box box;
    struct dataset_box parts[DATASET_PARTS];
};

/* Fast and order sensitive, against damage, not against malice. */
uint64_t cache_check(const void *data, size_t size);

/* Where the pixels of image i begin, its targets after it. */
uint64_t cache_offset(const struct cache_image *images, int64_t i, uint64_t data_offset);
size_t cache_image_bytes(const struct cache_image *image); /* pixels of it and its targets */

/* Which rows belong to one image: filled from the manifest alone. */
struct cache_plan {
    struct cache_image *images;
    struct cache_target *targets; /* in the order of images */
    int64_t n_images, n_targets;
    uint64_t data_offset, file_size;
};
MUST_CHECK ana_status cache_plan_make(struct cache_plan *out, const struct manifest *manifest,
                                      ana_error *err);
void cache_plan_clear(struct cache_plan *plan);

/* Hash of the manifest and of path, size and time of every file. Fails if a file is missing. */
MUST_CHECK ana_status cache_key(char key[CACHE_KEY_SIZE], const struct manifest *manifest,
                                ana_error *err);

/* Decodes everything into a new file at `path`. */
MUST_CHECK ana_status cache_build(const char *path, const char *key, struct cache_plan *plan,
                                  const struct manifest *manifest,
                                  const struct dataset_options *options, ana_error *err);

/* Maps the file; ANA_ERR_FORMAT or ANA_ERR_IO if it must be built again. */
MUST_CHECK ana_status cache_open(struct file_map *out, const char *path, const char *key,
                                 const struct cache_plan *plan, struct pool *pool, ana_error *err);

#endif
