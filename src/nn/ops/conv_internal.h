/* What convolution and transposed convolution share: their options and their forms. */
#ifndef ANA_NN_OPS_CONV_INTERNAL_H
#define ANA_NN_OPS_CONV_INTERNAL_H

#include "nn/ops/ops_internal.h"

/* Which kernel carries them; the fast one covers the first alone (conv_is_covered() in
 * compute/simd/conv.inc; test_ops.c compares the two). */
enum conv_variant { CONV_DENSE, CONV_GROUPED, CONV_STRIDED_DILATED, CONV_LARGE_KERNEL };
extern const struct op_variant conv_variants[];
enum conv_variant conv_variant_of(const struct nn_conv_options *options, const struct shape *w);

/* Zeros become what they stand for; NULL is fine. */
struct nn_conv_options conv_options_complete(const struct nn_conv_options *options);
MUST_CHECK ana_status conv_check_options(const struct nn_conv_options *options, ana_error *err);

/* Both have the operands x, w and bias, in this order. */
enum { CONV_X, CONV_W, CONV_BIAS, CONV_OPERANDS };
extern const struct operand_rule conv_rules[CONV_OPERANDS];
MUST_CHECK ana_status conv_check_ranks(const struct op_shapes *shapes,
                                       const struct nn_conv_options *options, ana_error *err);

/* The convolution from `picture` to `result` [n, spatial..., c] with w [oc, ic / groups,
 * kernel...]; a transposed one is that of its result to its x. Operands are the caller's to add. */
struct conv_args conv_args_of(const struct op_call *call, const struct nn_conv_options *options,
                              const struct shape *picture, const struct shape *result);

/* The bias' gradient: sums of dz, like the output, over all positions, in the scratch after the
 * first `used` bytes; and how much of it that takes. */
void conv_bias_gradient(const struct op_call *call, const void *dz, size_t used);
size_t conv_bias_scratch(const struct op_call *call, int n_workers);

#endif
