/* The bounds' loops for avx2. */
#include "bench/peak.inc"

const struct peak_loops peak_avx2 = PEAK_LOOPS("avx2");
