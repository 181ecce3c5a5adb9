/* Reference masks, whole and by component. */
#include "base/file.h"
#include "base/memory.h"
#include "io/image_file.h"
#include "pipeline/evaluate_internal.h"

ana_status truth_read(struct image *out, const char *folder, const struct task *task,
                      const ana_evaluate_options *options, int64_t height, int64_t width,
                      ana_error *err)
{
    const struct image_read_options read = {.max_pixels = options->max_pixels};

    *out = (struct image){0};
    char *path = path_join(folder, task->mask);
    ana_status status = path ? mask_read(out, path, &read, err) : ana_fail_memory(err, 0);
    if (!status && (image_width(out) != width || image_height(out) != height)) {
        status = ana_fail(err, ANA_ERR_FORMAT, "%s is %lld x %lld, its image is %lld x %lld", path,
                          (long long)image_width(out), (long long)image_height(out),
                          (long long)width, (long long)height);
        image_clear(out);
    }
    memory_free(path);
    return status;
}

ana_status truth_parts_open(struct truth_parts *out, const struct image *mask, ana_error *err)
{
    const size_t n = (size_t)tensor_count(&mask->pixels);
    struct truth_parts parts = {.labels = memory_alloc_array(n, sizeof *parts.labels)};

    *out = (struct truth_parts){0};
    if (!parts.labels)
        return ana_fail_memory(err, n * sizeof *parts.labels);
    const ana_status status = components_label(&parts.components, parts.labels, mask->pixels.data,
                                               image_height(mask), image_width(mask), 8, err);
    if (status) {
        memory_free(parts.labels);
        return status;
    }
    parts.n =
        components_largest(parts.largest, TRUTH_MOST_PARTS, &parts.components, TRUTH_SMALLEST_PART);
    *out = parts;
    return ANA_OK;
}

void truth_parts_clear(struct truth_parts *parts)
{
    memory_free(parts->labels);
    components_clear(&parts->components);
    *parts = (struct truth_parts){0};
}

void truth_part(uint8_t *out, const struct truth_parts *parts, int64_t k, int64_t n)
{
    const int32_t label = (int32_t)parts->largest[k] + 1;

    for (int64_t i = 0; i < n; i++)
        out[i] = parts->labels[i] == label;
}
