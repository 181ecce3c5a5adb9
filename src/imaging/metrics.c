/* Overlap metrics and the box and point metrics of MedLAM. Surface metrics: surface_*.c. */
#include "imaging/metrics.h"

#include <math.h>
#include <stddef.h>

struct confusion confusion_count(const uint8_t *truth, const uint8_t *prediction, int64_t n)
{
    struct confusion c = {0};
    for (int64_t i = 0; i < n; i++) {
        const int t = truth[i] != 0, p = prediction[i] != 0;
        c.tp += t & p;
        c.fp += p & ~t;
        c.fn += t & ~p;
    }
    c.tn = n - c.tp - c.fp - c.fn;
    return c;
}

/* shared / total, or what the rule says about empty masks. */
static double overlap(double shared, double total, const struct confusion *c, enum empty_rule rule)
{
    const bool no_truth = c->tp + c->fn == 0, no_prediction = c->tp + c->fp == 0;
    if (rule == EMPTY_MEDLAM && (no_truth || no_prediction))
        return (double)NAN;
    if (no_truth && no_prediction)
        return rule == EMPTY_VLSM ? 1.0 : (double)NAN;
    return shared / total;
}

double metric_dice(const struct confusion *c, enum empty_rule rule)
{
    return overlap(2.0 * (double)c->tp, (double)(2 * c->tp + c->fp + c->fn), c, rule);
}

double metric_iou(const struct confusion *c, enum empty_rule rule)
{
    return overlap((double)c->tp, (double)(c->tp + c->fp + c->fn), c, rule);
}

double metric_dice_medlam(const struct confusion *c)
{
    return 2.0 * (double)c->tp / ((double)(2 * c->tp + c->fp + c->fn) + 1e-4);
}

struct soft_sums {
    double shared, prediction, target;
};

static struct soft_sums soft_sums(const uint8_t *prediction, const float *target, int64_t n)
{
    struct soft_sums s = {0};
    for (int64_t i = 0; i < n; i++) {
        const double p = prediction[i] != 0 ? 1.0 : 0.0;
        s.shared += p * (double)target[i];
        s.prediction += p;
        s.target += (double)target[i];
    }
    return s;
}

double metric_dice_soft(const uint8_t *prediction, const float *target, int64_t n)
{
    const struct soft_sums s = soft_sums(prediction, target, n);
    const double total = s.prediction + s.target;
    return total > 0 ? 2.0 * s.shared / total : 1.0;
}

double metric_iou_soft(const uint8_t *prediction, const float *target, int64_t n)
{
    const struct soft_sums s = soft_sums(prediction, target, n);
    const double total = s.prediction + s.target - s.shared;
    return total > 0 ? s.shared / total : 1.0;
}

/* Extents are max - min, so an organ in one slice has volume 0; a gap on any axis leaves the 1e-8
 * of the released code. */
double extent_box_iou(const struct extent_box *truth, const struct extent_box *prediction)
{
    double shared = 1, volume_truth = 1, volume_prediction = 1;
    bool apart = false;
    for (int axis = 0; axis < 3; axis++) {
        const double low = fmax(truth->min[axis], prediction->min[axis]);
        const double high = fmin(truth->max[axis], prediction->max[axis]);
        apart = apart || high - low < 0;
        shared *= high - low;
        volume_truth *= truth->max[axis] - truth->min[axis];
        volume_prediction *= prediction->max[axis] - prediction->min[axis];
    }
    shared = apart ? 1e-8 : shared;
    return shared / (volume_truth + volume_prediction - shared);
}

double extent_box_wall_distance(double per_axis[3], const struct extent_box *truth,
                                const struct extent_box *prediction, const double spacing[3])
{
    double sum = 0;
    for (int axis = 0; axis < 3; axis++) {
        const double step = spacing[2 - axis];
        const double low = fabs(truth->min[axis] - prediction->min[axis]) * step;
        const double high = fabs(truth->max[axis] - prediction->max[axis]) * step;
        per_axis[axis] = (low + high) / 2.0;
        sum += low + high;
    }
    return sum / 6.0;
}

double metric_ale(double *each, const double *truth, const double *prediction, int64_t n,
                  const double spacing[3])
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double squared = 0;
        for (int axis = 0; axis < 3; axis++) {
            const double along =
                (truth[i * 3 + axis] - prediction[i * 3 + axis]) * spacing[2 - axis];
            squared += along * along;
        }
        sum += sqrt(squared);
        if (each)
            each[i] = sqrt(squared);
    }
    return n > 0 ? sum / (double)n : (double)NAN;
}

bool extent_box_of_mask(struct extent_box *out, const uint8_t *mask, const struct grid *grid)
{
    struct extent_box box = {{HUGE_VAL, HUGE_VAL, HUGE_VAL}, {-HUGE_VAL, -HUGE_VAL, -HUGE_VAL}};
    bool any = false;
    const int64_t plane = grid->height * grid->width;
    for (int64_t i = 0; i < grid->depth * plane; i++) {
        if (!mask[i])
            continue;
        const double at[3] = {(double)(i / plane), (double)(i % plane / grid->width),
                              (double)(i % grid->width)};
        for (int axis = 0; axis < 3; axis++) {
            box.min[axis] = fmin(box.min[axis], at[axis]);
            box.max[axis] = fmax(box.max[axis], at[axis]);
        }
        any = true;
    }
    if (any)
        *out = box;
    return any;
}
