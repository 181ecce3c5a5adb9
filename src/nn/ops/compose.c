/* Builders that are made of other operators and have no kernel of their own. The inner nodes are
 * named "<name>.<part>". */
#include "nn/ops/ops_internal.h"

/* ---- over any axis ---- */

/* x with `axis` and the last one exchanged: its own inverse. */
static value exchange(struct graph *graph, const char *name, value x, int axis)
{
    int order[TENSOR_MAX_RANK];
    const int rank = graph_shape(graph, x).rank;
    if (axis < 0 || axis >= rank) {
        if (rank > 0)
            graph_fail(graph, "%s: axis %d of %d", name ? name : "", axis, rank);
        return NO_VALUE;
    }
    for (int i = 0; i < rank; i++)
        order[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
    return nn_permute(graph, name, x, order);
}

static value over_axis(struct graph *graph, const char *name, value x, int axis,
                       value (*op)(struct graph *graph, const char *name, value x))
{
    struct fused_name before, inner;
    if (axis == graph_shape(graph, x).rank - 1)
        return op(graph, name, x);
    const value turned = exchange(graph, name_of_part(&before, name, "axes"), x, axis);
    return exchange(graph, name, op(graph, name_of_part(&inner, name, "rows"), turned), axis);
}

value nn_softmax_over(struct graph *graph, const char *name, value x, int axis)
{
    return over_axis(graph, name, x, axis, nn_softmax);
}

value nn_log_softmax_over(struct graph *graph, const char *name, value x, int axis)
{
    return over_axis(graph, name, x, axis, nn_log_softmax);
}

/* ---- reductions ---- */

static value reduce_last(struct graph *graph, const char *name, value x, enum nn_reduction kind)
{
    const int rank = graph_shape(graph, x).rank;
    return nn_reduce(graph, name, x,
                     &(struct nn_reduce_options){.kind = kind, .axis = rank - 1, .n_axes = 1});
}

/* [p, ...] -> [p] */
static value mean_of_samples(struct graph *graph, const char *name, value x)
{
    const int rank = graph_shape(graph, x).rank;
    return nn_reduce(graph, name, x,
                     &(struct nn_reduce_options){.kind = NN_MEAN, .axis = 1, .n_axes = rank - 1});
}

/* ---- similarity ---- */

value nn_cosine(struct graph *graph, const char *name, value a, value b, double epsilon)
{
    struct fused_name part;
    const value x = nn_l2_normalise(graph, name_of_part(&part, name, "a"), a, epsilon);
    const value y = nn_l2_normalise(graph, name_of_part(&part, name, "b"), b, epsilon);
    const value products = nn_binary(graph, name_of_part(&part, name, "products"), x, y, NN_MUL);
    return reduce_last(graph, name, products, NN_SUM);
}

value nn_cosine_matrix(struct graph *graph, const char *name, value a, value b, double epsilon)
{
    struct fused_name part;
    const value x = nn_l2_normalise(graph, name_of_part(&part, name, "a"), a, epsilon);
    const value y = nn_l2_normalise(graph, name_of_part(&part, name, "b"), b, epsilon);
    return nn_matmul(graph, name, x, y, NN_TRANSPOSE_B);
}

/* ---- losses ---- */

value nn_soft_cross_entropy(struct graph *graph, const char *name, value logits, value target)
{
    struct fused_name part;
    const value log_p = nn_log_softmax(graph, name_of_part(&part, name, "log_p"), logits);
    const value products = nn_mul(graph, name_of_part(&part, name, "products"), log_p, target);
    const value sum = reduce_last(graph, name_of_part(&part, name, "sum"), products, NN_SUM);
    return nn_combine(graph, name, sum, -1, NO_VALUE, 0);
}

value nn_squared_error(struct graph *graph, const char *name, value x, value target)
{
    struct fused_name part;
    const value d = nn_combine(graph, name_of_part(&part, name, "difference"), x, 1, target, -1);
    const value squares = nn_mul(graph, name_of_part(&part, name, "squares"), d, d);
    return mean_of_samples(graph, name, squares);
}
