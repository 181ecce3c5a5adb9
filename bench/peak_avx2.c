/* Twelve independent chains of FMA, enough to fill two units of four cycles' latency. */
#include "peak.h"

#include <immintrin.h>

#define CHAINS(M)  M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11)
#define START(i)   __m256 c##i = _mm256_set1_ps(1.0f + (float)(i));
#define STEP(i)    c##i = _mm256_fmadd_ps(a, c##i, b);
#define COLLECT(i) sum = _mm256_add_ps(sum, c##i);

float peak_rounds(int64_t rounds)
{
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    CHAINS(START)
    for (int64_t i = 0; i < rounds; i++) {
        CHAINS(STEP)
    }
    __m256 sum = _mm256_setzero_ps();
    CHAINS(COLLECT)
    return _mm256_cvtss_f32(sum);
}
