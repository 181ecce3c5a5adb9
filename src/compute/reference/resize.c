/* 2D resizing as torch.nn.functional.interpolate does it (no antialiasing), and its gradient.
 *
 * One axis of an output position reads one (nearest), two (bilinear) or four (bicubic) source
 * positions with weights; in 2D the weights multiply. Weights are in double for both types, where
 * torch uses float for float: they differ by some 1e-7 of a source position.
 */
#include "compute/reference/reference_internal.h"

#include <math.h>

enum { MAX_TAPS = 4 };

struct taps {
    int n;
    int64_t at[MAX_TAPS];
    double weight[MAX_TAPS];
};

static const double CUBIC_A = -0.75;

/* Keys' kernel for |distance| <= 1 and for 1 < |distance| < 2. */
static double cubic_near(double x)
{
    return ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1;
}

static double cubic_far(double x)
{
    return ((CUBIC_A * x - 5 * CUBIC_A) * x + 8 * CUBIC_A) * x - 4 * CUBIC_A;
}

/* Where output position dst lies on the source axis. */
static double source_coordinate(const struct resize2d_args *args, int64_t in, int64_t out,
                                int64_t dst)
{
    if (args->align_corners)
        return out > 1 ? (double)(dst * (in - 1)) / (double)(out - 1) : 0.0;
    return ((double)dst + 0.5) * (double)in / (double)out - 0.5;
}

static struct taps linear_taps(double source, int64_t in)
{
    const double clamped = source < 0 ? 0 : source; /* bicubic does not clamp */
    const int64_t low = min_i64((int64_t)clamped, in - 1);
    const double fraction = clamped - (double)low;

    return (struct taps){2, {low, min_i64(low + 1, in - 1)}, {1 - fraction, fraction}};
}

static struct taps cubic_taps(double source, int64_t in)
{
    const double low = floor(source);
    const double t = source - low;
    struct taps taps = {
        4, {0}, {cubic_far(t + 1), cubic_near(t), cubic_near(1 - t), cubic_far(2 - t)}};

    for (int i = 0; i < 4; i++)
        taps.at[i] = max_i64(0, min_i64((int64_t)low + i - 1, in - 1));
    return taps;
}

static struct taps taps_of(const struct resize2d_args *args, int64_t in, int64_t out, int64_t dst)
{
    switch (args->mode) {
    case RESIZE_BILINEAR:
        return linear_taps(source_coordinate(args, in, out, dst), in);
    case RESIZE_BICUBIC:
        return cubic_taps(source_coordinate(args, in, out, dst), in);
    case RESIZE_NEAREST:
        break;
    }
    return (struct taps){1, {dst * in / out}, {1}};
}

/* sum[q] = channels first .. first + channels - 1 of the output position with these taps. */
static void gather(const struct resize2d_args *args, const struct taps *ty, const struct taps *tx,
                   const real *x, int64_t channels, double *sum)
{
    for (int i = 0; i < ty->n; i++) {
        for (int j = 0; j < tx->n; j++) {
            const double weight = ty->weight[i] * tx->weight[j];
            const real *from = x + (ty->at[i] * args->w + tx->at[j]) * args->c;
            for (int64_t q = 0; q < channels; q++)
                sum[q] += weight * (double)from[q];
        }
    }
}

/* An item is one output row. */
static void resize_rows(const void *context, int64_t begin, int64_t end)
{
    const struct resize2d_args *args = context;

    for (int64_t item = begin; item < end; item++) {
        const real *x = (const real *)args->x + item / args->oh * args->h * args->w * args->c;
        const struct taps ty = taps_of(args, args->h, args->oh, item % args->oh);
        for (int64_t ox = 0; ox < args->ow; ox++) {
            const struct taps tx = taps_of(args, args->w, args->ow, ox);
            real *y = (real *)args->y + (item * args->ow + ox) * args->c;
            for (int64_t first = 0; first < args->c; first += BLOCK) {
                const int64_t channels = min_i64(BLOCK, args->c - first);
                double sum[BLOCK] = {0};
                gather(args, &ty, &tx, x + first, channels, sum);
                for (int64_t q = 0; q < channels; q++)
                    y[first + q] = (real)sum[q];
            }
        }
    }
}

void REF(resize2d)(const struct kernel_env *env, const struct resize2d_args *args)
{
    for_ranges(env, args->n * args->oh, args->ow * args->c * 4, resize_rows, args);
}

/* With what weight output position dst reads source position src. Taps clamped to one border
 * position add up. */
static double weight_between(const struct resize2d_args *args, int64_t in, int64_t out, int64_t dst,
                             int64_t src)
{
    const struct taps taps = taps_of(args, in, out, dst);
    double weight = 0;

    for (int i = 0; i < taps.n; i++)
        weight += taps.at[i] == src ? taps.weight[i] : 0.0;
    return weight;
}

/* A range [begin, end) that holds every output position which reads source position src. Taps
 * reach 2 source positions far; one output position more covers half-pixel shifts and rounding. */
static void readers_of(const struct resize2d_args *args, int64_t in, int64_t out, int64_t src,
                       int64_t *begin, int64_t *end)
{
    *begin = 0;
    *end = out;
    if (in == 1)
        return;
    const double ratio = args->align_corners && args->mode != RESIZE_NEAREST
                             ? (double)(out - 1) / (double)(in - 1)
                             : (double)out / (double)in;
    *begin = max_i64(0, (int64_t)floor((double)(src - 2) * ratio) - 1);
    *end = min_i64(out, (int64_t)ceil((double)(src + 3) * ratio) + 2);
}

static void gather_gradient(const struct resize2d_args *args, int64_t iy, int64_t ix,
                            const real *dy, int64_t channels, double *sum)
{
    int64_t y_begin, y_end, x_begin, x_end;

    readers_of(args, args->h, args->oh, iy, &y_begin, &y_end);
    readers_of(args, args->w, args->ow, ix, &x_begin, &x_end);
    for (int64_t oy = y_begin; oy < y_end; oy++) {
        const double weight_y = weight_between(args, args->h, args->oh, oy, iy);
        for (int64_t ox = x_begin; weight_y != 0 && ox < x_end; ox++) {
            const double weight = weight_y * weight_between(args, args->w, args->ow, ox, ix);
            const real *from = dy + (oy * args->ow + ox) * args->c;
            for (int64_t q = 0; weight != 0 && q < channels; q++)
                sum[q] += weight * (double)from[q];
        }
    }
}

/* An item is one source row. */
static void resize_backward_rows(const void *context, int64_t begin, int64_t end)
{
    const struct resize2d_args *args = context;

    for (int64_t item = begin; item < end; item++) {
        const real *dy = (const real *)args->dy + item / args->h * args->oh * args->ow * args->c;
        for (int64_t ix = 0; ix < args->w; ix++) {
            real *dx = (real *)args->dx + (item * args->w + ix) * args->c;
            for (int64_t first = 0; first < args->c; first += BLOCK) {
                const int64_t channels = min_i64(BLOCK, args->c - first);
                double sum[BLOCK] = {0};
                gather_gradient(args, item % args->h, ix, dy + first, channels, sum);
                for (int64_t q = 0; q < channels; q++)
                    dx[first + q] = (real)sum[q];
            }
        }
    }
}

void REF(resize2d_backward)(const struct kernel_env *env, const struct resize2d_args *args)
{
    const int64_t readers = args->oh * args->ow / args->h; /* of one source row */
    for_ranges(env, args->n * args->h, 8 * (readers + args->w) * args->c, resize_backward_rows,
               args);
}
