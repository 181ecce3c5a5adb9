#include "value_bench.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

struct bench open_bench(void)
{
    struct bench b = {0};
    assert_int_equal(graph_create(&b.graph, NULL, DTYPE_F64, NULL), ANA_OK);
    return b;
}

value input(struct bench *b, struct shape shape, const double *data)
{
    char name[32];
    (void)snprintf(name, sizeof name, "input%d", b->n_inputs);
    b->data[b->n_inputs] = data;
    b->inputs[b->n_inputs] = graph_input(b->graph, name, DTYPE_F32, shape);
    return b->inputs[b->n_inputs++];
}

value index_input(struct bench *b, struct shape shape, const int32_t *data)
{
    char name[32];
    (void)snprintf(name, sizeof name, "input%d", b->n_inputs);
    b->index[b->n_inputs] = data;
    b->inputs[b->n_inputs] = graph_input(b->graph, name, DTYPE_I32, shape);
    return b->inputs[b->n_inputs++];
}

void run(struct bench *b, value y, bool training)
{
    ana_error err = {0};
    const struct plan_request request = {.outputs = &y, .n_outputs = 1, .training = training};
    if (plan_create(&b->plan, b->graph, &request, NULL, &err))
        fail_msg("%s", err.message);
    for (int i = 0; i < b->n_inputs; i++) {
        const struct tensor tensor = plan_value(b->plan, b->inputs[i]);
        const void *data = b->data[i] ? (const void *)b->data[i] : (const void *)b->index[i];
        if (tensor.data) /* else nothing reads this input */
            memcpy(tensor.data, data, tensor_bytes(&tensor));
    }
    assert_int_equal(plan_forward(b->plan, NULL, NULL, &err), ANA_OK);
}

void close_bench(struct bench *b)
{
    plan_free(b->plan);
    graph_free(b->graph);
}

void expect_values(const struct bench *b, value v, const double *expected, int64_t n)
{
    const struct tensor tensor = plan_value(b->plan, v);
    assert_int_equal(tensor_count(&tensor), n);
    for (int64_t i = 0; i < n; i++) {
        const double error = fabs(tensor_f64(&tensor)[i] - expected[i]);
        if (!(error <= 1e-12 * fmax(1, fabs(expected[i]))))
            fail_msg("%s[%lld] is %.17g, expected %.17g", graph_name(b->graph, v), (long long)i,
                     tensor_f64(&tensor)[i], expected[i]);
    }
}

void check(struct bench *b, value y, bool training, const double *expected, int64_t n)
{
    run(b, y, training);
    expect_values(b, y, expected, n);
    close_bench(b);
}

void draw(double *out, int64_t n, uint32_t use)
{
    struct random random = random_at(1, 2, 3, use);
    for (int64_t i = 0; i < n; i++)
        out[i] = random_normal(&random);
}
