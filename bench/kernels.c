/* bench_kernels: rates of the fast kernels on the shapes of the default model.
 *
 * Convolutions and products as GFLOP/s and share of the FMA peak, which is measured right before
 * each line because clocks and neighbours change; memory-bound kernels as GB/s of what they must
 * move. Every figure is the best of several repetitions.
 *
 * Usage: bench_kernels [backend] [threads] [part of a line's name]
 */
#include "base/memory.h"
#include "compute/compute.h"
#include "peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPETITIONS = 5, PEAK_ROUNDS = 400000 };

struct bench {
    const struct compute *table;
    struct pool *pool;
    void *scratch;
    size_t scratch_bytes;
    const char *filter;
};

/* With one thread the processor time that it used, which busy neighbours change least. */
static clockid_t bench_clock = CLOCK_MONOTONIC;

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(bench_clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void peak_job(void *context, int64_t job, int worker)
{
    (void)worker;
    ((float *)context)[job] = peak_rounds(PEAK_ROUNDS);
}

/* GFLOP/s of `threads` registers-only loops at once, best of three. */
static double measure_peak(struct pool *pool, int threads)
{
    double best = 0.0;
    for (int i = 0; i < 3; i++) {
        float sums[256];
        const double begin = now_seconds();
        parallel_for(pool, threads, peak_job, sums);
        const double rate = (double)PEAK_ROUNDS * PEAK_FLOP * threads / (now_seconds() - begin);
        best = rate > best ? rate : best;
    }
    return best * 1e-9;
}

static struct kernel_env env_of(struct bench *b, size_t scratch_bytes)
{
    if (scratch_bytes > b->scratch_bytes) {
        memory_free(b->scratch);
        b->scratch = memory_alloc(scratch_bytes);
        b->scratch_bytes = scratch_bytes;
        if (!b->scratch)
            abort();
    }
    return (struct kernel_env){b->pool, b->scratch, b->scratch_bytes};
}

static float *random_floats(int64_t n)
{
    float *values = memory_alloc_array((size_t)n, sizeof *values);
    uint32_t state = 1;
    if (!values)
        abort();
    for (int64_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return values;
}

/* ---- Convolution ---- */

struct conv_case {
    int64_t n, size, ic, oc, kernel, stride;
};

static const struct conv_case conv_cases[] = {
    {8, 128, 12, 16, 3, 1},  {8, 128, 16, 16, 3, 1},   {24, 128, 16, 16, 3, 1},
    {24, 128, 35, 32, 3, 1}, {8, 128, 16, 32, 3, 2},   {24, 64, 32, 32, 3, 1},
    {8, 64, 32, 64, 3, 2},   {24, 32, 64, 64, 3, 1},   {24, 32, 67, 64, 3, 1},
    {8, 32, 64, 128, 3, 2},  {24, 16, 128, 128, 3, 1}, {24, 16, 131, 128, 3, 1},
    {24, 8, 192, 192, 3, 1}, {24, 8, 195, 192, 3, 1},  {24, 128, 19, 16, 3, 1},
    {24, 128, 16, 4, 3, 1},  {24, 128, 16, 1, 3, 1},   {24, 128, 16, 16, 1, 1},
    {24, 32, 64, 128, 1, 1}, {24, 8, 192, 192, 1, 1},
};

typedef void conv_fn(const struct kernel_env *env, const struct conv_args *args);

static double time_conv(conv_fn *fn, const struct kernel_env *env, const struct conv_args *args)
{
    double best = 1e9;
    for (int i = 0; i < REPETITIONS; i++) {
        const double begin = now_seconds();
        fn(env, args);
        const double seconds = now_seconds() - begin;
        best = seconds < best ? seconds : best;
    }
    return best;
}

static void bench_conv(struct bench *b, const struct conv_case *c)
{
    const int64_t out = (c->size - 1) / c->stride + 1, pad = c->kernel / 2;
    const int64_t n_x = c->n * c->size * c->size * c->ic, n_y = c->n * out * out * c->oc;
    const int64_t n_w = c->oc * c->ic * c->kernel * c->kernel;
    char name[64];
    snprintf(name, sizeof name, "conv %lldx%lldx%lld %lld->%lld k%lld s%lld", (long long)c->n,
             (long long)c->size, (long long)c->size, (long long)c->ic, (long long)c->oc,
             (long long)c->kernel, (long long)c->stride);
    if (b->filter && !strstr(name, b->filter))
        return;
    float *x = random_floats(n_x), *w = random_floats(n_w), *y = random_floats(n_y);
    float *dx = random_floats(n_x), *dw = random_floats(n_w), *bias = random_floats(c->oc);
    struct conv_args args = {.dtype = DTYPE_F32,
                             .dims = 2,
                             .n = c->n,
                             .ic = c->ic,
                             .oc = c->oc,
                             .groups = 1,
                             .in = {c->size, c->size},
                             .out = {out, out},
                             .kernel = {c->kernel, c->kernel},
                             .stride = {c->stride, c->stride},
                             .pad = {pad, pad},
                             .dilation = {1, 1},
                             .x = x,
                             .w = w,
                             .bias = bias,
                             .activation = ACTIVATION_RELU,
                             .dy = y,
                             .y = y,
                             .dx = dx,
                             .dw = dw,
                             .dbias = bias};
    const int threads = pool_size(b->pool);
    size_t need = b->table->conv_forward_scratch(&args, threads);
    const size_t data = b->table->conv_backward_data_scratch(&args, threads);
    const size_t weights = b->table->conv_backward_weights_scratch(&args, threads);
    need = data > need ? data : need;
    need = weights > need ? weights : need;
    const struct kernel_env env = env_of(b, need);
    const double peak = measure_peak(b->pool, threads);
    const double gflop = 2e-9 * (double)(c->n * out * out) * (double)n_w;
    const double forward = gflop / time_conv(b->table->conv_forward, &env, &args);
    const double backward = gflop / time_conv(b->table->conv_backward_data, &env, &args);
    const double gradient = gflop / time_conv(b->table->conv_backward_weights, &env, &args);
    printf("%-32s %6.2f GFLOP  forward %6.1f (%4.2f)  data %6.1f (%4.2f)  weights %6.1f (%4.2f)\n",
           name, gflop, forward, forward / peak, backward, backward / peak, gradient,
           gradient / peak);
    memory_free(x);
    memory_free(w);
    memory_free(y);
    memory_free(dx);
    memory_free(dw);
    memory_free(bias);
}

/* ---- GEMM ---- */

struct gemm_case {
    const char *name;
    int64_t batch, m, n, k;
    bool a_transposed, b_transposed;
};

static const struct gemm_case gemm_cases[] = {
    {"gemm linear 576x192x768", 1, 576, 192, 768, false, true},
    {"gemm linear 197x3072x768", 1, 197, 3072, 768, false, true},
    {"gemm linear 1024x768x3072", 1, 1024, 768, 3072, false, true},
    {"gemm dX 576x768x192", 1, 576, 768, 192, false, false},
    {"gemm dW 192x768x576", 1, 192, 768, 576, true, false},
    {"gemm few rows 7x256x256", 1, 7, 256, 256, false, true},
    {"gemm qk 96x 48x48x32", 96, 48, 48, 32, false, true},
};

static void bench_gemm(struct bench *b, const struct gemm_case *c)
{
    if (b->filter && !strstr(c->name, b->filter))
        return;
    float *left = random_floats(c->batch * c->m * c->k);
    float *right = random_floats(c->batch * c->k * c->n);
    float *result = random_floats(c->batch * c->m * c->n);
    const struct gemm_args args = {.dtype = DTYPE_F32,
                                   .batch = c->batch,
                                   .m = c->m,
                                   .n = c->n,
                                   .k = c->k,
                                   .a = left,
                                   .a_batch = c->m * c->k,
                                   .a_row = c->a_transposed ? 1 : c->k,
                                   .a_column = c->a_transposed ? c->m : 1,
                                   .b = right,
                                   .b_batch = c->k * c->n,
                                   .b_row = c->b_transposed ? 1 : c->n,
                                   .b_column = c->b_transposed ? c->k : 1,
                                   .c = result,
                                   .c_batch = c->m * c->n,
                                   .c_row = c->n};
    const struct kernel_env env = env_of(b, b->table->gemm_scratch(&args, pool_size(b->pool)));
    const double peak = measure_peak(b->pool, pool_size(b->pool));
    double best = 1e9;
    for (int i = 0; i < REPETITIONS; i++) {
        const double begin = now_seconds();
        b->table->gemm(&env, &args);
        const double seconds = now_seconds() - begin;
        best = seconds < best ? seconds : best;
    }
    const double rate = 2e-9 * (double)(c->batch * c->m * c->n) * (double)c->k / best;
    printf("%-32s %6.1f GFLOP/s (%4.2f)\n", c->name, rate, rate / peak);
    memory_free(left);
    memory_free(right);
    memory_free(result);
}

/* ---- Memory-bound kernels ---- */

struct channel_data {
    struct channel_sums_args sums;
    struct channel_affine_args affine;
    struct channel_affine_backward_args backward;
};

static void run_sums(const struct compute *t, const struct kernel_env *e, struct channel_data *d)
{
    t->channel_sums(e, &d->sums);
}
static void run_affine(const struct compute *t, const struct kernel_env *e, struct channel_data *d)
{
    t->channel_affine(e, &d->affine);
}
static void run_affine_sums(const struct compute *t, const struct kernel_env *e,
                            struct channel_data *d)
{
    t->channel_affine_sums(e, &d->backward);
}
static void run_backward(const struct compute *t, const struct kernel_env *e,
                         struct channel_data *d)
{
    t->channel_affine_backward(e, &d->backward);
}

static const struct {
    const char *name;
    void (*run)(const struct compute *table, const struct kernel_env *env, struct channel_data *d);
    double passes; /* over the tensor: reads and writes */
} channel_steps[] = {
    {"sums", run_sums, 1},
    {"affine", run_affine, 2},
    {"affine_sums", run_affine_sums, 3},
    {"affine_backward", run_backward, 4},
};

static void bench_channel(struct bench *b, int64_t n, int64_t p, int64_t c)
{
    char name[64];
    snprintf(name, sizeof name, "channel %lldx%lldx%lld", (long long)n, (long long)p, (long long)c);
    if (b->filter && !strstr(name, b->filter))
        return;
    float *x = random_floats(n * p * c), *y = random_floats(n * p * c);
    float *dx = random_floats(n * p * c), *row = random_floats(n * c);
    double *sums = memory_alloc_array((size_t)(2 * n * c), sizeof *sums);
    if (!sums)
        abort();
    struct channel_data d = {.sums = {DTYPE_F32, n, p, c, x, sums, sums + n * c},
                             .affine = {.dtype = DTYPE_F32,
                                        .n = n,
                                        .p = p,
                                        .c = c,
                                        .x = x,
                                        .scale = row,
                                        .shift = row,
                                        .activation = ACTIVATION_RELU,
                                        .y = y},
                             .backward = {.dtype = DTYPE_F32,
                                          .n = n,
                                          .p = p,
                                          .c = c,
                                          .x = x,
                                          .y = y,
                                          .dy = y,
                                          .activation = ACTIVATION_RELU,
                                          .sum_dz = sums,
                                          .sum_dz_x = sums + n * c,
                                          .p0 = row,
                                          .p1 = row,
                                          .p2 = row,
                                          .dx = dx}};
    const int threads = pool_size(b->pool);
    const size_t need = b->table->channel_sums_scratch(&d.sums, threads);
    const size_t backward = b->table->channel_affine_sums_scratch(&d.backward, threads);
    const struct kernel_env env = env_of(b, need > backward ? need : backward);
    printf("%-32s", name);
    for (size_t i = 0; i < sizeof channel_steps / sizeof channel_steps[0]; i++) {
        double best = 1e9;
        for (int r = 0; r < REPETITIONS; r++) {
            const double begin = now_seconds();
            channel_steps[i].run(b->table, &env, &d);
            const double seconds = now_seconds() - begin;
            best = seconds < best ? seconds : best;
        }
        printf("  %s %5.1f GB/s", channel_steps[i].name,
               4e-9 * (double)(n * p * c) * channel_steps[i].passes / best);
    }
    printf("\n");
    memory_free(x);
    memory_free(y);
    memory_free(dx);
    memory_free(row);
    memory_free(sums);
}

/* ---- Moves ---- */

struct move_data {
    struct copy_args copy;
    struct resize2d_args resize;
    struct combine_args combine;
    struct activation_args activate;
    struct pool2d_args pool;
};

static void run_copy(const struct compute *t, const struct kernel_env *e, struct move_data *d)
{
    t->copy(e, &d->copy);
}
static void run_copy_few(const struct compute *t, const struct kernel_env *e, struct move_data *d)
{
    struct copy_args few = d->copy;
    few.extent[1] = few.src_stride[0] = 3;
    t->copy(e, &few);
}
static void run_resize(const struct compute *t, const struct kernel_env *e, struct move_data *d)
{
    t->resize2d(e, &d->resize);
}
static void run_resize_backward(const struct compute *t, const struct kernel_env *e,
                                struct move_data *d)
{
    t->resize2d_backward(e, &d->resize);
}
static void run_combine(const struct compute *t, const struct kernel_env *e, struct move_data *d)
{
    t->combine(e, &d->combine);
}
static void run_activate(const struct compute *t, const struct kernel_env *e, struct move_data *d)
{
    t->activate(e, &d->activate);
}
static void run_activate_backward(const struct compute *t, const struct kernel_env *e,
                                  struct move_data *d)
{
    t->activate_backward(e, &d->activate);
}
static void run_pool(const struct compute *t, const struct kernel_env *e, struct move_data *d)
{
    t->pool2d(e, &d->pool);
}
static void run_pool_backward(const struct compute *t, const struct kernel_env *e,
                              struct move_data *d)
{
    t->pool2d_backward(e, &d->pool);
}

/* passes: of reads and writes over the tensor of n positions and 16 channels */
static const struct {
    const char *name;
    void (*run)(const struct compute *table, const struct kernel_env *env, struct move_data *d);
    double passes;
} move_steps[] = {
    {"copy 16 into 19", run_copy, 2},
    {"copy 3 into 19", run_copy_few, 2 * 3.0 / 16},
    {"nearest x2", run_resize, 1.25},
    {"nearest x2 backward", run_resize_backward, 1.25},
    {"combine", run_combine, 3},
    {"relu", run_activate, 2},
    {"relu backward", run_activate_backward, 3},
    {"max pool 2x2", run_pool, 1.5},
    {"max pool 2x2 backward", run_pool_backward, 1.5},
};

static void bench_moves(struct bench *b, int64_t n, int64_t size)
{
    const int64_t p = n * size * size, c = 16, wide = 19;
    if (b->filter && !strstr("moves", b->filter))
        return;
    float *x = random_floats(p * c), *y = random_floats(p * wide), *z = random_floats(p * c);
    int32_t *index = memory_alloc_array((size_t)(p * c), sizeof *index);
    if (!index)
        abort();
    struct move_data d = {.copy = {.dtype = DTYPE_F32,
                                   .rank = 2,
                                   .extent = {p, c},
                                   .src_stride = {c, 1},
                                   .dst_stride = {wide, 1},
                                   .src = x,
                                   .dst = y},
                          .resize = {.dtype = DTYPE_F32,
                                     .n = n,
                                     .h = size / 2,
                                     .w = size / 2,
                                     .c = c,
                                     .oh = size,
                                     .ow = size,
                                     .x = x,
                                     .y = y,
                                     .dy = y,
                                     .dx = x},
                          .combine = {DTYPE_F32, p * c, 1.0, 1.0, x, z, y},
                          .activate = {DTYPE_F32, p * c, ACTIVATION_RELU, x, y, z, y},
                          .pool = {.dtype = DTYPE_F32,
                                   .n = n,
                                   .h = size,
                                   .w = size,
                                   .c = c,
                                   .oh = size / 2,
                                   .ow = size / 2,
                                   .kernel = {2, 2},
                                   .stride = {2, 2},
                                   .is_max = true,
                                   .x = x,
                                   .y = y,
                                   .index = index,
                                   .dy = y,
                                   .dx = z}};
    const struct kernel_env env = env_of(b, 0);
    for (size_t i = 0; i < sizeof move_steps / sizeof move_steps[0]; i++) {
        double best = 1e9;
        for (int r = 0; r < REPETITIONS; r++) {
            const double begin = now_seconds();
            move_steps[i].run(b->table, &env, &d);
            const double seconds = now_seconds() - begin;
            best = seconds < best ? seconds : best;
        }
        printf("%-32s %6.1f GB/s %6.2f ms\n", move_steps[i].name,
               4e-9 * (double)(p * c) * move_steps[i].passes / best, 1e3 * best);
    }
    memory_free(x);
    memory_free(y);
    memory_free(z);
    memory_free(index);
}

int main(int argc, char **argv)
{
    struct bench b = {.table = argc > 1 ? compute_by_name(argv[1]) : compute_default(),
                      .filter = argc > 3 ? argv[3] : NULL};
    if (!b.table || pool_create(&b.pool, argc > 2 ? atoi(argv[2]) : 0, NULL)) {
        fprintf(stderr, "bench_kernels: no such backend on this CPU, or no pool\n");
        return 1;
    }
    if (pool_size(b.pool) == 1)
        bench_clock = CLOCK_PROCESS_CPUTIME_ID;
    printf("%s, %d threads; FMA peak of one core %.1f, of all threads %.1f GFLOP/s\n",
           b.table->name, pool_size(b.pool), measure_peak(NULL, 1),
           measure_peak(b.pool, pool_size(b.pool)));
    for (size_t i = 0; i < sizeof conv_cases / sizeof conv_cases[0]; i++)
        bench_conv(&b, &conv_cases[i]);
    for (size_t i = 0; i < sizeof gemm_cases / sizeof gemm_cases[0]; i++)
        bench_gemm(&b, &gemm_cases[i]);
    bench_channel(&b, 24, 128 * 128, 16);
    bench_channel(&b, 24, 64 * 64, 32);
    bench_channel(&b, 24, 8 * 8, 192);
    bench_moves(&b, 24, 128);
    memory_free(b.scratch);
    pool_free(b.pool);
    return 0;
}
