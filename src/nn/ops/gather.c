/* Rows by index: take, and the mean of word vectors. Indices are the caller's promise. Gradients
 * are summed in the order of the indices, in parallel over blocks of columns. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <assert.h>
#include <string.h>

enum { TABLE, INDEX };
enum { COLUMN_BLOCK = 512 };

/* Columns [begin, end) of block `job`. */
static int64_t block_end(int64_t job, int64_t columns)
{
    const int64_t end = (job + 1) * COLUMN_BLOCK;
    return end < columns ? end : columns;
}

static int64_t blocks_of(int64_t columns)
{
    return (columns + COLUMN_BLOCK - 1) / COLUMN_BLOCK;
}

/* ---- take ---- */

static const struct operand_rule take_rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
    {.name = "index", .min_rank = 1, .max_rank = TENSOR_MAX_RANK, .kind = OPERAND_INDEX},
};

struct take_options {
    bool each; /* every sample of x has its own indices */
};

/* The axes of index in place of the axis of x that it picks from. */
static ana_status infer_take(struct op_shapes *s, ana_error *err)
{
    const bool each = ((const struct take_options *)s->options)->each;
    const ana_status status = operands_check(s, take_rules, 2, err);
    if (status)
        return status;
    const struct shape *x = s->input[TABLE], *index = s->input[INDEX];
    const int axis = each ? 1 : 0;
    if (each && (x->rank < 2 || index->rank > 2 || index->extent[0] != x->extent[0])) {
        char left[96], right[96];
        return ana_fail(err, ANA_ERR_ARGUMENT, "index %s for samples %s",
                        shape_print(left, sizeof left, index), shape_print(right, sizeof right, x));
    }
    if (index->rank + x->rank - 1 - axis > TENSOR_MAX_RANK)
        return ana_fail(err, ANA_ERR_ARGUMENT, "more than %d axes", TENSOR_MAX_RANK);
    s->output = *index;
    for (int k = axis + 1; k < x->rank; k++)
        s->output.extent[s->output.rank++] = x->extent[k];
    return ANA_OK;
}

/* x is `groups` tables of `rows` rows; `picked` of them are taken from each. */
struct take {
    int64_t groups, rows, columns, picked;
};

static struct take take_of(const struct op_call *call)
{
    const bool each = ((const struct take_options *)call->options)->each;
    const struct shape *x = &call->input[TABLE].shape;
    struct take t = {.groups = each ? x->extent[0] : 1, .rows = x->extent[each ? 1 : 0]};
    t.columns = shape_count(x) / t.groups / t.rows;
    t.picked = tensor_count(&call->input[INDEX]) / t.groups;
    return t;
}

/* The row of x, counted over all groups, that becomes row `row` of the result. */
static int64_t taken_row(const struct op_call *call, const struct take *t, int64_t row)
{
    const int32_t index = tensor_i32(&call->input[INDEX])[row];
    assert(index >= 0 && index < t->rows);
    return row / t->picked * t->rows + index;
}

static void take_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct take t = take_of(call);
    const size_t bytes = (size_t)t.columns * dtype_size(call->dtype);
    memcpy((uint8_t *)call->output.data + (size_t)row * bytes,
           (const uint8_t *)call->input[TABLE].data + (size_t)taken_row(call, &t, row) * bytes,
           bytes);
}

static void take_forward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, tensor_count(&call->input[INDEX]), take_row, &context);
}

/* A job is a block of columns of one group. */
static void take_back_block(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct take t = take_of(call);
    const int64_t group = job / blocks_of(t.columns), block = job % blocks_of(t.columns);
    const int64_t end = block_end(block, t.columns);
    for (int64_t row = group * t.picked; row < (group + 1) * t.picked; row++) {
        const int64_t to = taken_row(call, &t, row);
        for (int64_t j = block * COLUMN_BLOCK; j < end; j++)
            real_store(call->input_gradient[TABLE].data, call->dtype, to * t.columns + j,
                       real_get(call->output_gradient.data, call->dtype, row * t.columns + j),
                       true);
    }
}

static void take_backward(const struct op_call *call)
{
    struct op_call context = *call;
    const struct take t = take_of(call);
    if (!call->accumulate[TABLE])
        zero_tensor(&call->input_gradient[TABLE]);
    parallel_for(call->pool, t.groups * blocks_of(t.columns), take_back_block, &context);
}

const struct nn_op nn_op_take = {.name = "take",
                                 .accumulates = true,
                                 .reads = 1U << INDEX,
                                 .no_gradient = 1U << INDEX,
                                 .infer = infer_take,
                                 .forward = take_forward,
                                 .backward = take_backward};

static value add_take(struct graph *graph, const char *name, value x, value index, bool each)
{
    const struct take_options o = {each};
    return graph_add(graph, &nn_op_take, name, (value[]){x, index}, 2, &o, sizeof o);
}

value nn_take(struct graph *graph, const char *name, value x, value index)
{
    return add_take(graph, name, x, index, false);
}

value nn_take_each(struct graph *graph, const char *name, value x, value index)
{
    return add_take(graph, name, x, index, true);
}

/* ---- word bag ---- */

static const struct operand_rule bag_rules[] = {
    {.name = "table", .min_rank = 2, .max_rank = 2},
    {.name = "index", .min_rank = 2, .max_rank = 2, .kind = OPERAND_INDEX},
};

static ana_status infer_bag(struct op_shapes *s, ana_error *err)
{
    const ana_status status = operands_check(s, bag_rules, 2, err);
    if (!status)
        s->output = SHAPE(s->input[INDEX]->extent[0], s->input[TABLE]->extent[1]);
    return status;
}

/* The words of bag p, and 1 / (number of those present). */
static const int32_t *bag_words(const struct op_call *call, int64_t p, double *share)
{
    const int64_t length = call->input[INDEX].shape.extent[1];
    const int32_t *words = tensor_i32(&call->input[INDEX]) + p * length;
    int64_t present = 0;
    for (int64_t i = 0; i < length; i++)
        present += words[i] >= 0;
    *share = present ? 1 / (double)present : 0;
    return words;
}

static void bag_row(void *context, int64_t p, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t length = call->input[INDEX].shape.extent[1];
    const int64_t c = call->output.shape.extent[1];
    double share;
    const int32_t *words = bag_words(call, p, &share);
    for (int64_t j = 0; j < c; j++) {
        double sum = 0;
        for (int64_t i = 0; i < length; i++)
            if (words[i] >= 0)
                sum += real_get(call->input[TABLE].data, call->dtype, words[i] * c + j);
        real_put(call->output.data, call->dtype, p * c + j, share * sum);
    }
}

static void bag_forward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, call->output.shape.extent[0], bag_row, &context);
}

static void bag_back_block(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t length = call->input[INDEX].shape.extent[1];
    const int64_t c = call->output.shape.extent[1], end = block_end(job, c);
    for (int64_t p = 0; p < call->output.shape.extent[0]; p++) {
        double share;
        const int32_t *words = bag_words(call, p, &share);
        for (int64_t i = 0; i < length; i++)
            for (int64_t j = job * COLUMN_BLOCK; words[i] >= 0 && j < end; j++)
                real_store(call->input_gradient[TABLE].data, call->dtype, words[i] * c + j,
                           share * real_get(call->output_gradient.data, call->dtype, p * c + j),
                           true);
    }
}

static void bag_backward(const struct op_call *call)
{
    struct op_call context = *call;
    if (!call->accumulate[TABLE])
        zero_tensor(&call->input_gradient[TABLE]);
    parallel_for(call->pool, blocks_of(call->output.shape.extent[1]), bag_back_block, &context);
}

const struct nn_op nn_op_word_bag = {.name = "word_bag",
                                     .accumulates = true,
                                     .reads = 1U << INDEX,
                                     .no_gradient = 1U << INDEX,
                                     .infer = infer_bag,
                                     .forward = bag_forward,
                                     .backward = bag_backward};

value nn_word_bag(struct graph *graph, const char *name, value table, value index)
{
    return graph_add(graph, &nn_op_word_bag, name, (value[]){table, index}, 2, NULL, 0);
}
