/* Helpers of tests/support serve here too. */
#include "../../support/scratch.c"   /* NOLINT(bugprone-suspicious-include) */
#include "../../support/synthetic.c" /* NOLINT(bugprone-suspicious-include) */
