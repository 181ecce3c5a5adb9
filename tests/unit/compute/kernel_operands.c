/* What each kernel reads and writes, how its backward steps follow, and what a case may leave out:
 * here the products, convolutions and channel maps; the rest is in kernel_operands_rows.c.
 *
 * An extent that a case leaves 0 gets its usual value: dense strides, stride and dilation 1, the
 * output size that follows from the input.
 */
#include "kernel_cases_internal.h"

#include <math.h>
#include <string.h>

bool case_has(const struct kernel_run *run, unsigned flags)
{
    return (run->c->flags & flags) != 0;
}

bool has_backward(const struct kernel_run *run)
{
    return !case_has(run, CASE_FORWARD_ONLY);
}

struct operand *add_operand(struct kernel_run *run, const char *name, size_t field,
                            enum operand_role role, int64_t count)
{
    struct operand *operand = &run->operands[run->n_operands++];
    *operand = (struct operand){.name = name,
                                .field = field,
                                .type = OPERAND_REAL,
                                .role = role,
                                .count = count,
                                .scale = 1,
                                .gradient_of = -1};
    return operand;
}

void add_double_operand(struct kernel_run *run, const char *name, size_t field,
                        enum operand_role role, int64_t count)
{
    add_operand(run, name, field, role, count)->type = OPERAND_DOUBLE;
}

struct operand *add_gradient(struct kernel_run *run, const char *name, size_t field, const char *of)
{
    int i = 0;
    while (strcmp(run->operands[i].name, of) != 0)
        i++;
    struct operand *operand =
        add_operand(run, name, field, OPERAND_GRADIENT, run->operands[i].count);
    operand->gradient_of = i;
    return operand;
}

int n_workers(const struct kernel_run *run)
{
    return pool_size(run->env.pool);
}

void set_default(int64_t *extent, int64_t value)
{
    if (*extent == 0)
        *extent = value;
}

int64_t extent_product(const int64_t *extent, int n)
{
    int64_t count = 1;
    for (int i = 0; i < n; i++)
        count *= extent[i];
    return count;
}

/* ---- gemm */

static void complete_gemm(struct kernel_run *run)
{
    struct gemm_args *g = &run->args.gemm;

    g->dtype = run->dtype;
    set_default(&g->batch, 1);
    if (g->a_row == 0) {
        g->a_row = g->k;
        g->a_column = 1;
        g->a_batch = g->m * g->k;
    }
    if (g->b_row == 0) {
        g->b_row = g->n;
        g->b_column = 1;
        g->b_batch = g->k * g->n;
    }
    set_default(&g->c_row, g->n);
    set_default(&g->c_batch, g->m * g->c_row);
    const int64_t last = g->batch - 1;
    const int64_t c_count = last * g->c_batch + (g->m - 1) * g->c_row + g->n;
    add_operand(run, "a", FIELD(gemm.a), OPERAND_INPUT,
                last * g->a_batch + (g->m - 1) * g->a_row + (g->k - 1) * g->a_column + 1);
    add_operand(run, "b", FIELD(gemm.b), OPERAND_INPUT,
                last * g->b_batch + (g->k - 1) * g->b_row + (g->n - 1) * g->b_column + 1);
    if (case_has(run, CASE_BIAS))
        add_operand(run, "bias", FIELD(gemm.bias), OPERAND_INPUT, g->n);
    if (case_has(run, CASE_RESIDUAL))
        add_operand(run, "residual", FIELD(gemm.residual), OPERAND_INPUT, c_count);
    add_operand(run, "c", FIELD(gemm.c), OPERAND_RESULT, c_count)->accumulated = g->accumulate;
}

static void pack_gemm(struct kernel_run *run)
{
    run->packed[0] = packed_block(run->table->gemm_packed_bytes(&run->args.gemm));
    if (!run->packed[0])
        return;
    run->table->gemm_pack(&run->env, &run->args.gemm, run->packed[0]);
    run->args.gemm.b_packed = run->packed[0];
    run->args.gemm.b = NULL; /* the contract: not read */
}

static size_t gemm_scratch(const struct kernel_run *run)
{
    return run->table->gemm_scratch(&run->args.gemm, n_workers(run));
}

static void call_gemm(struct kernel_run *run)
{
    run->table->gemm(&run->env, &run->args.gemm);
}

static double gemm_operations(const struct kernel_run *run)
{
    const struct gemm_args *g = &run->args.gemm;
    return 2.0 * (double)g->batch * (double)g->m * (double)g->n * (double)g->k;
}

/* ---- conv */

static void complete_conv_extents(struct conv_args *v)
{
    set_default(&v->n, 1);
    set_default(&v->groups, 1);
    for (int axis = 0; axis < v->dims; axis++) {
        set_default(&v->stride[axis], 1);
        set_default(&v->dilation[axis], 1);
        const int64_t reach = v->dilation[axis] * (v->kernel[axis] - 1) + 1;
        set_default(&v->out[axis], (v->in[axis] + 2 * v->pad[axis] - reach) / v->stride[axis] + 1);
    }
}

static void complete_conv(struct kernel_run *run)
{
    struct conv_args *v = &run->args.conv;

    v->dtype = run->dtype;
    complete_conv_extents(v);
    const int64_t y_count = v->n * extent_product(v->out, v->dims) * v->groups * v->oc;
    add_operand(run, "x", FIELD(conv.x), OPERAND_INPUT,
                v->n * extent_product(v->in, v->dims) * v->groups * v->ic);
    add_operand(run, "w", FIELD(conv.w), OPERAND_INPUT,
                v->groups * v->oc * v->ic * extent_product(v->kernel, v->dims));
    if (case_has(run, CASE_BIAS))
        add_operand(run, "bias", FIELD(conv.bias), OPERAND_INPUT, v->groups * v->oc);
    add_operand(run, "y", FIELD(conv.y), OPERAND_RESULT, y_count);
    if (!has_backward(run))
        return;
    add_operand(run, "dy", FIELD(conv.dy), OPERAND_SEED, y_count);
    add_gradient(run, "dx", FIELD(conv.dx), "x")->accumulated = v->accumulate;
    add_gradient(run, "dw", FIELD(conv.dw), "w")->accumulated = v->accumulate;
    if (case_has(run, CASE_BIAS))
        add_gradient(run, "dbias", FIELD(conv.dbias), "bias")->accumulated = v->accumulate;
}

static void pack_conv(struct kernel_run *run)
{
    const enum conv_pass passes[] = {CONV_FORWARD, CONV_BACKWARD_DATA};

    for (int i = 0; i < (has_backward(run) ? 2 : 1); i++) {
        const size_t bytes = run->table->conv_packed_bytes(&run->args.conv, passes[i]);
        run->packed[i] = packed_block(bytes);
        if (run->packed[i])
            run->table->conv_pack(&run->env, &run->args.conv, passes[i], run->packed[i]);
    }
}

static size_t conv_forward_scratch(const struct kernel_run *run)
{
    return run->table->conv_forward_scratch(&run->args.conv, n_workers(run));
}

static void call_conv_forward(struct kernel_run *run)
{
    run->args.conv.packed = run->packed[0];
    run->table->conv_forward(&run->env, &run->args.conv);
}

static size_t conv_backward_data_scratch(const struct kernel_run *run)
{
    return run->table->conv_backward_data_scratch(&run->args.conv, n_workers(run));
}

static void call_conv_backward_data(struct kernel_run *run)
{
    run->args.conv.packed = run->packed[1];
    run->table->conv_backward_data(&run->env, &run->args.conv);
}

static size_t conv_backward_weights_scratch(const struct kernel_run *run)
{
    return run->table->conv_backward_weights_scratch(&run->args.conv, n_workers(run));
}

static void call_conv_backward_weights(struct kernel_run *run)
{
    run->args.conv.packed = NULL;
    run->table->conv_backward_weights(&run->env, &run->args.conv);
}

static double conv_operations(const struct kernel_run *run)
{
    const struct conv_args *v = &run->args.conv;
    const int64_t positions = v->n * extent_product(v->out, v->dims);
    const int64_t terms = extent_product(v->kernel, v->dims) * v->ic * v->oc * v->groups;
    return 2.0 * (double)positions * (double)terms;
}

/* ---- channel sums and affine */

static void complete_sums(struct kernel_run *run)
{
    struct channel_sums_args *s = &run->args.sums;

    s->dtype = run->dtype;
    add_operand(run, "x", FIELD(sums.x), OPERAND_INPUT, s->n * s->p * s->c);
    add_double_operand(run, "sum", FIELD(sums.sum), OPERAND_RESULT, s->n * s->c);
    if (case_has(run, CASE_SQUARES))
        add_double_operand(run, "sum_square", FIELD(sums.sum_square), OPERAND_SAVED, s->n * s->c);
}

static size_t sums_scratch(const struct kernel_run *run)
{
    return run->table->channel_sums_scratch(&run->args.sums, n_workers(run));
}

static void call_sums(struct kernel_run *run)
{
    run->table->channel_sums(&run->env, &run->args.sums);
}

static double sums_operations(const struct kernel_run *run)
{
    const struct channel_sums_args *s = &run->args.sums;
    return (double)s->n * (double)s->p * (double)s->c;
}

/* With CASE_GRADIENT p0 is the scale and p1 = p2 = 0, which makes dx the gradient of forward. */
static void complete_affine(struct kernel_run *run)
{
    struct channel_affine_args *f = &run->args.affine.forward;
    struct channel_affine_backward_args *b = &run->args.affine.backward;
    const int64_t count = f->n * f->p * f->c, channels = f->n * f->c;
    const bool gradient = case_has(run, CASE_GRADIENT);

    f->dtype = b->dtype = run->dtype;
    b->n = f->n;
    b->p = f->p;
    b->c = f->c;
    b->activation = f->activation;
    add_operand(run, "x", FIELD(affine.forward.x), OPERAND_INPUT, count);
    add_operand(run, "scale", FIELD(affine.forward.scale), OPERAND_INPUT,
                f->shared ? f->c : channels);
    add_operand(run, "shift", FIELD(affine.forward.shift), OPERAND_INPUT,
                f->shared ? f->c : channels);
    if (case_has(run, CASE_RESIDUAL))
        add_operand(run, "residual", FIELD(affine.forward.residual), OPERAND_INPUT, count);
    add_operand(run, "y", FIELD(affine.forward.y), OPERAND_RESULT, count);
    if (!has_backward(run))
        return;
    add_operand(run, "dy", FIELD(affine.backward.dy), OPERAND_SEED, count);
    if (!gradient)
        add_operand(run, "p0", FIELD(affine.backward.p0), OPERAND_INPUT, channels);
    add_operand(run, "p1", FIELD(affine.backward.p1), OPERAND_INPUT, channels)->scale =
        gradient ? 0 : 1;
    add_operand(run, "p2", FIELD(affine.backward.p2), OPERAND_INPUT, channels)->scale =
        gradient ? 0 : 1;
    add_double_operand(run, "sum_dz", FIELD(affine.backward.sum_dz), OPERAND_GRADIENT, channels);
    add_double_operand(run, "sum_dz_x", FIELD(affine.backward.sum_dz_x), OPERAND_GRADIENT,
                       channels);
    if (gradient) {
        run->operands[run->n_operands - 2].gradient_of = 2; /* shift */
        run->operands[run->n_operands - 1].gradient_of = 1; /* scale */
    }
    add_gradient(run, "dx", FIELD(affine.backward.dx), "x")->accumulated = b->accumulate;
    if (case_has(run, CASE_RESIDUAL))
        add_gradient(run, "dresidual", FIELD(affine.backward.dresidual), "residual")->accumulated =
            b->accumulate_residual;
}

static void link_affine(struct kernel_run *run)
{
    struct channel_affine_backward_args *b = &run->args.affine.backward;

    b->x = run->args.affine.forward.x;
    b->y = run->args.affine.forward.y;
    if (case_has(run, CASE_GRADIENT))
        b->p0 = run->args.affine.forward.scale;
}

static void call_affine(struct kernel_run *run)
{
    run->table->channel_affine(&run->env, &run->args.affine.forward);
}

static size_t affine_sums_scratch(const struct kernel_run *run)
{
    return run->table->channel_affine_sums_scratch(&run->args.affine.backward, n_workers(run));
}

static void call_affine_sums(struct kernel_run *run)
{
    run->table->channel_affine_sums(&run->env, &run->args.affine.backward);
}

static void call_affine_backward(struct kernel_run *run)
{
    run->table->channel_affine_backward(&run->env, &run->args.affine.backward);
}

static double affine_operations(const struct kernel_run *run)
{
    const struct channel_affine_args *f = &run->args.affine.forward;
    return (double)f->n * (double)f->p * (double)f->c;
}

const struct kernel_binding gemm_binding = {
    "gemm",    complete_gemm,   NULL,
    pack_gemm, gemm_operations, {{"gemm", false, gemm_scratch, call_gemm}}};

const struct kernel_binding conv_binding = {
    "conv",
    complete_conv,
    NULL,
    pack_conv,
    conv_operations,
    {{"conv_forward", false, conv_forward_scratch, call_conv_forward},
     {"conv_backward_data", true, conv_backward_data_scratch, call_conv_backward_data},
     {"conv_backward_weights", true, conv_backward_weights_scratch, call_conv_backward_weights}}};

const struct kernel_binding channel_sums_binding = {
    "channel_sums", complete_sums,   NULL,
    NULL,           sums_operations, {{"channel_sums", false, sums_scratch, call_sums}}};

const struct kernel_binding channel_affine_binding = {
    "channel_affine",
    complete_affine,
    link_affine,
    NULL,
    affine_operations,
    {{"channel_affine", false, NULL, call_affine},
     {"channel_affine_sums", true, affine_sums_scratch, call_affine_sums},
     {"channel_affine_backward", true, NULL, call_affine_backward}}};

/* ORDER kernel */
const struct kernel_binding *const kernel_bindings[KERNEL_COUNT] = {
    [KERNEL_GEMM] = &gemm_binding,
    [KERNEL_CONV] = &conv_binding,
    [KERNEL_CHANNEL_SUMS] = &channel_sums_binding,
    [KERNEL_CHANNEL_AFFINE] = &channel_affine_binding,
    [KERNEL_ROW_NORM] = &row_norm_binding,
    [KERNEL_SOFTMAX] = &softmax_binding,
    [KERNEL_ATTENTION] = &attention_binding,
    [KERNEL_ACTIVATE] = &activate_binding,
    [KERNEL_COMBINE] = &combine_binding,
    [KERNEL_COPY] = &copy_binding,
    [KERNEL_POOL2D] = &pool2d_binding,
    [KERNEL_RESIZE2D] = &resize2d_binding,
};
