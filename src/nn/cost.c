/* What a planned pass does, counted from its steps: for shares of a machine's peak and bandwidth.
 */
#include "nn/plan_internal.h"

/* Operands that this step reads; those whose data is absent are not touched. */
static double operand_bytes(const struct op_call *call)
{
    double bytes = 0;
    for (int k = 0; k < call->n_inputs; k++)
        if (call->input[k].data)
            bytes += (double)tensor_bytes(&call->input[k]);
    return bytes;
}

static double gradient_bytes(const struct op_call *call)
{
    double bytes = (double)tensor_bytes(&call->output_gradient);
    for (int k = 0; k < call->n_inputs; k++)
        if (call->input_gradient[k].data)
            bytes += (double)tensor_bytes(&call->input_gradient[k]);
    return bytes;
}

static double flop_of(const struct plan *plan, const struct plan_step *step, bool backward)
{
    const struct nn_op *op = plan->graph->nodes[step->node].op;
    return op->flop ? op->flop(&step->call, backward) : 0;
}

struct plan_cost plan_forward_cost(const struct plan *plan)
{
    struct plan_cost cost = {0, 0};
    for (int i = 0; i < plan->n_forward; i++) {
        const struct op_call *call = &plan->forward[i].call;
        cost.flop += flop_of(plan, &plan->forward[i], false);
        cost.bytes += operand_bytes(call) + (double)tensor_bytes(&call->output);
    }
    return cost;
}

struct plan_cost plan_backward_cost(const struct plan *plan)
{
    struct plan_cost cost = {0, 0};
    for (int i = 0; i < plan->n_backward; i++) {
        const struct op_call *call = &plan->backward[i].call;
        const bool reads_output =
            plan->graph->nodes[plan->backward[i].node].op->reads & OP_READS_OUTPUT;
        cost.flop += flop_of(plan, &plan->backward[i], true);
        cost.bytes += operand_bytes(call) + gradient_bytes(call) +
                      (reads_output ? (double)tensor_bytes(&call->output) : 0);
    }
    return cost;
}
