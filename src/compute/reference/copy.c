/* Strided copy. An item is one run along the last axis; items are counted in index order. */
#include "compute/reference/reference_internal.h"

/* Offset of the first element of run `item`, under the given strides. */
static int64_t run_offset(const struct copy_args *args, const int64_t *stride, int64_t item)
{
    int64_t offset = 0;

    for (int axis = args->rank - 2; axis >= 0; axis--) {
        offset += item % args->extent[axis] * stride[axis];
        item /= args->extent[axis];
    }
    return offset;
}

static void copy_runs(const void *context, int64_t begin, int64_t end)
{
    const struct copy_args *args = context;
    const int last = args->rank - 1;
    const int64_t length = args->rank ? args->extent[last] : 1;
    const int64_t src_step = args->rank ? args->src_stride[last] : 0;
    const int64_t dst_step = args->rank ? args->dst_stride[last] : 0;

    for (int64_t item = begin; item < end; item++) {
        const real *src = (const real *)args->src + run_offset(args, args->src_stride, item);
        real *dst = (real *)args->dst + run_offset(args, args->dst_stride, item);
        for (int64_t q = 0; q < length; q++) {
            if (args->accumulate)
                dst[q * dst_step] += src[q * src_step];
            else
                dst[q * dst_step] = src[q * src_step];
        }
    }
}

static bool indices_share_a_destination(const struct copy_args *args)
{
    for (int axis = 0; axis < args->rank; axis++) {
        if (args->dst_stride[axis] == 0 && args->extent[axis] > 1)
            return true;
    }
    return false;
}

void REF(copy)(const struct kernel_env *env, const struct copy_args *args)
{
    int64_t runs = 1;

    for (int axis = 0; axis < args->rank - 1; axis++)
        runs *= args->extent[axis];
    if (indices_share_a_destination(args))
        copy_runs(args, 0, runs);
    else
        for_ranges(env, runs, args->rank ? args->extent[args->rank - 1] : 1, copy_runs, args);
}
