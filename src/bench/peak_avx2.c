/* The bounds' loops for avx2. */
#include <immintrin.h>

typedef __m256 vecf;
enum { VEC_WIDTH = 8 };

static inline vecf vec_set(float a)
{
    return _mm256_set1_ps(a);
}
static inline vecf vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline void vec_store(float *p, vecf a)
{
    _mm256_storeu_ps(p, a);
}
static inline vecf vec_add(vecf a, vecf b)
{
    return _mm256_add_ps(a, b);
}
static inline vecf vec_mul(vecf a, vecf b)
{
    return _mm256_mul_ps(a, b);
}
static inline vecf vec_fma(vecf a, vecf b, vecf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

#include "bench/peak.inc"

const struct peak_loops peak_avx2 = PEAK_LOOPS("avx2");
