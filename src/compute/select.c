/* Which backend runs: the best one of this CPU, or the one that ANATOME_ISA names.
 *
 * The choice is a pure function of the CPU and the environment, so it needs no global and no lock.
 */
#include "compute/compute.h"

#include "compute/simd/simd.h"

#include <stdlib.h>
#include <string.h>

static const struct compute *reference(void)
{
    return compute_reference(DTYPE_F32);
}

static const struct {
    const char *name;
    const struct compute *(*table)(void); /* NULL if the CPU lacks it */
} backends[] = {
    /* best first; the last one runs everywhere */
    {"avx2", compute_avx2},
    {"x86-64", compute_x86_64},
    {"reference", reference},
};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] };

/* N_BACKENDS if there is none of that name. */
static int find_backend(const char *name)
{
    int i = 0;
    while (i < N_BACKENDS && strcmp(backends[i].name, name) != 0)
        i++;
    return i;
}

const struct compute *compute_default(void)
{
    const char *forced = getenv("ANATOME_ISA");
    int i = forced ? find_backend(forced) : 0;
    if (i == N_BACKENDS) /* a name that we do not know forces nothing */
        i = 0;

    const struct compute *table = NULL;
    while (!table && i < N_BACKENDS)
        table = backends[i++].table();
    return table;
}

const struct compute *compute_by_name(const char *name)
{
    const int i = find_backend(name);
    return i < N_BACKENDS ? backends[i].table() : NULL;
}
