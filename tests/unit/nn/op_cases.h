/* One table of operator cases: it serves the shape rules, fast against reference, gradient against
 * finite differences, accumulation and thread counts. */
#ifndef TESTS_OP_CASES_H
#define TESTS_OP_CASES_H

#include "nn/ops.h"

enum { OP_CASE_OPERANDS = 8 };

enum operand_role {
    ROLE_FLOAT, /* standard normal, differentiated */
    ROLE_SHARE, /* uniform in 0.2 .. 1.2, no gradient: targets, variances, weights */
    ROLE_STATE, /* as ROLE_SHARE, and written by the forward pass */
    ROLE_MASK,  /* 0, or -infinity for a third, no gradient */
    ROLE_INDEX  /* I32, uniform in low .. high - 1, no gradient */
};

struct case_operand {
    struct shape shape;
    enum operand_role role;
    int64_t low, high;
    value v;
};

/* A graph under construction with the operands that the case asked for. */
struct case_graph {
    struct graph *graph;
    struct case_operand operands[OP_CASE_OPERANDS];
    int n_operands;
    int param_operand; /* this operand is parameter 0 instead of an input; -1: none is */
};

struct op_case {
    const char *op; /* as in the registry */
    value (*build)(struct case_graph *c, const int64_t *n);
    int64_t n[12];        /* sizes and settings, in the order of the build function */
    const char *expected; /* shape of the result */
    bool training;
};

extern const struct op_case op_cases[];
extern const int n_op_cases;

/* Operands that do not fit: the error must name the node and say `expected`. */
struct bad_case {
    value (*build)(struct case_graph *c, const int64_t *n);
    const char *expected;
};
extern const struct bad_case bad_cases[];
extern const int n_bad_cases;

#endif
