/* From an image and prompts to masks.
 *
 *   ana_session_create(&session, model, context, &err);
 *   ana_session_set_image(session, image, &err);            encodes once
 *   ana_segment(&result, session, &prompt, &err);           as often as wanted
 *   ana_result_write_mask(result, "mask.png", &err);
 */
#ifndef ANATOME_SEGMENT_H
#define ANATOME_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "anatome/context.h"
#include "anatome/image.h"
#include "anatome/model.h"
#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Half-open: the pixels whose centre (x, y) has x0 <= x < x1 and y0 <= y < y1. */
typedef struct ana_box {
    double x0, y0, x1, y1;
} ana_box;

typedef struct ana_point {
    double x, y;   /* integers are pixel centres */
    bool negative; /* "not this" */
} ana_point;

/* What is looked for: words, a box, points, or any combination, in which box and points restrict
 * what the words name. Borrowed by the calls that take it. A box is clipped to the image and must
 * keep at least one pixel; a point must lie inside. */
typedef struct ana_prompt {
    const char *text; /* UTF-8, NULL or "": no words */
    const ana_box *boxes;
    size_t n_boxes;
    const ana_point *points;
    size_t n_points;
} ana_prompt;

typedef enum ana_verdict {
    ANA_VERDICT_FOUND,
    ANA_VERDICT_NOT_FOUND, /* the mask is empty */
    ANA_VERDICT_DOUBTFUL   /* the mask is given; look at it */
} ana_verdict;

/* "found", "not_found" or "doubtful". */
ANA_API const char *ana_verdict_name(ana_verdict verdict);

/* Looking more than once, for better masks at more time. */
enum { ANA_TILES_AUTO = -1, ANA_TILES_MOST = 8 };
typedef struct ana_passes {
    bool flip; /* also the mirrored image, left and right swapped in words; twice the time */
    int tiles; /* words alone: the mask is looked for in this many tiles along each side, each
                * 2 / (n + 1) of it, overlapping by half: n = 3 is nine tiles at twice the
                * resolution, ten times the time. 0 (or 1): the whole image only. ANA_TILES_AUTO:
                * as the model's concept table says, for things that gained by it. Whether the thing
                * is there is always decided from the whole image. */
} ana_passes;
ANA_API ana_passes ana_passes_defaults(void); /* no flip, ANA_TILES_AUTO */

/* A session belongs to one thread at a time; model and context outlive it. */
typedef struct ana_session ana_session;
ANA_API ANA_MUST_CHECK ana_status ana_session_create(ana_session **out, const ana_model *model,
                                                     ana_context *context, ana_error *err);
ANA_API void ana_session_free(ana_session *session); /* NULL is fine */

/* Before ana_session_set_image(); an image that was set before must be set again. */
ANA_API ANA_MUST_CHECK ana_status ana_session_set_passes(ana_session *session,
                                                         const ana_passes *passes, ana_error *err);

/* What is going to be done with one image file. */
typedef struct ana_segment_work {
    const char *path;
    int64_t max_pixels;         /* as for ana_image_read() */
    size_t n_prompts;           /* results that are kept at the same time */
    const ana_prompt *prompts;  /* those that are asked, [n_prompts]: words that are looked for in
                                 * tiles need more; NULL: none of them is */
    bool labels, soft, overlay; /* which of these files are written */
} ana_segment_work;

/* Plans the memory for reading, asking and writing, from the file's header alone, and tells the
 * plan to the context's memory function. Fails with ANA_ERR_MEMORY if the context's limit would be
 * passed. A file whose header cannot be read passes: reading it will tell. */
ANA_API ANA_MUST_CHECK ana_status ana_session_check_memory(ana_session *session,
                                                           const ana_segment_work *work,
                                                           ana_error *err);

/* The image is not needed afterwards. */
ANA_API ANA_MUST_CHECK ana_status ana_session_set_image(ana_session *session,
                                                        const ana_image *image, ana_error *err);

/* One prompt's answer. */
typedef struct ana_result ana_result;

/* Strings are borrowed from the result, UTF-8. */
typedef struct ana_result_info {
    ana_verdict verdict;
    double score;             /* 0..1: probability that what was asked for is in the image */
    double quality;           /* 0..1: mean probability inside the mask, 0 if it is empty */
    double mask_threshold;    /* that was applied to the soft map */
    int64_t width, height;    /* of the mask: those of the image */
    int64_t area;             /* pixels of the mask */
    int64_t x0, y0, x1, y1;   /* half-open tight box of the mask, all 0 if it is empty */
    int64_t n_components;     /* 8-connected parts of the mask */
    const char *text;         /* the words asked for; NULL if there were none */
    const char *concept_name; /* what the words were understood as; NULL if nothing or no words */
    const char *reason;       /* why nothing was found; NULL if something was */
} ana_result_info;

ANA_API ANA_MUST_CHECK ana_status ana_segment(ana_result **out, ana_session *session,
                                              const ana_prompt *prompt, ana_error *err);
ANA_API void ana_result_free(ana_result *result); /* NULL is fine */
ANA_API const ana_result_info *ana_result_get_info(const ana_result *result);
/* Sentences for the user (unknown words and the like); NULL past the end. */
ANA_API const char *ana_result_warning(const ana_result *result, int64_t index);
/* [height, width], 0 or 255; borrowed. */
ANA_API const uint8_t *ana_result_mask(const ana_result *result);
/* [height, width], probability 0..1 before threshold and verdict; borrowed. */
ANA_API const float *ana_result_soft(const ana_result *result);

/* Several answers on one image as one picture of labels: 0 background, 1..n in the order given;
 * where masks overlap the later one wins. */
typedef struct ana_labels ana_labels;
ANA_API ANA_MUST_CHECK ana_status ana_labels_create(ana_labels **out,
                                                    const ana_result *const *results, size_t n,
                                                    ana_error *err);
ANA_API void ana_labels_free(ana_labels *labels); /* NULL is fine */
/* [height, width] labels; borrowed. */
ANA_API const uint16_t *ana_labels_pixels(const ana_labels *labels);
/* Pixels that more than one mask claims, in all and of label `label` lost to later ones. */
ANA_API int64_t ana_labels_overlap(const ana_labels *labels);
ANA_API int64_t ana_labels_lost(const ana_labels *labels, size_t label);

/* Colour of label 1, 2, ... in overlays. */
ANA_API void ana_label_colour(size_t label, uint8_t rgb[3]);

/* Files appear complete or not at all. */
/* 8-bit grey PNG, 0 and 255. */
ANA_API ANA_MUST_CHECK ana_status ana_result_write_mask(const ana_result *result, const char *path,
                                                        ana_error *err);
/* 16-bit grey PNG, 65535 times the probability, rounded. */
ANA_API ANA_MUST_CHECK ana_status ana_result_write_soft(const ana_result *result, const char *path,
                                                        ana_error *err);
/* Grey PNG whose values are the labels: 8 bits, 16 above 255 labels. */
ANA_API ANA_MUST_CHECK ana_status ana_labels_write(const ana_labels *labels, const char *path,
                                                   ana_error *err);
/* JSON object {"labels": [{"value", "name", "verdict", "area", "lost", "colour"}], "overlap"}. */
ANA_API ANA_MUST_CHECK ana_status ana_labels_write_legend(const ana_labels *labels,
                                                          const char *path, ana_error *err);
/* The image with each result's outline and a translucent fill, and a legend of the words. */
ANA_API ANA_MUST_CHECK ana_status ana_write_overlay(const ana_image *image,
                                                    const ana_result *const *results, size_t n,
                                                    const char *path, ana_error *err);

#ifdef __cplusplus
}
#endif
#endif
