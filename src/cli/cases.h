/* Which images a run works on, and what its results are called. */
#ifndef ANA_CLI_CASES_H
#define ANA_CLI_CASES_H

#include "cli/command.h"

struct case_file {
    char *path;
    char *name; /* unique in the run: the file's stem, "-2" and so on behind equal ones */
};

struct case_list {
    struct case_file *items;
    size_t n;
};

/* Files as they are given; of a folder the images (by suffix) in the order of their names, not
 * those of folders in it. On failure complains and returns false. */
bool cases_open(struct case_list *out, const struct strings *inputs);
void cases_clear(struct case_list *cases);

/* Names that are taken. */
struct name_set {
    char **slots;
    size_t n, n_slots;
};
enum name_state { NAME_NEW, NAME_TAKEN, NAME_FAILED /* out of memory */ };
enum name_state name_set_add(struct name_set *set, const char *name);
bool name_set_has(const struct name_set *set, const char *name);
void name_set_clear(struct name_set *set);

/* The part of a path behind the last slash, borrowed. */
const char *base_name(const char *path);
bool is_folder(const char *path);
bool file_exists(const char *path);
/* True if both names lead to one file. */
bool is_same_file(const char *a, const char *b);
/* A name for the file itself, the same for all its paths; false if there is no such file. */
bool identity_of(char out[64], const char *path);
/* Makes the folder and those above it; complains and returns false if it cannot. */
bool make_folders(const char *path);

/* New strings; NULL when out of memory. */
char *join_path(const char *folder, const char *name,
                const char *suffix); /* folder/name + suffix */
char *stem_of(const char *path);
char *folder_of(const char *path);
/* "Left lung" -> "left_lung": lower case, everything unsafe in a file name becomes one "_". */
char *slug_of(const char *words);

#endif
