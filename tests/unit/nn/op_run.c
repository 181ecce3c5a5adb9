#include "op_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { SEED_OPERANDS = 41, USE_GRADIENT = 100 };

double element_at(const struct tensor *tensor, int64_t i)
{
    if (tensor->dtype == DTYPE_I32)
        return tensor_i32(tensor)[i];
    return tensor->dtype == DTYPE_F64 ? tensor_f64(tensor)[i] : (double)tensor_f32(tensor)[i];
}

void set_element(const struct tensor *tensor, int64_t i, double x)
{
    if (tensor->dtype == DTYPE_I32)
        tensor_i32(tensor)[i] = (int32_t)x;
    else if (tensor->dtype == DTYPE_F64)
        tensor_f64(tensor)[i] = x;
    else
        tensor_f32(tensor)[i] = (float)x;
}

double relative_difference(const struct tensor *a, const struct tensor *b)
{
    double worst = 0, scale = 1;
    for (int64_t i = 0; i < tensor_count(b); i++) {
        if (element_at(a, i) == element_at(b, i))
            continue; /* also infinities */
        const double difference = fabs(element_at(a, i) - element_at(b, i));
        if (!isfinite(difference))
            return HUGE_VAL;
        worst = fmax(worst, difference);
        scale = fmax(scale, fabs(element_at(b, i)));
    }
    return worst / scale;
}

/* Rounded to float, so that runs of both types see the same numbers. */
static void fill(const struct tensor *tensor, const struct case_operand *operand, int number,
                 int use)
{
    struct random random = random_at(SEED_OPERANDS, (uint64_t)number, 0, (uint32_t)use);
    for (int64_t i = 0; i < tensor_count(tensor); i++) {
        double x = 0;
        if (operand->role == ROLE_INDEX)
            x = (double)(operand->low + random_below(&random, operand->high - operand->low));
        else if (operand->role == ROLE_FLOAT)
            x = (double)(float)random_normal(&random);
        else if (operand->role == ROLE_MASK)
            x = random_below(&random, 3) == 0 ? -(double)INFINITY : 0;
        else
            x = (double)(float)random_between(&random, 0.2, 1.2);
        set_element(tensor, i, x);
    }
}

static void make_param(struct op_run *run, const struct op_case *oc)
{
    /* A first build tells the shape. */
    struct case_graph trial = {.param_operand = -1};
    assert_int_equal(graph_create(&trial.graph, NULL, run->options.dtype, NULL), ANA_OK);
    oc->build(&trial, oc->n);
    graph_free(trial.graph);
    ana_error err = {0};
    assert_int_equal(params_create(&run->params, run->options.dtype, &err), ANA_OK);
    params_declare(run->params,
                   &(struct param_spec){.name = "weights",
                                        .shape = trial.operands[run->options.param_operand].shape});
    if (params_finish(run->params, &err))
        fail_msg("%s", err.message);
}

static void build(struct op_run *run, const struct op_case *oc)
{
    run->c = (struct case_graph){.param_operand = run->options.param_operand};
    assert_int_equal(graph_create(&run->c.graph, run->params, run->options.dtype, NULL), ANA_OK);
    run->y = oc->build(&run->c, oc->n);
    for (int i = 0; i < run->c.n_operands; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "reader%d", i);
        run->reader[i] = NO_VALUE;
        if (run->options.other_readers && run->c.operands[i].role == ROLE_FLOAT)
            run->reader[i] = nn_combine(run->c.graph, name, run->c.operands[i].v, 0.5, NO_VALUE, 0);
    }
    ana_error err = {0};
    if (graph_check(run->c.graph, &err))
        fail_msg("case %d (%s): %s", run->number, oc->op, err.message);
}

static void make_plan(struct op_run *run, const struct op_case *oc)
{
    value outputs[1 + OP_CASE_OPERANDS] = {run->y}, wrt[OP_CASE_OPERANDS];
    int n_outputs = 1, n_wrt = 0;
    for (int i = 0; i < run->c.n_operands; i++) {
        if (!value_is_none(run->reader[i]))
            outputs[n_outputs++] = run->reader[i];
        if (op_run_has_gradient(run, i))
            wrt[n_wrt++] = run->c.operands[i].v;
    }
    ana_error err = {0};
    const struct plan_request request = {.outputs = outputs,
                                         .n_outputs = n_outputs,
                                         .seeds = outputs,
                                         .n_seeds = n_outputs,
                                         .wrt = wrt,
                                         .n_wrt = n_wrt,
                                         .training = oc->training};
    const struct plan_env env = {run->options.compute, run->options.pool};
    if (plan_create(&run->plan, run->c.graph, &request, &env, &err))
        fail_msg("case %d (%s): %s", run->number, oc->op, err.message);
    plan_set_step(run->plan, 5, 6);
}

void op_run_open(struct op_run *run, int number, const struct run_options *options)
{
    const struct op_case *oc = &op_cases[number];
    *run = (struct op_run){.number = number, .options = *options};
    if (options->param_operand >= 0)
        make_param(run, oc);
    build(run, oc);
    make_plan(run, oc);
    for (int i = 0; i < run->c.n_operands; i++) {
        const struct tensor tensor = op_run_operand(run, i);
        fill(&tensor, &run->c.operands[i], number, i);
    }
    if (run->params)
        params_touch(run->params);
}

void op_run_close(struct op_run *run)
{
    plan_free(run->plan);
    graph_free(run->c.graph);
    params_free(run->params);
}

void op_run_forward(struct op_run *run)
{
    assert_int_equal(plan_forward(run->plan, NULL, NULL, NULL), ANA_OK);
}

/* Seeds are written anew: the buffers of seeds may be added to. */
void op_run_backward(struct op_run *run)
{
    const struct case_operand normal = {.role = ROLE_FLOAT};
    const struct tensor seed = plan_gradient(run->plan, run->y);
    fill(&seed, &normal, run->number, USE_GRADIENT);
    for (int i = 0; i < run->c.n_operands; i++)
        if (!value_is_none(run->reader[i])) {
            const struct tensor other = plan_gradient(run->plan, run->reader[i]);
            fill(&other, &normal, run->number, USE_GRADIENT + 1 + i);
        }
    assert_int_equal(plan_backward(run->plan, NULL, NULL, NULL), ANA_OK);
}

bool op_run_has_gradient(const struct op_run *run, int operand)
{
    return run->c.operands[operand].role == ROLE_FLOAT && run->options.wanted >> operand & 1U;
}

struct tensor op_run_operand(const struct op_run *run, int operand)
{
    return plan_value(run->plan, run->c.operands[operand].v);
}

struct tensor op_run_gradient(const struct op_run *run, int operand)
{
    return plan_gradient(run->plan, run->c.operands[operand].v);
}

struct tensor op_run_output(const struct op_run *run)
{
    return plan_value(run->plan, run->y);
}

double op_run_objective(const struct op_run *run)
{
    const struct tensor y = op_run_output(run), seed = plan_gradient(run->plan, run->y);
    double sum = 0;
    for (int64_t i = 0; i < tensor_count(&y); i++)
        sum += element_at(&y, i) * element_at(&seed, i);
    return sum;
}
