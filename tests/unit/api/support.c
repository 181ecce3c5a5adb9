/* Helpers of tests/support serve here too; those in helpers.c have statics of the same name. */
#include "../../support/synthetic.c" /* NOLINT(bugprone-suspicious-include) */
