/* From measured cases to the page: a few are asked again, drawn, and described. The same question
 * gives the same bytes, so nothing of the thousands of answers has to be kept. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/image_file.h"
#include "pipeline/evaluate_internal.h"
#include "pipeline/labels.h"
#include "pipeline/segment.h"
#include "report/comparison.h"
#include "report/page.h"

/* What a picture is made with. */
struct artist {
    const struct model *model;
    const char *sha256; /* of its weights; may be NULL */
    const ana_evaluate_options *options;
    int64_t each;       /* of the worst, middle and best cases */
    const char *images; /* folder that the manifest's paths are relative to */
    const char *folder; /* of the report */
    struct segmenter segmenter;
    int64_t n; /* pictures so far */
};

/* Everything that the page borrows. */
struct material {
    const struct eval_case **sorted;
    double *dice; /* of sorted */
    struct page_group *groups;
    struct chart_row *strips;
    struct page_picture *pictures; /* those of the concepts, then those of absent things */
    int64_t n_pictures;
    struct page_absent *absent;
    int64_t n_absent;
};

/* ---- one picture ---- */

/* *image is the caller's, also on failure. */
static ana_status look_at(struct artist *artist, struct image *image, const char *name,
                          ana_error *err)
{
    const ana_evaluate_options *o = artist->options;
    const struct image_read_options read = {.max_pixels = o->max_pixels};

    *image = (struct image){0};
    if (o->progress && !o->progress(o->progress_user, name, 1))
        return ana_fail(err, ANA_ERR_CANCELLED, "the evaluation was cancelled");
    char *path = path_join(artist->images, name);
    ana_status status = path ? image_read(image, path, &read, err) : ana_fail_memory(err, 0);
    if (!status)
        status = segmenter_set_image(&artist->segmenter, image, err);
    memory_free(path);
    return status;
}

/* The part of the mask that the case is about. */
static ana_status narrow_truth(struct image *truth, const struct eval_case *c, ana_error *err)
{
    struct truth_parts parts;

    if (c->part == 0)
        return ANA_OK;
    const ana_status status = truth_parts_open(&parts, truth, err);
    if (status)
        return status;
    truth_part(truth->pixels.data, &parts, c->part - 1, tensor_count(&truth->pixels));
    truth_parts_clear(&parts);
    return ANA_OK;
}

static ana_status draw(struct artist *artist, const struct page_picture *picture,
                       const struct comparison *comparison, ana_error *err)
{
    if (page_picture_failed(picture))
        return ana_fail_memory(err, sizeof *picture);
    char *path = path_join(artist->folder, text_string(&picture->file));
    const ana_status status =
        path ? comparison_write(path, comparison, err) : ana_fail_memory(err, 0);

    memory_free(path);
    return status;
}

static void describe_case(struct page_picture *picture, const struct eval_case *c, const char *rank)
{
    text_append(&picture->rank, rank);
    text_append(&picture->name, c->task->image);
    if (c->part)
        text_appendf(&picture->name, ", part %d", c->part);
    text_appendf(&picture->note, "Dice %.3f, score %.3f, %s", c->dice, c->score,
                 c->verdict == ANA_VERDICT_NOT_FOUND ? "not found" : verdict_name(c->verdict));
    text_appendf(&picture->alt,
                 "%s case of %s: %s with the outlines of the reference mask (%lld pixels) and of "
                 "the answer (%lld pixels), Dice %.3f",
                 rank, c->task->words, text_string(&picture->name), (long long)c->truth_area,
                 (long long)c->answer_area, c->dice);
}

static ana_status draw_case(struct artist *artist, struct page_picture *picture,
                            const struct eval_selection *selection, ana_error *err)
{
    const struct eval_case *c = selection->item;
    const ana_evaluate_by by = artist->options->by;
    const ana_box box = {(double)c->box[0], (double)c->box[1], (double)c->box[2],
                         (double)c->box[3]};
    const ana_point point = {(double)c->point[0], (double)c->point[1], false};
    const ana_prompt prompt = {.text = by == ANA_BY_TEXT ? c->task->words : NULL,
                               .boxes = &box,
                               .n_boxes = by == ANA_BY_BOX,
                               .points = &point,
                               .n_points = by == ANA_BY_POINT};
    struct image image, truth = {0};
    struct ana_result *result = NULL;

    page_picture_file(&picture->file, ++artist->n, c->task->words, selection->rank);
    describe_case(picture, c, selection->rank);
    ana_status status = look_at(artist, &image, c->task->image, err);
    if (!status)
        status = truth_read(&truth, artist->images, c->task, artist->options,
                            artist->segmenter.height, artist->segmenter.width, err);
    if (!status)
        status = narrow_truth(&truth, c, err);
    if (!status)
        status = segment_ask(&result, &artist->segmenter, &prompt, err);
    if (!status)
        status = draw(artist, picture,
                      &(struct comparison){.image = &image,
                                           .truth = &truth,
                                           .answer = &result->mask,
                                           .box = by == ANA_BY_BOX ? &box : NULL,
                                           .point = by == ANA_BY_POINT ? &point : NULL},
                      err);
    result_free(result);
    image_clear(&truth);
    image_clear(&image);
    return status ? ana_fail_in(err, status, "%s", c->task->image) : ANA_OK;
}

static ana_status draw_absent(struct artist *artist, struct page_picture *picture,
                              const struct eval_absent *absent, ana_error *err)
{
    const struct task *task = absent->task;
    const ana_prompt prompt = {.text = task->words};
    struct ana_result *result = NULL;
    struct image image;

    page_picture_file(&picture->file, ++artist->n, task->words, "absent");
    text_append(&picture->rank, task->words);
    text_append(&picture->name, task->image);
    text_appendf(&picture->note, "score %.3f, %s kind of picture", absent->score,
                 task->same_kind ? "same" : "other");
    text_appendf(&picture->alt,
                 "%s, in which there is no %s, with the outline of what was shown as it "
                 "(%lld pixels)",
                 task->image, task->words, (long long)absent->area);
    ana_status status = look_at(artist, &image, task->image, err);
    if (!status)
        status = segment_ask(&result, &artist->segmenter, &prompt, err);
    if (!status)
        status = draw(artist, picture,
                      &(struct comparison){.image = &image, .answer = &result->mask}, err);
    result_free(result);
    image_clear(&image);
    return status ? ana_fail_in(err, status, "%s", task->image) : ANA_OK;
}

/* ---- all pictures ---- */

static ana_status draw_cases(struct artist *artist, struct material *m,
                             const struct ana_evaluation *e, ana_error *err)
{
    const int64_t each = artist->each;
    struct eval_selection *chosen = memory_alloc_array((size_t)each + 1, 3 * sizeof *chosen);
    ana_status status = chosen ? ANA_OK : ana_fail_memory(err, (size_t)each * 3 * sizeof *chosen);

    for (int64_t i = 0, at = 0; !status && i < e->totals.n_concepts; i++) {
        const int64_t n = e->concepts[i].n;
        const int64_t n_chosen = eval_select(chosen, m->sorted + at, n, each);
        struct page_picture *pictures = m->pictures + m->n_pictures;
        m->groups[i] = (struct page_group){&e->concepts[i], pictures, n_chosen};
        m->strips[i] = (struct chart_row){e->concepts[i].concept_name, m->dice + at, n};
        for (int64_t k = 0; !status && k < n_chosen; k++) {
            m->n_pictures++;
            status = draw_case(artist, &pictures[k], &chosen[k], err);
        }
        at += n;
    }
    memory_free(chosen);
    return status;
}

static ana_status draw_absents(struct artist *artist, struct material *m,
                               const struct eval_cases *cases, ana_error *err)
{
    const int64_t each = artist->each;
    const struct eval_absent **chosen = memory_alloc_array((size_t)each + 1, 2 * sizeof *chosen);
    int64_t n = 0;

    ana_status status = chosen ? eval_select_absent(chosen, &n, cases, each, err)
                               : ana_fail_memory(err, (size_t)each * 2 * sizeof *chosen);
    for (int64_t i = 0; !status && i < n; i++)
        status = draw_absent(artist, &m->pictures[m->n_pictures++], chosen[i], err);
    memory_free(chosen);
    return status;
}

/* ---- absent things by phrase ---- */

static int by_phrase(const void *a, const void *b)
{
    const struct page_absent *x = a, *y = b;
    const int phrases = strcmp(x->phrase, y->phrase);

    return phrases ? phrases : (int)x->same_kind - (int)y->same_kind;
}

static int by_share(const void *a, const void *b)
{
    const struct page_absent *x = a, *y = b;
    const double p = (double)x->empty / (double)x->n, q = (double)y->empty / (double)y->n;

    return p < q ? -1 : p > q ? 1 : by_phrase(a, b);
}

static void count_absent(struct material *m, const struct eval_cases *cases)
{
    int64_t n = 0;

    for (int64_t i = 0; i < cases->n_absent; i++) {
        const struct eval_absent *a = &cases->absent[i];
        m->absent[i] = (struct page_absent){a->task->words, a->task->same_kind, 1, a->area == 0};
    }
    if (cases->n_absent > 0)
        qsort(m->absent, (size_t)cases->n_absent, sizeof *m->absent, by_phrase);
    for (int64_t i = 0; i < cases->n_absent; i++) {
        if (n > 0 && by_phrase(&m->absent[n - 1], &m->absent[i]) == 0) {
            m->absent[n - 1].n++;
            m->absent[n - 1].empty += m->absent[i].empty;
        } else {
            m->absent[n++] = m->absent[i];
        }
    }
    m->n_absent = n;
    if (n > 0)
        qsort(m->absent, (size_t)n, sizeof *m->absent, by_share);
}

/* ---- the page ---- */

static ana_status material_create(struct material *out, const struct ana_evaluation *e,
                                  const struct eval_cases *cases, int64_t each, ana_error *err)
{
    const size_t n_cases = (size_t)cases->n + 1, n_concepts = (size_t)e->totals.n_concepts + 1;
    const size_t n_absent = (size_t)cases->n_absent + 1;
    /* Whatever `each` is, no case is shown twice. */
    size_t n_pictures = n_cases + n_absent, wanted;

    if (size_mul(&wanted, 3 * n_concepts, (size_t)each) && wanted < n_pictures)
        n_pictures = wanted;
    *out = (struct material){.sorted = memory_alloc_array(n_cases, sizeof *out->sorted),
                             .dice = memory_alloc_array(n_cases, sizeof *out->dice),
                             .groups = memory_alloc_array_zeroed(n_concepts, sizeof *out->groups),
                             .strips = memory_alloc_array_zeroed(n_concepts, sizeof *out->strips),
                             .pictures =
                                 memory_alloc_array_zeroed(n_pictures + 1, sizeof *out->pictures),
                             .absent = memory_alloc_array(n_absent, sizeof *out->absent)};
    if (!out->sorted || !out->dice || !out->groups || !out->strips || !out->pictures ||
        !out->absent)
        return ana_fail_memory(err, n_cases * sizeof *out->sorted);
    eval_cases_sort(out->sorted, cases);
    for (int64_t i = 0; i < cases->n; i++)
        out->dice[i] = out->sorted[i]->dice;
    count_absent(out, cases);
    return ANA_OK;
}

static void material_clear(struct material *m)
{
    for (int64_t i = 0; i < m->n_pictures; i++)
        page_picture_clear(&m->pictures[i]);
    memory_free(m->sorted);
    memory_free(m->dice);
    memory_free(m->groups);
    memory_free(m->strips);
    memory_free(m->pictures);
    memory_free(m->absent);
}

static ana_status write_page(const char *folder, const struct page *page, ana_error *err)
{
    struct text html = {0};

    page_write(&html, page);
    char *path = path_join(folder, PAGE_FILE);
    ana_status status = html.failed || !path ? ana_fail_memory(err, html.size)
                                             : file_write(path, html.data, html.size, err);
    memory_free(path);
    text_clear(&html);
    return status;
}

/* The first n_of_concepts pictures are those of the concepts. */
static ana_status compose(const struct artist *artist, const struct material *m,
                          int64_t n_of_concepts, const struct ana_evaluation *e,
                          const struct eval_cases *cases, ana_error *err)
{
    const ana_evaluate_options *o = artist->options;
    const struct model_facts *facts = &artist->model->facts;
    const char *sha256 = artist->sha256;
    const struct page_fact all[] = {
        {"Model", facts->name},
        {"Version of the weights", *facts->version ? facts->version : "unknown"},
        {"SHA-256 of the weights", sha256 ? sha256 : "unknown"},
        {"Licence", facts->licence},
        {"Intended use", facts->intended_use},
        {"Program", "anatome " ANATOME_VERSION},
        {"Split", o->split ? o->split : "all rows"},
        {"Command", o->report_command},
    };
    const int64_t n_facts = (int64_t)(sizeof all / sizeof all[0]) - (o->report_command ? 0 : 1);
    const char *const titles[] = {[ANA_BY_TEXT] = "Evaluation by words",
                                  [ANA_BY_BOX] = "Evaluation by boxes",
                                  [ANA_BY_POINT] = "Evaluation by points"};
    const struct page page = {.title = titles[o->by],
                              .facts = all,
                              .n_facts = n_facts,
                              .totals = e->totals,
                              .groups = m->groups,
                              .strips = m->strips,
                              .n_groups = e->totals.n_concepts,
                              .surface = o->surface,
                              .ellipse = o->ellipse && o->by == ANA_BY_BOX,
                              .presence = cases->calibration.presence,
                              .pixels = cases->calibration.pixels,
                              .quality = cases->calibration.quality,
                              .absent = m->absent,
                              .n_absent = m->n_absent,
                              .absent_pictures = m->pictures + n_of_concepts,
                              .n_absent_pictures = m->n_pictures - n_of_concepts};

    return write_page(artist->folder, &page, err);
}

ana_status evaluation_write_page(const struct ana_evaluation *evaluation,
                                 const struct eval_cases *cases, const struct task_list *tasks,
                                 const struct model *model, const char *sha256,
                                 struct ana_context *context, const ana_evaluate_options *options,
                                 const char *folder, ana_error *err)
{
    const int64_t all = cases->n + cases->n_absent, wanted = options->report_cases;
    struct artist artist = {.model = model,
                            .sha256 = sha256,
                            .options = options,
                            .each = wanted < 0     ? 0
                                    : wanted < all ? wanted
                                                   : all,
                            .images = tasks->folder,
                            .folder = folder};
    struct material material = {0};

    ana_status status = segmenter_open(&artist.segmenter, model, context, err);
    if (status)
        return status;
    status = segmenter_set_passes(&artist.segmenter, &options->passes, err);
    if (!status)
        status = material_create(&material, evaluation, cases, artist.each, err);
    if (!status)
        status = draw_cases(&artist, &material, evaluation, err);
    const int64_t n_of_concepts = material.n_pictures;
    if (!status)
        status = draw_absents(&artist, &material, cases, err);
    if (!status)
        status = compose(&artist, &material, n_of_concepts, evaluation, cases, err);
    material_clear(&material);
    segmenter_clear(&artist.segmenter);
    return status;
}
