/* Surface elements: the marching-cubes triangles in each 2x2x2 neighbourhood of voxels.
 *
 * Source: DeepMind's surface-distance (Apache-2.0), whose table of normals for 256 neighbourhoods
 * defines the areas. An area does not see the sign of a normal nor the order of normals, parallel
 * normals add up, and a neighbourhood and its complement have the same surface; what is left of the
 * table are 27 kinds of surface, below.
 */
#include "imaging/surface_internal.h"

#include <math.h>
#include <stddef.h>

#include "base/memory.h"

enum { CODES = 256, KINDS = 27, NORMALS = 3 };

/* Absolute normals in eighths of a voxel face, axes (z, y, x); (0, 0, 0) ends a row. */
static const uint8_t kind_normals[KINDS][NORMALS][3] = {
    {{0}},
    {{0, 0, 8}},
    {{0, 4, 4}},
    {{0, 8, 0}},
    {{0, 8, 8}},
    {{1, 1, 1}},
    {{2, 2, 2}},
    {{3, 3, 3}},
    {{4, 0, 4}},
    {{4, 4, 0}},
    {{4, 4, 4}},
    {{6, 6, 6}},
    {{8, 0, 0}},
    {{8, 0, 8}},
    {{8, 8, 0}},
    {{0, 0, 4}, {3, 3, 3}},
    {{0, 0, 4}, {4, 4, 4}},
    {{0, 4, 0}, {3, 3, 3}},
    {{0, 4, 0}, {4, 4, 4}},
    {{0, 4, 4}, {1, 1, 1}},
    {{1, 1, 1}, {4, 0, 4}},
    {{1, 1, 1}, {4, 4, 0}},
    {{3, 3, 3}, {4, 0, 0}},
    {{4, 0, 0}, {4, 4, 4}},
    {{0, 2, 2}, {2, 0, 2}, {4, 4, 4}},
    {{0, 2, 2}, {2, 2, 0}, {4, 4, 4}},
    {{2, 0, 2}, {2, 2, 0}, {4, 4, 4}},
};

/* Kind of the codes 0..127; 255 - code has the same. Bit 7 is voxel (0, 0, 0) of the neighbourhood,
 * bit 0 is (1, 1, 1), x fastest. */
static const uint8_t code_kinds[CODES / 2] = {
    0,  5,  5,  9,  5,  8,  6,  22, 5,  6,  8,  22, 9,  22, 22, 12, /* 0 */
    5,  2,  6,  17, 6,  15, 7,  11, 6,  19, 20, 24, 21, 25, 23, 22, /* 16 */
    5,  6,  2,  17, 6,  20, 19, 24, 6,  7,  15, 11, 21, 23, 25, 22, /* 32 */
    9,  17, 17, 3,  21, 26, 18, 17, 21, 18, 26, 17, 14, 21, 21, 9,  /* 48 */
    5,  6,  6,  21, 2,  15, 19, 25, 6,  7,  20, 23, 17, 11, 24, 22, /* 64 */
    8,  15, 20, 26, 15, 1,  16, 15, 20, 16, 13, 20, 26, 15, 20, 8,  /* 80 */
    6,  7,  19, 18, 19, 16, 4,  19, 7,  10, 16, 7,  18, 7,  19, 6,  /* 96 */
    22, 11, 24, 17, 25, 15, 19, 2,  23, 7,  20, 6,  21, 6,  6,  5,  /* 112 */
};

/* Area of the surface in a neighbourhood of each code, in squared units of the spacing. */
static void fill_areas(double area[CODES], const double spacing[3])
{
    const double face[3] = {spacing[0] * spacing[1], spacing[0] * spacing[2],
                            spacing[1] * spacing[2]}; /* normal to z, y, x */
    for (int code = 0; code < CODES; code++) {
        const int kind = code_kinds[code < CODES / 2 ? code : CODES - 1 - code];
        area[code] = 0;
        for (int i = 0; i < NORMALS; i++) {
            double squared = 0;
            for (int axis = 0; axis < 3; axis++) {
                const double part = kind_normals[kind][i][axis] / 8.0 * face[axis];
                squared += part * part;
            }
            area[code] += sqrt(squared);
        }
    }
}

static unsigned bit_at(const uint8_t *mask, const struct grid *grid, int64_t z, int64_t y,
                       int64_t x)
{
    const bool inside =
        z >= 0 && z < grid->depth && y >= 0 && y < grid->height && x >= 0 && x < grid->width;
    return inside && mask[(z * grid->height + y) * grid->width + x] != 0;
}

/* The four voxels of column x around the corner before (z, y), at the bits of the right half of a
 * code; one bit higher they are its left half. */
static unsigned column_at(const uint8_t *mask, const struct grid *grid, int64_t z, int64_t y,
                          int64_t x)
{
    return bit_at(mask, grid, z - 1, y - 1, x) << 6 | bit_at(mask, grid, z - 1, y, x) << 4 |
           bit_at(mask, grid, z, y - 1, x) << 2 | bit_at(mask, grid, z, y, x);
}

/* Codes of all corners of a region, one more than its voxels along each axis, become sites (any
 * surface there) and areas. */
static void find_elements(uint8_t *site, double *weight, const uint8_t *mask,
                          const struct grid *grid, const struct region *region,
                          const double area[CODES])
{
    int64_t i = 0;
    for (int64_t z = region->z0; z <= region->z1; z++)
        for (int64_t y = region->y0; y <= region->y1; y++) {
            unsigned left = column_at(mask, grid, z, y, region->x0 - 1);
            for (int64_t x = region->x0; x <= region->x1; x++, i++) {
                const unsigned right = column_at(mask, grid, z, y, x);
                const unsigned code = left << 1 | right;
                left = right;
                site[i] = code != 0 && code != CODES - 1;
                weight[i] = area[code];
            }
        }
}

ana_status surface_element_open(struct surface_pair *out, const uint8_t *truth,
                                const uint8_t *prediction, const struct grid *grid, ana_error *err)
{
    *out = (struct surface_pair){0};
    struct region region;
    if (!region_of_masks(&region, truth, prediction, grid))
        return ANA_OK;

    double area[CODES];
    fill_areas(area, grid->spacing);
    struct grid corners = *grid;
    corners.depth = region.z1 - region.z0 + 1;
    corners.height = region.y1 - region.y0 + 1;
    corners.width = region.x1 - region.x0 + 1;
    const size_t n = (size_t)grid_count(&corners);

    uint8_t *site = memory_alloc_array(n, 2);
    double *weight = memory_alloc_array(n, 2 * sizeof *weight);
    ana_status status;
    if (!site || !weight) {
        status = ana_fail_memory(err, n * 2 * sizeof *weight);
    } else {
        find_elements(site, weight, truth, grid, &region, area);
        find_elements(site + n, weight + n, prediction, grid, &region, area);
        status = surface_pair_measure(out, site, site + n, weight, weight + n, &corners, err);
    }
    memory_free(site);
    memory_free(weight);
    return status;
}

static double sum_of(const struct surface *surface)
{
    double sum = 0;
    for (int64_t i = 0; i < surface->n; i++)
        sum += surface->weight[i];
    return sum;
}

static double sum_within(const struct surface *surface, double tolerance)
{
    double sum = 0;
    for (int64_t i = 0; i < surface->n && surface->distance[i] <= tolerance; i++)
        sum += surface->weight[i];
    return sum;
}

double surface_element_nsd(const struct surface_pair *pair, double tolerance)
{
    const double near =
        sum_within(&pair->truth, tolerance) + sum_within(&pair->prediction, tolerance);
    const double all = sum_of(&pair->truth) + sum_of(&pair->prediction);
    return all > 0 ? near / all : (double)NAN;
}

static double weighted_percentile(const struct surface *surface, double percent)
{
    if (surface->n == 0)
        return HUGE_VAL;
    const double all = sum_of(surface);
    double sum = 0;
    for (int64_t i = 0; i < surface->n; i++) {
        sum += surface->weight[i];
        if (sum / all >= percent / 100.0)
            return surface->distance[i];
    }
    return surface->distance[surface->n - 1];
}

double surface_element_hd(const struct surface_pair *pair, double percent)
{
    return fmax(weighted_percentile(&pair->truth, percent),
                weighted_percentile(&pair->prediction, percent));
}

static double weighted_mean(const struct surface *surface)
{
    double sum = 0;
    for (int64_t i = 0; i < surface->n; i++)
        sum += surface->distance[i] * surface->weight[i];
    return surface->n > 0 ? sum / sum_of(surface) : (double)NAN;
}

void surface_element_asd(double *truth_to_prediction, double *prediction_to_truth,
                         const struct surface_pair *pair)
{
    *truth_to_prediction = weighted_mean(&pair->truth);
    *prediction_to_truth = weighted_mean(&pair->prediction);
}
