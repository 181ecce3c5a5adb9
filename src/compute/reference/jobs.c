/* Cutting a kernel's items into jobs, by size alone. */
#include "compute/reference/reference_internal.h"

enum { JOB_WORK = 1 << 15 }; /* operations; large beside the price of starting a job */

struct ranges {
    range_fn fn;
    const void *args;
    int64_t count, items_per_job;
};

static void run_range(void *context, int64_t job, int worker)
{
    const struct ranges *ranges = context;
    const int64_t begin = job * ranges->items_per_job;

    (void)worker;
    ranges->fn(ranges->args, begin, min_i64(begin + ranges->items_per_job, ranges->count));
}

void for_ranges(const struct kernel_env *env, int64_t count, int64_t item_work, range_fn fn,
                const void *args)
{
    struct ranges ranges = {fn, args, count, 1};

    if (item_work < JOB_WORK)
        ranges.items_per_job = JOB_WORK / max_i64(item_work, 1);
    parallel_for(env->pool, div_up(count, ranges.items_per_job), run_range, &ranges);
}
