/* Lower envelopes of parabolas along each axis in turn: P. Felzenszwalb and D. Huttenlocher,
 * "Distance Transforms of Sampled Functions", Theory of Computing 8 (2012). */
#include "imaging/distance.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

/* Work space for the longest line and one site beyond either end of it. */
struct envelope {
    double *height; /* [n + 2] squared distance at the sites -1 .. n */
    int64_t *site;  /* [n + 2] sites of the envelope's parabolas */
    double *start;  /* [n + 2] where each of them begins to be the lowest */
};

static ana_status envelope_init(struct envelope *out, int64_t longest, ana_error *err)
{
    const size_t n = (size_t)longest + 2;
    out->height = memory_alloc_array(n, sizeof *out->height);
    out->site = memory_alloc_array(n, sizeof *out->site);
    out->start = memory_alloc_array(n, sizeof *out->start);
    if (out->height && out->site && out->start)
        return ANA_OK;
    return ana_fail_memory(err, n * 3 * sizeof(double));
}

static void envelope_clear(struct envelope *envelope)
{
    memory_free(envelope->height);
    memory_free(envelope->site);
    memory_free(envelope->start);
}

/* Where the parabola of site q (right) falls below that of p, in sites. */
static double crossing(const struct envelope *e, int64_t q, int64_t p, double squared_spacing)
{
    const double rise = (e->height[q + 1] - e->height[p + 1]) / squared_spacing;
    return (rise + (double)(q * q) - (double)(p * p)) / (2.0 * (double)(q - p));
}

/* Parabolas of the sites -1 .. n (those of finite height); returns how many the envelope has. */
static int64_t build_envelope(struct envelope *e, int64_t n, double squared_spacing)
{
    int64_t count = 0;
    for (int64_t q = -1; q <= n; q++) {
        if (isinf(e->height[q + 1]))
            continue;
        double start = -HUGE_VAL;
        while (count > 0) {
            start = crossing(e, q, e->site[count - 1], squared_spacing);
            if (start > e->start[count - 1])
                break;
            count--;
            start = -HUGE_VAL;
        }
        e->site[count] = q;
        e->start[count] = start;
        count++;
    }
    return count;
}

static void transform_line(double *line, int64_t n, int64_t stride, double spacing, bool zero_ends,
                           struct envelope *e)
{
    e->height[0] = e->height[n + 1] = zero_ends ? 0.0 : HUGE_VAL;
    for (int64_t i = 0; i < n; i++)
        e->height[i + 1] = line[i * stride];

    const int64_t count = build_envelope(e, n, spacing * spacing);
    if (count == 0)
        return;
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        while (k + 1 < count && e->start[k + 1] < (double)i)
            k++;
        const double along = (double)(i - e->site[k]) * spacing;
        line[i * stride] = along * along + e->height[e->site[k] + 1];
    }
}

static void transform_axes(double *out, const struct grid *grid, bool zero_ends,
                           struct envelope *envelope)
{
    const int64_t d = grid->depth, h = grid->height, w = grid->width;

    for (int64_t row = 0; row < d * h; row++)
        transform_line(out + row * w, w, 1, grid->spacing[0], zero_ends, envelope);
    for (int64_t z = 0; h > 0 && z < d; z++)
        for (int64_t x = 0; x < w; x++)
            transform_line(out + z * h * w + x, h, w, grid->spacing[1], zero_ends, envelope);
    for (int64_t at = 0; d > 1 && at < h * w; at++)
        transform_line(out + at, d, h * w, grid->spacing[2], zero_ends, envelope);
}

ana_status distance_squared(double *out, const uint8_t *mask, const struct grid *grid,
                            enum distance_target target, ana_error *err)
{
    const int64_t n = grid_count(grid);
    const bool foreground = target == DISTANCE_TO_FOREGROUND;
    for (int64_t i = 0; i < n; i++)
        out[i] = (mask[i] != 0) == foreground ? 0.0 : HUGE_VAL;

    int64_t longest = grid->width > grid->height ? grid->width : grid->height;
    longest = grid->depth > longest ? grid->depth : longest;
    struct envelope envelope = {0};
    const ana_status status = envelope_init(&envelope, longest, err);
    if (!status)
        transform_axes(out, grid, target == DISTANCE_TO_OUTSIDE, &envelope);
    envelope_clear(&envelope);
    return status;
}

ana_status distance_transform(double *out, const uint8_t *mask, const struct grid *grid,
                              enum distance_target target, ana_error *err)
{
    const ana_status status = distance_squared(out, mask, grid, target, err);
    for (int64_t i = 0; !status && i < grid_count(grid); i++)
        out[i] = sqrt(out[i]);
    return status;
}

/* Half-open box of the non-zero pixels; false if there is none. */
static bool tight_box(int64_t box[4], const uint8_t *mask, int64_t height, int64_t width)
{
    int64_t x0 = width, y0 = height, x1 = 0, y1 = 0;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            if (mask[y * width + x]) {
                x0 = x < x0 ? x : x0;
                x1 = x + 1 > x1 ? x + 1 : x1;
                y0 = y < y0 ? y : y0;
                y1 = y + 1;
            }
    box[0] = x0;
    box[1] = y0;
    box[2] = x1;
    box[3] = y1;
    return x1 > 0;
}

/* Only the box of the mask is looked at: all around it is outside in any case. */
ana_status mask_interior_point(int64_t *x, int64_t *y, const uint8_t *mask, int64_t height,
                               int64_t width, ana_error *err)
{
    int64_t box[4];
    if (!tight_box(box, mask, height, width))
        return ana_fail(err, ANA_ERR_ARGUMENT, "an empty mask has no interior point");

    const struct grid grid = grid_2d(box[3] - box[1], box[2] - box[0]);
    const int64_t n = grid_count(&grid);
    uint8_t *cut = memory_alloc_array((size_t)n, 1);
    double *squared = memory_alloc_array((size_t)n, sizeof *squared);
    ana_status status = ANA_OK;
    if (!cut || !squared)
        status = ana_fail_memory(err, (size_t)n * sizeof *squared);
    for (int64_t i = 0; !status && i < n; i++)
        cut[i] = mask[(box[1] + i / grid.width) * width + box[0] + i % grid.width];
    if (!status)
        status = distance_squared(squared, cut, &grid, DISTANCE_TO_OUTSIDE, err);
    if (!status) {
        int64_t best = 0;
        for (int64_t i = 1; i < n; i++)
            best = squared[i] > squared[best] ? i : best;
        *x = box[0] + best % grid.width;
        *y = box[1] + best / grid.width;
    }
    memory_free(cut);
    memory_free(squared);
    return status;
}
