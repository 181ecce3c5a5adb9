/* Prompts from the command line: words, and the boxes and points that go with each of them. */
#ifndef ANA_CLI_PROMPTS_H
#define ANA_CLI_PROMPTS_H

#include "anatome/segment.h"
#include "cli/command.h"

struct prompt_list {
    ana_prompt *items;
    char **slugs; /* for file names, unique */
    size_t n;
    ana_box *boxes;
    ana_point *points;
    size_t n_boxes, n_points;
    char *file; /* of --prompts-file; words point into it */
};

/* One prompt for each text, all with the same boxes and points; without a text one prompt of the
 * boxes and points. Says what is wrong and returns an exit code; 0 is good. */
int prompts_open(struct prompt_list *out, const struct command *command,
                 const struct strings *texts, const char *prompts_file, const struct strings *boxes,
                 const struct strings *points);
void prompts_clear(struct prompt_list *prompts);

#endif
