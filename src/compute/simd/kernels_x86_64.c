/* The kernels for plain x86-64 (SSE2), where nothing better is there. */
#include "compute/simd/simd.h"

#if defined(__x86_64__)

#include <pthread.h>

#include "compute/simd/kernels.inc"

static struct compute table;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    table_init(&table, "x86-64");
}

const struct compute *compute_x86_64(void)
{
    pthread_once(&table_once, make_table);
    return &table;
}

#else

const struct compute *compute_x86_64(void)
{
    return NULL;
}

#endif
