/* One image and one prompt at a time, the concept's own name as words, no presence gate. */
#include "train/validate.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/resize.h"

enum { MASK_PIXELS = DATASET_SMALL * DATASET_SMALL };

struct judge {
    const struct trainee *trainee;
    int size;
    struct graph *graph;
    struct plan *encoder, *decoder;
    value image, logits;
    struct mini_features features;
    struct mini_prompts prompts;
    float *picture; /* [256, 256, 3] */
    float *answer;  /* [256, 256] logits */
    double *sum;    /* per concept */
    int *n;
};

static ana_status make_plans(struct judge *j, struct pool *pool, ana_error *err)
{
    struct graph *g = j->graph;
    const int64_t s = j->size;
    j->image = graph_input(g, "image", DTYPE_F32, SHAPE(1, s, s, 3));
    j->prompts = mini_prompt_inputs(g, 1, s);
    j->features = mini_encode(&j->trainee->network, g, j->image);
    j->logits = mini_decode(&j->trainee->network, g, &j->features, &j->prompts, false).logits;
    const struct plan_env env = {.pool = pool};
    const struct plan_request encode = {.outputs = j->features.stage, .n_outputs = MINI_STAGES};
    const struct plan_request decode = {
        .outputs = &j->logits, .n_outputs = 1, .fed = j->features.stage, .n_fed = MINI_STAGES};
    ana_status status = plan_create(&j->encoder, g, &encode, &env, err);
    if (!status)
        status = plan_create(&j->decoder, g, &decode, &env, err);
    return status;
}

static ana_status judge_create(struct judge *j, const struct concepts *concepts, struct pool *pool,
                               ana_error *err)
{
    const size_t n = (size_t)concepts->n + 1;
    j->picture = memory_alloc_array(MASK_PIXELS, 3 * sizeof(float));
    j->answer = memory_alloc_array(MASK_PIXELS, sizeof(float));
    j->sum = memory_alloc_array_zeroed(n, sizeof(double));
    j->n = memory_alloc_array_zeroed(n, sizeof(int));
    if (!j->picture || !j->answer || !j->sum || !j->n)
        return ana_fail_memory(err, MASK_PIXELS * 4 * sizeof(float));
    const ana_status status = graph_create(&j->graph, j->trainee->params, DTYPE_F32, err);
    return status ? status : make_plans(j, pool, err);
}

static void judge_clear(struct judge *j)
{
    plan_free(j->encoder);
    plan_free(j->decoder);
    graph_free(j->graph);
    memory_free(j->picture);
    memory_free(j->answer);
    memory_free(j->sum);
    memory_free(j->n);
}

static ana_status encode(struct judge *j, const struct dataset_image *image, ana_error *err)
{
    for (int64_t i = 0; i < MASK_PIXELS * 3; i++)
        j->picture[i] = (float)image->small[i] / 255.0F;
    float *input = plan_value(j->encoder, j->image).data;
    const struct plane_shape shape = {DATASET_SMALL, DATASET_SMALL, 3};
    ana_status status = plane_resize_area(input, j->size, j->size, j->picture, &shape, err);
    if (!status)
        status = plan_forward(j->encoder, NULL, NULL, err);
    for (int s = 0; !status && s < MINI_STAGES; s++) {
        const struct tensor from = plan_value(j->encoder, j->features.stage[s]);
        memcpy(plan_value(j->decoder, j->features.stage[s]).data, from.data, tensor_bytes(&from));
    }
    return status;
}

static double dice_of(const float *logits, const uint8_t *mask)
{
    int64_t both = 0, either = 0;
    for (int64_t i = 0; i < MASK_PIXELS; i++) {
        const bool found = logits[i] > 0, there = mask[i] > 127;
        both += found && there;
        either += found + there;
    }
    return either ? 2.0 * (double)both / (double)either : 1;
}

static ana_status ask(struct judge *j, const struct dataset_target *target, ana_error *err)
{
    float *flags = plan_value(j->decoder, j->prompts.flags).data;
    flags[0] = 1; /* words alone; the maps stay empty */
    words_features(plan_value(j->decoder, j->prompts.words).data, MINI_WORDS, target->name);
    ana_status status = plan_forward(j->decoder, NULL, NULL, err);
    if (!status)
        status = plane_resize_torch(j->answer, DATASET_SMALL, DATASET_SMALL,
                                    plan_value(j->decoder, j->logits).data,
                                    &(struct plane_shape){j->size, j->size, 1},
                                    &(struct torch_resize){.mode = TORCH_BILINEAR}, err);
    if (!status) {
        j->sum[target->concept] += dice_of(j->answer, target->small);
        j->n[target->concept]++;
    }
    return status;
}

static bool counts(const struct dataset_target *target, const char *split)
{
    return target->concept >= 0 && target->area > 0 && strcmp(target->row->split, split) == 0;
}

static ana_status judge_image(struct judge *j, const struct dataset_image *image, const char *split,
                              ana_error *err)
{
    bool encoded = false;
    ana_status status = ANA_OK;
    for (int k = 0; !status && k < image->n_targets; k++) {
        if (!counts(&image->targets[k], split))
            continue;
        if (!encoded)
            status = encode(j, image, err);
        encoded = true;
        if (!status)
            status = ask(j, &image->targets[k], err);
    }
    return status;
}

ana_status validate(double *dice, const struct trainee *trainee, const struct dataset *dataset,
                    const struct concepts *concepts, const char *split, int size, struct pool *pool,
                    ana_error *err)
{
    struct judge j = {.trainee = trainee, .size = size};
    ana_status status = judge_create(&j, concepts, pool, err);
    for (int i = 0; !status && i < dataset->n_images; i++)
        status = judge_image(&j, &dataset->images[i], split, err);
    double sum = 0;
    int n = 0;
    for (int c = 0; !status && c < concepts->n; c++)
        if (j.n[c]) {
            sum += j.sum[c] / j.n[c];
            n++;
        }
    *dice = n ? sum / n : (double)NAN;
    judge_clear(&j);
    return status;
}
