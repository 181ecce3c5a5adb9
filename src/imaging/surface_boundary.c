/* Boundary pixels: mask minus its erosion with the face-connected cross. */
#include "imaging/surface_internal.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/statistics.h"

static bool is_set(const uint8_t *mask, const struct grid *grid, int64_t z, int64_t y, int64_t x)
{
    return z >= 0 && z < grid->depth && y >= 0 && y < grid->height && x >= 0 && x < grid->width &&
           mask[(z * grid->height + y) * grid->width + x] != 0;
}

/* Has a face neighbour in the background. A 2D image has no neighbours in z. */
static bool is_boundary(const uint8_t *mask, const struct grid *grid, int64_t z, int64_t y,
                        int64_t x, bool flat)
{
    return is_set(mask, grid, z, y, x) &&
           !(is_set(mask, grid, z, y, x - 1) && is_set(mask, grid, z, y, x + 1) &&
             is_set(mask, grid, z, y - 1, x) && is_set(mask, grid, z, y + 1, x) &&
             (flat || (is_set(mask, grid, z - 1, y, x) && is_set(mask, grid, z + 1, y, x))));
}

static void find_boundary(uint8_t *site, const uint8_t *mask, const struct grid *grid,
                          const struct region *region)
{
    const bool flat = grid->depth == 1;
    int64_t i = 0;
    for (int64_t z = region->z0; z < region->z1; z++)
        for (int64_t y = region->y0; y < region->y1; y++)
            for (int64_t x = region->x0; x < region->x1; x++)
                site[i++] = is_boundary(mask, grid, z, y, x, flat);
}

ana_status boundary_pixel_open(struct surface_pair *out, const uint8_t *truth,
                               const uint8_t *prediction, const struct grid *grid, ana_error *err)
{
    *out = (struct surface_pair){0};
    struct region region;
    if (!region_of_masks(&region, truth, prediction, grid))
        return ANA_OK;

    struct grid cut = *grid;
    cut.depth = region.z1 - region.z0;
    cut.height = region.y1 - region.y0;
    cut.width = region.x1 - region.x0;
    const size_t n = (size_t)grid_count(&cut);
    uint8_t *site = memory_alloc_array(n, 2);
    if (!site)
        return ana_fail_memory(err, n * 2);
    find_boundary(site, truth, grid, &region);
    find_boundary(site + n, prediction, grid, &region);
    const ana_status status = surface_pair_measure(out, site, site + n, NULL, NULL, &cut, err);
    memory_free(site);
    return status;
}

static int64_t count_within(const struct surface *surface, double tolerance)
{
    int64_t n = 0;
    while (n < surface->n && surface->distance[n] <= tolerance)
        n++;
    return n;
}

static bool both_empty(const struct surface_pair *pair)
{
    return pair->truth.n == 0 && pair->prediction.n == 0;
}

static bool one_empty(const struct surface_pair *pair)
{
    return (pair->truth.n == 0) != (pair->prediction.n == 0);
}

double boundary_pixel_nsd(const struct surface_pair *pair, double tolerance)
{
    if (both_empty(pair))
        return 1.0;
    const int64_t near =
        count_within(&pair->truth, tolerance) + count_within(&pair->prediction, tolerance);
    return (double)near / (double)(pair->truth.n + pair->prediction.n);
}

double boundary_pixel_hd_max(const struct surface_pair *pair, double percent)
{
    if (both_empty(pair))
        return 0.0;
    if (one_empty(pair))
        return HUGE_VAL;
    return fmax(percentile_of_sorted(pair->truth.distance, pair->truth.n, percent),
                percentile_of_sorted(pair->prediction.distance, pair->prediction.n, percent));
}

/* The k-th smallest of both directions, which are sorted each. */
static double pooled_at(const struct surface_pair *pair, int64_t k)
{
    int64_t a = 0, b = 0;
    double value = 0;
    for (int64_t i = 0; i <= k; i++) {
        const bool from_a =
            a < pair->truth.n &&
            (b == pair->prediction.n || pair->truth.distance[a] <= pair->prediction.distance[b]);
        value = from_a ? pair->truth.distance[a++] : pair->prediction.distance[b++];
    }
    return value;
}

double boundary_pixel_hd_pool(const struct surface_pair *pair, double percent)
{
    if (both_empty(pair))
        return 0.0;
    if (one_empty(pair))
        return HUGE_VAL;
    const int64_t last = pair->truth.n + pair->prediction.n - 1;
    const double at = percent / 100.0 * (double)last;
    const int64_t below = (int64_t)at < last ? (int64_t)at : last;
    const double low = pooled_at(pair, below);
    const double high = pooled_at(pair, below < last ? below + 1 : last);
    return low + (high - low) * (at - (double)below);
}

double boundary_pixel_assd(const struct surface_pair *pair)
{
    if (both_empty(pair))
        return 0.0;
    double sum = 0;
    for (int64_t i = 0; i < pair->truth.n; i++)
        sum += pair->truth.distance[i];
    for (int64_t i = 0; i < pair->prediction.n; i++)
        sum += pair->prediction.distance[i];
    return sum / (double)(pair->truth.n + pair->prediction.n);
}
