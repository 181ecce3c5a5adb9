/* A fresh folder under the working directory of a test, with whatever is put in it. */
#ifndef ANA_TESTS_SCRATCH_H
#define ANA_TESTS_SCRATCH_H

#include <stddef.h>

struct scratch {
    char path[32];
};

void scratch_make(struct scratch *scratch);         /* aborts the test on trouble */
void scratch_remove(const struct scratch *scratch); /* with all that is in it */

/* "<folder>/<name>" into out. Returns out. */
char *scratch_name(char out[256], const struct scratch *scratch, const char *name);
/* Entries of a folder in it ("" is the scratch folder). */
size_t scratch_entries(const struct scratch *scratch, const char *name);

#endif
