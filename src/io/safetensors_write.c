/* Writing safetensors: tensors are collected, then laid out, then written at once. */
#include "io/safetensors.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/json.h"

enum { LENGTH_BYTES = 8, DATA_ALIGNMENT = 64 };

struct item {
    char *name;
    struct tensor tensor; /* contiguous, its data are ours */
    size_t begin;         /* in the data, once laid out */
};

struct safetensors_writer {
    struct tensor_sink sink; /* first, so that a sink leads back to its writer */
    struct item *items;
    int64_t n;
    int64_t capacity;
    struct json *names;    /* object: the names that came, to find repeated ones */
    struct json *metadata; /* object */
};

/* ---- collecting ---- */

/* Elements along the innermost axes that lie together, packed one run after the other; `bytes` of
 * them from `axis` on, more than 0. */
static void pack(uint8_t *out, const struct tensor *from, int axis, const uint8_t *in, size_t bytes)
{
    if (axis >= from->shape.rank - 1) {
        memcpy(out, in, bytes);
        return;
    }
    const size_t inner = bytes / (size_t)from->shape.extent[axis];
    const size_t step = (size_t)from->stride[axis] * dtype_size(from->dtype);
    for (int64_t i = 0; i < from->shape.extent[axis]; i++)
        pack(out + (size_t)i * inner, from, axis + 1, in + (size_t)i * step, inner);
}

static ana_status copy_tensor(struct tensor *out, const struct tensor *from, ana_error *err)
{
    const size_t bytes = tensor_bytes(from);
    void *data = memory_alloc(bytes);
    if (!data)
        return ana_fail_memory(err, bytes);
    if (bytes)
        pack(data, from, 0, from->data, bytes);
    *out = tensor_view(data, from->dtype, from->shape);
    return ANA_OK;
}

static ana_status reserve_item(struct safetensors_writer *writer, ana_error *err)
{
    if (writer->n < writer->capacity)
        return ANA_OK;
    const int64_t capacity = writer->capacity ? 2 * writer->capacity : 64;
    struct item *items = memory_resize(writer->items, (size_t)capacity * sizeof(*items));
    if (!items)
        return ana_fail_memory(err, (size_t)capacity * sizeof(*items));
    writer->items = items;
    writer->capacity = capacity;
    return ANA_OK;
}

/* Remembers the name, which must be new. */
static ana_status claim_name(struct safetensors_writer *writer, const char *name, ana_error *err)
{
    if (strcmp(name, "__metadata__") == 0)
        return ana_fail(err, ANA_ERR_ARGUMENT, "a tensor cannot be called __metadata__");
    if (!string_is_utf8(name))
        return ana_fail(err, ANA_ERR_ARGUMENT, "a tensor's name that is not UTF-8 text");
    if (json_get(writer->names, name))
        return ana_fail(err, ANA_ERR_ARGUMENT, "tensor %s: put twice", name);
    json_put(writer->names, name, json_new_null());
    if (!json_get(writer->names, name))
        return ana_fail_memory(err, strlen(name) + 1);
    return ANA_OK;
}

static ana_status sink_put(struct tensor_sink *sink, const char *name, const struct tensor *tensor,
                           ana_error *err)
{
    struct safetensors_writer *writer = (struct safetensors_writer *)sink;
    struct item item = {0};

    ana_status status = claim_name(writer, name, err);
    if (!status)
        status = reserve_item(writer, err);
    if (!status)
        status = copy_tensor(&item.tensor, tensor, err);
    if (status)
        return status;
    item.name = memory_copy_string(name);
    if (!item.name) {
        memory_free(item.tensor.data);
        return ana_fail_memory(err, strlen(name) + 1);
    }
    writer->items[writer->n++] = item;
    return ANA_OK;
}

static ana_status sink_put_metadata(struct tensor_sink *sink, const char *key, const char *value,
                                    ana_error *err)
{
    struct safetensors_writer *writer = (struct safetensors_writer *)sink;

    if (!string_is_utf8(value) || !string_is_utf8(key))
        return ana_fail(err, ANA_ERR_ARGUMENT, "metadata %s: not UTF-8 text", key);
    json_put_string(writer->metadata, key, value);
    const char *kept = json_text(json_get(writer->metadata, key));
    return kept && strcmp(kept, value) == 0 ? ANA_OK : ana_fail_memory(err, strlen(value) + 1);
}

static const struct tensor_sink_ops sink_ops = {sink_put, sink_put_metadata};

ana_status safetensors_writer_create(struct safetensors_writer **out, ana_error *err)
{
    *out = NULL;
    struct safetensors_writer *writer = memory_alloc_zeroed(sizeof(*writer));
    if (!writer)
        return ana_fail_memory(err, sizeof(*writer));
    writer->sink.ops = &sink_ops;
    writer->names = json_new_object();
    writer->metadata = json_new_object();
    if (!writer->names || !writer->metadata) {
        safetensors_writer_free(writer);
        return ana_fail_memory(err, sizeof(*writer));
    }
    *out = writer;
    return ANA_OK;
}

void safetensors_writer_free(struct safetensors_writer *writer)
{
    if (!writer)
        return;
    for (int64_t i = 0; i < writer->n; i++) {
        memory_free(writer->items[i].name);
        memory_free(writer->items[i].tensor.data);
    }
    memory_free(writer->items);
    json_free(writer->names);
    json_free(writer->metadata);
    memory_free(writer);
}

struct tensor_sink *safetensors_writer_sink(struct safetensors_writer *writer)
{
    return &writer->sink;
}

/* ---- writing ---- */

/* Calls `visit` for each tensor in the order of the data: element size 8, 4, 2, 1. */
static ana_status each_in_data(struct safetensors_writer *writer,
                               ana_status (*visit)(struct item *item, void *context), void *context)
{
    ana_status status = ANA_OK;
    for (size_t size = 8; size && !status; size /= 2)
        for (int64_t i = 0; i < writer->n && !status; i++)
            if (dtype_size(writer->items[i].tensor.dtype) == size)
                status = visit(&writer->items[i], context);
    return status;
}

static ana_status place(struct item *item, void *context)
{
    size_t *at = context;
    item->begin = *at;
    *at += tensor_bytes(&item->tensor);
    return ANA_OK;
}

static struct json *describe(const struct item *item)
{
    const struct tensor *tensor = &item->tensor;
    struct json *entry = json_new_object();
    struct json *shape = json_new_array();
    struct json *offsets = json_new_array();

    for (int i = 0; i < tensor->shape.rank; i++)
        json_append(shape, json_new_int64(tensor->shape.extent[i]));
    json_append(offsets, json_new_int64((int64_t)item->begin));
    json_append(offsets, json_new_int64((int64_t)(item->begin + tensor_bytes(tensor))));
    json_put_string(entry, "dtype", dtype_name(tensor->dtype));
    json_put(entry, "shape", shape);
    json_put(entry, "data_offsets", offsets);
    return entry;
}

static struct json *describe_metadata(const struct safetensors_writer *writer)
{
    struct json *copy = json_new_object();
    const struct json *from = writer->metadata;
    for (struct json_member m = json_first(from); m.key; m = json_next(from, m))
        json_put_string(copy, m.key, json_text(m.value));
    return copy;
}

/* The length and the header, padded so that data follow at a multiple of DATA_ALIGNMENT. */
static ana_status make_header(struct text *out, struct safetensors_writer *writer, ana_error *err)
{
    size_t at = 0;
    ana_status status = each_in_data(writer, place, &at);
    struct json *header = json_new_object();
    if (json_count(writer->metadata))
        json_put(header, "__metadata__", describe_metadata(writer));
    for (int64_t i = 0; i < writer->n; i++)
        json_put(header, writer->items[i].name, describe(&writer->items[i]));

    text_append(out, "12345678"); /* room for the length */
    if (!status)
        status = json_dump(out, header, 0, err);
    json_free(header);
    while (!status && !out->failed && out->size % DATA_ALIGNMENT)
        text_append(out, " ");
    if (status)
        return status;
    if (out->failed)
        return ana_fail_memory(err, out->size);
    for (int i = 0; i < LENGTH_BYTES; i++)
        out->data[i] = (char)(uint8_t)((uint64_t)(out->size - LENGTH_BYTES) >> (8 * i));
    return ANA_OK;
}

struct output {
    struct file_writer file;
    const char *path;
    ana_error *err;
};

static ana_status write_bytes(struct output *output, const void *data, size_t size)
{
    if (size && fwrite(data, 1, size, output->file.stream) != size)
        return ana_fail(output->err, ANA_ERR_IO, "%s: cannot be written, the disk may be full",
                        output->path);
    return ANA_OK;
}

static ana_status write_item(struct item *item, void *context)
{
    return write_bytes(context, item->tensor.data, tensor_bytes(&item->tensor));
}

ana_status safetensors_writer_write(struct safetensors_writer *writer, const char *path,
                                    ana_error *err)
{
    struct output output = {.path = path, .err = err};
    struct text header = {0};

    ana_status status = make_header(&header, writer, err);
    if (status) {
        text_clear(&header);
        return ana_fail_in(err, status, "writing %s", path);
    }
    status = file_writer_open(&output.file, path, err);
    if (!status) {
        status = write_bytes(&output, header.data, header.size);
        if (!status)
            status = each_in_data(writer, write_item, &output);
        if (!status)
            status = file_commit(&output.file, err);
        file_discard(&output.file);
    }
    text_clear(&header);
    return status;
}
