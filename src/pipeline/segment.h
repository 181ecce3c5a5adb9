/* From an image and a prompt to a mask with a verdict: what every front end offers.
 *
 * The public plain types (ana_prompt, ana_result_info, ...) are used as they are; the opaque ones
 * are laid open here for api/.
 */
#ifndef ANA_PIPELINE_SEGMENT_H
#define ANA_PIPELINE_SEGMENT_H

#include "anatome/segment.h"
#include "base/text.h"
#include "models/model.h"
#include "pipeline/passes.h"

/* A model's session together with the size of its image. */
struct segmenter {
    struct model_session *session;
    int64_t height, width; /* 0 before the first image */
    ana_passes passes;     /* segmenter_set_passes() changes them */
    struct pass_sessions pass_sessions;
};

MUST_CHECK ana_status segmenter_open(struct segmenter *out, const struct model *model,
                                     struct ana_context *context, ana_error *err);
void segmenter_clear(struct segmenter *segmenter);
/* From the next image on. */
MUST_CHECK ana_status segmenter_set_passes(struct segmenter *segmenter, const ana_passes *passes,
                                           ana_error *err);
MUST_CHECK ana_status segmenter_set_image(struct segmenter *segmenter, const struct image *image,
                                          ana_error *err);

enum { RESULT_MAX_WARNINGS = 4 };

struct ana_result {
    ana_result_info info; /* its strings are those below or the model's */
    struct image mask;    /* U8 [H, W, 1], 0 or 255 */
    struct image soft;    /* F32 [H, W, 1] */
    char *text;
    struct text reason;
    struct text warnings[RESULT_MAX_WARNINGS];
    int n_warnings;
};

/* Words that the concept table does not know are refused before the network is asked: the result is
 * then empty and says why. Beside a box or points such words are left out with a warning. */
MUST_CHECK ana_status segment_ask(struct ana_result **out, struct segmenter *segmenter,
                                  const ana_prompt *prompt, ana_error *err);
void result_free(struct ana_result *result); /* NULL is fine */

#endif
