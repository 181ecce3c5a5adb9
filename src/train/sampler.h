/* Training batches: which image, which augmentation, which prompts (mini.md 4).
 *
 * batch(step) depends on (seed, step) and on nothing that was drawn before, so a resumed run sees
 * exactly what an uninterrupted one would have seen, with any number of threads.
 */
#ifndef ANA_TRAIN_SAMPLER_H
#define ANA_TRAIN_SAMPLER_H

#include "base/threads.h"
#include "text/words.h"
#include "train/dataset.h"

/* Weight of the images of one (set, concept); set or concept "*" is any, concept "-" is a structure
 * that no word names; the first row that fits counts. Groups that no row fits weigh 1. */
struct sampler_weight {
    const char *set;
    const char *concept;
    double weight;
};

struct sampler_options {
    uint64_t seed;
    int n_images;          /* B */
    int prompts_per_image; /* P = B * prompts_per_image; the recipe's mix is for three */
    int size;              /* S, any multiple of 16 up to 512 */
    const char *split;     /* rows to train on: "train" */
    const struct sampler_weight *weights; /* borrowed */
    int n_weights;
    const char *const *kept_out; /* names that are never a target; borrowed */
    int n_kept_out;
    const bool *set_aside; /* [images of the dataset] never drawn; NULL: none; borrowed */
    bool augment;          /* false: the plain images, for tests */
};
/* 8 images, 3 prompts, 256 px, split train; left kidney, spleen, aorta and sarcoma kept out. */
struct sampler_options sampler_defaults(void);

/* Weights from CSV text with columns set, concept, weight. Free with memory_free(). */
MUST_CHECK ana_status sampler_weights_parse(struct sampler_weight **out, int *n, const char *csv,
                                            const char *label, ana_error *err);

/* Maps are channels-last: 0 boxes, 1 positive clicks, 2 negative clicks. */
struct sample_batch {
    int n_images, n_prompts, size;
    float *images;      /* [B, S, S, 3], 0..1 */
    int32_t *words;     /* [P, WORDS_MAX], -1 padded; all -1 without words */
    float *flags;       /* [P, 3]: words, box, points */
    float *maps;        /* [P, S, S, 3] */
    float *targets;     /* [P, S, S], 0..1, area averaged */
    float *present;     /* [P], 1 or 0 */
    int32_t *image_of;  /* [P], row of images; prompts of an image follow each other */
    float *mask_weight; /* [P] for the pixel loss; 0: what is right here can be argued about */
    float *dice_weight; /* [P] 1 where present, else 0 */
    int32_t *concept;   /* [P], -1 for nonsense and unnamed things; what the words ask for */
    int32_t *source;    /* [B], index into the dataset's images */
    char (*phrase)[WORDS_PHRASE_SIZE]; /* [P], "" without words; for logs and pictures */
};
MUST_CHECK ana_status sample_batch_create(struct sample_batch *out,
                                          const struct sampler_options *options, ana_error *err);
void sample_batch_clear(struct sample_batch *batch);
size_t sample_batch_bytes(int n_images, int prompts_per_image, int size);
/* Most that one thread holds while it draws an image of a batch, but for pictures of very many
 * targets. */
size_t sampler_fill_bytes(int size);

struct sampler;
/* Borrows the dataset, the table and the options' lists. Fails if nothing is left to train on. */
MUST_CHECK ana_status sampler_create(struct sampler **out, const struct dataset *dataset,
                                     const struct concepts *concepts,
                                     const struct sampler_options *options, ana_error *err);
void sampler_free(struct sampler *sampler); /* NULL is fine */

/* Fills every field of the batch, whose sizes are those of the options (a batch made for another
 * `size` is filled at its own size, so one sampler serves 128, 192 and 256 px). Several threads may
 * fill different batches at once. The pool may be NULL. */
MUST_CHECK ana_status sampler_fill(const struct sampler *sampler, uint64_t step,
                                   struct sample_batch *batch, struct pool *pool, ana_error *err);

/* A random training phrase for a concept ("segment the X"), for the text pretraining. Never a
 * held-out one. concept -1: nonsense words. */
struct random;
void sampler_phrase(char out[WORDS_PHRASE_SIZE], const struct concepts *concepts, int concept,
                    const char *modality, struct random *random);

/* Images of one group and its share of the draws, for logs. */
struct sampler_group {
    const char *set;
    const char *concept;
    int n_images;
    double share;
};
const struct sampler_group *sampler_groups(const struct sampler *sampler, int *n);

#endif
