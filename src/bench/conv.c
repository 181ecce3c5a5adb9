/* Convolutions, channels-last, forward and both gradients. */
#include "bench/subject.h"

#include <inttypes.h>
#include <stdio.h>

struct conv_shape {
    int64_t n, size, ic, oc, kernel, stride;
};

/* Each is measured three times: one case a pass. */
static const struct conv_shape shapes[] = {
    {4, 128, 64, 64, 3, 1}, /* U-Net, batch of 4 */
    {4, 64, 128, 128, 3, 1}, {4, 32, 256, 256, 3, 1}, {1, 64, 256, 256, 3, 1}, /* SAM's neck */
    {1, 64, 768, 256, 1, 1}, {4, 256, 3, 32, 3, 1},                            /* first layer */
    {24, 128, 16, 16, 3, 1}, /* mini's decoder while training */
    {24, 32, 64, 64, 3, 1},  {8, 64, 32, 64, 3, 2},   {24, 16, 128, 128, 3, 1},
    {24, 8, 192, 192, 3, 1}, {24, 32, 64, 128, 1, 1},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

enum pass { FORWARD, DATA, WEIGHTS, N_PASSES };
static const char *const pass_names[N_PASSES] = {"forward", "data gradient", "weight gradient"};

static void describe(char name[SUBJECT_NAME_SIZE], int index)
{
    const struct conv_shape *s = &shapes[index / N_PASSES];
    char stride[32] = "";
    if (s->stride > 1)
        snprintf(stride, sizeof stride, " stride %" PRId64, s->stride);
    snprintf(name, SUBJECT_NAME_SIZE,
             "conv %" PRId64 "x%" PRId64 " %" PRId64 "->%" PRId64 "%s, %" PRId64 "x%" PRId64
             "x%" PRId64 " %s",
             s->kernel, s->kernel, s->ic, s->oc, stride, s->n, s->size, s->size,
             pass_names[index % N_PASSES]);
}

static void run_forward(const struct kernel_subject *kernel)
{
    kernel->compute->conv_forward(&kernel->env, &kernel->args.conv);
}
static void run_data(const struct kernel_subject *kernel)
{
    kernel->compute->conv_backward_data(&kernel->env, &kernel->args.conv);
}
static void run_weights(const struct kernel_subject *kernel)
{
    kernel->compute->conv_backward_weights(&kernel->env, &kernel->args.conv);
}

static struct conv_args args_of(const struct conv_shape *s)
{
    const int64_t pad = s->kernel / 2, out = (s->size + 2 * pad - s->kernel) / s->stride + 1;
    return (struct conv_args){.dtype = DTYPE_F32,
                              .dims = 2,
                              .n = s->n,
                              .ic = s->ic,
                              .oc = s->oc,
                              .groups = 1,
                              .in = {s->size, s->size},
                              .out = {out, out},
                              .kernel = {s->kernel, s->kernel},
                              .stride = {s->stride, s->stride},
                              .pad = {pad, pad},
                              .dilation = {1, 1}};
}

struct conv_sizes {
    int64_t x, y, w;
};

static struct conv_sizes sizes_of(const struct conv_args *a)
{
    return (struct conv_sizes){.x = a->n * a->in[0] * a->in[1] * a->ic,
                               .y = a->n * a->out[0] * a->out[1] * a->oc,
                               .w = a->oc * a->ic * a->kernel[0] * a->kernel[1]};
}

/* Packed ahead, as plans do it. */
static void pack(struct kernel_subject *kernel, enum conv_pass pass)
{
    struct conv_args *args = &kernel->args.conv;
    const size_t size = kernel->compute->conv_packed_bytes(args, pass);
    void *packed = size ? kernel_block(kernel, size) : NULL;
    if (!packed)
        return;
    kernel->compute->conv_pack(&kernel->env, args, pass, packed);
    args->packed = packed;
}

static void fill(struct kernel_subject *kernel, enum pass pass)
{
    struct conv_args *args = &kernel->args.conv;
    const struct conv_sizes n = sizes_of(args);
    const struct compute *compute = kernel->compute;
    const int threads = pool_size(kernel->env.pool);
    float *x = kernel_floats(kernel, n.x), *y = kernel_floats(kernel, n.y);
    float *w = kernel_floats(kernel, n.w);

    args->x = args->dx = x;
    args->y = y;
    args->dy = y;
    args->w = args->dw = w;
    if (pass == FORWARD) {
        kernel->run = run_forward;
        args->bias = kernel_floats(kernel, args->oc);
        args->activation = ACTIVATION_RELU;
        kernel_scratch(kernel, compute->conv_forward_scratch(args, threads));
    } else if (pass == DATA) {
        kernel->run = run_data;
        kernel_scratch(kernel, compute->conv_backward_data_scratch(args, threads));
    } else {
        kernel->run = run_weights;
        kernel_scratch(kernel, compute->conv_backward_weights_scratch(args, threads));
    }
    if (pass != WEIGHTS && !kernel->failed)
        pack(kernel, pass == FORWARD ? CONV_FORWARD : CONV_BACKWARD_DATA);
}

static ana_status open_case(struct subject *out, int index, struct pool *pool, ana_error *err)
{
    struct kernel_subject *kernel;
    const ana_status status = kernel_subject_create(&kernel, pool, err);
    if (status)
        return status;
    kernel->args.conv = args_of(&shapes[index / N_PASSES]);
    const struct conv_sizes n = sizes_of(&kernel->args.conv);
    fill(kernel, (enum pass)(index % N_PASSES));
    *out = (struct subject){.flop = 2 * (double)n.y * (double)n.w / (double)kernel->args.conv.oc,
                            .bytes = sizeof(float) * (double)(n.x + n.y + n.w),
                            .stream = index % N_PASSES == WEIGHTS ? STREAM_READ : STREAM_SCALE};
    return kernel_subject_finish(out, kernel, err);
}

const struct subject_family family_conv = {
    .name = "conv", .n_cases = N_SHAPES * N_PASSES, .describe = describe, .open = open_case};
