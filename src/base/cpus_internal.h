/* How many threads are worth starting. */
#ifndef ANA_BASE_CPUS_INTERNAL_H
#define ANA_BASE_CPUS_INTERNAL_H

/* Physical cores that the process may use, at least 1: affinity and cgroup quota honoured. */
int cpus_usable(void);

/* Whole processors that a cgroup quota allows, 0 if there is none. The files are arguments so that
 * a test can fake them: /proc/self/cgroup and /sys/fs/cgroup. */
int cpus_quota(const char *membership_file, const char *cgroup_folder);

#endif
