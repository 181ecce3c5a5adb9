/* Binding a case to memory, running it and comparing what two runs wrote. */
#include "kernel_cases_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

/* Blocks of plain malloc: exact sizes for the address sanitizer, and only 16-byte alignment, which
 * is all that a view into a tensor can promise. */
static void *block(size_t bytes)
{
    void *data = malloc(bytes ? bytes : 1);
    if (!data)
        abort();
    return data;
}

void *packed_block(size_t bytes)
{
    if (bytes == 0)
        return NULL;
    void *data = memory_alloc(bytes);
    if (!data)
        abort();
    return data;
}

const char *kernel_name(enum kernel kernel)
{
    return kernel_bindings[kernel]->name;
}

const struct kernel_step *kernel_steps(enum kernel kernel, int *n)
{
    const struct kernel_binding *binding = kernel_bindings[kernel];
    const int most = (int)(sizeof binding->steps / sizeof binding->steps[0]);

    *n = 0;
    while (*n < most && binding->steps[*n].name)
        ++*n;
    return binding->steps;
}

double kernel_operations(const struct kernel_case *c)
{
    struct kernel_run run = {.c = c, .args = c->args};
    kernel_bindings[c->kernel]->complete(&run);
    return kernel_bindings[c->kernel]->operations(&run);
}

static size_t element_size(const struct kernel_run *run, const struct operand *operand)
{
    switch (operand->type) {
    case OPERAND_DOUBLE:
        return sizeof(double);
    case OPERAND_INT32:
        return sizeof(int32_t);
    case OPERAND_REAL:
        break;
    }
    return dtype_size(run->dtype);
}

static bool is_float(const struct kernel_run *run, const struct operand *operand)
{
    return operand->type == OPERAND_REAL && run->dtype == DTYPE_F32;
}

double operand_value(const struct kernel_run *run, int index, int64_t i)
{
    const struct operand *operand = &run->operands[index];

    if (operand->type == OPERAND_INT32)
        return (double)((const int32_t *)operand->data)[i];
    if (is_float(run, operand))
        return (double)((const float *)operand->data)[i];
    return ((const double *)operand->data)[i];
}

void operand_set(struct kernel_run *run, int index, int64_t i, double value)
{
    struct operand *operand = &run->operands[index];

    if (operand->type == OPERAND_INT32)
        ((int32_t *)operand->data)[i] = (int32_t)value;
    else if (is_float(run, operand))
        ((float *)operand->data)[i] = (float)value;
    else
        ((double *)operand->data)[i] = value;
}

/* Keyed by the operand's place, so that backends and element types see the same numbers, and exact
 * in float. */
double operand_initial(const struct kernel_run *run, int index, int64_t i)
{
    const struct operand *operand = &run->operands[index];
    struct random random = random_at(1, (uint64_t)i, (uint32_t)index, (uint32_t)run->c->kernel);

    return (double)(float)random_between(&random, -operand->scale, operand->scale);
}

/* What a kernel overwrites starts as NaN: an element that it forgets shows. */
static void fill(struct kernel_run *run, int index)
{
    struct operand *operand = &run->operands[index];
    const bool read = operand->role == OPERAND_INPUT || operand->role == OPERAND_SEED;

    if (operand->type == OPERAND_INT32) {
        memset(operand->data, 0xff, operand->bytes); /* -1 */
        return;
    }
    for (int64_t i = 0; i < operand->count; i++) {
        const bool drawn = read || operand->accumulated;
        operand_set(run, index, i, drawn ? operand_initial(run, index, i) : (double)NAN);
    }
}

static void bind(struct kernel_run *run, int index)
{
    struct operand *operand = &run->operands[index];

    operand->bytes = (size_t)operand->count * element_size(run, operand);
    operand->data = block(operand->bytes);
    memcpy((char *)&run->args + operand->field, &operand->data, sizeof operand->data);
    fill(run, index);
}

static void provide_scratch(struct kernel_run *run)
{
    int n_steps;
    const struct kernel_step *steps = kernel_steps(run->c->kernel, &n_steps);

    for (int i = 0; i < n_steps; i++) {
        const size_t bytes = steps[i].scratch ? steps[i].scratch(run) : 0;
        if (bytes > run->env.scratch_bytes)
            run->env.scratch_bytes = bytes;
    }
    run->env.scratch = packed_block(run->env.scratch_bytes);
    if (run->env.scratch) /* leftovers of another kernel */
        memset(run->env.scratch, 0xff, run->env.scratch_bytes);
}

void kernel_run_init(struct kernel_run *run, const struct kernel_case *c,
                     const struct compute *table, enum dtype dtype, struct pool *pool)
{
    const struct kernel_binding *binding = kernel_bindings[c->kernel];

    *run = (struct kernel_run){
        .c = c, .table = table, .dtype = dtype, .env = {.pool = pool}, .args = c->args};
    binding->complete(run);
    for (int i = 0; i < run->n_operands; i++)
        bind(run, i);
    if (binding->link)
        binding->link(run);
    provide_scratch(run);
    if (binding->pack && (c->flags & CASE_PACK))
        binding->pack(run);
}

void kernel_run_clear(struct kernel_run *run)
{
    for (int i = 0; i < run->n_operands; i++)
        free(run->operands[i].data);
    memory_free(run->packed[0]);
    memory_free(run->packed[1]);
    memory_free(run->env.scratch);
}

static void call_steps(struct kernel_run *run, bool backward)
{
    int n_steps;
    const struct kernel_step *steps = kernel_steps(run->c->kernel, &n_steps);

    for (int i = 0; i < n_steps; i++) {
        if (steps[i].backward == backward)
            steps[i].call(run);
    }
}

void kernel_run_forward(struct kernel_run *run)
{
    call_steps(run, false);
}

void kernel_run_all(struct kernel_run *run)
{
    call_steps(run, false);
    if (!(run->c->flags & CASE_FORWARD_ONLY))
        call_steps(run, true);
}

static bool is_written(const struct operand *operand)
{
    return operand->role != OPERAND_INPUT && operand->role != OPERAND_SEED;
}

/* Below this largest value an operand counts as zero and errors are absolute. */
static const double SMALLEST_SCALE = 1e-3;

static double operand_error(const struct kernel_run *a, const struct kernel_run *b, int index)
{
    double worst = 0, largest = 0;

    for (int64_t i = 0; i < b->operands[index].count; i++) {
        const double left = operand_value(a, index, i), right = operand_value(b, index, i);
        if (isnan(left) != isnan(right) || isinf(left) != isinf(right))
            return (double)INFINITY;
        if (isnan(left) || isinf(left))
            continue;
        worst = fmax(worst, fabs(left - right));
        largest = fmax(largest, fabs(right));
    }
    return worst / fmax(largest, SMALLEST_SCALE);
}

double kernel_run_error(const struct kernel_run *a, const struct kernel_run *b,
                        const char **operand)
{
    double worst = -1;

    for (int i = 0; i < b->n_operands; i++) {
        if (!is_written(&b->operands[i]))
            continue;
        const double error = operand_error(a, b, i);
        if (error > worst) {
            worst = error;
            if (operand)
                *operand = b->operands[i].name;
        }
    }
    return worst;
}

bool kernel_run_equal(const struct kernel_run *a, const struct kernel_run *b)
{
    for (int i = 0; i < b->n_operands; i++) {
        if (memcmp(a->operands[i].data, b->operands[i].data, b->operands[i].bytes) != 0)
            return false;
    }
    return true;
}

struct kernel_report kernel_compare(enum kernel kernel, const struct compute *table,
                                    enum dtype dtype, const struct compute *oracle,
                                    enum dtype oracle_dtype, struct pool *pool, double tolerance)
{
    struct kernel_report report = {.worst = -1};
    int n_cases;
    const struct kernel_case *cases = kernel_test_cases(&n_cases);

    for (int i = 0; i < n_cases; i++) {
        struct kernel_run tried, expected;
        const char *operand = NULL;
        if (cases[i].kernel != kernel)
            continue;
        kernel_run_init(&tried, &cases[i], table, dtype, pool);
        kernel_run_init(&expected, &cases[i], oracle, oracle_dtype, pool);
        kernel_run_all(&tried);
        kernel_run_all(&expected);
        const double error = kernel_run_error(&tried, &expected, &operand);
        kernel_run_clear(&tried);
        kernel_run_clear(&expected);

        report.n_cases++;
        if (error > report.worst)
            report =
                (struct kernel_report){error, &cases[i], operand, report.n_cases, report.n_over};
        if (!(error <= tolerance)) {
            report.n_over++;
            printf("%s, %s: %s of %s is %.3g from %s, tolerance %.3g\n", kernel_name(kernel),
                   cases[i].label, operand, table->name, error, oracle->name, tolerance);
        }
    }
    return report;
}
