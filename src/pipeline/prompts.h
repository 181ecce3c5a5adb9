/* From what a user says to what a model is asked: words looked up, boxes clipped, points checked.
 */
#ifndef ANA_PIPELINE_PROMPTS_H
#define ANA_PIPELINE_PROMPTS_H

#include "pipeline/segment.h"
#include "text/concepts.h"

struct question {
    struct prompt_item *items;
    int n_items; /* 0: refused, see the result's reason */
    bool refused;
};

/* Writes warnings, the concept and, if refused, the reason into `result`. Coordinates that make no
 * sense and kinds of prompt that the model does not take are errors. */
MUST_CHECK ana_status question_open(struct question *out, struct ana_result *result,
                                    const struct segmenter *segmenter, const ana_prompt *prompt,
                                    ana_error *err);
void question_clear(struct question *question);

#endif
