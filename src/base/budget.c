/* See the header. */
#include "base/budget.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "base/context.h"
#include "base/memory.h"

size_t bytes_sum(size_t a, size_t b)
{
    size_t sum;

    return size_add(&sum, a, b) ? sum : SIZE_MAX;
}

size_t bytes_product(size_t a, size_t b)
{
    size_t product;

    return size_mul(&product, a, b) ? product : SIZE_MAX;
}

size_t bytes_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

const char *bytes_text(char out[32], size_t bytes)
{
    const double megabytes = ceil((double)bytes / (1 << 20) * 10) / 10;

    snprintf(out, 32, "%.1f MB", megabytes);
    return out;
}

bool budget_is_wanted(const struct ana_context *context)
{
    return context->memory_plan || memory_limit();
}

void budget_init(struct budget *budget, const char *subject)
{
    *budget = (struct budget){.n_items = 1};
    snprintf(budget->subject, sizeof budget->subject, "%s", subject);
    budget->items[0] = (ana_memory_item){"in use already", memory_in_use()};
}

void budget_add(struct budget *budget, const char *what, size_t bytes)
{
    assert(budget->n_items < BUDGET_ITEMS);
    if (bytes)
        budget->items[budget->n_items++] = (ana_memory_item){what, bytes};
}

void budget_name(struct budget *budget, const char *what, size_t bytes)
{
    size_t *in_use = &budget->items[0].bytes;

    if (bytes > *in_use)
        bytes = *in_use;
    *in_use -= bytes;
    budget_add(budget, what, bytes);
}

size_t budget_total(const struct budget *budget)
{
    size_t total = 0;

    for (size_t i = 0; i < budget->n_items; i++)
        total = bytes_sum(total, budget->items[i].bytes);
    return total;
}

/* The largest item, those in use left out if there is another. */
static const ana_memory_item *largest(const struct budget *budget)
{
    const ana_memory_item *most = &budget->items[budget->n_items > 1];

    for (size_t i = 2; i < budget->n_items; i++)
        if (budget->items[i].bytes > most->bytes)
            most = &budget->items[i];
    return most;
}

ana_status budget_check(const struct budget *budget, const struct ana_context *context,
                        ana_error *err)
{
    const ana_memory_plan plan = {
        .subject = budget->subject,
        .items = budget->items,
        .n_items = budget->n_items,
        .needed_bytes = budget_total(budget),
        .limit_bytes = memory_limit(),
    };
    const ana_memory_item *most = largest(budget);
    char need[32], limit[32], part[32];

    if (context->memory_plan)
        context->memory_plan(context->memory_user, &plan);
    if (!plan.limit_bytes || plan.needed_bytes <= plan.limit_bytes)
        return ANA_OK;
    return ana_fail(
        err, ANA_ERR_MEMORY,
        "%s needs %s of memory (%s of it: %s), the limit is %s; the smallest limit that "
        "works is %zu bytes",
        budget->subject, bytes_text(need, plan.needed_bytes), bytes_text(part, most->bytes),
        most->what, bytes_text(limit, plan.limit_bytes), plan.needed_bytes);
}
