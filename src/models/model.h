/* How the rest of the program sees a promptable 2D model: mini now, SAM, CLIPSeg and chains later.
 *
 * A model kind is one descriptor in one table (registry.c). A model is its weights, immutable and
 * shared. A session is the mutable half (arena, plans, the encoded image) and belongs to one thread
 * at a time; several sessions of one model may run at once.
 *
 * An implementation embeds `struct model` and `struct model_session` as its first member:
 *
 *     struct mini { struct model base; struct params *params; ... };
 *     static struct mini *as_mini(struct model *model) { return (struct mini *)model; }
 *
 * To add a model: src/models/<name>/ with its descriptor, one line in registry.c, golden vectors,
 * docs/models/<name>.md.
 */
#ifndef ANA_MODELS_MODEL_H
#define ANA_MODELS_MODEL_H

#include "base/context.h"
#include "imaging/image.h"
#include "tensor/named.h"

struct concepts; /* text/concepts.h */
struct model;
struct model_session;

/* What may be asked. Boxes are half-open: a pixel (x, y) is inside if its centre, which has the
 * integer coordinates, has x0 <= x < x1 and y0 <= y < y1. All coordinates are those of the image
 * given to session_set_image(), inside it (the pipeline clips boxes and refuses points outside). */
enum prompt_kind { PROMPT_WORDS, PROMPT_BOX, PROMPT_POINT, PROMPT_MASK };

/* Bits for model_kind.accepts. */
#define PROMPT_BIT(kind) (1U << (kind))

struct prompt_item {
    enum prompt_kind kind;
    union {
        struct {
            const char *phrase; /* UTF-8, as the user said it */
            int concept;        /* row of the model's concept table, -1 if it has none */
        } words;
        struct {
            double x0, y0, x1, y1;
        } box;
        struct {
            double x, y;
            bool negative; /* "not this" */
        } point;
        const struct image *mask; /* F32 or U8 [H, W, 1] of the image's size: a first guess */
    } of;
};

/* One question: words restricted by the boxes and points beside them. Borrowed by ask(). */
struct prompt {
    const struct prompt_item *items;
    int n_items;
};

/* Candidates are ordered, best first; most models give one. */
enum { ANSWER_MAX_CANDIDATES = 4 };

struct answer_candidate {
    struct image map; /* F32 [H, W, 1] of the image's own size, probability 0..1 */
    double score;     /* the model's own estimate of the mask's quality, 0..1 */
};

struct answer {
    double presence;       /* probability 0..1 that what was asked for is in the image */
    double mask_threshold; /* a pixel belongs to the mask if its probability is >= this */
    int n_candidates;      /* at least 1 */
    struct answer_candidate candidates[ANSWER_MAX_CANDIDATES];
};
void answer_clear(struct answer *answer); /* fine on a zeroed one */

/* What is known about a set of weights. Strings are the model's. The metadata keys of the weights
 * file from which model_facts_read() fills them stand beside each. */
struct model_facts {
    const char *name;         /* "anatome.name", else the kind's name */
    const char *version;      /* "anatome.version", else "" */
    const char *licence;      /* "anatome.licence", else "unknown" */
    const char *intended_use; /* "anatome.intended_use", else the research notice */
    double mask_threshold;    /* "anatome.mask_threshold", else 0.5 */
    /* Presence is sigmoid(scale * logit + bias): "anatome.presence_scale", else 1, and
     * "anatome.presence_bias", else 0. */
    double presence_scale, presence_bias;
    /* Verdict: presence < presence_absent: not found, and the mask is empty (the one threshold of
     * `missed` and `absent`); >= presence_found: found; between the two: doubtful. */
    double presence_absent; /* "anatome.presence_absent", else 0.5 */
    double presence_found;  /* "anatome.presence_found", else presence_absent */
};

/* Which model kind reads a weights file. */
#define MODEL_KEY_KIND            "anatome.kind"
#define MODEL_KEY_NAME            "anatome.name"
#define MODEL_KEY_VERSION         "anatome.version"
#define MODEL_KEY_LICENCE         "anatome.licence"
#define MODEL_KEY_INTENDED_USE    "anatome.intended_use"
#define MODEL_KEY_MASK_THRESHOLD  "anatome.mask_threshold"
#define MODEL_KEY_PRESENCE_ABSENT "anatome.presence_absent"
#define MODEL_KEY_PRESENCE_FOUND  "anatome.presence_found"
#define MODEL_KEY_PRESENCE_SCALE  "anatome.presence_scale"
#define MODEL_KEY_PRESENCE_BIAS   "anatome.presence_bias"
/* "name=0.3|other name=0.4": concepts whose masks have a threshold of their own */
#define MODEL_KEY_MASK_THRESHOLDS "anatome.mask_thresholds"
#define MODEL_KEY_CONCEPTS        "anatome.concepts" /* the concept table, CSV */

/* What a session will allocate, for plans of memory. */
struct model_needs {
    size_t encoder_bytes, decoder_bytes; /* both plans whole */
    size_t allocated_bytes;              /* what of them is there already */
    size_t encode_bytes;                 /* held while an image is encoded */
    size_t ask_bytes;                    /* held while a question is asked, besides its map */
};

struct model_kind {
    const char *name;    /* the word in "anatome.kind" */
    const char *summary; /* one line, for `anatome models` */
    unsigned accepts;    /* PROMPT_BIT()s */

    /* For published files without "anatome.kind"; may be NULL. */
    bool (*recognises)(const struct tensor_source *weights);

    /* The implementation allocates, sets base.kind, calls model_facts_read(&base.facts, ...) and
     * sets base.concepts (NULL: it takes no words). weights is borrowed and outlives the model,
     * which may keep views of its data and metadata. */
    ana_status (*open)(struct model **out, const struct tensor_source *weights, ana_error *err);
    void (*free)(struct model *model);

    /* Sets base.model and base.context. Both outlive the session. */
    ana_status (*session_create)(struct model_session **out, const struct model *model,
                                 struct ana_context *context, ana_error *err);
    void (*session_free)(struct model_session *session);

    /* Encodes once; replaces the image before. Any size from 1 x 1, any 2D channel meaning, U8, U16
     * or F32. The image may be freed afterwards. */
    ana_status (*set_image)(struct model_session *session, const struct image *image,
                            ana_error *err);

    /* For an image of that size; out is zeroed by the caller. NULL: nothing is known. */
    void (*needs)(const struct model_session *session, int64_t height, int64_t width,
                  struct model_needs *out);

    /* out is zeroed by the caller and cleared by it with answer_clear(). Only kinds in `accepts`
     * are given. Same bytes for any number of threads and any order of questions. */
    ana_status (*ask)(struct model_session *session, const struct prompt *prompt,
                      struct answer *out, ana_error *err);
};

/* Thresholds of the concepts' masks, [concepts->n], those of the metadata or `otherwise`; the
 * caller's to memory_free(). Names that the table lacks are an error. */
MUST_CHECK ana_status model_mask_thresholds_read(double **out, const struct concepts *concepts,
                                                 const struct tensor_source *weights,
                                                 double otherwise, ana_error *err);

struct model {
    const struct model_kind *kind;
    struct model_facts facts;
    const struct concepts *concepts; /* owned by the implementation; NULL: no words */
};

struct model_session {
    const struct model *model;
    struct ana_context *context;
    bool (*cancelled)(void *user); /* polled by the implementation in long work; may be NULL */
    void *cancel_user;
};

/* models/mini/mini.c */
extern const struct model_kind model_kind_mini;

/* Fills facts from the metadata of `weights`; the strings are borrowed from it. */
MUST_CHECK ana_status model_facts_read(struct model_facts *out, const struct model_kind *kind,
                                       const struct tensor_source *weights, ana_error *err);

/* The kinds of this build, in a fixed order; NULL past the end. */
const struct model_kind *model_kind_at(int index);
const struct model_kind *model_kind_by_name(const char *name); /* NULL if there is none */

/* Finds the kind of the weights and opens them; the error says what is known otherwise. */
MUST_CHECK ana_status model_open(struct model **out, const struct tensor_source *weights,
                                 ana_error *err);
void model_free(struct model *model); /* NULL is fine; free its sessions first */

/* The calls of the descriptor, with checks of our own guarantees. */
MUST_CHECK ana_status session_create(struct model_session **out, const struct model *model,
                                     struct ana_context *context, ana_error *err);
void session_free(struct model_session *session); /* NULL is fine */
struct model_needs session_needs(const struct model_session *session, int64_t height,
                                 int64_t width);
MUST_CHECK ana_status session_set_image(struct model_session *session, const struct image *image,
                                        ana_error *err);
MUST_CHECK ana_status session_ask(struct model_session *session, const struct prompt *prompt,
                                  struct answer *out, ana_error *err);

#endif
