/* A sink that copies what params_save() gives and a source that lends it. */
#include "mini_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "models/model.h"

static const char concepts_csv[] = "name,headline,views,aliases\n"
                                   "bright disc,yes,drawing:shapes,white circle|round spot\n"
                                   "dark square,yes,drawing:shapes,black box\n";

/* ---- source ---- */

static const struct mini_weights *of_source(const struct tensor_source *source)
{
    return (const struct mini_weights *)(const void *)source; /* its first member */
}

static const char *label(const struct tensor_source *source)
{
    (void)source;
    return MINI_WEIGHTS_LABEL;
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
    const struct mini_weights *weights = of_source(source);
    for (int i = 0; i < weights->n_metadata; i++)
        if (strcmp(weights->metadata[i].key, key) == 0)
            return weights->metadata[i].value;
    return NULL;
}

static const struct tensor_source_ops source_ops = {label,     count, name_at,
                                                    tensor_at, find,  metadata};

/* ---- sink ---- */

static ana_status put(struct tensor_sink *sink, const char *name, const struct tensor *tensor,
                      ana_error *err)
{
    struct mini_weights *weights =
        (struct mini_weights *)(void *)((char *)sink - offsetof(struct mini_weights, sink));
    const size_t bytes = tensor_bytes(tensor);
    if (weights->n == MINI_WEIGHTS_TENSORS)
        return ana_fail(err, ANA_ERR_LIMIT, "more than %d tensors", MINI_WEIGHTS_TENSORS);
    void *data = memory_alloc(bytes);
    if (!data)
        return ana_fail_memory(err, bytes);
    memcpy(data, tensor->data, bytes);
    (void)snprintf(weights->names[weights->n], MINI_WEIGHTS_NAME, "%s", name);
    weights->tensors[weights->n++] = tensor_view(data, tensor->dtype, tensor->shape);
    return ANA_OK;
}

static ana_status put_metadata(struct tensor_sink *sink, const char *key, const char *text,
                               ana_error *err)
{
    (void)sink;
    (void)key;
    (void)text;
    return ana_fail(err, ANA_ERR_UNSUPPORTED, "parameters have no metadata");
}

static const struct tensor_sink_ops sink_ops = {put, put_metadata};

/* ---- values ---- */

static void shake(float *x, int64_t n, double low, double high, struct random random)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)random_between(&random, low, high);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

void mini_params_shake(struct params *params, uint64_t seed)
{
    params_initialise(params, seed);
    for (int i = 0; i < params_count(params); i++) {
        const char *name = params_spec(params, i)->name;
        const struct tensor tensor = params_value(params, i);
        const struct random random = random_at(seed, 0, (uint32_t)i, 0);
        const int64_t n = tensor_count(&tensor);
        if (ends_with(name, "norm.weight") || ends_with(name, "running_var"))
            shake(tensor_f32(&tensor), n, 0.5, 1.5, random);
        else if (ends_with(name, "bias") || ends_with(name, "running_mean"))
            shake(tensor_f32(&tensor), n, -0.2, 0.2, random);
    }
    params_touch(params);
}

bool mini_weights_make(struct mini_weights *out, uint64_t seed, enum dtype dtype)
{
    const struct mini_config config = mini_default_config();
    struct mini_network network;
    struct params *params;
    ana_error err;

    *out = (struct mini_weights){.source = {&source_ops}, .sink = {&sink_ops}};
    mini_weights_tell(out, MODEL_KEY_KIND, "mini");
    mini_weights_tell(out, MODEL_KEY_CONCEPTS, concepts_csv);
    if (params_create(&params, DTYPE_F32, &err))
        return false;
    mini_declare(&network, &config, params, false);
    ana_status status = params_finish(params, &err);
    if (!status) {
        mini_params_shake(params, seed);
        status = params_save(params, &out->sink, "", dtype, &err);
    }
    params_free(params);
    return !status;
}

void mini_weights_clear(struct mini_weights *weights)
{
    for (int i = 0; i < weights->n; i++)
        memory_free(weights->tensors[i].data);
    weights->n = 0;
}

struct tensor *mini_weights_find(struct mini_weights *weights, const char *name)
{
    const int64_t i = find(&weights->source, name);
    return i < 0 ? NULL : &weights->tensors[i];
}

void mini_weights_rename(struct mini_weights *weights, const char *name, const char *other)
{
    const int64_t i = find(&weights->source, name);
    if (i >= 0)
        (void)snprintf(weights->names[i], MINI_WEIGHTS_NAME, "%s", other);
}

void mini_weights_tell(struct mini_weights *weights, const char *key, const char *text)
{
    int i = 0;
    while (i < weights->n_metadata && strcmp(weights->metadata[i].key, key) != 0)
        i++;
    if (i == MINI_WEIGHTS_METADATA)
        abort();
    weights->metadata[i].key = key;
    weights->metadata[i].value = text;
    weights->n_metadata += i == weights->n_metadata;
}
