/* Activations and linear combinations, element by element. */
#include "compute/reference/reference_internal.h"

#include <math.h>

static const double LEAKY_SLOPE = 0.01;
static const double QUICK_GELU_RATE = 1.702;
static const double SQRT_HALF = 0.70710678118654752440;
static const double SQRT_2_OVER_PI = 0.79788456080286535588;
static const double INVERSE_SQRT_2PI = 0.39894228040143267794;
static const double GELU_TANH_CUBIC = 0.044715;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* x Phi(x) with the tanh approximation of Phi: the argument of tanh. */
static double gelu_tanh_argument(double x)
{
    return SQRT_2_OVER_PI * (x + GELU_TANH_CUBIC * x * x * x);
}

double activation_value(enum activation activation, double x)
{
    switch (activation) {
    case ACTIVATION_RELU:
        return x < 0 ? 0 : x;
    case ACTIVATION_RELU6:
        return clamp(x, 0, 6);
    case ACTIVATION_LEAKY_RELU:
        return x < 0 ? LEAKY_SLOPE * x : x;
    case ACTIVATION_SIGMOID:
        return sigmoid(x);
    case ACTIVATION_TANH:
        return tanh(x);
    case ACTIVATION_GELU:
        return x * 0.5 * erfc(-x * SQRT_HALF);
    case ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(gelu_tanh_argument(x)));
    case ACTIVATION_QUICK_GELU:
        return x * sigmoid(QUICK_GELU_RATE * x);
    case ACTIVATION_SILU:
        return x * sigmoid(x);
    case ACTIVATION_HARDSWISH:
        return x * clamp(x + 3, 0, 6) / 6;
    case ACTIVATION_NONE:
    case ACTIVATION_COUNT:
        break;
    }
    return x;
}

static double gelu_tanh_slope(double x)
{
    const double t = tanh(gelu_tanh_argument(x));
    const double inner = SQRT_2_OVER_PI * (1 + 3 * GELU_TANH_CUBIC * x * x);
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner;
}

/* d/dx of x sigmoid(rate x) */
static double swish_slope(double x, double rate)
{
    const double s = sigmoid(rate * x);
    return s + rate * x * s * (1 - s);
}

double activation_slope(enum activation activation, double x)
{
    switch (activation) {
    case ACTIVATION_RELU:
        return x > 0;
    case ACTIVATION_RELU6:
        return x > 0 && x < 6;
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? 1 : LEAKY_SLOPE;
    case ACTIVATION_SIGMOID:
        return sigmoid(x) * (1 - sigmoid(x));
    case ACTIVATION_TANH:
        return 1 - tanh(x) * tanh(x);
    case ACTIVATION_GELU:
        return 0.5 * erfc(-x * SQRT_HALF) + x * INVERSE_SQRT_2PI * exp(-0.5 * x * x);
    case ACTIVATION_GELU_TANH:
        return gelu_tanh_slope(x);
    case ACTIVATION_QUICK_GELU:
        return swish_slope(x, QUICK_GELU_RATE);
    case ACTIVATION_SILU:
        return swish_slope(x, 1);
    case ACTIVATION_HARDSWISH:
        return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
    case ACTIVATION_NONE:
    case ACTIVATION_COUNT:
        break;
    }
    return 1;
}

static void activate_range(const void *context, int64_t begin, int64_t end)
{
    const struct activation_args *args = context;
    const real *x = args->x;
    real *y = args->y;

    for (int64_t i = begin; i < end; i++)
        y[i] = (real)activation_value(args->activation, (double)x[i]);
}

void REF(activate)(const struct kernel_env *env, const struct activation_args *args)
{
    for_ranges(env, args->count, 8, activate_range, args);
}

static void activate_backward_range(const void *context, int64_t begin, int64_t end)
{
    const struct activation_args *args = context;
    const real *x = args->x, *dy = args->dy;
    real *dx = args->dx;

    for (int64_t i = begin; i < end; i++)
        dx[i] = (real)((double)dy[i] * activation_slope(args->activation, (double)x[i]));
}

void REF(activate_backward)(const struct kernel_env *env, const struct activation_args *args)
{
    for_ranges(env, args->count, 8, activate_backward_range, args);
}

static void combine_range(const void *context, int64_t begin, int64_t end)
{
    const struct combine_args *args = context;
    const real *a = args->a, *b = args->b;
    real *y = args->y;

    for (int64_t i = begin; i < end; i++) {
        const double right = b ? args->beta * (double)b[i] : 0.0;
        y[i] = (real)(args->alpha * (double)a[i] + right);
    }
}

void REF(combine)(const struct kernel_env *env, const struct combine_args *args)
{
    for_ranges(env, args->count, 2, combine_range, args);
}
