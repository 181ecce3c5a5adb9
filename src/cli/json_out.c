/* JSON, one value per line, two blanks a level; bytes that are no UTF-8 (file names may be
 * anything) become U+FFFD. */
#include "cli/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(struct json_out *json, const char *data, size_t n)
{
    if (json->failed)
        return;
    if (json->size + n + 1 > json->capacity) {
        const size_t capacity = (json->size + n + 1) * 2;
        char *grown = realloc(json->data, capacity);
        if (!grown) {
            json->failed = true;
            return;
        }
        json->data = grown;
        json->capacity = capacity;
    }
    memcpy(json->data + json->size, data, n);
    json->size += n;
    json->data[json->size] = '\0';
}

static void append_string(struct json_out *json, const char *text)
{
    append(json, text, strlen(text));
}

static void new_line(struct json_out *json)
{
    append_string(json, "\n");
    for (int i = 0; i < json->depth; i++)
        append_string(json, "  ");
}

/* Length of the UTF-8 sequence at text, 0 if it is none (overlong forms and surrogates included).
 */
static size_t utf8_length(const unsigned char *text)
{
    const unsigned char c = text[0];
    const size_t n = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;

    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && text[1] < 0xA0) || (c == 0xED && text[1] > 0x9F) ||
        (c == 0xF0 && text[1] < 0x90) || (c == 0xF4 && text[1] > 0x8F))
        return 0;
    return n;
}

bool is_utf8(const char *text)
{
    while (*text) {
        const size_t n = utf8_length((const unsigned char *)text);
        if (n == 0)
            return false;
        text += n;
    }
    return true;
}

static void append_quoted(struct json_out *json, const char *text)
{
    char escape[8];

    append_string(json, "\"");
    while (*text) {
        const size_t n = utf8_length((const unsigned char *)text);
        if (n == 0) {
            append_string(json, "\xEF\xBF\xBD");
            text++;
            continue;
        }
        if (*text == '"' || *text == '\\') {
            append_string(json, "\\");
            append(json, text, 1);
        } else if ((unsigned char)*text < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*text);
            append_string(json, escape);
        } else {
            append(json, text, n);
        }
        text += n;
    }
    append_string(json, "\"");
}

/* Comma, line and key before a value. */
static void begin_value(struct json_out *json, const char *key)
{
    if (json->depth > 0) {
        if (!json->first)
            append_string(json, ",");
        new_line(json);
    }
    json->first = false;
    if (key) {
        append_quoted(json, key);
        append_string(json, ": ");
    }
}

static void open_bracket(struct json_out *json, const char *key, const char *bracket)
{
    begin_value(json, key);
    append_string(json, bracket);
    json->depth++;
    json->first = true;
}

static void close_bracket(struct json_out *json, const char *bracket)
{
    const bool empty = json->first;

    json->depth--;
    if (!empty)
        new_line(json);
    append_string(json, bracket);
    json->first = false;
    if (json->depth == 0)
        append_string(json, "\n");
}

void out_object(struct json_out *json, const char *key)
{
    open_bracket(json, key, "{");
}

void out_object_end(struct json_out *json)
{
    close_bracket(json, "}");
}

void out_array(struct json_out *json, const char *key)
{
    open_bracket(json, key, "[");
}

void out_array_end(struct json_out *json)
{
    close_bracket(json, "]");
}

void out_string(struct json_out *json, const char *key, const char *value)
{
    begin_value(json, key);
    if (value)
        append_quoted(json, value);
    else
        append_string(json, "null");
}

void out_integer(struct json_out *json, const char *key, int64_t value)
{
    char digits[24];

    begin_value(json, key);
    snprintf(digits, sizeof digits, "%" PRId64, value);
    append_string(json, digits);
}

void out_number(struct json_out *json, const char *key, double value)
{
    char digits[32];

    begin_value(json, key);
    snprintf(digits, sizeof digits, "%.9g", value);
    append_string(json, isfinite(value) ? digits : "null");
}

void out_flag(struct json_out *json, const char *key, bool value)
{
    begin_value(json, key);
    append_string(json, value ? "true" : "false");
}

bool json_out_print(struct json_out *json)
{
    if (json->failed || !json->data)
        return false;
    return fwrite(json->data, 1, json->size, stdout) == json->size && fflush(stdout) == 0;
}

void json_out_clear(struct json_out *json)
{
    free(json->data);
    *json = (struct json_out){0};
}
