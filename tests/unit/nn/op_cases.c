/* The operator cases: odd and even extents, tails, non-square, groups, absent operands. */
#include "op_builders.h"

#include <stdio.h>

/* ---- operands ---- */

value operand(struct case_graph *c, struct shape shape, enum operand_role role, int64_t low,
              int64_t high)
{
    char name[32];
    const int i = c->n_operands++;
    (void)snprintf(name, sizeof name, "operand%d", i);
    const enum dtype dtype = role == ROLE_INDEX ? DTYPE_I32 : DTYPE_F32;
    const value v = c->param_operand == i ? graph_param(c->graph, 0)
                                          : graph_input(c->graph, name, dtype, shape);
    c->operands[i] = (struct case_operand){shape, role, low, high, v};
    return v;
}

value floats(struct case_graph *c, struct shape shape)
{
    return operand(c, shape, ROLE_FLOAT, 0, 0);
}

value floats_if(struct case_graph *c, int64_t wanted, struct shape shape)
{
    return wanted ? floats(c, shape) : NO_VALUE;
}

value shares(struct case_graph *c, struct shape shape)
{
    return operand(c, shape, ROLE_SHARE, 0, 0);
}

value indices(struct case_graph *c, struct shape shape, int64_t low, int64_t high)
{
    return operand(c, shape, ROLE_INDEX, low, high);
}

/* ---- builders ---- */

/* n h w ic oc kernel(as 10 kh + kw) stride pad dilation groups bias activation */
static value conv2d(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3]));
    const value w = floats(c, SHAPE(n[4], n[3] / n[9], n[5] / 10, n[5] % 10));
    const value bias = floats_if(c, n[10], SHAPE(n[4]));
    return nn_conv(c->graph, "y", x, w, bias,
                   &(struct nn_conv_options){.stride = {n[6], n[6]},
                                             .pad = {n[7], n[7]},
                                             .dilation = {n[8], n[8]},
                                             .groups = n[9],
                                             .activation = (enum activation)n[11]});
}

/* n w ic oc k stride pad */
static value conv1d(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2]));
    const value w = floats(c, SHAPE(n[3], n[2], n[4]));
    const value bias = floats(c, SHAPE(n[3]));
    return nn_conv(c->graph, "y", x, w, bias,
                   &(struct nn_conv_options){.dims = 1, .stride = {n[5]}, .pad = {n[6]}});
}

/* n d h w ic oc k stride pad groups */
static value conv3d(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3], n[4]));
    const value w = floats(c, SHAPE(n[5], n[4] / n[9], n[6], n[6], n[6]));
    const value bias = floats(c, SHAPE(n[5]));
    return nn_conv(
        c->graph, "y", x, w, bias,
        &(struct nn_conv_options){
            .dims = 3, .stride = {n[7], n[7], n[7]}, .pad = {n[8], n[8], n[8]}, .groups = n[9]});
}

/* rows in out bias activation; rows 0: x has one axis, above 10: two leading axes */
static value linear(struct case_graph *c, const int64_t *n)
{
    struct shape x = SHAPE(n[0], n[1]);
    if (n[0] == 0)
        x = SHAPE(n[1]);
    else if (n[0] > 10)
        x = SHAPE(n[0] / 10, n[0] % 10, n[1]);
    const value input = floats(c, x), w = floats(c, SHAPE(n[2], n[1]));
    const value bias = floats_if(c, n[3], SHAPE(n[2]));
    return nn_linear(c->graph, "y", input, w, bias, (enum activation)n[4]);
}

/* batch1 batch2 m n k transposed; batch2 0: no such axis */
static value matmul(struct case_graph *c, const int64_t *n)
{
    const int64_t b0 = n[5] ? n[3] : n[4], b1 = n[5] ? n[4] : n[3];
    const value a = floats(c, n[1] ? SHAPE(n[0], n[1], n[2], n[4]) : SHAPE(n[0], n[2], n[4]));
    const value b = floats(c, n[1] ? SHAPE(n[0], n[1], b0, b1) : SHAPE(n[0], b0, b1));
    return nn_matmul(c->graph, "y", a, b, (unsigned)n[5]);
}

/* n h w c gain bias film residual activation */
static value batch_norm(struct case_graph *c, const int64_t *n)
{
    const struct shape x = n[1] ? SHAPE(n[0], n[1], n[2], n[3]) : SHAPE(n[0], n[3]);
    const struct nn_norm_inputs in = {.x = floats(c, x),
                                      .gain = floats_if(c, n[4], SHAPE(n[3])),
                                      .bias = floats_if(c, n[5], SHAPE(n[3])),
                                      .running_mean = operand(c, SHAPE(n[3]), ROLE_STATE, 0, 0),
                                      .running_var = operand(c, SHAPE(n[3]), ROLE_STATE, 0, 0),
                                      .film = floats_if(c, n[6], SHAPE(n[0], 2 * n[3])),
                                      .residual = floats_if(c, n[7], x)};
    return nn_batch_norm(c->graph, "y", in,
                         &(struct nn_norm_options){.activation = (enum activation)n[8]});
}

/* n h w c affine film residual activation groups */
static value group_norm(struct case_graph *c, const int64_t *n)
{
    const struct shape x = SHAPE(n[0], n[1], n[2], n[3]);
    const struct nn_norm_inputs in = {.x = floats(c, x),
                                      .gain = floats_if(c, n[4], SHAPE(n[3])),
                                      .bias = floats_if(c, n[4], SHAPE(n[3])),
                                      .film = floats_if(c, n[5], SHAPE(n[0], 2 * n[3])),
                                      .residual = floats_if(c, n[6], x)};
    return nn_group_norm(
        c->graph, "y", in,
        &(struct nn_norm_options){.groups = n[8], .activation = (enum activation)n[7]});
}

/* a b c: x is [a, b, c], or [c] when a is 0; gain bias */
struct shape rows_shape(const int64_t *n)
{
    return n[0] ? SHAPE(n[0], n[1], n[2]) : SHAPE(n[2]);
}

static value layer_norm(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, rows_shape(n));
    const value gain = floats_if(c, n[3], SHAPE(n[2]));
    const value bias = floats_if(c, n[4], SHAPE(n[2]));
    return nn_layer_norm(c->graph, "y", x, gain, bias, 1e-5);
}

static value l2_normalise(struct case_graph *c, const int64_t *n)
{
    /* A large epsilon takes the other branch. */
    return nn_l2_normalise(c->graph, "y", floats(c, rows_shape(n)), n[3] ? 100 : 1e-12);
}

static value softmax(struct case_graph *c, const int64_t *n)
{
    return nn_softmax(c->graph, "y", floats(c, rows_shape(n)));
}

/* a b c activation */
static value activate(struct case_graph *c, const int64_t *n)
{
    const value x = nn_combine(c->graph, "wide", floats(c, rows_shape(n)), 3, NO_VALUE, 0);
    return nn_activate(c->graph, "y", x, (enum activation)n[3]);
}

/* a b c kind: 0 add, 1 combine two, 2 combine one */
static value combine(struct case_graph *c, const int64_t *n)
{
    const value a = floats(c, rows_shape(n));
    if (n[3] == 2)
        return nn_combine(c->graph, "y", a, -1.5, NO_VALUE, 0);
    const value b = floats(c, rows_shape(n));
    return n[3] ? nn_combine(c->graph, "y", a, 0.25, b, -2) : nn_add(c->graph, "y", a, b);
}

/* The same value on both sides: its gradient is the sum of two. */
static value add_twice(struct case_graph *c, const int64_t *n)
{
    const value a = floats(c, rows_shape(n));
    return nn_combine(c->graph, "y", a, 0.25, a, -2);
}

static value mul(struct case_graph *c, const int64_t *n)
{
    const value a = floats(c, rows_shape(n)), b = floats(c, rows_shape(n));
    return nn_mul(c->graph, "y", a, b);
}

static value mul_square(struct case_graph *c, const int64_t *n)
{
    const value a = floats(c, rows_shape(n));
    return nn_mul(c->graph, "y", a, a);
}

static value scale_rows(struct case_graph *c, const int64_t *n)
{
    const struct shape x = rows_shape(n);
    const value a = floats(c, x), s = floats(c, SHAPE(x.extent[0]));
    return nn_scale_rows(c->graph, "y", a, s);
}

/* a b c p(percent) */
static value dropout(struct case_graph *c, const int64_t *n)
{
    return nn_dropout(c->graph, "y", floats(c, rows_shape(n)), (double)n[3] / 100);
}

/* a b then the channels of up to 4 parts */
static value concat(struct case_graph *c, const int64_t *n)
{
    value parts[4];
    int count = 0;
    for (; count < 4 && n[2 + count]; count++)
        parts[count] = floats(c, SHAPE(n[0], n[1], n[2 + count]));
    return nn_concat(c->graph, "y", parts, count);
}

static value concat_twice(struct case_graph *c, const int64_t *n)
{
    const value a = floats(c, rows_shape(n));
    return nn_concat(c->graph, "y", (value[]){a, a}, 2);
}

/* a b c axis begin count */
static value slice(struct case_graph *c, const int64_t *n)
{
    return nn_slice(c->graph, "y", floats(c, rows_shape(n)), (int)n[3], n[4], n[5]);
}

/* a b c to d e */
static value reshape(struct case_graph *c, const int64_t *n)
{
    return nn_reshape(c->graph, "y", floats(c, rows_shape(n)), SHAPE(n[3], n[4]));
}

/* rank, extents[4], order as decimal digits from 1 */
static value permute(struct case_graph *c, const int64_t *n)
{
    struct shape shape = {.rank = (int)n[0]};
    int order[TENSOR_MAX_RANK];
    int64_t digits = n[6];
    for (int axis = shape.rank - 1; axis >= 0; axis--) {
        shape.extent[axis] = n[1 + axis];
        order[axis] = (int)(digits % 10) - 1;
        digits /= 10;
    }
    return nn_permute(c->graph, "y", floats(c, shape), order);
}

/* n h w c r to_space */
static value pixel_shuffle(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3]));
    return n[5] ? nn_depth_to_space(c->graph, "y", x, n[4])
                : nn_space_to_depth(c->graph, "y", x, n[4]);
}

/* n h w c oh ow mode align_corners */
static value resize2d(struct case_graph *c, const int64_t *n)
{
    return nn_resize2d(c->graph, "y", floats(c, SHAPE(n[0], n[1], n[2], n[3])), n[4], n[5],
                       (enum resize_mode)n[6], n[7]);
}

/* n h w c kernel(10 kh + kw) stride pad is_max */
static value pool2d(struct case_graph *c, const int64_t *n)
{
    return nn_pool2d(c->graph, "y", floats(c, SHAPE(n[0], n[1], n[2], n[3])),
                     &(struct nn_pool_options){.kernel = {n[4] / 10, n[4] % 10},
                                               .stride = {n[5], n[5]},
                                               .pad = {n[6], n[6]},
                                               .is_max = n[7]});
}

/* n h w c is_max; h 0: x is [n, w, c] */
static value global_pool(struct case_graph *c, const int64_t *n)
{
    const struct shape x = n[1] ? SHAPE(n[0], n[1], n[2], n[3]) : SHAPE(n[0], n[2], n[3]);
    return nn_global_pool(c->graph, "y", floats(c, x), n[4]);
}

/* rows b c m; b 0: x is [rows, c] */
static value take(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, n[1] ? SHAPE(n[0], n[1], n[2]) : SHAPE(n[0], n[2]));
    return nn_take(c->graph, "y", x, indices(c, SHAPE(n[3]), 0, n[0]));
}

/* v c p l */
static value word_bag(struct case_graph *c, const int64_t *n)
{
    const value table = floats(c, SHAPE(n[0], n[1]));
    return nn_word_bag(c->graph, "y", table, indices(c, SHAPE(n[2], n[3]), -1, n[0]));
}

/* a b c kind: 0 bce, 1 dice, 2 both */
static value mask_loss(struct case_graph *c, const int64_t *n)
{
    const struct shape shape = SHAPE(n[0], n[1], n[2]);
    const value x = floats(c, shape), t = shares(c, shape);
    if (n[3] == 0)
        return nn_bce_logits(c->graph, "y", x, t);
    return n[3] == 1 ? nn_soft_dice(c->graph, "y", x, t, 1)
                     : nn_bce_dice(c->graph, "y", x, t, 0.5, 0.7, 1.3);
}

static value cross_entropy(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1]));
    return nn_cross_entropy(c->graph, "y", x, indices(c, SHAPE(n[0]), 0, n[1]));
}

static value weighted_sum(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0]));
    return nn_weighted_sum(c->graph, "y", x, shares(c, SHAPE(n[0])));
}

/* ---- the table ---- */

enum {
    RELU = ACTIVATION_RELU,
    SIGMOID = ACTIVATION_SIGMOID,
    GELU = ACTIVATION_GELU,
    QUICK = ACTIVATION_QUICK_GELU,
    SILU = ACTIVATION_SILU,
    LEAKY = ACTIVATION_LEAKY_RELU
};

const struct op_case op_cases[] = {
    {"conv", conv2d, {2, 7, 5, 3, 4, 33, 1, 1, 1, 1, 1, RELU}, "[2, 7, 5, 4]", false},
    {"conv", conv2d, {1, 9, 12, 6, 5, 33, 2, 1, 1, 1, 0, 0}, "[1, 5, 6, 5]", false},
    {"conv", conv2d, {2, 6, 6, 8, 17, 11, 1, 0, 1, 1, 1, 0}, "[2, 6, 6, 17]", false},
    {"conv", conv2d, {1, 11, 8, 6, 9, 33, 1, 2, 2, 3, 1, RELU}, "[1, 11, 8, 9]", false},
    {"conv", conv2d, {2, 8, 9, 5, 5, 33, 1, 1, 1, 5, 1, 0}, "[2, 8, 9, 5]", false},
    {"conv", conv2d, {1, 10, 7, 2, 16, 52, 3, 0, 1, 1, 1, SILU}, "[1, 2, 2, 16]", false},
    {"conv", conv2d, {1, 19, 23, 16, 24, 33, 1, 1, 1, 1, 1, RELU}, "[1, 19, 23, 24]", false},
    {"conv", conv2d, {1, 8, 8, 3, 8, 44, 4, 0, 1, 1, 1, 0}, "[1, 2, 2, 8]", false},
    {"conv", conv1d, {2, 11, 3, 4, 3, 1, 1}, "[2, 11, 4]", false},
    {"conv", conv1d, {1, 16, 5, 2, 4, 4, 0}, "[1, 4, 2]", false},
    {"conv", conv3d, {1, 4, 5, 6, 2, 3, 3, 1, 1, 1}, "[1, 4, 5, 6, 3]", false},
    {"conv", conv3d, {2, 5, 4, 3, 4, 4, 2, 2, 1, 2}, "[2, 3, 3, 2, 4]", false},

    {"conv", case_conv_uneven, {1, 15, 14, 3, 16, 77, 22, 33, 11, 1}, "[1, 8, 7, 16]", false},
    {"conv", case_conv_uneven, {2, 9, 11, 1, 5, 35, 12, 20, 11, 1}, "[2, 11, 4, 5]", false},
    {"conv", case_conv_uneven, {1, 12, 9, 4, 6, 23, 21, 1, 13, 2}, "[1, 6, 5, 6]", false},
    {"conv", case_conv_uneven, {1, 8, 10, 9, 18, 33, 22, 11, 11, 9}, "[1, 4, 5, 18]", false},
    {"conv", case_conv_uneven, {2, 11, 7, 6, 6, 33, 11, 23, 23, 6}, "[2, 11, 7, 6]", false},
    {"conv", case_conv_uneven, {1, 13, 9, 5, 7, 32, 22, 11, 22, 1}, "[1, 6, 5, 7]", false},
    {"conv", conv1d, {1, 530, 1, 2, 520, 1, 0}, "[1, 11, 2]", false},
    {"conv", case_conv3d_uneven, {1, 5, 6, 7, 1, 6, 313, 121, 101}, "[1, 5, 3, 7, 6]", false},
    {"conv", case_conv3d_uneven, {2, 4, 3, 5, 3, 9, 222, 211, 110}, "[2, 3, 4, 4, 9]", false},

    {"conv_transpose",
     case_conv_transpose,
     {2, 3, 5, 6, 4, 22, 22, 0, 0, 1, 1},
     "[2, 6, 10, 4]",
     false},
    {"conv_transpose",
     case_conv_transpose,
     {1, 4, 3, 7, 17, 44, 44, 0, 0, 1, 0},
     "[1, 16, 12, 17]",
     false},
    {"conv_transpose",
     case_conv_transpose,
     {1, 5, 4, 5, 3, 33, 21, 11, 10, 1, 1},
     "[1, 10, 4, 3]",
     false},
    {"conv_transpose",
     case_conv_transpose,
     {2, 3, 6, 6, 4, 23, 12, 1, 1, 2, 1},
     "[2, 4, 12, 4]",
     false},
    {"conv_transpose",
     case_conv_transpose,
     {1, 6, 5, 8, 8, 33, 22, 11, 11, 8, 1},
     "[1, 12, 10, 8]",
     false},
    {"conv_transpose",
     case_conv_transpose,
     {1, 4, 5, 3, 9, 23, 11, 1, 0, 1, 1, RELU},
     "[1, 5, 5, 9]",
     false},
    {"conv_transpose",
     case_conv_transpose_dilated,
     {1, 3, 4, 2, 3, 22, 22, 22, 0},
     "[1, 7, 9, 3]",
     false},
    {"conv_transpose", case_conv_transpose_line, {1, 3, 2, 3, 513, 2}, "[1, 517, 3]", false},
    {"conv_transpose",
     case_conv_transpose3d,
     {1, 2, 3, 4, 5, 4, 222, 222, 0},
     "[1, 4, 6, 8, 4]",
     false},
    {"conv_transpose",
     case_conv_transpose3d,
     {2, 3, 2, 3, 4, 6, 323, 211, 101},
     "[2, 5, 3, 3, 6]",
     false},

    {"linear", linear, {5, 7, 3, 1, 0}, "[5, 3]", false},
    {"linear", linear, {0, 9, 4, 0, RELU}, "[4]", false},
    {"linear", linear, {37, 16, 33, 1, GELU}, "[3, 7, 33]", false},
    {"linear", linear, {8, 64, 17, 1, QUICK}, "[8, 17]", false},
    {"linear", linear, {1, 1, 1, 1, SIGMOID}, "[1, 1]", false},
    {"linear", linear, {9, 33, 20, 1, RELU}, "[9, 20]", false},

    {"matmul", matmul, {2, 0, 3, 5, 4, 0}, "[2, 3, 5]", false},
    {"matmul", matmul, {2, 3, 7, 6, 5, 1}, "[2, 3, 7, 6]", false},
    {"matmul", matmul, {1, 0, 17, 9, 33, 1}, "[1, 17, 9]", false},
    {"matmul", matmul, {3, 1, 1, 20, 8, 0}, "[3, 1, 1, 20]", false},
    {"matmul", matmul, {1, 2, 16, 16, 1, 0}, "[1, 2, 16, 16]", false},

    {"batch_norm", batch_norm, {3, 5, 4, 6, 1, 1, 0, 0, 0}, "[3, 5, 4, 6]", true},
    {"batch_norm", batch_norm, {2, 3, 7, 5, 1, 1, 1, 1, RELU}, "[2, 3, 7, 5]", true},
    {"batch_norm", batch_norm, {4, 2, 2, 17, 1, 1, 0, 1, RELU}, "[4, 2, 2, 17]", true},
    {"batch_norm", batch_norm, {5, 0, 0, 8, 0, 0, 1, 0, SILU}, "[5, 8]", true},
    {"batch_norm", batch_norm, {1, 9, 11, 3, 1, 0, 0, 0, RELU}, "[1, 9, 11, 3]", true},
    {"batch_norm", batch_norm, {3, 5, 4, 6, 1, 1, 0, 0, 0}, "[3, 5, 4, 6]", false},
    {"batch_norm", batch_norm, {2, 3, 7, 5, 1, 1, 1, 1, RELU}, "[2, 3, 7, 5]", false},
    {"batch_norm", batch_norm, {2, 4, 4, 9, 0, 1, 0, 1, 0}, "[2, 4, 4, 9]", false},

    {"group_norm", group_norm, {2, 5, 3, 6, 1, 0, 0, 0, 3}, "[2, 5, 3, 6]", false},
    {"group_norm", group_norm, {3, 4, 4, 8, 1, 1, 1, RELU, 8}, "[3, 4, 4, 8]", true},
    {"group_norm", group_norm, {1, 7, 2, 10, 0, 0, 1, RELU, 1}, "[1, 7, 2, 10]", true},
    {"group_norm", group_norm, {2, 1, 9, 12, 1, 1, 0, 0, 4}, "[2, 1, 9, 12]", false},
    {"group_norm", group_norm, {2, 3, 3, 15, 0, 1, 0, SILU, 5}, "[2, 3, 3, 15]", false},

    {"group_norm", case_group_norm3d, {2, 3, 4, 5, 6, LEAKY, 6}, "[2, 3, 4, 5, 6]", false},
    {"group_norm", case_group_norm3d, {1, 2, 5, 3, 9, RELU, 9}, "[1, 2, 5, 3, 9]", true},
    {"group_norm", group_norm, {3, 5, 4, 17, 1, 0, 0, LEAKY, 17}, "[3, 5, 4, 17]", false},

    {"layer_norm", layer_norm, {2, 3, 8, 1, 1}, "[2, 3, 8]", false},
    {"layer_norm", case_layer_norm2d, {2, 5, 3, 17}, "[2, 5, 3, 17]", false},
    {"layer_norm", layer_norm, {0, 0, 7, 1, 1}, "[7]", false},
    {"layer_norm", layer_norm, {5, 1, 33, 0, 0}, "[5, 1, 33]", false},
    {"layer_norm", layer_norm, {3, 11, 64, 1, 0}, "[3, 11, 64]", false},
    {"layer_norm", layer_norm, {1, 2, 17, 0, 1}, "[1, 2, 17]", false},

    {"l2_normalise", l2_normalise, {2, 3, 8, 0}, "[2, 3, 8]", false},
    {"l2_normalise", l2_normalise, {0, 0, 5, 0}, "[5]", false},
    {"l2_normalise", l2_normalise, {4, 1, 33, 0}, "[4, 1, 33]", false},
    {"l2_normalise", l2_normalise, {1, 7, 2, 0}, "[1, 7, 2]", false},
    {"l2_normalise", l2_normalise, {3, 2, 6, 1}, "[3, 2, 6]", false},

    {"softmax", softmax, {2, 3, 8}, "[2, 3, 8]", false},
    {"softmax", softmax, {0, 0, 5}, "[5]", false},
    {"softmax", softmax, {4, 1, 33}, "[4, 1, 33]", false},
    {"softmax", softmax, {3, 5, 1}, "[3, 5, 1]", false},
    {"softmax", softmax, {1, 9, 70}, "[1, 9, 70]", false},

    {"activate", activate, {2, 3, 7, ACTIVATION_NONE}, "[2, 3, 7]", false},
    {"activate", activate, {2, 3, 7, ACTIVATION_RELU}, "[2, 3, 7]", false},
    {"activate", activate, {0, 0, 33, ACTIVATION_RELU6}, "[33]", false},
    {"activate", activate, {3, 5, 8, ACTIVATION_LEAKY_RELU}, "[3, 5, 8]", false},
    {"activate", activate, {1, 4, 9, ACTIVATION_SIGMOID}, "[1, 4, 9]", false},
    {"activate", activate, {5, 5, 5, ACTIVATION_TANH}, "[5, 5, 5]", false},
    {"activate", activate, {2, 2, 17, ACTIVATION_GELU}, "[2, 2, 17]", false},
    {"activate", activate, {2, 8, 4, ACTIVATION_GELU_TANH}, "[2, 8, 4]", false},
    {"activate", activate, {1, 1, 50, ACTIVATION_QUICK_GELU}, "[1, 1, 50]", false},
    {"activate", activate, {4, 3, 3, ACTIVATION_SILU}, "[4, 3, 3]", false},
    {"activate", activate, {4, 3, 5, ACTIVATION_HARDSWISH}, "[4, 3, 5]", false},
    {"activate", activate, {3, 100, 200, ACTIVATION_SIGMOID}, "[3, 100, 200]", false},

    {"combine", combine, {2, 3, 5, 0}, "[2, 3, 5]", false},
    {"combine", combine, {0, 0, 17, 1}, "[17]", false},
    {"combine", combine, {4, 4, 4, 2}, "[4, 4, 4]", false},
    {"combine", add_twice, {3, 1, 7}, "[3, 1, 7]", false},
    {"combine", combine, {3, 90, 101, 1}, "[3, 90, 101]", false},

    {"mul", mul, {2, 3, 5}, "[2, 3, 5]", false},
    {"mul", mul, {0, 0, 17}, "[17]", false},
    {"mul", mul_square, {4, 1, 4}, "[4, 1, 4]", false},
    {"mul", mul, {1, 1, 1}, "[1, 1, 1]", false},
    {"mul", mul, {3, 90, 101}, "[3, 90, 101]", false},

    {"scale_rows", scale_rows, {2, 3, 5}, "[2, 3, 5]", false},
    {"scale_rows", scale_rows, {0, 0, 9}, "[9]", false},
    {"scale_rows", scale_rows, {7, 1, 8}, "[7, 1, 8]", false},
    {"scale_rows", scale_rows, {1, 6, 6}, "[1, 6, 6]", false},
    {"scale_rows", scale_rows, {3, 90, 101}, "[3, 90, 101]", false},

    {"dropout", dropout, {2, 3, 50, 50}, "[2, 3, 50]", true},
    {"dropout", dropout, {2, 3, 50, 50}, "[2, 3, 50]", false},
    {"dropout", dropout, {0, 0, 33, 10}, "[33]", true},
    {"dropout", dropout, {4, 5, 6, 0}, "[4, 5, 6]", true},
    {"dropout", dropout, {3, 90, 101, 90}, "[3, 90, 101]", true},

    {"concat", concat, {2, 3, 4, 5}, "[2, 3, 9]", false},
    {"concat", concat, {1, 7, 1, 16, 3}, "[1, 7, 20]", false},
    {"concat", concat, {5, 1, 8}, "[5, 1, 8]", false},
    {"concat", concat, {2, 2, 1, 2, 3, 4}, "[2, 2, 10]", false},
    {"concat", concat_twice, {3, 4, 5}, "[3, 4, 10]", false},

    {"concat", case_concat_axis, {0, 3, 4, 5, 2, 1}, "[6, 4, 5]", false},
    {"concat", case_concat_axis, {1, 3, 4, 5, 2, 1}, "[3, 7, 5]", false},
    {"concat", case_concat_axis, {1, 2, 1, 17, 8, 3}, "[2, 12, 17]", false},

    {"slice", slice, {4, 3, 5, 0, 1, 2}, "[2, 3, 5]", false},
    {"slice", slice, {4, 3, 5, 1, 2, 1}, "[4, 1, 5]", false},
    {"slice", slice, {4, 3, 9, 2, 0, 8}, "[4, 3, 8]", false},
    {"slice", slice, {0, 0, 7, 0, 6, 1}, "[1]", false},
    {"slice", slice, {2, 2, 3, 2, 0, 3}, "[2, 2, 3]", false},

    {"reshape", reshape, {4, 3, 5, 12, 5}, "[12, 5]", false},
    {"reshape", reshape, {2, 3, 4, 2, 12}, "[2, 12]", false},
    {"reshape", reshape, {0, 0, 21, 3, 7}, "[3, 7]", false},
    {"reshape", reshape, {1, 1, 1, 1, 1}, "[1, 1]", false},
    {"reshape", reshape, {8, 8, 2, 1, 128}, "[1, 128]", false},

    {"permute", permute, {2, 3, 5, 0, 0, 0, 21}, "[5, 3]", false},
    {"permute", permute, {3, 2, 3, 4, 0, 0, 312}, "[4, 2, 3]", false},
    {"permute", permute, {4, 2, 3, 4, 5, 0, 1324}, "[2, 4, 3, 5]", false},
    {"permute", permute, {5, 2, 3, 2, 4, 3, 15243}, "[2, 3, 3, 4, 2]", false},
    {"permute", permute, {1, 7, 0, 0, 0, 0, 1}, "[7]", false},

    {"pixel_shuffle", pixel_shuffle, {2, 3, 2, 8, 2, 1}, "[2, 6, 4, 2]", false},
    {"pixel_shuffle", pixel_shuffle, {1, 2, 5, 9, 3, 1}, "[1, 6, 15, 1]", false},
    {"pixel_shuffle", pixel_shuffle, {2, 4, 6, 3, 2, 0}, "[2, 2, 3, 12]", false},
    {"pixel_shuffle", pixel_shuffle, {1, 3, 9, 2, 3, 0}, "[1, 1, 3, 18]", false},
    {"pixel_shuffle", pixel_shuffle, {1, 3, 4, 5, 1, 1}, "[1, 3, 4, 5]", false},

    {"pad", case_pad, {2, 3, 5, 1, 0, 2, 2, 1, 1}, "[3, 7, 7]", false},
    {"pad", case_pad, {2, 3, 17, 0, 0, 0, 1, 4, 0, 1}, "[2, 4, 21]", false},
    {"pad", case_pad, {0, 0, 7, 2, 1}, "[10]", false},
    {"pad", case_pad, {4, 1, 8}, "[4, 1, 8]", false},
    {"pad", case_pad4d, {1, 5, 6, 3, 2, 1}, "[1, 7, 7, 3]", false},

    {"roll", case_roll, {4, 3, 5, 0, 1}, "[4, 3, 5]", false},
    {"roll", case_roll, {4, 3, 5, 1, -1}, "[4, 3, 5]", false},
    {"roll", case_roll, {2, 3, 17, 2, 40}, "[2, 3, 17]", false},
    {"roll", case_roll, {3, 7, 2, 1, 0}, "[3, 7, 2]", false},
    {"roll", case_roll, {0, 0, 9, 0, -4}, "[9]", false},

    {"flip", case_roll, {4, 3, 5, 0, 0, 1}, "[4, 3, 5]", false},
    {"flip", case_roll, {4, 3, 5, 1, 0, 1}, "[4, 3, 5]", false},
    {"flip", case_roll, {2, 3, 33, 2, 0, 1}, "[2, 3, 33]", false},
    {"flip", case_roll, {3, 1, 2, 1, 0, 1}, "[3, 1, 2]", false},
    {"flip", case_roll, {0, 0, 9, 0, 0, 1}, "[9]", false},

    {"broadcast", case_broadcast, {1, 3, 5, 4, 3, 5}, "[4, 3, 5]", false},
    {"broadcast", case_broadcast, {2, 1, 7, 2, 6, 7}, "[2, 6, 7]", false},
    {"broadcast", case_broadcast, {3, 4, 1, 3, 4, 9}, "[3, 4, 9]", false},
    {"broadcast", case_broadcast, {1, 1, 1, 2, 3, 4}, "[2, 3, 4]", false},
    {"broadcast", case_broadcast, {1, 2, 70, 5, 2, 70}, "[5, 2, 70]", false},
    {"broadcast", case_broadcast, {2, 3, 4, 2, 3, 4}, "[2, 3, 4]", false},

    {"window", case_window, {2, 4, 6, 3, 2}, "[12, 4, 3]", false},
    {"window", case_window, {1, 7, 5, 4, 3}, "[6, 9, 4]", false},
    {"window", case_window, {2, 3, 2, 5, 4}, "[2, 16, 5]", false},
    {"window", case_window, {1, 9, 8, 33, 7}, "[4, 49, 33]", false},
    {"window", case_window, {2, 4, 6, 3, 2, 1}, "[2, 4, 6, 3]", false},
    {"window", case_window, {1, 7, 5, 4, 3, 1}, "[1, 7, 5, 4]", false},
    {"window", case_window, {2, 3, 2, 5, 4, 1}, "[2, 3, 2, 5]", false},
    {"window", case_window, {1, 9, 8, 33, 7, 1}, "[1, 9, 8, 33]", false},

    {"resize2d", resize2d, {2, 4, 3, 5, 8, 6, RESIZE_BILINEAR, 0}, "[2, 8, 6, 5]", false},
    {"resize2d", resize2d, {1, 5, 7, 3, 9, 4, RESIZE_BILINEAR, 1}, "[1, 9, 4, 3]", false},
    {"resize2d", resize2d, {2, 3, 4, 8, 6, 8, RESIZE_NEAREST, 0}, "[2, 6, 8, 8]", false},
    {"resize2d", resize2d, {1, 7, 5, 2, 3, 9, RESIZE_NEAREST, 0}, "[1, 3, 9, 2]", false},
    {"resize2d", resize2d, {1, 6, 5, 3, 11, 8, RESIZE_BICUBIC, 0}, "[1, 11, 8, 3]", false},
    {"resize2d", resize2d, {1, 1, 1, 4, 3, 2, RESIZE_BILINEAR, 0}, "[1, 3, 2, 4]", false},

    {"resize2d", resize2d, {1, 5, 7, 3, 9, 4, RESIZE_BICUBIC, 1}, "[1, 9, 4, 3]", false},
    {"resize2d", resize2d, {2, 9, 8, 5, 4, 3, RESIZE_BICUBIC, 0}, "[2, 4, 3, 5]", false},
    {"resize2d", resize2d, {1, 3, 1, 66, 1, 5, RESIZE_BICUBIC, 1}, "[1, 1, 5, 66]", false},
    {"resize2d", resize2d, {1, 9, 8, 17, 4, 3, RESIZE_BILINEAR, 0}, "[1, 4, 3, 17]", false},
    {"resize2d", resize2d, {2, 3, 5, 8, 12, 20, RESIZE_BILINEAR, 1}, "[2, 12, 20, 8]", false},

    {"resize_trilinear", case_trilinear, {2, 2, 3, 4, 5, 4, 6, 8, 0}, "[2, 4, 6, 8, 5]", false},
    {"resize_trilinear", case_trilinear, {1, 3, 2, 5, 3, 4, 5, 7, 1}, "[1, 4, 5, 7, 3]", false},
    {"resize_trilinear", case_trilinear, {1, 5, 4, 6, 9, 2, 3, 4, 0}, "[1, 2, 3, 4, 9]", false},
    {"resize_trilinear", case_trilinear, {1, 1, 1, 1, 4, 2, 3, 2, 0}, "[1, 2, 3, 2, 4]", false},
    {"resize_trilinear", case_trilinear, {1, 5, 5, 5, 1, 4, 4, 4, 0}, "[1, 4, 4, 4, 1]", false},
    {"resize_trilinear", case_trilinear, {1, 2, 3, 2, 17, 1, 6, 3, 1}, "[1, 1, 6, 3, 17]", false},

    {"pool2d", pool2d, {2, 6, 4, 5, 22, 0, 0, 1}, "[2, 3, 2, 5]", false},
    {"pool2d", pool2d, {1, 7, 9, 8, 33, 2, 1, 1}, "[1, 4, 5, 8]", false},
    {"pool2d", pool2d, {2, 6, 5, 3, 22, 0, 0, 0}, "[2, 3, 2, 3]", false},
    {"pool2d", pool2d, {1, 8, 7, 9, 33, 1, 1, 0}, "[1, 8, 7, 9]", false},
    {"pool2d", pool2d, {1, 9, 6, 2, 32, 3, 0, 1}, "[1, 3, 2, 2]", false},

    {"pool2d", case_pool_uneven, {1, 9, 8, 17, 23, 21, 11, 1}, "[1, 5, 8, 17]", false},
    {"pool2d", case_pool_uneven, {2, 7, 9, 3, 32, 23, 10, 0}, "[2, 4, 3, 3]", false},

    {"pool3d", case_pool3d, {2, 4, 6, 4, 5, 222, 222, 0, 1}, "[2, 2, 3, 2, 5]", false},
    {"pool3d", case_pool3d, {1, 5, 7, 6, 8, 333, 212, 111, 1}, "[1, 3, 7, 3, 8]", false},
    {"pool3d", case_pool3d, {1, 3, 4, 5, 17, 123, 111, 11, 1}, "[1, 3, 5, 5, 17]", false},
    {"pool3d", case_pool3d, {2, 5, 4, 6, 3, 322, 221, 101, 0}, "[2, 3, 2, 7, 3]", false},
    {"pool3d", case_pool3d, {1, 2, 2, 2, 9, 222, 222, 0, 0}, "[1, 1, 1, 1, 9]", false},

    {"global_pool", global_pool, {2, 4, 5, 3, 0}, "[2, 3]", false},
    {"global_pool", global_pool, {2, 4, 5, 3, 1}, "[2, 3]", false},
    {"global_pool", global_pool, {1, 0, 9, 8, 0}, "[1, 8]", false},
    {"global_pool", global_pool, {3, 0, 7, 17, 1}, "[3, 17]", false},
    {"global_pool", global_pool, {5, 1, 1, 2, 0}, "[5, 2]", false},

    {"take", take, {4, 3, 5, 6}, "[6, 3, 5]", false},
    {"take", take, {1, 0, 8, 3}, "[3, 8]", false},
    {"take", take, {7, 0, 1, 1}, "[1, 1]", false},
    {"take", take, {3, 2, 2, 9}, "[9, 2, 2]", false},
    {"take", take, {5, 11, 100, 4}, "[4, 11, 100]", false},

    {"take_points", case_points, {2, 3, 4, 5, 7, 6}, "[2, 6, 7]", false},
    {"take_points", case_points, {1, 2, 2, 2, 33, 20}, "[1, 20, 33]", false},
    {"take_points", case_points, {3, 0, 4, 5, 1, 2}, "[3, 2, 1]", false},
    {"take_points", case_points, {2, 0, 0, 9, 8, 4}, "[2, 4, 8]", false},
    {"take_points", case_points, {1, 5, 1, 3, 4, 1}, "[1, 1, 4]", false},

    {"word_bag", word_bag, {6, 4, 3, 2}, "[3, 4]", false},
    {"word_bag", word_bag, {2, 7, 5, 4}, "[5, 7]", false},
    {"word_bag", word_bag, {1, 1, 6, 1}, "[6, 1]", false},
    {"word_bag", word_bag, {30, 33, 2, 9}, "[2, 33]", false},
    {"word_bag", word_bag, {9, 700, 3, 5}, "[3, 700]", false},

    {"attention", case_attention, {2, 3, 5, 2, 4, 0, 0, 0}, "[2, 3, 8]", false},
    {"attention", case_attention, {1, 7, 7, 3, 5, 1, 0, 0}, "[1, 7, 15]", false},
    {"attention", case_attention, {2, 4, 6, 2, 8, 0, 1, 1}, "[2, 4, 16]", false},
    {"attention", case_attention, {2, 5, 9, 1, 16, 1, 1, 1}, "[2, 5, 16]", false},
    {"attention", case_attention, {1, 33, 40, 2, 8, 0, 0, 0}, "[1, 33, 16]", false},
    {"attention", case_attention, {2, 7, 7, 2, 3, 0, 0, 0, 1}, "[2, 7, 6]", false},
    {"attention", case_attention, {1, 9, 9, 3, 4, 1, 0, 0, 1}, "[1, 9, 12]", false},
    {"attention", case_attention, {2, 6, 6, 2, 4, 0, 2, 0, 1}, "[2, 6, 8]", false},
    {"attention", case_attention, {2, 3, 7, 2, 4, 0, 3, 1, 0}, "[2, 3, 8]", false},
    {"attention", case_attention, {3, 4, 9, 2, 4, 0, 4, 0, 0}, "[3, 4, 8]", false},
    {"attention", case_attention, {3, 4, 9, 2, 4, 1, 4, 0, 0}, "[3, 4, 8]", false},
    {"attention", case_attention, {2, 5, 6, 1, 17, 0, 5, 1, 0}, "[2, 5, 17]", false},
    {"attention", case_attention, {2, 9, 9, 2, 4, 0, 0, 0, 0, 1}, "[2, 9, 8]", false},
    {"attention", case_attention, {2, 9, 9, 2, 4, 1, 0, 1, 1, 1}, "[2, 9, 8]", false},
    {"attention", case_attention, {1, 12, 12, 2, 5, 0, 0, 0, 1, 0, 4}, "[1, 12, 10]", false},
    {"attention", case_attention, {2, 5, 6, 2, 3, 0, 1, 1, 0, 0, 2}, "[2, 5, 6]", false},
    {"attention", case_attention, {2, 5, 6, 2, 3, 1, 1, 1, 0, 0, 3}, "[2, 5, 6]", false},
    {"attention", case_attention, {1, 5, 11, 1, 128, 0, 0, 0, 0}, "[1, 5, 128]", false},
    {"attention", case_attention_of_itself, {2, 5, 2, 3, 0}, "[2, 5, 6]", false},
    {"attention", case_attention_of_itself, {2, 5, 2, 3, 1}, "[2, 5, 6]", false},

    {"mask_loss", mask_loss, {2, 4, 5, 0}, "[2]", false},
    {"mask_loss", mask_loss, {3, 7, 3, 1}, "[3]", false},
    {"mask_loss", mask_loss, {2, 9, 11, 2}, "[2]", false},
    {"mask_loss", mask_loss, {1, 1, 1, 2}, "[1]", false},
    {"mask_loss", mask_loss, {3, 130, 150, 2}, "[3]", false},

    {"cross_entropy", cross_entropy, {3, 5}, "[3]", false},
    {"cross_entropy", cross_entropy, {1, 2}, "[1]", false},
    {"cross_entropy", cross_entropy, {9, 33}, "[9]", false},
    {"cross_entropy", cross_entropy, {4, 1}, "[4]", false},
    {"cross_entropy", cross_entropy, {17, 8}, "[17]", false},

    {"weighted_sum", weighted_sum, {1}, "[1]", false},
    {"weighted_sum", weighted_sum, {2}, "[1]", false},
    {"weighted_sum", weighted_sum, {7}, "[1]", false},
    {"weighted_sum", weighted_sum, {32}, "[1]", false},
    {"weighted_sum", weighted_sum, {33}, "[1]", false},

    {"attention_probabilities", case_probabilities, {2, 3, 5, 2, 4}, "[2, 2, 3, 5]", false},
    {"attention_probabilities",
     case_probabilities,
     {1, 7, 7, 3, 5, 0, 1, 0, 1},
     "[1, 3, 7, 7]",
     false},
    {"attention_probabilities",
     case_probabilities,
     {3, 4, 6, 2, 8, 0, 4, 1},
     "[3, 2, 4, 6]",
     false},
    {"attention_probabilities",
     case_probabilities,
     {2, 6, 6, 2, 3, 0, 3, 0, 1, 1},
     "[2, 2, 6, 6]",
     false},
    {"attention_probabilities",
     case_probabilities,
     {2, 5, 12, 1, 16, 0, 2, 0, 0, 0, 4},
     "[2, 1, 5, 12]",
     false},
    {"attention_probabilities",
     case_probabilities,
     {2, 49, 70, 2, 20, 0, 0, 0},
     "[2, 2, 49, 70]",
     false},

    {"attention_apply", case_apply, {2, 3, 5, 2, 4, 0}, "[2, 3, 8]", false},
    {"attention_apply", case_apply, {1, 7, 7, 3, 5, 1}, "[1, 7, 15]", false},
    {"attention_apply", case_apply, {3, 1, 9, 1, 16, 1}, "[3, 1, 16]", false},
    {"attention_apply", case_apply, {2, 6, 1, 2, 1, 0}, "[2, 6, 2]", false},
    {"attention_apply", case_apply, {1, 33, 40, 2, 17, 0}, "[1, 33, 34]", false},

    {"relative_positions", case_relative, {2, 3, 4, 2, 5, 3, 0, 0}, "[2, 2, 12, 3]", false},
    {"relative_positions", case_relative, {2, 3, 4, 2, 5, 4, 1, 0}, "[2, 2, 12, 4]", false},
    {"relative_positions", case_relative, {1, 7, 5, 3, 4, 7, 0, 1}, "[1, 3, 35, 7]", false},
    {"relative_positions", case_relative, {2, 2, 6, 1, 9, 6, 1, 1}, "[2, 1, 12, 6]", false},
    {"relative_positions", case_relative, {1, 4, 3, 2, 3, 6, 0, 0}, "[1, 2, 12, 6]", false},
    {"relative_positions", case_relative, {1, 2, 7, 1, 16, 3, 1, 0}, "[1, 1, 14, 3]", false},

    {"matmul", case_matmul, {2, 3, 5, 4, 7, NN_TRANSPOSE_A, 0}, "[2, 3, 5, 4]", false},
    {"matmul",
     case_matmul,
     {1, 2, 6, 9, 5, NN_TRANSPOSE_A | NN_TRANSPOSE_B},
     "[1, 2, 6, 9]",
     false},
    {"matmul", case_matmul, {2, 2, 5, 4, 7, 0, 1}, "[2, 2, 5, 4]", false},
    {"matmul", case_matmul, {2, 3, 4, 6, 3, NN_TRANSPOSE_B, 3}, "[2, 3, 4, 6]", false},
    {"matmul", case_matmul, {3, 1, 4, 17, 3, NN_TRANSPOSE_A, 2}, "[3, 1, 4, 17]", false},
    {"matmul",
     case_matmul,
     {3, 2, 8, 5, 9, NN_TRANSPOSE_A | NN_TRANSPOSE_B, 4},
     "[3, 2, 8, 5]",
     false},
    {"matmul", case_matmul, {1, 1, 8, 5, 9, NN_TRANSPOSE_B, 1}, "[1, 1, 8, 5]", false},

    {"binary", case_binary, {NN_ADD, 0, 2, 3, 5, 0, 0, 3, 5}, "[2, 3, 5]", false},
    {"binary", case_binary, {NN_MUL, 0, 2, 3, 5, 0, 2, 1, 5}, "[2, 3, 5]", false},
    {"binary", case_binary, {NN_SUB, 0, 0, 1, 5, 2, 3, 4, 5}, "[2, 3, 4, 5]", false},
    {"binary", case_binary, {NN_DIV, 0, 4, 1, 7, 0, 0, 6, 1}, "[4, 6, 7]", false},
    {"binary", case_binary, {NN_DIV, 0, 0, 0, 1, 0, 3, 1, 4}, "[3, 1, 4]", false},
    {"binary", case_binary, {NN_MUL, 2, 1, 3, 1, 1, 5, 1, 4}, "[2, 5, 3, 4]", false},
    {"binary", case_binary, {NN_MUL, 0, 0, 9, 9, 0, 0, 0, 1}, "[9, 9]", false},
    {"binary", case_binary, {NN_SUB, 0, 3, 60, 300, 0, 0, 1, 300}, "[3, 60, 300]", false},
    {"binary", case_binary_square, {3, 2, 5}, "[3, 2, 5]", false},

    {"unary", case_unary, {2, 3, 7, NN_EXP}, "[2, 3, 7]", false},
    {"unary", case_unary, {0, 0, 33, NN_LOG}, "[33]", false},
    {"unary", case_unary, {3, 5, 8, NN_SQRT}, "[3, 5, 8]", false},
    {"unary", case_unary, {1, 4, 9, NN_SIN}, "[1, 4, 9]", false},
    {"unary", case_unary, {3, 90, 101, NN_COS}, "[3, 90, 101]", false},

    {"reduce", case_reduce, {0, 2, 3, 5, NN_SUM, 2, 1, 0}, "[2, 3]", false},
    {"reduce", case_reduce, {0, 2, 3, 5, NN_MEAN, 0, 1, 1}, "[1, 3, 5]", false},
    {"reduce", case_reduce, {2, 3, 4, 70, NN_MEAN, 1, 2, 0}, "[2, 70]", false},
    {"reduce", case_reduce, {0, 0, 0, 17, NN_SUM, 0, 1, 0}, "[1]", false},
    {"reduce", case_reduce, {2, 3, 4, 5, NN_SUM, 0, 4, 1}, "[1, 1, 1, 1]", false},
    {"reduce", case_reduce, {0, 3, 100, 130, NN_MEAN, 1, 1, 0}, "[3, 130]", false},

    {"reduce_max", case_reduce, {0, 2, 3, 5, NN_MAX, 2, 1, 0}, "[2, 3]", false},
    {"reduce_max", case_reduce, {0, 2, 3, 5, NN_MAX, 1, 1, 1}, "[2, 1, 5]", false},
    {"reduce_max", case_reduce, {2, 3, 4, 65, NN_MAX, 0, 2, 0}, "[4, 65]", false},
    {"reduce_max", case_reduce, {0, 0, 0, 17, NN_MAX, 0, 1, 0}, "[1]", false},
    {"reduce_max", case_reduce, {0, 3, 1, 9, NN_MAX, 1, 1, 0}, "[3, 9]", false},

    {"log_softmax", case_log_softmax, {2, 3, 8}, "[2, 3, 8]", false},
    {"log_softmax", case_log_softmax, {0, 0, 5}, "[5]", false},
    {"log_softmax", case_log_softmax, {4, 1, 33}, "[4, 1, 33]", false},
    {"log_softmax", case_log_softmax, {3, 5, 1}, "[3, 5, 1]", false},
    {"log_softmax", case_over_axis, {3, 5, 4, 1, 1}, "[3, 5, 4]", false},
    {"log_softmax", case_soft_classes, {2, 3, 5}, "[2, 3]", false},
    {"softmax", case_over_axis, {3, 5, 4, 0, 0}, "[3, 5, 4]", false},
    {"softmax", case_over_axis, {2, 5, 4, 2, 0}, "[2, 5, 4]", false},
    {"softmax", case_masked_softmax, {5, 3, 6}, "[5, 3, 6]", false},
    {"softmax", case_masked_softmax, {7, 2, 1}, "[7, 2, 1]", false},

    {"layer_norm", case_layer_norm_epsilon, {2, 3, 8, 12}, "[2, 3, 8]", false},
    {"layer_norm", case_layer_norm_epsilon, {1, 5, 33, 6}, "[1, 5, 33]", false},
    {"l2_normalise", case_cosine, {4, 4, 7, 0}, "[4]", false},
    {"l2_normalise", case_cosine, {5, 1, 9, 0}, "[5]", false},
    {"l2_normalise", case_cosine, {3, 6, 10, 1}, "[3, 6]", false},

    {"take", case_take_shaped, {6, 4, 0, 3, 5}, "[3, 5, 4]", false},
    {"take", case_take_shaped, {9, 5, 2, 2, 3}, "[2, 2, 3, 5]", false},
    {"take", case_take_each, {3, 5, 4, 0}, "[3, 4]", false},
    {"take", case_take_each, {2, 7, 3, 6}, "[2, 6, 3]", false},
    {"take", case_take_each, {1, 2, 600, 5}, "[1, 5, 600]", false},

    {"cross_entropy", case_pixel_classes, {2, 3, 5, 4}, "[2, 3, 5]", false},
    {"cross_entropy", case_pixel_classes, {1, 100, 90, 3}, "[1, 100, 90]", false},
    {"reduce", case_squared_error, {3, 2, 5}, "[3]", false},

    {"dice", case_dice, {2, 9, 3, 100, 0, 0}, "[2, 3]", false},
    {"dice", case_dice, {3, 7, 2, 0, 1, 0}, "[3, 2]", false},
    {"dice", case_dice, {4, 5, 6, 1, 0, 1}, "[6]", false},
    {"dice", case_dice, {1, 1, 1, 50, 1, 1}, "[1]", false},
    {"dice", case_dice, {2, 500, 17, 10, 1, 1}, "[17]", false},

    {"contrastive", case_contrastive, {5, NN_INFO_NCE}, "[1]", false},
    {"contrastive", case_contrastive, {1, NN_INFO_NCE}, "[1]", false},
    {"contrastive", case_contrastive, {4, NN_DHN_NCE, 15, 30}, "[1]", false},
    {"contrastive", case_contrastive, {2, NN_DHN_NCE, 0, 15}, "[1]", false},
    {"contrastive", case_contrastive, {6, NN_DHN_NCE_RELEASED, 15, 40, 0, 0}, "[1]", false},
    {"contrastive", case_contrastive, {3, NN_DHN_NCE_RELEASED, 15, 15, 70, 7}, "[1]", false},

    {"match", case_match, {0, 3, 5}, "[3]", false},
    {"match", case_match, {2, 3, 8}, "[2, 3]", false},
    {"match", case_match, {0, 1, 2}, "[1]", false},
    {"match", case_match, {4, 1, 33}, "[4, 1]", false},
    {"match", case_match, {0, 7, 100}, "[7]", false},
};
const int n_op_cases = (int)(sizeof op_cases / sizeof op_cases[0]);

/* ---- operands that do not fit ---- */

static value bad_conv_channels(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 4, 4, 3)), w = floats(c, SHAPE(5, 4, 3, 3));
    return nn_conv(c->graph, "bad", x, w, NO_VALUE, NULL);
}

static value bad_conv_kernel(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 4, 4, 3)), w = floats(c, SHAPE(5, 3, 5, 5));
    return nn_conv(c->graph, "bad", x, w, NO_VALUE, NULL);
}

static value bad_conv_bias(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 4, 4, 3)), w = floats(c, SHAPE(5, 3, 1, 1));
    return nn_conv(c->graph, "bad", x, w, floats(c, SHAPE(4)), NULL);
}

static value bad_linear(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(2, 4));
    return nn_linear(c->graph, "bad", x, floats(c, SHAPE(3, 5)), NO_VALUE, ACTIVATION_NONE);
}

static value bad_missing(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_linear(c->graph, "bad", floats(c, SHAPE(2, 4)), NO_VALUE, NO_VALUE, ACTIVATION_NONE);
}

static value bad_film(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const struct nn_norm_inputs in = {
        floats(c, SHAPE(2, 3, 4)), NO_VALUE, NO_VALUE, floats(c, SHAPE(4)), floats(c, SHAPE(4)),
        floats(c, SHAPE(2, 4)),    NO_VALUE};
    return nn_batch_norm(c->graph, "bad", in, NULL);
}

static value bad_groups(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const struct nn_norm_inputs in = {
        floats(c, SHAPE(2, 3, 4)), NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE, NO_VALUE};
    return nn_group_norm(c->graph, "bad", in, &(struct nn_norm_options){.groups = 3});
}

static value bad_add(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value a = floats(c, SHAPE(2, 3));
    return nn_add(c->graph, "bad", a, floats(c, SHAPE(3, 2)));
}

static value bad_concat(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value a = floats(c, SHAPE(2, 3)), b = floats(c, SHAPE(3, 3));
    return nn_concat(c->graph, "bad", (value[]){a, b}, 2);
}

static value bad_slice(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_slice(c->graph, "bad", floats(c, SHAPE(2, 3)), 1, 2, 2);
}

static value bad_reshape(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_reshape(c->graph, "bad", floats(c, SHAPE(2, 3)), SHAPE(4, 2));
}

static value bad_permute(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_permute(c->graph, "bad", floats(c, SHAPE(2, 3)), (int[]){1, 1});
}

static value bad_index_type(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(2, 3));
    return nn_take(c->graph, "bad", x, floats(c, SHAPE(2)));
}

static value bad_shuffle(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_depth_to_space(c->graph, "bad", floats(c, SHAPE(1, 2, 2, 6)), 2);
}

static value bad_rank(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_resize2d(c->graph, "bad", floats(c, SHAPE(2, 3)), 4, 4, RESIZE_NEAREST, false);
}

static value bad_size(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const int64_t huge = INT64_C(1) << 31;
    return nn_resize2d(c->graph, "bad", floats(c, SHAPE(1, 2, 2, 3)), huge, huge, RESIZE_NEAREST,
                       false);
}

static value bad_empty(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_softmax(c->graph, "bad", floats(c, SHAPE(2, 0)));
}

static value bad_matmul(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value a = floats(c, SHAPE(2, 3, 4));
    return nn_matmul(c->graph, "bad", a, floats(c, SHAPE(2, 3, 4)), false);
}

const struct bad_case bad_cases[] = {
    {bad_conv_channels, "w makes 5 channels from 4 in 1 groups, x has 3"},
    {bad_conv_kernel, "a kernel of 5 (dilation 1) does not fit 4"},
    {bad_conv_bias, "bias is [4], expected [5]"},
    {bad_linear, "w takes 5 features, x has 4"},
    {bad_missing, "w is missing"},
    {bad_film, "film is [2, 4], expected [2, 8]"},
    {bad_groups, "4 channels in 3 groups"},
    {bad_add, "b is [3, 2], expected [2, 3]"},
    {bad_concat, "part 1 is [3, 3], expected [2, 3]"},
    {bad_slice, "2 from 2 on axis 1 of extent 3"},
    {bad_reshape, "[2, 3] cannot become [4, 2]"},
    {bad_permute, "axis 1 is named twice"},
    {bad_index_type, "index is of type F32, expected I32"},
    {bad_shuffle, "[1, 2, 2, 6] does not divide by 2"},
    {bad_rank, "x is [2, 3], expected 4 to 4 axes"},
    {bad_size, "result too large"},
    {bad_attention_heads, "6 channels in 4 heads"},
    {bad_empty, "which is empty"},
    {bad_matmul, "a is [2, 3, 4] and b [2, 3, 4]"},
    {bad_transposed_channels, "w takes 4 channels in 1 groups, x has 3"},
    {bad_transposed_output_pad, "axis 1: output padding 2 with stride 2 and dilation 1"},
    {bad_transposed_pad, "axis 0: padding 2 leaves nothing of 3"},
    {bad_concat_axis, "axis 2 of 2"},
    {bad_pad, "axis 1: 0 before and -1 after"},
    {bad_roll, "axis 3 of 2"},
    {bad_flip, "axis -1 of 2"},
    {bad_broadcast, "[2, 3] cannot be repeated to [4, 3]"},
    {bad_window_side, "side 0, expected 1 to 4096"},
    {bad_window_merge, "[5, 4, 3] are no windows of side 2 of 4 x 6"},
    {bad_nearest, "nearest knows no aligned corners"},
    {bad_trilinear, "to 0 x 2 x 2"},
    {bad_pool3d, "axis 2: kernel 2, stride 2, padding 2 on extent 4"},
    {bad_points, "points is [1, 4, 3], expected [1, 4, 2]"},
    {bad_attention_v, "v is [1, 3, 6], expected [1, 2, 6]"},
    {bad_attention_bias, "bias is [2, 1, 1, 2], expected [3, 2, 2, 2] or 1 on an axis"},
    {bad_attention_positions, "rel_w is missing"},
    {bad_attention_grid, "positions of 2 x 2 keys, there are 2"},
    {bad_attention_packed, "9 channels in 3 x 2 heads"},
    {bad_apply, "v is [1, 3, 6], expected [1, 4, 6]"},
    {bad_relative_grid, "6 queries on a grid of 2 x 4"},
    {bad_relative_table, "table is [5, 2], expected [3, 2]"},
    {bad_matmul_batch, "a is [2, 4, 3] transposed and b [3, 5, 4] transposed"},
    {bad_binary, "[2, 3] and [2] do not broadcast"},
    {bad_unary, "no function has number"},
    {bad_reduce, "2 axes from 1 of 2"},
    {bad_axis, "axis 2 of 2"},
    {bad_take_each, "index [3] for samples [2, 3, 4]"},
    {bad_take_rank, "more than 5 axes"},
    {bad_classes, "target is [2], expected [2, 3]"},
    {bad_dice, "smooth is -1"},
    {bad_contrastive, "logits is [2, 3], expected [2, 2]"},
    {bad_contrastive_size, "a batch of 1 has no negatives"},
    {bad_match, "negative is [3, 2], expected [2, 3]"},
};
const int n_bad_cases = (int)(sizeof bad_cases / sizeof bad_cases[0]);
