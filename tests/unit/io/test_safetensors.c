/* safetensors.h: what is written is read, and what a hostile file can say is refused. */
#include "io/safetensors.h"

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
#include "base/random.h"
#include "base/text.h"

/* A file of this header and n_data bytes 0, 1, 2, ... */
static void make_file(struct text *out, const char *header, size_t n_data)
{
    const size_t length = strlen(header);
    for (int i = 0; i < 8; i++) {
        const uint8_t byte = (uint8_t)((uint64_t)length >> (8 * i));
        text_append_bytes(out, &byte, 1);
    }
    text_append(out, header);
    for (size_t i = 0; i < n_data; i++) {
        const uint8_t byte = (uint8_t)i;
        text_append_bytes(out, &byte, 1);
    }
}

static ana_status open_header(struct safetensors **out, struct text *file, const char *header,
                              size_t n_data, ana_error *err)
{
    make_file(file, header, n_data);
    return safetensors_open_memory(out, file->data, file->size, "w.safetensors", err);
}

/* ---- round trip ---- */

static ana_status put(struct safetensors_writer *writer, const char *name,
                      const struct tensor *tensor, ana_error *err)
{
    struct tensor_sink *sink = safetensors_writer_sink(writer);
    return sink->ops->put(sink, name, tensor, err);
}

static ana_status put_metadata(struct safetensors_writer *writer, const char *key,
                               const char *value)
{
    struct tensor_sink *sink = safetensors_writer_sink(writer);
    return sink->ops->put_metadata(sink, key, value, NULL);
}

static struct tensor find(const struct tensor_source *source, const char *name)
{
    const int64_t at = source->ops->find(source, name);
    if (at < 0)
        fail_msg("%s is missing", name);
    return source->ops->tensor(source, at);
}

static void every_type_goes_round(void **state)
{
    struct scratch_folder folder;
    struct safetensors_writer *writer;
    struct safetensors *file;
    ALIGNED(64) uint8_t data[64];

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "all.safetensors");
    for (int i = 0; i < 64; i++)
        data[i] = (uint8_t)(i * 3);
    assert_int_equal(safetensors_writer_create(&writer, NULL), ANA_OK);
    for (int type = DTYPE_COUNT - 1; type >= 0; type--) {
        const struct tensor tensor = tensor_view(data, (enum dtype)type, SHAPE(3, 1));
        assert_int_equal(put(writer, dtype_name((enum dtype)type), &tensor, NULL), ANA_OK);
    }
    assert_int_equal(put_metadata(writer, "format", "old"), ANA_OK);
    assert_int_equal(put_metadata(writer, "format", "anatome \"mini\""), ANA_OK);
    assert_int_equal(safetensors_writer_write(writer, path, NULL), ANA_OK);
    safetensors_writer_free(writer);

    assert_int_equal(safetensors_open(&file, path, NULL), ANA_OK);
    const struct tensor_source *source = safetensors_source(file);
    assert_int_equal(source->ops->count(source), DTYPE_COUNT);
    assert_string_equal(source->ops->label(source), path);
    assert_string_equal(source->ops->metadata(source, "format"), "anatome \"mini\"");
    assert_null(source->ops->metadata(source, "other"));
    assert_int_equal(source->ops->find(source, "F8"), -1);
    for (int type = 0; type < DTYPE_COUNT; type++) {
        const struct tensor tensor = find(source, dtype_name((enum dtype)type));
        assert_int_equal(tensor.dtype, type);
        assert_int_equal(tensor_count(&tensor), 3);
        assert_int_equal((uintptr_t)tensor.data % dtype_size(tensor.dtype), 0);
        assert_memory_equal(tensor.data, data, tensor_bytes(&tensor));
    }
    safetensors_free(file);
    scratch_folder_remove(&folder);
    assert_int_equal(memory_in_use(), 0);
}

static void views_scalars_and_empty_tensors(void **state)
{
    struct scratch_folder folder;
    struct safetensors_writer *writer;
    struct safetensors *file;
    float data[24];

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "views.safetensors");
    for (int i = 0; i < 24; i++)
        data[i] = (float)i;
    const struct tensor whole = tensor_view(data, DTYPE_F32, SHAPE(2, 3, 4));
    const struct tensor slice = tensor_slice(&whole, 2, 1, 2);
    const struct tensor scalar = tensor_view(data + 5, DTYPE_F32, (struct shape){0});
    const struct tensor empty = tensor_view(data, DTYPE_F32, SHAPE(4, 0));
    assert_int_equal(safetensors_writer_create(&writer, NULL), ANA_OK);
    assert_int_equal(put(writer, "slice", &slice, NULL), ANA_OK);
    assert_int_equal(put(writer, "scalar", &scalar, NULL), ANA_OK);
    assert_int_equal(put(writer, "empty", &empty, NULL), ANA_OK);
    assert_int_equal(safetensors_writer_write(writer, path, NULL), ANA_OK);
    safetensors_writer_free(writer);

    assert_int_equal(safetensors_open(&file, path, NULL), ANA_OK);
    const struct tensor_source *source = safetensors_source(file);
    const struct tensor back = find(source, "slice");
    assert_int_equal(back.shape.rank, 3);
    for (int i = 0; i < 12; i++)
        assert_true(tensor_f32(&back)[i] == data[i / 2 * 4 + 1 + i % 2]);
    const struct tensor number = find(source, "scalar");
    assert_int_equal(number.shape.rank, 0);
    assert_true(tensor_f32(&number)[0] == 5.0F);
    const struct tensor nothing = find(source, "empty");
    assert_int_equal(tensor_count(&nothing), 0);
    safetensors_free(file);
    scratch_folder_remove(&folder);
}

static void write_sample(const char *path)
{
    struct safetensors_writer *writer;
    uint8_t bytes[3] = {1, 2, 3};
    float numbers[4] = {1, 2, 3, 4};
    const struct tensor small = tensor_view(bytes, DTYPE_U8, SHAPE(3));
    const struct tensor large = tensor_view(numbers, DTYPE_F32, SHAPE(2, 2));
    assert_int_equal(safetensors_writer_create(&writer, NULL), ANA_OK);
    assert_int_equal(put(writer, "small", &small, NULL), ANA_OK);
    assert_int_equal(put(writer, "large", &large, NULL), ANA_OK);
    assert_int_equal(put_metadata(writer, "k", "v"), ANA_OK);
    assert_int_equal(safetensors_writer_write(writer, path, NULL), ANA_OK);
    safetensors_writer_free(writer);
}

/* The bytes themselves, since others read these files. */
static void layout_is_as_promised(void **state)
{
    static const char header[] = "{\"__metadata__\":{\"k\":\"v\"},"
                                 "\"small\":{\"dtype\":\"U8\",\"shape\":[3],"
                                 "\"data_offsets\":[16,19]},"
                                 "\"large\":{\"dtype\":\"F32\",\"shape\":[2,2],"
                                 "\"data_offsets\":[0,16]}}";
    struct scratch_folder folder;
    uint8_t *bytes;
    size_t size;

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "a.safetensors");
    write_sample(path);
    assert_int_equal(file_read(&bytes, &size, path, 1 << 20, NULL), ANA_OK);
    const size_t length = bytes[0] + 256U * bytes[1];
    assert_int_equal((8 + length) % 64, 0);
    assert_int_equal(size, 8 + length + 19);
    assert_memory_equal(bytes + 8, header, sizeof(header) - 1);
    for (size_t i = 8 + sizeof(header) - 1; i < 8 + length; i++)
        assert_int_equal(bytes[i], ' ');
    memory_free(bytes);
    scratch_folder_remove(&folder);
}

static void names_are_checked_when_put(void **state)
{
    struct safetensors_writer *writer;
    float number = 1;
    const struct tensor tensor = tensor_view(&number, DTYPE_F32, SHAPE(1));
    ana_error err = {0};

    (void)state;
    assert_int_equal(safetensors_writer_create(&writer, NULL), ANA_OK);
    assert_int_equal(put(writer, "a", &tensor, NULL), ANA_OK);
    assert_int_equal(put(writer, "a", &tensor, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "tensor a"));
    assert_int_equal(put(writer, "__metadata__", &tensor, &err), ANA_ERR_ARGUMENT);
    assert_int_equal(put_metadata(writer, "k", "\xff"), ANA_ERR_ARGUMENT);
    assert_int_equal(put(writer, "\xff", &tensor, &err), ANA_ERR_ARGUMENT);
    assert_int_equal(safetensors_writer_write(writer, "no such folder/a", &err), ANA_ERR_IO);
    safetensors_writer_free(writer);
}

/* ---- files of others ---- */

static void unaligned_data_are_copied(void **state)
{
    struct text text = {0};
    struct safetensors *file;

    (void)state;
    assert_int_equal(open_header(&file, &text,
                                 "{\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[1,9]},"
                                 "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}  ",
                                 9, NULL),
                     ANA_OK);
    const struct tensor_source *source = safetensors_source(file);
    assert_string_equal(source->ops->name(source, 0), "a");
    assert_string_equal(source->ops->name(source, 1), "b");
    const struct tensor tensor = find(source, "b");
    const uint8_t expected[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal((uintptr_t)tensor.data % 8, 0);
    assert_memory_equal(tensor.data, expected, 8);
    safetensors_free(file);
    text_clear(&text);
}

static void hostile_headers_are_refused(void **state)
{
#define ENTRY(DTYPE, SHAPE, OFFSETS)                                                               \
    "{\"w\":{\"dtype\":" DTYPE ",\"shape\":" SHAPE ",\"data_offsets\":" OFFSETS "}}"
    static const struct {
        const char *header;
        ana_status status;
        const char *in_message;
    } cases[] = {
        /* all of 16 bytes of data */
        {"", ANA_ERR_FORMAT, "not a JSON object"},
        {"[]", ANA_ERR_FORMAT, "not a JSON object"},
        {" {}", ANA_ERR_FORMAT, "not a JSON object"},
        {"{}", ANA_ERR_FORMAT, "16 bytes at the end"},
        {"{\"w\":1}", ANA_ERR_FORMAT, "tensor w"},
        {"{\"w\":{}}", ANA_ERR_FORMAT, "tensor w"},
        {ENTRY("7", "[4]", "[0,16]"), ANA_ERR_FORMAT, "tensor w"},
        {ENTRY("\"F4\"", "[4]", "[0,16]"), ANA_ERR_UNSUPPORTED, "\"F4\""},
        {ENTRY("\"F32\"", "4", "[0,16]"), ANA_ERR_FORMAT, "shape"},
        {ENTRY("\"F32\"", "[4.0]", "[0,16]"), ANA_ERR_FORMAT, "shape"},
        {ENTRY("\"F32\"", "[-4]", "[0,16]"), ANA_ERR_FORMAT, "shape"},
        {ENTRY("\"F32\"", "[1,1,1,1,1,4]", "[0,16]"), ANA_ERR_FORMAT, "shape"},
        {ENTRY("\"F32\"", "[5]", "[0,16]"), ANA_ERR_FORMAT, "16 bytes"},
        {ENTRY("\"F32\"", "[4611686018427387908]", "[0,16]"), ANA_ERR_FORMAT, "16 bytes"},
        {ENTRY("\"F32\"", "[4294967296,4294967296]", "[0,0]"), ANA_ERR_FORMAT, "0 bytes"},
        {ENTRY("\"F32\"", "[9223372036854775807,2]", "[0,16]"), ANA_ERR_FORMAT, "16 bytes"},
        {ENTRY("\"F32\"", "[4]", "[0]"), ANA_ERR_FORMAT, "data_offsets"},
        {ENTRY("\"F32\"", "[4]", "[0,16,16]"), ANA_ERR_FORMAT, "data_offsets"},
        {ENTRY("\"F32\"", "[4]", "[\"0\",16]"), ANA_ERR_FORMAT, "data_offsets"},
        {ENTRY("\"F32\"", "[4]", "[-16,0]"), ANA_ERR_FORMAT, "data_offsets"},
        {ENTRY("\"F32\"", "[4]", "[16,0]"), ANA_ERR_FORMAT, "data_offsets"},
        {ENTRY("\"F32\"", "[4]", "[1,17]"), ANA_ERR_FORMAT, "data_offsets"},
        {ENTRY("\"F32\"", "[4]", "[0,99999999999999999999]"), ANA_ERR_FORMAT, "line 1"},
        {ENTRY("\"F32\"", "[2]", "[8,16]"), ANA_ERR_FORMAT, "a gap before"},
        {ENTRY("\"F32\"", "[2]", "[0,8]"), ANA_ERR_FORMAT, "8 bytes at the end"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[8,16]}}",
         ANA_ERR_FORMAT, "tensor b: its data overlap"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]}}",
         ANA_ERR_FORMAT, "duplicate"},
        {"{\"w\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]}}",
         ANA_ERR_FORMAT, "duplicate"},
        {"{\"w\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", ANA_ERR_LIMIT, "deeper"},
        {"{\"__metadata__\":[]}", ANA_ERR_FORMAT, "__metadata__"},
        {"{\"__metadata__\":{\"k\":1}}", ANA_ERR_FORMAT, "__metadata__"},
        {"{\"\xff\":1}", ANA_ERR_FORMAT, "decode"},
        {"{\"w\":", ANA_ERR_FORMAT, "line 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text text = {0};
        struct safetensors *file;
        ana_error err = {0};
        const ana_status status = open_header(&file, &text, cases[i].header, 16, &err);
        text_clear(&text);
        assert_null(file);
        if (status != cases[i].status || !strstr(err.message, cases[i].in_message) ||
            !strstr(err.message, "w.safetensors"))
            fail_msg("%s: status %d, \"%s\"; expected %d, \"%s\"", cases[i].header, status,
                     err.message, cases[i].status, cases[i].in_message);
        assert_int_equal(memory_in_use(), 0);
    }
#undef ENTRY
}

static void lengths_are_checked(void **state)
{
    uint8_t bytes[16] = {0};
    struct safetensors *file;
    ana_error err = {0};

    (void)state;
    memset(bytes, 0xff, 8);
    assert_int_equal(safetensors_open_memory(&file, bytes, 16, "w", &err), ANA_ERR_FORMAT);
    memset(bytes, 0, 8);
    bytes[0] = 9;
    assert_int_equal(safetensors_open_memory(&file, bytes, 16, "w", &err), ANA_ERR_FORMAT);
    assert_int_equal(safetensors_open_memory(&file, NULL, 0, "w", &err), ANA_ERR_FORMAT);
    assert_int_equal(safetensors_open(&file, "no such.safetensors", &err), ANA_ERR_IO);
    assert_null(file);

    /* The cap comes before anything is read of the header. */
    const size_t large = ((size_t)100 << 20) + 1;
    uint8_t *sparse = calloc(1, 8 + large);
    for (int i = 0; i < 8; i++)
        sparse[i] = (uint8_t)((uint64_t)large >> (8 * i));
    assert_int_equal(safetensors_open_memory(&file, sparse, 8 + large, "w", &err), ANA_ERR_LIMIT);
    free(sparse);
}

/* ---- damage ---- */

static uint8_t *read_sample(size_t *size)
{
    struct scratch_folder folder;
    uint8_t *bytes;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "a.safetensors");
    write_sample(path);
    assert_int_equal(file_read(&bytes, size, path, 1 << 20, NULL), ANA_OK);
    scratch_folder_remove(&folder);
    return bytes;
}

/* Opens a copy of exact size and touches every byte of every tensor. */
static ana_status open_copy(const uint8_t *data, size_t size)
{
    struct safetensors *file;
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    const ana_status status = safetensors_open_memory(&file, copy, size, "w", NULL);
    if (!status) {
        const struct tensor_source *source = safetensors_source(file);
        for (int64_t i = 0; i < source->ops->count(source); i++) {
            const struct tensor tensor = source->ops->tensor(source, i);
            volatile uint8_t sum = 0;
            for (size_t at = 0; at < tensor_bytes(&tensor); at++)
                sum = (uint8_t)(sum + ((const uint8_t *)tensor.data)[at]);
            assert_int_equal(source->ops->find(source, source->ops->name(source, i)), i);
        }
    }
    safetensors_free(file);
    free(copy);
    return status;
}

static void damage_gives_a_status(void **state)
{
    size_t size;
    (void)state;
    uint8_t *bytes = read_sample(&size);
    assert_int_equal(open_copy(bytes, size), ANA_OK);
    for (size_t kept = 0; kept < size; kept++)
        assert_int_not_equal(open_copy(bytes, kept), ANA_OK);
    for (uint64_t step = 0; step < 4000; step++) {
        struct random random = random_at(7, step, 0, 0);
        const int64_t at = random_below(&random, (int64_t)size);
        const uint8_t before = bytes[at];
        bytes[at] = (uint8_t)random_u32(&random);
        (void)open_copy(bytes, size);
        bytes[at] = before;
    }
    memory_free(bytes);
    assert_int_equal(memory_in_use(), 0);
}

static ana_status go_round(const char *path)
{
    struct safetensors_writer *writer;
    struct safetensors *file = NULL;
    float numbers[4] = {0};
    const struct tensor tensor = tensor_view(numbers, DTYPE_F32, SHAPE(2, 2));
    ana_status status = safetensors_writer_create(&writer, NULL);
    if (!status)
        status = put(writer, "a", &tensor, NULL);
    if (!status)
        status = put_metadata(writer, "k", "v");
    if (!status)
        status = safetensors_writer_write(writer, path, NULL);
    safetensors_writer_free(writer);
    if (!status)
        status = safetensors_open(&file, path, NULL);
    safetensors_free(file);
    return status;
}

static void failing_allocations_leak_nothing(void **state)
{
    struct scratch_folder folder;
    int reached = 1;

    (void)state;
    scratch_folder_make(&folder);
    const char *path = scratch_path(&folder, "a.safetensors");
    for (int n = 1; reached; n++) {
        failing_memory_start(n);
        const ana_status status = go_round(path);
        const int live = failing_memory_live();
        reached = failing_memory_stop();
        assert_int_equal(live, 0);
        assert_true(reached || status == ANA_OK);
        assert_true(scratch_count(&folder) <= 1);
    }
    scratch_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_goes_round),
        cmocka_unit_test(views_scalars_and_empty_tensors),
        cmocka_unit_test(layout_is_as_promised),
        cmocka_unit_test(names_are_checked_when_put),
        cmocka_unit_test(unaligned_data_are_copied),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(lengths_are_checked),
        cmocka_unit_test(damage_gives_a_status),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
