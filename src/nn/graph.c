/* Building a graph: a list of named nodes in topological order, and the first error. */
#include "nn/graph_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

ana_status graph_create(struct graph **out, struct params *params, enum dtype dtype, ana_error *err)
{
    *out = NULL;
    struct graph *graph = memory_alloc_zeroed(sizeof *graph);
    if (!graph)
        return ana_fail_memory(err, sizeof *graph);
    graph->params = params;
    graph->dtype = dtype;
    arena_init(&graph->arena);
    *out = graph;
    return ANA_OK;
}

void graph_free(struct graph *graph)
{
    if (!graph)
        return;
    arena_clear(&graph->arena);
    text_clear(&graph->scope);
    memory_free(graph->nodes);
    memory_free(graph);
}

void graph_fail(struct graph *graph, const char *format, ...)
{
    if (graph->error.status)
        return;
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)ana_fail(&graph->error, ANA_ERR_ARGUMENT, "%s", message);
}

ana_status graph_check(const struct graph *graph, ana_error *err)
{
    if (!graph->error.status)
        return ANA_OK;
    return ana_fail(err, graph->error.status, "%s", graph->error.message);
}

void graph_enter(struct graph *graph, const char *format, ...)
{
    const int depth = graph->scope_depth++;
    assert(depth < (int)(sizeof graph->scope_marks / sizeof graph->scope_marks[0]));
    graph->scope_marks[depth] = (int)graph->scope.size;

    char part[128];
    va_list args;
    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    text_append(&graph->scope, part);
    text_append(&graph->scope, ".");
}

void graph_leave(struct graph *graph)
{
    assert(graph->scope_depth > 0);
    const int size = graph->scope_marks[--graph->scope_depth];
    graph->scope.size = (size_t)size;
    if (graph->scope.data)
        graph->scope.data[size] = '\0';
}

/* "scope.name", or "scope.op#7" for a node that the builder left unnamed. */
static const char *full_name(struct graph *graph, const char *name, const char *op)
{
    char buffer[256];
    const char *scope = text_string(&graph->scope);
    if (name)
        snprintf(buffer, sizeof buffer, "%s%s", scope, name);
    else
        snprintf(buffer, sizeof buffer, "%s%s#%d", scope, op, graph->n_nodes);
    return arena_copy_string(&graph->arena, buffer);
}

static bool reserve_node(struct graph *graph)
{
    if (graph->n_nodes < graph->capacity)
        return true;
    const int capacity = graph->capacity ? 2 * graph->capacity : 64;
    struct node *nodes = memory_resize(graph->nodes, (size_t)capacity * sizeof *nodes);
    if (!nodes)
        return false;
    graph->nodes = nodes;
    graph->capacity = capacity;
    return true;
}

static value append(struct graph *graph, const struct node *node)
{
    if (graph->error.status)
        return NO_VALUE;
    if (!node->name || graph->scope.failed || !reserve_node(graph)) {
        (void)ana_fail_memory(&graph->error, sizeof *node);
        return NO_VALUE;
    }
    if (!value_is_none(graph_find(graph, node->name))) {
        graph_fail(graph, "two values of the graph are named %s", node->name);
        return NO_VALUE;
    }
    graph->nodes[graph->n_nodes] = *node;
    return (value){graph->n_nodes++};
}

value graph_input(struct graph *graph, const char *name, enum dtype dtype, struct shape shape)
{
    const struct node node = {.kind = NODE_INPUT,
                              .name = full_name(graph, name, "input"),
                              .dtype = dtype == DTYPE_F32 ? graph->dtype : dtype,
                              .shape = shape};
    size_t bytes;
    if (!shape_size(&bytes, &shape, node.dtype))
        graph_fail(graph, "input %s: impossible shape", name);
    return append(graph, &node);
}

value graph_param(struct graph *graph, int param)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].kind == NODE_PARAM && graph->nodes[i].param == param)
            return (value){i};
    if (!graph->params || param < 0 || param >= params_count(graph->params)) {
        graph_fail(graph, "no parameter has number %d", param);
        return NO_VALUE;
    }
    const struct param_spec *spec = params_spec(graph->params, param);
    const struct node node = {.kind = NODE_PARAM,
                              .name = spec->name,
                              .dtype = graph->dtype,
                              .shape = spec->shape,
                              .param = param};
    return append(graph, &node);
}

static bool fill_inputs(struct graph *graph, struct node *node, const value *inputs,
                        struct op_shapes *shapes)
{
    for (int i = 0; i < node->n_inputs; i++) {
        node->input[i] = inputs[i].id;
        if (value_is_none(inputs[i]))
            continue;
        if (inputs[i].id >= graph->n_nodes) {
            graph_fail(graph, "%s: operand %d is of another graph", node->name, i);
            return false;
        }
        shapes->input[i] = &graph->nodes[inputs[i].id].shape;
        shapes->input_dtype[i] = graph->nodes[inputs[i].id].dtype;
    }
    return true;
}

value graph_add(struct graph *graph, const struct nn_op *op, const char *name, const value *inputs,
                int n_inputs, const void *options, size_t options_bytes)
{
    assert(n_inputs <= OP_MAX_INPUTS && options_bytes <= OP_OPTION_BYTES);
    if (graph->error.status)
        return NO_VALUE;

    struct node node = {.kind = NODE_OP,
                        .name = full_name(graph, name, op->name),
                        .dtype = graph->dtype,
                        .op = op,
                        .n_inputs = n_inputs};
    void *copy = arena_alloc(&graph->arena, OP_OPTION_BYTES);
    if (!node.name || !copy) {
        (void)ana_fail_memory(&graph->error, OP_OPTION_BYTES);
        return NO_VALUE;
    }
    if (options_bytes)
        memcpy(copy, options, options_bytes);
    node.options = copy;

    struct op_shapes shapes = {
        .n_inputs = n_inputs, .options = node.options, .dtype = graph->dtype};
    if (!fill_inputs(graph, &node, inputs, &shapes))
        return NO_VALUE;
    const ana_status status = op->infer(&shapes, &graph->error);
    if (status) {
        (void)ana_fail_in(&graph->error, status, "%s (%s)", node.name, op->name);
        return NO_VALUE;
    }
    node.shape = shapes.output;
    size_t bytes;
    if (!shape_size(&bytes, &node.shape, node.dtype)) {
        graph_fail(graph, "%s (%s): result too large", node.name, op->name);
        return NO_VALUE;
    }
    memcpy(node.saved_bytes, shapes.saved_bytes, sizeof node.saved_bytes);
    return append(graph, &node);
}

struct shape graph_shape(const struct graph *graph, value v)
{
    return v.id >= 0 && v.id < graph->n_nodes ? graph->nodes[v.id].shape : (struct shape){0};
}

value graph_find(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (strcmp(graph->nodes[i].name, name) == 0)
            return (value){i};
    return NO_VALUE;
}

const char *graph_name(const struct graph *graph, value v)
{
    return v.id >= 0 && v.id < graph->n_nodes ? graph->nodes[v.id].name : "(none)";
}

int graph_value_count(const struct graph *graph)
{
    return graph->n_nodes;
}
