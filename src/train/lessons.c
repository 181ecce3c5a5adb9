/* Teaching the words before the pictures: a linear layer on the words must name the concept of a
 * generated phrase. Without it, words that look alike start alike and cost minutes (mini.md 7). */
#include "train/trainee.h"

#include "base/memory.h"
#include "base/random.h"
#include "nn/ops.h"
#include "nn/optimiser.h"

enum { LESSON_PHRASES = 128, USE_LESSON = 0x1e550 };
static const double lesson_rate = 3e-3 / MINI_WORD_RATE; /* that of the text part is slower */

struct lesson {
    struct graph *graph;
    struct plan *plan;
    value words, target, weight, logits, loss;
};

static ana_status lesson_create(struct lesson *lesson, const struct trainee *trainee,
                                struct pool *pool, ana_error *err)
{
    ana_status status = graph_create(&lesson->graph, trainee->params, DTYPE_F32, err);
    if (status)
        return status;
    struct graph *g = lesson->graph;
    lesson->words = graph_input(g, "words", DTYPE_I32, SHAPE(LESSON_PHRASES, MINI_WORDS));
    lesson->target = graph_input(g, "target", DTYPE_I32, SHAPE(LESSON_PHRASES));
    lesson->weight = graph_input(g, "weight", DTYPE_F32, SHAPE(LESSON_PHRASES));
    lesson->logits = nn_linear(g, "logits", mini_words(&trainee->network, g, lesson->words),
                               graph_param(g, trainee->word_classes_weight),
                               graph_param(g, trainee->word_classes_bias), ACTIVATION_NONE);
    lesson->loss = nn_weighted_sum(
        g, "loss", nn_cross_entropy(g, NULL, lesson->logits, lesson->target), lesson->weight);
    const value outputs[] = {lesson->logits, lesson->loss};
    const struct plan_request request = {.outputs = outputs,
                                         .n_outputs = 2,
                                         .seeds = &lesson->loss,
                                         .n_seeds = 1,
                                         .wrt_params = true,
                                         .training = true};
    return plan_create(&lesson->plan, g, &request, &(struct plan_env){.pool = pool}, err);
}

static void lesson_clear(struct lesson *lesson)
{
    plan_free(lesson->plan);
    graph_free(lesson->graph);
}

/* One phrase in twelve names nothing that we know. */
static void draw_phrases(const struct lesson *lesson, const struct concepts *concepts,
                         uint64_t seed, int64_t step)
{
    int32_t *words = plan_value(lesson->plan, lesson->words).data;
    int32_t *target = plan_value(lesson->plan, lesson->target).data;
    for (uint32_t i = 0; i < LESSON_PHRASES; i++) {
        struct random random = random_at(seed, (uint64_t)step, i, USE_LESSON);
        const int concept =
            random_below(&random, 12) ? (int)random_below(&random, concepts->n) : -1;
        char phrase[WORDS_PHRASE_SIZE];
        sampler_phrase(phrase, concepts, concept, "", &random);
        words_features(words + i * MINI_WORDS, MINI_WORDS, phrase);
        target[i] = concept < 0 ? concepts->n : concept;
    }
}

static int count_right(const struct lesson *lesson, int n_classes)
{
    const float *logits = plan_value(lesson->plan, lesson->logits).data;
    const int32_t *target = plan_value(lesson->plan, lesson->target).data;
    int right = 0;
    for (int i = 0; i < LESSON_PHRASES; i++) {
        int best = 0;
        for (int c = 1; c < n_classes; c++)
            if (logits[i * n_classes + c] > logits[i * n_classes + best])
                best = c;
        right += best == target[i];
    }
    return right;
}

static ana_status run_lesson(struct lesson *lesson, struct trainee *trainee,
                             struct optimiser *optimiser, struct tensor *gradients, double *loss,
                             struct pool *pool, ana_error *err)
{
    ana_status status = plan_forward(lesson->plan, NULL, NULL, err);
    if (status)
        return status;
    *loss = (double)*(const float *)plan_value(lesson->plan, lesson->loss).data;
    *(float *)plan_gradient(lesson->plan, lesson->loss).data = 1;
    status = plan_backward(lesson->plan, NULL, NULL, err);
    if (status)
        return status;
    for (int i = 0; i < params_count(trainee->params); i++)
        gradients[i] = plan_param_gradient(lesson->plan, i);
    return optimiser_step(optimiser, gradients, lesson_rate, pool, NULL, err);
}

ana_status trainee_teach_words(struct trainee *trainee, const struct concepts *concepts,
                               int64_t steps, uint64_t seed, struct pool *pool, double *accuracy,
                               ana_error *err)
{
    struct lesson lesson = {0};
    struct optimiser *optimiser = NULL;
    struct tensor *gradients =
        memory_alloc_array_zeroed((size_t)params_count(trainee->params) + 1, sizeof *gradients);
    ana_status status = gradients ? lesson_create(&lesson, trainee, pool, err)
                                  : ana_fail_memory(err, sizeof *gradients);
    if (!status) {
        const struct optimiser_options options = optimiser_defaults();
        status = optimiser_create(&optimiser, trainee->params, &options, err);
    }
    for (int i = 0; !status && i < LESSON_PHRASES; i++)
        ((float *)plan_value(lesson.plan, lesson.weight).data)[i] = 1.0F / LESSON_PHRASES;
    *accuracy = 0;
    for (int64_t step = 0; !status && step < steps; step++) {
        double loss;
        draw_phrases(&lesson, concepts, seed, step);
        status = run_lesson(&lesson, trainee, optimiser, gradients, &loss, pool, err);
        if (!status)
            *accuracy = (double)count_right(&lesson, trainee->n_classes) / LESSON_PHRASES;
    }
    optimiser_free(optimiser);
    lesson_clear(&lesson);
    memory_free(gradients);
    return status;
}
