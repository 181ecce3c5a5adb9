/* The kernels for AVX2, FMA and F16C; the build gives this file the flags by its name. */
#include "compute/simd/simd.h"

#if defined(__x86_64__)

#include <pthread.h>

#include "compute/simd/kernels.inc"

static struct compute table;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    table_init(&table, "avx2");
}

/* The builtin also asks the operating system for the wide registers (XGETBV). F16C is not a name
 * that every clang knows here; no processor has AVX2 without it. */
const struct compute *compute_avx2(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return NULL;
    pthread_once(&table_once, make_table);
    return &table;
}

#else

const struct compute *compute_avx2(void)
{
    return NULL;
}

#endif
