/* What the files of operator cases share: the operands, and the builders that op_cases.c lists but
 * that stand elsewhere. */
#ifndef TESTS_OP_BUILDERS_H
#define TESTS_OP_BUILDERS_H

#include "op_cases.h"

value operand(struct case_graph *c, struct shape shape, enum operand_role role, int64_t low,
              int64_t high);
value floats(struct case_graph *c, struct shape shape);
value floats_if(struct case_graph *c, int64_t wanted, struct shape shape);
value shares(struct case_graph *c, struct shape shape);
value indices(struct case_graph *c, struct shape shape, int64_t low, int64_t high);
/* [a, b, c], or [c] when a is 0. */
struct shape rows_shape(const int64_t *n);

/* op_builders_spatial.c */
value case_conv_uneven(struct case_graph *c, const int64_t *n);
value case_conv3d_uneven(struct case_graph *c, const int64_t *n);
value case_conv_transpose(struct case_graph *c, const int64_t *n);
value case_conv_transpose_dilated(struct case_graph *c, const int64_t *n);
value case_conv_transpose_line(struct case_graph *c, const int64_t *n);
value case_conv_transpose3d(struct case_graph *c, const int64_t *n);
value case_group_norm3d(struct case_graph *c, const int64_t *n);
value case_layer_norm2d(struct case_graph *c, const int64_t *n);
value case_concat_axis(struct case_graph *c, const int64_t *n);
value case_pad(struct case_graph *c, const int64_t *n);
value case_pad4d(struct case_graph *c, const int64_t *n);
value case_roll(struct case_graph *c, const int64_t *n);
value case_broadcast(struct case_graph *c, const int64_t *n);
value case_window(struct case_graph *c, const int64_t *n);
value case_trilinear(struct case_graph *c, const int64_t *n);
value case_pool_uneven(struct case_graph *c, const int64_t *n);
value case_pool3d(struct case_graph *c, const int64_t *n);
value case_points(struct case_graph *c, const int64_t *n);

value bad_transposed_channels(struct case_graph *c, const int64_t *n);
value bad_transposed_output_pad(struct case_graph *c, const int64_t *n);
value bad_transposed_pad(struct case_graph *c, const int64_t *n);
value bad_concat_axis(struct case_graph *c, const int64_t *n);
value bad_pad(struct case_graph *c, const int64_t *n);
value bad_roll(struct case_graph *c, const int64_t *n);
value bad_flip(struct case_graph *c, const int64_t *n);
value bad_broadcast(struct case_graph *c, const int64_t *n);
value bad_window_side(struct case_graph *c, const int64_t *n);
value bad_window_merge(struct case_graph *c, const int64_t *n);
value bad_nearest(struct case_graph *c, const int64_t *n);
value bad_trilinear(struct case_graph *c, const int64_t *n);
value bad_pool3d(struct case_graph *c, const int64_t *n);
value bad_points(struct case_graph *c, const int64_t *n);

/* op_builders_sequence.c */
value case_attention(struct case_graph *c, const int64_t *n);
value case_probabilities(struct case_graph *c, const int64_t *n);
value case_apply(struct case_graph *c, const int64_t *n);
value case_attention_of_itself(struct case_graph *c, const int64_t *n);
value case_relative(struct case_graph *c, const int64_t *n);
value case_matmul(struct case_graph *c, const int64_t *n);
value case_binary(struct case_graph *c, const int64_t *n);
value case_binary_square(struct case_graph *c, const int64_t *n);
value case_unary(struct case_graph *c, const int64_t *n);
value case_reduce(struct case_graph *c, const int64_t *n);
value case_log_softmax(struct case_graph *c, const int64_t *n);
value case_over_axis(struct case_graph *c, const int64_t *n);
value case_masked_softmax(struct case_graph *c, const int64_t *n);
value case_layer_norm_epsilon(struct case_graph *c, const int64_t *n);
value case_cosine(struct case_graph *c, const int64_t *n);
value case_take_shaped(struct case_graph *c, const int64_t *n);
value case_take_each(struct case_graph *c, const int64_t *n);
value case_pixel_classes(struct case_graph *c, const int64_t *n);
value case_soft_classes(struct case_graph *c, const int64_t *n);
value case_squared_error(struct case_graph *c, const int64_t *n);
value case_dice(struct case_graph *c, const int64_t *n);
value case_contrastive(struct case_graph *c, const int64_t *n);
value case_match(struct case_graph *c, const int64_t *n);

value bad_attention_heads(struct case_graph *c, const int64_t *n);
value bad_attention_v(struct case_graph *c, const int64_t *n);
value bad_attention_bias(struct case_graph *c, const int64_t *n);
value bad_attention_positions(struct case_graph *c, const int64_t *n);
value bad_attention_grid(struct case_graph *c, const int64_t *n);
value bad_attention_packed(struct case_graph *c, const int64_t *n);
value bad_apply(struct case_graph *c, const int64_t *n);
value bad_relative_grid(struct case_graph *c, const int64_t *n);
value bad_relative_table(struct case_graph *c, const int64_t *n);
value bad_matmul_batch(struct case_graph *c, const int64_t *n);
value bad_binary(struct case_graph *c, const int64_t *n);
value bad_unary(struct case_graph *c, const int64_t *n);
value bad_reduce(struct case_graph *c, const int64_t *n);
value bad_axis(struct case_graph *c, const int64_t *n);
value bad_take_each(struct case_graph *c, const int64_t *n);
value bad_take_rank(struct case_graph *c, const int64_t *n);
value bad_classes(struct case_graph *c, const int64_t *n);
value bad_dice(struct case_graph *c, const int64_t *n);
value bad_contrastive(struct case_graph *c, const int64_t *n);
value bad_contrastive_size(struct case_graph *c, const int64_t *n);
value bad_match(struct case_graph *c, const int64_t *n);

#endif
