/* The operators, as builders. Each appends one node (a few append two) and returns its value.
 *
 * Operands are checked by the operator's own shape rule, so a wrong one is an error that names the
 * node: graph_check() tells. A builder that is given the value of a failed one adds nothing.
 *
 * Shapes are channels-last. `name` becomes the name of the returned value, hence a tap.
 */
#ifndef ANA_NN_OPS_H
#define ANA_NN_OPS_H

#include "compute/compute.h"
#include "nn/graph.h"

/* x: [n, spatial..., groups * ic], w: [oc, ic, kernel...], bias: [oc] or NO_VALUE. */
struct nn_conv_options {
    int dims;            /* spatial axes, 1 to 3; 0 is read as 2 */
    int64_t stride[3];   /* in the order of the axes (d, h, w), the first `dims` count; 0 is 1 */
    int64_t pad[3];      /* zeros on both sides */
    int64_t dilation[3]; /* 0 is 1 */
    int64_t groups;      /* 0 is 1 */
    enum activation activation;
};
/* options NULL: 2D, stride 1, no padding. */
value nn_conv(struct graph *graph, const char *name, value x, value w, value bias,
              const struct nn_conv_options *options);

/* The gradient of nn_conv() with respect to its x, as an operator: each position of x adds its
 * kernel to the result. w keeps PyTorch's layout [ic, oc / groups, kernel...]; along each axis
 * out = (in - 1) stride - 2 pad + dilation (kernel - 1) + output_pad + 1.
 * x: [n, spatial..., ic], bias: [oc] or NO_VALUE. */
struct nn_conv_transpose_options {
    struct nn_conv_options conv;
    int64_t output_pad[3]; /* on the high side; smaller than the stride or the dilation */
};
value nn_conv_transpose(struct graph *graph, const char *name, value x, value w, value bias,
                        const struct nn_conv_transpose_options *options);

/* act(x w^T + bias); x: [..., in], w: [out, in], bias: [out] or NO_VALUE. */
value nn_linear(struct graph *graph, const char *name, value x, value w, value bias,
                enum activation activation);

/* a b for every batch entry; a: [batch..., m, k], b: [batch..., k, n]; [batch..., k, m] and
 * [batch..., n, k] when transposed. One side may be shared by the batch: its batch axes are 1, or
 * it has none. */
enum nn_transpose { NN_TRANSPOSE_B = 1, NN_TRANSPOSE_A = 2 };
value nn_matmul(struct graph *graph, const char *name, value a, value b, unsigned transpose);

/* y = act((1 + g) (gain xhat + bias) + b + residual), xhat = (x - mean) / sqrt(variance + epsilon).
 * x: [n, ..., c]; gain and bias: [c] or NO_VALUE (1 and 0); film: [n, 2c] = (g | b) or NO_VALUE;
 * residual: like x or NO_VALUE. */
struct nn_norm_inputs {
    value x, gain, bias;
    value running_mean, running_var; /* batch norm only: parameters that are buffers, [c] */
    value film, residual;
};
struct nn_norm_options {
    double epsilon;             /* 0 is 1e-5 */
    double momentum;            /* batch norm: share of the new batch; 0 is 0.1 */
    int64_t groups;             /* group norm; equal to c: instance norm */
    enum activation activation; /* NONE or RELU are fused */
};
/* Training: statistics over all axes but the channels; running = (1 - m) running + m batch is
 * written by the forward pass, with the unbiased variance. Otherwise: running statistics. */
value nn_batch_norm(struct graph *graph, const char *name, struct nn_norm_inputs inputs,
                    const struct nn_norm_options *options);
/* Statistics per sample and group of channels. */
value nn_group_norm(struct graph *graph, const char *name, struct nn_norm_inputs inputs,
                    const struct nn_norm_options *options);
/* Over the last axis; gain and bias: [c] or NO_VALUE. */
value nn_layer_norm(struct graph *graph, const char *name, value x, value gain, value bias,
                    double epsilon);
/* x / max(||x||, epsilon) over the last axis. */
value nn_l2_normalise(struct graph *graph, const char *name, value x, double epsilon);

value nn_activate(struct graph *graph, const char *name, value x, enum activation activation);
/* Over the last axis. A mask is added before: rows that are -inf throughout become 0. */
value nn_softmax(struct graph *graph, const char *name, value x);
value nn_log_softmax(struct graph *graph, const char *name, value x);
/* The same over any axis, which is exchanged with the last one and back. */
value nn_softmax_over(struct graph *graph, const char *name, value x, int axis);
value nn_log_softmax_over(struct graph *graph, const char *name, value x, int axis);
value nn_add(struct graph *graph, const char *name, value a, value b);
/* alpha a + beta b; b may be NO_VALUE. */
value nn_combine(struct graph *graph, const char *name, value a, double alpha, value b,
                 double beta);
value nn_mul(struct graph *graph, const char *name, value a, value b);
/* Element by element with broadcasting: axes are matched from the last one on, and an axis that is
 * 1 or missing on one side repeats. nn_add() and nn_mul() are the faster way for equal shapes. */
enum nn_binary_kind { NN_ADD, NN_SUB, NN_MUL, NN_DIV };
value nn_binary(struct graph *graph, const char *name, value a, value b, enum nn_binary_kind kind);
/* Natural logarithm; the slope of the root at 0 is taken as 0. */
enum nn_function { NN_EXP, NN_LOG, NN_SQRT, NN_SIN, NN_COS, NN_FUNCTION_COUNT };
value nn_unary(struct graph *graph, const char *name, value x, enum nn_function function);
/* Over n_axes axes from `axis` on, which vanish, or stay as 1 if `keep`. */
enum nn_reduction { NN_SUM, NN_MEAN, NN_MAX };
struct nn_reduce_options {
    enum nn_reduction kind;
    int axis, n_axes;
    bool keep;
};
value nn_reduce(struct graph *graph, const char *name, value x,
                const struct nn_reduce_options *options);
/* x: [p, ...], s: [p]: row p of x times s[p]. */
value nn_scale_rows(struct graph *graph, const char *name, value x, value s);
/* While training, each element is zero with probability p, else divided by 1 - p. Draws are keyed
 * by seed, step, node and element. */
value nn_dropout(struct graph *graph, const char *name, value x, double p);

/* Joins up to OP_MAX_INPUTS values along the last axis, or along `axis`. */
value nn_concat(struct graph *graph, const char *name, const value *parts, int n_parts);
value nn_concat_axis(struct graph *graph, const char *name, const value *parts, int n_parts,
                     int axis);
value nn_slice(struct graph *graph, const char *name, value x, int axis, int64_t begin,
               int64_t count);
value nn_reshape(struct graph *graph, const char *name, value x, struct shape shape);
/* Axis i of the result is axis order[i] of x; order has as many entries as x has axes. */
value nn_permute(struct graph *graph, const char *name, value x, const int *order);
/* before[i] and after[i] elements of `fill` around axis i; as many entries as x has axes. */
value nn_pad(struct graph *graph, const char *name, value x, const int64_t *before,
             const int64_t *after, double fill);
/* Element i of the axis moves to (i + shift) modulo its extent. */
value nn_roll(struct graph *graph, const char *name, value x, int axis, int64_t shift);
value nn_flip(struct graph *graph, const char *name, value x, int axis);
/* Axes of extent 1 are repeated up to the extents of `shape`; both have the same rank. */
value nn_broadcast(struct graph *graph, const char *name, value x, struct shape shape);
/* x: [n, h, w, c] -> [n * windows, side * side, c], windows in row order. The picture is filled up
 * to whole windows with zeros at the bottom and on the right; nothing masks them. */
value nn_window_partition(struct graph *graph, const char *name, value x, int64_t side);
/* The inverse, which drops what was filled up: -> [n, h, w, c]. */
value nn_window_merge(struct graph *graph, const char *name, value windows, int64_t h, int64_t w,
                      int64_t side);
/* x: [n, spatial..., c], points: I32 [n, m, dims], indices in the order of the axes (the caller
 * promises that they lie inside) -> [n, m, c]. */
value nn_take_points(struct graph *graph, const char *name, value x, value points);
/* x: [n, ...], index: I32 of any shape, in 0 .. n-1 (the caller's promise): rows of axis 0 with the
 * axes of index in place of n. An embedding is nn_take() of its table. */
value nn_take(struct graph *graph, const char *name, value x, value index);
/* x: [n, t, ...], index: I32 [n] or [n, m] in 0 .. t-1 (the caller's promise): rows of each sample,
 * [n, ...] or [n, m, ...]; the end-of-text token, points of a feature map. */
value nn_take_each(struct graph *graph, const char *name, value x, value index);
/* PyTorch's PixelShuffle, channel c * r * r + dy * r + dx, and its inverse. x: [n, h, w, c]. */
value nn_depth_to_space(struct graph *graph, const char *name, value x, int64_t r);
value nn_space_to_depth(struct graph *graph, const char *name, value x, int64_t r);

/* x: [n, h, w, c]. Nearest knows no aligned corners. */
value nn_resize2d(struct graph *graph, const char *name, value x, int64_t oh, int64_t ow,
                  enum resize_mode mode, bool align_corners);
struct nn_pool_options {
    int64_t kernel[2];
    int64_t stride[2]; /* 0: the kernel's extent */
    int64_t pad[2];    /* not counted in a mean */
    bool is_max;       /* else mean */
};
value nn_pool2d(struct graph *graph, const char *name, value x,
                const struct nn_pool_options *options);
/* x: [n, d, h, w, c]. */
value nn_resize_trilinear(struct graph *graph, const char *name, value x, int64_t od, int64_t oh,
                          int64_t ow, bool align_corners);
struct nn_pool3d_options {
    int64_t kernel[3], stride[3], pad[3]; /* as for nn_pool2d(), in the order d, h, w */
    bool is_max;
};
value nn_pool3d(struct graph *graph, const char *name, value x,
                const struct nn_pool3d_options *options);
/* x: [n, ..., c] -> [n, c], over all axes between. */
value nn_global_pool(struct graph *graph, const char *name, value x, bool is_max);

/* table: [v, c], index: I32 [p, l] with -1 for none (the caller promises < v): mean of the rows of
 * each p, zeros if it has none. -> [p, c] */
value nn_word_bag(struct graph *graph, const char *name, value table, value index);

/* softmax(scale q k^T + bias) v for every head. */
struct nn_attention_inputs {
    value q, k, v; /* q: [batch, tq, heads * dim], k and v: [batch, tk, heads * dim]; or q is a
                    * packed [batch, t, 3 * heads * dim] of all three, and k and v are absent */
    value bias;    /* [heads, tq, tk] or [batch, heads, tq, tk]; all axes but tk may be 1. Masks
                    * are 0 and -inf */
    value rel_h, rel_w; /* [batch, heads, tq, kh] and [.., kw], both or neither: the score of the
                         * key in row y and column x of a kh x kw grid gets rel_h[y] + rel_w[x] */
    value key_count;    /* I32 [batch]: keys beyond it are masked */
};
/* The three (or the packed one, NO_VALUE, NO_VALUE) and nothing else. */
static inline struct nn_attention_inputs nn_attention_of(value q, value k, value v)
{
    return (struct nn_attention_inputs){q, k, v, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE};
}

struct nn_attention_options {
    int64_t heads;
    double scale;      /* 0: 1 / sqrt(dim) */
    bool causal;       /* query i sees keys 0 .. i */
    bool materialised; /* as the two operators below; else nothing of size tq x tk exists */
};
/* -> [batch, tq, heads * dim]. If materialised the probabilities are the value
 * "<name>.probabilities". */
value nn_attention(struct graph *graph, const char *name, struct nn_attention_inputs inputs,
                   const struct nn_attention_options *options);
/* -> [batch, heads, tq, tk]; inputs.v is not read. A tap like any other: it can be read, fed and
 * differentiated with respect to, and dropout goes behind it. */
value nn_attention_probabilities(struct graph *graph, const char *name,
                                 struct nn_attention_inputs inputs,
                                 const struct nn_attention_options *options);
/* Probabilities times v: [batch, tk, heads * dim], or the packed tensor whose last third it is. */
value nn_attention_apply(struct graph *graph, const char *name, value probabilities, value v,
                         bool packed);

/* Decomposed relative positions of one axis, for rel_h or rel_w: the products of every query
 * (unscaled) with the rows of a table that all heads share. q: [batch, grid[0] * grid[1], heads *
 * dim], or packed with two more parts behind; table: [nn_relative_rows(), dim], row 0 for the
 * lowest query and the highest key. -> [batch, heads, queries, n_keys]. A table of another length
 * is resized before: nn_resize2d(), bilinear, as [1, rows, 1, dim]. */
struct nn_relative_options {
    int64_t heads;
    int64_t grid[2]; /* queries: rows, columns */
    int64_t n_keys;  /* of the axis */
    bool along_w;    /* else along the rows */
    bool packed;
};
int64_t nn_relative_rows(int64_t n_queries, int64_t n_keys);
value nn_relative_positions(struct graph *graph, const char *name, value q, value table,
                            const struct nn_relative_options *options);

/* Cosine over the last axis, norms not below epsilon: of a and b with broadcasting, [...], or of
 * all pairs of rows, a: [n, c], b: [m, c] -> [n, m]. */
value nn_cosine(struct graph *graph, const char *name, value a, value b, double epsilon);
value nn_cosine_matrix(struct graph *graph, const char *name, value a, value b, double epsilon);

/* Losses per sample, so that weights can be applied: [p, ...] -> [p]. Targets get no gradient. */
/* Mean over the rest of max(x, 0) - x t + log(1 + exp(-|x|)); soft targets are fine. */
value nn_bce_logits(struct graph *graph, const char *name, value logits, value target);
/* 1 - (2 sum s t + smooth) / (sum s + sum t + smooth), s = sigmoid(logits). */
value nn_soft_dice(struct graph *graph, const char *name, value logits, value target,
                   double smooth);
/* bce_weight * bce + dice_weight * dice in one pass over the sigmoid. */
value nn_bce_dice(struct graph *graph, const char *name, value logits, value target, double smooth,
                  double bce_weight, double dice_weight);
/* logits: [..., k], target: I32 [...] in -1 .. k-1 (the caller's promise) -> [...], classes of
 * samples or of pixels. -1 is ignored: loss 0. */
value nn_cross_entropy(struct graph *graph, const char *name, value logits, value target);
/* target: the probabilities, like logits -> [...] */
value nn_soft_cross_entropy(struct graph *graph, const char *name, value logits, value target);
/* Mean of the squares over the rest. */
value nn_squared_error(struct graph *graph, const char *name, value x, value target);

/* 1 - (2 sum p t + smooth) / (sum p + sum t + smooth) of probabilities, for each channel.
 * p and target: [n, ..., c] -> [n, c], or [c] with the sums over the batch. */
struct nn_dice_options {
    double smooth;
    bool squared; /* sum p^2 + sum t^2 below */
    bool batch;
};
value nn_dice(struct graph *graph, const char *name, value p, value target,
              const struct nn_dice_options *options);

/* A batch of pairs: logits [b, b] are similarities over a temperature (nn_cosine_matrix), images
 * down, texts across; pairs lie on the diagonal. Both directions -> [1]. See contrastive.c. */
enum nn_contrastive_kind {
    NN_INFO_NCE, /* CLIP; the learned scale is a factor of the logits */
    NN_DHN_NCE,  /* as the paper defines it */
    NN_DHN_NCE_RELEASED,
    NN_CONTRASTIVE_COUNT
};
struct nn_contrastive_options {
    enum nn_contrastive_kind kind;
    double beta[2];   /* DHN-NCE: image to text, text to image */
    double alpha;     /* released only */
    double negatives; /* released only: its N; 0 is b - 1 */
};
value nn_contrastive(struct graph *graph, const char *name, value logits,
                     const struct nn_contrastive_options *options);

/* With P the softmax of scores over the last axis: -sum positive ln P - sum negative ln(1 - P).
 * scores: [..., n], positive and negative: weights like scores -> [...] */
value nn_match(struct graph *graph, const char *name, value scores, value positive, value negative);
/* sum_i weight[i] x[i], [p] -> [1]; the sum is in double. */
value nn_weighted_sum(struct graph *graph, const char *name, value x, value weight);

#endif
