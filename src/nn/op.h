/* What an operator is. One operator is one file in nn/ops/: its options, shape rule, forward,
 * backward, builder and (in tests/unit/nn/op_cases.c) its row in the table of test cases.
 *
 * To add one: nn/ops/<name>.c with a `const struct nn_op nn_op_<name>`, its builder in nn/ops.h,
 * one line in nn/ops/registry.c, its cases in the table, and docs/operators.md printed anew.
 */
#ifndef ANA_NN_OP_H
#define ANA_NN_OP_H

#include "compute/compute.h"
#include "nn/graph.h"

enum {
    OP_MAX_INPUTS = 8,
    OP_MAX_SAVED = 4,
    OP_OPTION_BYTES = 128 /* the largest options struct */
};

/* Filled by the shape rule. */
struct op_shapes {
    /* in */
    const struct shape *input[OP_MAX_INPUTS]; /* NULL: the operand is absent */
    enum dtype input_dtype[OP_MAX_INPUTS];
    int n_inputs;
    const void *options;
    enum dtype dtype; /* the graph's float type */
    /* out */
    struct shape output;
    size_t saved_bytes[OP_MAX_SAVED]; /* kept from forward to backward */
};

/* One call of forward or backward. Tensors are contiguous. */
struct op_call {
    const struct compute *compute;
    struct pool *pool;
    void *scratch; /* as many bytes as op->scratch() asked for */
    size_t scratch_bytes;
    const void *options;
    enum dtype dtype;
    int n_inputs;
    struct tensor input[OP_MAX_INPUTS]; /* data NULL: absent, or not kept (see op->reads) */
    struct tensor output;
    void *saved[OP_MAX_SAVED];
    bool training;       /* of the plan, unless what the op writes is frozen */
    bool wants_gradient; /* a backward pass will follow: fill `saved` */
    uint64_t seed, step; /* keyed draws */
    uint32_t node;
    /* Packed forms of input[1] (weights) if the op has a `pack` hook and it is a parameter. */
    const void *packed_forward, *packed_backward;
    /* backward only */
    struct tensor output_gradient;
    struct tensor input_gradient[OP_MAX_INPUTS]; /* data NULL: not wanted */
    bool accumulate[OP_MAX_INPUTS];              /* only set for ops with `accumulates` */
};

enum op_reads {
    OP_READS_OUTPUT = 1 << 16 /* bit i: backward reads input i; this: it reads the output */
};

/* A form of an operator that other kernels carry than its other forms. */
struct op_variant {
    const char *name;
    bool fast_forward, fast_backward; /* a SIMD kernel carries it; else "reference only" */
};

struct nn_op {
    const char *name;
    bool fast; /* SIMD kernels carry it; else "reference only"; unless: */
    /* Its forms, if not all are alike in that, ended by a nameless row, and which of them these
     * shapes and options make. variants NULL: one form, of which `fast` tells; variant NULL: one
     * row. */
    const struct op_variant *variants;
    int (*variant)(const struct op_shapes *shapes);
    bool accumulates;     /* backward honours op_call.accumulate; else the executor adds for it */
    unsigned reads;       /* what backward reads: bits of inputs, OP_READS_OUTPUT */
    unsigned no_gradient; /* bits of inputs that never get a gradient (indices, targets) */
    unsigned writes;      /* bits of inputs that forward writes when training: running statistics.
                           * If one of them is a frozen parameter the node runs as in inference */
    ana_status (*infer)(struct op_shapes *shapes, ana_error *err);
    /* Bytes of scratch for forward (or backward); NULL means none. */
    size_t (*scratch)(const struct op_call *call, bool backward, int n_workers);
    void (*forward)(const struct op_call *call);
    void (*backward)(const struct op_call *call); /* NULL: not differentiable */
    /* Weights packed once: bytes needed, and the packing, for the forward and the backward form.
     * NULL hooks: the op packs nothing. 0 bytes: this backend packs nothing. */
    size_t (*packed_bytes)(const struct op_call *call, bool backward);
    void (*pack)(const struct op_call *call, bool backward, void *packed);
    /* Floating-point operations of its products, a multiply-add being two; for the backward pass
     * those of the gradients that are wanted. Work element by element is not counted. NULL: 0. */
    double (*flop)(const struct op_call *call, bool backward);
};

/* For builders: appends a node. options is copied (size <= OP_OPTION_BYTES). Absent operands are
 * NO_VALUE. On an earlier or new error returns NO_VALUE, and graph_check() tells. */
value graph_add(struct graph *graph, const struct nn_op *op, const char *name, const value *inputs,
                int n_inputs, const void *options, size_t options_bytes);
/* For builders: records an error of their own. */
void graph_fail(struct graph *graph, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
