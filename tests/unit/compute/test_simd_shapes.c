/* Convolutions and products of random shape, strides and flags: the fast backends against the float
 * reference, and the same bytes for 1 and 3 threads. The table of cases names the shapes that we
 * thought of; these are the others. */
#include "base/memory.h"
#include "base/random.h"
#include "compute/compute.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Of the largest value: sums of some thousand float products. A wrong tap is 1000 times that. */
static const double TOLERANCE = 2e-5;
enum { N_SHAPES = 120, SEED = 20 };

static const char *const backends[] = {"avx2", "x86-64"};
static struct pool *pool;

static int start_pool(void **state)
{
    (void)state;
    return pool_create(&pool, 3, NULL) ? -1 : 0;
}

static int stop_pool(void **state)
{
    (void)state;
    pool_free(pool);
    return 0;
}

/* low .. high */
static int64_t pick(struct random *random, int64_t low, int64_t high)
{
    return low + random_below(random, high - low + 1);
}

static float *fill(struct random *random, int64_t n)
{
    float *values = memory_alloc_array((size_t)n, sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)random_between(random, -1.0, 1.0);
    return values;
}

/* An exact copy, so that every run adds to the same numbers and a write past the end is seen. */
static float *copy_of(const float *values, int64_t n)
{
    float *copy = memory_alloc_array((size_t)n, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, values, (size_t)n * sizeof *copy);
    return copy;
}

static void expect_close(const char *what, const char *shape, const float *actual,
                         const float *expected, int64_t n)
{
    double worst = 0.0, largest = 1e-9;
    for (int64_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)actual[i] - (double)expected[i]));
        largest = fmax(largest, fabs((double)expected[i]));
    }
    if (!(worst <= TOLERANCE * largest))
        fail_msg("%s of %s: error %g of the largest value, tolerance %g", what, shape,
                 worst / largest, TOLERANCE);
}

/* ---- Convolution ---- */

enum { N_RESULTS = 4 }; /* y, dx, dw, dbias */

struct conv_shape {
    struct conv_args args;
    int64_t n_x, n_y, n_w, counts[N_RESULTS];
    char text[160];
};

static struct conv_shape random_conv(struct random *random)
{
    struct conv_shape s = {.args = {.dtype = DTYPE_F32, .groups = 1}};
    struct conv_args *a = &s.args;
    const bool pointwise = pick(random, 0, 3) == 0, dilated = pick(random, 0, 3) == 0;
    a->dims = (int)pick(random, 1, 3);
    a->n = pick(random, 1, 3);
    a->ic = pick(random, 1, 40);
    a->oc = pick(random, 1, 40);
    a->activation = pick(random, 0, 1) ? ACTIVATION_RELU : ACTIVATION_NONE;
    a->accumulate = pick(random, 0, 1) != 0;
    s.n_x = a->n * a->ic;
    s.n_y = a->n * a->oc;
    s.n_w = a->ic * a->oc;
    int used = snprintf(s.text, sizeof s.text, "%d samples, %d to %d channels", (int)a->n,
                        (int)a->ic, (int)a->oc);
    for (int i = 0; i < a->dims; i++) {
        a->kernel[i] = pointwise ? 1 : pick(random, 1, a->dims == 3 ? 3 : 4);
        a->stride[i] = pointwise ? 1 : pick(random, 0, 1) ? 1 : pick(random, 1, 3);
        a->dilation[i] = dilated && a->stride[i] == 1 ? pick(random, 1, 2) : 1;
        a->pad[i] = pointwise ? 0 : pick(random, 0, 2);
        const int64_t window = (a->kernel[i] - 1) * a->dilation[i] + 1;
        const int64_t above =
            pointwise ? 0 : pick(random, 0, 1); /* more padding on the high side */
        a->in[i] = window + pick(random, 0, a->dims == 3 ? 6 : a->dims == 2 ? 20 : 150);
        a->out[i] = (a->in[i] + 2 * a->pad[i] + above - window) / a->stride[i] + 1;
        s.n_x *= a->in[i];
        s.n_y *= a->out[i];
        s.n_w *= a->kernel[i];
        used += snprintf(s.text + used, sizeof s.text - (size_t)used, ", %d k%d s%d p%d d%d",
                         (int)a->in[i], (int)a->kernel[i], (int)a->stride[i], (int)a->pad[i],
                         (int)a->dilation[i]);
    }
    const int64_t counts[N_RESULTS] = {s.n_y, s.n_x, s.n_w, a->oc};
    memcpy(s.counts, counts, sizeof counts);
    return s;
}

static void call_conv(size_t (*scratch)(const struct conv_args *args, int n_workers),
                      void (*run)(const struct kernel_env *env, const struct conv_args *args),
                      const struct conv_args *args, struct pool *threads)
{
    const size_t size = scratch(args, pool_size(threads));
    void *memory = memory_alloc(size);
    assert_non_null(memory);
    memset(memory, 0xff, size); /* NaN, if something reads what it did not write */
    run(&(struct kernel_env){threads, memory, size}, args);
    memory_free(memory);
}

/* All three passes into copies of `initial`. */
static void run_conv(float *results[N_RESULTS], float *const initial[N_RESULTS],
                     const struct compute *table, const struct conv_shape *s, struct pool *threads)
{
    struct conv_args args = s->args;
    for (int i = 0; i < N_RESULTS; i++)
        results[i] = copy_of(initial[i], s->counts[i]);
    args.y = results[0];
    args.dx = results[1];
    args.dw = results[2];
    args.dbias = results[3];
    call_conv(table->conv_forward_scratch, table->conv_forward, &args, threads);
    call_conv(table->conv_backward_data_scratch, table->conv_backward_data, &args, threads);
    call_conv(table->conv_backward_weights_scratch, table->conv_backward_weights, &args, threads);
}

static void compare_conv(const struct compute *table, const struct conv_shape *s,
                         float *const initial[N_RESULTS])
{
    static const char *const names[N_RESULTS] = {"y", "dx", "dw", "dbias"};
    float *expected[N_RESULTS], *one[N_RESULTS], *three[N_RESULTS];
    run_conv(expected, initial, compute_reference(DTYPE_F32), s, NULL);
    run_conv(one, initial, table, s, NULL);
    run_conv(three, initial, table, s, pool);
    for (int i = 0; i < N_RESULTS; i++) {
        expect_close(names[i], s->text, one[i], expected[i], s->counts[i]);
        assert_memory_equal(one[i], three[i], (size_t)s->counts[i] * sizeof(float));
        memory_free(expected[i]);
        memory_free(one[i]);
        memory_free(three[i]);
    }
}

static void convolutions(void **state)
{
    const struct compute *table = compute_by_name(*state);
    if (!table)
        skip();
    for (uint64_t at = 0; at < N_SHAPES; at++) {
        struct random random = random_at(SEED, at, 0, 0);
        struct conv_shape s = random_conv(&random);
        float *x = fill(&random, s.n_x), *w = fill(&random, s.n_w), *dy = fill(&random, s.n_y);
        float *bias = pick(&random, 0, 1) ? fill(&random, s.args.oc) : NULL;
        float *initial[N_RESULTS];
        for (int i = 0; i < N_RESULTS; i++)
            initial[i] = fill(&random, s.counts[i]);
        s.args.x = x;
        s.args.w = w;
        s.args.dy = dy;
        s.args.bias = bias;
        compare_conv(table, &s, initial);
        memory_free(x);
        memory_free(w);
        memory_free(dy);
        memory_free(bias);
        for (int i = 0; i < N_RESULTS; i++)
            memory_free(initial[i]);
    }
}

/* ---- GEMM ---- */

static struct gemm_args random_gemm(struct random *random)
{
    static const enum activation activations[] = {ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_GELU,
                                                  ACTIVATION_QUICK_GELU};
    struct gemm_args g = {.dtype = DTYPE_F32, .batch = pick(random, 1, 3)};
    g.m = pick(random, 1, pick(random, 0, 1) ? 20 : 250);
    g.n = pick(random, 1, pick(random, 0, 1) ? 20 : 200);
    g.k = pick(random, 1, pick(random, 0, 2) ? 50 : 900);
    const int64_t kind = pick(random, 0, 2); /* rows, columns, or neither contiguous */
    g.a_row = kind == 0 ? g.k : kind == 1 ? 1 : 2 * g.k + 1;
    g.a_column = kind == 0 ? 1 : kind == 1 ? g.m : 2;
    g.a_batch = pick(random, 0, 1) ? g.m * (2 * g.k + 2) : 0;
    const bool b_transposed = pick(random, 0, 1) != 0;
    g.b_row = b_transposed ? 1 : g.n;
    g.b_column = b_transposed ? g.k : 1;
    g.b_batch = pick(random, 0, 1) ? g.k * g.n : 0;
    g.c_row = g.n + pick(random, 0, 3);
    g.c_batch = g.c_row * g.m;
    g.accumulate = pick(random, 0, 2) == 0;
    if (!g.accumulate)
        g.activation = activations[pick(random, 0, 3)];
    return g;
}

static float *run_gemm(const struct compute *table, const struct gemm_args *args,
                       const float *initial, bool pack, struct pool *threads)
{
    struct gemm_args g = *args;
    const size_t size = table->gemm_scratch(&g, pool_size(threads));
    void *memory = memory_alloc(size), *packed = NULL;
    float *c = copy_of(initial, g.c_batch * g.batch);
    assert_non_null(memory);
    memset(memory, 0xff, size);
    const struct kernel_env env = {threads, memory, size};
    if (pack) {
        packed = memory_alloc(table->gemm_packed_bytes(&g));
        assert_non_null(packed);
        table->gemm_pack(&env, &g, packed);
        g.b_packed = packed;
        g.b = NULL;
    }
    g.c = c;
    table->gemm(&env, &g);
    memory_free(packed);
    memory_free(memory);
    return c;
}

static void compare_gemm(const struct compute *table, const struct gemm_args *g,
                         const float *initial)
{
    const int64_t n = g->c_batch * g->batch;
    char shape[80];
    snprintf(shape, sizeof shape, "%d x %dx%dx%d", (int)g->batch, (int)g->m, (int)g->n, (int)g->k);
    float *expected = run_gemm(compute_reference(DTYPE_F32), g, initial, false, NULL);
    float *one = run_gemm(table, g, initial, false, NULL);
    float *three = run_gemm(table, g, initial, true, pool);
    expect_close("C", shape, one, expected, n);
    assert_memory_equal(one, three, (size_t)n * sizeof(float));
    memory_free(expected);
    memory_free(one);
    memory_free(three);
}

static void products(void **state)
{
    const struct compute *table = compute_by_name(*state);
    if (!table)
        skip();
    for (uint64_t at = 0; at < N_SHAPES; at++) {
        struct random random = random_at(SEED, at, 1, 0);
        struct gemm_args g = random_gemm(&random);
        float *a = fill(&random, g.batch * g.m * (2 * g.k + 2));
        float *b = fill(&random, g.batch * g.k * g.n);
        float *bias = fill(&random, g.n), *residual = fill(&random, g.c_batch * g.batch);
        float *initial = fill(&random, g.c_batch * g.batch);
        g.a = a;
        g.b = b;
        if (!g.accumulate) {
            g.bias = pick(&random, 0, 1) ? bias : NULL;
            g.residual = pick(&random, 0, 1) ? residual : NULL;
        }
        compare_gemm(table, &g, initial);
        memory_free(a);
        memory_free(b);
        memory_free(bias);
        memory_free(residual);
        memory_free(initial);
    }
}

static void *name_of(int backend)
{
    return (void *)(uintptr_t)backends[backend];
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"convolutions, avx2", convolutions, NULL, NULL, name_of(0)},
        {"convolutions, x86-64", convolutions, NULL, NULL, name_of(1)},
        {"products, avx2", products, NULL, NULL, name_of(0)},
        {"products, x86-64", products, NULL, NULL, name_of(1)},
    };
    return cmocka_run_group_tests(tests, start_pool, stop_pool);
}
