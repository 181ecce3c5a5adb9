/* One entry for each image of the split, sorted by set and rank: a run of equal patients is one
 * patient, a run of equal sets one set. */
#include "train/aside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

struct entry {
    const char *set, *patient;
    uint64_t rank;
    int image;
};

/* FNV-1a's high bits hardly differ for short names that differ at the end: the finaliser of
 * MurmurHash3 spreads them. */
static uint64_t rank_of(const char *set, const char *patient)
{
    uint64_t h = fnv1a(fnv1a(FNV1A_START, set, strlen(set) + 1), patient, strlen(patient));

    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    const int sets = strcmp(x->set, y->set);

    if (sets)
        return sets;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    const int patients = strcmp(x->patient, y->patient);
    return patients ? patients : x->image - y->image;
}

static bool same_patient(const struct entry *a, const struct entry *b)
{
    return strcmp(a->patient, b->patient) == 0;
}

/* Marks the first patients of one set's entries. */
static int mark_set(bool *out, const struct entry *entries, int n, double share)
{
    int n_patients = 0, n_images = 0;

    for (int i = 0; i < n; i++)
        n_patients += i == 0 || !same_patient(&entries[i - 1], &entries[i]);
    int wanted = (int)lround(share * n_patients);
    wanted = wanted < n_patients ? wanted : n_patients - 1;
    for (int i = 0, seen = 0; i < n; i++) {
        seen += i == 0 || !same_patient(&entries[i - 1], &entries[i]);
        if (seen > wanted)
            break;
        out[entries[i].image] = true;
        n_images++;
    }
    return n_images;
}

ana_status aside_mark(bool *out, int *n_out, const struct dataset *dataset, const char *split,
                      double share, ana_error *err)
{
    const size_t size = (size_t)dataset->n_images + 1;
    struct entry *entries = memory_alloc_array(size, sizeof *entries);
    int n = 0;

    *n_out = 0;
    if (!entries)
        return ana_fail_memory(err, size * sizeof *entries);
    for (int i = 0; i < dataset->n_images; i++) {
        const struct dataset_image *image = &dataset->images[i];
        out[i] = false;
        if (strcmp(image->split, split) == 0)
            entries[n++] =
                (struct entry){image->set, image->patient, rank_of(image->set, image->patient), i};
    }
    if (n > 0)
        qsort(entries, (size_t)n, sizeof *entries, compare_entries);
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(entries[i].set, entries[end].set) == 0;)
            end++;
        *n_out += mark_set(out, &entries[i], end - i, share);
    }
    memory_free(entries);
    return ANA_OK;
}
