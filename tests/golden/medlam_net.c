/* medlam/net: MedLAM's 3D network, built here from the operators. */
#include "golden_net.h"

static const struct tolerance position = {"position", 5e-5, "head of a float32 network"};
static const struct tolerance features = {"features", 2e-4, "float32 network, values up to 10"};
/* Our own network in float64 lies 5.3e-5 from the stored vectors of net_a, where a voxel's vector
 * is short; the README's 2e-5 cannot hold there. */
static const struct tolerance normalised = {"normalised", 1e-4, "float32 vectors of small length"};
static const struct tolerance rectified = {"rectified", 2e-4, "float32 network"};
static const struct tolerance probability = {"probability", 5e-5, "sigmoid of features"};
static const struct tolerance moments = {"moments", 2e-4, "mean over all voxels"};

enum { LEVELS = 9, LAYERS = 2, SCALES = 3 };

struct medlam {
    value block[LEVELS][LAYERS]; /* after norm and ReLU */
    value bottleneck, position;
    value feature[SCALES], feature_norm[SCALES];
    value prob;
};

static const struct nn_conv_options cube = {.dims = 3, .pad = {1, 1, 1}};

/* Two times convolution, instance norm without parameters, ReLU. */
static value level(struct golden_net *net, struct medlam *m, int number, value x)
{
    for (int i = 0; i < LAYERS; i++) {
        const char *conv = golden_print(net->golden, "conv%d_%d.model.conv1_1.Conv", number, i + 1);
        const value w = golden_net_weight(net, "%s.weight", conv);
        const value bias = golden_net_weight(net, "%s.bias", conv);
        const struct nn_norm_inputs in = {.x = nn_conv(net->graph, NULL, x, w, bias, &cube),
                                          .gain = NO_VALUE,
                                          .bias = NO_VALUE,
                                          .running_mean = NO_VALUE,
                                          .running_var = NO_VALUE,
                                          .film = NO_VALUE,
                                          .residual = NO_VALUE};
        const struct shape shape = graph_shape(net->graph, w);
        x = nn_group_norm(
            net->graph, NULL, in,
            &(struct nn_norm_options){.groups = shape.extent[0], .activation = ACTIVATION_RELU});
        m->block[number][i] = golden_net_tap(net, x);
    }
    return x;
}

static value halved(struct golden_net *net, value x)
{
    return nn_pool3d(net->graph, NULL, x,
                     &(struct nn_pool3d_options){.kernel = {2, 2, 2}, .is_max = true});
}

/* Enlarged below first, then the encoder's level beside it. */
static value joined(struct golden_net *net, value below, value beside)
{
    const struct shape s = graph_shape(net->graph, beside);
    const value up =
        nn_resize_trilinear(net->graph, NULL, below, s.extent[1], s.extent[2], s.extent[3], false);
    return nn_concat(net->graph, NULL, (value[]){up, beside}, 2);
}

/* Three linear layers with nothing between; flattened channels first. */
static value head(struct golden_net *net, value bottleneck)
{
    const struct shape s = graph_shape(net->graph, bottleneck);
    value x = nn_permute(net->graph, NULL, bottleneck, (int[]){0, 4, 1, 2, 3});
    x = nn_reshape(net->graph, NULL, x,
                   SHAPE(s.extent[0], s.extent[1] * s.extent[2] * s.extent[3] * s.extent[4]));
    for (int i = 1; i <= 3; i++) {
        const value w = golden_net_weight(net, "fc%d.weight", i);
        const value bias = golden_net_weight(net, "fc%d.bias", i);
        x = nn_linear(net->graph, NULL, x, w, bias, ACTIVATION_NONE);
    }
    return golden_net_tap(net, x);
}

static void build(struct golden_net *net, struct medlam *m, value x)
{
    value beside[4];
    for (int i = 0; i < 4; i++) {
        beside[i] = level(net, m, i, x);
        x = halved(net, beside[i]);
    }
    m->bottleneck = x = level(net, m, 4, x);
    m->position = head(net, m->bottleneck);
    for (int i = 5; i < LEVELS; i++) {
        x = level(net, m, i, joined(net, x, beside[8 - i]));
        if (i > 5) {
            m->feature[i - 6] = x;
            m->feature_norm[i - 6] =
                golden_net_tap(net, nn_l2_normalise(net->graph, NULL, x, 1e-12));
        }
    }
    const value w = golden_net_weight(net, "classification.0.weight");
    const value bias = golden_net_weight(net, "classification.0.bias");
    m->prob = golden_net_tap(
        net, nn_conv(net->graph, "prob", x, w, bias,
                     &(struct nn_conv_options){.dims = 3, .activation = ACTIVATION_SIGMOID}));
}

static int64_t stride_of(struct golden *golden, const struct tensor_source *want, const char *name)
{
    struct tensor stride;
    if (!golden_tensor(golden, &stride, want, golden_print(golden, "%s.stride", name)))
        return 1;
    return tensor_i32(&stride)[0];
}

/* Means over all voxels, which the sampled features do not show. */
static void compare_moments(struct golden_net *net, value v, const struct tensor_source *want,
                            const char *name)
{
    struct tensor mean, square;
    struct golden *golden = net->golden;
    if (!golden_tensor(golden, &mean, want, golden_print(golden, "%s.channel_mean", name)) ||
        !golden_tensor(golden, &square, want, golden_print(golden, "%s.channel_sqmean", name)))
        return;
    const struct tensor got = plan_value(net->plan, v);
    const int64_t n = got.shape.extent[0], c = got.shape.extent[4];
    const int64_t voxels = tensor_count(&got) / n / c;
    double *sums = golden_alloc(golden, 2 * n * c, sizeof *sums);
    for (int64_t i = 0; i < n * voxels * c; i++) {
        const double x = (double)tensor_f32(&got)[i];
        const int64_t at = i / c / voxels * c + i % c;
        sums[at] += x / (double)voxels;
        sums[n * c + at] += x * x / (double)voxels;
    }
    golden_compare(golden, &moments, "channel_mean", sums, golden_f64(golden, &mean), n * c);
    golden_compare(golden, &moments, "channel_sqmean", sums + n * c, golden_f64(golden, &square),
                   n * c);
}

static void compare_features(struct golden_net *net, const struct medlam *m,
                             const struct tensor_source *want)
{
    for (int s = 0; s < SCALES; s++) {
        const char *name = golden_print(net->golden, "feature%d", s);
        const int64_t stride = stride_of(net->golden, want, name);
        golden_net_compare_picture(net, &features, m->feature[s], want, name, stride);
        golden_net_compare_picture(net, &normalised, m->feature_norm[s], want,
                                   golden_print(net->golden, "%s_norm", name), stride);
        compare_moments(net, m->feature[s], want, name);
    }
    for (int i = 0; i < LEVELS * LAYERS; i++) {
        const char *name = golden_print(net->golden, "relu.conv%d_%d", i / LAYERS, i % LAYERS + 1);
        golden_net_compare_picture(net, &rectified, m->block[i / LAYERS][i % LAYERS], want, name,
                                   stride_of(net->golden, want, name));
    }
}

static bool run(struct golden_net *net, struct medlam *m, const struct tensor_source *want)
{
    struct tensor input;
    if (!golden_tensor(net->golden, &input, want, "input"))
        return false;
    build(net, m, golden_net_picture(net, "input", &input));
    return golden_net_run(net, false, NO_VALUE);
}

static void compare_forward(struct golden *golden, const struct tensor_source *weights,
                            const struct tensor_source *want)
{
    struct golden_net net;
    struct medlam m;
    golden_net_init(&net, golden, weights, "module.");
    if (run(&net, &m, want)) {
        golden_net_compare(&net, &position, m.position, want, "fc_position");
        golden_net_compare_picture(&net, &probability, m.prob, want, "prob_stride4", 4);
        compare_features(&net, &m, want);
    }
    golden_net_clear(&net);
}

/* The weights as the released program casts them. */
static void compare_rounded(struct golden *golden, const struct tensor_source *weights,
                            const struct tensor_source *want)
{
    struct golden_net net;
    struct medlam m;
    golden_net_init(&net, golden, weights, "module.");
    net.rounds_to_f16 = true;
    if (run(&net, &m, want)) {
        golden_net_compare(&net, &position, m.position, want, "f16w.fc_position");
        struct tensor half;
        const int64_t stride = golden_find(&half, want, "f16w.feature0_stride2") ? 2 : 4;
        golden_net_compare_picture(
            &net, &features, m.feature[0], want,
            golden_print(golden, "f16w.feature0_stride%lld", (long long)stride), stride);
    }
    golden_net_clear(&net);
}

void golden_medlam_net(struct golden *golden)
{
    const struct tensor_source *weights = golden_tensors(golden, "medlam.safetensors");
    const struct tensor_source *want = golden_tensors(golden, "forward.safetensors");
    if (!weights || !want)
        return;
    compare_forward(golden, weights, want);
    compare_rounded(golden, weights, want);
    golden_skip(golden, "zero_input.*", "an option of the model: dead biases dropped");
    golden_skip(golden, "*.pth, *.tar", "the reader of PyTorch's files comes with the models");
}
