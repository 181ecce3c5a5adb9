/* The benchmark of the public API: opens each case, measures the bounds, the case, and the bounds
 * again, and closes it before the next one. */
#include "anatome/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/memory.h"
#include "bench/machine.h"
#include "bench/subject.h"

enum { MAX_SAMPLES = 1001, MAX_CASES = 512, MAX_RUNS = 1000000 };
enum { SMALL_BUFFER = 32 << 20, LARGE_BUFFER = 128 << 20 };

/* A case of the list. */
struct entry {
    const struct subject_family *family;
    int index;
};

struct ana_bench {
    char cpu[CPU_NAME_SIZE];
    char instruction_set[16];
    ana_bench_machine machine;
    ana_bench_case *cases;
    char (*names)[SUBJECT_NAME_SIZE];
    int64_t n_cases;
};

struct bench_run {
    ana_bench *bench;
    const ana_bench_options *options;
    struct pool *pool;
    struct peak_meter meter;
    struct entry entries[MAX_CASES];
    int n_entries;
    int samples;
    double sample_seconds; /* at least, by running several times */
    double seconds[MAX_SAMPLES];
};

_Static_assert((int)SUBJECT_NAME_SIZE == (int)ANA_BENCH_NAME_SIZE, "public and own size agree");

ana_bench_options ana_bench_defaults(void)
{
    return (ana_bench_options){0};
}

/* ---- the list ---- */

static bool entry_at(struct entry *out, int64_t index)
{
    for (int f = 0; index >= 0 && subject_family_at(f); f++) {
        const struct subject_family *family = subject_family_at(f);
        if (index < family->n_cases) {
            *out = (struct entry){family, (int)index};
            return true;
        }
        index -= family->n_cases;
    }
    return false;
}

bool ana_bench_list(int64_t index, char name[ANA_BENCH_NAME_SIZE], const char **family)
{
    struct entry entry;
    if (!entry_at(&entry, index))
        return false;
    entry.family->describe(name, entry.index);
    *family = entry.family->name;
    return true;
}

static bool fits(const char *word, const char *name, const char *family)
{
    return strstr(name, word) || strcmp(family, word) == 0;
}

static bool is_wanted(const ana_bench_options *options, const char *name, const char *family)
{
    bool wanted = !options->kernels;
    for (size_t i = 0; options->kernels && i < options->n_kernels; i++)
        wanted = wanted || fits(options->kernels[i], name, family);
    return wanted;
}

static bool names_a_case(const char *word)
{
    char name[SUBJECT_NAME_SIZE];
    const char *family;
    for (int64_t i = 0; ana_bench_list(i, name, &family); i++)
        if (fits(word, name, family))
            return true;
    return false;
}

static ana_status choose_cases(struct bench_run *run, ana_error *err)
{
    const ana_bench_options *options = run->options;
    for (size_t i = 0; options->kernels && i < options->n_kernels; i++)
        if (!names_a_case(options->kernels[i]))
            return ana_fail(err, ANA_ERR_ARGUMENT,
                            "no case of the benchmark has \"%s\" in its name", options->kernels[i]);
    struct entry entry;
    char name[SUBJECT_NAME_SIZE];
    for (int64_t i = 0; run->n_entries < MAX_CASES && entry_at(&entry, i); i++) {
        entry.family->describe(name, entry.index);
        if (is_wanted(options, name, entry.family->name))
            run->entries[run->n_entries++] = entry;
    }
    return ANA_OK;
}

/* ---- one case ---- */

/* One run more or less costs nothing; a sample shorter than the clock and the pool's waking tells
 * nothing. */
static int64_t runs_for(double once, double sample_seconds)
{
    const double runs = ceil(sample_seconds / (once > 1e-9 ? once : 1e-9));
    return runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : (int64_t)runs;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static ana_status time_runs(double *seconds, const struct subject *subject, int64_t runs,
                            ana_error *err)
{
    ana_status status = ANA_OK;
    const double begin = machine_seconds();
    for (int64_t i = 0; !status && i < runs; i++)
        status = subject->run(subject->state, err);
    *seconds = (machine_seconds() - begin) / (double)runs;
    return status;
}

static bool tell(const struct bench_run *run, const char *name, int entry, int sample)
{
    if (!run->options->progress)
        return true;
    const double part = (double)sample / run->samples;
    return run->options->progress(run->options->progress_user, name,
                                  (entry + part) / run->n_entries);
}

/* The first run packs weights and touches pages; it is not counted. */
static ana_status time_case(struct bench_run *run, ana_bench_case *c, const struct subject *subject,
                            int entry, ana_error *err)
{
    double once;
    ana_status status = time_runs(&once, subject, 1, err);
    if (!status)
        status = time_runs(&once, subject, 1, err);
    c->runs_per_sample = runs_for(once, run->sample_seconds);
    c->samples = run->samples;
    for (int i = 0; !status && i < run->samples; i++) {
        status = time_runs(&run->seconds[i], subject, c->runs_per_sample, err);
        if (!status && !tell(run, c->name, entry, i + 1))
            status = ana_fail(err, ANA_ERR_CANCELLED, "stopped");
    }
    if (status)
        return status;
    c->seconds = median(run->seconds, run->samples);
    c->seconds_best = run->seconds[0]; /* sorted by now */
    return ANA_OK;
}

static void fill_shares(ana_bench_case *c, const struct subject *subject)
{
    const double by_peak = c->peak > 0 ? c->gflop / c->peak : 0;
    const double by_memory = c->bandwidth > 0 ? c->gbytes / c->bandwidth : 0;
    c->share_of_peak = subject->flop > 0 ? by_peak / c->seconds : (double)NAN;
    c->share_of_bandwidth = by_memory / c->seconds;
    c->share_of_bound = fmax(by_peak, by_memory) / c->seconds;
}

static ana_status measure_open(struct bench_run *run, ana_bench_case *c,
                               const struct subject *subject, size_t memory_before, int entry,
                               ana_error *err)
{
    const int threads = pool_size(run->pool);
    const struct machine_moment begin = machine_now();
    c->gflop = 1e-9 * subject->flop;
    c->gbytes = 1e-9 * subject->bytes;
    c->peak = peak_gflops(&run->meter, threads);
    c->bandwidth = peak_bandwidth(&run->meter, subject->stream);
    const ana_status status = time_case(run, c, subject, entry, err);
    if (status)
        return status;
    c->memory_bytes = (int64_t)(memory_in_use() - memory_before);
    c->peak = (c->peak + peak_gflops(&run->meter, threads)) / 2;
    c->bandwidth = (c->bandwidth + peak_bandwidth(&run->meter, subject->stream)) / 2;
    c->other_cores = machine_others_since(&begin);
    fill_shares(c, subject);
    return ANA_OK;
}

/* What takes seconds, and what needs much memory. */
static bool is_long(const struct subject *subject)
{
    return subject->flop > 5e9 || subject->bytes > 64e6;
}

static ana_status measure_case(struct bench_run *run, int entry, ana_error *err)
{
    const struct entry *e = &run->entries[entry];
    ana_bench *bench = run->bench;
    char *name = bench->names[bench->n_cases];
    struct subject subject = {0};

    e->family->describe(name, e->index);
    if (!tell(run, name, entry, 0))
        return ana_fail(err, ANA_ERR_CANCELLED, "stopped");
    const size_t memory_before = memory_in_use();
    ana_status status = e->family->open(&subject, e->index, run->pool, err);
    if (status)
        return ana_fail_in(err, status, "%s", name);
    if (!run->options->quick || run->options->kernels || !is_long(&subject)) {
        ana_bench_case *c = &bench->cases[bench->n_cases];
        *c = (ana_bench_case){.name = name, .family = e->family->name};
        status = measure_open(run, c, &subject, memory_before, entry, err);
        bench->n_cases += status ? 0 : 1;
    }
    subject.close(subject.state);
    return status;
}

/* ---- the run ---- */

static void describe_machine(struct bench_run *run)
{
    ana_bench *bench = run->bench;
    ana_bench_machine *m = &bench->machine;
    machine_cpu_name(bench->cpu);
    m->cpu = bench->cpu;
    m->instruction_set = bench->instruction_set;
    m->cores = cores_usable();
    m->threads = pool_size(run->pool);
    m->cache_bytes = machine_cache_bytes();
    m->load_start = machine_load();
    /* Twice the last cache, so that little of a buffer is found there when it is read again. */
    const int64_t most = run->options->quick ? SMALL_BUFFER : LARGE_BUFFER;
    m->buffer_bytes = 2 * m->cache_bytes < SMALL_BUFFER ? SMALL_BUFFER
                      : 2 * m->cache_bytes > most       ? most
                                                        : 2 * m->cache_bytes;
}

static void measure_machine(struct bench_run *run)
{
    ana_bench_machine *m = &run->bench->machine;
    m->peak_one_thread = peak_gflops(&run->meter, 1);
    m->peak = peak_gflops(&run->meter, m->threads);
    m->read = peak_bandwidth(&run->meter, STREAM_READ);
    m->scale = peak_bandwidth(&run->meter, STREAM_SCALE);
    m->triad = peak_bandwidth(&run->meter, STREAM_TRIAD);
}

static ana_status run_cases(struct bench_run *run, ana_error *err)
{
    ana_bench *bench = run->bench;
    const struct machine_moment begin = machine_now();
    const double peak_seconds = run->options->quick ? 0.002 : 0.01;
    ana_status status = peak_meter_open(&run->meter, bench->instruction_set, run->pool,
                                        bench->machine.buffer_bytes, peak_seconds, err);
    if (status)
        return status;
    measure_machine(run);
    for (int i = 0; !status && i < run->n_entries; i++)
        status = measure_case(run, i, err);
    bench->machine.load_end = machine_load();
    bench->machine.other_cores = machine_others_since(&begin);
    peak_meter_clear(&run->meter);
    return status;
}

static ana_status make_room(struct bench_run *run, ana_error *err)
{
    ana_bench *bench = run->bench;
    const size_t n = (size_t)run->n_entries;
    bench->cases = memory_alloc_array_zeroed(n, sizeof *bench->cases);
    bench->names = memory_alloc_array_zeroed(n, sizeof *bench->names);
    return bench->cases && bench->names ? ANA_OK : ana_fail_memory(err, n * sizeof *bench->cases);
}

static ana_status prepare(struct bench_run *run, ana_error *err)
{
    const ana_bench_options *options = run->options;
    if (options->repetitions < 0 || options->repetitions > MAX_SAMPLES)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%d repetitions, expected 1 to %d",
                        options->repetitions, MAX_SAMPLES);
    run->samples = options->repetitions ? options->repetitions : options->quick ? 3 : 9;
    run->sample_seconds = options->quick ? 0.001 : 0.01;
    snprintf(run->bench->instruction_set, sizeof run->bench->instruction_set, "%.15s",
             compute_default()->instruction_set);
    const ana_status status = choose_cases(run, err);
    return status ? status : make_room(run, err);
}

ana_status ana_bench_run(ana_bench **out, ana_context *context, const ana_bench_options *options,
                         ana_error *err)
{
    const ana_bench_options defaults = ana_bench_defaults();
    *out = NULL;
    ana_bench *bench = memory_alloc_zeroed(sizeof *bench);
    struct bench_run *run = memory_alloc_zeroed(sizeof *run);
    ana_status status = ANA_OK;
    if (!bench || !run) {
        status = ana_fail_memory(err, sizeof *bench + sizeof *run);
    } else {
        run->bench = bench;
        run->options = options ? options : &defaults;
        run->pool = context->pool;
        status = prepare(run, err);
        if (!status) {
            describe_machine(run);
            status = run_cases(run, err);
        }
    }
    memory_free(run);
    if (status) {
        ana_bench_free(bench);
        return status;
    }
    *out = bench;
    return ANA_OK;
}

void ana_bench_free(ana_bench *bench)
{
    if (!bench)
        return;
    memory_free(bench->cases);
    memory_free(bench->names);
    memory_free(bench);
}

ana_bench_machine ana_bench_get_machine(const ana_bench *bench)
{
    return bench->machine;
}

int64_t ana_bench_count(const ana_bench *bench)
{
    return bench->n_cases;
}

ana_bench_case ana_bench_get_case(const ana_bench *bench, int64_t index)
{
    return bench->cases[index];
}
