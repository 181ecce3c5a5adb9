/* JSON, strict: duplicate keys, invalid UTF-8 and anything after the value are errors.
 *
 * A `struct json` is any value. What is inside a value belongs to it: only what json_parse() or a
 * json_new_...() returned is freed, and only if it was not put into another value. Objects keep the
 * order of insertion. Getters of the wrong type return the given default (or NULL, or 0).
 */
#ifndef ANA_IO_JSON_H
#define ANA_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct json;

enum json_type {
    JSON_TYPE_NULL,
    JSON_TYPE_BOOL,
    JSON_TYPE_NUMBER,
    JSON_TYPE_STRING,
    JSON_TYPE_ARRAY,
    JSON_TYPE_OBJECT
};

struct json_limits {
    size_t size_bytes; /* 0: 16 MiB */
    int depth;         /* 0: 64 */
    int64_t n_values;  /* 0: 2^20; bounds the memory that a small text can ask for */
};

/* limits NULL means the defaults. Errors read "<label>: line 3: ...". */
MUST_CHECK ana_status json_parse(struct json **out, const void *data, size_t size,
                                 const char *label, const struct json_limits *limits,
                                 ana_error *err);
MUST_CHECK ana_status json_read(struct json **out, const char *path,
                                const struct json_limits *limits, ana_error *err);
void json_free(struct json *value); /* NULL is fine */

enum json_type json_type_of(const struct json *value); /* JSON_TYPE_NULL for NULL */
bool json_bool(const struct json *value, bool otherwise);
double json_double(const struct json *value, double otherwise);
/* False unless the value was written as an integer (no point, no exponent) of 64 bits. */
bool json_int64(const struct json *value, int64_t *out);
const char *json_text(const struct json *value); /* UTF-8 without NUL, borrowed; NULL if none */

/* Elements of an array or members of an object. */
int64_t json_count(const struct json *value);
const struct json *json_at(const struct json *array, int64_t index); /* NULL outside */
/* NULL if there is none. */
const struct json *json_get(const struct json *object, const char *key);
/* Walks an object in order: start with json_first() and end at NULL. */
struct json_member {
    const char *key; /* NULL at the end */
    const struct json *value;
    int64_t index;
};
struct json_member json_first(const struct json *object);
struct json_member json_next(const struct json *object, struct json_member member);

/* Builders. NULL when out of memory; putting NULL into something marks it as failed, so that one
 * check at json_dump() is enough. Invalid UTF-8 and numbers that are not finite become a null that
 * json_dump() refuses. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_string(const char *string);
struct json *json_new_int64(int64_t number);
struct json *json_new_double(double number);
struct json *json_new_bool(bool value);
struct json *json_new_null(void);
/* Both take `value`, also on failure. A key that is there already is replaced in its place. */
void json_put(struct json *object, const char *key, struct json *value);
void json_append(struct json *array, struct json *value);
/* Short forms of json_put(). */
void json_put_string(struct json *object, const char *key, const char *string);
void json_put_int64(struct json *object, const char *key, int64_t number);
void json_put_double(struct json *object, const char *key, double number);
void json_put_bool(struct json *object, const char *key, bool value);

/* indent 0 is one line without blanks; otherwise spaces a level, and a line break at the end.
 * Doubles get the fewest of 9 to 17 significant digits that read back as the same value. */
MUST_CHECK ana_status json_dump(struct text *out, const struct json *value, int indent,
                                ana_error *err);

#endif
