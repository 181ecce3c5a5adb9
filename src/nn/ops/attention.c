/* Multi-head attention on tokens; see attention_args for the equation. Fused by default: the
 * backward pass recomputes the probabilities from the logarithm of each row's sum. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <math.h>

static const struct operand_rule rules[] = {
    {.name = "q", .min_rank = 3, .max_rank = 3},
    {.name = "k", .min_rank = 3, .max_rank = 3},
    {.name = "v", .min_rank = 3, .max_rank = 3},
    {.name = "bias", .min_rank = 3, .max_rank = 3, .optional = true},
    {.name = "key_count", .min_rank = 1, .max_rank = 1, .kind = OPERAND_INDEX, .optional = true},
};
enum { Q, K, V, BIAS, KEY_COUNT, N_OPERANDS };

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_attention_options *o = s->options;
    ana_status status = operands_check(s, rules, N_OPERANDS, err);
    if (status)
        return status;
    const int64_t *q = s->input[Q]->extent, tk = s->input[K]->extent[1];
    if (o->heads < 1 || q[2] % o->heads != 0)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%lld channels in %lld heads", (long long)q[2],
                        (long long)o->heads);
    status = operand_expect(s, rules, K, SHAPE(q[0], tk, q[2]), err);
    if (!status)
        status = operand_expect(s, rules, V, SHAPE(q[0], tk, q[2]), err);
    if (!status)
        status = operand_expect(s, rules, BIAS, SHAPE(o->heads, q[1], tk), err);
    if (!status)
        status = operand_expect(s, rules, KEY_COUNT, SHAPE(q[0]), err);
    if (status)
        return status;
    s->output = *s->input[Q];
    const struct shape probabilities = SHAPE(q[0], o->heads, q[1], tk);
    if (o->materialised) {
        if (!shape_size(&s->saved_bytes[1], &probabilities, s->dtype))
            return ana_fail(err, ANA_ERR_LIMIT, "probabilities too large");
    } else {
        s->saved_bytes[0] = (size_t)(q[0] * o->heads * q[1]) * sizeof(double); /* log sums */
    }
    return ANA_OK;
}

static struct attention_args attention_args(const struct op_call *call)
{
    const struct nn_attention_options *o = call->options;
    const int64_t *q = call->input[Q].shape.extent, tk = call->input[K].shape.extent[1];
    const int64_t dim = q[2] / o->heads;
    return (struct attention_args){.dtype = call->dtype,
                                   .batch = q[0],
                                   .heads = o->heads,
                                   .tq = q[1],
                                   .tk = tk,
                                   .dim = dim,
                                   .scale = o->scale > 0 ? o->scale : 1 / sqrt((double)dim),
                                   .q = call->input[Q].data,
                                   .k = call->input[K].data,
                                   .v = call->input[V].data,
                                   .q_token = q[2],
                                   .k_token = q[2],
                                   .v_token = q[2],
                                   .q_batch = q[1] * q[2],
                                   .k_batch = tk * q[2],
                                   .v_batch = tk * q[2],
                                   .bias = call->input[BIAS].data,
                                   .key_count = call->input[KEY_COUNT].data,
                                   .y = call->output.data};
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    const struct nn_attention_options *o = call->options;
    struct attention_args args = attention_args(call);
    uint8_t present; /* only tells the kernel which mode its scratch is for */
    args.probabilities = o->materialised && (is_backward || call->wants_gradient) ? &present : NULL;
    if (!is_backward)
        return call->compute->attention_scratch(&args, n_workers);
    size_t total = 0;
    for (int i = Q; i <= V; i++)
        scratch_take(&total, tensor_bytes(&call->input[i]));
    return total + call->compute->attention_backward_scratch(&args, n_workers);
}

static void forward(const struct op_call *call)
{
    struct attention_args args = attention_args(call);
    if (call->wants_gradient) {
        args.log_sum = call->saved[0];
        args.probabilities = call->saved[1];
    }
    const struct kernel_env env = call_env(call, 0);
    call->compute->attention(&env, &args);
}

/* Gradients that nobody wants go to scratch: the kernel writes all three. */
static void backward(const struct op_call *call)
{
    struct attention_args args = attention_args(call);
    void *gradient[3];
    size_t used = 0;
    for (int i = Q; i <= V; i++) {
        void *spare = scratch_at(call, scratch_take(&used, tensor_bytes(&call->input[i])));
        gradient[i] = call->input_gradient[i].data ? call->input_gradient[i].data : spare;
    }
    args.log_sum = call->saved[0];
    args.probabilities = call->saved[1];
    args.dy = call->output_gradient.data;
    args.dq = gradient[Q];
    args.dk = gradient[K];
    args.dv = gradient[V];
    const struct kernel_env env = call_env(call, used);
    call->compute->attention_backward(&env, &args);
}

const struct nn_op nn_op_attention = {.name = "attention",
                                      .fast = true,
                                      .reads = 1U << Q | 1U << K | 1U << V | 1U << BIAS |
                                               1U << KEY_COUNT | OP_READS_OUTPUT,
                                      .no_gradient = 1U << BIAS | 1U << KEY_COUNT,
                                      .infer = infer,
                                      .scratch = scratch,
                                      .forward = forward,
                                      .backward = backward};

value nn_attention(struct graph *graph, const char *name, value q, value k, value v, value bias,
                   value key_count, const struct nn_attention_options *options)
{
    return graph_add(graph, &nn_op_attention, name, (value[]){q, k, v, bias, key_count}, N_OPERANDS,
                     options, sizeof *options);
}
