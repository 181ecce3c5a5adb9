/* The reference backend's table for one element type. */
#include "compute/reference/reference.h"
#include "compute/reference/reference_internal.h"

const struct compute REF(table) = {
    .name = "reference",
    .instruction_set = "reference",

    .gemm_packed_bytes = REF(gemm_packed_bytes),
    .gemm_pack = REF(gemm_pack),
    .gemm_scratch = REF(gemm_scratch),
    .gemm = REF(gemm),

    .conv_packed_bytes = REF(conv_packed_bytes),
    .conv_pack = REF(conv_pack),
    .conv_forward_scratch = REF(conv_scratch),
    .conv_forward = REF(conv_forward),
    .conv_backward_data_scratch = REF(conv_scratch),
    .conv_backward_data = REF(conv_backward_data),
    .conv_backward_weights_scratch = REF(conv_scratch),
    .conv_backward_weights = REF(conv_backward_weights),

    .channel_sums_scratch = REF(channel_sums_scratch),
    .channel_sums = REF(channel_sums),
    .channel_affine = REF(channel_affine),
    .channel_affine_sums_scratch = REF(channel_affine_sums_scratch),
    .channel_affine_sums = REF(channel_affine_sums),
    .channel_affine_backward = REF(channel_affine_backward),

    .row_norm = REF(row_norm),
    .row_norm_backward = REF(row_norm_backward),
    .softmax = REF(softmax),
    .softmax_backward = REF(softmax_backward),

    .attention_scratch = REF(attention_scratch),
    .attention = REF(attention),
    .attention_backward_scratch = REF(attention_backward_scratch),
    .attention_backward = REF(attention_backward),

    .activate = REF(activate),
    .activate_backward = REF(activate_backward),
    .combine = REF(combine),
    .copy = REF(copy),

    .pool2d = REF(pool2d),
    .pool2d_backward = REF(pool2d_backward),
    .resize2d = REF(resize2d),
    .resize2d_backward = REF(resize2d_backward),
};
