/* The bounds' loops for x86-64 (SSE2 has no multiply-add: a product and a sum are the two
 * operations). */
#include <immintrin.h>

typedef __m128 vecf;
enum { VEC_WIDTH = 4 };

static inline vecf vec_set(float a)
{
    return _mm_set1_ps(a);
}
static inline vecf vec_load(const float *p)
{
    return _mm_loadu_ps(p);
}
static inline void vec_store(float *p, vecf a)
{
    _mm_storeu_ps(p, a);
}
static inline vecf vec_add(vecf a, vecf b)
{
    return _mm_add_ps(a, b);
}
static inline vecf vec_mul(vecf a, vecf b)
{
    return _mm_mul_ps(a, b);
}
static inline vecf vec_fma(vecf a, vecf b, vecf c)
{
    return _mm_add_ps(_mm_mul_ps(a, b), c);
}

#include "bench/peak.inc"

const struct peak_loops peak_x86_64 = PEAK_LOOPS("x86-64");
