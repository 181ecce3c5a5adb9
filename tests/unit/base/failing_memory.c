/* See the header. Allocations of several threads would race here: for single-threaded tests. */
#include "failing_memory.h"

#include <stdlib.h>

#include "base/memory.h"

static int countdown;
static int failures;
static int live;

static void *allocate(void *user, size_t size_bytes)
{
    void *block = NULL;

    (void)user;
    if (countdown > 0 && --countdown == 0) {
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

    countdown = n;
    failures = 0;
    live = 0;
    memory_set_hooks(&hooks);
}

int failing_memory_stop(void)
{
    memory_set_hooks(NULL);
    return failures;
}

int failing_memory_live(void)
{
    return live;
}
