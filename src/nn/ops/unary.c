/* Functions of one number that are no activation: scales, divergences, Fourier features. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <math.h>

static const struct operand_rule rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK}};

struct unary_options {
    enum nn_function function;
};

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct unary_options *o = s->options;
    if ((int)o->function < 0 || o->function >= NN_FUNCTION_COUNT)
        return ana_fail(err, ANA_ERR_ARGUMENT, "no function has number %d", (int)o->function);
    const ana_status status = operands_check(s, rules, 1, err);
    if (!status)
        s->output = *s->input[0];
    return status;
}

static double value_of(enum nn_function function, double x)
{
    switch (function) {
    case NN_EXP:
        return exp(x);
    case NN_LOG:
        return log(x);
    case NN_SQRT:
        return sqrt(x);
    case NN_SIN:
        return sin(x);
    case NN_COS:
        return cos(x);
    case NN_FUNCTION_COUNT:
        break;
    }
    return x;
}

/* Of the square root at 0: 0, so that a norm of nothing has no gradient instead of NaN. */
static double slope_of(enum nn_function function, double x)
{
    switch (function) {
    case NN_EXP:
        return exp(x);
    case NN_LOG:
        return 1 / x;
    case NN_SQRT:
        return x > 0 ? 0.5 / sqrt(x) : 0;
    case NN_SIN:
        return cos(x);
    case NN_COS:
        return -sin(x);
    case NN_FUNCTION_COUNT:
        break;
    }
    return 1;
}

static enum nn_function function_of(const struct op_call *call)
{
    return ((const struct unary_options *)call->options)->function;
}

static void forward_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t end = chunk_end(chunk, tensor_count(&call->output));
    for (int64_t i = chunk * OPS_CHUNK; i < end; i++)
        real_put(call->output.data, call->dtype, i,
                 value_of(function_of(call), real_get(call->input[0].data, call->dtype, i)));
}

static void backward_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t end = chunk_end(chunk, tensor_count(&call->output));
    for (int64_t i = chunk * OPS_CHUNK; i < end; i++)
        real_store(call->input_gradient[0].data, call->dtype, i,
                   real_get(call->output_gradient.data, call->dtype, i) *
                       slope_of(function_of(call), real_get(call->input[0].data, call->dtype, i)),
                   call->accumulate[0]);
}

static void forward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, chunks_of(tensor_count(&call->output)), forward_chunk, &context);
}

static void backward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, chunks_of(tensor_count(&call->output)), backward_chunk, &context);
}

const struct nn_op nn_op_unary = {.name = "unary",
                                  .accumulates = true,
                                  .reads = 1,
                                  .infer = infer,
                                  .forward = forward,
                                  .backward = backward};

value nn_unary(struct graph *graph, const char *name, value x, enum nn_function function)
{
    const struct unary_options o = {function};
    return graph_add(graph, &nn_op_unary, name, &x, 1, &o, sizeof o);
}
