/* Named tensors: how weights come in and go out. Models know these two interfaces and no file;
 * readers of files implement them and know no model. */
#ifndef ANA_TENSOR_NAMED_H
#define ANA_TENSOR_NAMED_H

#include "tensor/tensor.h"

/* Something that holds tensors by name: a mapped safetensors file, a checkpoint, a test's array. */
struct tensor_source {
    const struct tensor_source_ops *ops;
};

struct tensor_source_ops {
    const char *(*label)(const struct tensor_source *source); /* for messages: the file's name */
    int64_t (*count)(const struct tensor_source *source);
    const char *(*name)(const struct tensor_source *source, int64_t index);
    struct tensor (*tensor)(const struct tensor_source *source, int64_t index); /* borrowed data */
    /* -1 if there is none */
    int64_t (*find)(const struct tensor_source *source, const char *name);
    /* String metadata, NULL if there is none. */
    const char *(*metadata)(const struct tensor_source *source, const char *key);
};

/* Something that takes tensors by name. The data is copied or written before put() returns. */
struct tensor_sink {
    const struct tensor_sink_ops *ops;
};

struct tensor_sink_ops {
    ana_status (*put)(struct tensor_sink *sink, const char *name, const struct tensor *tensor,
                      ana_error *err);
    ana_status (*put_metadata)(struct tensor_sink *sink, const char *key, const char *value,
                               ana_error *err);
};

#endif
