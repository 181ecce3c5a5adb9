/* The kernels for plain x86-64 (SSE2), where nothing better is there. */
#include "compute/simd/simd.h"

#include "base/memory.h"

#include <math.h>
#include <pthread.h>

#if defined(__x86_64__)

#include "compute/simd/vec.h"

#include "compute/simd/math.inc"
#include "compute/simd/tile.inc"

#include "compute/simd/pack.inc"

#include "compute/simd/channel.inc"

#include "compute/simd/conv.inc"

#include "compute/simd/weights.inc"

#include "compute/simd/gemm.inc"

#include "compute/simd/elementwise.inc"

#include "compute/simd/copy.inc"

#include "compute/simd/pool.inc"

#include "compute/simd/resize.inc"

#include "compute/simd/row.inc"

#include "compute/simd/table.inc"

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
