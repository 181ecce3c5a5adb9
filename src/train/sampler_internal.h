/* The sampler's plan of the data set, and what one image of a batch is made of. */
#ifndef ANA_TRAIN_SAMPLER_INTERNAL_H
#define ANA_TRAIN_SAMPLER_INTERNAL_H

#include "train/augment.h"
#include "train/prompt_sim.h"
#include "train/sampler.h"

/* Purposes of random draws; the sample is the image's place in the batch. */
enum sampler_use { USE_CHOICE = 1, USE_VIEW, USE_TONE, USE_NOISE, USE_PROMPT };

/* A target that can be asked for. */
struct candidate {
    int image;  /* of the dataset */
    int target; /* of that image */
};

struct group {
    struct sampler_group info;
    int concept; /* -1: structures that no word names */
    struct candidate *members;
    int n_members, capacity;
    double until; /* sum of weights up to and with this one */
};

/* What is known of one image beforehand. */
struct image_plan {
    struct augment_policy policy;
    uint64_t usable;       /* bit k: target k may be asked for */
    uint64_t missing;      /* bit k: target k is labelled as not there */
    const uint8_t *absent; /* [concepts], enum absence */
};

enum { MAX_TARGETS = 64 }; /* of one image, those beyond are not used */

struct sampler {
    struct sampler_options options;
    const struct dataset *dataset;
    const struct concepts *concepts;
    struct group *groups;
    struct sampler_group *infos; /* of groups, for sampler_groups() */
    int n_groups;
    double total;
    struct image_plan *plans; /* one for each image of the dataset */
    uint8_t *absence;         /* [images, concepts] */
};

/* One image of a batch while its prompts are made. */
struct scene {
    const struct sampler *sampler;
    const struct dataset_image *image;
    const struct image_plan *plan;
    int focus; /* target */
    struct augment augment;
    struct augment_map *map;
    float *masks[MAX_TARGETS]; /* warped, made when first needed */
    int size;
    uint64_t step;
    uint32_t slot; /* of the image in the batch */
};

/* Where one prompt goes. */
struct prompt_out {
    int32_t *words;
    float *flags, *maps, *target;
    float *present, *mask_weight, *dice_weight;
    int32_t *concept;
    char *phrase;
};

/* The k-th prompt of the scene. */
MUST_CHECK ana_status scene_prompt(struct scene *scene, int k, const struct prompt_out *out,
                                   ana_error *err);

#endif
