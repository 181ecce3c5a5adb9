/* Element types, shapes and tensor views. No arithmetic lives here.
 *
 * Activations are channels-last: [tokens, C], [N, H, W, C], [N, D, H, W, C]; rank up to 5.
 */
#ifndef ANA_TENSOR_TENSOR_H
#define ANA_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { TENSOR_MAX_RANK = 5 };

/* ORDER dtype: dtype_info() has one row for each. */
enum dtype {
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_I64,
    DTYPE_I32,
    DTYPE_I16,
    DTYPE_U16,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_BOOL,
    DTYPE_COUNT
};

size_t dtype_size(enum dtype dtype);      /* bytes of one element */
const char *dtype_name(enum dtype dtype); /* as safetensors spells it: "F32" */
bool dtype_from_name(enum dtype *out, const char *name);

struct shape {
    int rank; /* 0 is a scalar of one element */
    int64_t extent[TENSOR_MAX_RANK];
};

/* shape_of(2, rows, columns); each extent is an int64_t. */
#define SHAPE(...)                                                                                 \
    ((struct shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

bool shape_equal(const struct shape *a, const struct shape *b);
int64_t shape_count(const struct shape *shape); /* elements; the shape is known to be sane */
/* False if an extent is negative or the product or size in bytes overflows. */
bool shape_size(size_t *size_bytes, const struct shape *shape, enum dtype dtype);
/* "[2, 3, 4]" into a caller's buffer; returns buffer. */
char *shape_print(char *buffer, size_t size, const struct shape *shape);

/* A view: shape, type and where the elements lie. It owns nothing. Strides are in elements and the
 * last one is 1, so that a slice of channels is a view too. */
struct tensor {
    enum dtype dtype;
    struct shape shape;
    int64_t stride[TENSOR_MAX_RANK];
    void *data;
};

struct tensor tensor_view(void *data, enum dtype dtype, struct shape shape); /* contiguous */
bool tensor_is_contiguous(const struct tensor *tensor);
int64_t tensor_count(const struct tensor *tensor);
size_t tensor_bytes(const struct tensor *tensor);
/* The same elements under another shape of equal count; the tensor must be contiguous. */
struct tensor tensor_reshape(const struct tensor *tensor, struct shape shape);
/* Sub-range [begin, begin+count) along one axis. */
struct tensor tensor_slice(const struct tensor *tensor, int axis, int64_t begin, int64_t count);

static inline float *tensor_f32(const struct tensor *tensor)
{
    return (float *)tensor->data;
}

static inline double *tensor_f64(const struct tensor *tensor)
{
    return (double *)tensor->data;
}

static inline int32_t *tensor_i32(const struct tensor *tensor)
{
    return (int32_t *)tensor->data;
}

/* Elements of any type to and from float or double, contiguous; the typed side may be unaligned.
 * All types round to nearest even. A value outside the range of F16 becomes infinite, one outside
 * the range of an integer type its nearest end; NaN becomes 0 there and true as a BOOL. */
void elements_to_f32(float *out, const void *in, enum dtype dtype, int64_t n);
void elements_to_f64(double *out, const void *in, enum dtype dtype, int64_t n);
void elements_from_f32(void *out, enum dtype dtype, const float *in, int64_t n);
uint16_t f16_from_f32(float value);
float f32_from_f16(uint16_t bits);

#endif
