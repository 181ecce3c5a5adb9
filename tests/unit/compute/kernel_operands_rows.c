/* kernel_operands.c continued: rows, attention, elementwise, copy, pools and resizing. */
#include "kernel_cases_internal.h"

#include <math.h>
#include <string.h>

/* ---- rows */

static void complete_norm(struct kernel_run *run)
{
    struct row_norm_args *r = &run->args.norm;
    const int64_t count = r->rows * r->c;

    r->dtype = run->dtype;
    if (r->epsilon == 0)
        r->epsilon = 1e-5;
    add_operand(run, "x", FIELD(norm.x), OPERAND_INPUT, count);
    if (case_has(run, CASE_GAIN))
        add_operand(run, "gain", FIELD(norm.gain), OPERAND_INPUT, r->c);
    if (case_has(run, CASE_BIAS))
        add_operand(run, "bias", FIELD(norm.bias), OPERAND_INPUT, r->c);
    add_operand(run, "y", FIELD(norm.y), OPERAND_RESULT, count);
    add_double_operand(run, "mean", FIELD(norm.mean), OPERAND_SAVED, r->rows);
    add_double_operand(run, "rstd", FIELD(norm.rstd), OPERAND_SAVED, r->rows);
    add_operand(run, "dy", FIELD(norm.dy), OPERAND_SEED, count);
    add_gradient(run, "dx", FIELD(norm.dx), "x");
    if (case_has(run, CASE_GAIN))
        add_gradient(run, "dgain", FIELD(norm.dgain), "gain");
    if (case_has(run, CASE_BIAS))
        add_gradient(run, "dbias", FIELD(norm.dbias), "bias");
}

static void call_norm(struct kernel_run *run)
{
    run->table->row_norm(&run->env, &run->args.norm);
}

static void call_norm_backward(struct kernel_run *run)
{
    run->table->row_norm_backward(&run->env, &run->args.norm);
}

static double norm_operations(const struct kernel_run *run)
{
    return (double)run->args.norm.rows * (double)run->args.norm.c;
}

static void complete_softmax(struct kernel_run *run)
{
    struct softmax_args *s = &run->args.softmax;
    const int64_t count = s->rows * s->c;

    s->dtype = run->dtype;
    add_operand(run, "x", FIELD(softmax.x), OPERAND_INPUT, count)->scale = 6;
    add_operand(run, "y", FIELD(softmax.y), OPERAND_RESULT, count);
    add_operand(run, "dy", FIELD(softmax.dy), OPERAND_SEED, count);
    add_gradient(run, "dx", FIELD(softmax.dx), "x");
}

static void call_softmax(struct kernel_run *run)
{
    run->table->softmax(&run->env, &run->args.softmax);
}

static void call_softmax_backward(struct kernel_run *run)
{
    run->table->softmax_backward(&run->env, &run->args.softmax);
}

static double softmax_operations(const struct kernel_run *run)
{
    return (double)run->args.softmax.rows * (double)run->args.softmax.c;
}

/* ---- attention */

static void complete_attention_extents(struct kernel_run *run)
{
    struct attention_args *a = &run->args.attention;
    const int64_t token = a->heads * a->dim * (case_has(run, CASE_ONE_QKV) ? 3 : 1);

    a->dtype = run->dtype;
    set_default(&a->batch, 1);
    if (a->scale == 0)
        a->scale = 1 / sqrt((double)a->dim);
    set_default(&a->q_token, token);
    set_default(&a->k_token, token);
    set_default(&a->v_token, token);
    set_default(&a->q_batch, a->tq * a->q_token);
    set_default(&a->k_batch, a->tk * a->k_token);
    set_default(&a->v_batch, a->tk * a->v_token);
    if (a->bias_batch == 0 && a->bias_head == 0 && a->bias_query == 0) { /* [heads, tq, tk] */
        a->bias_head = a->tq * a->tk;
        a->bias_query = a->tk;
    }
}

static int64_t bias_count(const struct attention_args *a)
{
    return (a->batch - 1) * a->bias_batch + (a->heads - 1) * a->bias_head +
           (a->tq - 1) * a->bias_query + a->tk;
}

static void add_bias_gradients(struct kernel_run *run)
{
    if (case_has(run, CASE_BIAS))
        add_gradient(run, "dbias", FIELD(attention.dbias), "bias");
    if (case_has(run, CASE_REL)) {
        add_gradient(run, "drel_h", FIELD(attention.drel_h), "rel_h");
        add_gradient(run, "drel_w", FIELD(attention.drel_w), "rel_w");
    }
}

static void complete_attention(struct kernel_run *run)
{
    struct attention_args *a = &run->args.attention;

    complete_attention_extents(run);
    const int64_t rows = a->batch * a->heads * a->tq;
    const bool one = case_has(run, CASE_ONE_QKV);
    add_operand(run, "q", FIELD(attention.q), OPERAND_INPUT, a->batch * a->q_batch)->scale = 2;
    if (!one) {
        add_operand(run, "k", FIELD(attention.k), OPERAND_INPUT, a->batch * a->k_batch)->scale = 2;
        add_operand(run, "v", FIELD(attention.v), OPERAND_INPUT, a->batch * a->v_batch);
    }
    if (case_has(run, CASE_BIAS | CASE_CAUSAL))
        add_operand(run, "bias", FIELD(attention.bias), OPERAND_INPUT, bias_count(a));
    if (case_has(run, CASE_REL)) {
        add_operand(run, "rel_h", FIELD(attention.rel_h), OPERAND_INPUT, rows * a->kh);
        add_operand(run, "rel_w", FIELD(attention.rel_w), OPERAND_INPUT, rows * a->kw);
    }
    if (case_has(run, CASE_KEY_COUNT))
        add_operand(run, "key_count", FIELD(attention.key_count), OPERAND_INPUT, a->batch)->type =
            OPERAND_INT32;
    if (!case_has(run, CASE_NO_RESULT))
        add_operand(run, "y", FIELD(attention.y), OPERAND_RESULT, rows * a->dim);
    if (case_has(run, CASE_MATERIALISED))
        add_operand(run, "probabilities", FIELD(attention.probabilities), OPERAND_SAVED,
                    rows * a->tk);
    if (case_has(run, CASE_LOG_SUM))
        add_double_operand(run, "log_sum", FIELD(attention.log_sum), OPERAND_SAVED, rows);
    if (!has_backward(run))
        return;
    add_operand(run, "dy", FIELD(attention.dy), OPERAND_SEED, rows * a->dim);
    add_gradient(run, "dq", FIELD(attention.dq), "q");
    if (!one) {
        add_gradient(run, "dk", FIELD(attention.dk), "k");
        add_gradient(run, "dv", FIELD(attention.dv), "v");
    }
    if (case_has(run, CASE_BIAS_GRADIENT))
        add_bias_gradients(run);
}

static const void *later(const struct kernel_run *run, const void *data, int64_t elements)
{
    return (const char *)data + (size_t)elements * dtype_size(run->dtype);
}

/* The bias of keys that come after the query is -inf. */
static void mask_future(struct kernel_run *run, int bias)
{
    const struct attention_args *a = &run->args.attention;

    for (int64_t at = 0; at < run->operands[bias].count; at++) {
        if (at % a->tk > at / a->tk % a->tq)
            operand_set(run, bias, at, -(double)INFINITY);
    }
}

/* Different for every batch entry; at least one key is left. */
static void set_key_counts(struct kernel_run *run, int key_count)
{
    const struct attention_args *a = &run->args.attention;

    for (int64_t b = 0; b < a->batch; b++) {
        const int64_t live = 1 + (a->tk - 1) * (b + 1) / (a->batch + 1);
        operand_set(run, key_count, b, (double)live);
    }
}

static void link_attention(struct kernel_run *run)
{
    struct attention_args *a = &run->args.attention;
    const int64_t part = a->heads * a->dim;

    if (case_has(run, CASE_ONE_QKV)) {
        a->k = later(run, a->q, part);
        a->v = later(run, a->q, 2 * part);
        if (a->dq) {
            a->dk = (char *)a->dq + (size_t)part * dtype_size(run->dtype);
            a->dv = (char *)a->dq + (size_t)(2 * part) * dtype_size(run->dtype);
        }
    }
    for (int i = 0; i < run->n_operands; i++) {
        if (case_has(run, CASE_CAUSAL) && strcmp(run->operands[i].name, "bias") == 0)
            mask_future(run, i);
        if (strcmp(run->operands[i].name, "key_count") == 0)
            set_key_counts(run, i);
    }
}

static size_t attention_scratch(const struct kernel_run *run)
{
    return run->table->attention_scratch(&run->args.attention, n_workers(run));
}

static void call_attention(struct kernel_run *run)
{
    run->table->attention(&run->env, &run->args.attention);
}

static size_t attention_backward_scratch(const struct kernel_run *run)
{
    return run->table->attention_backward_scratch(&run->args.attention, n_workers(run));
}

static void call_attention_backward(struct kernel_run *run)
{
    run->table->attention_backward(&run->env, &run->args.attention);
}

static double attention_operations(const struct kernel_run *run)
{
    const struct attention_args *a = &run->args.attention;
    return 4.0 * (double)(a->batch * a->heads) * (double)a->tq * (double)a->tk * (double)a->dim;
}

/* ---- elementwise */

/* Wide enough to reach both bends of relu6 and the flat ends of the others. */
static const double ACTIVATION_RANGE = 8;

static void complete_activation(struct kernel_run *run)
{
    struct activation_args *a = &run->args.activation;
    const bool in_place = case_has(run, CASE_IN_PLACE);

    a->dtype = run->dtype;
    if (!in_place)
        add_operand(run, "x", FIELD(activation.x), OPERAND_INPUT, a->count)->scale =
            ACTIVATION_RANGE;
    struct operand *y = add_operand(run, "y", FIELD(activation.y), OPERAND_RESULT, a->count);
    y->accumulated = in_place;
    y->scale = ACTIVATION_RANGE;
    if (!in_place) {
        add_operand(run, "dy", FIELD(activation.dy), OPERAND_SEED, a->count);
        add_gradient(run, "dx", FIELD(activation.dx), "x");
    } else {
        add_operand(run, "dx", FIELD(activation.dx), OPERAND_GRADIENT, a->count)->accumulated =
            true;
    }
}

static void link_activation(struct kernel_run *run)
{
    struct activation_args *a = &run->args.activation;

    if (case_has(run, CASE_IN_PLACE)) {
        a->x = a->y;
        a->dy = a->dx;
    }
}

static void call_activate(struct kernel_run *run)
{
    run->table->activate(&run->env, &run->args.activation);
}

static void call_activate_backward(struct kernel_run *run)
{
    run->table->activate_backward(&run->env, &run->args.activation);
}

static double activation_operations(const struct kernel_run *run)
{
    return (double)run->args.activation.count;
}

static void complete_combine(struct kernel_run *run)
{
    struct combine_args *m = &run->args.combine;
    const bool in_place = case_has(run, CASE_IN_PLACE);

    m->dtype = run->dtype;
    if (!in_place)
        add_operand(run, "a", FIELD(combine.a), OPERAND_INPUT, m->count);
    if (case_has(run, CASE_SECOND))
        add_operand(run, "b", FIELD(combine.b), OPERAND_INPUT, m->count);
    add_operand(run, "y", FIELD(combine.y), OPERAND_RESULT, m->count)->accumulated = in_place;
}

static void link_combine(struct kernel_run *run)
{
    if (case_has(run, CASE_IN_PLACE))
        run->args.combine.a = run->args.combine.y;
}

static void call_combine(struct kernel_run *run)
{
    run->table->combine(&run->env, &run->args.combine);
}

static double combine_operations(const struct kernel_run *run)
{
    return (double)run->args.combine.count;
}

static int64_t reach(const struct copy_args *p, const int64_t *stride)
{
    int64_t last = 0;
    for (int axis = 0; axis < p->rank; axis++)
        last += (p->extent[axis] - 1) * stride[axis];
    return last + 1;
}

static void complete_copy(struct kernel_run *run)
{
    struct copy_args *p = &run->args.copy;

    p->dtype = run->dtype;
    add_operand(run, "src", FIELD(copy.src), OPERAND_INPUT, reach(p, p->src_stride));
    add_operand(run, "dst", FIELD(copy.dst), OPERAND_RESULT, reach(p, p->dst_stride))->accumulated =
        p->accumulate;
}

static void call_copy(struct kernel_run *run)
{
    run->table->copy(&run->env, &run->args.copy);
}

static double copy_operations(const struct kernel_run *run)
{
    return (double)extent_product(run->args.copy.extent, run->args.copy.rank);
}

/* ---- pool and resize */

static void complete_pool(struct kernel_run *run)
{
    struct pool2d_args *p = &run->args.pool;

    p->dtype = run->dtype;
    set_default(&p->n, 1);
    set_default(&p->oh, (p->h + 2 * p->pad[0] - p->kernel[0]) / p->stride[0] + 1);
    set_default(&p->ow, (p->w + 2 * p->pad[1] - p->kernel[1]) / p->stride[1] + 1);
    const int64_t y_count = p->n * p->oh * p->ow * p->c;
    add_operand(run, "x", FIELD(pool.x), OPERAND_INPUT, p->n * p->h * p->w * p->c);
    add_operand(run, "y", FIELD(pool.y), OPERAND_RESULT, y_count);
    if (p->is_max && has_backward(run))
        add_operand(run, "index", FIELD(pool.index), OPERAND_SAVED, y_count)->type = OPERAND_INT32;
    if (!has_backward(run))
        return;
    add_operand(run, "dy", FIELD(pool.dy), OPERAND_SEED, y_count);
    add_gradient(run, "dx", FIELD(pool.dx), "x");
}

static void call_pool(struct kernel_run *run)
{
    run->table->pool2d(&run->env, &run->args.pool);
}

static void call_pool_backward(struct kernel_run *run)
{
    run->table->pool2d_backward(&run->env, &run->args.pool);
}

static double pool_operations(const struct kernel_run *run)
{
    const struct pool2d_args *p = &run->args.pool;
    return (double)(p->n * p->h * p->w) * (double)p->c;
}

static void complete_resize(struct kernel_run *run)
{
    struct resize2d_args *r = &run->args.resize;
    const int64_t y_count = r->n * r->oh * r->ow * r->c;

    r->dtype = run->dtype;
    add_operand(run, "x", FIELD(resize.x), OPERAND_INPUT, r->n * r->h * r->w * r->c);
    add_operand(run, "y", FIELD(resize.y), OPERAND_RESULT, y_count);
    add_operand(run, "dy", FIELD(resize.dy), OPERAND_SEED, y_count);
    add_gradient(run, "dx", FIELD(resize.dx), "x");
}

static void call_resize(struct kernel_run *run)
{
    run->table->resize2d(&run->env, &run->args.resize);
}

static void call_resize_backward(struct kernel_run *run)
{
    run->table->resize2d_backward(&run->env, &run->args.resize);
}

static double resize_operations(const struct kernel_run *run)
{
    const struct resize2d_args *r = &run->args.resize;
    return (double)(r->n * r->oh * r->ow) * (double)r->c;
}

const struct kernel_binding row_norm_binding = {
    "row_norm",
    complete_norm,
    NULL,
    NULL,
    norm_operations,
    {{"row_norm", false, NULL, call_norm}, {"row_norm_backward", true, NULL, call_norm_backward}}};

const struct kernel_binding softmax_binding = {
    "softmax",
    complete_softmax,
    NULL,
    NULL,
    softmax_operations,
    {{"softmax", false, NULL, call_softmax},
     {"softmax_backward", true, NULL, call_softmax_backward}}};

const struct kernel_binding attention_binding = {
    "attention",
    complete_attention,
    link_attention,
    NULL,
    attention_operations,
    {{"attention", false, attention_scratch, call_attention},
     {"attention_backward", true, attention_backward_scratch, call_attention_backward}}};

const struct kernel_binding activate_binding = {
    "activate",
    complete_activation,
    link_activation,
    NULL,
    activation_operations,
    {{"activate", false, NULL, call_activate},
     {"activate_backward", true, NULL, call_activate_backward}}};

const struct kernel_binding combine_binding = {
    "combine", complete_combine,   link_combine,
    NULL,      combine_operations, {{"combine", false, NULL, call_combine}}};

const struct kernel_binding copy_binding = {
    "copy", complete_copy, NULL, NULL, copy_operations, {{"copy", false, NULL, call_copy}}};

const struct kernel_binding pool2d_binding = {
    "pool2d",
    complete_pool,
    NULL,
    NULL,
    pool_operations,
    {{"pool2d", false, NULL, call_pool}, {"pool2d_backward", true, NULL, call_pool_backward}}};

const struct kernel_binding resize2d_binding = {
    "resize2d",
    complete_resize,
    NULL,
    NULL,
    resize_operations,
    {{"resize2d", false, NULL, call_resize},
     {"resize2d_backward", true, NULL, call_resize_backward}}};
