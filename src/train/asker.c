/* One graph, two plans, as mini in use has them (models/mini/mini.c), at any picture size. */
#include "train/asker.h"

#include <string.h>

#include "base/memory.h"
#include "imaging/resize.h"

enum { PICTURE_PIXELS = DATASET_SMALL * DATASET_SMALL };

static ana_status make_plans(struct asker *a, const struct trainee *trainee, struct pool *pool,
                             ana_error *err)
{
    struct graph *g = a->graph;
    const int64_t s = a->size;
    a->image = graph_input(g, "image", DTYPE_F32, SHAPE(1, s, s, 3));
    a->prompts = mini_prompt_inputs(g, 1, s);
    a->features = mini_encode(&trainee->network, g, a->image);
    a->outputs = mini_decode(&trainee->network, g, &a->features, &a->prompts, false);
    const value answers[] = {a->outputs.logits, a->outputs.presence};
    const struct plan_env env = {.pool = pool};
    const struct plan_request encode = {.outputs = a->features.stage, .n_outputs = MINI_STAGES};
    const struct plan_request decode = {
        .outputs = answers, .n_outputs = 2, .fed = a->features.stage, .n_fed = MINI_STAGES};
    ana_status status = plan_prepare(&a->encoder, g, &encode, &env, err);
    if (!status)
        status = plan_prepare(&a->decoder, g, &decode, &env, err);
    return status;
}

ana_status asker_prepare(struct asker *out, const struct trainee *trainee, int size,
                         struct pool *pool, ana_error *err)
{
    struct asker a = {.size = size};

    *out = (struct asker){0};
    a.picture = memory_alloc_array(PICTURE_PIXELS, 3 * sizeof(float));
    if (!a.picture)
        return ana_fail_memory(err, PICTURE_PIXELS * 3 * sizeof(float));
    ana_status status = graph_create(&a.graph, trainee->params, DTYPE_F32, err);
    if (!status)
        status = make_plans(&a, trainee, pool, err);
    if (status) {
        asker_clear(&a);
        return status;
    }
    *out = a;
    return ANA_OK;
}

size_t asker_bytes(const struct asker *asker)
{
    return plan_bytes(asker->encoder) + plan_bytes(asker->decoder);
}

ana_status asker_allocate(struct asker *asker, ana_error *err)
{
    const ana_status status = plan_allocate(asker->encoder, err);
    return status ? status : plan_allocate(asker->decoder, err);
}

void asker_clear(struct asker *asker)
{
    plan_free(asker->encoder);
    plan_free(asker->decoder);
    graph_free(asker->graph);
    memory_free(asker->picture);
    *asker = (struct asker){0};
}

ana_status asker_look(struct asker *asker, const struct dataset_image *image, ana_error *err)
{
    for (int64_t i = 0; i < PICTURE_PIXELS * 3; i++)
        asker->picture[i] = (float)image->small[i] / 255.0F;
    float *input = plan_value(asker->encoder, asker->image).data;
    const struct plane_shape shape = {DATASET_SMALL, DATASET_SMALL, 3};
    ana_status status =
        plane_resize_area(input, asker->size, asker->size, asker->picture, &shape, err);
    if (!status)
        status = plan_forward(asker->encoder, NULL, NULL, err);
    for (int s = 0; !status && s < MINI_STAGES; s++) {
        const struct tensor from = plan_value(asker->encoder, asker->features.stage[s]);
        memcpy(plan_value(asker->decoder, asker->features.stage[s]).data, from.data,
               tensor_bytes(&from));
    }
    return status;
}

ana_status asker_ask(struct asker *asker, const char *name, double *presence, ana_error *err)
{
    float *flags = plan_value(asker->decoder, asker->prompts.flags).data;
    flags[0] = 1; /* words alone; the maps stay empty */
    words_features(plan_value(asker->decoder, asker->prompts.words).data, MINI_WORDS, name);
    const ana_status status = plan_forward(asker->decoder, NULL, NULL, err);
    if (!status) {
        const float *logit = plan_value(asker->decoder, asker->outputs.presence).data;
        *presence = (double)*logit;
    }
    return status;
}

ana_status asker_map(const struct asker *asker, float *out, int side, ana_error *err)
{
    return plane_resize_torch(out, side, side,
                              plan_value(asker->decoder, asker->outputs.logits).data,
                              &(struct plane_shape){asker->size, asker->size, 1},
                              &(struct torch_resize){.mode = TORCH_BILINEAR}, err);
}
