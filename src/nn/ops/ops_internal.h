/* What the operators share: checks of operands, scratch, elements of either float type. */
#ifndef ANA_NN_OPS_INTERNAL_H
#define ANA_NN_OPS_INTERNAL_H

#include "base/compiler.h"
#include "nn/op.h"
#include "nn/ops.h"

/* ---- shape rules ---- */

enum operand_kind { OPERAND_FLOAT, OPERAND_INDEX /* I32 */ };

/* What any value of one operand must be; the name is used in messages. */
struct operand_rule {
    const char *name;
    int min_rank, max_rank; /* at least 1: a rank of 0 marks an absent operand in op_call */
    enum operand_kind kind;
    bool optional;
};

MUST_CHECK ana_status operands_check(const struct op_shapes *shapes,
                                     const struct operand_rule *rules, int n_rules, ana_error *err);
/* An absent operand passes. */
MUST_CHECK ana_status operand_expect(const struct op_shapes *shapes,
                                     const struct operand_rule *rules, int operand,
                                     struct shape expected, ana_error *err);

/* Windows of pooling along one axis: how many fit. More padding than half a window would give
 * windows that hold nothing. */
MUST_CHECK ana_status pool_extent(int64_t *out, int axis, int64_t in, int64_t kernel,
                                  int64_t stride, int64_t pad, ana_error *err);

/* x seen as n samples of p positions of c channels: the first axis, those between, the last. */
struct channels_view {
    int64_t n, p, c;
};
struct channels_view view_channels(const struct shape *shape);
/* x seen as rows of c elements (the last axis) or as rows that follow the first axis. */
int64_t shape_last(const struct shape *shape);
int64_t shape_rows(const struct shape *shape); /* all axes but the last */

/* Whether so many channels divide by heads; packed: three of each (q, k, v). */
MUST_CHECK ana_status heads_check(int64_t channels, int64_t heads, bool packed, ana_error *err);

/* ---- calls ---- */

/* Whether the operand exists; its data may still not be kept for the backward pass. */
static inline bool operand_given(const struct op_call *call, int operand)
{
    return call->input[operand].shape.rank > 0;
}

/* Lays parts of scratch one after another: returns the offset of the new part. */
size_t scratch_take(size_t *total, size_t size_bytes);
void *scratch_at(const struct op_call *call, size_t offset);
/* The environment of a kernel that may use the scratch after the first `used` bytes. */
struct kernel_env call_env(const struct op_call *call, size_t used);

static inline size_t size_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* dst = factor * src, or += : gradients that pass through. */
void call_scale(const struct op_call *call, void *dst, const void *src, double factor,
                int64_t count, bool accumulate);
void zero_tensor(const struct tensor *tensor);

/* Loops of our own are cut into chunks of this many elements, whatever the number of threads. */
enum { OPS_CHUNK = 16384 };
static inline int64_t chunks_of(int64_t count)
{
    return (count + OPS_CHUNK - 1) / OPS_CHUNK;
}
static inline int64_t chunk_end(int64_t chunk, int64_t count)
{
    const int64_t end = (chunk + 1) * OPS_CHUNK;
    return end < count ? end : count;
}

/* One element of a float tensor. With a constant dtype the compiler drops the branch, so a loop
 * written over these and called once per type is two plain loops. Arithmetic is in double: for one
 * addition or product that gives the same float as float arithmetic. */
static ALWAYS_INLINE double real_get(const void *data, enum dtype dtype, int64_t i)
{
    return dtype == DTYPE_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}
static ALWAYS_INLINE void real_put(void *data, enum dtype dtype, int64_t i, double v)
{
    if (dtype == DTYPE_F64)
        ((double *)data)[i] = v;
    else
        ((float *)data)[i] = (float)v;
}
static ALWAYS_INLINE void real_store(void *data, enum dtype dtype, int64_t i, double v,
                                     bool accumulate)
{
    real_put(data, dtype, i, accumulate ? real_get(data, dtype, i) + v : v);
}

/* ln of the sum of exponentials of n elements, in double and in order. */
double real_log_sum_exp(const void *data, enum dtype dtype, int64_t first, int64_t n);

/* Where element i lies; NULL stays NULL. */
static inline void *real_at(void *data, enum dtype dtype, int64_t i)
{
    return data ? (uint8_t *)data + (size_t)i * dtype_size(dtype) : NULL;
}

/* ---- builders ---- */

/* Adds `op` with an activation it cannot fuse as a node of its own: the operator is then named
 * "<name>.linear" and the activation carries `name`. */
struct fused_name {
    char text[160];
};
const char *name_before_activation(struct fused_name *buffer, const char *name, bool fused);
/* "<name>.<part>" for the inner nodes of a builder that makes several; NULL for NULL. */
const char *name_of_part(struct fused_name *buffer, const char *name, const char *part);
value activation_after(struct graph *graph, const char *name, value v, enum activation activation,
                       bool fused);

#endif
