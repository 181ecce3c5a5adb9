/* The shapes: odd and even, tails of every vector width, groups, strides, one channel and many.
 *
 * CASE_GRADIENT marks the cases whose backward kernels are held against finite differences; they
 * are small. What is left out gets the usual value (kernel_operands.c).
 */
#include "kernel_cases.h"

#define GEMM(label_, flags_, ...)                                                                  \
    {                                                                                              \
        label_, KERNEL_GEMM, flags_,                                                               \
        {                                                                                          \
            .gemm = { __VA_ARGS__ }                                                                \
        }                                                                                          \
    }
#define CONV(label_, flags_, ...)                                                                  \
    {                                                                                              \
        label_, KERNEL_CONV, flags_,                                                               \
        {                                                                                          \
            .conv = { __VA_ARGS__ }                                                                \
        }                                                                                          \
    }
#define SUMS(label_, flags_, ...)                                                                  \
    {                                                                                              \
        label_, KERNEL_CHANNEL_SUMS, flags_,                                                       \
        {                                                                                          \
            .sums = { __VA_ARGS__ }                                                                \
        }                                                                                          \
    }
#define AFFINE(label_, flags_, ...)                                                                \
    {                                                                                              \
        label_, KERNEL_CHANNEL_AFFINE, flags_,                                                     \
        {                                                                                          \
            .affine.forward = { __VA_ARGS__ }                                                      \
        }                                                                                          \
    }
#define NORM(label_, flags_, ...)                                                                  \
    {                                                                                              \
        label_, KERNEL_ROW_NORM, flags_,                                                           \
        {                                                                                          \
            .norm = { __VA_ARGS__ }                                                                \
        }                                                                                          \
    }
#define SOFTMAX(label_, ...)                                                                       \
    {                                                                                              \
        label_, KERNEL_SOFTMAX, CASE_GRADIENT,                                                     \
        {                                                                                          \
            .softmax = { __VA_ARGS__ }                                                             \
        }                                                                                          \
    }
#define ATTENTION(label_, flags_, ...)                                                             \
    {                                                                                              \
        label_, KERNEL_ATTENTION, flags_,                                                          \
        {                                                                                          \
            .attention = { __VA_ARGS__ }                                                           \
        }                                                                                          \
    }
#define ACTIVATE(label_, flags_, ...)                                                              \
    {                                                                                              \
        label_, KERNEL_ACTIVATE, flags_,                                                           \
        {                                                                                          \
            .activation = { __VA_ARGS__ }                                                          \
        }                                                                                          \
    }
#define COMBINE(label_, flags_, ...)                                                               \
    {                                                                                              \
        label_, KERNEL_COMBINE, flags_,                                                            \
        {                                                                                          \
            .combine = { __VA_ARGS__ }                                                             \
        }                                                                                          \
    }
#define COPY(label_, flags_, ...)                                                                  \
    {                                                                                              \
        label_, KERNEL_COPY, flags_,                                                               \
        {                                                                                          \
            .copy = { __VA_ARGS__ }                                                                \
        }                                                                                          \
    }
#define POOL(label_, flags_, ...)                                                                  \
    {                                                                                              \
        label_, KERNEL_POOL2D, flags_,                                                             \
        {                                                                                          \
            .pool = { __VA_ARGS__ }                                                                \
        }                                                                                          \
    }
#define RESIZE(label_, ...)                                                                        \
    {                                                                                              \
        label_, KERNEL_RESIZE2D, CASE_GRADIENT,                                                    \
        {                                                                                          \
            .resize = { __VA_ARGS__ }                                                              \
        }                                                                                          \
    }

static const struct kernel_case test_cases[] = {
    GEMM("1x1x1", 0, .m = 1, .n = 1, .k = 1),
    GEMM("row vector", CASE_BIAS, .m = 1, .n = 77, .k = 130),
    GEMM("column vector", CASE_BIAS, .m = 65, .n = 1, .k = 33),
    GEMM("k of 1", 0, .m = 9, .n = 20, .k = 1),
    GEMM("odd", 0, .m = 7, .n = 19, .k = 13),
    GEMM("even", 0, .m = 24, .n = 64, .k = 32),
    GEMM("packed odd, gelu", CASE_BIAS | CASE_PACK, .m = 13, .n = 37, .k = 29,
         .activation = ACTIVATION_GELU),
    GEMM("packed even, quick gelu", CASE_BIAS | CASE_PACK, .m = 48, .n = 96, .k = 64,
         .activation = ACTIVATION_QUICK_GELU),
    GEMM("relu then residual", CASE_BIAS | CASE_RESIDUAL | CASE_PACK, .m = 11, .n = 18, .k = 21,
         .activation = ACTIVATION_RELU),
    GEMM("residual alone", CASE_RESIDUAL, .m = 6, .n = 16, .k = 8),
    GEMM("B transposed, as weights lie", CASE_BIAS, .m = 17, .n = 23, .k = 31, .a_row = 31,
         .a_column = 1, .b_row = 1, .b_column = 31),
    GEMM("B transposed and packed", CASE_BIAS | CASE_PACK, .m = 70, .n = 49, .k = 40, .a_row = 40,
         .a_column = 1, .b_row = 1, .b_column = 40),
    GEMM("A transposed, as in a weight gradient", 0, .m = 15, .n = 26, .k = 39, .a_row = 1,
         .a_column = 15, .b_row = 26, .b_column = 1, .accumulate = true),
    GEMM("both transposed", 0, .m = 10, .n = 33, .k = 12, .a_row = 1, .a_column = 10, .b_row = 1,
         .b_column = 12),
    GEMM("batch", 0, .batch = 3, .m = 9, .n = 21, .k = 10),
    GEMM("batch with one B", CASE_BIAS | CASE_PACK, .batch = 4, .m = 5, .n = 17, .k = 6,
         .a_batch = 30, .a_row = 6, .a_column = 1, .b_row = 17, .b_column = 1),
    GEMM("batch with one A", 0, .batch = 2, .m = 8, .n = 12, .k = 7, .a_row = 7, .a_column = 1,
         .b_batch = 84, .b_row = 12, .b_column = 1),
    GEMM("result in a wider matrix", CASE_GAPS, .m = 6, .n = 10, .k = 5, .c_row = 16),
    GEMM("wider, accumulated, batch", 0, .batch = 2, .m = 5, .n = 9, .k = 11, .c_row = 12,
         .accumulate = true),
    GEMM("long sums", 0, .m = 5, .n = 17, .k = 1500),
    GEMM("long sums, packed, accumulated", CASE_PACK, .m = 8, .n = 32, .k = 1027,
         .accumulate = true),
    GEMM("many rows", CASE_BIAS | CASE_PACK, .m = 515, .n = 40, .k = 48),
    GEMM("many columns", CASE_BIAS, .m = 14, .n = 1030, .k = 36),

    CONV("1x1", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 1, .ic = 5, .oc = 7, .in = {4, 5},
         .kernel = {1, 1}),
    CONV("3x3 odd", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 2, .ic = 3, .oc = 5, .in = {5, 7},
         .kernel = {3, 3}, .pad = {1, 1}),
    CONV("3x3 even, stride 2", CASE_GRADIENT, .dims = 2, .n = 1, .ic = 4, .oc = 6, .in = {8, 6},
         .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}),
    CONV("2x2 stride 2, a row left over", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 1, .ic = 2,
         .oc = 3, .in = {7, 9}, .kernel = {2, 2}, .stride = {2, 2}),
    CONV("patches", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 2, .ic = 3, .oc = 4, .in = {8, 12},
         .kernel = {4, 4}, .stride = {4, 4}),
    CONV("1 input channel", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 1, .ic = 1, .oc = 9,
         .in = {6, 7}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("1 output channel", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 1, .ic = 9, .oc = 1,
         .in = {5, 6}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("dilated", CASE_GRADIENT, .dims = 2, .n = 1, .ic = 3, .oc = 4, .in = {9, 8},
         .kernel = {3, 3}, .pad = {2, 2}, .dilation = {2, 2}),
    CONV("not square in anything", CASE_GRADIENT, .dims = 2, .n = 1, .ic = 2, .oc = 3,
         .in = {7, 10}, .kernel = {1, 5}, .stride = {1, 3}, .pad = {0, 2}, .dilation = {1, 2}),
    CONV("groups", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 1, .ic = 2, .oc = 3, .groups = 4,
         .in = {5, 4}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("depthwise", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 2, .ic = 1, .oc = 1, .groups = 11,
         .in = {6, 5}, .kernel = {3, 3}, .stride = {2, 1}, .pad = {1, 1}),
    CONV("1D", CASE_GRADIENT | CASE_BIAS, .dims = 1, .n = 2, .ic = 3, .oc = 4, .in = {13},
         .kernel = {5}, .stride = {2}, .pad = {2}),
    CONV("3D", CASE_GRADIENT | CASE_BIAS, .dims = 3, .n = 1, .ic = 2, .oc = 3, .in = {3, 4, 5},
         .kernel = {3, 3, 3}, .pad = {1, 1, 1}),
    CONV("3D, stride 2, two samples", CASE_GRADIENT, .dims = 3, .n = 2, .ic = 1, .oc = 2,
         .in = {4, 5, 6}, .kernel = {2, 3, 2}, .stride = {2, 2, 2}, .pad = {0, 1, 0}),
    CONV("more padding above than below", CASE_GRADIENT, .dims = 2, .n = 1, .ic = 2, .oc = 2,
         .in = {5, 5}, .out = {3, 3}, .kernel = {3, 3}, .stride = {2, 2}, .pad = {0, 0}),
    CONV("accumulated", CASE_GRADIENT | CASE_BIAS, .dims = 2, .n = 1, .ic = 4, .oc = 5,
         .in = {5, 6}, .kernel = {3, 3}, .pad = {1, 1}, .accumulate = true),
    CONV("packed, 16 to 32", CASE_BIAS | CASE_PACK, .dims = 2, .n = 1, .ic = 16, .oc = 32,
         .in = {20, 24}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("packed, 24 to 40, stride 2", CASE_BIAS | CASE_PACK, .dims = 2, .n = 2, .ic = 24, .oc = 40,
         .in = {15, 17}, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}),
    CONV("packed 1x1, 33 to 65", CASE_BIAS | CASE_PACK, .dims = 2, .n = 1, .ic = 33, .oc = 65,
         .in = {13, 11}, .kernel = {1, 1}),
    CONV("relu", CASE_BIAS | CASE_PACK | CASE_FORWARD_ONLY, .dims = 2, .n = 1, .ic = 8, .oc = 12,
         .in = {9, 10}, .kernel = {3, 3}, .pad = {1, 1}, .activation = ACTIVATION_RELU),
    CONV("stem: 3 channels, 7x7, stride 2", CASE_BIAS | CASE_PACK, .dims = 2, .n = 1, .ic = 3,
         .oc = 24, .in = {33, 35}, .kernel = {7, 7}, .stride = {2, 2}, .pad = {3, 3}),
    CONV("patches of 16, 3 channels", CASE_BIAS | CASE_PACK, .dims = 2, .n = 1, .ic = 3, .oc = 20,
         .in = {32, 48}, .kernel = {16, 16}, .stride = {16, 16}),
    CONV("packed depthwise 5x5", CASE_BIAS | CASE_PACK, .dims = 2, .n = 1, .ic = 1, .oc = 1,
         .groups = 67, .in = {14, 13}, .kernel = {5, 5}, .pad = {2, 2}),
    CONV("packed groups of 16", CASE_PACK, .dims = 2, .n = 1, .ic = 16, .oc = 16, .groups = 3,
         .in = {10, 9}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("packed, dilated by 3", CASE_PACK, .dims = 2, .n = 1, .ic = 12, .oc = 18, .in = {19, 16},
         .kernel = {3, 3}, .pad = {3, 3}, .dilation = {3, 3}),
    CONV("packed 3D, 8 to 16", CASE_BIAS | CASE_PACK, .dims = 3, .n = 1, .ic = 8, .oc = 16,
         .in = {6, 7, 8}, .kernel = {3, 3, 3}, .pad = {1, 1, 1}),
    CONV("many positions", CASE_BIAS | CASE_PACK, .dims = 2, .n = 1, .ic = 4, .oc = 8,
         .in = {65, 70}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("many channels, accumulated", CASE_BIAS | CASE_PACK, .dims = 2, .n = 1, .ic = 130,
         .oc = 70, .in = {5, 6}, .kernel = {3, 3}, .pad = {1, 1}, .accumulate = true),

    SUMS("1 position, 1 channel", 0, .n = 1, .p = 1, .c = 1),
    SUMS("odd", CASE_SQUARES, .n = 2, .p = 35, .c = 13),
    SUMS("even", CASE_SQUARES, .n = 3, .p = 64, .c = 32),
    SUMS("many channels", CASE_SQUARES, .n = 1, .p = 9, .c = 201),
    SUMS("many positions", CASE_SQUARES, .n = 1, .p = 10007, .c = 24),
    SUMS("many positions, 3 channels", 0, .n = 2, .p = 20000, .c = 3),

    AFFINE("plain", CASE_GRADIENT, .n = 1, .p = 6, .c = 5),
    AFFINE("relu", CASE_GRADIENT, .n = 2, .p = 9, .c = 8, .activation = ACTIVATION_RELU),
    AFFINE("residual", CASE_GRADIENT | CASE_RESIDUAL, .n = 3, .p = 5, .c = 7),
    AFFINE("relu after residual", CASE_GRADIENT | CASE_RESIDUAL, .n = 2, .p = 12, .c = 17,
           .activation = ACTIVATION_RELU),
    AFFINE("1 channel", CASE_GRADIENT, .n = 2, .p = 31, .c = 1, .activation = ACTIVATION_RELU),
    {"accumulated",
     KERNEL_CHANNEL_AFFINE,
     CASE_GRADIENT | CASE_RESIDUAL,
     {.affine = {.forward = {.n = 2, .p = 10, .c = 9, .activation = ACTIVATION_RELU},
                 .backward = {.accumulate = true, .accumulate_residual = true}}}},
    AFFINE("norm coefficients", CASE_RESIDUAL, .n = 2, .p = 49, .c = 40,
           .activation = ACTIVATION_RELU),
    AFFINE("shared", CASE_RESIDUAL, .n = 3, .p = 21, .c = 12, .shared = true,
           .activation = ACTIVATION_RELU),
    AFFINE("many positions", 0, .n = 1, .p = 5001, .c = 27),
    AFFINE("many channels", CASE_RESIDUAL, .n = 2, .p = 100, .c = 300,
           .activation = ACTIVATION_RELU),

    NORM("even", CASE_GRADIENT | CASE_GAIN | CASE_BIAS, .rows = 6, .c = 16),
    NORM("odd", CASE_GRADIENT | CASE_GAIN | CASE_BIAS, .rows = 5, .c = 13),
    NORM("no gain, no bias", CASE_GRADIENT, .rows = 3, .c = 9),
    NORM("gain alone", CASE_GRADIENT | CASE_GAIN, .rows = 4, .c = 7),
    NORM("two elements", CASE_GRADIENT | CASE_GAIN | CASE_BIAS, .rows = 7, .c = 2),
    NORM("large epsilon", CASE_GRADIENT | CASE_GAIN | CASE_BIAS, .rows = 2, .c = 65,
         .epsilon = 0.5),
    NORM("one row", CASE_GAIN | CASE_BIAS, .rows = 1, .c = 768),
    NORM("many rows", CASE_GAIN | CASE_BIAS, .rows = 700, .c = 192),

    SOFTMAX("one element", .rows = 3, .c = 1),
    SOFTMAX("two elements", .rows = 5, .c = 2),
    SOFTMAX("odd", .rows = 4, .c = 13),
    SOFTMAX("even", .rows = 3, .c = 16),
    SOFTMAX("a vector and one", .rows = 2, .c = 65),
    {"many rows", KERNEL_SOFTMAX, 0, {.softmax = {.rows = 400, .c = 197}}},

    ATTENTION("fused", CASE_GRADIENT | CASE_LOG_SUM, .heads = 2, .tq = 7, .tk = 7, .dim = 8),
    ATTENTION("materialised", CASE_GRADIENT | CASE_MATERIALISED, .heads = 2, .tq = 7, .tk = 7,
              .dim = 8),
    ATTENTION("cross, odd", CASE_GRADIENT | CASE_LOG_SUM, .batch = 2, .heads = 3, .tq = 5, .tk = 11,
              .dim = 5),
    ATTENTION("cross, odd, materialised", CASE_GRADIENT | CASE_MATERIALISED | CASE_LOG_SUM,
              .batch = 2, .heads = 3, .tq = 5, .tk = 11, .dim = 5),
    ATTENTION("bias", CASE_GRADIENT | CASE_LOG_SUM | CASE_BIAS, .batch = 2, .heads = 2, .tq = 6,
              .tk = 4, .dim = 6),
    ATTENTION("causal", CASE_GRADIENT | CASE_LOG_SUM | CASE_CAUSAL, .batch = 1, .heads = 2, .tq = 9,
              .tk = 9, .dim = 4),
    ATTENTION("causal, materialised", CASE_GRADIENT | CASE_MATERIALISED | CASE_CAUSAL, .batch = 1,
              .heads = 2, .tq = 9, .tk = 9, .dim = 4),
    ATTENTION("relative positions", CASE_GRADIENT | CASE_LOG_SUM | CASE_REL, .batch = 1, .heads = 2,
              .tq = 6, .tk = 6, .dim = 4, .kh = 2, .kw = 3),
    ATTENTION("relative positions, bias, materialised",
              CASE_GRADIENT | CASE_MATERIALISED | CASE_REL | CASE_BIAS, .batch = 2, .heads = 1,
              .tq = 8, .tk = 12, .dim = 4, .kh = 4, .kw = 3),
    ATTENTION("padded keys", CASE_GRADIENT | CASE_LOG_SUM | CASE_KEY_COUNT, .batch = 3, .heads = 2,
              .tq = 4, .tk = 9, .dim = 6),
    ATTENTION("padded keys, materialised", CASE_GRADIENT | CASE_MATERIALISED | CASE_KEY_COUNT,
              .batch = 3, .heads = 2, .tq = 4, .tk = 9, .dim = 6),
    ATTENTION("one qkv tensor", CASE_GRADIENT | CASE_LOG_SUM | CASE_ONE_QKV, .batch = 2, .heads = 2,
              .tq = 5, .tk = 5, .dim = 7),
    ATTENTION("one query, one key", CASE_GRADIENT | CASE_LOG_SUM, .heads = 1, .tq = 1, .tk = 1,
              .dim = 3),
    ATTENTION("scale of 1", CASE_GRADIENT | CASE_LOG_SUM, .heads = 2, .tq = 3, .tk = 8, .dim = 9,
              .scale = 1),
    ATTENTION("no log_sum, no backward", CASE_FORWARD_ONLY, .heads = 3, .tq = 17, .tk = 33,
              .dim = 16),
    ATTENTION("image tokens, head of 64", CASE_LOG_SUM | CASE_ONE_QKV, .heads = 2, .tq = 101,
              .tk = 101, .dim = 64),
    ATTENTION("image tokens, materialised", CASE_MATERIALISED, .heads = 2, .tq = 101, .tk = 101,
              .dim = 64),
    ATTENTION("head of 24, relative positions", CASE_LOG_SUM | CASE_REL, .heads = 2, .tq = 56,
              .tk = 56, .dim = 24, .kh = 8, .kw = 7),
    ATTENTION("head of 32, many keys, padded", CASE_LOG_SUM | CASE_KEY_COUNT, .batch = 2,
              .heads = 3, .tq = 20, .tk = 300, .dim = 32),
    ATTENTION("head of 100", CASE_LOG_SUM, .heads = 1, .tq = 10, .tk = 40, .dim = 100),
    ATTENTION("head of 128", CASE_LOG_SUM, .heads = 2, .tq = 9, .tk = 33, .dim = 128),
    ATTENTION("causal by rule", CASE_GRADIENT | CASE_LOG_SUM, .batch = 2, .heads = 2, .tq = 9,
              .tk = 9, .dim = 4, .causal = true),
    ATTENTION("causal by rule, many tiles", CASE_LOG_SUM | CASE_ONE_QKV, .heads = 1, .tq = 530,
              .tk = 530, .dim = 16, .causal = true),
    ATTENTION("bias of a batch entry, for all heads and queries",
              CASE_GRADIENT | CASE_LOG_SUM | CASE_BIAS | CASE_BIAS_GRADIENT, .batch = 3, .heads = 2,
              .tq = 5, .tk = 7, .dim = 4, .bias_batch = 7),
    ATTENTION("bias of a head", CASE_GRADIENT | CASE_LOG_SUM | CASE_BIAS | CASE_BIAS_GRADIENT,
              .batch = 2, .heads = 3, .tq = 4, .tk = 5, .dim = 6, .bias_head = 20, .bias_query = 5),
    ATTENTION("bias of every row, materialised",
              CASE_GRADIENT | CASE_MATERIALISED | CASE_BIAS | CASE_BIAS_GRADIENT, .batch = 2,
              .heads = 2, .tq = 3, .tk = 8, .dim = 5, .bias_batch = 48, .bias_head = 24,
              .bias_query = 8),
    ATTENTION("bias of an entry, padded keys", CASE_LOG_SUM | CASE_BIAS | CASE_KEY_COUNT,
              .batch = 3, .heads = 2, .tq = 50, .tk = 37, .dim = 16, .bias_batch = 50 * 37,
              .bias_query = 37),
    ATTENTION("gradients of relative positions",
              CASE_GRADIENT | CASE_LOG_SUM | CASE_REL | CASE_BIAS | CASE_BIAS_GRADIENT, .batch = 2,
              .heads = 2, .tq = 6, .tk = 6, .dim = 4, .kh = 2, .kw = 3),
    ATTENTION("probabilities alone",
              CASE_FORWARD_ONLY | CASE_MATERIALISED | CASE_NO_RESULT | CASE_BIAS, .batch = 2,
              .heads = 3, .tq = 50, .tk = 70, .dim = 20),

    ACTIVATE("relu", CASE_GRADIENT, .count = 101, .activation = ACTIVATION_RELU),
    ACTIVATE("relu6", CASE_GRADIENT, .count = 102, .activation = ACTIVATION_RELU6),
    ACTIVATE("leaky relu", CASE_GRADIENT, .count = 103, .activation = ACTIVATION_LEAKY_RELU),
    ACTIVATE("sigmoid", CASE_GRADIENT, .count = 104, .activation = ACTIVATION_SIGMOID),
    ACTIVATE("tanh", CASE_GRADIENT, .count = 105, .activation = ACTIVATION_TANH),
    ACTIVATE("gelu", CASE_GRADIENT, .count = 106, .activation = ACTIVATION_GELU),
    ACTIVATE("gelu tanh", CASE_GRADIENT, .count = 107, .activation = ACTIVATION_GELU_TANH),
    ACTIVATE("quick gelu", CASE_GRADIENT, .count = 108, .activation = ACTIVATION_QUICK_GELU),
    ACTIVATE("silu", CASE_GRADIENT, .count = 109, .activation = ACTIVATION_SILU),
    ACTIVATE("hardswish", CASE_GRADIENT, .count = 110, .activation = ACTIVATION_HARDSWISH),
    ACTIVATE("none", CASE_GRADIENT, .count = 33, .activation = ACTIVATION_NONE),
    ACTIVATE("one element", CASE_GRADIENT, .count = 1, .activation = ACTIVATION_GELU),
    ACTIVATE("in place", CASE_IN_PLACE, .count = 37, .activation = ACTIVATION_SILU),
    ACTIVATE("many", 0, .count = 20003, .activation = ACTIVATION_GELU),

    COMBINE("sum", CASE_SECOND, .count = 67, .alpha = 1, .beta = 1),
    COMBINE("scale", 0, .count = 31, .alpha = -2.5),
    COMBINE("weighted", CASE_SECOND, .count = 64, .alpha = 0.3, .beta = -0.7),
    COMBINE("in place", CASE_SECOND | CASE_IN_PLACE, .count = 45, .alpha = 0.9, .beta = 0.1),
    COMBINE("one element", CASE_SECOND, .count = 1, .alpha = 2, .beta = 3),
    COMBINE("many", CASE_SECOND, .count = 50021, .alpha = 1, .beta = -1),

    COPY("scalar", 0, .rank = 0),
    COPY("straight", 0, .rank = 1, .extent = {1000}, .src_stride = {1}, .dst_stride = {1}),
    COPY("transpose", 0, .rank = 2, .extent = {37, 21}, .src_stride = {1, 37},
         .dst_stride = {21, 1}),
    COPY("permute of rank 4", 0, .rank = 4, .extent = {3, 4, 5, 6}, .src_stride = {1, 18, 72, 3},
         .dst_stride = {120, 30, 6, 1}),
    COPY("rank 5", 0, .rank = 5, .extent = {2, 3, 4, 5, 7}, .src_stride = {420, 1, 105, 21, 3},
         .dst_stride = {420, 140, 35, 7, 1}),
    COPY("slice of columns", 0, .rank = 2, .extent = {19, 8}, .src_stride = {20, 1},
         .dst_stride = {8, 1}),
    COPY("into a slice", CASE_GAPS, .rank = 2, .extent = {19, 8}, .src_stride = {8, 1},
         .dst_stride = {20, 1}),
    COPY("broadcast rows", 0, .rank = 2, .extent = {13, 24}, .src_stride = {0, 1},
         .dst_stride = {24, 1}),
    COPY("broadcast columns", 0, .rank = 2, .extent = {14, 9}, .src_stride = {1, 0},
         .dst_stride = {9, 1}),
    COPY("added", 0, .rank = 3, .extent = {5, 6, 7}, .src_stride = {1, 35, 5},
         .dst_stride = {42, 7, 1}, .accumulate = true),
    COPY("sum of rows", 0, .rank = 2, .extent = {50, 33}, .src_stride = {33, 1},
         .dst_stride = {0, 1}, .accumulate = true),
    COPY("sum of long rows", 0, .rank = 2, .extent = {40, 2000}, .src_stride = {2000, 1},
         .dst_stride = {0, 1}, .accumulate = true),
    COPY("sum of columns", 0, .rank = 2, .extent = {12, 41}, .src_stride = {41, 1},
         .dst_stride = {1, 0}, .accumulate = true),
    COPY("sum of the middle axis", 0, .rank = 3, .extent = {4, 9, 16}, .src_stride = {144, 16, 1},
         .dst_stride = {16, 0, 1}, .accumulate = true),
    COPY("many", 0, .rank = 3, .extent = {40, 50, 60}, .src_stride = {60, 2400, 1},
         .dst_stride = {3000, 60, 1}),

    POOL("max 2x2", CASE_GRADIENT, .n = 2, .h = 6, .w = 8, .c = 5, .kernel = {2, 2},
         .stride = {2, 2}, .is_max = true),
    POOL("max 3x3, stride 2, padded", CASE_GRADIENT, .h = 9, .w = 7, .c = 8, .kernel = {3, 3},
         .stride = {2, 2}, .pad = {1, 1}, .is_max = true),
    POOL("max, overlapping", CASE_GRADIENT, .h = 5, .w = 5, .c = 3, .kernel = {3, 3},
         .stride = {1, 1}, .is_max = true),
    POOL("max, not square", CASE_GRADIENT, .h = 7, .w = 10, .c = 1, .kernel = {1, 4},
         .stride = {2, 3}, .pad = {0, 2}, .is_max = true),
    POOL("max, a row left over", CASE_GRADIENT, .h = 7, .w = 9, .c = 17, .kernel = {2, 2},
         .stride = {2, 2}, .is_max = true),
    POOL("max without index", CASE_FORWARD_ONLY, .h = 8, .w = 6, .c = 12, .kernel = {2, 2},
         .stride = {2, 2}, .is_max = true),
    POOL("mean 2x2", CASE_GRADIENT, .n = 2, .h = 4, .w = 6, .c = 7, .kernel = {2, 2},
         .stride = {2, 2}),
    POOL("mean 3x3, padded", CASE_GRADIENT, .h = 5, .w = 6, .c = 4, .kernel = {3, 3},
         .stride = {1, 1}, .pad = {1, 1}),
    POOL("mean, padded, stride 2", CASE_GRADIENT, .h = 7, .w = 7, .c = 2, .kernel = {3, 3},
         .stride = {2, 2}, .pad = {1, 1}),
    POOL("mean of everything", CASE_GRADIENT, .n = 2, .h = 3, .w = 5, .c = 9, .kernel = {3, 5},
         .stride = {3, 5}),
    POOL("mean, not square", CASE_GRADIENT, .h = 8, .w = 5, .c = 1, .kernel = {3, 1},
         .stride = {2, 1}),
    POOL("max, many", 0, .n = 2, .h = 40, .w = 44, .c = 24, .kernel = {2, 2}, .stride = {2, 2},
         .is_max = true),
    POOL("mean, many", 0, .n = 2, .h = 40, .w = 44, .c = 24, .kernel = {2, 2}, .stride = {2, 2}),

    RESIZE("nearest, twice", .n = 1, .h = 3, .w = 4, .c = 3, .oh = 6, .ow = 8),
    RESIZE("nearest, odd up", .n = 2, .h = 3, .w = 5, .c = 2, .oh = 7, .ow = 13),
    RESIZE("nearest, odd down", .n = 1, .h = 9, .w = 7, .c = 4, .oh = 4, .ow = 3),
    RESIZE("nearest, one axis each way", .n = 1, .h = 2, .w = 8, .c = 1, .oh = 5, .ow = 3),
    RESIZE("nearest, from one pixel", .n = 1, .h = 1, .w = 1, .c = 5, .oh = 3, .ow = 4),
    RESIZE("bilinear, twice", .n = 2, .h = 3, .w = 4, .c = 5, .oh = 6, .ow = 8,
           .mode = RESIZE_BILINEAR),
    RESIZE("bilinear, odd up", .n = 1, .h = 3, .w = 5, .c = 2, .oh = 8, .ow = 7,
           .mode = RESIZE_BILINEAR),
    RESIZE("bilinear, down", .n = 1, .h = 9, .w = 8, .c = 3, .oh = 4, .ow = 3,
           .mode = RESIZE_BILINEAR),
    RESIZE("bilinear, same size", .n = 1, .h = 4, .w = 4, .c = 2, .oh = 4, .ow = 4,
           .mode = RESIZE_BILINEAR),
    RESIZE("bilinear, from one row", .n = 1, .h = 1, .w = 3, .c = 2, .oh = 4, .ow = 1,
           .mode = RESIZE_BILINEAR),
    RESIZE("bilinear, corners aligned", .n = 2, .h = 3, .w = 4, .c = 3, .oh = 7, .ow = 9,
           .mode = RESIZE_BILINEAR, .align_corners = true),
    RESIZE("bilinear, corners aligned, down", .n = 1, .h = 8, .w = 7, .c = 1, .oh = 3, .ow = 1,
           .mode = RESIZE_BILINEAR, .align_corners = true),
    RESIZE("bilinear, corners aligned, from one row", .n = 1, .h = 1, .w = 2, .c = 2, .oh = 3,
           .ow = 5, .mode = RESIZE_BILINEAR, .align_corners = true),
    RESIZE("bicubic, twice", .n = 1, .h = 4, .w = 5, .c = 3, .oh = 8, .ow = 10,
           .mode = RESIZE_BICUBIC),
    RESIZE("bicubic, odd up", .n = 2, .h = 3, .w = 4, .c = 2, .oh = 7, .ow = 5,
           .mode = RESIZE_BICUBIC),
    RESIZE("bicubic, down", .n = 1, .h = 9, .w = 10, .c = 1, .oh = 4, .ow = 3,
           .mode = RESIZE_BICUBIC),
    RESIZE("bicubic, corners aligned", .n = 1, .h = 4, .w = 3, .c = 2, .oh = 9, .ow = 8,
           .mode = RESIZE_BICUBIC, .align_corners = true),
    RESIZE("bicubic, from one pixel", .n = 1, .h = 1, .w = 1, .c = 3, .oh = 2, .ow = 3,
           .mode = RESIZE_BICUBIC),
    {"bilinear, many channels",
     KERNEL_RESIZE2D,
     0,
     {.resize = {.n = 1, .h = 12, .w = 13, .c = 75, .oh = 24, .ow = 26, .mode = RESIZE_BILINEAR}}},
    {"bilinear, 4 times, one channel",
     KERNEL_RESIZE2D,
     0,
     {.resize = {.n = 1, .h = 24, .w = 24, .c = 1, .oh = 96, .ow = 96, .mode = RESIZE_BILINEAR}}},
};

/* Sizes of the default model's convolutions and of CLIP's and SAM's transformers at batch 1. */
static const struct kernel_case timing_cases[] = {
    GEMM("linear 197x768x3072", CASE_BIAS | CASE_PACK, .m = 197, .n = 3072, .k = 768, .a_row = 768,
         .a_column = 1, .b_row = 1, .b_column = 768, .activation = ACTIVATION_QUICK_GELU),
    GEMM("linear 1024x256x256", CASE_BIAS | CASE_PACK, .m = 1024, .n = 256, .k = 256),
    GEMM("weight gradient 256x256x1024", 0, .m = 256, .n = 256, .k = 1024, .a_row = 1,
         .a_column = 256, .b_row = 256, .b_column = 1, .accumulate = true),
    CONV("3x3, 32 to 32 at 112", CASE_BIAS | CASE_PACK, .dims = 2, .ic = 32, .oc = 32,
         .in = {112, 112}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("3x3, 128 to 128 at 28", CASE_BIAS | CASE_PACK, .dims = 2, .ic = 128, .oc = 128,
         .in = {28, 28}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("3x3 stride 2, 64 to 128 at 56", CASE_BIAS | CASE_PACK, .dims = 2, .ic = 64, .oc = 128,
         .in = {56, 56}, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}),
    CONV("1x1, 256 to 64 at 28", CASE_BIAS | CASE_PACK, .dims = 2, .ic = 256, .oc = 64,
         .in = {28, 28}, .kernel = {1, 1}),
    CONV("stem 3 to 32 at 224", CASE_BIAS | CASE_PACK, .dims = 2, .ic = 3, .oc = 32,
         .in = {224, 224}, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}),
    CONV("depthwise 3x3, 128 at 56", CASE_BIAS | CASE_PACK, .dims = 2, .ic = 1, .oc = 1,
         .groups = 128, .in = {56, 56}, .kernel = {3, 3}, .pad = {1, 1}),
    CONV("3D 3x3x3, 16 to 16 at 32", CASE_BIAS | CASE_PACK, .dims = 3, .ic = 16, .oc = 16,
         .in = {32, 32, 32}, .kernel = {3, 3, 3}, .pad = {1, 1, 1}),
    SUMS("56x56, 64", CASE_SQUARES, .n = 4, .p = 3136, .c = 64),
    AFFINE("56x56, 64, relu", CASE_RESIDUAL, .n = 4, .p = 3136, .c = 64,
           .activation = ACTIVATION_RELU),
    NORM("1024 rows of 256", CASE_GAIN | CASE_BIAS, .rows = 1024, .c = 256),
    {"1024 rows of 1024", KERNEL_SOFTMAX, 0, {.softmax = {.rows = 1024, .c = 1024}}},
    ATTENTION("12 heads, 197 tokens, 64", CASE_LOG_SUM | CASE_ONE_QKV, .heads = 12, .tq = 197,
              .tk = 197, .dim = 64),
    ATTENTION("8 heads, 784 tokens, 32", CASE_LOG_SUM | CASE_ONE_QKV, .heads = 8, .tq = 784,
              .tk = 784, .dim = 32),
    ACTIVATE("gelu, 1 M", 0, .count = 1 << 20, .activation = ACTIVATION_GELU),
    COMBINE("sum, 1 M", CASE_SECOND, .count = 1 << 20, .alpha = 1, .beta = 1),
    COPY("transpose 1024x1024", 0, .rank = 2, .extent = {1024, 1024}, .src_stride = {1, 1024},
         .dst_stride = {1024, 1}),
    POOL("max 2x2 at 112, 64", 0, .h = 112, .w = 112, .c = 64, .kernel = {2, 2}, .stride = {2, 2},
         .is_max = true),
    {"bilinear twice at 56, 64",
     KERNEL_RESIZE2D,
     0,
     {.resize =
          {.n = 1, .h = 56, .w = 56, .c = 64, .oh = 112, .ow = 112, .mode = RESIZE_BILINEAR}}},
};

const struct kernel_case *kernel_test_cases(int *n)
{
    *n = (int)(sizeof test_cases / sizeof test_cases[0]);
    return test_cases;
}

const struct kernel_case *kernel_timing_cases(int *n)
{
    *n = (int)(sizeof timing_cases / sizeof timing_cases[0]);
    return timing_cases;
}
