/* Distances between two sets of surface sites. */
#include "imaging/surface_internal.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"

struct sample {
    double distance, weight;
};

static int compare_samples(const void *a, const void *b)
{
    const struct sample *s = a, *t = b;
    if (s->distance != t->distance)
        return s->distance < t->distance ? -1 : 1;
    return (s->weight > t->weight) - (s->weight < t->weight);
}

bool region_of_masks(struct region *out, const uint8_t *a, const uint8_t *b,
                     const struct grid *grid)
{
    struct region r = {grid->depth, grid->height, grid->width, 0, 0, 0};
    int64_t i = 0;
    for (int64_t z = 0; z < grid->depth; z++)
        for (int64_t y = 0; y < grid->height; y++)
            for (int64_t x = 0; x < grid->width; x++, i++) {
                if (!a[i] && !b[i])
                    continue;
                r.z0 = z < r.z0 ? z : r.z0;
                r.y0 = y < r.y0 ? y : r.y0;
                r.x0 = x < r.x0 ? x : r.x0;
                r.z1 = z + 1;
                r.y1 = y + 1 > r.y1 ? y + 1 : r.y1;
                r.x1 = x + 1 > r.x1 ? x + 1 : r.x1;
            }
    *out = r;
    return r.z1 > 0;
}

/* Samples of one direction; those at distance 0, most of them in two good masks, come first and
 * need no sorting. Returns how many lie at 0. */
static int64_t gather(struct sample *samples, const uint8_t *site, const double *weight,
                      const double *distance, int64_t n_grid, int64_t n)
{
    int64_t at_zero = 0, apart = n;
    for (int64_t i = 0; i < n_grid; i++)
        if (site[i]) {
            const struct sample sample = {distance[i], weight ? weight[i] : 1.0};
            if (sample.distance == 0)
                samples[at_zero++] = sample;
            else
                samples[--apart] = sample;
        }
    return at_zero;
}

/* Samples in ascending order into *out; distance is the transform of the other set. */
static ana_status collect(struct surface *out, const uint8_t *site, const double *weight,
                          const double *distance, int64_t n_grid, ana_error *err)
{
    int64_t n = 0;
    for (int64_t i = 0; i < n_grid; i++)
        n += site[i] != 0;

    struct sample *samples = memory_alloc_array((size_t)n, sizeof *samples);
    out->distance = memory_alloc_array((size_t)n, sizeof *out->distance);
    out->weight = memory_alloc_array((size_t)n, sizeof *out->weight);
    if (!samples || !out->distance || !out->weight) {
        memory_free(samples);
        return ana_fail_memory(err, (size_t)n * 2 * sizeof *samples);
    }
    const int64_t at_zero = gather(samples, site, weight, distance, n_grid, n);
    qsort(samples + at_zero, (size_t)(n - at_zero), sizeof *samples, compare_samples);
    for (int64_t i = 0; i < n; i++) {
        out->distance[i] = samples[i].distance;
        out->weight[i] = samples[i].weight;
    }
    out->n = n;
    memory_free(samples);
    return ANA_OK;
}

ana_status surface_pair_measure(struct surface_pair *out, const uint8_t *truth_site,
                                const uint8_t *prediction_site, const double *truth_weight,
                                const double *prediction_weight, const struct grid *grid,
                                ana_error *err)
{
    *out = (struct surface_pair){0};
    const int64_t n = grid_count(grid);
    double *distance = memory_alloc_array((size_t)n, sizeof *distance);
    if (!distance)
        return ana_fail_memory(err, (size_t)n * sizeof *distance);

    ana_status status =
        distance_transform(distance, prediction_site, grid, DISTANCE_TO_FOREGROUND, err);
    if (!status)
        status = collect(&out->truth, truth_site, truth_weight, distance, n, err);
    if (!status)
        status = distance_transform(distance, truth_site, grid, DISTANCE_TO_FOREGROUND, err);
    if (!status)
        status = collect(&out->prediction, prediction_site, prediction_weight, distance, n, err);
    memory_free(distance);
    if (status)
        surface_pair_clear(out);
    return status;
}

void surface_pair_clear(struct surface_pair *pair)
{
    memory_free(pair->truth.distance);
    memory_free(pair->truth.weight);
    memory_free(pair->prediction.distance);
    memory_free(pair->prediction.weight);
    *pair = (struct surface_pair){0};
}
