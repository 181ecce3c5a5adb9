/* Tables of taps, and the separable resize of float planes that uses them. */
#include "imaging/resize_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

ana_status taps_init(struct taps *out, int64_t n, int64_t n_max, ana_error *err)
{
    *out = (struct taps){.n = n, .n_max = n_max};
    size_t n_weights;
    if (size_mul(&n_weights, (size_t)n, (size_t)n_max)) {
        out->first = memory_alloc_array_zeroed((size_t)n, sizeof *out->first);
        out->count = memory_alloc_array_zeroed((size_t)n, sizeof *out->count);
        out->weight = memory_alloc_array_zeroed(n_weights, sizeof *out->weight);
    }
    if (out->first && out->count && out->weight)
        return ANA_OK;

    taps_clear(out);
    return ana_fail_memory(err, (unsigned long long)n * (unsigned long long)n_max * sizeof(double));
}

void taps_clear(struct taps *taps)
{
    memory_free(taps->first);
    memory_free(taps->count);
    memory_free(taps->weight);
    *taps = (struct taps){0};
}

void taps_add(struct taps *taps, int64_t target, int64_t i, int64_t n_in, double weight)
{
    i = i < 0 ? 0 : i >= n_in ? n_in - 1 : i;

    if (taps->count[target] == 0)
        taps->first[target] = i;
    const int64_t at = i - taps->first[target];
    assert(at >= 0 && at < taps->n_max);
    taps->weight[target * taps->n_max + at] += weight;
    if (at >= taps->count[target])
        taps->count[target] = at + 1;
}

static double box_value(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double bilinear_value(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double bicubic_value(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static double sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x *= 3.14159265358979323846;
    return sin(x) / x;
}

static double lanczos_value(double x)
{
    return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

const struct tap_kernel tap_kernel_box = {box_value, 0.5};
const struct tap_kernel tap_kernel_bilinear = {bilinear_value, 1.0};
const struct tap_kernel tap_kernel_bicubic = {bicubic_value, 2.0};
const struct tap_kernel tap_kernel_lanczos = {lanczos_value, 3.0};

/* One target index: the arithmetic, its order included, is Pillow's. */
static void antialias_row(struct taps *taps, int64_t target, int64_t n_in, double scale,
                          const struct tap_kernel *kernel)
{
    const double widening = scale < 1.0 ? 1.0 : scale;
    const double support = kernel->support * widening;
    const double centre = ((double)target + 0.5) * scale;
    const double shrink = 1.0 / widening;

    int64_t begin = (int64_t)(centre - support + 0.5);
    int64_t end = (int64_t)(centre + support + 0.5);
    begin = begin < 0 ? 0 : begin;
    end = end > n_in ? n_in : end;
    assert(end - begin <= taps->n_max);

    double *weight = taps->weight + target * taps->n_max;
    double sum = 0;
    for (int64_t i = begin; i < end; i++) {
        weight[i - begin] = kernel->value(((double)i - centre + 0.5) * shrink);
        sum += weight[i - begin];
    }
    for (int64_t i = 0; i < end - begin; i++)
        if (sum != 0.0)
            weight[i] /= sum;
    taps->first[target] = begin;
    taps->count[target] = end - begin;
}

ana_status taps_antialias(struct taps *out, int64_t n_in, int64_t n_out,
                          const struct tap_kernel *kernel, ana_error *err)
{
    const double scale = (double)n_in / (double)n_out;
    const double support = kernel->support * (scale < 1.0 ? 1.0 : scale);

    const ana_status status = taps_init(out, n_out, (int64_t)ceil(support) * 2 + 1, err);
    if (status)
        return status;
    for (int64_t i = 0; i < n_out; i++)
        antialias_row(out, i, n_in, scale, kernel);
    return ANA_OK;
}

/* row_in [w, c] to row_out [taps.n, c] */
static void apply_along_row(float *row_out, const float *row_in, int64_t channels,
                            const struct taps *taps)
{
    for (int64_t x = 0; x < taps->n; x++) {
        const double *weight = taps->weight + x * taps->n_max;
        const float *pixel = row_in + taps->first[x] * channels;
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0;
            for (int64_t t = 0; t < taps->count[x]; t++)
                sum += (double)pixel[t * channels + c] * weight[t];
            row_out[x * channels + c] = (float)sum;
        }
    }
}

/* One target row from the rows of `in`, each of n floats. */
static void apply_across_rows(float *row_out, double *sums, const float *in, int64_t n,
                              const struct taps *taps, int64_t target)
{
    memset(sums, 0, (size_t)n * sizeof *sums);
    for (int64_t t = 0; t < taps->count[target]; t++) {
        const double weight = taps->weight[target * taps->n_max + t];
        const float *row = in + (taps->first[target] + t) * n;
        for (int64_t i = 0; i < n; i++)
            sums[i] += (double)row[i] * weight;
    }
    for (int64_t i = 0; i < n; i++)
        row_out[i] = (float)sums[i];
}

ana_status taps_apply(float *out, const float *in, const struct plane_shape *in_shape,
                      const struct taps *y, const struct taps *x, ana_error *err)
{
    const int64_t in_row = in_shape->width * in_shape->channels;
    const int64_t out_row = x->n * in_shape->channels;

    float *between =
        memory_alloc_array((size_t)in_shape->height, (size_t)out_row * sizeof *between);
    double *sums = memory_alloc_array((size_t)out_row, sizeof *sums);
    if (!between || !sums) {
        memory_free(between);
        memory_free(sums);
        return ana_fail_memory(err, (unsigned long long)in_shape->height *
                                        (unsigned long long)out_row * sizeof *between);
    }

    for (int64_t row = 0; row < in_shape->height; row++)
        apply_along_row(between + row * out_row, in + row * in_row, in_shape->channels, x);
    for (int64_t row = 0; row < y->n; row++)
        apply_across_rows(out + row * out_row, sums, between, out_row, y, row);

    memory_free(between);
    memory_free(sums);
    return ANA_OK;
}
