/* Reading /proc and /sys. What is not there is unknown, never an error. */
#include "bench/machine.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 512 };

/* The first line that begins with `prefix` ("": the first of all). */
static bool find_line(char line[LINE_SIZE], const char *path, const char *prefix)
{
    FILE *stream = fopen(path, "r");
    bool found = false;
    if (!stream)
        return false;
    while (!found && fgets(line, LINE_SIZE, stream))
        found = strncmp(line, prefix, strlen(prefix)) == 0;
    (void)fclose(stream);
    return found;
}

void machine_cpu_name(char out[CPU_NAME_SIZE])
{
    char line[LINE_SIZE];
    const char *name = "unknown";
    if (find_line(line, "/proc/cpuinfo", "model name")) {
        line[strcspn(line, "\n")] = '\0';
        const char *colon = strchr(line, ':');
        name = colon && colon[1] ? colon + 2 : name;
    }
    snprintf(out, CPU_NAME_SIZE, "%.90s", name);
}

int64_t machine_cache_bytes(void)
{
    char path[96], line[LINE_SIZE];
    for (int index = 4; index >= 0; index--) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
        if (!find_line(line, path, ""))
            continue;
        char *unit;
        const long long size = strtoll(line, &unit, 10);
        if (size > 0 && size < 1 << 30)
            return size * (*unit == 'K' ? 1024 : *unit == 'M' ? 1024 * 1024 : 1);
    }
    return 0;
}

double machine_load(void)
{
    char line[LINE_SIZE];
    char *end = line;
    if (!find_line(line, "/proc/loadavg", ""))
        return (double)NAN;
    const double load = strtod(line, &end);
    return end == line ? (double)NAN : load;
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    return clock_gettime(clock, &t) == 0 ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec : 0;
}

double machine_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

/* "cpu user nice system idle iowait irq softirq steal ...", in ticks. */
static double all_busy_seconds(void)
{
    enum { IDLE = 3, IOWAIT = 4, FIELDS = 8 };
    char line[LINE_SIZE];
    if (!find_line(line, "/proc/stat", "cpu "))
        return (double)NAN;
    char *at = line + 3;
    double ticks = 0;
    for (int field = 0; field < FIELDS; field++) {
        char *end = at;
        const double value = strtod(at, &end);
        if (end == at)
            break;
        ticks += field == IDLE || field == IOWAIT ? 0 : value;
        at = end;
    }
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

struct machine_moment machine_now(void)
{
    return (struct machine_moment){.seconds = machine_seconds(),
                                   .all = all_busy_seconds(),
                                   .own = seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
}

double machine_others_since(const struct machine_moment *then)
{
    const struct machine_moment now = machine_now();
    const double wall = now.seconds - then->seconds;
    if (!(wall > 0) || isnan(now.all) || isnan(then->all))
        return (double)NAN;
    /* Ticks are coarse, so the difference of a short stretch may come out below zero. */
    return fmax(0, ((now.all - then->all) - (now.own - then->own)) / wall);
}
