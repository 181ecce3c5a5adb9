/* Kernels that move data: copies between widths, resizing, pooling; 24 pictures of 128 x 128 x 16.
 */
#include "bench/subject.h"

#include <stdio.h>

enum { N = 24, SIZE = 128, C = 16, WIDE = 19 };
enum { COUNT = N * SIZE * SIZE * C };

enum move { COPY, COPY_FEW, NEAREST, NEAREST_BACKWARD, BILINEAR, MAX_POOL, MAX_POOL_BACKWARD };

static void run_copy(const struct kernel_subject *k)
{
    k->compute->copy(&k->env, &k->args.copy);
}
static void run_resize(const struct kernel_subject *k)
{
    k->compute->resize2d(&k->env, &k->args.resize);
}
static void run_resize_backward(const struct kernel_subject *k)
{
    k->compute->resize2d_backward(&k->env, &k->args.resize);
}
static void run_pool(const struct kernel_subject *k)
{
    k->compute->pool2d(&k->env, &k->args.pool);
}
static void run_pool_backward(const struct kernel_subject *k)
{
    k->compute->pool2d_backward(&k->env, &k->args.pool);
}

/* `passes`: of reads and writes, in sizes of the larger tensor. ORDER move */
static const struct {
    const char *name;
    void (*run)(const struct kernel_subject *kernel);
    double passes;
} moves[] = {
    [COPY] = {"copy 16 channels into 19", run_copy, 2},
    [COPY_FEW] = {"copy 3 channels into 19", run_copy, 2 * 3.0 / C},
    [NEAREST] = {"nearest x2", run_resize, 1.25},
    [NEAREST_BACKWARD] = {"nearest x2 backward", run_resize_backward, 1.25},
    [BILINEAR] = {"bilinear x2", run_resize, 1.25},
    [MAX_POOL] = {"max pool 2x2", run_pool, 1.5}, /* with the indices */
    [MAX_POOL_BACKWARD] = {"max pool 2x2 backward", run_pool_backward, 1.5},
};

static void describe(char name[SUBJECT_NAME_SIZE], int index)
{
    snprintf(name, SUBJECT_NAME_SIZE, "%s, %dx%dx%d", moves[index].name, N, SIZE, SIZE);
}

static void fill_copy(struct kernel_subject *kernel, int64_t channels)
{
    const int64_t positions = COUNT / C;
    kernel->args.copy = (struct copy_args){.dtype = DTYPE_F32,
                                           .rank = 2,
                                           .extent = {positions, channels},
                                           .src_stride = {channels, 1},
                                           .dst_stride = {WIDE, 1},
                                           .src = kernel_floats(kernel, positions * channels),
                                           .dst = kernel_floats(kernel, positions * WIDE)};
}

static void fill_resize(struct kernel_subject *kernel, enum resize_mode mode)
{
    float *small = kernel_floats(kernel, COUNT / 4), *large = kernel_floats(kernel, COUNT);
    kernel->args.resize = (struct resize2d_args){.dtype = DTYPE_F32,
                                                 .n = N,
                                                 .h = SIZE / 2,
                                                 .w = SIZE / 2,
                                                 .c = C,
                                                 .oh = SIZE,
                                                 .ow = SIZE,
                                                 .mode = mode,
                                                 .x = small,
                                                 .y = large,
                                                 .dy = large,
                                                 .dx = small};
}

static void fill_pool(struct kernel_subject *kernel)
{
    float *large = kernel_floats(kernel, COUNT), *small = kernel_floats(kernel, COUNT / 4);
    kernel->args.pool =
        (struct pool2d_args){.dtype = DTYPE_F32,
                             .n = N,
                             .h = SIZE,
                             .w = SIZE,
                             .c = C,
                             .oh = SIZE / 2,
                             .ow = SIZE / 2,
                             .kernel = {2, 2},
                             .stride = {2, 2},
                             .is_max = true,
                             .x = large,
                             .y = small,
                             .index = kernel_block(kernel, COUNT / 4 * sizeof(int32_t)),
                             .dy = small,
                             .dx = large};
    if (!kernel->failed)
        run_pool(kernel); /* for the indices that the backward pass reads */
}

static ana_status open_case(struct subject *out, int index, struct pool *pool, ana_error *err)
{
    struct kernel_subject *kernel;
    const ana_status status = kernel_subject_create(&kernel, pool, err);
    if (status)
        return status;
    kernel->run = moves[index].run;
    switch ((enum move)index) {
    case COPY:
    case COPY_FEW:
        fill_copy(kernel, index == COPY ? C : 3);
        break;
    case NEAREST:
    case NEAREST_BACKWARD:
    case BILINEAR:
        fill_resize(kernel, index == BILINEAR ? RESIZE_BILINEAR : RESIZE_NEAREST);
        break;
    case MAX_POOL:
    case MAX_POOL_BACKWARD:
        fill_pool(kernel);
        break;
    }
    *out = (struct subject){.bytes = sizeof(float) * (double)COUNT * moves[index].passes,
                            .stream = STREAM_SCALE};
    return kernel_subject_finish(out, kernel, err);
}

const struct subject_family family_move = {.name = "move",
                                           .n_cases = sizeof moves / sizeof moves[0],
                                           .describe = describe,
                                           .open = open_case};
