/* Two parameters by Newton's method; thresholds by looking at all of them. */
#include "train/fit.h"

#include <math.h>
#include <stdlib.h>

enum { NEWTON_STEPS = 50 };

static const double lowest_scale = 0.05;

/* ---- presence ---- */

/* Sums over the cases of a weighted cross entropy: gradient and curvature by scale and bias. */
struct slope {
    double gradient[2], curvature[3]; /* scale scale, scale bias, bias bias */
};

static struct slope slope_at(const struct fit_logit *f, const double *logits, const bool *present,
                             int n, const double weight[2], const double target[2])
{
    struct slope s = {{0}, {0}};

    for (int i = 0; i < n; i++) {
        const double x = logits[i], w = weight[present[i]];
        const double p = 1 / (1 + exp(-(f->scale * x + f->bias)));
        const double miss = w * (p - target[present[i]]), bend = w * p * (1 - p);
        s.gradient[0] += miss * x;
        s.gradient[1] += miss;
        s.curvature[0] += bend * x * x;
        s.curvature[1] += bend * x;
        s.curvature[2] += bend;
    }
    return s;
}

static double loss_at(const struct fit_logit *f, const double *logits, const bool *present, int n,
                      const double weight[2], const double target[2])
{
    double sum = 0;

    for (int i = 0; i < n; i++) {
        const double z = f->scale * logits[i] + f->bias;
        /* log(1 + exp(z)) without overflow */
        const double soft = fmax(z, 0) + log1p(exp(-fabs(z)));
        sum += weight[present[i]] * (soft - target[present[i]] * z);
    }
    return sum;
}

struct fit_logit fit_presence(const double *logits, const bool *present, int n)
{
    const struct fit_logit same = {1, 0};
    struct fit_logit fit = same;
    int n_present = 0;

    for (int i = 0; i < n; i++)
        n_present += present[i];
    const int n_absent = n - n_present;
    if (!n_present || !n_absent)
        return same;
    const double weight[2] = {0.5 / n_absent, 0.5 / n_present};
    const double target[2] = {1.0 / (n_absent + 2), (n_present + 1.0) / (n_present + 2)};
    double loss = loss_at(&fit, logits, present, n, weight, target);

    for (int step = 0; step < NEWTON_STEPS; step++) {
        const struct slope s = slope_at(&fit, logits, present, n, weight, target);
        const double a = s.curvature[0] + 1e-12, b = s.curvature[1], c = s.curvature[2] + 1e-12;
        const double determinant = a * c - b * b;
        const double to_scale = (c * s.gradient[0] - b * s.gradient[1]) / determinant;
        const double to_bias = (a * s.gradient[1] - b * s.gradient[0]) / determinant;
        double stride = 1;
        for (; stride > 1e-8; stride /= 2) { /* until the loss falls */
            const struct fit_logit next = {fit.scale - stride * to_scale,
                                           fit.bias - stride * to_bias};
            const double next_loss = loss_at(&next, logits, present, n, weight, target);
            if (next_loss < loss) {
                fit = next;
                loss = next_loss;
                break;
            }
        }
        if (!(stride > 1e-8))
            break;
    }
    return isfinite(fit.scale) && isfinite(fit.bias) && fit.scale >= lowest_scale ? fit : same;
}

static int compare_scores(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double fit_percentile(double *scores, int n, double share, double otherwise)
{
    if (n == 0)
        return otherwise;
    qsort(scores, (size_t)n, sizeof *scores, compare_scores);
    return scores[(int)(share * (n - 1))];
}

struct fit_verdict fit_verdict(double *present, int n_present, double *absent, int n_absent,
                               double lowest)
{
    const double most = 0.98, none = 0.5;
    struct fit_verdict v = {.absent = fit_percentile(present, n_present, FIT_MISSED_SHARE, none),
                            .found = fit_percentile(absent, n_absent, 1 - FIT_WRONG_SHARE, none)};
    v.absent = fmin(fmax(v.absent, lowest), most);
    v.found = fmin(fmax(v.found, v.absent), most);
    return v;
}

/* ---- masks ---- */

double fit_threshold_at(int index)
{
    return (4 + index) / 20.0;
}

static void add_dice(struct fit_curve *curve, const double dice[FIT_THRESHOLDS])
{
    for (int t = 0; t < FIT_THRESHOLDS; t++) {
        curve->dice[t] += dice[t];
        for (int u = 0; u < FIT_THRESHOLDS; u++)
            curve->product[t][u] += dice[t] * dice[u];
    }
    curve->n++;
}

void fit_curve_add(struct fit_curve *curve, const float *logits, const unsigned char *mask, long n)
{
    float limit[FIT_THRESHOLDS];
    long found[FIT_THRESHOLDS + 1] = {0}, both[FIT_THRESHOLDS + 1] = {0}, truth = 0;
    double dice[FIT_THRESHOLDS];

    for (int t = 0; t < FIT_THRESHOLDS; t++) {
        const double p = fit_threshold_at(t);
        limit[t] = (float)log(p / (1 - p));
    }
    for (long i = 0; i < n; i++) {
        int passed = 0; /* thresholds that the pixel reaches */
        while (passed < FIT_THRESHOLDS && logits[i] >= limit[passed])
            passed++;
        found[passed]++;
        both[passed] += mask[i] > 127;
        truth += mask[i] > 127;
    }
    for (int t = FIT_THRESHOLDS - 1; t >= 0; t--) {
        found[t] += found[t + 1];
        both[t] += both[t + 1];
        const long sum = found[t + 1] + truth;
        dice[t] = sum ? 2.0 * (double)both[t + 1] / (double)sum : 1;
    }
    add_dice(curve, dice);
}

/* Lower end of the interval of the mean of D(t) - D(base). */
static double sure_gain(const struct fit_curve *curve, int t, int base)
{
    const double n = curve->n;

    if (t == base || curve->n < 3)
        return 0;
    const double mean = (curve->dice[t] - curve->dice[base]) / n;
    const double square =
        (curve->product[t][t] - 2 * curve->product[t][base] + curve->product[base][base]) / n;
    const double variance = fmax(square - mean * mean, 0) * n / (n - 1);
    const double quantile = 2 + 5 / (n - 1); /* a little above Student's of n - 1 degrees */
    return mean - quantile * sqrt(variance / n);
}

static int best_threshold(const struct fit_curve *curve, int base)
{
    int best = base;
    double gain = 1e-9; /* rounding is no gain */

    for (int t = 0; t < FIT_THRESHOLDS; t++) {
        const double sure = sure_gain(curve, t, base);
        if (sure > gain) {
            best = t;
            gain = sure;
        }
    }
    return best;
}

double fit_thresholds(double *each, const struct fit_curve *curves, int n_concepts)
{
    const int half = 6; /* fit_threshold_at(6) is 0.5 */
    struct fit_curve all = {{0}, {{0}}, 0};

    for (int c = 0; c < n_concepts; c++) {
        double mean[FIT_THRESHOLDS];
        if (!curves[c].n)
            continue;
        for (int t = 0; t < FIT_THRESHOLDS; t++)
            mean[t] = curves[c].dice[t] / curves[c].n;
        add_dice(&all, mean);
    }
    const int common = best_threshold(&all, half);
    for (int c = 0; c < n_concepts; c++)
        each[c] = fit_threshold_at(best_threshold(&curves[c], common));
    return fit_threshold_at(common);
}
