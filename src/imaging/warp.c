/* Sampling through an affine map and an elastic displacement, and Gaussian blur. */
#include "imaging/warp.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

enum { MAX_SUPERSAMPLE = 8, ROWS_PER_JOB = 16 };

struct affine affine_identity(void)
{
    return (struct affine){{{1, 0, 0}, {0, 1, 0}}};
}

struct affine affine_product(const struct affine *a, const struct affine *b)
{
    struct affine p;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            p.m[i][j] =
                a->m[i][0] * b->m[0][j] + a->m[i][1] * b->m[1][j] + (j == 2 ? a->m[i][2] : 0.0);
    return p;
}

bool affine_inverse(struct affine *out, const struct affine *a)
{
    const double determinant = a->m[0][0] * a->m[1][1] - a->m[0][1] * a->m[1][0];
    if (!(fabs(determinant) > 0) || isinf(determinant))
        return false;
    struct affine inverse = {{{a->m[1][1] / determinant, -a->m[0][1] / determinant, 0},
                              {-a->m[1][0] / determinant, a->m[0][0] / determinant, 0}}};
    for (int i = 0; i < 2; i++)
        inverse.m[i][2] = -(inverse.m[i][0] * a->m[0][2] + inverse.m[i][1] * a->m[1][2]);
    *out = inverse;
    return true;
}

struct point {
    double x, y;
};

/* Displacement at a target point: bilinear between nodes, the outermost of which sit on the
 * target's corner pixels. */
static struct point displacement_at(const struct warp *warp, int64_t height, int64_t width,
                                    struct point at)
{
    const int64_t columns = warp->grid_width, rows = warp->grid_height;
    const double gx = width > 1 ? at.x * (double)(columns - 1) / (double)(width - 1) : 0;
    const double gy = height > 1 ? at.y * (double)(rows - 1) / (double)(height - 1) : 0;
    const double cx = fmin(fmax(gx, 0), (double)(columns - 1));
    const double cy = fmin(fmax(gy, 0), (double)(rows - 1));
    const int64_t x0 = cx < (double)(columns - 2) ? (int64_t)cx : columns - 2;
    const int64_t y0 = cy < (double)(rows - 2) ? (int64_t)cy : rows - 2;
    const double tx = cx - (double)x0, ty = cy - (double)y0;

    const float *node = warp->displacement + (y0 * columns + x0) * 2;
    const float *below = node + columns * 2;
    double d[2];
    for (int axis = 0; axis < 2; axis++)
        d[axis] = (1 - ty) * ((1 - tx) * (double)node[axis] + tx * (double)node[2 + axis]) +
                  ty * ((1 - tx) * (double)below[axis] + tx * (double)below[2 + axis]);
    return (struct point){d[0], d[1]};
}

static struct point source_of(const struct warp *warp, int64_t height, int64_t width,
                              struct point at)
{
    if (warp->displacement) {
        const struct point by = displacement_at(warp, height, width, at);
        at.x += by.x;
        at.y += by.y;
    }
    const struct affine *a = &warp->source_from_target;
    return (struct point){a->m[0][0] * at.x + a->m[0][1] * at.y + a->m[0][2],
                          a->m[1][0] * at.x + a->m[1][1] * at.y + a->m[1][2]};
}

/* A source image in any of the types that can be sampled. */
struct source {
    const void *pixels;
    enum dtype dtype;
    int64_t height, width, channels;
    enum warp_border border;
};

static ALWAYS_INLINE float element_at(const struct source *s, int64_t i)
{
    if (s->dtype == DTYPE_U8)
        return (float)((const uint8_t *)s->pixels)[i];
    if (s->dtype == DTYPE_U16)
        return (float)((const uint16_t *)s->pixels)[i];
    return ((const float *)s->pixels)[i];
}

/* Adds weight * pixel to sum[channels]; a pixel beyond the border follows the border mode. */
static void add_pixel(float *sum, const struct source *s, int64_t y, int64_t x, float weight)
{
    const bool inside = x >= 0 && x < s->width && y >= 0 && y < s->height;
    if (!inside && s->border == WARP_ZERO)
        return;
    if (!inside) {
        x = x < 0 ? 0 : x >= s->width ? s->width - 1 : x;
        y = y < 0 ? 0 : y >= s->height ? s->height - 1 : y;
    }
    const int64_t first = (y * s->width + x) * s->channels;
    for (int64_t c = 0; c < s->channels; c++)
        sum[c] += weight * element_at(s, first + c);
}

/* Keeps what lies far outside there, where an index can hold it; NaN becomes far outside too. */
static ALWAYS_INLINE double bounded(double coordinate)
{
    const double limit = 1e9;
    coordinate = coordinate > -limit ? coordinate : -limit;
    return coordinate < limit ? coordinate : limit;
}

/* The floor of a bounded coordinate. Without SSE 4.1 floor() is a call, and this is the innermost
 * loop. */
static ALWAYS_INLINE int64_t floor_index(double coordinate)
{
    const int64_t truncated = (int64_t)coordinate;
    return truncated - ((double)truncated > coordinate);
}

static int64_t nearest_index(double coordinate)
{
    return floor_index(bounded(coordinate + 0.5));
}

/* The 2x2 pixels at first lie inside. Inlined for each type and number of channels. */
static ALWAYS_INLINE void add_inside(float *sum, const struct source *s, enum dtype dtype,
                                     int64_t channels, int64_t first, const float weight[4])
{
    const struct source typed = {s->pixels, dtype, s->height, s->width, channels, s->border};
    const int64_t below = first + s->width * channels;
    for (int64_t c = 0; c < channels; c++)
        sum[c] += weight[0] * element_at(&typed, first + c) +
                  weight[1] * element_at(&typed, first + channels + c) +
                  weight[2] * element_at(&typed, below + c) +
                  weight[3] * element_at(&typed, below + channels + c);
}

static void add_inside_any(float *sum, const struct source *s, int64_t first, const float weight[4])
{
    if (s->dtype == DTYPE_U8 && s->channels == 3)
        add_inside(sum, s, DTYPE_U8, 3, first, weight);
    else if (s->dtype == DTYPE_U8 && s->channels == 1)
        add_inside(sum, s, DTYPE_U8, 1, first, weight);
    else if (s->dtype == DTYPE_F32)
        add_inside(sum, s, DTYPE_F32, s->channels, first, weight);
    else
        add_inside(sum, s, s->dtype, s->channels, first, weight);
}

static void add_bilinear(float *sum, const struct source *s, struct point at, float weight)
{
    at.x = bounded(at.x);
    at.y = bounded(at.y);
    const int64_t x = floor_index(at.x), y = floor_index(at.y);
    const float tx = (float)(at.x - (double)x), ty = (float)(at.y - (double)y);
    const float weights[4] = {weight * (1 - ty) * (1 - tx), weight * (1 - ty) * tx,
                              weight * ty * (1 - tx), weight * ty * tx};

    if (x >= 0 && x + 1 < s->width && y >= 0 && y + 1 < s->height) {
        add_inside_any(sum, s, (y * s->width + x) * s->channels, weights);
        return;
    }
    for (int i = 0; i < 4; i++)
        add_pixel(sum, s, y + i / 2, x + i % 2, weights[i]);
}

struct warp_job {
    float *out;
    int64_t height, width;
    struct source source;
    const struct warp *warp;
    int samples; /* per axis */
};

static void warp_pixel(float *pixel, const struct warp_job *job, int64_t y, int64_t x)
{
    const int n = job->samples;
    const float weight = 1.0F / (float)(n * n);
    for (int v = 0; v < n; v++)
        for (int u = 0; u < n; u++) {
            const struct point at = {(double)x + ((double)u + 0.5) / n - 0.5,
                                     (double)y + ((double)v + 0.5) / n - 0.5};
            const struct point from = source_of(job->warp, job->height, job->width, at);
            if (job->warp->nearest)
                add_pixel(pixel, &job->source, nearest_index(from.y), nearest_index(from.x), 1.0F);
            else
                add_bilinear(pixel, &job->source, from, weight);
        }
}

static int64_t rows_end(int64_t job, int64_t height)
{
    const int64_t end = (job + 1) * ROWS_PER_JOB;
    return end < height ? end : height;
}

static void warp_rows(void *context, int64_t number, int worker)
{
    (void)worker;
    const struct warp_job *job = context;
    const int64_t channels = job->source.channels;
    for (int64_t y = number * ROWS_PER_JOB; y < rows_end(number, job->height); y++) {
        float *row = job->out + y * job->width * channels;
        memset(row, 0, (size_t)(job->width * channels) * sizeof *row);
        for (int64_t x = 0; x < job->width; x++)
            warp_pixel(row + x * channels, job, y, x);
    }
}

/* The map's larger stretch of a target step, rounded up. */
static int samples_for(const struct warp *warp)
{
    if (warp->nearest)
        return 1;
    if (warp->supersample > 0)
        return warp->supersample;
    const struct affine *a = &warp->source_from_target;
    const double stretch = fmax(hypot(a->m[0][0], a->m[1][0]), hypot(a->m[0][1], a->m[1][1]));
    const double n = ceil(stretch - 1e-9);
    return n < 1 ? 1 : n > MAX_SUPERSAMPLE ? MAX_SUPERSAMPLE : (int)n;
}

static int64_t jobs_for(int64_t height)
{
    return (height + ROWS_PER_JOB - 1) / ROWS_PER_JOB;
}

ana_status warp_image(float *out, int64_t height, int64_t width, const struct image *in,
                      const struct warp *warp, struct pool *pool, ana_error *err)
{
    assert(!warp->displacement || (warp->grid_height >= 2 && warp->grid_width >= 2));
    const enum dtype dtype = in->pixels.dtype;
    if (dtype != DTYPE_U8 && dtype != DTYPE_U16 && dtype != DTYPE_F32)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s pixels cannot be warped", dtype_name(dtype));

    struct warp_job job = {
        .out = out,
        .height = height,
        .width = width,
        .source = {in->pixels.data, dtype, image_height(in), image_width(in), image_channels(in),
                   warp->border},
        .warp = warp,
        .samples = samples_for(warp),
    };
    parallel_for(pool, jobs_for(height), warp_rows, &job);
    return ANA_OK;
}

struct mask_job {
    uint8_t *out;
    int64_t height, width;
    const uint8_t *in;
    int64_t in_height, in_width;
    const struct warp *warp;
};

static uint8_t mask_at(const struct mask_job *job, struct point from)
{
    int64_t x = nearest_index(from.x), y = nearest_index(from.y);
    const bool inside = x >= 0 && x < job->in_width && y >= 0 && y < job->in_height;
    if (!inside && job->warp->border == WARP_ZERO)
        return 0;
    x = x < 0 ? 0 : x >= job->in_width ? job->in_width - 1 : x;
    y = y < 0 ? 0 : y >= job->in_height ? job->in_height - 1 : y;
    return job->in[y * job->in_width + x];
}

static void warp_mask_rows(void *context, int64_t number, int worker)
{
    (void)worker;
    const struct mask_job *job = context;
    for (int64_t y = number * ROWS_PER_JOB; y < rows_end(number, job->height); y++)
        for (int64_t x = 0; x < job->width; x++) {
            const struct point at = {(double)x, (double)y};
            job->out[y * job->width + x] =
                mask_at(job, source_of(job->warp, job->height, job->width, at));
        }
}

void warp_mask(uint8_t *out, int64_t height, int64_t width, const uint8_t *in, int64_t in_height,
               int64_t in_width, const struct warp *warp, struct pool *pool)
{
    assert(!warp->displacement || (warp->grid_height >= 2 && warp->grid_width >= 2));
    struct mask_job job = {out, height, width, in, in_height, in_width, warp};
    parallel_for(pool, jobs_for(height), warp_mask_rows, &job);
}

/* Both passes read one plane and write another. */
struct blur_job {
    float *out;
    const float *in;
    int64_t height, width, channels;
    const float *weight; /* [radius + 1], from the centre outwards */
    int64_t radius;
};

static int64_t clamped(int64_t i, int64_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static void blur_along_rows(void *context, int64_t number, int worker)
{
    (void)worker;
    const struct blur_job *job = context;
    const int64_t channels = job->channels;
    for (int64_t y = number * ROWS_PER_JOB; y < rows_end(number, job->height); y++) {
        const float *row = job->in + y * job->width * channels;
        float *target = job->out + y * job->width * channels;
        for (int64_t x = 0; x < job->width; x++)
            for (int64_t c = 0; c < channels; c++) {
                float sum = 0;
                for (int64_t r = -job->radius; r <= job->radius; r++)
                    sum += job->weight[r < 0 ? -r : r] *
                           row[clamped(x + r, job->width) * channels + c];
                target[x * channels + c] = sum;
            }
    }
}

static void blur_across_rows(void *context, int64_t number, int worker)
{
    (void)worker;
    const struct blur_job *job = context;
    const int64_t n = job->width * job->channels;
    for (int64_t y = number * ROWS_PER_JOB; y < rows_end(number, job->height); y++) {
        float *target = job->out + y * n;
        memset(target, 0, (size_t)n * sizeof *target);
        for (int64_t r = -job->radius; r <= job->radius; r++) {
            const float *row = job->in + clamped(y + r, job->height) * n;
            const float weight = job->weight[r < 0 ? -r : r];
            for (int64_t i = 0; i < n; i++)
                target[i] += weight * row[i];
        }
    }
}

static void fill_gaussian(float *weight, int64_t radius, double sigma)
{
    double sum = 0;
    for (int64_t r = -radius; r <= radius; r++)
        sum += exp(-0.5 * (double)(r * r) / (sigma * sigma));
    for (int64_t r = 0; r <= radius; r++)
        weight[r] = (float)(exp(-0.5 * (double)(r * r) / (sigma * sigma)) / sum);
}

ana_status blur_gaussian(float *plane, int64_t height, int64_t width, int64_t channels,
                         double sigma, struct pool *pool, ana_error *err)
{
    const int64_t longest = height > width ? height : width;
    if (!(sigma > 0))
        return ANA_OK;
    const int64_t radius = (int64_t)ceil(fmin(3 * sigma, (double)longest));

    const int64_t n = height * width * channels;
    float *between = memory_alloc_array((size_t)n, sizeof *between);
    float *weight = memory_alloc_array((size_t)radius + 1, sizeof *weight);
    ana_status status = ANA_OK;
    if (between && weight) {
        fill_gaussian(weight, radius, sigma);
        struct blur_job job = {between, plane, height, width, channels, weight, radius};
        parallel_for(pool, jobs_for(height), blur_along_rows, &job);
        job.out = plane;
        job.in = between;
        parallel_for(pool, jobs_for(height), blur_across_rows, &job);
    } else {
        status = ana_fail_memory(err, (size_t)n * sizeof *between);
    }
    memory_free(between);
    memory_free(weight);
    return status;
}
