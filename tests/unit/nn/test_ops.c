/* Every operator of the registry, by the one table of cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "nn/ops/registry.h"
#include "nn/plan_internal.h"
#include "op_run.h"

/* Float kernels differ in the order of sums of at most some thousand terms. */
static const double float_tolerance = 3e-5;
/* Central differences with step 1e-5: error of the formula about 1e-10, of rounding about 1e-10. */
static const double gradient_tolerance = 1e-6;

static const struct run_options double_run = {
    .dtype = DTYPE_F64, .wanted = ALL_OPERANDS, .param_operand = -1};

static void expect_close(double error, double tolerance, int number, const char *what)
{
    if (!(error <= tolerance))
        fail_msg("case %d (%s): %s: error %g, tolerance %g", number, op_cases[number].op, what,
                 error, tolerance);
}

static void test_every_operator_has_five_cases(void **state)
{
    (void)state;
    for (int i = 0; nn_op_at(i); i++) {
        int n = 0;
        for (int k = 0; k < n_op_cases; k++)
            n += strcmp(op_cases[k].op, nn_op_at(i)->name) == 0;
        if (n < 5)
            fail_msg("operator %s has %d cases, expected at least 5", nn_op_at(i)->name, n);
    }
}

static void test_every_case_is_of_a_registered_operator(void **state)
{
    (void)state;
    for (int k = 0; k < n_op_cases; k++) {
        bool found = false;
        for (int i = 0; nn_op_at(i); i++)
            found = found || strcmp(op_cases[k].op, nn_op_at(i)->name) == 0;
        if (!found)
            fail_msg("case %d names the unknown operator %s", k, op_cases[k].op);
    }
}

/* Which of its operator's forms a node is. */
static int variant_of(const struct graph *graph, const struct node *node)
{
    struct op_shapes shapes = {.n_inputs = node->n_inputs,
                               .options = node->options,
                               .dtype = graph->dtype,
                               .output = node->shape};
    for (int i = 0; i < node->n_inputs; i++)
        if (node->input[i] >= 0) {
            shapes.input[i] = &graph->nodes[node->input[i]].shape;
            shapes.input_dtype[i] = graph->nodes[node->input[i]].dtype;
        }
    return node->op->variant ? node->op->variant(&shapes) : 0;
}

static bool case_has_variant(int number, const struct nn_op *op, int variant)
{
    struct op_run run;
    bool found = false;
    if (strcmp(op_cases[number].op, op->name) != 0)
        return false;
    op_run_open(&run, number, &double_run);
    for (int i = 0; !found && i < run.c.graph->n_nodes; i++) {
        const struct node *node = &run.c.graph->nodes[i];
        found = node->op == op && variant_of(run.c.graph, node) == variant;
    }
    op_run_close(&run);
    return found;
}

static void test_every_variant_has_a_case(void **state)
{
    (void)state;
    for (int i = 0; nn_op_at(i); i++) {
        const struct nn_op *op = nn_op_at(i);
        for (int v = 0; op->variants && op->variants[v].name; v++) {
            bool found = false;
            for (int k = 0; !found && k < n_op_cases; k++)
                found = case_has_variant(k, op, v);
            if (!found)
                fail_msg("operator %s has no case of its form '%s'", op->name,
                         op->variants[v].name);
        }
    }
}

/* A fast backend packs the weights of just those forms that its own kernel covers. */
static void check_packing(int number, struct op_run *run)
{
    for (int i = 0; i < run->plan->n_forward; i++) {
        const struct plan_step *step = &run->plan->forward[i];
        const struct node *node = &run->c.graph->nodes[step->node];
        if (!node->op->variants || !node->op->packed_bytes)
            continue;
        const struct op_variant *v = &node->op->variants[variant_of(run->c.graph, node)];
        const bool packs_forward = node->op->packed_bytes(&step->call, false) > 0;
        const bool packs_backward = node->op->packed_bytes(&step->call, true) > 0;
        if (packs_forward != v->fast_forward || packs_backward != v->fast_backward)
            fail_msg("case %d (%s): its form '%s' is not as fast as docs/operators.md says", number,
                     node->op->name, v->name);
    }
}

static void test_forms_are_as_fast_as_they_say(void **state)
{
    (void)state;
    struct run_options fast = double_run;
    fast.dtype = DTYPE_F32;
    fast.compute = compute_default();
    if (strcmp(fast.compute->name, "reference") == 0)
        skip();
    for (int k = 0; k < n_op_cases; k++) {
        struct op_run run;
        op_run_open(&run, k, &fast);
        check_packing(k, &run);
        op_run_close(&run);
    }
}

static void test_shapes(void **state)
{
    (void)state;
    for (int k = 0; k < n_op_cases; k++) {
        struct op_run run;
        op_run_open(&run, k, &double_run);
        char text[96];
        const struct shape shape = graph_shape(run.c.graph, run.y);
        shape_print(text, sizeof text, &shape);
        if (strcmp(text, op_cases[k].expected) != 0)
            fail_msg("case %d (%s): shape %s, expected %s", k, op_cases[k].op, text,
                     op_cases[k].expected);
        op_run_close(&run);
    }
}

static void test_operands_that_do_not_fit(void **state)
{
    (void)state;
    for (int k = 0; k < n_bad_cases; k++) {
        struct case_graph c = {.param_operand = -1};
        ana_error err = {0};
        assert_int_equal(graph_create(&c.graph, NULL, DTYPE_F32, &err), ANA_OK);
        bad_cases[k].build(&c, NULL);
        assert_int_not_equal(graph_check(c.graph, &err), ANA_OK);
        if (!strstr(err.message, bad_cases[k].expected) || !strstr(err.message, "bad"))
            fail_msg("bad case %d: \"%s\" does not say \"bad\" and \"%s\"", k, err.message,
                     bad_cases[k].expected);
        graph_free(c.graph);
    }
}

/* Up to 24 elements of each operand, spread evenly. */
static void check_differences(struct op_run *run, int operand)
{
    const double step = 1e-5;
    const struct tensor x = op_run_operand(run, operand);
    const struct tensor gradient = op_run_gradient(run, operand);
    const int64_t n = tensor_count(&x), stride = n / 24 + 1;
    double scale = 1;
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(element_at(&gradient, i)));
    for (int64_t i = (n - 1) % stride; i < n; i += stride) {
        const double at = element_at(&x, i);
        set_element(&x, i, at + step);
        op_run_forward(run);
        const double above = op_run_objective(run);
        set_element(&x, i, at - step);
        op_run_forward(run);
        const double below = op_run_objective(run);
        set_element(&x, i, at);
        const double error = fabs((above - below) / (2 * step) - element_at(&gradient, i)) / scale;
        char what[64];
        (void)snprintf(what, sizeof what, "gradient of operand %d at %lld", operand, (long long)i);
        expect_close(error, gradient_tolerance, run->number, what);
    }
}

static void test_gradients_against_finite_differences(void **state)
{
    (void)state;
    for (int k = 0; k < n_op_cases; k++) {
        struct op_run run;
        op_run_open(&run, k, &double_run);
        op_run_forward(&run);
        op_run_backward(&run);
        for (int i = 0; i < run.c.n_operands; i++)
            if (op_run_has_gradient(&run, i))
                check_differences(&run, i);
        op_run_close(&run);
    }
}

static void expect_same_results(struct op_run *a, struct op_run *b, double tolerance,
                                const char *what)
{
    const struct tensor ya = op_run_output(a), yb = op_run_output(b);
    expect_close(relative_difference(&ya, &yb), tolerance, a->number, what);
    for (int i = 0; i < a->c.n_operands; i++) {
        const struct tensor xa = op_run_operand(a, i), xb = op_run_operand(b, i);
        expect_close(relative_difference(&xa, &xb), tolerance, a->number, what);
        if (!op_run_has_gradient(a, i) || !op_run_has_gradient(b, i))
            continue;
        const struct tensor ga = op_run_gradient(a, i), gb = op_run_gradient(b, i);
        expect_close(relative_difference(&ga, &gb), tolerance, a->number, what);
    }
}

static void run_and_compare(int k, const struct run_options *a, const struct run_options *b,
                            double tolerance, const char *what)
{
    struct op_run first, second;
    op_run_open(&first, k, a);
    op_run_open(&second, k, b);
    op_run_forward(&first);
    op_run_forward(&second);
    op_run_backward(&first);
    op_run_backward(&second);
    expect_same_results(&first, &second, tolerance, what);
    op_run_close(&first);
    op_run_close(&second);
}

static void test_float_reference_against_double(void **state)
{
    (void)state;
    struct run_options single = double_run;
    single.dtype = DTYPE_F32;
    single.compute = compute_reference(DTYPE_F32);
    for (int k = 0; k < n_op_cases; k++)
        run_and_compare(k, &single, &double_run, float_tolerance, "float against double");
}

static void test_fast_against_reference(void **state)
{
    (void)state;
    struct run_options fast = double_run, reference = double_run;
    fast.dtype = reference.dtype = DTYPE_F32;
    fast.compute = compute_default();
    reference.compute = compute_reference(DTYPE_F32);
    for (int k = 0; k < n_op_cases; k++)
        run_and_compare(k, &fast, &reference, float_tolerance, "fast against reference");
}

/* Weights that are parameters are packed once; weights that are inputs are packed on the fly. */
static void test_packed_weights_change_nothing(void **state)
{
    (void)state;
    for (int k = 0; k < n_op_cases; k++) {
        const char *op = op_cases[k].op;
        if (strcmp(op, "conv") != 0 && strcmp(op, "conv_transpose") != 0 &&
            strcmp(op, "linear") != 0)
            continue;
        struct run_options input = double_run, param = double_run;
        input.dtype = param.dtype = DTYPE_F32;
        input.compute = param.compute = compute_default();
        param.param_operand = 1;
        run_and_compare(k, &param, &input, 0, "packed weights");
    }
}

/* One gradient alone takes other paths than all together. */
static void test_one_gradient_at_a_time(void **state)
{
    (void)state;
    for (int k = 0; k < n_op_cases; k++)
        for (int i = 0; i < OP_CASE_OPERANDS; i++) {
            struct run_options one = double_run;
            one.wanted = 1U << i;
            run_and_compare(k, &one, &double_run, 1e-12, "one gradient alone");
        }
}

/* gradient with another reader = gradient without + 0.5 * the reader's seed. */
static void expect_sum(struct op_run *alone, struct op_run *shared, int operand)
{
    const struct tensor g = op_run_gradient(alone, operand), s = op_run_gradient(shared, operand);
    const struct tensor seed = plan_gradient(shared->plan, shared->reader[operand]);
    double worst = 0, scale = 1;
    for (int64_t i = 0; i < tensor_count(&g); i++) {
        const double expected = element_at(&g, i) + 0.5 * element_at(&seed, i);
        worst = fmax(worst, fabs(element_at(&s, i) - expected));
        scale = fmax(scale, fabs(expected));
    }
    expect_close(worst / scale, 1e-12, alone->number, "accumulated gradient");
}

static void test_accumulated_gradients(void **state)
{
    (void)state;
    struct run_options with_readers = double_run;
    with_readers.other_readers = true;
    for (int k = 0; k < n_op_cases; k++) {
        struct op_run alone, shared;
        op_run_open(&alone, k, &double_run);
        op_run_open(&shared, k, &with_readers);
        op_run_forward(&alone);
        op_run_forward(&shared);
        op_run_backward(&alone);
        op_run_backward(&shared);
        for (int i = 0; i < alone.c.n_operands; i++)
            if (op_run_has_gradient(&alone, i))
                expect_sum(&alone, &shared, i);
        op_run_close(&alone);
        op_run_close(&shared);
    }
}

static bool same_bytes(const struct tensor *a, const struct tensor *b)
{
    return memcmp(a->data, b->data, tensor_bytes(a)) == 0;
}

static void expect_same_bytes(struct op_run *a, struct op_run *b, int n_threads)
{
    const struct tensor ya = op_run_output(a), yb = op_run_output(b);
    bool same = same_bytes(&ya, &yb);
    for (int i = 0; i < a->c.n_operands; i++) {
        const struct tensor xa = op_run_operand(a, i), xb = op_run_operand(b, i);
        same = same && same_bytes(&xa, &xb);
        if (!op_run_has_gradient(a, i))
            continue;
        const struct tensor ga = op_run_gradient(a, i), gb = op_run_gradient(b, i);
        same = same && same_bytes(&ga, &gb);
    }
    if (!same)
        fail_msg("case %d (%s): other bytes with %d threads", a->number, op_cases[a->number].op,
                 n_threads);
}

static void check_threads(const struct compute *compute, int n_threads)
{
    struct pool *pool = NULL;
    assert_int_equal(pool_create(&pool, n_threads, NULL), ANA_OK);
    struct run_options one = double_run, many = double_run;
    one.dtype = many.dtype = DTYPE_F32;
    one.compute = many.compute = compute;
    many.pool = pool;
    for (int k = 0; k < n_op_cases; k++) {
        struct op_run a, b;
        op_run_open(&a, k, &one);
        op_run_open(&b, k, &many);
        op_run_forward(&a);
        op_run_forward(&b);
        op_run_backward(&a);
        op_run_backward(&b);
        expect_same_bytes(&a, &b, n_threads);
        op_run_close(&a);
        op_run_close(&b);
    }
    pool_free(pool);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    check_threads(compute_default(), 2);
    check_threads(compute_default(), 4);
    check_threads(compute_default(), 7);
    check_threads(compute_reference(DTYPE_F32), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operator_has_five_cases),
        cmocka_unit_test(test_every_case_is_of_a_registered_operator),
        cmocka_unit_test(test_every_variant_has_a_case),
        cmocka_unit_test(test_forms_are_as_fast_as_they_say),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_operands_that_do_not_fit),
        cmocka_unit_test(test_gradients_against_finite_differences),
        cmocka_unit_test(test_float_reference_against_double),
        cmocka_unit_test(test_fast_against_reference),
        cmocka_unit_test(test_packed_weights_change_nothing),
        cmocka_unit_test(test_one_gradient_at_a_time),
        cmocka_unit_test(test_accumulated_gradients),
        cmocka_unit_test(test_threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
