/* The work of a plan, against what the shapes say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nn/ops.h"

enum { SIZE = 8, IN = 3, HIDDEN = 5, OUT = 4 };

/* conv 3x3, ReLU, then a linear layer on every pixel. */
struct little {
    struct params *params;
    struct graph *graph;
    value x, hidden, y;
    int conv, linear;
};

static void build(struct little *l, unsigned linear_flags)
{
    assert_int_equal(params_create(&l->params, DTYPE_F32, NULL), ANA_OK);
    l->conv = params_declare(
        l->params, &(struct param_spec){.name = "conv", .shape = SHAPE(HIDDEN, IN, 3, 3)});
    l->linear = params_declare(
        l->params,
        &(struct param_spec){.name = "linear", .shape = SHAPE(OUT, HIDDEN), .flags = linear_flags});
    assert_int_equal(params_finish(l->params, NULL), ANA_OK);
    assert_int_equal(graph_create(&l->graph, l->params, DTYPE_F32, NULL), ANA_OK);
    l->x = graph_input(l->graph, "x", DTYPE_F32, SHAPE(1, SIZE, SIZE, IN));
    const struct nn_conv_options same = {.pad = {1, 1}, .activation = ACTIVATION_RELU};
    l->hidden = nn_conv(l->graph, "hidden", l->x, graph_param(l->graph, l->conv), NO_VALUE, &same);
    l->y = nn_linear(l->graph, "y", l->hidden, graph_param(l->graph, l->linear), NO_VALUE,
                     ACTIVATION_NONE);
    assert_int_equal(graph_check(l->graph, NULL), ANA_OK);
}

static void clear(struct little *l)
{
    graph_free(l->graph);
    params_free(l->params);
}

static const double conv_flop = 2.0 * SIZE * SIZE * HIDDEN * IN * 9;
static const double linear_flop = 2.0 * SIZE * SIZE * OUT * HIDDEN;

static void forward_counts_what_runs(void **state)
{
    struct little l;
    struct plan *plan;
    const struct plan_env env = {0};

    (void)state;
    build(&l, 0);
    assert_int_equal(plan_create(&plan, l.graph,
                                 &(struct plan_request){.outputs = &l.y, .n_outputs = 1}, &env,
                                 NULL),
                     ANA_OK);
    struct plan_cost cost = plan_forward_cost(plan);
    assert_true(cost.flop == conv_flop + linear_flop);
    assert_true(cost.bytes == 4.0 * SIZE * SIZE * (IN + HIDDEN + HIDDEN + OUT) +
                                  4.0 * (HIDDEN * IN * 9 + OUT * HIDDEN));
    cost = plan_backward_cost(plan);
    assert_true(cost.flop == 0 && cost.bytes == 0);
    plan_free(plan);
    assert_int_equal(plan_create(&plan, l.graph,
                                 &(struct plan_request){
                                     .outputs = &l.y, .n_outputs = 1, .fed = &l.hidden, .n_fed = 1},
                                 &env, NULL),
                     ANA_OK);
    assert_true(plan_forward_cost(plan).flop == linear_flop); /* starts behind the convolution */
    plan_free(plan);
    clear(&l);
}

/* The input wants no gradient, so the convolution has one product backward, the linear layer two,
 * or one if its weights are frozen. */
static void backward_counts_what_is_wanted(void **state)
{
    (void)state;
    for (int frozen = 0; frozen < 2; frozen++) {
        struct little l;
        struct plan *plan;
        build(&l, frozen ? PARAM_FROZEN : 0);
        const struct plan_request request = {
            .outputs = &l.y, .n_outputs = 1, .seeds = &l.y, .n_seeds = 1, .wrt_params = true};
        assert_int_equal(plan_create(&plan, l.graph, &request, &(struct plan_env){0}, NULL),
                         ANA_OK);
        assert_true(plan_backward_cost(plan).flop == conv_flop + (frozen ? 1 : 2) * linear_flop);
        assert_true(plan_backward_cost(plan).bytes > plan_forward_cost(plan).bytes);
        plan_free(plan);
        clear(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_counts_what_runs),
        cmocka_unit_test(backward_counts_what_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
