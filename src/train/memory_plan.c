/* A step holds its plan and two batches, of the largest picture size of the recipe. What is done
 * between steps (saving, validating, exporting, calibrating) is done one after the other, beside
 * them. */
#include "train/memory_plan.h"

#include "base/budget.h"
#include "train/calibrate.h"
#include "train/validate.h"

/* Names and places of some hundred tensors, as JSON values and as text. */
#define HEADER_BYTES ((size_t)2 << 20)

/* The parameters' values, and the largest of them. */
static size_t params_bytes(size_t *largest, const struct params *params)
{
    size_t sum = 0;

    *largest = 0;
    for (int i = 0; i < params_count(params); i++) {
        const struct tensor tensor = params_value(params, i);
        sum += tensor_bytes(&tensor);
        *largest = bytes_larger(*largest, tensor_bytes(&tensor));
    }
    return sum;
}

/* A file is collected whole: values, two moments and the average, or the values and half of them in
 * 16 bits; one tensor is converted at a time. */
static size_t file_bytes(const struct trainee *trainee, bool saves)
{
    size_t largest;
    const size_t values = params_bytes(&largest, trainee->params);

    return (saves ? 4 * values : 3 * values / 2) + 2 * largest + HEADER_BYTES;
}

struct needs {
    size_t step, batches, between;
};

static ana_status measure(struct needs *out, const struct train_memory *training, struct pool *pool,
                          ana_error *err)
{
    const struct train_recipe *recipe = training->recipe;
    ana_status status = ANA_OK;

    *out = (struct needs){.between = file_bytes(training->trainee, training->saves)};
    for (int i = 0; !status && i < recipe->n_phases; i++) {
        const int size = recipe->phases[i].size;
        size_t bytes;
        status = train_step_bytes(&bytes, training->trainee, recipe, size, pool, err);
        out->step = bytes_larger(out->step, bytes);
        bytes = 2 * sample_batch_bytes(recipe->n_images, recipe->prompts_per_image, size) +
                sampler_fill_bytes(size);
        out->batches = bytes_larger(out->batches, bytes);
        if (!status && recipe->validate_every) {
            status = validate_bytes(&bytes, training->trainee, training->concepts, size, pool, err);
            out->between = bytes_larger(out->between, bytes);
        }
    }
    if (!status && recipe->calibration_share > 0) {
        size_t bytes;
        status = calibrate_aside_bytes(&bytes, training->trainee, training->concepts, pool, err);
        out->between = bytes_larger(out->between, bytes);
    } else if (!status && recipe->calibrate_batches) {
        size_t bytes;
        status = calibrate_bytes(&bytes, training->trainee, training->sampling,
                                 recipe->calibrate_batches, pool, err);
        out->between = bytes_larger(out->between, bytes);
    }
    return status;
}

ana_status train_check_memory(const struct train_memory *training,
                              const struct ana_context *context, ana_error *err)
{
    struct budget budget;
    struct needs needs;

    if (!budget_is_wanted(context))
        return ANA_OK;
    const ana_status status = measure(&needs, training, context->pool, err);
    if (status)
        return status;
    budget_init(&budget, "the training");
    budget_add(&budget, "a step", needs.step);
    budget_add(&budget, "batches", needs.batches);
    budget_add(&budget, "between steps", needs.between);
    budget_add(&budget, "texts and tables", BUDGET_SLACK_BYTES);
    return budget_check(&budget, context, err);
}
