/* A few operators in double on the reference backend, run on stored numbers. Failures fail the
 * folder; a graph that failed computes nothing, and its results are NULL. */
#ifndef ANA_GOLDEN_GRAPH_H
#define ANA_GOLDEN_GRAPH_H

#include "golden.h"
#include "nn/ops.h"

enum { GOLDEN_GRAPH_MAX_FED = 32 };

struct golden_graph {
    struct golden *golden;
    struct graph *graph;
    struct {
        value v;
        const void *data;
    } fed[GOLDEN_GRAPH_MAX_FED];
    int n_fed;
    struct plan *plan;
};

void golden_graph_init(struct golden_graph *g, struct golden *golden);
void golden_graph_clear(struct golden_graph *g);
value golden_graph_input(struct golden_graph *g, struct shape shape, const double *data);
value golden_graph_index(struct golden_graph *g, struct shape shape, const int32_t *data);
/* Forward to the outputs; then back from the last output, seeded with ones, to wrt. */
bool golden_graph_run(struct golden_graph *g, const value *outputs, int n_outputs, const value *wrt,
                      int n_wrt);
const double *golden_graph_value(const struct golden_graph *g, value v);
const double *golden_graph_gradient(const struct golden_graph *g, value v);

#endif
