/* What a piece of work will need of memory, told and judged before any of it is allocated.
 *
 *   struct budget b;
 *   budget_init(&b, "chest.png");
 *   budget_add(&b, "encoder plan", bytes);  ...
 *   status = budget_check(&b, context, err);   hands the table to the context's memory function;
 *                                              ANA_ERR_MEMORY if the limit would be passed
 *
 * The allocator keeps the limit in any case (memory_set_limit()); this is what makes the failure
 * early and its message useful.
 */
#ifndef ANA_BASE_BUDGET_H
#define ANA_BASE_BUDGET_H

#include <stdbool.h>

#include "anatome/context.h"
#include "base/error.h"

enum {
    BUDGET_ITEMS = 12,
    BUDGET_SLACK_BYTES = 256 * 1024 /* texts, tables and lists that nobody counts one by one */
};

struct budget {
    char subject[128];
    ana_memory_item items[BUDGET_ITEMS]; /* the first one: what is in use already */
    size_t n_items;
};

/* Is there a limit, or somebody who listens? Else no plan need be made. */
bool budget_is_wanted(const struct ana_context *context);
void budget_init(struct budget *budget, const char *subject);
/* `what` is borrowed. Nothing is added for 0 bytes. */
void budget_add(struct budget *budget, const char *what, size_t bytes);
/* Moves bytes from "in use already" to an item of their own. */
void budget_name(struct budget *budget, const char *what, size_t bytes);
size_t budget_total(const struct budget *budget);
MUST_CHECK ana_status budget_check(const struct budget *budget, const struct ana_context *context,
                                   ana_error *err);

/* a + b and a * b that stop at the largest size. */
size_t bytes_sum(size_t a, size_t b);
size_t bytes_product(size_t a, size_t b);
size_t bytes_larger(size_t a, size_t b);

/* "312.4 MB" (of 2^20 bytes, rounded up). */
const char *bytes_text(char out[32], size_t bytes);

#endif
