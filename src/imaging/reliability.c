/* Sums by bin, and their mean gap. */
#include "imaging/reliability.h"

#include <math.h>

void reliability_add(struct reliability *reliability, double stated, double truth, double weight)
{
    if (isnan(stated) || isnan(truth))
        return;
    const double inside = fmin(fmax(stated, 0), 1);
    int bin = (int)(inside * RELIABILITY_BINS);

    bin = bin < RELIABILITY_BINS ? bin : RELIABILITY_BINS - 1;
    reliability->weight[bin] += weight;
    reliability->stated[bin] += weight * inside;
    reliability->truth[bin] += weight * fmin(fmax(truth, 0), 1);
}

double reliability_weight(const struct reliability *reliability)
{
    double sum = 0;

    for (int i = 0; i < RELIABILITY_BINS; i++)
        sum += reliability->weight[i];
    return sum;
}

void reliability_merge(struct reliability *reliability, const struct reliability *other,
                       double weight)
{
    const double total = reliability_weight(other);

    if (!(total > 0))
        return;
    for (int i = 0; i < RELIABILITY_BINS; i++) {
        reliability->weight[i] += other->weight[i] * weight / total;
        reliability->stated[i] += other->stated[i] * weight / total;
        reliability->truth[i] += other->truth[i] * weight / total;
    }
}

double reliability_error(const struct reliability *reliability)
{
    const double total = reliability_weight(reliability);
    double gap = 0;

    for (int i = 0; i < RELIABILITY_BINS; i++)
        gap += fabs(reliability->stated[i] - reliability->truth[i]);
    return total > 0 ? gap / total : (double)NAN;
}
