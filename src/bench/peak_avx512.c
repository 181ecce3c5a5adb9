/* The bounds' loops for avx512. */
#include <immintrin.h>

typedef __m512 vecf;
enum { VEC_WIDTH = 16 };

static inline vecf vec_set(float a)
{
    return _mm512_set1_ps(a);
}
static inline vecf vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline void vec_store(float *p, vecf a)
{
    _mm512_storeu_ps(p, a);
}
static inline vecf vec_add(vecf a, vecf b)
{
    return _mm512_add_ps(a, b);
}
static inline vecf vec_mul(vecf a, vecf b)
{
    return _mm512_mul_ps(a, b);
}
static inline vecf vec_fma(vecf a, vecf b, vecf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

#include "bench/peak.inc"

const struct peak_loops peak_avx512 = PEAK_LOOPS("avx512");
