/* sam/ops: the small operators of Segment Anything that this version has. */
#include <math.h>
#include <string.h>

#include "compute/compute.h"
#include "golden_graph.h"
#include "images.h"
#include "imaging/resize.h"

static const struct tolerance exact_extent = {"extents", 0, "whole numbers"};
static const struct tolerance coordinate = {"coordinates", 1e-4, "stored as float32, to 1e3"};
static const struct tolerance logit = {"logits", 1e-4, "two float32 resizes"};
static const struct tolerance linear = {"linear", 1e-5, "float32 rounding"};
static const struct tolerance fourier = {"encoding", 2e-5, "the reference's phase is float32"};
static const struct tolerance gelu = {"gelu", 1e-6, "float32 rounding of erf"};

static void compare_longest_side(struct golden *golden, const char *name,
                                 const struct tensor *input, const struct tensor *target,
                                 const struct tensor *want)
{
    ana_error err = {0};
    struct image image = {0}, resized = {0};
    int64_t height, width;
    if (!golden_image(golden, &image, input, name))
        return;
    resize_longest_side(&height, &width, image_height(&image), image_width(&image),
                        tensor_i32(target)[0]);
    const ana_status status =
        image_resize(&resized, &image, height, width, RESIZE_FILTER_BILINEAR, &err);
    if (golden_ok(golden, status, &err, name))
        golden_compare_image(golden, &golden_exact_u8, name, &resized, want);
    image_clear(&image);
    image_clear(&resized);
}

static void compare_images(struct golden *golden, const struct tensor_source *source)
{
    struct tensor input, target, want;
    for (int i = 0; golden_find(&input, source, golden_print(golden, "resize%d.in", i)); i++) {
        const char *name = golden_print(golden, "resize%d", i);
        if (golden_tensor(golden, &target, source, golden_print(golden, "%s.target", name)) &&
            golden_tensor(golden, &want, source, golden_print(golden, "%s.out", name)))
            compare_longest_side(golden, name, &input, &target, &want);
    }
}

enum { SAM_SIDE = 1024 };

static void compare_extents(struct golden *golden, const struct tensor_source *source)
{
    struct tensor in, want;
    if (!golden_tensor(golden, &in, source, "shape.in_hw") ||
        !golden_tensor(golden, &want, source, "shape.out_hw"))
        return;
    const int64_t n = tensor_count(&in);
    double *got = golden_alloc(golden, n, sizeof *got);
    for (int64_t i = 0; i < n; i += 2) {
        int64_t height, width;
        resize_longest_side(&height, &width, tensor_i32(&in)[i], tensor_i32(&in)[i + 1], SAM_SIDE);
        got[i] = (double)height;
        got[i + 1] = (double)width;
    }
    golden_compare(golden, &exact_extent, "shape.out_hw", got, golden_f64(golden, &want), n);
}

/* Points move by the quotient of the rounded extents, not by the scale. */
static void compare_coordinates(struct golden *golden, const struct tensor_source *source)
{
    struct tensor in, extents, want;
    if (!golden_tensor(golden, &in, source, "coords.in") ||
        !golden_tensor(golden, &extents, source, "coords.hw") ||
        !golden_tensor(golden, &want, source, "coords.out"))
        return;
    const int64_t n = in.shape.extent[0], n_images = extents.shape.extent[0];
    double *got = golden_alloc(golden, n_images * n * 2, sizeof *got);
    for (int64_t i = 0; i < n_images; i++) {
        const int32_t h = tensor_i32(&extents)[i * 2], w = tensor_i32(&extents)[i * 2 + 1];
        int64_t height, width;
        resize_longest_side(&height, &width, h, w, SAM_SIDE);
        for (int64_t j = 0; j < n; j++) {
            double *xy = got + (i * n + j) * 2;
            xy[0] = (double)tensor_f32(&in)[j * 2] * ((double)width / (double)w);
            xy[1] = (double)tensor_f32(&in)[j * 2 + 1] * ((double)height / (double)h);
        }
    }
    golden_compare(golden, &coordinate, "coords.out", got, golden_f64(golden, &want),
                   n_images * n * 2);
}

/* [1, c, h, w] to [h, w, c] */
static float *channels_last(struct golden *golden, const struct tensor *tensor)
{
    const int64_t c = tensor->shape.extent[1], n = tensor_count(tensor) / c;
    float *out = golden_alloc(golden, n * c, sizeof *out);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < c; k++)
            out[i * c + k] = tensor_f32(tensor)[k * n + i];
    return out;
}

/* The two-step resize by imaging and by the compute kernels, which models use. */
typedef bool (*resize_fn)(struct golden *golden, float *out, int64_t out_h, int64_t out_w,
                          const float *in, int64_t h, int64_t w, int64_t c);

static bool resize_by_imaging(struct golden *golden, float *out, int64_t out_h, int64_t out_w,
                              const float *in, int64_t h, int64_t w, int64_t c)
{
    ana_error err = {0};
    const struct plane_shape shape = {h, w, c};
    const struct torch_resize how = {.mode = TORCH_BILINEAR};
    return golden_ok(golden, plane_resize_torch(out, out_h, out_w, in, &shape, &how, &err), &err,
                     "resize");
}

static bool resize_by_kernel(struct golden *golden, float *out, int64_t out_h, int64_t out_w,
                             const float *in, int64_t h, int64_t w, int64_t c)
{
    (void)golden;
    const struct kernel_env env = {0};
    const struct resize2d_args args = {.dtype = DTYPE_F32,
                                       .n = 1,
                                       .h = h,
                                       .w = w,
                                       .c = c,
                                       .oh = out_h,
                                       .ow = out_w,
                                       .mode = RESIZE_BILINEAR,
                                       .x = in,
                                       .y = out};
    compute_default()->resize2d(&env, &args);
    return true;
}

static void compare_two_steps(struct golden *golden, const char *name, const struct tensor *low,
                              const int32_t *sizes, const struct tensor *want, resize_fn resize)
{
    const int64_t c = low->shape.extent[1];
    const int64_t side = sizes[0], in_h = sizes[1], in_w = sizes[2];
    const int64_t out_h = sizes[3], out_w = sizes[4];
    float *square = golden_alloc(golden, side * side * c, sizeof *square);
    float *cut = golden_alloc(golden, in_h * in_w * c, sizeof *cut);
    float *out = golden_alloc(golden, out_h * out_w * c, sizeof *out);

    if (!resize(golden, square, side, side, channels_last(golden, low), low->shape.extent[2],
                low->shape.extent[3], c))
        return;
    for (int64_t y = 0; y < in_h; y++)
        memcpy(cut + y * in_w * c, square + y * side * c, (size_t)(in_w * c) * sizeof *cut);
    if (!resize(golden, out, out_h, out_w, cut, in_h, in_w, c))
        return;
    const struct tensor planar =
        tensor_view(want->data, DTYPE_F32, SHAPE(c, want->shape.extent[2], want->shape.extent[3]));
    golden_compare_planar(golden, &logit, name, out, &planar);
}

static void compare_post(struct golden *golden, const struct tensor_source *source)
{
    struct tensor low, sizes, want;
    for (int i = 0; golden_find(&low, source, golden_print(golden, "post%d.low_res", i)); i++) {
        const char *name = golden_print(golden, "post%d.logits", i);
        if (!golden_tensor(golden, &sizes, source,
                           golden_print(golden, "post%d.sizes_S_ih_iw_oh_ow", i)) ||
            !golden_tensor(golden, &want, source, name))
            continue;
        const int32_t *s = tensor_i32(&sizes);
        compare_two_steps(golden, name, &low, s, &want, resize_by_imaging);
        compare_two_steps(golden, golden_print(golden, "%s by kernel", name), &low, s, &want,
                          resize_by_kernel);
    }
}

/* in and out are [c, n]. */
static void compare_linear(struct golden *golden, const struct tensor_source *source)
{
    struct tensor in, want;
    for (int i = 0; golden_find(&in, source, golden_print(golden, "linear%d.in", i)); i++) {
        const char *name = golden_print(golden, "linear%d.out", i);
        if (!golden_tensor(golden, &want, source, name))
            continue;
        const int64_t c = in.shape.extent[0], n_in = in.shape.extent[1];
        const int64_t n_out = want.shape.extent[1];
        float *table = golden_alloc(golden, n_in * c, sizeof *table);
        float *out = golden_alloc(golden, n_out * c, sizeof *out);
        for (int64_t k = 0; k < n_in * c; k++)
            table[k % n_in * c + k / n_in] = tensor_f32(&in)[k];
        table_resize_linear(out, n_out, table, n_in, c);
        golden_compare_planar(golden, &linear, name, out, &want);
    }
}

static void compare_gelu(struct golden *golden, const struct tensor_source *source)
{
    struct tensor in, want, other;
    if (!golden_tensor(golden, &in, source, "gelu.in") ||
        !golden_tensor(golden, &want, source, "gelu.out") ||
        !golden_tensor(golden, &other, source, "gelu.tanh_variant_must_differ"))
        return;
    const int64_t n = tensor_count(&in);
    float *out = golden_alloc(golden, n, sizeof *out);
    const struct kernel_env env = {0};
    const struct activation_args args = {
        .dtype = DTYPE_F32, .count = n, .activation = ACTIVATION_GELU, .x = in.data, .y = out};
    compute_default()->activate(&env, &args);
    golden_compare_f32(golden, &gelu, "gelu.out", out, &want);

    float apart = 0;
    for (int64_t i = 0; i < n; i++)
        apart = fmaxf(apart, fabsf(out[i] - tensor_f32(&other)[i]));
    if ((double)apart < 1e-4)
        golden_fail(golden, "gelu is the tanh form");
}

/* R [queries, keys, c]: what queries of one channel each find in the table. */
static void compare_positions(struct golden *golden, const char *name, const struct tensor *table,
                              const struct tensor *want)
{
    const int64_t nq = want->shape.extent[0], nk = want->shape.extent[1];
    const int64_t c = want->shape.extent[2], rows = nn_relative_rows(nq, nk);
    double *queries = golden_alloc(golden, c * nq * c, sizeof *queries);
    for (int64_t i = 0; i < c * nq * c; i++)
        queries[i] = i / (nq * c) == i % c;
    struct golden_graph g;
    golden_graph_init(&g, golden);
    const value q = golden_graph_input(&g, SHAPE(c, nq, c), queries);
    value t =
        golden_graph_input(&g, SHAPE(1, table->shape.extent[0], 1, c), golden_f64(golden, table));
    t = nn_resize2d(g.graph, NULL, t, rows, 1, RESIZE_BILINEAR, false);
    t = nn_reshape(g.graph, NULL, t, SHAPE(rows, c));
    const value out = nn_relative_positions(
        g.graph, NULL, q, t,
        &(struct nn_relative_options){.heads = 1, .grid = {nq, 1}, .n_keys = nk});
    if (golden_graph_run(&g, &out, 1, NULL, 0)) {
        double *got = golden_alloc(golden, nq * nk * c, sizeof *got);
        for (int64_t i = 0; i < nq * nk * c; i++)
            got[i % (nq * nk) * c + i / (nq * nk)] = golden_graph_value(&g, out)[i];
        golden_compare(golden, &linear, name, got, golden_f64(golden, want), nq * nk * c);
    }
    golden_graph_clear(&g);
}

static void compare_all_positions(struct golden *golden, const struct tensor_source *source)
{
    struct tensor table, want;
    for (int i = 0; golden_find(&table, source, golden_print(golden, "relpos%d.table", i)); i++) {
        const char *name = golden_print(golden, "relpos%d.out", i);
        if (golden_tensor(golden, &want, source, name))
            compare_positions(golden, name, &table, &want);
    }
}

/* sin and cos of 2 pi (2 xy - 1) G for points in the unit square: [n, 2 channels] in the arena. */
static const double *encode(struct golden *golden, const struct tensor *gaussian, double *xy,
                            int64_t n)
{
    const int64_t c = gaussian->shape.extent[1];
    double *out = golden_alloc(golden, n * 2 * c, sizeof *out);
    for (int64_t i = 0; i < 2 * n; i++)
        xy[i] = 2 * 3.14159265358979323846 * (2 * xy[i] - 1);
    struct golden_graph g;
    golden_graph_init(&g, golden);
    const value points = golden_graph_input(&g, SHAPE(n, 2), xy);
    const value matrix = golden_graph_input(&g, SHAPE(2, c), golden_f64(golden, gaussian));
    const value phase = nn_matmul(g.graph, NULL, points, matrix, 0);
    const value parts[] = {nn_unary(g.graph, NULL, phase, NN_SIN),
                           nn_unary(g.graph, NULL, phase, NN_COS)};
    const value encoding = nn_concat(g.graph, NULL, parts, 2);
    if (golden_graph_run(&g, &encoding, 1, NULL, 0))
        memcpy(out, golden_graph_value(&g, encoding), (size_t)(n * 2 * c) * sizeof *out);
    golden_graph_clear(&g);
    return out;
}

static void compare_encoding(struct golden *golden, const struct tensor_source *source)
{
    struct tensor gaussian, grid, points, want;
    if (!golden_tensor(golden, &gaussian, source, "pe.gaussian") ||
        !golden_tensor(golden, &grid, source, "pe.grid_h5_w7") ||
        !golden_tensor(golden, &points, source, "pe.points_xy") ||
        !golden_tensor(golden, &want, source, "pe.points_out_image64x48"))
        return;
    const int64_t c = grid.shape.extent[0], h = grid.shape.extent[1], w = grid.shape.extent[2];
    double *xy = golden_alloc(golden, 2 * h * w, sizeof *xy);
    double *planar = golden_alloc(golden, c * h * w, sizeof *planar);
    for (int64_t i = 0; i < h * w; i++) {
        xy[2 * i] = ((double)(i % w) + 0.5) / (double)w;
        xy[2 * i + 1] = ((double)(i / w) + 0.5) / (double)h;
    }
    const double *got = encode(golden, &gaussian, xy, h * w);
    for (int64_t i = 0; i < c * h * w; i++)
        planar[i % c * h * w + i / c] = got[i];
    golden_compare(golden, &fourier, "pe.grid", planar, golden_f64(golden, &grid), c * h * w);

    double *marks = golden_f64(golden, &points);
    const int64_t n = tensor_count(&points) / 2;
    for (int64_t i = 0; i < n; i++) {
        marks[2 * i] /= 48;
        marks[2 * i + 1] /= 64;
    }
    golden_compare(golden, &fourier, "pe.points", encode(golden, &gaussian, marks, n),
                   golden_f64(golden, &want), n * c);
}

void golden_sam_ops(struct golden *golden)
{
    const struct tensor_source *source = golden_tensors(golden, "ops.safetensors");
    if (!source)
        return;
    compare_images(golden, source);
    compare_extents(golden, source);
    compare_coordinates(golden, source);
    compare_post(golden, source);
    compare_linear(golden, source);
    compare_gelu(golden, source);
    compare_all_positions(golden, source);
    compare_encoding(golden, source);
}
