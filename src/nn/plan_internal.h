/* A plan: what to compute, in which order, and where every buffer lies. Made by plan.c, laid out by
 * layout.c, run by execute.c. */
#ifndef ANA_NN_PLAN_INTERNAL_H
#define ANA_NN_PLAN_INTERNAL_H

#include "nn/graph_internal.h"

/* A buffer lives from step `first` to step `last`, both included, and lies at `offset` of the
 * arena. */
struct plan_buffer {
    size_t bytes;
    size_t offset;
    int first, last;
};

enum { NO_BUFFER = -1 };

struct plan_node {
    bool needed;   /* some output or seed depends on it */
    bool fed;      /* its value comes from the caller */
    bool kept;     /* readable after the run */
    bool computed; /* an operator that runs forward */
    bool requires; /* some wanted gradient lies at or above it */
    bool flows;    /* its gradient is computed: requires, and a seed depends on it */
    bool backward; /* its operator runs backward */
    bool seed;
    bool receives; /* some backward step writes its gradient */
    bool wanted;   /* gradient readable after the run */
    int value_buffer, gradient_buffer;
    int seed_buffer; /* of a seed that receives too: the caller's part, added anew in each run */
    int saved_buffer[OP_MAX_SAVED];
    int forward_step, backward_step;
};

/* One call of an operator, with every pointer resolved. */
struct plan_step {
    int node;
    struct op_call call;
    /* backward, for ops that do not accumulate themselves: add temporary[i] into the gradient */
    void *temporary[OP_MAX_INPUTS];
    bool add_temporary[OP_MAX_INPUTS];
    int temporary_buffer[OP_MAX_INPUTS];
    size_t packed_size; /* 0: packs nothing */
    void *packed;
    bool is_packed;
    uint64_t packed_version;
};

struct plan {
    const struct graph *graph;
    const struct compute *compute;
    struct pool *pool;
    bool training;
    uint64_t seed, step;
    struct plan_node *nodes;
    struct plan_buffer *buffers;
    int n_buffers, buffer_capacity;
    struct plan_step *forward, *backward;
    int n_forward, n_backward;
    uint8_t *arena;
    size_t arena_bytes;
    void *scratch;
    size_t scratch_bytes;
    size_t packed_bytes;
};

/* Does the step work on a packed form of a parameter? */
bool plan_step_packs(const struct plan *plan, const struct plan_step *step, bool backward);
/* The gradient that the steps write and add to, which of a seed may be another than the seed. */
struct tensor plan_collected_gradient(const struct plan *plan, int node);

/* Chooses offsets so that buffers alive at the same step do not overlap; returns the arena's size.
 */
size_t plan_layout(struct plan_buffer *buffers, int n);

#endif
