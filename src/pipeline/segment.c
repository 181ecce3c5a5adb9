/* One prompt, one mask, one verdict.
 *
 * A mask is empty exactly when the verdict is "not found": because the words were refused, because
 * the presence score of what they name stayed below the model's threshold, or because no pixel
 * reached the mask's. Whoever points with a box or a point alone has seen something there: a low
 * score then makes the answer doubtful, not empty.
 */
#include "pipeline/segment.h"

#include <string.h>

#include "base/memory.h"
#include "imaging/components.h"
#include "pipeline/prompts.h"

ana_status segmenter_open(struct segmenter *out, const struct model *model,
                          struct ana_context *context, ana_error *err)
{
    *out = (struct segmenter){.passes = passes_defaults()};
    return session_create(&out->session, model, context, err);
}

void segmenter_clear(struct segmenter *segmenter)
{
    passes_clear(segmenter);
    session_free(segmenter->session);
    *segmenter = (struct segmenter){0};
}

ana_status segmenter_set_passes(struct segmenter *segmenter, const ana_passes *passes,
                                ana_error *err)
{
    const ana_status status = passes_check(passes, err);

    if (!status) {
        segmenter->passes = *passes;
        segmenter->height = segmenter->width = 0;
    }
    return status;
}

ana_status segmenter_set_image(struct segmenter *segmenter, const struct image *image,
                               ana_error *err)
{
    segmenter->height = segmenter->width = 0;

    ana_status status = passes_set_image(segmenter, image, err);
    if (!status)
        status = session_set_image(segmenter->session, image, err);
    if (!status) {
        segmenter->height = image_height(image);
        segmenter->width = image_width(image);
    }
    return status;
}

/* Mask, quality and area from the soft map. */
static void threshold_soft(struct ana_result *result)
{
    const float threshold = (float)result->info.mask_threshold;
    const float *soft = result->soft.pixels.data;
    uint8_t *mask = result->mask.pixels.data;
    const int64_t n = tensor_count(&result->mask.pixels);
    double sum = 0;
    int64_t area = 0;

    for (int64_t i = 0; i < n; i++) {
        const bool inside = soft[i] >= threshold;
        mask[i] = inside ? 255 : 0;
        if (inside) {
            sum += (double)soft[i];
            area++;
        }
    }
    result->info.area = area;
    result->info.quality = area ? sum / (double)area : 0;
}

static ana_status measure_mask(struct ana_result *result, ana_error *err)
{
    ana_result_info *info = &result->info;
    struct components parts;

    ana_status status =
        components_label(&parts, NULL, result->mask.pixels.data, info->height, info->width, 8, err);
    if (status)
        return status;
    info->n_components = parts.n;
    for (int64_t i = 0; i < parts.n; i++) {
        const struct component *c = &parts.items[i];
        info->x0 = i && info->x0 < c->x0 ? info->x0 : c->x0;
        info->y0 = i && info->y0 < c->y0 ? info->y0 : c->y0;
        info->x1 = i && info->x1 > c->x1 ? info->x1 : c->x1;
        info->y1 = i && info->y1 > c->y1 ? info->y1 : c->y1;
    }
    components_clear(&parts);
    return ANA_OK;
}

static void judge(struct ana_result *result, const struct model_facts *facts, bool by_words)
{
    ana_result_info *info = &result->info;
    const bool absent = by_words && info->score < facts->presence_absent;

    if (!absent)
        threshold_soft(result);
    if (absent)
        text_appendf(&result->reason,
                     "the model does not see it in this image (score %.3f, threshold %.3f)",
                     info->score, facts->presence_absent);
    else if (info->area == 0)
        text_appendf(&result->reason, "no pixel reached the mask threshold of %.3f",
                     info->mask_threshold);

    if (info->area == 0)
        info->verdict = ANA_VERDICT_NOT_FOUND;
    else
        info->verdict =
            info->score >= facts->presence_found ? ANA_VERDICT_FOUND : ANA_VERDICT_DOUBTFUL;
}

/* Asks the network and fills everything but the words. */
static ana_status answer_question(struct ana_result *result, struct segmenter *segmenter,
                                  const struct question *question, ana_error *err)
{
    const struct prompt prompt = {question->items, question->n_items};
    struct answer answer;

    ana_status status = passes_ask(segmenter, &prompt, &answer, err);
    if (status)
        return status;
    result->info.score = answer.presence;
    result->info.mask_threshold = answer.mask_threshold;
    image_clear(&result->soft);
    result->soft = answer.candidates[0].map;
    answer.candidates[0].map = (struct image){0};
    answer_clear(&answer);

    judge(result, &segmenter->session->model->facts, result->info.concept_name != NULL);
    return measure_mask(result, err);
}

static ana_status result_create(struct ana_result **out, const struct segmenter *segmenter,
                                const ana_prompt *prompt, ana_error *err)
{
    struct ana_result *r = memory_alloc_zeroed(sizeof *r);
    if (!r)
        return ana_fail_memory(err, sizeof *r);

    r->info.width = segmenter->width;
    r->info.height = segmenter->height;
    r->info.verdict = ANA_VERDICT_NOT_FOUND;
    r->info.mask_threshold = segmenter->session->model->facts.mask_threshold;
    ana_status status = image_create_2d(&r->mask, r->info.height, r->info.width, 1, DTYPE_U8, err);
    if (!status && prompt->text && *prompt->text) {
        r->text = memory_copy_string(prompt->text);
        r->info.text = r->text;
        if (!r->text)
            status = ana_fail_memory(err, strlen(prompt->text) + 1);
    }
    if (status) {
        result_free(r);
        return status;
    }
    *out = r;
    return ANA_OK;
}

ana_status segment_ask(struct ana_result **out, struct segmenter *segmenter,
                       const ana_prompt *prompt, ana_error *err)
{
    struct ana_result *r = NULL;
    struct question question = {0};

    *out = NULL;
    if (segmenter->width == 0)
        return ana_fail(err, ANA_ERR_ARGUMENT, "no image was set before the question");

    ana_status status = result_create(&r, segmenter, prompt, err);
    if (!status)
        status = question_open(&question, r, segmenter, prompt, err);
    if (!status && question.refused)
        status = image_create_2d(&r->soft, r->info.height, r->info.width, 1, DTYPE_F32, err);
    else if (!status)
        status = answer_question(r, segmenter, &question, err);
    question_clear(&question);
    if (status) {
        result_free(r);
        return status;
    }

    if (r->info.verdict == ANA_VERDICT_NOT_FOUND)
        r->info.reason = text_string(&r->reason);
    *out = r;
    return ANA_OK;
}

void result_free(struct ana_result *result)
{
    if (!result)
        return;
    image_clear(&result->mask);
    image_clear(&result->soft);
    memory_free(result->text);
    text_clear(&result->reason);
    for (int i = 0; i < RESULT_MAX_WARNINGS; i++)
        text_clear(&result->warnings[i]);
    memory_free(result);
}
