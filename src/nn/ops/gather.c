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
    {.name = "index", .min_rank = 1, .max_rank = 1, .kind = OPERAND_INDEX},
};

static ana_status infer_take(struct op_shapes *s, ana_error *err)
{
    const ana_status status = operands_check(s, take_rules, 2, err);
    if (status)
        return status;
    s->output = *s->input[TABLE];
    s->output.extent[0] = s->input[INDEX]->extent[0];
    return ANA_OK;
}

static int64_t take_columns(const struct op_call *call)
{
    return tensor_count(&call->output) / call->output.shape.extent[0];
}

static void take_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const size_t bytes = (size_t)take_columns(call) * dtype_size(call->dtype);
    const int32_t from = tensor_i32(&call->input[INDEX])[row];
    assert(from >= 0 && from < call->input[TABLE].shape.extent[0]);
    memcpy((uint8_t *)call->output.data + (size_t)row * bytes,
           (const uint8_t *)call->input[TABLE].data + (size_t)from * bytes, bytes);
}

static void take_forward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, call->output.shape.extent[0], take_row, &context);
}

static void take_back_block(void *context, int64_t job, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t columns = take_columns(call), end = block_end(job, columns);
    for (int64_t row = 0; row < call->output.shape.extent[0]; row++) {
        const int64_t to = tensor_i32(&call->input[INDEX])[row];
        for (int64_t j = job * COLUMN_BLOCK; j < end; j++)
            real_store(call->input_gradient[TABLE].data, call->dtype, to * columns + j,
                       real_get(call->output_gradient.data, call->dtype, row * columns + j), true);
    }
}

static void take_backward(const struct op_call *call)
{
    struct op_call context = *call;
    if (!call->accumulate[TABLE])
        zero_tensor(&call->input_gradient[TABLE]);
    parallel_for(call->pool, blocks_of(take_columns(call)), take_back_block, &context);
}

const struct nn_op nn_op_take = {.name = "take",
                                 .accumulates = true,
                                 .reads = 1U << INDEX,
                                 .no_gradient = 1U << INDEX,
                                 .infer = infer_take,
                                 .forward = take_forward,
                                 .backward = take_backward};

value nn_take(struct graph *graph, const char *name, value x, value index)
{
    return graph_add(graph, &nn_op_take, name, (value[]){x, index}, 2, NULL, 0);
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
