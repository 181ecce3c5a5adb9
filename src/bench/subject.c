/* Operands of kernels: allocated, filled, freed together. */
#include "bench/subject.h"

#include "base/memory.h"

ana_status kernel_subject_create(struct kernel_subject **out, struct pool *pool, ana_error *err)
{
    *out = memory_alloc_zeroed(sizeof **out);
    if (!*out)
        return ana_fail_memory(err, sizeof **out);
    (*out)->compute = compute_default();
    (*out)->env.pool = pool;
    return ANA_OK;
}

void *kernel_block(struct kernel_subject *kernel, size_t size_bytes)
{
    void *block = kernel->n_blocks < KERNEL_MAX_BLOCKS ? memory_alloc(size_bytes) : NULL;
    if (block)
        kernel->blocks[kernel->n_blocks++] = block;
    else
        kernel->failed = true;
    return block;
}

/* A plain congruential generator: the values must be ordinary, not random. */
float *kernel_floats(struct kernel_subject *kernel, int64_t n)
{
    float *values = kernel_block(kernel, (size_t)n * sizeof *values);
    uint32_t state = 1;
    for (int64_t i = 0; values && i < n; i++) {
        state = state * 1664525U + 1013904223U;
        values[i] = (float)(state >> 8) / 8388608.0F - 1.0F;
    }
    return values;
}

void kernel_scratch(struct kernel_subject *kernel, size_t size_bytes)
{
    kernel->env.scratch = kernel_block(kernel, size_bytes);
    kernel->env.scratch_bytes = size_bytes;
}

static ana_status run_kernel(void *state, ana_error *err)
{
    const struct kernel_subject *kernel = state;
    (void)err;
    kernel->run(kernel);
    return ANA_OK;
}

static void close_kernel(void *state)
{
    struct kernel_subject *kernel = state;
    for (int i = 0; i < kernel->n_blocks; i++)
        memory_free(kernel->blocks[i]);
    memory_free(kernel);
}

ana_status kernel_subject_finish(struct subject *out, struct kernel_subject *kernel, ana_error *err)
{
    out->run = run_kernel;
    out->close = close_kernel;
    out->state = kernel;
    if (!kernel->failed)
        return ANA_OK;
    close_kernel(kernel);
    *out = (struct subject){0};
    return ana_fail(err, ANA_ERR_MEMORY, "not enough memory for its operands");
}
