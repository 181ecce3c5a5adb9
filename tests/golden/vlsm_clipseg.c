/* vlsm/clipseg, clipseg_plain: the embeddings of the picture and the decoder, built here from the
 * operators; for the refined head also the gradients of one training step. */
#include "golden_net.h"

static const struct tolerance embedded = {"embedded", 2e-5, "one convolution, one resize"};
static const struct tolerance decoded = {"decoded", 2e-4, "float32 transformer"};
static const struct tolerance logit = {"logits", 3e-4, "float32 decoder"};
static const struct tolerance loss_value = {"loss", 1e-5, "sums of float32 products"};
static const struct tolerance gradients = {"gradients", 1e-3, "share of the tensor's largest"};

enum { LAYERS = 3 };

/* ---- layers ---- */

static value linear(struct golden_net *net, const char *name, value x, enum activation activation)
{
    const value w = golden_net_weight(net, "%s.weight", name);
    const value bias = golden_net_weight(net, "%s.bias", name);
    return nn_linear(net->graph, NULL, x, w, bias, activation);
}

static value layer_norm(struct golden_net *net, const char *name, value x)
{
    const value gain = golden_net_weight(net, "%s.weight", name);
    const value bias = golden_net_weight(net, "%s.bias", name);
    return nn_layer_norm(net->graph, NULL, x, gain, bias, 1e-5);
}

/* [n, c] for every token of [n, tokens, c] */
static value for_tokens(struct golden_net *net, value v, value tokens)
{
    const struct shape s = graph_shape(net->graph, tokens);
    if (s.rank != 3)
        return NO_VALUE;
    const value column = nn_reshape(net->graph, NULL, v, SHAPE(s.extent[0], 1, s.extent[2]));
    return nn_broadcast(net->graph, NULL, column, s);
}

/* ---- the picture's embeddings ---- */

static int64_t square_root(int64_t n)
{
    int64_t root = 0;
    while ((root + 1) * (root + 1) <= n)
        root++;
    return root;
}

/* The table [1 + side^2, c], its grid resized to grid^2: [1, 1 + grid^2, c]. */
static value positions(struct golden_net *net, int64_t grid)
{
    struct graph *g = net->graph;
    const value table = golden_net_weight(net, "position_embedding.weight");
    const struct shape s = graph_shape(g, table);
    const int64_t side = square_root(s.extent[0] - 1), c = s.extent[1];
    const value first = nn_reshape(g, NULL, nn_slice(g, NULL, table, 0, 0, 1), SHAPE(1, 1, c));
    value rest = nn_slice(g, NULL, table, 0, 1, s.extent[0] - 1);
    rest = nn_reshape(g, NULL, rest, SHAPE(1, side, side, c));
    rest = nn_resize2d(g, NULL, rest, grid, grid, RESIZE_BICUBIC, false);
    rest = nn_reshape(g, NULL, rest, SHAPE(1, grid * grid, c));
    return nn_concat_axis(g, NULL, (value[]){first, rest}, 2, 1);
}

static value embeddings(struct golden_net *net, const struct tensor *pixels)
{
    struct graph *g = net->graph;
    const value w = golden_net_weight(net, "patch_embedding.weight");
    const int64_t patch = graph_shape(g, w).extent[2];
    const value x = nn_conv(g, NULL, golden_net_picture(net, "pixels", pixels), w, NO_VALUE,
                            &(struct nn_conv_options){.stride = {patch, patch}});
    const struct shape s = graph_shape(g, x);
    const int64_t n = s.extent[0], grid = s.extent[1], c = s.extent[3];
    value class_token = golden_net_weight(net, "class_embedding");
    class_token = nn_reshape(g, NULL, class_token, SHAPE(1, 1, c));
    class_token = nn_broadcast(g, NULL, class_token, SHAPE(n, 1, c));
    const value parts[] = {class_token, nn_reshape(g, NULL, x, SHAPE(n, grid * grid, c))};
    const value tokens = nn_concat_axis(g, NULL, parts, 2, 1);
    const value table = nn_broadcast(g, NULL, positions(net, grid), SHAPE(n, grid * grid + 1, c));
    return golden_net_tap(net, nn_add(g, NULL, tokens, table));
}

static void compare_embeddings(struct golden *golden, const struct tensor_source *weights,
                               const struct tensor_source *want)
{
    struct golden_net net;
    struct tensor pixels;
    if (!golden_tensor(golden, &pixels, want, "pixel_values"))
        return;
    golden_net_init(&net, golden, weights, "clip.vision_model.embeddings.");
    const value v = embeddings(&net, &pixels);
    if (golden_net_run(&net, false, NO_VALUE))
        golden_net_compare(&net, &embedded, v, want, "vision.embeddings");
    golden_net_clear(&net);
}

/* ---- the decoder ---- */

struct decoder {
    value reduced[LAYERS], attended[LAYERS], normed[LAYERS], mlp[LAYERS], layer[LAYERS];
    value film_mul, film_add, head0, head2;
    value logits; /* [n, h, w, 1] */
};

static value self_attention(struct golden_net *net, const char *name, value x, int64_t heads)
{
    struct golden *golden = net->golden;
    const value q = linear(net, golden_print(golden, "%s.q_proj", name), x, ACTIVATION_NONE);
    const value k = linear(net, golden_print(golden, "%s.k_proj", name), x, ACTIVATION_NONE);
    const value v = linear(net, golden_print(golden, "%s.v_proj", name), x, ACTIVATION_NONE);
    x = nn_attention(net->graph, NULL, nn_attention_of(q, k, v),
                     &(struct nn_attention_options){.heads = heads});
    return linear(net, golden_print(golden, "%s.out_proj", name), x, ACTIVATION_NONE);
}

/* Norm after each sum. */
static value transformer_layer(struct golden_net *net, struct decoder *d, int k, value x,
                               int64_t heads)
{
    struct golden *golden = net->golden;
    const char *name = golden_print(golden, "layers.%d", k);
    d->attended[k] = golden_net_tap(
        net, self_attention(net, golden_print(golden, "%s.self_attn", name), x, heads));
    x = nn_add(net->graph, NULL, x, d->attended[k]);
    x = d->normed[k] =
        golden_net_tap(net, layer_norm(net, golden_print(golden, "%s.layer_norm1", name), x));
    const value wide = linear(net, golden_print(golden, "%s.mlp.fc1", name), x, ACTIVATION_RELU);
    d->mlp[k] = golden_net_tap(
        net, linear(net, golden_print(golden, "%s.mlp.fc2", name), wide, ACTIVATION_NONE));
    x = nn_add(net->graph, NULL, x, d->mlp[k]);
    return golden_net_tap(net, layer_norm(net, golden_print(golden, "%s.layer_norm2", name), x));
}

/* Transposed convolution whose stride is its kernel. */
static value enlarging(struct golden_net *net, const char *name, value x)
{
    const value w = golden_net_weight(net, "%s.weight", name);
    const value bias = golden_net_weight(net, "%s.bias", name);
    const int64_t k = graph_shape(net->graph, w).extent[2];
    return nn_conv_transpose(net->graph, NULL, x, w, bias,
                             &(struct nn_conv_transpose_options){.conv = {.stride = {k, k}}});
}

static value refined_head(struct golden_net *net, struct decoder *d, value x)
{
    const value w = golden_net_weight(net, "transposed_convolution.0.weight");
    const value bias = golden_net_weight(net, "transposed_convolution.0.bias");
    d->head0 = golden_net_tap(
        net, nn_conv(net->graph, NULL, x, w, bias, &(struct nn_conv_options){.pad = {1, 1}}));
    x = nn_activate(net->graph, NULL, d->head0, ACTIVATION_RELU);
    d->head2 = golden_net_tap(net, enlarging(net, "transposed_convolution.2", x));
    x = nn_activate(net->graph, NULL, d->head2, ACTIVATION_RELU);
    return enlarging(net, "transposed_convolution.4", x);
}

/* Tokens without the class token as a picture, enlarged to logits. */
static value head(struct golden_net *net, struct decoder *d, value x)
{
    const struct shape s = graph_shape(net->graph, x);
    const int64_t grid = square_root(s.extent[1] - 1);
    struct tensor refined;
    x = nn_slice(net->graph, NULL, x, 1, 1, s.extent[1] - 1);
    x = nn_reshape(net->graph, NULL, x, SHAPE(s.extent[0], grid, grid, s.extent[2]));
    return golden_find(&refined, net->weights, "decoder.transposed_convolution.4.weight")
               ? refined_head(net, d, x)
               : enlarging(net, "transposed_convolution", x);
}

static void build(struct golden_net *net, struct decoder *d, const struct tensor_source *want,
                  int64_t heads)
{
    static const char *const taps[] = {"vision.block9", "vision.block6", "vision.block3"};
    struct golden *golden = net->golden;
    struct tensor tensor;
    value x = NO_VALUE, condition = NO_VALUE;
    *d = (struct decoder){.head0 = NO_VALUE, .head2 = NO_VALUE};
    if (golden_tensor(golden, &tensor, want, "condition"))
        condition = golden_net_input(net, "condition", &tensor);
    for (int k = 0; k < LAYERS && golden_tensor(golden, &tensor, want, taps[k]); k++) {
        const value activation = golden_net_input(net, taps[k], &tensor);
        d->reduced[k] = golden_net_tap(
            net, linear(net, golden_print(golden, "reduces.%d", k), activation, ACTIVATION_NONE));
        x = k == 0 ? d->reduced[k] : nn_add(net->graph, NULL, d->reduced[k], x);
        if (k == 0) {
            d->film_mul = golden_net_tap(net, linear(net, "film_mul", condition, ACTIVATION_NONE));
            d->film_add = golden_net_tap(net, linear(net, "film_add", condition, ACTIVATION_NONE));
            x = nn_mul(net->graph, NULL, for_tokens(net, d->film_mul, x), x);
            x = nn_add(net->graph, NULL, x, for_tokens(net, d->film_add, x));
        }
        x = d->layer[k] = transformer_layer(net, d, k, x, heads);
    }
    d->logits = golden_net_tap(net, head(net, d, x));
}

static void compare_decoder(struct golden *golden, const struct tensor_source *weights,
                            const struct tensor_source *want, int64_t heads)
{
    struct golden_net net;
    struct decoder d;
    golden_net_init(&net, golden, weights, "decoder.");
    build(&net, &d, want, heads);
    if (golden_net_run(&net, false, NO_VALUE)) {
        golden_net_compare(&net, &decoded, d.film_mul, want, "dec.film_mul");
        golden_net_compare(&net, &decoded, d.film_add, want, "dec.film_add");
        for (int k = 0; k < LAYERS; k++) {
            const char *layer = golden_print(golden, "dec.layer%d", k);
            golden_net_compare(&net, &decoded, d.reduced[k], want,
                               golden_print(golden, "dec.reduce%d", k));
            golden_net_compare(&net, &decoded, d.attended[k], want,
                               golden_print(golden, "%s.attn", layer));
            golden_net_compare(&net, &decoded, d.normed[k], want,
                               golden_print(golden, "%s.ln1", layer));
            golden_net_compare(&net, &decoded, d.mlp[k], want,
                               golden_print(golden, "%s.mlp", layer));
            golden_net_compare(&net, &decoded, d.layer[k], want, layer);
        }
        if (!value_is_none(d.head0)) {
            golden_net_compare_picture(&net, &logit, d.head0, want, "dec.head0", 1);
            golden_net_compare_picture(&net, &logit, d.head2, want, "dec.head2", 1);
        }
        golden_net_compare(&net, &logit, d.logits, want, "logits");
    }
    golden_net_clear(&net);
}

/* ---- training ---- */

/* The towers are frozen: the decoder alone learns, from the Dice of the study. */
static void compare_training(struct golden *golden, const struct tensor_source *weights,
                             const struct tensor_source *want, const struct tensor_source *train,
                             int64_t heads)
{
    struct golden_net net;
    struct decoder d;
    struct tensor target;
    if (!golden_tensor(golden, &target, train, "target"))
        return;
    golden_net_init(&net, golden, weights, "decoder.");
    build(&net, &d, want, heads);
    const value loss = golden_net_mean_dice(&net, d.logits, &target, 1e-5);
    if (golden_net_run(&net, true, loss)) {
        golden_net_compare(&net, &loss_value, loss, train, "loss.dice");
        golden_net_compare_picture(&net, &logit, d.logits, train, "step1.logits", 1);
        golden_net_compare_gradients(
            &net, &gradients, train,
            &(struct golden_gradients){.prefix = "grad1.", .dead = "k_proj.bias"});
    }
    golden_net_clear(&net);
}

static void compare(struct golden *golden, bool has_training)
{
    const struct tensor_source *weights = golden_tensors(golden, "model.safetensors");
    const struct tensor_source *want = golden_tensors(golden, "forward.safetensors");
    const struct json *config = golden_json(golden, "config.json");
    int64_t heads = 0;
    if (!weights || !want || !json_int64(json_get(config, "dec_heads"), &heads))
        return;
    compare_embeddings(golden, weights, want);
    compare_decoder(golden, weights, want, heads);
    const struct tensor_source *train =
        has_training ? golden_tensors(golden, "train.safetensors") : NULL;
    if (train)
        compare_training(golden, weights, want, train, heads);
    golden_skip(golden, "vision.block*, text.*, condition", "the towers come with the models");
}

void golden_vlsm_clipseg(struct golden *golden)
{
    compare(golden, true);
}

void golden_vlsm_clipseg_plain(struct golden *golden)
{
    compare(golden, false);
}
