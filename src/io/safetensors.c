/* Reading safetensors: 8 bytes of little-endian header length, the header in JSON, then data.
 *
 * Everything the header says is checked at open, so that the source can hand out tensors without a
 * way to fail. Processors are little-endian here, as the data are.
 */
#include "io/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/json.h"

enum { LENGTH_BYTES = 8 };
#define MAX_HEADER_BYTES ((size_t)100 << 20)

struct entry {
    const char *name; /* in the header */
    enum dtype dtype;
    struct shape shape;
    size_t begin; /* in the data */
    size_t end;
    void *copy; /* aligned copy of data that are not aligned in the file, or NULL */
};

struct name {
    const char *name;
    int64_t index;
};

struct safetensors {
    struct tensor_source source; /* first, so that a source leads back to its file */
    struct file_map map;         /* empty if the bytes are the caller's */
    char *label;
    struct json *header;
    const uint8_t *data; /* behind the header */
    size_t data_size;
    struct entry *entries; /* in the order of the data */
    struct name *names;    /* sorted */
    int64_t n;
};

/* ---- the source ---- */

static const struct safetensors *file_of(const struct tensor_source *source)
{
    return (const struct safetensors *)source;
}

static const char *source_label(const struct tensor_source *source)
{
    return file_of(source)->label;
}

static int64_t source_count(const struct tensor_source *source)
{
    return file_of(source)->n;
}

static const char *source_name(const struct tensor_source *source, int64_t index)
{
    return file_of(source)->entries[index].name;
}

/* A view has one type of pointer for readers and writers; the pages themselves are read-only. */
static void *drop_const(const uint8_t *data)
{
    return (void *)(uintptr_t)data;
}

static struct tensor source_tensor(const struct tensor_source *source, int64_t index)
{
    const struct safetensors *file = file_of(source);
    const struct entry *entry = &file->entries[index];
    void *data = entry->copy ? entry->copy : drop_const(file->data + entry->begin);
    return tensor_view(data, entry->dtype, entry->shape);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static int64_t source_find(const struct tensor_source *source, const char *name)
{
    const struct safetensors *file = file_of(source);
    const struct name key = {name, 0};
    const struct name *found = NULL;
    if (file->n)
        found = bsearch(&key, file->names, (size_t)file->n, sizeof(key), compare_names);
    return found ? found->index : -1;
}

static const char *source_metadata(const struct tensor_source *source, const char *key)
{
    return json_text(json_get(json_get(file_of(source)->header, "__metadata__"), key));
}

static const struct tensor_source_ops source_ops = {
    .label = source_label,
    .count = source_count,
    .name = source_name,
    .tensor = source_tensor,
    .find = source_find,
    .metadata = source_metadata,
};

/* ---- the header ---- */

static bool read_shape(struct shape *out, const struct json *list)
{
    const int64_t rank = json_count(list);
    if (json_type_of(list) != JSON_TYPE_ARRAY || rank > TENSOR_MAX_RANK)
        return false;
    *out = (struct shape){.rank = (int)rank};
    for (int i = 0; i < out->rank; i++)
        if (!json_int64(json_at(list, i), &out->extent[i]) || out->extent[i] < 0)
            return false;
    return true;
}

static bool read_offsets(struct entry *out, const struct json *pair, size_t data_size)
{
    int64_t begin;
    int64_t end;
    if (json_type_of(pair) != JSON_TYPE_ARRAY || json_count(pair) != 2 ||
        !json_int64(json_at(pair, 0), &begin) || !json_int64(json_at(pair, 1), &end))
        return false;
    if (begin < 0 || end < begin || (uint64_t)end > data_size)
        return false;
    out->begin = (size_t)begin;
    out->end = (size_t)end;
    return true;
}

static ana_status read_entry(struct entry *out, const char *name, const struct json *fields,
                             size_t data_size, ana_error *err)
{
    *out = (struct entry){.name = name};
    const char *type = json_text(json_get(fields, "dtype"));
    size_t bytes;

    if (json_type_of(fields) != JSON_TYPE_OBJECT || !type)
        return ana_fail(err, ANA_ERR_FORMAT, "tensor %s: no object with a dtype", name);
    if (!dtype_from_name(&out->dtype, type))
        return ana_fail(err, ANA_ERR_UNSUPPORTED, "tensor %s: unknown element type \"%.32s\"", name,
                        type);
    if (!read_shape(&out->shape, json_get(fields, "shape")))
        return ana_fail(err, ANA_ERR_FORMAT,
                        "tensor %s: the shape is not a list of at most %d sizes", name,
                        TENSOR_MAX_RANK);
    if (!read_offsets(out, json_get(fields, "data_offsets"), data_size))
        return ana_fail(err, ANA_ERR_FORMAT,
                        "tensor %s: data_offsets are not two increasing numbers within the %zu "
                        "bytes of data",
                        name, data_size);
    if (!shape_size(&bytes, &out->shape, out->dtype) || bytes != out->end - out->begin)
        return ana_fail(err, ANA_ERR_FORMAT,
                        "tensor %s: shape and element type do not give the %zu bytes of its "
                        "data_offsets",
                        name, out->end - out->begin);
    return ANA_OK;
}

static ana_status check_metadata(const struct json *metadata, ana_error *err)
{
    if (metadata && json_type_of(metadata) != JSON_TYPE_OBJECT)
        return ana_fail(err, ANA_ERR_FORMAT, "__metadata__ is not an object");
    for (struct json_member m = json_first(metadata); m.key; m = json_next(metadata, m))
        if (json_type_of(m.value) != JSON_TYPE_STRING)
            return ana_fail(err, ANA_ERR_FORMAT, "__metadata__: the value of \"%.64s\" is no text",
                            m.key);
    return ANA_OK;
}

static ana_status read_entries(struct safetensors *file, ana_error *err)
{
    const struct json *header = file->header;
    if (json_type_of(header) != JSON_TYPE_OBJECT)
        return ana_fail(err, ANA_ERR_FORMAT, "the header is not a JSON object");
    ana_status status = check_metadata(json_get(header, "__metadata__"), err);
    if (status)
        return status;

    const size_t n = (size_t)json_count(header);
    file->entries = memory_alloc_array(n, sizeof(*file->entries));
    file->names = memory_alloc_array(n, sizeof(*file->names));
    if (!file->entries || !file->names)
        return ana_fail_memory(err, n * sizeof(*file->entries));

    for (struct json_member m = json_first(header); m.key && !status; m = json_next(header, m)) {
        if (strcmp(m.key, "__metadata__") == 0)
            continue;
        status = read_entry(&file->entries[file->n], m.key, m.value, file->data_size, err);
        file->n += !status;
    }
    return status;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name); /* of empty tensors; names are unique */
}

/* Sorts the entries by their data, which must cover the file exactly once. */
static ana_status check_cover(struct safetensors *file, ana_error *err)
{
    size_t at = 0;
    qsort(file->entries, (size_t)file->n, sizeof(*file->entries), compare_entries);
    for (int64_t i = 0; i < file->n; i++) {
        const struct entry *entry = &file->entries[i];
        if (entry->begin != at)
            return ana_fail(err, ANA_ERR_FORMAT, "tensor %s: its data %s", entry->name,
                            entry->begin < at ? "overlap those of another tensor"
                                              : "leave a gap before them");
        at = entry->end;
    }
    if (at != file->data_size)
        return ana_fail(err, ANA_ERR_FORMAT, "%zu bytes at the end belong to no tensor",
                        file->data_size - at);
    return ANA_OK;
}

/* Files of other writers need not align a tensor to its elements. */
static ana_status align_entries(struct safetensors *file, ana_error *err)
{
    for (int64_t i = 0; i < file->n; i++) {
        struct entry *entry = &file->entries[i];
        const uint8_t *data = file->data + entry->begin;
        const size_t size = entry->end - entry->begin;
        if ((uintptr_t)data % dtype_size(entry->dtype) == 0)
            continue;
        entry->copy = memory_alloc(size);
        if (!entry->copy)
            return ana_fail_memory(err, size);
        memcpy(entry->copy, data, size);
    }
    return ANA_OK;
}

static void index_names(struct safetensors *file)
{
    for (int64_t i = 0; i < file->n; i++)
        file->names[i] = (struct name){file->entries[i].name, i};
    qsort(file->names, (size_t)file->n, sizeof(*file->names), compare_names);
}

/* ---- opening ---- */

static ana_status read_length(size_t *out, const uint8_t *bytes, size_t size, ana_error *err)
{
    if (size < LENGTH_BYTES)
        return ana_fail(err, ANA_ERR_FORMAT, "%zu bytes are too few for a safetensors file", size);
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > size - LENGTH_BYTES)
        return ana_fail(err, ANA_ERR_FORMAT,
                        "not a safetensors file, or cut off: header of %llu bytes in a file of %zu",
                        (unsigned long long)length, size);
    if (length > MAX_HEADER_BYTES)
        return ana_fail(err, ANA_ERR_LIMIT, "header of %llu bytes, the limit is %zu",
                        (unsigned long long)length, MAX_HEADER_BYTES);
    *out = (size_t)length;
    return ANA_OK;
}

static ana_status parse(struct safetensors *file, const uint8_t *bytes, size_t size, ana_error *err)
{
    /* object, offsets, shape and a list of metadata; ten values or so a tensor */
    const struct json_limits limits = {MAX_HEADER_BYTES, 4, INT64_C(1) << 20};
    size_t length = 0;

    ana_status status = read_length(&length, bytes, size, err);
    if (!status && (length == 0 || bytes[LENGTH_BYTES] != '{'))
        status = ana_fail(err, ANA_ERR_FORMAT, "the header is not a JSON object");
    if (!status)
        status = json_parse(&file->header, bytes + LENGTH_BYTES, length, "header", &limits, err);
    if (status)
        return status;

    file->data = bytes + LENGTH_BYTES + length;
    file->data_size = size - LENGTH_BYTES - length;
    status = read_entries(file, err);
    if (!status)
        status = check_cover(file, err);
    if (!status)
        status = align_entries(file, err);
    if (!status)
        index_names(file);
    return status;
}

ana_status safetensors_open_memory(struct safetensors **out, const void *data, size_t size,
                                   const char *label, ana_error *err)
{
    *out = NULL;
    struct safetensors *file = memory_alloc_zeroed(sizeof(*file));
    if (!file)
        return ana_fail_memory(err, sizeof(*file));
    file->source.ops = &source_ops;
    file->label = memory_copy_string(label);

    ana_status status = file->label ? ANA_OK : ana_fail_memory(err, strlen(label) + 1);
    if (!status)
        status = parse(file, data, size, err);
    if (status) {
        safetensors_free(file);
        return ana_fail_in(err, status, "%s", label);
    }
    *out = file;
    return ANA_OK;
}

ana_status safetensors_open(struct safetensors **out, const char *path, ana_error *err)
{
    *out = NULL;
    struct file_map map;
    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    struct safetensors *file = NULL;
    status = safetensors_open_memory(&file, map.data, map.size, path, err);
    if (!file) {
        file_map_close(&map);
        return status;
    }
    file->map = map;
    *out = file;
    return ANA_OK;
}

void safetensors_free(struct safetensors *file)
{
    if (!file)
        return;
    for (int64_t i = 0; i < file->n; i++)
        memory_free(file->entries[i].copy);
    memory_free(file->entries);
    memory_free(file->names);
    json_free(file->header);
    memory_free(file->label);
    file_map_close(&file->map);
    memory_free(file);
}

const struct tensor_source *safetensors_source(const struct safetensors *file)
{
    return &file->source;
}
