/* Measuring the bounds with all threads of the pool. */
#include "bench/peak.h"

#include <string.h>

#include "base/memory.h"
#include "bench/machine.h"

static const struct peak_loops *const all_loops[] = {&peak_x86_64, &peak_avx2, &peak_avx512};

static const struct peak_loops *find_loops(const char *instruction_set)
{
    for (size_t i = 0; i < sizeof all_loops / sizeof all_loops[0]; i++)
        if (strcmp(all_loops[i]->instruction_set, instruction_set) == 0)
            return all_loops[i];
    return &peak_x86_64;
}

enum { CHUNK = 1 << 16 /* floats of one job: few enough that threads end together */ };

struct multiply_run {
    const struct peak_meter *meter;
    int64_t rounds;
    float *results;
};

/* The result goes to memory, so that no compiler can leave the loop out. */
static void multiply_job(void *context, int64_t job, int worker)
{
    const struct multiply_run *run = context;
    (void)worker;
    run->results[job] = run->meter->loops->multiply_adds(run->rounds);
}

static double multiply_seconds(const struct peak_meter *meter, int n_threads, int64_t rounds)
{
    struct multiply_run run = {meter, rounds, meter->buffers};
    const double begin = machine_seconds();
    parallel_for(n_threads > 1 ? meter->pool : NULL, n_threads, multiply_job, &run);
    return machine_seconds() - begin;
}

ana_status peak_meter_open(struct peak_meter *out, const char *instruction_set, struct pool *pool,
                           int64_t buffer_bytes, double seconds, ana_error *err)
{
    struct peak_meter meter = {.loops = find_loops(instruction_set), .pool = pool};
    const int64_t chunk_bytes = CHUNK * (int64_t)sizeof(float);
    meter.buffer_floats = (buffer_bytes + chunk_bytes - 1) / chunk_bytes * CHUNK;
    const size_t n = (size_t)(N_STREAMS * meter.buffer_floats);
    meter.buffers = memory_alloc_array(n, sizeof *meter.buffers);
    if (!meter.buffers)
        return ana_fail_memory(err, n * sizeof *meter.buffers);
    for (size_t i = 0; i < n; i++)
        meter.buffers[i] = 1;
    meter.rounds = 1000;
    while (multiply_seconds(&meter, 1, meter.rounds) < seconds && meter.rounds < INT64_C(1) << 40)
        meter.rounds *= 2;
    *out = meter;
    return ANA_OK;
}

void peak_meter_clear(struct peak_meter *meter)
{
    memory_free(meter->buffers);
    *meter = (struct peak_meter){0};
}

enum { ATTEMPTS = 3 }; /* the best counts: a bound is what can be done undisturbed */

double peak_gflops(const struct peak_meter *meter, int n_threads)
{
    double best = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        const double seconds = multiply_seconds(meter, n_threads, meter->rounds);
        const double rate =
            meter->loops->flop_per_round * (double)meter->rounds * n_threads / seconds;
        best = rate > best ? rate : best;
    }
    return 1e-9 * best;
}

struct stream_run {
    const struct peak_meter *meter;
    enum stream stream;
};

static void stream_job(void *context, int64_t job, int worker)
{
    const struct stream_run *run = context;
    const struct peak_loops *loops = run->meter->loops;
    float *x = run->meter->buffers + job * CHUNK;
    float *y = x + run->meter->buffer_floats, *z = y + run->meter->buffer_floats;
    (void)worker;
    switch (run->stream) {
    case STREAM_READ:
        z[0] = loops->read(x, CHUNK);
        break;
    case STREAM_SCALE:
        loops->scale(y, x, 0.5F, CHUNK);
        break;
    case STREAM_TRIAD:
        loops->triad(z, x, y, 0.5F, CHUNK);
        break;
    }
}

double peak_bandwidth(const struct peak_meter *meter, enum stream stream)
{
    static const int passes[N_STREAMS] = {
        [STREAM_READ] = 1, [STREAM_SCALE] = 2, [STREAM_TRIAD] = 3};
    struct stream_run run = {meter, stream};
    const double bytes = (double)passes[stream] * (double)meter->buffer_floats * sizeof(float);
    double best = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        const double begin = machine_seconds();
        parallel_for(meter->pool, meter->buffer_floats / CHUNK, stream_job, &run);
        const double rate = bytes / (machine_seconds() - begin);
        best = rate > best ? rate : best;
    }
    return 1e-9 * best;
}
