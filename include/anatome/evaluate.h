/* Measuring a model on images with reference masks. */
#ifndef ANATOME_EVALUATE_H
#define ANATOME_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "anatome/context.h"
#include "anatome/model.h"
#include "anatome/segment.h"
#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How each reference mask is asked for. */
typedef enum ana_evaluate_by {
    ANA_BY_TEXT, /* the manifest's concept, Dice on the whole mask */
    ANA_BY_BOX,  /* the half-open tight box of each 8-connected component of 16 pixels or more, the
                  * 8 largest, Dice on that component */
    ANA_BY_POINT /* the component's most interior pixel, the first in row order of equals */
} ana_evaluate_by;

typedef struct ana_evaluate_options {
    const char *manifest; /* CSV with the columns image, mask, concept, split and, if known,
                             patient, case; paths are relative to it */
    const char *split;    /* only rows of this split; NULL: all */
    ana_evaluate_by by;
    const char *absent; /* CSV image, phrase, kind ("other", "same") of what is not there; NULL */
    const char *cases_csv; /* one row per measured case is written there; NULL: nowhere */
    /* A page for people, index.html with pictures beside it, is written into this folder, which
     * appears complete or not at all; a former report there is replaced, any other folder that is
     * not empty refused before the work begins. The same evaluation gives the same bytes. NULL:
     * none. The pictures are those of the data set: whoever gets the folder sees them. */
    const char *report;
    int64_t report_cases;       /* pictures of the best, median and worst cases, of each so many */
    const char *report_command; /* shown in the report: how to get it again; NULL: nothing */
    bool surface;               /* also NSD and HD95 for each case (slower) */
    double nsd_tolerance;       /* pixels */
    bool ellipse;               /* by box: also the Dice of the filled ellipse in the same box */
    ana_passes passes;          /* how often each image is looked at */
    int64_t max_images;         /* stop after so many; 0: all */
    int64_t max_pixels;         /* per image; 0: the default */
    uint64_t seed;              /* of the bootstrap */
    ana_progress_fn progress;
    void *progress_user;
} ana_evaluate_options;

ANA_API ana_evaluate_options ana_evaluate_defaults(void);

typedef struct ana_evaluation ana_evaluation;

/* Mean of the values, their standard deviation (n - 1), and the 95 % bootstrap interval of the mean
 * in which patients are drawn whole. NaN if n is 0. */
typedef struct ana_statistic {
    int64_t n;
    double mean, sd, lo, hi;
} ana_statistic;

typedef struct ana_evaluation_concept {
    const char *concept_name; /* borrowed */
    int64_t n;                /* cases: rows by text, components by box or point */
    bool headline;       /* one of those that the summary averages, by the model's concept table */
    double missed_share; /* answered with an empty mask or "not found" */
    ana_statistic dice, iou;
    ana_statistic ellipse; /* Dice; with `ellipse`, by box */
    /* With `surface`; cases in which a distance is infinite (an empty answer) are left out of the
     * HD95. element: surface elements as of DeepMind's surface-distance; boundary: pixels of the
     * mask that its erosion by a cross removes. */
    ana_statistic nsd_element, nsd_boundary, hd95_element, hd95_boundary;
} ana_evaluation_concept;

typedef struct ana_evaluation_absent {
    int64_t n;
    double empty_share; /* NaN if n is 0 */
} ana_evaluation_absent;

typedef struct ana_evaluation_totals {
    int64_t n_concepts;
    int64_t n_images;
    int64_t failed; /* images that could not be read or asked; each is told to the log */
    bool has_absent;
    ana_evaluation_absent other, same;
    int64_t skipped;          /* rows without a mask, volumes, masks of nothing measurable */
    double seconds_per_image; /* encoding and all questions, file reading not counted */
} ana_evaluation_totals;

ANA_API ANA_MUST_CHECK ana_status ana_evaluate(ana_evaluation **out, const ana_model *model,
                                               ana_context *context,
                                               const ana_evaluate_options *options, ana_error *err);
ANA_API void ana_evaluation_free(ana_evaluation *evaluation); /* NULL is fine */
ANA_API ana_evaluation_totals ana_evaluation_get_totals(const ana_evaluation *evaluation);
/* Sorted by name. */
ANA_API ana_evaluation_concept ana_evaluation_get_concept(const ana_evaluation *evaluation,
                                                          int64_t index);
/* The report as one JSON object (docs/json.md); borrowed. */
ANA_API const char *ana_evaluation_json(const ana_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
