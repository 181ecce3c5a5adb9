/* The training loop: batches in, weights out, at any moment resumable to the byte.
 *
 * Files it writes, all atomically:
 *   weights     the EMA weights in f16, ready for use                      at the end and now and
 * then state       parameters, EMA, optimiser, step: what --resume continues  now and then, at
 * SIGINT log         one CSV line a step: step, size, rate, losses, gradient norm; no times in it,
 * so a re-run gives the same bytes A state that was saved after step n makes the log end with line
 * n when it is resumed.
 */
#ifndef ANA_TRAIN_LOOP_H
#define ANA_TRAIN_LOOP_H

#include "base/context.h"
#include "train/recipe.h"

struct train_options {
    const char *const *manifests; /* CSV files or folders */
    int n_manifests;
    const char *folder_concept; /* concept of a plain folder; NULL for CSV */
    const char *concepts;       /* the table, a CSV file */
    const char *weights_table;  /* sampling weights, CSV; NULL: all groups alike */
    const char *cache;          /* NULL: the default cache folder */
    const char *out;            /* weights to write */
    const char *state;          /* NULL: no checkpoints */
    const char *log;            /* NULL: none */
    const char *init;           /* weights to start from; NULL: random */
    bool resume;                /* continue from `state` if it is there */
    int64_t save_every;         /* steps between checkpoints */
    struct train_recipe recipe;
    uint64_t seed;
    const char *version;      /* goes into the weights' metadata */
    const char *licence;      /* of the weights, likewise */
    const char *intended_use; /* likewise */
};

struct train_options train_options_defaults(void);

/* `progress` is told the stage ("step 120 of 8000, loss 0.812"); returning false saves the state
 * and ends with ANA_ERR_CANCELLED. */
MUST_CHECK ana_status train_run(const struct train_options *options, struct ana_context *context,
                                ana_progress_fn progress, void *user, ana_error *err);

#endif
