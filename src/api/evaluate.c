/* Evaluation of the public API: thin, the work is done in pipeline/. */
#include "anatome/evaluate.h"

#include "api/api_internal.h"
#include "pipeline/evaluate.h"
#include "pipeline/passes.h"

ana_evaluate_options ana_evaluate_defaults(void)
{
    return (ana_evaluate_options){.by = ANA_BY_TEXT,
                                  .nsd_tolerance = 2,
                                  .report_cases = 3,
                                  .passes = passes_defaults(),
                                  .seed = 1};
}

ana_status ana_evaluate(ana_evaluation **out, const ana_model *model, ana_context *context,
                        const ana_evaluate_options *options, ana_error *err)
{
    *out = NULL;
    if (!options->manifest)
        return ana_fail(err, ANA_ERR_ARGUMENT, "an evaluation needs a manifest");
    return evaluate_model(out, model->model, model->sha256, context, options, err);
}

void ana_evaluation_free(ana_evaluation *evaluation)
{
    evaluation_free(evaluation);
}

ana_evaluation_totals ana_evaluation_get_totals(const ana_evaluation *evaluation)
{
    return evaluation->totals;
}

ana_evaluation_concept ana_evaluation_get_concept(const ana_evaluation *evaluation, int64_t index)
{
    if (index < 0 || index >= evaluation->totals.n_concepts)
        return (ana_evaluation_concept){.concept_name = ""};
    return evaluation->concepts[index];
}

const char *ana_evaluation_json(const ana_evaluation *evaluation)
{
    return text_string(&evaluation->json);
}
