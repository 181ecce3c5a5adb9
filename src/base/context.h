/* What ana_context holds. Objects that work in a context borrow it. */
#ifndef ANA_BASE_CONTEXT_H
#define ANA_BASE_CONTEXT_H

#include <stdbool.h>

#include "anatome/context.h"
#include "base/log.h"
#include "base/threads.h"

struct ana_context {
    struct pool *pool;
    struct log log;
    bool has_memory_limit; /* set by this context, lifted with it */
    ana_memory_fn memory_plan;
    void *memory_user;
};

#endif
