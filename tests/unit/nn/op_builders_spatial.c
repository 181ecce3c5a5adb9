/* Builders of the operators over pictures and volumes. Settings of an axis are its digit: 213 is 2
 * along d, 1 along h and 3 along w. */
#include "op_builders.h"

static int64_t digit(int64_t digits, int axis, int n_axes)
{
    for (int i = n_axes - 1; i > axis; i--)
        digits /= 10;
    return digits % 10;
}

static void put_digits(int64_t *to, int64_t digits, int n_axes)
{
    for (int axis = 0; axis < n_axes; axis++)
        to[axis] = digit(digits, axis, n_axes);
}

/* ---- convolution ---- */

/* n h w ic oc kernel stride pad dilation groups */
value case_conv_uneven(struct case_graph *c, const int64_t *n)
{
    struct nn_conv_options o = {.groups = n[9]};
    put_digits(o.stride, n[6], 2);
    put_digits(o.pad, n[7], 2);
    put_digits(o.dilation, n[8], 2);
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3]));
    const value w = floats(c, SHAPE(n[4], n[3] / n[9], digit(n[5], 0, 2), digit(n[5], 1, 2)));
    return nn_conv(c->graph, "y", x, w, floats(c, SHAPE(n[4])), &o);
}

static struct shape kernel3d(int64_t out, int64_t in, int64_t digits)
{
    return SHAPE(out, in, digit(digits, 0, 3), digit(digits, 1, 3), digit(digits, 2, 3));
}

/* n d h w ic oc kernel stride pad */
value case_conv3d_uneven(struct case_graph *c, const int64_t *n)
{
    struct nn_conv_options o = {.dims = 3};
    put_digits(o.stride, n[7], 3);
    put_digits(o.pad, n[8], 3);
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3], n[4]));
    const value w = floats(c, kernel3d(n[5], n[4], n[6]));
    return nn_conv(c->graph, "y", x, w, floats(c, SHAPE(n[5])), &o);
}

/* n h w ic oc kernel stride pad output_pad groups bias activation */
value case_conv_transpose(struct case_graph *c, const int64_t *n)
{
    struct nn_conv_transpose_options o = {
        .conv = {.groups = n[9], .activation = (enum activation)n[11]}};
    put_digits(o.conv.stride, n[6], 2);
    put_digits(o.conv.pad, n[7], 2);
    put_digits(o.output_pad, n[8], 2);
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3]));
    const value w = floats(c, SHAPE(n[3], n[4] / n[9], digit(n[5], 0, 2), digit(n[5], 1, 2)));
    return nn_conv_transpose(c->graph, "y", x, w, floats_if(c, n[10], SHAPE(n[4])), &o);
}

/* n h w ic oc kernel stride dilation pad */
value case_conv_transpose_dilated(struct case_graph *c, const int64_t *n)
{
    struct nn_conv_transpose_options o = {.conv = {.dims = 2}};
    put_digits(o.conv.stride, n[6], 2);
    put_digits(o.conv.dilation, n[7], 2);
    put_digits(o.conv.pad, n[8], 2);
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3]));
    const value w = floats(c, SHAPE(n[3], n[4], digit(n[5], 0, 2), digit(n[5], 1, 2)));
    return nn_conv_transpose(c->graph, "y", x, w, floats(c, SHAPE(n[4])), &o);
}

/* n w ic oc kernel stride, none of them digits */
value case_conv_transpose_line(struct case_graph *c, const int64_t *n)
{
    const struct nn_conv_transpose_options o = {.conv = {.dims = 1, .stride = {n[5]}}};
    const value x = floats(c, SHAPE(n[0], n[1], n[2])), w = floats(c, SHAPE(n[2], n[3], n[4]));
    return nn_conv_transpose(c->graph, "y", x, w, NO_VALUE, &o);
}

/* n d h w ic oc kernel stride pad */
value case_conv_transpose3d(struct case_graph *c, const int64_t *n)
{
    struct nn_conv_transpose_options o = {.conv = {.dims = 3}};
    put_digits(o.conv.stride, n[7], 3);
    put_digits(o.conv.pad, n[8], 3);
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3], n[4]));
    const value w = floats(c, kernel3d(n[4], n[5], n[6]));
    return nn_conv_transpose(c->graph, "y", x, w, floats(c, SHAPE(n[5])), &o);
}

value bad_transposed_channels(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 4, 4, 3)), w = floats(c, SHAPE(4, 3, 2, 2));
    return nn_conv_transpose(c->graph, "bad", x, w, NO_VALUE, NULL);
}

value bad_transposed_output_pad(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 4, 4, 3)), w = floats(c, SHAPE(3, 3, 2, 2));
    return nn_conv_transpose(
        c->graph, "bad", x, w, NO_VALUE,
        &(struct nn_conv_transpose_options){.conv = {.stride = {2, 2}}, .output_pad = {1, 2}});
}

value bad_transposed_pad(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 2, 2, 3)), w = floats(c, SHAPE(3, 3, 2, 2));
    return nn_conv_transpose(c->graph, "bad", x, w, NO_VALUE,
                             &(struct nn_conv_transpose_options){.conv = {.pad = {2, 0}}});
}

/* ---- norms ---- */

/* n d h w c activation groups */
value case_group_norm3d(struct case_graph *c, const int64_t *n)
{
    const struct nn_norm_inputs in = {.x = floats(c, SHAPE(n[0], n[1], n[2], n[3], n[4])),
                                      .gain = floats(c, SHAPE(n[4])),
                                      .bias = floats(c, SHAPE(n[4])),
                                      .running_mean = NO_VALUE,
                                      .running_var = NO_VALUE,
                                      .film = NO_VALUE,
                                      .residual = NO_VALUE};
    return nn_group_norm(
        c->graph, "y", in,
        &(struct nn_norm_options){.groups = n[6], .activation = (enum activation)n[5]});
}

/* n h w c: over the channels of each position */
value case_layer_norm2d(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, SHAPE(n[0], n[1], n[2], n[3]));
    const value gain = floats(c, SHAPE(n[3])), bias = floats(c, SHAPE(n[3]));
    return nn_layer_norm(c->graph, "y", x, gain, bias, 1e-6);
}

/* ---- moving elements ---- */

/* axis a b c, extents of the other two parts along the axis */
value case_concat_axis(struct case_graph *c, const int64_t *n)
{
    value parts[3];
    for (int i = 0; i < 3; i++) {
        struct shape shape = SHAPE(n[1], n[2], n[3]);
        if (i > 0)
            shape.extent[n[0]] = n[3 + i];
        parts[i] = floats(c, shape);
    }
    return nn_concat_axis(c->graph, "y", parts, 3, (int)n[0]);
}

value bad_concat_axis(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value a = floats(c, SHAPE(2, 3));
    return nn_concat_axis(c->graph, "bad", (value[]){a, a}, 2, 2);
}

/* a b c, before and after of each axis, fill */
value case_pad(struct case_graph *c, const int64_t *n)
{
    return nn_pad(c->graph, "y", floats(c, rows_shape(n)), (int64_t[]){n[3], n[5], n[7]},
                  (int64_t[]){n[4], n[6], n[8]}, (double)n[9]);
}

/* n h w c bottom right */
value case_pad4d(struct case_graph *c, const int64_t *n)
{
    return nn_pad(c->graph, "y", floats(c, SHAPE(n[0], n[1], n[2], n[3])), (int64_t[]){0, 0, 0, 0},
                  (int64_t[]){0, n[4], n[5], 0}, 0);
}

value bad_pad(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_pad(c->graph, "bad", floats(c, SHAPE(2, 3)), (int64_t[]){0, 0}, (int64_t[]){1, -1},
                  0);
}

/* a b c axis shift flips */
value case_roll(struct case_graph *c, const int64_t *n)
{
    const value x = floats(c, rows_shape(n));
    return n[5] ? nn_flip(c->graph, "y", x, (int)n[3]) : nn_roll(c->graph, "y", x, (int)n[3], n[4]);
}

value bad_roll(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_roll(c->graph, "bad", floats(c, SHAPE(2, 3)), 3, 1);
}

value bad_flip(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_flip(c->graph, "bad", floats(c, SHAPE(2, 3)), -1);
}

/* a b c to d e f */
value case_broadcast(struct case_graph *c, const int64_t *n)
{
    return nn_broadcast(c->graph, "y", floats(c, rows_shape(n)), SHAPE(n[3], n[4], n[5]));
}

value bad_broadcast(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_broadcast(c->graph, "bad", floats(c, SHAPE(2, 3)), SHAPE(4, 3));
}

/* n h w c side merges */
value case_window(struct case_graph *c, const int64_t *n)
{
    if (!n[5])
        return nn_window_partition(c->graph, "y", floats(c, SHAPE(n[0], n[1], n[2], n[3])), n[4]);
    const int64_t windows = ((n[1] - 1) / n[4] + 1) * ((n[2] - 1) / n[4] + 1);
    const value x = floats(c, SHAPE(n[0] * windows, n[4] * n[4], n[3]));
    return nn_window_merge(c->graph, "y", x, n[1], n[2], n[4]);
}

value bad_window_side(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_window_partition(c->graph, "bad", floats(c, SHAPE(1, 4, 4, 3)), 0);
}

value bad_window_merge(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_window_merge(c->graph, "bad", floats(c, SHAPE(5, 4, 3)), 4, 6, 2);
}

/* n d h w c m; d 0: a picture, h 0 too: a line */
value case_points(struct case_graph *c, const int64_t *n)
{
    struct shape x = {.rank = 1, .extent = {n[0]}};
    int64_t smallest = INT64_MAX;
    for (int axis = 1; axis < 4; axis++)
        if (n[axis]) {
            x.extent[x.rank++] = n[axis];
            smallest = n[axis] < smallest ? n[axis] : smallest;
        }
    x.extent[x.rank++] = n[4];
    const value image = floats(c, x);
    return nn_take_points(c->graph, "y", image,
                          indices(c, SHAPE(n[0], n[5], x.rank - 2), 0, smallest));
}

value bad_points(struct case_graph *c, const int64_t *n)
{
    (void)n;
    const value x = floats(c, SHAPE(1, 4, 4, 3));
    return nn_take_points(c->graph, "bad", x, indices(c, SHAPE(1, 4, 3), 0, 4));
}

/* ---- resizing and pooling ---- */

value bad_nearest(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_resize2d(c->graph, "bad", floats(c, SHAPE(1, 4, 4, 3)), 8, 8, RESIZE_NEAREST, true);
}

/* n d h w c od oh ow align_corners */
value case_trilinear(struct case_graph *c, const int64_t *n)
{
    return nn_resize_trilinear(c->graph, "y", floats(c, SHAPE(n[0], n[1], n[2], n[3], n[4])), n[5],
                               n[6], n[7], n[8]);
}

value bad_trilinear(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_resize_trilinear(c->graph, "bad", floats(c, SHAPE(1, 2, 2, 2, 3)), 0, 2, 2, false);
}

/* n h w c kernel stride pad is_max */
value case_pool_uneven(struct case_graph *c, const int64_t *n)
{
    struct nn_pool_options o = {.is_max = n[7]};
    put_digits(o.kernel, n[4], 2);
    put_digits(o.stride, n[5], 2);
    put_digits(o.pad, n[6], 2);
    return nn_pool2d(c->graph, "y", floats(c, SHAPE(n[0], n[1], n[2], n[3])), &o);
}

/* n d h w c kernel stride pad is_max */
value case_pool3d(struct case_graph *c, const int64_t *n)
{
    struct nn_pool3d_options o = {.is_max = n[8]};
    put_digits(o.kernel, n[5], 3);
    put_digits(o.stride, n[6], 3);
    put_digits(o.pad, n[7], 3);
    return nn_pool3d(c->graph, "y", floats(c, SHAPE(n[0], n[1], n[2], n[3], n[4])), &o);
}

value bad_pool3d(struct case_graph *c, const int64_t *n)
{
    (void)n;
    return nn_pool3d(c->graph, "bad", floats(c, SHAPE(1, 4, 4, 4, 3)),
                     &(struct nn_pool3d_options){.kernel = {2, 2, 2}, .pad = {0, 0, 2}});
}
