/* What the operators share. */
#include "nn/ops/ops_internal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- shape rules ---- */

static ana_status check_operand(const struct op_shapes *shapes, const struct operand_rule *rule,
                                int i, ana_error *err)
{
    const struct shape *shape = i < shapes->n_inputs ? shapes->input[i] : NULL;
    if (!shape)
        return rule->optional ? ANA_OK
                              : ana_fail(err, ANA_ERR_ARGUMENT, "%s is missing", rule->name);
    char text[96];
    shape_print(text, sizeof text, shape);
    if (shape->rank < rule->min_rank || shape->rank > rule->max_rank)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s is %s, expected %d to %d axes", rule->name, text,
                        rule->min_rank, rule->max_rank);
    for (int axis = 0; axis < shape->rank; axis++)
        if (shape->extent[axis] < 1)
            return ana_fail(err, ANA_ERR_ARGUMENT, "%s is %s, which is empty", rule->name, text);
    const enum dtype expected = rule->kind == OPERAND_INDEX ? DTYPE_I32 : shapes->dtype;
    if (shapes->input_dtype[i] != expected)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s is of type %s, expected %s", rule->name,
                        dtype_name(shapes->input_dtype[i]), dtype_name(expected));
    return ANA_OK;
}

ana_status operands_check(const struct op_shapes *shapes, const struct operand_rule *rules,
                          int n_rules, ana_error *err)
{
    ana_status status = ANA_OK;
    for (int i = 0; !status && i < n_rules; i++)
        status = check_operand(shapes, &rules[i], i, err);
    return status;
}

ana_status operand_expect(const struct op_shapes *shapes, const struct operand_rule *rules,
                          int operand, struct shape expected, ana_error *err)
{
    const struct shape *shape = operand < shapes->n_inputs ? shapes->input[operand] : NULL;
    if (!shape || shape_equal(shape, &expected))
        return ANA_OK;
    char got[96], wanted[96];
    return ana_fail(err, ANA_ERR_ARGUMENT, "%s is %s, expected %s", rules[operand].name,
                    shape_print(got, sizeof got, shape),
                    shape_print(wanted, sizeof wanted, &expected));
}

ana_status pool_extent(int64_t *out, int axis, int64_t in, int64_t kernel, int64_t stride,
                       int64_t pad, ana_error *err)
{
    if (kernel < 1 || stride < 1 || pad < 0 || pad > kernel / 2 || in + 2 * pad < kernel)
        return ana_fail(err, ANA_ERR_ARGUMENT,
                        "axis %d: kernel %lld, stride %lld, padding %lld on extent %lld", axis,
                        (long long)kernel, (long long)stride, (long long)pad, (long long)in);
    *out = (in + 2 * pad - kernel) / stride + 1;
    return ANA_OK;
}

ana_status heads_check(int64_t channels, int64_t heads, bool packed, ana_error *err)
{
    if (heads < 1 || channels % (packed ? 3 * heads : heads) != 0)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%lld channels in %s%lld heads", (long long)channels,
                        packed ? "3 x " : "", (long long)heads);
    return ANA_OK;
}

struct channels_view view_channels(const struct shape *shape)
{
    struct channels_view view = {shape->extent[0], 1, shape->extent[shape->rank - 1]};
    for (int axis = 1; axis < shape->rank - 1; axis++)
        view.p *= shape->extent[axis];
    return view;
}

int64_t shape_last(const struct shape *shape)
{
    return shape->extent[shape->rank - 1];
}

int64_t shape_rows(const struct shape *shape)
{
    int64_t rows = 1;
    for (int axis = 0; axis < shape->rank - 1; axis++)
        rows *= shape->extent[axis];
    return rows;
}

/* ---- calls ---- */

size_t scratch_take(size_t *total, size_t size_bytes)
{
    const size_t at = *total;
    *total = at + (size_bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    return at;
}

void *scratch_at(const struct op_call *call, size_t offset)
{
    assert(offset <= call->scratch_bytes);
    return (uint8_t *)call->scratch + offset;
}

struct kernel_env call_env(const struct op_call *call, size_t used)
{
    assert(used <= call->scratch_bytes);
    return (struct kernel_env){.pool = call->pool,
                               .scratch = call->scratch ? (uint8_t *)call->scratch + used : NULL,
                               .scratch_bytes = call->scratch_bytes - used};
}

void call_scale(const struct op_call *call, void *dst, const void *src, double factor,
                int64_t count, bool accumulate)
{
    const struct kernel_env env = call_env(call, 0);
    call->compute->combine(&env, &(struct combine_args){.dtype = call->dtype,
                                                        .count = count,
                                                        .alpha = factor,
                                                        .beta = 1,
                                                        .a = src,
                                                        .b = accumulate ? dst : NULL,
                                                        .y = dst});
}

void zero_tensor(const struct tensor *tensor)
{
    memset(tensor->data, 0, tensor_bytes(tensor));
}

double real_log_sum_exp(const void *data, enum dtype dtype, int64_t first, int64_t n)
{
    double largest = real_get(data, dtype, first), sum = 0;
    for (int64_t j = 1; j < n; j++)
        largest = fmax(largest, real_get(data, dtype, first + j));
    for (int64_t j = 0; j < n; j++)
        sum += exp(real_get(data, dtype, first + j) - largest);
    return largest + log(sum);
}

/* ---- builders ---- */

const char *name_of_part(struct fused_name *buffer, const char *name, const char *part)
{
    if (!name)
        return NULL;
    snprintf(buffer->text, sizeof buffer->text, "%s.%s", name, part);
    return buffer->text;
}

const char *name_before_activation(struct fused_name *buffer, const char *name, bool fused)
{
    return fused ? name : name_of_part(buffer, name, "linear");
}

value activation_after(struct graph *graph, const char *name, value v, enum activation activation,
                       bool fused)
{
    return fused ? v : nn_activate(graph, name, v, activation);
}
