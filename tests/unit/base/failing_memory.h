/* Hooks that fail the n-th allocation and watch for leaks. */
#ifndef TESTS_UNIT_BASE_FAILING_MEMORY_H
#define TESTS_UNIT_BASE_FAILING_MEMORY_H

/* From now on the n-th allocation (1 is the next) fails, and only that; 0: none. */
void failing_memory_start(int n);
/* Restores the default hooks; returns whether the failure was reached. */
int failing_memory_stop(void);
/* Allocations since the start. */
int failing_memory_count(void);
/* Blocks allocated less blocks released since the start. */
int failing_memory_live(void);

#endif
