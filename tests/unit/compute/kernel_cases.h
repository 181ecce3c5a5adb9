/* One table of cases for each kernel of struct compute, and what runs a case on any table.
 *
 * The same cases serve three purposes: one backend against another, gradients against finite
 * differences, and timing. kernel_cases.c holds the shapes, kernel_operands*.c what a
 * kernel reads and writes, kernel_run.c the running and comparing. Nothing here needs a test
 * framework.
 *
 * A case runs the forward kernel and, where there is one, its backward kernels on data that depends
 * on the case alone, so that two runs on two backends see the same numbers (exact in float).
 */
#ifndef ANA_TESTS_KERNEL_CASES_H
#define ANA_TESTS_KERNEL_CASES_H

#include "compute/compute.h"

/* ORDER kernel: kernel_operands.c has a row for each. */
enum kernel {
    KERNEL_GEMM,
    KERNEL_CONV,
    KERNEL_CHANNEL_SUMS,
    KERNEL_CHANNEL_AFFINE,
    KERNEL_ROW_NORM,
    KERNEL_SOFTMAX,
    KERNEL_ATTENTION,
    KERNEL_ACTIVATE,
    KERNEL_COMBINE,
    KERNEL_COPY,
    KERNEL_POOL2D,
    KERNEL_RESIZE2D,
    KERNEL_COUNT
};

/* Which optional operands a case has, and how it is run. */
enum case_flag {
    CASE_BIAS = 1 << 0,
    CASE_RESIDUAL = 1 << 1,
    CASE_GAIN = 1 << 2,
    CASE_SECOND = 1 << 3,       /* combine: b */
    CASE_SQUARES = 1 << 4,      /* channel_sums: sum_square */
    CASE_REL = 1 << 5,          /* attention: rel_h and rel_w */
    CASE_KEY_COUNT = 1 << 6,    /* attention */
    CASE_CAUSAL = 1 << 7,       /* attention: the bias is -inf above the diagonal */
    CASE_MATERIALISED = 1 << 8, /* attention */
    CASE_ONE_QKV = 1 << 9,      /* attention: one [batch, t, 3, heads, dim] tensor */
    CASE_LOG_SUM = 1 << 10,     /* attention */
    CASE_PACK = 1 << 11,        /* weights packed beforehand, if the backend packs */
    CASE_IN_PLACE = 1 << 12,    /* y is x, dx is dy */
    CASE_GRADIENT = 1 << 13,    /* backward is the gradient of forward: finite differences apply */
    CASE_FORWARD_ONLY = 1 << 14,
    CASE_GAPS = 1 << 15,          /* strided result: some elements are never written */
    CASE_BIAS_GRADIENT = 1 << 16, /* attention: of bias, rel_h and rel_w */
    CASE_NO_RESULT = 1 << 17      /* attention: the probabilities alone, without y */
};

union kernel_args {
    struct gemm_args gemm;
    struct conv_args conv;
    struct channel_sums_args sums;
    struct {
        struct channel_affine_args forward;
        struct channel_affine_backward_args backward;
    } affine;
    struct row_norm_args norm;
    struct softmax_args softmax;
    struct attention_args attention;
    struct activation_args activation;
    struct combine_args combine;
    struct copy_args copy;
    struct pool2d_args pool;
    struct resize2d_args resize;
};

struct kernel_case {
    const char *label;
    enum kernel kernel;
    unsigned flags;
    union kernel_args
        args; /* extents and options; pointers, dtype and what follows are filled in */
};

/* All cases of all kernels, for tests (small) and for timing (sizes of real models). */
const struct kernel_case *kernel_test_cases(int *n);
const struct kernel_case *kernel_timing_cases(int *n);
const char *kernel_name(enum kernel kernel);

/* Steps of a kernel, in the order they must run: forward first. */
struct kernel_run;
struct kernel_step {
    const char *name; /* the field of struct compute: "conv_backward_data" */
    bool backward;
    size_t (*scratch)(const struct kernel_run *run); /* NULL: none */
    void (*call)(struct kernel_run *run);
};
const struct kernel_step *kernel_steps(enum kernel kernel, int *n);
/* Arithmetic operations (multiplications and additions) of one step of the case, or elements moved
 * for the kernels that do no work to speak of. */
double kernel_operations(const struct kernel_case *c);

enum operand_type { OPERAND_REAL, OPERAND_DOUBLE, OPERAND_INT32 };
enum operand_role {
    OPERAND_INPUT,
    OPERAND_SEED,    /* dy */
    OPERAND_RESULT,  /* y */
    OPERAND_SAVED,   /* written by forward, read by backward or by the caller */
    OPERAND_GRADIENT /* written by backward */
};

struct operand {
    const char *name;
    size_t field; /* offset in union kernel_args */
    enum operand_type type;
    enum operand_role role;
    int64_t count;
    double scale;     /* inputs are uniform in [-scale, scale] */
    bool accumulated; /* holds numbers before the kernel adds to it */
    int gradient_of;  /* index of the input, or -1 */
    size_t bytes;
    void *data;
};

enum { MAX_OPERANDS = 20 };

/* A case bound to memory, a backend and a pool. */
struct kernel_run {
    const struct kernel_case *c;
    const struct compute *table;
    enum dtype dtype;
    struct kernel_env env;
    union kernel_args args;
    struct operand operands[MAX_OPERANDS];
    int n_operands;
    void *packed[2]; /* CASE_PACK: for CONV_FORWARD (or gemm) and CONV_BACKWARD_DATA; or NULL */
};

void kernel_run_init(struct kernel_run *run, const struct kernel_case *c,
                     const struct compute *table, enum dtype dtype, struct pool *pool);
void kernel_run_clear(struct kernel_run *run);
void kernel_run_forward(struct kernel_run *run);
void kernel_run_all(struct kernel_run *run); /* forward, then backward */
double operand_value(const struct kernel_run *run, int operand, int64_t i);
void operand_set(struct kernel_run *run, int operand, int64_t i, double value);
/* What fills a fresh operand; `accumulated` gradients start from it. */
double operand_initial(const struct kernel_run *run, int operand, int64_t i);

/* Worst |a - b| of everything the kernel writes, over the largest |b| of that operand. Infinite if
 * one is NaN and the other is not. *operand: the worst one; may be NULL. */
double kernel_run_error(const struct kernel_run *a, const struct kernel_run *b,
                        const char **operand);
bool kernel_run_equal(const struct kernel_run *a, const struct kernel_run *b); /* same bytes */

/* Runs all cases of a kernel on both tables and returns the worst error. */
struct kernel_report {
    double worst;
    const struct kernel_case *c; /* where */
    const char *operand;
    int n_cases;
    int n_over; /* cases above the tolerance; each is described on standard output */
};
struct kernel_report kernel_compare(enum kernel kernel, const struct compute *table,
                                    enum dtype dtype, const struct compute *oracle,
                                    enum dtype oracle_dtype, struct pool *pool, double tolerance);

#endif
