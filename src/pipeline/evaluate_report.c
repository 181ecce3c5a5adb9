/* What the cases say: statistics by concept, JSON, a row for each case. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "imaging/statistics.h"
#include "io/json.h"
#include "pipeline/evaluate_internal.h"
#include "pipeline/labels.h"
#include "text/concepts.h"

/* ---- groups ---- */

static int by_concept(const void *a, const void *b)
{
    const struct eval_case *const *x = a, *const *y = b;
    const int names = strcmp((*x)->task->words, (*y)->task->words);

    return names ? names : *x < *y ? -1 : 1;
}

static int by_string(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The cases of one concept, with room for their values. */
struct slice {
    const struct eval_case *const *cases;
    int64_t n;
    double *values;     /* [n] */
    int64_t *patients;  /* [n] */
    const char **names; /* [n] scratch */
};

/* Patients as numbers: their places in the sorted list of names. */
static void number_patients(struct slice *slice)
{
    for (int64_t i = 0; i < slice->n; i++)
        slice->names[i] = slice->cases[i]->task->patient;
    qsort(slice->names, (size_t)slice->n, sizeof *slice->names, by_string);
    for (int64_t i = 0; i < slice->n; i++) {
        const char *const *found = bsearch(&slice->cases[i]->task->patient, slice->names,
                                           (size_t)slice->n, sizeof *slice->names, by_string);
        while (found > slice->names && strcmp(found[-1], *found) == 0)
            found--;
        slice->patients[i] = found - slice->names;
    }
}

static ana_status statistic_of(ana_statistic *out, const struct slice *slice, size_t offset,
                               uint64_t seed, ana_error *err)
{
    struct summary summary;

    for (int64_t i = 0; i < slice->n; i++) {
        const double value = *(const double *)((const char *)slice->cases[i] + offset);
        slice->values[i] = isfinite(value) ? value : (double)NAN;
    }
    ana_status status =
        statistics_summarise(&summary, slice->values, slice->patients, slice->n, seed, err);
    if (!status)
        *out = (ana_statistic){summary.n, summary.mean, summary.sd, summary.lo, summary.hi};
    return status;
}

#define FIELD(member) offsetof(struct eval_case, member)

static ana_status summarise_concept(ana_evaluation_concept *c, const struct slice *slice,
                                    uint64_t seed, ana_error *err)
{
    const struct {
        ana_statistic *out;
        size_t offset;
    } fields[] = {
        {&c->dice, FIELD(dice)},
        {&c->iou, FIELD(iou)},
        {&c->ellipse, FIELD(ellipse)},
        {&c->nsd_element, FIELD(nsd_element)},
        {&c->nsd_boundary, FIELD(nsd_boundary)},
        {&c->hd95_element, FIELD(hd95_element)},
        {&c->hd95_boundary, FIELD(hd95_boundary)},
    };
    int64_t missed = 0;
    ana_status status = ANA_OK;

    for (size_t i = 0; !status && i < sizeof fields / sizeof fields[0]; i++)
        status = statistic_of(fields[i].out, slice, fields[i].offset, seed, err);
    for (int64_t i = 0; i < slice->n; i++)
        missed += slice->cases[i]->verdict == ANA_VERDICT_NOT_FOUND;
    c->n = slice->n;
    c->missed_share = (double)missed / (double)slice->n;
    return status;
}

static bool is_headline(const struct model *model, const char *name)
{
    const int index = model->concepts ? concepts_find(model->concepts, name) : -1;

    return index >= 0 && model->concepts->items[index].headline;
}

static ana_status add_concept(struct ana_evaluation *e, const struct slice *slice,
                              const struct model *model, uint64_t seed, ana_error *err)
{
    const int64_t at = e->totals.n_concepts;
    const char *name = slice->cases[0]->task->words;

    e->names[at] = memory_copy_string(name);
    if (!e->names[at])
        return ana_fail_memory(err, strlen(name) + 1);
    e->concepts[at].concept_name = e->names[at];
    e->concepts[at].headline = is_headline(model, name);
    e->totals.n_concepts++;
    return summarise_concept(&e->concepts[at], slice, seed, err);
}

/* `sorted` holds the cases by concept. */
static ana_status summarise_concepts(struct ana_evaluation *e,
                                     const struct eval_case *const *sorted, int64_t n,
                                     struct slice *slice, const struct model *model, uint64_t seed,
                                     ana_error *err)
{
    ana_status status = ANA_OK;

    for (int64_t i = 0; !status && i < n; i += slice->n) {
        slice->cases = &sorted[i];
        for (slice->n = 1; i + slice->n < n &&
                           strcmp(sorted[i]->task->words, sorted[i + slice->n]->task->words) == 0;)
            slice->n++;
        number_patients(slice);
        status = add_concept(e, slice, model, seed, err);
    }
    return status;
}

static ana_evaluation_absent absent_of(const struct eval_cases *cases, bool kind)
{
    int64_t n = 0, empty = 0;

    for (int64_t i = 0; i < cases->n_absent; i++)
        if (cases->absent[i].task->same_kind == kind) {
            n++;
            empty += cases->absent[i].area == 0;
        }
    return (ana_evaluation_absent){n, n ? (double)empty / (double)n : (double)NAN};
}

/* ---- JSON ---- */

static struct json *number(double value)
{
    return isfinite(value) ? json_new_double(value) : json_new_null();
}

static struct json *statistic_json(const ana_statistic *s)
{
    struct json *object = json_new_object();

    json_put(object, "mean", number(s->mean));
    json_put(object, "sd", number(s->sd));
    json_put(object, "lo", number(s->lo));
    json_put(object, "hi", number(s->hi));
    return object;
}

static struct json *concept_json(const ana_evaluation_concept *c,
                                 const ana_evaluate_options *options)
{
    struct json *object = json_new_object();

    json_put_string(object, "concept", c->concept_name);
    json_put_int64(object, "n", c->n);
    json_put(object, "dice", statistic_json(&c->dice));
    json_put(object, "missed_share", number(c->missed_share));
    if (options->ellipse && options->by == ANA_BY_BOX)
        json_put(object, "ellipse", statistic_json(&c->ellipse));
    if (options->surface) {
        json_put(object, "iou", statistic_json(&c->iou));
        json_put(object, "nsd_element", statistic_json(&c->nsd_element));
        json_put(object, "nsd_boundary", statistic_json(&c->nsd_boundary));
        json_put(object, "hd95_element", statistic_json(&c->hd95_element));
        json_put(object, "hd95_boundary", statistic_json(&c->hd95_boundary));
    }
    return object;
}

static struct json *absent_json(const ana_evaluation_absent *absent)
{
    struct json *object = json_new_object();

    json_put_int64(object, "n", absent->n);
    json_put(object, "empty_share", number(absent->empty_share));
    return object;
}

/* Bins that hold nothing are left out. */
static struct json *reliability_json(const struct reliability *r)
{
    struct json *object = json_new_object();
    struct json *bins = json_new_array();

    json_put(object, "n", number(reliability_weight(r)));
    json_put(object, "expected_error", number(reliability_error(r)));
    for (int i = 0; i < RELIABILITY_BINS; i++) {
        if (!(r->weight[i] > 0))
            continue;
        struct json *bin = json_new_object();
        json_put(bin, "weight", number(r->weight[i]));
        json_put(bin, "stated", number(r->stated[i] / r->weight[i]));
        json_put(bin, "true", number(r->truth[i] / r->weight[i]));
        json_append(bins, bin);
    }
    json_put(object, "bins", bins);
    return object;
}

static struct json *calibration_json(const struct eval_calibration *calibration)
{
    struct json *object = json_new_object();

    json_put(object, "presence", reliability_json(&calibration->presence));
    json_put(object, "pixels", reliability_json(&calibration->pixels));
    json_put(object, "quality", reliability_json(&calibration->quality));
    return object;
}

static ana_status write_json(struct ana_evaluation *e, const struct eval_calibration *calibration,
                             const ana_evaluate_options *options, ana_error *err)
{
    struct json *root = json_new_object();
    struct json *concepts = json_new_array();
    struct json *absent = json_new_object();

    for (int64_t i = 0; i < e->totals.n_concepts; i++)
        json_append(concepts, concept_json(&e->concepts[i], options));
    json_put(root, "concepts", concepts);
    json_put(absent, "other", absent_json(&e->totals.other));
    json_put(absent, "same", absent_json(&e->totals.same));
    json_put(root, "absent", absent);
    json_put(root, "calibration", calibration_json(calibration));
    json_put_int64(root, "skipped", e->totals.skipped);
    json_put(root, "seconds_per_image", number(e->totals.seconds_per_image));
    if (e->totals.failed > 0)
        json_put_int64(root, "failed", e->totals.failed);
    ana_status status = json_dump(&e->json, root, 2, err);
    json_free(root);
    return status;
}

/* ---- all of it ---- */

/* How many different concepts the sorted cases have. */
static size_t count_concepts(const struct eval_case *const *sorted, int64_t n)
{
    size_t count = 0;

    for (int64_t i = 0; i < n; i++)
        count += i == 0 || strcmp(sorted[i]->task->words, sorted[i - 1]->task->words) != 0;
    return count;
}

static ana_status summarise(struct ana_evaluation *e, const struct eval_cases *cases,
                            const struct model *model, uint64_t seed, ana_error *err)
{
    const size_t n = (size_t)cases->n + 1;
    const struct eval_case **sorted = memory_alloc_array(n, sizeof *sorted);
    struct slice slice = {.values = memory_alloc_array(n, sizeof(double)),
                          .patients = memory_alloc_array(n, sizeof(int64_t)),
                          .names = memory_alloc_array(n, sizeof(char *))};
    ana_status status = ANA_OK;

    if (!sorted || !slice.values || !slice.patients || !slice.names)
        status = ana_fail_memory(err, n * sizeof *sorted);
    for (int64_t i = 0; !status && i < cases->n; i++)
        sorted[i] = &cases->items[i];
    if (!status && cases->n > 0)
        qsort(sorted, (size_t)cases->n, sizeof *sorted, by_concept);
    if (!status) {
        const size_t count = count_concepts(sorted, cases->n) + 1;
        e->concepts = memory_alloc_array_zeroed(count, sizeof *e->concepts);
        e->names = memory_alloc_array_zeroed(count, sizeof *e->names);
        if (!e->concepts || !e->names)
            status = ana_fail_memory(err, count * sizeof *e->concepts);
    }
    if (!status)
        status = summarise_concepts(e, sorted, cases->n, &slice, model, seed, err);
    memory_free(sorted);
    memory_free(slice.values);
    memory_free(slice.patients);
    memory_free(slice.names);
    return status;
}

ana_status evaluation_summarise(struct ana_evaluation *evaluation, const struct eval_cases *cases,
                                const struct model *model, const ana_evaluate_options *options,
                                ana_error *err)
{
    ana_status status = summarise(evaluation, cases, model, options->seed, err);
    if (status)
        return status;

    ana_evaluation_totals *totals = &evaluation->totals;
    totals->n_images = cases->n_images;
    totals->failed = cases->failed;
    totals->has_absent = options->absent != NULL;
    totals->other = absent_of(cases, false);
    totals->same = absent_of(cases, true);
    totals->skipped = cases->skipped;
    totals->seconds_per_image =
        cases->n_images ? cases->seconds / (double)cases->n_images : (double)NAN;
    return write_json(evaluation, &cases->calibration, options, err);
}

void evaluation_free(struct ana_evaluation *evaluation)
{
    if (!evaluation)
        return;
    for (int64_t i = 0; i < evaluation->totals.n_concepts; i++)
        memory_free(evaluation->names[i]);
    memory_free(evaluation->names);
    memory_free(evaluation->concepts);
    text_clear(&evaluation->json);
    memory_free(evaluation);
}

/* ---- cases ---- */

static void append_number(struct text *out, double value)
{
    struct text field = {0};

    if (!isnan(value))
        text_appendf(&field, "%.6g", value);
    csv_append_field(out, text_string(&field));
    text_clear(&field);
}

static void append_case(struct text *out, const struct eval_case *c,
                        const ana_evaluate_options *options)
{
    struct text asked = {0};

    if (options->by == ANA_BY_TEXT)
        text_append(&asked, c->task->words);
    else if (options->by == ANA_BY_BOX)
        text_appendf(&asked, "%lld,%lld,%lld,%lld", (long long)c->box[0], (long long)c->box[1],
                     (long long)c->box[2], (long long)c->box[3]);
    else
        text_appendf(&asked, "%lld,%lld", (long long)c->point[0], (long long)c->point[1]);
    csv_append_field(out, c->task->image);
    csv_append_field(out, c->task->words);
    csv_append_field(out, c->task->patient);
    append_number(out, c->part);
    csv_append_field(out, text_string(&asked));
    csv_append_field(out, verdict_name(c->verdict));
    append_number(out, c->score);
    append_number(out, (double)c->truth_area);
    append_number(out, (double)c->answer_area);
    append_number(out, c->dice);
    append_number(out, c->iou);
    append_number(out, c->ellipse);
    append_number(out, c->nsd_element);
    append_number(out, c->nsd_boundary);
    append_number(out, c->hd95_element);
    append_number(out, c->hd95_boundary);
    append_number(out, c->quality);
    csv_end_record(out);
    text_clear(&asked);
}

ana_status eval_cases_write(const struct eval_cases *cases, const char *path,
                            const ana_evaluate_options *options, ana_error *err)
{
    struct text out = {0};

    text_append(&out,
                "image,concept,patient,part,asked,verdict,score,truth_area,answer_area,dice,"
                "iou,ellipse_dice,nsd_element,nsd_boundary,hd95_element,hd95_boundary,quality\n");
    for (int64_t i = 0; i < cases->n; i++)
        append_case(&out, &cases->items[i], options);
    ana_status status =
        out.failed ? ana_fail_memory(err, out.size) : file_write(path, out.data, out.size, err);
    text_clear(&out);
    return status;
}
