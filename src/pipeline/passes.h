/* Looking at an image more than once and averaging: the mirrored image, and tiles in which thin
 * things are large enough for the network to see.
 *
 * Whether the thing is there is decided from the whole image: a tile of a retina may well hold no
 * vessel, and one of a skin may look like anything.
 */
#ifndef ANA_PIPELINE_PASSES_H
#define ANA_PIPELINE_PASSES_H

#include "anatome/segment.h"
#include "io/image_file.h"
#include "models/model.h"

struct segmenter;

/* Of one segmenter; zeroed is fine. Sessions of their own keep the whole image's encoding usable.
 */
struct pass_sessions {
    struct image image; /* a copy, kept if any more pass may be wanted */
    struct model_session *mirrored, *tile;
    bool mirrored_is_set; /* to the image */
};

ana_passes passes_defaults(void);
MUST_CHECK ana_status passes_check(const ana_passes *passes, ana_error *err);

MUST_CHECK ana_status passes_set_image(struct segmenter *segmenter, const struct image *image,
                                       ana_error *err);
/* Makes all passes that are wanted for this prompt and averages their probabilities: the presence
 * of the whole image and its mirror, the map of these, or of the tiles and their mirrors. *out is
 * the caller's to answer_clear(), empty on failure. */
MUST_CHECK ana_status passes_ask(struct segmenter *segmenter, const struct prompt *prompt,
                                 struct answer *out, ana_error *err);
void passes_clear(struct segmenter *segmenter);

/* Tiles along a side that a prompt will be looked for in, whatever the image; 0: none. */
int passes_tiles(const struct segmenter *segmenter, const ana_prompt *prompt);
/* Makes the sessions that prompts of so many tiles (0: none) will need, so that their size is
 * known. */
MUST_CHECK ana_status passes_prepare(struct segmenter *segmenter, int tiles, ana_error *err);
/* What they and such prompts will allocate besides what the whole image's pass does. */
struct passes_needs {
    size_t plans; /* not there yet */
    size_t kept;  /* beyond what is kept of the image before */
    size_t peak;  /* held while the further passes of one prompt are made */
};
struct passes_needs passes_needs(const struct segmenter *segmenter, const struct image_facts *image,
                                 int tiles);

/* n tiles along an axis, each 2 / (n + 1) of it, so that neighbours overlap by half; the k-th one
 * is the half-open [*start, *end). */
void pass_tile(int64_t *start, int64_t *end, int64_t extent, int n, int k);

#endif
