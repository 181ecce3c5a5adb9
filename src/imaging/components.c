/* Two passes with a union-find whose root is the smallest provisional label of its set: the label
 * of the component's first pixel, so that final labels come in the promised order. */
#include "imaging/components.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/budget.h"
#include "base/memory.h"

static int32_t root_of(int32_t *parent, int32_t label)
{
    while (parent[label] != label) {
        parent[label] = parent[parent[label]];
        label = parent[label];
    }
    return label;
}

/* Unites and returns the smaller root. */
static int32_t join(int32_t *parent, int32_t a, int32_t b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    const int32_t low = a < b ? a : b;
    parent[a] = low;
    parent[b] = low;
    return low;
}

/* The label that the pixels above and to the left give; 0 if all of them are background. */
static int32_t label_from_neighbours(const int32_t *row, const int32_t *above, int64_t x,
                                     int64_t width, int connectivity, int32_t *parent)
{
    const bool eight = connectivity == 8;
    const int32_t neighbours[4] = {
        x > 0 ? row[x - 1] : 0,
        above ? above[x] : 0,
        above && eight && x > 0 ? above[x - 1] : 0,
        above && eight && x + 1 < width ? above[x + 1] : 0,
    };
    int32_t label = 0;
    for (int i = 0; i < 4; i++)
        if (neighbours[i])
            label = label ? join(parent, label, neighbours[i]) : neighbours[i];
    return label;
}

/* Provisional labels; returns how many. parent[0 .. count]. */
static int32_t label_provisionally(int32_t *labels, int32_t *parent, const uint8_t *mask,
                                   int64_t height, int64_t width, int connectivity)
{
    int32_t count = 0;
    for (int64_t y = 0; y < height; y++) {
        int32_t *row = labels + y * width;
        const int32_t *above = y > 0 ? row - width : NULL;
        for (int64_t x = 0; x < width; x++) {
            if (!mask[y * width + x]) {
                row[x] = 0;
                continue;
            }
            row[x] = label_from_neighbours(row, above, x, width, connectivity, parent);
            if (!row[x]) {
                row[x] = ++count;
                parent[count] = count;
            }
        }
    }
    return count;
}

/* parent[] becomes the map from provisional to final labels; returns the number of components. */
static int32_t number_components(int32_t *parent, int32_t count)
{
    int32_t n = 0;
    for (int32_t i = 1; i <= count; i++)
        parent[i] = parent[i] == i ? ++n : parent[parent[i]];
    return n;
}

static void measure(struct component *items, int32_t *labels, const int32_t *final, int64_t height,
                    int64_t width)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            int32_t *label = &labels[y * width + x];
            if (!*label)
                continue;
            *label = final[*label];
            struct component *item = &items[*label - 1];
            if (item->area++ == 0) {
                item->x0 = x;
                item->x1 = x + 1;
                item->y0 = y;
            }
            item->x0 = x < item->x0 ? x : item->x0;
            item->x1 = x + 1 > item->x1 ? x + 1 : item->x1;
            item->y1 = y + 1;
            item->cx += (double)x;
            item->cy += (double)y;
        }
}

static ana_status label_into(struct components *out, int32_t *labels, int32_t *parent,
                             const uint8_t *mask, int64_t height, int64_t width, int connectivity,
                             ana_error *err)
{
    const int32_t count = label_provisionally(labels, parent, mask, height, width, connectivity);
    const int32_t n = number_components(parent, count);

    struct component *items = memory_alloc_array_zeroed((size_t)n, sizeof *items);
    if (!items)
        return ana_fail_memory(err, (size_t)n * sizeof *items);
    measure(items, labels, parent, height, width);
    for (int32_t i = 0; i < n; i++) {
        items[i].cx /= (double)items[i].area;
        items[i].cy /= (double)items[i].area;
    }
    *out = (struct components){items, n};
    return ANA_OK;
}

ana_status components_label(struct components *out, int32_t *labels, const uint8_t *mask,
                            int64_t height, int64_t width, int connectivity, ana_error *err)
{
    assert(connectivity == 4 || connectivity == 8);
    *out = (struct components){0};

    const int64_t n = height * width;
    if (n >= INT32_MAX)
        return ana_fail(err, ANA_ERR_LIMIT, "%lld x %lld pixels are too many to label",
                        (long long)width, (long long)height);
    /* A new label needs a background pixel to its left or a new row. */
    const int64_t n_provisional = height * ((width + 1) / 2) + 1; /* as in components_bytes() */

    int32_t *own = labels ? NULL : memory_alloc_array((size_t)n, sizeof *own);
    int32_t *parent = memory_alloc_array((size_t)n_provisional, sizeof *parent);
    ana_status status;
    if (!parent || (!labels && !own))
        status = ana_fail_memory(err, (size_t)n * sizeof *own);
    else
        status =
            label_into(out, labels ? labels : own, parent, mask, height, width, connectivity, err);
    memory_free(own);
    memory_free(parent);
    return status;
}

size_t components_bytes(int64_t height, int64_t width)
{
    const size_t own = bytes_product((size_t)height, (size_t)width);
    const size_t parents = bytes_product((size_t)height, (size_t)(width + 1) / 2) + 1;

    return bytes_product(bytes_sum(own, parents), sizeof(int32_t));
}

void components_clear(struct components *components)
{
    memory_free(components->items);
    *components = (struct components){0};
}

int64_t components_largest(int64_t *indices, int64_t max_n, const struct components *components,
                           int64_t min_area)
{
    int64_t n = 0;
    for (int64_t i = 0; i < components->n; i++) {
        const int64_t area = components->items[i].area;
        if (area < min_area)
            continue;
        int64_t at = n < max_n ? n : max_n; /* insertion: max_n is small */
        while (at > 0 && components->items[indices[at - 1]].area < area)
            at--;
        if (at >= max_n)
            continue;
        n = n < max_n ? n + 1 : n;
        for (int64_t j = n - 1; j > at; j--)
            indices[j] = indices[j - 1];
        indices[at] = i;
    }
    return n;
}
