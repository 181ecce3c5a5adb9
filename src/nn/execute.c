/* Running a plan: the steps in order, weights packed when they changed. */
#include "nn/plan_internal.h"

#include <assert.h>
#include <string.h>

/* The packed weights are a cache of the parameters, tagged with their version. */
static void refresh_packed(const struct plan *plan, struct plan_step *step, bool backward)
{
    const struct nn_op *op = plan->graph->nodes[step->node].op;
    const uint64_t version = params_version(plan->graph->params);
    if (step->is_packed && step->packed_version == version)
        return;
    op->pack(&step->call, backward, step->packed);
    step->is_packed = true;
    step->packed_version = version;
    if (backward)
        step->call.packed_backward = step->packed;
    else
        step->call.packed_forward = step->packed;
}

static void prepare(const struct plan *plan, struct plan_step *step)
{
    step->call.seed = plan->seed;
    step->call.step = plan->step;
}

ana_status plan_forward(struct plan *plan, cancel_fn cancelled, void *user, ana_error *err)
{
    assert(plan->arena);
    for (int i = 0; i < plan->n_forward; i++) {
        struct plan_step *step = &plan->forward[i];
        if (cancelled && cancelled(user))
            return ana_fail(err, ANA_ERR_CANCELLED, "cancelled");
        if (step->packed)
            refresh_packed(plan, step, false);
        prepare(plan, step);
        plan->graph->nodes[step->node].op->forward(&step->call);
    }
    return ANA_OK;
}

/* Gradients that were asked for but that nothing flows into are zero. */
static void zero_unreached(struct plan *plan)
{
    for (int i = 0; i < plan->graph->n_nodes; i++) {
        const struct plan_node *node = &plan->nodes[i];
        if (node->wanted && !node->flows && !node->seed) {
            const struct tensor gradient = plan_collected_gradient(plan, i);
            memset(gradient.data, 0, tensor_bytes(&gradient));
        }
    }
}

/* Seeds that receive gradient too begin with the caller's part. */
static void copy_seeds(struct plan *plan)
{
    for (int i = 0; i < plan->graph->n_nodes; i++)
        if (plan->nodes[i].seed_buffer != NO_BUFFER) {
            const struct tensor seed = plan_seed(plan, (value){i});
            const struct tensor gradient = plan_collected_gradient(plan, i);
            memcpy(gradient.data, seed.data, tensor_bytes(&seed));
        }
}

static void add_temporaries(struct plan *plan, const struct plan_step *step)
{
    const struct node *definition = &plan->graph->nodes[step->node];
    const struct kernel_env env = {.pool = plan->pool};
    for (int k = 0; k < definition->n_inputs; k++) {
        if (!step->add_temporary[k])
            continue;
        const struct tensor gradient = plan_collected_gradient(plan, definition->input[k]);
        plan->compute->combine(&env, &(struct combine_args){.dtype = plan->graph->dtype,
                                                            .count = tensor_count(&gradient),
                                                            .alpha = 1,
                                                            .beta = 1,
                                                            .a = gradient.data,
                                                            .b = step->temporary[k],
                                                            .y = gradient.data});
    }
}

ana_status plan_backward(struct plan *plan, cancel_fn cancelled, void *user, ana_error *err)
{
    zero_unreached(plan);
    copy_seeds(plan);
    for (int i = 0; i < plan->n_backward; i++) {
        struct plan_step *step = &plan->backward[i];
        if (cancelled && cancelled(user))
            return ana_fail(err, ANA_ERR_CANCELLED, "cancelled");
        if (step->packed)
            refresh_packed(plan, step, true);
        prepare(plan, step);
        plan->graph->nodes[step->node].op->backward(&step->call);
        add_temporaries(plan, step);
    }
    return ANA_OK;
}
