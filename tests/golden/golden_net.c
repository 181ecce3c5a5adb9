#include "golden_net.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void golden_net_init(struct golden_net *net, struct golden *golden,
                     const struct tensor_source *weights, const char *prefix)
{
    ana_error err = {0};
    *net = (struct golden_net){.golden = golden, .weights = weights, .prefix = prefix};
    (void)golden_ok(golden, graph_create(&net->graph, NULL, DTYPE_F32, &err), &err, "graph");
}

void golden_net_clear(struct golden_net *net)
{
    plan_free(net->plan);
    graph_free(net->graph);
}

/* ---- what is fed ---- */

static value feed(struct golden_net *net, const char *name, struct tensor data, bool is_weight)
{
    if (!net->graph || net->n_fed == GOLDEN_NET_MAX_FED) {
        golden_fail(net->golden, "%s: more than %d inputs", name, GOLDEN_NET_MAX_FED);
        return NO_VALUE;
    }
    const value v = graph_input(net->graph, name, data.dtype, data.shape);
    net->fed[net->n_fed].name = name;
    net->fed[net->n_fed].v = v;
    net->fed[net->n_fed].data = data;
    net->fed[net->n_fed++].is_weight = is_weight;
    return v;
}

static value weight_named(struct golden_net *net, const char *name, bool optional)
{
    struct tensor tensor;
    const char *full = golden_print(net->golden, "%s%s", net->prefix, name);
    if (optional ? !golden_find(&tensor, net->weights, full)
                 : !golden_tensor(net->golden, &tensor, net->weights, full))
        return NO_VALUE;
    float *data = golden_f32(net->golden, &tensor);
    for (int64_t i = 0; net->rounds_to_f16 && i < tensor_count(&tensor); i++)
        data[i] = f32_from_f16(f16_from_f32(data[i]));
    return feed(net, golden_print(net->golden, "%s", name),
                tensor_view(data, DTYPE_F32, tensor.shape), true);
}

value golden_net_weight(struct golden_net *net, const char *format, ...)
{
    char name[192];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return weight_named(net, name, false);
}

value golden_net_weight_if(struct golden_net *net, const char *format, ...)
{
    char name[192];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return weight_named(net, name, true);
}

value golden_net_input(struct golden_net *net, const char *name, const struct tensor *tensor)
{
    return feed(net, name, tensor_view(golden_f32(net->golden, tensor), DTYPE_F32, tensor->shape),
                false);
}

value golden_net_index(struct golden_net *net, const char *name, const struct tensor *i32)
{
    return feed(net, name, *i32, false);
}

value golden_net_picture(struct golden_net *net, const char *name, const struct tensor *tensor)
{
    const float *from = golden_f32(net->golden, tensor);
    const int64_t n = tensor->shape.extent[0], c = tensor->shape.extent[1];
    const int64_t positions = tensor_count(tensor) / n / c;
    float *to = golden_alloc(net->golden, n * positions * c, sizeof *to);
    struct shape shape = tensor->shape;
    for (int axis = 1; axis < shape.rank - 1; axis++)
        shape.extent[axis] = shape.extent[axis + 1];
    shape.extent[shape.rank - 1] = c;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < c; j++)
            for (int64_t p = 0; p < positions; p++)
                to[(i * positions + p) * c + j] = from[(i * c + j) * positions + p];
    return feed(net, name, tensor_view(to, DTYPE_F32, shape), false);
}

/* ---- running ---- */

value golden_net_tap(struct golden_net *net, value v)
{
    if (value_is_none(v))
        return v;
    if (net->n_taps == GOLDEN_NET_MAX_TAPS)
        golden_fail(net->golden, "more than %d taps", GOLDEN_NET_MAX_TAPS);
    else
        net->taps[net->n_taps++] = v;
    return v;
}

static bool is_trained(const struct golden_net *net, int i)
{
    return net->fed[i].is_weight && !strstr(net->fed[i].name, "running_");
}

static ana_status make_plan(struct golden_net *net, bool training, value seed, ana_error *err)
{
    value wrt[GOLDEN_NET_MAX_FED];
    struct plan_request request = {
        .outputs = net->taps, .n_outputs = net->n_taps, .wrt = wrt, .training = training};
    if (!value_is_none(seed)) {
        request.seeds = &seed;
        request.n_seeds = 1;
        for (int i = 0; i < net->n_fed; i++)
            if (is_trained(net, i))
                wrt[request.n_wrt++] = net->fed[i].v;
    }
    const ana_status status = graph_check(net->graph, err);
    return status ? status : plan_create(&net->plan, net->graph, &request, NULL, err);
}

bool golden_net_forward(struct golden_net *net, bool training, value seed)
{
    ana_error err = {0};
    if (net->golden->failed ||
        !golden_ok(net->golden, make_plan(net, training, seed, &err), &err, "plan"))
        return false;
    for (int i = 0; i < net->n_fed; i++) {
        const struct tensor to = plan_value(net->plan, net->fed[i].v);
        if (to.data)
            memcpy(to.data, net->fed[i].data.data, tensor_bytes(&to));
    }
    return golden_ok(net->golden, plan_forward(net->plan, NULL, NULL, &err), &err, "forward");
}

bool golden_net_backward(struct golden_net *net)
{
    ana_error err = {0};
    return golden_ok(net->golden, plan_backward(net->plan, NULL, NULL, &err), &err, "backward");
}

bool golden_net_run(struct golden_net *net, bool training, value loss)
{
    if (!golden_net_forward(net, training, loss))
        return false;
    if (value_is_none(loss))
        return true;
    const struct tensor seed = plan_gradient(net->plan, loss);
    tensor_f32(&seed)[0] = 1;
    return golden_net_backward(net);
}

/* ---- comparing ---- */

static bool wanted_tensor(struct golden_net *net, struct tensor *want,
                          const struct tensor_source *source, const char *name, value v)
{
    if (!net->plan || value_is_none(v))
        return false;
    return golden_tensor(net->golden, want, source, name);
}

void golden_net_compare(struct golden_net *net, const struct tolerance *tolerance, value v,
                        const struct tensor_source *source, const char *name)
{
    struct tensor want;
    if (!wanted_tensor(net, &want, source, name, v))
        return;
    const struct tensor got = plan_value(net->plan, v);
    if (tensor_count(&got) < tensor_count(&want))
        golden_fail(net->golden, "%s: too few elements", name);
    else
        golden_compare_f32(net->golden, tolerance, name, tensor_f32(&got), &want);
}

/* Whether [n, c, spatial...] can be every stride-th position of a channels-last value. */
static bool picture_fits(const struct tensor *got, const struct tensor *want, int64_t stride)
{
    const int rank = got->shape.rank;
    const int64_t *g = got->shape.extent, *w = want->shape.extent;
    bool fits = want->shape.rank == rank && w[0] <= g[0] && w[1] == g[rank - 1];
    for (int axis = 1; fits && axis < rank - 1; axis++)
        fits = (g[axis] - 1) / stride + 1 == w[axis + 1];
    return fits;
}

void golden_net_compare_picture(struct golden_net *net, const struct tolerance *tolerance, value v,
                                const struct tensor_source *source, const char *name,
                                int64_t stride)
{
    struct tensor want;
    if (!wanted_tensor(net, &want, source, name, v))
        return;
    const struct tensor got = plan_value(net->plan, v);
    if (!picture_fits(&got, &want, stride)) {
        golden_fail(net->golden, "%s has another shape", name);
        return;
    }
    const int rank = got.shape.rank;
    float *picked = golden_alloc(net->golden, tensor_count(&want), sizeof *picked);
    for (int64_t i = 0; i < tensor_count(&want); i++) {
        int64_t rest = i, at = 0;
        for (int axis = rank - 2; axis >= 1; axis--) {
            at += rest % want.shape.extent[axis + 1] * stride * got.stride[axis];
            rest /= want.shape.extent[axis + 1];
        }
        at += rest % want.shape.extent[1] + rest / want.shape.extent[1] * got.stride[0];
        picked[i] = tensor_f32(&got)[at];
    }
    golden_compare_f32(net->golden, tolerance, name, picked, &want);
}

value golden_net_mean_dice(struct golden_net *net, value logits, const struct tensor *target,
                           double smooth)
{
    const int64_t n = target->shape.extent[0];
    float *share = golden_alloc(net->golden, n, sizeof *share);
    for (int64_t i = 0; i < n; i++)
        share[i] = 1 / (float)n;
    const struct tensor shares = tensor_view(share, DTYPE_F32, SHAPE(n));
    const value dice =
        nn_soft_dice(net->graph, NULL, logits, golden_net_picture(net, "target", target), smooth);
    return golden_net_tap(
        net, nn_weighted_sum(net->graph, "loss", dice, golden_net_input(net, "shares", &shares)));
}

void golden_net_compare_gradient(struct golden_net *net, const struct tolerance *tolerance,
                                 value weight, const struct tensor_source *source, const char *name,
                                 const struct golden_gradients *stored)
{
    struct tensor want;
    if (!wanted_tensor(net, &want, source, name, weight))
        return;
    const struct tensor got = plan_gradient(net->plan, weight);
    const bool thinned = stored->limit && tensor_count(&got) > stored->limit;
    const int64_t n = tensor_count(&want), every = thinned ? stored->step : 1;
    double *expected = golden_f64(net->golden, &want);
    double *actual = golden_alloc(net->golden, n, sizeof *actual);
    double largest = 0;
    for (int64_t k = 0; k < n; k++)
        largest = fmax(largest, fabs(expected[k]));
    if ((tensor_count(&got) - 1) / every + 1 != n || !(largest > 0)) {
        golden_fail(net->golden, "%s: %lld elements, largest %g", name, (long long)n, largest);
        return;
    }
    for (int64_t k = 0; k < n; k++) {
        actual[k] = (double)tensor_f32(&got)[k * every] / largest;
        expected[k] /= largest;
    }
    golden_compare(net->golden, tolerance, name, actual, expected, n);
}

void golden_net_compare_gradients(struct golden_net *net, const struct tolerance *tolerance,
                                  const struct tensor_source *source,
                                  const struct golden_gradients *stored)
{
    double square = 0;
    struct tensor norm;
    if (!net->plan || !golden_tensor(net->golden, &norm, source, "grad_norm"))
        return;
    for (int i = 0; i < net->n_fed; i++) {
        if (!is_trained(net, i))
            continue;
        if (!stored->dead || !strstr(net->fed[i].name, stored->dead))
            golden_net_compare_gradient(
                net, tolerance, net->fed[i].v, source,
                golden_print(net->golden, "%s%s", stored->prefix, net->fed[i].name), stored);
        const struct tensor got = plan_gradient(net->plan, net->fed[i].v);
        for (int64_t k = 0; k < tensor_count(&got); k++)
            square += pow((double)tensor_f32(&got)[k], 2);
    }
    golden_compare_one(net->golden, tolerance, "grad_norm",
                       sqrt(square) / golden_f64(net->golden, &norm)[0], 1);
}

void golden_net_compare_buffers(struct golden_net *net, const struct tolerance *tolerance,
                                const struct tensor_source *source)
{
    for (int i = 0; net->plan && i < net->n_fed; i++)
        if (strstr(net->fed[i].name, "running_"))
            golden_net_compare(net, tolerance, net->fed[i].v, source,
                               golden_print(net->golden, "buffer_after1.%s", net->fed[i].name));
}
