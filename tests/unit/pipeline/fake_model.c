/* See fake_model.h. */
#include "fake_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int fake_images, fake_questions;
struct prompt_item fake_last[16];
int fake_n_last;

struct fake_session {
    struct model_session base;
    struct image bright; /* F32: 0.9 where the image is bright, 0.1 elsewhere */
};

static ana_status create(struct model_session **out, const struct model *model,
                         struct ana_context *context, ana_error *err)
{
    struct fake_session *session = memory_alloc_zeroed(sizeof *session);

    if (!session)
        return ana_fail_memory(err, sizeof *session);
    session->base = (struct model_session){.model = model, .context = context};
    *out = &session->base;
    return ANA_OK;
}

static void destroy(struct model_session *base)
{
    struct fake_session *session = (struct fake_session *)base;

    image_clear(&session->bright);
    memory_free(session);
}

static ana_status set_image(struct model_session *base, const struct image *image, ana_error *err)
{
    struct fake_session *session = (struct fake_session *)base;
    const int64_t n = image_height(image) * image_width(image);

    fake_images++;
    image_clear(&session->bright);
    ana_status status = image_create_2d(&session->bright, image_height(image), image_width(image),
                                        1, DTYPE_F32, err);
    for (int64_t i = 0; !status && i < n; i++) {
        const uint8_t *pixels = image->pixels.data;
        float *bright = session->bright.pixels.data;
        bright[i] = pixels[i * image_channels(image)] >= 128 ? 0.9F : 0.1F;
    }
    return status;
}

static bool inside(const struct prompt *prompt, double x, double y)
{
    for (int i = 0; i < prompt->n_items; i++) {
        const struct prompt_item *item = &prompt->items[i];
        if (item->kind == PROMPT_BOX && (x < item->of.box.x0 || x >= item->of.box.x1 ||
                                         y < item->of.box.y0 || y >= item->of.box.y1))
            return false;
    }
    return true;
}

static ana_status ask(struct model_session *base, const struct prompt *prompt, struct answer *out,
                      ana_error *err)
{
    const struct fake_session *session = (const struct fake_session *)base;
    const struct fake_model *model = (const struct fake_model *)base->model;
    const int64_t height = image_height(&session->bright), width = image_width(&session->bright);

    fake_questions++;
    fake_n_last = prompt->n_items;
    memcpy(fake_last, prompt->items, (size_t)prompt->n_items * sizeof *prompt->items);
    out->presence = model->presence;
    out->mask_threshold = 0.5;
    out->n_candidates = 1;
    ana_status status = image_create_2d(&out->candidates[0].map, height, width, 1, DTYPE_F32, err);
    const float *bright = session->bright.pixels.data;
    for (int64_t i = 0; !status && i < height * width; i++)
        ((float *)out->candidates[0].map.pixels.data)[i] =
            inside(prompt, (double)(i % width), (double)(i / width)) ? bright[i] : 0;
    return status;
}

static const struct model_kind fake_kind = {
    .name = "fake",
    .summary = "sees what is bright",
    .accepts = PROMPT_BIT(PROMPT_WORDS) | PROMPT_BIT(PROMPT_BOX) | PROMPT_BIT(PROMPT_POINT),
    .session_create = create,
    .session_free = destroy,
    .set_image = set_image,
    .ask = ask,
};

void fake_model_init(struct fake_model *fake)
{
    static const char table[] = "name,headline,aliases,laterality,mirror,tiles\n"
                                "lungs,yes,lungs|lung fields,,,\nliver,,liver,,,\n"
                                "left lung,,left lung,left,right lung,\n"
                                "right lung,,right lung,right,left lung,\nvessels,,vessels,,,3\n";

    *fake = (struct fake_model){.presence = 0.99};
    if (concepts_parse(&fake->concepts, table, "the fake table", NULL))
        abort();
    fake->base = (struct model){
        .kind = &fake_kind,
        .facts = {.name = "fake",
                  .version = "1",
                  .licence = "free",
                  .intended_use = "tests",
                  .mask_threshold = 0.5,
                  .presence_absent = 0.5,
                  .presence_found = 0.8},
        .concepts = &fake->concepts,
    };
    fake_images = fake_questions = fake_n_last = 0;
}

void fake_model_clear(struct fake_model *fake)
{
    concepts_clear(&fake->concepts);
}
