/* The one JSON object of --json, written front to back. */
#ifndef ANA_CLI_JSON_OUT_H
#define ANA_CLI_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sticky: a failure (memory) is told by json_out_print(). Keys are NULL inside arrays. */
struct json_out {
    char *data;
    size_t size, capacity;
    bool failed;
    bool first; /* the next value is the first of its object or array */
    int depth;
};

void out_object(struct json_out *json, const char *key);
void out_object_end(struct json_out *json);
void out_array(struct json_out *json, const char *key);
void out_array_end(struct json_out *json);
void out_string(struct json_out *json, const char *key, const char *value); /* NULL: null */
void out_integer(struct json_out *json, const char *key, int64_t value);
void out_number(struct json_out *json, const char *key, double value); /* not finite: null */
void out_flag(struct json_out *json, const char *key, bool value);

bool is_utf8(const char *text);

/* To standard output; false if it could not be made or written. */
bool json_out_print(struct json_out *json);
void json_out_clear(struct json_out *json);

#endif
