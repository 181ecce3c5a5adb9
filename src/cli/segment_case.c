/* All questions are asked before the first file is written, so that a failed or interrupted case
 * leaves nothing. */
#include "cli/segment_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

/* Paths of one case's results; NULL: not written. */
struct case_paths {
    char **masks; /* one a prompt */
    char **softs;
    char *labels, *legend, *overlay;
    size_t n;
};

struct case_work {
    const struct segment_run *run;
    const struct case_file *file;
    struct case_paths paths;
    ana_image *image;
    ana_result **results;
    ana_labels *labels;
    double seconds;
};

static void paths_clear(struct case_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++) {
        free(paths->masks ? paths->masks[i] : NULL);
        free(paths->softs ? paths->softs[i] : NULL);
    }
    free(paths->masks);
    free(paths->softs);
    free(paths->labels);
    free(paths->legend);
    free(paths->overlay);
    *paths = (struct case_paths){0};
}

/* "<name>_<slug><suffix>" in the folder. */
static char *result_path(const char *folder, const char *name, const char *slug, const char *suffix)
{
    const size_t size = strlen(name) + strlen(slug) + 2;
    char *stem = malloc(size);
    char *path = NULL;

    if (stem) {
        snprintf(stem, size, "%s_%s", name, slug);
        path = join_path(folder, stem, suffix);
    }
    free(stem);
    return path;
}

/* False when out of memory. */
static bool fill_paths(struct case_paths *paths, const struct segment_run *run, const char *name)
{
    const struct segment_options *o = run->options;
    const struct prompt_list *prompts = run->prompts;
    const bool several = prompts->n > 1;
    bool good = true;

    paths->n = prompts->n;
    paths->masks = calloc(prompts->n, sizeof *paths->masks);
    paths->softs = calloc(prompts->n, sizeof *paths->softs);
    if (!paths->masks || !paths->softs)
        return false;
    for (size_t i = 0; i < prompts->n; i++) {
        const char *slug = prompts->slugs[i];
        if (!several && run->only_file)
            good = good && (paths->masks[i] = strdup(run->only_file));
        else if (!several || o->separate)
            good = good && (paths->masks[i] = result_path(run->folder, name, slug, ".png"));
        if (o->soft && several)
            good = good && (paths->softs[i] = result_path(run->folder, name, slug, "_soft.png"));
        else if (o->soft)
            good = good && (paths->softs[i] = join_path(run->folder, name, "_soft.png"));
    }
    if (several) {
        paths->labels =
            run->only_file ? strdup(run->only_file) : join_path(run->folder, name, "_labels.png");
        paths->legend = join_path(run->folder, name, "_labels.json");
        good = good && paths->labels && paths->legend;
    }
    if (o->overlay)
        good = good && (paths->overlay = join_path(run->folder, name, "_overlay.png"));
    return good;
}

static bool make_paths(struct case_work *work)
{
    char *stem = work->run->only_file ? stem_of(work->run->only_file) : NULL;
    const char *name = stem ? stem : work->file->name;
    const bool good = (stem || !work->run->only_file) && fill_paths(&work->paths, work->run, name);

    free(stem);
    return good;
}

/* The file that a skipped case would have written first. */
static const char *main_path(const struct case_paths *paths)
{
    return paths->labels ? paths->labels : paths->masks[0];
}

/* ---- work ---- */

static ana_status check_memory(const struct case_work *work, ana_error *err)
{
    const struct segment_run *run = work->run;
    const ana_segment_work all = {
        .path = work->file->path,
        .max_pixels = run->options->max_pixels,
        .n_prompts = run->prompts->n,
        .prompts = run->prompts->items,
        .labels = run->prompts->n > 1,
        .soft = run->options->soft,
        .overlay = run->options->overlay,
    };

    return ana_session_check_memory(run->session, &all, err);
}

static ana_status ask_all(struct case_work *work, ana_error *err)
{
    const struct segment_run *run = work->run;
    ana_status status = check_memory(work, err);

    if (!status)
        status = ana_image_read(&work->image, work->file->path, run->options->max_pixels, err);
    if (!status)
        status = ana_session_set_image(run->session, work->image, err);
    for (size_t i = 0; !status && i < run->prompts->n; i++) {
        if (interrupted())
            return ANA_ERR_CANCELLED;
        status = ana_segment(&work->results[i], run->session, &run->prompts->items[i], err);
    }
    if (!status && run->prompts->n > 1)
        status = ana_labels_create(&work->labels, (const ana_result *const *)work->results,
                                   run->prompts->n, err);
    return status;
}

/* The main file comes last: where it is, the case is complete, and --no-overwrite may skip it. */
static ana_status write_all(const struct case_work *work, ana_error *err)
{
    const struct case_paths *p = &work->paths;
    ana_status status = ANA_OK;

    for (size_t i = 0; !status && i < p->n; i++)
        if (p->softs[i])
            status = ana_result_write_soft(work->results[i], p->softs[i], err);
    if (!status && p->overlay)
        status = ana_write_overlay(work->image, (const ana_result *const *)work->results, p->n,
                                   p->overlay, err);
    if (!status && p->legend)
        status = ana_labels_write_legend(work->labels, p->legend, err);
    for (size_t i = 0; !status && i < p->n; i++)
        if (p->masks[i])
            status = ana_result_write_mask(work->results[i], p->masks[i], err);
    if (!status && p->labels)
        status = ana_labels_write(work->labels, p->labels, err);
    return status;
}

bool segment_case_paths(const struct segment_run *run, const struct case_file *file,
                        bool (*visit)(void *user, const char *path), void *user)
{
    struct case_work work = {.run = run, .file = file};
    bool good = make_paths(&work);
    const struct case_paths *p = &work.paths;
    const char *const single[] = {p->labels, p->legend, p->overlay};

    for (size_t i = 0; good && i < p->n; i++)
        good = (!p->masks[i] || visit(user, p->masks[i])) &&
               (!p->softs[i] || visit(user, p->softs[i]));
    for (size_t i = 0; good && i < sizeof single / sizeof single[0]; i++)
        good = !single[i] || visit(user, single[i]);
    paths_clear(&work.paths);
    return good;
}

/* ---- report ---- */

static void report_prompt(struct json_out *json, const ana_prompt *prompt)
{
    out_string(json, "text", prompt->text);
    out_array(json, "boxes");
    for (size_t i = 0; i < prompt->n_boxes; i++) {
        out_array(json, NULL);
        out_number(json, NULL, prompt->boxes[i].x0);
        out_number(json, NULL, prompt->boxes[i].y0);
        out_number(json, NULL, prompt->boxes[i].x1);
        out_number(json, NULL, prompt->boxes[i].y1);
        out_array_end(json);
    }
    out_array_end(json);
    out_array(json, "points");
    for (size_t i = 0; i < prompt->n_points; i++) {
        out_object(json, NULL);
        out_number(json, "x", prompt->points[i].x);
        out_number(json, "y", prompt->points[i].y);
        out_flag(json, "negative", prompt->points[i].negative);
        out_object_end(json);
    }
    out_array_end(json);
}

static void report_box(struct json_out *json, const ana_result_info *info)
{
    if (info->area == 0) {
        out_string(json, "box", NULL);
        return;
    }
    out_array(json, "box");
    out_integer(json, NULL, info->x0);
    out_integer(json, NULL, info->y0);
    out_integer(json, NULL, info->x1);
    out_integer(json, NULL, info->y1);
    out_array_end(json);
}

static void report_result(struct json_out *json, const ana_prompt *prompt, const ana_result *result,
                          const char *mask, const char *soft)
{
    const ana_result_info *info = ana_result_get_info(result);
    const char *warning;

    out_object(json, NULL);
    report_prompt(json, prompt);
    out_string(json, "concept", info->concept_name);
    out_string(json, "verdict", ana_verdict_name(info->verdict));
    out_string(json, "reason", info->reason);
    out_number(json, "score", info->score);
    out_number(json, "quality", info->quality);
    out_number(json, "mask_threshold", info->mask_threshold);
    out_integer(json, "area", info->area);
    report_box(json, info);
    out_integer(json, "components", info->n_components);
    out_array(json, "warnings");
    for (int64_t i = 0; (warning = ana_result_warning(result, i)) != NULL; i++)
        out_string(json, NULL, warning);
    out_array_end(json);
    out_string(json, "mask", mask);
    out_string(json, "soft", soft);
    out_object_end(json);
}

static void report_done(const struct case_work *work, struct json_out *json)
{
    const struct segment_run *run = work->run;
    const struct case_paths *p = &work->paths;
    const ana_result_info *first = ana_result_get_info(work->results[0]);

    out_integer(json, "width", first->width);
    out_integer(json, "height", first->height);
    out_array(json, "prompts");
    for (size_t i = 0; i < run->prompts->n; i++)
        report_result(json, &run->prompts->items[i], work->results[i], p->masks[i], p->softs[i]);
    out_array_end(json);
    if (work->labels) {
        out_string(json, "labels", p->labels);
        out_string(json, "legend", p->legend);
        out_integer(json, "overlap", ana_labels_overlap(work->labels));
    }
    if (p->overlay)
        out_string(json, "overlay", p->overlay);
    out_number(json, "seconds", work->seconds);
}

static void say_result(const struct case_work *work, size_t i)
{
    const struct common_options *common = &work->run->options->common;
    const ana_result_info *info = ana_result_get_info(work->results[i]);
    const char *words = info->text ? info->text : "box and points";
    const char *warning;

    /* A refusal stands in the line itself, if there is one. */
    for (int64_t k = 0; (warning = ana_result_warning(work->results[i], k)) != NULL; k++)
        if (common->quiet || !info->reason || strcmp(warning, info->reason) != 0)
            complain("%s: warning: %s", work->file->path, warning);
    if (info->verdict == ANA_VERDICT_NOT_FOUND)
        say(common, "%s: %s: not found: %s", work->file->path, words, info->reason);
    else
        say(common, "%s: %s: %s, score %.3f, %" PRId64 " pixels in %" PRId64 " part%s",
            work->file->path, words, ana_verdict_name(info->verdict), info->score, info->area,
            info->n_components, info->n_components == 1 ? "" : "s");
    if (work->paths.masks[i])
        say(common, " -> %s", work->paths.masks[i]);
    say(common, "\n");
}

static void say_done(const struct case_work *work)
{
    const struct common_options *common = &work->run->options->common;
    const struct case_paths *p = &work->paths;

    for (size_t i = 0; i < p->n; i++)
        say_result(work, i);
    if (p->labels)
        say(common, "%s: labels -> %s\n", work->file->path, p->labels);
    if (work->labels && ana_labels_overlap(work->labels) > 0)
        say(common,
            "%s: %" PRId64 " pixels are claimed by several prompts; the later one has them\n",
            work->file->path, ana_labels_overlap(work->labels));
    if (p->overlay)
        say(common, "%s: overlay -> %s\n", work->file->path, p->overlay);
    if (common->verbose)
        say(common, "%s: %.3f s\n", work->file->path, work->seconds);
}

/* ---- one case ---- */

static void work_clear(struct case_work *work)
{
    for (size_t i = 0; work->results && i < work->run->prompts->n; i++)
        ana_result_free(work->results[i]);
    free(work->results);
    ana_labels_free(work->labels);
    ana_image_free(work->image);
    paths_clear(&work->paths);
}

static enum case_end do_case(struct case_work *work, char *message, size_t size)
{
    ana_error error = {0};
    const double start = seconds_now();

    work->results = calloc(work->run->prompts->n, sizeof *work->results);
    if (!work->results || !make_paths(work)) {
        snprintf(message, size, "out of memory");
        return CASE_FAILED;
    }
    if (work->run->options->no_overwrite && file_exists(main_path(&work->paths)))
        return CASE_SKIPPED;

    ana_status status = ask_all(work, &error);
    if (interrupted())
        return CASE_INTERRUPTED;
    if (!status)
        status = write_all(work, &error);
    work->seconds = seconds_now() - start;
    snprintf(message, size, "%s", error.message);
    return status ? CASE_FAILED : CASE_DONE;
}

enum case_end segment_case(const struct segment_run *run, const struct case_file *file,
                           struct json_out *json)
{
    static const char *const names[] = {"done", "skipped", "failed", "interrupted"};
    struct case_work work = {.run = run, .file = file};
    char message[sizeof((ana_error *)NULL)->message] = "";

    const enum case_end end = do_case(&work, message, sizeof message);
    out_object(json, NULL);
    out_string(json, "image", file->path);
    out_string(json, "status", names[end]);
    if (end == CASE_DONE) {
        say_done(&work);
        report_done(&work, json);
    } else if (end == CASE_SKIPPED) {
        say(&run->options->common, "%s: skipped, %s is there\n", file->path,
            main_path(&work.paths));
    } else if (end == CASE_FAILED) {
        if (strstr(message, file->path))
            complain("%s", message);
        else
            complain("%s: %s", file->path, message);
        out_string(json, "error", message);
    }
    out_object_end(json);
    work_clear(&work);
    return end;
}
