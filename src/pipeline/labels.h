/* Several masks as one picture of labels, and the files that results are written to. The contracts
 * are those of anatome/segment.h. */
#ifndef ANA_PIPELINE_LABELS_H
#define ANA_PIPELINE_LABELS_H

#include "pipeline/segment.h"

struct label_entry {
    char *name;
    ana_verdict verdict;
    int64_t area; /* of the mask, what was lost to later masks included */
    int64_t lost;
};

struct ana_labels {
    struct image image; /* U16 [H, W, 1] */
    size_t n;
    struct label_entry *entries; /* n + 1; [0] is the background and unused */
    int64_t overlap;             /* pixels that more than one mask claims */
};

MUST_CHECK ana_status labels_create(struct ana_labels **out, const ana_result *const *results,
                                    size_t n, ana_error *err);
void labels_free(struct ana_labels *labels); /* NULL is fine */
MUST_CHECK ana_status labels_write(const struct ana_labels *labels, const char *path,
                                   ana_error *err);
MUST_CHECK ana_status labels_write_legend(const struct ana_labels *labels, const char *path,
                                          ana_error *err);

const char *verdict_name(ana_verdict verdict);
MUST_CHECK ana_status result_write_soft(const struct ana_result *result, const char *path,
                                        ana_error *err);
MUST_CHECK ana_status results_write_overlay(const struct image *image,
                                            const ana_result *const *results, size_t n,
                                            const char *path, ana_error *err);

#endif
