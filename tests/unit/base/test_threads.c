/* The pool: every job once, workers unique, several callers, any size; helper threads; CPU quota.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cpus_internal.h"
#include "base/memory.h"
#include "base/threads.h"
#include "failing_memory.h"

static const int pool_sizes[] = {1, 2, 4, 7};
enum { N_POOL_SIZES = sizeof pool_sizes / sizeof *pool_sizes, MAX_WORKERS = 8 };

static void pause_us(long us)
{
    const struct timespec time = {us / 1000000, us % 1000000 * 1000};

    (void)nanosleep(&time, NULL);
}

struct counts {
    int n_workers;
    atomic_int *runs;             /* of each job */
    atomic_int busy[MAX_WORKERS]; /* jobs that run at this moment under a worker number */
    atomic_int mistakes;
};

static void count_job(void *context, int64_t job, int worker)
{
    struct counts *counts = context;

    if (worker < 0 || worker >= counts->n_workers) {
        atomic_fetch_add(&counts->mistakes, 1);
        return;
    }
    if (atomic_fetch_add(&counts->busy[worker], 1) != 0)
        atomic_fetch_add(&counts->mistakes, 1);
    for (volatile int i = 0; i < 200; i++) {
    }
    atomic_fetch_add(&counts->runs[job], 1);
    atomic_fetch_sub(&counts->busy[worker], 1);
}

static int mistakes_of_a_run(struct pool *pool, int64_t n_jobs)
{
    struct counts counts = {.n_workers = pool_size(pool)};
    int mistakes;

    counts.runs = calloc((size_t)n_jobs + 1, sizeof *counts.runs);
    if (!counts.runs)
        return -1;
    parallel_for(pool, n_jobs, count_job, &counts);
    mistakes = atomic_load(&counts.mistakes);
    for (int64_t i = 0; i < n_jobs; i++)
        mistakes += atomic_load(&counts.runs[i]) != 1;
    free(counts.runs);
    return mistakes;
}

static struct pool *pool_of(int n_threads)
{
    struct pool *pool;
    ana_error err;

    assert_int_equal(pool_create(&pool, n_threads, &err), ANA_OK);
    assert_non_null(pool);
    return pool;
}

static void every_job_runs_once(void **state)
{
    static const int64_t n_jobs[] = {0, 1, 2, 3, 8, 100, 5000, -3};

    (void)state;
    for (int i = 0; i < N_POOL_SIZES; i++) {
        struct pool *pool = pool_of(pool_sizes[i]);
        assert_int_equal(pool_size(pool), pool_sizes[i]);
        for (size_t j = 0; j < sizeof n_jobs / sizeof *n_jobs - 1; j++)
            assert_int_equal(mistakes_of_a_run(pool, n_jobs[j]), 0);
        parallel_for(pool, -3, count_job, NULL);
        pool_free(pool);
    }
    assert_int_equal(pool_size(NULL), 1);
    assert_int_equal(mistakes_of_a_run(NULL, 100), 0);
    pool_free(NULL);
}

/* Enough short calls that waking, spinning and sleeping all happen. */
static void many_short_calls(void **state)
{
    (void)state;
    for (int i = 0; i < N_POOL_SIZES; i++) {
        struct pool *pool = pool_of(pool_sizes[i]);
        for (int round = 0; round < 500; round++) {
            if (round % 100 == 0)
                pause_us(1000);
            assert_int_equal(mistakes_of_a_run(pool, 1 + round % 9), 0);
        }
        pool_free(pool);
    }
}

struct caller {
    struct pool *pool;
    int mistakes;
};

static void call_often(void *context)
{
    struct caller *caller = context;

    for (int round = 0; round < 200; round++)
        caller->mistakes += mistakes_of_a_run(caller->pool, 1 + round % 40) != 0;
}

static void several_callers_share_a_pool(void **state)
{
    enum { N = 3 };

    (void)state;
    for (int i = 0; i < N_POOL_SIZES; i++) {
        struct pool *pool = pool_of(pool_sizes[i]);
        struct caller callers[N];
        struct thread *threads[N];
        for (int j = 0; j < N; j++) {
            callers[j] = (struct caller){pool, 0};
            assert_int_equal(thread_start(&threads[j], call_often, &callers[j], NULL), ANA_OK);
        }
        for (int j = 0; j < N; j++) {
            thread_join(threads[j]);
            assert_int_equal(callers[j].mistakes, 0);
        }
        pool_free(pool);
    }
    thread_join(NULL);
}

/* All jobs wait for one another, so that they must run at the same moment. */
struct meeting {
    int n;
    atomic_int arrived;
    atomic_int worker_used[MAX_WORKERS];
};

static void meet(void *context, int64_t job, int worker)
{
    struct meeting *meeting = context;

    (void)job;
    atomic_fetch_add(&meeting->worker_used[worker], 1);
    atomic_fetch_add(&meeting->arrived, 1);
    for (int i = 0; atomic_load(&meeting->arrived) < meeting->n && i < 20000; i++)
        pause_us(500);
}

static void workers_really_run_together(void **state)
{
    (void)state;
    for (int i = 0; i < N_POOL_SIZES; i++) {
        struct pool *pool = pool_of(pool_sizes[i]);
        struct meeting meeting = {.n = pool_sizes[i]};
        pause_us(2000); /* they have fallen asleep */
        parallel_for(pool, meeting.n, meet, &meeting);
        assert_int_equal(atomic_load(&meeting.arrived), meeting.n);
        for (int j = 0; j < meeting.n; j++)
            assert_int_equal(atomic_load(&meeting.worker_used[j]), 1);
        pool_free(pool);
    }
}

/* A long last job: the caller has to sleep until its helper leaves. */
static void sleep_on_last(void *context, int64_t job, int worker)
{
    atomic_int *sum = context;

    (void)worker;
    pause_us(job == 0 ? 100 : 20000);
    atomic_fetch_add(sum, 1);
}

static void the_caller_waits_for_slow_helpers(void **state)
{
    struct pool *pool = pool_of(4);

    (void)state;
    for (int round = 0; round < 5; round++) {
        atomic_int sum = 0;
        parallel_for(pool, 4, sleep_on_last, &sum);
        assert_int_equal(atomic_load(&sum), 4);
    }
    pool_free(pool);
}

static void default_size_is_positive(void **state)
{
    struct pool *pool = pool_of(0);

    (void)state;
    assert_true(pool_size(pool) >= 1);
    assert_int_equal(pool_size(pool), cpus_usable());
    pool_free(pool);
}

static void out_of_memory_is_told(void **state)
{
    struct pool *pool = (struct pool *)state;
    struct thread *thread = (struct thread *)state;
    ana_error err;

    failing_memory_start(1);
    const ana_status status = pool_create(&pool, 2, &err);
    assert_int_equal(failing_memory_stop(), 1);
    assert_int_equal(status, ANA_ERR_MEMORY);
    assert_null(pool);
    failing_memory_start(1);
    const ana_status thread_status = thread_start(&thread, call_often, NULL, &err);
    assert_int_equal(failing_memory_stop(), 1);
    assert_int_equal(thread_status, ANA_ERR_MEMORY);
    assert_null(thread);
}

static void put(const char *folder, const char *name, const char *content)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs(content, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void make(const char *folder, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int quota(const char *folder, const char *membership)
{
    char path[256];

    put(folder, "membership", membership);
    (void)snprintf(path, sizeof path, "%s/membership", folder);
    return cpus_quota(path, folder);
}

static void quotas_of_cgroups_are_read(void **state)
{
    char folder[] = "quota-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    make(folder, "a");
    make(folder, "a/b");
    make(folder, "cpu");
    make(folder, "cpu/job");
    put(folder, "a/cpu.max", "350000 100000\n");
    put(folder, "a/b/cpu.max", "max 100000\n");
    put(folder, "cpu/job/cpu.cfs_quota_us", "50000\n");
    put(folder, "cpu/job/cpu.cfs_period_us", "100000\n");
    put(folder, "cpu/cpu.cfs_quota_us", "-1\n");
    put(folder, "cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(quota(folder, "0::/a/b\n"), 3); /* the tightest above counts, rounded down */
    assert_int_equal(quota(folder, "0::/\n"), 0);
    assert_int_equal(quota(folder, "0::/gone/far\n"), 0);
    assert_int_equal(quota(folder, "4:cpu,cpuacct:/job\n2:memory:/job\n"),
                     1); /* half a CPU is one */
    assert_int_equal(quota(folder, "4:cpuset:/job\n"), 0);
    assert_int_equal(quota(folder, "4:cpu:/\n"), 0);
    assert_int_equal(quota(folder, "rubbish\n::\n\n:::::/a\n"), 0);
    assert_int_equal(cpus_quota("no-such-file", folder), 0);

    static const char *const names[] = {"a/b/cpu.max",
                                        "a/b",
                                        "a/cpu.max",
                                        "a",
                                        "cpu/job/cpu.cfs_quota_us",
                                        "cpu/job/cpu.cfs_period_us",
                                        "cpu/job",
                                        "cpu/cpu.cfs_quota_us",
                                        "cpu/cpu.cfs_period_us",
                                        "cpu",
                                        "membership"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(many_short_calls),
        cmocka_unit_test(several_callers_share_a_pool),
        cmocka_unit_test(workers_really_run_together),
        cmocka_unit_test(the_caller_waits_for_slow_helpers),
        cmocka_unit_test(default_size_is_positive),
        cmocka_unit_test(out_of_memory_is_told),
        cmocka_unit_test(quotas_of_cgroups_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
