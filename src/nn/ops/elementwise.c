/* Elementwise operators: activations, sums, products, rows times a number, dropout. */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <string.h>

#include "base/random.h"

static const struct operand_rule rules[] = {
    {.name = "a", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
    {.name = "b", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
};
static const struct operand_rule optional_rules[] = {
    {.name = "a", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
    {.name = "b", .min_rank = 1, .max_rank = TENSOR_MAX_RANK, .optional = true},
};

static ana_status infer_one(struct op_shapes *s, ana_error *err)
{
    const ana_status status = operands_check(s, rules, 1, err);
    if (!status)
        s->output = *s->input[0];
    return status;
}

/* ---- activation ---- */

struct activate_options {
    enum activation activation;
};

static ana_status infer_activate(struct op_shapes *s, ana_error *err)
{
    const struct activate_options *o = s->options;
    if ((int)o->activation < 0 || o->activation >= ACTIVATION_COUNT)
        return ana_fail(err, ANA_ERR_ARGUMENT, "no activation has number %d", (int)o->activation);
    return infer_one(s, err);
}

static struct activation_args activation_args(const struct op_call *call)
{
    const struct activate_options *o = call->options;
    return (struct activation_args){.dtype = call->dtype,
                                    .count = tensor_count(&call->output),
                                    .activation = o->activation,
                                    .x = call->input[0].data,
                                    .y = call->output.data};
}

static void activate_forward(const struct op_call *call)
{
    const struct activation_args args = activation_args(call);
    const struct kernel_env env = call_env(call, 0);
    call->compute->activate(&env, &args);
}

static void activate_backward(const struct op_call *call)
{
    struct activation_args args = activation_args(call);
    args.dy = call->output_gradient.data;
    args.dx = call->input_gradient[0].data;
    const struct kernel_env env = call_env(call, 0);
    call->compute->activate_backward(&env, &args);
}

/* ORDER activation */
static const struct op_variant activations[] = {
    [ACTIVATION_NONE] = {"none", true, true},
    [ACTIVATION_RELU] = {"ReLU", true, true},
    [ACTIVATION_RELU6] = {"ReLU6", false, false},
    [ACTIVATION_LEAKY_RELU] = {"LeakyReLU", false, false},
    [ACTIVATION_SIGMOID] = {"sigmoid", true, true},
    [ACTIVATION_TANH] = {"tanh", false, false},
    [ACTIVATION_GELU] = {"GELU", true, true},
    [ACTIVATION_GELU_TANH] = {"GELU by tanh", false, false},
    [ACTIVATION_QUICK_GELU] = {"quick GELU", true, true},
    [ACTIVATION_SILU] = {"SiLU", true, true},
    [ACTIVATION_HARDSWISH] = {"Hardswish", false, false},
    [ACTIVATION_COUNT] = {NULL, false, false},
};

static int activate_variant(const struct op_shapes *s)
{
    return (int)((const struct activate_options *)s->options)->activation;
}

const struct nn_op nn_op_activate = {.name = "activate",
                                     .variants = activations,
                                     .variant = activate_variant,
                                     .reads = 1,
                                     .infer = infer_activate,
                                     .forward = activate_forward,
                                     .backward = activate_backward};

value nn_activate(struct graph *graph, const char *name, value x, enum activation activation)
{
    const struct activate_options o = {activation};
    return graph_add(graph, &nn_op_activate, name, &x, 1, &o, sizeof o);
}

/* ---- alpha a + beta b ---- */

struct combine_options {
    double factor[2];
};

static ana_status infer_combine(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, optional_rules, 2, err);
    if (!status)
        status = operand_expect(s, optional_rules, 1, *s->input[0], err);
    if (!status)
        s->output = *s->input[0];
    return status;
}

static void combine_forward(const struct op_call *call)
{
    const struct combine_options *o = call->options;
    const struct kernel_env env = call_env(call, 0);
    call->compute->combine(&env, &(struct combine_args){.dtype = call->dtype,
                                                        .count = tensor_count(&call->output),
                                                        .alpha = o->factor[0],
                                                        .beta = o->factor[1],
                                                        .a = call->input[0].data,
                                                        .b = call->input[1].data,
                                                        .y = call->output.data});
}

static void combine_backward(const struct op_call *call)
{
    const struct combine_options *o = call->options;
    for (int i = 0; i < 2; i++)
        if (call->input_gradient[i].data)
            call_scale(call, call->input_gradient[i].data, call->output_gradient.data, o->factor[i],
                       tensor_count(&call->output), call->accumulate[i]);
}

const struct nn_op nn_op_combine = {.name = "combine",
                                    .fast = true,
                                    .accumulates = true,
                                    .infer = infer_combine,
                                    .forward = combine_forward,
                                    .backward = combine_backward};

value nn_combine(struct graph *graph, const char *name, value a, double alpha, value b, double beta)
{
    const struct combine_options o = {{alpha, beta}};
    return graph_add(graph, &nn_op_combine, name, (value[]){a, b}, 2, &o, sizeof o);
}

value nn_add(struct graph *graph, const char *name, value a, value b)
{
    if (value_is_none(b))
        graph_fail(graph, "%s (add): b is missing", name ? name : "");
    return nn_combine(graph, name, a, 1, b, 1);
}

/* ---- products: out[i] (+)= a[i] * b[i / divisor] ---- */

struct product {
    const void *a, *b;
    void *out;
    enum dtype dtype;
    int64_t count, divisor;
    bool accumulate;
};

static ALWAYS_INLINE void multiply(const struct product *p, int64_t begin, int64_t end,
                                   enum dtype dtype, int64_t divisor)
{
    for (int64_t i = begin; i < end; i++)
        real_store(p->out, dtype, i,
                   real_get(p->a, dtype, i) * real_get(p->b, dtype, divisor == 1 ? i : i / divisor),
                   p->accumulate);
}

static void multiply_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct product *p = context;
    const int64_t begin = chunk * OPS_CHUNK, end = chunk_end(chunk, p->count);
    if (p->dtype == DTYPE_F64)
        multiply(p, begin, end, DTYPE_F64, p->divisor);
    else if (p->divisor == 1)
        multiply(p, begin, end, DTYPE_F32, 1);
    else
        multiply(p, begin, end, DTYPE_F32, p->divisor);
}

static void run_product(const struct op_call *call, struct product p)
{
    p.dtype = call->dtype;
    p.count = tensor_count(&call->output);
    parallel_for(call->pool, chunks_of(p.count), multiply_chunk, &p);
}

static ana_status infer_mul(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, rules, 2, err);
    if (!status)
        status = operand_expect(s, rules, 1, *s->input[0], err);
    if (!status)
        s->output = *s->input[0];
    return status;
}

static void mul_forward(const struct op_call *call)
{
    run_product(call, (struct product){.a = call->input[0].data,
                                       .b = call->input[1].data,
                                       .out = call->output.data,
                                       .divisor = 1});
}

static void mul_backward(const struct op_call *call)
{
    for (int i = 0; i < 2; i++)
        if (call->input_gradient[i].data)
            run_product(call, (struct product){.a = call->output_gradient.data,
                                               .b = call->input[1 - i].data,
                                               .out = call->input_gradient[i].data,
                                               .divisor = 1,
                                               .accumulate = call->accumulate[i]});
}

const struct nn_op nn_op_mul = {.name = "mul",
                                .accumulates = true,
                                .reads = 3,
                                .infer = infer_mul,
                                .forward = mul_forward,
                                .backward = mul_backward};

value nn_mul(struct graph *graph, const char *name, value a, value b)
{
    return graph_add(graph, &nn_op_mul, name, (value[]){a, b}, 2, NULL, 0);
}

/* ---- rows times a number ---- */

static const struct operand_rule scale_rules[] = {
    {.name = "x", .min_rank = 1, .max_rank = TENSOR_MAX_RANK},
    {.name = "s", .min_rank = 1, .max_rank = 1},
};

static ana_status infer_scale_rows(struct op_shapes *s, ana_error *err)
{
    ana_status status = operands_check(s, scale_rules, 2, err);
    if (!status)
        status = operand_expect(s, scale_rules, 1, SHAPE(s->input[0]->extent[0]), err);
    if (!status)
        s->output = *s->input[0];
    return status;
}

static int64_t row_size(const struct op_call *call)
{
    return tensor_count(&call->output) / call->output.shape.extent[0];
}

static void scale_rows_forward(const struct op_call *call)
{
    run_product(call, (struct product){.a = call->input[0].data,
                                       .b = call->input[1].data,
                                       .out = call->output.data,
                                       .divisor = row_size(call)});
}

/* ds[p] = sum of x dy over row p, in order. */
static void row_dot(void *context, int64_t row, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const int64_t size = row_size(call);
    double sum = 0;
    for (int64_t i = row * size; i < (row + 1) * size; i++)
        sum += real_get(call->input[0].data, call->dtype, i) *
               real_get(call->output_gradient.data, call->dtype, i);
    real_store(call->input_gradient[1].data, call->dtype, row, sum, call->accumulate[1]);
}

static void scale_rows_backward(const struct op_call *call)
{
    if (call->input_gradient[0].data)
        run_product(call, (struct product){.a = call->output_gradient.data,
                                           .b = call->input[1].data,
                                           .out = call->input_gradient[0].data,
                                           .divisor = row_size(call),
                                           .accumulate = call->accumulate[0]});
    if (call->input_gradient[1].data) {
        struct op_call context = *call;
        parallel_for(call->pool, call->output.shape.extent[0], row_dot, &context);
    }
}

const struct nn_op nn_op_scale_rows = {.name = "scale_rows",
                                       .accumulates = true,
                                       .reads = 3,
                                       .infer = infer_scale_rows,
                                       .forward = scale_rows_forward,
                                       .backward = scale_rows_backward};

value nn_scale_rows(struct graph *graph, const char *name, value x, value s)
{
    return graph_add(graph, &nn_op_scale_rows, name, (value[]){x, s}, 2, NULL, 0);
}

/* ---- dropout ---- */

struct dropout_options {
    double p;
};

static ana_status infer_dropout(struct op_shapes *s, ana_error *err)
{
    const struct dropout_options *o = s->options;
    if (!(o->p >= 0 && o->p < 1))
        return ana_fail(err, ANA_ERR_ARGUMENT, "probability %g is not in 0 <= p < 1", o->p);
    return infer_one(s, err);
}

struct dropout {
    const struct op_call *call;
    const void *in;
    void *out;
    bool accumulate;
};

/* The same draws in both directions, so no mask is kept. */
static void drop_chunk(void *context, int64_t chunk, int worker)
{
    (void)worker;
    const struct dropout *d = context;
    const double p = ((const struct dropout_options *)d->call->options)->p;
    const enum dtype dtype = d->call->dtype;
    struct random random = random_at(d->call->seed, d->call->step, (uint32_t)chunk, d->call->node);
    const int64_t end = chunk_end(chunk, tensor_count(&d->call->output));
    for (int64_t i = chunk * OPS_CHUNK; i < end; i++) {
        const double kept = random_uniform(&random) < p ? 0 : 1 / (1 - p);
        real_store(d->out, dtype, i, kept * real_get(d->in, dtype, i), d->accumulate);
    }
}

static void run_dropout(const struct op_call *call, const void *in, void *out, bool accumulate)
{
    const int64_t count = tensor_count(&call->output);
    struct dropout d = {call, in, out, accumulate};
    if (call->training)
        parallel_for(call->pool, chunks_of(count), drop_chunk, &d);
    else
        call_scale(call, out, in, 1, count, accumulate);
}

static void dropout_forward(const struct op_call *call)
{
    run_dropout(call, call->input[0].data, call->output.data, false);
}

static void dropout_backward(const struct op_call *call)
{
    run_dropout(call, call->output_gradient.data, call->input_gradient[0].data,
                call->accumulate[0]);
}

const struct nn_op nn_op_dropout = {.name = "dropout",
                                    .accumulates = true,
                                    .infer = infer_dropout,
                                    .forward = dropout_forward,
                                    .backward = dropout_backward};

value nn_dropout(struct graph *graph, const char *name, value x, double p)
{
    const struct dropout_options o = {p};
    return graph_add(graph, &nn_op_dropout, name, &x, 1, &o, sizeof o);
}
