/* Boxes and clicks as a person would make them, on a mask. */
#ifndef ANA_TRAIN_PROMPT_SIM_H
#define ANA_TRAIN_PROMPT_SIM_H

#include "base/random.h"
#include "train/dataset.h"

/* A mask cut into its parts. */
struct parts {
    int size;
    int32_t *labels; /* [S, S], 0: none */
    struct components *found;
    int64_t *large; /* those of 16 pixels (at 256) or more, largest first */
    int64_t n_large;
    /* The large parts are a broken piece of it, as of thin vessels: prompts mean the whole. */
    bool thin;
};
MUST_CHECK ana_status parts_find(struct parts *out, const float *mask, int size, ana_error *err);
void parts_clear(struct parts *parts);

enum { CHOSEN_PARTS = 3 };

/* What a box or clicks mean: some parts, or the whole. */
struct chosen {
    bool whole;
    int64_t part[CHOSEN_PARTS]; /* indices of found->items */
    int n;
    double x0, y0, x1, y1; /* tight box, half-open */
};
/* One part, or with a chance of 1/4 the whole (boxes) or several parts (clicks). n_large must not
 * be 0. */
void parts_choose(struct chosen *out, const struct parts *parts, bool for_clicks,
                  struct random *random);

/* The mask less what was not chosen; soft borders stay. out [S, S] may be the mask. */
void chosen_mask(float *out, const float *mask, const struct parts *parts,
                 const struct chosen *chosen);

/* Adds to maps [S, S, 3]. A third of the boxes is tight, sides of the others are off by up to 12 %.
 */
void draw_box(float *maps, int size, const struct chosen *chosen, struct random *random);
/* One to three positive clicks, half of the first ones in the middle, at least one in each chosen
 * part; with a chance of .3 negative ones near by. `target` is the chosen mask. */
MUST_CHECK ana_status draw_clicks(float *maps, const float *target, const struct parts *parts,
                                  const struct chosen *chosen, struct random *random,
                                  ana_error *err);
/* A box or click anywhere, for words that name nothing there. */
void draw_box_anywhere(float *maps, int size, struct random *random);
void draw_click_anywhere(float *maps, int size, struct random *random);

#endif
