/* Morphology of masks by direct neighbourhoods; repeated steps make larger elements. */
#include "imaging/morphology.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/components.h"

/* How many of the element's pixels around (x, y) are set. */
static int count_set(const uint8_t *mask, int64_t height, int64_t width, int64_t y, int64_t x,
                     enum morphology_element element)
{
    int set = 0;
    for (int64_t v = y - 1; v <= y + 1; v++)
        for (int64_t u = x - 1; u <= x + 1; u++) {
            const bool belongs = element == MORPHOLOGY_SQUARE || u == x || v == y;
            const bool inside = v >= 0 && v < height && u >= 0 && u < width;
            set += belongs && inside && mask[v * width + u] != 0;
        }
    return set;
}

static void step_once(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                      enum morphology_element element, int needed)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            out[y * width + x] = count_set(in, height, width, y, x, element) >= needed;
}

static ana_status step_often(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                             enum morphology_element element, int needed, int steps, ana_error *err)
{
    const size_t n = (size_t)(height * width);
    uint8_t *before = memory_alloc(n);
    if (!before)
        return ana_fail_memory(err, n);

    for (size_t i = 0; i < n; i++)
        out[i] = in[i] != 0;
    for (int step = 0; step < steps; step++) {
        memcpy(before, out, n);
        step_once(out, before, height, width, element, needed);
    }
    memory_free(before);
    return ANA_OK;
}

ana_status mask_erode(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                      enum morphology_element element, int steps, ana_error *err)
{
    const int all = element == MORPHOLOGY_CROSS ? 5 : 9;
    return step_often(out, in, height, width, element, all, steps, err);
}

ana_status mask_dilate(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                       enum morphology_element element, int steps, ana_error *err)
{
    return step_often(out, in, height, width, element, 1, steps, err);
}

/* Sets out = 1 where the component of `mask` (0/1) is kept. */
static void paint_kept(uint8_t *out, const int32_t *labels, const bool *keep, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = labels[i] && keep[labels[i] - 1];
}

typedef bool (*keep_fn)(const struct component *component, const int64_t *limits);

/* Labels `mask`, asks `wanted` about every component and paints those. out may be mask. */
static ana_status select_components(uint8_t *out, const uint8_t *mask, int64_t height,
                                    int64_t width, int connectivity, keep_fn wanted,
                                    const int64_t *limits, ana_error *err)
{
    const int64_t n = height * width;
    struct components components = {0};
    bool *keep = NULL;
    int32_t *labels = memory_alloc_array((size_t)n, sizeof *labels);
    ana_status status = labels ? ANA_OK : ana_fail_memory(err, (size_t)n * sizeof *labels);
    if (!status)
        status = components_label(&components, labels, mask, height, width, connectivity, err);
    if (!status && !(keep = memory_alloc_array((size_t)components.n, sizeof *keep)))
        status = ana_fail_memory(err, (size_t)components.n);
    if (!status) {
        for (int64_t i = 0; i < components.n; i++)
            keep[i] = wanted(&components.items[i], limits);
        paint_kept(out, labels, keep, n);
    }
    memory_free(keep);
    memory_free(labels);
    components_clear(&components);
    return status;
}

/* limits: height, width */
static bool touches_border(const struct component *component, const int64_t *limits)
{
    return component->x0 == 0 || component->y0 == 0 || component->y1 == limits[0] ||
           component->x1 == limits[1];
}

ana_status mask_fill_holes(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                           ana_error *err)
{
    const int64_t n = height * width;
    for (int64_t i = 0; i < n; i++)
        out[i] = in[i] == 0;
    const ana_status status = select_components(out, out, height, width, 4, touches_border,
                                                (int64_t[]){height, width}, err);
    for (int64_t i = 0; i < n; i++)
        out[i] = out[i] == 0;
    return status;
}

/* limits: least area */
static bool is_large(const struct component *component, const int64_t *limits)
{
    return component->area >= limits[0];
}

ana_status mask_keep_components(uint8_t *out, const uint8_t *in, int64_t height, int64_t width,
                                int connectivity, int64_t min_area, ana_error *err)
{
    return select_components(out, in, height, width, connectivity, is_large, &min_area, err);
}
