/* anatome bench: what this machine can do, and what anatome makes of it. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "anatome/bench.h"
#include "anatome/version.h"
#include "cli/command.h"
#include "cli/json_out.h"
#include "cli/terminal.h"

struct bench_cli_options {
    struct common_options common;
    struct strings kernels;
    int64_t repetitions;
    bool quick, list;
};

#define AT(member) offsetof(struct bench_cli_options, member)

static const struct option bench_table[] = {
    {'k', "kernel", NULL, "NAME", OPTION_LIST, AT(kernels),
     "only cases of this family (gemm, attention, conv, row, channel, move,\n"
     "mini) or with this in their name; repeatable"},
    {0, "repetitions", NULL, "N", OPTION_COUNT, AT(repetitions),
     "samples of each case, whose median counts (default 9; 3 with --quick)"},
    {0, "quick", NULL, NULL, OPTION_FLAG, AT(quick),
     "short samples, and only named cases if they take seconds"},
    {0, "list", NULL, NULL, OPTION_FLAG, AT(list), "name the cases and run none"},
    {0, NULL, NULL, NULL, OPTION_FLAG, 0, NULL},
};

static void clear(void *data)
{
    struct bench_cli_options *options = data;

    strings_clear(&options->kernels);
}

static bool print_json(struct json_out *json)
{
    const bool good = json_out_print(json);

    if (!good)
        complain("cannot write the JSON");
    json_out_clear(json);
    return good;
}

/* ---- the list ---- */

static int list_cases(const struct bench_cli_options *options)
{
    char name[ANA_BENCH_NAME_SIZE];
    const char *family;
    struct json_out json = {0};

    out_object(&json, NULL);
    out_string(&json, "version", ana_version());
    out_array(&json, "cases");
    for (int64_t i = 0; ana_bench_list(i, name, &family); i++) {
        say(&options->common, "%-10s %s\n", family, name);
        out_object(&json, NULL);
        out_string(&json, "name", name);
        out_string(&json, "family", family);
        out_object_end(&json);
    }
    out_array_end(&json);
    out_object_end(&json);
    if (options->common.json)
        return print_json(&json) ? EXIT_CODE_OK : EXIT_CODE_FAILED;
    json_out_clear(&json);
    return EXIT_CODE_OK;
}

/* ---- the report ---- */

/* More than this of a processor kept busy by others, and figures are not worth much. */
static const double idle_limit = 0.1;

static bool is_disturbed(double other_cores)
{
    return other_cores > idle_limit; /* false if unknown */
}

/* A figure or, where there is none, a dash. */
static const char *figure(char out[16], int decimals, double value)
{
    if (isfinite(value))
        snprintf(out, 16, "%.*f", decimals, value);
    else
        snprintf(out, 16, "-");
    return out;
}

static void say_machine(const struct common_options *common, const ana_bench_machine *m)
{
    char a[16], b[16], c[16];

    say(common, "%s: %d core%s, %d thread%s, %s, last cache %.0f MB\n", m->cpu, m->cores,
        m->cores == 1 ? "" : "s", m->threads, m->threads == 1 ? "" : "s", m->instruction_set,
        (double)m->cache_bytes / (1 << 20));
    say(common, "peak %.1f GFLOP/s on one thread, %.1f on %d\n", m->peak_one_thread, m->peak,
        m->threads);
    say(common, "memory: read %.1f GB/s, scale %.1f, triad %.1f (buffers of %" PRId64 " MB)\n",
        m->read, m->scale, m->triad, m->buffer_bytes >> 20);
    say(common, "load %s at the start, %s at the end; others kept %s processors busy meanwhile\n\n",
        figure(a, 2, m->load_start), figure(b, 2, m->load_end), figure(c, 2, m->other_cores));
}

static void say_case(const struct common_options *common, const ana_bench_case *c)
{
    char gflop[16], rate[16], peak[16], memory[16], bound[16], bytes[16];
    const bool has_products = c->gflop > 0;

    say(common, "%-50s %10.3f %8s %8s %6s %8s %6s %6s %8.1f%s\n", c->name, 1e3 * c->seconds,
        figure(gflop, 3, has_products ? c->gflop : (double)NAN),
        figure(rate, 1, has_products ? c->gflop / c->seconds : (double)NAN),
        figure(peak, 2, c->share_of_peak), figure(bytes, 1, c->gbytes / c->seconds),
        figure(memory, 2, c->share_of_bandwidth), figure(bound, 2, c->share_of_bound),
        (double)c->memory_bytes / 1e6, is_disturbed(c->other_cores) ? "  busy" : "");
}

static void say_report(const struct common_options *common, const ana_bench *bench)
{
    const ana_bench_machine machine = ana_bench_get_machine(bench);

    say_machine(common, &machine);
    say(common, "%-50s %10s %8s %8s %6s %8s %6s %6s %8s\n", "case", "median ms", "GFLOP", "GFLOP/s",
        "peak", "GB/s", "memory", "bound", "MB");
    for (int64_t i = 0; i < ana_bench_count(bench); i++) {
        const ana_bench_case c = ana_bench_get_case(bench, i);
        say_case(common, &c);
    }
    say(common,
        "\npeak, memory, bound: share of the peak, of the bandwidth, and of the better of the "
        "two\nlimits, each measured around the case; MB: operands, scratch and weights\n");
}

static void write_machine(struct json_out *json, const ana_bench_machine *m)
{
    out_object(json, "machine");
    out_string(json, "cpu", m->cpu);
    out_integer(json, "cores", m->cores);
    out_integer(json, "cache_bytes", m->cache_bytes);
    out_integer(json, "buffer_bytes", m->buffer_bytes);
    out_number(json, "peak_one_thread_gflops", m->peak_one_thread);
    out_number(json, "peak_gflops", m->peak);
    out_number(json, "read_gbs", m->read);
    out_number(json, "scale_gbs", m->scale);
    out_number(json, "triad_gbs", m->triad);
    out_number(json, "load_start", m->load_start);
    out_number(json, "load_end", m->load_end);
    out_number(json, "other_cores", m->other_cores);
    out_object_end(json);
}

static void write_case(struct json_out *json, const ana_bench_case *c)
{
    out_object(json, NULL);
    out_string(json, "name", c->name);
    out_string(json, "family", c->family);
    out_integer(json, "samples", c->samples);
    out_integer(json, "runs_per_sample", c->runs_per_sample);
    out_number(json, "median_seconds", c->seconds);
    out_number(json, "best_seconds", c->seconds_best);
    out_number(json, "gflop", c->gflop);
    out_number(json, "gbytes", c->gbytes);
    out_number(json, "peak_gflops", c->peak);
    out_number(json, "bandwidth_gbs", c->bandwidth);
    out_number(json, "share_of_peak", c->share_of_peak);
    out_number(json, "share_of_bandwidth", c->share_of_bandwidth);
    out_number(json, "share_of_bound", c->share_of_bound);
    out_integer(json, "memory_bytes", c->memory_bytes);
    out_number(json, "other_cores", c->other_cores);
    out_flag(json, "disturbed", is_disturbed(c->other_cores));
    out_object_end(json);
}

static bool write_report(const ana_bench *bench, double seconds)
{
    const ana_bench_machine machine = ana_bench_get_machine(bench);
    struct json_out json = {0};

    out_object(&json, NULL);
    out_string(&json, "version", ana_version());
    out_string(&json, "notice", ana_notice());
    out_string(&json, "instruction_set", machine.instruction_set);
    out_integer(&json, "threads", machine.threads);
    write_machine(&json, &machine);
    out_array(&json, "cases");
    for (int64_t i = 0; i < ana_bench_count(bench); i++) {
        const ana_bench_case c = ana_bench_get_case(bench, i);
        write_case(&json, &c);
    }
    out_array_end(&json);
    out_number(&json, "seconds", seconds);
    out_integer(&json, "peak_memory_bytes", peak_memory_bytes());
    out_object_end(&json);
    return print_json(&json);
}

/* ---- the run ---- */

static bool on_progress(void *user, const char *stage, double done)
{
    bar_draw(user, stage, done);
    return !interrupted();
}

static void warn_if_busy(const ana_bench *bench)
{
    const double others = ana_bench_get_machine(bench).other_cores;

    if (is_disturbed(others))
        complain("warning: the machine was not idle: others kept %.2f processors busy, so these "
                 "times may be too long",
                 others);
}

static int report(const struct bench_cli_options *options, const ana_bench *bench, double seconds)
{
    say_report(&options->common, bench);
    warn_if_busy(bench);
    if (options->common.json && !write_report(bench, seconds))
        return EXIT_CODE_FAILED;
    return EXIT_CODE_OK;
}

static int measure(const struct bench_cli_options *options)
{
    ana_bench_options settings = ana_bench_defaults();
    struct bar bar = bar_start(&options->common);
    const double start = seconds_now();
    ana_bench *bench;
    ana_error error;

    ana_context *context = open_context(&options->common);
    if (!context)
        return EXIT_CODE_FAILED;
    settings.kernels = options->kernels.items;
    settings.n_kernels = options->kernels.n;
    settings.repetitions = (int)options->repetitions;
    settings.quick = options->quick;
    settings.progress = on_progress;
    settings.progress_user = &bar;
    const ana_status status = ana_bench_run(&bench, context, &settings, &error);
    bar_wipe(&bar);
    int code = status ? EXIT_CODE_FAILED : report(options, bench, seconds_now() - start);
    if (status)
        complain("%s", status == ANA_ERR_CANCELLED ? "interrupted" : error.message);
    if (status == ANA_ERR_CANCELLED)
        code = EXIT_CODE_INTERRUPTED;
    ana_bench_free(bench);
    ana_context_free(context);
    return code;
}

static int run(void *data)
{
    const struct bench_cli_options *options = data;

    if (options->common.inputs.n > 0)
        return usage_error(&command_bench, "\"%s\" is not expected; --kernel names cases",
                           options->common.inputs.items[0]);
    if (options->repetitions > 1000)
        return usage_error(&command_bench, "--repetitions %" PRId64 " is too many",
                           options->repetitions);
    return options->list ? list_cases(options) : measure(options);
}

const struct command command_bench = {
    .name = "bench",
    .summary = "measure this machine, and the kernels and models on it",
    .usage = "[options]",
    .about =
        "Times the kernels on the shapes of the published models, and the default model itself.\n"
        "Beside each median stand the multiply-add rate of the processor in the same instruction\n"
        "set and the bandwidth of the memory, both measured right before and after it, so that a\n"
        "figure means the same on another machine. Figures are only good if nothing else runs.",
    .options = bench_table,
    .examples = "  anatome bench\n"
                "  anatome bench --threads 1 --kernel gemm --kernel conv\n"
                "  anatome bench --quick --json > bench.json\n"
                "  ANATOME_ISA=x86-64 anatome bench --kernel \"197x768x768\"",
    .options_size = sizeof(struct bench_cli_options),
    .run = run,
    .clear = clear,
};
