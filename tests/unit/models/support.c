/* Helpers of other folders serve here too. */
#include "../../support/mini_weights.c" /* NOLINT(bugprone-suspicious-include) */
#include "../base/failing_memory.c"     /* NOLINT(bugprone-suspicious-include) */
