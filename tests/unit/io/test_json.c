/* json.h: reading with limits, getters, building, writing. */
#include "io/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../base/failing_memory.h"
#include "../base/scratch_folder.h"
#include "base/file.h"
#include "base/memory.h"

static struct json *parse(const char *text)
{
    struct json *value = NULL;
    ana_error err = {0};
    if (json_parse(&value, text, strlen(text), "test", NULL, &err))
        fail_msg("%s", err.message);
    return value;
}

static void expect_failure(const char *text, ana_status status, const char *in_message)
{
    struct json *value;
    ana_error err = {0};
    assert_int_equal(json_parse(&value, text, strlen(text), "a.json", NULL, &err), status);
    assert_null(value);
    assert_non_null(strstr(err.message, "a.json"));
    if (!strstr(err.message, in_message))
        fail_msg("\"%s\" does not say \"%s\"", err.message, in_message);
    assert_int_equal(memory_in_use(), 0);
}

static void values_are_found(void **state)
{
    (void)state;
    struct json *root = parse("{\"a\":1,\"b\":[2.5,true,null,\"x\\u00e9\"],\"c\":{\"d\":-3}}");
    int64_t number = 0;
    assert_int_equal(json_type_of(root), JSON_TYPE_OBJECT);
    assert_int_equal(json_count(root), 3);
    assert_true(json_int64(json_get(root, "a"), &number));
    assert_int_equal(number, 1);
    const struct json *list = json_get(root, "b");
    assert_int_equal(json_count(list), 4);
    assert_true(json_double(json_at(list, 0), 0) == 2.5);
    assert_false(json_int64(json_at(list, 0), &number));
    assert_true(json_bool(json_at(list, 1), false));
    assert_int_equal(json_type_of(json_at(list, 2)), JSON_TYPE_NULL);
    assert_string_equal(json_text(json_at(list, 3)), "x\xc3\xa9");
    assert_null(json_at(list, 4));
    assert_null(json_at(list, -1));
    assert_true(json_double(json_get(json_get(root, "c"), "d"), 0) == -3);
    assert_null(json_get(root, "nothing"));
    assert_null(json_get(NULL, "nothing"));
    assert_null(json_text(root));
    assert_true(json_bool(root, true));
    json_free(root);
}

static void objects_are_walked_in_order(void **state)
{
    const char *const keys[] = {"z", "a", "m"};
    int n = 0;
    (void)state;
    struct json *root = parse("{\"z\":0,\"a\":1,\"m\":2}");
    for (struct json_member m = json_first(root); m.key; m = json_next(root, m)) {
        assert_string_equal(m.key, n < 3 ? keys[n] : "");
        assert_true(json_double(m.value, -1) == n);
        n++;
    }
    assert_int_equal(n, 3);
    assert_null(json_first(NULL).key);
    json_free(root);
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    expect_failure("", ANA_ERR_FORMAT, "line");
    expect_failure("{\n\"a\":1,\n\"a\":2}", ANA_ERR_FORMAT, "line 3: duplicate");
    expect_failure("{\"a\":1,\"\\u0061\":2}", ANA_ERR_FORMAT, "duplicate");
    expect_failure("[1,]", ANA_ERR_FORMAT, "line 1");
    expect_failure("[1] 2", ANA_ERR_FORMAT, "end of file expected");
    expect_failure("\"\xff\"", ANA_ERR_FORMAT, "unable to decode byte 0xff");
    expect_failure("\"a\\u0000b\"", ANA_ERR_FORMAT, "line 1");
    expect_failure("1e999", ANA_ERR_FORMAT, "overflow");
    expect_failure("99999999999999999999", ANA_ERR_FORMAT, "integer");
    expect_failure("NaN", ANA_ERR_FORMAT, "line 1");
}

static void limits_hold(void **state)
{
    char deep[200];
    struct json *value;
    ana_error err = {0};
    const struct json_limits few = {.n_values = 3};
    const struct json_limits short_text = {.size_bytes = 4};

    (void)state;
    memset(deep, '[', sizeof(deep));
    deep[sizeof(deep) - 1] = 0;
    expect_failure(deep, ANA_ERR_LIMIT, "deeper than 64");
    struct json *brackets = parse("[\"[[[[\\\"[[[[[[[[[[\"]");
    json_free(brackets);
    assert_int_equal(json_parse(&value, "[1,2,3]", 7, "a", &few, &err), ANA_ERR_LIMIT);
    assert_int_equal(json_parse(&value, "[1,2]", 5, "a", &few, &err), ANA_OK);
    json_free(value);
    assert_int_equal(json_parse(&value, "[1,2]", 5, "a", &short_text, &err), ANA_ERR_LIMIT);
}

static void every_truncation_is_refused(void **state)
{
    static const char text[] = "{\"a\":[1,2.5e3,{\"b\":\"\\u00e9\\n\"}],\"c\":null}";
    (void)state;
    for (size_t n = 0; n + 1 < sizeof(text); n++) {
        struct json *value;
        assert_int_equal(json_parse(&value, text, n, "a", NULL, NULL), ANA_ERR_FORMAT);
    }
}

static void built_is_dumped(void **state)
{
    struct text out = {0};
    (void)state;
    struct json *root = json_new_object();
    struct json *list = json_new_array();
    json_put_string(root, "name", "retinal \"vessels\"\n\x01");
    json_put_double(root, "score", 0.1);
    json_put_double(root, "whole", 3);
    json_put_int64(root, "n", -7);
    json_put_bool(root, "found", true);
    json_append(list, json_new_null());
    json_append(list, json_new_double(1e300));
    json_put(root, "list", list);
    json_put(root, "empty", json_new_object());
    json_put_int64(root, "n", 8); /* replaced in its place */
    assert_int_equal(json_dump(&out, root, 0, NULL), ANA_OK);
    assert_string_equal(
        text_string(&out),
        "{\"name\":\"retinal \\\"vessels\\\"\\n\\u0001\",\"score\":0.1,\"whole\":3.0,\"n\":8,"
        "\"found\":true,\"list\":[null,1e+300],\"empty\":{}}");
    text_clear(&out);
    json_free(root);

    root = parse("{\"a\":[1,{}],\"b\":{\"c\":[]}}");
    assert_int_equal(json_dump(&out, root, 2, NULL), ANA_OK);
    assert_string_equal(text_string(&out),
                        "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": []\n  }\n}\n");
    text_clear(&out);
    json_free(root);
}

static void doubles_survive(void **state)
{
    static const double numbers[] = {0.0,
                                     -0.0,
                                     1.0 / 3,
                                     0.1 + 0.2,
                                     5e-324,
                                     1.7e308,
                                     -2.5e-7,
                                     123456789.0,
                                     1e15,
                                     0.30000001192092896,
                                     9007199254740993.0};
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct text out = {0};
        struct json *value = json_new_double(numbers[i]);
        assert_int_equal(json_dump(&out, value, 0, NULL), ANA_OK);
        struct json *back = parse(text_string(&out));
        const double read = json_double(back, -1);
        assert_memory_equal(&read, &numbers[i], sizeof(read));
        text_clear(&out);
        json_free(value);
        json_free(back);
    }
}

static void failures_of_building_are_told(void **state)
{
    struct text out = {0};
    ana_error err = {0};
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct json *root = json_new_object();
        struct json *inner = json_new_array();
        json_put(root, "inner", inner);
        if (kind == 0)
            json_append(inner, json_new_double(HUGE_VAL));
        else if (kind == 1)
            json_append(inner, json_new_string("\xc3"));
        else
            json_put_string(root, "\xff", "text");
        assert_int_equal(json_dump(&out, root, 0, &err), ANA_ERR_ARGUMENT);
        text_clear(&out);
        json_free(root);
    }
    assert_int_equal(json_dump(&out, NULL, 0, &err), ANA_ERR_MEMORY);
    json_put(NULL, "a", json_new_null());
    json_append(NULL, json_new_null());
}

static void many_members(void **state)
{
    char key[16];
    (void)state;
    struct json *root = json_new_object();
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof(key), "key%d", i % 2000);
        json_put_int64(root, key, i);
    }
    assert_int_equal(json_count(root), 2000);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        assert_true(json_double(json_get(root, key), -1) == (i < 1000 ? i + 2000 : i));
    }
    assert_null(json_get(root, "key2000"));
    json_free(root);
}

static void files_are_named(void **state)
{
    struct scratch_folder folder;
    struct json *value;
    ana_error err = {0};

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "model.json");
    assert_int_equal(file_write(path, "{\"a\":", 5, NULL), ANA_OK);
    assert_int_equal(json_read(&value, path, NULL, &err), ANA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "model.json: line 1"));
    assert_int_equal(file_write(path, "{}", 2, NULL), ANA_OK);
    assert_int_equal(json_read(&value, path, NULL, &err), ANA_OK);
    json_free(value);
    scratch_folder_remove(&folder);
    assert_int_equal(json_read(&value, "no such.json", NULL, &err), ANA_ERR_IO);
}

/* Parses, rebuilds and dumps; true if all of it went well. */
static bool go_round(void)
{
    static const char text[] = "{\"a\":[1,\"two\",{\"b\":3.5}],\"c\":true,\"d\":4,\"e\":5,\"f\":6}";
    struct json *value;
    struct text out = {0};
    ana_status status = json_parse(&value, text, sizeof(text) - 1, "a", NULL, NULL);
    if (!status) {
        json_put_string(value, "new", "string");
        status = json_dump(&out, value, 2, NULL);
    }
    json_free(value);
    text_clear(&out);
    return status == ANA_OK;
}

static void failing_allocations_are_told(void **state)
{
    int reached = 1;
    (void)state;
    for (int n = 1; reached; n++) {
        failing_memory_start(n);
        const bool well = go_round();
        const int live = failing_memory_live();
        reached = failing_memory_stop();
        assert_int_equal(live, 0);
        assert_int_equal(well, !reached);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found),
        cmocka_unit_test(objects_are_walked_in_order),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(built_is_dumped),
        cmocka_unit_test(doubles_survive),
        cmocka_unit_test(failures_of_building_are_told),
        cmocka_unit_test(many_members),
        cmocka_unit_test(files_are_named),
        cmocka_unit_test(failing_allocations_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
