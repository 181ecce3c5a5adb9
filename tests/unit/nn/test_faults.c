/* Every allocation in turn fails: the call says so or does without (the layout of the arena has a
 * plain way as well), leaks nothing, and works the next time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../base/failing_memory.h"
#include "memory_tensors.h"
#include "nn/ops.h"
#include "nn/optimiser.h"

static ana_status make_params(struct params **out, ana_error *err)
{
    ana_status status = params_create(out, DTYPE_F32, err);
    if (status)
        return status;
    params_declare(*out, &(struct param_spec){.name = "weight", .shape = {4, {5, 3, 3, 3}}});
    params_declare(*out, &(struct param_spec){.name = "bias", .shape = {1, {5}}});
    return params_finish(*out, err);
}

static ana_status train_one_step(struct params *params, struct graph *graph, struct plan **plan,
                                 struct optimiser **optimiser, ana_error *err)
{
    const struct optimiser_options options = optimiser_defaults();
    const value x = graph_input(graph, "image", DTYPE_F32, SHAPE(1, 6, 6, 3));
    const value target = graph_input(graph, "target", DTYPE_F32, SHAPE(1, 6, 6, 5));
    const value y = nn_conv(graph, "conv", x, graph_param(graph, 0), graph_param(graph, 1),
                            &(struct nn_conv_options){.pad = {1, 1}});
    const value loss = nn_bce_dice(graph, "loss", y, target, 1, 1, 1);
    ana_status status = graph_check(graph, err);
    if (!status)
        status = plan_create(plan, graph,
                             &(struct plan_request){.outputs = &loss,
                                                    .n_outputs = 1,
                                                    .seeds = &loss,
                                                    .n_seeds = 1,
                                                    .wrt_params = true,
                                                    .training = true},
                             NULL, err);
    if (!status)
        status = plan_forward(*plan, NULL, NULL, err);
    if (!status)
        status = plan_backward(*plan, NULL, NULL, err);
    if (!status)
        status = optimiser_create(optimiser, params, &options, err);
    if (status)
        return status;
    const struct tensor gradients[] = {plan_param_gradient(*plan, 0),
                                       plan_param_gradient(*plan, 1)};
    return optimiser_step(*optimiser, gradients, 0.1, NULL, NULL, err);
}

static ana_status whole_story(ana_error *err)
{
    struct params *params = NULL;
    struct graph *graph = NULL;
    struct plan *plan = NULL;
    struct optimiser *optimiser = NULL;
    ana_status status = make_params(&params, err);
    if (!status)
        status = graph_create(&graph, params, DTYPE_F32, err);
    if (!status)
        status = train_one_step(params, graph, &plan, &optimiser, err);
    optimiser_free(optimiser);
    plan_free(plan);
    graph_free(graph);
    params_free(params);
    return status;
}

static void test_building_and_training_survive_failed_allocations(void **state)
{
    (void)state;
    ana_status status = ANA_ERR_MEMORY;
    int n = 1, told = 0;
    for (int reached = 1; reached; n++) {
        ana_error err = {0};
        failing_memory_start(n);
        status = whole_story(&err);
        const int live = failing_memory_live();
        reached = failing_memory_stop();
        if (live != 0)
            fail_msg("allocation %d failed: %d blocks leaked", n, live);
        told += status == ANA_ERR_MEMORY;
        if (status && (status != ANA_ERR_MEMORY || !err.message[0]))
            fail_msg("allocation %d failed: status %d, \"%s\"", n, (int)status, err.message);
    }
    assert_int_equal(status, ANA_OK);
    assert_true(told > 15);
}

/* Saved beforehand; only loading and saving may run short. */
static void test_saving_and_loading_survive_failed_allocations(void **state)
{
    (void)state;
    struct params *params = NULL;
    struct memory_tensors store, copy;
    ana_error err = {0};
    assert_int_equal(make_params(&params, &err), ANA_OK);
    memory_tensors_init(&store);
    assert_int_equal(params_save(params, &store.sink, "", DTYPE_F16, &err), ANA_OK);
    for (int n = 1, reached = 1; reached; n++) {
        failing_memory_start(n);
        const ana_status loaded = params_load(params, &store.source, &err);
        const int live = failing_memory_live();
        reached = failing_memory_stop();
        assert_int_equal(live, 0);
        assert_true((loaded == ANA_OK) == !reached);
    }
    memory_tensors_init(&copy);
    failing_memory_start(1);
    assert_int_equal(params_save(params, &copy.sink, "", DTYPE_F16, &err), ANA_ERR_MEMORY);
    assert_int_equal(failing_memory_live(), 0);
    failing_memory_stop();
    memory_tensors_clear(&copy);
    memory_tensors_clear(&store);
    params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_building_and_training_survive_failed_allocations),
        cmocka_unit_test(test_saving_and_loading_survive_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
