/* Soft Dice loss of probabilities, for each channel: 1 - N / D with
 *
 *   N = 2 sum p t + smooth,  D = sum p + sum t + smooth   (squared: sum p^2 + sum t^2)
 *   dp = -(2 t D - N d) / D^2,  d = 1 or 2 p
 *
 * over the positions of one sample or of the whole batch (nnU-Net's batch Dice). */
#include "nn/ops/ops_internal.h"
#include "nn/ops/registry.h"

#include <string.h>

static const struct operand_rule rules[] = {
    {.name = "p", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
    {.name = "target", .min_rank = 2, .max_rank = TENSOR_MAX_RANK},
};
enum { P, TARGET };

static const struct nn_dice_options *options_of(const struct op_call *call)
{
    return call->options;
}

static ana_status infer(struct op_shapes *s, ana_error *err)
{
    const struct nn_dice_options *o = s->options;
    ana_status status = operands_check(s, rules, 2, err);
    if (!status)
        status = operand_expect(s, rules, TARGET, *s->input[P], err);
    if (!status && !(o->smooth >= 0))
        status = ana_fail(err, ANA_ERR_ARGUMENT, "smooth is %g", o->smooth);
    if (status)
        return status;
    const struct channels_view v = view_channels(s->input[P]);
    s->output = o->batch ? SHAPE(v.c) : SHAPE(v.n, v.c);
    s->saved_bytes[0] = (size_t)(2 * shape_count(&s->output)) * sizeof(double); /* N and D */
    return ANA_OK;
}

/* sum p t and sum p + sum t of every sample and channel: [n, c, 2] */
static size_t scratch(const struct op_call *call, bool is_backward, int n_workers)
{
    (void)n_workers;
    const struct channels_view v = view_channels(&call->input[P].shape);
    size_t total = 0;
    if (is_backward)
        return 0;
    scratch_take(&total, (size_t)(2 * v.n * v.c) * sizeof(double));
    scratch_take(&total, (size_t)(2 * v.n * v.c) * sizeof(double)); /* N and D if not saved */
    return total;
}

struct dice_job {
    const struct op_call *call;
    double *sums;
};

static void sum_sample(void *context, int64_t sample, int worker)
{
    (void)worker;
    const struct dice_job *job = context;
    const struct op_call *call = job->call;
    const struct channels_view v = view_channels(&call->input[P].shape);
    double *sums = job->sums + sample * v.c * 2;
    memset(sums, 0, (size_t)(2 * v.c) * sizeof *sums);
    for (int64_t i = 0; i < v.p; i++)
        for (int64_t c = 0; c < v.c; c++) {
            const int64_t at = (sample * v.p + i) * v.c + c;
            const double p = real_get(call->input[P].data, call->dtype, at);
            const double t = real_get(call->input[TARGET].data, call->dtype, at);
            sums[2 * c] += p * t;
            sums[2 * c + 1] += options_of(call)->squared ? p * p + t * t : p + t;
        }
}

static void forward(const struct op_call *call)
{
    const struct nn_dice_options *o = options_of(call);
    const struct channels_view v = view_channels(&call->input[P].shape);
    size_t used = 0;
    const size_t bytes = (size_t)(2 * v.n * v.c) * sizeof(double);
    double *sums = scratch_at(call, scratch_take(&used, bytes));
    double *nd = call->wants_gradient ? call->saved[0] : scratch_at(call, used);
    struct dice_job job = {call, sums};
    parallel_for(call->pool, v.n, sum_sample, &job);
    const int64_t count = tensor_count(&call->output);
    for (int64_t i = 0; i < count; i++) {
        double both = 0, all = 0;
        for (int64_t sample = 0; sample < (o->batch ? v.n : 1); sample++) {
            both += sums[2 * (sample * v.c + i)];
            all += sums[2 * (sample * v.c + i) + 1];
        }
        nd[2 * i] = 2 * both + o->smooth;
        nd[2 * i + 1] = all + o->smooth;
        real_put(call->output.data, call->dtype, i,
                 nd[2 * i + 1] > 0 ? 1 - nd[2 * i] / nd[2 * i + 1] : 0);
    }
}

static void spread_sample(void *context, int64_t sample, int worker)
{
    (void)worker;
    const struct op_call *call = context;
    const struct nn_dice_options *o = options_of(call);
    const struct channels_view v = view_channels(&call->input[P].shape);
    const double *nd = call->saved[0];
    for (int64_t i = 0; i < v.p; i++)
        for (int64_t c = 0; c < v.c; c++) {
            const int64_t at = (sample * v.p + i) * v.c + c;
            const int64_t group = o->batch ? c : sample * v.c + c;
            const double n = nd[2 * group], d = nd[2 * group + 1];
            const double p = real_get(call->input[P].data, call->dtype, at);
            const double t = real_get(call->input[TARGET].data, call->dtype, at);
            const double slope = d > 0 ? (n * (o->squared ? 2 * p : 1) - 2 * t * d) / (d * d) : 0;
            real_store(call->input_gradient[P].data, call->dtype, at,
                       slope * real_get(call->output_gradient.data, call->dtype, group),
                       call->accumulate[P]);
        }
}

static void backward(const struct op_call *call)
{
    struct op_call context = *call;
    parallel_for(call->pool, call->input[P].shape.extent[0], spread_sample, &context);
}

const struct nn_op nn_op_dice = {.name = "dice",
                                 .accumulates = true,
                                 .reads = 1U << P | 1U << TARGET,
                                 .no_gradient = 1U << TARGET,
                                 .infer = infer,
                                 .scratch = scratch,
                                 .forward = forward,
                                 .backward = backward};

value nn_dice(struct graph *graph, const char *name, value p, value target,
              const struct nn_dice_options *options)
{
    return graph_add(graph, &nn_op_dice, name, (value[]){p, target}, 2, options, sizeof *options);
}
