/* See faults.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "faults.h"

#include "../unit/base/failing_memory.h"

bool faults_try(const char *what, faulty_work work, int n, int *told)
{
    ana_error err = {0};

    failing_memory_start(n);
    const ana_status status = work(&err);
    const int live = failing_memory_live();
    const bool reached = failing_memory_stop() != 0;
    if (live != 0)
        fail_msg("%s: allocation %d failed: %d blocks leaked", what, n, live);
    if (status && (!reached || status != ANA_ERR_MEMORY || !err.message[0]))
        fail_msg("%s: allocation %d failed: status %d, \"%s\"", what, n, (int)status, err.message);
    *told += status != ANA_OK;
    return reached;
}

int faults_each(const char *what, faulty_work work)
{
    int told = 0, n = 1;

    while (faults_try(what, work, n, &told))
        n++;
    print_message("           %s: %d allocations, %d failures told\n", what, n - 1, told);
    return told;
}

int faults_strided(const char *what, faulty_work work, int stride)
{
    const char *wanted = getenv("ANATOME_FAULT_ROUND");
    const int round = wanted ? (int)(strtol(wanted, NULL, 10) % stride) : 0;
    int told = 0, n = 1 + round;

    while (faults_try(what, work, n, &told))
        n += stride;
    print_message("           %s: about %d allocations, every %d-th from %d, %d failures told\n",
                  what, n - 1, stride, 1 + round, told);
    return told;
}
