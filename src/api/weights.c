/* A look into a safetensors file: its tensors, its metadata, its hash. */
#include <string.h>

#include "api/api_internal.h"
#include "base/file.h"
#include "base/memory.h"
#include "io/json.h"

struct ana_weights {
    struct safetensors *file;
    struct json *header; /* the file's, for the metadata's keys */
    char sha256[SHA256_HEX_SIZE];
};

/* The reader has checked the file whole; this only fetches what a tensor source does not list. */
static ana_status read_header(struct json **out, const char *path, ana_error *err)
{
    const struct json_limits limits = {.size_bytes = 100U << 20, .n_values = 1 << 24};
    struct file_map map;
    uint64_t size = 0;

    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    for (size_t i = 0; map.size >= 8 && i < 8; i++)
        size |= (uint64_t)map.data[i] << (8 * i);
    if (map.size < 8 || size > map.size - 8)
        status = ana_fail(err, ANA_ERR_FORMAT, "%s: changed while it was read", path);
    else
        status = json_parse(out, map.data + 8, (size_t)size, path, &limits, err);
    file_map_close(&map);
    return status;
}

ana_status ana_weights_open(ana_weights **out, const char *path, ana_error *err)
{
    *out = NULL;
    ana_weights *w = memory_alloc_zeroed(sizeof *w);
    if (!w)
        return ana_fail_memory(err, sizeof *w);

    ana_status status = safetensors_open(&w->file, path, err);
    if (!status)
        status = read_header(&w->header, path, err);
    if (!status)
        status = sha256_file(w->sha256, path, err);
    if (status) {
        ana_weights_free(w);
        return status;
    }
    *out = w;
    return ANA_OK;
}

void ana_weights_free(ana_weights *weights)
{
    if (!weights)
        return;
    safetensors_free(weights->file);
    json_free(weights->header);
    memory_free(weights);
}

int64_t ana_weights_count(const ana_weights *weights)
{
    const struct tensor_source *source = safetensors_source(weights->file);

    return source->ops->count(source);
}

ana_tensor_info ana_weights_tensor(const ana_weights *weights, int64_t index)
{
    const struct tensor_source *source = safetensors_source(weights->file);
    const struct tensor tensor = source->ops->tensor(source, index);
    ana_tensor_info info = {
        .name = source->ops->name(source, index),
        .dtype = dtype_name(tensor.dtype),
        .rank = tensor.shape.rank,
        .size_bytes = (int64_t)tensor_bytes(&tensor),
    };

    for (int i = 0; i < tensor.shape.rank; i++)
        info.extent[i] = tensor.shape.extent[i];
    return info;
}

bool ana_weights_metadata(const ana_weights *weights, int64_t index, const char **key,
                          const char **value)
{
    struct json_member member = json_first(json_get(weights->header, "__metadata__"));
    const struct json *metadata = json_get(weights->header, "__metadata__");

    if (!metadata)
        return false;
    while (member.key && index-- > 0)
        member = json_next(metadata, member);
    if (!member.key)
        return false;
    *key = member.key;
    *value = json_text(member.value);
    return *value != NULL;
}

const char *ana_weights_sha256(const ana_weights *weights)
{
    return weights->sha256;
}
