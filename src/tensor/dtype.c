/* Element types and their conversions, in bits, so that every machine gives the same values.
 *
 * Elements are loaded and stored by memcpy: tensors of a mapped file lie at any address.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "tensor/tensor.h"

struct dtype_row {
    const char *name;
    size_t size;
};

/* ORDER dtype */
static const struct dtype_row rows[] = {
    {"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},
    {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},   {"BOOL", 1},
};
_Static_assert(sizeof rows / sizeof *rows == DTYPE_COUNT, "one row for each dtype");

static const struct dtype_row *dtype_info(enum dtype dtype)
{
    assert((int)dtype >= 0 && dtype < DTYPE_COUNT);
    return &rows[dtype];
}

size_t dtype_size(enum dtype dtype)
{
    return dtype_info(dtype)->size;
}

const char *dtype_name(enum dtype dtype)
{
    return dtype_info(dtype)->name;
}

bool dtype_from_name(enum dtype *out, const char *name)
{
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = (enum dtype)i;
            return true;
        }
    }
    return false;
}

static ALWAYS_INLINE uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static ALWAYS_INLINE float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Without branches, so that compilers vectorise the loops around it. Subnormals get their exponent
 * from an exact subtraction of floats. */
static ALWAYS_INLINE float widen_f16(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t magnitude = (uint32_t)(half & 0x7fffu)
                               << 13; /* exponent and mantissa in place */
    const uint32_t exponent = magnitude & 0x0f800000u;
    const uint32_t rebias = (127u - 15u) << 23;
    const uint32_t normal = magnitude + rebias;
    const uint32_t special = normal + rebias; /* 31 becomes 255 */
    const uint32_t subnormal = bits_of(float_of(normal + (1u << 23)) - 0x1p-14f);
    const uint32_t bits = exponent == 0x0f800000u ? special : exponent ? normal : subnormal;

    return float_of(sign | bits);
}

float f32_from_f16(uint16_t bits)
{
    return widen_f16(bits);
}

uint16_t f16_from_f32(float value)
{
    const uint32_t bits = bits_of(value);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    const uint32_t magnitude = bits & 0x7fffffffu;

    if (magnitude > 0x7f800000u) { /* NaN: the payload's upper bits, never turned into infinity */
        const uint32_t payload = magnitude >> 13 & 0x3ffu;
        return (uint16_t)(sign | 0x7c00u | (payload ? payload : 0x200u));
    }
    if (magnitude >= 0x477ff000u) /* 65520 and above round to infinity */
        return sign | 0x7c00u;
    if (magnitude >= 0x38800000u) { /* 2^-14 and above: normal */
        const uint32_t odd = magnitude >> 13 & 1u;
        return (uint16_t)(sign | (magnitude - ((127u - 15u) << 23) + 0xfffu + odd) >> 13);
    }
    if (magnitude < 0x33000000u) /* below 2^-25, half of the least subnormal */
        return sign;
    /* Subnormal: a multiple of 2^-24, rounded to nearest even. */
    const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const uint32_t shift = 126u - (magnitude >> 23); /* 14 .. 24 */
    const uint32_t half = 1u << (shift - 1u);
    const uint32_t odd = mantissa >> shift & 1u;
    return (uint16_t)(sign | (mantissa + half - 1u + odd) >> shift);
}

static uint16_t bf16_from_f32(float value)
{
    const uint32_t bits = bits_of(value);

    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        const uint32_t upper = bits >> 16;
        return (uint16_t)(upper & 0x7fu ? upper : upper | 0x40u);
    }
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* One element as float; dtype is a constant at every call, so the switch folds away. */
static ALWAYS_INLINE float load_f32(const unsigned char *at, enum dtype dtype)
{
    float f32;
    double f64;
    int64_t i64;
    int32_t i32;
    int16_t i16;
    uint16_t u16;
    int8_t i8;

    switch (dtype) {
    case DTYPE_F32:
        memcpy(&f32, at, sizeof f32);
        return f32;
    case DTYPE_F64:
        memcpy(&f64, at, sizeof f64);
        return (float)f64;
    case DTYPE_F16:
        memcpy(&u16, at, sizeof u16);
        return widen_f16(u16);
    case DTYPE_BF16:
        memcpy(&u16, at, sizeof u16);
        return float_of((uint32_t)u16 << 16);
    case DTYPE_I64:
        memcpy(&i64, at, sizeof i64);
        return (float)i64;
    case DTYPE_I32:
        memcpy(&i32, at, sizeof i32);
        return (float)i32;
    case DTYPE_I16:
        memcpy(&i16, at, sizeof i16);
        return (float)i16;
    case DTYPE_U16:
        memcpy(&u16, at, sizeof u16);
        return (float)u16;
    case DTYPE_I8:
        memcpy(&i8, at, sizeof i8);
        return (float)i8;
    case DTYPE_U8:
        return (float)*at;
    case DTYPE_BOOL:
        return *at ? 1.0f : 0.0f;
    case DTYPE_COUNT:
    default:
        return 0.0f;
    }
}

static ALWAYS_INLINE void to_f32_from(float *out, const unsigned char *in, enum dtype dtype,
                                      int64_t n)
{
    const int64_t size = (int64_t)dtype_size(dtype);

    for (int64_t i = 0; i < n; i++)
        out[i] = load_f32(in + i * size, dtype);
}

void elements_to_f32(float *out, const void *in, enum dtype dtype, int64_t n)
{
    switch (dtype) {
    case DTYPE_F32:
        if (n > 0)
            memcpy(out, in, (size_t)n * sizeof *out);
        return;
    case DTYPE_F16:
        to_f32_from(out, in, DTYPE_F16, n);
        return;
    case DTYPE_BF16:
        to_f32_from(out, in, DTYPE_BF16, n);
        return;
    case DTYPE_U8:
        to_f32_from(out, in, DTYPE_U8, n);
        return;
    case DTYPE_F64:
    case DTYPE_I64:
    case DTYPE_I32:
    case DTYPE_I16:
    case DTYPE_U16:
    case DTYPE_I8:
    case DTYPE_BOOL:
    case DTYPE_COUNT:
    default:
        to_f32_from(out, in, dtype, n);
        return;
    }
}

void elements_to_f64(double *out, const void *in, enum dtype dtype, int64_t n)
{
    const unsigned char *at = in;

    for (int64_t i = 0; i < n; i++, at += dtype_size(dtype)) {
        int64_t i64;
        int32_t i32;
        if (dtype == DTYPE_F64) {
            memcpy(&out[i], at, sizeof out[i]);
        } else if (dtype == DTYPE_I64) {
            memcpy(&i64, at, sizeof i64);
            out[i] = (double)i64;
        } else if (dtype == DTYPE_I32) {
            memcpy(&i32, at, sizeof i32);
            out[i] = (double)i32;
        } else {
            out[i] = (double)load_f32(at, dtype); /* the narrower types fit a float exactly */
        }
    }
}

/* To nearest even, kept within [low, high]; NaN becomes 0. 2^63 is no int64_t, hence the last step.
 */
static int64_t to_integer(float value, double low, double high)
{
    const double rounded = nearbyint((double)value);

    if (isnan(value))
        return 0;
    if (rounded <= low)
        return (int64_t)low;
    if (rounded >= high)
        return high >= 0x1p63 ? INT64_MAX : (int64_t)high;
    return (int64_t)rounded;
}

static void store(unsigned char *at, enum dtype dtype, float value)
{
    const double f64 = (double)value;
    uint16_t u16;
    int64_t i64;
    int32_t i32;
    int16_t i16;

    switch (dtype) {
    case DTYPE_F32:
        memcpy(at, &value, sizeof value);
        return;
    case DTYPE_F64:
        memcpy(at, &f64, sizeof f64);
        return;
    case DTYPE_F16:
        u16 = f16_from_f32(value);
        memcpy(at, &u16, sizeof u16);
        return;
    case DTYPE_BF16:
        u16 = bf16_from_f32(value);
        memcpy(at, &u16, sizeof u16);
        return;
    case DTYPE_I64:
        i64 = to_integer(value, -0x1p63, 0x1p63);
        memcpy(at, &i64, sizeof i64);
        return;
    case DTYPE_I32:
        i32 = (int32_t)to_integer(value, INT32_MIN, INT32_MAX);
        memcpy(at, &i32, sizeof i32);
        return;
    case DTYPE_I16:
        i16 = (int16_t)to_integer(value, INT16_MIN, INT16_MAX);
        memcpy(at, &i16, sizeof i16);
        return;
    case DTYPE_U16:
        u16 = (uint16_t)to_integer(value, 0, UINT16_MAX);
        memcpy(at, &u16, sizeof u16);
        return;
    case DTYPE_I8:
        *at = (unsigned char)(int8_t)to_integer(value, INT8_MIN, INT8_MAX);
        return;
    case DTYPE_U8:
        *at = (unsigned char)to_integer(value, 0, UINT8_MAX);
        return;
    case DTYPE_BOOL:
        *at = value != 0.0f;
        return;
    case DTYPE_COUNT:
    default:
        return;
    }
}

void elements_from_f32(void *out, enum dtype dtype, const float *in, int64_t n)
{
    const size_t size = dtype_size(dtype);
    unsigned char *at = out;

    for (int64_t i = 0; i < n; i++, at += size)
        store(at, dtype, in[i]);
}
