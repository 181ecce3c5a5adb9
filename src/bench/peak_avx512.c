/* The bounds' loops for avx512. */
#include "bench/peak.inc"

const struct peak_loops peak_avx512 = PEAK_LOOPS("avx512");
