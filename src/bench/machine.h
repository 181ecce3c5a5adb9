/* The machine as a benchmark's reader wants to know it: which processor, and was it ours alone? */
#ifndef ANA_BENCH_MACHINE_H
#define ANA_BENCH_MACHINE_H

#include <stddef.h>
#include <stdint.h>

enum { CPU_NAME_SIZE = 96 };

void machine_cpu_name(char out[CPU_NAME_SIZE]); /* "unknown" if the system does not tell */
int64_t machine_cache_bytes(void);              /* of the last level; 0: unknown */
double machine_load(void);                      /* load average over a minute; NaN: unknown */

/* A moment, to tell later how busy the processors were with others' work. */
struct machine_moment {
    double seconds;
    double all; /* seconds of work of all processors, time taken by other guests included; NaN */
    double own; /* of this process */
};
struct machine_moment machine_now(void);
/* Processors kept busy by others since then, on average; NaN if unknown or if no time passed. */
double machine_others_since(const struct machine_moment *then);

double machine_seconds(void); /* monotonic */

#endif
