/* One image of `anatome segment`: read, asked, written, reported. */
#ifndef ANA_CLI_SEGMENT_CASE_H
#define ANA_CLI_SEGMENT_CASE_H

#include "cli/cases.h"
#include "cli/json_out.h"
#include "cli/prompts.h"

struct segment_options {
    struct common_options common;
    struct strings inputs; /* -i */
    const char *output;
    struct strings texts;
    const char *prompts_file;
    struct strings boxes, points;
    const char *model;
    const char *tiles;
    bool overlay, soft, separate, no_overwrite, flip;
    int64_t max_pixels;
    int64_t n_parts, part;
};

/* What stays the same for all images of a run. */
struct segment_run {
    const struct segment_options *options;
    const struct prompt_list *prompts;
    ana_passes passes;
    ana_session *session;
    const char *folder;    /* of the results */
    const char *only_file; /* --output FILE.png: the mask or the labels go there; NULL */
};

/* Calls visit with each path that a case's results will have, until it returns false. False then,
 * or when out of memory. */
bool segment_case_paths(const struct segment_run *run, const struct case_file *file,
                        bool (*visit)(void *user, const char *path), void *user);

enum case_end { CASE_DONE, CASE_SKIPPED, CASE_FAILED, CASE_INTERRUPTED };

/* Adds one object to the JSON, says one line or complains. */
enum case_end segment_case(const struct segment_run *run, const struct case_file *file,
                           struct json_out *json);

#endif
