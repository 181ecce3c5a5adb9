/* Helpers of tests/support serve here too. */
#include "../../support/markup.c" /* NOLINT(bugprone-suspicious-include) */
