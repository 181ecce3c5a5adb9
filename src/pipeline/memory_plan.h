/* What the way from an image file to masks needs of memory, before it is begun. */
#ifndef ANA_PIPELINE_MEMORY_PLAN_H
#define ANA_PIPELINE_MEMORY_PLAN_H

#include "base/budget.h"
#include "io/image_file.h"
#include "pipeline/segment.h"

struct segment_work {
    const char *subject; /* for messages */
    struct image_facts image;
    bool image_is_read; /* its pixels are in use already */
    size_t n_prompts;   /* answers that are kept at the same time */
    int tiles;          /* most along a side that one of them is looked for in; 0: none */
    bool labels, soft, overlay;
    size_t compared; /* of an evaluation: bytes a pixel that are held beside an answer */
};

/* Exact for what grows with the image; the lists of a mask's parts (72 bytes each) are not foreseen
 * and only meet the allocator's limit. */
/* After passes_prepare() for the work's tiles. */
void segment_budget(struct budget *out, const struct segmenter *segmenter,
                    const struct segment_work *work);

/* Reads the file's header into `work` and checks the budget. A file whose header cannot be read
 * passes: reading it will tell. */
MUST_CHECK ana_status segment_check_file(struct segmenter *segmenter, struct segment_work *work,
                                         const char *path, int64_t max_pixels, ana_error *err);

#endif
