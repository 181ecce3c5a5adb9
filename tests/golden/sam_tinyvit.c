/* sam/mobile, litemedsam: the TinyViT encoder and SAM's neck, built here from the operators. */
#include <stdlib.h>

#include "golden_net.h"

static const struct tolerance encoded = {"encoder", 1e-4, "float32 network"};

/* Comparing happens after the run; until then a tap waits with its name. */
struct waiting {
    value v;
    const char *name;
    bool is_picture; /* stored [n, c, h, w]; else channels-last, as tokens or windows */
};

struct tinyvit {
    struct golden_net net;
    const struct json *config;
    const struct tensor_source *want;
    struct waiting waiting[GOLDEN_NET_MAX_TAPS];
    int n_waiting;
};

/* Keeps v for a comparison if the file has such a tensor. */
static value keep(struct tinyvit *t, value v, bool is_picture, const char *name)
{
    struct tensor tensor;
    if (golden_find(&tensor, t->want, name) && t->n_waiting < GOLDEN_NET_MAX_TAPS)
        t->waiting[t->n_waiting++] = (struct waiting){golden_net_tap(&t->net, v), name, is_picture};
    return v;
}

static int64_t number_at(const struct tinyvit *t, const char *list, int index)
{
    int64_t number = 0;
    if (!json_int64(json_at(json_get(t->config, list), index), &number))
        golden_fail(t->net.golden, "config.json: no number %s[%d]", list, index);
    return number;
}

/* ---- layers ---- */

static value layer_norm(struct golden_net *net, const char *name, value x, double epsilon)
{
    const value gain = golden_net_weight(net, "%s.weight", name);
    const value bias = golden_net_weight(net, "%s.bias", name);
    return nn_layer_norm(net->graph, NULL, x, gain, bias, epsilon);
}

static value linear(struct golden_net *net, const char *name, value x, enum activation activation)
{
    const value w = golden_net_weight(net, "%s.weight", name);
    const value bias = golden_net_weight(net, "%s.bias", name);
    return nn_linear(net->graph, NULL, x, w, bias, activation);
}

/* Convolution without bias and batch norm. Depthwise where the file says so by its shape. */
static value conv_norm(struct golden_net *net, const char *name, value x, int64_t stride,
                       enum activation activation)
{
    const value w = golden_net_weight(net, "%s.c.weight", name);
    const struct shape kernel = graph_shape(net->graph, w), picture = graph_shape(net->graph, x);
    if (kernel.rank != 4 || picture.rank != 4)
        return NO_VALUE;
    const int64_t pad = kernel.extent[2] / 2;
    const struct nn_norm_inputs in = {
        .x = nn_conv(net->graph, NULL, x, w, NO_VALUE,
                     &(struct nn_conv_options){.stride = {stride, stride},
                                               .pad = {pad, pad},
                                               .groups = picture.extent[3] / kernel.extent[1]}),
        .gain = golden_net_weight(net, "%s.bn.weight", name),
        .bias = golden_net_weight(net, "%s.bn.bias", name),
        .running_mean = golden_net_weight(net, "%s.bn.running_mean", name),
        .running_var = golden_net_weight(net, "%s.bn.running_var", name),
        .film = NO_VALUE,
        .residual = NO_VALUE};
    return nn_batch_norm(net->graph, NULL, in, &(struct nn_norm_options){.activation = activation});
}

static value patch_embed(struct tinyvit *t, value x)
{
    struct golden_net *net = &t->net;
    struct tensor kernel;
    if (!golden_tensor(net->golden, &kernel, net->weights,
                       "image_encoder.patch_embed.seq.0.c.weight"))
        return NO_VALUE;
    const int64_t stride = kernel.shape.extent[2] == 1 ? 1 : 2; /* LiteMedSAM: 1 x 1 */
    x = conv_norm(net, "patch_embed.seq.0", x, stride, ACTIVATION_NONE);
    x = keep(t, x, true, "patch_embed.seq0");
    x = nn_activate(net->graph, NULL, x, ACTIVATION_GELU);
    return keep(t, conv_norm(net, "patch_embed.seq.2", x, stride, ACTIVATION_NONE), true,
                "patch_embed");
}

static value mbconv(struct tinyvit *t, const char *name, const char *tap, value x)
{
    struct golden_net *net = &t->net;
    struct golden *golden = net->golden;
    value y = conv_norm(net, golden_print(golden, "%s.conv1", name), x, 1, ACTIVATION_GELU);
    y = conv_norm(net, golden_print(golden, "%s.conv2", name), y, 1, ACTIVATION_NONE);
    y = keep(t, y, true, golden_print(golden, "%s.conv2", tap));
    y = nn_activate(net->graph, NULL, y, ACTIVATION_GELU);
    y = conv_norm(net, golden_print(golden, "%s.conv3", name), y, 1, ACTIVATION_NONE);
    y = keep(t, y, true, golden_print(golden, "%s.conv3", tap));
    return nn_activate(net->graph, NULL, nn_add(net->graph, NULL, x, y), ACTIVATION_GELU);
}

static value downsample(struct tinyvit *t, int layer, value x)
{
    struct golden_net *net = &t->net;
    struct golden *golden = net->golden;
    const char *name = golden_print(golden, "layers.%d.downsample", layer);
    const char *tap = golden_print(golden, "layer%d.downsample", layer);
    x = conv_norm(net, golden_print(golden, "%s.conv1", name), x, 1, ACTIVATION_NONE);
    x = keep(t, x, true, golden_print(golden, "%s.conv1", tap));
    x = nn_activate(net->graph, NULL, x, ACTIVATION_GELU);
    x = conv_norm(net, golden_print(golden, "%s.conv2", name), x,
                  number_at(t, "merge_strides", layer), ACTIVATION_NONE);
    x = keep(t, x, true, golden_print(golden, "%s.conv2", tap));
    x = nn_activate(net->graph, NULL, x, ACTIVATION_GELU);
    x = conv_norm(net, golden_print(golden, "%s.conv3", name), x, 1, ACTIVATION_NONE);
    return keep(t, x, false, tap);
}

/* [heads, side^2, side^2] from the table of |dy| side + |dx|. */
static value attention_bias(struct golden_net *net, const char *name, int64_t side)
{
    struct tensor table;
    const char *full = golden_print(net->golden, "%s%s.attention_biases", net->prefix, name);
    if (!golden_tensor(net->golden, &table, net->weights, full))
        return NO_VALUE;
    const int64_t heads = table.shape.extent[0], n = side * side;
    float *bias = golden_alloc(net->golden, heads * n * n, sizeof *bias);
    for (int64_t i = 0; i < heads * n * n; i++) {
        const int64_t head = i / n / n, q = i / n % n, k = i % n;
        const int64_t dy = llabs(q / side - k / side), dx = llabs(q % side - k % side);
        bias[i] = tensor_f32(&table)[head * n + dy * side + dx];
    }
    const struct tensor all = tensor_view(bias, DTYPE_F32, SHAPE(heads, n, n));
    return golden_net_input(net, golden_print(net->golden, "%s.bias", name), &all);
}

/* q, k or v out of [windows, tokens, (heads, 3, width)]. */
static value part_of(struct golden_net *net, value qkv, int64_t heads, int part)
{
    const struct shape s = graph_shape(net->graph, qkv);
    if (s.rank != 3)
        return NO_VALUE;
    const int64_t width = s.extent[2] / 3 / heads;
    const value split =
        nn_reshape(net->graph, NULL, qkv, SHAPE(s.extent[0], s.extent[1], heads, 3, width));
    const value one = nn_slice(net->graph, NULL, split, 3, part, 1);
    return nn_reshape(net->graph, NULL, one, SHAPE(s.extent[0], s.extent[1], heads * width));
}

static value attention(struct tinyvit *t, const char *name, const char *tap, value windows,
                       int64_t heads, int64_t side)
{
    struct golden_net *net = &t->net;
    struct golden *golden = net->golden;
    value x = layer_norm(net, golden_print(golden, "%s.norm", name), windows, 1e-5);
    x = keep(t, x, false, golden_print(golden, "%s.norm", tap));
    x = linear(net, golden_print(golden, "%s.qkv", name), x, ACTIVATION_NONE);
    struct nn_attention_inputs in = nn_attention_of(
        part_of(net, x, heads, 0), part_of(net, x, heads, 1), part_of(net, x, heads, 2));
    in.bias = attention_bias(net, name, side);
    x = nn_attention(net->graph, NULL, in, &(struct nn_attention_options){.heads = heads});
    x = keep(t, x, false, golden_print(golden, "%s.proj.in", tap));
    x = linear(net, golden_print(golden, "%s.proj", name), x, ACTIVATION_NONE);
    return keep(t, x, false, tap);
}

/* Attention in windows of the padded picture, a depthwise convolution, an MLP. */
static value block(struct tinyvit *t, const char *name, const char *tap, value x, int layer)
{
    struct golden_net *net = &t->net;
    struct golden *golden = net->golden;
    const struct shape s = graph_shape(net->graph, x);
    const int64_t side = number_at(t, "window_sizes", layer);
    value y = nn_window_partition(net->graph, NULL, x, side);
    y = keep(t, y, false, golden_print(golden, "%s.attn.in", tap));
    y = attention(t, golden_print(golden, "%s.attn", name), golden_print(golden, "%s.attn", tap), y,
                  number_at(t, "num_heads", layer), side);
    y = nn_window_merge(net->graph, NULL, y, s.extent[1], s.extent[2], side);
    x = nn_add(net->graph, NULL, x, y);
    x = conv_norm(net, golden_print(golden, "%s.local_conv", name), x, 1, ACTIVATION_NONE);
    x = keep(t, x, true, golden_print(golden, "%s.local_conv", tap));
    y = layer_norm(net, golden_print(golden, "%s.mlp.norm", name), x, 1e-5);
    y = keep(t, y, false, golden_print(golden, "%s.mlp.norm", tap));
    y = linear(net, golden_print(golden, "%s.mlp.fc1", name), y, ACTIVATION_GELU);
    y = linear(net, golden_print(golden, "%s.mlp.fc2", name), y, ACTIVATION_NONE);
    y = keep(t, y, false, golden_print(golden, "%s.mlp", tap));
    return nn_add(net->graph, NULL, x, y);
}

/* SAM's: 1 x 1, norm over channels, 3 x 3, norm over channels. */
static value neck(struct tinyvit *t, value x)
{
    struct golden_net *net = &t->net;
    for (int i = 0; i < 4; i++) {
        const char *name = golden_print(net->golden, "neck.%d", i);
        if (i % 2 == 1)
            x = layer_norm(net, name, x, 1e-6);
        else
            x = nn_conv(net->graph, NULL, x, golden_net_weight(net, "%s.weight", name), NO_VALUE,
                        &(struct nn_conv_options){.pad = {i / 2, i / 2}});
        x = keep(t, x, true, golden_print(net->golden, "neck%d", i));
    }
    return keep(t, x, true, "output");
}

static void build(struct tinyvit *t, const struct tensor *pixels)
{
    struct golden *golden = t->net.golden;
    value x = patch_embed(t, golden_net_picture(&t->net, "input", pixels));
    for (int layer = 0; layer < 4 && !golden->failed; layer++) {
        const int64_t depth = number_at(t, "depths", layer);
        for (int b = 0; b < depth; b++) {
            const char *name = golden_print(golden, "layers.%d.blocks.%d", layer, b);
            const char *tap = golden_print(golden, "layer%d.block%d", layer, b);
            x = layer == 0 ? mbconv(t, name, tap, x) : block(t, name, tap, x, layer);
            x = keep(t, x, layer == 0, tap);
        }
        if (layer < 3)
            x = downsample(t, layer, x);
    }
    (void)neck(t, x);
}

static void compare_encoder(struct golden *golden, const struct tensor_source *weights,
                            const struct tensor_source *want, const struct json *config)
{
    struct tinyvit t = {.config = config, .want = want};
    struct tensor pixels;
    if (!golden_tensor(golden, &pixels, want, "input"))
        return;
    golden_net_init(&t.net, golden, weights, "image_encoder.");
    build(&t, &pixels);
    if (golden_net_run(&t.net, false, NO_VALUE))
        for (int i = 0; i < t.n_waiting; i++) {
            if (t.waiting[i].is_picture)
                golden_net_compare_picture(&t.net, &encoded, t.waiting[i].v, want,
                                           t.waiting[i].name, 1);
            else
                golden_net_compare(&t.net, &encoded, t.waiting[i].v, want, t.waiting[i].name);
        }
    golden_net_clear(&t.net);
}

void golden_sam_tinyvit(struct golden *golden)
{
    const struct tensor_source *weights = golden_tensors(golden, "model.safetensors");
    const struct tensor_source *want = golden_tensors(golden, "encoder.safetensors");
    const struct json *config = golden_json(golden, "config.json");
    if (!weights || !want || !config)
        return;
    compare_encoder(golden, weights, want, config);
    golden_skip(golden, "predict_*", "prompts and masks come with the models");
}
