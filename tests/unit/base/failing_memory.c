/* See the header. With several threads it is not settled whose allocation is the n-th. */
#include "failing_memory.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

static _Atomic int n_allocations;
static _Atomic int failing; /* 0: none */
static _Atomic int failures;
static _Atomic int live;

static void *allocate(void *user, size_t size_bytes)
{
    void *block = NULL;

    (void)user;
    if (atomic_fetch_add(&n_allocations, 1) + 1 == failing) {
        failures++;
        return NULL;
    }
    if (posix_memalign(&block, MEMORY_ALIGNMENT, size_bytes) != 0)
        return NULL;
    live++;
    return block;
}

static void release(void *user, void *block, size_t size_bytes)
{
    (void)user;
    (void)size_bytes;
    live--;
    free(block);
}

void failing_memory_start(int n)
{
    const struct memory_hooks hooks = {allocate, release, NULL};

    n_allocations = 0;
    failing = n;
    failures = 0;
    live = 0;
    memory_set_hooks(&hooks);
}

int failing_memory_stop(void)
{
    memory_set_hooks(NULL);
    return failures;
}

int failing_memory_count(void)
{
    return n_allocations;
}

int failing_memory_live(void)
{
    return live;
}
