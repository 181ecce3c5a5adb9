/* The three parts of an evaluation: what is asked (tasks), what came back (cases), what it means
 * (report). */
#ifndef ANA_PIPELINE_EVALUATE_INTERNAL_H
#define ANA_PIPELINE_EVALUATE_INTERNAL_H

#include "anatome/segment.h"
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

/* One measured answer. NaN where something was not measured. */
struct eval_case {
    const struct task *task;
    int part;         /* of the mask: 0 by text, else 1 for the largest component, ... */
    int64_t box[4];   /* x0, y0, x1, y1 asked with */
    int64_t point[2]; /* x, y asked with */
    ana_verdict verdict;
    double score;
    int64_t truth_area, answer_area;
    double dice, iou, ellipse;
    double nsd_element, nsd_boundary, hd95_element, hd95_boundary;
};

struct eval_cases {
    struct eval_case *items;
    int64_t n, capacity;
    int64_t absent_n[2], absent_empty[2]; /* [0] other, [1] same */
    int64_t n_images, failed, skipped;
    double seconds; /* encoding and questions */
};

/* Asks everything; images that fail are told to the log and counted. */
MUST_CHECK ana_status eval_cases_measure(struct eval_cases *out, const struct task_list *tasks,
                                         const struct model *model, struct ana_context *context,
                                         const ana_evaluate_options *options, ana_error *err);

/* Statistics and JSON. */
MUST_CHECK ana_status evaluation_summarise(struct ana_evaluation *evaluation,
                                           const struct eval_cases *cases,
                                           const struct model *model,
                                           const ana_evaluate_options *options, ana_error *err);

MUST_CHECK ana_status eval_cases_write(const struct eval_cases *cases, const char *path,
                                       const ana_evaluate_options *options, ana_error *err);

#endif
