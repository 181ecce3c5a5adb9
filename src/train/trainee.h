/* mini under training: its parameters, its loss as a graph, and its words' lessons.
 *
 * loss = mean BCE + mean soft Dice over present prompts + presence_weight * BCE(presence)
 *      + auxiliary_weight * the first two again on the auxiliary heads (mini.md 4, item 3)
 */
#ifndef ANA_TRAIN_TRAINEE_H
#define ANA_TRAIN_TRAINEE_H

#include "models/mini/network.h"
#include "nn/optimiser.h"
#include "text/concepts.h"
#include "train/recipe.h"
#include "train/sampler.h"

struct trainee {
    struct params *params;
    struct mini_network network;
    int word_classes_weight, word_classes_bias; /* Linear on the words, for their lessons only */
    int n_classes;                              /* concepts + 1 for anything else */
};

MUST_CHECK ana_status trainee_create(struct trainee *out, const struct concepts *concepts,
                                     uint64_t seed, ana_error *err);
/* The same without first values (all are 0), for one that is loaded: drawing them takes longer than
 * all the rest. */
MUST_CHECK ana_status trainee_declare(struct trainee *out, const struct concepts *concepts,
                                      ana_error *err);
void trainee_clear(struct trainee *trainee);

/* AdamW with what the recipe says of it; the rate is that of each step. */
struct optimiser_options trainee_optimiser_options(const struct train_recipe *recipe);

enum loss_part { LOSS_TOTAL, LOSS_BCE, LOSS_DICE, LOSS_PRESENCE, LOSS_AUXILIARY, LOSS_PARTS };
extern const char *const loss_part_names[LOSS_PARTS];

/* Graph and plan of one training step at one picture size. */
struct train_step;
MUST_CHECK ana_status train_step_create(struct train_step **out, const struct trainee *trainee,
                                        const struct train_recipe *recipe, int size,
                                        struct pool *pool, ana_error *err);
/* What train_step_create() would allocate. */
MUST_CHECK ana_status train_step_bytes(size_t *out, const struct trainee *trainee,
                                       const struct train_recipe *recipe, int size,
                                       struct pool *pool, ana_error *err);
void train_step_free(struct train_step *step);
/* Forward and backward over a batch; parts of the loss out. Gradients stay in the plan until the
 * next call: train_step_gradients() fills one view a parameter (data NULL: not trained). */
MUST_CHECK ana_status train_step_run(struct train_step *step, const struct sample_batch *batch,
                                     double loss[LOSS_PARTS], ana_error *err);
void train_step_gradients(const struct train_step *step, struct tensor *gradients);
struct plan_cost train_step_cost(const struct train_step *step); /* both passes together */

/* Teaches the words alone to tell the concepts apart; a second or two. */
MUST_CHECK ana_status trainee_teach_words(struct trainee *trainee, const struct concepts *concepts,
                                          int64_t steps, uint64_t seed, struct pool *pool,
                                          double *accuracy, ana_error *err);

#endif
