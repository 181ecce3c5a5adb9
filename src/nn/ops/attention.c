/* Multi-head attention on tokens, fused; see attention_args for the equation. The backward pass
 * makes the probabilities again. attention_parts.c has the form that shows them. */
#include "nn/ops/attention_internal.h"
#include "nn/ops/registry.h"

#include <math.h>

static const struct operand_rule attention_rules[] = {
    {.name = "q", .min_rank = 3, .max_rank = 3},
    {.name = "k", .min_rank = 3, .max_rank = 3, .optional = true},
    {.name = "v", .min_rank = 3, .max_rank = 3, .optional = true},
    {.name = "bias", .min_rank = 3, .max_rank = 4, .optional = true},
    {.name = "rel_h", .min_rank = 4, .max_rank = 4, .optional = true},
    {.name = "rel_w", .min_rank = 4, .max_rank = 4, .optional = true},
    {.name = "key_count", .min_rank = 1, .max_rank = 1, .kind = OPERAND_INDEX, .optional = true},
};

/* ---- shapes ---- */

struct attention_sizes attention_sizes_of(const struct shape *q, const struct shape *k,
                                          const struct nn_attention_options *options)
{
    const bool packed = k == NULL;
    const int64_t width = packed ? q->extent[2] / 3 : q->extent[2];
    return (struct attention_sizes){.batch = q->extent[0],
                                    .heads = options->heads,
                                    .tq = q->extent[1],
                                    .tk = packed ? q->extent[1] : k->extent[1],
                                    .dim = width / options->heads,
                                    .width = width,
                                    .packed = packed};
}

struct attention_sizes attention_call_sizes(const struct op_call *call)
{
    const struct shape *k =
        operand_given(call, ATTENTION_K) ? &call->input[ATTENTION_K].shape : NULL;
    return attention_sizes_of(&call->input[ATTENTION_Q].shape, k, call->options);
}

/* Whether k and v are there, or not there because q holds all three. */
static ana_status check_parts(const struct op_shapes *s, bool with_v, ana_error *err)
{
    const struct nn_attention_options *o = s->options;
    const bool packed = !s->input[ATTENTION_K];
    if (with_v && packed != !s->input[ATTENTION_V])
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s is missing", packed ? "k" : "v");
    return heads_check(s->input[ATTENTION_Q]->extent[2], o->heads, packed, err);
}

/* [batch, heads, tq, tk] or [heads, tq, tk], where every axis but the last may be 1. */
static ana_status check_bias(const struct op_shapes *s, const struct attention_sizes *a,
                             ana_error *err)
{
    const struct shape *bias = s->input[ATTENTION_BIAS];
    if (!bias)
        return ANA_OK;
    const int skipped = 4 - bias->rank;
    const struct shape whole =
        skipped ? SHAPE(a->heads, a->tq, a->tk) : SHAPE(a->batch, a->heads, a->tq, a->tk);
    bool fits = bias->extent[bias->rank - 1] == a->tk;
    for (int axis = 0; axis < bias->rank - 1; axis++)
        fits = fits && (bias->extent[axis] == 1 || bias->extent[axis] == whole.extent[axis]);
    char got[96], wanted[96];
    return fits ? ANA_OK
                : ana_fail(err, ANA_ERR_ARGUMENT, "bias is %s, expected %s or 1 on an axis",
                           shape_print(got, sizeof got, bias),
                           shape_print(wanted, sizeof wanted, &whole));
}

static ana_status check_positions(const struct op_shapes *s, const struct attention_sizes *a,
                                  ana_error *err)
{
    const struct shape *h = s->input[ATTENTION_REL_H], *w = s->input[ATTENTION_REL_W];
    if (!h && !w)
        return ANA_OK;
    if (!h || !w)
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s is missing", h ? "rel_w" : "rel_h");
    ana_status status = operand_expect(s, attention_rules, ATTENTION_REL_H,
                                       SHAPE(a->batch, a->heads, a->tq, h->extent[3]), err);
    if (!status)
        status = operand_expect(s, attention_rules, ATTENTION_REL_W,
                                SHAPE(a->batch, a->heads, a->tq, w->extent[3]), err);
    if (!status && h->extent[3] * w->extent[3] != a->tk)
        status = ana_fail(err, ANA_ERR_ARGUMENT, "positions of %lld x %lld keys, there are %lld",
                          (long long)h->extent[3], (long long)w->extent[3], (long long)a->tk);
    return status;
}

ana_status attention_check(const struct op_shapes *s, bool with_v, struct attention_sizes *sizes,
                           ana_error *err)
{
    ana_status status = operands_check(s, attention_rules, ATTENTION_OPERANDS, err);
    if (!status)
        status = check_parts(s, with_v, err);
    if (status)
        return status;
    const struct attention_sizes a =
        attention_sizes_of(s->input[ATTENTION_Q], s->input[ATTENTION_K], s->options);
    for (int k = ATTENTION_K; !status && k <= ATTENTION_V; k++)
        status = operand_expect(s, attention_rules, k, SHAPE(a.batch, a.tk, a.width), err);
    if (!status)
        status = check_bias(s, &a, err);
    if (!status)
        status = check_positions(s, &a, err);
    if (!status)
        status = operand_expect(s, attention_rules, ATTENTION_KEY_COUNT, SHAPE(a.batch), err);
    *sizes = a;
    return status;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    struct attention_sizes a;
    const ana_status status = attention_check(s, true, &a, err);
    if (status)
        return status;
    s->output = SHAPE(a.batch, a.tq, a.width);
    s->saved_bytes[0] = (size_t)(a.batch * a.heads * a.tq) * sizeof(double); /* log sums */
    return ANA_OK;
}

/* ---- arguments ---- */

static void set_bias(struct attention_args *args, const struct tensor *bias)
{
    const int rank = bias->shape.rank;
    int64_t *const stride[] = {&args->bias_batch, &args->bias_head, &args->bias_query};
    args->bias = bias->data;
    for (int axis = 0; axis < rank - 1; axis++)
        *stride[axis + 4 - rank] = bias->shape.extent[axis] == 1 ? 0 : bias->stride[axis];
}

struct attention_args attention_args_of(const struct op_call *call)
{
    const struct nn_attention_options *o = call->options;
    const struct attention_sizes a = attention_call_sizes(call);
    void *q = call->input[ATTENTION_Q].data;
    const int64_t token = a.packed ? 3 * a.width : a.width;
    struct attention_args args = {
        .dtype = call->dtype,
        .batch = a.batch,
        .heads = a.heads,
        .tq = a.tq,
        .tk = a.tk,
        .dim = a.dim,
        .scale = o->scale > 0 ? o->scale : 1 / sqrt((double)a.dim),
        .q = q,
        .k = a.packed ? real_at(q, call->dtype, a.width) : call->input[ATTENTION_K].data,
        .v = a.packed ? real_at(q, call->dtype, 2 * a.width) : call->input[ATTENTION_V].data,
        .q_token = token,
        .k_token = token,
        .v_token = token,
        .q_batch = a.tq * token,
        .k_batch = a.tk * token,
        .v_batch = a.tk * token,
        .causal = o->causal,
        .rel_h = call->input[ATTENTION_REL_H].data,
        .rel_w = call->input[ATTENTION_REL_W].data,
        .key_count = call->input[ATTENTION_KEY_COUNT].data};
    if (operand_given(call, ATTENTION_REL_H)) {
        args.kh = shape_last(&call->input[ATTENTION_REL_H].shape);
        args.kw = shape_last(&call->input[ATTENTION_REL_W].shape);
    }
    if (operand_given(call, ATTENTION_BIAS))
        set_bias(&args, &call->input[ATTENTION_BIAS]);
    return args;
}

/* ---- the fused operator ---- */

static bool wanted(const struct op_call *call, int operand)
{
    return call->input_gradient[operand].shape.rank > 0;
}

/* Gradients that the kernel writes although nobody wants them go to scratch. */
static bool needs_spare(const struct op_call *call, int operand)
{
    const bool positions = wanted(call, ATTENTION_REL_H) || wanted(call, ATTENTION_REL_W);
    const bool written = operand <= ATTENTION_V || (operand != ATTENTION_BIAS && positions);
    return operand_given(call, operand) && written && !wanted(call, operand);
}

static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    struct attention_args args = attention_args_of(call);
    uint8_t present; /* only tells the kernel what it will be asked for */
    size_t total = 0;
    if (!is_backward)
        return call->compute->attention_scratch(&args, n_workers);
    for (int i = ATTENTION_Q; i <= ATTENTION_REL_W; i++)
        if (needs_spare(call, i))
            scratch_take(&total, tensor_bytes(&call->input[i]));
    if (wanted(call, ATTENTION_BIAS))
        args.dbias = &present;
    if (wanted(call, ATTENTION_REL_H) || wanted(call, ATTENTION_REL_W))
        args.drel_h = args.drel_w = &present;
    return total + call->compute->attention_backward_scratch(&args, n_workers);
}

static void forward(const struct op_call *call)
{
    struct attention_args args = attention_args_of(call);
    args.y = call->output.data;
    args.log_sum = call->wants_gradient ? call->saved[0] : NULL;
    const struct kernel_env env = call_env(call, 0);
    call->compute->attention(&env, &args);
}

static void backward(const struct op_call *call)
{
    struct attention_args args = attention_args_of(call);
    const struct attention_sizes a = attention_call_sizes(call);
    void *gradient[ATTENTION_OPERANDS];
    size_t used = 0;
    for (int i = ATTENTION_Q; i <= ATTENTION_REL_W; i++)
        gradient[i] = needs_spare(call, i)
                          ? scratch_at(call, scratch_take(&used, tensor_bytes(&call->input[i])))
                          : call->input_gradient[i].data;
    args.y = call->output.data;
    args.log_sum = call->saved[0];
    args.dy = call->output_gradient.data;
    args.dq = gradient[ATTENTION_Q];
    args.dk = a.packed ? real_at(args.dq, call->dtype, a.width) : gradient[ATTENTION_K];
    args.dv = a.packed ? real_at(args.dq, call->dtype, 2 * a.width) : gradient[ATTENTION_V];
    args.dbias = gradient[ATTENTION_BIAS];
    args.drel_h = gradient[ATTENTION_REL_H];
    args.drel_w = gradient[ATTENTION_REL_W];
    const struct kernel_env env = call_env(call, used);
    call->compute->attention_backward(&env, &args);
}

/* Two products forward; four backward, all of them whatever is wanted. Recomputing the
 * probabilities is not counted: it is our choice. */
static double flop(const struct op_call *call, bool is_backward)
{
    const struct attention_sizes n = attention_call_sizes(call);
    return 2 * (double)tensor_count(&call->output) * (double)n.tk * (is_backward ? 4 : 2);
}

/* The gradients of a bias and of positions are the reference's; with them comes the whole pass. */
enum { ATTENTION_PLAIN, ATTENTION_SCORED };
static const struct op_variant variants[] = {
    [ATTENTION_PLAIN] = {"plain, masked or causal", true, true},
    [ATTENTION_SCORED] = {"bias or positions, if they learn", true, false},
    {NULL, false, false},
};

static int variant(const struct op_shapes *s)
{
    const bool scored = s->input[ATTENTION_BIAS] || s->input[ATTENTION_REL_H];
    return scored ? ATTENTION_SCORED : ATTENTION_PLAIN;
}

const struct nn_op nn_op_attention = {.name = "attention",
                                      .variants = variants,
                                      .variant = variant,
                                      .reads = ((1U << ATTENTION_OPERANDS) - 1U) | OP_READS_OUTPUT,
                                      .no_gradient = 1U << ATTENTION_KEY_COUNT,
                                      .infer = infer,
                                      .scratch = scratch,
                                      .forward = forward,
                                      .backward = backward,
                                      .flop = flop};

value nn_attention(struct graph *graph, const char *name, struct nn_attention_inputs in,
                   const struct nn_attention_options *options)
{
    if (options->materialised) {
        const bool packed = value_is_none(in.k);
        struct fused_name part;
        const value p = nn_attention_probabilities(
            graph, name_of_part(&part, name, "probabilities"), in, options);
        return nn_attention_apply(graph, name, p, packed ? in.q : in.v, packed);
    }
    const value operands[ATTENTION_OPERANDS] = {[ATTENTION_Q] = in.q,
                                                [ATTENTION_K] = in.k,
                                                [ATTENTION_V] = in.v,
                                                [ATTENTION_BIAS] = in.bias,
                                                [ATTENTION_REL_H] = in.rel_h,
                                                [ATTENTION_REL_W] = in.rel_w,
                                                [ATTENTION_KEY_COUNT] = in.key_count};
    return graph_add(graph, &nn_op_attention, name, operands, ATTENTION_OPERANDS, options,
                     sizeof *options);
}
