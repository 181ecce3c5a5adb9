#include "memory_tensors.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const struct memory_tensors *of_source(const struct tensor_source *source)
{
    return (const struct memory_tensors *)(const void *)source; /* its first member */
}

static const char *label(const struct tensor_source *source)
{
    (void)source;
    return "memory.safetensors";
}

static int64_t count(const struct tensor_source *source)
{
    return of_source(source)->n;
}

static const char *name_at(const struct tensor_source *source, int64_t index)
{
    return of_source(source)->names[index];
}

static struct tensor tensor_at(const struct tensor_source *source, int64_t index)
{
    return of_source(source)->tensors[index];
}

static int64_t find(const struct tensor_source *source, const char *name)
{
    for (int i = 0; i < of_source(source)->n; i++)
        if (strcmp(of_source(source)->names[i], name) == 0)
            return i;
    return -1;
}

static const char *metadata(const struct tensor_source *source, const char *key)
{
    (void)source;
    (void)key;
    return NULL;
}

static const struct tensor_source_ops source_ops = {label,     count, name_at,
                                                    tensor_at, find,  metadata};

static ana_status put(struct tensor_sink *sink, const char *name, const struct tensor *tensor,
                      ana_error *err)
{
    (void)err;
    struct memory_tensors *store =
        (struct memory_tensors *)(void *)((char *)sink - offsetof(struct memory_tensors, sink));
    memory_tensors_put(store, name, tensor->dtype, tensor->shape, tensor->data);
    return ANA_OK;
}

static ana_status put_metadata(struct tensor_sink *sink, const char *key, const char *value,
                               ana_error *err)
{
    (void)sink;
    (void)key;
    (void)value;
    (void)err;
    return ANA_OK;
}

static const struct tensor_sink_ops sink_ops = {put, put_metadata};

void memory_tensors_init(struct memory_tensors *store)
{
    memset(store, 0, sizeof *store);
    store->source.ops = &source_ops;
    store->sink.ops = &sink_ops;
}

void memory_tensors_clear(struct memory_tensors *store)
{
    for (int i = 0; i < store->n; i++)
        memory_free(store->tensors[i].data);
    store->n = 0;
}

struct tensor *memory_tensors_find(struct memory_tensors *store, const char *name)
{
    const int64_t i = find(&store->source, name);
    return i < 0 ? NULL : &store->tensors[i];
}

void memory_tensors_put(struct memory_tensors *store, const char *name, enum dtype dtype,
                        struct shape shape, const void *data)
{
    assert(store->n < MEMORY_TENSORS && !memory_tensors_find(store, name));
    const int i = store->n++;
    (void)snprintf(store->names[i], MEMORY_NAME, "%s", name);
    store->tensors[i] = tensor_view(NULL, dtype, shape);
    store->tensors[i].data = memory_alloc(tensor_bytes(&store->tensors[i]));
    assert(store->tensors[i].data);
    memcpy(store->tensors[i].data, data, tensor_bytes(&store->tensors[i]));
}

void memory_tensors_remove(struct memory_tensors *store, const char *name)
{
    const int64_t i = find(&store->source, name);
    assert(i >= 0);
    memory_free(store->tensors[i].data);
    store->n--;
    store->tensors[i] = store->tensors[store->n];
    memmove(store->names[i], store->names[store->n], MEMORY_NAME);
}
