/* Questions to the pictures set aside, and the fits on their answers. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "imaging/resize.h"
#include "train/absence.h"
#include "train/asker.h"
#include "train/calibrate.h"

enum { MAP_SIDE = DATASET_LARGE, MAP_PIXELS = MAP_SIDE * MAP_SIDE };
/* Absent things asked of each picture: most of its own kind, where mistakes are made. */
enum { MOST_NEAR = 4, MOST_FAR = 2 };
/* Of thin things that spread over the picture each ninth is a case of its own: there are few such
 * pictures, and what a threshold does to a vessel it does to all of them. */
enum { THIN_GRID = 3, THIN_LEAST_PIXELS = 64 };

/* Fitted scores below it say little. */
static const double lowest_threshold = 0.05;

struct answers {
    double *logits;
    bool *present;
    int n, capacity;
};

struct survey {
    struct asker asker;
    const struct concepts *concepts;
    const char *split;
    struct answers answers;
    struct fit_curve *curves; /* [concepts] */
    uint8_t *absence;         /* [concepts] */
    float *map;               /* [512, 512] */
    float *part;              /* a piece of the map, and of a mask */
    uint8_t *part_mask;
};

static ana_status survey_prepare(struct survey *s, const struct trainee *trainee, struct pool *pool,
                                 ana_error *err)
{
    const size_t n = (size_t)s->concepts->n + 1;
    s->curves = memory_alloc_array_zeroed(n, sizeof *s->curves);
    s->absence = memory_alloc_array_zeroed(n, sizeof *s->absence);
    s->map = memory_alloc_array(MAP_PIXELS, sizeof *s->map);
    s->part = memory_alloc_array(MAP_PIXELS, sizeof *s->part);
    s->part_mask = memory_alloc(MAP_PIXELS);
    if (!s->curves || !s->absence || !s->map || !s->part || !s->part_mask)
        return ana_fail_memory(err, MAP_PIXELS * sizeof *s->map);
    return asker_prepare(&s->asker, trainee, DATASET_SMALL, pool, err);
}

static void survey_clear(struct survey *s)
{
    asker_clear(&s->asker);
    memory_free(s->answers.logits);
    memory_free(s->answers.present);
    memory_free(s->curves);
    memory_free(s->absence);
    memory_free(s->map);
    memory_free(s->part);
    memory_free(s->part_mask);
}

static ana_status reserve(struct answers *a, ana_error *err)
{
    if (a->n < a->capacity)
        return ANA_OK;
    const int capacity = a->capacity ? 2 * a->capacity : 256;
    double *logits = memory_resize(a->logits, (size_t)capacity * sizeof *logits);
    if (logits)
        a->logits = logits;
    bool *present = memory_resize(a->present, (size_t)capacity * sizeof *present);
    if (present)
        a->present = present;
    if (!logits || !present)
        return ana_fail_memory(err, (size_t)capacity * sizeof *logits);
    a->capacity = capacity;
    return ANA_OK;
}

static ana_status ask(struct survey *s, int concept, bool present, ana_error *err)
{
    struct answers *a = &s->answers;
    double logit;

    ana_status status = reserve(a, err);
    if (!status)
        status = asker_ask(&s->asker, s->concepts->items[concept].name, &logit, err);
    if (!status) {
        a->logits[a->n] = logit;
        a->present[a->n++] = present;
    }
    return status;
}

static void add_part(struct survey *s, const struct dataset_target *target, int column, int row)
{
    const int x0 = MAP_SIDE * column / THIN_GRID, x1 = MAP_SIDE * (column + 1) / THIN_GRID;
    const int y0 = MAP_SIDE * row / THIN_GRID, y1 = MAP_SIDE * (row + 1) / THIN_GRID;
    int n = 0, truth = 0;

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++, n++) {
            s->part[n] = s->map[y * MAP_SIDE + x];
            s->part_mask[n] = target->large[y * MAP_SIDE + x];
            truth += s->part_mask[n] > 127;
        }
    if (truth >= THIN_LEAST_PIXELS)
        fit_curve_add(&s->curves[target->concept], s->part, s->part_mask, n);
}

static void add_mask(struct survey *s, const struct dataset_target *target)
{
    if (!s->concepts->items[target->concept].tiles) {
        fit_curve_add(&s->curves[target->concept], s->map, target->large, MAP_PIXELS);
        return;
    }
    for (int i = 0; i < THIN_GRID * THIN_GRID; i++)
        add_part(s, target, i % THIN_GRID, i / THIN_GRID);
}

/* What is labelled: there, or looked for and not there. */
static ana_status ask_target(struct survey *s, const struct dataset_target *target, ana_error *err)
{
    if (target->concept < 0 || strcmp(target->row->split, s->split) != 0)
        return ANA_OK;
    ana_status status = ask(s, target->concept, target->area > 0, err);
    if (!status && target->area > 0)
        status = asker_map(&s->asker, s->map, MAP_SIDE, err);
    if (!status && target->area > 0)
        add_mask(s, target);
    return status;
}

/* Up to `most` concepts of one kind of absence, from a drawn one on. */
static ana_status ask_absent(struct survey *s, enum absence kind, int most, int first,
                             ana_error *err)
{
    const int n = s->concepts->n;
    ana_status status = ANA_OK;

    for (int i = 0; !status && i < n && most > 0; i++) {
        const int concept = (first + i) % n;
        if (s->absence[concept] != kind)
            continue;
        status = ask(s, concept, false, err);
        most--;
    }
    return status;
}

static ana_status ask_image(struct survey *s, const struct dataset_image *image, int index,
                            ana_error *err)
{
    struct random random = random_at(0, (uint64_t)index, 0, 0);

    absence_of(s->absence, image, s->concepts);
    ana_status status = asker_look(&s->asker, image, err);
    for (int k = 0; !status && k < image->n_targets; k++)
        status = ask_target(s, &image->targets[k], err);
    const int near = (int)random_below(&random, s->concepts->n);
    const int far = (int)random_below(&random, s->concepts->n);
    if (!status)
        status = ask_absent(s, ABSENCE_NEAR, MOST_NEAR, near, err);
    if (!status)
        status = ask_absent(s, ABSENCE_FAR, MOST_FAR, far, err);
    return status;
}

static double score_of(const struct fit_logit *fit, double logit)
{
    return 1 / (1 + exp(-(fit->scale * logit + fit->bias)));
}

/* `scores` has room for all answers: those of things that are there come first. */
static void fit_answers(struct calibration *c, const struct answers *a, double *scores)
{
    for (int i = 0; i < a->n; i++)
        if (a->present[i])
            scores[c->n_present++] = score_of(&c->presence, a->logits[i]);
    double *absent = scores + c->n_present;
    for (int i = 0; i < a->n; i++)
        if (!a->present[i])
            absent[c->n_absent++] = score_of(&c->presence, a->logits[i]);
    const struct fit_verdict verdict =
        fit_verdict(scores, c->n_present, absent, c->n_absent, lowest_threshold);
    c->presence_absent = verdict.absent;
    c->presence_found = verdict.found;
}

static ana_status fit(struct calibration *out, double *each, const struct survey *s, ana_error *err)
{
    const struct answers *a = &s->answers;
    struct calibration c = {.presence = fit_presence(a->logits, a->present, a->n)};

    double *scores = memory_alloc_array((size_t)a->n + 1, sizeof *scores);
    if (!scores)
        return ana_fail_memory(err, (size_t)a->n * sizeof *scores);
    fit_answers(&c, a, scores);
    memory_free(scores);
    if (c.n_present == 0)
        return ANA_OK;
    c.mask_threshold = fit_thresholds(each, s->curves, s->concepts->n);
    *out = c;
    return ANA_OK;
}

ana_status calibrate_aside_bytes(size_t *out, const struct trainee *trainee,
                                 const struct concepts *concepts, struct pool *pool, ana_error *err)
{
    const size_t before = memory_in_use();
    const struct plane_shape answer = {DATASET_SMALL, DATASET_SMALL, 1};
    struct survey s = {.concepts = concepts};
    const ana_status status = survey_prepare(&s, trainee, pool, err);
    *out = status ? 0
                  : memory_in_use() - before + asker_bytes(&s.asker) +
                        plane_resize_bytes(MAP_SIDE, MAP_SIDE, &answer);
    survey_clear(&s);
    return status;
}

ana_status calibrate_aside(struct calibration *out, double *each, const struct trainee *trainee,
                           const struct dataset *dataset, const struct concepts *concepts,
                           const bool *aside, const char *split, struct pool *pool, ana_error *err)
{
    struct survey s = {.concepts = concepts, .split = split};

    ana_status status = survey_prepare(&s, trainee, pool, err);
    if (!status)
        status = asker_allocate(&s.asker, err);
    for (int i = 0; !status && i < dataset->n_images; i++)
        if (aside[i])
            status = ask_image(&s, &dataset->images[i], i, err);
    if (!status)
        status = fit(out, each, &s, err);
    survey_clear(&s);
    return status;
}
