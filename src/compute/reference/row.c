/* Layer norm and softmax over rows of c elements, and their gradients. */
#include "compute/reference/reference_internal.h"

#include <math.h>

/* y = (x - mean) rstd gain + bias, rstd = 1 / sqrt(variance + epsilon), variance over c (biased) */
static void norm_rows(const void *context, int64_t begin, int64_t end)
{
    const struct row_norm_args *args = context;
    const real *gain = args->gain, *bias = args->bias;

    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)args->x + row * args->c;
        real *y = (real *)args->y + row * args->c;
        double mean = 0, variance = 0;
        for (int64_t q = 0; q < args->c; q++)
            mean += (double)x[q];
        mean /= (double)args->c;
        for (int64_t q = 0; q < args->c; q++)
            variance += ((double)x[q] - mean) * ((double)x[q] - mean);
        const double rstd = 1 / sqrt(variance / (double)args->c + args->epsilon);
        for (int64_t q = 0; q < args->c; q++) {
            const double scaled = ((double)x[q] - mean) * rstd * (gain ? (double)gain[q] : 1.0);
            y[q] = (real)(scaled + (bias ? (double)bias[q] : 0.0));
        }
        if (args->mean)
            args->mean[row] = mean;
        if (args->rstd)
            args->rstd[row] = rstd;
    }
}

void REF(row_norm)(const struct kernel_env *env, const struct row_norm_args *args)
{
    for_ranges(env, args->rows, 4 * args->c, norm_rows, args);
}

/* With x^ = (x - mean) rstd and g = dy gain: dx = rstd (g - mean(g) - x^ mean(g x^)) */
static void norm_backward_rows(const void *context, int64_t begin, int64_t end)
{
    const struct row_norm_args *args = context;
    const real *gain = args->gain;

    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)args->x + row * args->c;
        const real *dy = (const real *)args->dy + row * args->c;
        real *dx = (real *)args->dx + row * args->c;
        const double mean = args->mean[row], rstd = args->rstd[row];
        double mean_g = 0, mean_gx = 0;
        for (int64_t q = 0; q < args->c; q++) {
            const double g = (double)dy[q] * (gain ? (double)gain[q] : 1.0);
            mean_g += g;
            mean_gx += g * ((double)x[q] - mean) * rstd;
        }
        mean_g /= (double)args->c;
        mean_gx /= (double)args->c;
        for (int64_t q = 0; q < args->c; q++) {
            const double g = (double)dy[q] * (gain ? (double)gain[q] : 1.0);
            dx[q] = (real)(rstd * (g - mean_g - ((double)x[q] - mean) * rstd * mean_gx));
        }
    }
}

/* Items are blocks of BLOCK columns: dgain = sum over rows of dy x^, dbias = sum of dy. */
static void norm_backward_columns(const void *context, int64_t begin, int64_t end)
{
    const struct row_norm_args *args = context;
    const real *x = args->x, *dy = args->dy;
    real *dgain = args->dgain, *dbias = args->dbias;

    for (int64_t item = begin; item < end; item++) {
        const int64_t first = item * BLOCK, columns = min_i64(BLOCK, args->c - first);
        double gain_sum[BLOCK] = {0}, bias_sum[BLOCK] = {0};
        for (int64_t row = 0; row < args->rows; row++) {
            for (int64_t q = 0; q < columns; q++) {
                const int64_t at = row * args->c + first + q;
                const double scaled = ((double)x[at] - args->mean[row]) * args->rstd[row];
                gain_sum[q] += (double)dy[at] * scaled;
                bias_sum[q] += (double)dy[at];
            }
        }
        for (int64_t q = 0; q < columns; q++) {
            if (dgain)
                dgain[first + q] = (real)gain_sum[q];
            if (dbias)
                dbias[first + q] = (real)bias_sum[q];
        }
    }
}

void REF(row_norm_backward)(const struct kernel_env *env, const struct row_norm_args *args)
{
    if (args->dx)
        for_ranges(env, args->rows, 4 * args->c, norm_backward_rows, args);
    if (args->dgain || args->dbias)
        for_ranges(env, div_up(args->c, BLOCK), args->rows * min_i64(args->c, BLOCK),
                   norm_backward_columns, args);
}

static void softmax_rows(const void *context, int64_t begin, int64_t end)
{
    const struct softmax_args *args = context;

    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)args->x + row * args->c;
        real *y = (real *)args->y + row * args->c;
        double largest = -(double)INFINITY, sum = 0;
        for (int64_t q = 0; q < args->c; q++)
            largest = fmax(largest, (double)x[q]);
        if (isinf(largest) && largest < 0)
            largest = 0;
        for (int64_t q = 0; q < args->c; q++)
            sum += exp((double)x[q] - largest);
        const double factor = sum == 0 ? 0 : 1 / sum;
        for (int64_t q = 0; q < args->c; q++)
            y[q] = (real)(exp((double)x[q] - largest) * factor);
    }
}

void REF(softmax)(const struct kernel_env *env, const struct softmax_args *args)
{
    for_ranges(env, args->rows, 16 * args->c, softmax_rows, args);
}

/* dx = y (dy - sum(y dy)) */
static void softmax_backward_rows(const void *context, int64_t begin, int64_t end)
{
    const struct softmax_args *args = context;

    for (int64_t row = begin; row < end; row++) {
        const real *y = (const real *)args->y + row * args->c;
        const real *dy = (const real *)args->dy + row * args->c;
        real *dx = (real *)args->dx + row * args->c;
        double dot = 0;
        for (int64_t q = 0; q < args->c; q++)
            dot += (double)y[q] * (double)dy[q];
        for (int64_t q = 0; q < args->c; q++)
            dx[q] = (real)((double)y[q] * ((double)dy[q] - dot));
    }
}

void REF(softmax_backward)(const struct kernel_env *env, const struct softmax_args *args)
{
    for_ranges(env, args->rows, 2 * args->c, softmax_backward_rows, args);
}
