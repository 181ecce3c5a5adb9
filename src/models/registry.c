/* The model kinds of this build, by hand and in plain sight, and what is common to all of them. */
#include "models/model.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "text/concepts.h"

static const struct model_kind *const kinds[] = {
    &model_kind_mini,
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

const struct model_kind *model_kind_at(int index)
{
    return index >= 0 && index < N_KINDS ? kinds[index] : NULL;
}

const struct model_kind *model_kind_by_name(const char *name)
{
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

static const char *metadata_or(const struct tensor_source *weights, const char *key,
                               const char *otherwise)
{
    const char *value = weights->ops->metadata(weights, key);
    return value && *value ? value : otherwise;
}

/* A probability between 0 and 1. */
static ana_status metadata_probability(double *out, const struct tensor_source *weights,
                                       const char *key, double otherwise, ana_error *err)
{
    const char *value = weights->ops->metadata(weights, key);

    *out = otherwise;
    if (!value)
        return ANA_OK;
    if (!string_to_double(value, out) || *out < 0 || *out > 1)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: metadata %s is \"%.40s\", expected 0 to 1",
                        weights->ops->label(weights), key, value);
    return ANA_OK;
}

static ana_status metadata_number(double *out, const struct tensor_source *weights, const char *key,
                                  double otherwise, ana_error *err)
{
    const char *value = weights->ops->metadata(weights, key);

    *out = otherwise;
    if (value && !string_to_double(value, out))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: metadata %s is \"%.40s\", expected a number",
                        weights->ops->label(weights), key, value);
    return ANA_OK;
}

ana_status model_facts_read(struct model_facts *out, const struct model_kind *kind,
                            const struct tensor_source *weights, ana_error *err)
{
    struct model_facts facts = {
        .name = metadata_or(weights, MODEL_KEY_NAME, kind->name),
        .version = metadata_or(weights, MODEL_KEY_VERSION, ""),
        .licence = metadata_or(weights, MODEL_KEY_LICENCE, "unknown"),
        .intended_use = metadata_or(weights, MODEL_KEY_INTENDED_USE,
                                    "Research use only. Not a medical device."),
    };

    ana_status status =
        metadata_probability(&facts.mask_threshold, weights, MODEL_KEY_MASK_THRESHOLD, 0.5, err);
    if (!status)
        status = metadata_probability(&facts.presence_absent, weights, MODEL_KEY_PRESENCE_ABSENT,
                                      0.5, err);
    if (!status)
        status = metadata_probability(&facts.presence_found, weights, MODEL_KEY_PRESENCE_FOUND,
                                      facts.presence_absent, err);
    if (!status)
        status = metadata_number(&facts.presence_scale, weights, MODEL_KEY_PRESENCE_SCALE, 1, err);
    if (!status)
        status = metadata_number(&facts.presence_bias, weights, MODEL_KEY_PRESENCE_BIAS, 0, err);
    if (!status && !(facts.presence_scale > 0))
        status = ana_fail(err, ANA_ERR_FORMAT, "%s: metadata %s is not above 0",
                          weights->ops->label(weights), MODEL_KEY_PRESENCE_SCALE);
    if (!status && facts.presence_found < facts.presence_absent)
        status = ana_fail(err, ANA_ERR_FORMAT, "%s: metadata %s is below %s",
                          weights->ops->label(weights), MODEL_KEY_PRESENCE_FOUND,
                          MODEL_KEY_PRESENCE_ABSENT);
    if (!status)
        *out = facts;
    return status;
}

/* One "name=0.3" of n bytes. */
static bool read_threshold(double *thresholds, const struct concepts *concepts, const char *entry,
                           size_t n)
{
    char text[160];
    double value;

    if (n >= sizeof text)
        return false;
    memcpy(text, entry, n);
    text[n] = '\0';
    char *equals = strrchr(text, '=');
    if (!equals)
        return false;
    *equals = '\0';
    const int concept = concepts_find(concepts, text);
    if (concept < 0 || !string_to_double(equals + 1, &value) || value < 0 || value > 1)
        return false;
    thresholds[concept] = value;
    return true;
}

ana_status model_mask_thresholds_read(double **out, const struct concepts *concepts,
                                      const struct tensor_source *weights, double otherwise,
                                      ana_error *err)
{
    const char *list = metadata_or(weights, MODEL_KEY_MASK_THRESHOLDS, "");
    const size_t size = (size_t)concepts->n + 1;

    *out = memory_alloc_array(size, sizeof **out);
    if (!*out)
        return ana_fail_memory(err, size * sizeof **out);
    for (int i = 0; i < concepts->n; i++)
        (*out)[i] = otherwise;
    while (*list) {
        const size_t n = strcspn(list, "|");
        if (!read_threshold(*out, concepts, list, n)) {
            memory_free(*out);
            *out = NULL;
            return ana_fail(err, ANA_ERR_FORMAT,
                            "%s: metadata %s has \"%.*s\", expected a known concept = 0 to 1",
                            weights->ops->label(weights), MODEL_KEY_MASK_THRESHOLDS,
                            (int)(n < 60 ? n : 60), list);
        }
        list += n + (list[n] == '|');
    }
    return ANA_OK;
}

static const struct model_kind *recognise(const struct tensor_source *weights)
{
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i]->recognises && kinds[i]->recognises(weights))
            return kinds[i];
    return NULL;
}

ana_status model_open(struct model **out, const struct tensor_source *weights, ana_error *err)
{
    const char *label = weights->ops->label(weights);
    const char *name = weights->ops->metadata(weights, MODEL_KEY_KIND);
    const struct model_kind *kind = name ? model_kind_by_name(name) : recognise(weights);

    *out = NULL;
    if (!kind && name)
        return ana_fail(err, ANA_ERR_UNSUPPORTED,
                        "%s: the weights are for a network called \"%.40s\", which this version "
                        "does not have",
                        label, name);
    if (!kind)
        return ana_fail(err, ANA_ERR_UNSUPPORTED,
                        "%s: not the weights of a network that this version has (no \"%s\" in the "
                        "metadata)",
                        label, MODEL_KEY_KIND);
    return kind->open(out, weights, err);
}

void model_free(struct model *model)
{
    if (model)
        model->kind->free(model);
}

ana_status session_create(struct model_session **out, const struct model *model,
                          struct ana_context *context, ana_error *err)
{
    *out = NULL;
    return model->kind->session_create(out, model, context, err);
}

void session_free(struct model_session *session)
{
    if (session)
        session->model->kind->session_free(session);
}

struct model_needs session_needs(const struct model_session *session, int64_t height, int64_t width)
{
    struct model_needs needs = {0};

    if (session->model->kind->needs)
        session->model->kind->needs(session, height, width, &needs);
    return needs;
}

ana_status session_set_image(struct model_session *session, const struct image *image,
                             ana_error *err)
{
    assert(image->pixels.shape.rank == 3);
    return session->model->kind->set_image(session, image, err);
}

ana_status session_ask(struct model_session *session, const struct prompt *prompt,
                       struct answer *out, ana_error *err)
{
    assert(prompt->n_items > 0);
    *out = (struct answer){0};

    ana_status status = session->model->kind->ask(session, prompt, out, err);
    if (status)
        answer_clear(out);
    assert(status || out->n_candidates > 0);
    return status;
}

void answer_clear(struct answer *answer)
{
    for (int i = 0; i < ANSWER_MAX_CANDIDATES; i++)
        image_clear(&answer->candidates[i].map);
    *answer = (struct answer){0};
}
