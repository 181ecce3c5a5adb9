/* The public context. The memory budget is the process's, as the allocator's counters are: a
 * context that sets one lifts it again when it is freed. */
#include "base/context.h"

#include "base/file.h"
#include "base/memory.h"

enum { MAX_THREADS = 4096 }; /* beyond it a typing error is more likely than a machine */

ana_context_options ana_context_defaults(void)
{
    const ana_context_options options = {.log_level = ANA_LOG_WARNING};

    return options;
}

ana_status ana_context_create(ana_context **out, const ana_context_options *options, ana_error *err)
{
    const ana_context_options chosen = options ? *options : ana_context_defaults();

    *out = NULL;
    if (chosen.n_threads < 0 || chosen.n_threads > MAX_THREADS)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%d threads asked for, expected 0 to %d",
                        chosen.n_threads, MAX_THREADS);
    ana_context *context = memory_alloc_zeroed(sizeof *context);
    if (!context)
        return ana_fail_memory(err, sizeof *context);
    context->memory_plan = chosen.memory_plan;
    context->memory_user = chosen.memory_user;
    context->log = (struct log){chosen.log, chosen.log_user, chosen.log_level};
    const ana_status status = pool_create(&context->pool, chosen.n_threads, err);
    if (status) {
        memory_free(context);
        return status;
    }
    if (chosen.memory_limit_bytes) {
        context->has_memory_limit = true;
        memory_set_limit(chosen.memory_limit_bytes);
    }
    *out = context;
    return ANA_OK;
}

void ana_context_free(ana_context *context)
{
    if (!context)
        return;
    if (context->has_memory_limit)
        memory_set_limit(0);
    pool_free(context->pool);
    memory_free(context);
}

void ana_remove_leftovers(const char *folder)
{
    file_sweep(folder);
}

size_t ana_memory_in_use(void)
{
    return memory_in_use();
}

size_t ana_memory_peak(void)
{
    return memory_peak();
}

int ana_context_threads(const ana_context *context)
{
    return context ? pool_size(context->pool) : 1;
}
