/* mini on every backend: the same bytes for 1, 2, 4 and 7 threads, forward and in a training step,
 * and the fast backends against the reference one. Small pictures: the reference is slow. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/mini_weights.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/threads.h"
#include "compute/compute.h"
#include "nn/ops.h"

enum { SIZE = 64, IMAGES = 2, PROMPTS = 3, N_THREADS = 4 };
static const int thread_counts[N_THREADS] = {1, 2, 4, 7};
static struct pool *pools[N_THREADS];

/* Forward in use: the largest difference of a logit, as a share of the largest logit. Sums of up to
 * 3 * 3 * 192 products in another order, through some 50 layers. */
static const double forward_tolerance = 1e-4;
/* Gradients of a training step. Against the same step in double the float reference is within 1e-5
 * and the fast backends within 3e-5, until one of a million activations lies so near to 0 that ReLU
 * cuts it on one side only, which moves the gradients before it by up to some hundredths. So: the
 * error of a parameter's gradient as a share of its norm, in the middle of all parameters and at
 * worst. A wrong formula or index makes an error of about 1. */
static const double gradient_tolerance_median = 5e-3;
static const double gradient_tolerance_worst = 0.1;

static const char *const backends[] = {"reference", "x86-64", "avx2"};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] };

/* One graph: mini and, in training, a loss of its outputs. */
struct net {
    struct params *params;
    struct mini_network network;
    struct graph *graph;
    value image, target, weight, loss;
    struct mini_prompts prompts;
    struct mini_outputs outputs;
};

static void build_loss(struct net *net, int64_t size)
{
    struct graph *g = net->graph;
    net->target = graph_input(g, "target", DTYPE_F32, SHAPE(PROMPTS, size, size, 1));
    net->weight = graph_input(g, "weight", DTYPE_F32, SHAPE(PROMPTS));
    const value bce = nn_weighted_sum(
        g, "bce", nn_bce_logits(g, NULL, net->outputs.logits, net->target), net->weight);
    const value dice = nn_weighted_sum(
        g, "dice", nn_soft_dice(g, NULL, net->outputs.logits, net->target, 1.0), net->weight);
    const value present = nn_weighted_sum(
        g, "present", nn_reshape(g, NULL, net->outputs.presence, SHAPE(PROMPTS)), net->weight);
    net->loss = nn_combine(g, "loss", nn_add(g, NULL, bce, dice), 1, present, 0.25);
}

static void net_open(struct net *net, bool training)
{
    const struct mini_config config = mini_default_config();
    const int64_t n = IMAGES, p = PROMPTS, s = SIZE;
    ana_error err = {0};
    *net = (struct net){.loss = NO_VALUE};
    assert_int_equal(params_create(&net->params, DTYPE_F32, &err), ANA_OK);
    mini_declare(&net->network, &config, net->params, false);
    assert_int_equal(params_finish(net->params, &err), ANA_OK);
    mini_params_shake(net->params, 23);
    assert_int_equal(graph_create(&net->graph, net->params, DTYPE_F32, &err), ANA_OK);
    net->image = graph_input(net->graph, "image", DTYPE_F32, SHAPE(n, s, s, 3));
    net->prompts = (struct mini_prompts){
        .words = graph_input(net->graph, "word_indices", DTYPE_I32, SHAPE(p, MINI_WORDS)),
        .flags = graph_input(net->graph, "flags", DTYPE_F32, SHAPE(p, MINI_FLAGS)),
        .maps = graph_input(net->graph, "maps", DTYPE_F32, SHAPE(p, s, s, MINI_MAPS)),
        .image = graph_input(net->graph, "image_of", DTYPE_I32, SHAPE(p))};
    const struct mini_features features = mini_encode(&net->network, net->graph, net->image);
    net->outputs = mini_decode(&net->network, net->graph, &features, &net->prompts, false);
    if (training)
        build_loss(net, s);
    if (graph_check(net->graph, &err))
        fail_msg("%s", err.message);
}

static void net_close(struct net *net)
{
    graph_free(net->graph);
    params_free(net->params);
}

static void feed_floats(const struct plan *plan, value v, uint32_t use)
{
    const struct tensor t = plan_value(plan, v);
    struct random random = random_at(29, 0, 0, use);
    for (int64_t i = 0; i < tensor_count(&t); i++)
        tensor_f32(&t)[i] = (float)random_uniform(&random);
}

static void feed(const struct net *net, const struct plan *plan)
{
    struct random random = random_at(29, 0, 0, 100);
    const struct tensor words = plan_value(plan, net->prompts.words);
    const struct tensor image_of = plan_value(plan, net->prompts.image);
    feed_floats(plan, net->image, 1);
    feed_floats(plan, net->prompts.flags, 2);
    feed_floats(plan, net->prompts.maps, 3);
    for (int64_t i = 0; i < tensor_count(&words); i++)
        tensor_i32(&words)[i] =
            i % MINI_WORDS < 9 ? (int32_t)random_below(&random, net->network.config.buckets) : -1;
    for (int i = 0; i < PROMPTS; i++)
        tensor_i32(&image_of)[i] = i % IMAGES;
    if (value_is_none(net->loss))
        return;
    feed_floats(plan, net->target, 4);
    const struct tensor weight = plan_value(plan, net->weight);
    for (int i = 0; i < PROMPTS; i++)
        tensor_f32(&weight)[i] = 1.0F / PROMPTS;
}

static struct plan *plan_for(const struct net *net, const struct compute *compute,
                             struct pool *pool)
{
    const value answers[] = {net->outputs.logits, net->outputs.presence, net->loss};
    const bool training = !value_is_none(net->loss);
    const struct plan_request request = {.outputs = answers,
                                         .n_outputs = training ? 3 : 2,
                                         .seeds = training ? &answers[2] : NULL,
                                         .n_seeds = training,
                                         .wrt_params = training,
                                         .training = training};
    struct plan *plan;
    ana_error err = {0};
    if (plan_create(&plan, net->graph, &request,
                    &(struct plan_env){.compute = compute, .pool = pool}, &err))
        fail_msg("%s", err.message);
    feed(net, plan);
    return plan;
}

static void run_plan(const struct net *net, struct plan *plan)
{
    ana_error err = {0};
    if (plan_forward(plan, NULL, NULL, &err))
        fail_msg("%s", err.message);
    if (value_is_none(net->loss))
        return;
    *(float *)plan_gradient(plan, net->loss).data = 1;
    if (plan_backward(plan, NULL, NULL, &err))
        fail_msg("%s", err.message);
}

static uint64_t hash_tensor(uint64_t hash, struct tensor tensor)
{
    return tensor.data ? fnv1a(hash, tensor.data, tensor_bytes(&tensor)) : hash;
}

/* Of the answers and of all gradients and statistics. */
static uint64_t hash_results(const struct net *net, const struct plan *plan)
{
    uint64_t hash = hash_tensor(FNV1A_START, plan_value(plan, net->outputs.logits));
    hash = hash_tensor(hash, plan_value(plan, net->outputs.presence));
    for (int i = 0; !value_is_none(net->loss) && i < params_count(net->params); i++) {
        hash = hash_tensor(hash, plan_param_gradient(plan, i));
        if (params_spec(net->params, i)->flags & PARAM_BUFFER)
            hash = hash_tensor(hash, params_value(net->params, i));
    }
    return hash;
}

/* A training step moves the running statistics. */
static void restore(const struct net *net, const struct net *fresh)
{
    for (int i = 0; i < params_count(net->params); i++) {
        const struct tensor to = params_value(net->params, i);
        memcpy(to.data, params_value(fresh->params, i).data, tensor_bytes(&to));
    }
    params_touch(net->params);
}

static void expect_one_hash(bool training)
{
    struct net net, fresh;
    net_open(&net, training);
    net_open(&fresh, training);
    for (int k = 0; k < N_BACKENDS; k++) {
        const struct compute *compute = compute_by_name(backends[k]);
        uint64_t first = 0;
        for (int t = 0; compute && t < N_THREADS; t++) {
            restore(&net, &fresh);
            struct plan *plan = plan_for(&net, compute, pools[t]);
            run_plan(&net, plan);
            const uint64_t hash = hash_results(&net, plan);
            plan_free(plan);
            if (t == 0)
                first = hash;
            else if (hash != first)
                fail_msg("%s: hash %016" PRIx64 " with %d threads, expected %016" PRIx64,
                         backends[k], hash, thread_counts[t], first);
        }
    }
    net_close(&net);
    net_close(&fresh);
}

static void answers_have_one_hash_for_any_threads(void **state)
{
    (void)state;
    expect_one_hash(false);
}

static void training_steps_have_one_hash_for_any_threads(void **state)
{
    (void)state;
    expect_one_hash(true);
}

struct distance {
    double error, scale;             /* largest difference, largest value */
    double square_error, square_sum; /* of all */
};

static struct distance distance_of(const struct tensor *got, const struct tensor *expected)
{
    struct distance d = {0};
    for (int64_t i = 0; i < tensor_count(got); i++) {
        const double e = (double)tensor_f32(expected)[i], g = (double)tensor_f32(got)[i];
        assert_true(isfinite(g));
        d.error = fmax(d.error, fabs(g - e));
        d.scale = fmax(d.scale, fabs(e));
        d.square_error += (g - e) * (g - e);
        d.square_sum += e * e;
    }
    return d;
}

static void expect_close(const char *backend, const char *what, struct tensor got,
                         struct tensor expected, double tolerance)
{
    const struct distance d = distance_of(&got, &expected);
    if (!(d.error <= tolerance * d.scale))
        fail_msg("%s: %s: error %g of %g, tolerance %g of it", backend, what, d.error, d.scale,
                 tolerance);
}

static void fast_backends_answer_like_the_reference(void **state)
{
    struct net net;
    (void)state;
    net_open(&net, false);
    struct plan *expected = plan_for(&net, compute_by_name("reference"), NULL);
    run_plan(&net, expected);
    for (int k = 1; k < N_BACKENDS; k++) {
        const struct compute *compute = compute_by_name(backends[k]);
        if (!compute)
            continue;
        struct plan *plan = plan_for(&net, compute, pools[1]);
        run_plan(&net, plan);
        expect_close(backends[k], "logits", plan_value(plan, net.outputs.logits),
                     plan_value(expected, net.outputs.logits), forward_tolerance);
        expect_close(backends[k], "presence", plan_value(plan, net.outputs.presence),
                     plan_value(expected, net.outputs.presence), forward_tolerance);
        plan_free(plan);
    }
    plan_free(expected);
    net_close(&net);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare_gradients(const char *backend, const struct net *net, const struct plan *plan,
                              const struct plan *expected)
{
    double errors[MINI_WEIGHTS_TENSORS];
    size_t n = 0;
    for (int i = 0; i < params_count(net->params); i++) {
        const struct tensor got = plan_param_gradient(plan, i);
        const struct tensor wanted = plan_param_gradient(expected, i);
        assert_true((got.data == NULL) == (wanted.data == NULL));
        if (!got.data)
            continue;
        const struct distance d = distance_of(&got, &wanted);
        assert_true(d.square_sum > 0);
        errors[n++] = sqrt(d.square_error / d.square_sum);
        if (!(errors[n - 1] <= gradient_tolerance_worst))
            fail_msg("%s: gradient of %s: error %g of its norm, tolerance %g", backend,
                     params_spec(net->params, i)->name, errors[n - 1], gradient_tolerance_worst);
    }
    assert_true(n > 100);
    qsort(errors, n, sizeof *errors, compare_doubles);
    if (!(errors[n / 2] <= gradient_tolerance_median))
        fail_msg("%s: gradients: error %g of their norm in the middle, tolerance %g", backend,
                 errors[n / 2], gradient_tolerance_median);
    print_message("%s: gradients: error %.2g of their norm in the middle, %.2g at worst\n", backend,
                  errors[n / 2], errors[n - 1]);
}

static void fast_backends_train_like_the_reference(void **state)
{
    struct net net;
    (void)state;
    net_open(&net, true);
    struct plan *expected = plan_for(&net, compute_by_name("reference"), NULL);
    run_plan(&net, expected);
    for (int k = 1; k < N_BACKENDS; k++) {
        const struct compute *compute = compute_by_name(backends[k]);
        if (!compute)
            continue;
        struct plan *plan = plan_for(&net, compute, pools[1]);
        run_plan(&net, plan);
        expect_close(backends[k], "loss", plan_value(plan, net.loss),
                     plan_value(expected, net.loss), forward_tolerance);
        compare_gradients(backends[k], &net, plan, expected);
        plan_free(plan);
    }
    plan_free(expected);
    net_close(&net);
}

static int set_up(void **state)
{
    ana_error err;
    (void)state;
    for (int i = 0; i < N_THREADS; i++)
        if (pool_create(&pools[i], thread_counts[i], &err))
            return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < N_THREADS; i++)
        pool_free(pools[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_have_one_hash_for_any_threads),
        cmocka_unit_test(training_steps_have_one_hash_for_any_threads),
        cmocka_unit_test(fast_backends_answer_like_the_reference),
        cmocka_unit_test(fast_backends_train_like_the_reference),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
