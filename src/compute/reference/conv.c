/* Convolution in 1 to 3 dimensions with groups, and its two gradients, from the definition.
 *
 * A tap is one position of the kernel, counted in row order. Forward and backward_data visit the
 * taps of one position and keep BLOCK channels of it in double; backward_weights visits all
 * positions for one output channel and tap.
 */
#include "compute/reference/reference_internal.h"

/* conv_args with missing leading axes as extent 1, and the products that all passes need. */
struct geometry {
    int64_t in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
    int64_t n_in, n_out, n_taps;    /* positions */
    int64_t x_channels, y_channels; /* of all groups */
};

static struct geometry geometry_of(const struct conv_args *args)
{
    struct geometry g = {.n_in = 1, .n_out = 1, .n_taps = 1};

    for (int axis = 0; axis < 3; axis++) {
        const int from = axis - (3 - args->dims); /* axis of args, or negative */
        g.in[axis] = from < 0 ? 1 : args->in[from];
        g.out[axis] = from < 0 ? 1 : args->out[from];
        g.kernel[axis] = from < 0 ? 1 : args->kernel[from];
        g.stride[axis] = from < 0 ? 1 : args->stride[from];
        g.pad[axis] = from < 0 ? 0 : args->pad[from];
        g.dilation[axis] = from < 0 ? 1 : args->dilation[from];
        g.n_in *= g.in[axis];
        g.n_out *= g.out[axis];
        g.n_taps *= g.kernel[axis];
    }
    g.x_channels = args->groups * args->ic;
    g.y_channels = args->groups * args->oc;
    return g;
}

/* Input position that output position `out` reads at `tap`, or -1 in the padding. */
static int64_t input_position(const struct geometry *g, int64_t out, int64_t tap)
{
    int64_t position = 0, step = 1;

    for (int axis = 2; axis >= 0; axis--) {
        const int64_t o = out % g->out[axis], k = tap % g->kernel[axis];
        const int64_t i = o * g->stride[axis] - g->pad[axis] + k * g->dilation[axis];
        if (i < 0 || i >= g->in[axis])
            return -1;
        position += i * step;
        step *= g->in[axis];
        out /= g->out[axis];
        tap /= g->kernel[axis];
    }
    return position;
}

/* Output position that reads input position `in` at `tap`, or -1 if none does. */
static int64_t output_position(const struct geometry *g, int64_t in, int64_t tap)
{
    int64_t position = 0, step = 1;

    for (int axis = 2; axis >= 0; axis--) {
        const int64_t i = in % g->in[axis], k = tap % g->kernel[axis];
        const int64_t strided = i + g->pad[axis] - k * g->dilation[axis];
        const int64_t o = strided / g->stride[axis];
        if (strided < 0 || strided % g->stride[axis] != 0 || o >= g->out[axis])
            return -1;
        position += o * step;
        step *= g->out[axis];
        in /= g->in[axis];
        tap /= g->kernel[axis];
    }
    return position;
}

size_t REF(conv_packed_bytes)(const struct conv_args *args, enum conv_pass pass)
{
    (void)args;
    (void)pass;
    return 0;
}

void REF(conv_pack)(const struct kernel_env *env, const struct conv_args *args, enum conv_pass pass,
                    void *packed)
{
    (void)env;
    (void)args;
    (void)pass;
    (void)packed;
}

size_t REF(conv_scratch)(const struct conv_args *args, int n_workers)
{
    (void)args;
    (void)n_workers;
    return 0;
}

/* sum[q] += what output channels first .. first + channels - 1 receive through one tap from the
 * input position whose channels lie at x. */
static void add_tap_forward(const struct conv_args *args, const real *x, int64_t tap,
                            int64_t n_taps, int64_t first, int64_t channels, double *sum)
{
    for (int64_t q = 0; q < channels; q++) {
        const int64_t o = first + q;
        const real *w = (const real *)args->w + o * args->ic * n_taps + tap;
        const real *xg = x + o / args->oc * args->ic;
        double dot = 0;
        for (int64_t i = 0; i < args->ic; i++)
            dot += (double)xg[i] * (double)w[i * n_taps];
        sum[q] += dot;
    }
}

static void forward_positions(const void *context, int64_t begin, int64_t end)
{
    const struct conv_args *args = context;
    const struct geometry g = geometry_of(args);
    const real *bias = args->bias;

    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)args->x + row / g.n_out * g.n_in * g.x_channels;
        real *y = (real *)args->y + row * g.y_channels;
        for (int64_t first = 0; first < g.y_channels; first += BLOCK) {
            const int64_t channels = min_i64(BLOCK, g.y_channels - first);
            double sum[BLOCK] = {0};
            for (int64_t tap = 0; tap < g.n_taps; tap++) {
                const int64_t at = input_position(&g, row % g.n_out, tap);
                if (at >= 0)
                    add_tap_forward(args, x + at * g.x_channels, tap, g.n_taps, first, channels,
                                    sum);
            }
            for (int64_t q = 0; q < channels; q++) {
                const double value = sum[q] + (bias ? (double)bias[first + q] : 0.0);
                y[first + q] = (real)activation_value(args->activation, value);
            }
        }
    }
}

void REF(conv_forward)(const struct kernel_env *env, const struct conv_args *args)
{
    const struct geometry g = geometry_of(args);
    for_ranges(env, args->n * g.n_out, g.n_taps * args->ic * g.y_channels, forward_positions, args);
}

/* The transpose of add_tap_forward: input channels receive from the output position at dy. */
static void add_tap_backward(const struct conv_args *args, const real *dy, int64_t tap,
                             int64_t n_taps, int64_t first, int64_t channels, double *sum)
{
    const int64_t o_step = args->ic * n_taps;

    for (int64_t q = 0; q < channels; q++) {
        const int64_t group = (first + q) / args->ic, i = (first + q) % args->ic;
        const real *w = (const real *)args->w + group * args->oc * o_step + i * n_taps + tap;
        const real *dyg = dy + group * args->oc;
        double dot = 0;
        for (int64_t o = 0; o < args->oc; o++)
            dot += (double)dyg[o] * (double)w[o * o_step];
        sum[q] += dot;
    }
}

static void backward_data_positions(const void *context, int64_t begin, int64_t end)
{
    const struct conv_args *args = context;
    const struct geometry g = geometry_of(args);

    for (int64_t row = begin; row < end; row++) {
        const real *dy = (const real *)args->dy + row / g.n_in * g.n_out * g.y_channels;
        real *dx = (real *)args->dx + row * g.x_channels;
        for (int64_t first = 0; first < g.x_channels; first += BLOCK) {
            const int64_t channels = min_i64(BLOCK, g.x_channels - first);
            double sum[BLOCK] = {0};
            for (int64_t tap = 0; tap < g.n_taps; tap++) {
                const int64_t at = output_position(&g, row % g.n_in, tap);
                if (at >= 0)
                    add_tap_backward(args, dy + at * g.y_channels, tap, g.n_taps, first, channels,
                                     sum);
            }
            for (int64_t q = 0; q < channels; q++) {
                const double before = args->accumulate ? (double)dx[first + q] : 0.0;
                dx[first + q] = (real)(before + sum[q]);
            }
        }
    }
}

void REF(conv_backward_data)(const struct kernel_env *env, const struct conv_args *args)
{
    const struct geometry g = geometry_of(args);
    for_ranges(env, args->n * g.n_in, g.n_taps * args->oc * g.x_channels, backward_data_positions,
               args);
}

/* sum[q] = sum over samples and positions of dy(o) x(first + q) at one tap. */
static void sum_weight_gradient(const struct conv_args *args, const struct geometry *g, int64_t o,
                                int64_t tap, int64_t first, int64_t channels, double *sum)
{
    const real *x = (const real *)args->x + o / args->oc * args->ic + first;
    const real *dy = (const real *)args->dy + o;

    for (int64_t row = 0; row < args->n * g->n_out; row++) {
        const int64_t at = input_position(g, row % g->n_out, tap);
        if (at < 0)
            continue;
        const real *x_at = x + (row / g->n_out * g->n_in + at) * g->x_channels;
        const double left = (double)dy[row * g->y_channels];
        for (int64_t q = 0; q < channels; q++)
            sum[q] += left * (double)x_at[q];
    }
}

/* One item: the weights of one output channel at one tap. */
static void backward_weights_items(const void *context, int64_t begin, int64_t end)
{
    const struct conv_args *args = context;
    const struct geometry g = geometry_of(args);

    for (int64_t item = begin; item < end; item++) {
        const int64_t o = item / g.n_taps, tap = item % g.n_taps;
        real *dw = (real *)args->dw + o * args->ic * g.n_taps + tap;
        for (int64_t first = 0; first < args->ic; first += BLOCK) {
            const int64_t channels = min_i64(BLOCK, args->ic - first);
            double sum[BLOCK] = {0};
            sum_weight_gradient(args, &g, o, tap, first, channels, sum);
            for (int64_t q = 0; q < channels; q++) {
                real *target = dw + (first + q) * g.n_taps;
                const double before = args->accumulate ? (double)*target : 0.0;
                *target = (real)(before + sum[q]);
            }
        }
    }
}

static void backward_bias_channels(const void *context, int64_t begin, int64_t end)
{
    const struct conv_args *args = context;
    const struct geometry g = geometry_of(args);
    const real *dy = args->dy;
    real *dbias = args->dbias;

    for (int64_t o = begin; o < end; o++) {
        double sum = args->accumulate ? (double)dbias[o] : 0.0;
        for (int64_t row = 0; row < args->n * g.n_out; row++)
            sum += (double)dy[row * g.y_channels + o];
        dbias[o] = (real)sum;
    }
}

void REF(conv_backward_weights)(const struct kernel_env *env, const struct conv_args *args)
{
    const struct geometry g = geometry_of(args);
    const int64_t positions = args->n * g.n_out;

    for_ranges(env, g.y_channels * g.n_taps, positions * args->ic, backward_weights_items, args);
    if (args->dbias)
        for_ranges(env, g.y_channels, positions, backward_bias_channels, args);
}
