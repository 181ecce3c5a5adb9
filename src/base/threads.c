/* The thread pool.
 *
 * A parallel_for() is a `struct call` on its caller's stack, linked into the pool while it may
 * still be joined. Jobs are taken from an atomic counter. Workers join the call with the fewest
 * helpers, so that several callers share the pool fairly. A call and its list are changed under the
 * pool's mutex only; a caller unlinks its call, waits until the last helper has left, and only then
 * returns.
 *
 * Networks make many short calls, so an idle worker watches for about 50 us before it sleeps.
 */
#include "base/threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "base/compiler.h"
#include "base/cpus_internal.h"
#include "base/memory.h"

enum {
    SPIN_NS = 50 * 1000,
    SPINS_PER_LOOK = 32 /* looking at the clock costs about as much as that many pauses */
};

struct call {
    struct call *next;
    job_fn fn;
    void *context;
    int64_t n_jobs;
    _Atomic int64_t next_job;
    atomic_int n_helpers; /* workers inside, the caller not counted */
    bool caller_sleeps;
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    int index; /* 1 .. n_workers; 0 is each caller */
};

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* a call was added, or stop was set */
    pthread_cond_t left; /* the last helper left a call whose caller sleeps */
    struct call *calls;
    atomic_uint n_changes; /* counts what workers wait for; spun on without the mutex */
    int n_sleeping;
    bool stop;
    int n_workers;
    struct worker workers[];
};

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void run_jobs(struct call *call, int worker)
{
    for (;;) {
        const int64_t job = atomic_fetch_add_explicit(&call->next_job, 1, memory_order_relaxed);
        if (job >= call->n_jobs)
            return;
        call->fn(call->context, job, worker);
    }
}

/* Under the mutex. */
static struct call *find_call(const struct pool *pool)
{
    struct call *best = NULL;
    int fewest = 0;

    for (struct call *call = pool->calls; call; call = call->next) {
        if (atomic_load_explicit(&call->next_job, memory_order_relaxed) >= call->n_jobs)
            continue;
        const int n = atomic_load_explicit(&call->n_helpers, memory_order_relaxed);
        if (!best || n < fewest) {
            best = call;
            fewest = n;
        }
    }
    return best;
}

/* Under the mutex. The call is its caller's, and may be gone, once the count is down. */
static void leave_call(struct pool *pool, struct call *call)
{
    const bool caller_sleeps = call->caller_sleeps;
    const int before = atomic_fetch_sub_explicit(&call->n_helpers, 1, memory_order_release);

    if (before == 1 && caller_sleeps)
        (void)pthread_cond_broadcast(&pool->left);
}

static void watch_for_change(struct pool *pool, unsigned seen)
{
    const int64_t end = now_ns() + SPIN_NS;

    do {
        for (int i = 0; i < SPINS_PER_LOOK; i++) {
            if (atomic_load_explicit(&pool->n_changes, memory_order_relaxed) != seen)
                return;
            CPU_RELAX();
        }
    } while (now_ns() < end);
}

/* Returns, with the mutex held, when there may be something to do. */
static void wait_for_work(struct pool *pool)
{
    const unsigned seen = atomic_load_explicit(&pool->n_changes, memory_order_relaxed);

    (void)pthread_mutex_unlock(&pool->mutex);
    watch_for_change(pool, seen);
    (void)pthread_mutex_lock(&pool->mutex);
    while (!pool->stop && !find_call(pool)) {
        pool->n_sleeping++;
        (void)pthread_cond_wait(&pool->work, &pool->mutex);
        pool->n_sleeping--;
    }
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct pool *pool = worker->pool;

    (void)pthread_mutex_lock(&pool->mutex);
    while (!pool->stop) {
        struct call *call = find_call(pool);
        if (!call) {
            wait_for_work(pool);
            continue;
        }
        atomic_fetch_add_explicit(&call->n_helpers, 1, memory_order_relaxed);
        (void)pthread_mutex_unlock(&pool->mutex);
        run_jobs(call, worker->index);
        (void)pthread_mutex_lock(&pool->mutex);
        leave_call(pool, call);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals are the application's business: our threads take none. */
static int start_quiet_thread(pthread_t *out, void *(*run)(void *), void *argument)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failure = pthread_create(out, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

int cores_usable(void)
{
    return cpus_usable();
}

ana_status pool_create(struct pool **out, int n_threads, ana_error *err)
{
    *out = NULL;
    const int n = n_threads > 0 ? n_threads : cpus_usable();
    const size_t bytes = sizeof(struct pool) + (size_t)(n - 1) * sizeof(struct worker);
    struct pool *pool = memory_alloc_zeroed(bytes);
    if (!pool)
        return ana_fail_memory(err, bytes);
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    (void)pthread_cond_init(&pool->left, NULL);
    for (int i = 0; i < n - 1; i++) {
        pool->workers[i] = (struct worker){.pool = pool, .index = i + 1};
        if (start_quiet_thread(&pool->workers[i].thread, work, &pool->workers[i]) != 0) {
            pool_free(pool);
            return ana_fail(err, ANA_ERR_LIMIT, "the system refuses thread %d of %d", i + 2, n);
        }
        pool->n_workers++;
    }
    *out = pool;
    return ANA_OK;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    (void)pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    atomic_fetch_add_explicit(&pool->n_changes, 1, memory_order_relaxed);
    (void)pthread_cond_broadcast(&pool->work);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->n_workers; i++)
        (void)pthread_join(pool->workers[i].thread, NULL);
    (void)pthread_cond_destroy(&pool->left);
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->mutex);
    memory_free(pool);
}

int pool_size(const struct pool *pool)
{
    return pool ? pool->n_workers + 1 : 1;
}

static void open_call(struct pool *pool, struct call *call)
{
    (void)pthread_mutex_lock(&pool->mutex);
    call->next = pool->calls;
    pool->calls = call;
    atomic_fetch_add_explicit(&pool->n_changes, 1, memory_order_relaxed);
    const int n_sleeping = pool->n_sleeping;
    (void)pthread_mutex_unlock(&pool->mutex);
    if (n_sleeping <= 0)
        return;
    if (call->n_jobs - 1 >= n_sleeping) {
        (void)pthread_cond_broadcast(&pool->work);
    } else {
        for (int64_t i = 1; i < call->n_jobs; i++)
            (void)pthread_cond_signal(&pool->work);
    }
}

static bool helpers_have_left(struct call *call)
{
    return atomic_load_explicit(&call->n_helpers, memory_order_acquire) == 0;
}

static void close_call(struct pool *pool, struct call *call)
{
    (void)pthread_mutex_lock(&pool->mutex);
    struct call **link = &pool->calls;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    (void)pthread_mutex_unlock(&pool->mutex);

    const int64_t end = now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < SPINS_PER_LOOK; i++) {
            if (helpers_have_left(call))
                return;
            CPU_RELAX();
        }
    } while (now_ns() < end);

    (void)pthread_mutex_lock(&pool->mutex);
    call->caller_sleeps = true;
    while (!helpers_have_left(call))
        (void)pthread_cond_wait(&pool->left, &pool->mutex);
    (void)pthread_mutex_unlock(&pool->mutex);
}

void parallel_for(struct pool *pool, int64_t n_jobs, job_fn fn, void *context)
{
    struct call call = {.fn = fn, .context = context, .n_jobs = n_jobs};

    if (n_jobs <= 0)
        return;
    if (pool_size(pool) == 1 || n_jobs == 1) {
        run_jobs(&call, 0);
        return;
    }
    open_call(pool, &call);
    run_jobs(&call, 0);
    close_call(pool, &call);
}

struct thread {
    pthread_t thread;
    void (*run)(void *context);
    void *context;
};

static void *run_thread(void *argument)
{
    const struct thread *thread = argument;

    thread->run(thread->context);
    return NULL;
}

ana_status thread_start(struct thread **out, void (*run)(void *context), void *context,
                        ana_error *err)
{
    *out = NULL;
    struct thread *thread = memory_alloc(sizeof *thread);
    if (!thread)
        return ana_fail_memory(err, sizeof *thread);
    thread->run = run;
    thread->context = context;
    if (start_quiet_thread(&thread->thread, run_thread, thread) != 0) {
        memory_free(thread);
        return ana_fail(err, ANA_ERR_LIMIT, "the system refuses a thread");
    }
    *out = thread;
    return ANA_OK;
}

void thread_join(struct thread *thread)
{
    if (!thread)
        return;
    (void)pthread_join(thread->thread, NULL);
    memory_free(thread);
}
