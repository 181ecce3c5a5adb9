/* The two bounds of any kernel: multiply-adds in registers, and bytes through memory. */
#ifndef ANA_BENCH_PEAK_H
#define ANA_BENCH_PEAK_H

#include <stdint.h>

#include "base/error.h"
#include "base/threads.h"

/* How a kernel goes through memory; the bandwidth is measured with the like of it. */
enum stream { STREAM_READ /* sum x */, STREAM_SCALE /* y = s x */, STREAM_TRIAD /* z = x + s y */ };
enum { N_STREAMS = STREAM_TRIAD + 1 };

/* The loops of one instruction set; n is a multiple of STREAM_BLOCK. */
enum { STREAM_BLOCK = 64 };
struct peak_loops {
    const char *instruction_set;
    double flop_per_round;
    float (*multiply_adds)(int64_t rounds);
    float (*read)(const float *x, int64_t n);
    void (*scale)(float *y, const float *x, float s, int64_t n);
    void (*triad)(float *z, const float *x, const float *y, float s, int64_t n);
};
extern const struct peak_loops peak_x86_64, peak_avx2, peak_avx512;

struct peak_meter {
    const struct peak_loops *loops;
    struct pool *pool;
    int64_t rounds; /* of one measurement, of each thread */
    float *buffers; /* N_STREAMS of buffer_floats */
    int64_t buffer_floats;
};

/* buffer_bytes of each of three buffers; loops of the instruction set or, for "reference" and what
 * is not known, of plain x86-64. */
MUST_CHECK ana_status peak_meter_open(struct peak_meter *out, const char *instruction_set,
                                      struct pool *pool, int64_t buffer_bytes, double seconds,
                                      ana_error *err);
void peak_meter_clear(struct peak_meter *meter);

/* GFLOP/s on n_threads threads at once (1, or all of the pool). */
double peak_gflops(const struct peak_meter *meter, int n_threads);
/* GB/s of all threads, each byte read or written counted once. */
double peak_bandwidth(const struct peak_meter *meter, enum stream stream);

#endif
