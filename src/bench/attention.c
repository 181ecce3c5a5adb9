/* Fused attention, heads of width 64, q, k and v in one packed tensor as the models have them. */
#include "bench/subject.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"

struct attention_case {
    int64_t batch, heads, tokens;
    int64_t grid; /* tokens = grid x grid with decomposed relative positions; 0: none */
    bool backward;
};

static const struct attention_case cases[] = {
    {1, 12, 4096, 64, false}, /* SAM ViT-B, global layers */
    {25, 12, 196, 14, false}, /* SAM's windows */
    {1, 12, 197, 0, false},   /* ViT-B/16 */
    {1, 12, 32, 0, false},    /* BERT, a short prompt */
    {10, 12, 197, 0, true},   /* ten noise copies of M2IB */
};
enum { DIM = 64 };

static void describe(char name[SUBJECT_NAME_SIZE], int index)
{
    const struct attention_case *c = &cases[index];
    snprintf(name, SUBJECT_NAME_SIZE,
             "attention %" PRId64 " tokens, %" PRId64 "x%" PRId64 "x%d%s%s", c->tokens, c->batch,
             c->heads, DIM, c->grid ? " rel-pos" : "", c->backward ? " backward" : "");
}

static void run_forward(const struct kernel_subject *kernel)
{
    kernel->compute->attention(&kernel->env, &kernel->args.attention);
}
static void run_backward(const struct kernel_subject *kernel)
{
    kernel->compute->attention_backward(&kernel->env, &kernel->args.attention);
}

static void fill_forward(struct kernel_subject *kernel, const struct attention_case *c)
{
    struct attention_args *a = &kernel->args.attention;
    const int64_t width = c->heads * DIM, rows = c->batch * c->tokens;
    *a = (struct attention_args){.dtype = DTYPE_F32,
                                 .batch = c->batch,
                                 .heads = c->heads,
                                 .tq = c->tokens,
                                 .tk = c->tokens,
                                 .dim = DIM,
                                 .scale = 0.125,
                                 .q_token = 3 * width,
                                 .k_token = 3 * width,
                                 .v_token = 3 * width,
                                 .q_batch = c->tokens * 3 * width,
                                 .k_batch = c->tokens * 3 * width,
                                 .v_batch = c->tokens * 3 * width,
                                 .kh = c->grid,
                                 .kw = c->grid};
    const float *qkv = kernel_floats(kernel, rows * 3 * width);
    a->q = qkv;
    a->k = qkv ? qkv + width : NULL;
    a->v = qkv ? qkv + 2 * width : NULL;
    a->y = kernel_floats(kernel, rows * width);
    if (c->grid) {
        a->rel_h = kernel_floats(kernel, rows * c->heads * c->grid);
        a->rel_w = kernel_floats(kernel, rows * c->heads * c->grid);
    }
    a->log_sum = kernel_block(kernel, (size_t)(rows * c->heads) * sizeof *a->log_sum);
}

/* Runs forward once, for the logarithms of the sums. */
static void fill_backward(struct kernel_subject *kernel, const struct attention_case *c)
{
    struct attention_args *a = &kernel->args.attention;
    const int64_t width = c->heads * DIM, rows = c->batch * c->tokens;
    float *gradient = kernel_floats(kernel, rows * 3 * width);
    a->dy = kernel_floats(kernel, rows * width);
    a->dq = gradient;
    a->dk = gradient ? gradient + width : NULL;
    a->dv = gradient ? gradient + 2 * width : NULL;
    if (!kernel->failed)
        run_forward(kernel);
}

static void make_scratch(struct kernel_subject *kernel, bool backward)
{
    const struct attention_args *a = &kernel->args.attention;
    const int threads = pool_size(kernel->env.pool);
    const size_t forward = kernel->compute->attention_scratch(a, threads);
    const size_t back = backward ? kernel->compute->attention_backward_scratch(a, threads) : 0;
    kernel_scratch(kernel, forward > back ? forward : back);
}

static ana_status open_case(struct subject *out, int index, struct pool *pool, ana_error *err)
{
    const struct attention_case *c = &cases[index];
    struct kernel_subject *kernel;
    const ana_status status = kernel_subject_create(&kernel, pool, err);
    if (status)
        return status;
    fill_forward(kernel, c);
    make_scratch(kernel, c->backward);
    if (c->backward)
        fill_backward(kernel, c);
    kernel->run = c->backward ? run_backward : run_forward;

    const double rows = (double)(c->batch * c->heads * c->tokens);
    const double product = 2 * rows * (double)c->tokens * DIM;
    const double tensors = c->backward ? 8 : 4; /* q, k, v, y, and a gradient of each */
    *out = (struct subject){.flop = product * (c->backward ? 4 : 2),
                            .bytes = sizeof(float) * rows * (DIM * tensors + 2 * (double)c->grid),
                            .stream = STREAM_TRIAD};
    return kernel_subject_finish(out, kernel, err);
}

const struct subject_family family_attention = {.name = "attention",
                                                .n_cases = sizeof cases / sizeof cases[0],
                                                .describe = describe,
                                                .open = open_case};
