/* What the attention operators share: operands, shape rule, the kernel's arguments. */
#ifndef ANA_NN_OPS_ATTENTION_INTERNAL_H
#define ANA_NN_OPS_ATTENTION_INTERNAL_H

#include "nn/ops/ops_internal.h"

/* ORDER attention operands: attention_rules in attention.c */
enum {
    ATTENTION_Q, /* or the packed qkv; k and v are absent then */
    ATTENTION_K,
    ATTENTION_V, /* absent in attention_probabilities */
    ATTENTION_BIAS,
    ATTENTION_REL_H,
    ATTENTION_REL_W,
    ATTENTION_KEY_COUNT,
    ATTENTION_OPERANDS
};

/* width: channels of q, heads * dim. */
struct attention_sizes {
    int64_t batch, heads, tq, tk, dim, width;
    bool packed;
};

/* Of operands that attention_check() found good. */
struct attention_sizes attention_sizes_of(const struct shape *q, const struct shape *k,
                                          const struct nn_attention_options *options);
MUST_CHECK ana_status attention_check(const struct op_shapes *shapes, bool with_v,
                                      struct attention_sizes *sizes, ana_error *err);
/* Inputs and strides; results are the caller's to add. */
struct attention_args attention_args_of(const struct op_call *call);
struct attention_sizes attention_call_sizes(const struct op_call *call);

#endif
