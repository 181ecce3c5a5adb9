/* Training the default network from images and masks. */
#ifndef ANATOME_TRAIN_H
#define ANATOME_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "anatome/context.h"
#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Strings are borrowed for the call; NULL and 0 are the defaults named beside them. */
typedef struct ana_train_options {
    /* What to learn from: CSV files with the columns image, mask, concept, split (rows of "train"
     * are used) and optionally family, patient, case; or folders that hold images/ and masks/ with
     * files of equal names. */
    const char *const *manifests;
    size_t n_manifests;
    const char *folder_concept; /* what the masks of plain folders show */
    const char
        *concepts; /* CSV, the words a model knows; NULL: mini/concepts.csv beside the models */
    const char *sampling; /* CSV set,concept,weight: how often each is drawn; NULL: all alike */
    const char *recipe;   /* file of key = value lines; NULL: the built-in recipe */
    int64_t steps;        /* 0: the recipe's */
    int size;             /* side of the training pictures; 0: the recipe's phases */
    const char *init;     /* weights to start from; NULL: drawn from the seed */
    uint64_t seed;
    bool resume;        /* go on from the checkpoint in `out` if there is one */
    int64_t save_every; /* steps between checkpoints; 0: 200 */
    const char
        *out; /* folder, made if missing: mini.safetensors, state.safetensors, log.csv, log.png */
    const char *log;     /* another place for log.csv and its picture */
    const char *cache;   /* folder for decoded and resized images; NULL: under the user's cache */
    const char *licence; /* of the weights, stored in them; NULL: research only, non-commercial */
    ana_progress_fn progress; /* stage "step 12 of 8000, ..."; false leaves a checkpoint and ends */
    void *progress_user;
} ana_train_options;

ANA_API ana_train_options ana_train_defaults(void);

/* Ends with ANA_ERR_CANCELLED and a usable checkpoint when progress returned false. The same
 * options, data and instruction set give the same weights for any number of threads, also when the
 * run was stopped and resumed. */
ANA_API ANA_MUST_CHECK ana_status ana_train(ana_context *context, const ana_train_options *options,
                                            ana_error *err);

/* Draws the curves of a training log as a PNG. */
ANA_API ANA_MUST_CHECK ana_status ana_train_plot(const char *png_path, const char *log_csv,
                                                 ana_error *err);

#ifdef __cplusplus
}
#endif
#endif
