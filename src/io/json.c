/* JSON values of our own, read by jansson (RFC 8259) and written by us.
 *
 * Values are copied out of jansson's, so that they pass base/memory.h and so that a builder can
 * remember a failure without needing memory for it. jansson allocates by malloc() while it parses:
 * its hooks belong to the whole process, hence to the application. What it may use is bounded by
 * counting the values of the text beforehand.
 */
#include "io/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

enum { DEFAULT_DEPTH = 64, INDEX_FROM = 16 };
#define DEFAULT_SIZE_BYTES ((size_t)16 << 20)
#define DEFAULT_N_VALUES   (INT64_C(1) << 20)

struct json {
    enum json_type type;
    bool failed;     /* something was put here for which there was no memory */
    bool refused;    /* not to be written: not finite, not UTF-8, or such a key was put here */
    bool is_integer; /* of a number */
    union {
        bool boolean;
        int64_t integer;
        double real;
        char *string;
    } as;
    char *key; /* in the object that holds this value */
    struct json **children;
    int64_t n;
    int64_t capacity;
    /* Open addressing by hash of key, child index + 1; only for objects of INDEX_FROM or more. */
    int64_t *slots;
    int64_t n_slots; /* a power of two, more than twice n */
};

/* ---- values ---- */

static struct json *new_value(enum json_type type)
{
    struct json *value = memory_alloc_zeroed(sizeof(*value));
    if (value)
        value->type = type;
    return value;
}

void json_free(struct json *value)
{
    if (!value)
        return;
    for (int64_t i = 0; i < value->n; i++)
        json_free(value->children[i]);
    if (value->type == JSON_TYPE_STRING)
        memory_free(value->as.string);
    memory_free(value->key);
    memory_free(value->children);
    memory_free(value->slots);
    memory_free(value);
}

struct json *json_new_object(void)
{
    return new_value(JSON_TYPE_OBJECT);
}

struct json *json_new_array(void)
{
    return new_value(JSON_TYPE_ARRAY);
}

struct json *json_new_null(void)
{
    return new_value(JSON_TYPE_NULL);
}

struct json *json_new_bool(bool boolean)
{
    struct json *value = new_value(JSON_TYPE_BOOL);
    if (value)
        value->as.boolean = boolean;
    return value;
}

struct json *json_new_int64(int64_t number)
{
    struct json *value = new_value(JSON_TYPE_NUMBER);
    if (value) {
        value->is_integer = true;
        value->as.integer = number;
    }
    return value;
}

/* Stands for what JSON cannot say, so that it is told from what there was no memory for. */
static struct json *new_refused(void)
{
    struct json *value = new_value(JSON_TYPE_NULL);
    if (value)
        value->refused = true;
    return value;
}

struct json *json_new_double(double number)
{
    if (!isfinite(number))
        return new_refused();
    struct json *value = new_value(JSON_TYPE_NUMBER);
    if (value)
        value->as.real = number;
    return value;
}

/* The string is known to be UTF-8. */
static struct json *new_string(const char *string)
{
    struct json *value = new_value(JSON_TYPE_STRING);
    if (!value)
        return NULL;
    value->as.string = memory_copy_string(string);
    if (!value->as.string) {
        json_free(value);
        return NULL;
    }
    return value;
}

struct json *json_new_string(const char *string)
{
    return string && string_is_utf8(string) ? new_string(string) : new_refused();
}

/* ---- members ---- */

static uint64_t hash_key(const char *key)
{
    return fnv1a(FNV1A_START, key, strlen(key));
}

static void index_insert(struct json *object, int64_t child)
{
    const uint64_t mask = (uint64_t)object->n_slots - 1;
    uint64_t at = hash_key(object->children[child]->key) & mask;
    while (object->slots[at])
        at = (at + 1) & mask;
    object->slots[at] = child + 1;
}

/* Makes room for n members in the index. */
static bool index_grow(struct json *object, int64_t n)
{
    if (n < INDEX_FROM || 2 * n < object->n_slots)
        return true;
    const int64_t n_slots = object->n_slots ? 2 * object->n_slots : 4 * INDEX_FROM;
    int64_t *slots = memory_alloc_array_zeroed((size_t)n_slots, sizeof(*slots));
    if (!slots)
        return false;
    memory_free(object->slots);
    object->slots = slots;
    object->n_slots = n_slots;
    for (int64_t i = 0; i < object->n; i++)
        index_insert(object, i);
    return true;
}

/* Index of the member, -1 if there is none. */
static int64_t find_member(const struct json *object, const char *key)
{
    if (!object->n_slots) {
        for (int64_t i = 0; i < object->n; i++)
            if (strcmp(object->children[i]->key, key) == 0)
                return i;
        return -1;
    }
    const uint64_t mask = (uint64_t)object->n_slots - 1;
    for (uint64_t at = hash_key(key) & mask; object->slots[at]; at = (at + 1) & mask)
        if (strcmp(object->children[object->slots[at] - 1]->key, key) == 0)
            return object->slots[at] - 1;
    return -1;
}

static bool reserve_child(struct json *parent)
{
    if (parent->n < parent->capacity)
        return true;
    const int64_t capacity = parent->capacity ? 2 * parent->capacity : 4;
    struct json **children =
        memory_resize(parent->children, (size_t)capacity * sizeof(struct json *));
    if (!children)
        return false;
    parent->children = children;
    parent->capacity = capacity;
    return true;
}

/* Takes value on success only. The key, if any, is known to be UTF-8 and new. */
static bool add_child(struct json *parent, const char *key, struct json *value)
{
    if (!reserve_child(parent) || (key && !index_grow(parent, parent->n + 1)))
        return false;
    if (key) {
        value->key = memory_copy_string(key);
        if (!value->key)
            return false;
    }
    parent->children[parent->n++] = value;
    if (key && parent->n_slots)
        index_insert(parent, parent->n - 1);
    return true;
}

static void replace_child(struct json *object, int64_t at, struct json *value)
{
    struct json *old = object->children[at];
    value->key = old->key;
    old->key = NULL;
    object->children[at] = value;
    json_free(old);
}

void json_put(struct json *object, const char *key, struct json *value)
{
    if (!object || object->type != JSON_TYPE_OBJECT || !value) {
        if (object)
            object->failed = true;
        json_free(value);
        return;
    }
    const int64_t at = find_member(object, key);
    if (at >= 0) {
        replace_child(object, at, value);
    } else if (!string_is_utf8(key)) {
        object->refused = true;
        json_free(value);
    } else if (!add_child(object, key, value)) {
        object->failed = true;
        json_free(value);
    }
}

void json_append(struct json *array, struct json *value)
{
    if (array && array->type == JSON_TYPE_ARRAY && value && add_child(array, NULL, value))
        return;
    if (array)
        array->failed = true;
    json_free(value);
}

void json_put_string(struct json *object, const char *key, const char *string)
{
    json_put(object, key, json_new_string(string));
}

void json_put_int64(struct json *object, const char *key, int64_t number)
{
    json_put(object, key, json_new_int64(number));
}

void json_put_double(struct json *object, const char *key, double number)
{
    json_put(object, key, json_new_double(number));
}

void json_put_bool(struct json *object, const char *key, bool value)
{
    json_put(object, key, json_new_bool(value));
}

/* ---- getters ---- */

enum json_type json_type_of(const struct json *value)
{
    return value ? value->type : JSON_TYPE_NULL;
}

bool json_bool(const struct json *value, bool otherwise)
{
    return json_type_of(value) == JSON_TYPE_BOOL ? value->as.boolean : otherwise;
}

double json_double(const struct json *value, double otherwise)
{
    if (json_type_of(value) != JSON_TYPE_NUMBER)
        return otherwise;
    return value->is_integer ? (double)value->as.integer : value->as.real;
}

bool json_int64(const struct json *value, int64_t *out)
{
    if (json_type_of(value) != JSON_TYPE_NUMBER || !value->is_integer)
        return false;
    *out = value->as.integer;
    return true;
}

const char *json_text(const struct json *value)
{
    return json_type_of(value) == JSON_TYPE_STRING ? value->as.string : NULL;
}

int64_t json_count(const struct json *value)
{
    return value ? value->n : 0;
}

const struct json *json_at(const struct json *array, int64_t index)
{
    if (json_type_of(array) != JSON_TYPE_ARRAY || index < 0 || index >= array->n)
        return NULL;
    return array->children[index];
}

const struct json *json_get(const struct json *object, const char *key)
{
    if (json_type_of(object) != JSON_TYPE_OBJECT)
        return NULL;
    const int64_t at = find_member(object, key);
    return at < 0 ? NULL : object->children[at];
}

static struct json_member member_at(const struct json *object, int64_t index)
{
    if (json_type_of(object) != JSON_TYPE_OBJECT || index >= object->n)
        return (struct json_member){.index = index};
    return (struct json_member){object->children[index]->key, object->children[index], index};
}

struct json_member json_first(const struct json *object)
{
    return member_at(object, 0);
}

struct json_member json_next(const struct json *object, struct json_member member)
{
    return member_at(object, member.index + 1);
}

/* ---- reading ---- */

/* Upper bounds of what jansson would build, from punctuation outside strings alone. The text need
 * not be JSON. */
struct extent {
    int depth;
    int64_t n_values;
};

static struct extent measure(const char *text, size_t size)
{
    struct extent extent = {0, 1};
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        in_string = c == '"';
        if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
        extent.n_values += c == '[' || c == '{' || c == ',';
        extent.depth = depth > extent.depth ? depth : extent.depth;
    }
    return extent;
}

static ana_status check_limits(const char *text, size_t size, const char *label,
                               const struct json_limits *limits, ana_error *err)
{
    const struct json_limits none = {0};
    limits = limits ? limits : &none;
    const size_t max_size = limits->size_bytes ? limits->size_bytes : DEFAULT_SIZE_BYTES;
    const int max_depth = limits->depth ? limits->depth : DEFAULT_DEPTH;
    const int64_t max_values = limits->n_values ? limits->n_values : DEFAULT_N_VALUES;

    if (size > max_size)
        return ana_fail(err, ANA_ERR_LIMIT, "%s: JSON of %zu bytes, the limit is %zu", label, size,
                        max_size);
    const struct extent extent = measure(text, size);
    if (extent.depth > max_depth)
        return ana_fail(err, ANA_ERR_LIMIT, "%s: JSON nested deeper than %d levels", label,
                        max_depth);
    if (extent.n_values > max_values)
        return ana_fail(err, ANA_ERR_LIMIT, "%s: JSON of more than %lld values", label,
                        (long long)max_values);
    return ANA_OK;
}

static struct json *copy_value(json_t *from);

static bool copy_children(struct json *to, json_t *from)
{
    const char *key;
    json_t *element;
    size_t i;

    json_object_foreach(from, key, element)
    {
        struct json *child = copy_value(element);
        if (!child || !add_child(to, key, child)) {
            json_free(child);
            return false;
        }
    }
    json_array_foreach(from, i, element)
    {
        struct json *child = copy_value(element);
        if (!child || !add_child(to, NULL, child)) {
            json_free(child);
            return false;
        }
    }
    return true;
}

static struct json *copy_container(json_t *from)
{
    struct json *to = json_is_object(from) ? json_new_object() : json_new_array();
    if (to && !copy_children(to, from)) {
        json_free(to);
        return NULL;
    }
    return to;
}

/* NULL when out of memory. The depth is known to be limited. */
static struct json *copy_value(json_t *from)
{
    switch (json_typeof(from)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return copy_container(from);
    case JSON_STRING:
        return new_string(json_string_value(from));
    case JSON_INTEGER:
        return json_new_int64(json_integer_value(from));
    case JSON_REAL:
        return json_new_double(json_real_value(from));
    case JSON_TRUE:
    case JSON_FALSE:
        return json_new_bool(json_is_true(from));
    case JSON_NULL:
        break;
    }
    return json_new_null();
}

ana_status json_parse(struct json **out, const void *data, size_t size, const char *label,
                      const struct json_limits *limits, ana_error *err)
{
    *out = NULL;
    ana_status status = check_limits(data, size, label, limits, err);
    if (status)
        return status;

    json_error_t error;
    json_t *root =
        json_loadb(size ? data : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: %s", label, error.line, error.text);

    *out = copy_value(root);
    json_decref(root);
    return *out ? ANA_OK : ana_fail_memory(err, size);
}

ana_status json_read(struct json **out, const char *path, const struct json_limits *limits,
                     ana_error *err)
{
    *out = NULL;
    struct file_map map;
    ana_status status = file_map_open(&map, path, err);
    if (status)
        return status;
    status = json_parse(out, map.data, map.size, path, limits, err);
    file_map_close(&map);
    return status;
}

/* ---- writing ---- */

static void dump_string(struct text *out, const char *string)
{
    static const char escaped[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";

    text_append(out, "\"");
    for (const char *c = string; *c; c++) {
        const char *special = strchr(escaped, *c);
        if (special)
            text_appendf(out, "\\%c", letters[special - escaped]);
        else if ((unsigned char)*c < 0x20)
            text_appendf(out, "\\u%04x", (unsigned)*c);
        else
            text_append_bytes(out, c, 1);
    }
    text_append(out, "\"");
}

/* printf() writes the decimal point of the locale, which may be any character, even of several
 * bytes; JSON wants a point. */
static void dump_digits(struct text *out, const char *digits)
{
    bool in_point = false;
    bool is_real = false;
    for (const char *c = digits; *c; c++) {
        const bool plain = strchr("0123456789+-e", *c) != NULL;
        if (plain)
            text_append_bytes(out, c, 1);
        else if (!in_point)
            text_append(out, ".");
        in_point = !plain;
        is_real = is_real || in_point || *c == 'e';
    }
    if (!is_real)
        text_append(out, ".0"); /* a whole number stays a real for readers with types */
}

static void dump_double(struct text *out, double number)
{
    char digits[64];
    for (int precision = 9; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, number);
        const double back = strtod(digits, NULL);
        if (!(back < number) && !(back > number))
            break;
    }
    dump_digits(out, digits);
}

static void break_line(struct text *out, int indent, int level)
{
    if (indent)
        text_appendf(out, "\n%*s", indent * level, "");
}

static bool dump_value(struct text *out, const struct json *value, int indent, int level);

static bool dump_children(struct text *out, const struct json *value, int indent, int level)
{
    const bool is_object = value->type == JSON_TYPE_OBJECT;
    bool complete = true;

    text_append(out, is_object ? "{" : "[");
    for (int64_t i = 0; i < value->n; i++) {
        if (i)
            text_append(out, ",");
        break_line(out, indent, level + 1);
        if (is_object) {
            dump_string(out, value->children[i]->key);
            text_append(out, indent ? ": " : ":");
        }
        complete = dump_value(out, value->children[i], indent, level + 1) && complete;
    }
    if (value->n)
        break_line(out, indent, level);
    text_append(out, is_object ? "}" : "]");
    return complete;
}

/* False if the value or one below it is marked as failed. */
static bool dump_value(struct text *out, const struct json *value, int indent, int level)
{
    switch (value->type) {
    case JSON_TYPE_NULL:
        text_append(out, "null");
        break;
    case JSON_TYPE_BOOL:
        text_append(out, value->as.boolean ? "true" : "false");
        break;
    case JSON_TYPE_NUMBER:
        if (value->is_integer)
            text_appendf(out, "%lld", (long long)value->as.integer);
        else
            dump_double(out, value->as.real);
        break;
    case JSON_TYPE_STRING:
        dump_string(out, value->as.string);
        break;
    case JSON_TYPE_ARRAY:
    case JSON_TYPE_OBJECT:
        return dump_children(out, value, indent, level) && !value->failed;
    }
    return true;
}

/* Is there anything in it that JSON cannot say? */
static bool is_refused(const struct json *value)
{
    bool refused = value->refused;

    for (int64_t i = 0; i < value->n && !refused; i++)
        refused = is_refused(value->children[i]);
    return refused;
}

ana_status json_dump(struct text *out, const struct json *value, int indent, ana_error *err)
{
    if (!value)
        return ana_fail(err, ANA_ERR_MEMORY, "no JSON value to write");
    const bool complete = dump_value(out, value, indent, 0);
    if (indent)
        text_append(out, "\n");
    if (out->failed)
        return ana_fail_memory(err, out->size);
    if (is_refused(value))
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "a number that is not finite, or text that is not UTF-8, in JSON");
    return complete ? ANA_OK : ana_fail_memory(err, sizeof *value);
}
