/* Measuring a model: rows of a manifest asked by words, boxes or points, and compared. The contract
 * is that of anatome/evaluate.h. */
#ifndef ANA_PIPELINE_EVALUATE_H
#define ANA_PIPELINE_EVALUATE_H

#include "anatome/evaluate.h"
#include "base/text.h"
#include "models/model.h"

struct ana_evaluation {
    ana_evaluation_totals totals;
    ana_evaluation_concept *concepts; /* sorted by name */
    char **names;                     /* of the concepts */
    struct text json;
};

/* `sha256` of the weights is for the report; NULL is fine. */
MUST_CHECK ana_status evaluate_model(struct ana_evaluation **out, const struct model *model,
                                     const char *sha256, struct ana_context *context,
                                     const ana_evaluate_options *options, ana_error *err);
void evaluation_free(struct ana_evaluation *evaluation); /* NULL is fine */

#endif
