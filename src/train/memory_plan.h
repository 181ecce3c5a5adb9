/* What a training needs of memory, before its first step. */
#ifndef ANA_TRAIN_MEMORY_PLAN_H
#define ANA_TRAIN_MEMORY_PLAN_H

#include "base/context.h"
#include "train/trainee.h"

/* Data set, trainee and optimiser are in use already. */
struct train_memory {
    const struct trainee *trainee;
    const struct concepts *concepts;
    const struct train_recipe *recipe;
    const struct sampler_options *sampling;
    bool saves; /* checkpoints are written */
};

/* Tells the plan to the context's memory function; ANA_ERR_MEMORY if its limit would be passed. */
MUST_CHECK ana_status train_check_memory(const struct train_memory *training,
                                         const struct ana_context *context, ana_error *err);

#endif
