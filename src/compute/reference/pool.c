/* Max and mean pooling. Padding is never counted; no window lies in the padding as a whole. */
#include "compute/reference/reference_internal.h"

#include <math.h>

/* The part of a window that lies inside the image. */
struct window {
    int64_t y0, y1, x0, x1;
};

static struct window window_at(const struct pool2d_args *args, int64_t oy, int64_t ox)
{
    const int64_t y = oy * args->stride[0] - args->pad[0];
    const int64_t x = ox * args->stride[1] - args->pad[1];

    return (struct window){max_i64(y, 0), min_i64(y + args->kernel[0], args->h), max_i64(x, 0),
                           min_i64(x + args->kernel[1], args->w)};
}

/* The first position of the largest value in row order; a NaN is larger than anything. */
static int64_t largest_in(const struct pool2d_args *args, struct window window, const real *x)
{
    int64_t best = window.y0 * args->w + window.x0;

    for (int64_t iy = window.y0; iy < window.y1; iy++) {
        for (int64_t ix = window.x0; ix < window.x1; ix++) {
            const int64_t at = iy * args->w + ix;
            if (x[at * args->c] > x[best * args->c] ||
                (isnan(x[at * args->c]) && !isnan(x[best * args->c])))
                best = at;
        }
    }
    return best;
}

static double mean_in(const struct pool2d_args *args, struct window window, const real *x)
{
    double sum = 0;

    for (int64_t iy = window.y0; iy < window.y1; iy++) {
        for (int64_t ix = window.x0; ix < window.x1; ix++)
            sum += (double)x[(iy * args->w + ix) * args->c];
    }
    return sum / (double)((window.y1 - window.y0) * (window.x1 - window.x0));
}

/* An item is one output position. */
static void pool_positions(const void *context, int64_t begin, int64_t end)
{
    const struct pool2d_args *args = context;
    const int64_t out = args->oh * args->ow;

    for (int64_t item = begin; item < end; item++) {
        const struct window window = window_at(args, item % out / args->ow, item % args->ow);
        const real *x = (const real *)args->x + item / out * args->h * args->w * args->c;
        real *y = (real *)args->y + item * args->c;
        for (int64_t q = 0; q < args->c; q++) {
            if (!args->is_max) {
                y[q] = (real)mean_in(args, window, x + q);
                continue;
            }
            const int64_t best = largest_in(args, window, x + q);
            y[q] = x[best * args->c + q];
            if (args->index)
                args->index[item * args->c + q] = (int32_t)best;
        }
    }
}

void REF(pool2d)(const struct kernel_env *env, const struct pool2d_args *args)
{
    for_ranges(env, args->n * args->oh * args->ow, args->c * args->kernel[0] * args->kernel[1],
               pool_positions, args);
}

static void spread_mean(const struct pool2d_args *args, struct window window, double dy, real *dx)
{
    const double share = dy / (double)((window.y1 - window.y0) * (window.x1 - window.x0));

    for (int64_t iy = window.y0; iy < window.y1; iy++) {
        for (int64_t ix = window.x0; ix < window.x1; ix++) {
            real *target = dx + (iy * args->w + ix) * args->c;
            *target = (real)((double)*target + share);
        }
    }
}

/* An item is one channel of one sample: windows overlap, channels do not. */
static void pool_backward_channels(const void *context, int64_t begin, int64_t end)
{
    const struct pool2d_args *args = context;
    const int64_t in = args->h * args->w, out = args->oh * args->ow;

    for (int64_t item = begin; item < end; item++) {
        const int64_t n = item / args->c, q = item % args->c;
        real *dx = (real *)args->dx + n * in * args->c + q;
        for (int64_t at = 0; at < in; at++)
            dx[at * args->c] = 0;
        for (int64_t at = 0; at < out; at++) {
            const int64_t from = (n * out + at) * args->c + q;
            const real dy = ((const real *)args->dy)[from];
            if (args->is_max)
                dx[args->index[from] * args->c] += dy;
            else
                spread_mean(args, window_at(args, at / args->ow, at % args->ow), (double)dy, dx);
        }
    }
}

void REF(pool2d_backward)(const struct kernel_env *env, const struct pool2d_args *args)
{
    for_ranges(env, args->n * args->c,
               args->h * args->w + args->oh * args->ow * args->kernel[0] * args->kernel[1],
               pool_backward_channels, args);
}
