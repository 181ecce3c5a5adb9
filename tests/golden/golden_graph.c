#include "golden_graph.h"

#include <string.h>

void golden_graph_init(struct golden_graph *g, struct golden *golden)
{
    ana_error err = {0};
    *g = (struct golden_graph){.golden = golden};
    (void)golden_ok(golden, graph_create(&g->graph, NULL, DTYPE_F64, &err), &err, "graph");
}

void golden_graph_clear(struct golden_graph *g)
{
    plan_free(g->plan);
    graph_free(g->graph);
}

static value feed(struct golden_graph *g, struct shape shape, enum dtype dtype, const void *data)
{
    if (!g->graph || g->n_fed == GOLDEN_GRAPH_MAX_FED) {
        golden_fail(g->golden, "more than %d inputs", GOLDEN_GRAPH_MAX_FED);
        return NO_VALUE;
    }
    const value v = graph_input(g->graph, golden_print(g->golden, "in%d", g->n_fed), dtype, shape);
    g->fed[g->n_fed].v = v;
    g->fed[g->n_fed++].data = data;
    return v;
}

value golden_graph_input(struct golden_graph *g, struct shape shape, const double *data)
{
    return feed(g, shape, DTYPE_F32, data);
}

value golden_graph_index(struct golden_graph *g, struct shape shape, const int32_t *data)
{
    return feed(g, shape, DTYPE_I32, data);
}

bool golden_graph_run(struct golden_graph *g, const value *outputs, int n_outputs, const value *wrt,
                      int n_wrt)
{
    ana_error err = {0};
    if (!g->graph || !golden_ok(g->golden, graph_check(g->graph, &err), &err, "graph"))
        return false;
    const struct plan_request request = {.outputs = outputs,
                                         .n_outputs = n_outputs,
                                         .seeds = &outputs[n_outputs - 1],
                                         .n_seeds = n_wrt > 0,
                                         .wrt = wrt,
                                         .n_wrt = n_wrt};
    ana_status status = plan_create(&g->plan, g->graph, &request, NULL, &err);
    if (!golden_ok(g->golden, status, &err, "plan"))
        return false;
    for (int i = 0; i < g->n_fed; i++) {
        const struct tensor to = plan_value(g->plan, g->fed[i].v);
        if (to.data)
            memcpy(to.data, g->fed[i].data, tensor_bytes(&to));
    }
    status = plan_forward(g->plan, NULL, NULL, &err);
    if (!status && n_wrt > 0) {
        const struct tensor seed = plan_seed(g->plan, outputs[n_outputs - 1]);
        for (int64_t i = 0; i < tensor_count(&seed); i++)
            tensor_f64(&seed)[i] = 1;
        status = plan_backward(g->plan, NULL, NULL, &err);
    }
    return golden_ok(g->golden, status, &err, "run");
}

const double *golden_graph_value(const struct golden_graph *g, value v)
{
    const struct tensor tensor = plan_value(g->plan, v);
    return tensor_f64(&tensor);
}

const double *golden_graph_gradient(const struct golden_graph *g, value v)
{
    const struct tensor tensor = plan_gradient(g->plan, v);
    return tensor_f64(&tensor);
}
