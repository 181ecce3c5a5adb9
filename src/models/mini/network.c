/* The layers of mini: each parameter declared once, each part of the graph built once. */
#include "models/mini/network.h"

#include <stdarg.h>
#include <stdio.h>

#include "nn/ops.h"

static const double norm_epsilon = 1e-5;
static const double norm_momentum = 0.1;

struct mini_config mini_default_config(void)
{
    return (struct mini_config){.width = {16, 32, 64, 128, 192},
                                .blocks = {1, 2, 2, 3, 2},
                                .buckets = 4096,
                                .word_width = 64,
                                .condition = 128};
}

/* ---- parameters ---- */

/* Declares parameters under a prefix: "decoder.up0." and the like. */
struct scope {
    struct params *params;
    char prefix[64];
    bool is_text; /* learns at MINI_WORD_RATE and does not decay */
};

static PRINTF_LIKE(2, 3) struct scope scope_of(struct params *params, const char *format, ...)
{
    struct scope scope = {.params = params};
    va_list args;
    va_start(args, format);
    vsnprintf(scope.prefix, sizeof scope.prefix, format, args);
    va_end(args);
    return scope;
}

static struct scope inner(const struct scope *outer, const char *name)
{
    struct scope scope = {.params = outer->params, .is_text = outer->is_text};
    snprintf(scope.prefix, sizeof scope.prefix, "%.40s%s.", outer->prefix, name);
    return scope;
}

static int declare(const struct scope *scope, const char *name, struct shape shape,
                   enum param_init init, double init_scale, unsigned flags)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", scope->prefix, name);
    return params_declare(scope->params,
                          &(struct param_spec){.name = full,
                                               .shape = shape,
                                               .init = init,
                                               .init_scale = init_scale,
                                               .flags = scope->is_text ? 0 : flags,
                                               .rate = scope->is_text ? MINI_WORD_RATE : 1});
}

/* One statement for each parameter: their order numbers them, and the numbers key their first
 * values. */
static struct mini_norm declare_norm(const struct scope *scope, int64_t c, double gain)
{
    struct mini_norm norm;
    norm.gain = declare(scope, "norm.weight", SHAPE(c), PARAM_CONSTANT, gain, 0);
    norm.bias = declare(scope, "norm.bias", SHAPE(c), PARAM_ZERO, 0, 0);
    norm.mean = declare(scope, "norm.running_mean", SHAPE(c), PARAM_ZERO, 0, PARAM_BUFFER);
    norm.variance = declare(scope, "norm.running_var", SHAPE(c), PARAM_ONE, 0, PARAM_BUFFER);
    return norm;
}

static int declare_conv(const struct scope *scope, const char *name, int64_t out, int64_t in,
                        int64_t kernel)
{
    return declare(scope, name, SHAPE(out, in, kernel, kernel), PARAM_HE_FAN_IN, 1, PARAM_DECAY);
}

static struct mini_unit declare_unit(const struct scope *scope, int64_t out, int64_t in,
                                     double gain)
{
    struct mini_unit unit;
    unit.weight = declare_conv(scope, "conv.weight", out, in, 3);
    unit.norm = declare_norm(scope, out, gain);
    return unit;
}

/* weight_sd 0: He's rule. */
static struct mini_linear declare_linear(const struct scope *scope, int64_t out, int64_t in,
                                         double weight_sd)
{
    const enum param_init init = weight_sd > 0 ? PARAM_NORMAL : PARAM_HE_FAN_IN;
    struct mini_linear linear;
    linear.weight =
        declare(scope, "weight", SHAPE(out, in), init, weight_sd > 0 ? weight_sd : 1, PARAM_DECAY);
    linear.bias = declare(scope, "bias", SHAPE(out), PARAM_ZERO, 0, 0);
    return linear;
}

/* The second norm's gain starts at 0, so that a block starts as the identity. */
static struct mini_block declare_block(const struct scope *scope, int64_t c, int64_t condition)
{
    struct mini_block block;
    struct scope part = inner(scope, "first");
    block.first = declare_unit(&part, c, c, 1);
    part = inner(scope, "second");
    block.second = declare_unit(&part, c, c, 0);
    block.film = (struct mini_linear){-1, -1};
    if (condition) {
        part = inner(scope, "film");
        block.film = declare_linear(&part, 2 * c, condition, 0.05);
    }
    return block;
}

static void declare_encoder(struct mini_network *net, struct params *params)
{
    const struct mini_config *c = &net->config;
    int64_t in = 3 * 4; /* space to depth 2 */
    for (int s = 0; s < MINI_STAGES; s++) {
        const struct scope stage = scope_of(params, "encoder.stage%d.", s);
        const struct scope down = inner(&stage, "down");
        net->stage[s].down = declare_unit(&down, c->width[s], in, 1);
        for (int b = 0; b < c->blocks[s]; b++) {
            char name[16];
            snprintf(name, sizeof name, "block%d", b);
            const struct scope block = inner(&stage, name);
            net->stage[s].block[b] = declare_block(&block, c->width[s], 0);
        }
        in = c->width[s];
    }
}

static void declare_words(struct mini_network *net, struct params *params)
{
    const struct mini_config *c = &net->config;
    struct scope words = scope_of(params, "words.");
    words.is_text = true;
    net->word_table =
        declare(&words, "table.weight", SHAPE(c->buckets, c->word_width), PARAM_NORMAL, 1, 0);
    struct scope part = inner(&words, "hidden");
    net->word_hidden = declare_linear(&part, c->condition, c->word_width, 0);
    part = inner(&words, "out");
    net->word_out = declare_linear(&part, c->condition, c->condition, 0);
    net->word_gain = declare(&words, "norm.weight", SHAPE(c->condition), PARAM_ONE, 0, 0);
    net->word_bias = declare(&words, "norm.bias", SHAPE(c->condition), PARAM_ZERO, 0, 0);
    const struct scope flags = scope_of(params, "condition.flags.");
    net->flags = declare_linear(&flags, c->condition, MINI_FLAGS, 0);
    const struct scope condition = scope_of(params, "condition.out.");
    net->condition = declare_linear(&condition, c->condition, c->condition, 0);
}

static struct mini_up declare_up(const struct scope *scope, const struct mini_config *c, int stage)
{
    const int64_t width = c->width[stage];
    struct mini_up up;
    up.from_below = declare_conv(scope, "below.weight", width, c->width[stage + 1], 1);
    up.from_skip = declare_conv(scope, "skip.weight", width, width, 1);
    up.from_maps = declare_conv(scope, "maps.weight", width, MINI_MAPS, 1);
    up.norm = declare_norm(scope, width, 1);
    const struct scope block = inner(scope, "block");
    up.block = declare_block(&block, width, c->condition);
    return up;
}

static void declare_decoder(struct mini_network *net, struct params *params, bool training)
{
    const struct mini_config *c = &net->config;
    const int64_t deepest = c->width[MINI_STAGES - 1];
    const struct scope bottom = scope_of(params, "decoder.bottom.");
    net->bottom_from_features = declare_conv(&bottom, "features.weight", deepest, deepest, 1);
    net->bottom_from_maps = declare_conv(&bottom, "maps.weight", deepest, MINI_MAPS, 1);
    net->bottom_norm = declare_norm(&bottom, deepest, 1);
    for (int b = 0; b < 2; b++) {
        const struct scope block = inner(&bottom, b ? "block1" : "block0");
        net->bottom[b] = declare_block(&block, deepest, c->condition);
    }
    for (int u = 0; u < MINI_STAGES - 1; u++) {
        const struct scope up = scope_of(params, "decoder.up%d.", u);
        net->up[u] = declare_up(&up, c, MINI_STAGES - 2 - u);
    }
    struct scope part = scope_of(params, "decoder.head.");
    net->head = declare_unit(&part, c->width[0], c->width[0], 1);
    net->head_out.weight = declare_conv(&part, "out.weight", 4, c->width[0], 1);
    /* Most pixels are background: start there. */
    net->head_out.bias = declare(&part, "out.bias", SHAPE(4), PARAM_CONSTANT, -2, 0);
    part = scope_of(params, "presence.hidden.");
    net->presence_hidden = declare_linear(&part, c->condition, 2 * deepest + c->condition, 0);
    part = scope_of(params, "presence.out.");
    net->presence_out = declare_linear(&part, 1, c->condition, 0);
    for (int a = 0; training && a < MINI_AUXILIARY; a++) {
        part = scope_of(params, "auxiliary%d.", a);
        net->auxiliary[a].weight = declare_conv(&part, "weight", 1, c->width[1 + a], 1);
        net->auxiliary[a].bias = declare(&part, "bias", SHAPE(1), PARAM_CONSTANT, -2, 0);
    }
}

void mini_declare(struct mini_network *net, const struct mini_config *config, struct params *params,
                  bool training)
{
    *net = (struct mini_network){.config = *config};
    declare_encoder(net, params);
    declare_words(net, params);
    declare_decoder(net, params, training);
}

/* ---- graph ---- */

static value conv(struct graph *g, const char *name, value x, int weight, int64_t kernel,
                  int64_t stride)
{
    const struct nn_conv_options options = {.dims = 2,
                                            .stride = {stride, stride},
                                            .pad = {kernel / 2, kernel / 2},
                                            .dilation = {1, 1},
                                            .groups = 1};
    return nn_conv(g, name, x, graph_param(g, weight), NO_VALUE, &options);
}

static value norm(struct graph *g, const char *name, value x, const struct mini_norm *n, value film,
                  value residual)
{
    const struct nn_norm_inputs inputs = {.x = x,
                                          .gain = graph_param(g, n->gain),
                                          .bias = graph_param(g, n->bias),
                                          .running_mean = graph_param(g, n->mean),
                                          .running_var = graph_param(g, n->variance),
                                          .film = film,
                                          .residual = residual};
    return nn_batch_norm(g, name, inputs,
                         &(struct nn_norm_options){.epsilon = norm_epsilon,
                                                   .momentum = norm_momentum,
                                                   .activation = ACTIVATION_RELU});
}

static value linear(struct graph *g, const char *name, value x, const struct mini_linear *l,
                    enum activation activation)
{
    return nn_linear(g, name, x, graph_param(g, l->weight), graph_param(g, l->bias), activation);
}

/* x + second(relu(film(first(x)))), then ReLU. */
static value block(struct graph *g, const char *name, value x, const struct mini_block *b,
                   value condition)
{
    graph_enter(g, "%s", name);
    value film = NO_VALUE;
    if (!value_is_none(condition))
        film = linear(g, "film", condition, &b->film, ACTIVATION_NONE);
    value y = conv(g, "first.conv", x, b->first.weight, 3, 1);
    y = norm(g, "first", y, &b->first.norm, film, NO_VALUE);
    y = conv(g, "second.conv", y, b->second.weight, 3, 1);
    y = norm(g, "out", y, &b->second.norm, NO_VALUE, x);
    graph_leave(g);
    return y;
}

struct mini_features mini_encode(const struct mini_network *net, struct graph *g, value image)
{
    struct mini_features features;
    value x = nn_space_to_depth(g, "encoder.input", image, 2);
    for (int s = 0; s < MINI_STAGES; s++) {
        graph_enter(g, "encoder.stage%d", s);
        x = conv(g, "down.conv", x, net->stage[s].down.weight, 3, s ? 2 : 1);
        x = norm(g, "down", x, &net->stage[s].down.norm, NO_VALUE, NO_VALUE);
        for (int b = 0; b < net->config.blocks[s]; b++) {
            char name[16];
            snprintf(name, sizeof name, "block%d", b);
            x = block(g, name, x, &net->stage[s].block[b], NO_VALUE);
        }
        graph_leave(g);
        features.stage[s] = x;
    }
    return features;
}

struct mini_prompts mini_prompt_inputs(struct graph *g, int64_t n, int64_t size)
{
    struct mini_prompts prompts;
    prompts.words = graph_input(g, "word_indices", DTYPE_I32, SHAPE(n, MINI_WORDS));
    prompts.flags = graph_input(g, "flags", DTYPE_F32, SHAPE(n, MINI_FLAGS));
    prompts.maps = graph_input(g, "maps", DTYPE_F32, SHAPE(n, size, size, MINI_MAPS));
    prompts.image = graph_input(g, "image_of", DTYPE_I32, SHAPE(n));
    return prompts;
}

value mini_words(const struct mini_network *net, struct graph *g, value words)
{
    graph_enter(g, "words");
    value x = nn_word_bag(g, "bag", graph_param(g, net->word_table), words);
    x = linear(g, "hidden", x, &net->word_hidden, ACTIVATION_RELU);
    x = linear(g, "out", x, &net->word_out, ACTIVATION_NONE);
    x = nn_layer_norm(g, "norm", x, graph_param(g, net->word_gain), graph_param(g, net->word_bias),
                      norm_epsilon);
    graph_leave(g);
    return x;
}

/* relu(W relu(words * has_words + F flags)) */
static value condition_of(const struct mini_network *net, struct graph *g,
                          const struct mini_prompts *prompts)
{
    const value words = mini_words(net, g, prompts->words);
    graph_enter(g, "condition");
    const value has_words = nn_reshape(g, "has_words", nn_slice(g, NULL, prompts->flags, 1, 0, 1),
                                       SHAPE(graph_shape(g, prompts->flags).extent[0]));
    const value said = nn_scale_rows(g, "said", words, has_words);
    const value flags = linear(g, "flags", prompts->flags, &net->flags, ACTIVATION_NONE);
    const value sum = nn_activate(g, "sum", nn_add(g, NULL, said, flags), ACTIVATION_RELU);
    const value condition = linear(g, "out", sum, &net->condition, ACTIVATION_RELU);
    graph_leave(g);
    return condition;
}

/* The prompt maps at S/2 .. S/32: boxes shrink by the mean, clicks by the maximum, so that a click
 * stays a click. */
static void map_pyramid(struct graph *g, value maps, value pyramid[MINI_STAGES])
{
    const struct nn_pool_options mean = {.kernel = {2, 2}, .stride = {2, 2}};
    const struct nn_pool_options max = {.kernel = {2, 2}, .stride = {2, 2}, .is_max = true};
    value box = nn_slice(g, "maps.box", maps, 3, 0, 1);
    value clicks = nn_slice(g, "maps.clicks", maps, 3, 1, MINI_MAPS - 1);
    for (int s = 0; s < MINI_STAGES; s++) {
        box = nn_pool2d(g, NULL, box, &mean);
        clicks = nn_pool2d(g, NULL, clicks, &max);
        pyramid[s] = nn_concat(g, NULL, (const value[]){box, clicks}, 2);
    }
}

/* Features of the images, convolved 1x1 once an image, then handed to each prompt. */
static value skip_for_prompts(struct graph *g, value features, int weight, value image)
{
    return nn_take(g, NULL, conv(g, "skip", features, weight, 1, 1), image);
}

static value up_stage(struct graph *g, const struct mini_up *up, value below, value skip,
                      value maps, value image, value condition)
{
    const struct shape at = graph_shape(g, skip);
    const value lifted = nn_resize2d(g, NULL, conv(g, "below", below, up->from_below, 1, 1),
                                     at.extent[1], at.extent[2], RESIZE_NEAREST, false);
    const value beside = skip_for_prompts(g, skip, up->from_skip, image);
    const value sum = nn_add(g, NULL, nn_add(g, NULL, lifted, beside),
                             conv(g, "maps", maps, up->from_maps, 1, 1));
    return block(g, "block", norm(g, "merge", sum, &up->norm, NO_VALUE, NO_VALUE), &up->block,
                 condition);
}

static value presence_of(const struct mini_network *net, struct graph *g, value bottom,
                         value condition)
{
    graph_enter(g, "presence");
    const value parts[] = {nn_global_pool(g, "mean", bottom, false),
                           nn_global_pool(g, "max", bottom, true), condition};
    value x = nn_concat(g, "parts", parts, 3);
    x = linear(g, "hidden", x, &net->presence_hidden, ACTIVATION_RELU);
    x = linear(g, "out", x, &net->presence_out, ACTIVATION_NONE);
    graph_leave(g);
    return x;
}

static value bottom_of(const struct mini_network *net, struct graph *g, value features, value maps,
                       value image, value condition)
{
    graph_enter(g, "decoder.bottom");
    const value sum =
        nn_add(g, NULL, skip_for_prompts(g, features, net->bottom_from_features, image),
               conv(g, "maps", maps, net->bottom_from_maps, 1, 1));
    value x = norm(g, "merge", sum, &net->bottom_norm, NO_VALUE, NO_VALUE);
    x = block(g, "block0", x, &net->bottom[0], condition);
    x = block(g, "block1", x, &net->bottom[1], condition);
    graph_leave(g);
    return x;
}

struct mini_outputs mini_decode(const struct mini_network *net, struct graph *g,
                                const struct mini_features *features,
                                const struct mini_prompts *prompts, bool training)
{
    struct mini_outputs out = {.auxiliary = {NO_VALUE, NO_VALUE, NO_VALUE}};
    const value condition = condition_of(net, g, prompts);
    value maps[MINI_STAGES];
    map_pyramid(g, prompts->maps, maps);

    const int deepest = MINI_STAGES - 1;
    value x = bottom_of(net, g, features->stage[deepest], maps[deepest], prompts->image, condition);
    out.presence = presence_of(net, g, x, condition);
    for (int u = 0; u < MINI_STAGES - 1; u++) {
        const int stage = MINI_STAGES - 2 - u;
        graph_enter(g, "decoder.up%d", u);
        x = up_stage(g, &net->up[u], x, features->stage[stage], maps[stage], prompts->image,
                     condition);
        if (training && stage >= 1)
            out.auxiliary[stage - 1] =
                nn_conv(g, "auxiliary", x, graph_param(g, net->auxiliary[stage - 1].weight),
                        graph_param(g, net->auxiliary[stage - 1].bias), NULL);
        graph_leave(g);
    }
    graph_enter(g, "decoder.head");
    x = conv(g, "conv", x, net->head.weight, 3, 1);
    x = norm(g, "norm", x, &net->head.norm, NO_VALUE, NO_VALUE);
    x = nn_conv(g, "out", x, graph_param(g, net->head_out.weight),
                graph_param(g, net->head_out.bias), NULL);
    out.logits = nn_depth_to_space(g, "logits", x, 2);
    graph_leave(g);
    return out;
}
