/* Runs one operator case: operands filled from its number, forward, backward from random seeds. */
#ifndef TESTS_OP_RUN_H
#define TESTS_OP_RUN_H

#include "op_cases.h"

struct run_options {
    enum dtype dtype;
    const struct compute *compute; /* NULL: the plan's own choice */
    struct pool *pool;
    unsigned wanted;    /* bits of operands whose gradient is computed, of those that have one */
    int param_operand;  /* -1: all operands are inputs */
    bool other_readers; /* each operand is read once more, so its gradient has two parts */
};

struct op_run {
    int number; /* of the case */
    struct run_options options;
    struct params *params;
    struct case_graph c;
    struct plan *plan;
    value y;
    value reader[OP_CASE_OPERANDS];
};

enum { ALL_OPERANDS = 0xff };

void op_run_open(struct op_run *run, int number, const struct run_options *options);
void op_run_close(struct op_run *run);
void op_run_forward(struct op_run *run);
void op_run_backward(struct op_run *run);

bool op_run_has_gradient(const struct op_run *run, int operand);
struct tensor op_run_operand(const struct op_run *run, int operand);
struct tensor op_run_gradient(const struct op_run *run, int operand);
struct tensor op_run_output(const struct op_run *run);
/* sum of output times seed: what the gradient is a derivative of. */
double op_run_objective(const struct op_run *run);

double element_at(const struct tensor *tensor, int64_t i); /* F32, F64, I32 */
void set_element(const struct tensor *tensor, int64_t i, double x);
/* Largest difference, as a share of the larger of 1 and the largest value of b. */
double relative_difference(const struct tensor *a, const struct tensor *b);

#endif
