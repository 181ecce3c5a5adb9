/* Sessions, results and labels of the public API: thin, the work is done in pipeline/. */
#include "anatome/segment.h"

#include "api/api_internal.h"
#include "base/memory.h"
#include "io/image_file.h"
#include "pipeline/labels.h"
#include "pipeline/memory_plan.h"
#include "report/canvas.h"

const char *ana_verdict_name(ana_verdict verdict)
{
    return verdict_name(verdict);
}

ana_status ana_session_create(ana_session **out, const ana_model *model, ana_context *context,
                              ana_error *err)
{
    *out = NULL;
    ana_session *session = memory_alloc_zeroed(sizeof *session);
    if (!session)
        return ana_fail_memory(err, sizeof *session);

    ana_status status = segmenter_open(&session->segmenter, model->model, context, err);
    if (status) {
        memory_free(session);
        return status;
    }
    *out = session;
    return ANA_OK;
}

void ana_session_free(ana_session *session)
{
    if (!session)
        return;
    segmenter_clear(&session->segmenter);
    memory_free(session);
}

ana_passes ana_passes_defaults(void)
{
    return passes_defaults();
}

ana_status ana_session_set_passes(ana_session *session, const ana_passes *passes, ana_error *err)
{
    return segmenter_set_passes(&session->segmenter, passes, err);
}

ana_status ana_session_check_memory(ana_session *session, const ana_segment_work *work,
                                    ana_error *err)
{
    struct segment_work all = {
        .subject = work->path,
        .n_prompts = work->n_prompts,
        .labels = work->labels,
        .soft = work->soft,
        .overlay = work->overlay,
    };

    for (size_t i = 0; work->prompts && i < work->n_prompts; i++) {
        const int tiles = passes_tiles(&session->segmenter, &work->prompts[i]);
        all.tiles = tiles > all.tiles ? tiles : all.tiles;
    }
    return segment_check_file(&session->segmenter, &all, work->path, work->max_pixels, err);
}

ana_status ana_session_set_image(ana_session *session, const ana_image *image, ana_error *err)
{
    return segmenter_set_image(&session->segmenter, &image->image, err);
}

ana_status ana_segment(ana_result **out, ana_session *session, const ana_prompt *prompt,
                       ana_error *err)
{
    return segment_ask(out, &session->segmenter, prompt, err);
}

void ana_result_free(ana_result *result)
{
    result_free(result);
}

const ana_result_info *ana_result_get_info(const ana_result *result)
{
    return &result->info;
}

const char *ana_result_warning(const ana_result *result, int64_t index)
{
    return index >= 0 && index < result->n_warnings ? text_string(&result->warnings[index]) : NULL;
}

const uint8_t *ana_result_mask(const ana_result *result)
{
    return result->mask.pixels.data;
}

const float *ana_result_soft(const ana_result *result)
{
    return result->soft.pixels.data;
}

ana_status ana_labels_create(ana_labels **out, const ana_result *const *results, size_t n,
                             ana_error *err)
{
    return labels_create(out, results, n, err);
}

void ana_labels_free(ana_labels *labels)
{
    labels_free(labels);
}

const uint16_t *ana_labels_pixels(const ana_labels *labels)
{
    return labels->image.pixels.data;
}

int64_t ana_labels_overlap(const ana_labels *labels)
{
    return labels->overlap;
}

int64_t ana_labels_lost(const ana_labels *labels, size_t label)
{
    return label >= 1 && label <= labels->n ? labels->entries[label].lost : 0;
}

void ana_label_colour(size_t label, uint8_t rgb[3])
{
    const struct colour colour = colour_of_label((int64_t)label - 1);

    rgb[0] = colour.r;
    rgb[1] = colour.g;
    rgb[2] = colour.b;
}

ana_status ana_result_write_mask(const ana_result *result, const char *path, ana_error *err)
{
    return png_write(path, &result->mask, err);
}

ana_status ana_result_write_soft(const ana_result *result, const char *path, ana_error *err)
{
    return result_write_soft(result, path, err);
}

ana_status ana_labels_write(const ana_labels *labels, const char *path, ana_error *err)
{
    return labels_write(labels, path, err);
}

ana_status ana_labels_write_legend(const ana_labels *labels, const char *path, ana_error *err)
{
    return labels_write_legend(labels, path, err);
}

ana_status ana_write_overlay(const ana_image *image, const ana_result *const *results, size_t n,
                             const char *path, ana_error *err)
{
    return results_write_overlay(&image->image, results, n, path, err);
}
