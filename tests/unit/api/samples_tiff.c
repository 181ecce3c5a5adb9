/* Apart from the others: some of its statics have their names. */
#include "../io/sample_tiff.c" /* NOLINT(bugprone-suspicious-include) */
