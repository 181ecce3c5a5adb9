/* Every operator, in one list: the tests walk it. */
#ifndef ANA_NN_OPS_REGISTRY_H
#define ANA_NN_OPS_REGISTRY_H

#include "nn/op.h"

extern const struct nn_op nn_op_activate, nn_op_attention, nn_op_batch_norm, nn_op_combine,
    nn_op_concat, nn_op_conv, nn_op_cross_entropy, nn_op_dropout, nn_op_global_pool,
    nn_op_group_norm, nn_op_l2_normalise, nn_op_layer_norm, nn_op_linear, nn_op_mask_loss,
    nn_op_matmul, nn_op_mul, nn_op_permute, nn_op_pixel_shuffle, nn_op_pool2d, nn_op_reshape,
    nn_op_resize2d, nn_op_scale_rows, nn_op_slice, nn_op_softmax, nn_op_take, nn_op_weighted_sum,
    nn_op_word_bag;

extern const struct nn_op nn_op_broadcast, nn_op_conv_transpose, nn_op_flip, nn_op_pad,
    nn_op_pool3d, nn_op_resize_trilinear, nn_op_roll, nn_op_take_points, nn_op_window;
extern const struct nn_op nn_op_attention_apply, nn_op_attention_probabilities, nn_op_binary,
    nn_op_contrastive, nn_op_dice, nn_op_log_softmax, nn_op_match, nn_op_reduce, nn_op_reduce_max,
    nn_op_relative_positions, nn_op_unary;

/* NULL past the end. */
const struct nn_op *nn_op_at(int index);

#endif
