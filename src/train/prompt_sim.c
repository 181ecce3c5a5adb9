/* Simulated boxes and clicks (mini.md 2 "maps", 4 item 6). */
#include "train/prompt_sim.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/components.h"
#include "imaging/distance.h"

enum { MAP_BOX, MAP_POSITIVE, MAP_NEGATIVE, MAP_CHANNELS, MIN_PART_AT_256 = 16, MIN_PART = 4 };

static const double click_sigma_at_256 = 4.0;
static const double chance_of_several = 0.25;
static const double chance_of_tight = 0.35, jitter_low = 0.02, jitter_high = 0.12;
static const double chance_of_large = 0.7; /* one of the eight largest parts */
static const double chance_of_middle = 0.5, chance_of_negative = 0.3;
static const double solid_share = 0.90; /* of the target, in large parts; less is thin */
enum { LARGE_PARTS = 8, CLICK_TRIES = 24 };

/* Is the pixel, or one of its neighbours, of a part of that area? */
static bool near_large(const struct parts *parts, int x, int y, int64_t min_area)
{
    for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < parts->size; v++)
        for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < parts->size; u++) {
            const int32_t label = parts->labels[v * parts->size + u];
            if (label > 0 && parts->found->items[label - 1].area >= min_area)
                return true;
        }
    return false;
}

/* How much of the mask lies in its large parts and their soft borders. */
static double share_in_large(const struct parts *parts, const float *mask, int64_t min_area)
{
    double sum = 0, inside = 0;

    for (int y = 0; y < parts->size; y++)
        for (int x = 0; x < parts->size; x++) {
            const float value = mask[y * parts->size + x];
            if (!(value > 0))
                continue;
            sum += (double)value;
            if (near_large(parts, x, y, min_area))
                inside += (double)value;
        }
    return sum > 0 ? inside / sum : 1.0;
}

ana_status parts_find(struct parts *out, const float *mask, int size, ana_error *err)
{
    const size_t n = (size_t)size * (size_t)size;
    const int64_t at_size = MIN_PART_AT_256 * (int64_t)n / DATASET_SMALL / DATASET_SMALL;
    const int64_t min_area = at_size > MIN_PART ? at_size : MIN_PART;
    struct parts parts = {.size = size,
                          .labels = memory_alloc(n * sizeof(int32_t)),
                          .found = memory_alloc_zeroed(sizeof(struct components))};
    uint8_t *solid = memory_alloc(n);
    ana_status status = ANA_OK;

    *out = (struct parts){0};
    if (!parts.labels || !parts.found || !solid) {
        status = ana_fail_memory(err, n);
    } else {
        for (size_t i = 0; i < n; i++)
            solid[i] = mask[i] > 0.5f;
        status = components_label(parts.found, parts.labels, solid, size, size, 8, err);
    }
    memory_free(solid);
    if (!status) {
        parts.large = memory_alloc_array((size_t)parts.found->n + 1, sizeof *parts.large);
        if (!parts.large) {
            status = ana_fail_memory(err, (size_t)parts.found->n * sizeof *parts.large);
        } else {
            parts.n_large = components_largest(parts.large, parts.found->n, parts.found, min_area);
            parts.thin = share_in_large(&parts, mask, min_area) < solid_share;
        }
    }
    if (status) {
        parts_clear(&parts);
        return status;
    }
    *out = parts;
    return ANA_OK;
}

void parts_clear(struct parts *parts)
{
    if (parts->found)
        components_clear(parts->found);
    memory_free(parts->found);
    memory_free(parts->labels);
    memory_free(parts->large);
    *parts = (struct parts){0};
}

static void include(struct chosen *chosen, const struct component *part)
{
    chosen->x0 = fmin(chosen->x0, (double)part->x0);
    chosen->y0 = fmin(chosen->y0, (double)part->y0);
    chosen->x1 = fmax(chosen->x1, (double)part->x1);
    chosen->y1 = fmax(chosen->y1, (double)part->y1);
}

static int64_t draw_part(const struct parts *parts, struct random *random)
{
    int64_t n = parts->n_large;

    if (n > LARGE_PARTS && random_uniform(random) < chance_of_large)
        n = LARGE_PARTS;
    return parts->large[random_below(random, n)];
}

static void add_part(struct chosen *out, const struct parts *parts, int64_t part)
{
    for (int i = 0; i < out->n; i++)
        if (out->part[i] == part)
            return;
    out->part[out->n++] = part;
    include(out, &parts->found->items[part]);
}

void parts_choose(struct chosen *out, const struct parts *parts, bool for_clicks,
                  struct random *random)
{
    const bool several = parts->n_large > 1 && random_uniform(random) < chance_of_several;

    *out = (struct chosen){.x0 = parts->size, .y0 = parts->size};
    if (parts->thin || (several && !for_clicks)) {
        out->whole = true;
        for (int64_t i = 0; i < parts->found->n; i++)
            include(out, &parts->found->items[i]);
        if (for_clicks)
            add_part(out, parts, draw_part(parts, random));
        return;
    }
    add_part(out, parts, draw_part(parts, random));
    if (several)
        for (int64_t more = 1 + random_below(random, CHOSEN_PARTS - 1); more > 0; more--)
            add_part(out, parts, draw_part(parts, random));
}

static bool is_chosen(const struct chosen *chosen, int32_t label)
{
    if (label <= 0)
        return false;
    for (int i = 0; i < chosen->n; i++)
        if (chosen->part[i] == label - 1)
            return true;
    return chosen->whole;
}

/* A soft pixel outside every part belongs to a chosen one that it touches. */
static bool touches_chosen(const struct parts *parts, const struct chosen *chosen, int x, int y)
{
    for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < parts->size; v++)
        for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < parts->size; u++)
            if (is_chosen(chosen, parts->labels[v * parts->size + u]))
                return true;
    return false;
}

void chosen_mask(float *out, const float *mask, const struct parts *parts,
                 const struct chosen *chosen)
{
    const int size = parts->size;

    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++) {
            const int i = y * size + x;
            const int32_t label = parts->labels[i];
            const bool keep = chosen->whole || is_chosen(chosen, label) ||
                              (label == 0 && mask[i] > 0.0f && touches_chosen(parts, chosen, x, y));
            out[i] = keep ? mask[i] : 0.0f;
        }
}

/* A person's box has whole pixels; a thin one keeps at least one, inside the picture. */
static void fill_box(float *maps, int size, double x0, double y0, double x1, double y1)
{
    const int left = (int)fmin(fmax(round(x0), 0), size - 1);
    const int top = (int)fmin(fmax(round(y0), 0), size - 1);
    const int right = (int)fmin(fmax(round(x1), left + 1), size);
    const int bottom = (int)fmin(fmax(round(y1), top + 1), size);

    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            maps[(y * size + x) * MAP_CHANNELS + MAP_BOX] = 1.0f;
}

void draw_box(float *maps, int size, const struct chosen *chosen, struct random *random)
{
    const bool tight = random_uniform(random) < chance_of_tight;
    const double reach = tight ? 0.0 : random_between(random, jitter_low, jitter_high);
    const double w = chosen->x1 - chosen->x0, h = chosen->y1 - chosen->y0;
    const double x0 = chosen->x0 + reach * w * random_between(random, -1, 1);
    const double y0 = chosen->y0 + reach * h * random_between(random, -1, 1);
    const double x1 = chosen->x1 + reach * w * random_between(random, -1, 1);
    const double y1 = chosen->y1 + reach * h * random_between(random, -1, 1);

    fill_box(maps, size, x0, y0, x1, y1);
}

/* Clicks of one kind are merged by their maximum. */
static void add_click(float *maps, int size, int channel, double cx, double cy)
{
    const double sigma = click_sigma_at_256 * size / DATASET_SMALL;
    const int reach = (int)ceil(4 * sigma);
    const int x_first = (int)fmax(cx - reach, 0), x_last = (int)fmin(cx + reach, size - 1);
    const int y_first = (int)fmax(cy - reach, 0), y_last = (int)fmin(cy + reach, size - 1);

    for (int y = y_first; y <= y_last; y++)
        for (int x = x_first; x <= x_last; x++) {
            const double d2 = (x - cx) * (x - cx) + (y - cy) * (y - cy);
            const float value = (float)exp(-0.5 * d2 / (sigma * sigma));
            float *at = &maps[(y * size + x) * MAP_CHANNELS + channel];
            *at = value > *at ? value : *at;
        }
}

/* The pixel of the part that is farthest from its border. */
static ana_status middle_of(double *x, double *y, const struct parts *parts, int64_t part,
                            ana_error *err)
{
    const struct component *c = &parts->found->items[part];
    const int64_t w = c->x1 - c->x0, h = c->y1 - c->y0;
    uint8_t *crop = memory_alloc((size_t)(w * h));
    int64_t at_x = 0, at_y = 0;

    if (!crop)
        return ana_fail_memory(err, (size_t)(w * h));
    for (int64_t v = 0; v < h; v++)
        for (int64_t u = 0; u < w; u++)
            crop[v * w + u] =
                parts->labels[(c->y0 + v) * parts->size + c->x0 + u] == (int32_t)part + 1;
    const ana_status status = mask_interior_point(&at_x, &at_y, crop, h, w, err);
    memory_free(crop);
    *x = (double)(c->x0 + at_x);
    *y = (double)(c->y0 + at_y);
    return status;
}

/* Any pixel of the part; its middle if chance does not find one. */
static ana_status somewhere_in(double *x, double *y, const struct parts *parts, int64_t part,
                               struct random *random, ana_error *err)
{
    const struct component *c = &parts->found->items[part];

    for (int i = 0; i < CLICK_TRIES; i++) {
        const int64_t u = c->x0 + random_below(random, c->x1 - c->x0);
        const int64_t v = c->y0 + random_below(random, c->y1 - c->y0);
        if (parts->labels[v * parts->size + u] == (int32_t)part + 1) {
            *x = (double)u;
            *y = (double)v;
            return ANA_OK;
        }
    }
    return middle_of(x, y, parts, part, err);
}

static void add_negative(float *maps, const float *target, int size, const struct chosen *chosen,
                         struct random *random)
{
    const double margin = 0.3;
    const double w = chosen->x1 - chosen->x0, h = chosen->y1 - chosen->y0;

    for (int i = 0; i < CLICK_TRIES; i++) {
        const double x =
            floor(random_between(random, chosen->x0 - margin * w - 3, chosen->x1 + margin * w + 3));
        const double y =
            floor(random_between(random, chosen->y0 - margin * h - 3, chosen->y1 + margin * h + 3));
        if (x < 0 || y < 0 || x >= size || y >= size || target[(int)y * size + (int)x] > 0.0f)
            continue;
        add_click(maps, size, MAP_NEGATIVE, x, y);
        return;
    }
}

ana_status draw_clicks(float *maps, const float *target, const struct parts *parts,
                       const struct chosen *chosen, struct random *random, ana_error *err)
{
    const int size = parts->size;
    const double u = random_uniform(random);
    const int extra = u < 0.6 ? 0 : u < 0.8 ? 1 : 2;
    const int n = chosen->n + extra;
    ana_status status = ANA_OK;

    for (int i = 0; i < n && !status; i++) {
        const int64_t part = chosen->part[i % chosen->n];
        double x, y;
        if (i < chosen->n && random_uniform(random) < chance_of_middle)
            status = middle_of(&x, &y, parts, part, err);
        else
            status = somewhere_in(&x, &y, parts, part, random, err);
        if (!status)
            add_click(maps, size, MAP_POSITIVE, x, y);
    }
    if (random_uniform(random) < chance_of_negative)
        for (int64_t k = 1 + random_below(random, 2); k > 0; k--)
            add_negative(maps, target, size, chosen, random);
    return status;
}

void draw_box_anywhere(float *maps, int size, struct random *random)
{
    const double w = size * random_between(random, 0.1, 0.7);
    const double h = size * random_between(random, 0.1, 0.7);
    const double x = random_between(random, 0, size - w), y = random_between(random, 0, size - h);

    fill_box(maps, size, x, y, x + w, y + h);
}

void draw_click_anywhere(float *maps, int size, struct random *random)
{
    const double x = (double)random_below(random, size), y = (double)random_below(random, size);
    add_click(maps, size, MAP_POSITIVE, x, y);
}
