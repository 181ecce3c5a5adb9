/* Shapes and views. */
#include "tensor/tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"

bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->extent[i] != b->extent[i])
            return false;
    }
    return true;
}

int64_t shape_count(const struct shape *shape)
{
    int64_t n = 1;

    for (int i = 0; i < shape->rank; i++)
        n *= shape->extent[i];
    return n;
}

bool shape_size(size_t *size_bytes, const struct shape *shape, enum dtype dtype)
{
    int64_t n = 1;
    size_t bytes;

    if (shape->rank < 0 || shape->rank > TENSOR_MAX_RANK)
        return false;
    for (int i = 0; i < shape->rank; i++) {
        if (!extent_mul(&n, n, shape->extent[i]))
            return false;
    }
    if ((uint64_t)n > SIZE_MAX || !size_mul(&bytes, (size_t)n, dtype_size(dtype)))
        return false;
    *size_bytes = bytes;
    return true;
}

char *shape_print(char *buffer, size_t size, const struct shape *shape)
{
    size_t used = 0;

    assert(size > 0);
    buffer[0] = '\0';
    for (int i = -1; i <= shape->rank && used < size; i++) {
        int n;
        if (i < 0)
            n = snprintf(buffer, size, "[");
        else if (i == shape->rank)
            n = snprintf(buffer + used, size - used, "]");
        else
            n = snprintf(buffer + used, size - used, "%s%" PRId64, i ? ", " : "", shape->extent[i]);
        if (n > 0)
            used += (size_t)n;
    }
    return buffer;
}

struct tensor tensor_view(void *data, enum dtype dtype, struct shape shape)
{
    struct tensor tensor = {.dtype = dtype, .shape = shape, .data = data};
    int64_t stride = 1;

    for (int i = shape.rank - 1; i >= 0; i--) {
        tensor.stride[i] = stride;
        stride *= shape.extent[i];
    }
    return tensor;
}

bool tensor_is_contiguous(const struct tensor *tensor)
{
    int64_t stride = 1;

    for (int i = tensor->shape.rank - 1; i >= 0; i--) {
        const int64_t extent = tensor->shape.extent[i];
        if (extent == 0)
            return true;
        if (extent != 1 && tensor->stride[i] != stride)
            return false;
        stride *= extent;
    }
    return true;
}

int64_t tensor_count(const struct tensor *tensor)
{
    return shape_count(&tensor->shape);
}

size_t tensor_bytes(const struct tensor *tensor)
{
    return (size_t)tensor_count(tensor) * dtype_size(tensor->dtype);
}

struct tensor tensor_reshape(const struct tensor *tensor, struct shape shape)
{
    assert(tensor_is_contiguous(tensor));
    assert(shape_count(&shape) == tensor_count(tensor));
    return tensor_view(tensor->data, tensor->dtype, shape);
}

struct tensor tensor_slice(const struct tensor *tensor, int axis, int64_t begin, int64_t count)
{
    struct tensor slice = *tensor;

    assert(axis >= 0 && axis < tensor->shape.rank);
    assert(begin >= 0 && count >= 0 && begin + count <= tensor->shape.extent[axis]);
    slice.shape.extent[axis] = count;
    if (slice.data)
        slice.data = (unsigned char *)tensor->data +
                     begin * tensor->stride[axis] * (int64_t)dtype_size(tensor->dtype);
    return slice;
}
