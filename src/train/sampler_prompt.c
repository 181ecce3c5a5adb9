/* One prompt of an image and its right answer (mini.md 4, item 4): words name a thing, a box or
 * clicks restrict it to one part; or words name what is not there. */
#include <string.h>

#include "base/memory.h"
#include "imaging/components.h"
#include "train/absence.h"
#include "train/sampler_internal.h"

/* ORDER prompt_kind */
enum prompt_kind {
    PROMPT_WORDS,
    PROMPT_BOX,
    PROMPT_CLICKS,
    PROMPT_WORDS_BOX,
    PROMPT_WORDS_CLICKS,
    PROMPT_BOX_CLICKS,
    PROMPT_KINDS
};

static const bool has_words[PROMPT_KINDS] = {true, false, false, true, true, false};
static const bool has_box[PROMPT_KINDS] = {false, true, false, true, false, true};
static const bool has_clicks[PROMPT_KINDS] = {false, false, true, false, true, true};

/* Per cent, first prompt of an image and the others. */
static const int shares_first[PROMPT_KINDS] = {85, 0, 0, 8, 7, 0};
static const int shares_other[PROMPT_KINDS] = {25, 28, 24, 7, 8, 8};

static const double chance_of_absent = 0.72; /* third prompt of an image */
static const double chance_of_switch = 0.5;  /* another target than the focus */
static const double chance_of_missing = 0.6; /* of absent words: labelled as not there, if any is */
static const double chance_of_nonsense = 0.1; /* of the rest */
static const double chance_of_near = 0.5;
static const double chance_of_pointing = 0.1; /* absent words with a box or click */
enum { AREA_TOO_SMALL = 12 };                 /* pixels at 256: neither there nor absent */

static enum prompt_kind draw_kind(const int shares[PROMPT_KINDS], bool named, struct random *random)
{
    int64_t u = random_below(random, 100);
    int kind = 0;

    while (kind < PROMPT_KINDS - 1 && u >= shares[kind])
        u -= shares[kind++];
    if (!named && kind == PROMPT_WORDS)
        return random_below(random, 2) ? PROMPT_BOX : PROMPT_CLICKS;
    if (!named && kind == PROMPT_WORDS_BOX)
        return PROMPT_BOX;
    return !named && kind == PROMPT_WORDS_CLICKS ? PROMPT_CLICKS : (enum prompt_kind)kind;
}

/* The warped mask of a target; NULL on failure. */
static const float *scene_mask(struct scene *scene, int target, ana_error *err)
{
    const size_t n = (size_t)scene->size * (size_t)scene->size;

    if (scene->masks[target])
        return scene->masks[target];
    float *mask = memory_alloc_array(n, sizeof *mask);
    if (!mask || augment_mask(mask, scene->map, &scene->image->targets[target], err)) {
        (void)ana_fail_memory(err, n * sizeof *mask);
        memory_free(mask);
        return NULL;
    }
    scene->masks[target] = mask;
    return mask;
}

enum visibility { VISIBLE, HARDLY_VISIBLE, NOT_VISIBLE };

static enum visibility visibility_of(const float *mask, int size)
{
    const int64_t n = (int64_t)size * size;
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += (double)mask[i];
    if (sum * DATASET_SMALL * DATASET_SMALL >= (double)AREA_TOO_SMALL * (double)n)
        return VISIBLE;
    return sum > 0 ? HARDLY_VISIBLE : NOT_VISIBLE;
}

/* A bit of `set`, drawn; -1 for an empty set. */
static int draw_bit(uint64_t set, struct random *random)
{
    int n = 0;

    for (int k = 0; k < MAX_TARGETS; k++)
        n += (int)(set >> k & 1);
    if (!n)
        return -1;
    int64_t skip = random_below(random, n);
    for (int k = 0; k < MAX_TARGETS; k++)
        if ((set >> k & 1) && skip-- == 0)
            return k;
    return -1;
}

/* The concept that words have to name in the view: mirrored pictures swap left and right. */
static int concept_in_view(const struct scene *scene, int target)
{
    const int concept = scene->image->targets[target].concept;

    if (concept < 0 || !scene->augment.mirrored)
    return concept;
    return scene->sampler->concepts->items[concept].mirror;
}

static void say(const struct scene *scene, int concept, const struct prompt_out *out,
                struct random *random)
{
    const struct manifest_row *row = scene->image->row;
    const char *modality = row->modality[0] ? row->modality : row->family;

    sampler_phrase(out->phrase, scene->sampler->concepts, concept, modality, random);
    words_features(out->words, WORDS_MAX, out->phrase);
    out->flags[0] = 1.0f;
    *out->concept = concept;
}

/* A concept that is surely not in the picture; -1 if none is known. */
static int draw_absent_concept(const struct scene *scene, struct random *random)
{
    const int n = scene->sampler->concepts->n;
    const bool near = random_uniform(random) < chance_of_near;

    for (int pass = 0; pass < 2; pass++) {
        const uint8_t wanted = near == (pass == 0) ? ABSENCE_NEAR : ABSENCE_FAR;
        int count = 0;
        for (int c = 0; c < n; c++) /* headline concepts are asked for twice as often */
            if (scene->plan->absent[c] == wanted)
                count += 1 + scene->sampler->concepts->items[c].headline;
        if (!count)
            continue;
        int64_t skip = random_below(random, count);
        for (int c = 0; c < n; c++)
            if (scene->plan->absent[c] == wanted) {
                skip -= 1 + scene->sampler->concepts->items[c].headline;
                if (skip < 0)
                    return c;
            }
    }
    return -1;
}

static void point_anywhere(const struct scene *scene, const struct prompt_out *out,
                           struct random *random)
{
    if (random_below(random, 2)) {
        draw_box_anywhere(out->maps, scene->size, random);
        out->flags[1] = 1.0f;
    } else {
        draw_click_anywhere(out->maps, scene->size, random);
        out->flags[2] = 1.0f;
    }
}

/* Words of something that is not there; the mask stays empty. */
static void ask_absent(const struct scene *scene, const struct prompt_out *out,
                       struct random *random)
{
    const int missing = draw_bit(scene->plan->missing, random);
    int concept;

    if (missing >= 0 && random_uniform(random) < chance_of_missing)
    concept = concept_in_view(scene, missing);
    else if (random_uniform(random) < chance_of_nonsense) concept = -1;
    else concept = draw_absent_concept(scene, random);
    say(scene, concept, out, random);
    if (random_uniform(random) < chance_of_pointing)
        point_anywhere(scene, out, random);
    *out->mask_weight = 1.0f;
}

/* Words of a thing that the view has left outside. */
static void ask_cropped_away(const struct scene *scene, int target, const struct prompt_out *out,
                             struct random *random)
{
    say(scene, concept_in_view(scene, target), out, random);
    if (random_uniform(random) < 2 * chance_of_pointing)
        point_anywhere(scene, out, random);
    *out->mask_weight = 1.0f;
}

/* Box or clicks on the target; narrows the answer to what they mean. */
static ana_status point_at(const struct scene *scene, enum prompt_kind kind, const float *mask,
                           const struct prompt_out *out, bool *done, struct random *random,
                           ana_error *err)
{
    struct parts parts;
    struct chosen chosen;
    ana_status status = parts_find(&parts, mask, scene->size, err);

    *done = false;
    if (status)
        return status;
    if (parts.n_large) {
        *done = true;
        parts_choose(&chosen, &parts, has_clicks[kind], random);
        chosen_mask(out->target, mask, &parts, &chosen);
        if (has_box[kind]) {
            draw_box(out->maps, scene->size, &chosen, random);
            out->flags[1] = 1.0f;
        }
        if (has_clicks[kind]) {
            status = draw_clicks(out->maps, out->target, &parts, &chosen, random, err);
            out->flags[2] = 1.0f;
        }
    }
    parts_clear(&parts);
    return status;
}

/* A thing that is there. *done is false if this kind of prompt cannot name it. */
static ana_status ask_present(const struct scene *scene, int target, enum prompt_kind kind,
                              const float *mask, const struct prompt_out *out, bool *done,
                              struct random *random, ana_error *err)
{
    const size_t n = (size_t)scene->size * (size_t)scene->size;
    ana_status status = ANA_OK;

    *done = true;
    *out->concept = concept_in_view(scene, target);
    if (has_box[kind] || has_clicks[kind])
        status = point_at(scene, kind, mask, out, done, random, err);
    else
        memcpy(out->target, mask, n * sizeof *mask);
    if (status || !*done)
        return status;
    if (has_words[kind])
        say(scene, *out->concept, out, random);
    *out->present = 1.0f;
    *out->mask_weight = 1.0f;
    *out->dice_weight = 1.0f;
    return ANA_OK;
}

static void clear_prompt(const struct prompt_out *out, int size)
{
    const size_t n = (size_t)size * (size_t)size;

    for (int i = 0; i < WORDS_MAX; i++)
        out->words[i] = -1;
    memset(out->flags, 0, 3 * sizeof *out->flags);
    memset(out->maps, 0, 3 * n * sizeof *out->maps);
    memset(out->target, 0, n * sizeof *out->target);
    *out->present = *out->mask_weight = *out->dice_weight = 0.0f;
    *out->concept = -1;
    out->phrase[0] = 0;
}

static int draw_target(const struct scene *scene, int k, struct random *random)
{
    const uint64_t others = scene->plan->usable & ~(UINT64_C(1) << scene->focus);

    if (k == 0 || !others || random_uniform(random) >= chance_of_switch)
        return scene->focus;
    return draw_bit(others, random);
}

ana_status scene_prompt(struct scene *scene, int k, const struct prompt_out *out, ana_error *err)
{
    struct random random =
        random_at(scene->sampler->options.seed, scene->step, scene->slot, USE_PROMPT + (uint32_t)k);
    bool done = false;

    clear_prompt(out, scene->size);
    const bool absent = k % 3 == 2 && random_uniform(&random) < chance_of_absent;
    const int target = draw_target(scene, k, &random);
    const bool named = scene->image->targets[target].concept >= 0;
    const enum prompt_kind kind = draw_kind(k == 0 ? shares_first : shares_other, named, &random);
    if (absent) {
        ask_absent(scene, out, &random);
        return ANA_OK;
    }
    const float *mask = scene_mask(scene, target, err);
    if (!mask)
        return ana_fail(err, ANA_ERR_MEMORY, "out of memory");
    const enum visibility visibility = visibility_of(mask, scene->size);
    if (visibility == NOT_VISIBLE && named) {
        ask_cropped_away(scene, target, out, &random);
        return ANA_OK;
    }
    if (visibility == VISIBLE) {
        const ana_status status = ask_present(scene, target, kind, mask, out, &done, &random, err);
        if (status)
            return status;
    }
    if (!done) {
        clear_prompt(out, scene->size);
        ask_absent(scene, out, &random);
    }
    return ANA_OK;
}
