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

#endif
