/* Storage for the work of one call: mark, use, reset. Nothing in it is freed one by one. */
#ifndef ANA_BASE_ARENA_H
#define ANA_BASE_ARENA_H

#include <stddef.h>

#include "base/compiler.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
};

struct arena_mark {
    struct arena_block *block;
    size_t used;
};

void arena_init(struct arena *arena);
void arena_clear(struct arena *arena); /* releases everything */

/* MEMORY_ALIGNMENT aligned, uninitialised. NULL on failure. */
MUST_CHECK void *arena_alloc(struct arena *arena, size_t size_bytes);
MUST_CHECK void *arena_alloc_zeroed(struct arena *arena, size_t size_bytes);
MUST_CHECK char *arena_copy_string(struct arena *arena, const char *text);

struct arena_mark arena_mark(const struct arena *arena);
void arena_reset(struct arena *arena, struct arena_mark mark); /* frees what came after the mark */

#endif
