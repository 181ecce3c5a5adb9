/* JSON: what was read is written, read again and written to the same bytes. */
#include "io/json.h"

#include <string.h>

#include "fuzz.h"

static void visit(const struct json *value, int depth)
{
    int64_t number;

    EXPECT(depth <= 64);
    (void)json_bool(value, false);
    (void)json_double(value, 0);
    (void)json_int64(value, &number);
    if (json_type_of(value) == JSON_TYPE_STRING)
        EXPECT(json_text(value));
    for (int64_t i = 0; json_type_of(value) == JSON_TYPE_ARRAY && i < json_count(value); i++)
        visit(json_at(value, i), depth + 1);
    for (struct json_member m = json_first(value); m.key; m = json_next(value, m)) {
        EXPECT(json_get(value, m.key) == m.value);
        visit(m.value, depth + 1);
    }
}

static void write_and_read_again(const struct json *value)
{
    struct text first = {0}, second = {0}, indented = {0};
    struct json *again;
    ana_error err = {0};

    EXPECT(json_dump(&first, value, 0, &err) == ANA_OK);
    EXPECT(json_parse(&again, first.data, first.size, "again", NULL, &err) == ANA_OK);
    EXPECT(json_dump(&second, again, 0, &err) == ANA_OK);
    EXPECT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    EXPECT(json_dump(&indented, value, 2, &err) == ANA_OK);
    json_free(again);
    text_clear(&first);
    text_clear(&second);
    text_clear(&indented);
}

/* The members of an object once more, by the builders, each key put twice. */
static void build(const struct json *object)
{
    struct json *copy = json_new_object(), *list = json_new_array();
    struct text text = {0};
    ana_error err;

    for (struct json_member m = json_first(object); m.key; m = json_next(object, m)) {
        json_put_int64(copy, m.key, m.index);
        json_put_bool(copy, m.key, true);
        json_append(list, json_new_double(json_double(m.value, 0.5)));
        if (json_text(m.value))
            json_put_string(copy, m.key, json_text(m.value));
    }
    EXPECT(json_count(copy) == json_count(object));
    json_put(copy, "list", list);
    json_put_double(copy, "double", 1.0 / 3);
    EXPECT(json_dump(&text, copy, 4, &err) == ANA_OK);
    text_clear(&text);
    json_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *value = NULL;
    ana_error err = {0};

    const ana_status status = json_parse(&value, data, size, "file", NULL, &err);
    if (!status) {
        visit(value, 0);
        write_and_read_again(value);
        if (json_type_of(value) == JSON_TYPE_OBJECT)
            build(value);
    } else {
        EXPECT(!value);
    }
    json_free(value);
    fuzz_end(status, &err);
    return 0;
}
