/* Loss of a match among candidates (MedLAM's multi-scale similarity): with P the softmax of a row,
 *
 *   loss = -sum_x positive_x ln P_x - sum_x negative_x ln(1 - P_x)
 *   ds_x = a_x - P_x sum_y a_y,  a_x = -positive_x + negative_x P_x / (1 - P_x)
 *
 * Arithmetic is in double: 1 - P is a difference. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <math.h>

static const struct operand_rule rules[] = {
    {.name = "scores", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "positive", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "negative", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
};
enum { SCORES, POSITIVE, NEGATIVE };

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, rules, 3, err);
    for (int k = POSITIVE; !status && k <= NEGATIVE; k++)
        status = operand_expect(s, rules, k, *s->input[SCORES], err);
    if (status)
        return status;
    s->output = *s->input[SCORES];
    s->output.extent[--s->output.rank] = 0;
    return ANA_OK;
}

static void forward_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t k = shape_last(&call->input[SCORES].shape), first = row * k;
    const double all = real_log_sum_exp(call->input[SCORES].data, call->dtype, first, k);
    double loss = 0;
    for (int64_t j = first; j < first + k; j++) {
        const double log_p = real_get(call->input[SCORES].data, call->dtype, j) - all;
        const double positive = real_get(call->input[POSITIVE].data, call->dtype, j);
        const double negative = real_get(call->input[NEGATIVE].data, call->dtype, j);
        loss -= positive != 0 ? positive * log_p : 0;
        loss -= negative != 0 ? negative * log1p(-exp(log_p)) : 0;
    }
    real_put(call->output.data, call->dtype, row, loss);
}

static void forward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, tensor_count(&call->output), forward_row, &context);
}

static double slope(const struct op_call *call, int64_t at, double p)
{
    const double negative = real_get(call->input[NEGATIVE].data, call->dtype, at);
    return (negative != 0 ? negative * p / (1 - p) : 0) -
           real_get(call->input[POSITIVE].data, call->dtype, at);
}

static void backward_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t k = shape_last(&call->input[SCORES].shape), first = row * k;
    const double all = real_log_sum_exp(call->input[SCORES].data, call->dtype, first, k);
    const double dy = real_get(call->output_gradient.data, call->dtype, row);
    double sum = 0;
    for (int64_t j = first; j < first + k; j++)
        sum += slope(call, j, exp(real_get(call->input[SCORES].data, call->dtype, j) - all));
    for (int64_t j = first; j < first + k; j++) {
        const double p = exp(real_get(call->input[SCORES].data, call->dtype, j) - all);
        real_store(call->input_gradient[SCORES].data, call->dtype, j,
                   dy * (slope(call, j, p) - p * sum), call->accumulate[SCORES]);
    }
}

static void backward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, tensor_count(&call->output), backward_row, &context);
}

const struct nn_op nn_op_match = {.name = "match",
                                  .accumulates = true,
                                  .reads = 1U << SCORES | 1U << POSITIVE | 1U << NEGATIVE,
                                  .no_gradient = 1U << POSITIVE | 1U << NEGATIVE,
                                  .infer = infer,
                                  .forward = forward,
                                  .backward = backward};

value nn_match(struct graph *graph, const char *name, value scores, value positive, value negative)
{
    return graph_add(graph, &nn_op_match, name, (value[]){scores, positive, negative}, 3, NULL, 0);
}
