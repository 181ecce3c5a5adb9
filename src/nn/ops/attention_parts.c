/* Attention in two operators with the probabilities [batch, heads, tq, tk] as a value between them,
 * which can be read, fed, dropped out and differentiated with respect to.
 *
 *   P = softmax(scale q k^T + bias):  dS = P (dP - rowsum(P dP)),  dq = scale dS k,
 *                                     dk = scale dS^T q, dbias = dS summed over what shares it
 *   y = P v:                          dP = dy v^T, dv = P^T dy
 *
 * Everything is matrix products, one batch of heads at a time. */
#include "nn/ops/attention_internal.h"
#include "nn/ops/registry.h"

/* ---- probabilities ---- */

static ana_status infer_probabilities(struct op_shapes *s, ana_error *err)
{
    struct attention_sizes a;
    const ana_status status = attention_check(s, false, &a, err);
    if (status)
        return status;
    s->output = SHAPE(a.batch, a.heads, a.tq, a.tk);
    return ANA_OK;
}

static void probabilities_forward(const struct op_call *call)
{
    struct attention_args args = attention_args_of(call);
    args.v = NULL;
    args.probabilities = call->output.data;
    const struct kernel_env env = call_env(call, 0);
    call->compute->attention(&env, &args);
}

/* dq of one batch entry: heads x [tq, tk] [tk, dim]. */
static struct gemm_args query_gemm(const struct attention_args *a, const void *ds, void *dq)
{
    return (struct gemm_args){.dtype = a->dtype,
                              .batch = a->heads,
                              .m = a->tq,
                              .n = a->dim,
                              .k = a->tk,
                              .a = ds,
                              .a_batch = a->tq * a->tk,
                              .a_row = a->tk,
                              .a_column = 1,
                              .b = a->k,
                              .b_batch = a->dim,
                              .b_row = a->k_token,
                              .b_column = 1,
                              .c = dq,
                              .c_batch = a->dim,
                              .c_row = a->q_token};
}

/* dk of one batch entry: heads x [tk, tq] [tq, dim]. */
static struct gemm_args key_gemm(const struct attention_args *a, const void *ds, void *dk)
{
    return (struct gemm_args){.dtype = a->dtype,
                              .batch = a->heads,
                              .m = a->tk,
                              .n = a->dim,
                              .k = a->tq,
                              .a = ds,
                              .a_batch = a->tq * a->tk,
                              .a_row = 1,
                              .a_column = a->tk,
                              .b = a->q,
                              .b_batch = a->dim,
                              .b_row = a->q_token,
                              .b_column = 1,
                              .c = dk,
                              .c_batch = a->dim,
                              .c_row = a->k_token};
}

static size_t probabilities_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    struct attention_args args = attention_args_of(call);
    uint8_t present; /* only tells the kernel which mode its scratch is for */
    args.probabilities = &present;
    if (!is_backward)
        return call->compute->attention_scratch(&args, n_workers);
    size_t total = 0;
    scratch_take(&total, tensor_bytes(&call->output));
    const struct gemm_args dq = query_gemm(&args, NULL, NULL), dk = key_gemm(&args, NULL, NULL);
    return total + size_larger(call->compute->gemm_scratch(&dq, n_workers),
                               call->compute->gemm_scratch(&dk, n_workers));
}

struct score_job {
    const struct op_call *call;
    const void *ds; /* [batch, heads, tq, tk] */
};

/* One row of dbias: the sum of the rows of ds that read it, in order. Extents of 1 are shared. */
static void bias_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct score_job *job = context;
    const struct op_call *call = job->call;
    const struct shape *bias = &call->input[ATTENTION_BIAS].shape, *all = &call->output.shape;
    const int64_t tk = all->extent[3];
    int64_t extent[3] = {1, 1, 1}, at[3], begin[3], end[3];
    for (int axis = 0; axis < bias->rank - 1; axis++)
        extent[axis + 4 - bias->rank] = bias->extent[axis];
    at[2] = row % extent[2];
    at[1] = row / extent[2] % extent[1];
    at[0] = row / extent[2] / extent[1];
    for (int axis = 0; axis < 3; axis++) {
        const bool shared = extent[axis] == 1;
        begin[axis] = shared ? 0 : at[axis];
        end[axis] = shared ? all->extent[axis] : at[axis] + 1;
    }
    for (int64_t j = 0; j < tk; j++) {
        double sum = 0;
        for (int64_t b = begin[0]; b < end[0]; b++)
            for (int64_t h = begin[1]; h < end[1]; h++)
                for (int64_t i = begin[2]; i < end[2]; i++)
                    sum += real_get(job->ds, call->dtype,
                                    ((b * all->extent[1] + h) * all->extent[2] + i) * tk + j);
        real_store(call->input_gradient[ATTENTION_BIAS].data, call->dtype, row * tk + j, sum,
                   call->accumulate[ATTENTION_BIAS]);
    }
}

/* drel_h[y] = sum over the keys of grid row y, drel_w[x] = sum over those of column x. */
static void position_row(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct score_job *job = context;
    const struct op_call *call = job->call;
    const int64_t kh = shape_last(&call->input[ATTENTION_REL_H].shape);
    const int64_t kw = shape_last(&call->input[ATTENTION_REL_W].shape);
    for (int which = ATTENTION_REL_H; which <= ATTENTION_REL_W; which++) {
        const bool is_h = which == ATTENTION_REL_H;
        const int64_t n = is_h ? kh : kw, others = is_h ? kw : kh;
        const int64_t step = is_h ? kw : 1, other_step = is_h ? 1 : kw;
        for (int64_t y = 0; call->input_gradient[which].data && y < n; y++) {
            double sum = 0;
            for (int64_t x = 0; x < others; x++)
                sum += real_get(job->ds, call->dtype, row * kh * kw + y * step + x * other_step);
            real_store(call->input_gradient[which].data, call->dtype, row * n + y, sum,
                       call->accumulate[which]);
        }
    }
}

static void products(const struct op_call *call, void *ds, size_t used)
{
    const struct attention_args whole = attention_args_of(call);
    const struct attention_sizes a = attention_call_sizes(call);
    const struct kernel_env env = call_env(call, used);
    void *dq = call->input_gradient[ATTENTION_Q].data;
    void *dk =
        a.packed ? real_at(dq, call->dtype, a.width) : call->input_gradient[ATTENTION_K].data;
    if (a.packed && dq && !call->accumulate[ATTENTION_Q])
        zero_tensor(&call->input_gradient[ATTENTION_Q]); /* that of v is zero */
    for (int64_t b = 0; b < a.batch; b++) {
        struct attention_args one = whole;
        one.q = real_at(call->input[ATTENTION_Q].data, call->dtype, b * whole.q_batch);
        one.k = a.packed ? real_at(call->input[ATTENTION_Q].data, call->dtype,
                                   b * whole.k_batch + a.width)
                         : real_at(call->input[ATTENTION_K].data, call->dtype, b * whole.k_batch);
        const void *scores = real_at(ds, call->dtype, b * a.heads * a.tq * a.tk);
        struct gemm_args g = query_gemm(&one, scores, real_at(dq, call->dtype, b * one.q_batch));
        g.accumulate = a.packed || call->accumulate[ATTENTION_Q];
        if (dq)
            call->compute->gemm(&env, &g);
        g = key_gemm(&one, scores, real_at(dk, call->dtype, b * one.k_batch));
        g.accumulate = a.packed || call->accumulate[ATTENTION_K];
        if (dk)
            call->compute->gemm(&env, &g);
    }
}

static void probabilities_backward(const struct op_call *call)
{
    const struct attention_args args = attention_args_of(call);
    const int64_t rows = args.batch * args.heads * args.tq;
    size_t used = 0;
    void *ds = scratch_at(call, scratch_take(&used, tensor_bytes(&call->output)));
    const struct kernel_env env = call_env(call, used);
    call->compute->softmax_backward(&env, &(struct softmax_args){.dtype = call->dtype,
                                                                 .rows = rows,
                                                                 .c = args.tk,
                                                                 .y = call->output.data,
                                                                 .dy = call->output_gradient.data,
                                                                 .dx = ds});
    struct score_job job = {call, ds};
    if (call->input_gradient[ATTENTION_BIAS].data)
        parallel_for(call->pool, shape_rows(&call->input[ATTENTION_BIAS].shape), bias_row, &job);
    if (call->input_gradient[ATTENTION_REL_H].data || call->input_gradient[ATTENTION_REL_W].data)
        parallel_for(call->pool, rows, position_row, &job);
    call_scale(call, ds, ds, args.scale, rows * args.tk, false);
    products(call, ds, used);
}

const struct nn_op nn_op_attention_probabilities = {
    .name = "attention_probabilities",
    .fast = true,
    .accumulates = true,
    .reads = 1U << ATTENTION_Q | 1U << ATTENTION_K | OP_READS_OUTPUT,
    .no_gradient = 1U << ATTENTION_V | 1U << ATTENTION_KEY_COUNT,
    .infer = infer_probabilities,
    .scratch = probabilities_scratch,
    .forward = probabilities_forward,
    .backward = probabilities_backward};

value nn_attention_probabilities(struct graph *graph, const char *name,
                                 struct nn_attention_inputs in,
                                 const struct nn_attention_options *options)
{
    const value operands[ATTENTION_OPERANDS] = {[ATTENTION_Q] = in.q,
                                                [ATTENTION_K] = in.k,
                                                [ATTENTION_V] = NO_VALUE,
                                                [ATTENTION_BIAS] = in.bias,
                                                [ATTENTION_REL_H] = in.rel_h,
                                                [ATTENTION_REL_W] = in.rel_w,
                                                [ATTENTION_KEY_COUNT] = in.key_count};
    return graph_add(graph, &nn_op_attention_probabilities, name, operands, ATTENTION_OPERANDS,
                     options, sizeof *options);
}

/* ---- apply ---- */

static const struct operand_rule apply_rules[] = {
    {.name = "probabilities", .min_rank = 4, .max_rank = 4},
    {.name = "v", .min_rank = 3, .max_rank = 3},
};
enum { P, V };

struct apply_options {
    bool packed;
};

static ana_status infer_apply(struct op_shapes *s, ana_error *err)
{
    const struct apply_options *o = s->options;
    ana_status status = operands_check(s, apply_rules, 2, err);
    if (status)
        return status;
    const int64_t *p = s->input[P]->extent, channels = s->input[V]->extent[2];
    status = operand_expect(s, apply_rules, V, SHAPE(p[0], p[3], channels), err);
    if (!status)
        status = heads_check(channels, p[1], o->packed, err);
    if (!status)
        s->output = SHAPE(p[0], p[2], o->packed ? channels / 3 : channels);
    return status;
}

/* v and its gradient: where the values of batch entry b begin, and from token to token. */
struct value_layout {
    int64_t batch, heads, tq, tk, dim, token, first;
};

static struct value_layout value_layout(const struct op_call *call)
{
    const int64_t *p = call->input[P].shape.extent, width = shape_last(&call->output.shape);
    const bool packed = ((const struct apply_options *)call->options)->packed;
    return (struct value_layout){.batch = p[0],
                                 .heads = p[1],
                                 .tq = p[2],
                                 .tk = p[3],
                                 .dim = width / p[1],
                                 .token = packed ? 3 * width : width,
                                 .first = packed ? 2 * width : 0};
}

static void *values_at(const struct op_call *call, const struct value_layout *l, void *data,
                       int64_t b)
{
    return real_at(data, call->dtype, b * l->tk * l->token + l->first);
}

/* y = P v for the heads of one batch entry. */
static struct gemm_args apply_gemm(const struct op_call *call, int64_t b)
{
    const struct value_layout l = value_layout(call);
    return (struct gemm_args){
        .dtype = call->dtype,
        .batch = l.heads,
        .m = l.tq,
        .n = l.dim,
        .k = l.tk,
        .a = real_at(call->input[P].data, call->dtype, b * l.heads * l.tq * l.tk),
        .a_batch = l.tq * l.tk,
        .a_row = l.tk,
        .a_column = 1,
        .b = values_at(call, &l, call->input[V].data, b),
        .b_batch = l.dim,
        .b_row = l.token,
        .b_column = 1,
        .c = real_at(call->output.data, call->dtype, b * l.tq * l.heads * l.dim),
        .c_batch = l.dim,
        .c_row = l.heads * l.dim};
}

/* dP = dy v^T. */
static struct gemm_args probability_gemm(const struct op_call *call, int64_t b)
{
    const struct value_layout l = value_layout(call);
    return (struct gemm_args){
        .dtype = call->dtype,
        .batch = l.heads,
        .m = l.tq,
        .n = l.tk,
        .k = l.dim,
        .a = real_at(call->output_gradient.data, call->dtype, b * l.tq * l.heads * l.dim),
        .a_batch = l.dim,
        .a_row = l.heads * l.dim,
        .a_column = 1,
        .b = values_at(call, &l, call->input[V].data, b),
        .b_batch = l.dim,
        .b_row = 1,
        .b_column = l.token,
        .c = real_at(call->input_gradient[P].data, call->dtype, b * l.heads * l.tq * l.tk),
        .c_batch = l.tq * l.tk,
        .c_row = l.tk,
        .accumulate = call->accumulate[P]};
}

/* dv = P^T dy; the other parts of a packed gradient were set to zero before. */
static struct gemm_args value_gemm(const struct op_call *call, int64_t b)
{
    const struct value_layout l = value_layout(call);
    return (struct gemm_args){
        .dtype = call->dtype,
        .batch = l.heads,
        .m = l.tk,
        .n = l.dim,
        .k = l.tq,
        .a = real_at(call->input[P].data, call->dtype, b * l.heads * l.tq * l.tk),
        .a_batch = l.tq * l.tk,
        .a_row = 1,
        .a_column = l.tk,
        .b = real_at(call->output_gradient.data, call->dtype, b * l.tq * l.heads * l.dim),
        .b_batch = l.dim,
        .b_row = l.heads * l.dim,
        .b_column = 1,
        .c = values_at(call, &l, call->input_gradient[V].data, b),
        .c_batch = l.dim,
        .c_row = l.token,
        .accumulate = call->accumulate[V] || l.first > 0};
}

static size_t apply_scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    struct gemm_args gemm = is_backward ? probability_gemm(call, 0) : apply_gemm(call, 0);
    size_t bytes = call->compute->gemm_scratch(&gemm, n_workers);
    if (is_backward) {
        gemm = value_gemm(call, 0);
        bytes = size_larger(bytes, call->compute->gemm_scratch(&gemm, n_workers));
    }
    return bytes;
}

static void apply_forward(const struct op_call *call)
{
    const struct kernel_env env = call_env(call, 0);
    for (int64_t b = 0; b < call->output.shape.extent[0]; b++) {
        const struct gemm_args gemm = apply_gemm(call, b);
        call->compute->gemm(&env, &gemm);
    }
}

static void apply_backward(const struct op_call *call)
{
    const struct kernel_env env = call_env(call, 0);
    const bool packed = ((const struct apply_options *)call->options)->packed;
    if (packed && call->input_gradient[V].data && !call->accumulate[V])
        zero_tensor(&call->input_gradient[V]);
    for (int64_t b = 0; b < call->output.shape.extent[0]; b++) {
        const struct gemm_args dp = probability_gemm(call, b), dv = value_gemm(call, b);
        if (dp.c)
            call->compute->gemm(&env, &dp);
        if (dv.c)
            call->compute->gemm(&env, &dv);
    }
}

const struct nn_op nn_op_attention_apply = {.name = "attention_apply",
                                            .fast = true,
                                            .accumulates = true,
                                            .reads = 1U << P | 1U << V,
                                            .infer = infer_apply,
                                            .scratch = apply_scratch,
                                            .forward = apply_forward,
                                            .backward = apply_backward};

value nn_attention_apply(struct graph *graph, const char *name, value probabilities, value v,
                         bool packed)
{
    const struct apply_options o = {packed};
    return graph_add(graph, &nn_op_attention_apply, name, (value[]){probabilities, v}, 2, &o,
                     sizeof o);
}
