/* Planning a run: what is needed, what needs a gradient, how long every buffer lives. */
#include "nn/plan_internal.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static bool is_leaf(const struct plan *plan, int i)
{
    return plan->nodes[i].fed || plan->graph->nodes[i].kind != NODE_OP;
}

/* ---- what is needed ---- */

static ana_status mark_values(struct plan *plan, const struct plan_request *request, ana_error *err)
{
    const struct {
        const value *values;
        int n;
        const char *what;
    } lists[] = {{request->outputs, request->n_outputs, "output"},
                 {request->fed, request->n_fed, "fed value"},
                 {request->seeds, request->n_seeds, "seed"},
                 {request->wrt, request->n_wrt, "gradient target"}};
    for (int list = 0; list < 4; list++)
        for (int i = 0; i < lists[list].n; i++) {
            const int32_t id = lists[list].values[i].id;
            if (id < 0 || id >= plan->graph->n_nodes)
                return ana_fail(err, ANA_ERR_ARGUMENT, "plan: %s %d is not a value of the graph",
                                lists[list].what, i);
            struct plan_node *node = &plan->nodes[id];
            node->kept |= list != 3;
            node->needed |= list == 0 || list == 2;
            node->fed |= list == 1;
            node->seed |= list == 2;
            node->wanted |= list == 3;
        }
    return ANA_OK;
}

static void mark_needed(struct plan *plan)
{
    for (int i = plan->graph->n_nodes - 1; i >= 0; i--) {
        struct plan_node *node = &plan->nodes[i];
        if (!node->needed)
            continue;
        if (plan->graph->nodes[i].kind == NODE_INPUT)
            node->fed = true;
        if (is_leaf(plan, i))
            continue;
        node->computed = true;
        for (int k = 0; k < plan->graph->nodes[i].n_inputs; k++)
            if (plan->graph->nodes[i].input[k] >= 0)
                plan->nodes[plan->graph->nodes[i].input[k]].needed = true;
    }
}

/* ---- what needs a gradient ---- */

static bool is_trainable(const struct plan *plan, const struct node *node)
{
    return node->kind == NODE_PARAM &&
           !(params_spec(plan->graph->params, node->param)->flags & (PARAM_BUFFER | PARAM_FROZEN));
}

static bool passes_gradient(const struct node *node, int operand)
{
    return node->input[operand] >= 0 && !(node->op->no_gradient >> operand & 1u);
}

static void mark_requires(struct plan *plan, bool wrt_params)
{
    for (int i = 0; i < plan->graph->n_nodes; i++) {
        struct plan_node *node = &plan->nodes[i];
        const struct node *definition = &plan->graph->nodes[i];
        if (!node->needed)
            continue;
        node->requires |= node->wanted;
        if (wrt_params && is_trainable(plan, definition))
        node->requires = node->wanted = true;
        if (!node->computed)
            continue;
        for (int k = 0; k < definition->n_inputs; k++)
            if (passes_gradient(definition, k) && plan->nodes[definition->input[k]].requires)
        node->requires = true;
    }
}

static ana_status mark_flows(struct plan *plan, ana_error *err)
{
    for (int i = plan->graph->n_nodes - 1; i >= 0; i--) {
        struct plan_node *node = &plan->nodes[i];
        const struct node *definition = &plan->graph->nodes[i];
        node->flows |= node->seed && node->requires;
        if (!node->flows || !node->computed)
            continue;
        for (int k = 0; k < definition->n_inputs; k++)
            if (passes_gradient(definition, k) && plan->nodes[definition->input[k]].requires) {
                plan->nodes[definition->input[k]].flows = true;
                node->backward = true;
            }
        if (node->backward && !definition->op->backward)
            return ana_fail(err, ANA_ERR_UNSUPPORTED, "%s: %s has no gradient", definition->name,
                            definition->op->name);
    }
    return ANA_OK;
}

static void number_steps(struct plan *plan)
{
    for (int i = 0; i < plan->graph->n_nodes; i++)
        if (plan->nodes[i].computed)
            plan->nodes[i].forward_step = plan->n_forward++;
    int step = plan->n_forward;
    for (int i = plan->graph->n_nodes - 1; i >= 0; i--)
        if (plan->nodes[i].backward) {
            plan->nodes[i].backward_step = step++;
            plan->n_backward++;
        }
}

/* ---- how long buffers live ---- */

static int last_step(const struct plan *plan)
{
    return plan->n_forward + plan->n_backward;
}

static int add_buffer(struct plan *plan, size_t bytes, int first, int last)
{
    if (plan->n_buffers == plan->buffer_capacity) {
        const int capacity = plan->buffer_capacity ? 2 * plan->buffer_capacity : 256;
        struct plan_buffer *buffers =
            memory_resize(plan->buffers, (size_t)capacity * sizeof *buffers);
        if (!buffers)
            return NO_BUFFER;
        plan->buffers = buffers;
        plan->buffer_capacity = capacity;
    }
    plan->buffers[plan->n_buffers] =
        (struct plan_buffer){.bytes = bytes, .first = first, .last = last};
    return plan->n_buffers++;
}

static void extend(struct plan *plan, int buffer, int step)
{
    if (buffer == NO_BUFFER)
        return;
    struct plan_buffer *b = &plan->buffers[buffer];
    if (step < b->first)
        b->first = step;
    if (step > b->last)
        b->last = step;
}

static size_t node_bytes(const struct node *node)
{
    size_t bytes = 0;
    const bool sane = shape_size(&bytes, &node->shape, node->dtype);
    assert(sane);
    (void)sane;
    return bytes;
}

static bool make_value_buffers(struct plan *plan)
{
    for (int i = 0; i < plan->graph->n_nodes; i++) {
        struct plan_node *node = &plan->nodes[i];
        const struct node *definition = &plan->graph->nodes[i];
        if (definition->kind == NODE_PARAM || !(node->needed || node->kept))
            continue;
        const bool whole = node->kept || node->fed;
        node->value_buffer =
            add_buffer(plan, node_bytes(definition), whole ? 0 : node->forward_step,
                       whole ? last_step(plan) : node->forward_step);
        if (node->value_buffer == NO_BUFFER)
            return false;
        for (int s = 0; node->backward && s < OP_MAX_SAVED; s++) {
            if (!definition->saved_bytes[s])
                continue;
            node->saved_buffer[s] = add_buffer(plan, definition->saved_bytes[s], node->forward_step,
                                               node->backward_step);
            if (node->saved_buffer[s] == NO_BUFFER)
                return false;
        }
    }
    return true;
}

static void extend_values_to_uses(struct plan *plan)
{
    for (int i = 0; i < plan->graph->n_nodes; i++) {
        const struct plan_node *node = &plan->nodes[i];
        const struct node *definition = &plan->graph->nodes[i];
        if (!node->computed)
            continue;
        for (int k = 0; k < definition->n_inputs; k++) {
            if (definition->input[k] < 0)
                continue;
            const int buffer = plan->nodes[definition->input[k]].value_buffer;
            extend(plan, buffer, node->forward_step);
            if (node->backward && definition->op->reads >> k & 1u)
                extend(plan, buffer, node->backward_step);
        }
        if (node->backward && definition->op->reads & OP_READS_OUTPUT)
            extend(plan, node->value_buffer, node->backward_step);
    }
}

static void mark_receives(struct plan *plan)
{
    for (int i = 0; i < plan->graph->n_nodes; i++) {
        const struct node *definition = &plan->graph->nodes[i];
        for (int k = 0; plan->nodes[i].backward && k < definition->n_inputs; k++)
            if (passes_gradient(definition, k))
                plan->nodes[definition->input[k]].receives |=
                    plan->nodes[definition->input[k]].flows;
    }
}

static bool make_gradient_buffers(struct plan *plan)
{
    mark_receives(plan);
    for (int i = 0; i < plan->graph->n_nodes; i++) {
        struct plan_node *node = &plan->nodes[i];
        if (!node->flows && !node->wanted && !node->seed)
            continue;
        const size_t bytes = node_bytes(&plan->graph->nodes[i]);
        const bool two = node->seed && node->receives;
        const bool whole = node->wanted || (node->seed && !two);
        const int at = node->backward ? node->backward_step : last_step(plan);
        node->gradient_buffer = add_buffer(plan, bytes,
                                           whole ? 0
                                           : two ? plan->n_forward
                                                 : at,
                                           whole ? last_step(plan) : at);
        if (two)
            node->seed_buffer = add_buffer(plan, bytes, 0, last_step(plan));
        if (node->gradient_buffer == NO_BUFFER || (two && node->seed_buffer == NO_BUFFER))
            return false;
    }
    for (int i = 0; i < plan->graph->n_nodes; i++) {
        const struct node *definition = &plan->graph->nodes[i];
        for (int k = 0; plan->nodes[i].backward && k < definition->n_inputs; k++)
            if (passes_gradient(definition, k))
                extend(plan, plan->nodes[definition->input[k]].gradient_buffer,
                       plan->nodes[i].backward_step);
    }
    return true;
}

/* ---- steps ---- */

static struct tensor node_tensor(const struct plan *plan, int i)
{
    const struct node *definition = &plan->graph->nodes[i];
    if (definition->kind == NODE_PARAM)
        return params_value(plan->graph->params, definition->param);
    return tensor_view(NULL, definition->dtype, definition->shape);
}

/* Whether a node runs as in training: not where what it would write is frozen. */
static bool trains(const struct plan *plan, const struct node *definition)
{
    bool frozen = false;
    for (int k = 0; k < definition->n_inputs; k++) {
        if (definition->input[k] < 0 || !(definition->op->writes >> k & 1u))
            continue;
        const struct node *state = &plan->graph->nodes[definition->input[k]];
        frozen |= state->kind == NODE_PARAM &&
                  params_spec(plan->graph->params, state->param)->flags & PARAM_FROZEN;
    }
    return plan->training && !frozen;
}

static void fill_call(const struct plan *plan, struct op_call *call, int i)
{
    const struct node *definition = &plan->graph->nodes[i];
    *call = (struct op_call){.compute = plan->compute,
                             .pool = plan->pool,
                             .options = definition->options,
                             .dtype = plan->graph->dtype,
                             .n_inputs = definition->n_inputs,
                             .training = trains(plan, definition),
                             .wants_gradient = plan->nodes[i].backward,
                             .node = (uint32_t)i};
    call->output = node_tensor(plan, i);
    for (int k = 0; k < definition->n_inputs; k++)
        if (definition->input[k] >= 0)
            call->input[k] = node_tensor(plan, definition->input[k]);
}

/* Which operand gradients a backward step writes, which it adds to. `written` tells the values
 * whose gradient buffer already holds something. */
static bool fill_backward(struct plan *plan, struct plan_step *step, bool *written)
{
    const struct node *definition = &plan->graph->nodes[step->node];
    step->call.output_gradient = node_tensor(plan, step->node);
    for (int k = 0; k < definition->n_inputs; k++) {
        step->temporary_buffer[k] = NO_BUFFER;
        if (!passes_gradient(definition, k) || !plan->nodes[definition->input[k]].flows)
            continue;
        const int operand = definition->input[k];
        step->call.input_gradient[k] = node_tensor(plan, operand);
        if (written[operand] && definition->op->accumulates) {
            step->call.accumulate[k] = true;
        } else if (written[operand]) {
            const int at = plan->nodes[step->node].backward_step;
            step->temporary_buffer[k] =
                add_buffer(plan, node_bytes(&plan->graph->nodes[operand]), at, at);
            step->add_temporary[k] = true;
            if (step->temporary_buffer[k] == NO_BUFFER)
                return false;
        }
        written[operand] = true;
    }
    return true;
}

static size_t scratch_of(const struct plan *plan, const struct plan_step *step, bool backward)
{
    const struct nn_op *op = plan->graph->nodes[step->node].op;
    return op->scratch ? op->scratch(&step->call, backward, pool_size(plan->pool)) : 0;
}

static ana_status make_steps(struct plan *plan, ana_error *err)
{
    const int n = plan->graph->n_nodes;
    plan->forward = memory_alloc_array_zeroed((size_t)plan->n_forward + 1, sizeof *plan->forward);
    plan->backward =
        memory_alloc_array_zeroed((size_t)plan->n_backward + 1, sizeof *plan->backward);
    bool *written = memory_alloc_array_zeroed((size_t)n + 1, sizeof *written);
    bool ok = plan->forward && plan->backward && written;
    for (int i = 0; ok && i < n; i++) {
        if (plan->nodes[i].seed)
            written[i] = true;
        if (plan->nodes[i].computed) {
            struct plan_step *step = &plan->forward[plan->nodes[i].forward_step];
            step->node = i;
            fill_call(plan, &step->call, i);
        }
    }
    for (int i = n - 1; ok && i >= 0; i--) {
        if (!plan->nodes[i].backward)
            continue;
        struct plan_step *step = &plan->backward[plan->nodes[i].backward_step - plan->n_forward];
        step->node = i;
        fill_call(plan, &step->call, i);
        ok = fill_backward(plan, step, written);
    }
    memory_free(written);
    return ok ? ANA_OK : ana_fail_memory(err, (size_t)n * sizeof(struct plan_step));
}

/* ---- pointers ---- */

static void *buffer_data(const struct plan *plan, int buffer)
{
    return buffer == NO_BUFFER ? NULL : plan->arena + plan->buffers[buffer].offset;
}

static void resolve(const struct plan *plan, struct tensor *tensor, int buffer)
{
    if (buffer != NO_BUFFER)
        tensor->data = buffer_data(plan, buffer);
}

static void resolve_step(struct plan *plan, struct plan_step *step, bool backward)
{
    const struct node *definition = &plan->graph->nodes[step->node];
    const struct plan_node *node = &plan->nodes[step->node];
    struct op_call *call = &step->call;
    call->scratch = plan->scratch;
    call->scratch_bytes = plan->scratch_bytes;
    for (int s = 0; s < OP_MAX_SAVED; s++)
        call->saved[s] = buffer_data(plan, node->saved_buffer[s]);
    if (!backward || definition->op->reads & OP_READS_OUTPUT)
        resolve(plan, &call->output, node->value_buffer);
    for (int k = 0; k < definition->n_inputs; k++) {
        if (definition->input[k] < 0)
            continue;
        const struct plan_node *operand = &plan->nodes[definition->input[k]];
        if (!backward || definition->op->reads >> k & 1u)
            resolve(plan, &call->input[k], operand->value_buffer);
        if (!backward || !passes_gradient(definition, k) || !operand->flows)
            continue;
        step->temporary[k] = buffer_data(plan, step->temporary_buffer[k]);
        resolve(plan, &call->input_gradient[k],
                step->add_temporary[k] ? step->temporary_buffer[k] : operand->gradient_buffer);
    }
    if (backward)
        resolve(plan, &call->output_gradient, node->gradient_buffer);
}

bool plan_step_packs(const struct plan *plan, const struct plan_step *step, bool backward)
{
    const struct node *definition = &plan->graph->nodes[step->node];
    return definition->op->pack && definition->n_inputs > 1 && definition->input[1] >= 0 &&
           plan->graph->nodes[definition->input[1]].kind == NODE_PARAM &&
           (!backward ||
            (passes_gradient(definition, 0) && plan->nodes[definition->input[0]].flows));
}

static void measure_steps(struct plan *plan, struct plan_step *steps, int n, bool backward)
{
    for (int i = 0; i < n; i++) {
        const struct nn_op *op = plan->graph->nodes[steps[i].node].op;
        const size_t bytes = scratch_of(plan, &steps[i], backward);
        if (bytes > plan->scratch_bytes)
            plan->scratch_bytes = bytes;
        if (plan_step_packs(plan, &steps[i], backward))
            steps[i].packed_size = op->packed_bytes(&steps[i].call, backward);
        plan->packed_bytes += steps[i].packed_size;
    }
}

/* All sizes, so that they are known before anything large is allocated. */
static void measure(struct plan *plan)
{
    measure_steps(plan, plan->forward, plan->n_forward, false);
    measure_steps(plan, plan->backward, plan->n_backward, true);
    plan->arena_bytes = plan_layout(plan->buffers, plan->n_buffers);
}

static bool allocate_packed(struct plan_step *steps, int n)
{
    for (int i = 0; i < n; i++)
        if (steps[i].packed_size && !steps[i].packed) {
            steps[i].packed = memory_alloc(steps[i].packed_size);
            if (!steps[i].packed)
                return false;
        }
    return true;
}

/* Half of it is given back if the rest is not to be had, so that another try may succeed. */
static void release(struct plan *plan)
{
    for (int i = 0; plan->forward && i < plan->n_forward; i++) {
        memory_free(plan->forward[i].packed);
        plan->forward[i].packed = NULL;
    }
    for (int i = 0; plan->backward && i < plan->n_backward; i++) {
        memory_free(plan->backward[i].packed);
        plan->backward[i].packed = NULL;
    }
    memory_free(plan->arena);
    memory_free(plan->scratch);
    plan->arena = NULL;
    plan->scratch = NULL;
}

ana_status plan_allocate(struct plan *plan, ana_error *err)
{
    if (plan->arena)
        return ANA_OK;
    plan->arena = memory_alloc_zeroed(plan->arena_bytes);
    plan->scratch = memory_alloc(plan->scratch_bytes);
    if (!plan->arena || !plan->scratch || !allocate_packed(plan->forward, plan->n_forward) ||
        !allocate_packed(plan->backward, plan->n_backward)) {
        release(plan);
        return ana_fail_memory(err, plan_bytes(plan));
    }
    for (int i = 0; i < plan->n_forward; i++)
        resolve_step(plan, &plan->forward[i], false);
    for (int i = 0; i < plan->n_backward; i++)
        resolve_step(plan, &plan->backward[i], true);
    return ANA_OK;
}

bool plan_is_allocated(const struct plan *plan)
{
    return plan->arena != NULL;
}

static ana_status build(struct plan *plan, const struct plan_request *request, ana_error *err)
{
    ana_status status = mark_values(plan, request, err);
    if (status)
        return status;
    mark_needed(plan);
    mark_requires(plan, request->wrt_params);
    status = mark_flows(plan, err);
    if (status)
        return status;
    number_steps(plan);
    if (!make_value_buffers(plan) || !make_gradient_buffers(plan))
        return ana_fail_memory(err, sizeof(struct plan_buffer));
    extend_values_to_uses(plan);
    status = make_steps(plan, err);
    if (!status)
        measure(plan);
    return status;
}

ana_status plan_prepare(struct plan **out, const struct graph *graph,
                        const struct plan_request *request, const struct plan_env *env,
                        ana_error *err)
{
    *out = NULL;
    ana_status status = graph_check(graph, err);
    if (status)
        return status;
    struct plan *plan = memory_alloc_zeroed(sizeof *plan);
    if (!plan)
        return ana_fail_memory(err, sizeof *plan);
    plan->graph = graph;
    plan->pool = env ? env->pool : NULL;
    plan->compute = env && env->compute         ? env->compute
                    : graph->dtype == DTYPE_F64 ? compute_reference(DTYPE_F64)
                                                : compute_default();
    plan->training = request->training;
    plan->nodes = memory_alloc_array_zeroed((size_t)graph->n_nodes + 1, sizeof *plan->nodes);
    if (!plan->nodes) {
        plan_free(plan);
        return ana_fail_memory(err, (size_t)graph->n_nodes * sizeof *plan->nodes);
    }
    for (int i = 0; i < graph->n_nodes; i++) {
        plan->nodes[i].value_buffer = plan->nodes[i].gradient_buffer = NO_BUFFER;
        plan->nodes[i].seed_buffer = NO_BUFFER;
        for (int s = 0; s < OP_MAX_SAVED; s++)
            plan->nodes[i].saved_buffer[s] = NO_BUFFER;
    }
    status = build(plan, request, err);
    if (status) {
        plan_free(plan);
        return ana_fail_in(err, status, "planning");
    }
    *out = plan;
    return ANA_OK;
}

ana_status plan_create(struct plan **out, const struct graph *graph,
                       const struct plan_request *request, const struct plan_env *env,
                       ana_error *err)
{
    ana_status status = plan_prepare(out, graph, request, env, err);
    if (!status)
        status = plan_allocate(*out, err);
    if (status) {
        plan_free(*out);
        *out = NULL;
    }
    return status;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    release(plan);
    memory_free(plan->forward);
    memory_free(plan->backward);
    memory_free(plan->nodes);
    memory_free(plan->buffers);
    memory_free(plan);
}

size_t plan_bytes(const struct plan *plan)
{
    return plan->arena_bytes + plan->scratch_bytes + plan->packed_bytes;
}

static struct tensor kept_tensor(const struct plan *plan, int32_t id, int buffer)
{
    const struct node *definition = &plan->graph->nodes[id];
    return tensor_view(buffer_data(plan, buffer), definition->dtype, definition->shape);
}

struct tensor plan_value(const struct plan *plan, value v)
{
    assert(v.id >= 0 && v.id < plan->graph->n_nodes);
    if (plan->graph->nodes[v.id].kind == NODE_PARAM)
        return params_value(plan->graph->params, plan->graph->nodes[v.id].param);
    return kept_tensor(plan, v.id, plan->nodes[v.id].value_buffer);
}

struct tensor plan_collected_gradient(const struct plan *plan, int node)
{
    return kept_tensor(plan, node, plan->nodes[node].gradient_buffer);
}

struct tensor plan_seed(const struct plan *plan, value v)
{
    assert(v.id >= 0 && v.id < plan->graph->n_nodes && plan->nodes[v.id].seed);
    const struct plan_node *node = &plan->nodes[v.id];
    return node->seed_buffer == NO_BUFFER ? plan_collected_gradient(plan, v.id)
                                          : kept_tensor(plan, v.id, node->seed_buffer);
}

struct tensor plan_gradient(const struct plan *plan, value v)
{
    assert(v.id >= 0 && v.id < plan->graph->n_nodes);
    const struct plan_node *node = &plan->nodes[v.id];
    return node->seed && !node->wanted ? plan_seed(plan, v) : plan_collected_gradient(plan, v.id);
}

struct tensor plan_param_gradient(const struct plan *plan, int param)
{
    for (int i = 0; i < plan->graph->n_nodes; i++)
        if (plan->graph->nodes[i].kind == NODE_PARAM && plan->graph->nodes[i].param == param)
            return plan_gradient(plan, (value){i});
    return (struct tensor){0};
}

void plan_set_step(struct plan *plan, uint64_t seed, uint64_t step)
{
    plan->seed = seed;
    plan->step = step;
}
