/* Matrix product with an epilogue: one row of C, BLOCK columns at a time. */
#include "compute/reference/reference_internal.h"

size_t REF(gemm_packed_bytes)(const struct gemm_args *args)
{
    (void)args;
    return 0;
}

void REF(gemm_pack)(const struct kernel_env *env, const struct gemm_args *args, void *packed)
{
    (void)env;
    (void)args;
    (void)packed;
}

size_t REF(gemm_scratch)(const struct gemm_args *args, int n_workers)
{
    (void)args;
    (void)n_workers;
    return 0;
}

/* C[batch](i, j) .. C[batch](i, j + columns - 1) from their finished sums. */
static void store_row(const struct gemm_args *g, int64_t batch, int64_t i, int64_t j,
                      int64_t columns, const double *sum)
{
    const int64_t at = batch * g->c_batch + i * g->c_row + j;
    real *c = (real *)g->c + at;
    const real *bias = g->bias;
    const real *residual = g->residual;

    for (int64_t q = 0; q < columns; q++) {
        double value = sum[q];
        if (g->accumulate) {
            c[q] = (real)((double)c[q] + value);
            continue;
        }
        if (bias)
            value += (double)bias[j + q];
        value = activation_value(g->activation, value);
        if (residual)
            value += (double)residual[at + q];
        c[q] = (real)value;
    }
}

static void compute_rows(const void *context, int64_t begin, int64_t end)
{
    const struct gemm_args *g = context;

    for (int64_t row = begin; row < end; row++) {
        const int64_t batch = row / g->m, i = row % g->m;
        const real *a = (const real *)g->a + batch * g->a_batch + i * g->a_row;
        for (int64_t j = 0; j < g->n; j += BLOCK) {
            const int64_t columns = min_i64(BLOCK, g->n - j);
            const real *b = (const real *)g->b + batch * g->b_batch + j * g->b_column;
            double sum[BLOCK] = {0};
            for (int64_t p = 0; p < g->k; p++) {
                const double left = (double)a[p * g->a_column];
                for (int64_t q = 0; q < columns; q++)
                    sum[q] += left * (double)b[p * g->b_row + q * g->b_column];
            }
            store_row(g, batch, i, j, columns, sum);
        }
    }
}

void REF(gemm)(const struct kernel_env *env, const struct gemm_args *args)
{
    for_ranges(env, args->batch * args->m, args->n * args->k, compute_rows, args);
}
