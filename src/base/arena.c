/* An arena is a chain of blocks, newest first; memory is handed out from the newest one only.
 *
 * Offsets in a block are multiples of MEMORY_ALIGNMENT, and so is the start of its data.
 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

struct arena_block {
    struct arena_block *older;
    unsigned char *data;
    size_t capacity;
    size_t used;
};

enum {
    HEADER_BYTES = MEMORY_ALIGNMENT,
    FIRST_BLOCK_BYTES = 64 * 1024,
    LARGEST_BLOCK_BYTES = 16 * 1024 * 1024 /* growth stops here; a larger wish gets its own block */
};
_Static_assert(sizeof(struct arena_block) <= HEADER_BYTES, "the data starts aligned");

void arena_init(struct arena *arena)
{
    arena->blocks = NULL;
}

void arena_clear(struct arena *arena)
{
    const struct arena_mark start = {NULL, 0};

    arena_reset(arena, start);
}

/* Blocks double, so that their number stays logarithmic in what is used. */
static struct arena_block *add_block(struct arena *arena, size_t wanted)
{
    size_t capacity = arena->blocks ? arena->blocks->capacity : FIRST_BLOCK_BYTES / 2;
    size_t total;

    capacity = capacity < LARGEST_BLOCK_BYTES / 2 ? 2 * capacity : LARGEST_BLOCK_BYTES;
    if (capacity < wanted)
        capacity = wanted;
    if (!size_add(&total, capacity, HEADER_BYTES))
        return NULL;
    struct arena_block *block = memory_alloc(total);
    if (!block)
        return NULL;
    block->older = arena->blocks;
    block->data = (unsigned char *)block + HEADER_BYTES;
    block->capacity = capacity;
    block->used = 0;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
    struct arena_block *block = arena->blocks;
    size_t rounded;

    if (!size_add(&rounded, size_bytes ? size_bytes : 1, MEMORY_ALIGNMENT - 1))
        return NULL;
    rounded -= rounded % MEMORY_ALIGNMENT;
    if (!block || block->capacity - block->used < rounded)
        block = add_block(arena, rounded);
    if (!block)
        return NULL;
    void *out = block->data + block->used;
    block->used += rounded;
    return out;
}

void *arena_alloc_zeroed(struct arena *arena, size_t size_bytes)
{
    void *out = arena_alloc(arena, size_bytes);

    if (out)
        memset(out, 0, size_bytes);
    return out;
}

char *arena_copy_string(struct arena *arena, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = arena_alloc(arena, size);

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    const struct arena_mark mark = {arena->blocks, arena->blocks ? arena->blocks->used : 0};

    return mark;
}

void arena_reset(struct arena *arena, struct arena_mark mark)
{
    while (arena->blocks != mark.block) {
        struct arena_block *older = arena->blocks->older;
        memory_free(arena->blocks);
        arena->blocks = older;
    }
    if (arena->blocks)
        arena->blocks->used = mark.used;
}
