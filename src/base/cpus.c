/* Counting processors on Linux: affinity mask, core topology, and the CPU quota of cgroup v2 and
 * v1.
 *
 * sched_getaffinity() is a GNU extension, used in this file only.
 */
#define _GNU_SOURCE
#include "base/cpus_internal.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A group's path below a mount; a line that does not fit is cut, and then names no quota. */
enum {
    MAX_CPUS = 8192,
    LINE_BYTES = 1024,
    FOLDER_BYTES = 2 * LINE_BYTES,
    PATH_BYTES = FOLDER_BYTES + 64
};

/* The first line of a small file; false if there is none. */
static bool read_line(char line[LINE_BYTES], const char *folder, const char *name)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof path, "%s/%.48s", folder, name);
    FILE *stream = fopen(path, "r");
    if (!stream)
        return false;
    const bool read = fgets(line, LINE_BYTES, stream) != NULL;
    (void)fclose(stream);
    return read;
}

/* The lowest-numbered hardware thread of the core that cpu belongs to; itself if unknown. */
static int core_of(int cpu)
{
    char folder[64];
    char line[LINE_BYTES];
    char *end = line;

    (void)snprintf(folder, sizeof folder, "/sys/devices/system/cpu/cpu%d/topology", cpu);
    if (!read_line(line, folder, "thread_siblings_list"))
        return cpu;
    const long first = strtol(line, &end, 10); /* "0,64" or "0-1" */
    return end == line || first < 0 || first >= MAX_CPUS ? cpu : (int)first;
}

static int allowed_cores(void)
{
    cpu_set_t allowed[MAX_CPUS / CPU_SETSIZE];
    bool seen[MAX_CPUS] = {false};
    int n = 0;

    memset(allowed, 0, sizeof allowed);
    if (sched_getaffinity(0, sizeof allowed, allowed) != 0)
        return 1;
    for (int cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!CPU_ISSET_S((size_t)cpu, sizeof allowed, allowed))
            continue;
        const int core = core_of(cpu);
        n += !seen[core];
        seen[core] = true;
    }
    return n > 0 ? n : 1;
}

/* Two numbers of microseconds; rounded down, since a pool that outruns its quota is stopped as a
 * whole. */
static int whole_cpus(double quota, double period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    const double cpus = quota / period;
    return cpus < 1 ? 1 : cpus > MAX_CPUS ? MAX_CPUS : (int)cpus;
}

/* "350000 100000", or "max 100000" for no quota. */
static int quota_of_v2(const char *folder)
{
    char line[LINE_BYTES];
    char *end;

    if (!read_line(line, folder, "cpu.max"))
        return 0;
    const double quota = strtod(line, &end);
    return end == line ? 0 : whole_cpus(quota, strtod(end, NULL));
}

/* A quota of -1 is none. */
static int quota_of_v1(const char *folder)
{
    char quota[LINE_BYTES];
    char period[LINE_BYTES];

    if (!read_line(quota, folder, "cpu.cfs_quota_us") ||
        !read_line(period, folder, "cpu.cfs_period_us"))
        return 0;
    return whole_cpus(strtod(quota, NULL), strtod(period, NULL));
}

/* The tightest quota of a group and those above it, up to the mount itself: in a container the path
 * may name a folder that only the host sees. */
static int tightest(const char *mount, const char *group, int (*quota_of)(const char *folder))
{
    char folder[FOLDER_BYTES];
    int least = 0;

    (void)snprintf(folder, sizeof folder, "%s%s", mount, group);
    for (;;) {
        const int quota = quota_of(folder);
        if (quota && (!least || quota < least))
            least = quota;
        char *slash = strrchr(folder, '/');
        if (strlen(folder) <= strlen(mount) || !slash)
            return least;
        *slash = '\0';
    }
}

/* A line is "<id>:<controllers>:<path>"; version 2 has id 0 and no controllers. */
static int quota_of_line(char *line, const char *cgroup_folder)
{
    char mount[LINE_BYTES];

    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return 0;
    *controllers++ = '\0';
    *group++ = '\0';
    if (!*controllers)
        return tightest(cgroup_folder, group, quota_of_v2);
    if (strcmp(controllers, "cpu") != 0 && strncmp(controllers, "cpu,", 4) != 0 &&
        !strstr(controllers, ",cpu,"))
        return 0;
    (void)snprintf(mount, sizeof mount, "%s/cpu", cgroup_folder);
    return tightest(mount, group, quota_of_v1);
}

int cpus_quota(const char *membership_file, const char *cgroup_folder)
{
    char line[LINE_BYTES];
    int least = 0;

    FILE *stream = fopen(membership_file, "r");
    if (!stream)
        return 0;
    while (fgets(line, sizeof line, stream)) {
        const int quota = quota_of_line(line, cgroup_folder);
        if (quota && (!least || quota < least))
            least = quota;
    }
    (void)fclose(stream);
    return least;
}

int cpus_usable(void)
{
    const int cores = allowed_cores();
    const int quota = cpus_quota("/proc/self/cgroup", "/sys/fs/cgroup");

    return quota && quota < cores ? quota : cores;
}
