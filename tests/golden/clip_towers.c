#include "clip_towers.h"

#include <math.h>

static const double TEXT_EPSILON = 1e-12, OPENAI_EPSILON = 1e-5, FEATURE_EPSILON = 1e-12;

bool clip_config_read(struct golden *golden, struct clip_config *config)
{
    const struct json *json = golden_json(golden, "config.json");
    const char *const names[] = {"v_heads", "t_heads", "v_layers", "t_layers"};
    int64_t values[4] = {0};
    for (int i = 0; json && i < 4; i++)
        if (!json_int64(json_get(json, names[i]), &values[i])) {
            golden_fail(golden, "config.json: no %s", names[i]);
            return false;
        }
    *config = (struct clip_config){.v_heads = values[0],
                                   .t_heads = values[1],
                                   .v_layers = (int)values[2],
                                   .t_layers = (int)values[3]};
    return json && values[2] <= CLIP_MAX_BLOCKS && values[3] <= CLIP_MAX_BLOCKS;
}

/* ---- inputs ---- */

value clip_logit_scale(struct golden_net *net)
{
    struct tensor tensor;
    if (!golden_tensor(net->golden, &tensor, net->weights, "logit_scale"))
        return NO_VALUE;
    const struct tensor one = tensor_view(golden_f32(net->golden, &tensor), DTYPE_F32, SHAPE(1));
    const value v = golden_net_input(net, "logit_scale", &one);
    if (!value_is_none(v))
        net->fed[net->n_fed - 1].is_weight = true;
    return v;
}

value clip_logits(struct golden_net *net, value images, value texts)
{
    const value cosines = nn_cosine_matrix(net->graph, NULL, images, texts, FEATURE_EPSILON);
    const value scale = nn_unary(net->graph, NULL, clip_logit_scale(net), NN_EXP);
    return nn_binary(net->graph, NULL, cosines, scale, NN_MUL);
}

value clip_padding_mask(struct golden_net *net, const char *name, const struct tensor *ids)
{
    const int64_t n = tensor_count(ids);
    float *mask = golden_alloc(net->golden, n, sizeof *mask);
    for (int64_t i = 0; i < n; i++)
        mask[i] = tensor_i32(ids)[i] != 0 ? 0 : -INFINITY;
    const struct tensor tensor =
        tensor_view(mask, DTYPE_F32, SHAPE(ids->shape.extent[0], 1, 1, ids->shape.extent[1]));
    return golden_net_input(net, name, &tensor);
}

/* ---- layers ---- */

static value linear(struct golden_net *net, value x, const char *prefix, const char *name,
                    enum activation activation)
{
    return nn_linear(net->graph, NULL, x, golden_net_weight(net, "%s%s.weight", prefix, name),
                     golden_net_weight_if(net, "%s%s.bias", prefix, name), activation);
}

static value norm(struct golden_net *net, value x, const char *prefix, const char *name,
                  double epsilon)
{
    return nn_layer_norm(net->graph, NULL, x, golden_net_weight(net, "%s%s.weight", prefix, name),
                         golden_net_weight(net, "%s%s.bias", prefix, name), epsilon);
}

/* Names behind a block's prefix: qkv, or q, k and v. */
struct block_names {
    const char *norm1, *norm2, *qkv, *q, *k, *v, *out, *fc1, *fc2;
};
static const struct block_names hf_names = {
    "layer_norm1",      "layer_norm2",        NULL,      "self_attn.q_proj", "self_attn.k_proj",
    "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2"};
static const struct block_names timm_names = {"norm1", "norm2",     "attn.qkv", NULL,     NULL,
                                              NULL,    "attn.proj", "mlp.fc1",  "mlp.fc2"};
static const struct block_names bert_names = {
    "attention.output.LayerNorm", "output.LayerNorm",   NULL,
    "attention.self.query",       "attention.self.key", "attention.self.value",
    "attention.output.dense",     "intermediate.dense", "output.dense"};

struct block_style {
    const char *tower, *prefix; /* of the values; of the names of the weights, with the number */
    const struct block_names *names;
    int64_t heads;
    double epsilon;
    enum activation activation;
    bool post_norm, causal, shows_all;
    value mask;
};

/* Both forms of attention: every second block shows its probabilities. */
static value attend(struct golden_net *net, const struct block_style *s, const char *prefix,
                    int number, value x)
{
    const struct block_names *n = s->names;
    struct nn_attention_inputs in;
    if (n->qkv) {
        in = nn_attention_of(linear(net, x, prefix, n->qkv, ACTIVATION_NONE), NO_VALUE, NO_VALUE);
    } else {
        const value q = linear(net, x, prefix, n->q, ACTIVATION_NONE);
        const value k = linear(net, x, prefix, n->k, ACTIVATION_NONE);
        in = nn_attention_of(q, k, linear(net, x, prefix, n->v, ACTIVATION_NONE));
    }
    in.bias = s->mask;
    return nn_attention(
        net->graph, golden_print(net->golden, "%s%d", s->tower, number), in,
        &(struct nn_attention_options){.heads = s->heads,
                                       .causal = s->causal,
                                       .materialised = s->shows_all || number % 2 == 0});
}

static value mlp(struct golden_net *net, const struct block_style *s, const char *prefix, value x)
{
    const value hidden = linear(net, x, prefix, s->names->fc1, s->activation);
    return linear(net, hidden, prefix, s->names->fc2, ACTIVATION_NONE);
}

static value block(struct golden_net *net, const struct block_style *s, struct clip_tower *tower,
                   int number, value x)
{
    const char *prefix = golden_print(net->golden, "%s%d.", s->prefix, number);
    const value before = s->post_norm ? x : norm(net, x, prefix, s->names->norm1, s->epsilon);
    const value heads = attend(net, s, prefix, number, before);
    if (number == 0) {
        tower->norm1 = golden_net_tap(net, before);
        tower->attended = golden_net_tap(net, heads);
    }
    x = nn_add(net->graph, NULL, x, linear(net, heads, prefix, s->names->out, ACTIVATION_NONE));
    if (s->post_norm) {
        x = norm(net, x, prefix, s->names->norm1, s->epsilon);
        x = nn_add(net->graph, NULL, x, mlp(net, s, prefix, x));
        return norm(net, x, prefix, s->names->norm2, s->epsilon);
    }
    const value inner = norm(net, x, prefix, s->names->norm2, s->epsilon);
    return nn_add(net->graph, NULL, x, mlp(net, s, prefix, inner));
}

static value blocks(struct golden_net *net, const struct block_style *s, struct clip_tower *tower,
                    int n, value x)
{
    for (int i = 0; i < n; i++) {
        x = golden_net_tap(net, block(net, s, tower, i, x));
        tower->block[i] = x;
        tower->probabilities[i] = golden_net_tap(
            net,
            graph_find(net->graph, golden_print(net->golden, "%s%d.probabilities", s->tower, i)));
    }
    return x;
}

static value zeros(struct golden_net *net, const char *name, int64_t n)
{
    int32_t *data = golden_alloc(net->golden, n, sizeof *data);
    for (int64_t i = 0; i < n; i++)
        data[i] = 0;
    const struct tensor tensor = tensor_view(data, DTYPE_I32, SHAPE(n));
    return golden_net_index(net, name, &tensor);
}

/* Patches [n, h, w, c] behind one class token, plus positions: [n, 1 + h w, c]. */
static value tokens(struct golden_net *net, value patches, value token, value positions)
{
    const struct shape s = graph_shape(net->graph, patches);
    const int64_t n = s.extent[0], count = s.extent[1] * s.extent[2], c = s.extent[3];
    const value flat = nn_reshape(net->graph, NULL, patches, SHAPE(n, count * c));
    const value one = nn_reshape(net->graph, NULL, token, SHAPE(1, c));
    const value repeated = nn_take(net->graph, NULL, one, zeros(net, "token", n));
    const value joined = nn_concat(net->graph, NULL, (value[]){repeated, flat}, 2);
    return nn_binary(net->graph, NULL, nn_reshape(net->graph, NULL, joined, SHAPE(n, count + 1, c)),
                     positions, NN_ADD);
}

static value first_token(struct golden_net *net, value x)
{
    const struct shape s = graph_shape(net->graph, x);
    return nn_reshape(net->graph, NULL, nn_slice(net->graph, NULL, x, 1, 0, 1),
                      SHAPE(s.extent[0], s.extent[2]));
}

static value patches_of(struct golden_net *net, value pictures, value weight, value bias)
{
    const int64_t side = graph_shape(net->graph, weight).extent[3];
    return nn_conv(net->graph, NULL, pictures, weight, bias,
                   &(struct nn_conv_options){.stride = {side, side}});
}

static void finish(struct golden_net *net, struct clip_tower *t, value features)
{
    t->features = golden_net_tap(net, features);
    t->embeds = golden_net_tap(net, nn_l2_normalise(net->graph, NULL, features, FEATURE_EPSILON));
    golden_net_tap(net, t->pooled);
    golden_net_tap(net, t->embeddings);
}

/* ---- towers ---- */

struct clip_tower clip_openai_vision(struct golden_net *net, const struct clip_config *config,
                                     value pictures)
{
    const struct block_style style = {.tower = "vision",
                                      .prefix = "vision_model.encoder.layers.",
                                      .names = &hf_names,
                                      .shows_all = config->shows_all,
                                      .heads = config->v_heads,
                                      .epsilon = OPENAI_EPSILON,
                                      .activation = ACTIVATION_QUICK_GELU,
                                      .mask = NO_VALUE};
    struct clip_tower t = {.sum = NO_VALUE, .final_norm = NO_VALUE, .hidden = NO_VALUE};
    const char *embeddings = "vision_model.embeddings.";
    t.patches = golden_net_tap(
        net, patches_of(net, pictures,
                        golden_net_weight(net, "%spatch_embedding.weight", embeddings), NO_VALUE));
    t.embeddings = tokens(net, t.patches, golden_net_weight(net, "%sclass_embedding", embeddings),
                          golden_net_weight(net, "%sposition_embedding.weight", embeddings));
    value x = norm(net, t.embeddings, "vision_model.", "pre_layrnorm", OPENAI_EPSILON);
    t.final_norm = golden_net_tap(net, x); /* the norm before the blocks; there is none behind */
    x = blocks(net, &style, &t, config->v_layers, x);
    t.pooled = norm(net, first_token(net, x), "vision_model.", "post_layernorm", OPENAI_EPSILON);
    finish(net, &t, linear(net, t.pooled, "", "visual_projection", ACTIVATION_NONE));
    return t;
}

struct clip_tower clip_openai_text(struct golden_net *net, const struct clip_config *config,
                                   value ids, value ends)
{
    const struct block_style style = {.tower = "text",
                                      .prefix = "text_model.encoder.layers.",
                                      .names = &hf_names,
                                      .heads = config->t_heads,
                                      .epsilon = OPENAI_EPSILON,
                                      .activation = ACTIVATION_QUICK_GELU,
                                      .causal = true,
                                      .mask = NO_VALUE};
    struct clip_tower t = {.patches = NO_VALUE, .sum = NO_VALUE, .hidden = NO_VALUE};
    const char *embeddings = "text_model.embeddings.";
    const value words = nn_take(
        net->graph, NULL, golden_net_weight(net, "%stoken_embedding.weight", embeddings), ids);
    t.embeddings =
        nn_binary(net->graph, NULL, words,
                  golden_net_weight(net, "%sposition_embedding.weight", embeddings), NN_ADD);
    const value x = blocks(net, &style, &t, config->t_layers, t.embeddings);
    t.final_norm =
        golden_net_tap(net, norm(net, x, "text_model.", "final_layer_norm", OPENAI_EPSILON));
    t.pooled = nn_take_each(net->graph, NULL, t.final_norm, ends);
    finish(net, &t, linear(net, t.pooled, "", "text_projection", ACTIVATION_NONE));
    return t;
}

struct clip_tower clip_biomed_vision(struct golden_net *net, const struct clip_config *config,
                                     value pictures, double epsilon)
{
    const struct block_style style = {.tower = "vision",
                                      .prefix = "visual.trunk.blocks.",
                                      .names = &timm_names,
                                      .shows_all = config->shows_all,
                                      .heads = config->v_heads,
                                      .epsilon = epsilon,
                                      .activation = ACTIVATION_GELU,
                                      .mask = NO_VALUE};
    struct clip_tower t = {.sum = NO_VALUE, .hidden = NO_VALUE};
    t.patches = golden_net_tap(
        net,
        patches_of(net, pictures, golden_net_weight(net, "visual.trunk.patch_embed.proj.weight"),
                   golden_net_weight(net, "visual.trunk.patch_embed.proj.bias")));
    t.embeddings = tokens(net, t.patches, golden_net_weight(net, "visual.trunk.cls_token"),
                          golden_net_weight(net, "visual.trunk.pos_embed"));
    const value x = blocks(net, &style, &t, config->v_layers, t.embeddings);
    t.final_norm = golden_net_tap(net, norm(net, x, "visual.trunk.", "norm", epsilon));
    t.pooled = first_token(net, t.final_norm);
    finish(net, &t, linear(net, t.pooled, "visual.head.", "proj", ACTIVATION_NONE));
    return t;
}

/* E = word + type 0 + position. */
static value bert_sum(struct golden_net *net, value ids)
{
    const char *prefix = "text.transformer.embeddings.";
    const int64_t length = graph_shape(net->graph, ids).extent[1];
    const value words =
        nn_take(net->graph, NULL, golden_net_weight(net, "%sword_embeddings.weight", prefix), ids);
    const value types = golden_net_weight(net, "%stoken_type_embeddings.weight", prefix);
    const value places = golden_net_weight(net, "%sposition_embeddings.weight", prefix);
    const value x =
        nn_binary(net->graph, NULL, words, nn_slice(net->graph, NULL, types, 0, 0, 1), NN_ADD);
    return nn_binary(net->graph, NULL, x, nn_slice(net->graph, NULL, places, 0, 0, length), NN_ADD);
}

struct clip_tower clip_biomed_text(struct golden_net *net, const struct clip_config *config,
                                   value ids, value mask)
{
    const struct block_style style = {.tower = "text",
                                      .prefix = "text.transformer.encoder.layer.",
                                      .names = &bert_names,
                                      .heads = config->t_heads,
                                      .epsilon = TEXT_EPSILON,
                                      .activation = ACTIVATION_GELU,
                                      .post_norm = true,
                                      .mask = mask};
    struct clip_tower t = {.patches = NO_VALUE, .final_norm = NO_VALUE};
    t.sum = golden_net_tap(net, bert_sum(net, ids));
    t.embeddings = norm(net, t.sum, "text.transformer.embeddings.", "LayerNorm", TEXT_EPSILON);
    const value x = blocks(net, &style, &t, config->t_layers, t.embeddings);
    t.pooled = first_token(net, x);
    t.hidden = golden_net_tap(net, linear(net, t.pooled, "text.proj.", "0", ACTIVATION_NONE));
    const value active = nn_activate(net->graph, NULL, t.hidden, ACTIVATION_GELU);
    finish(net, &t, linear(net, active, "text.proj.", "2", ACTIVATION_NONE));
    return t;
}
