/* A classic U-Net, 32 to 512 channels: two 3x3 convolutions with batch norm and ReLU a level, max
 * pooling down, transposed 2x2 convolutions of stride 2 up, 1x1 head. bench/peers/unet.py is the
 * same network in PyTorch.
 *
 * The transposed convolution has no bias and is written as a 1x1 convolution to four times the
 * channels with nn_depth_to_space(); its weights are [4 oc, ic, 1, 1], row oc * 4 + dy * 2 + dx.
 * For inference batch norm is folded into the convolution before it, as the peers do when they
 * load.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/ops.h"
#include "nn/optimiser.h"
#include "workload.h"

enum { LEVELS = 5 };
static const int64_t widths[LEVELS] = {32, 64, 128, 256, 512};
static const double epsilon = 1e-5;
static const double learning_rate = 1e-3;

/* Numbers of parameters. Folded: weight and bias only. */
struct unit {
    int weight, gain, bias, mean, variance;
};
struct level {
    struct unit first, second;
};
struct unet {
    struct level down[LEVELS], up[LEVELS - 1];
    int lift[LEVELS - 1];
    int head_weight, head_bias;
    bool folded;
};

struct unet_state {
    struct pool *pool;
    struct params *params;
    struct unet net;
    struct graph *graph;
    struct plan *plan;
    value logits, loss;
    struct optimiser *optimiser;
    struct tensor *gradients;
};

/* ---- parameters ---- */

static int declare(struct params *params, const char *prefix, const char *name, struct shape shape,
                   unsigned flags)
{
    char full[96];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return params_declare(
        params, &(struct param_spec){.name = full, .shape = shape, .flags = flags | PARAM_DECAY});
}

static struct unit declare_unit(const struct unet *net, struct params *params, const char *level,
                                const char *which, int64_t oc, int64_t ic)
{
    char prefix[64];
    struct unit unit = {-1, -1, -1, -1, -1};
    snprintf(prefix, sizeof prefix, "%s.%s.", level, which);
    unit.weight = declare(params, prefix, "conv.weight", SHAPE(oc, ic, 3, 3), 0);
    unit.bias = declare(params, prefix, "norm.bias", SHAPE(oc), 0);
    if (net->folded)
        return unit;
    unit.gain = declare(params, prefix, "norm.weight", SHAPE(oc), 0);
    unit.mean = declare(params, prefix, "norm.running_mean", SHAPE(oc), PARAM_BUFFER);
    unit.variance = declare(params, prefix, "norm.running_var", SHAPE(oc), PARAM_BUFFER);
    return unit;
}

static struct level declare_level(const struct unet *net, struct params *params, const char *kind,
                                  int index, int64_t oc, int64_t ic)
{
    char name[16];
    struct level level;
    snprintf(name, sizeof name, "%s.%d", kind, index);
    level.first = declare_unit(net, params, name, "first", oc, ic);
    level.second = declare_unit(net, params, name, "second", oc, oc);
    return level;
}

static ana_status declare_unet(struct unet *net, struct params **params, bool folded,
                               ana_error *err)
{
    const ana_status status = params_create(params, DTYPE_F32, err);
    if (status)
        return status;
    *net = (struct unet){.folded = folded};
    for (int l = 0; l < LEVELS; l++)
        net->down[l] = declare_level(net, *params, "down", l, widths[l], l ? widths[l - 1] : 3);
    for (int l = 0; l < LEVELS - 1; l++) {
        char name[16];
        snprintf(name, sizeof name, "lift.%d.", l);
        net->lift[l] =
            declare(*params, name, "weight", SHAPE(4 * widths[l], widths[l + 1], 1, 1), 0);
        net->up[l] = declare_level(net, *params, "up", l, widths[l], 2 * widths[l]);
    }
    net->head_weight = declare(*params, "head.", "weight", SHAPE(1, widths[0], 1, 1), 0);
    net->head_bias = declare(*params, "head.", "bias", SHAPE(1), 0);
    return params_finish(*params, err);
}

/* w' = w g / sqrt(v + e), b' = b - m g / sqrt(v + e) */
static void fold_unit(struct params *to, const struct unit *folded, const struct params *from,
                      const struct unit *unit)
{
    const struct tensor w = params_value(from, unit->weight), v = params_value(to, folded->weight);
    const struct tensor bias = params_value(to, folded->bias);
    const int64_t oc = w.shape.extent[0], taps = tensor_count(&w) / oc;
    for (int64_t o = 0; o < oc; o++) {
        const struct tensor gain = params_value(from, unit->gain),
                            b = params_value(from, unit->bias);
        const struct tensor m = params_value(from, unit->mean);
        const struct tensor s = params_value(from, unit->variance);
        const double scale =
            (double)tensor_f32(&gain)[o] / sqrt((double)tensor_f32(&s)[o] + epsilon);
        for (int64_t i = o * taps; i < (o + 1) * taps; i++)
            tensor_f32(&v)[i] = (float)((double)tensor_f32(&w)[i] * scale);
        tensor_f32(&bias)[o] =
            (float)((double)tensor_f32(&b)[o] - (double)tensor_f32(&m)[o] * scale);
    }
}

static void fold_level(struct params *to, const struct level *folded, const struct params *from,
                       const struct level *level)
{
    fold_unit(to, &folded->first, from, &level->first);
    fold_unit(to, &folded->second, from, &level->second);
}

static void copy_param(struct params *to, int at, const struct params *from, int index)
{
    const struct tensor a = params_value(from, index), b = params_value(to, at);
    memcpy(b.data, a.data, tensor_bytes(&a));
}

static ana_status load_folded(struct unet_state *s, const struct tensor_source *weights,
                              ana_error *err)
{
    struct params *whole = NULL;
    struct unet net;
    ana_status status = declare_unet(&net, &whole, false, err);
    if (!status)
        status = params_load(whole, weights, err);
    if (!status)
        status = declare_unet(&s->net, &s->params, true, err);
    if (!status) {
        for (int l = 0; l < LEVELS; l++)
            fold_level(s->params, &s->net.down[l], whole, &net.down[l]);
        for (int l = 0; l < LEVELS - 1; l++) {
            fold_level(s->params, &s->net.up[l], whole, &net.up[l]);
            copy_param(s->params, s->net.lift[l], whole, net.lift[l]);
        }
        copy_param(s->params, s->net.head_weight, whole, net.head_weight);
        copy_param(s->params, s->net.head_bias, whole, net.head_bias);
    }
    params_free(whole);
    return status;
}

static ana_status load_whole(struct unet_state *s, const struct tensor_source *weights,
                             ana_error *err)
{
    const ana_status status = declare_unet(&s->net, &s->params, false, err);
    return status ? status : params_load(s->params, weights, err);
}

/* ---- graph ---- */

static value make_unit(const struct unet_state *s, value x, const struct unit *unit)
{
    struct graph *g = s->graph;
    const struct nn_conv_options same = {
        .pad = {1, 1}, .activation = s->net.folded ? ACTIVATION_RELU : ACTIVATION_NONE};
    const value w = graph_param(g, unit->weight), bias = graph_param(g, unit->bias);
    const value y = nn_conv(g, NULL, x, w, s->net.folded ? bias : NO_VALUE, &same);
    if (s->net.folded)
        return y;
    const struct nn_norm_inputs inputs = {.x = y,
                                          .gain = graph_param(g, unit->gain),
                                          .bias = bias,
                                          .running_mean = graph_param(g, unit->mean),
                                          .running_var = graph_param(g, unit->variance),
                                          .film = NO_VALUE,
                                          .residual = NO_VALUE};
    return nn_batch_norm(
        g, NULL, inputs,
        &(struct nn_norm_options){.epsilon = epsilon, .activation = ACTIVATION_RELU});
}

static value make_level(const struct unet_state *s, value x, const struct level *level)
{
    return make_unit(s, make_unit(s, x, &level->first), &level->second);
}

static value make_logits(const struct unet_state *s, value x)
{
    struct graph *g = s->graph;
    const struct nn_pool_options halve = {.kernel = {2, 2}, .is_max = true};
    value skips[LEVELS];
    for (int l = 0; l < LEVELS; l++) {
        x = make_level(s, l ? nn_pool2d(g, NULL, x, &halve) : x, &s->net.down[l]);
        skips[l] = x;
    }
    for (int l = LEVELS - 2; l >= 0; l--) {
        x = nn_conv(g, NULL, x, graph_param(g, s->net.lift[l]), NO_VALUE, NULL);
        x = nn_depth_to_space(g, NULL, x, 2);
        x = nn_concat(g, NULL, (const value[]){skips[l], x}, 2);
        x = make_level(s, x, &s->net.up[l]);
    }
    return nn_conv(g, "logits", x, graph_param(g, s->net.head_weight),
                   graph_param(g, s->net.head_bias), NULL);
}

static ana_status feed(const struct unet_state *s, const char *name,
                       const struct tensor_source *inputs, ana_error *err)
{
    const struct tensor to = plan_value(s->plan, graph_find(s->graph, name));
    return copy_named(&to, inputs, name, err);
}

/* The batch is that of the file. */
static struct shape shape_named(const struct tensor_source *inputs, const char *name)
{
    const int64_t at = inputs->ops->find(inputs, name);
    return at < 0 ? SHAPE(1) : inputs->ops->tensor(inputs, at).shape;
}

static void close_unet(void *state)
{
    struct unet_state *s = state;
    if (!s)
        return;
    memory_free(s->gradients);
    optimiser_free(s->optimiser);
    plan_free(s->plan);
    graph_free(s->graph);
    params_free(s->params);
    memory_free(s);
}

/* ---- inference ---- */

static ana_status plan_inference(struct unet_state *s, const struct tensor_source *inputs,
                                 ana_error *err)
{
    const value image = graph_input(s->graph, "images", DTYPE_F32, shape_named(inputs, "images"));
    s->logits = make_logits(s, image);
    const struct plan_request request = {.outputs = &s->logits, .n_outputs = 1};
    const ana_status status =
        plan_create(&s->plan, s->graph, &request, &(struct plan_env){.pool = s->pool}, err);
    return status ? status : feed(s, "images", inputs, err);
}

static ana_status
open_with(void **out, const struct workload_files *files, struct pool *pool,
          ana_status (*load)(struct unet_state *, const struct tensor_source *, ana_error *),
          ana_status (*plan)(struct unet_state *, const struct tensor_source *, ana_error *),
          ana_error *err)
{
    struct unet_state *s = memory_alloc_zeroed(sizeof *s);
    if (!s)
        return ana_fail_memory(err, sizeof *s);
    s->pool = pool;
    ana_status status = load(s, files->weights, err);
    if (!status)
        status = graph_create(&s->graph, s->params, DTYPE_F32, err);
    if (!status)
        status = plan(s, files->inputs, err);
    if (status)
        close_unet(s);
    else
        *out = s;
    return status;
}

static ana_status open_inference(void **out, const struct workload_files *files, struct pool *pool,
                                 ana_error *err)
{
    return open_with(out, files, pool, load_folded, plan_inference, err);
}

static ana_status run_inference(void *state, ana_error *err)
{
    const struct unet_state *s = state;
    return plan_forward(s->plan, NULL, NULL, err);
}

static ana_status write_inference(void *state, struct tensor_sink *sink, ana_error *err)
{
    const struct unet_state *s = state;
    const struct tensor logits = plan_value(s->plan, s->logits);
    return put_named(sink, "", "logits", &logits, err);
}

static double inference_gflop(const void *state)
{
    return 1e-9 * plan_forward_cost(((const struct unet_state *)state)->plan).flop;
}

/* ---- training ---- */

/* Mean over the batch of binary cross entropy + soft Dice. */
static ana_status plan_training(struct unet_state *s, const struct tensor_source *inputs,
                                ana_error *err)
{
    struct graph *g = s->graph;
    const struct shape images = shape_named(inputs, "images");
    const int64_t n = images.extent[0];
    const value image = graph_input(g, "images", DTYPE_F32, images);
    const value target = graph_input(g, "targets", DTYPE_F32, shape_named(inputs, "targets"));
    const value weight = graph_input(g, "weight", DTYPE_F32, SHAPE(n));
    s->logits = make_logits(s, image);
    const value each = nn_bce_dice(g, NULL, s->logits, target, 1, 1, 1);
    s->loss = nn_weighted_sum(g, "loss", each, weight);
    const struct plan_request request = {.outputs = &s->loss,
                                         .n_outputs = 1,
                                         .seeds = &s->loss,
                                         .n_seeds = 1,
                                         .wrt_params = true,
                                         .training = true};
    ana_status status =
        plan_create(&s->plan, g, &request, &(struct plan_env){.pool = s->pool}, err);
    if (!status)
        status = feed(s, "images", inputs, err);
    if (!status)
        status = feed(s, "targets", inputs, err);
    if (status)
        return status;
    const struct tensor weights = plan_value(s->plan, weight);
    for (int64_t i = 0; i < n; i++)
        tensor_f32(&weights)[i] = 1 / (float)n;
    const struct optimiser_options options = optimiser_defaults();
    s->gradients = memory_alloc_array_zeroed((size_t)params_count(s->params), sizeof *s->gradients);
    return s->gradients ? optimiser_create(&s->optimiser, s->params, &options, err)
                        : ana_fail_memory(err, sizeof *s->gradients);
}

static ana_status open_training(void **out, const struct workload_files *files, struct pool *pool,
                                ana_error *err)
{
    return open_with(out, files, pool, load_whole, plan_training, err);
}

static ana_status run_training(void *state, ana_error *err)
{
    struct unet_state *s = state;
    ana_status status = plan_forward(s->plan, NULL, NULL, err);
    const struct tensor seed = plan_gradient(s->plan, s->loss);
    tensor_f32(&seed)[0] = 1;
    if (!status)
        status = plan_backward(s->plan, NULL, NULL, err);
    if (status)
        return status;
    for (int i = 0; i < params_count(s->params); i++)
        s->gradients[i] = plan_param_gradient(s->plan, i);
    return optimiser_step(s->optimiser, s->gradients, learning_rate, s->pool, NULL, err);
}

static ana_status write_training(void *state, struct tensor_sink *sink, ana_error *err)
{
    const struct unet_state *s = state;
    const struct tensor loss = plan_value(s->plan, s->loss);
    ana_status status = put_named(sink, "", "loss", &loss, err);
    for (int i = 0; !status && i < params_count(s->params); i++) {
        const char *name = params_spec(s->params, i)->name;
        const struct tensor after = params_value(s->params, i);
        status = put_named(sink, "after.", name, &after, err);
        if (!status && s->gradients[i].data)
            status = put_named(sink, "gradient.", name, &s->gradients[i], err);
    }
    return status;
}

static double training_gflop(const void *state)
{
    const struct unet_state *s = state;
    return 1e-9 * (plan_forward_cost(s->plan).flop + plan_backward_cost(s->plan).flop);
}

const struct workload workload_unet = {.name = "unet",
                                       .open = open_inference,
                                       .run = run_inference,
                                       .write = write_inference,
                                       .gflop = inference_gflop,
                                       .close = close_unet};
const struct workload workload_unet_train = {.name = "unet-train",
                                             .open = open_training,
                                             .run = run_training,
                                             .write = write_training,
                                             .gflop = training_gflop,
                                             .close = close_unet};
