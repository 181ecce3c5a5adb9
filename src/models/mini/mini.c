/* mini in use: one graph, two plans. The first runs the encoder; the second starts at its features
 * and runs the decoder for one prompt. Both are prepared with the session, so that their size is
 * known, and allocated with the first image. */
#include "models/mini/mini.h"

#include <math.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "imaging/resize.h"
#include "models/mini/maps.h"
#include "models/mini/network.h"
#include "text/concepts.h"
#include "text/words.h"

struct mini {
    struct model base;
    struct params *params;
    struct mini_network network;
    struct concepts concepts;
    double *mask_thresholds; /* [concepts.n] */
};

struct mini_session {
    struct model_session base;
    struct graph *graph;
    struct plan *encoder, *decoder;
    value image;
    struct mini_features features;
    struct mini_prompts prompts;
    struct mini_outputs outputs;
    int64_t height, width; /* of the encoded image; 0: none yet */
};

static const struct mini *as_mini(const struct model *model)
{
    return (const struct mini *)model;
}

static struct mini_session *as_session(struct model_session *session)
{
    return (struct mini_session *)session;
}

/* ---- model ---- */

static void mini_free(struct model *model)
{
    struct mini *mini = (struct mini *)model;
    if (!mini)
        return;
    params_free(mini->params);
    concepts_clear(&mini->concepts);
    memory_free(mini->mask_thresholds);
    memory_free(mini);
}

static ana_status read_weights(struct mini *mini, const struct tensor_source *weights,
                               ana_error *err)
{
    const struct mini_config config = mini_default_config();
    ana_status status = params_create(&mini->params, DTYPE_F32, err);
    if (status)
        return status;
    mini_declare(&mini->network, &config, mini->params, false);
    status = params_finish(mini->params, err);
    if (!status)
        status = params_load(mini->params, weights, err);
    return status;
}

static ana_status read_concepts(struct mini *mini, const struct tensor_source *weights,
                                ana_error *err)
{
    const char *table = weights->ops->metadata(weights, MODEL_KEY_CONCEPTS);
    if (!table)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: no concept table (%s) in its metadata",
                        weights->ops->label(weights), MODEL_KEY_CONCEPTS);
    const ana_status status =
        concepts_parse(&mini->concepts, table, weights->ops->label(weights), err);
    mini->base.concepts = &mini->concepts;
    return status ? status
                  : model_mask_thresholds_read(&mini->mask_thresholds, &mini->concepts, weights,
                                               mini->base.facts.mask_threshold, err);
}

static ana_status mini_open(struct model **out, const struct tensor_source *weights, ana_error *err)
{
    *out = NULL;
    struct mini *mini = memory_alloc_zeroed(sizeof *mini);
    if (!mini)
        return ana_fail_memory(err, sizeof *mini);
    mini->base.kind = &model_kind_mini;
    ana_status status = model_facts_read(&mini->base.facts, &model_kind_mini, weights, err);
    if (!status)
        status = read_concepts(mini, weights, err);
    if (!status)
        status = read_weights(mini, weights, err);
    if (status) {
        mini_free(&mini->base);
        return status;
    }
    *out = &mini->base;
    return ANA_OK;
}

/* ---- session ---- */

static void mini_session_free(struct model_session *base)
{
    struct mini_session *session = as_session(base);
    if (!session)
        return;
    plan_free(session->encoder);
    plan_free(session->decoder);
    graph_free(session->graph);
    memory_free(session);
}

static void build_graph(struct mini_session *session, const struct mini_network *network)
{
    struct graph *g = session->graph;
    const int64_t s = MINI_SIZE;
    session->image = graph_input(g, "image", DTYPE_F32, SHAPE(1, s, s, 3));
    session->prompts = mini_prompt_inputs(g, 1, s);
    session->features = mini_encode(network, g, session->image);
    session->outputs = mini_decode(network, g, &session->features, &session->prompts, false);
}

static ana_status make_plans(struct mini_session *session, struct pool *pool, ana_error *err)
{
    const struct plan_env env = {.pool = pool};
    const struct plan_request encode = {.outputs = session->features.stage,
                                        .n_outputs = MINI_STAGES};
    ana_status status = plan_prepare(&session->encoder, session->graph, &encode, &env, err);
    if (status)
        return status;
    const value answers[] = {session->outputs.logits, session->outputs.presence};
    const struct plan_request decode = {
        .outputs = answers, .n_outputs = 2, .fed = session->features.stage, .n_fed = MINI_STAGES};
    return plan_prepare(&session->decoder, session->graph, &decode, &env, err);
}

static ana_status mini_session_create(struct model_session **out, const struct model *model,
                                      struct ana_context *context, ana_error *err)
{
    *out = NULL;
    struct mini_session *session = memory_alloc_zeroed(sizeof *session);
    if (!session)
        return ana_fail_memory(err, sizeof *session);
    session->base = (struct model_session){.model = model, .context = context};
    ana_status status = graph_create(&session->graph, as_mini(model)->params, DTYPE_F32, err);
    if (!status) {
        build_graph(session, &as_mini(model)->network);
        status = make_plans(session, context->pool, err);
    }
    if (status) {
        mini_session_free(&session->base);
        return status;
    }
    *out = &session->base;
    return ANA_OK;
}

static bool is_cancelled(void *user)
{
    const struct model_session *session = user;
    return session->cancelled && session->cancelled(session->cancel_user);
}

/* ---- image ---- */

static float sample_of(const struct image *image, int64_t index)
{
    switch (image->pixels.dtype) {
    case DTYPE_U8:
        return (float)((const uint8_t *)image->pixels.data)[index] / 255.0F;
    case DTYPE_U16:
        return (float)((const uint16_t *)image->pixels.data)[index] / 65535.0F;
    default:
        return ((const float *)image->pixels.data)[index];
    }
}

/* Rows first, one at a time, so that a huge image never exists as floats. */
ana_status mini_picture(float *out, int64_t size, const struct image *image, ana_error *err)
{
    const int64_t h = image_height(image), w = image_width(image), c = image_channels(image);
    float *row = memory_alloc_array((size_t)w, 3 * sizeof *row);
    float *narrow = memory_alloc_array((size_t)h, (size_t)size * 3 * sizeof *narrow);
    ana_status status =
        row && narrow ? ANA_OK : ana_fail_memory(err, (size_t)(w + h * size) * 3 * sizeof *row);
    for (int64_t y = 0; !status && y < h; y++) {
        for (int64_t x = 0; x < w; x++)
            for (int64_t k = 0; k < 3; k++)
                row[x * 3 + k] = sample_of(image, (y * w + x) * c + (c >= 3 ? k : 0));
        status = plane_resize_area(narrow + y * size * 3, 1, size, row,
                                   &(struct plane_shape){1, w, 3}, err);
    }
    if (!status)
        status = plane_resize_area(out, size, size, narrow, &(struct plane_shape){h, size, 3}, err);
    memory_free(row);
    memory_free(narrow);
    return status;
}

/* Of mini_picture() and make_map(). */
static void mini_needs(const struct model_session *base, int64_t height, int64_t width,
                       struct model_needs *out)
{
    const struct mini_session *session = (const struct mini_session *)base;
    const size_t row = bytes_product((size_t)width, 3 * sizeof(float));
    const size_t narrow = bytes_product((size_t)height, MINI_SIZE * 3 * sizeof(float));
    const size_t across = plane_resize_bytes(1, MINI_SIZE, &(struct plane_shape){1, width, 3});
    const size_t down =
        plane_resize_bytes(MINI_SIZE, MINI_SIZE, &(struct plane_shape){height, MINI_SIZE, 3});

    out->encoder_bytes = plan_bytes(session->encoder);
    out->decoder_bytes = plan_bytes(session->decoder);
    out->allocated_bytes = (plan_is_allocated(session->encoder) ? out->encoder_bytes : 0) +
                           (plan_is_allocated(session->decoder) ? out->decoder_bytes : 0);
    out->encode_bytes = bytes_sum(bytes_sum(row, narrow), bytes_larger(across, down));
    out->ask_bytes =
        plane_resize_bytes(height, width, &(struct plane_shape){MINI_SIZE, MINI_SIZE, 1});
}

static ana_status mini_set_image(struct model_session *base, const struct image *image,
                                 ana_error *err)
{
    struct mini_session *session = as_session(base);
    session->height = session->width = 0;
    ana_status status = plan_allocate(session->encoder, err);
    if (!status)
        status = plan_allocate(session->decoder, err);
    if (status)
        return status;
    const struct tensor picture = plan_value(session->encoder, session->image);
    status = mini_picture(tensor_f32(&picture), MINI_SIZE, image, err);
    if (!status)
        status = plan_forward(session->encoder, is_cancelled, base, err);
    if (status)
        return status;
    for (int s = 0; s < MINI_STAGES; s++) {
        const struct tensor from = plan_value(session->encoder, session->features.stage[s]);
        const struct tensor to = plan_value(session->decoder, session->features.stage[s]);
        memcpy(to.data, from.data, tensor_bytes(&from));
    }
    session->height = image_height(image);
    session->width = image_width(image);
    return ANA_OK;
}

/* ---- prompt ---- */

/* From the image's pixel centres to those of the network's picture. */
static double to_picture(double x, int64_t extent)
{
    return (x + 0.5) * MINI_SIZE / (double)extent - 0.5;
}

static void draw_item(const struct mini_session *session, const struct prompt_item *item,
                      float *flags, float *maps, int32_t *words)
{
    const double sx = (double)MINI_SIZE / (double)session->width;
    const double sy = (double)MINI_SIZE / (double)session->height;
    switch (item->kind) {
    case PROMPT_WORDS:
        flags[0] = 1;
        words_features(words, MINI_WORDS, item->of.words.phrase);
        break;
    case PROMPT_BOX:
        flags[1] = 1;
        map_draw_box(maps, MINI_SIZE, item->of.box.x0 * sx, item->of.box.y0 * sy,
                     item->of.box.x1 * sx, item->of.box.y1 * sy);
        break;
    case PROMPT_POINT:
        flags[2] = 1;
        map_draw_click(maps, MINI_SIZE, item->of.point.negative ? MAP_NEGATIVE : MAP_POSITIVE,
                       to_picture(item->of.point.x, session->width),
                       to_picture(item->of.point.y, session->height));
        break;
    case PROMPT_MASK:
        break; /* not in `accepts` */
    }
}

static void draw_prompt(struct mini_session *session, const struct prompt *prompt)
{
    const struct tensor flags = plan_value(session->decoder, session->prompts.flags);
    const struct tensor maps = plan_value(session->decoder, session->prompts.maps);
    const struct tensor words = plan_value(session->decoder, session->prompts.words);
    memset(flags.data, 0, tensor_bytes(&flags));
    memset(maps.data, 0, tensor_bytes(&maps));
    for (int i = 0; i < MINI_WORDS; i++)
        tensor_i32(&words)[i] = -1;
    for (int i = 0; i < prompt->n_items; i++)
        draw_item(session, &prompt->items[i], tensor_f32(&flags), tensor_f32(&maps),
                  tensor_i32(&words));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Logits to the image's own size, then probabilities. */
static ana_status make_map(const struct mini_session *session, struct image *map, ana_error *err)
{
    ana_status status = image_create_2d(map, session->height, session->width, 1, DTYPE_F32, err);
    if (status)
        return status;
    const struct tensor logits = plan_value(session->decoder, session->outputs.logits);
    float *out = tensor_f32(&map->pixels);
    status = plane_resize_torch(out, session->height, session->width, tensor_f32(&logits),
                                &(struct plane_shape){MINI_SIZE, MINI_SIZE, 1},
                                &(struct torch_resize){.mode = TORCH_BILINEAR}, err);
    for (int64_t i = 0; !status && i < session->height * session->width; i++)
        out[i] = (float)sigmoid((double)out[i]);
    return status;
}

/* Mean probability over the pixels that count as the mask: an estimate of its quality. */
static double mean_inside(const struct image *map, double threshold)
{
    const float *p = tensor_f32(&map->pixels);
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < tensor_count(&map->pixels); i++)
        if ((double)p[i] >= threshold) {
            sum += (double)p[i];
            n++;
        }
    return n ? sum / (double)n : 0;
}

static double threshold_of(const struct mini *mini, const struct prompt *prompt)
{
    for (int i = 0; i < prompt->n_items; i++) {
        const struct prompt_item *item = &prompt->items[i];
        if (item->kind == PROMPT_WORDS && item->of.words.concept >= 0)
            return mini->mask_thresholds[item->of.words.concept];
    }
    return mini->base.facts.mask_threshold;
}

static ana_status mini_ask(struct model_session *base, const struct prompt *prompt,
                           struct answer *out, ana_error *err)
{
    struct mini_session *session = as_session(base);
    if (!session->height)
        return ana_fail(err, ANA_ERR_ARGUMENT, "a prompt came before any image");
    draw_prompt(session, prompt);
    ana_status status = plan_forward(session->decoder, is_cancelled, base, err);
    if (!status)
        status = make_map(session, &out->candidates[0].map, err);
    if (status)
        return status;
    const struct tensor presence = plan_value(session->decoder, session->outputs.presence);
    const struct model_facts *facts = &base->model->facts;
    out->presence =
        sigmoid(facts->presence_scale * (double)tensor_f32(&presence)[0] + facts->presence_bias);
    out->mask_threshold = threshold_of(as_mini(base->model), prompt);
    out->n_candidates = 1;
    out->candidates[0].score = mean_inside(&out->candidates[0].map, out->mask_threshold);
    return ANA_OK;
}

const struct model_kind model_kind_mini = {
    .name = "mini",
    .summary = "the default: words, a box, points, or any combination; 5 M parameters",
    .accepts = PROMPT_BIT(PROMPT_WORDS) | PROMPT_BIT(PROMPT_BOX) | PROMPT_BIT(PROMPT_POINT),
    .open = mini_open,
    .free = mini_free,
    .session_create = mini_session_create,
    .session_free = mini_session_free,
    .needs = mini_needs,
    .set_image = mini_set_image,
    .ask = mini_ask,
};
