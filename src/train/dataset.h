/* Images and masks of manifests, decoded and resized once and kept in a cache outside the tree.
 *
 * Images are RGB U8 at 512x512 and 256x256 by plain stretch (area filter down, bilinear up), masks
 * U8 0..255 at the same sizes, area averaged. Rows of one image are grouped: an image has several
 * targets. A mask without a pixel is a target too: it says "looked for, not there".
 *
 * The cache is one file per manifest, keyed by the manifest's hash and the path, size and time of
 * every file; a damaged or outdated one is built again. It is mapped read-only.
 */
#ifndef ANA_TRAIN_DATASET_H
#define ANA_TRAIN_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "base/log.h"
#include "base/threads.h"
#include "text/concepts.h"
#include "train/manifest.h"

enum { DATASET_LARGE = 512, DATASET_SMALL = 256, DATASET_PARTS = 8 };

struct dataset_box {
    int16_t x0, y0, x1, y1; /* half-open, pixels of the small copy */
};

struct dataset_target {
    int concept;      /* row of the table, -1 if no word names it */
    const char *name; /* the manifest's concept */
    const struct manifest_row *row;
    int32_t area; /* pixels of the small mask above one half; 0: not there */
    struct dataset_box box;
    int n_parts; /* connected components of 16 pixels or more, at most DATASET_PARTS */
    struct dataset_box parts[DATASET_PARTS]; /* largest first */
    const uint8_t *large;                    /* [512, 512] */
    const uint8_t *small;                    /* [256, 256] */
};

struct dataset_image {
    const struct manifest_row *row; /* of its first target */
    const char *split;
    const char *set;
    const char *family;
    const char *patient;
    bool grey; /* three equal channels */
    int native_width, native_height;
    const uint8_t *large; /* [512, 512, 3] */
    const uint8_t *small; /* [256, 256, 3] */
    struct dataset_target *targets;
    int n_targets;
};

struct dataset {
    struct dataset_image *images; /* in the manifests' order */
    int n_images;
    struct dataset_target *targets; /* all of them; images point into it */
    int n_targets;
    struct file_map *caches;
    int n_caches;
};

struct dataset_options {
    const char *cache_folder; /* NULL: $ANATOME_CACHE, else $XDG_CACHE_HOME/anatome, else
                                 ~/.cache/anatome */
    const struct log *log;    /* NULL is silent */
    struct pool *pool;        /* decodes in parallel; NULL is fine */
    /* Called now and then while a cache is built; false cancels. May be NULL. */
    bool (*progress)(void *user, const char *stage, double done);
    void *user;
};

/* The manifests and the table must outlive the dataset. On failure *out is empty. */
MUST_CHECK ana_status dataset_open(struct dataset *out, const struct manifest *manifests,
                                   int n_manifests, const struct concepts *concepts,
                                   const struct dataset_options *options, ana_error *err);
void dataset_clear(struct dataset *dataset);

#endif
