/* Where buffers lie in the arena: largest first, each at the lowest offset that is free during its
 * life (the "greedy by size" rule of Pisarchyk and Lee, 2020). */
#include "nn/plan_internal.h"

#include <stdlib.h>

#include "base/memory.h"

static size_t round_up(size_t bytes)
{
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

static bool live_together(const struct plan_buffer *a, const struct plan_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static void insert_by_offset(struct plan_buffer **placed, int n, struct plan_buffer *buffer)
{
    int at = n;
    for (; at > 0 && placed[at - 1]->offset > buffer->offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = buffer;
}

static int compare_sizes(const void *a, const void *b)
{
    const struct plan_buffer *const *x = a;
    const struct plan_buffer *const *y = b;
    if ((*x)->bytes != (*y)->bytes)
        return (*x)->bytes > (*y)->bytes ? -1 : 1;
    return (*x > *y) - (*x < *y); /* a total order: the layout is the same every time */
}

/* The lowest gap that holds the buffer; `placed` is sorted by offset. */
static size_t lowest_gap(struct plan_buffer *const *placed, int n, const struct plan_buffer *buffer)
{
    const size_t bytes = round_up(buffer->bytes);
    size_t candidate = 0;
    for (int i = 0; i < n; i++) {
        const struct plan_buffer *other = placed[i];
        if (!live_together(other, buffer))
            continue;
        if (candidate + bytes <= other->offset)
            break;
        const size_t end = other->offset + round_up(other->bytes);
        if (end > candidate)
            candidate = end;
    }
    return candidate;
}

size_t plan_layout(struct plan_buffer *buffers, int n)
{
    struct plan_buffer **order = memory_alloc_array((size_t)n + 1, sizeof *order);
    struct plan_buffer **placed = memory_alloc_array((size_t)n + 1, sizeof *placed);
    size_t total = 0;
    if (order && placed) {
        for (int i = 0; i < n; i++)
            order[i] = &buffers[i];
        qsort(order, (size_t)n, sizeof(struct plan_buffer *), compare_sizes);
        for (int i = 0; i < n; i++) {
            order[i]->offset = lowest_gap(placed, i, order[i]);
            const size_t end = order[i]->offset + round_up(order[i]->bytes);
            if (end > total)
                total = end;
            insert_by_offset(placed, i, order[i]);
        }
    } else { /* no room to plan: one after the other */
        for (int i = 0; i < n; i++) {
            buffers[i].offset = total;
            total += round_up(buffers[i].bytes);
        }
    }
    memory_free(order);
    memory_free(placed);
    return total;
}
