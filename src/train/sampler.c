/* Chooses images by group and puts batches together. */
#include "train/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/csv.h"
#include "train/absence.h"
#include "train/sampler_internal.h"

static const double chance_of_away = 0.10; /* of lesions and the like: a view without them */
static const double chance_of_tile = 0.30, chance_of_zoom = 0.18, chance_of_plain = 0.20;
static const double flip_of_unnamed = 0.2; /* scans with structures that no word names */

static const char *const default_kept_out[] = {"left kidney", "spleen", "aorta",
                                               "soft tissue sarcoma"};

struct sampler_options sampler_defaults(void)
{
    return (struct sampler_options){
        .n_images = 8,
        .prompts_per_image = 3,
        .size = DATASET_SMALL,
        .split = "train",
        .kept_out = default_kept_out,
        .n_kept_out = (int)(sizeof default_kept_out / sizeof default_kept_out[0]),
        .augment = true,
    };
}

/* ---- weights ---- */

/* One block: the rows, then the strings that they point to. */
ana_status sampler_weights_parse(struct sampler_weight **out, int *n, const char *text,
                                 const char *label, ana_error *err)
{
    const size_t size = strlen(text);
    struct csv csv;

    *out = NULL;
    *n = 0;
    ana_status status = csv_read_memory(&csv, text, size, label, err);
    if (status)
        return status;
    const int64_t set = csv_column(&csv, "set"), concept = csv_column(&csv, "concept");
    const int64_t weight = csv_column(&csv, "weight");
    const size_t rows_size = (size_t)csv.n_rows * sizeof(struct sampler_weight);
    /* Cells are parts of the text with a terminating 0 each. */
    struct sampler_weight *rows = memory_alloc(rows_size + size + 2 * (size_t)csv.n_rows + 1);
    if (set < 0 || concept < 0 || weight < 0)
        status = ana_fail(err, ANA_ERR_FORMAT, "%s: needs columns set, concept, weight", label);
    else if (!rows)
        status = ana_fail_memory(err, rows_size + size);
    char *at = rows ? (char *)rows + rows_size : NULL;
    for (int64_t i = 0; i < csv.n_rows && !status; i++) {
        const char *cells[2] = {csv_cell(&csv, i, set), csv_cell(&csv, i, concept)};
        const char *kept[2];
        for (int k = 0; k < 2; k++) {
            kept[k] = at;
            memcpy(at, cells[k], strlen(cells[k]) + 1);
            at += strlen(cells[k]) + 1;
        }
        rows[i] = (struct sampler_weight){kept[0], kept[1], 0.0};
        if (!string_to_double(csv_cell(&csv, i, weight), &rows[i].weight) || rows[i].weight < 0)
            status = ana_fail(err, ANA_ERR_FORMAT, "%s: line %lld: weight is \"%s\"", label,
                              (long long)csv.lines[i], csv_cell(&csv, i, weight));
    }
    if (status) {
        memory_free(rows);
    } else {
        *out = rows;
        *n = (int)csv.n_rows;
    }
    csv_clear(&csv);
    return status;
}

static double weight_of(const struct sampler_options *options, const char *set, const char *concept)
{
    for (int i = 0; i < options->n_weights; i++) {
        const struct sampler_weight *w = &options->weights[i];
        if ((strcmp(w->set, "*") == 0 || strcmp(w->set, set) == 0) &&
            (strcmp(w->concept, "*") == 0 || strcmp(w->concept, concept) == 0))
            return w->weight;
    }
    return 1.0;
}

/* ---- plans of images ---- */

static bool is_kept_out(const struct sampler_options *options, const char *name)
{
    for (int i = 0; i < options->n_kept_out; i++)
        if (strcmp(options->kept_out[i], name) == 0)
            return true;
    return false;
}

/* Would a mirrored picture show what is kept out? "right kidney" does: a left one. */
static bool mirrors_kept_out(const struct sampler_options *options, const char *name)
{
    char twin[128];
    const bool left = string_starts_with(name, "left ");
    const bool right = string_starts_with(name, "right ");

    if (!left && !right)
        return false;
    (void)snprintf(twin, sizeof twin, "%s%s", left ? "right" : "left", strchr(name, ' '));
    return is_kept_out(options, twin);
}

static struct augment_policy policy_of(const struct sampler *s, const struct dataset_image *image)
{
    struct augment_policy policy = {.flip = 0.5,
                                    .aspect = (double)image->native_width / image->native_height};
    bool named = false;

    policy.turns = true;
    for (int k = 0; k < image->n_targets; k++) {
        const struct dataset_target *target = &image->targets[k];
        if (target->concept >= 0) {
            const struct concept *concept = &s->concepts->items[target->concept];
            policy.flip = fmin(policy.flip, concept->flip_percent / 100.0);
            policy.turns = policy.turns && concept->turns_any;
            named = true;
        } else if (image->family[0]) {
            policy.flip = fmin(policy.flip, flip_of_unnamed);
        }
        if (mirrors_kept_out(&s->options, target->name))
            policy.flip = 0.0;
    }
    policy.turns = policy.turns && named;
    return policy;
}

static void plan_image(struct sampler *s, int at)
{
    const struct dataset_image *image = &s->dataset->images[at];
    struct image_plan *plan = &s->plans[at];
    uint8_t *absent = s->absence + (size_t)at * (size_t)s->concepts->n;

    plan->policy = policy_of(s, image);
    absence_of(absent, image, s->concepts);
    plan->absent = absent;
    if (s->options.set_aside && s->options.set_aside[at])
        return;
    for (int k = 0; k < image->n_targets && k < MAX_TARGETS; k++) {
        const struct dataset_target *target = &image->targets[k];
        if (strcmp(target->row->split, s->options.split) != 0 ||
            is_kept_out(&s->options, target->name))
            continue;
        if (target->area > 0)
            plan->usable |= UINT64_C(1) << k;
        else if (target->concept >= 0)
            plan->missing |= UINT64_C(1) << k;
    }
}

/* ---- groups ---- */

static struct group *find_group(struct sampler *s, const char *set, int concept)
{
    for (int g = 0; g < s->n_groups; g++)
        if (s->groups[g].concept == concept && strcmp(s->groups[g].info.set, set) == 0)
            return &s->groups[g];
    struct group *groups = memory_resize(s->groups, ((size_t)s->n_groups + 1) * sizeof *groups);
    if (!groups)
        return NULL;
    s->groups = groups;
    groups[s->n_groups] = (struct group){
        .info = {.set = set, .concept = concept < 0 ? "-" : s->concepts->items[concept].name},
        .concept = concept};
    return &groups[s->n_groups++];
}

static bool add_member(struct sampler *s, int image, int target)
{
    const struct dataset_target *t = &s->dataset->images[image].targets[target];
    struct group *group = find_group(s, t->row->set, t->concept);

    if (!group)
        return false;
    if (group->n_members == group->capacity) {
        const int capacity = group->capacity ? 2 * group->capacity : 16;
        struct candidate *members =
            memory_resize(group->members, (size_t)capacity * sizeof *members);
        if (!members)
            return false;
        group->members = members;
        group->capacity = capacity;
    }
    group->members[group->n_members++] = (struct candidate){image, target};
    group->info.n_images = group->n_members;
    return true;
}

static ana_status make_groups(struct sampler *s, ana_error *err)
{
    for (int i = 0; i < s->dataset->n_images; i++) {
        plan_image(s, i);
        for (int k = 0; k < MAX_TARGETS; k++)
            if ((s->plans[i].usable >> k & 1) && !add_member(s, i, k))
                return ana_fail(err, ANA_ERR_MEMORY, "out of memory");
    }
    for (int g = 0; g < s->n_groups; g++) {
        struct group *group = &s->groups[g];
        group->info.share = weight_of(&s->options, group->info.set, group->info.concept);
        s->total += group->info.share;
        group->until = s->total;
    }
    if (!(s->total > 0))
        return ana_fail(err, ANA_ERR_NOT_FOUND, "no image with a mask to train on (split \"%s\")",
                        s->options.split);
    s->infos = memory_alloc_array((size_t)s->n_groups, sizeof *s->infos);
    if (!s->infos)
        return ana_fail(err, ANA_ERR_MEMORY, "out of memory");
    for (int g = 0; g < s->n_groups; g++) {
        s->groups[g].info.share /= s->total;
        s->infos[g] = s->groups[g].info;
    }
    return ANA_OK;
}

ana_status sampler_create(struct sampler **out, const struct dataset *dataset,
                          const struct concepts *concepts, const struct sampler_options *options,
                          ana_error *err)
{
    struct sampler *s = memory_alloc_zeroed(sizeof *s);

    *out = NULL;
    if (!s)
        return ana_fail_memory(err, sizeof *s);
    s->options = *options;
    s->dataset = dataset;
    s->concepts = concepts;
    const size_t n = (size_t)dataset->n_images;
    s->plans = memory_alloc_array_zeroed(n, sizeof *s->plans);
    s->absence = memory_alloc_array_zeroed(n, (size_t)concepts->n + 1);
    const ana_status status =
        s->plans && s->absence ? make_groups(s, err) : ana_fail_memory(err, n * sizeof *s->plans);
    if (status) {
        sampler_free(s);
        return status;
    }
    *out = s;
    return ANA_OK;
}

void sampler_free(struct sampler *sampler)
{
    if (!sampler)
        return;
    for (int g = 0; g < sampler->n_groups; g++)
        memory_free(sampler->groups[g].members);
    memory_free(sampler->groups);
    memory_free(sampler->infos);
    memory_free(sampler->plans);
    memory_free(sampler->absence);
    memory_free(sampler);
}

const struct sampler_group *sampler_groups(const struct sampler *sampler, int *n)
{
    *n = sampler->n_groups;
    return sampler->infos;
}

/* ---- batches ---- */

ana_status sample_batch_create(struct sample_batch *out, const struct sampler_options *options,
                               ana_error *err)
{
    const size_t b = (size_t)options->n_images;
    const size_t p = b * (size_t)options->prompts_per_image;
    const size_t s2 = (size_t)options->size * (size_t)options->size;
    struct sample_batch batch = {
        .n_images = options->n_images, .n_prompts = (int)p, .size = options->size};

    *out = (struct sample_batch){0};
    if (options->n_images < 1 || options->prompts_per_image < 1 || options->size < 16 ||
        options->size > DATASET_LARGE || options->size % 16)
        return ana_fail(err, ANA_ERR_ARGUMENT, "batches of %d images of %d px with %d prompts each",
                        options->n_images, options->size, options->prompts_per_image);
    batch.images = memory_alloc_array(b * 3, s2 * sizeof(float));
    batch.words = memory_alloc_array(p * WORDS_MAX, sizeof(int32_t));
    batch.flags = memory_alloc_array(p * 3, sizeof(float));
    batch.maps = memory_alloc_array(p * 3, s2 * sizeof(float));
    batch.targets = memory_alloc_array(p, s2 * sizeof(float));
    batch.present = memory_alloc_array(p, sizeof(float));
    batch.image_of = memory_alloc_array(p, sizeof(int32_t));
    batch.mask_weight = memory_alloc_array(p, sizeof(float));
    batch.dice_weight = memory_alloc_array(p, sizeof(float));
    batch.concept = memory_alloc_array(p, sizeof(int32_t));
    batch.source = memory_alloc_array(b, sizeof(int32_t));
    batch.phrase = memory_alloc_array_zeroed(p, sizeof *batch.phrase);
    if (!batch.images || !batch.words || !batch.flags || !batch.maps || !batch.targets ||
        !batch.present || !batch.image_of || !batch.mask_weight || !batch.dice_weight ||
        !batch.concept || !batch.source || !batch.phrase) {
        sample_batch_clear(&batch);
        return ana_fail(err, ANA_ERR_MEMORY, "out of memory for a batch");
    }
    *out = batch;
    return ANA_OK;
}

size_t sample_batch_bytes(int n_images, int prompts_per_image, int size)
{
    enum { IMAGE_FLOATS = 3, PROMPT_FLOATS = 3 + 1 /* maps, target */ };
    const size_t s2 = (size_t)size * (size_t)size, b = (size_t)n_images;
    const size_t p = b * (size_t)prompts_per_image;
    const size_t small = 3 * sizeof(float) + 3 * sizeof(float) + 2 * sizeof(int32_t) +
                         WORDS_MAX * sizeof(int32_t) + WORDS_PHRASE_SIZE;

    return sizeof(float) * s2 * (b * IMAGE_FLOATS + p * PROMPT_FLOATS) + p * small +
           b * sizeof(int32_t);
}

size_t sampler_fill_bytes(int size)
{
    enum { OF_A_PIXEL = 128 }; /* 12 the warp, 4 each of 16 masks, 20 the parts of one, and room */

    return (size_t)size * (size_t)size * OF_A_PIXEL;
}

void sample_batch_clear(struct sample_batch *batch)
{
    memory_free(batch->images);
    memory_free(batch->words);
    memory_free(batch->flags);
    memory_free(batch->maps);
    memory_free(batch->targets);
    memory_free(batch->present);
    memory_free(batch->image_of);
    memory_free(batch->mask_weight);
    memory_free(batch->dice_weight);
    memory_free(batch->concept);
    memory_free(batch->source);
    memory_free(batch->phrase);
    *batch = (struct sample_batch){0};
}

static struct candidate draw_candidate(const struct sampler *s, struct random *random)
{
    const double u = s->total * random_uniform(random);
    int g = 0;

    while (g < s->n_groups - 1 && u >= s->groups[g].until)
        g++;
    return s->groups[g].members[random_below(random, s->groups[g].n_members)];
}

static enum augment_kind draw_view_kind(const struct scene *scene, struct random *random)
{
    const struct concepts *concepts = scene->sampler->concepts;
    const int c = scene->image->targets[scene->focus].concept;
    const bool tiles = c >= 0 && concepts->items[c].tiles;
    const bool lesion = c >= 0 && concepts->items[c].lesion;

    if (lesion && random_uniform(random) < chance_of_away)
        return AUGMENT_AWAY;
    if (tiles && random_uniform(random) < chance_of_tile)
        return AUGMENT_TILE;
    if (!tiles && random_uniform(random) < chance_of_zoom)
        return AUGMENT_ZOOM;
    return random_uniform(random) < chance_of_plain ? AUGMENT_PLAIN : AUGMENT_GENERAL;
}

static void draw_augment(struct scene *scene)
{
    const uint64_t seed = scene->sampler->options.seed;
    struct random view = random_at(seed, scene->step, scene->slot, USE_VIEW);
    struct random tone = random_at(seed, scene->step, scene->slot, USE_TONE);
    const struct augment_policy *policy = &scene->plan->policy;
    const struct dataset_target *focus = &scene->image->targets[scene->focus];

    augment_identity(&scene->augment);
    if (!scene->sampler->options.augment)
        return;
    const enum augment_kind kind = draw_view_kind(scene, &view);
    if (!augment_draw_view(&scene->augment, kind, policy, focus, &view))
        (void)augment_draw_view(&scene->augment, AUGMENT_GENERAL, policy, focus, &view);
    if (kind != AUGMENT_PLAIN || random_uniform(&tone) < 0.5)
        augment_draw_tone(&scene->augment, scene->image->grey, &tone);
}

static struct prompt_out prompt_at(const struct sample_batch *batch, int p)
{
    const size_t s2 = (size_t)batch->size * (size_t)batch->size;

    return (struct prompt_out){
        .words = batch->words + (size_t)p * WORDS_MAX,
        .flags = batch->flags + 3 * (size_t)p,
        .maps = batch->maps + 3 * (size_t)p * s2,
        .target = batch->targets + (size_t)p * s2,
        .present = &batch->present[p],
        .mask_weight = &batch->mask_weight[p],
        .dice_weight = &batch->dice_weight[p],
        .concept = &batch->concept[p],
        .phrase = batch->phrase[p],
    };
}

struct fill {
    const struct sampler *sampler;
    struct sample_batch *batch;
    uint64_t step;
    ana_status *status; /* [images] */
    ana_error *error;
};

static ana_status fill_scene(struct scene *scene, struct sample_batch *batch, ana_error *err)
{
    const int slot = (int)scene->slot, per_image = batch->n_prompts / batch->n_images;
    const size_t s2 = (size_t)batch->size * (size_t)batch->size;
    struct random noise =
        random_at(scene->sampler->options.seed, scene->step, scene->slot, USE_NOISE);

    draw_augment(scene);
    ana_status status = augment_map_create(&scene->map, &scene->augment, batch->size, err);
    if (!status)
        status = augment_image(batch->images + 3 * s2 * (size_t)slot, scene->map, &scene->augment,
                               scene->image, &noise, err);
    for (int k = 0; k < per_image && !status; k++) {
        const int p = slot * per_image + k;
        const struct prompt_out out = prompt_at(batch, p);
        batch->image_of[p] = slot;
        status = scene_prompt(scene, k, &out, err);
    }
    augment_map_free(scene->map);
    for (int k = 0; k < MAX_TARGETS; k++)
        memory_free(scene->masks[k]);
    return status;
}

static void fill_image(void *context, int64_t job, int worker)
{
    const struct fill *fill = context;
    const struct sampler *s = fill->sampler;
    struct random random = random_at(s->options.seed, fill->step, (uint32_t)job, USE_CHOICE);
    const struct candidate chosen = draw_candidate(s, &random);
    struct scene scene = {
        .sampler = s,
        .image = &s->dataset->images[chosen.image],
        .plan = &s->plans[chosen.image],
        .focus = chosen.target,
        .size = fill->batch->size,
        .step = fill->step,
        .slot = (uint32_t)job,
    };

    (void)worker;
    fill->batch->source[job] = chosen.image;
    fill->status[job] = fill_scene(&scene, fill->batch, &fill->error[job]);
}

ana_status sampler_fill(const struct sampler *sampler, uint64_t step, struct sample_batch *batch,
                        struct pool *pool, ana_error *err)
{
    const size_t n = (size_t)batch->n_images;
    struct fill fill = {.sampler = sampler,
                        .batch = batch,
                        .step = step,
                        .status = memory_alloc_array_zeroed(n, sizeof *fill.status),
                        .error = memory_alloc_array_zeroed(n, sizeof *fill.error)};
    ana_status status = ANA_OK;

    if (!fill.status || !fill.error)
        status = ana_fail_memory(err, n * sizeof *fill.error);
    else
        parallel_for(pool, batch->n_images, fill_image, &fill);
    for (size_t i = 0; i < n && !status; i++)
        if (fill.status[i])
            status = ana_fail(err, fill.status[i], "%s", fill.error[i].message);
    memory_free(fill.status);
    memory_free(fill.error);
    return status;
}
