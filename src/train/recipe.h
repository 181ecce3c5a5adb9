/* What a training run does, as a small text file of `key = value` lines. */
#ifndef ANA_TRAIN_RECIPE_H
#define ANA_TRAIN_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { RECIPE_MAX_PHASES = 8 };

/* A stretch of the run at one picture size; `share` of all steps. */
struct recipe_phase {
    int size;
    double share;
};

struct train_recipe {
    int64_t steps;
    int n_images; /* per step */
    int prompts_per_image;
    double learning_rate; /* peak; cosine down to final_rate * peak */
    double final_rate;
    int64_t warmup_steps;
    double weight_decay;
    double beta1, beta2;
    double clip_norm;
    double ema_decay;
    double presence_weight;  /* of the presence loss */
    double auxiliary_weight; /* of the losses at coarser scales */
    int64_t word_steps;      /* steps that teach the words before anything else; 0: none */
    int calibrate_batches;   /* that the verdict's thresholds are fitted on at the end; 0: none */
    /* Share of each set's patients that are never trained on; all thresholds are fitted on them at
     * the end instead. 0: none, calibrate_batches counts. */
    double calibration_share;
    int64_t validate_every; /* steps between Dice on the split `val` (column val_dice); 0: never */
    int64_t patience;       /* validations without a better one before stopping; 0: never stop */
    struct recipe_phase phases[RECIPE_MAX_PHASES];
    int n_phases;
};

/* The recipe of mini (models/mini/recipe.txt holds the one of the shipped weights). */
struct train_recipe recipe_defaults(void);

/* Keys are the fields above; `phase = SIZE SHARE` may repeat and replaces the default phases. `#`
 * starts a comment. Unknown keys, nonsense values and shares that do not add up to 1 are errors. */
MUST_CHECK ana_status recipe_read(struct train_recipe *recipe, const char *path, ana_error *err);
MUST_CHECK ana_status recipe_check(const struct train_recipe *recipe, ana_error *err);

int recipe_size_at(const struct train_recipe *recipe, int64_t step);
double recipe_rate_at(const struct train_recipe *recipe, int64_t step);

/* Identifies a recipe in a checkpoint: all but validation and calibration batches, which change no
 * step. */
uint64_t recipe_fingerprint(const struct train_recipe *recipe);

#endif
