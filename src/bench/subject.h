/* What is measured. A family is one kernel or model with its cases; the families are listed in
 * registry.c. To add one: a file with its descriptor, one line in the registry. */
#ifndef ANA_BENCH_SUBJECT_H
#define ANA_BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/peak.h"
#include "compute/compute.h"

enum { SUBJECT_NAME_SIZE = 64 };

/* A case, ready to run as often as wanted. Its memory is counted as long as it is open. */
struct subject {
    double flop;        /* of products, of one run; 0: none to speak of */
    double bytes;       /* read and written at least, if nothing stays in a cache */
    enum stream stream; /* the pattern most like it */
    ana_status (*run)(void *state, ana_error *err);
    void (*close)(void *state);
    void *state;
};

struct subject_family {
    const char *name;
    int n_cases;
    void (*describe)(char name[SUBJECT_NAME_SIZE], int index);
    ana_status (*open)(struct subject *out, int index, struct pool *pool, ana_error *err);
};

/* The families of this build, in the order in which they are measured; NULL past the end. */
const struct subject_family *subject_family_at(int index);

extern const struct subject_family family_gemm, family_attention, family_conv, family_row,
    family_channel, family_move, family_mini;

/* ---- operands of kernels ---- */

enum { KERNEL_MAX_BLOCKS = 8 };

/* The state of a kernel's subject: arguments, and the memory they point into. */
struct kernel_subject {
    const struct compute *compute;
    struct kernel_env env;
    void *blocks[KERNEL_MAX_BLOCKS];
    int n_blocks;
    bool failed; /* out of memory, told by kernel_subject_finish() */
    void (*run)(const struct kernel_subject *kernel);
    union {
        struct gemm_args gemm;
        struct conv_args conv;
        struct attention_args attention;
        struct row_norm_args norm;
        struct softmax_args softmax;
        struct activation_args activation;
        struct channel_sums_args sums;
        struct channel_affine_args affine;
        struct channel_affine_backward_args affine_backward;
        struct combine_args combine;
        struct copy_args copy;
        struct pool2d_args pool;
        struct resize2d_args resize;
    } args;
};

MUST_CHECK ana_status kernel_subject_create(struct kernel_subject **out, struct pool *pool,
                                            ana_error *err);
/* Owned by the subject; NULL once memory has run out. */
void *kernel_block(struct kernel_subject *kernel, size_t size_bytes);
float *kernel_floats(struct kernel_subject *kernel, int64_t n); /* between -1 and 1 */
void kernel_scratch(struct kernel_subject *kernel, size_t size_bytes);
/* Takes the kernel, also on failure. flop, bytes and stream are the caller's to set in *out. */
MUST_CHECK ana_status kernel_subject_finish(struct subject *out, struct kernel_subject *kernel,
                                            ana_error *err);

#endif
