/* The parts of an evaluation: what is asked (tasks), what is right (truth), what came back (cases),
 * what it means (report), and what it looks like (page). */
#ifndef ANA_PIPELINE_EVALUATE_INTERNAL_H
#define ANA_PIPELINE_EVALUATE_INTERNAL_H

#include "anatome/segment.h"
#include "imaging/components.h"
#include "imaging/image.h"
#include "imaging/reliability.h"
#include "io/csv.h"
#include "pipeline/evaluate.h"

enum task_kind {
    TASK_PRESENT, /* a row with a mask */
    TASK_ABSENT,  /* words of something that is not there */
    TASK_MENTION  /* nothing is asked: says that the manifest has the image, and in which split */
};

/* Strings are borrowed from the CSV files. */
struct task {
    enum task_kind kind;
    const char *image; /* as written */
    const char *mask;
    const char *words;   /* the concept, or the absent phrase */
    const char *patient; /* the column, else case, else the image */
    bool same_kind;      /* absent: of the same kind of picture */
    bool in_split;
    int64_t order;
};

/* Tasks of one image follow each other, so that one encoding serves all of them. */
struct task_group {
    const struct task *tasks;
    int64_t n;
};

struct task_list {
    struct csv manifest, absent;
    char *folder; /* that paths are relative to */
    struct task *tasks;
    int64_t n_tasks;
    struct task_group *groups; /* in the order of the manifest */
    int64_t n_groups;
    int64_t skipped;
};

MUST_CHECK ana_status task_list_open(struct task_list *out, const ana_evaluate_options *options,
                                     ana_error *err);
void task_list_clear(struct task_list *list);

/* The mask of a task, U8 [height, width, 1] of 0 and 1; another size is an error. */
MUST_CHECK ana_status truth_read(struct image *out, const char *folder, const struct task *task,
                                 const ana_evaluate_options *options, int64_t height, int64_t width,
                                 ana_error *err);

/* Its components that are asked for one by one, largest first. */
enum { TRUTH_SMALLEST_PART = 16, TRUTH_MOST_PARTS = 8 };
struct truth_parts {
    int32_t *labels; /* [height, width] */
    struct components components;
    int64_t largest[TRUTH_MOST_PARTS]; /* indices of components */
    int64_t n;
};
MUST_CHECK ana_status truth_parts_open(struct truth_parts *out, const struct image *mask,
                                       ana_error *err);
void truth_parts_clear(struct truth_parts *parts);
/* The k-th part alone as a mask of n pixels. */
void truth_part(uint8_t *out, const struct truth_parts *parts, int64_t k, int64_t n);

/* One measured answer. NaN where something was not measured. */
struct eval_case {
    const struct task *task;
    int part;         /* of the mask: 0 by text, else 1 for the largest component, ... */
    int64_t box[4];   /* x0, y0, x1, y1 asked with */
    int64_t point[2]; /* x, y asked with */
    ana_verdict verdict;
    double score, quality;
    int64_t truth_area, answer_area;
    double dice, iou, ellipse;
    double nsd_element, nsd_boundary, hd95_element, hd95_boundary;
};

/* The answer to words of something that is not there. */
struct eval_absent {
    const struct task *task;
    bool refused; /* before the network was asked: the score says nothing */
    double score;
    int64_t area;
};

/* What was stated against what was true. */
struct eval_calibration {
    struct reliability presence; /* score of words; were they there? */
    struct reliability pixels;   /* probability of pixels, each case weighs 1 */
    struct reliability quality;  /* of masks that are not empty; their Dice */
};

struct eval_cases {
    struct eval_case *items;
    int64_t n, capacity;
    struct eval_absent *absent; /* [absent tasks] */
    int64_t n_absent;
    struct eval_calibration calibration;
    int64_t n_images, failed, skipped;
    double seconds; /* encoding and questions */
};

/* Asks everything; images that fail are told to the log and counted. *out is the caller's to
 * eval_cases_clear(), also on failure. */
MUST_CHECK ana_status eval_cases_measure(struct eval_cases *out, const struct task_list *tasks,
                                         const struct model *model, struct ana_context *context,
                                         const ana_evaluate_options *options, ana_error *err);

void eval_cases_clear(struct eval_cases *cases);

/* Statistics and JSON. */
MUST_CHECK ana_status evaluation_summarise(struct ana_evaluation *evaluation,
                                           const struct eval_cases *cases,
                                           const struct model *model,
                                           const ana_evaluate_options *options, ana_error *err);

/* By concept, the lowest Dice first; order of equals kept. */
void eval_cases_sort(const struct eval_case **sorted, const struct eval_cases *cases);

/* Which cases to show: at most `each` of the worst, of the middle and of the best, no case twice.
 */
struct eval_selection {
    const struct eval_case *item;
    const char *rank; /* "worst", "median", "best" */
};
/* `ascending` are the n cases of one concept by Dice; `out` has room for 3 * each. Returns how many
 * were written: the worst from the lowest on, the middle, the best from the highest on. */
int64_t eval_select(struct eval_selection *out, const struct eval_case *const *ascending, int64_t n,
                    int64_t each);
/* Absent things that were shown: at most `each` of a kind of picture, the highest score first.
 * `out` has room for 2 * each. */
MUST_CHECK ana_status eval_select_absent(const struct eval_absent **out, int64_t *n_out,
                                         const struct eval_cases *cases, int64_t each,
                                         ana_error *err);

/* Pictures and page into an existing folder. `sha256` of the weights may be NULL. */
MUST_CHECK ana_status evaluation_write_page(const struct ana_evaluation *evaluation,
                                            const struct eval_cases *cases,
                                            const struct task_list *tasks,
                                            const struct model *model, const char *sha256,
                                            struct ana_context *context,
                                            const ana_evaluate_options *options, const char *folder,
                                            ana_error *err);

MUST_CHECK ana_status eval_cases_write(const struct eval_cases *cases, const char *path,
                                       const ana_evaluate_options *options, ana_error *err);

#endif
