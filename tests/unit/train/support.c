/* Helpers of other folders serve here too. */
#include "../../support/faults.c"    /* NOLINT(bugprone-suspicious-include) */
#include "../../support/scratch.c"   /* NOLINT(bugprone-suspicious-include) */
#include "../../support/synthetic.c" /* NOLINT(bugprone-suspicious-include) */
#include "../base/failing_memory.c"  /* NOLINT(bugprone-suspicious-include) */
