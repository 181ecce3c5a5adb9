/* The allocator: hooks, counters and checked sizes.
 *
 * Each block is preceded by a header of MEMORY_ALIGNMENT bytes that holds its size, so that
 * memory_free() needs no size and the total in use is exact. The counters are relaxed atomics: they
 * order nothing, they only have to add up.
 */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct header {
    size_t size_bytes; /* as asked for, without the header */
};
_Static_assert(sizeof(struct header) <= MEMORY_ALIGNMENT, "the header keeps the alignment");

static void *allocate_default(void *user, size_t size_bytes)
{
    void *block = NULL;

    (void)user;
    return posix_memalign(&block, MEMORY_ALIGNMENT, size_bytes) == 0 ? block : NULL;
}

static void release_default(void *user, void *block, size_t size_bytes)
{
    (void)user;
    (void)size_bytes;
    free(block);
}

static struct memory_hooks hooks = {allocate_default, release_default, NULL};
static _Atomic size_t in_use;
static _Atomic size_t peak;
static _Atomic size_t limit;
static _Atomic size_t refused;

void memory_set_hooks(const struct memory_hooks *wanted)
{
    const struct memory_hooks defaults = {allocate_default, release_default, NULL};

    hooks = wanted ? *wanted : defaults;
}

/* Counts size_bytes as in use, unless that passes the limit. */
static bool reserve(size_t size_bytes)
{
    const size_t most = atomic_load_explicit(&limit, memory_order_relaxed);
    size_t before = atomic_load_explicit(&in_use, memory_order_relaxed);
    size_t after;

    do {
        if (!size_add(&after, before, size_bytes) || (most && after > most)) {
            if (most)
                atomic_store_explicit(&refused, size_bytes, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&in_use, &before, after, memory_order_relaxed,
                                                    memory_order_relaxed));

    size_t highest = atomic_load_explicit(&peak, memory_order_relaxed);
    while (after > highest &&
           !atomic_compare_exchange_weak_explicit(&peak, &highest, after, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    return true;
}

static void give_back(size_t size_bytes)
{
    atomic_fetch_sub_explicit(&in_use, size_bytes, memory_order_relaxed);
}

static struct header *header_of(void *block)
{
    return (struct header *)(void *)((unsigned char *)block - MEMORY_ALIGNMENT);
}

void *memory_alloc(size_t size_bytes)
{
    size_t total;

    if (!size_add(&total, size_bytes, MEMORY_ALIGNMENT) || !reserve(size_bytes))
        return NULL;
    unsigned char *raw = hooks.allocate(hooks.user, total);
    if (!raw) {
        give_back(size_bytes);
        return NULL;
    }
    const struct header header = {size_bytes};
    memcpy(raw, &header, sizeof header);
    return raw + MEMORY_ALIGNMENT;
}

void *memory_alloc_zeroed(size_t size_bytes)
{
    void *block = memory_alloc(size_bytes);

    if (block)
        memset(block, 0, size_bytes);
    return block;
}

void memory_free(void *block)
{
    if (!block)
        return;
    struct header *header = header_of(block);
    const size_t size_bytes = header->size_bytes;
    hooks.release(hooks.user, header, size_bytes + MEMORY_ALIGNMENT);
    give_back(size_bytes);
}

void *memory_resize(void *block, size_t size_bytes)
{
    void *grown = memory_alloc(size_bytes);

    if (!grown || !block)
        return grown;
    const size_t before = header_of(block)->size_bytes;
    memcpy(grown, block, before < size_bytes ? before : size_bytes);
    memory_free(block);
    return grown;
}

void *memory_alloc_array(size_t n, size_t size)
{
    size_t total;

    return size_mul(&total, n, size) ? memory_alloc(total) : NULL;
}

void *memory_alloc_array_zeroed(size_t n, size_t size)
{
    size_t total;

    return size_mul(&total, n, size) ? memory_alloc_zeroed(total) : NULL;
}

char *memory_copy_string(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = memory_alloc(size);

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

size_t memory_in_use(void)
{
    return atomic_load_explicit(&in_use, memory_order_relaxed);
}

size_t memory_peak(void)
{
    return atomic_load_explicit(&peak, memory_order_relaxed);
}

void memory_reset_peak(void)
{
    atomic_store_explicit(&peak, memory_in_use(), memory_order_relaxed);
}

void memory_set_limit(size_t limit_bytes)
{
    atomic_store_explicit(&limit, limit_bytes, memory_order_relaxed);
    atomic_store_explicit(&refused, 0, memory_order_relaxed);
}

size_t memory_refused(void)
{
    return atomic_load_explicit(&refused, memory_order_relaxed);
}

size_t memory_limit(void)
{
    return atomic_load_explicit(&limit, memory_order_relaxed);
}

bool size_mul(size_t *out, size_t a, size_t b)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool size_add(size_t *out, size_t a, size_t b)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

bool extent_mul(int64_t *out, int64_t a, int64_t b)
{
    if (a < 0 || b < 0 || (b && a > INT64_MAX / b))
        return false;
    *out = a * b;
    return true;
}
