/* One picture, one name at a time: what validation and calibration ask the network under training.
 */
#ifndef ANA_TRAIN_ASKER_H
#define ANA_TRAIN_ASKER_H

#include "train/dataset.h"
#include "train/trainee.h"

struct asker {
    int size; /* of the picture that the network sees */
    struct graph *graph;
    struct plan *encoder, *decoder;
    value image;
    struct mini_features features;
    struct mini_prompts prompts;
    struct mini_outputs outputs;
    float *picture; /* [256, 256, 3] */
};

/* Uses the trainee's parameters as they are at each question. On failure *out is empty. The plans
 * know their size, asker_bytes(), and have no memory yet: asker_allocate() gives it. */
MUST_CHECK ana_status asker_prepare(struct asker *out, const struct trainee *trainee, int size,
                                    struct pool *pool, ana_error *err);
size_t asker_bytes(const struct asker *asker);
MUST_CHECK ana_status asker_allocate(struct asker *asker, ana_error *err);
void asker_clear(struct asker *asker);
/* The small copy as it is, not augmented. */
MUST_CHECK ana_status asker_look(struct asker *asker, const struct dataset_image *image,
                                 ana_error *err);
/* Words alone: the concept's own name, which is what use asks with. *presence is a logit. */
MUST_CHECK ana_status asker_ask(struct asker *asker, const char *name, double *presence,
                                ana_error *err);
/* The answer's logits at another size, [side, side]. */
MUST_CHECK ana_status asker_map(const struct asker *asker, float *out, int side, ana_error *err);

#endif
