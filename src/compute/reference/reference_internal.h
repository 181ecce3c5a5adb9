/* What the files of the reference backend share.
 *
 * Every source here is compiled twice, with REFERENCE_FLOAT and with REFERENCE_DOUBLE: `real` is
 * the element type and REF(name) the name of a function in that build. Sums run in double in both,
 * in index order, and are rounded once, so that the float table is an oracle too.
 */
#ifndef ANA_COMPUTE_REFERENCE_INTERNAL_H
#define ANA_COMPUTE_REFERENCE_INTERNAL_H

#include "compute/compute.h"

#if defined(REFERENCE_FLOAT)
typedef float real;
#define DTYPE_REAL DTYPE_F32
#define REF(name)  reference_f32_##name
#elif defined(REFERENCE_DOUBLE)
typedef double real;
#define DTYPE_REAL DTYPE_F64
#define REF(name)  reference_f64_##name
#else
#error "compile with REFERENCE_FLOAT or REFERENCE_DOUBLE"
#endif

/* Shared helpers go by short names. */
#define for_ranges       REF(for_ranges)
#define activation_value REF(activation_value)
#define activation_slope REF(activation_slope)

/* Channels that a kernel keeps in local double accumulators at a time. */
enum { BLOCK = 64 };

static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* jobs.c: calls fn(args, begin, end) for pieces of [0, count), in parallel. The pieces depend on
 * count and on item_work (operations of one item, roughly) alone. */
typedef void (*range_fn)(const void *args, int64_t begin, int64_t end);
void for_ranges(const struct kernel_env *env, int64_t count, int64_t item_work, range_fn fn,
                const void *args);

/* elementwise.c: one value of an activation, and its derivative with respect to x. */
double activation_value(enum activation activation, double x);
double activation_slope(enum activation activation, double x);

/* The kernels, as struct compute describes them. */
size_t REF(gemm_packed_bytes)(const struct gemm_args *args);
void REF(gemm_pack)(const struct kernel_env *env, const struct gemm_args *args, void *packed);
size_t REF(gemm_scratch)(const struct gemm_args *args, int n_workers);
void REF(gemm)(const struct kernel_env *env, const struct gemm_args *args);

size_t REF(conv_packed_bytes)(const struct conv_args *args, enum conv_pass pass);
void REF(conv_pack)(const struct kernel_env *env, const struct conv_args *args, enum conv_pass pass,
                    void *packed);
size_t REF(conv_scratch)(const struct conv_args *args, int n_workers);
void REF(conv_forward)(const struct kernel_env *env, const struct conv_args *args);
void REF(conv_backward_data)(const struct kernel_env *env, const struct conv_args *args);
void REF(conv_backward_weights)(const struct kernel_env *env, const struct conv_args *args);

size_t REF(channel_sums_scratch)(const struct channel_sums_args *args, int n_workers);
void REF(channel_sums)(const struct kernel_env *env, const struct channel_sums_args *args);
void REF(channel_affine)(const struct kernel_env *env, const struct channel_affine_args *args);
size_t REF(channel_affine_sums_scratch)(const struct channel_affine_backward_args *args,
                                        int n_workers);
void REF(channel_affine_sums)(const struct kernel_env *env,
                              const struct channel_affine_backward_args *args);
void REF(channel_affine_backward)(const struct kernel_env *env,
                                  const struct channel_affine_backward_args *args);

void REF(row_norm)(const struct kernel_env *env, const struct row_norm_args *args);
void REF(row_norm_backward)(const struct kernel_env *env, const struct row_norm_args *args);
void REF(softmax)(const struct kernel_env *env, const struct softmax_args *args);
void REF(softmax_backward)(const struct kernel_env *env, const struct softmax_args *args);

size_t REF(attention_scratch)(const struct attention_args *args, int n_workers);
void REF(attention)(const struct kernel_env *env, const struct attention_args *args);
size_t REF(attention_backward_scratch)(const struct attention_args *args, int n_workers);
void REF(attention_backward)(const struct kernel_env *env, const struct attention_args *args);

void REF(activate)(const struct kernel_env *env, const struct activation_args *args);
void REF(activate_backward)(const struct kernel_env *env, const struct activation_args *args);
void REF(combine)(const struct kernel_env *env, const struct combine_args *args);
void REF(copy)(const struct kernel_env *env, const struct copy_args *args);

void REF(pool2d)(const struct kernel_env *env, const struct pool2d_args *args);
void REF(pool2d_backward)(const struct kernel_env *env, const struct pool2d_args *args);
void REF(resize2d)(const struct kernel_env *env, const struct resize2d_args *args);
void REF(resize2d_backward)(const struct kernel_env *env, const struct resize2d_args *args);

#endif
