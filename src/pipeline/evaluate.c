/* Asking and comparing, one encoding an image. */
#include "pipeline/evaluate.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "imaging/metrics.h"
#include "pipeline/evaluate_internal.h"
#include "pipeline/memory_plan.h"
#include "pipeline/segment.h"
#include "report/page.h"

static const double hd_percent = 95;

/* What one image needs. */
struct bench {
    const ana_evaluate_options *options;
    const char *folder;
    struct segmenter *segmenter;
    struct eval_cases *cases;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static ana_status new_case(struct eval_case **out, struct eval_cases *cases, ana_error *err)
{
    if (cases->n == cases->capacity) {
        const int64_t capacity = cases->capacity ? 2 * cases->capacity : 256;
        struct eval_case *grown =
            memory_resize(cases->items, (size_t)capacity * sizeof *cases->items);
        if (!grown)
            return ana_fail_memory(err, (size_t)capacity * sizeof *cases->items);
        cases->items = grown;
        cases->capacity = capacity;
    }
    *out = &cases->items[cases->n++];
    const double none = (double)NAN;
    **out = (struct eval_case){.ellipse = none,
                               .nsd_element = none,
                               .nsd_boundary = none,
                               .hd95_element = none,
                               .hd95_boundary = none};
    return ANA_OK;
}

static ana_status ask(struct ana_result **out, const struct bench *bench, const ana_prompt *prompt,
                      ana_error *err)
{
    const double start = now();
    ana_status status = segment_ask(out, bench->segmenter, prompt, err);

    bench->cases->seconds += now() - start;
    return status;
}

/* ---- comparing ---- */

/* Words that the table does not know never reach the network. */
static bool is_refused(const struct ana_result *result)
{
    return result->info.text && !result->info.concept_name;
}

static ana_status measure_surface(struct eval_case *c, const uint8_t *truth, const uint8_t *answer,
                                  const struct grid *grid, double tolerance, ana_error *err)
{
    struct surface_pair pair;

    ana_status status = surface_element_open(&pair, truth, answer, grid, err);
    if (status)
        return status;
    c->nsd_element = surface_element_nsd(&pair, tolerance);
    c->hd95_element = surface_element_hd(&pair, hd_percent);
    surface_pair_clear(&pair);

    status = boundary_pixel_open(&pair, truth, answer, grid, err);
    if (status)
        return status;
    c->nsd_boundary = boundary_pixel_nsd(&pair, tolerance);
    c->hd95_boundary = boundary_pixel_hd_max(&pair, hd_percent);
    surface_pair_clear(&pair);
    return ANA_OK;
}

static void compare_statements(struct eval_calibration *calibration, const struct eval_case *c,
                               const uint8_t *truth, const struct ana_result *result, bool by_words)
{
    const float *soft = result->soft.pixels.data;
    const int64_t n = tensor_count(&result->soft.pixels);
    struct reliability pixels = {0};

    if (by_words && !is_refused(result))
        reliability_add(&calibration->presence, c->score, 1, 1);
    if (c->answer_area > 0)
        reliability_add(&calibration->quality, c->quality, c->dice, 1);
    if (is_refused(result))
        return;
    for (int64_t i = 0; i < n; i++)
        reliability_add(&pixels, (double)soft[i], truth[i] ? 1 : 0, 1);
    reliability_merge(&calibration->pixels, &pixels, 1);
}

static ana_status compare(const struct bench *bench, struct eval_case *c, const uint8_t *truth,
                          const struct ana_result *result, ana_error *err)
{
    const struct grid grid = grid_2d(result->info.height, result->info.width);
    const uint8_t *answer = result->mask.pixels.data;
    const struct confusion confusion = confusion_count(truth, answer, grid_count(&grid));

    c->verdict = result->info.verdict;
    c->score = result->info.score;
    c->quality = result->info.quality;
    c->truth_area = confusion.tp + confusion.fn;
    c->answer_area = confusion.tp + confusion.fp;
    c->dice = metric_dice(&confusion, EMPTY_VLSM);
    c->iou = metric_iou(&confusion, EMPTY_VLSM);
    compare_statements(&bench->cases->calibration, c, truth, result,
                       bench->options->by == ANA_BY_TEXT);
    if (!bench->options->surface)
        return ANA_OK;
    return measure_surface(c, truth, answer, &grid, bench->options->nsd_tolerance, err);
}

/* What a box alone says about a compact thing: the Dice of the filled ellipse in it. */
static double ellipse_dice(const uint8_t *truth, int64_t width, int64_t truth_area,
                           const int64_t box[4])
{
    const double cx = (double)(box[0] + box[2] - 1) / 2, cy = (double)(box[1] + box[3] - 1) / 2;
    const double a = (double)(box[2] - box[0]) / 2, b = (double)(box[3] - box[1]) / 2;
    int64_t inside = 0, both = 0;

    for (int64_t y = box[1]; y < box[3]; y++)
        for (int64_t x = box[0]; x < box[2]; x++) {
            const double u = ((double)x - cx) / a, v = ((double)y - cy) / b;
            if (u * u + v * v <= 1) {
                inside++;
                both += truth[y * width + x] != 0;
            }
        }
    return 2 * (double)both / (double)(inside + truth_area);
}

/* ---- the three ways of asking ---- */

static ana_status ask_words(const struct bench *bench, const struct task *task,
                            const struct image *mask, ana_error *err)
{
    const ana_prompt prompt = {.text = task->words};
    struct ana_result *result = NULL;
    struct eval_case *c = NULL;

    ana_status status = ask(&result, bench, &prompt, err);
    if (!status)
        status = new_case(&c, bench->cases, err);
    if (!status) {
        c->task = task;
        status = compare(bench, c, mask->pixels.data, result, err);
    }
    result_free(result);
    return status;
}

static ana_status ask_component(const struct bench *bench, const struct task *task,
                                const uint8_t *truth, const struct component *part, int number,
                                ana_error *err)
{
    const bool by_box = bench->options->by == ANA_BY_BOX;
    const ana_box box = {(double)part->x0, (double)part->y0, (double)part->x1, (double)part->y1};
    struct ana_result *result = NULL;
    struct eval_case *c = NULL;
    int64_t x, y;

    ana_status status =
        mask_interior_point(&x, &y, truth, bench->segmenter->height, bench->segmenter->width, err);
    if (status)
        return status;
    const ana_point point = {(double)x, (double)y, false};
    const ana_prompt prompt = {
        .boxes = &box, .n_boxes = by_box ? 1 : 0, .points = &point, .n_points = by_box ? 0 : 1};
    status = ask(&result, bench, &prompt, err);
    if (!status)
        status = new_case(&c, bench->cases, err);
    if (!status) {
        c->task = task;
        c->part = number;
        memcpy(c->box, (const int64_t[]){part->x0, part->y0, part->x1, part->y1}, sizeof c->box);
        memcpy(c->point, (const int64_t[]){x, y}, sizeof c->point);
        status = compare(bench, c, truth, result, err);
        if (by_box && bench->options->ellipse)
            c->ellipse = ellipse_dice(truth, bench->segmenter->width, part->area, c->box);
    }
    result_free(result);
    return status;
}

/* Each large component in turn is the truth. */
static ana_status ask_parts(const struct bench *bench, const struct task *task,
                            const struct image *mask, ana_error *err)
{
    const int64_t n = tensor_count(&mask->pixels);
    struct truth_parts parts;

    ana_status status = truth_parts_open(&parts, mask, err);
    if (status)
        return status;
    uint8_t *truth = memory_alloc((size_t)n);
    if (!truth)
        status = ana_fail_memory(err, (size_t)n);
    bench->cases->skipped += !status && parts.n == 0;
    for (int64_t k = 0; !status && k < parts.n; k++) {
        truth_part(truth, &parts, k, n);
        status = ask_component(bench, task, truth, &parts.components.items[parts.largest[k]],
                               (int)k + 1, err);
    }
    memory_free(truth);
    truth_parts_clear(&parts);
    return status;
}

static bool is_empty(const struct image *mask)
{
    const uint8_t *pixels = mask->pixels.data;
    const int64_t n = tensor_count(&mask->pixels);

    for (int64_t i = 0; i < n; i++)
        if (pixels[i])
            return false;
    return true;
}

static ana_status ask_present(const struct bench *bench, const struct task *task, ana_error *err)
{
    const struct segmenter *s = bench->segmenter;
    struct image mask = {0};

    ana_status status =
        truth_read(&mask, bench->folder, task, bench->options, s->height, s->width, err);
    if (!status && is_empty(&mask))
        bench->cases->skipped++;
    else if (!status && bench->options->by == ANA_BY_TEXT)
        status = ask_words(bench, task, &mask, err);
    else if (!status)
        status = ask_parts(bench, task, &mask, err);
    image_clear(&mask);
    return status;
}

static ana_status ask_absent(const struct bench *bench, const struct task *task, ana_error *err)
{
    const ana_prompt prompt = {.text = task->words};
    struct ana_result *result = NULL;

    ana_status status = ask(&result, bench, &prompt, err);
    if (!status) {
        struct eval_cases *cases = bench->cases;
        const bool refused = is_refused(result);
        cases->absent[cases->n_absent++] =
            (struct eval_absent){task, refused, result->info.score, result->info.area};
        if (!refused)
            reliability_add(&cases->calibration.presence, result->info.score, 0, 1);
    }
    result_free(result);
    return status;
}

/* ---- images ---- */

/* Image, one mask and one answer at a time. What surfaces and interior points need depends on the
 * mask. */
static ana_status check_memory(const struct bench *bench, const struct task_group *group,
                               const char *path, ana_error *err)
{
    enum { MASK = 1, PARTS = 4 + 1 /* labels, one part as a mask */ };
    struct segment_work work = {
        .subject = group->tasks->image,
        .n_prompts = 1,
        .compared = bench->options->by == ANA_BY_TEXT ? MASK : MASK + PARTS,
    };

    for (int64_t i = 0; i < group->n; i++) {
        const ana_prompt prompt = {.text = group->tasks[i].words};
        const bool by_words =
            bench->options->by == ANA_BY_TEXT || group->tasks[i].kind == TASK_ABSENT;
        const int tiles = by_words ? passes_tiles(bench->segmenter, &prompt) : 0;
        work.tiles = tiles > work.tiles ? tiles : work.tiles;
    }
    return segment_check_file(bench->segmenter, &work, path, bench->options->max_pixels, err);
}

static ana_status measure_group(const struct bench *bench, const struct task_group *group,
                                ana_error *err)
{
    const struct image_read_options read = {.max_pixels = bench->options->max_pixels};
    struct image image = {0};

    char *path = path_join(bench->folder, group->tasks->image);
    ana_status status = path ? check_memory(bench, group, path, err) : ana_fail_memory(err, 0);
    if (!status)
        status = image_read(&image, path, &read, err);
    const double start = now();
    if (!status)
        status = segmenter_set_image(bench->segmenter, &image, err);
    bench->cases->seconds += now() - start;
    for (int64_t i = 0; !status && i < group->n; i++) {
        const struct task *task = &group->tasks[i];
        if (task->kind == TASK_PRESENT)
            status = ask_present(bench, task, err);
        else if (task->kind == TASK_ABSENT)
            status = ask_absent(bench, task, err);
    }
    bench->cases->n_images += status == ANA_OK;
    image_clear(&image);
    memory_free(path);
    return status;
}

static ana_status cancelled(ana_error *err)
{
    return ana_fail(err, ANA_ERR_CANCELLED, "the evaluation was cancelled");
}

/* Some messages begin with the image's name already. */
static ana_status tell_image(ana_error *err, ana_status status, const char *image,
                             const ana_error *error)
{
    const bool named = strncmp(error->message, image, strlen(image)) == 0;

    return ana_fail(err, status, "%s%s%s", named ? "" : image, named ? "" : ": ", error->message);
}

/* The cases of a failed image are taken back; the others go on. */
static ana_status measure_groups(const struct bench *bench, const struct task_list *tasks,
                                 const struct log *log, ana_error *err)
{
    const ana_evaluate_options *o = bench->options;

    for (int64_t i = 0; i < tasks->n_groups; i++) {
        const struct task_group *group = &tasks->groups[i];
        const struct eval_cases before = *bench->cases;
        ana_error error = {0};
        if (o->progress && !o->progress(o->progress_user, group->tasks->image,
                                        (double)i / (double)tasks->n_groups))
            return cancelled(err);
        const ana_status status = measure_group(bench, group, &error);
        if (status == ANA_ERR_MEMORY || status == ANA_ERR_CANCELLED)
            return tell_image(err, status, group->tasks->image, &error);
        if (status) {
            log_write(log, ANA_LOG_WARNING, "%s: %s", group->tasks->image, error.message);
            bench->cases->n = before.n;
            bench->cases->skipped = before.skipped;
            bench->cases->n_absent = before.n_absent;
            bench->cases->calibration = before.calibration;
            bench->cases->failed++;
        }
    }
    if (o->progress && !o->progress(o->progress_user, "done", 1))
        return cancelled(err);
    return ANA_OK;
}

static ana_status make_absent(struct eval_cases *cases, const struct task_list *tasks,
                              ana_error *err)
{
    size_t n = 0;

    for (int64_t i = 0; i < tasks->n_tasks; i++)
        n += tasks->tasks[i].kind == TASK_ABSENT;
    cases->absent = memory_alloc_array(n + 1, sizeof *cases->absent);
    return cases->absent ? ANA_OK : ana_fail_memory(err, (n + 1) * sizeof *cases->absent);
}

ana_status eval_cases_measure(struct eval_cases *out, const struct task_list *tasks,
                              const struct model *model, struct ana_context *context,
                              const ana_evaluate_options *options, ana_error *err)
{
    struct segmenter segmenter;

    *out = (struct eval_cases){0};
    ana_status status = make_absent(out, tasks, err);
    if (!status)
        status = segmenter_open(&segmenter, model, context, err);
    if (status)
        return status;
    status = segmenter_set_passes(&segmenter, &options->passes, err);
    const struct bench bench = {options, tasks->folder, &segmenter, out};
    if (!status)
        status = measure_groups(&bench, tasks, &context->log, err);
    segmenter_clear(&segmenter);
    out->skipped += tasks->skipped;
    return status;
}

void eval_cases_clear(struct eval_cases *cases)
{
    memory_free(cases->items);
    memory_free(cases->absent);
    *cases = (struct eval_cases){0};
}

/* ---- all of it ---- */

struct work {
    const struct model *model;
    const char *sha256;
    struct ana_context *context;
    const ana_evaluate_options *options;
};

static ana_status evaluate_into(struct ana_evaluation *evaluation, const struct work *work,
                                const struct task_list *tasks, struct eval_cases *cases,
                                const char *folder, ana_error *err)
{
    const ana_evaluate_options *o = work->options;

    ana_status status = eval_cases_measure(cases, tasks, work->model, work->context, o, err);
    if (!status)
        status = evaluation_summarise(evaluation, cases, work->model, o, err);
    if (!status && o->cases_csv)
        status = eval_cases_write(cases, o->cases_csv, o, err);
    if (!status && folder)
        status = evaluation_write_page(evaluation, cases, tasks, work->model, work->sha256,
                                       work->context, o, folder, err);
    return status;
}

/* The folder of the report is looked at first: hours of work must not end with a refusal. */
static ana_status evaluate_all(struct ana_evaluation *evaluation, const struct work *work,
                               ana_error *err)
{
    const char *report = work->options->report;
    struct folder_writer folder = {0};
    struct task_list tasks = {0};
    struct eval_cases cases = {0};

    ana_status status = report ? page_folder_check(report, err) : ANA_OK;
    if (!status)
        status = task_list_open(&tasks, work->options, err);
    if (!status && report)
        status = folder_writer_open(&folder, report, err);
    if (!status)
        status = evaluate_into(evaluation, work, &tasks, &cases, folder.temporary, err);
    if (!status && report)
        status = page_folder_check(report, err); /* it may have changed meanwhile */
    if (!status && report)
        status = folder_commit(&folder, err);
    folder_discard(&folder);
    eval_cases_clear(&cases);
    task_list_clear(&tasks);
    return status;
}

ana_status evaluate_model(struct ana_evaluation **out, const struct model *model,
                          const char *sha256, struct ana_context *context,
                          const ana_evaluate_options *options, ana_error *err)
{
    const struct work work = {model, sha256, context, options};

    *out = NULL;
    struct ana_evaluation *evaluation = memory_alloc_zeroed(sizeof *evaluation);
    if (!evaluation)
        return ana_fail_memory(err, sizeof *evaluation);

    const ana_status status = evaluate_all(evaluation, &work, err);
    if (status) {
        evaluation_free(evaluation);
        return status;
    }
    *out = evaluation;
    return ANA_OK;
}
