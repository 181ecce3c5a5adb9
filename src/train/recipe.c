/* Reading a recipe and what follows from it at each step. */
#include "train/recipe.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "nn/optimiser.h"

struct train_recipe recipe_defaults(void)
{
    return (struct train_recipe){.steps = 8000,
                                 .n_images = 8,
                                 .prompts_per_image = 3,
                                 .learning_rate = 2.5e-3,
                                 .final_rate = 0.01,
                                 .warmup_steps = 100,
                                 .weight_decay = 0.02,
                                 .beta1 = 0.9,
                                 .beta2 = 0.99,
                                 .clip_norm = 1.0,
                                 .ema_decay = 0.998,
                                 .presence_weight = 0.3,
                                 .auxiliary_weight = 0.2,
                                 .word_steps = 400,
                                 .calibrate_batches = 120,
                                 .validate_every = 0,
                                 .patience = 0,
                                 .phases = {{128, 0.36}, {192, 0.22}, {256, 0.42}},
                                 .n_phases = 3};
}

/* ---- reading ---- */

enum field_type { FIELD_INT, FIELD_INT64, FIELD_DOUBLE };

struct field {
    const char *key;
    enum field_type type;
    size_t offset;
    double low, high;
};

#define FIELD(name, type, low, high)                                                               \
    {                                                                                              \
#name, type, offsetof(struct train_recipe, name), low, high                                \
    }
static const struct field fields[] = {
    FIELD(steps, FIELD_INT64, 1, 1e9),
    FIELD(n_images, FIELD_INT, 1, 256),
    FIELD(prompts_per_image, FIELD_INT, 1, 16),
    FIELD(learning_rate, FIELD_DOUBLE, 0, 1),
    FIELD(final_rate, FIELD_DOUBLE, 0, 1),
    FIELD(warmup_steps, FIELD_INT64, 0, 1e9),
    FIELD(weight_decay, FIELD_DOUBLE, 0, 1),
    FIELD(beta1, FIELD_DOUBLE, 0, 1),
    FIELD(beta2, FIELD_DOUBLE, 0, 1),
    FIELD(clip_norm, FIELD_DOUBLE, 0, 1e9),
    FIELD(ema_decay, FIELD_DOUBLE, 0, 1),
    FIELD(presence_weight, FIELD_DOUBLE, 0, 100),
    FIELD(auxiliary_weight, FIELD_DOUBLE, 0, 100),
    FIELD(word_steps, FIELD_INT64, 0, 1e9),
    FIELD(calibrate_batches, FIELD_INT, 0, 1e6),
    FIELD(calibration_share, FIELD_DOUBLE, 0, 0.5),
    FIELD(validate_every, FIELD_INT64, 0, 1e9),
    FIELD(patience, FIELD_INT64, 0, 1e9),
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static void *field_of(struct train_recipe *recipe, const struct field *field)
{
    return (char *)recipe + field->offset;
}

static double field_value(const struct train_recipe *recipe, const struct field *field)
{
    const void *at = (const char *)recipe + field->offset;
    switch (field->type) {
    case FIELD_INT:
        return *(const int *)at;
    case FIELD_INT64:
        return (double)*(const int64_t *)at;
    default:
        return *(const double *)at;
    }
}

static ana_status set_field(struct train_recipe *recipe, const struct field *field,
                            const char *text, ana_error *err)
{
    double number;
    if (!string_to_double(text, &number) || number < field->low || number > field->high ||
        (field->type != FIELD_DOUBLE && number != floor(number)))
        return ana_fail(err, ANA_ERR_FORMAT, "%s is \"%s\", expected a number from %g to %g",
                        field->key, text, field->low, field->high);
    switch (field->type) {
    case FIELD_INT:
        *(int *)field_of(recipe, field) = (int)number;
        break;
    case FIELD_INT64:
        *(int64_t *)field_of(recipe, field) = (int64_t)number;
        break;
    default:
        *(double *)field_of(recipe, field) = number;
    }
    return ANA_OK;
}

static ana_status add_phase(struct train_recipe *recipe, const char *text, bool first,
                            ana_error *err)
{
    if (first)
        recipe->n_phases = 0;
    char number[16] = "";
    const size_t n = strcspn(text, " \t");
    long long size;
    double share;
    if (n < sizeof number)
        memcpy(number, text, n);
    const char *rest = text + n + strspn(text + n, " \t");
    if (!string_to_int64(number, &size) || size != (int)size || !string_to_double(rest, &share))
        return ana_fail(err, ANA_ERR_FORMAT, "phase is \"%s\", expected a size and a share", text);
    if (recipe->n_phases == RECIPE_MAX_PHASES)
        return ana_fail(err, ANA_ERR_FORMAT, "more than %d phases", RECIPE_MAX_PHASES);
    recipe->phases[recipe->n_phases++] = (struct recipe_phase){(int)size, share};
    return ANA_OK;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static ana_status read_line(struct train_recipe *recipe, char *line, bool *has_phase,
                            ana_error *err)
{
    char *comment = strchr(line, '#');
    if (comment)
        *comment = '\0';
    line = trim(line);
    if (!*line)
        return ANA_OK;
    char *equals = strchr(line, '=');
    if (!equals)
        return ana_fail(err, ANA_ERR_FORMAT, "\"%s\" is not `key = value`", line);
    *equals = '\0';
    const char *key = trim(line);
    const char *text = trim(equals + 1);
    if (strcmp(key, "phase") == 0) {
        const bool first = !*has_phase;
        *has_phase = true;
        return add_phase(recipe, text, first, err);
    }
    for (int i = 0; i < N_FIELDS; i++)
        if (strcmp(fields[i].key, key) == 0)
            return set_field(recipe, &fields[i], text, err);
    return ana_fail(err, ANA_ERR_FORMAT, "unknown key \"%s\"", key);
}

ana_status recipe_check(const struct train_recipe *recipe, ana_error *err)
{
    double total = 0;
    for (int i = 0; i < recipe->n_phases; i++) {
        const struct recipe_phase *phase = &recipe->phases[i];
        if (phase->size < 32 || phase->size > 512 || phase->size % 32)
            return ana_fail(err, ANA_ERR_ARGUMENT,
                            "size of phase %d is %d, expected a multiple of 32 from 32 to 512",
                            i + 1, phase->size);
        if (!(phase->share > 0))
            return ana_fail(err, ANA_ERR_ARGUMENT, "share of phase %d is not positive", i + 1);
        total += phase->share;
    }
    if (fabs(total - 1) > 1e-6)
        return ana_fail(err, ANA_ERR_ARGUMENT, "the phases' shares add up to %g, expected 1",
                        total);
    return ANA_OK;
}

ana_status recipe_read(struct train_recipe *recipe, const char *path, ana_error *err)
{
    uint8_t *bytes;
    size_t size;
    ana_status status = file_read(&bytes, &size, path, 1 << 20, err);
    if (status)
        return status;
    bool has_phase = false;
    int number = 1;
    for (char *line = (char *)bytes; line && !status; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        status = read_line(recipe, line, &has_phase, err);
        if (status)
            status = ana_fail_in(err, status, "%s, line %d", path, number);
        line = end ? end + 1 : NULL;
    }
    memory_free(bytes);
    if (!status) {
        status = recipe_check(recipe, err);
        if (status)
            status = ana_fail_in(err, status, "%s", path);
    }
    return status;
}

/* ---- at a step ---- */

int recipe_size_at(const struct train_recipe *recipe, int64_t step)
{
    double end = 0;
    for (int i = 0; i < recipe->n_phases; i++) {
        end += recipe->phases[i].share;
        if ((double)step < end * (double)recipe->steps)
            return recipe->phases[i].size;
    }
    return recipe->phases[recipe->n_phases - 1].size;
}

double recipe_rate_at(const struct train_recipe *recipe, int64_t step)
{
    return schedule_cosine(step, recipe->warmup_steps, recipe->steps, recipe->learning_rate,
                           recipe->learning_rate * recipe->final_rate);
}

/* Setting nobody aside is what runs did before there was the choice: their states go on. */
static bool changes_steps(const struct train_recipe *recipe, const struct field *field)
{
    if (strcmp(field->key, "calibration_share") == 0)
        return recipe->calibration_share > 0;
    return strcmp(field->key, "validate_every") != 0 && strcmp(field->key, "patience") != 0 &&
           strcmp(field->key, "calibrate_batches") != 0;
}

uint64_t recipe_fingerprint(const struct train_recipe *recipe)
{
    uint64_t hash = FNV1A_START;
    for (int i = 0; i < N_FIELDS; i++) {
        if (!changes_steps(recipe, &fields[i]))
            continue;
        const double number = field_value(recipe, &fields[i]);
        hash = fnv1a(hash, &number, sizeof number);
    }
    for (int i = 0; i < recipe->n_phases; i++) {
        const double numbers[] = {recipe->phases[i].size, recipe->phases[i].share};
        hash = fnv1a(hash, numbers, sizeof numbers);
    }
    return hash;
}
