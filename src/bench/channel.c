/* The kernels on which every normalisation over channels rests, at the sizes of mini in training.
 */
#include "bench/subject.h"

#include <inttypes.h>
#include <stdio.h>

enum step { SUMS, AFFINE, AFFINE_SUMS, AFFINE_BACKWARD, N_STEPS };

static const struct channel_shape {
    int64_t n, p, c;
} shapes[] = {
    {24, 128 * 128, 16},
    {24, 64 * 64, 32},
    {24, 8 * 8, 192},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static void run_sums(const struct kernel_subject *k)
{
    k->compute->channel_sums(&k->env, &k->args.sums);
}
static void run_affine(const struct kernel_subject *k)
{
    k->compute->channel_affine(&k->env, &k->args.affine);
}
static void run_affine_sums(const struct kernel_subject *k)
{
    k->compute->channel_affine_sums(&k->env, &k->args.affine_backward);
}
static void run_affine_backward(const struct kernel_subject *k)
{
    k->compute->channel_affine_backward(&k->env, &k->args.affine_backward);
}

/* `passes`: how often the tensor is read or written. */
static const struct {
    const char *name;
    void (*run)(const struct kernel_subject *kernel);
    int passes;
    enum stream stream;
} steps[N_STEPS] = {
    [SUMS] = {"channel_sums", run_sums, 1, STREAM_READ},
    [AFFINE] = {"channel_affine", run_affine, 2, STREAM_SCALE},
    [AFFINE_SUMS] = {"channel_affine_sums", run_affine_sums, 3, STREAM_READ},
    [AFFINE_BACKWARD] = {"channel_affine_backward", run_affine_backward, 4, STREAM_TRIAD},
};

static void describe(char name[SUBJECT_NAME_SIZE], int index)
{
    const struct channel_shape *s = &shapes[index / N_STEPS];
    snprintf(name, SUBJECT_NAME_SIZE, "%s %" PRId64 "x%" PRId64 "x%" PRId64,
             steps[index % N_STEPS].name, s->n, s->p, s->c);
}

static void fill_backward(struct kernel_subject *kernel, const struct channel_shape *s,
                          const float *row)
{
    const int64_t count = s->n * s->p * s->c;
    double *sums = kernel_block(kernel, (size_t)(2 * s->n * s->c) * sizeof *sums);
    kernel->args.affine_backward =
        (struct channel_affine_backward_args){.dtype = DTYPE_F32,
                                              .n = s->n,
                                              .p = s->p,
                                              .c = s->c,
                                              .x = kernel_floats(kernel, count),
                                              .y = kernel_floats(kernel, count),
                                              .dy = kernel_floats(kernel, count),
                                              .activation = ACTIVATION_RELU,
                                              .sum_dz = sums,
                                              .sum_dz_x = sums ? sums + s->n * s->c : NULL,
                                              .p0 = row,
                                              .p1 = row,
                                              .p2 = row,
                                              .dx = kernel_floats(kernel, count)};
}

static void fill_forward(struct kernel_subject *kernel, const struct channel_shape *s,
                         const float *row)
{
    const int64_t count = s->n * s->p * s->c;
    kernel->args.affine = (struct channel_affine_args){.dtype = DTYPE_F32,
                                                       .n = s->n,
                                                       .p = s->p,
                                                       .c = s->c,
                                                       .x = kernel_floats(kernel, count),
                                                       .scale = row,
                                                       .shift = row,
                                                       .activation = ACTIVATION_RELU,
                                                       .y = kernel_floats(kernel, count)};
}

static void fill_sums(struct kernel_subject *kernel, const struct channel_shape *s)
{
    double *sums = kernel_block(kernel, (size_t)(2 * s->n * s->c) * sizeof *sums);
    kernel->args.sums = (struct channel_sums_args){.dtype = DTYPE_F32,
                                                   .n = s->n,
                                                   .p = s->p,
                                                   .c = s->c,
                                                   .x = kernel_floats(kernel, s->n * s->p * s->c),
                                                   .sum = sums,
                                                   .sum_square = sums ? sums + s->n * s->c : NULL};
}

static void fill(struct kernel_subject *kernel, const struct channel_shape *s, enum step step)
{
    const int threads = pool_size(kernel->env.pool);
    const float *row = kernel_floats(kernel, s->n * s->c);
    if (step == SUMS) {
        fill_sums(kernel, s);
        kernel_scratch(kernel, kernel->compute->channel_sums_scratch(&kernel->args.sums, threads));
    } else if (step == AFFINE) {
        fill_forward(kernel, s, row);
    } else {
        fill_backward(kernel, s, row);
        kernel_scratch(kernel, kernel->compute->channel_affine_sums_scratch(
                                   &kernel->args.affine_backward, threads));
    }
}

static ana_status open_case(struct subject *out, int index, struct pool *pool, ana_error *err)
{
    const struct channel_shape *s = &shapes[index / N_STEPS];
    const enum step step = (enum step)(index % N_STEPS);
    struct kernel_subject *kernel;
    const ana_status status = kernel_subject_create(&kernel, pool, err);
    if (status)
        return status;
    kernel->run = steps[step].run;
    fill(kernel, s, step);
    *out =
        (struct subject){.bytes = sizeof(float) * (double)(s->n * s->p * s->c) * steps[step].passes,
                         .stream = steps[step].stream};
    return kernel_subject_finish(out, kernel, err);
}

const struct subject_family family_channel = {
    .name = "channel", .n_cases = N_SHAPES * N_STEPS, .describe = describe, .open = open_case};
