/* vlsm/cris: the neck (feature pyramid, sentence, coordinates) and the projector whose 3 x 3 kernel
 * each sentence makes for its own picture, built here from the operators. */
#include "golden_net.h"

static const struct tolerance necked = {"neck", 1e-5, "float32 convolutions"};
static const struct tolerance projected = {"projector", 2e-5, "float32 convolutions"};
static const struct tolerance logit = {"logits", 1e-4, "float32 sums of the whole decoder"};

static value batch_norm(struct golden_net *net, const char *name, value x)
{
    const struct nn_norm_inputs in = {.x = x,
                                      .gain = golden_net_weight(net, "%s.weight", name),
                                      .bias = golden_net_weight(net, "%s.bias", name),
                                      .running_mean =
                                          golden_net_weight(net, "%s.running_mean", name),
                                      .running_var = golden_net_weight(net, "%s.running_var", name),
                                      .film = NO_VALUE,
                                      .residual = NO_VALUE};
    return nn_batch_norm(net->graph, NULL, in,
                         &(struct nn_norm_options){.activation = ACTIVATION_RELU});
}

/* Convolution without bias that keeps the extent, norm, ReLU. */
static value cbr(struct golden_net *net, const char *name, value x)
{
    const value w = golden_net_weight(net, "%s.0.weight", name);
    const int64_t pad = graph_shape(net->graph, w).extent[2] / 2;
    x = nn_conv(net->graph, NULL, x, w, NO_VALUE, &(struct nn_conv_options){.pad = {pad, pad}});
    return batch_norm(net, golden_print(net->golden, "%s.1", name), x);
}

static value doubled(struct golden_net *net, value x)
{
    const struct shape s = graph_shape(net->graph, x);
    return nn_resize2d(net->graph, NULL, x, 2 * s.extent[1], 2 * s.extent[2], RESIZE_BILINEAR,
                       false);
}

static value halved(struct golden_net *net, value x)
{
    return nn_pool2d(net->graph, NULL, x, &(struct nn_pool_options){.kernel = {2, 2}});
}

static value joined(struct golden_net *net, value a, value b)
{
    return nn_concat(net->graph, NULL, (value[]){a, b}, 2);
}

static const char *tap_name(struct golden *golden, const char *prefix, const char *name)
{
    return golden_print(golden, "%s.%s", prefix, name);
}

/* ---- the neck ---- */

struct neck {
    value sentence, deepest, aggregated, coordinated, out;
};

/* [n, h, w, (x, y)], both from -1 to 1 */
static value coordinates(struct golden_net *net, int64_t n, int64_t h, int64_t w)
{
    float *xy = golden_alloc(net->golden, h * w * 2, sizeof *xy);
    for (int64_t i = 0; i < h * w; i++) {
        xy[i * 2] = (float)(-1 + 2 * (double)(i % w) / (double)(w - 1));
        xy[i * 2 + 1] = (float)(-1 + 2 * (double)(i / w) / (double)(h - 1));
    }
    const struct tensor planes = tensor_view(xy, DTYPE_F32, SHAPE(1, h, w, 2));
    return nn_broadcast(net->graph, NULL, golden_net_input(net, "coordinates", &planes),
                        SHAPE(n, h, w, 2));
}

/* ReLU(norm(projected v5 times the sentence)) */
static value deepest_level(struct golden_net *net, struct neck *n, value v5, value state)
{
    struct graph *g = net->graph;
    const value w = golden_net_weight(net, "neck.txt_proj.0.weight");
    value x = nn_linear(g, NULL, state, w, NO_VALUE, ACTIVATION_NONE);
    n->sentence = golden_net_tap(net, batch_norm(net, "neck.txt_proj.1", x));
    x = cbr(net, "neck.f1_v_proj", v5);
    const struct shape s = graph_shape(g, x);
    value scale = nn_reshape(g, NULL, n->sentence, SHAPE(s.extent[0], 1, 1, s.extent[3]));
    scale = nn_broadcast(g, NULL, scale, s);
    return n->deepest =
               golden_net_tap(net, batch_norm(net, "neck.norm_layer.0", nn_mul(g, NULL, x, scale)));
}

static void build_neck(struct golden_net *net, struct neck *n, const value v[3], value state)
{
    const value f5 = deepest_level(net, n, v[2], state);
    const value f4 =
        cbr(net, "neck.f2_cat", joined(net, cbr(net, "neck.f2_v_proj", v[1]), doubled(net, f5)));
    const value f3 =
        cbr(net, "neck.f3_cat", joined(net, halved(net, cbr(net, "neck.f3_v_proj", v[0])), f4));
    const value q5 = doubled(net, cbr(net, "neck.f4_proj5", f5));
    const value q4 = cbr(net, "neck.f4_proj4", f4), q3 = cbr(net, "neck.f4_proj3", f3);
    value x = nn_concat(net->graph, NULL, (value[]){q3, q4, q5}, 3);
    x = n->aggregated = golden_net_tap(net, cbr(net, "neck.aggr", x));
    const struct shape s = graph_shape(net->graph, x);
    x = joined(net, x, coordinates(net, s.extent[0], s.extent[1], s.extent[2]));
    x = n->coordinated = golden_net_tap(net, cbr(net, "neck.coordconv.0.conv1", x));
    n->out = golden_net_tap(net, cbr(net, "neck.coordconv.1", x));
}

static void compare_neck(struct golden *golden, const struct tensor_source *weights,
                         const struct tensor_source *want, const char *prefix)
{
    static const char *const features[] = {"vis.layer2_v3", "vis.layer3_v4", "vis.attnpool_v5"};
    struct golden_net net;
    struct neck n;
    struct tensor tensor;
    value v[3] = {NO_VALUE, NO_VALUE, NO_VALUE}, state = NO_VALUE;
    golden_net_init(&net, golden, weights, "");
    for (int i = 0; i < 3; i++)
        if (golden_tensor(golden, &tensor, want, tap_name(golden, "compat", features[i])))
            v[i] = golden_net_picture(&net, features[i], &tensor);
    if (golden_tensor(golden, &tensor, want, tap_name(golden, prefix, "state")))
        state = golden_net_input(&net, "state", &tensor);
    build_neck(&net, &n, v, state);
    if (golden_net_run(&net, false, NO_VALUE)) {
        golden_net_compare(&net, &necked, n.sentence, want,
                           tap_name(golden, prefix, "neck.txt_proj"));
        golden_net_compare_picture(&net, &necked, n.deepest, want,
                                   tap_name(golden, prefix, "neck.norm_layer"), 1);
        golden_net_compare_picture(&net, &necked, n.aggregated, want,
                                   tap_name(golden, prefix, "neck.aggr"), 1);
        golden_net_compare_picture(&net, &necked, n.coordinated, want,
                                   tap_name(golden, prefix, "neck.coordconv0"), 1);
        golden_net_compare_picture(&net, &necked, n.out, want, tap_name(golden, prefix, "neck.out"),
                                   1);
    }
    golden_net_clear(&net);
}

/* ---- the projector ---- */

struct projector {
    value picture, kernel, low, logits, probability;
};

/* One group of channels for each sample: its own picture meets its own kernel. */
static value correlate(struct golden_net *net, value x, value kernel)
{
    struct graph *g = net->graph;
    const struct shape s = graph_shape(g, x);
    const int64_t n = s.extent[0], h = s.extent[1], w = s.extent[2], c = s.extent[3];
    const int64_t taps = graph_shape(g, kernel).extent[1] - 1;
    x = nn_permute(g, NULL, x, (int[]){1, 2, 0, 3});
    x = nn_reshape(g, NULL, x, SHAPE(1, h, w, n * c));
    const value weights =
        nn_reshape(g, NULL, nn_slice(g, NULL, kernel, 1, 0, taps), SHAPE(n, c, 3, 3));
    const value bias = nn_reshape(g, NULL, nn_slice(g, NULL, kernel, 1, taps, 1), SHAPE(n));
    x = nn_conv(g, NULL, x, weights, bias, &(struct nn_conv_options){.pad = {1, 1}, .groups = n});
    return nn_permute(g, NULL, x, (int[]){3, 1, 2, 0});
}

static void build_projector(struct golden_net *net, struct projector *p, value x, value state,
                            int64_t side)
{
    struct graph *g = net->graph;
    x = cbr(net, "proj.vis.1", doubled(net, x));
    x = cbr(net, "proj.vis.3", doubled(net, x));
    p->picture =
        golden_net_tap(net, nn_conv(g, NULL, x, golden_net_weight(net, "proj.vis.4.weight"),
                                    golden_net_weight(net, "proj.vis.4.bias"), NULL));
    p->kernel =
        golden_net_tap(net, nn_linear(g, NULL, state, golden_net_weight(net, "proj.txt.weight"),
                                      golden_net_weight(net, "proj.txt.bias"), ACTIVATION_NONE));
    p->low = golden_net_tap(net, correlate(net, p->picture, p->kernel));
    p->logits = golden_net_tap(net, nn_resize2d(g, NULL, p->low, side, side, RESIZE_BICUBIC, true));
    const value share = nn_activate(g, NULL, p->low, ACTIVATION_SIGMOID);
    p->probability =
        golden_net_tap(net, nn_resize2d(g, NULL, share, side, side, RESIZE_BICUBIC, true));
}

/* [n, c, h w] of a square as a picture */
static value square_picture(struct golden_net *net, const struct tensor *tokens, int64_t side)
{
    const int64_t *e = tokens->shape.extent;
    const struct tensor picture =
        tensor_view(tokens->data, DTYPE_F32, SHAPE(e[0], e[1], side, side));
    return golden_net_picture(net, "decoded", &picture);
}

static void compare_projector(struct golden *golden, const struct tensor_source *weights,
                              const struct tensor_source *want, const char *prefix)
{
    struct golden_net net;
    struct projector p;
    struct tensor decoded, state, low, logits;
    if (!golden_tensor(golden, &decoded, want, tap_name(golden, prefix, "dec.out")) ||
        !golden_tensor(golden, &state, want, tap_name(golden, prefix, "state")) ||
        !golden_tensor(golden, &low, want, tap_name(golden, prefix, "logits_low")) ||
        !golden_tensor(golden, &logits, want, tap_name(golden, prefix, "logits")))
        return;
    golden_net_init(&net, golden, weights, "");
    build_projector(&net, &p, square_picture(&net, &decoded, low.shape.extent[2] / 4),
                    golden_net_input(&net, "state", &state), logits.shape.extent[2]);
    if (golden_net_run(&net, false, NO_VALUE)) {
        golden_net_compare_picture(&net, &projected, p.picture, want,
                                   tap_name(golden, prefix, "proj.vis_stride2"), 2);
        golden_net_compare(&net, &projected, p.kernel, want, tap_name(golden, prefix, "proj.txt"));
        golden_net_compare_picture(&net, &logit, p.low, want,
                                   tap_name(golden, prefix, "logits_low"), 1);
        golden_net_compare_picture(&net, &logit, p.logits, want, tap_name(golden, prefix, "logits"),
                                   1);
        golden_net_compare_picture(&net, &logit, p.probability, want,
                                   tap_name(golden, prefix, "prob_upstream"), 1);
    }
    golden_net_clear(&net);
}

void golden_vlsm_cris(struct golden *golden)
{
    const struct tensor_source *weights = golden_tensors(golden, "cris.safetensors");
    const struct tensor_source *want = golden_tensors(golden, "forward.safetensors");
    if (!weights || !want)
        return;
    static const char *const prefixes[] = {"compat", "upstream"};
    for (int i = 0; i < 2; i++) {
        compare_neck(golden, weights, want, prefixes[i]);
        compare_projector(golden, weights, want, prefixes[i]);
    }
    golden_skip(golden, "vis.*, txt.*, dec.layer*, train",
                "towers and decoder come with the models");
}
