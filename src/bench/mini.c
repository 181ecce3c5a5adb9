/* The default model on first values, which take as long as trained ones: encoding a picture, one
 * prompt on it, and a training step of the recipe. */
#include "bench/subject.h"

#include <stdio.h>

#include "base/memory.h"
#include "models/mini/mini.h"
#include "models/mini/network.h"
#include "nn/optimiser.h"
#include "train/trainee.h"

enum mini_case { ENCODE, PROMPT, TRAINING_STEP, N_CASES };
enum { TRAINING_SIZE = 128 };

static void describe(char name[SUBJECT_NAME_SIZE], int index)
{
    const struct train_recipe recipe = recipe_defaults();
    if (index == TRAINING_STEP)
        snprintf(name, SUBJECT_NAME_SIZE, "mini training step, %dx%d at %d px", recipe.n_images,
                 recipe.prompts_per_image, TRAINING_SIZE);
    else
        snprintf(name, SUBJECT_NAME_SIZE, "mini %s, %d px", index == ENCODE ? "encode" : "prompt",
                 MINI_SIZE);
}

/* ---- encoding and one prompt ---- */

struct forward {
    struct params *params;
    struct graph *graph;
    struct plan *plan;
};

static void close_forward(void *state)
{
    struct forward *forward = state;
    plan_free(forward->plan);
    graph_free(forward->graph);
    params_free(forward->params);
    memory_free(forward);
}

static ana_status run_forward(void *state, ana_error *err)
{
    const struct forward *forward = state;
    return plan_forward(forward->plan, NULL, NULL, err);
}

static void fill_value(const struct plan *plan, value v, double (*at)(int64_t index))
{
    const struct tensor tensor = plan_value(plan, v);
    for (int64_t i = 0; i < tensor_count(&tensor); i++) {
        if (tensor.dtype == DTYPE_I32)
            tensor_i32(&tensor)[i] = (int32_t)at(i);
        else
            tensor_f32(&tensor)[i] = (float)at(i);
    }
}

static double one(int64_t index)
{
    (void)index;
    return 1;
}
static double zero(int64_t index)
{
    (void)index;
    return 0;
}
static double waves(int64_t index) /* 0..1 */
{
    return (double)(index * 37 % 101) / 101;
}
static double few_words(int64_t index)
{
    return index < 12 ? (double)(index * 97 % 4096) : -1;
}

static ana_status plan_encoder(struct forward *f, value image, const struct mini_features *features,
                               struct pool *pool, ana_error *err)
{
    const struct plan_request request = {.outputs = features->stage, .n_outputs = MINI_STAGES};
    const ana_status status =
        plan_create(&f->plan, f->graph, &request, &(struct plan_env){.pool = pool}, err);
    if (!status)
        fill_value(f->plan, image, waves);
    return status;
}

static ana_status plan_decoder(struct forward *f, const struct mini_features *features,
                               const struct mini_prompts *prompts, const struct mini_outputs *out,
                               struct pool *pool, ana_error *err)
{
    const value answers[] = {out->logits, out->presence};
    const struct plan_request request = {
        .outputs = answers, .n_outputs = 2, .fed = features->stage, .n_fed = MINI_STAGES};
    const ana_status status =
        plan_create(&f->plan, f->graph, &request, &(struct plan_env){.pool = pool}, err);
    if (status)
        return status;
    for (int s = 0; s < MINI_STAGES; s++)
        fill_value(f->plan, features->stage[s], waves);
    fill_value(f->plan, prompts->words, few_words);
    fill_value(f->plan, prompts->flags, one);
    fill_value(f->plan, prompts->maps, waves);
    fill_value(f->plan, prompts->image, zero);
    return ANA_OK;
}

static ana_status build_forward(struct forward *f, enum mini_case which, struct pool *pool,
                                ana_error *err)
{
    const struct mini_config config = mini_default_config();
    struct mini_network network;
    ana_status status = params_create(&f->params, DTYPE_F32, err);
    if (status)
        return status;
    mini_declare(&network, &config, f->params, false);
    status = params_finish(f->params, err);
    if (!status)
        status = graph_create(&f->graph, f->params, DTYPE_F32, err);
    if (status)
        return status;
    params_initialise(f->params, 1);
    const value image =
        graph_input(f->graph, "image", DTYPE_F32, SHAPE(1, MINI_SIZE, MINI_SIZE, 3));
    const struct mini_prompts prompts = mini_prompt_inputs(f->graph, 1, MINI_SIZE);
    const struct mini_features features = mini_encode(&network, f->graph, image);
    const struct mini_outputs out = mini_decode(&network, f->graph, &features, &prompts, false);
    return which == ENCODE ? plan_encoder(f, image, &features, pool, err)
                           : plan_decoder(f, &features, &prompts, &out, pool, err);
}

static ana_status open_forward(struct subject *out, enum mini_case which, struct pool *pool,
                               ana_error *err)
{
    struct forward *forward = memory_alloc_zeroed(sizeof *forward);
    if (!forward)
        return ana_fail_memory(err, sizeof *forward);
    const ana_status status = build_forward(forward, which, pool, err);
    if (status) {
        close_forward(forward);
        return status;
    }
    const struct plan_cost cost = plan_forward_cost(forward->plan);
    *out = (struct subject){.flop = cost.flop,
                            .bytes = cost.bytes,
                            .stream = STREAM_TRIAD,
                            .run = run_forward,
                            .close = close_forward,
                            .state = forward};
    return ANA_OK;
}

/* ---- training ---- */

struct training {
    struct pool *pool;
    struct concepts concepts;
    struct trainee trainee;
    struct train_step *step;
    struct optimiser *optimiser;
    struct tensor *gradients;
    struct sample_batch batch;
};

static void close_training(void *state)
{
    struct training *t = state;
    sample_batch_clear(&t->batch);
    memory_free(t->gradients);
    optimiser_free(t->optimiser);
    train_step_free(t->step);
    trainee_clear(&t->trainee);
    concepts_clear(&t->concepts);
    memory_free(t);
}

static ana_status run_training(void *state, ana_error *err)
{
    struct training *t = state;
    double loss[LOSS_PARTS];
    ana_status status = train_step_run(t->step, &t->batch, loss, err);
    if (status)
        return status;
    train_step_gradients(t->step, t->gradients);
    return optimiser_step(t->optimiser, t->gradients, 1e-6, t->pool, NULL, err);
}

/* Bright discs on dark ground, and every prompt asks for the disc by words, box and point. */
static void fill_batch(struct sample_batch *b)
{
    const int64_t s = b->size, pixels = s * s;
    for (int64_t p = 0; p < b->n_prompts; p++) {
        for (int w = 0; w < WORDS_MAX; w++)
            b->words[p * WORDS_MAX + w] = (int32_t)few_words(w);
        for (int64_t i = 0; i < 3; i++)
            b->flags[3 * p + i] = 1;
        b->present[p] = b->mask_weight[p] = b->dice_weight[p] = 1;
        b->image_of[p] = (int32_t)(p * b->n_images / b->n_prompts);
    }
    for (int64_t i = 0; i < pixels; i++) {
        const int64_t dx = i % s - s / 2, dy = i / s - s / 2;
        const bool inside = 16 * (dx * dx + dy * dy) < s * s;
        for (int64_t p = 0; p < b->n_prompts; p++) {
            b->targets[p * pixels + i] = inside ? 1 : 0;
            b->maps[(p * pixels + i) * 3] = inside ? 1 : 0;
        }
        for (int64_t c = 0; c < 3 * b->n_images; c++)
            b->images[(c / 3 * pixels + i) * 3 + c % 3] =
                (float)(0.5 * waves(i + c) + (inside ? 0.4 : 0));
    }
}

static ana_status build_training(struct training *t, struct plan_cost *cost, ana_error *err)
{
    const struct train_recipe recipe = recipe_defaults();
    struct sampler_options sampling = sampler_defaults();
    sampling.n_images = recipe.n_images;
    sampling.prompts_per_image = recipe.prompts_per_image;
    sampling.size = TRAINING_SIZE;
    ana_status status = concepts_parse(&t->concepts, "name\ndisc\n", "the benchmark's words", err);
    if (!status)
        status = trainee_create(&t->trainee, &t->concepts, 1, err);
    if (!status)
        status = train_step_create(&t->step, &t->trainee, &recipe, TRAINING_SIZE, t->pool, err);
    if (!status)
        status = sample_batch_create(&t->batch, &sampling, err);
    if (status)
        return status;
    fill_batch(&t->batch);
    *cost = train_step_cost(t->step);
    const struct optimiser_options options = trainee_optimiser_options(&recipe);
    const size_t n = (size_t)params_count(t->trainee.params);
    t->gradients = memory_alloc_array_zeroed(n, sizeof *t->gradients);
    return t->gradients ? optimiser_create(&t->optimiser, t->trainee.params, &options, err)
                        : ana_fail_memory(err, n * sizeof *t->gradients);
}

static ana_status open_training(struct subject *out, struct pool *pool, ana_error *err)
{
    struct training *training = memory_alloc_zeroed(sizeof *training);
    struct plan_cost cost;
    if (!training)
        return ana_fail_memory(err, sizeof *training);
    training->pool = pool;
    const ana_status status = build_training(training, &cost, err);
    if (status) {
        close_training(training);
        return status;
    }
    *out = (struct subject){.flop = cost.flop,
                            .bytes = cost.bytes,
                            .stream = STREAM_TRIAD,
                            .run = run_training,
                            .close = close_training,
                            .state = training};
    return ANA_OK;
}

static ana_status open_case(struct subject *out, int index, struct pool *pool, ana_error *err)
{
    return index == TRAINING_STEP ? open_training(out, pool, err)
                                  : open_forward(out, (enum mini_case)index, pool, err);
}

const struct subject_family family_mini = {
    .name = "mini", .n_cases = N_CASES, .describe = describe, .open = open_case};
