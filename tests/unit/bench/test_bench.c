/* The benchmark's list, its cases run once each, and the figures that it makes of them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "anatome/bench.h"
#include "base/memory.h"
#include "bench/machine.h"
#include "bench/subject.h"

static void names_are_told_apart_and_whole(void **state)
{
    char name[ANA_BENCH_NAME_SIZE], other[ANA_BENCH_NAME_SIZE];
    const char *family;
    int64_t n = 0;

    (void)state;
    while (ana_bench_list(n, name, &family)) {
        assert_true(strlen(name) > 0 && strlen(name) < ANA_BENCH_NAME_SIZE - 1);
        for (int64_t i = 0; i < n; i++) {
            assert_true(ana_bench_list(i, other, &family));
            assert_string_not_equal(name, other);
        }
        n++;
    }
    assert_true(n > 50);
    assert_false(ana_bench_list(-1, name, &family));
}

/* Cases that take long are the same code with larger numbers. */
static void every_small_case_runs(void **state)
{
    int n_run = 0;

    (void)state;
    for (int f = 0; subject_family_at(f); f++)
        for (int i = 0; i < subject_family_at(f)->n_cases; i++) {
            struct subject subject = {0};
            const size_t before = memory_in_use();
            assert_int_equal(subject_family_at(f)->open(&subject, i, NULL, NULL), ANA_OK);
            assert_true(subject.bytes > 0);
            if (subject.flop < 5e8 && subject.bytes < 32e6) {
                assert_int_equal(subject.run(subject.state, NULL), ANA_OK);
                n_run++;
            }
            subject.close(subject.state);
            assert_int_equal(memory_in_use(), before);
        }
    assert_true(n_run > 10);
}

/* What the shapes say: 24.1 GFLOP of a U-Net are counted by hand in docs; here one product and one
 * convolution are. */
static void work_is_counted_from_the_shapes(void **state)
{
    struct subject subject = {0};

    (void)state;
    assert_int_equal(family_gemm.open(&subject, 4, NULL, NULL), ANA_OK); /* 197 x 768 x 768 */
    assert_true(subject.flop == 2.0 * 197 * 768 * 768);
    assert_true(subject.bytes == 4.0 * (2 * 197 * 768 + 768 * 768));
    subject.close(subject.state);
    assert_int_equal(family_conv.open(&subject, 9, NULL, NULL), ANA_OK); /* SAM's neck, 3x3 */
    assert_true(subject.flop == 2.0 * 64 * 64 * 256 * 256 * 9);
    subject.close(subject.state);
}

static void memory_failures_are_told(void **state)
{
    struct subject subject = {0};
    const size_t before = memory_in_use();

    (void)state;
    memory_set_limit(before + 100000);
    for (int f = 0; subject_family_at(f); f++) {
        ana_error error = {0};
        assert_int_equal(subject_family_at(f)->open(&subject, 0, NULL, &error), ANA_ERR_MEMORY);
        assert_int_equal(memory_in_use(), before);
    }
    memory_set_limit(0);
}

static void bounds_are_measured(void **state)
{
    struct peak_meter meter;

    (void)state;
    assert_int_equal(
        peak_meter_open(&meter, compute_default()->instruction_set, NULL, 1 << 20, 1e-4, NULL),
        ANA_OK);
    assert_true(peak_gflops(&meter, 1) > 0.01);
    for (int s = 0; s < N_STREAMS; s++)
        assert_true(peak_bandwidth(&meter, (enum stream)s) > 0.01);
    peak_meter_clear(&meter);
}

/* scale and triad do what their names say, on all of the buffer, for every instruction set here. */
static void streams_touch_every_element(void **state)
{
    static const struct peak_loops *const loops[] = {&peak_x86_64, &peak_avx2, &peak_avx512};
    float x[2 * STREAM_BLOCK], y[2 * STREAM_BLOCK], z[2 * STREAM_BLOCK];
    const int n = 2 * STREAM_BLOCK;

    (void)state;
    for (size_t l = 0; l < sizeof loops / sizeof loops[0]; l++) {
        if (!compute_by_name(loops[l]->instruction_set))
            continue;
        for (int i = 0; i < n; i++)
            x[i] = (float)i;
        loops[l]->scale(y, x, 2, n);
        loops[l]->triad(z, x, y, 0.5F, n);
        for (int i = 0; i < n; i++)
            assert_true(y[i] == 2 * x[i] && z[i] == 2 * x[i]);
        assert_true(loops[l]->read(x, n) == (float)(n * (n - 1) / 2));
        assert_true(isfinite(loops[l]->multiply_adds(100)));
    }
}

static const char *const small[] = {"softmax 2364x197", "gemm 7x256x256"};

static void a_run_fills_every_figure(void **state)
{
    ana_bench_options options = ana_bench_defaults();
    ana_context *context;
    ana_bench *bench;

    (void)state;
    assert_int_equal(ana_context_create(&context, NULL, NULL), ANA_OK);
    options.kernels = small;
    options.n_kernels = 2;
    options.quick = true;
    const size_t before = memory_in_use();
    assert_int_equal(ana_bench_run(&bench, context, &options, NULL), ANA_OK);
    assert_int_equal(ana_bench_count(bench), 2);
    const ana_bench_machine machine = ana_bench_get_machine(bench);
    assert_true(machine.cores >= 1 && machine.threads == ana_context_threads(context));
    assert_true(machine.peak > 0 && machine.read > 0 && machine.scale > 0 && machine.triad > 0);
    const ana_bench_case gemm = ana_bench_get_case(bench, 0);
    const ana_bench_case softmax = ana_bench_get_case(bench, 1);
    assert_string_equal(gemm.name, "gemm 7x256x256 packed");
    assert_string_equal(softmax.family, "row");
    assert_true(gemm.seconds > 0 && gemm.seconds_best <= gemm.seconds);
    assert_true(fabs(gemm.share_of_peak * gemm.peak * gemm.seconds / gemm.gflop - 1) < 1e-9);
    assert_true(isnan(softmax.share_of_peak) && softmax.share_of_bandwidth > 0);
    assert_true(softmax.memory_bytes >= 2 * 2364 * 197 * 4);
    ana_bench_free(bench);
    assert_int_equal(memory_in_use(), before);
    ana_context_free(context);
}

static void unknown_names_are_refused(void **state)
{
    static const char *const words[] = {"gemm", "fft"};
    ana_bench_options options = ana_bench_defaults();
    ana_context *context;
    ana_bench *bench;
    ana_error error = {0};

    (void)state;
    assert_int_equal(ana_context_create(&context, NULL, NULL), ANA_OK);
    options.kernels = words;
    options.n_kernels = 2;
    assert_int_equal(ana_bench_run(&bench, context, &options, &error), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "\"fft\""));
    assert_null(bench);
    ana_context_free(context);
}

static bool stop_at_once(void *user, const char *stage, double done)
{
    (void)user;
    (void)stage;
    (void)done;
    return false;
}

static void a_run_can_be_stopped(void **state)
{
    ana_bench_options options = ana_bench_defaults();
    ana_context *context;
    ana_bench *bench;

    (void)state;
    assert_int_equal(ana_context_create(&context, NULL, NULL), ANA_OK);
    options.progress = stop_at_once;
    options.quick = true;
    const size_t before = memory_in_use();
    assert_int_equal(ana_bench_run(&bench, context, &options, NULL), ANA_ERR_CANCELLED);
    assert_null(bench);
    assert_int_equal(memory_in_use(), before);
    ana_context_free(context);
}

static void the_machine_is_known(void **state)
{
    char name[CPU_NAME_SIZE];
    const struct machine_moment then = machine_now();
    char again[CPU_NAME_SIZE];

    (void)state;
    machine_cpu_name(name);
    assert_true(strlen(name) > 0);
    for (int i = 0; i < 1000; i++)
        machine_cpu_name(again);
    assert_string_equal(again, name);
    const double others = machine_others_since(&then);
    assert_true(isnan(others) || others >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_told_apart_and_whole),
        cmocka_unit_test(every_small_case_runs),
        cmocka_unit_test(work_is_counted_from_the_shapes),
        cmocka_unit_test(memory_failures_are_told),
        cmocka_unit_test(bounds_are_measured),
        cmocka_unit_test(streams_touch_every_element),
        cmocka_unit_test(a_run_fills_every_figure),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(a_run_can_be_stopped),
        cmocka_unit_test(the_machine_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
