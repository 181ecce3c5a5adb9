/* Row-wise and element-wise kernels: bound by memory where the tensor is larger than the caches. */
#include "bench/subject.h"

#include <inttypes.h>
#include <stdio.h>

enum row_kernel {
    LAYER_NORM,
    LAYER_NORM_BACKWARD,
    GELU,
    GELU_BACKWARD,
    RELU,
    SOFTMAX,
    SOFTMAX_BACKWARD,
    COMBINE
};

struct row_case {
    enum row_kernel kernel;
    int64_t rows, c;
};

static const struct row_case cases[] = {
    {LAYER_NORM, 32768, 768},
    {LAYER_NORM, 197, 768},
    {LAYER_NORM_BACKWARD, 32768, 768},
    {GELU, 8192, 3072},
    {GELU, 197, 3072},
    {GELU_BACKWARD, 8192, 3072},
    {RELU, 8192, 3072},
    {SOFTMAX, 24576, 1024},
    {SOFTMAX, 2364, 197},
    {SOFTMAX_BACKWARD, 24576, 1024},
    {COMBINE, 8192, 3072},
};

static void run_norm(const struct kernel_subject *k)
{
    k->compute->row_norm(&k->env, &k->args.norm);
}
static void run_norm_backward(const struct kernel_subject *k)
{
    k->compute->row_norm_backward(&k->env, &k->args.norm);
}
static void run_activate(const struct kernel_subject *k)
{
    k->compute->activate(&k->env, &k->args.activation);
}
static void run_activate_backward(const struct kernel_subject *k)
{
    k->compute->activate_backward(&k->env, &k->args.activation);
}
static void run_softmax(const struct kernel_subject *k)
{
    k->compute->softmax(&k->env, &k->args.softmax);
}
static void run_softmax_backward(const struct kernel_subject *k)
{
    k->compute->softmax_backward(&k->env, &k->args.softmax);
}
static void run_combine(const struct kernel_subject *k)
{
    k->compute->combine(&k->env, &k->args.combine);
}

/* `passes`: how often the tensor is read or written. ORDER row_kernel */
static const struct {
    const char *name;
    void (*run)(const struct kernel_subject *kernel);
    int passes;
    enum stream stream;
} row_kernels[] = {
    [LAYER_NORM] = {"layer_norm", run_norm, 2, STREAM_SCALE},
    [LAYER_NORM_BACKWARD] = {"layer_norm backward", run_norm_backward, 3, STREAM_TRIAD},
    [GELU] = {"gelu", run_activate, 2, STREAM_SCALE},
    [GELU_BACKWARD] = {"gelu backward", run_activate_backward, 3, STREAM_TRIAD},
    [RELU] = {"relu", run_activate, 2, STREAM_SCALE},
    [SOFTMAX] = {"softmax", run_softmax, 2, STREAM_SCALE},
    [SOFTMAX_BACKWARD] = {"softmax backward", run_softmax_backward, 3, STREAM_TRIAD},
    [COMBINE] = {"add", run_combine, 3, STREAM_TRIAD},
};

static void describe(char name[SUBJECT_NAME_SIZE], int index)
{
    snprintf(name, SUBJECT_NAME_SIZE, "%s %" PRId64 "x%" PRId64,
             row_kernels[cases[index].kernel].name, cases[index].rows, cases[index].c);
}

static void fill_norm(struct kernel_subject *kernel, const struct row_case *c, const float *x,
                      float *y, const float *dy)
{
    struct row_norm_args *args = &kernel->args.norm;
    *args = (struct row_norm_args){
        .dtype = DTYPE_F32, .rows = c->rows, .c = c->c, .epsilon = 1e-6, .x = x, .y = y};
    args->gain = kernel_floats(kernel, c->c);
    args->bias = kernel_floats(kernel, c->c);
    args->mean = kernel_block(kernel, (size_t)c->rows * sizeof *args->mean);
    args->rstd = kernel_block(kernel, (size_t)c->rows * sizeof *args->rstd);
    if (c->kernel != LAYER_NORM_BACKWARD || kernel->failed)
        return;
    run_norm(kernel); /* for the means that the backward pass reads */
    float *parameters = kernel_floats(kernel, 2 * c->c);
    args->dy = dy;
    args->dx = y;
    args->dgain = parameters;
    args->dbias = parameters ? parameters + c->c : NULL;
}

static void fill(struct kernel_subject *kernel, const struct row_case *c)
{
    const int64_t n = c->rows * c->c;
    const float *x = kernel_floats(kernel, n);
    float *y = kernel_floats(kernel, n);
    const float *dy = row_kernels[c->kernel].passes > 2 ? kernel_floats(kernel, n) : NULL;

    switch (c->kernel) {
    case LAYER_NORM:
    case LAYER_NORM_BACKWARD:
        fill_norm(kernel, c, x, y, dy);
        break;
    case GELU:
    case GELU_BACKWARD:
    case RELU:
        kernel->args.activation = (struct activation_args){
            .dtype = DTYPE_F32,
            .count = n,
            .activation = c->kernel == RELU ? ACTIVATION_RELU : ACTIVATION_GELU,
            .x = x,
            .y = y,
            .dy = dy,
            .dx = y};
        break;
    case SOFTMAX:
        kernel->args.softmax =
            (struct softmax_args){.dtype = DTYPE_F32, .rows = c->rows, .c = c->c, .x = x, .y = y};
        break;
    case SOFTMAX_BACKWARD: /* y: any values will do for the time it takes */
        kernel->args.softmax =
            (struct softmax_args){.dtype = DTYPE_F32, .rows = c->rows, .c = c->c, .y = y, .dy = dy};
        break;
    case COMBINE:
        kernel->args.combine = (struct combine_args){DTYPE_F32, n, 1, 1, x, dy, y};
        break;
    }
}

static ana_status open_case(struct subject *out, int index, struct pool *pool, ana_error *err)
{
    const struct row_case *c = &cases[index];
    struct kernel_subject *kernel;
    const ana_status status = kernel_subject_create(&kernel, pool, err);
    if (status)
        return status;
    kernel->run = row_kernels[c->kernel].run;
    fill(kernel, c);
    if (c->kernel == SOFTMAX_BACKWARD)
        kernel->args.softmax.dx = kernel_floats(kernel, c->rows * c->c);
    const double elements = (double)(c->rows * c->c);
    *out = (struct subject){.bytes = sizeof(float) * elements * row_kernels[c->kernel].passes,
                            .stream = row_kernels[c->kernel].stream};
    return kernel_subject_finish(out, kernel, err);
}

const struct subject_family family_row = {.name = "row",
                                          .n_cases = sizeof cases / sizeof cases[0],
                                          .describe = describe,
                                          .open = open_case};
