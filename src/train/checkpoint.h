/* What survives a kill: everything that the next step depends on, in one safetensors file. */
#ifndef ANA_TRAIN_CHECKPOINT_H
#define ANA_TRAIN_CHECKPOINT_H

#include "nn/optimiser.h"
#include "train/trainee.h"

/* Where a run stands, and what it must agree on with the run that resumes it. */
struct checkpoint {
    int64_t step; /* steps done */
    uint64_t seed;
    uint64_t recipe; /* fingerprint */
    char instruction_set[16];
    double best_dice;     /* of the validations so far; negative before the first */
    int64_t without_best; /* validations since then */
};

MUST_CHECK ana_status checkpoint_save(const char *path, const struct checkpoint *at,
                                      const struct trainee *trainee,
                                      const struct optimiser *optimiser, ana_error *err);

/* Fills the trainee and the optimiser; refuses a state of another seed or recipe. Another
 * instruction set is allowed: `*at` tells, and the caller warns that bytes will differ. */
MUST_CHECK ana_status checkpoint_load(const char *path, struct checkpoint *at,
                                      struct trainee *trainee, struct optimiser *optimiser,
                                      ana_error *err);

/* Weights for use: f16, without what only training needs, with their facts as metadata. */
struct weights_facts {
    const char *version, *licence, *intended_use;
    const char *concepts; /* the table's text */
    double mask_threshold, presence_absent, presence_found;
    /* What goes without saying is not written: a scale of 1 (or 0: not known), a bias of 0,
     * thresholds equal to mask_threshold. */
    double presence_scale, presence_bias;
    const double *mask_thresholds; /* [table->n]; NULL: none */
    const struct concepts *table;  /* the parsed one */
};
MUST_CHECK ana_status weights_export(const char *path, const struct trainee *trainee,
                                     const struct weights_facts *facts, ana_error *err);
/* Starts a trainee from exported weights; what only training needs keeps its first values. */
MUST_CHECK ana_status weights_import(struct trainee *trainee, const char *path, ana_error *err);

#endif
