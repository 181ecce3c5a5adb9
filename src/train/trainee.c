/* The loss of mini as a graph. */
#include "train/trainee.h"

#include <string.h>

#include "base/memory.h"
#include "nn/ops.h"

const char *const loss_part_names[LOSS_PARTS] = {"loss", "bce", "dice", "presence", "auxiliary"};

ana_status trainee_declare(struct trainee *out, const struct concepts *concepts, ana_error *err)
{
    struct trainee t = {.n_classes = concepts->n + 1};
    const struct mini_config config = mini_default_config();
    ana_status status = params_create(&t.params, DTYPE_F32, err);
    if (status)
        return status;
    mini_declare(&t.network, &config, t.params, true);
    t.word_classes_weight =
        params_declare(t.params, &(struct param_spec){.name = "lesson.weight",
                                                      .shape = SHAPE(t.n_classes, config.condition),
                                                      .init = PARAM_HE_FAN_IN,
                                                      .init_scale = 1,
                                                      .rate = MINI_WORD_RATE});
    t.word_classes_bias = params_declare(t.params, &(struct param_spec){.name = "lesson.bias",
                                                                        .shape = SHAPE(t.n_classes),
                                                                        .rate = MINI_WORD_RATE});
    status = params_finish(t.params, err);
    if (status) {
        trainee_clear(&t);
        return status;
    }
    *out = t;
    return ANA_OK;
}

ana_status trainee_create(struct trainee *out, const struct concepts *concepts, uint64_t seed,
                          ana_error *err)
{
    const ana_status status = trainee_declare(out, concepts, err);
    if (!status)
        params_initialise(out->params, seed);
    return status;
}

struct optimiser_options trainee_optimiser_options(const struct train_recipe *recipe)
{
    struct optimiser_options options = optimiser_defaults();
    options.beta1 = recipe->beta1;
    options.beta2 = recipe->beta2;
    options.weight_decay = recipe->weight_decay;
    options.clip_norm = recipe->clip_norm;
    options.ema_decay = recipe->ema_decay;
    return options;
}

void trainee_clear(struct trainee *trainee)
{
    params_free(trainee->params);
    *trainee = (struct trainee){0};
}

/* ---- one step ---- */

struct train_step {
    struct graph *graph;
    struct plan *plan;
    struct params *params;
    value images, targets, present, mask_weight, dice_weight, prompt_weight;
    struct mini_prompts prompts;
    value loss[LOSS_PARTS];
};

/* [1] = sum over prompts of weight * loss. */
struct weighted_losses {
    value bce, dice;
};

static struct weighted_losses pixel_losses(struct graph *g, const struct train_step *step,
                                           value logits, value target)
{
    return (struct weighted_losses){
        .bce = nn_weighted_sum(g, NULL, nn_bce_logits(g, NULL, logits, target), step->mask_weight),
        .dice = nn_weighted_sum(g, NULL, nn_soft_dice(g, NULL, logits, target, 1.0),
                                step->dice_weight)};
}

static value auxiliary_loss(struct graph *g, const struct train_step *step,
                            const struct mini_outputs *outputs)
{
    const struct nn_pool_options halve = {.kernel = {2, 2}, .stride = {2, 2}};
    value target = nn_pool2d(g, NULL, step->targets, &halve);
    value sum = NO_VALUE;
    for (int a = 0; a < MINI_AUXILIARY; a++) {
        target = nn_pool2d(g, NULL, target, &halve);
        const struct weighted_losses l = pixel_losses(g, step, outputs->auxiliary[a], target);
        const value both = nn_add(g, NULL, l.bce, l.dice);
        sum = value_is_none(sum) ? both : nn_add(g, NULL, sum, both);
    }
    return sum;
}

static void make_inputs(struct train_step *step, int64_t n, int64_t p, int64_t size)
{
    struct graph *g = step->graph;
    step->images = graph_input(g, "images", DTYPE_F32, SHAPE(n, size, size, 3));
    step->prompts = mini_prompt_inputs(g, p, size);
    step->targets = graph_input(g, "targets", DTYPE_F32, SHAPE(p, size, size, 1));
    step->present = graph_input(g, "present", DTYPE_F32, SHAPE(p, 1));
    step->mask_weight = graph_input(g, "mask_weight", DTYPE_F32, SHAPE(p));
    step->dice_weight = graph_input(g, "dice_weight", DTYPE_F32, SHAPE(p));
    step->prompt_weight = graph_input(g, "prompt_weight", DTYPE_F32, SHAPE(p));
}

static void make_loss(struct train_step *step, const struct trainee *trainee,
                      const struct train_recipe *recipe)
{
    struct graph *g = step->graph;
    const struct mini_features features = mini_encode(&trainee->network, g, step->images);
    const struct mini_outputs out =
        mini_decode(&trainee->network, g, &features, &step->prompts, true);
    const struct weighted_losses pixels = pixel_losses(g, step, out.logits, step->targets);
    step->loss[LOSS_BCE] = pixels.bce;
    step->loss[LOSS_DICE] = pixels.dice;
    step->loss[LOSS_PRESENCE] = nn_weighted_sum(
        g, NULL, nn_bce_logits(g, NULL, out.presence, step->present), step->prompt_weight);
    step->loss[LOSS_AUXILIARY] = auxiliary_loss(g, step, &out);
    const value main = nn_combine(g, NULL, nn_add(g, NULL, pixels.bce, pixels.dice), 1,
                                  step->loss[LOSS_PRESENCE], recipe->presence_weight);
    step->loss[LOSS_TOTAL] =
        nn_combine(g, "loss", main, 1, step->loss[LOSS_AUXILIARY], recipe->auxiliary_weight);
}

/* All but the plan's own memory. */
static ana_status prepare_step(struct train_step **out, const struct trainee *trainee,
                               const struct train_recipe *recipe, int size, struct pool *pool,
                               ana_error *err)
{
    *out = NULL;
    struct train_step *step = memory_alloc_zeroed(sizeof *step);
    if (!step)
        return ana_fail_memory(err, sizeof *step);
    step->params = trainee->params;
    ana_status status = graph_create(&step->graph, trainee->params, DTYPE_F32, err);
    if (!status) {
        make_inputs(step, recipe->n_images, recipe->n_images * recipe->prompts_per_image, size);
        make_loss(step, trainee, recipe);
        const struct plan_request request = {.outputs = step->loss,
                                             .n_outputs = LOSS_PARTS,
                                             .seeds = &step->loss[LOSS_TOTAL],
                                             .n_seeds = 1,
                                             .wrt_params = true,
                                             .training = true};
        status =
            plan_prepare(&step->plan, step->graph, &request, &(struct plan_env){.pool = pool}, err);
    }
    if (status) {
        train_step_free(step);
        return status;
    }
    *out = step;
    return ANA_OK;
}

ana_status train_step_create(struct train_step **out, const struct trainee *trainee,
                             const struct train_recipe *recipe, int size, struct pool *pool,
                             ana_error *err)
{
    ana_status status = prepare_step(out, trainee, recipe, size, pool, err);
    if (!status)
        status = plan_allocate((*out)->plan, err);
    if (status) {
        train_step_free(*out);
        *out = NULL;
    }
    return status;
}

ana_status train_step_bytes(size_t *out, const struct trainee *trainee,
                            const struct train_recipe *recipe, int size, struct pool *pool,
                            ana_error *err)
{
    const size_t before = memory_in_use();
    struct train_step *step;
    const ana_status status = prepare_step(&step, trainee, recipe, size, pool, err);
    *out = status ? 0 : memory_in_use() - before + plan_bytes(step->plan);
    train_step_free(step);
    return status;
}

void train_step_free(struct train_step *step)
{
    if (!step)
        return;
    plan_free(step->plan);
    graph_free(step->graph);
    memory_free(step);
}

static void feed(const struct train_step *step, value v, const void *data)
{
    const struct tensor input = plan_value(step->plan, v);
    memcpy(input.data, data, tensor_bytes(&input));
}

/* Weights times a scale, so that the losses are means. */
static void feed_scaled(const struct train_step *step, value v, const float *weights, double scale)
{
    const struct tensor input = plan_value(step->plan, v);
    for (int64_t i = 0; i < tensor_count(&input); i++)
        tensor_f32(&input)[i] = (float)((weights ? (double)weights[i] : 1) * scale);
}

ana_status train_step_run(struct train_step *step, const struct sample_batch *batch,
                          double loss[LOSS_PARTS], ana_error *err)
{
    const int p = batch->n_prompts;
    double present = 0;
    for (int i = 0; i < p; i++)
        present += (double)batch->dice_weight[i];
    feed(step, step->images, batch->images);
    feed(step, step->prompts.words, batch->words);
    feed(step, step->prompts.flags, batch->flags);
    feed(step, step->prompts.maps, batch->maps);
    feed(step, step->prompts.image, batch->image_of);
    feed(step, step->targets, batch->targets);
    feed(step, step->present, batch->present);
    feed_scaled(step, step->mask_weight, batch->mask_weight, 1.0 / p);
    feed_scaled(step, step->dice_weight, batch->dice_weight, 1.0 / (present > 1 ? present : 1));
    feed_scaled(step, step->prompt_weight, NULL, 1.0 / p);

    const ana_status status = plan_forward(step->plan, NULL, NULL, err);
    if (status)
        return status;
    for (int i = 0; i < LOSS_PARTS; i++) {
        const struct tensor part = plan_value(step->plan, step->loss[i]);
        loss[i] = (double)tensor_f32(&part)[0];
    }
    const struct tensor seed = plan_gradient(step->plan, step->loss[LOSS_TOTAL]);
    tensor_f32(&seed)[0] = 1;
    return plan_backward(step->plan, NULL, NULL, err);
}

void train_step_gradients(const struct train_step *step, struct tensor *gradients)
{
    for (int i = 0; i < params_count(step->params); i++)
        gradients[i] = plan_param_gradient(step->plan, i);
}

struct plan_cost train_step_cost(const struct train_step *step)
{
    const struct plan_cost forward = plan_forward_cost(step->plan);
    const struct plan_cost backward = plan_backward_cost(step->plan);
    return (struct plan_cost){forward.flop + backward.flop, forward.bytes + backward.bytes};
}
