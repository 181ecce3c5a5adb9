/* The default model: a picture and one prompt to a mask, and the training step of the recipe.
 * bench/peers/mini.py is the same network in PyTorch. */
#include <string.h>

#include "base/memory.h"
#include "models/mini/mini.h"
#include "models/mini/network.h"
#include "models/model.h"
#include "nn/optimiser.h"
#include "train/trainee.h"
#include "workload.h"

/* ---- inference ---- */

struct mini_state {
    struct params *params;
    struct graph *graph;
    struct plan *plan;
    struct mini_outputs outputs;
};

static void close_mini(void *state)
{
    struct mini_state *s = state;
    if (!s)
        return;
    plan_free(s->plan);
    graph_free(s->graph);
    params_free(s->params);
    memory_free(s);
}

static ana_status load_mini(struct mini_state *s, struct mini_network *net,
                            const struct tensor_source *weights, ana_error *err)
{
    const struct mini_config config = mini_default_config();
    ana_status status = params_create(&s->params, DTYPE_F32, err);
    if (status)
        return status;
    mini_declare(net, &config, s->params, false);
    status = params_finish(s->params, err);
    return status ? status : params_load(s->params, weights, err);
}

static ana_status feed_mini(const struct mini_state *s, const struct tensor_source *inputs,
                            ana_error *err)
{
    static const char *const names[] = {"images", "word_indices", "flags", "maps", "image_of"};
    ana_status status = ANA_OK;
    for (size_t i = 0; !status && i < sizeof names / sizeof names[0]; i++) {
        const struct tensor to = plan_value(s->plan, graph_find(s->graph, names[i]));
        status = copy_named(&to, inputs, names[i], err);
    }
    return status;
}

static ana_status plan_mini(struct mini_state *s, const struct mini_network *net, struct pool *pool,
                            ana_error *err)
{
    struct graph *g = s->graph;
    const value image = graph_input(g, "images", DTYPE_F32, SHAPE(1, MINI_SIZE, MINI_SIZE, 3));
    const struct mini_features features = mini_encode(net, g, image);
    const struct mini_prompts prompts = mini_prompt_inputs(g, 1, MINI_SIZE);
    s->outputs = mini_decode(net, g, &features, &prompts, false);
    const value answers[] = {s->outputs.logits, s->outputs.presence};
    const struct plan_request request = {.outputs = answers, .n_outputs = 2};
    return plan_create(&s->plan, g, &request, &(struct plan_env){.pool = pool}, err);
}

static ana_status open_mini(void **out, const struct workload_files *files, struct pool *pool,
                            ana_error *err)
{
    struct mini_network net;
    struct mini_state *s = memory_alloc_zeroed(sizeof *s);
    if (!s)
        return ana_fail_memory(err, sizeof *s);
    ana_status status = load_mini(s, &net, files->weights, err);
    if (!status)
        status = graph_create(&s->graph, s->params, DTYPE_F32, err);
    if (!status)
        status = plan_mini(s, &net, pool, err);
    if (!status)
        status = feed_mini(s, files->inputs, err);
    if (status)
        close_mini(s);
    else
        *out = s;
    return status;
}

static ana_status run_mini(void *state, ana_error *err)
{
    return plan_forward(((struct mini_state *)state)->plan, NULL, NULL, err);
}

static ana_status write_mini(void *state, struct tensor_sink *sink, ana_error *err)
{
    const struct mini_state *s = state;
    const struct tensor logits = plan_value(s->plan, s->outputs.logits);
    const struct tensor presence = plan_value(s->plan, s->outputs.presence);
    const ana_status status = put_named(sink, "", "logits", &logits, err);
    return status ? status : put_named(sink, "", "presence", &presence, err);
}

static double mini_gflop(const void *state)
{
    return 1e-9 * plan_forward_cost(((const struct mini_state *)state)->plan).flop;
}

const struct workload workload_mini = {.name = "mini",
                                       .open = open_mini,
                                       .run = run_mini,
                                       .write = write_mini,
                                       .gflop = mini_gflop,
                                       .close = close_mini};

/* ---- training ---- */

static const double learning_rate = 1e-3;

struct train_state {
    struct pool *pool;
    struct concepts concepts;
    struct trainee trainee;
    struct train_step *step;
    struct optimiser *optimiser;
    struct tensor *gradients;
    struct sample_batch batch;
    double loss[LOSS_PARTS];
};

static void close_train(void *state)
{
    struct train_state *s = state;
    if (!s)
        return;
    sample_batch_clear(&s->batch);
    memory_free(s->gradients);
    optimiser_free(s->optimiser);
    train_step_free(s->step);
    trainee_clear(&s->trainee);
    concepts_clear(&s->concepts);
    memory_free(s);
}

/* All but the lessons of the words, which no step of this loss reads. */
static ana_status load_trainee(struct train_state *s, const struct tensor_source *weights,
                               ana_error *err)
{
    ana_status status = concepts_parse(&s->concepts, "name\nanything\n", "words", err);
    if (!status)
        status = trainee_create(&s->trainee, &s->concepts, 1, err);
    for (int i = 0; !status && i < params_count(s->trainee.params); i++) {
        const char *name = params_spec(s->trainee.params, i)->name;
        const struct tensor to = params_value(s->trainee.params, i);
        if (strncmp(name, "lesson.", 7) != 0)
            status = copy_named(&to, weights, name, err);
    }
    if (!status)
        params_touch(s->trainee.params);
    return status;
}

static ana_status load_batch(struct sample_batch *b, const struct train_recipe *recipe,
                             const struct tensor_source *inputs, ana_error *err)
{
    const int64_t at = inputs->ops->find(inputs, "images");
    if (at < 0)
        return ana_fail(err, ANA_ERR_FORMAT, "no images in the inputs");
    struct sampler_options options = sampler_defaults();
    options.n_images = recipe->n_images;
    options.prompts_per_image = recipe->prompts_per_image;
    options.size = (int)inputs->ops->tensor(inputs, at).shape.extent[1];
    ana_status status = sample_batch_create(b, &options, err);
    const int64_t s = b->size, n = b->n_images, p = b->n_prompts;
    const struct {
        const char *name;
        struct tensor to;
    } rows[] = {
        {"images", tensor_view(b->images, DTYPE_F32, SHAPE(n, s, s, 3))},
        {"word_indices", tensor_view(b->words, DTYPE_I32, SHAPE(p, WORDS_MAX))},
        {"flags", tensor_view(b->flags, DTYPE_F32, SHAPE(p, 3))},
        {"maps", tensor_view(b->maps, DTYPE_F32, SHAPE(p, s, s, 3))},
        {"targets", tensor_view(b->targets, DTYPE_F32, SHAPE(p, s, s))},
        {"present", tensor_view(b->present, DTYPE_F32, SHAPE(p))},
        {"image_of", tensor_view(b->image_of, DTYPE_I32, SHAPE(p))},
        {"mask_weight", tensor_view(b->mask_weight, DTYPE_F32, SHAPE(p))},
        {"dice_weight", tensor_view(b->dice_weight, DTYPE_F32, SHAPE(p))},
    };
    for (size_t i = 0; !status && i < sizeof rows / sizeof rows[0]; i++)
        status = copy_named(&rows[i].to, inputs, rows[i].name, err);
    return status;
}

static ana_status make_optimiser(struct train_state *s, const struct train_recipe *recipe,
                                 ana_error *err)
{
    const struct optimiser_options options = trainee_optimiser_options(recipe);
    const size_t n = (size_t)params_count(s->trainee.params);
    s->gradients = memory_alloc_array_zeroed(n, sizeof *s->gradients);
    return s->gradients ? optimiser_create(&s->optimiser, s->trainee.params, &options, err)
                        : ana_fail_memory(err, n * sizeof *s->gradients);
}

static ana_status open_train(void **out, const struct workload_files *files, struct pool *pool,
                             ana_error *err)
{
    const struct train_recipe recipe = recipe_defaults();
    struct train_state *s = memory_alloc_zeroed(sizeof *s);
    if (!s)
        return ana_fail_memory(err, sizeof *s);
    s->pool = pool;
    ana_status status = load_trainee(s, files->weights, err);
    if (!status)
        status = load_batch(&s->batch, &recipe, files->inputs, err);
    if (!status)
        status = train_step_create(&s->step, &s->trainee, &recipe, s->batch.size, pool, err);
    if (!status)
        status = make_optimiser(s, &recipe, err);
    if (status)
        close_train(s);
    else
        *out = s;
    return status;
}

static ana_status run_train(void *state, ana_error *err)
{
    struct train_state *s = state;
    const ana_status status = train_step_run(s->step, &s->batch, s->loss, err);
    if (status)
        return status;
    train_step_gradients(s->step, s->gradients);
    return optimiser_step(s->optimiser, s->gradients, learning_rate, s->pool, NULL, err);
}

static ana_status write_train(void *state, struct tensor_sink *sink, ana_error *err)
{
    const struct train_state *s = state;
    float total = (float)s->loss[LOSS_TOTAL];
    const struct tensor loss = tensor_view(&total, DTYPE_F32, SHAPE(1));
    ana_status status = put_named(sink, "", "loss", &loss, err);
    for (int i = 0; !status && i < params_count(s->trainee.params); i++) {
        const char *name = params_spec(s->trainee.params, i)->name;
        const struct tensor after = params_value(s->trainee.params, i);
        if (strncmp(name, "lesson.", 7) == 0)
            continue;
        status = put_named(sink, "after.", name, &after, err);
        if (!status && s->gradients[i].data)
            status = put_named(sink, "gradient.", name, &s->gradients[i], err);
    }
    return status;
}

static double train_gflop(const void *state)
{
    return 1e-9 * train_step_cost(((const struct train_state *)state)->step).flop;
}

const struct workload workload_mini_train = {.name = "mini-train",
                                             .open = open_train,
                                             .run = run_train,
                                             .write = write_train,
                                             .gflop = train_gflop,
                                             .close = close_train};
