/* Reading reference files and keeping the books of comparisons. */
#include "golden.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/safetensors.h"

void golden_fail(struct golden *golden, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("  FAIL ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    golden->failed = true;
}

void golden_skip(struct golden *golden, const char *what, const char *why)
{
    (void)golden;
    printf("  skipped %s: %s\n", what, why);
}

bool golden_ok(struct golden *golden, ana_status status, const ana_error *err, const char *what)
{
    if (status)
        golden_fail(golden, "%s: %s", what, err->message);
    return status == ANA_OK;
}

static void *checked(void *block)
{
    if (!block) {
        fprintf(stderr, "out of memory\n");
        exit(EXIT_FAILURE);
    }
    return block;
}

void *golden_alloc(struct golden *golden, int64_t n, size_t size)
{
    size_t bytes;
    if (!size_mul(&bytes, (size_t)n, size))
        return checked(NULL);
    return checked(arena_alloc_zeroed(&golden->arena, bytes));
}

const char *golden_print(struct golden *golden, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    return checked(arena_copy_string(&golden->arena, line));
}

void golden_init(struct golden *golden, const char *folder)
{
    *golden = (struct golden){.folder = folder};
    arena_init(&golden->arena);
}

void golden_clear(struct golden *golden)
{
    for (int i = 0; i < golden->n_tensors; i++)
        safetensors_free(golden->tensors[i]);
    for (int i = 0; i < golden->n_json; i++)
        json_free(golden->json[i]);
    arena_clear(&golden->arena);
}

static bool has_room(struct golden *golden, int n)
{
    if (n == GOLDEN_MAX_FILES)
        golden_fail(golden, "more than %d files", GOLDEN_MAX_FILES);
    return n < GOLDEN_MAX_FILES;
}

const struct tensor_source *golden_tensors(struct golden *golden, const char *name)
{
    if (!has_room(golden, golden->n_tensors))
        return NULL;
    ana_error err = {0};
    struct safetensors *file = NULL;
    char *path = checked(path_join(golden->folder, name));
    const ana_status status = safetensors_open(&file, path, &err);
    memory_free(path);
    if (!golden_ok(golden, status, &err, name))
        return NULL;
    golden->tensors[golden->n_tensors++] = file;
    return safetensors_source(file);
}

const struct json *golden_json(struct golden *golden, const char *name)
{
    if (!has_room(golden, golden->n_json))
        return NULL;
    ana_error err = {0};
    struct json *value = NULL;
    char *path = checked(path_join(golden->folder, name));
    const ana_status status = json_read(&value, path, NULL, &err);
    memory_free(path);
    if (!golden_ok(golden, status, &err, name))
        return NULL;
    golden->json[golden->n_json++] = value;
    return value;
}

bool golden_find(struct tensor *out, const struct tensor_source *source, const char *name)
{
    const int64_t index = source->ops->find(source, name);
    if (index >= 0)
        *out = source->ops->tensor(source, index);
    return index >= 0;
}

bool golden_tensor(struct golden *golden, struct tensor *out, const struct tensor_source *source,
                   const char *name)
{
    if (golden_find(out, source, name))
        return true;
    golden_fail(golden, "%s: no tensor %s", source->ops->label(source), name);
    return false;
}

double *golden_f64(struct golden *golden, const struct tensor *tensor)
{
    const int64_t n = tensor_count(tensor);
    double *values = golden_alloc(golden, n, sizeof *values);
    elements_to_f64(values, tensor->data, tensor->dtype, n);
    return values;
}

float *golden_f32(struct golden *golden, const struct tensor *tensor)
{
    const int64_t n = tensor_count(tensor);
    float *values = golden_alloc(golden, n, sizeof *values);
    elements_to_f32(values, tensor->data, tensor->dtype, n);
    return values;
}

/* 0 for equal infinities and two NaN, infinite where only one is finite. */
static double error_of(double got, double want)
{
    if (isnan(got) && isnan(want))
        return 0;
    if (got == want)
        return 0;
    const double error = fabs(got - want);
    return isfinite(error) ? error : HUGE_VAL;
}

static void enter(struct golden *golden, const struct tolerance *tolerance, double error)
{
    int i = 0;
    while (i < golden->n_used && golden->used[i].tolerance != tolerance)
        i++;
    if (i == GOLDEN_MAX_TOLERANCES) {
        golden_fail(golden, "more than %d tolerances", GOLDEN_MAX_TOLERANCES);
        return;
    }
    if (i == golden->n_used)
        golden->used[golden->n_used++].tolerance = tolerance;
    golden->used[i].n++;
    golden->used[i].worst = fmax(golden->used[i].worst, error);
}

void golden_compare(struct golden *golden, const struct tolerance *tolerance, const char *name,
                    const double *got, const double *want, int64_t n)
{
    int64_t at = 0;
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        if (error_of(got[i], want[i]) > worst) {
            worst = error_of(got[i], want[i]);
            at = i;
        }
    enter(golden, tolerance, worst);
    if (worst > tolerance->absolute)
        golden_fail(golden, "%s, element %lld of %lld: got %.9g, expected %.9g (%s: %g)", name,
                    (long long)at, (long long)n, got[at], want[at], tolerance->name,
                    tolerance->absolute);
}

void golden_compare_f32(struct golden *golden, const struct tolerance *tolerance, const char *name,
                        const float *got, const struct tensor *want)
{
    const int64_t n = tensor_count(want);
    double *values = golden_alloc(golden, n, sizeof *values);
    elements_to_f64(values, got, DTYPE_F32, n);
    golden_compare(golden, tolerance, name, values, golden_f64(golden, want), n);
}

void golden_compare_u8(struct golden *golden, const struct tolerance *tolerance, const char *name,
                       const uint8_t *got, const struct tensor *want)
{
    const int64_t n = tensor_count(want);
    double *values = golden_alloc(golden, n, sizeof *values);
    elements_to_f64(values, got, DTYPE_U8, n);
    golden_compare(golden, tolerance, name, values, golden_f64(golden, want), n);
}

void golden_compare_one(struct golden *golden, const struct tolerance *tolerance, const char *name,
                        double got, double want)
{
    golden_compare(golden, tolerance, name, &got, &want, 1);
}
