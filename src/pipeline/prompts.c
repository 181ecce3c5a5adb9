/* Turning the public prompt into the model's typed list, with everything said that a user should
 * know: unknown words, clipped boxes, points outside. */
#include "pipeline/prompts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

static void warn(struct ana_result *result, const char *format, ...) PRINTF_LIKE(2, 3);

static void warn(struct ana_result *result, const char *format, ...)
{
    char line[512];
    va_list args;

    if (result->n_warnings == RESULT_MAX_WARNINGS)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_append(&result->warnings[result->n_warnings++], line);
}

static bool takes(const struct segmenter *segmenter, enum prompt_kind kind)
{
    return segmenter->session->model->kind->accepts & PROMPT_BIT(kind);
}

/* Why the table refuses the words; empty for words that it knows. */
static void explain_match(struct text *out, const struct concepts *concepts, const char *phrase,
                          const struct concept_match *match)
{
    switch (match->verdict) {
    case CONCEPT_FOUND:
        break;
    case CONCEPT_NO_WORDS:
        text_appendf(out, "\"%s\" names nothing that could be looked for", phrase);
        break;
    case CONCEPT_SEVERAL:
        text_appendf(out, "\"%s\" names two things, %s and %s: ask for one at a time", phrase,
                     concepts->items[match->concept].name, concepts->items[match->other].name);
        break;
    case CONCEPT_UNKNOWN:
        text_appendf(out, "the model does not know \"%s\"",
                     *match->unknown ? match->unknown : phrase);
        if (match->concept >= 0)
            text_appendf(out, " (in \"%s\"; it knows \"%s\")", phrase,
                         concepts->items[match->concept].name);
        break;
    }
}

/* Adds the words if the table knows them. Otherwise refuses, or leaves them out where a box or a
 * point says enough. */
static ana_status add_words(struct question *q, struct ana_result *result,
                            const struct segmenter *segmenter, const ana_prompt *prompt,
                            ana_error *err)
{
    const struct model *model = segmenter->session->model;
    const bool alone = prompt->n_boxes + prompt->n_points == 0;

    if (!takes(segmenter, PROMPT_WORDS) || !model->concepts) {
        if (alone)
            return ana_fail(err, ANA_ERR_UNSUPPORTED, "model %s takes no words", model->facts.name);
        warn(result, "model %s takes no words; they were not used", model->facts.name);
        return ANA_OK;
    }

    struct concept_match match;
    concepts_resolve(model->concepts, prompt->text, &match);
    if (match.verdict == CONCEPT_FOUND) {
        const char *name = model->concepts->items[match.concept].name;
        result->info.concept_name = name;
        if (match.typo)
            warn(result, "\"%s\" was read as \"%s\"", prompt->text, match.alias);
        struct prompt_item *item = &q->items[q->n_items++];
        item->kind = PROMPT_WORDS;
        /* Every phrase that the table knows gets the same mask: published wordings move it by up to
         * 39 points (medclip-sam.md), and no user means that. */
        item->of.words.phrase = name;
        item->of.words.concept = match.concept;
        return ANA_OK;
    }

    struct text why = {0};
    explain_match(&why, model->concepts, prompt->text, &match);
    warn(result, "%s%s", text_string(&why), alone ? "" : "; only the box and points were used");
    if (alone)
        text_append(&result->reason, text_string(&why));
    q->refused = alone;
    text_clear(&why);
    return ANA_OK;
}

static ana_status add_box(struct question *q, struct ana_result *result,
                          const struct segmenter *segmenter, const ana_box *box, ana_error *err)
{
    const double width = (double)segmenter->width;
    const double height = (double)segmenter->height;
    const ana_box clipped = {fmax(box->x0, 0), fmax(box->y0, 0), fmin(box->x1, width),
                             fmin(box->y1, height)};

    if (isnan(box->x0) || isnan(box->y0) || isnan(box->x1) || isnan(box->y1) ||
        !(ceil(clipped.x0) < clipped.x1) || !(ceil(clipped.y0) < clipped.y1))
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "box %g,%g,%g,%g holds no pixel of the image, which is %lld x %lld",
                        box->x0, box->y0, box->x1, box->y1, (long long)segmenter->width,
                        (long long)segmenter->height);
    if (clipped.x0 > box->x0 || clipped.y0 > box->y0 || clipped.x1 < box->x1 ||
        clipped.y1 < box->y1)
        warn(result, "box %g,%g,%g,%g was clipped to the image", box->x0, box->y0, box->x1,
             box->y1);

    struct prompt_item *item = &q->items[q->n_items++];
    item->kind = PROMPT_BOX;
    item->of.box.x0 = clipped.x0;
    item->of.box.y0 = clipped.y0;
    item->of.box.x1 = clipped.x1;
    item->of.box.y1 = clipped.y1;
    return ANA_OK;
}

static ana_status add_point(struct question *q, const struct segmenter *segmenter,
                            const ana_point *point, ana_error *err)
{
    /* A pixel reaches half a pixel around its centre. */
    if (!(point->x >= -0.5 && point->x < (double)segmenter->width - 0.5 && point->y >= -0.5 &&
          point->y < (double)segmenter->height - 0.5))
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "point %g,%g lies outside the image, which is %lld x %lld", point->x,
                        point->y, (long long)segmenter->width, (long long)segmenter->height);

    struct prompt_item *item = &q->items[q->n_items++];
    item->kind = PROMPT_POINT;
    item->of.point.x = fmax(point->x, 0);
    item->of.point.y = fmax(point->y, 0);
    item->of.point.negative = point->negative;
    return ANA_OK;
}

static ana_status check_kinds(const struct segmenter *segmenter, const ana_prompt *prompt,
                              ana_error *err)
{
    const char *name = segmenter->session->model->facts.name;
    size_t n_positive = 0;

    if (prompt->n_boxes && !takes(segmenter, PROMPT_BOX))
        return ana_fail(err, ANA_ERR_UNSUPPORTED, "model %s takes no boxes", name);
    if (prompt->n_points && !takes(segmenter, PROMPT_POINT))
        return ana_fail(err, ANA_ERR_UNSUPPORTED, "model %s takes no points", name);
    for (size_t i = 0; i < prompt->n_points; i++)
        n_positive += !prompt->points[i].negative;
    if (prompt->n_points && !n_positive && !prompt->n_boxes && !prompt->text)
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "negative points alone say nothing: add words, a box or a positive point");
    if (prompt->text && !string_is_utf8(prompt->text))
        return ana_fail(err, ANA_ERR_ARGUMENT, "the words are not UTF-8 text");
    if (!prompt->n_points && !prompt->n_boxes && !prompt->text)
        return ana_fail(err, ANA_ERR_ARGUMENT, "nothing was asked: give words, a box or a point");
    return ANA_OK;
}

ana_status question_open(struct question *out, struct ana_result *result,
                         const struct segmenter *segmenter, const ana_prompt *prompt,
                         ana_error *err)
{
    struct question q = {0};
    ana_prompt given = *prompt;

    if (given.text && !*given.text)
        given.text = NULL;
    ana_status status = check_kinds(segmenter, &given, err);
    if (status)
        return status;

    q.items = memory_alloc_array_zeroed(given.n_boxes + given.n_points + 1, sizeof *q.items);
    if (!q.items)
        return ana_fail_memory(err, (given.n_boxes + given.n_points + 1) * sizeof *q.items);
    if (given.text)
        status = add_words(&q, result, segmenter, &given, err);
    for (size_t i = 0; !status && i < given.n_boxes; i++)
        status = add_box(&q, result, segmenter, &given.boxes[i], err);
    for (size_t i = 0; !status && i < given.n_points; i++)
        status = add_point(&q, segmenter, &given.points[i], err);
    if (status) {
        question_clear(&q);
        return status;
    }

    *out = q;
    return ANA_OK;
}

void question_clear(struct question *question)
{
    memory_free(question->items);
    *question = (struct question){0};
}
