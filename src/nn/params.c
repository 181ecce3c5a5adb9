/* Parameters: declared one by one, stored in one block, loaded and saved by name. */
#include "nn/params.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

struct entry {
    struct param_spec spec; /* its name is ours */
    struct tensor value;
};

struct params {
    enum dtype dtype;
    struct entry *entries;
    int n, capacity;
    struct arena names;
    void *storage;
    uint64_t version;
    ana_error error; /* the first one of params_declare() */
};

ana_status params_create(struct params **out, enum dtype dtype, ana_error *err)
{
    *out = NULL;
    if (dtype != DTYPE_F32 && dtype != DTYPE_F64)
        return ana_fail(err, ANA_ERR_ARGUMENT, "parameters cannot be of type %s",
                        dtype_name(dtype));
    struct params *params = memory_alloc_zeroed(sizeof *params);
    if (!params)
        return ana_fail_memory(err, sizeof *params);
    params->dtype = dtype;
    params->version = 1;
    arena_init(&params->names);
    *out = params;
    return ANA_OK;
}

void params_free(struct params *params)
{
    if (!params)
        return;
    arena_clear(&params->names);
    memory_free(params->entries);
    memory_free(params->storage);
    memory_free(params);
}

/* ---- declaration ---- */

static ana_status check_spec(const struct params *params, const struct param_spec *spec,
                             ana_error *err)
{
    size_t bytes;
    if (params->storage)
        return ana_fail(err, ANA_ERR_INTERNAL, "parameter %s declared too late", spec->name);
    if (spec->shape.rank < 1 || spec->shape.rank > TENSOR_MAX_RANK ||
        !shape_size(&bytes, &spec->shape, params->dtype) || bytes == 0)
        return ana_fail(err, ANA_ERR_ARGUMENT, "parameter %s has an impossible shape", spec->name);
    if (params_find(params, spec->name) >= 0)
        return ana_fail(err, ANA_ERR_ARGUMENT, "two parameters are named %s", spec->name);
    return ANA_OK;
}

static bool reserve_entry(struct params *params)
{
    if (params->n < params->capacity)
        return true;
    const int capacity = params->capacity ? 2 * params->capacity : 64;
    struct entry *entries =
        memory_resize(params->entries, (size_t)capacity * sizeof *params->entries);
    if (!entries)
        return false;
    params->entries = entries;
    params->capacity = capacity;
    return true;
}

int params_declare(struct params *params, const struct param_spec *spec)
{
    if (params->error.status || check_spec(params, spec, &params->error))
        return 0;
    struct entry entry = {.spec = *spec};
    entry.spec.name = arena_copy_string(&params->names, spec->name);
    if (!entry.spec.name || !reserve_entry(params)) {
        (void)ana_fail_memory(&params->error, sizeof entry);
        return 0;
    }
    if (entry.spec.rate == 0)
        entry.spec.rate = 1;
    entry.value = tensor_view(NULL, params->dtype, spec->shape);
    params->entries[params->n] = entry;
    return params->n++;
}

/* Where each value lies in the block; the block's size. */
static bool place_values(struct params *params, size_t *total)
{
    *total = 0;
    for (int i = 0; i < params->n; i++) {
        size_t bytes = tensor_bytes(&params->entries[i].value);
        if (!size_add(&bytes, bytes, MEMORY_ALIGNMENT - 1))
            return false;
        if (!size_add(total, *total, bytes / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT))
            return false;
    }
    return true;
}

ana_status params_finish(struct params *params, ana_error *err)
{
    if (params->error.status)
        return ana_fail(err, params->error.status, "%s", params->error.message);
    size_t total;
    if (!place_values(params, &total))
        return ana_fail(err, ANA_ERR_LIMIT, "parameters too large");
    params->storage = memory_alloc_zeroed(total);
    if (!params->storage)
        return ana_fail_memory(err, total);
    uint8_t *at = params->storage;
    for (int i = 0; i < params->n; i++) {
        params->entries[i].value.data = at;
        const size_t bytes = tensor_bytes(&params->entries[i].value);
        at += (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    }
    return ANA_OK;
}

/* ---- questions ---- */

int params_count(const struct params *params)
{
    return params->n;
}

int64_t params_elements(const struct params *params)
{
    int64_t total = 0;
    for (int i = 0; i < params->n; i++)
        if (!(params->entries[i].spec.flags & PARAM_BUFFER))
            total += tensor_count(&params->entries[i].value);
    return total;
}

const struct param_spec *params_spec(const struct params *params, int index)
{
    return &params->entries[index].spec;
}

int params_find(const struct params *params, const char *name)
{
    for (int i = 0; i < params->n; i++)
        if (strcmp(params->entries[i].spec.name, name) == 0)
            return i;
    return -1;
}

struct tensor params_value(const struct params *params, int index)
{
    return params->entries[index].value;
}

void params_set_flags(struct params *params, int index, unsigned flags)
{
    params->entries[index].spec.flags = flags;
}

int params_freeze(struct params *params, const char *prefix)
{
    int frozen = 0;
    for (int i = 0; i < params->n; i++)
        if (strncmp(params->entries[i].spec.name, prefix, strlen(prefix)) == 0) {
            params->entries[i].spec.flags |= PARAM_FROZEN;
            frozen++;
        }
    return frozen;
}

void params_touch(struct params *params)
{
    params->version++;
}

uint64_t params_version(const struct params *params)
{
    return params->version;
}

/* ---- initialisation ---- */

/* A step that no training run reaches, so that these draws meet no others of the same seed. */
#define INITIALISATION_STEP UINT64_MAX

static void put_value(const struct tensor *tensor, int64_t i, double value)
{
    if (tensor->dtype == DTYPE_F64)
        tensor_f64(tensor)[i] = value;
    else
        tensor_f32(tensor)[i] = (float)value;
}

static void fill_constant(const struct tensor *tensor, double value)
{
    for (int64_t i = 0; i < tensor_count(tensor); i++)
        put_value(tensor, i, value);
}

static void fill_normal(const struct tensor *tensor, double sd, struct random random)
{
    for (int64_t i = 0; i < tensor_count(tensor); i++)
        put_value(tensor, i, sd * random_normal(&random));
}

static void initialise(const struct entry *entry, struct random random)
{
    const struct param_spec *spec = &entry->spec;
    double fan_in = 1;
    switch (spec->init) {
    case PARAM_ZERO:
        fill_constant(&entry->value, 0);
        break;
    case PARAM_ONE:
        fill_constant(&entry->value, 1);
        break;
    case PARAM_CONSTANT:
        fill_constant(&entry->value, spec->init_scale);
        break;
    case PARAM_NORMAL:
        fill_normal(&entry->value, spec->init_scale, random);
        break;
    case PARAM_HE_FAN_IN:
        for (int axis = 1; axis < spec->shape.rank; axis++)
            fan_in *= (double)spec->shape.extent[axis];
        fill_normal(&entry->value, spec->init_scale * sqrt(2 / fan_in), random);
        break;
    }
}

void params_initialise(struct params *params, uint64_t seed)
{
    for (int i = 0; i < params->n; i++)
        initialise(&params->entries[i], random_at(seed, INITIALISATION_STEP, (uint32_t)i, 0));
    params_touch(params);
}

/* ---- loading ---- */

static bool is_float(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F64 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

/* The complaints about one file: the first few in words, the rest counted. */
struct complaints {
    struct text text;
    int n;
    bool out_of_memory;
};

enum { COMPLAINTS_SHOWN = 8 };

static void complain(struct complaints *c, const char *what, const char *name, const char *detail)
{
    if (c->n < COMPLAINTS_SHOWN)
        text_appendf(&c->text, "%s%s %s%s", c->n ? ", " : "", what, name, detail);
    c->n++;
}

/* -1 if the source has none, or when out of memory, which *failed tells. */
static int64_t find_prefixed(const struct tensor_source *source, const char *prefix,
                             const char *name, bool *failed)
{
    struct text full = {0};
    text_appendf(&full, "%s%s", prefix, name);
    const int64_t at = full.failed ? -1 : source->ops->find(source, text_string(&full));
    *failed = *failed || full.failed;
    text_clear(&full);
    return at;
}

static void check_declared(const struct params *params, const struct tensor_source *source,
                           const char *prefix, struct complaints *c)
{
    for (int i = 0; i < params->n; i++) {
        const struct param_spec *spec = &params->entries[i].spec;
        const int64_t at = find_prefixed(source, prefix, spec->name, &c->out_of_memory);
        if (at < 0) {
            complain(c, "missing", spec->name, "");
            continue;
        }
        const struct tensor tensor = source->ops->tensor(source, at);
        char got[96], wanted[96], detail[220];
        if (!shape_equal(&tensor.shape, &spec->shape)) {
            (void)snprintf(detail, sizeof detail, " is %s, expected %s",
                           shape_print(got, sizeof got, &tensor.shape),
                           shape_print(wanted, sizeof wanted, &spec->shape));
            complain(c, "misshapen", spec->name, detail);
        } else if (!is_float(tensor.dtype)) {
            (void)snprintf(detail, sizeof detail, " (%s)", dtype_name(tensor.dtype));
            complain(c, "not of a float type", spec->name, detail);
        }
    }
}

static void check_unexpected(const struct params *params, const struct tensor_source *source,
                             const char *prefix, struct complaints *c)
{
    for (int64_t i = 0; i < source->ops->count(source); i++) {
        const char *name = source->ops->name(source, i);
        if (!string_starts_with(name, prefix))
            continue;
        if (params_find(params, name + strlen(prefix)) < 0)
            complain(c, "unexpected", name, "");
    }
}

static ana_status check_names(const struct params *params, const struct tensor_source *source,
                              const char *prefix, ana_error *err)
{
    struct complaints c = {0};
    check_declared(params, source, prefix, &c);
    check_unexpected(params, source, prefix, &c);
    ana_status status = ANA_OK;
    if (c.n > COMPLAINTS_SHOWN)
        text_appendf(&c.text, " and %d more", c.n - COMPLAINTS_SHOWN);
    if (c.out_of_memory || c.text.failed)
        status = ana_fail_memory(err, c.text.size);
    else if (c.n)
        status = ana_fail(err, ANA_ERR_FORMAT, "%s does not fit the model: %s",
                          source->ops->label(source), text_string(&c.text));
    text_clear(&c.text);
    return status;
}

static bool all_finite(const struct tensor *tensor)
{
    const int64_t n = tensor_count(tensor);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(tensor->dtype == DTYPE_F64 ? tensor_f64(tensor)[i]
                                                 : (double)tensor_f32(tensor)[i]))
            return false;
    return true;
}

static ana_status load_value(const struct entry *entry, const struct tensor *stored,
                             const char *label, ana_error *err)
{
    const int64_t n = tensor_count(&entry->value);
    if (entry->value.dtype == DTYPE_F64)
        elements_to_f64(entry->value.data, stored->data, stored->dtype, n);
    else
        elements_to_f32(entry->value.data, stored->data, stored->dtype, n);
    if (!all_finite(&entry->value))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: %s holds a value that is not finite", label,
                        entry->spec.name);
    return ANA_OK;
}

ana_status params_load_prefixed(struct params *params, const struct tensor_source *source,
                                const char *prefix, ana_error *err)
{
    ana_status status = check_names(params, source, prefix, err);
    for (int i = 0; !status && i < params->n; i++) {
        bool failed = false;
        const int64_t at = find_prefixed(source, prefix, params->entries[i].spec.name, &failed);
        if (at < 0) /* it was there a moment ago */
            return ana_fail_memory(err, strlen(prefix));
        const struct tensor stored = source->ops->tensor(source, at);
        status = load_value(&params->entries[i], &stored, source->ops->label(source), err);
    }
    params_touch(params);
    return status;
}

ana_status params_load(struct params *params, const struct tensor_source *source, ana_error *err)
{
    return params_load_prefixed(params, source, "", err);
}

/* ---- saving ---- */

/* One value as `dtype`, into `out` of as many elements; `work` holds them as float between. */
static ana_status convert_value(const struct entry *entry, enum dtype dtype, float *work, void *out,
                                ana_error *err)
{
    const int64_t n = tensor_count(&entry->value);
    elements_to_f32(work, entry->value.data, entry->value.dtype, n);
    elements_from_f32(out, dtype, work, n);
    elements_to_f32(work, out, dtype, n);
    const struct tensor back = tensor_view(work, DTYPE_F32, entry->spec.shape);
    if (!all_finite(&back))
        return ana_fail(err, ANA_ERR_FORMAT, "%s holds a value that %s cannot", entry->spec.name,
                        dtype_name(dtype));
    return ANA_OK;
}

static ana_status save_value(const struct entry *entry, struct tensor_sink *sink,
                             const char *prefix, enum dtype dtype, ana_error *err)
{
    const size_t n = (size_t)tensor_count(&entry->value);
    float *work = memory_alloc_array(n, sizeof *work);
    void *out = memory_alloc_array(n, dtype_size(dtype));
    struct text name = {0};
    text_appendf(&name, "%s%s", prefix, entry->spec.name);
    ana_status status = ANA_OK;
    if (!work || !out || name.failed)
        status = ana_fail_memory(err, n * (sizeof *work + dtype_size(dtype)));
    if (!status)
        status = convert_value(entry, dtype, work, out, err);
    if (!status) {
        const struct tensor tensor = tensor_view(out, dtype, entry->spec.shape);
        status = sink->ops->put(sink, text_string(&name), &tensor, err);
    }
    memory_free(work);
    memory_free(out);
    text_clear(&name);
    return status;
}

ana_status params_save(const struct params *params, struct tensor_sink *sink, const char *prefix,
                       enum dtype dtype, ana_error *err)
{
    if (dtype != DTYPE_F32 && dtype != DTYPE_F16)
        return ana_fail(err, ANA_ERR_ARGUMENT, "parameters cannot be saved as %s",
                        dtype_name(dtype));
    ana_status status = ANA_OK;
    for (int i = 0; !status && i < params->n; i++)
        status = save_value(&params->entries[i], sink, prefix, dtype, err);
    return status;
}
