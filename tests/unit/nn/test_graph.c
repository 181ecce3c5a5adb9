/* Graphs and plans: names and errors, taps, pruning, seeds, frozen parameters, same bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "nn/ops.h"

/* A small network with every kind of knot: a block with a residual, FiLM from a second input, a
 * skip that is concatenated, a head, a loss. */
enum { STEM, STEM_BIAS, GAIN, BIAS, MEAN, VARIANCE, CONV, FILM, HEAD, N_PARAMS };

static const struct param_spec specs[N_PARAMS] = {
    [STEM] = {.name = "stem.weight",
              .shape = {4, {8, 3, 3, 3}},
              .init = PARAM_HE_FAN_IN,
              .init_scale = 1},
    [STEM_BIAS] = {.name = "stem.bias", .shape = {1, {8}}, .init = PARAM_NORMAL, .init_scale = 0.1},
    [GAIN] = {.name = "norm.gain", .shape = {1, {8}}, .init = PARAM_ONE},
    [BIAS] = {.name = "norm.bias", .shape = {1, {8}}, .init = PARAM_NORMAL, .init_scale = 0.1},
    [MEAN] = {.name = "norm.mean", .shape = {1, {8}}, .flags = PARAM_BUFFER},
    [VARIANCE] = {.name = "norm.variance",
                  .shape = {1, {8}},
                  .init = PARAM_ONE,
                  .flags = PARAM_BUFFER},
    [CONV] = {.name = "conv.weight",
              .shape = {4, {8, 8, 3, 3}},
              .init = PARAM_HE_FAN_IN,
              .init_scale = 1},
    [FILM] = {.name = "film.weight",
              .shape = {2, {16, 4}},
              .init = PARAM_NORMAL,
              .init_scale = 0.3},
    [HEAD] = {.name = "head.weight",
              .shape = {4, {1, 16, 1, 1}},
              .init = PARAM_HE_FAN_IN,
              .init_scale = 1},
};

struct net {
    struct params *params;
    struct graph *graph;
    value image, words, target, weight;
    value stem, film, block, logits, loss, total;
};

enum { N = 2, H = 17, W = 14 };

static void build_net(struct net *net, enum dtype dtype)
{
    struct graph *g;
    ana_error err = {0};
    assert_int_equal(params_create(&net->params, dtype, &err), ANA_OK);
    for (int i = 0; i < N_PARAMS; i++)
        params_declare(net->params, &specs[i]);
    assert_int_equal(params_finish(net->params, &err), ANA_OK);
    params_initialise(net->params, 4);
    assert_int_equal(graph_create(&net->graph, net->params, dtype, &err), ANA_OK);
    g = net->graph;
    const struct nn_conv_options same = {.pad = {1, 1}};
    net->image = graph_input(g, "image", DTYPE_F32, SHAPE(N, H, W, 3));
    net->words = graph_input(g, "words", DTYPE_F32, SHAPE(N, 4));
    net->target = graph_input(g, "target", DTYPE_F32, SHAPE(N, H, W, 1));
    net->weight = graph_input(g, "weight", DTYPE_F32, SHAPE(N));
    net->stem = nn_conv(g, "stem", net->image, graph_param(g, STEM), graph_param(g, STEM_BIAS),
                        &(struct nn_conv_options){.pad = {1, 1}, .activation = ACTIVATION_RELU});
    net->film = nn_linear(g, "film", net->words, graph_param(g, FILM), NO_VALUE, ACTIVATION_TANH);
    graph_enter(g, "block%d", 0);
    const value conv = nn_conv(g, "conv", net->stem, graph_param(g, CONV), NO_VALUE, &same);
    net->block = nn_batch_norm(g, "norm",
                               (struct nn_norm_inputs){.x = conv,
                                                       .gain = graph_param(g, GAIN),
                                                       .bias = graph_param(g, BIAS),
                                                       .running_mean = graph_param(g, MEAN),
                                                       .running_var = graph_param(g, VARIANCE),
                                                       .film = net->film,
                                                       .residual = net->stem},
                               &(struct nn_norm_options){.activation = ACTIVATION_RELU});
    graph_leave(g);
    const value joined = nn_concat(g, "joined", (value[]){net->stem, net->block}, 2);
    net->logits = nn_conv(g, "logits", joined, graph_param(g, HEAD), NO_VALUE, NULL);
    net->loss = nn_bce_dice(g, "loss", net->logits, net->target, 1, 1, 1);
    net->total = nn_weighted_sum(g, "total", net->loss, net->weight);
    if (graph_check(g, &err))
        fail_msg("%s", err.message);
}

static void free_net(struct net *net)
{
    graph_free(net->graph);
    params_free(net->params);
}

static void set(const struct tensor *tensor, int64_t i, double x)
{
    if (tensor->dtype == DTYPE_F64)
        tensor_f64(tensor)[i] = x;
    else
        tensor_f32(tensor)[i] = (float)x;
}

static double get(const struct tensor *tensor, int64_t i)
{
    return tensor->dtype == DTYPE_F64 ? tensor_f64(tensor)[i] : (double)tensor_f32(tensor)[i];
}

static void fill(struct tensor tensor, uint32_t use)
{
    struct random random = random_at(9, 0, 0, use);
    for (int64_t i = 0; tensor.data && i < tensor_count(&tensor); i++)
        set(&tensor, i, (double)(float)random_normal(&random));
}

static struct plan *make_plan(const struct net *net, const struct plan_request *request,
                              struct pool *pool)
{
    struct plan *plan;
    ana_error err = {0};
    const struct plan_env env = {NULL, pool};
    if (plan_create(&plan, net->graph, request, &env, &err))
        fail_msg("%s", err.message);
    fill(plan_value(plan, net->image), 1);
    fill(plan_value(plan, net->words), 2);
    fill(plan_value(plan, net->target), 3);
    fill(plan_value(plan, net->weight), 4);
    return plan;
}

static void forward(struct plan *plan)
{
    assert_int_equal(plan_forward(plan, NULL, NULL, NULL), ANA_OK);
}

/* The seed of `total` is 1. */
static void backward(const struct net *net, struct plan *plan)
{
    const struct tensor seed = plan_gradient(plan, net->total);
    set(&seed, 0, 1);
    assert_int_equal(plan_backward(plan, NULL, NULL, NULL), ANA_OK);
}

static void expect_close(const struct tensor *a, const struct tensor *b, double tolerance)
{
    assert_int_equal(tensor_count(a), tensor_count(b));
    for (int64_t i = 0; i < tensor_count(a); i++)
        if (!(fabs(get(a, i) - get(b, i)) <= tolerance))
            fail_msg("element %lld: %.17g and %.17g, tolerance %g", (long long)i, get(a, i),
                     get(b, i), tolerance);
}

/* ---- building ---- */

static void test_names_are_taps(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F32);
    assert_int_equal(graph_find(net.graph, "block0.norm").id, net.block.id);
    assert_string_equal(graph_name(net.graph, net.block), "block0.norm");
    assert_int_equal(graph_find(net.graph, "logits").id, net.logits.id);
    /* An activation that the operator cannot fuse leaves a tap before it. */
    assert_int_equal(graph_find(net.graph, "film").id, net.film.id);
    assert_false(value_is_none(graph_find(net.graph, "film.linear")));
    assert_true(value_is_none(graph_find(net.graph, "norm")));
    assert_int_equal(graph_param(net.graph, CONV).id, graph_param(net.graph, CONV).id);
    free_net(&net);
}

static void test_the_first_error_sticks_and_names_the_node(void **state)
{
    (void)state;
    struct graph *g;
    struct plan *plan;
    ana_error err = {0};
    assert_int_equal(graph_create(&g, NULL, DTYPE_F32, &err), ANA_OK);
    const value x = graph_input(g, "x", DTYPE_F32, SHAPE(2, 3));
    graph_enter(g, "encoder");
    const value bad = nn_reshape(g, "flat", x, SHAPE(7));
    graph_leave(g);
    assert_true(value_is_none(bad));
    assert_true(value_is_none(nn_add(g, "sum", bad, x)));
    assert_true(value_is_none(nn_slice(g, "slice", x, 5, 0, 1)));
    assert_int_equal(graph_check(g, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "encoder.flat"));
    assert_null(strstr(err.message, "slice"));
    assert_int_equal(
        plan_create(&plan, g, &(struct plan_request){.outputs = &x, .n_outputs = 1}, NULL, &err),
        ANA_ERR_ARGUMENT);
    assert_null(plan);
    graph_free(g);
}

static void test_two_values_of_one_name_are_an_error(void **state)
{
    (void)state;
    struct graph *g;
    ana_error err = {0};
    assert_int_equal(graph_create(&g, NULL, DTYPE_F32, &err), ANA_OK);
    const value x = graph_input(g, "x", DTYPE_F32, SHAPE(2, 3));
    nn_softmax(g, "y", x);
    nn_softmax(g, "y", x);
    assert_int_not_equal(graph_check(g, &err), ANA_OK);
    assert_non_null(strstr(err.message, "y"));
    graph_free(g);
}

/* ---- running ---- */

static void test_any_value_can_be_read(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F32);
    const value taps[] = {net.logits, net.stem, net.film, net.block};
    struct plan *one =
        make_plan(&net, &(struct plan_request){.outputs = taps, .n_outputs = 1}, NULL);
    struct plan *all =
        make_plan(&net, &(struct plan_request){.outputs = taps, .n_outputs = 4}, NULL);
    forward(one);
    forward(all);
    const struct tensor a = plan_value(one, net.logits), b = plan_value(all, net.logits);
    assert_memory_equal(a.data, b.data, tensor_bytes(&a));
    /* The kept stem is what the stem alone gives. */
    struct plan *stem =
        make_plan(&net, &(struct plan_request){.outputs = &taps[1], .n_outputs = 1}, NULL);
    forward(stem);
    const struct tensor c = plan_value(stem, net.stem), d = plan_value(all, net.stem);
    assert_memory_equal(c.data, d.data, tensor_bytes(&c));
    plan_free(one);
    plan_free(all);
    plan_free(stem);
    free_net(&net);
}

static void test_fed_values_prune_their_producers(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F32);
    const value taps[] = {net.stem, net.film};
    const struct plan_request whole = {.outputs = (value[]){net.logits, net.stem, net.film},
                                       .n_outputs = 3};
    const struct plan_request part = {
        .outputs = &net.logits, .n_outputs = 1, .fed = taps, .n_fed = 2};
    struct plan *a = make_plan(&net, &whole, NULL), *b = make_plan(&net, &part, NULL);
    forward(a);
    assert_null(plan_value(b, net.image).data); /* nothing reads it */
    assert_null(plan_value(b, net.words).data);
    for (int i = 0; i < 2; i++) {
        const struct tensor from = plan_value(a, taps[i]), to = plan_value(b, taps[i]);
        memcpy(to.data, from.data, tensor_bytes(&to));
    }
    forward(b);
    const struct tensor x = plan_value(a, net.logits), y = plan_value(b, net.logits);
    assert_memory_equal(x.data, y.data, tensor_bytes(&x));
    plan_free(a);
    plan_free(b);
    free_net(&net);
}

static void test_values_that_are_not_needed_cost_nothing(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F32);
    struct plan *stem =
        make_plan(&net, &(struct plan_request){.outputs = &net.stem, .n_outputs = 1}, NULL);
    struct plan *total =
        make_plan(&net, &(struct plan_request){.outputs = &net.total, .n_outputs = 1}, NULL);
    assert_true(plan_bytes(stem) < plan_bytes(total));
    assert_null(plan_value(stem, net.words).data);
    assert_null(plan_value(stem, net.logits).data);
    plan_free(stem);
    plan_free(total);
    free_net(&net);
}

static bool stop_after(void *user)
{
    return --*(int *)user < 0;
}

static void test_a_run_can_be_cancelled(void **state)
{
    (void)state;
    struct net net;
    ana_error err = {0};
    build_net(&net, DTYPE_F32);
    struct plan *plan =
        make_plan(&net, &(struct plan_request){.outputs = &net.total, .n_outputs = 1}, NULL);
    int left = 3;
    assert_int_equal(plan_forward(plan, stop_after, &left, &err), ANA_ERR_CANCELLED);
    left = 1000;
    assert_int_equal(plan_forward(plan, stop_after, &left, &err), ANA_OK);
    plan_free(plan);
    free_net(&net);
}

static void test_changed_parameters_are_packed_again(void **state)
{
    (void)state;
    struct net net, other;
    build_net(&net, DTYPE_F32);
    build_net(&other, DTYPE_F32);
    const struct plan_request request = {.outputs = &net.logits, .n_outputs = 1};
    struct plan *used = make_plan(&net, &request, NULL), *fresh = make_plan(&other, &request, NULL);
    forward(used);
    params_initialise(net.params, 12);
    params_initialise(other.params, 12);
    forward(used);
    forward(fresh);
    const struct tensor a = plan_value(used, net.logits), b = plan_value(fresh, net.logits);
    assert_memory_equal(a.data, b.data, tensor_bytes(&a));
    plan_free(used);
    plan_free(fresh);
    free_net(&net);
    free_net(&other);
}

/* ---- gradients ---- */

static struct plan_request training(const struct net *net)
{
    return (struct plan_request){.outputs = &net->total,
                                 .n_outputs = 1,
                                 .seeds = &net->total,
                                 .n_seeds = 1,
                                 .wrt_params = true,
                                 .training = true};
}

static double loss_with(const struct net *net, struct plan *plan, const struct tensor *x, int64_t i,
                        double change)
{
    const double kept = get(x, i);
    set(x, i, kept + change);
    params_touch(net->params);
    forward(plan);
    const struct tensor total = plan_value(plan, net->total);
    set(x, i, kept);
    return get(&total, 0);
}

/* Central differences in double; the residual, the skip and FiLM all meet in these. */
static void test_parameter_gradients(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F64);
    struct plan_request request = training(&net);
    struct plan *plan = make_plan(&net, &request, NULL);
    forward(plan);
    backward(&net, plan);
    for (int p = 0; p < N_PARAMS; p++) {
        const struct tensor gradient = plan_param_gradient(plan, p);
        const struct tensor x = params_value(net.params, p);
        if (specs[p].flags & PARAM_BUFFER) {
            assert_null(gradient.data);
            continue;
        }
        for (int64_t i = 0; i < tensor_count(&x); i += tensor_count(&x) / 5 + 1) {
            const double step = 1e-5, expected = get(&gradient, i);
            const double found =
                (loss_with(&net, plan, &x, i, step) - loss_with(&net, plan, &x, i, -step)) /
                (2 * step);
            if (fabs(found - expected) > 1e-7)
                fail_msg("%s[%lld]: %g by differences, %g", specs[p].name, (long long)i, found,
                         expected);
        }
    }
    plan_free(plan);
    free_net(&net);
}

static void test_frozen_parameters_cost_nothing(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F64);
    struct plan_request request = training(&net);
    struct plan *all = make_plan(&net, &request, NULL);
    params_set_flags(net.params, STEM, PARAM_FROZEN);
    params_set_flags(net.params, STEM_BIAS, PARAM_FROZEN);
    struct plan *some = make_plan(&net, &request, NULL);
    assert_null(plan_param_gradient(some, STEM).data);
    assert_null(plan_param_gradient(some, STEM_BIAS).data);
    assert_true(plan_bytes(some) < plan_bytes(all)); /* nor does the gradient of the stem exist */
    forward(all);
    backward(&net, all);
    forward(some);
    backward(&net, some);
    const int trained[] = {GAIN, BIAS, CONV, FILM, HEAD};
    for (int i = 0; i < 5; i++) {
        const struct tensor a = plan_param_gradient(all, trained[i]);
        const struct tensor b = plan_param_gradient(some, trained[i]);
        expect_close(&a, &b, 1e-12);
    }
    /* A frozen network still passes gradients to an image. */
    for (int p = 0; p < N_PARAMS; p++)
        params_set_flags(net.params, p, specs[p].flags | PARAM_FROZEN);
    request.wrt = &net.image;
    request.n_wrt = 1;
    struct plan *image = make_plan(&net, &request, NULL);
    forward(image);
    backward(&net, image);
    const struct tensor gradient = plan_gradient(image, net.image);
    double largest = 0;
    for (int64_t i = 0; i < tensor_count(&gradient); i++)
        largest = fmax(largest, fabs(get(&gradient, i)));
    assert_true(largest > 1e-6);
    for (int p = 0; p < N_PARAMS; p++)
        assert_null(plan_param_gradient(image, p).data);
    plan_free(all);
    plan_free(some);
    plan_free(image);
    free_net(&net);
}

static void read_all(double *to, const struct net *net, int param)
{
    const struct tensor t = params_value(net->params, param);
    for (int64_t i = 0; i < tensor_count(&t); i++)
        to[i] = get(&t, i);
}

/* A norm whose statistics are frozen neither writes them nor uses those of the batch; the rest
 * trains on. */
static void test_frozen_statistics_stay(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F64);
    struct plan_request request = training(&net);
    const value outputs[] = {net.total, net.logits};
    request.outputs = outputs;
    request.n_outputs = 2;
    double before[2][8], after[2][8];
    read_all(before[0], &net, MEAN);
    read_all(before[1], &net, VARIANCE);
    assert_int_equal(params_freeze(net.params, "norm."), 4);
    assert_int_equal(params_freeze(net.params, "nor.m"), 0);
    assert_int_equal(params_spec(net.params, MEAN)->flags, PARAM_BUFFER | PARAM_FROZEN);
    struct plan *train = make_plan(&net, &request, NULL);
    request.training = false;
    struct plan *infer = make_plan(&net, &request, NULL);
    forward(train);
    forward(infer);
    read_all(after[0], &net, MEAN);
    read_all(after[1], &net, VARIANCE);
    assert_memory_equal(before, after, sizeof before);
    const struct tensor a = plan_value(train, net.logits), b = plan_value(infer, net.logits);
    expect_close(&a, &b, 0);
    backward(&net, train);
    backward(&net, infer);
    const struct tensor da = plan_param_gradient(train, STEM),
                        db = plan_param_gradient(infer, STEM);
    expect_close(&da, &db, 0);
    plan_free(train);
    plan_free(infer);
    free_net(&net);
}

/* The chain cut at a tap: seed at the loss to the tap, then that gradient as the tap's own seed. */
static void test_gradients_pass_through_taps(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F64);
    const value wrt[] = {net.image, net.block, net.stem};
    struct plan_request request = training(&net);
    request.wrt_params = false;
    request.wrt = wrt;
    request.n_wrt = 3;
    struct plan *whole = make_plan(&net, &request, NULL);
    forward(whole);
    backward(&net, whole);

    /* The stem is read by the block and by the concatenation; its gradient holds both parts. */
    const struct plan_request lower = {.outputs = &net.stem,
                                       .n_outputs = 1,
                                       .seeds = &net.stem,
                                       .n_seeds = 1,
                                       .wrt = &net.image,
                                       .n_wrt = 1,
                                       .training = true};
    struct plan *part = make_plan(&net, &lower, NULL);
    forward(part);
    const struct tensor from = plan_gradient(whole, net.stem), seed = plan_gradient(part, net.stem);
    memcpy(seed.data, from.data, tensor_bytes(&seed));
    assert_int_equal(plan_backward(part, NULL, NULL, NULL), ANA_OK);
    const struct tensor a = plan_gradient(whole, net.image), b = plan_gradient(part, net.image);
    expect_close(&a, &b, 1e-12);
    plan_free(whole);
    plan_free(part);
    free_net(&net);
}

/* Seeds at two values, one above the other, give the sum of both gradients. */
static void test_seeds_add_up(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F64);
    const value seeds[] = {net.total, net.block};
    struct tensor gradients[3];
    struct plan *plans[3];
    for (int i = 0; i < 3; i++) {
        const struct plan_request request = {.outputs = i == 1 ? &seeds[1] : seeds,
                                             .n_outputs = i == 2 ? 2 : 1,
                                             .seeds = i == 1 ? &seeds[1] : seeds,
                                             .n_seeds = i == 2 ? 2 : 1,
                                             .wrt = &net.image,
                                             .n_wrt = 1};
        plans[i] = make_plan(&net, &request, NULL);
        forward(plans[i]);
        if (i != 1) {
            const struct tensor seed = plan_gradient(plans[i], net.total);
            set(&seed, 0, 1);
        }
        if (i != 0)
            fill(plan_gradient(plans[i], net.block), 20);
        assert_int_equal(plan_backward(plans[i], NULL, NULL, NULL), ANA_OK);
        gradients[i] = plan_gradient(plans[i], net.image);
    }
    for (int64_t i = 0; i < tensor_count(&gradients[0]); i++)
        assert_true(fabs(get(&gradients[0], i) + get(&gradients[1], i) - get(&gradients[2], i)) <
                    1e-10);
    for (int i = 0; i < 3; i++)
        plan_free(plans[i]);
    free_net(&net);
}

/* A seed that receives gradient too keeps what was written, so a second backward pass gives the
 * same; as a target it shows the sum. */
static void test_seeds_are_kept(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F64);
    const value seeds[] = {net.total, net.block};
    const value wrt[] = {net.image, net.block};
    double first[N * H * W * 3];
    for (int n_wrt = 1; n_wrt <= 2; n_wrt++) {
        const struct plan_request request = {.outputs = seeds,
                                             .n_outputs = 2,
                                             .seeds = seeds,
                                             .n_seeds = 2,
                                             .wrt = wrt,
                                             .n_wrt = n_wrt};
        struct plan *plan = make_plan(&net, &request, NULL);
        const struct tensor one = plan_seed(plan, net.total), seed = plan_seed(plan, net.block);
        const struct tensor target = plan_gradient(plan, net.block);
        const struct tensor gradient = plan_gradient(plan, net.image);
        assert_true((target.data == seed.data) == (n_wrt == 1));
        set(&one, 0, 1);
        fill(seed, 20);
        for (int run = 0; run < 2; run++) {
            forward(plan);
            assert_int_equal(plan_backward(plan, NULL, NULL, NULL), ANA_OK);
            for (int64_t i = 0; i < tensor_count(&gradient); i++) {
                if (run == 0 && n_wrt == 1)
                    first[i] = get(&gradient, i);
                assert_true(get(&gradient, i) == first[i]);
            }
        }
        double received = 0;
        for (int64_t i = 0; i < tensor_count(&seed); i++)
            received = fmax(received, fabs(get(&target, i) - get(&seed, i)));
        assert_true((received > 1e-6) == (n_wrt == 2));
        plan_free(plan);
    }
    free_net(&net);
}

static void test_unreached_gradients_are_zero(void **state)
{
    (void)state;
    struct net net;
    build_net(&net, DTYPE_F32);
    const value wrt[] = {net.words, net.image};
    const struct plan_request request = {.outputs = (value[]){net.stem, net.film},
                                         .n_outputs = 2,
                                         .seeds = &net.stem,
                                         .n_seeds = 1,
                                         .wrt = wrt,
                                         .n_wrt = 2};
    struct plan *plan = make_plan(&net, &request, NULL);
    const struct tensor gradient = plan_gradient(plan, net.words);
    fill(gradient, 30);
    forward(plan);
    fill(plan_gradient(plan, net.stem), 31);
    assert_int_equal(plan_backward(plan, NULL, NULL, NULL), ANA_OK);
    for (int64_t i = 0; i < tensor_count(&gradient); i++)
        assert_true(get(&gradient, i) == 0);
    plan_free(plan);
    free_net(&net);
}

/* ---- same bytes ---- */

struct result {
    float total, gradients[N_PARAMS][1 << 10], mean[8];
};

static void train_once(const struct net *net, struct plan *plan, struct result *out)
{
    memset(out, 0, sizeof *out);
    forward(plan);
    backward(net, plan);
    const struct tensor total = plan_value(plan, net->total);
    out->total = tensor_f32(&total)[0];
    for (int p = 0; p < N_PARAMS; p++) {
        const struct tensor gradient = plan_param_gradient(plan, p);
        if (gradient.data)
            memcpy(out->gradients[p], gradient.data, tensor_bytes(&gradient));
    }
    const struct tensor mean = params_value(net->params, MEAN);
    memcpy(out->mean, mean.data, sizeof out->mean);
}

static void test_running_twice_gives_the_same_bytes(void **state)
{
    (void)state;
    static struct result first, second;
    struct net net;
    build_net(&net, DTYPE_F32);
    struct plan_request request = training(&net);
    struct plan *plan = make_plan(&net, &request, NULL);
    train_once(&net, plan, &first);
    train_once(&net, plan, &second);
    assert_true(memcmp(first.mean, second.mean, sizeof first.mean) !=
                0); /* the running one moves */
    memcpy(second.mean, first.mean, sizeof first.mean);
    assert_memory_equal(&first, &second, sizeof first);
    plan_free(plan);
    free_net(&net);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    static struct result first, other;
    static const int thread_counts[] = {1, 2, 4, 7};
    for (int t = 0; t < 4; t++) {
        const int n_threads = thread_counts[t];
        struct net net;
        struct pool *pool;
        assert_int_equal(pool_create(&pool, n_threads, NULL), ANA_OK);
        build_net(&net, DTYPE_F32);
        struct plan_request request = training(&net);
        struct plan *plan = make_plan(&net, &request, pool);
        train_once(&net, plan, n_threads == 1 ? &first : &other);
        if (n_threads > 1)
            assert_memory_equal(&first, &other, sizeof first);
        plan_free(plan);
        free_net(&net);
        pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_taps),
        cmocka_unit_test(test_the_first_error_sticks_and_names_the_node),
        cmocka_unit_test(test_two_values_of_one_name_are_an_error),
        cmocka_unit_test(test_any_value_can_be_read),
        cmocka_unit_test(test_fed_values_prune_their_producers),
        cmocka_unit_test(test_values_that_are_not_needed_cost_nothing),
        cmocka_unit_test(test_a_run_can_be_cancelled),
        cmocka_unit_test(test_changed_parameters_are_packed_again),
        cmocka_unit_test(test_parameter_gradients),
        cmocka_unit_test(test_frozen_parameters_cost_nothing),
        cmocka_unit_test(test_gradients_pass_through_taps),
        cmocka_unit_test(test_seeds_add_up),
        cmocka_unit_test(test_seeds_are_kept),
        cmocka_unit_test(test_frozen_statistics_stay),
        cmocka_unit_test(test_unreached_gradients_are_zero),
        cmocka_unit_test(test_running_twice_gives_the_same_bytes),
        cmocka_unit_test(test_threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
