/* Between kernel_operands*.c and kernel_run.c: how a kernel's arguments are completed and bound. */
#ifndef ANA_TESTS_KERNEL_CASES_INTERNAL_H
#define ANA_TESTS_KERNEL_CASES_INTERNAL_H

#include "kernel_cases.h"

struct kernel_binding {
    const char *name;
    void (*complete)(struct kernel_run *run); /* dtype and defaults; then adds the operands */
    void (*link)(struct kernel_run *run);     /* pointers that alias an operand; NULL: none */
    void (*pack)(struct kernel_run *run);     /* NULL: none */
    double (*operations)(const struct kernel_run *run);
    struct kernel_step steps[3];
};
extern const struct kernel_binding gemm_binding, conv_binding, channel_sums_binding,
    channel_affine_binding, row_norm_binding, softmax_binding, attention_binding, activate_binding,
    combine_binding, copy_binding, pool2d_binding, resize2d_binding;
extern const struct kernel_binding *const kernel_bindings[KERNEL_COUNT];

#define FIELD(member) offsetof(union kernel_args, member)

bool case_has(const struct kernel_run *run, unsigned flags);
bool has_backward(const struct kernel_run *run);
int n_workers(const struct kernel_run *run);
void set_default(int64_t *extent, int64_t value); /* where it is 0 */
int64_t extent_product(const int64_t *extent, int n);

/* The next operand of the run; it stays the run's. */
struct operand *add_operand(struct kernel_run *run, const char *name, size_t field,
                            enum operand_role role, int64_t count);
void add_double_operand(struct kernel_run *run, const char *name, size_t field,
                        enum operand_role role, int64_t count);
/* The gradient of the operand called `of`. */
struct operand *add_gradient(struct kernel_run *run, const char *name, size_t field,
                             const char *of);

/* NULL if the backend packs nothing. */
void *packed_block(size_t bytes);

#endif
