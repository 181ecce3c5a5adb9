/* Means, sample deviations and the cluster bootstrap over patients. */
#include "imaging/statistics.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

enum random_use { USE_BOOTSTRAP = 0x626f6f74 };

/* A patient: sum and number of the values that count. */
struct cluster {
    int64_t group;
    int64_t place; /* of its first value; breaks the ties of the sort */
    double sum;
    int64_t n;
};

static int compare_groups(const void *a, const void *b)
{
    const struct cluster *s = a, *t = b;
    if (s->group != t->group)
        return s->group < t->group ? -1 : 1;
    return (s->place > t->place) - (s->place < t->place);
}

static int compare_doubles(const void *a, const void *b)
{
    const double s = *(const double *)a, t = *(const double *)b;
    return (s > t) - (s < t);
}

double percentile_of_sorted(const double *sorted, int64_t n, double percent)
{
    const double at = percent / 100.0 * (double)(n - 1);
    const int64_t below = (int64_t)at < n - 1 ? (int64_t)at : n - 1;
    const int64_t above = below < n - 1 ? below + 1 : below;
    if (sorted[below] == sorted[above]) /* also two infinities */
        return sorted[below];
    return sorted[below] + (sorted[above] - sorted[below]) * (at - (double)below);
}

/* Groups in ascending order, values of one group summed in the order given. */
static int64_t make_clusters(struct cluster *out, const double *values, const int64_t *group,
                             int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            out[count++] = (struct cluster){group ? group[i] : i, i, values[i], 1};
    if (!group)
        return count;

    qsort(out, (size_t)count, sizeof *out, compare_groups);
    int64_t merged = 0;
    for (int64_t i = 0; i < count; i++) {
        if (merged > 0 && out[merged - 1].group == out[i].group) {
            out[merged - 1].sum += out[i].sum;
            out[merged - 1].n += out[i].n;
        } else {
            out[merged++] = out[i];
        }
    }
    return merged;
}

static double resampled_mean(const struct cluster *clusters, int64_t n, uint64_t seed,
                             uint32_t resample)
{
    struct random random = random_at(seed, 0, resample, USE_BOOTSTRAP);
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        const struct cluster *drawn = &clusters[random_below(&random, n)];
        sum += drawn->sum;
        count += drawn->n;
    }
    return sum / (double)count;
}

static void moments(struct summary *out, const double *values, int64_t n)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            out->n++;
        }
    out->mean = out->n > 0 ? sum / (double)out->n : (double)NAN;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            squares += (values[i] - out->mean) * (values[i] - out->mean);
    out->sd = out->n > 1 ? sqrt(squares / (double)(out->n - 1)) : out->n == 1 ? 0.0 : (double)NAN;
    out->lo = out->hi = out->mean;
}

ana_status statistics_summarise(struct summary *out, const double *values, const int64_t *group,
                                int64_t n, uint64_t seed, ana_error *err)
{
    *out = (struct summary){0};
    moments(out, values, n);
    if (out->n < 2)
        return ANA_OK;

    struct cluster *clusters = memory_alloc_array((size_t)n, sizeof *clusters);
    double *means = memory_alloc_array(STATISTICS_RESAMPLES, sizeof *means);
    if (!clusters || !means) {
        memory_free(clusters);
        memory_free(means);
        return ana_fail_memory(err, (size_t)n * sizeof *clusters);
    }
    const int64_t n_clusters = make_clusters(clusters, values, group, n);
    for (uint32_t i = 0; i < STATISTICS_RESAMPLES; i++)
        means[i] = resampled_mean(clusters, n_clusters, seed, i);
    qsort(means, STATISTICS_RESAMPLES, sizeof *means, compare_doubles);
    out->lo = percentile_of_sorted(means, STATISTICS_RESAMPLES, 2.5);
    out->hi = percentile_of_sorted(means, STATISTICS_RESAMPLES, 97.5);
    memory_free(clusters);
    memory_free(means);
    return ANA_OK;
}
