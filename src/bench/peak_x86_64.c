/* The bounds' loops for x86-64. */
#include "bench/peak.inc"

const struct peak_loops peak_x86_64 = PEAK_LOOPS("x86-64");
