/* A helper of tests/unit/base serves here too. */
#include "../base/failing_memory.c" /* NOLINT(bugprone-suspicious-include) */
