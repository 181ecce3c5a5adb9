/* Sums over the positions of a channel, and the affine map that norms turn them into.
 *
 * x: [n, p, c]. An item of the sums is (sample, block of BLOCK channels); of the maps, one
 * position.
 */
#include "compute/reference/reference_internal.h"

size_t REF(channel_sums_scratch)(const struct channel_sums_args *args, int n_workers)
{
    (void)args;
    (void)n_workers;
    return 0;
}

static void sum_blocks(const void *context, int64_t begin, int64_t end)
{
    const struct channel_sums_args *args = context;
    const int64_t blocks = div_up(args->c, BLOCK);

    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / blocks, first = item % blocks * BLOCK;
        const int64_t channels = min_i64(BLOCK, args->c - first);
        const real *x = (const real *)args->x + n * args->p * args->c + first;
        double sum[BLOCK] = {0}, square[BLOCK] = {0};
        for (int64_t p = 0; p < args->p; p++) {
            for (int64_t q = 0; q < channels; q++) {
                const double value = (double)x[p * args->c + q];
                sum[q] += value;
                square[q] += value * value;
            }
        }
        for (int64_t q = 0; q < channels; q++) {
            args->sum[n * args->c + first + q] = sum[q];
            if (args->sum_square)
                args->sum_square[n * args->c + first + q] = square[q];
        }
    }
}

void REF(channel_sums)(const struct kernel_env *env, const struct channel_sums_args *args)
{
    for_ranges(env, args->n * div_up(args->c, BLOCK), args->p * min_i64(args->c, BLOCK), sum_blocks,
               args);
}

static void affine_positions(const void *context, int64_t begin, int64_t end)
{
    const struct channel_affine_args *args = context;

    for (int64_t row = begin; row < end; row++) {
        const int64_t sample = args->shared ? 0 : row / args->p;
        const real *x = (const real *)args->x + row * args->c;
        const real *scale = (const real *)args->scale + sample * args->c;
        const real *shift = (const real *)args->shift + sample * args->c;
        const real *residual = args->residual;
        real *y = (real *)args->y + row * args->c;
        for (int64_t q = 0; q < args->c; q++) {
            double value = (double)x[q] * (double)scale[q] + (double)shift[q];
            if (residual)
                value += (double)residual[row * args->c + q];
            y[q] = (real)activation_value(args->activation, value);
        }
    }
}

void REF(channel_affine)(const struct kernel_env *env, const struct channel_affine_args *args)
{
    for_ranges(env, args->n * args->p, args->c, affine_positions, args);
}

/* dy where the activation let x pass. */
static double passed_gradient(const struct channel_affine_backward_args *args, int64_t at)
{
    if (args->activation == ACTIVATION_RELU && !(((const real *)args->y)[at] > 0))
        return 0;
    return (double)((const real *)args->dy)[at];
}

size_t REF(channel_affine_sums_scratch)(const struct channel_affine_backward_args *args,
                                        int n_workers)
{
    (void)args;
    (void)n_workers;
    return 0;
}

static void affine_sum_blocks(const void *context, int64_t begin, int64_t end)
{
    const struct channel_affine_backward_args *args = context;
    const int64_t blocks = div_up(args->c, BLOCK);
    const real *x = args->x;

    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / blocks, first = item % blocks * BLOCK;
        const int64_t channels = min_i64(BLOCK, args->c - first);
        double sum_dz[BLOCK] = {0}, sum_dz_x[BLOCK] = {0};
        for (int64_t p = 0; p < args->p; p++) {
            for (int64_t q = 0; q < channels; q++) {
                const int64_t at = (n * args->p + p) * args->c + first + q;
                const double dz = passed_gradient(args, at);
                sum_dz[q] += dz;
                sum_dz_x[q] += dz * (double)x[at];
            }
        }
        for (int64_t q = 0; q < channels; q++) {
            args->sum_dz[n * args->c + first + q] = sum_dz[q];
            args->sum_dz_x[n * args->c + first + q] = sum_dz_x[q];
        }
    }
}

void REF(channel_affine_sums)(const struct kernel_env *env,
                              const struct channel_affine_backward_args *args)
{
    for_ranges(env, args->n * div_up(args->c, BLOCK), args->p * min_i64(args->c, BLOCK),
               affine_sum_blocks, args);
}

static void affine_backward_positions(const void *context, int64_t begin, int64_t end)
{
    const struct channel_affine_backward_args *args = context;
    const real *x = args->x;
    real *dx = args->dx, *dresidual = args->dresidual;

    for (int64_t row = begin; row < end; row++) {
        const real *p0 = (const real *)args->p0 + row / args->p * args->c;
        const real *p1 = (const real *)args->p1 + row / args->p * args->c;
        const real *p2 = (const real *)args->p2 + row / args->p * args->c;
        for (int64_t q = 0; q < args->c; q++) {
            const int64_t at = row * args->c + q;
            const double dz = passed_gradient(args, at);
            const double value = dz * (double)p0[q] + (double)x[at] * (double)p1[q] + (double)p2[q];
            dx[at] = (real)(value + (args->accumulate ? (double)dx[at] : 0.0));
            if (dresidual)
                dresidual[at] =
                    (real)(dz + (args->accumulate_residual ? (double)dresidual[at] : 0.0));
        }
    }
}

void REF(channel_affine_backward)(const struct kernel_env *env,
                                  const struct channel_affine_backward_args *args)
{
    for_ranges(env, args->n * args->p, args->c, affine_backward_positions, args);
}
