/* One operator run on numbers worked out by hand. */
#ifndef TESTS_VALUE_BENCH_H
#define TESTS_VALUE_BENCH_H

#include "nn/ops.h"

enum { MAX_INPUTS = 8 };

/* A graph in double on the reference backend. */
struct bench {
    struct graph *graph;
    value inputs[MAX_INPUTS];
    const double *data[MAX_INPUTS];
    const int32_t *index[MAX_INPUTS];
    int n_inputs;
    struct plan *plan;
};

struct bench open_bench(void);
void close_bench(struct bench *b);
value input(struct bench *b, struct shape shape, const double *data);
value index_input(struct bench *b, struct shape shape, const int32_t *data);
void run(struct bench *b, value y, bool training);
void expect_values(const struct bench *b, value v, const double *expected, int64_t n);
/* Runs, compares and closes. */
void check(struct bench *b, value y, bool training, const double *expected, int64_t n);
void draw(double *out, int64_t n, uint32_t use); /* standard normal */

#endif
