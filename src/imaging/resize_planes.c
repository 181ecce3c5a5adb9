/* Resizing of float planes as torch (1.13) and OpenCV (4.6) do it. Source coordinates are computed
 * in the precision each of them uses, since a rounded coordinate moves the result more than a
 * rounded sum does. */
#include "imaging/resize_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/budget.h"

/* Four taps around floor(at), border indices clamped. */
static void add_cubic(struct taps *taps, int64_t target, int64_t n_in, int64_t floor_at, double t)
{
    const double a = -0.75;
    const double far_low = t + 1.0, far_high = 2.0 - t, near_high = 1.0 - t;
    const double weight[4] = {
        ((a * far_low - 5.0 * a) * far_low + 8.0 * a) * far_low - 4.0 * a,
        ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0,
        ((a + 2.0) * near_high - (a + 3.0)) * near_high * near_high + 1.0,
        ((a * far_high - 5.0 * a) * far_high + 8.0 * a) * far_high - 4.0 * a,
    };
    for (int i = 0; i < 4; i++)
        taps_add(taps, target, floor_at - 1 + i, n_in, weight[i]);
}

static float torch_scale(int64_t n_in, int64_t n_out, bool align_corners)
{
    if (!align_corners)
        return (float)n_in / (float)n_out;
    return n_out > 1 ? (float)(n_in - 1) / (float)(n_out - 1) : 0.0F;
}

static bool is_nearest(enum torch_mode mode)
{
    return mode == TORCH_NEAREST || mode == TORCH_NEAREST_EXACT;
}

static void torch_row(struct taps *taps, int64_t i, int64_t n_in, float scale,
                      const struct torch_resize *how)
{
    if (is_nearest(how->mode)) {
        const float centre = how->mode == TORCH_NEAREST_EXACT ? 0.5F : 0.0F;
        taps_add(taps, i, (int64_t)floorf(((float)i + centre) * scale), n_in, 1.0);
        return;
    }
    float at = how->align_corners ? (float)i * scale : ((float)i + 0.5F) * scale - 0.5F;
    if (how->mode == TORCH_BICUBIC) {
        const float below = floorf(at);
        add_cubic(taps, i, n_in, (int64_t)below, (double)(at - below));
        return;
    }
    at = at < 0.0F ? 0.0F : at;
    const int64_t below = (int64_t)at < n_in ? (int64_t)at : n_in - 1;
    const double above_share = (double)(at - (float)below);
    taps_add(taps, i, below, n_in, 1.0 - above_share);
    taps_add(taps, i, below + 1, n_in, above_share);
}

static ana_status torch_taps(struct taps *out, int64_t n_in, int64_t n_out,
                             const struct torch_resize *how, ana_error *err)
{
    if (how->antialias)
        return taps_antialias(
            out, n_in, n_out,
            how->mode == TORCH_BICUBIC ? &tap_kernel_bicubic : &tap_kernel_bilinear, err);
    const ana_status status = taps_init(out, n_out, 4, err);
    const float scale = torch_scale(n_in, n_out, how->align_corners);
    for (int64_t i = 0; !status && i < n_out; i++)
        torch_row(out, i, n_in, scale, how);
    return status;
}

/* Runs both tables and clears them. */
static ana_status apply_and_clear(float *out, const float *in, const struct plane_shape *in_shape,
                                  struct taps *y, struct taps *x, ana_status status, ana_error *err)
{
    if (!status)
        status = taps_apply(out, in, in_shape, y, x, err);
    taps_clear(y);
    taps_clear(x);
    return status ? ana_fail_in(err, status, "resizing") : ANA_OK;
}

ana_status plane_resize_torch(float *out, int64_t out_height, int64_t out_width, const float *in,
                              const struct plane_shape *in_shape, const struct torch_resize *how,
                              ana_error *err)
{
    assert(!(how->align_corners && (how->antialias || is_nearest(how->mode))));
    assert(!(how->antialias && is_nearest(how->mode)));

    struct taps x = {0}, y = {0};
    ana_status status = torch_taps(&x, in_shape->width, out_width, how, err);
    if (!status)
        status = torch_taps(&y, in_shape->height, out_height, how, err);
    return apply_and_clear(out, in, in_shape, &y, &x, status, err);
}

/* OpenCV's scale is one over a quotient, not the quotient the other way round. */
static double cv_scale(int64_t n_in, int64_t n_out)
{
    return 1.0 / ((double)n_out / (double)n_in);
}

static void cv_row(struct taps *taps, int64_t i, int64_t n_in, double scale, enum cv_mode mode)
{
    if (mode == CV_NEAREST) {
        taps_add(taps, i, (int64_t)floor((double)i * scale), n_in, 1.0);
        return;
    }
    const float at = (float)(((double)i + 0.5) * scale - 0.5);
    const float below = floorf(at);
    if (mode == CV_CUBIC) {
        add_cubic(taps, i, n_in, (int64_t)below, (double)(at - below));
        return;
    }
    taps_add(taps, i, (int64_t)below, n_in, 1.0 - (double)(at - below));
    taps_add(taps, i, (int64_t)below + 1, n_in, (double)(at - below));
}

/* Slivers of less than 1e-3 of a pixel are left out, as OpenCV does. */
static void cv_area_row(struct taps *taps, int64_t i, int64_t n_in, double scale)
{
    const double sliver = 1e-3;
    const double begin = (double)i * scale, end = begin + scale;
    const double width = fmin(scale, (double)n_in - begin);
    int64_t last = (int64_t)floor(end), first = (int64_t)ceil(begin);
    last = last > n_in - 1 ? n_in - 1 : last;
    first = first > last ? last : first;

    if ((double)first - begin > sliver)
        taps_add(taps, i, first - 1, n_in, ((double)first - begin) / width);
    for (int64_t at = first; at < last; at++)
        taps_add(taps, i, at, n_in, 1.0 / width);
    if (end - (double)last > sliver)
        taps_add(taps, i, last, n_in, fmin(fmin(end - (double)last, 1.0), width) / width);
}

/* What INTER_AREA means when one side grows: a pixel keeps its value inside the area it covers and
 * mixes with the next only across the seam. */
static void cv_area_linear_row(struct taps *taps, int64_t i, int64_t n_in, double scale)
{
    const int64_t below = (int64_t)floor((double)i * scale);
    float above_share = (float)((double)(i + 1) - (double)(below + 1) / scale);
    above_share = above_share <= 0.0F ? 0.0F : above_share - floorf(above_share);
    taps_add(taps, i, below, n_in, 1.0 - (double)above_share);
    taps_add(taps, i, below + 1, n_in, (double)above_share);
}

static ana_status cv_taps(struct taps *out, int64_t n_in, int64_t n_out, enum cv_mode mode,
                          bool both_shrink, ana_error *err)
{
    const double scale = cv_scale(n_in, n_out);
    const ana_status status = taps_init(out, n_out, (int64_t)ceil(scale) + 4, err);
    for (int64_t i = 0; !status && i < n_out; i++) {
        if (mode != CV_AREA)
            cv_row(out, i, n_in, scale, mode);
        else if (both_shrink)
            cv_area_row(out, i, n_in, scale);
        else
            cv_area_linear_row(out, i, n_in, scale);
    }
    return status;
}

ana_status plane_resize_cv(float *out, int64_t out_height, int64_t out_width, const float *in,
                           const struct plane_shape *in_shape, enum cv_mode mode, ana_error *err)
{
    const bool shrink = out_height <= in_shape->height && out_width <= in_shape->width;
    struct taps x = {0}, y = {0};
    ana_status status = cv_taps(&x, in_shape->width, out_width, mode, shrink, err);
    if (!status)
        status = cv_taps(&y, in_shape->height, out_height, mode, shrink, err);
    return apply_and_clear(out, in, in_shape, &y, &x, status, err);
}

/* Target i covers [i in/out, (i+1) in/out): whole numbers over n_out, so shares are exact. */
static void area_row(struct taps *taps, int64_t i, int64_t n_in, int64_t n_out)
{
    const int64_t begin = i * n_in, end = begin + n_in; /* in 1/n_out pixels */
    for (int64_t at = begin / n_out; at * n_out < end; at++) {
        const int64_t low = at * n_out > begin ? at * n_out : begin;
        const int64_t high = (at + 1) * n_out < end ? (at + 1) * n_out : end;
        taps_add(taps, i, at, n_in, (double)(high - low) / (double)n_in);
    }
}

static ana_status area_taps(struct taps *out, int64_t n_in, int64_t n_out, ana_error *err)
{
    if (n_out > n_in)
        return taps_antialias(out, n_in, n_out, &tap_kernel_bilinear, err);

    const ana_status status = taps_init(out, n_out, n_in / n_out + 3, err);
    for (int64_t i = 0; !status && i < n_out; i++)
        area_row(out, i, n_in, n_out);
    return status;
}

ana_status plane_resize_area(float *out, int64_t out_height, int64_t out_width, const float *in,
                             const struct plane_shape *in_shape, ana_error *err)
{
    struct taps x = {0}, y = {0};
    ana_status status = area_taps(&x, in_shape->width, out_width, err);
    if (!status)
        status = area_taps(&y, in_shape->height, out_height, err);
    return apply_and_clear(out, in, in_shape, &y, &x, status, err);
}

/* Tables of taps: two numbers and the weights for each target. */
static size_t taps_bytes(int64_t n_in, int64_t n_out)
{
    enum { MORE_TAPS = 7 }; /* than the quotient, bicubic included */
    const size_t weights = (size_t)(2 * (n_in / n_out) + MORE_TAPS);

    return bytes_product((size_t)n_out, (2 + weights) * sizeof(double));
}

size_t plane_resize_bytes(int64_t out_height, int64_t out_width, const struct plane_shape *in)
{
    const size_t row = bytes_product((size_t)out_width, (size_t)in->channels);
    const size_t between = bytes_product(bytes_product((size_t)in->height, row), sizeof(float));
    const size_t taps =
        bytes_sum(taps_bytes(in->width, out_width), taps_bytes(in->height, out_height));

    return bytes_sum(bytes_sum(between, bytes_product(row, sizeof(double))), taps);
}

void table_resize_linear(float *out, int64_t out_n, const float *in, int64_t in_n, int64_t channels)
{
    const float scale = torch_scale(in_n, out_n, false);
    for (int64_t i = 0; i < out_n; i++) {
        float at = ((float)i + 0.5F) * scale - 0.5F;
        at = at < 0.0F ? 0.0F : at;
        const int64_t below = (int64_t)at < in_n ? (int64_t)at : in_n - 1;
        const int64_t above = below + 1 < in_n ? below + 1 : below;
        const float share = at - (float)below;
        for (int64_t c = 0; c < channels; c++)
            out[i * channels + c] =
                (1.0F - share) * in[below * channels + c] + share * in[above * channels + c];
    }
}
