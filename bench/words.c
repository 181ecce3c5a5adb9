/* bench_words: do the words decide, and how much do wording, boxes and clicks matter?
 *
 * For every row of a manifest whose concept the model knows:
 *   sides      left lung, right lung, cardiomediastinum: Dice of the mask asked for, less the best
 *              Dice that the masks of the other two words reach on the same truth
 *   phrasing   the held-out phrasings of the concept, upper case, one wrong letter, "in a MODALITY
 *              image": Dice with the mask of the plain word, and with the truth
 *   strangers  words with shuffled letters, and another organ's word: the same two figures
 *              (both through the table of concepts as a user gets it and, where a table can change
 *              the answer, past it from the network alone)
 *   places     each large component by its box, a shaken box (each edge moved by up to 10 % of the
 *              side), box and words, click, click and words: Dice with the component
 *
 * An answer that is "not found" counts as an empty mask. Rows whose plain word is answered empty
 * say nothing about agreement and are left out of it, and counted.
 *
 * Usage: bench_words --manifest FILE --model FILE [--split val] [--max-images N] [--threads N]
 *                    [--seed N] [--json]
 */
#include "words.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "imaging/components.h"
#include "imaging/distance.h"
#include "imaging/metrics.h"
#include "io/csv.h"
#include "io/image_file.h"
#include "io/safetensors.h"

enum { SMALLEST_PART = 16, MOST_PARTS = 8, PHRASE_SIZE = 256 };

/* One row at work. */
struct row {
    int64_t index; /* in the manifest: the key of its random draws */
    int concept;
    const char *modality;
    const uint8_t *truth; /* [H, W] */
    uint8_t *plain;       /* [H, W]: the mask of the plain word */
    bool plain_empty;
    int64_t height, width;
};

enum use { USE_TYPO, USE_SHUFFLE, USE_OTHER, USE_BOX };

static struct random draw(const struct bench *bench, const struct row *row, enum use use)
{
    return random_at((uint64_t)bench->options.seed, (uint64_t)row->index, 0, (uint32_t)use);
}

static double dice(const uint8_t *a, const uint8_t *b, int64_t n)
{
    const struct confusion confusion = confusion_count(a, b, n);

    return metric_dice(&confusion, EMPTY_VLSM);
}

static bool is_empty(const uint8_t *mask, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (mask[i])
            return false;
    return true;
}

/* ---- asking ---- */

/* Mask as a user gets it, into out [H, W]. */
static ana_status ask(uint8_t *out, struct bench *bench, const ana_prompt *prompt, ana_error *err)
{
    struct ana_result *result;

    ana_status status = segment_ask(&result, &bench->segmenter, prompt, err);
    if (status)
        return status;
    memcpy(out, result->mask.pixels.data, (size_t)(result->info.height * result->info.width));
    result_free(result);
    return ANA_OK;
}

/* Past the table: the network alone, its own presence score as the gate. */
static ana_status ask_network(uint8_t *out, struct bench *bench, const char *phrase, ana_error *err)
{
    const struct model_session *session = bench->segmenter.session;
    struct prompt_item item = {.kind = PROMPT_WORDS, .of.words = {phrase, -1}};
    const struct prompt prompt = {&item, 1};
    struct answer answer = {0};

    ana_status status = session_ask(bench->segmenter.session, &prompt, &answer, err);
    if (status)
        return status;
    const bool present = answer.presence >= session->model->facts.presence_absent;
    const float *map = answer.candidates[0].map.pixels.data;
    const int64_t n = bench->segmenter.height * bench->segmenter.width;
    for (int64_t i = 0; i < n; i++)
        out[i] = present && (double)map[i] >= answer.mask_threshold ? 255 : 0;
    answer_clear(&answer);
    return ANA_OK;
}

static void count_answer(struct bench *bench, const struct row *row, enum way way,
                         const uint8_t *truth, const uint8_t *answer)
{
    const int64_t n = row->height * row->width;
    struct cell *cell = &bench->totals.cells[way][row->concept];

    cell->n++;
    cell->n_empty += is_empty(answer, n);
    cell->truth += dice(truth, answer, n);
    if (way > WAY_PLAIN && way < WAY_BOX && !row->plain_empty) {
        cell->n_agreement++;
        cell->agreement += dice(row->plain, answer, n);
    }
}

static ana_status ask_phrase(struct bench *bench, const struct row *row, enum way way,
                             const char *phrase, uint8_t *scratch, ana_error *err)
{
    const ana_prompt prompt = {.text = phrase};
    const bool past_table = way == WAY_HELDOUT_NETWORK || way == WAY_TYPO_NETWORK ||
                            way == WAY_SHUFFLED_NETWORK || way == WAY_OTHER_NETWORK;

    ana_status status =
        past_table ? ask_network(scratch, bench, phrase, err) : ask(scratch, bench, &prompt, err);
    if (!status)
        count_answer(bench, row, way, row->truth, scratch);
    return status;
}

/* ---- phrases ---- */

static void upper_case(char out[PHRASE_SIZE], const char *name)
{
    size_t i = 0;

    for (; name[i] && i + 1 < PHRASE_SIZE; i++)
        out[i] = (char)toupper((unsigned char)name[i]);
    out[i] = '\0';
}

/* One letter of the longest word becomes the next letter of the alphabet. */
static void misspell(char out[PHRASE_SIZE], const char *name, struct random random)
{
    size_t start = 0, length = 0;

    snprintf(out, PHRASE_SIZE, "%s", name);
    for (size_t i = 0; out[i];) {
        const size_t n = strcspn(out + i, " ");
        if (n > length) {
            start = i;
            length = n;
        }
        i += n + (out[i + n] == ' ');
    }
    if (length == 0)
        return;
    char *letter = &out[start + (size_t)random_below(&random, (int64_t)length)];
    *letter = *letter == 'z' ? 'a' : (char)(*letter + 1);
}

/* The letters of each word in another order; words of one letter repeated stay. */
static void shuffle(char out[PHRASE_SIZE], const char *name, struct random random)
{
    snprintf(out, PHRASE_SIZE, "%s", name);
    for (int attempt = 0; attempt < 8 && strcmp(out, name) == 0; attempt++)
        for (size_t i = 0; out[i];) {
            const size_t n = strcspn(out + i, " ");
            for (size_t k = n; k > 1; k--) {
                const size_t other = (size_t)random_below(&random, (int64_t)k);
                const char letter = out[i + k - 1];
                out[i + k - 1] = out[i + other];
                out[i + other] = letter;
            }
            i += n + (out[i + n] == ' ');
        }
}

/* A concept of another group than the row's. */
static const char *another_organ(const struct bench *bench, const struct row *row)
{
    const struct concepts *concepts = bench->concepts;
    struct random random = draw(bench, row, USE_OTHER);

    for (int attempt = 0; attempt < 1000; attempt++) {
        const struct concept *other = &concepts->items[random_below(&random, concepts->n)];
        if (strcmp(other->group, concepts->items[row->concept].group) != 0)
            return other->name;
    }
    return "";
}

static ana_status ask_wordings(struct bench *bench, const struct row *row, uint8_t *scratch,
                               ana_error *err)
{
    const struct concept *concept = &bench->concepts->items[row->concept];
    char phrase[PHRASE_SIZE];
    ana_status status = ANA_OK;

    for (int i = 0; !status && i < concept->heldout.n; i++) {
        const char *unseen = concept->heldout.items[i];
        status = ask_phrase(bench, row, WAY_HELDOUT, unseen, scratch, err);
        if (!status)
            status = ask_phrase(bench, row, WAY_HELDOUT_NETWORK, unseen, scratch, err);
    }
    upper_case(phrase, concept->name);
    if (!status)
        status = ask_phrase(bench, row, WAY_UPPER, phrase, scratch, err);
    misspell(phrase, concept->name, draw(bench, row, USE_TYPO));
    if (!status)
        status = ask_phrase(bench, row, WAY_TYPO, phrase, scratch, err);
    if (!status)
        status = ask_phrase(bench, row, WAY_TYPO_NETWORK, phrase, scratch, err);
    snprintf(phrase, sizeof phrase, "%.120s in a %.100s image", concept->name, row->modality);
    if (!status && *row->modality)
        status = ask_phrase(bench, row, WAY_MODALITY, phrase, scratch, err);
    return status;
}

static ana_status ask_strangers(struct bench *bench, const struct row *row, uint8_t *scratch,
                                ana_error *err)
{
    const char *other = another_organ(bench, row);
    char phrase[PHRASE_SIZE];

    shuffle(phrase, bench->concepts->items[row->concept].name, draw(bench, row, USE_SHUFFLE));
    ana_status status = ask_phrase(bench, row, WAY_SHUFFLED, phrase, scratch, err);
    if (!status)
        status = ask_phrase(bench, row, WAY_SHUFFLED_NETWORK, phrase, scratch, err);
    if (!status && *other)
        status = ask_phrase(bench, row, WAY_OTHER, other, scratch, err);
    if (!status && *other)
        status = ask_phrase(bench, row, WAY_OTHER_NETWORK, other, scratch, err);
    return status;
}

static int side_of(const char *name)
{
    for (int i = 0; i < N_SIDES; i++)
        if (strcmp(name, side_names[i]) == 0)
            return i;
    return -1;
}

static ana_status ask_sides(struct bench *bench, const struct row *row, uint8_t *scratch,
                            ana_error *err)
{
    const int side = side_of(bench->concepts->items[row->concept].name);
    const int64_t n = row->height * row->width;
    double best = 0;

    if (side < 0)
        return ANA_OK;
    for (int i = 0; i < N_SIDES; i++) {
        const ana_prompt prompt = {.text = side_names[i]};
        if (i == side)
            continue;
        const ana_status status = ask(scratch, bench, &prompt, err);
        if (status)
            return status;
        best = fmax(best, dice(row->truth, scratch, n));
    }
    bench->totals.sides[side].n++;
    bench->totals.sides[side].sum += dice(row->truth, row->plain, n) - best;
    return ANA_OK;
}

/* ---- places ---- */

/* Each edge moves by up to a tenth of the side; at least one pixel stays. */
static ana_box shake(const ana_box *box, struct random *random, int64_t height, int64_t width)
{
    const double w = box->x1 - box->x0, h = box->y1 - box->y0;
    ana_box moved = {round(box->x0 + w * random_between(random, -0.1, 0.1)),
                     round(box->y0 + h * random_between(random, -0.1, 0.1)),
                     round(box->x1 + w * random_between(random, -0.1, 0.1)),
                     round(box->y1 + h * random_between(random, -0.1, 0.1))};

    moved.x0 = fmin(fmax(moved.x0, 0), (double)width - 1);
    moved.y0 = fmin(fmax(moved.y0, 0), (double)height - 1);
    moved.x1 = fmin(fmax(moved.x1, moved.x0 + 1), (double)width);
    moved.y1 = fmin(fmax(moved.y1, moved.y0 + 1), (double)height);
    return moved;
}

static ana_status ask_component(struct bench *bench, const struct row *row, const uint8_t *truth,
                                const struct component *part, struct random *random,
                                uint8_t *scratch, ana_error *err)
{
    const ana_box box = {(double)part->x0, (double)part->y0, (double)part->x1, (double)part->y1};
    const ana_box shaken = shake(&box, random, row->height, row->width);
    const char *name = bench->concepts->items[row->concept].name;
    int64_t x, y;

    ana_status status = mask_interior_point(&x, &y, truth, row->height, row->width, err);
    if (status)
        return status;
    const ana_point point = {(double)x, (double)y, false};
    const struct {
        enum way way;
        ana_prompt prompt;
    } questions[] = {
        {WAY_BOX, {.boxes = &box, .n_boxes = 1}},
        {WAY_BOX_SHAKEN, {.boxes = &shaken, .n_boxes = 1}},
        {WAY_BOX_WORDS, {.text = name, .boxes = &box, .n_boxes = 1}},
        {WAY_CLICK, {.points = &point, .n_points = 1}},
        {WAY_CLICK_WORDS, {.text = name, .points = &point, .n_points = 1}},
    };
    for (size_t i = 0; !status && i < sizeof questions / sizeof questions[0]; i++) {
        status = ask(scratch, bench, &questions[i].prompt, err);
        if (!status)
            count_answer(bench, row, questions[i].way, truth, scratch);
    }
    return status;
}

static ana_status ask_places(struct bench *bench, const struct row *row, uint8_t *scratch,
                             ana_error *err)
{
    const int64_t n = row->height * row->width;
    struct random random = draw(bench, row, USE_BOX);
    struct components parts = {0};
    int64_t largest[MOST_PARTS];

    int32_t *labels = memory_alloc_array((size_t)n, sizeof *labels);
    uint8_t *truth = memory_alloc((size_t)n);
    ana_status status = labels && truth ? ANA_OK : ana_fail_memory(err, (size_t)n);
    if (!status)
        status = components_label(&parts, labels, row->truth, row->height, row->width, 8, err);
    const int64_t n_parts =
        status ? 0 : components_largest(largest, MOST_PARTS, &parts, SMALLEST_PART);
    for (int64_t k = 0; !status && k < n_parts; k++) {
        for (int64_t i = 0; i < n; i++)
            truth[i] = labels[i] == largest[k] + 1;
        status = ask_component(bench, row, truth, &parts.items[largest[k]], &random, scratch, err);
    }
    components_clear(&parts);
    memory_free(labels);
    memory_free(truth);
    return status;
}

/* ---- rows ---- */

static ana_status measure_row(struct bench *bench, struct row *row, ana_error *err)
{
    const int64_t n = row->height * row->width;
    const ana_prompt prompt = {.text = bench->concepts->items[row->concept].name};

    uint8_t *scratch = memory_alloc((size_t)n);
    row->plain = memory_alloc((size_t)n);
    ana_status status = scratch && row->plain ? ANA_OK : ana_fail_memory(err, (size_t)n);
    if (!status)
        status = ask(row->plain, bench, &prompt, err);
    if (!status) {
        row->plain_empty = is_empty(row->plain, n);
        bench->totals.n_plain_empty += row->plain_empty;
        count_answer(bench, row, WAY_PLAIN, row->truth, row->plain);
        status = ask_wordings(bench, row, scratch, err);
    }
    if (!status)
        status = ask_strangers(bench, row, scratch, err);
    if (!status)
        status = ask_sides(bench, row, scratch, err);
    if (!status)
        status = ask_places(bench, row, scratch, err);
    bench->totals.n_rows += status == ANA_OK;
    memory_free(scratch);
    memory_free(row->plain);
    return status;
}

/* The row's mask, then everything about it. */
static ana_status measure_mask(struct bench *bench, struct row *row, const char *path,
                               ana_error *err)
{
    struct image mask = {0};

    ana_status status = mask_read(&mask, path, NULL, err);
    if (status)
        return status;
    row->height = image_height(&mask);
    row->width = image_width(&mask);
    row->truth = mask.pixels.data;
    if (row->height != bench->segmenter.height || row->width != bench->segmenter.width)
        status = ana_fail(err, ANA_ERR_FORMAT, "%s: not of its image's size", path);
    else if (is_empty(row->truth, row->height * row->width))
        bench->totals.n_skipped++;
    else
        status = measure_row(bench, row, err);
    image_clear(&mask);
    return status;
}

static ana_status set_image(struct bench *bench, const char *path, ana_error *err)
{
    struct image image = {0};

    ana_status status = image_read(&image, path, NULL, err);
    if (!status)
        status = segmenter_set_image(&bench->segmenter, &image, err);
    image_clear(&image);
    bench->totals.n_images += status == ANA_OK;
    return status;
}

/* `seen` is the image that is set, NULL if none. */
static ana_status run_row(struct bench *bench, const struct csv *csv, int64_t i, const char **seen,
                          const char *folder, ana_error *err)
{
    const char *image = csv_cell(csv, i, csv_column(csv, "image"));
    const char *mask = csv_cell(csv, i, csv_column(csv, "mask"));
    struct row row = {
        .index = i,
        .concept = concepts_find(bench->concepts, csv_cell(csv, i, csv_column(csv, "concept"))),
        .modality = csv_cell(csv, i, csv_column(csv, "modality"))};
    ana_status status = ANA_OK;

    if (!*mask || strchr(mask, '#') || row.concept < 0) {
        bench->totals.n_skipped++;
        return ANA_OK;
    }
    char *image_path = path_join(folder, image);
    char *mask_path = path_join(folder, mask);
    if (!image_path || !mask_path)
        status = ana_fail_memory(err, 0);
    else if (!*seen || strcmp(*seen, image) != 0)
        status = set_image(bench, image_path, err);
    *seen = status ? NULL : image;
    if (!status)
        status = measure_mask(bench, &row, mask_path, err);
    memory_free(image_path);
    memory_free(mask_path);
    return status;
}

static ana_status run_rows(struct bench *bench, const struct csv *csv, ana_error *err)
{
    const struct options *o = &bench->options;
    const int64_t split = csv_column(csv, "split");
    const char *seen = NULL;
    ana_status status = ANA_OK;

    char *folder = path_folder(o->manifest);
    if (!folder)
        return ana_fail_memory(err, 0);
    for (int64_t i = 0; !status && i < csv->n_rows; i++) {
        const bool last = o->max_images && bench->totals.n_images >= o->max_images;
        if (strcmp(csv_cell(csv, i, split), o->split) != 0)
            continue;
        if (last && (!seen || strcmp(csv_cell(csv, i, csv_column(csv, "image")), seen) != 0))
            break;
        status = run_row(bench, csv, i, &seen, folder, err);
    }
    memory_free(folder);
    return status;
}

/* ---- the program ---- */

static bool parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        const struct {
            const char *name;
            const char **string;
            int64_t *number;
        } table[] = {
            {"--manifest", &o->manifest, NULL}, {"--split", &o->split, NULL},
            {"--model", &o->model, NULL},       {"--max-images", NULL, &o->max_images},
            {"--threads", NULL, &o->threads},   {"--seed", NULL, &o->seed},
        };
        size_t k = 0;
        if (strcmp(argv[i], "--json") == 0) {
            o->json = true;
            continue;
        }
        while (k < sizeof table / sizeof table[0] && strcmp(argv[i], table[k].name) != 0)
            k++;
        long long parsed = 0;
        if (k == sizeof table / sizeof table[0] || !value ||
            (table[k].number && !string_to_int64(value, &parsed)))
            return false;
        if (table[k].number)
            *table[k].number = parsed;
        else
            *table[k].string = value;
        i++;
    }
    return o->manifest && o->model && o->threads >= 0 && o->threads <= 256;
}

static ana_status measure(struct bench *bench, struct ana_context *context,
                          const struct model *model, ana_error *err)
{
    struct csv csv = {0};

    if (!model->concepts || model->concepts->n > MAX_CONCEPTS)
        return ana_fail(err, ANA_ERR_UNSUPPORTED, "a model with 1 to %d concepts is needed",
                        MAX_CONCEPTS);
    bench->concepts = model->concepts;
    ana_status status = csv_read(&csv, bench->options.manifest, err);
    if (status)
        return status;
    status = segmenter_open(&bench->segmenter, model, context, err);
    if (!status) {
        status = run_rows(bench, &csv, err);
        segmenter_clear(&bench->segmenter);
    }
    if (!status && bench->options.json)
        status = print_json(bench, err);
    else if (!status)
        say_report(bench);
    csv_clear(&csv);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = {.split = "val", .seed = 1};
    ana_context_options context_options = ana_context_defaults();
    struct bench *bench = NULL;
    struct safetensors *file = NULL;
    struct model *model = NULL;
    ana_context *context = NULL;
    ana_error error = {0};

    if (!parse(&options, argc, argv)) {
        fprintf(stderr, "usage: bench_words --manifest FILE --model FILE [--split NAME]\n"
                        "       [--max-images N] [--threads N] [--seed N] [--json]\n");
        return 2;
    }
    context_options.n_threads = (int)options.threads;
    bench = memory_alloc_zeroed(sizeof *bench);
    ana_status status = bench ? ANA_OK : ana_fail_memory(&error, sizeof *bench);
    if (!status)
        status = ana_context_create(&context, &context_options, &error);
    if (!status)
        status = safetensors_open(&file, options.model, &error);
    if (!status)
        status = model_open(&model, safetensors_source(file), &error);
    if (!status) {
        bench->options = options;
        status = measure(bench, context, model, &error);
    }
    if (status)
        fprintf(stderr, "bench_words: %s\n", error.message);
    model_free(model);
    safetensors_free(file);
    ana_context_free(context);
    memory_free(bench);
    return status ? 1 : 0;
}
