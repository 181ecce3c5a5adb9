/* Weights of mini in memory, random but as trained ones could be: no gain is 0, no statistic is
 * what it starts as. A source that lends them and that a test may spoil. */
#ifndef ANA_TESTS_MINI_WEIGHTS_H
#define ANA_TESTS_MINI_WEIGHTS_H

#include "models/mini/network.h"
#include "tensor/named.h"

enum { MINI_WEIGHTS_TENSORS = 512, MINI_WEIGHTS_METADATA = 12, MINI_WEIGHTS_NAME = 96 };

struct mini_weights {
    struct tensor_source source;
    struct tensor_sink sink;
    int n;
    char names[MINI_WEIGHTS_TENSORS][MINI_WEIGHTS_NAME];
    struct tensor tensors[MINI_WEIGHTS_TENSORS];
    int n_metadata;
    struct {
        const char *key, *value; /* borrowed; value NULL: taken away */
    } metadata[MINI_WEIGHTS_METADATA];
};

/* The name that its errors carry. */
#define MINI_WEIGHTS_LABEL "random-mini"

/* Random values over freshly declared parameters: what params_initialise() gives, with norms and
 * biases of which none is neutral. */
void mini_params_shake(struct params *params, uint64_t seed);

/* Fills *out with all tensors as `dtype` (F32 or F16) and with the metadata that mini needs. False
 * if memory is out; clear it all the same. */
bool mini_weights_make(struct mini_weights *out, uint64_t seed, enum dtype dtype);
void mini_weights_clear(struct mini_weights *weights);

struct tensor *mini_weights_find(struct mini_weights *weights, const char *name); /* or NULL */
void mini_weights_rename(struct mini_weights *weights, const char *name, const char *other);
/* text NULL takes the key away. Strings are borrowed. */
void mini_weights_tell(struct mini_weights *weights, const char *key, const char *text);

#endif
