/* A growing UTF-8 string with a sticky failure, and small helpers on strings. */
#ifndef ANA_BASE_TEXT_H
#define ANA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct text {
    char *data; /* terminated; NULL while empty */
    size_t size;
    size_t capacity;
    bool failed; /* out of memory once; later appends do nothing */
};

void text_clear(struct text *text);
void text_append(struct text *text, const char *string);
void text_append_bytes(struct text *text, const void *data, size_t size);
void text_appendf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
const char *text_string(const struct text *text); /* "" while empty */

bool string_starts_with(const char *string, const char *prefix);
/* Bytes of the UTF-8 sequence (RFC 3629: no overlong forms, no surrogates) at a place of a string
 * that ends with 0; 0 if it is none. */
size_t utf8_length(const char *at);
bool string_is_utf8(const char *string);
bool string_ends_with(const char *string, const char *suffix);
/* Whole string as a number, nothing before or after it. */
bool string_to_int64(const char *string, long long *out);
bool string_to_double(const char *string, double *out); /* refuses nan and inf */

#endif
