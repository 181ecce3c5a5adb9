/* Scores of many word prompts, sorted, and two percentiles of them. */
#include "train/calibrate.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "models/mini/mini.h"

/* Augmented pictures are harder than those in use: a lower threshold would be theirs. */
static const double lowest_threshold = 0.5;

struct scorer {
    struct graph *graph;
    struct plan *plan;
    value images, presence;
    struct mini_prompts prompts;
    struct sample_batch batch;
};

struct scores {
    double *present, *absent;
    int n_present, n_absent;
};

/* All but the plan's own memory and the batch. */
static ana_status scorer_prepare(struct scorer *s, const struct trainee *trainee,
                                 const struct sampler_options *sampling, struct pool *pool,
                                 ana_error *err)
{
    const ana_status status = graph_create(&s->graph, trainee->params, DTYPE_F32, err);
    if (status)
        return status;
    struct graph *g = s->graph;
    const int64_t n = sampling->n_images, p = n * sampling->prompts_per_image, size = MINI_SIZE;
    s->images = graph_input(g, "images", DTYPE_F32, SHAPE(n, size, size, 3));
    s->prompts = mini_prompt_inputs(g, p, size);
    const struct mini_features features = mini_encode(&trainee->network, g, s->images);
    s->presence = mini_decode(&trainee->network, g, &features, &s->prompts, false).presence;
    return plan_prepare(&s->plan, g,
                        &(struct plan_request){.outputs = &s->presence, .n_outputs = 1},
                        &(struct plan_env){.pool = pool}, err);
}

static ana_status scorer_create(struct scorer *s, const struct trainee *trainee,
                                const struct sampler_options *sampling, struct pool *pool,
                                ana_error *err)
{
    struct sampler_options options = *sampling;
    options.size = MINI_SIZE;
    ana_status status = scorer_prepare(s, trainee, sampling, pool, err);
    if (!status)
        status = plan_allocate(s->plan, err);
    if (!status)
        status = sample_batch_create(&s->batch, &options, err);
    return status;
}

static void scorer_clear(struct scorer *s)
{
    sample_batch_clear(&s->batch);
    plan_free(s->plan);
    graph_free(s->graph);
}

ana_status calibrate_bytes(size_t *out, const struct trainee *trainee,
                           const struct sampler_options *sampling, int n_batches, struct pool *pool,
                           ana_error *err)
{
    const size_t before = memory_in_use();
    const size_t n_scores =
        (size_t)n_batches * (size_t)sampling->n_images * (size_t)sampling->prompts_per_image;
    struct scorer s = {0};
    const ana_status status = scorer_prepare(&s, trainee, sampling, pool, err);
    *out = status ? 0
                  : memory_in_use() - before + plan_bytes(s.plan) +
                        sample_batch_bytes(sampling->n_images, sampling->prompts_per_image,
                                           MINI_SIZE) +
                        (size_t)pool_size(pool) * sampler_fill_bytes(MINI_SIZE) +
                        2 * n_scores * sizeof(double);
    scorer_clear(&s);
    return status;
}

static void feed(const struct scorer *s, value v, const void *data)
{
    const struct tensor input = plan_value(s->plan, v);
    memcpy(input.data, data, tensor_bytes(&input));
}

static void take_scores(const struct scorer *s, struct scores *scores)
{
    const float *logits = plan_value(s->plan, s->presence).data;
    for (int i = 0; i < s->batch.n_prompts; i++) {
        const float *flags = &s->batch.flags[i * MINI_FLAGS];
        const bool words_alone = flags[0] > 0 && flags[1] <= 0 && flags[2] <= 0;
        if (!words_alone || s->batch.concept[i] < 0)
            continue;
        const double score = 1 / (1 + exp(-(double)logits[i]));
        if (s->batch.present[i] > 0)
            scores->present[scores->n_present++] = score;
        else
            scores->absent[scores->n_absent++] = score;
    }
}

static struct calibration thresholds_of(struct scores *scores)
{
    const struct fit_verdict verdict = fit_verdict(
        scores->present, scores->n_present, scores->absent, scores->n_absent, lowest_threshold);
    return (struct calibration){.presence_absent = verdict.absent,
                                .presence_found = verdict.found,
                                .presence = {1, 0},
                                .mask_threshold = 0.5,
                                .n_present = scores->n_present,
                                .n_absent = scores->n_absent};
}

ana_status calibrate(struct calibration *out, const struct trainee *trainee,
                     const struct sampler *sampler, const struct sampler_options *sampling,
                     uint64_t first_step, int n_batches, struct pool *pool, ana_error *err)
{
    struct scorer s = {0};
    struct scores scores = {0};
    ana_status status = scorer_create(&s, trainee, sampling, pool, err);
    const size_t most = (size_t)n_batches * (size_t)s.batch.n_prompts;
    if (!status) {
        scores.present = memory_alloc_array(most, sizeof(double));
        scores.absent = memory_alloc_array(most, sizeof(double));
        if (!scores.present || !scores.absent)
            status = ana_fail_memory(err, most * sizeof(double));
    }
    for (int i = 0; !status && i < n_batches; i++) {
        status = sampler_fill(sampler, first_step + (uint64_t)i, &s.batch, pool, err);
        if (status)
            break;
        feed(&s, s.images, s.batch.images);
        feed(&s, s.prompts.words, s.batch.words);
        feed(&s, s.prompts.flags, s.batch.flags);
        feed(&s, s.prompts.maps, s.batch.maps);
        feed(&s, s.prompts.image, s.batch.image_of);
        status = plan_forward(s.plan, NULL, NULL, err);
        if (!status)
            take_scores(&s, &scores);
    }
    if (!status)
        *out = thresholds_of(&scores);
    memory_free(scores.present);
    memory_free(scores.absent);
    scorer_clear(&s);
    return status;
}
