/* Named tensors in memory: a sink that copies and a source that lends, for tests of saving. */
#ifndef TESTS_MEMORY_TENSORS_H
#define TESTS_MEMORY_TENSORS_H

#include "tensor/named.h"

enum { MEMORY_TENSORS = 64, MEMORY_NAME = 128 };

struct memory_tensors {
    struct tensor_source source;
    struct tensor_sink sink;
    char names[MEMORY_TENSORS][MEMORY_NAME];
    struct tensor tensors[MEMORY_TENSORS];
    int n;
};

void memory_tensors_init(struct memory_tensors *store);
void memory_tensors_clear(struct memory_tensors *store);
struct tensor *memory_tensors_find(struct memory_tensors *store, const char *name); /* or NULL */
void memory_tensors_put(struct memory_tensors *store, const char *name, enum dtype dtype,
                        struct shape shape, const void *data);
void memory_tensors_remove(struct memory_tensors *store, const char *name);

#endif
