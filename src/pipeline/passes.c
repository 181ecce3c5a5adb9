/* One pass after the other, in a fixed order. */
#include "pipeline/passes.h"

#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "pipeline/segment.h"
#include "text/concepts.h"

enum { SMALLEST_TILE = 16 };
_Static_assert((int)CONCEPT_MOST_TILES == (int)ANA_TILES_MOST, "ORDER tiles");

ana_passes passes_defaults(void)
{
    return (ana_passes){.flip = false, .tiles = ANA_TILES_AUTO};
}

ana_status passes_check(const ana_passes *passes, ana_error *err)
{
    if (passes->tiles != ANA_TILES_AUTO && (passes->tiles < 0 || passes->tiles > ANA_TILES_MOST))
        return ana_fail(err, ANA_ERR_ARGUMENT, "%d tiles along a side, expected 0 to %d",
                        passes->tiles, ANA_TILES_MOST);
    return ANA_OK;
}

/* ---- parts of images ---- */

static ana_status image_like(struct image *out, const struct image *in, int64_t height,
                             int64_t width, ana_error *err)
{
    const ana_status status =
        image_create_2d(out, height, width, image_channels(in), in->pixels.dtype, err);

    out->meaning = in->meaning;
    return status;
}

static size_t pixel_bytes(const struct image *image)
{
    return tensor_bytes(&image->pixels) / (size_t)(image_height(image) * image_width(image));
}

static ana_status image_crop(struct image *out, const struct image *in, int64_t x0, int64_t y0,
                             int64_t x1, int64_t y1, ana_error *err)
{
    const size_t bytes = pixel_bytes(in);
    const size_t row = (size_t)(x1 - x0) * bytes;

    const ana_status status = image_like(out, in, y1 - y0, x1 - x0, err);
    for (int64_t y = y0; !status && y < y1; y++)
        memcpy((char *)out->pixels.data + (size_t)(y - y0) * row,
               (const char *)in->pixels.data + (size_t)(y * image_width(in) + x0) * bytes, row);
    return status;
}

static ana_status image_mirror(struct image *out, const struct image *in, ana_error *err)
{
    const int64_t height = image_height(in), width = image_width(in);
    const size_t bytes = pixel_bytes(in);

    const ana_status status = image_like(out, in, height, width, err);
    for (int64_t y = 0; !status && y < height; y++)
        for (int64_t x = 0; x < width; x++)
            memcpy((char *)out->pixels.data + (size_t)(y * width + x) * bytes,
                   (const char *)in->pixels.data + (size_t)(y * width + width - 1 - x) * bytes,
                   bytes);
    return status;
}

/* ---- the mirror ---- */

/* Left and right change places in words too. */
static void mirror_item(struct prompt_item *item, const struct concepts *concepts, int64_t width)
{
    const double w = (double)width;

    if (item->kind == PROMPT_WORDS && concepts && item->of.words.concept >= 0) {
        const int twin = concepts->items[item->of.words.concept].mirror;
        item->of.words.concept = twin;
        item->of.words.phrase = concepts->items[twin].name;
    } else if (item->kind == PROMPT_BOX) {
        const double x0 = item->of.box.x0;
        item->of.box.x0 = w - item->of.box.x1;
        item->of.box.x1 = w - x0;
    } else if (item->kind == PROMPT_POINT) {
        item->of.point.x = w - 1 - item->of.point.x;
    }
}

/* Asks a session that is set to the mirrored image, of this width, for the mirrored prompt. */
static ana_status ask_mirrored(struct model_session *session, const struct prompt *prompt,
                               int64_t width, struct answer *out, ana_error *err)
{
    const size_t n = (size_t)prompt->n_items;
    struct prompt_item *items = memory_alloc_array(n, sizeof *items);

    *out = (struct answer){0};
    if (!items)
        return ana_fail_memory(err, n * sizeof *items);
    memcpy(items, prompt->items, n * sizeof *items);
    for (size_t i = 0; i < n; i++)
        mirror_item(&items[i], session->model->concepts, width);
    const ana_status status =
        session_ask(session, &(struct prompt){items, prompt->n_items}, out, err);
    memory_free(items);
    return status;
}

/* The mean of a map and a mirrored one, into the first. */
static void average_mirrored(struct image *map, const struct image *mirrored)
{
    const int64_t height = image_height(map), width = image_width(map);
    float *p = map->pixels.data;
    const float *q = mirrored->pixels.data;

    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            p[y * width + x] = (p[y * width + x] + q[y * width + width - 1 - x]) / 2;
}

static ana_status session_for(struct model_session **session, const struct segmenter *segmenter,
                              ana_error *err)
{
    const struct model_session *main = segmenter->session;

    if (*session)
        return ANA_OK;
    const ana_status status = session_create(session, main->model, main->context, err);
    if (!status) {
        (*session)->cancelled = main->cancelled;
        (*session)->cancel_user = main->cancel_user;
    }
    return status;
}

static ana_status set_mirrored(struct model_session *session, const struct image *image,
                               ana_error *err)
{
    struct image mirrored;

    ana_status status = image_mirror(&mirrored, image, err);
    if (!status)
        status = session_set_image(session, &mirrored, err);
    image_clear(&mirrored);
    return status;
}

static ana_status add_mirrored(struct segmenter *segmenter, const struct prompt *prompt,
                               struct answer *answer, ana_error *err)
{
    struct pass_sessions *v = &segmenter->pass_sessions;
    struct answer mirrored;

    ana_status status = session_for(&v->mirrored, segmenter, err);
    if (!status && !v->mirrored_is_set)
        status = set_mirrored(v->mirrored, &v->image, err);
    if (status)
        return status;
    v->mirrored_is_set = true;
    status = ask_mirrored(v->mirrored, prompt, segmenter->width, &mirrored, err);
    if (status)
        return status;
    answer->presence = (answer->presence + mirrored.presence) / 2;
    average_mirrored(&answer->candidates[0].map, &mirrored.candidates[0].map);
    answer_clear(&mirrored);
    return ANA_OK;
}

/* ---- tiles ---- */

void pass_tile(int64_t *start, int64_t *end, int64_t extent, int n, int k)
{
    const int64_t side = (2 * extent + n) / (n + 1); /* rounded up */
    const int64_t room = extent - side;

    *start = n > 1 ? (room * k + (n - 1) / 2) / (n - 1) : 0;
    *end = *start + side;
}

/* 0 where the tiles of such an image would be too small. */
static int tiles_that_fit(int n, int64_t height, int64_t width)
{
    const int64_t shorter = width < height ? width : height;

    return n > 1 && 2 * shorter / (n + 1) >= SMALLEST_TILE ? n : 0;
}

/* What the caller wants, else what the concept table says. */
static int tiles_of_concept(const struct segmenter *segmenter, int concept)
{
    const struct concepts *concepts = segmenter->session->model->concepts;

    if (segmenter->passes.tiles != ANA_TILES_AUTO)
        return segmenter->passes.tiles;
    return concepts && concept >= 0 ? concepts->items[concept].tile_grid : 0;
}

/* Words alone are looked for in tiles; a box or a point says where already. */
static int tiles_wanted(const struct segmenter *segmenter, const struct prompt *prompt)
{
    const struct prompt_item *item = &prompt->items[0];

    if (prompt->n_items != 1 || item->kind != PROMPT_WORDS)
        return 0;
    return tiles_that_fit(tiles_of_concept(segmenter, item->of.words.concept), segmenter->height,
                          segmenter->width);
}

/* Sums over the tiles; a pixel counts more in the middle of a tile, where the network sees what is
 * around it, than at its edge. */
struct mosaic {
    float *sum, *weight; /* [height, width] */
    int64_t width;
};

static float nearness(int64_t at, int64_t n)
{
    return (float)(at < n - 1 - at ? at + 1 : n - at) / (float)n;
}

static void lay_tile(struct mosaic *mosaic, const struct image *map, int64_t x0, int64_t y0)
{
    const int64_t height = image_height(map), width = image_width(map);
    const float *p = map->pixels.data;

    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            const int64_t at = (y0 + y) * mosaic->width + x0 + x;
            const float weight = nearness(x, width) * nearness(y, height);
            mosaic->sum[at] += weight * p[y * width + x];
            mosaic->weight[at] += weight;
        }
}

static ana_status ask_tile(struct segmenter *segmenter, const struct image *tile,
                           const struct prompt *prompt, struct answer *out, ana_error *err)
{
    struct model_session *session = segmenter->pass_sessions.tile;
    struct answer mirrored;

    ana_status status = session_set_image(session, tile, err);
    if (!status)
        status = session_ask(session, prompt, out, err);
    if (status || !segmenter->passes.flip)
        return status;
    status = set_mirrored(session, tile, err);
    if (!status)
        status = ask_mirrored(session, prompt, image_width(tile), &mirrored, err);
    if (status) {
        answer_clear(out);
        return status;
    }
    average_mirrored(&out->candidates[0].map, &mirrored.candidates[0].map);
    answer_clear(&mirrored);
    return ANA_OK;
}

static ana_status add_tile(struct mosaic *mosaic, struct segmenter *segmenter,
                           const struct prompt *prompt, int n, int k, ana_error *err)
{
    const struct image *image = &segmenter->pass_sessions.image;
    struct answer answer = {0};
    struct image tile = {0};
    int64_t x0, x1, y0, y1;

    pass_tile(&x0, &x1, segmenter->width, n, k % n);
    pass_tile(&y0, &y1, segmenter->height, n, k / n);
    ana_status status = image_crop(&tile, image, x0, y0, x1, y1, err);
    if (!status)
        status = ask_tile(segmenter, &tile, prompt, &answer, err);
    if (!status)
        lay_tile(mosaic, &answer.candidates[0].map, x0, y0);
    answer_clear(&answer);
    image_clear(&tile);
    return status;
}

/* Replaces the map by that of n x n tiles. */
static ana_status ask_tiles(struct segmenter *segmenter, const struct prompt *prompt, int n,
                            struct image *map, ana_error *err)
{
    const int64_t count = tensor_count(&map->pixels);
    struct mosaic mosaic = {.sum = memory_alloc_array_zeroed((size_t)count, sizeof *mosaic.sum),
                            .weight =
                                memory_alloc_array_zeroed((size_t)count, sizeof *mosaic.weight),
                            .width = image_width(map)};

    ana_status status = mosaic.sum && mosaic.weight
                            ? session_for(&segmenter->pass_sessions.tile, segmenter, err)
                            : ana_fail_memory(err, (size_t)count * sizeof *mosaic.sum);
    for (int k = 0; !status && k < n * n; k++)
        status = add_tile(&mosaic, segmenter, prompt, n, k, err);
    for (int64_t i = 0; !status && i < count; i++)
        ((float *)map->pixels.data)[i] = mosaic.sum[i] / mosaic.weight[i];
    memory_free(mosaic.sum);
    memory_free(mosaic.weight);
    return status;
}

/* ---- all passes ---- */

static bool may_tile(const struct segmenter *segmenter)
{
    const struct concepts *concepts = segmenter->session->model->concepts;

    if (segmenter->passes.tiles != ANA_TILES_AUTO)
        return segmenter->passes.tiles > 1;
    for (int i = 0; concepts && i < concepts->n; i++)
        if (concepts->items[i].tile_grid > 1)
            return true;
    return false;
}

/* Prompts come later: whatever one of them may want must be there. */
static bool keeps_image(const struct segmenter *segmenter)
{
    return segmenter->passes.flip || may_tile(segmenter);
}

ana_status passes_set_image(struct segmenter *segmenter, const struct image *image, ana_error *err)
{
    struct pass_sessions *v = &segmenter->pass_sessions;

    image_clear(&v->image);
    v->mirrored_is_set = false;
    if (!keeps_image(segmenter))
        return ANA_OK;
    return image_crop(&v->image, image, 0, 0, image_width(image), image_height(image), err);
}

ana_status passes_ask(struct segmenter *segmenter, const struct prompt *prompt, struct answer *out,
                      ana_error *err)
{
    const int n = tiles_wanted(segmenter, prompt);

    ana_status status = session_ask(segmenter->session, prompt, out, err);
    if (status)
        return status;
    if (segmenter->passes.flip)
        status = add_mirrored(segmenter, prompt, out, err);
    /* What is not there is not looked for more closely. */
    if (!status && n && out->presence >= segmenter->session->model->facts.presence_absent)
        status = ask_tiles(segmenter, prompt, n, &out->candidates[0].map, err);
    if (status)
        answer_clear(out);
    return status;
}

/* ---- what they need ---- */

int passes_tiles(const struct segmenter *segmenter, const ana_prompt *prompt)
{
    const struct concepts *concepts = segmenter->session->model->concepts;
    struct concept_match match;

    if (!prompt->text || !concepts || prompt->n_boxes + prompt->n_points > 0)
        return 0;
    concepts_resolve(concepts, prompt->text, &match);
    return match.verdict == CONCEPT_FOUND ? tiles_of_concept(segmenter, match.concept) : 0;
}

ana_status passes_prepare(struct segmenter *segmenter, int tiles, ana_error *err)
{
    struct pass_sessions *v = &segmenter->pass_sessions;

    ana_status status = segmenter->passes.flip ? session_for(&v->mirrored, segmenter, err) : ANA_OK;
    if (!status && tiles > 1)
        status = session_for(&v->tile, segmenter, err);
    return status;
}

static size_t plans_to_come(const struct model_needs *needs)
{
    return needs->encoder_bytes + needs->decoder_bytes - needs->allocated_bytes;
}

/* The mirrored image while it is encoded, then its map beside the question. */
static size_t mirror_peak(const struct model_needs *needs, size_t image_bytes, size_t pixels)
{
    return bytes_larger(bytes_sum(image_bytes, needs->encode_bytes),
                        bytes_sum(bytes_product(sizeof(float), pixels), needs->ask_bytes));
}

/* Sums and weights of the mosaic, a tile, its map, and its own mirror. */
static size_t tiles_peak(const struct segmenter *segmenter, const struct image_facts *image,
                         int tiles, size_t *plans)
{
    int64_t x0, x1, y0, y1;
    pass_tile(&x0, &x1, image->width, tiles, 0);
    pass_tile(&y0, &y1, image->height, tiles, 0);
    const size_t all = bytes_product((size_t)image->width, (size_t)image->height);
    const size_t pixels = bytes_product((size_t)(x1 - x0), (size_t)(y1 - y0));
    const size_t tile = bytes_product(pixels, image->image_bytes / all);
    const struct model_needs needs = session_needs(segmenter->pass_sessions.tile, y1 - y0, x1 - x0);
    const size_t map = bytes_product(sizeof(float), pixels);
    const size_t ask = bytes_sum(map, needs.ask_bytes);
    size_t work = bytes_larger(needs.encode_bytes, ask);

    if (segmenter->passes.flip)
        work = bytes_larger(work, bytes_sum(map, mirror_peak(&needs, tile, pixels)));
    *plans = bytes_sum(*plans, plans_to_come(&needs));
    return bytes_sum(bytes_product(2 * sizeof(float), all), bytes_sum(tile, work));
}

struct passes_needs passes_needs(const struct segmenter *segmenter, const struct image_facts *image,
                                 int tiles)
{
    const struct pass_sessions *v = &segmenter->pass_sessions;
    const size_t pixels = bytes_product((size_t)image->width, (size_t)image->height);
    const size_t kept = keeps_image(segmenter) ? image->image_bytes : 0;
    const size_t before = v->image.pixels.data ? tensor_bytes(&v->image.pixels) : 0;
    struct passes_needs out = {.kept = kept > before ? kept - before : 0};

    if (segmenter->passes.flip) {
        const struct model_needs needs = session_needs(v->mirrored, image->height, image->width);
        out.plans = plans_to_come(&needs);
        out.peak = mirror_peak(&needs, image->image_bytes, pixels);
    }
    tiles = tiles_that_fit(tiles, image->height, image->width);
    if (tiles)
        out.peak = bytes_larger(out.peak, tiles_peak(segmenter, image, tiles, &out.plans));
    return out;
}

void passes_clear(struct segmenter *segmenter)
{
    struct pass_sessions *v = &segmenter->pass_sessions;

    session_free(v->mirrored);
    session_free(v->tile);
    image_clear(&v->image);
    *v = (struct pass_sessions){0};
}
