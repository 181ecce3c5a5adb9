/* The inputs that fuzzing starts from, made by this program's own writers. */
#ifndef ANA_TESTS_FUZZ_SEEDS_H
#define ANA_TESTS_FUZZ_SEEDS_H

#include "base/error.h"

/* Writes <folder>/<parser>/<name> for every parser. */
ana_status seeds_write(const char *folder, ana_error *err);

#endif
