/* The graph's nodes, seen by graph.c, the planner and the executor only. */
#ifndef ANA_NN_GRAPH_INTERNAL_H
#define ANA_NN_GRAPH_INTERNAL_H

#include "base/arena.h"
#include "base/text.h"
#include "nn/op.h"

enum node_kind { NODE_INPUT, NODE_PARAM, NODE_OP };

/* A node makes one value; both share their number. Operands have smaller numbers, so counting up
 * is a topological order. */
struct node {
    enum node_kind kind;
    const char *name;
    enum dtype dtype;
    struct shape shape;
    int param; /* NODE_PARAM */
    const struct nn_op *op;
    int n_inputs;
    int32_t input[OP_MAX_INPUTS]; /* -1: absent */
    const void *options;
    size_t saved_bytes[OP_MAX_SAVED];
};

struct graph {
    struct params *params;
    enum dtype dtype;
    struct node *nodes;
    int n_nodes, capacity;
    struct arena arena; /* names and options */
    struct text scope;
    int scope_marks[16]; /* sizes of the scope text before each graph_enter() */
    int scope_depth;
    ana_error error; /* the first one */
};

#endif
