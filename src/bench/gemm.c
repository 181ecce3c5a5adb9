/* Matrix products of the published models, M x N x K; weights are packed ahead as in a model. */
#include "bench/subject.h"

#include <inttypes.h>
#include <stdio.h>

enum gemm_form {
    PACKED,   /* x w^T, w packed ahead */
    UNPACKED, /* the same, w packed on the fly */
    DATA,     /* dx = dy w */
    WEIGHTS   /* dw = dy^T x */
};
static const char *const form_names[] = {"packed", "unpacked", "data gradient", "weight gradient"};

struct gemm_case {
    int64_t batch, m, n, k;
    enum gemm_form form;
};

static const struct gemm_case cases[] = {
    {1, 4096, 768, 3072, PACKED},                                /* SAM ViT-B: MLP */
    {1, 4096, 3072, 768, PACKED},  {1, 4096, 2304, 768, PACKED}, /* q, k, v */
    {1, 1970, 3072, 768, PACKED},                                /* ten noise copies of M2IB */
    {1, 197, 768, 768, PACKED},                                  /* ViT-B/16 */
    {1, 197, 2304, 768, PACKED},   {1, 197, 3072, 768, PACKED},  {1, 197, 768, 3072, PACKED},
    {1, 197, 768, 768, UNPACKED},  {1, 32, 3072, 768, PACKED}, /* BERT, a short prompt */
    {1, 7, 256, 256, PACKED},                                  /* SAM's decoder tokens */
    {300, 196, 196, 64, UNPACKED},                             /* SAM's windows: q k^T */
    {96, 48, 48, 32, UNPACKED},    {1, 197, 768, 3072, DATA},    {1, 768, 3072, 197, WEIGHTS},
};

static void describe(char name[SUBJECT_NAME_SIZE], int index)
{
    const struct gemm_case *c = &cases[index];
    char batch[24] = "";
    if (c->batch > 1)
        snprintf(batch, sizeof batch, "%" PRId64 " of ", c->batch);
    snprintf(name, SUBJECT_NAME_SIZE, "gemm %s%" PRId64 "x%" PRId64 "x%" PRId64 " %s", batch, c->m,
             c->n, c->k, form_names[c->form]);
}

static void run(const struct kernel_subject *kernel)
{
    kernel->compute->gemm(&kernel->env, &kernel->args.gemm);
}

static void fill_args(struct kernel_subject *kernel, const struct gemm_case *c)
{
    const bool a_transposed = c->form == WEIGHTS;
    const bool b_transposed = c->form == PACKED || c->form == UNPACKED;
    struct gemm_args *args = &kernel->args.gemm;
    *args = (struct gemm_args){.dtype = DTYPE_F32,
                               .batch = c->batch,
                               .m = c->m,
                               .n = c->n,
                               .k = c->k,
                               .a_batch = c->m * c->k,
                               .a_row = a_transposed ? 1 : c->k,
                               .a_column = a_transposed ? c->m : 1,
                               .b_batch = c->k * c->n,
                               .b_row = b_transposed ? 1 : c->n,
                               .b_column = b_transposed ? c->k : 1,
                               .c_batch = c->m * c->n,
                               .c_row = c->n};
    args->a = kernel_floats(kernel, c->batch * c->m * c->k);
    args->b = kernel_floats(kernel, c->batch * c->k * c->n);
    args->c = kernel_floats(kernel, c->batch * c->m * c->n);
}

static void pack(struct kernel_subject *kernel)
{
    struct gemm_args *args = &kernel->args.gemm;
    const size_t size = kernel->compute->gemm_packed_bytes(args);
    void *packed = size ? kernel_block(kernel, size) : NULL; /* 0: this backend packs nothing */
    if (!packed)
        return;
    kernel->compute->gemm_pack(&kernel->env, args, packed);
    args->b_packed = packed;
}

static ana_status open_case(struct subject *out, int index, struct pool *pool, ana_error *err)
{
    const struct gemm_case *c = &cases[index];
    struct kernel_subject *kernel;
    const ana_status status = kernel_subject_create(&kernel, pool, err);
    if (status)
        return status;
    kernel->run = run;
    fill_args(kernel, c);
    kernel_scratch(kernel, kernel->compute->gemm_scratch(&kernel->args.gemm, pool_size(pool)));
    if (c->form == PACKED && !kernel->failed)
        pack(kernel);
    const double a = (double)(c->m * c->k), b = (double)(c->k * c->n), y = (double)(c->m * c->n);
    *out = (struct subject){.flop = 2 * (double)c->batch * y * (double)c->k,
                            .bytes = sizeof(float) * (double)c->batch * (a + b + y),
                            .stream = STREAM_TRIAD};
    return kernel_subject_finish(out, kernel, err);
}

const struct subject_family family_gemm = {.name = "gemm",
                                           .n_cases = sizeof cases / sizeof cases[0],
                                           .describe = describe,
                                           .open = open_case};
