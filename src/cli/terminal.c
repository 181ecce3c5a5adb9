/* Terminal manners. */
#include "cli/terminal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void say(const struct common_options *options, const char *format, ...)
{
    va_list args;

    if (options->quiet)
        return;
    va_start(args, format);
    vfprintf(options->json ? stderr : stdout, format, args);
    va_end(args);
}

void complain(const char *format, ...)
{
    va_list args;

    fputs("anatome: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

void interruption_watch(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
    return stop_asked != 0;
}

static void write_log(void *user, ana_log_level level, const char *line)
{
    static const char *const names[] = {"error: ", "warning: ", "", ""};

    (void)user;
    fprintf(stderr, "anatome: %s%s\n", names[level], line);
}

static void print_memory_line(const char *what, size_t bytes)
{
    fprintf(stderr, "  %-20s %9.1f MB\n", what, (double)bytes / (1 << 20));
}

/* How plans of memory are shown. */
static struct {
    bool all;
    bool told; /* one table tells enough where each image of a folder is too large */
} memory_table;

/* With --verbose, and where the limit is too low. */
static void show_memory_plan(void *user, const ana_memory_plan *plan)
{
    const bool too_low = plan->limit_bytes && plan->needed_bytes > plan->limit_bytes;

    (void)user;
    if (!memory_table.all && (!too_low || memory_table.told))
        return;
    memory_table.told = memory_table.told || too_low;
    fprintf(stderr, "memory for %s:\n", plan->subject);
    for (size_t i = 0; i < plan->n_items; i++)
        print_memory_line(plan->items[i].what, plan->items[i].bytes);
    print_memory_line("in all", plan->needed_bytes);
    if (plan->limit_bytes)
        print_memory_line("limit", plan->limit_bytes);
}

ana_context *open_context(const struct common_options *options)
{
    ana_context_options settings = ana_context_defaults();
    ana_context *context;
    ana_error error;

    settings.n_threads = options->threads > 4096 ? 4096 : (int)options->threads;
    settings.memory_limit_bytes = (size_t)options->memory_limit;
    memory_table.all = options->verbose;
    if (options->verbose || options->memory_limit)
        settings.memory_plan = show_memory_plan;
    settings.log = write_log;
    settings.log_level = options->verbose ? ANA_LOG_DEBUG
                         : options->quiet ? ANA_LOG_ERROR
                                          : ANA_LOG_WARNING;
    if (ana_context_create(&context, &settings, &error)) {
        complain("%s", error.message);
        return NULL;
    }
    return context;
}

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int64_t peak_memory_bytes(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

enum { BAR_WIDTH = 30 };

struct bar bar_start(const struct common_options *options)
{
    const char *terminal = getenv("TERM");
    const bool dumb = terminal && strcmp(terminal, "dumb") == 0;

    return (struct bar){.shown = !options->quiet && !dumb && isatty(STDERR_FILENO),
                        .start = seconds_now()};
}

static void print_duration(double seconds)
{
    const long long s = (long long)(seconds + 0.5);

    if (s >= 3600)
        fprintf(stderr, "%lldh%02lldm", s / 3600, s / 60 % 60);
    else if (s >= 60)
        fprintf(stderr, "%lldm%02llds", s / 60, s % 60);
    else
        fprintf(stderr, "%llds", s);
}

void bar_draw(struct bar *bar, const char *what, double done)
{
    const double now = seconds_now();
    const int filled = (int)(done * BAR_WIDTH);

    if (!bar->shown || (now - bar->last < 0.1 && done < 1))
        return;
    bar->last = now;
    fputs("\r\033[K[", stderr);
    for (int i = 0; i < BAR_WIDTH; i++)
        fputc(i < filled ? '=' : ' ', stderr);
    fprintf(stderr, "] %3.0f%%", 100 * done);
    if (done > 0.001 && done < 1) {
        fputs(", ", stderr);
        print_duration((now - bar->start) * (1 - done) / done);
        fputs(" left", stderr);
    }
    fprintf(stderr, "  %.40s", what);
    fflush(stderr);
}

void bar_wipe(struct bar *bar)
{
    if (bar->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    bar->last = 0;
}
