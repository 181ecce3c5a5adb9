/* The multiply-add rate that the shares of bench_kernels refer to. */
#ifndef ANA_BENCH_PEAK_H
#define ANA_BENCH_PEAK_H

#include <stdint.h>

/* Runs `rounds` rounds of PEAK_FLOP floating-point operations in registers; returns a number that
 * depends on all of them. AVX2 and FMA must be there. */
enum { PEAK_FLOP = 12 * 8 * 2 };
float peak_rounds(int64_t rounds);

#endif
