/* vlsm/unet, unetpp, deeplabv3plus: the image-only baselines on a ResNet encoder, built here from
 * the operators; forward with running statistics, and one training step's loss and gradients. */
#include "golden_net.h"

static const struct tolerance evaluated = {"evaluated", 3e-4, "float32 network"};
static const struct tolerance trained = {"trained", 2e-3, "batch statistics of few values"};
static const struct tolerance loss_value = {"loss", 1e-5, "sums of float32 products"};
static const struct tolerance gradients = {"gradients", 2e-3, "share of the tensor's largest"};
static const struct tolerance statistics = {"statistics", 1e-4, "means of a float32 network"};

enum { DEPTH = 5, LAYERS = 4 };

/* ---- blocks ---- */

struct conv_form {
    int64_t stride, pad, dilation, groups;
};
static const struct conv_form pointwise = {1, 0, 1, 1}, three = {1, 1, 1, 1};

static value conv(struct golden_net *net, const char *name, value x, struct conv_form form)
{
    const value w = golden_net_weight(net, "%s.weight", name);
    const value bias = golden_net_weight_if(net, "%s.bias", name);
    return nn_conv(net->graph, NULL, x, w, bias,
                   &(struct nn_conv_options){.stride = {form.stride, form.stride},
                                             .pad = {form.pad, form.pad},
                                             .dilation = {form.dilation, form.dilation},
                                             .groups = form.groups});
}

static value norm(struct golden_net *net, const char *name, value x, value residual,
                  enum activation activation)
{
    const struct nn_norm_inputs in = {
        .x = x,
        .gain = golden_net_weight(net, "%s.weight", name),
        .bias = golden_net_weight(net, "%s.bias", name),
        .running_mean = golden_net_tap(net, golden_net_weight(net, "%s.running_mean", name)),
        .running_var = golden_net_tap(net, golden_net_weight(net, "%s.running_var", name)),
        .film = NO_VALUE,
        .residual = residual};
    return nn_batch_norm(net->graph, NULL, in, &(struct nn_norm_options){.activation = activation});
}

/* "<name>.0" and "<name>.1" */
static value conv_norm_relu(struct golden_net *net, const char *name, value x,
                            struct conv_form form)
{
    x = conv(net, golden_print(net->golden, "%s.0", name), x, form);
    return norm(net, golden_print(net->golden, "%s.1", name), x, NO_VALUE, ACTIVATION_RELU);
}

/* Depthwise and pointwise: "<name>.0" and "<name>.1". */
static value separable(struct golden_net *net, const char *name, value x, int64_t dilation)
{
    const struct shape s = graph_shape(net->graph, x);
    const struct conv_form deep = {1, dilation, dilation, s.rank == 4 ? s.extent[3] : 1};
    x = conv(net, golden_print(net->golden, "%s.0", name), x, deep);
    return conv(net, golden_print(net->golden, "%s.1", name), x, pointwise);
}

/* ---- the encoder ---- */

static value bottleneck(struct golden_net *net, const char *name, value x, int64_t stride,
                        int64_t dilation)
{
    struct golden *golden = net->golden;
    value shortcut = x;
    value y = conv(net, golden_print(golden, "%s.conv1", name), x, pointwise);
    y = norm(net, golden_print(golden, "%s.bn1", name), y, NO_VALUE, ACTIVATION_RELU);
    y = conv(net, golden_print(golden, "%s.conv2", name), y,
             (struct conv_form){stride, dilation, dilation, 1});
    y = norm(net, golden_print(golden, "%s.bn2", name), y, NO_VALUE, ACTIVATION_RELU);
    y = conv(net, golden_print(golden, "%s.conv3", name), y, pointwise);
    struct tensor downsample;
    if (golden_find(&downsample, net->weights,
                    golden_print(golden, "%s.downsample.0.weight", name))) {
        shortcut = conv(net, golden_print(golden, "%s.downsample.0", name), x,
                        (struct conv_form){stride, 0, 1, 1});
        shortcut = norm(net, golden_print(golden, "%s.downsample.1", name), shortcut, NO_VALUE,
                        ACTIVATION_NONE);
    }
    return norm(net, golden_print(golden, "%s.bn3", name), y, shortcut, ACTIVATION_RELU);
}

/* f[1] .. f[5]; the last layer is dilated instead of halved where is_dilated. */
static void encoder(struct golden_net *net, value *f, value x, bool is_dilated)
{
    struct golden *golden = net->golden;
    f[1] = conv(net, "encoder.conv1", x, (struct conv_form){2, 3, 1, 1});
    f[1] = norm(net, "encoder.bn1", f[1], NO_VALUE, ACTIVATION_RELU);
    x = nn_pool2d(net->graph, NULL, f[1],
                  &(struct nn_pool_options){
                      .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}, .is_max = true});
    for (int layer = 1; layer <= LAYERS; layer++) {
        const bool dilates = is_dilated && layer == LAYERS;
        for (int b = 0;; b++) {
            struct tensor first;
            const char *name = golden_print(golden, "encoder.layer%d.%d", layer, b);
            if (!golden_find(&first, net->weights, golden_print(golden, "%s.conv1.weight", name)))
                break;
            const bool halves = b == 0 && layer > 1 && !dilates;
            x = bottleneck(net, name, x, halves ? 2 : 1, dilates ? 2 : 1);
        }
        f[layer + 1] = x;
    }
    for (int i = 1; i <= DEPTH; i++)
        (void)golden_net_tap(net, f[i]);
}

/* ---- the decoders: each returns what the head sees ---- */

/* Twice the extent, beside `skip`, then two convolutions. */
static value up_block(struct golden_net *net, const char *name, value x, value skip)
{
    const struct shape s = graph_shape(net->graph, x);
    x = nn_resize2d(net->graph, NULL, x, 2 * s.extent[1], 2 * s.extent[2], RESIZE_NEAREST, false);
    if (!value_is_none(skip))
        x = nn_concat(net->graph, NULL, (value[]){x, skip}, 2);
    x = conv_norm_relu(net, golden_print(net->golden, "%s.conv1", name), x, three);
    return conv_norm_relu(net, golden_print(net->golden, "%s.conv2", name), x, three);
}

static value unet_decoder(struct golden_net *net, const value *f)
{
    value x = f[5];
    for (int k = 0; k < DEPTH; k++)
        x = up_block(net, golden_print(net->golden, "decoder.blocks.%d", k), x,
                     k < 4 ? f[4 - k] : NO_VALUE);
    return x;
}

/* Node (d, l) sees node (d, l - 1) and, as skip, nodes (d + 1 .. l, l) and feature l + 1. */
static value unetpp_decoder(struct golden_net *net, const value *f)
{
    value node[4][4];
    for (int step = 0; step < 4; step++)
        for (int d = 0; d < 4 - step; d++) {
            const int l = d + step;
            value parts[4];
            int n = 0;
            for (int i = d + 1; i <= l; i++)
                parts[n++] = node[i][l];
            parts[n++] = f[4 - l];
            const value skip = n == 1 ? parts[0] : nn_concat(net->graph, NULL, parts, n);
            node[d][l] = up_block(net, golden_print(net->golden, "decoder.blocks.x_%d_%d", d, l),
                                  step == 0 ? f[5 - d] : node[d][l - 1], skip);
        }
    return up_block(net, "decoder.blocks.x_0_4", node[0][3], NO_VALUE);
}

static value enlarged(struct golden_net *net, value x, int64_t factor)
{
    const struct shape s = graph_shape(net->graph, x);
    return nn_resize2d(net->graph, NULL, x, factor * s.extent[1], factor * s.extent[2],
                       RESIZE_BILINEAR, true);
}

static value aspp(struct golden_net *net, value x)
{
    static const int64_t rates[] = {12, 24, 36};
    struct golden *golden = net->golden;
    const struct shape s = graph_shape(net->graph, x);
    value parts[5];
    parts[0] = conv_norm_relu(net, "decoder.aspp.0.convs.0", x, pointwise);
    for (int i = 0; i < 3; i++) {
        const char *name = golden_print(golden, "decoder.aspp.0.convs.%d", i + 1);
        const value y = separable(net, golden_print(golden, "%s.0", name), x, rates[i]);
        parts[i + 1] = norm(net, golden_print(golden, "%s.1", name), y, NO_VALUE, ACTIVATION_RELU);
    }
    value mean = nn_global_pool(net->graph, NULL, x, false);
    mean = nn_reshape(net->graph, NULL, mean, SHAPE(s.extent[0], 1, 1, s.extent[3]));
    mean = conv(net, "decoder.aspp.0.convs.4.1", mean, pointwise);
    mean = norm(net, "decoder.aspp.0.convs.4.2", mean, NO_VALUE, ACTIVATION_RELU);
    parts[4] =
        nn_resize2d(net->graph, NULL, mean, s.extent[1], s.extent[2], RESIZE_BILINEAR, false);
    return conv_norm_relu(net, "decoder.aspp.0.project", nn_concat(net->graph, NULL, parts, 5),
                          pointwise);
}

static value deeplab_decoder(struct golden_net *net, const value *f)
{
    value x = separable(net, "decoder.aspp.1", aspp(net, f[5]), 1);
    x = norm(net, "decoder.aspp.2", x, NO_VALUE, ACTIVATION_RELU);
    const value parts[] = {enlarged(net, x, 4),
                           conv_norm_relu(net, "decoder.block1", f[2], pointwise)};
    x = separable(net, "decoder.block2.0", nn_concat(net->graph, NULL, parts, 2), 1);
    return norm(net, "decoder.block2.1", x, NO_VALUE, ACTIVATION_RELU);
}

/* ---- comparing ---- */

struct baseline {
    value (*decoder)(struct golden_net *net, const value *f);
    bool is_deeplab; /* dilated encoder; a head of 1 x 1 that is enlarged */
};

struct outputs {
    value f[DEPTH + 1], decoded, logits;
};

static void build(struct golden_net *net, const struct baseline *baseline, struct outputs *o,
                  const struct tensor *pixels)
{
    encoder(net, o->f, golden_net_picture(net, "pixels", pixels), baseline->is_deeplab);
    o->decoded = golden_net_tap(net, baseline->decoder(net, o->f));
    o->logits =
        conv(net, "segmentation_head.0", o->decoded, baseline->is_deeplab ? pointwise : three);
    if (baseline->is_deeplab)
        o->logits = enlarged(net, o->logits, 4);
    (void)golden_net_tap(net, o->logits);
}

static void compare_evaluation(struct golden *golden, const struct baseline *baseline,
                               const struct tensor_source *weights,
                               const struct tensor_source *want, const struct tensor *pixels)
{
    struct golden_net net;
    struct outputs o;
    struct tensor stride;
    golden_net_init(&net, golden, weights, "");
    build(&net, baseline, &o, pixels);
    if (golden_net_run(&net, false, NO_VALUE)) {
        for (int i = 1; i <= DEPTH; i++)
            golden_net_compare_picture(&net, &evaluated, o.f[i], want,
                                       golden_print(golden, "f%d", i), 1);
        golden_net_compare_picture(
            &net, &evaluated, o.decoded, want, "decoder_out",
            golden_find(&stride, want, "decoder_out.stride") ? tensor_i32(&stride)[0] : 1);
        golden_net_compare_picture(&net, &evaluated, o.logits, want, "logits", 1);
    }
    golden_net_clear(&net);
}

static void compare_training(struct golden *golden, const struct baseline *baseline,
                             const struct tensor_source *weights, const struct tensor_source *want,
                             const struct tensor *pixels)
{
    struct golden_net net;
    struct outputs o;
    struct tensor target;
    if (!golden_tensor(golden, &target, want, "target"))
        return;
    golden_net_init(&net, golden, weights, "");
    build(&net, baseline, &o, pixels);
    const value loss = golden_net_mean_dice(&net, o.logits, &target, 1e-5);
    if (golden_net_run(&net, true, loss)) {
        golden_net_compare_picture(&net, &trained, o.logits, want, "logits_train", 1);
        golden_net_compare(&net, &loss_value, loss, want, "loss");
        golden_net_compare_gradients(
            &net, &gradients, want,
            &(struct golden_gradients){.prefix = "grad.", .limit = 1500, .step = 11});
        golden_net_compare_buffers(&net, &statistics, want);
    }
    golden_net_clear(&net);
}

static void compare(struct golden *golden, const struct baseline *baseline)
{
    const struct tensor_source *weights = golden_tensors(golden, "model.safetensors");
    const struct tensor_source *forward = golden_tensors(golden, "forward.safetensors");
    const struct tensor_source *train = golden_tensors(golden, "train.safetensors");
    struct tensor pixels;
    if (!weights || !forward || !train || !golden_tensor(golden, &pixels, forward, "pixel_values"))
        return;
    compare_evaluation(golden, baseline, weights, forward, &pixels);
    compare_training(golden, baseline, weights, train, &pixels);
    golden_skip(golden, "param_after1.*, logits_eval_after1", "the step comes with the models");
}

void golden_vlsm_unet(struct golden *golden)
{
    compare(golden, &(struct baseline){unet_decoder, false});
}

void golden_vlsm_unetpp(struct golden *golden)
{
    compare(golden, &(struct baseline){unetpp_decoder, false});
}

void golden_vlsm_deeplabv3plus(struct golden *golden)
{
    compare(golden, &(struct baseline){deeplab_decoder, true});
}
