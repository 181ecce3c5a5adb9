/* clip/openai, clip/biomed, clip/train: the towers tap by tap, attention relevance, and the
 * gradients of all parameters under three contrastive losses. */
#include <math.h>
#include <string.h>

#include "clip_towers.h"

static const struct tolerance block_rule = {"blocks", 2e-4, "float32, values up to 15"};
static const struct tolerance share_rule = {"probabilities", 1e-5, "float32"};
static const struct tolerance feature_rule = {"features", 2e-5, "float32"};
static const struct tolerance embed_rule = {"normalised", 1e-5, "float32"};
static const struct tolerance logit_rule = {"logits", 2e-4, "float32, scale up to 100"};
static const struct tolerance pair_rule = {"pairs", 1e-4, "softmax of the logits"};
static const struct tolerance relevance_rule = {"relevance", 2e-5, "float32, gradient of logits"};
static const struct tolerance loss_rule = {"loss", 5e-5, "float32 against double"};
static const struct tolerance gradient_rule = {"gradients", 5e-5, "float32, maxima of 0.2 to 6"};

static void compare(struct golden_net *net, const struct tolerance *rule, value v,
                    const struct tensor_source *source, const char *prefix, const char *name)
{
    golden_net_compare(net, rule, v, source, golden_print(net->golden, "%s%s", prefix, name));
}

/* Values that a source lacks are left out. */
static void compare_if(struct golden_net *net, const struct tolerance *rule, value v,
                       const struct tensor_source *source, const char *prefix, const char *name)
{
    struct tensor want;
    if (golden_find(&want, source, golden_print(net->golden, "%s%s", prefix, name)))
        compare(net, rule, v, source, prefix, name);
}

static void compare_blocks(struct golden_net *net, const struct clip_tower *t, int n,
                           const struct tensor_source *source, const char *prefix,
                           const char *block)
{
    for (int i = 0; i < n; i++) {
        const char *name = golden_print(net->golden, "%s%d", block, i);
        compare(net, &block_rule, t->block[i], source, prefix, name);
        if (value_is_none(t->probabilities[i]))
            continue;
        compare_if(net, &share_rule, t->probabilities[i], source, prefix,
                   golden_print(net->golden, "%s.probs", name));
        compare_if(net, &share_rule, t->probabilities[i], source, prefix,
                   golden_print(net->golden, "%s.attn_probs", name));
    }
}

/* ---- OpenAI's CLIP ---- */

struct openai {
    struct golden *golden;
    struct clip_config config;
    struct golden_net net;
    struct clip_tower vision, text;
    value logits; /* [images, texts] */
};

static bool open_openai(struct openai *o, const struct tensor_source *weights,
                        const struct tensor *pictures, const struct tensor *ids,
                        const struct tensor *ends)
{
    golden_net_init(&o->net, o->golden, weights, "");
    o->vision =
        clip_openai_vision(&o->net, &o->config, golden_net_picture(&o->net, "pictures", pictures));
    o->text = clip_openai_text(&o->net, &o->config, golden_net_index(&o->net, "ids", ids),
                               golden_net_index(&o->net, "ends", ends));
    o->logits = golden_net_tap(&o->net, clip_logits(&o->net, o->vision.features, o->text.features));
    return !o->golden->failed;
}

static void compare_openai(struct openai *o, const struct tensor_source *vision,
                           const struct tensor_source *text)
{
    struct golden_net *net = &o->net;
    const value shares = golden_net_tap(net, nn_softmax(net->graph, NULL, o->logits));
    if (!golden_net_run(net, false, NO_VALUE))
        return;
    compare(net, &block_rule, o->vision.patches, vision, "", "patch_embed");
    compare(net, &block_rule, o->vision.embeddings, vision, "", "embeddings");
    compare(net, &block_rule, o->vision.final_norm, vision, "", "pre_norm");
    compare(net, &block_rule, o->vision.norm1, vision, "", "block0.norm1");
    compare_blocks(net, &o->vision, o->config.v_layers, vision, "", "block");
    compare(net, &block_rule, o->vision.pooled, vision, "", "pooled");
    compare(net, &feature_rule, o->vision.features, vision, "", "image_features");
    compare(net, &embed_rule, o->vision.embeds, vision, "", "image_embeds");
    compare(net, &block_rule, o->text.embeddings, text, "", "embeddings");
    compare_blocks(net, &o->text, o->config.t_layers, text, "", "layer");
    compare(net, &block_rule, o->text.final_norm, text, "", "final_norm");
    compare(net, &block_rule, o->text.pooled, text, "", "pooled");
    compare(net, &feature_rule, o->text.features, text, "", "text_features");
    compare(net, &embed_rule, o->text.embeds, text, "", "text_embeds");
    compare(net, &logit_rule, o->logits, text, "", "logits_per_image");
    compare(net, &pair_rule, shares, text, "", "probs_per_image");
}

/* ---- attention relevance (Chefer et al., generic attention explainability) ---- */

enum { MAX_TOKENS = 64 };

/* out [t, t] = mean over the heads of ReLU(gradient * probabilities), of the first picture. */
static void block_relevance(const struct tensor *p, const struct tensor *dp, double *out)
{
    const int64_t heads = p->shape.extent[1], t = p->shape.extent[2];
    for (int64_t i = 0; i < t * t; i++) {
        out[i] = 0;
        for (int64_t h = 0; h < heads; h++) {
            const double x =
                (double)tensor_f32(p)[h * t * t + i] * (double)tensor_f32(dp)[h * t * t + i];
            out[i] += fmax(x, 0) / (double)heads;
        }
    }
}

/* r += b r */
static void roll_out(const double *b, double *r, int64_t t)
{
    double sum[MAX_TOKENS * MAX_TOKENS];
    for (int64_t i = 0; i < t; i++)
        for (int64_t j = 0; j < t; j++) {
            sum[i * t + j] = r[i * t + j];
            for (int64_t k = 0; k < t; k++)
                sum[i * t + j] += b[i * t + k] * r[k * t + j];
        }
    memcpy(r, sum, (size_t)(t * t) * sizeof *r);
}

static bool run_to_probabilities(struct openai *o, value score)
{
    struct golden_net *net = &o->net;
    ana_error err = {0};
    value wrt[CLIP_MAX_BLOCKS];
    int n_wrt = 0;
    for (int i = 0; i < o->config.v_layers; i++)
        if (!value_is_none(o->vision.probabilities[i]))
            wrt[n_wrt++] = o->vision.probabilities[i];
    const struct plan_request request = {.outputs = net->taps,
                                         .n_outputs = net->n_taps,
                                         .seeds = &score,
                                         .n_seeds = 1,
                                         .wrt = wrt,
                                         .n_wrt = n_wrt};
    ana_status status = graph_check(net->graph, &err);
    if (!status)
        status = plan_create(&net->plan, net->graph, &request, NULL, &err);
    for (int i = 0; !status && i < net->n_fed; i++) {
        const struct tensor to = plan_value(net->plan, net->fed[i].v);
        if (to.data)
            memcpy(to.data, net->fed[i].data.data, tensor_bytes(&to));
    }
    if (!status)
        status = plan_forward(net->plan, NULL, NULL, &err);
    if (!status) {
        const struct tensor seed = plan_seed(net->plan, score);
        tensor_f32(&seed)[0] = 1;
        status = plan_backward(net->plan, NULL, NULL, &err);
    }
    return golden_ok(net->golden, status, &err, "relevance");
}

static void compare_relevance(struct openai *o, const struct tensor_source *source, int64_t text)
{
    struct golden_net *net = &o->net;
    struct tensor blocks, logits;
    const value row = nn_slice(net->graph, NULL, o->logits, 1, text, 1);
    const value score = golden_net_tap(net, nn_reshape(net->graph, NULL, row, SHAPE(1)));
    if (!golden_tensor(o->golden, &blocks, source, "block_relevance") ||
        !golden_tensor(o->golden, &logits, source, "logits") || !run_to_probabilities(o, score))
        return;
    golden_net_compare(net, &logit_rule, o->logits, source, "logits");
    const int64_t t = blocks.shape.extent[1];
    const double *want = golden_f64(o->golden, &blocks);
    double r[MAX_TOKENS * MAX_TOKENS] = {0}, got[MAX_TOKENS * MAX_TOKENS];
    for (int64_t i = 0; t <= MAX_TOKENS && i < t; i++)
        r[i * t + i] = 1;
    for (int i = 0; t <= MAX_TOKENS && i < o->config.v_layers; i++) {
        const value v = o->vision.probabilities[i];
        const struct tensor p = plan_value(net->plan, v), dp = plan_gradient(net->plan, v);
        block_relevance(&p, &dp, got);
        golden_compare(o->golden, &relevance_rule, golden_print(o->golden, "block_relevance %d", i),
                       got, want + i * t * t, t * t);
        roll_out(got, r, t);
    }
    r[0] = 0;
    if (golden_tensor(o->golden, &blocks, source, "R"))
        golden_compare(o->golden, &relevance_rule, "R", r, golden_f64(o->golden, &blocks), t * t);
    if (golden_tensor(o->golden, &blocks, source, "grid"))
        golden_compare(o->golden, &relevance_rule, "grid", r + 1, golden_f64(o->golden, &blocks),
                       t - 1);
}

static void run_relevance(struct golden *golden, struct clip_config config,
                          const struct tensor_source *weights, const struct tensor *ends)
{
    const struct tensor_source *source = golden_tensors(golden, "cam_hila.safetensors");
    struct tensor pictures, ids, target;
    config.shows_all = true;
    struct openai o = {.golden = golden, .config = config};
    if (!source || !golden_tensor(golden, &pictures, source, "pixel_values") ||
        !golden_tensor(golden, &ids, source, "ids") ||
        !golden_tensor(golden, &target, source, "target_w_h"))
        return;
    if (open_openai(&o, weights, &pictures, &ids, ends))
        compare_relevance(&o, source, tensor_i32(&target)[0]);
    golden_net_clear(&o.net);
}

void golden_clip_openai(struct golden *golden)
{
    const struct tensor_source *weights = golden_tensors(golden, "model.safetensors");
    const struct tensor_source *vision = golden_tensors(golden, "vision.safetensors");
    const struct tensor_source *text = golden_tensors(golden, "text.safetensors");
    struct openai o = {.golden = golden};
    struct tensor pictures, ids, ends;
    if (!weights || !vision || !text || !clip_config_read(golden, &o.config) ||
        !golden_tensor(golden, &pictures, vision, "pixel_values") ||
        !golden_tensor(golden, &ids, text, "ids") ||
        !golden_tensor(golden, &ends, text, "eot_index"))
        return;
    if (open_openai(&o, weights, &pictures, &ids, &ends))
        compare_openai(&o, vision, text);
    golden_net_clear(&o.net);
    run_relevance(golden, o.config, weights, &ends);
    golden_skip(golden, "m2ib_*, cam_layer2, cam_last_clsgrad, map", "saliency comes later");
}

/* ---- BiomedCLIP ---- */

static void compare_biomed_vision(struct golden *golden, const struct clip_config *config,
                                  const struct tensor_source *weights,
                                  const struct tensor_source *source, const char *form,
                                  double epsilon)
{
    struct golden_net net;
    struct tensor pictures;
    if (!golden_tensor(golden, &pictures, source, "pixel_values"))
        return;
    golden_net_init(&net, golden, weights, "");
    const struct clip_tower t =
        clip_biomed_vision(&net, config, golden_net_picture(&net, "pictures", &pictures), epsilon);
    if (golden_net_run(&net, false, NO_VALUE)) {
        compare(&net, &block_rule, t.patches, source, form, "patch_embed");
        compare(&net, &block_rule, t.embeddings, source, form, "embeddings");
        compare_if(&net, &block_rule, t.norm1, source, form, "block0.norm1");
        compare_if(&net, &block_rule, t.attended, source, form, "block0.attn_heads");
        compare_blocks(&net, &t, config->v_layers, source, form, "block");
        compare_if(&net, &block_rule, t.final_norm, source, form, "final_norm");
        compare(&net, &block_rule, t.pooled, source, form, "pooled");
        compare(&net, &feature_rule, t.features, source, form, "image_features");
        compare(&net, &embed_rule, t.embeds, source, form, "image_embeds");
    }
    golden_net_clear(&net);
}

/* "padded." with the mask of the ids, "natural0." and so on without. */
static void compare_biomed_text(struct golden *golden, const struct clip_config *config,
                                const struct tensor_source *weights,
                                const struct tensor_source *source, const char *form, bool masked)
{
    struct golden_net net;
    struct tensor ids;
    if (!golden_tensor(golden, &ids, source, golden_print(golden, "%sids", form)))
        return;
    golden_net_init(&net, golden, weights, "");
    const value mask = masked ? clip_padding_mask(&net, "mask", &ids) : NO_VALUE;
    const struct clip_tower t =
        clip_biomed_text(&net, config, golden_net_index(&net, "ids", &ids), mask);
    if (golden_net_run(&net, false, NO_VALUE)) {
        compare_if(&net, &block_rule, t.sum, source, form, "embed_sum");
        compare(&net, &block_rule, t.embeddings, source, form, "embeddings");
        compare_blocks(&net, &t, config->t_layers, source, form, "layer");
        compare_if(&net, &block_rule, t.pooled, source, form, "cls");
        compare_if(&net, &block_rule, t.hidden, source, form, "proj.fc1");
        compare(&net, &feature_rule, t.features, source, form, "text_features");
        compare(&net, &embed_rule, t.embeds, source, form, "text_embeds");
    }
    golden_net_clear(&net);
}

void golden_clip_biomed(struct golden *golden)
{
    const struct tensor_source *weights = golden_tensors(golden, "open_clip_model.safetensors");
    const struct tensor_source *vision = golden_tensors(golden, "vision.safetensors");
    const struct tensor_source *text = golden_tensors(golden, "text.safetensors");
    struct clip_config config;
    if (!weights || !vision || !text || !clip_config_read(golden, &config))
        return;
    compare_biomed_vision(golden, &config, weights, vision, "oc.", 1e-6);
    compare_biomed_vision(golden, &config, weights, vision, "hf.", 1e-12);
    compare_biomed_text(golden, &config, weights, text, "padded.", true);
    for (int i = 0; i < 3; i++)
        compare_biomed_text(golden, &config, weights, text, golden_print(golden, "natural%d.", i),
                            false);
    golden_skip(golden, "m2ib_*, cam_*", "saliency comes later");
}

/* ---- gradients of all parameters ---- */

static void compare_training(struct golden *golden, const struct clip_config *config,
                             const struct tensor_source *weights,
                             const struct tensor_source *source, const char *loss,
                             const struct nn_contrastive_options *options)
{
    struct golden_net net;
    struct tensor pictures, ids, want;
    if (!golden_tensor(golden, &pictures, source, "pixel_values") ||
        !golden_tensor(golden, &ids, source, "ids"))
        return;
    /* the batch of step 0 */
    const int64_t *p = pictures.shape.extent, *q = ids.shape.extent;
    const struct tensor first =
        tensor_view(pictures.data, pictures.dtype, SHAPE(p[1], p[2], p[3], p[4]));
    const struct tensor words = tensor_view(ids.data, ids.dtype, SHAPE(q[1], q[2]));
    golden_net_init(&net, golden, weights, "");
    const struct clip_tower vision =
        clip_biomed_vision(&net, config, golden_net_picture(&net, "pictures", &first), 1e-6);
    const struct clip_tower text =
        clip_biomed_text(&net, config, golden_net_index(&net, "ids", &words),
                         clip_padding_mask(&net, "mask", &words));
    const bool learned = options->kind == NN_INFO_NCE;
    const value logits =
        learned
            ? clip_logits(&net, vision.features, text.features)
            : nn_combine(net.graph, NULL,
                         nn_cosine_matrix(net.graph, NULL, vision.features, text.features, 1e-12),
                         1 / 0.6, NO_VALUE, 0);
    const value out = golden_net_tap(&net, nn_contrastive(net.graph, "loss", logits, options));
    if (golden_net_run(&net, false, out)) {
        golden_net_compare(&net, &loss_rule, out, source, golden_print(golden, "%s.loss", loss));
        for (int i = 0; i < net.n_fed; i++) {
            const struct tensor got = plan_gradient(net.plan, net.fed[i].v);
            const char *name = golden_print(golden, "%s.grad.%s", loss, net.fed[i].name);
            if (net.fed[i].is_weight && golden_tensor(golden, &want, source, name))
                golden_compare_f32(golden, &gradient_rule, name, tensor_f32(&got), &want);
        }
    }
    golden_net_clear(&net);
}

void golden_clip_train(struct golden *golden)
{
    const struct tensor_source *weights = golden_tensors(golden, "open_clip_model.safetensors");
    const struct tensor_source *source = golden_tensors(golden, "train.safetensors");
    struct clip_config config;
    if (!weights || !source || !clip_config_read(golden, &config))
        return;
    const struct nn_contrastive_options dhn = {.kind = NN_DHN_NCE_RELEASED, .beta = {0.15, 0.15}};
    struct nn_contrastive_options paper = dhn;
    paper.kind = NN_DHN_NCE;
    compare_training(golden, &config, weights, source, "released", &dhn);
    compare_training(golden, &config, weights, source, "paper", &paper);
    compare_training(golden, &config, weights, source, "clip",
                     &(struct nn_contrastive_options){.kind = NN_INFO_NCE});
    golden_skip(golden, "*.after_step4", "the recipe comes with fine-tuning");
}
