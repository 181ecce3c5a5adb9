/* Builders of the cases of attention, rows, products, reductions and losses. */
#include "op_builders.h"

/* ---- attention ---- */

enum bias_kind { NO_BIAS, BIAS_OF_HEADS, BIAS_OF_ROWS, BIAS_SHARED, MASK_OF_KEYS, MASK_OF_ROWS };

static value attention_bias(struct case_graph *c, enum bias_kind kind, const int64_t *n)
{
    const int64_t batch = n[0], tq = n[1], tk = n[2], heads = n[3];
    switch (kind) {
    case BIAS_OF_HEADS:
        return floats(c, SHAPE(heads, tq, tk));
    case BIAS_OF_ROWS:
        return floats(c, SHAPE(batch, heads, tq, tk));
    case BIAS_SHARED:
        return floats(c, SHAPE(1, 1, tk));
    case MASK_OF_KEYS:
        return operand(c, SHAPE(batch, 1, 1, tk), ROLE_MASK, 0, 0);
    case MASK_OF_ROWS:
        return operand(c, SHAPE(batch, 1, tq, tk), ROLE_MASK, 0, 0);
    case NO_BIAS:
        break;
    }
    return NO_VALUE;
}

/* batch tq tk heads dim materialised bias key_count packed causal kw(0: no positions) */
static struct nn_attention_inputs attention_inputs(struct case_graph *c, const int64_t *n, bool v)
{
    const int64_t batch = n[0], tq = n[1], tk = n[2], heads = n[3], width = heads * n[4];
    struct nn_attention_inputs in = nn_attention_of(NO_VALUE, NO_VALUE, NO_VALUE);
    in.q = floats(c, SHAPE(batch, tq, n[8] ? 3 * width : width));
    if (!n[8]) {
        in.k = floats(c, SHAPE(batch, tk, width));
        in.v = floats_if(c, v, SHAPE(batch, tk, width));
    }
    in.bias = attention_bias(c, (enum bias_kind)n[6], n);
    if (n[10]) {
        in.rel_h = floats(c, SHAPE(batch, heads, tq, tk / n[10]));
        in.rel_w = floats(c, SHAPE(batch, heads, tq, n[10]));
    }
    in.key_count = n[7] ? indices(c, SHAPE(batch), 1, tk + 1) : NO_VALUE;
    return in;
}

value case_attention(struct case_graph *c, const int64_t *n)
{
    return nn_attention(
        c->graph, "y", attention_inputs(c, n, true),
        &(struct nn_attention_options){.heads = n[3], .materialised = n[5], .causal = n[9]});
}

value case_probabilities(struct case_graph *c, const int64_t *n)
{
    return nn_attention_probabilities(
        c->graph, "y", attention_inputs(c, n, false),
        &(struct nn_attention_options){.heads = n[3], .scale = 0.5, .causal = n[9]});
}

/* batch tq tk heads dim packed */
value case_apply(struct case_graph *c, const int64_t *n)
{
    const int64_t width = n[3] * n[4];
    const value p = floats(c, SHAPE(n[0], n[3], n[1], n[2]));
    const value v = floats(c, SHAPE(n[0], n[2], n[5] ? 3 * width : width));
    return nn_attention_apply(c->graph, "y", p, v, n[5]);
}

/* batch t heads dim materialised: one value is query, key and value */
value case_attention_of_itself(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2] * n[3]));
    return nn_attention(c->graph, "y", nn_attention_of(x, x, x),
                        &(struct nn_attention_options){.heads = n[2], .materialised = n[4]});
}

/* batch rows columns heads dim n_keys along_w packed */
value case_relative(struct case_graph *c, const int64_t *n)
{
    const int64_t width = n[3] * n[4], side = n[6] ? n[2] : n[1];
    const value q = floats(c, SHAPE(n[0], n[1] * n[2], n[7] ? 3 * width : width));
    const value table = floats(c, SHAPE(nn_relative_rows(side, n[5]), n[4]));
    return nn_relative_positions(
        c->graph, "y", q, table,
        &(struct nn_relative_options){
            .heads = n[3], .grid = {n[1], n[2]}, .n_keys = n[5], .along_w = n[6], .packed = n[7]});
}

/* ---- products and elementwise ---- */

/* batch1 batch2 m n k transpose sharing: 1 b and 2 a have no batch, 3 b and 4 a have batches of 1
 */
value case_matmul(struct case_graph *c, const int64_t *n)
{
    const unsigned transpose = (unsigned)n[5];
    const bool ta = transpose & NN_TRANSPOSE_A, tb = transpose & NN_TRANSPOSE_B;
    const int64_t a0 = ta ? n[4] : n[2], a1 = ta ? n[2] : n[4];
    const int64_t b0 = tb ? n[3] : n[4], b1 = tb ? n[4] : n[3];
    const struct shape a = n[6] == 2   ? SHAPE(a0, a1)
                           : n[6] == 4 ? SHAPE(1, 1, a0, a1)
                                       : SHAPE(n[0], n[1], a0, a1);
    const struct shape b = n[6] == 1   ? SHAPE(b0, b1)
                           : n[6] == 3 ? SHAPE(1, 1, b0, b1)
                                       : SHAPE(n[0], n[1], b0, b1);
    const value left = floats(c, a), right = floats(c, b);
    return nn_matmul(c->graph, "y", left, right, transpose);
}

/* Axes before the first that is not 0 do not exist. */
static struct shape shape_from(const int64_t *n, int count)
{
    struct shape shape = {0};
    for (int i = 0; i < count; i++)
        if (shape.rank > 0 || n[i])
            shape.extent[shape.rank++] = n[i];
    return shape;
}

/* kind, 4 axes of a, 4 of b; what divides is kept away from 0 */
value case_binary(struct case_graph *c, const int64_t *n)
{
    const enum nn_binary_kind kind = (enum nn_binary_kind)n[0];
    const value a = floats(c, shape_from(n + 1, 4));
    value b = floats(c, shape_from(n + 5, 4));
    if (kind == NN_DIV)
        b = nn_unary(c->graph, "positive", b, NN_EXP);
    return nn_binary(c->graph, "y", a, b, kind);
}

/* The same value on both sides. */
value case_binary_square(struct case_graph *c, const int64_t *n)
{
    const value a = floats(c, rows_shape(n));
    return nn_binary(c->graph, "y", a, a, NN_MUL);
}

/* a b c function */
value case_unary(struct case_graph *c, const int64_t *n)
{
    const enum nn_function function = (enum nn_function)n[3];
    value x = floats(c, rows_shape(n));
    if (function == NN_LOG || function == NN_SQRT)
        x = nn_unary(c->graph, "positive", x, NN_EXP);
    return nn_unary(c->graph, "y", x, function);
}

/* 4 axes, kind axis n_axes keep */
value case_reduce(struct case_graph *c, const int64_t *n)
{
    return nn_reduce(
        c->graph, "y", floats(c, shape_from(n, 4)),
        &(struct nn_reduce_options){
            .kind = (enum nn_reduction)n[4], .axis = (int)n[5], .n_axes = (int)n[6], .keep = n[7]});
}

/* ---- rows ---- */

value case_log_softmax(struct case_graph *c, const int64_t *n)
{
    return nn_log_softmax(c->graph, "y", floats(c, rows_shape(n)));
}

/* a b c axis logarithm */
value case_over_axis(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, rows_shape(n));
    return n[4] ? nn_log_softmax_over(c->graph, "y", x, (int)n[3])
                : nn_softmax_over(c->graph, "y", x, (int)n[3]);
}

/* a b c: a mask of all rows of a sample */
value case_masked_softmax(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2]));
    const value mask = operand(c, SHAPE(n[0], 1, n[2]), ROLE_MASK, 0, 0);
    return nn_softmax(c->graph, "y", nn_binary(c->graph, "masked", x, mask, NN_ADD));
}

/* a b c exponent: epsilon is 10 to the minus that */
value case_layer_norm_epsilon(struct case_graph *c, const int64_t *n)
{
    double epsilon = 1;
    for (int64_t i = 0; i < n[3]; i++)
        epsilon /= 10;
    const value x = floats(c, rows_shape(n));
    const value gain = floats(c, SHAPE(n[2])), bias = floats(c, SHAPE(n[2]));
    return nn_layer_norm(c->graph, "y", x, gain, bias, epsilon);
}

/* rows of a, rows of b, width, matrix */
value case_cosine(struct case_graph *c, const int64_t *n)
{
    const value a = floats(c, SHAPE(n[0], n[2])), b = floats(c, SHAPE(n[1], n[2]));
    return n[3] ? nn_cosine_matrix(c->graph, "y", a, b, 1e-12)
                : nn_cosine(c->graph, "y", a, b, 1e-6);
}

/* rows c, axes of the index */
value case_take_shaped(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1]));
    return nn_take(c->graph, "y", x, indices(c, shape_from(n + 2, 3), 0, n[0]));
}

/* samples t c m; m 0: one of each */
value case_take_each(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2]));
    const struct shape index = n[3] ? SHAPE(n[0], n[3]) : SHAPE(n[0]);
    return nn_take_each(c->graph, "y", x, indices(c, index, 0, n[1]));
}

/* ---- losses ---- */

/* n h w classes; some pixels are ignored */
value case_pixel_classes(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3]));
    return nn_cross_entropy(c->graph, "y", x, indices(c, SHAPE(n[0], n[1], n[2]), -1, n[3]));
}

value case_soft_classes(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, rows_shape(n));
    return nn_soft_cross_entropy(c->graph, "y", x, shares(c, rows_shape(n)));
}

value case_squared_error(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, rows_shape(n)), target = floats(c, rows_shape(n));
    return nn_squared_error(c->graph, "y", x, target);
}

/* n p c smooth(percent) squared batch */
value case_dice(struct case_graph *c, const int64_t *n)
{
    const struct shape shape = SHAPE(n[0], n[1], n[2]);
    const value p = nn_activate(c->graph, "p", floats(c, shape), ACTIVATION_SIGMOID);
    return nn_dice(
        c->graph, "y", p, shares(c, shape),
        &(struct nn_dice_options){.smooth = (double)n[3] / 100, .squared = n[4], .batch = n[5]});
}

/* b kind beta1 beta2 alpha (percent) negatives */
value case_contrastive(struct case_graph *c, const int64_t *n)
{
    return nn_contrastive(
        c->graph, "y", floats(c, SHAPE(n[0], n[0])),
        &(struct nn_contrastive_options){.kind = (enum nn_contrastive_kind)n[1],
                                         .beta = {(double)n[2] / 100, (double)n[3] / 100},
                                         .alpha = (double)n[4] / 100,
                                         .negatives = (double)n[5]});
}

value case_match(struct case_graph *c, const int64_t *n)
{
    const struct shape shape = n[0] ? SHAPE(n[0], n[1], n[2]) : SHAPE(n[1], n[2]);
    const value x = floats(c, shape), positive = shares(c, shape);
    return nn_match(c->graph, "y", x, positive, shares(c, shape));
}

/* ---- operands that do not fit ---- */

static const struct nn_attention_options two_heads = {.heads = 2};

value bad_attention_heads(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 2, 6));
    return nn_attention(c->graph, "bad", nn_attention_of(x, x, x),
                        &(struct nn_attention_options){.heads = 4});
}

value bad_attention_v(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 2, 6)), v = floats(c, SHAPE(1, 3, 6));
    return nn_attention(c->graph, "bad", nn_attention_of(x, x, v), &two_heads);
}

value bad_attention_bias(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(3, 2, 6));
    struct nn_attention_inputs in = nn_attention_of(x, x, x);
    in.bias = floats(c, SHAPE(2, 1, 1, 2));
    return nn_attention(c->graph, "bad", in, &two_heads);
}

value bad_attention_positions(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 2, 6));
    struct nn_attention_inputs in = nn_attention_of(x, x, x);
    in.rel_h = floats(c, SHAPE(1, 2, 2, 2));
    return nn_attention(c->graph, "bad", in, &two_heads);
}

value bad_attention_grid(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 2, 6));
    struct nn_attention_inputs in = nn_attention_of(x, x, x);
    in.rel_h = floats(c, SHAPE(1, 2, 2, 2));
    in.rel_w = floats(c, SHAPE(1, 2, 2, 2));
    return nn_attention(c->graph, "bad", in, &two_heads);
}

value bad_attention_packed(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 2, 9));
    return nn_attention(c->graph, "bad", nn_attention_of(x, NO_VALUE, NO_VALUE), &two_heads);
}

value bad_apply(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value p = floats(c, SHAPE(1, 2, 3, 4));
    return nn_attention_apply(c->graph, "bad", p, floats(c, SHAPE(1, 3, 6)), false);
}

value bad_relative_grid(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value q = floats(c, SHAPE(1, 6, 4)), table = floats(c, SHAPE(3, 2));
    return nn_relative_positions(
        c->graph, "bad", q, table,
        &(struct nn_relative_options){.heads = 2, .grid = {2, 4}, .n_keys = 2});
}

value bad_relative_table(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value q = floats(c, SHAPE(1, 6, 4)), table = floats(c, SHAPE(5, 2));
    return nn_relative_positions(
        c->graph, "bad", q, table,
        &(struct nn_relative_options){.heads = 2, .grid = {2, 3}, .n_keys = 2});
}

value bad_matmul_batch(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value a = floats(c, SHAPE(2, 4, 3));
    return nn_matmul(c->graph, "bad", a, floats(c, SHAPE(3, 5, 4)),
                     NN_TRANSPOSE_A | NN_TRANSPOSE_B);
}

value bad_binary(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value a = floats(c, SHAPE(2, 3));
    return nn_binary(c->graph, "bad", a, floats(c, SHAPE(2)), NN_ADD);
}

value bad_unary(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_unary(c->graph, "bad", floats(c, SHAPE(2)), NN_FUNCTION_COUNT);
}

value bad_reduce(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_reduce(c->graph, "bad", floats(c, SHAPE(2, 3)),
                     &(struct nn_reduce_options){.axis = 1, .n_axes = 2});
}

value bad_axis(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_softmax_over(c->graph, "bad", floats(c, SHAPE(2, 3)), 2);
}

value bad_take_each(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(2, 3, 4));
    return nn_take_each(c->graph, "bad", x, indices(c, SHAPE(3), 0, 3));
}

value bad_take_rank(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(2, 3, 4, 5));
    return nn_take(c->graph, "bad", x, indices(c, SHAPE(1, 1, 2), 0, 2));
}

value bad_classes(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(2, 3, 4));
    return nn_cross_entropy(c->graph, "bad", x, indices(c, SHAPE(2), 0, 4));
}

value bad_dice(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(2, 3));
    return nn_dice(c->graph, "bad", x, shares(c, SHAPE(2, 3)),
                   &(struct nn_dice_options){.smooth = -1});
}

value bad_contrastive(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_contrastive(c->graph, "bad", floats(c, SHAPE(2, 3)),
                          &(struct nn_contrastive_options){.kind = NN_INFO_NCE});
}

value bad_contrastive_size(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_contrastive(c->graph, "bad", floats(c, SHAPE(1, 1)),
                          &(struct nn_contrastive_options){.kind = NN_DHN_NCE});
}

value bad_match(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(2, 3)), positive = shares(c, SHAPE(2, 3));
    return nn_match(c->graph, "bad", x, positive, shares(c, SHAPE(3, 2)));
}
