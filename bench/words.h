/* What bench_words counts, and how it is shown. */
#ifndef ANA_BENCH_WORDS_H
#define ANA_BENCH_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/segment.h"
#include "text/concepts.h"

enum { MAX_CONCEPTS = 256, N_SIDES = 3 };

extern const char *const side_names[N_SIDES];

enum way {
    WAY_PLAIN,
    WAY_HELDOUT,
    WAY_HELDOUT_NETWORK,
    WAY_UPPER,
    WAY_TYPO,
    WAY_TYPO_NETWORK,
    WAY_MODALITY,
    WAY_SHUFFLED,
    WAY_SHUFFLED_NETWORK,
    WAY_OTHER,
    WAY_OTHER_NETWORK,
    WAY_BOX,
    WAY_BOX_SHAKEN,
    WAY_BOX_WORDS,
    WAY_CLICK,
    WAY_CLICK_WORDS,
    N_WAYS
};

/* Sums over the cases of one way and one concept. */
struct cell {
    int64_t n, n_empty;  /* answers, and the empty ones among them */
    double truth;        /* Dice with the truth */
    int64_t n_agreement; /* cases whose plain word was not answered empty */
    double agreement;    /* Dice with the mask of the plain word */
};

struct margin {
    int64_t n;
    double sum;
};

struct totals {
    struct cell cells[N_WAYS][MAX_CONCEPTS];
    struct margin sides[N_SIDES];
    int64_t n_images, n_rows, n_plain_empty, n_skipped;
};

struct options {
    const char *manifest, *split, *model;
    int64_t max_images, threads, seed;
    bool json;
};

struct bench {
    struct options options;
    const struct concepts *concepts;
    struct segmenter segmenter;
    struct totals totals;
};

void say_report(const struct bench *bench);
MUST_CHECK ana_status print_json(const struct bench *bench, ana_error *err);

#endif
