/* See the header. Sizes follow segment.c and labels.c. */
#include "pipeline/memory_plan.h"

#include "imaging/components.h"
#include "report/overlay.h"

enum { MASK_BYTES = 1, SOFT_BYTES = 4, LABEL_BYTES = 2, WIDE_BYTES = 2 }; /* of a pixel */

/* While files are written, one after the other. */
static size_t write_bytes(const struct segment_work *work, size_t pixels)
{
    const struct image_facts *image = &work->image;
    size_t most = png_write_bytes(image->width, 1, DTYPE_U16);

    if (work->soft)
        most = bytes_larger(most, bytes_sum(bytes_product(WIDE_BYTES, pixels),
                                            png_write_bytes(image->width, 1, DTYPE_U16)));
    if (work->labels) /* "claimed", later the narrow copy */
        most = bytes_larger(most, bytes_sum(pixels, png_write_bytes(image->width, 1, DTYPE_U8)));
    if (work->overlay)
        most = bytes_larger(most,
                            overlay_bytes(image->width, image->height, (int64_t)work->n_prompts));
    return most;
}

void segment_budget(struct budget *out, const struct segmenter *segmenter,
                    const struct segment_work *work)
{
    const struct image_facts *image = &work->image;
    const struct model_needs needs = session_needs(segmenter->session, image->height, image->width);
    const size_t pixels = bytes_product((size_t)image->width, (size_t)image->height);
    const size_t answers =
        bytes_sum(bytes_product(work->n_prompts, bytes_product(MASK_BYTES + SOFT_BYTES, pixels)),
                  work->labels ? bytes_product(LABEL_BYTES, pixels) : 0);
    const struct passes_needs passes = passes_needs(segmenter, image, work->tiles);
    const size_t ask = bytes_larger(bytes_larger(needs.ask_bytes, passes.peak),
                                    components_bytes(image->height, image->width));
    const size_t later =
        bytes_sum(answers, bytes_larger(bytes_sum(ask, bytes_product(work->compared, pixels)),
                                        write_bytes(work, pixels)));
    const size_t decode = work->image_is_read ? 0 : image->decode_bytes - image->image_bytes;
    const size_t at_peak = bytes_larger(bytes_larger(decode, needs.encode_bytes), later);

    budget_init(out, work->subject);
    budget_name(out, "plans in use", needs.allocated_bytes);
    if (!needs.allocated_bytes) {
        budget_add(out, "encoder plan", needs.encoder_bytes);
        budget_add(out, "decoder plan", needs.decoder_bytes);
    }
    budget_add(out, "further passes' plans", passes.plans);
    budget_add(out, "image", work->image_is_read ? 0 : image->image_bytes);
    budget_add(out, "image, for passes", passes.kept);
    budget_add(out, "answers", answers);
    budget_add(out, "work at its peak", at_peak - answers);
    budget_add(out, "texts and tables", BUDGET_SLACK_BYTES);
}

ana_status segment_check_file(struct segmenter *segmenter, struct segment_work *work,
                              const char *path, int64_t max_pixels, ana_error *err)
{
    const struct image_read_options read = {.max_pixels = max_pixels};
    struct budget budget;

    if (!budget_is_wanted(segmenter->session->context) ||
        image_probe(&work->image, path, &read, NULL))
        return ANA_OK;
    const ana_status status = passes_prepare(segmenter, work->tiles, err);
    if (status)
        return status;
    segment_budget(&budget, segmenter, work);
    return budget_check(&budget, segmenter->session->context, err);
}
