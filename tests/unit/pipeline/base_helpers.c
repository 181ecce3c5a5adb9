/* The helpers of tests/unit/base serve here too. */
#include "../base/failing_memory.c" /* NOLINT(bugprone-suspicious-include) */
