/* The vector operations that the kernels use, for the instruction set of the including file.
 *
 * vecf holds VEC_WIDTH floats. Loads and stores are unaligned; the *_partial forms touch the first
 * n elements only, 0 < n < VEC_WIDTH, so that nothing outside a tensor is ever read. vec_fma rounds
 * once where the instruction exists (AVX2 and up), twice on plain x86-64.
 */
#ifndef ANA_COMPUTE_SIMD_VEC_H
#define ANA_COMPUTE_SIMD_VEC_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

#if defined(__AVX2__) && defined(__FMA__)

typedef __m256 vecf;
typedef __m256i veci;
enum { VEC_WIDTH = 8 };

static ALWAYS_INLINE vecf vec_zero(void)
{
    return _mm256_setzero_ps();
}
static ALWAYS_INLINE vecf vec_set(float a)
{
    return _mm256_set1_ps(a);
}
static ALWAYS_INLINE vecf vec_broadcast(const float *p)
{
    return _mm256_broadcast_ss(p);
}
static ALWAYS_INLINE vecf vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static ALWAYS_INLINE void vec_store(float *p, vecf a)
{
    _mm256_storeu_ps(p, a);
}
static ALWAYS_INLINE veci vec_mask(int64_t n)
{
    const veci lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
static ALWAYS_INLINE vecf vec_load_partial(const float *p, int64_t n)
{
    return _mm256_maskload_ps(p, vec_mask(n));
}
static ALWAYS_INLINE void vec_store_partial(float *p, vecf a, int64_t n)
{
    _mm256_maskstore_ps(p, vec_mask(n), a);
}
static ALWAYS_INLINE vecf vec_add(vecf a, vecf b)
{
    return _mm256_add_ps(a, b);
}
static ALWAYS_INLINE vecf vec_sub(vecf a, vecf b)
{
    return _mm256_sub_ps(a, b);
}
static ALWAYS_INLINE vecf vec_mul(vecf a, vecf b)
{
    return _mm256_mul_ps(a, b);
}
static ALWAYS_INLINE vecf vec_div(vecf a, vecf b)
{
    return _mm256_div_ps(a, b);
}
static ALWAYS_INLINE vecf vec_fma(vecf a, vecf b, vecf c)
{
    return _mm256_fmadd_ps(a, b, c);
}
static ALWAYS_INLINE vecf vec_min(vecf a, vecf b)
{
    return _mm256_min_ps(a, b);
}
/* max(a, b): b where either is a NaN. */
static ALWAYS_INLINE vecf vec_max(vecf a, vecf b)
{
    return _mm256_max_ps(a, b);
}
/* a where gate > 0, else 0. */
static ALWAYS_INLINE vecf vec_where_positive(vecf gate, vecf a)
{
    return _mm256_and_ps(_mm256_cmp_ps(gate, _mm256_setzero_ps(), _CMP_GT_OQ), a);
}
/* 0 where x < limit, else a (also where x is a NaN). */
static ALWAYS_INLINE vecf vec_zero_below(vecf x, vecf limit, vecf a)
{
    return _mm256_and_ps(_mm256_cmp_ps(x, limit, _CMP_NLT_UQ), a);
}
static ALWAYS_INLINE vecf vec_abs(vecf a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static ALWAYS_INLINE vecf vec_copy_sign(vecf magnitude, vecf sign)
{
    const vecf bit = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(bit, magnitude), _mm256_and_ps(bit, sign));
}
static ALWAYS_INLINE vecf vec_round(vecf a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* a * 2^n for whole n in [-126, 127]. */
static ALWAYS_INLINE vecf vec_scale_power2(vecf a, vecf n)
{
    const veci e =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(e));
}
/* sum[i] += a[i] in double. */
static ALWAYS_INLINE void vec_add_to_double(double *sum, vecf a)
{
    const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(a));
    const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
    _mm256_storeu_pd(sum, _mm256_add_pd(_mm256_loadu_pd(sum), low));
    _mm256_storeu_pd(sum + 4, _mm256_add_pd(_mm256_loadu_pd(sum + 4), high));
}

/* All bits set where a > b, or a is a NaN and b is not. */
static ALWAYS_INLINE vecf vec_is_larger_or_nan(vecf a, vecf b)
{
    return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_NLE_UQ), _mm256_cmp_ps(b, b, _CMP_ORD_Q));
}
static ALWAYS_INLINE vecf vec_select(vecf mask, vecf a, vecf b)
{
    return _mm256_blendv_ps(b, a, mask);
}
/* Integers travel as bits, for vec_select(). */
static ALWAYS_INLINE vecf vec_from_bits(int32_t a)
{
    return _mm256_castsi256_ps(_mm256_set1_epi32(a));
}
static ALWAYS_INLINE void vec_store_bits_up_to(int32_t *p, vecf a, int64_t n)
{
    if (n >= VEC_WIDTH)
        _mm256_storeu_si256((veci *)p, _mm256_castps_si256(a));
    else
        _mm256_maskstore_epi32(p, vec_mask(n), _mm256_castps_si256(a));
}

#else

typedef __m128 vecf;
enum { VEC_WIDTH = 4 };

static ALWAYS_INLINE vecf vec_zero(void)
{
    return _mm_setzero_ps();
}
static ALWAYS_INLINE vecf vec_set(float a)
{
    return _mm_set1_ps(a);
}
static ALWAYS_INLINE vecf vec_broadcast(const float *p)
{
    return _mm_set1_ps(*p);
}
static ALWAYS_INLINE vecf vec_load(const float *p)
{
    return _mm_loadu_ps(p);
}
static ALWAYS_INLINE void vec_store(float *p, vecf a)
{
    _mm_storeu_ps(p, a);
}
static ALWAYS_INLINE vecf vec_load_partial(const float *p, int64_t n)
{
    float lanes[VEC_WIDTH] = {p[0], n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, 0.0f};
    return _mm_loadu_ps(lanes);
}
static ALWAYS_INLINE void vec_store_partial(float *p, vecf a, int64_t n)
{
    float lanes[VEC_WIDTH];
    _mm_storeu_ps(lanes, a);
    for (int64_t i = 0; i < n; i++)
        p[i] = lanes[i];
}
static ALWAYS_INLINE vecf vec_add(vecf a, vecf b)
{
    return _mm_add_ps(a, b);
}
static ALWAYS_INLINE vecf vec_sub(vecf a, vecf b)
{
    return _mm_sub_ps(a, b);
}
static ALWAYS_INLINE vecf vec_mul(vecf a, vecf b)
{
    return _mm_mul_ps(a, b);
}
static ALWAYS_INLINE vecf vec_div(vecf a, vecf b)
{
    return _mm_div_ps(a, b);
}
static ALWAYS_INLINE vecf vec_fma(vecf a, vecf b, vecf c)
{
    return _mm_add_ps(_mm_mul_ps(a, b), c);
}
static ALWAYS_INLINE vecf vec_min(vecf a, vecf b)
{
    return _mm_min_ps(a, b);
}
/* max(a, b): b where either is a NaN. */
static ALWAYS_INLINE vecf vec_max(vecf a, vecf b)
{
    return _mm_max_ps(a, b);
}
/* a where gate > 0, else 0. */
static ALWAYS_INLINE vecf vec_where_positive(vecf gate, vecf a)
{
    return _mm_and_ps(_mm_cmpgt_ps(gate, _mm_setzero_ps()), a);
}
/* 0 where x < limit, else a (also where x is a NaN). */
static ALWAYS_INLINE vecf vec_zero_below(vecf x, vecf limit, vecf a)
{
    return _mm_and_ps(_mm_cmpnlt_ps(x, limit), a);
}
static ALWAYS_INLINE vecf vec_abs(vecf a)
{
    return _mm_andnot_ps(_mm_set1_ps(-0.0f), a);
}
static ALWAYS_INLINE vecf vec_copy_sign(vecf magnitude, vecf sign)
{
    const vecf bit = _mm_set1_ps(-0.0f);
    return _mm_or_ps(_mm_andnot_ps(bit, magnitude), _mm_and_ps(bit, sign));
}
/* |a| < 2^31, which every caller has clamped to. */
static ALWAYS_INLINE vecf vec_round(vecf a)
{
    return _mm_cvtepi32_ps(_mm_cvtps_epi32(a));
}
/* a * 2^n for whole n in [-126, 127]. */
static ALWAYS_INLINE vecf vec_scale_power2(vecf a, vecf n)
{
    const __m128i e = _mm_slli_epi32(_mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127)), 23);
    return _mm_mul_ps(a, _mm_castsi128_ps(e));
}
/* sum[i] += a[i] in double. */
static ALWAYS_INLINE void vec_add_to_double(double *sum, vecf a)
{
    const __m128d low = _mm_cvtps_pd(a);
    const __m128d high = _mm_cvtps_pd(_mm_movehl_ps(a, a));
    _mm_storeu_pd(sum, _mm_add_pd(_mm_loadu_pd(sum), low));
    _mm_storeu_pd(sum + 2, _mm_add_pd(_mm_loadu_pd(sum + 2), high));
}

/* All bits set where a > b, or a is a NaN and b is not. */
static ALWAYS_INLINE vecf vec_is_larger_or_nan(vecf a, vecf b)
{
    return _mm_and_ps(_mm_cmpnle_ps(a, b), _mm_cmpord_ps(b, b));
}
static ALWAYS_INLINE vecf vec_select(vecf mask, vecf a, vecf b)
{
    return _mm_or_ps(_mm_and_ps(mask, a), _mm_andnot_ps(mask, b));
}
/* Integers travel as bits, for vec_select(). */
static ALWAYS_INLINE vecf vec_from_bits(int32_t a)
{
    return _mm_castsi128_ps(_mm_set1_epi32(a));
}
static ALWAYS_INLINE void vec_store_bits_up_to(int32_t *p, vecf a, int64_t n)
{
    int32_t lanes[VEC_WIDTH];
    _mm_storeu_si128((__m128i *)lanes, _mm_castps_si128(a));
    memcpy(p, lanes, (size_t)(n < VEC_WIDTH ? n : VEC_WIDTH) * sizeof *p);
}

#endif

/* Into L2; a number and not a pointer, since nothing need be there. */
static ALWAYS_INLINE void vec_prefetch(uintptr_t address)
{
    _mm_prefetch((const char *)address, _MM_HINT_T1);
}

/* The first n elements, 0 < n; n may reach or pass VEC_WIDTH. */
static ALWAYS_INLINE vecf vec_load_up_to(const float *p, int64_t n)
{
    return n >= VEC_WIDTH ? vec_load(p) : vec_load_partial(p, n);
}
static ALWAYS_INLINE void vec_store_up_to(float *p, vecf a, int64_t n)
{
    if (n >= VEC_WIDTH)
        vec_store(p, a);
    else
        vec_store_partial(p, a, n);
}

#endif
