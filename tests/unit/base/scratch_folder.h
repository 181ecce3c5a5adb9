/* A fresh folder under the working directory of a test. */
#ifndef TESTS_UNIT_BASE_SCRATCH_FOLDER_H
#define TESTS_UNIT_BASE_SCRATCH_FOLDER_H

struct scratch_folder {
    char path[64];
    char joined[512];
};

void scratch_folder_make(struct scratch_folder *folder);
void scratch_folder_remove(struct scratch_folder *folder); /* with the files in it, one level */

/* "<folder>/<name>", good until the next call. */
const char *scratch_path(struct scratch_folder *folder, const char *name);
int scratch_count(const struct scratch_folder *folder); /* entries */

#endif
