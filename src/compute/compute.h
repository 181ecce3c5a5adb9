/* The table of kernels. Two backends fill it: reference/ (plain C, float and double, the readable
 * definition and the oracle) and simd/ (our micro-kernels, float, compiled per instruction set).
 *
 * Rules for every kernel:
 * - It allocates nothing. Scratch of at least <kernel>_scratch() bytes comes in the environment.
 * - It returns nothing and cannot fail: shapes were checked when the graph was built.
 * - Work is cut into jobs by size alone and partial sums are added in job order, so the bytes of
 *   the result do not depend on the number of threads.
 * - Tensors are contiguous unless a stride is an explicit argument. Activations are channels-last.
 * - `accumulate` adds to the result instead of overwriting it.
 * - Pointers are to float or double as `dtype` says (DTYPE_F32, DTYPE_F64).
 *
 * Letters: n batch, d h w space, c channels, i input, o output, k kernel; m n k in matrices.
 */
#ifndef ANA_COMPUTE_COMPUTE_H
#define ANA_COMPUTE_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/threads.h"
#include "tensor/tensor.h"

struct kernel_env {
    struct pool *pool; /* NULL runs on the calling thread */
    void *scratch;     /* MEMORY_ALIGNMENT aligned */
    size_t scratch_bytes;
};

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_RELU6,
    ACTIVATION_LEAKY_RELU, /* slope 0.01 */
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATION_GELU, /* exact, by erf */
    ACTIVATION_GELU_TANH,
    ACTIVATION_QUICK_GELU, /* x sigmoid(1.702 x) */
    ACTIVATION_SILU,
    ACTIVATION_HARDSWISH,
    ACTIVATION_COUNT
};

/* C[b] = act(A[b] B[b] + bias) + residual[b], or C[b] += A[b] B[b].
 * A is m x k with element (i, p) at a[i * a_row + p * a_column]; B is k x n likewise; C and
 * residual are m x n with unit column stride. A batch stride of 0 shares the operand. A B that was
 * packed by gemm_pack() for the same b_row, b_column, k and n may be given in b_packed; then b is
 * not read. */
struct gemm_args {
    enum dtype dtype;
    int64_t batch, m, n, k;
    const void *a;
    int64_t a_batch, a_row, a_column;
    const void *b;
    int64_t b_batch, b_row, b_column;
    const void *b_packed; /* NULL: B is packed on the fly */
    void *c;
    int64_t c_batch, c_row;
    bool accumulate;            /* excludes the epilogue */
    const void *bias;           /* [n] or NULL */
    enum activation activation; /* RELU, GELU, QUICK_GELU or NONE */
    const void *residual;       /* like C (same strides) or NULL */
};

/* Convolution (cross-correlation) over the last `dims` spatial axes, 1 to 3.
 * x: [n, spatial..., groups * ic], y: [n, spatial..., groups * oc]. The weights keep the published
 * layout [groups * oc, ic, kernel...]. Arrays are in the order of the spatial axes (d, h, w). */
enum { CONV_MAX_DIMS = 3 };
struct conv_args {
    enum dtype dtype;
    int dims;
    int64_t n;
    int64_t ic, oc, groups; /* channels per group */
    int64_t in[CONV_MAX_DIMS], out[CONV_MAX_DIMS], kernel[CONV_MAX_DIMS];
    int64_t stride[CONV_MAX_DIMS], pad[CONV_MAX_DIMS], dilation[CONV_MAX_DIMS]; /* pad: low side;
                                                       the high side follows from `out` */
    const void *x;              /* forward, backward_weights */
    const void *w;              /* forward, backward_data */
    const void *packed;         /* by conv_pack() for the same pass, or NULL: packed on the fly */
    const void *bias;           /* forward: [groups * oc] or NULL */
    enum activation activation; /* forward: NONE or RELU */
    const void *dy;             /* backward passes */
    void *y;                    /* forward */
    void *dx;                   /* backward_data */
    void *dw;                   /* backward_weights, layout of w */
    void *dbias;                /* backward_weights: [groups * oc] or NULL */
    bool accumulate;            /* backward_data: dx +=; backward_weights: dw += and dbias += */
};

enum conv_pass { CONV_FORWARD, CONV_BACKWARD_DATA };

/* Per-sample, per-channel sums over p positions, from which batch, instance and group norm, FiLM
 * and global pooling all follow. x: [n, p, c]. Sums are double whatever the dtype. */
struct channel_sums_args {
    enum dtype dtype;
    int64_t n, p, c;
    const void *x;
    double *sum;        /* [n, c] */
    double *sum_square; /* [n, c] or NULL */
};

/* y = act(x * scale + shift + residual). scale and shift: [n, c], or [1, c] when `shared`. */
struct channel_affine_args {
    enum dtype dtype;
    int64_t n, p, c;
    const void *x;
    const void *scale, *shift;
    bool shared;
    const void *residual;       /* like x, or NULL */
    enum activation activation; /* NONE or RELU */
    void *y;
};

/* Backward of the above with dz = dy where y > 0 (RELU) or dz = dy (NONE).
 * channel_affine_sums():     sum_dz = sum_p dz, sum_dz_x = sum_p dz * x, [n, c] double.
 * channel_affine_backward(): dx = dz * p0 + x * p1 + p2 with p0..p2 [n, c] (same dtype as x), and
 *                            dresidual = dz (or NULL). */
struct channel_affine_backward_args {
    enum dtype dtype;
    int64_t n, p, c;
    const void *x, *y, *dy;
    enum activation activation;
    double *sum_dz, *sum_dz_x;
    const void *p0, *p1, *p2;
    void *dx;
    bool accumulate; /* dx += */
    void *dresidual;
    bool accumulate_residual;
};

/* Rows of c elements. */
struct row_norm_args {
    enum dtype dtype;
    int64_t rows, c;
    double epsilon;
    const void *x, *gain, *bias; /* gain and bias: [c] or NULL */
    void *y;
    double *mean, *rstd; /* [rows]; written by forward, read by backward */
    const void *dy;      /* backward */
    void *dx;            /* or NULL */
    void *dgain, *dbias; /* or NULL; overwritten */
};

/* A row that is -inf throughout becomes zeros. y may be x, dx may be dy. */
struct softmax_args {
    enum dtype dtype;
    int64_t rows, c;
    const void *x; /* forward */
    void *y;       /* forward writes, backward reads */
    const void *dy;
    void *dx;
};

/* softmax(scale q k^T + bias) v for every (batch, head); keys past key_count[batch] are masked, and
 * if `causal` query i sees keys 0 .. i only. A query that sees no key has result 0.
 * q: [batch, tq, heads, dim], k and v: [batch, tk, heads, dim] with explicit token strides, so that
 * one packed qkv tensor serves. Fused: nothing of size tq x tk exists. Materialised: probabilities
 * [batch, heads, tq, tk] are written (forward) or read (backward); without y nothing else is
 * written, and v is not read.
 * Decomposed relative positions (SAM): rel_h [batch, heads, tq, kh], rel_w [batch, heads, tq, kw],
 * tk = kh * kw, added to the scores before the softmax. */
struct attention_args {
    enum dtype dtype;
    int64_t batch, heads, tq, tk, dim;
    double scale;
    const void *q, *k, *v;
    int64_t q_token, k_token, v_token; /* elements from one token to the next */
    int64_t q_batch, k_batch, v_batch; /* elements from one batch entry to the next */
    const void *bias;                  /* or NULL; tk numbers for each query, which lie at: */
    int64_t bias_batch, bias_head, bias_query; /* elements from one to the next; 0 shares them */
    bool causal;
    const void *rel_h, *rel_w; /* both or neither */
    int64_t kh, kw;
    const int32_t *key_count; /* [batch] or NULL */
    void *y;                  /* [batch, tq, heads, dim], contiguous; NULL: see above */
    void *probabilities;      /* NULL: fused */
    double *log_sum;          /* [batch, heads, tq] of the row, for the fused backward; or NULL */
    const void *dy;
    void *dq, *dk, *dv;    /* strides of q, k, v; overwritten */
    void *dbias;           /* strides of bias, sums over whatever shares it; or NULL */
    void *drel_h, *drel_w; /* both or neither */
};

struct activation_args {
    enum dtype dtype;
    int64_t count;
    enum activation activation;
    const void *x; /* may be y (in place) in forward */
    void *y;
    const void *dy; /* backward: dx = dy * act'(x); dx may be dy */
    void *dx;
};

/* y = alpha a + beta b elementwise; b may be NULL. y may be a or b. */
struct combine_args {
    enum dtype dtype;
    int64_t count;
    double alpha, beta;
    const void *a, *b;
    void *y;
};

/* dst[i...] = src[i...], or += ; any strides, a source stride of 0 broadcasts. Serves permute,
 * concat, slice, repeat, pad, window partition, pixel shuffle and their gradients. When several
 * indices reach one destination (stride 0 in dst) the sum runs in index order on one thread. */
struct copy_args {
    enum dtype dtype;
    int rank;
    int64_t extent[TENSOR_MAX_RANK];
    int64_t src_stride[TENSOR_MAX_RANK], dst_stride[TENSOR_MAX_RANK];
    const void *src;
    void *dst;
    bool accumulate;
};

/* 2D pooling, channels-last, no padding value counted in the mean (count_include_pad = false). */
struct pool2d_args {
    enum dtype dtype;
    int64_t n, h, w, c, oh, ow;
    int64_t kernel[2], stride[2], pad[2];
    bool is_max; /* else mean */
    const void *x;
    void *y;
    int32_t
        *index; /* max: [n, oh, ow, c] input position h * w_extent + w; may be NULL in forward */
    const void *dy;
    void *dx; /* overwritten */
};

/* 2D resize, channels-last. Nearest: source = floor(dst * in / out). */
enum resize_mode { RESIZE_NEAREST, RESIZE_BILINEAR, RESIZE_BICUBIC /* a = -0.75 */ };
struct resize2d_args {
    enum dtype dtype;
    int64_t n, h, w, c, oh, ow;
    enum resize_mode mode;
    bool align_corners;
    const void *x;
    void *y;
    const void *dy;
    void *dx; /* overwritten */
};

/* ORDER kernels: the initialisers in reference/table.c and simd/table.c name every field. */
struct compute {
    const char *name;            /* "reference", "avx2", "avx512", "x86-64" */
    const char *instruction_set; /* recorded in checkpoints */

    size_t (*gemm_packed_bytes)(const struct gemm_args *args);
    void (*gemm_pack)(const struct kernel_env *env, const struct gemm_args *args, void *packed);
    size_t (*gemm_scratch)(const struct gemm_args *args, int n_workers);
    void (*gemm)(const struct kernel_env *env, const struct gemm_args *args);

    size_t (*conv_packed_bytes)(const struct conv_args *args, enum conv_pass pass);
    void (*conv_pack)(const struct kernel_env *env, const struct conv_args *args,
                      enum conv_pass pass, void *packed);
    size_t (*conv_forward_scratch)(const struct conv_args *args, int n_workers);
    void (*conv_forward)(const struct kernel_env *env, const struct conv_args *args);
    size_t (*conv_backward_data_scratch)(const struct conv_args *args, int n_workers);
    void (*conv_backward_data)(const struct kernel_env *env, const struct conv_args *args);
    size_t (*conv_backward_weights_scratch)(const struct conv_args *args, int n_workers);
    void (*conv_backward_weights)(const struct kernel_env *env, const struct conv_args *args);

    size_t (*channel_sums_scratch)(const struct channel_sums_args *args, int n_workers);
    void (*channel_sums)(const struct kernel_env *env, const struct channel_sums_args *args);
    void (*channel_affine)(const struct kernel_env *env, const struct channel_affine_args *args);
    size_t (*channel_affine_sums_scratch)(const struct channel_affine_backward_args *args,
                                          int n_workers);
    void (*channel_affine_sums)(const struct kernel_env *env,
                                const struct channel_affine_backward_args *args);
    void (*channel_affine_backward)(const struct kernel_env *env,
                                    const struct channel_affine_backward_args *args);

    void (*row_norm)(const struct kernel_env *env, const struct row_norm_args *args);
    void (*row_norm_backward)(const struct kernel_env *env, const struct row_norm_args *args);
    void (*softmax)(const struct kernel_env *env, const struct softmax_args *args);
    void (*softmax_backward)(const struct kernel_env *env, const struct softmax_args *args);

    size_t (*attention_scratch)(const struct attention_args *args, int n_workers);
    void (*attention)(const struct kernel_env *env, const struct attention_args *args);
    size_t (*attention_backward_scratch)(const struct attention_args *args, int n_workers);
    void (*attention_backward)(const struct kernel_env *env, const struct attention_args *args);

    void (*activate)(const struct kernel_env *env, const struct activation_args *args);
    void (*activate_backward)(const struct kernel_env *env, const struct activation_args *args);
    void (*combine)(const struct kernel_env *env, const struct combine_args *args);
    void (*copy)(const struct kernel_env *env, const struct copy_args *args);

    void (*pool2d)(const struct kernel_env *env, const struct pool2d_args *args);
    void (*pool2d_backward)(const struct kernel_env *env, const struct pool2d_args *args);
    void (*resize2d)(const struct kernel_env *env, const struct resize2d_args *args);
    void (*resize2d_backward)(const struct kernel_env *env, const struct resize2d_args *args);
};

/* reference: dtype F32 or F64 (one table each; kernels check nothing). */
const struct compute *compute_reference(enum dtype dtype);

/* The fast float backend for this CPU, chosen once: AVX2+FMA where present, else plain x86-64.
 * The environment variable ANATOME_ISA ("avx2", "x86-64", "reference") forces one; an instruction
 * set that the CPU lacks falls back to the next one below. */
const struct compute *compute_default(void);

/* By name, or NULL if there is none or the CPU lacks it. */
const struct compute *compute_by_name(const char *name);

#endif
