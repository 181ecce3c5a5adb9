/* Checkpoints and weights as safetensors files. */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/safetensors.h"
#include "models/model.h"

/* The optimiser names its own tensors. */
static const char parameters_prefix[] = "parameters.";
static const char key_step[] = "anatome.train.step";
static const char key_seed[] = "anatome.train.seed";
static const char key_recipe[] = "anatome.train.recipe";
static const char key_isa[] = "anatome.train.instruction_set";
static const char key_best[] = "anatome.train.best_dice";
static const char key_without_best[] = "anatome.train.validations_without_best";

static ana_status put_number(struct tensor_sink *sink, const char *key, uint64_t number,
                             ana_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return sink->ops->put_metadata(sink, key, text, err);
}

/* digits: 17 give the same double back, fewer are easier to read. */
static ana_status put_double(struct tensor_sink *sink, const char *key, double number, int digits,
                             ana_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%.*g", digits, number);
    return sink->ops->put_metadata(sink, key, text, err);
}

static ana_status put_state(struct tensor_sink *sink, const struct checkpoint *at,
                            const struct trainee *trainee, const struct optimiser *optimiser,
                            ana_error *err)
{
    ana_status status = put_number(sink, key_step, (uint64_t)at->step, err);
    if (!status)
        status = put_number(sink, key_seed, at->seed, err);
    if (!status)
        status = put_number(sink, key_recipe, at->recipe, err);
    if (!status)
        status = sink->ops->put_metadata(sink, key_isa, at->instruction_set, err);
    if (!status && at->best_dice >= 0)
        status = put_double(sink, key_best, at->best_dice, 17, err);
    if (!status && at->best_dice >= 0)
        status = put_number(sink, key_without_best, (uint64_t)at->without_best, err);
    if (!status)
        status = params_save(trainee->params, sink, parameters_prefix, DTYPE_F32, err);
    if (!status)
        status = optimiser_save(optimiser, sink, err);
    return status;
}

ana_status checkpoint_save(const char *path, const struct checkpoint *at,
                           const struct trainee *trainee, const struct optimiser *optimiser,
                           ana_error *err)
{
    struct safetensors_writer *writer;
    ana_status status = safetensors_writer_create(&writer, err);
    if (status)
        return status;
    status = put_state(safetensors_writer_sink(writer), at, trainee, optimiser, err);
    if (!status)
        status = safetensors_writer_write(writer, path, err);
    safetensors_writer_free(writer);
    return status ? ana_fail_in(err, status, "saving the state of the training") : ANA_OK;
}

/* ---- loading ---- */

static ana_status get_number(const struct tensor_source *source, const char *key, uint64_t *out,
                             ana_error *err)
{
    const char *text = source->ops->metadata(source, key);
    char *end = NULL;
    if (text)
        *out = strtoull(text, &end, 10);
    if (!text || !*text || *end)
        return ana_fail(err, ANA_ERR_FORMAT, "%s is not a training state: no %s",
                        source->ops->label(source), key);
    return ANA_OK;
}

/* A run that was not validated yet says nothing about it. */
static ana_status read_validation(const struct tensor_source *source, struct checkpoint *at,
                                  ana_error *err)
{
    uint64_t without_best;
    const char *best = source->ops->metadata(source, key_best);
    at->best_dice = -1;
    at->without_best = 0;
    if (!best)
        return ANA_OK;
    if (!string_to_double(best, &at->best_dice))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %s is \"%s\", expected a number",
                        source->ops->label(source), key_best, best);
    const ana_status status = get_number(source, key_without_best, &without_best, err);
    at->without_best = status ? 0 : (int64_t)without_best;
    return status;
}

static ana_status read_header(const struct tensor_source *source, struct checkpoint *at,
                              ana_error *err)
{
    uint64_t step = 0;
    ana_status status = get_number(source, key_step, &step, err);
    if (!status)
        status = get_number(source, key_seed, &at->seed, err);
    if (!status)
        status = get_number(source, key_recipe, &at->recipe, err);
    if (status)
        return status;
    const char *isa = source->ops->metadata(source, key_isa);
    at->step = (int64_t)step;
    snprintf(at->instruction_set, sizeof at->instruction_set, "%s", isa ? isa : "");
    return read_validation(source, at, err);
}

ana_status checkpoint_load(const char *path, struct checkpoint *at, struct trainee *trainee,
                           struct optimiser *optimiser, ana_error *err)
{
    const struct checkpoint mine = *at;
    struct safetensors *file;
    ana_status status = safetensors_open(&file, path, err);
    if (status)
        return status;
    const struct tensor_source *source = safetensors_source(file);
    status = read_header(source, at, err);
    if (!status && (at->seed != mine.seed || at->recipe != mine.recipe))
        status = ana_fail(err, ANA_ERR_ARGUMENT, "%s was made with another %s", path,
                          at->seed != mine.seed ? "seed" : "recipe");
    if (!status)
        status = params_load_prefixed(trainee->params, source, parameters_prefix, err);
    if (!status)
        status = optimiser_load(optimiser, source, err);
    safetensors_free(file);
    return status;
}

/* ---- weights for use ---- */

/* "retinal vessels=0.3|cell nuclei=0.4" of those that differ from the common threshold. */
static ana_status put_thresholds(struct tensor_sink *sink, const struct weights_facts *facts,
                                 ana_error *err)
{
    struct text list = {0};
    for (int i = 0; facts->mask_thresholds && i < facts->table->n; i++) {
        const double own = facts->mask_thresholds[i];
        if (own < facts->mask_threshold || own > facts->mask_threshold)
            text_appendf(&list, "%s%s=%.6g", list.size ? "|" : "", facts->table->items[i].name,
                         own);
    }
    ana_status status = list.failed ? ana_fail_memory(err, list.size) : ANA_OK;
    if (!status && list.size)
        status = sink->ops->put_metadata(sink, MODEL_KEY_MASK_THRESHOLDS, text_string(&list), err);
    text_clear(&list);
    return status;
}

static ana_status put_calibration(struct tensor_sink *sink, const struct weights_facts *facts,
                                  ana_error *err)
{
    const bool has_scale =
        facts->presence_scale > 0 && (facts->presence_scale < 1 || facts->presence_scale > 1);
    const bool has_bias = facts->presence_bias < 0 || facts->presence_bias > 0;
    ana_status status = ANA_OK;
    if (has_scale)
        status = put_double(sink, MODEL_KEY_PRESENCE_SCALE, facts->presence_scale, 9, err);
    if (!status && has_bias)
        status = put_double(sink, MODEL_KEY_PRESENCE_BIAS, facts->presence_bias, 9, err);
    return status ? status : put_thresholds(sink, facts, err);
}

static ana_status put_facts(struct tensor_sink *sink, const struct weights_facts *facts,
                            ana_error *err)
{
    const struct {
        const char *key, *text;
    } strings[] = {{MODEL_KEY_KIND, "mini"},
                   {MODEL_KEY_NAME, "mini"},
                   {MODEL_KEY_VERSION, facts->version},
                   {MODEL_KEY_LICENCE, facts->licence},
                   {MODEL_KEY_INTENDED_USE, facts->intended_use},
                   {MODEL_KEY_CONCEPTS, facts->concepts}};
    ana_status status = ANA_OK;
    for (size_t i = 0; !status && i < sizeof strings / sizeof strings[0]; i++)
        status = sink->ops->put_metadata(sink, strings[i].key, strings[i].text, err);
    if (!status)
        status = put_double(sink, MODEL_KEY_MASK_THRESHOLD, facts->mask_threshold, 6, err);
    if (!status)
        status = put_double(sink, MODEL_KEY_PRESENCE_ABSENT, facts->presence_absent, 6, err);
    if (!status)
        status = put_double(sink, MODEL_KEY_PRESENCE_FOUND, facts->presence_found, 6, err);
    return status ? status : put_calibration(sink, facts, err);
}

/* Parameters of the network as it is used, copied from (or to) those of the trainee. */
static ana_status usable_params(struct params **out, const struct trainee *trainee, ana_error *err)
{
    struct mini_network network;
    ana_status status = params_create(out, DTYPE_F32, err);
    if (status)
        return status;
    mini_declare(&network, &trainee->network.config, *out, false);
    status = params_finish(*out, err);
    if (status) {
        params_free(*out);
        *out = NULL;
    }
    return status;
}

static void copy_params(struct params *to, const struct params *from)
{
    for (int i = 0; i < params_count(to); i++) {
        const int j = params_find(from, params_spec(to, i)->name);
        if (j < 0)
            continue;
        const struct tensor source = params_value(from, j), target = params_value(to, i);
        memcpy(target.data, source.data, tensor_bytes(&target));
    }
    params_touch(to);
}

ana_status weights_export(const char *path, const struct trainee *trainee,
                          const struct weights_facts *facts, ana_error *err)
{
    struct params *usable = NULL;
    struct safetensors_writer *writer = NULL;
    ana_status status = usable_params(&usable, trainee, err);
    if (!status)
        status = safetensors_writer_create(&writer, err);
    if (!status) {
        copy_params(usable, trainee->params);
        status = put_facts(safetensors_writer_sink(writer), facts, err);
    }
    if (!status)
        status = params_save(usable, safetensors_writer_sink(writer), "", DTYPE_F16, err);
    if (!status)
        status = safetensors_writer_write(writer, path, err);
    safetensors_writer_free(writer);
    params_free(usable);
    return status;
}

ana_status weights_import(struct trainee *trainee, const char *path, ana_error *err)
{
    struct params *usable = NULL;
    struct safetensors *file = NULL;
    ana_status status = usable_params(&usable, trainee, err);
    if (!status)
        status = safetensors_open(&file, path, err);
    if (!status)
        status = params_load(usable, safetensors_source(file), err);
    for (int i = 0; !status && i < params_count(usable); i++) {
        const int j = params_find(trainee->params, params_spec(usable, i)->name);
        const struct tensor source = params_value(usable, i);
        const struct tensor target = params_value(trainee->params, j);
        memcpy(target.data, source.data, tensor_bytes(&target));
    }
    if (!status)
        params_touch(trainee->params);
    safetensors_free(file);
    params_free(usable);
    return status;
}
