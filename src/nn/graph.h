/* The graph: defined once per model and shape, planned, then run many times (design.md 1).
 *
 *   struct graph *g;  graph_create(&g, params, DTYPE_F32, err);
 *   value x = graph_input(g, "image", DTYPE_F32, SHAPE(8, 256, 256, 3));
 *   value y = nn_conv(g, "stem.conv", x, ...);          // nn/ops.h
 *   graph_check(g, err);                                // the first error of all builders
 *
 *   struct plan *plan;
 *   plan_create(&plan, g, &(struct plan_request){ ...outputs, fed, seeds, wrt... }, env, err);
 *   memcpy(plan_value(plan, x).data, pixels, bytes);    // fill what is fed, and plan_seed()
 *   plan_forward(plan, progress...);                    // only what the outputs need is computed
 *   plan_backward(plan);                                // from the seeds to what was asked for
 *   struct tensor dy = plan_gradient(plan, tap);
 *
 * Every value has a name, so every value is a tap. A plan may start at any value (list it in `fed`:
 * its producers are pruned), read any value (list it in `outputs`: it stays alive), and
 * differentiate with respect to any value or to all trainable parameters, from seed gradients at
 * any values. Frozen parameters and values on no path to a wanted gradient cost no arithmetic.
 */
#ifndef ANA_NN_GRAPH_H
#define ANA_NN_GRAPH_H

#include "nn/params.h"

struct graph;
struct plan;
struct nn_op;

typedef struct value {
    int32_t id; /* -1: none (optional operands) */
} value;

#define NO_VALUE ((value){-1})

static inline bool value_is_none(value v)
{
    return v.id < 0;
}

/* params is borrowed and must outlive the graph; NULL if the graph uses none. dtype is that of all
 * float values: F32, or F64 for gradient checks on the reference backend. */
MUST_CHECK ana_status graph_create(struct graph **out, struct params *params, enum dtype dtype,
                                   ana_error *err);
void graph_free(struct graph *graph);

/* Inputs are always fed. dtype F32 means "the graph's float type". */
value graph_input(struct graph *graph, const char *name, enum dtype dtype, struct shape shape);
/* A parameter by its number; the same value for the same number. */
value graph_param(struct graph *graph, int param);

struct shape graph_shape(const struct graph *graph, value v);
value graph_find(const struct graph *graph, const char *name); /* NO_VALUE if there is none */
const char *graph_name(const struct graph *graph, value v);
int graph_value_count(const struct graph *graph);

/* The first error of any builder call since creation. */
MUST_CHECK ana_status graph_check(const struct graph *graph, ana_error *err);

/* Names given to builders are prefixed with the open scopes: "decoder.up0." + "conv". */
void graph_enter(struct graph *graph, const char *format, ...) PRINTF_LIKE(2, 3);
void graph_leave(struct graph *graph);

struct plan_request {
    const value *outputs; /* values to keep readable after plan_forward() */
    int n_outputs;
    const value *fed; /* values the caller provides beside the inputs in use */
    int n_fed;
    const value *seeds; /* values whose gradient the caller gives; must be outputs too */
    int n_seeds;
    const value *wrt; /* values whose gradient is wanted */
    int n_wrt;
    bool wrt_params; /* gradients of all trainable parameters */
    bool training;   /* batch statistics (not where they are frozen), dropout */
};

struct plan_env {
    const struct compute *compute; /* NULL: compute_default(), or reference for F64 */
    struct pool *pool;
};

/* The graph is borrowed. */
MUST_CHECK ana_status plan_create(struct plan **out, const struct graph *graph,
                                  const struct plan_request *request, const struct plan_env *env,
                                  ana_error *err);
/* The two halves of plan_create(): the first finds out what is needed and how many bytes that is,
 * the second allocates it (again: nothing happens). Values exist only after it. */
MUST_CHECK ana_status plan_prepare(struct plan **out, const struct graph *graph,
                                   const struct plan_request *request, const struct plan_env *env,
                                   ana_error *err);
MUST_CHECK ana_status plan_allocate(struct plan *plan, ana_error *err);
bool plan_is_allocated(const struct plan *plan);
void plan_free(struct plan *plan);
size_t plan_bytes(const struct plan *plan); /* arena, scratch and packed weights, from prepare on */

/* What a pass does, for benchmarks: operations of the products (a multiply-add is two), and bytes
 * if each operator reads its operands from memory and writes its result there, once. */
struct plan_cost {
    double flop, bytes;
};
struct plan_cost plan_forward_cost(const struct plan *plan);
struct plan_cost plan_backward_cost(const struct plan *plan);

/* Storage of a fed value (write it before running) or of an output (read it afterwards). */
struct tensor plan_value(const struct plan *plan, value v);
/* Storage of a seed's gradient: write it before plan_backward(), which leaves it as it is. */
struct tensor plan_seed(const struct plan *plan, value v);
/* Storage of a wanted gradient (read after plan_backward()); of a value that is a seed and no
 * gradient target the same as plan_seed(). */
struct tensor plan_gradient(const struct plan *plan, value v);
struct tensor plan_param_gradient(const struct plan *plan,
                                  int param); /* data NULL if not trainable */

/* `cancelled` is polled between nodes; NULL is fine. Only cancellation can fail. */
typedef bool (*cancel_fn)(void *user);
MUST_CHECK ana_status plan_forward(struct plan *plan, cancel_fn cancelled, void *user,
                                   ana_error *err);
MUST_CHECK ana_status plan_backward(struct plan *plan, cancel_fn cancelled, void *user,
                                    ana_error *err);
/* Step number and seed for keyed draws (dropout). */
void plan_set_step(struct plan *plan, uint64_t seed, uint64_t step);

#endif
