/* Several masks as one picture of labels, and the files that results are written to. */
#include "pipeline/labels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/image_file.h"
#include "io/json.h"
#include "report/overlay.h"

enum { LABELS_MAX = UINT16_MAX };

static ana_status labels_alloc(struct ana_labels **out, const ana_result *first, size_t n,
                               ana_error *err)
{
    struct ana_labels *labels = memory_alloc_zeroed(sizeof *labels);
    if (!labels)
        return ana_fail_memory(err, sizeof *labels);

    labels->n = n;
    labels->entries = memory_alloc_array_zeroed(n + 1, sizeof *labels->entries);
    ana_status status =
        labels->entries ? ANA_OK : ana_fail_memory(err, (n + 1) * sizeof *labels->entries);
    if (!status)
        status = image_create_2d(&labels->image, first->info.height, first->info.width, 1,
                                 DTYPE_U16, err);
    if (status) {
        labels_free(labels);
        return status;
    }
    *out = labels;
    return ANA_OK;
}

/* Puts one mask over those before it. */
static void paint(struct ana_labels *labels, const ana_result *result, size_t value,
                  uint8_t *claimed)
{
    uint16_t *pixels = labels->image.pixels.data;
    const uint8_t *mask = result->mask.pixels.data;
    const int64_t n = tensor_count(&labels->image.pixels);

    for (int64_t i = 0; i < n; i++) {
        if (!mask[i])
            continue;
        if (pixels[i]) {
            labels->entries[pixels[i]].lost++;
            labels->overlap += claimed[i] == 0;
            claimed[i] = 1;
        }
        pixels[i] = (uint16_t)value;
    }
}

/* What a label is called: the words, or its number. */
static ana_status name_entry(struct label_entry *entry, const ana_result *result, size_t value,
                             ana_error *err)
{
    char number[32];

    snprintf(number, sizeof number, "prompt %zu", value);
    entry->verdict = result->info.verdict;
    entry->area = result->info.area;
    entry->name = memory_copy_string(result->info.text ? result->info.text : number);
    return entry->name ? ANA_OK : ana_fail_memory(err, sizeof number);
}

ana_status labels_create(struct ana_labels **out, const ana_result *const *results, size_t n,
                         ana_error *err)
{
    struct ana_labels *labels = NULL;
    uint8_t *claimed = NULL;

    *out = NULL;
    if (n < 1 || n > LABELS_MAX)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%zu masks for one picture of labels", n);
    for (size_t i = 1; i < n; i++)
        if (results[i]->info.width != results[0]->info.width ||
            results[i]->info.height != results[0]->info.height)
            return ana_fail(err, ANA_ERR_ARGUMENT, "the masks are not of one image");

    ana_status status = labels_alloc(&labels, results[0], n, err);
    const size_t count = status ? 0 : (size_t)tensor_count(&labels->image.pixels);
    if (!status && !(claimed = memory_alloc_zeroed(count)))
        status = ana_fail_memory(err, count);
    for (size_t i = 0; !status && i < n; i++) {
        status = name_entry(&labels->entries[i + 1], results[i], i + 1, err);
        paint(labels, results[i], i + 1, claimed);
    }
    memory_free(claimed);
    if (status) {
        labels_free(labels);
        return status;
    }
    *out = labels;
    return ANA_OK;
}

void labels_free(struct ana_labels *labels)
{
    if (!labels)
        return;
    for (size_t i = 0; labels->entries && i <= labels->n; i++)
        memory_free(labels->entries[i].name);
    memory_free(labels->entries);
    image_clear(&labels->image);
    memory_free(labels);
}

ana_status labels_write(const struct ana_labels *labels, const char *path, ana_error *err)
{
    struct image narrow;

    if (labels->n > UINT8_MAX)
        return png_write(path, &labels->image, err);

    ana_status status = image_create_2d(&narrow, image_height(&labels->image),
                                        image_width(&labels->image), 1, DTYPE_U8, err);
    if (status)
        return status;
    const uint16_t *in = labels->image.pixels.data;
    uint8_t *out = narrow.pixels.data;
    for (int64_t i = 0; i < tensor_count(&narrow.pixels); i++)
        out[i] = (uint8_t)in[i];
    status = png_write(path, &narrow, err);
    image_clear(&narrow);
    return status;
}

static struct json *legend_row(const struct label_entry *entry, size_t value)
{
    struct json *row = json_new_object();
    const struct colour c = colour_of_label((int64_t)value - 1);
    char hex[8];

    snprintf(hex, sizeof hex, "#%02x%02x%02x", c.r, c.g, c.b);
    json_put_int64(row, "value", (int64_t)value);
    json_put_string(row, "name", entry->name);
    json_put_string(row, "verdict", verdict_name(entry->verdict));
    json_put_int64(row, "area", entry->area);
    json_put_int64(row, "lost", entry->lost);
    json_put_string(row, "colour", hex);
    return row;
}

ana_status labels_write_legend(const struct ana_labels *labels, const char *path, ana_error *err)
{
    struct json *legend = json_new_object();
    struct json *rows = json_new_array();
    struct text text = {0};

    for (size_t i = 1; i <= labels->n; i++)
        json_append(rows, legend_row(&labels->entries[i], i));
    json_put(legend, "labels", rows);
    json_put_int64(legend, "overlap", labels->overlap);
    ana_status status = json_dump(&text, legend, 2, err);
    if (!status)
        status = file_write(path, text.data, text.size, err);
    json_free(legend);
    text_clear(&text);
    return status;
}

const char *verdict_name(ana_verdict verdict)
{
    switch (verdict) {
    case ANA_VERDICT_FOUND:
        return "found";
    case ANA_VERDICT_NOT_FOUND:
        return "not_found";
    case ANA_VERDICT_DOUBTFUL:
        return "doubtful";
    }
    return "unknown";
}

ana_status result_write_soft(const struct ana_result *result, const char *path, ana_error *err)
{
    struct image wide;

    ana_status status =
        image_create_2d(&wide, result->info.height, result->info.width, 1, DTYPE_U16, err);
    if (status)
        return status;
    const float *in = result->soft.pixels.data;
    uint16_t *out = wide.pixels.data;
    for (int64_t i = 0; i < tensor_count(&wide.pixels); i++)
        out[i] = (uint16_t)lrint(65535 * fmin(fmax((double)in[i], 0), 1));
    status = png_write(path, &wide, err);
    image_clear(&wide);
    return status;
}

/* "0.97" after the verdict, for the legend of an overlay. */
static void write_note(char *out, size_t size, const ana_result_info *info)
{
    if (info->verdict == ANA_VERDICT_NOT_FOUND)
        snprintf(out, size, "not found");
    else
        snprintf(out, size, "%s, score %.2f", verdict_name(info->verdict), info->score);
}

enum { NOTE_SIZE = 48 };

ana_status results_write_overlay(const struct image *image, const ana_result *const *results,
                                 size_t n, const char *path, ana_error *err)
{
    struct overlay_layer *layers = memory_alloc_array_zeroed(n + 1, sizeof *layers);
    char *notes = memory_alloc_array_zeroed(n + 1, NOTE_SIZE);
    ana_status status = layers && notes ? ANA_OK : ana_fail_memory(err, (n + 1) * sizeof *layers);

    for (size_t i = 0; !status && i < n; i++) {
        const ana_result *r = results[i];
        if (r->info.width != image_width(image) || r->info.height != image_height(image))
            status = ana_fail(err, ANA_ERR_ARGUMENT, "the mask is not of this image");
        write_note(&notes[i * NOTE_SIZE], NOTE_SIZE, &r->info);
        layers[i] = (struct overlay_layer){&r->mask, r->text ? r->text : "box and points",
                                           &notes[i * NOTE_SIZE], colour_of_label((int64_t)i)};
    }
    if (!status)
        status = overlay_write(path, image, layers, (int64_t)n, err);
    memory_free(layers);
    memory_free(notes);
    return status;
}
