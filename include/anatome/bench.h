/* What this machine can do, and what anatome makes of it: kernels and models timed, each beside the
 * peak and the memory bandwidth measured right before and right after it. */
#ifndef ANATOME_BENCH_H
#define ANATOME_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "anatome/context.h"
#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ana_bench_options {
    const char *const *kernels; /* only cases of these families, or whose name holds such a
                                   word; NULL: all */
    size_t n_kernels;
    int repetitions; /* timed samples of a case; 0: 9, or 3 with `quick` */
    bool quick;      /* short samples, and none of the cases that take seconds */
    ana_progress_fn progress;
    void *progress_user;
} ana_bench_options;

ANA_API ana_bench_options ana_bench_defaults(void);

/* Strings are borrowed from the benchmark; figures that cannot be known are NaN. */
typedef struct ana_bench_machine {
    const char *cpu;             /* as the processor names itself */
    const char *instruction_set; /* of the kernels in use */
    int cores;                   /* physical ones that the process may use */
    int threads;                 /* in use */
    int64_t cache_bytes;         /* of the last level; 0: unknown */
    int64_t buffer_bytes;        /* each of the buffers that the bandwidths were measured on */
    double peak_one_thread;      /* GFLOP/s of multiply-adds in registers */
    double peak;                 /* the same on all threads in use */
    double read, scale, triad;   /* GB/s: sum x; y = s x; z = x + s y. Bytes read and written */
    double load_start, load_end; /* the system's load average over a minute */
    double other_cores;          /* processors kept busy by others meanwhile, on average */
} ana_bench_machine;

typedef struct ana_bench_case {
    const char *name;
    const char *family; /* "gemm", "conv", ..., "mini" */
    int samples;
    int64_t runs_per_sample;
    double seconds; /* of one run: median of the samples */
    double seconds_best;
    double gflop;              /* of products, of one run; 0 where there are none to speak of */
    double gbytes;             /* that must be read and written if nothing stays in a cache */
    double peak;               /* GFLOP/s, around this case */
    double bandwidth;          /* GB/s, around this case, of the pattern like the case's own */
    double share_of_peak;      /* 0 to 1; NaN without products */
    double share_of_bandwidth; /* above 1: data stayed in a cache */
    double share_of_bound;     /* time that peak or bandwidth allow at best, to the median */
    int64_t memory_bytes;      /* operands, scratch, packed weights and all else it keeps */
    double other_cores;        /* as in ana_bench_machine, while this case ran */
} ana_bench_case;

typedef struct ana_bench ana_bench;

/* Runs the cases. A word in `kernels` that names no case is an error. */
ANA_API ANA_MUST_CHECK ana_status ana_bench_run(ana_bench **out, ana_context *context,
                                                const ana_bench_options *options, ana_error *err);
ANA_API void ana_bench_free(ana_bench *bench); /* NULL is fine */
ANA_API ana_bench_machine ana_bench_get_machine(const ana_bench *bench);
ANA_API int64_t ana_bench_count(const ana_bench *bench);
/* In the order of the list. */
ANA_API ana_bench_case ana_bench_get_case(const ana_bench *bench, int64_t index);

/* All cases there are, without running one: name and family into the caller's buffers, false past
 * the end. */
#define ANA_BENCH_NAME_SIZE 64
ANA_API bool ana_bench_list(int64_t index, char name[ANA_BENCH_NAME_SIZE], const char **family);

#ifdef __cplusplus
}
#endif
#endif
