/* The one thread pool. Work is cut by size, never by thread count, so results do not depend on it.
 */
#ifndef ANA_BASE_THREADS_H
#define ANA_BASE_THREADS_H

#include <stdint.h>

#include "base/error.h"

struct pool;

/* n_threads <= 0 means the number of physical cores that the process may use (affinity and cgroup
 * quota honoured). The calling thread takes part, so a pool of 1 starts no thread. */
MUST_CHECK ana_status pool_create(struct pool **out, int n_threads, ana_error *err);
void pool_free(struct pool *pool);      /* NULL is fine */
int pool_size(const struct pool *pool); /* 1 for NULL */

int cores_usable(void); /* that number of cores, at least 1 */

/* `worker` is in [0, pool_size(pool)) and unique among the jobs that run at the same moment in one
 * parallel_for: use it to pick scratch, never to decide what is computed. */
typedef void (*job_fn)(void *context, int64_t job, int worker);

/* Runs fn for job = 0 .. n_jobs-1, in any order, and returns when all are done. Several threads may
 * call it at once on one pool; a job may not call it again. pool NULL runs inline. */
void parallel_for(struct pool *pool, int64_t n_jobs, job_fn fn, void *context);

/* A long-running helper thread outside the pool, for I/O that overlaps compute (data loading). */
struct thread;
MUST_CHECK ana_status thread_start(struct thread **out, void (*run)(void *context), void *context,
                                   ana_error *err);
void thread_join(struct thread *thread); /* waits, then frees; NULL is fine */

#endif
