/* mini as a network (shapes, taps, size) and as a model in use, with random weights. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/mini_weights.h"
#include "../base/failing_memory.h"
#include "base/memory.h"
#include "models/mini/mini.h"

static struct mini_weights weights;
static struct model *model;
enum { N_CONTEXTS = 4 };
static ana_context *contexts[N_CONTEXTS];
static const int thread_counts[N_CONTEXTS] = {1, 2, 4, 7};

static int set_up(void **state)
{
    ana_error err = {0};
    (void)state;
    if (!mini_weights_make(&weights, 11, DTYPE_F32) || model_open(&model, &weights.source, &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    for (int i = 0; i < N_CONTEXTS; i++) {
        ana_context_options options = ana_context_defaults();
        options.n_threads = thread_counts[i];
        if (ana_context_create(&contexts[i], &options, &err))
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < N_CONTEXTS; i++)
        ana_context_free(contexts[i]);
    model_free(model);
    mini_weights_clear(&weights);
    return 0;
}

/* ---- the network ---- */

static int64_t elements_of(bool training)
{
    const struct mini_config config = mini_default_config();
    struct mini_network network;
    struct params *params;
    ana_error err;
    assert_int_equal(params_create(&params, DTYPE_F32, &err), ANA_OK);
    mini_declare(&network, &config, params, training);
    assert_int_equal(params_finish(params, &err), ANA_OK);
    const int64_t n = params_elements(params);
    params_free(params);
    return n;
}

static void it_has_about_five_million_parameters(void **state)
{
    (void)state;
    const int64_t n = elements_of(false);
    if (n < 5075000 || n >= 5085000)
        fail_msg("%lld parameters, expected 5.08 million", (long long)n);
    assert_true(n <= 9500000);
    /* 1x1 convolutions with a bias on 32, 64 and 128 channels */
    assert_int_equal(elements_of(true) - n, 33 + 65 + 129);
}

/* A graph of mini for n images and p prompts of size s. */
struct fixture {
    struct params *params;
    struct mini_network network;
    struct graph *graph;
    value image;
    struct mini_features features;
    struct mini_prompts prompts;
    struct mini_outputs outputs;
};

static void fixture_open(struct fixture *f, int64_t n, int64_t p, int64_t s, bool training)
{
    const struct mini_config config = mini_default_config();
    ana_error err = {0};
    *f = (struct fixture){0};
    assert_int_equal(params_create(&f->params, DTYPE_F32, &err), ANA_OK);
    mini_declare(&f->network, &config, f->params, training);
    assert_int_equal(params_finish(f->params, &err), ANA_OK);
    mini_params_shake(f->params, 5);
    assert_int_equal(graph_create(&f->graph, f->params, DTYPE_F32, &err), ANA_OK);
    f->image = graph_input(f->graph, "image", DTYPE_F32, SHAPE(n, s, s, 3));
    f->prompts = (struct mini_prompts){
        .words = graph_input(f->graph, "word_indices", DTYPE_I32, SHAPE(p, MINI_WORDS)),
        .flags = graph_input(f->graph, "flags", DTYPE_F32, SHAPE(p, MINI_FLAGS)),
        .maps = graph_input(f->graph, "maps", DTYPE_F32, SHAPE(p, s, s, MINI_MAPS)),
        .image = graph_input(f->graph, "image_of", DTYPE_I32, SHAPE(p))};
    f->features = mini_encode(&f->network, f->graph, f->image);
    f->outputs = mini_decode(&f->network, f->graph, &f->features, &f->prompts, training);
    if (graph_check(f->graph, &err))
        fail_msg("%s", err.message);
}

static void fixture_close(struct fixture *f)
{
    graph_free(f->graph);
    params_free(f->params);
}

static void expect_shape(const struct fixture *f, value v, struct shape expected)
{
    char got[96], wanted[96];
    const struct shape shape = graph_shape(f->graph, v);
    if (!shape_equal(&shape, &expected))
        fail_msg("%s is %s, expected %s", graph_name(f->graph, v),
                 shape_print(got, sizeof got, &shape),
                 shape_print(wanted, sizeof wanted, &expected));
}

static void features_and_outputs_have_their_shapes(void **state)
{
    static const int64_t width[MINI_STAGES] = {16, 32, 64, 128, 192};
    struct fixture f;
    (void)state;
    fixture_open(&f, 2, 3, 64, true);
    for (int s = 0; s < MINI_STAGES; s++)
        expect_shape(&f, f.features.stage[s], SHAPE(2, 32 >> s, 32 >> s, width[s]));
    expect_shape(&f, f.outputs.logits, SHAPE(3, 64, 64, 1));
    expect_shape(&f, f.outputs.presence, SHAPE(3, 1));
    for (int a = 0; a < MINI_AUXILIARY; a++)
        expect_shape(&f, f.outputs.auxiliary[a], SHAPE(3, 16 >> a, 16 >> a, 1));
    fixture_close(&f);
}

static void the_smallest_picture_has_one_pixel_at_the_bottom(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, 1, 1, MINI_REDUCTION, false);
    expect_shape(&f, f.features.stage[MINI_STAGES - 1], SHAPE(1, 1, 1, 192));
    expect_shape(&f, f.outputs.logits, SHAPE(1, 32, 32, 1));
    for (int a = 0; a < MINI_AUXILIARY; a++)
        assert_true(value_is_none(f.outputs.auxiliary[a]));
    fixture_close(&f);
}

static void taps_are_found_by_name(void **state)
{
    static const char *const names[] = {"encoder.stage0.down",
                                        "encoder.stage2.block1.out",
                                        "encoder.stage4.block1.first",
                                        "words.norm",
                                        "condition.out",
                                        "decoder.bottom.block1.out",
                                        "decoder.up0.block.film",
                                        "decoder.up3.block.out",
                                        "decoder.head.logits",
                                        "presence.out"};
    struct fixture f;
    (void)state;
    fixture_open(&f, 1, 1, 32, false);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (value_is_none(graph_find(f.graph, names[i])))
            fail_msg("no tap %s", names[i]);
    assert_int_equal(graph_find(f.graph, "decoder.head.logits").id, f.outputs.logits.id);
    assert_int_equal(graph_find(f.graph, "presence.out").id, f.outputs.presence.id);
    assert_int_equal(graph_find(f.graph, "encoder.stage4.block1.out").id, f.features.stage[4].id);
    fixture_close(&f);
}

/* The cancel function is polled once a step of a plan: a way to count them. */
static bool count_step(void *user)
{
    ++*(int *)user;
    return false;
}

static int steps_of(const struct fixture *f, const struct plan_request *request)
{
    struct plan *plan;
    ana_error err = {0};
    int n = 0;
    if (plan_create(&plan, f->graph, request, &(struct plan_env){0}, &err) ||
        plan_forward(plan, count_step, &n, &err))
        fail_msg("%s", err.message);
    plan_free(plan);
    return n;
}

static void a_decoder_plan_leaves_the_encoder_out(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, 1, 1, 32, false);
    const value answers[] = {f.outputs.logits, f.outputs.presence};
    const int encoder =
        steps_of(&f, &(struct plan_request){.outputs = f.features.stage, .n_outputs = MINI_STAGES});
    const int decoder = steps_of(
        &f, &(struct plan_request){
                .outputs = answers, .n_outputs = 2, .fed = f.features.stage, .n_fed = MINI_STAGES});
    const int both = steps_of(&f, &(struct plan_request){.outputs = answers, .n_outputs = 2});
    assert_true(encoder > 2 * (5 + 2 * 10)); /* a convolution and a norm each */
    assert_int_equal(decoder, both - encoder);
    fixture_close(&f);
}

/* ---- images and questions ---- */

static struct image image_of(int64_t height, int64_t width, int64_t channels, enum dtype dtype)
{
    struct image image;
    ana_error err;
    if (image_create_2d(&image, height, width, channels, dtype, &err))
        fail_msg("%s", err.message);
    image.meaning = channels == 1 ? CHANNELS_GREY : CHANNELS_RGB;
    return image;
}

static uint8_t level_at(int64_t i)
{
    return (uint8_t)((uint64_t)i * UINT64_C(2654435761) >> 13);
}

static struct image noise_image(int64_t height, int64_t width, int64_t channels)
{
    struct image image = image_of(height, width, channels, DTYPE_U8);
    for (int64_t i = 0; i < tensor_count(&image.pixels); i++)
        ((uint8_t *)image.pixels.data)[i] = level_at(i);
    return image;
}

static const struct prompt_item ask_words = {
    .kind = PROMPT_WORDS, .of.words = {.phrase = "the bright disc", .concept = 0}};
static const struct prompt_item ask_other = {.kind = PROMPT_WORDS,
                                             .of.words = {.phrase = "dark square", .concept = 1}};
static const struct prompt_item ask_box = {.kind = PROMPT_BOX, .of.box = {3, 2, 17.5, 20}};
static const struct prompt_item ask_point = {.kind = PROMPT_POINT, .of.point = {5, 9, false}};
static const struct prompt_item ask_not = {.kind = PROMPT_POINT, .of.point = {11, 4, true}};

static struct model_session *session_with(int context, const struct image *image)
{
    struct model_session *session;
    ana_error err = {0};
    if (session_create(&session, model, contexts[context], &err) ||
        session_set_image(session, image, &err))
        fail_msg("%s", err.message);
    return session;
}

static struct answer ask(struct model_session *session, const struct prompt_item *items, int n)
{
    struct answer answer;
    ana_error err = {0};
    if (session_ask(session, &(struct prompt){items, n}, &answer, &err))
        fail_msg("%s", err.message);
    return answer;
}

static bool same_answer(const struct answer *a, const struct answer *b)
{
    const struct tensor *p = &a->candidates[0].map.pixels, *q = &b->candidates[0].map.pixels;
    return tensor_bytes(p) == tensor_bytes(q) && memcmp(p->data, q->data, tensor_bytes(p)) == 0 &&
           memcmp(&a->presence, &b->presence, sizeof a->presence) == 0 &&
           memcmp(&a->candidates[0].score, &b->candidates[0].score, sizeof(double)) == 0;
}

static void expect_sane(const struct answer *answer, int64_t height, int64_t width)
{
    assert_int_equal(answer->n_candidates, 1);
    assert_true(answer->presence > 0 && answer->presence < 1);
    const struct answer_candidate *best = &answer->candidates[0];
    assert_true(best->score >= 0 && best->score <= 1);
    assert_int_equal(best->map.pixels.dtype, DTYPE_F32);
    const struct shape expected = SHAPE(height, width, 1);
    assert_true(shape_equal(&best->map.pixels.shape, &expected));
    for (int64_t i = 0; i < height * width; i++) {
        const float p = tensor_f32(&best->map.pixels)[i];
        if (!(p >= 0 && p <= 1))
            fail_msg("probability %g at %lld", (double)p, (long long)i);
    }
}

static void the_image_is_encoded_once(void **state)
{
    struct image image = noise_image(24, 40, 1);
    struct model_session *session = session_with(0, &image);
    ana_error err;
    int encoding = 0, asking[3] = {0};
    (void)state;
    session->cancelled = count_step;
    session->cancel_user = &encoding;
    assert_int_equal(session_set_image(session, &image, &err), ANA_OK);
    for (int i = 0; i < 3; i++) {
        session->cancel_user = &asking[i];
        struct answer answer = ask(session, i == 1 ? &ask_box : &ask_words, 1);
        answer_clear(&answer);
    }
    struct fixture f;
    fixture_open(&f, 1, 1, 32, false);
    const value answers[] = {f.outputs.logits, f.outputs.presence};
    const int both = steps_of(&f, &(struct plan_request){.outputs = answers, .n_outputs = 2});
    fixture_close(&f);
    assert_true(encoding > 50);
    for (int i = 0; i < 3; i++)
        assert_int_equal(encoding + asking[i], both);
    session_free(session);
    image_clear(&image);
}

static void answers_do_not_depend_on_threads_or_history(void **state)
{
    const struct prompt_item mixed[] = {ask_words, ask_box, ask_point, ask_not};
    struct image image = noise_image(37, 53, 3);
    struct answer first = {0};
    (void)state;
    for (int i = 0; i < N_CONTEXTS; i++) {
        struct model_session *session = session_with(i, &image);
        for (int before = 0; before < i; before++) {
            struct answer other = ask(session, before ? &ask_box : &ask_other, 1);
            answer_clear(&other);
        }
        struct answer answer = ask(session, mixed, 4);
        if (i == 0) {
            expect_sane(&answer, 37, 53);
            first = answer;
        } else {
            if (!same_answer(&first, &answer))
                fail_msg("another answer with %d threads", thread_counts[i]);
            answer_clear(&answer);
        }
        session_free(session);
    }
    answer_clear(&first);
    image_clear(&image);
}

static void each_part_of_a_prompt_matters(void **state)
{
    const struct prompt_item lists[][3] = {{ask_words}, {ask_other},          {ask_box},
                                           {ask_point}, {ask_words, ask_box}, {ask_not}};
    enum { N = sizeof lists / sizeof lists[0] };
    static const int counts[N] = {1, 1, 1, 1, 2, 1};
    struct image image = noise_image(32, 32, 1);
    struct model_session *session = session_with(1, &image);
    struct answer answers[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        answers[i] = ask(session, lists[i], counts[i]);
        for (int k = 0; k < i; k++)
            if (same_answer(&answers[i], &answers[k]))
                fail_msg("prompts %d and %d have the same answer", i, k);
    }
    struct answer again = ask(session, lists[0], counts[0]);
    assert_true(same_answer(&again, &answers[0]));
    answer_clear(&again);
    for (int i = 0; i < N; i++)
        answer_clear(&answers[i]);
    session_free(session);
    image_clear(&image);
}

/* The same picture at two sizes: prompts at the same places are the same prompts. Pixel centres are
 * integers, so the place x of a picture twice as wide is 2 x + 1/2. */
/* What the metadata say about scores and masks comes out of the answers. */
static void calibration_is_honoured(void **state)
{
    struct image image = noise_image(24, 40, 1);
    struct model_session *plain = session_with(0, &image), *session;
    struct model *fitted;
    ana_error err = {0};
    (void)state;
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_SCALE, "0.5");
    mini_weights_tell(&weights, MODEL_KEY_PRESENCE_BIAS, "-1");
    mini_weights_tell(&weights, MODEL_KEY_MASK_THRESHOLD, "0.4");
    mini_weights_tell(&weights, MODEL_KEY_MASK_THRESHOLDS, "dark square=0.25");
    if (model_open(&fitted, &weights.source, &err) ||
        session_create(&session, fitted, contexts[0], &err) ||
        session_set_image(session, &image, &err))
        fail_msg("%s", err.message);
    const struct prompt_item with_box[] = {ask_box, ask_other};
    const struct {
        const struct prompt_item *items;
        int n;
        double threshold;
    } rows[] = {
        {&ask_words, 1, 0.4}, {&ask_other, 1, 0.25}, {with_box, 2, 0.25}, {&ask_box, 1, 0.4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer before = ask(plain, rows[i].items, rows[i].n);
        struct answer after = ask(session, rows[i].items, rows[i].n);
        const double logit = log(before.presence / (1 - before.presence));
        assert_true(fabs(after.presence - 1 / (1 + exp(1 - logit / 2))) < 1e-9);
        assert_true(fabs(before.mask_threshold - 0.5) <= 0);
        assert_true(fabs(after.mask_threshold - rows[i].threshold) < 1e-12);
        assert_memory_equal(before.candidates[0].map.pixels.data,
                            after.candidates[0].map.pixels.data,
                            tensor_bytes(&before.candidates[0].map.pixels));
        answer_clear(&before);
        answer_clear(&after);
    }
    session_free(session);
    model_free(fitted);
    session_free(plain);
    image_clear(&image);
    static const char *const keys[] = {MODEL_KEY_PRESENCE_SCALE, MODEL_KEY_PRESENCE_BIAS,
                                       MODEL_KEY_MASK_THRESHOLD, MODEL_KEY_MASK_THRESHOLDS};
    for (int i = 0; i < 4; i++)
        mini_weights_tell(&weights, keys[i], NULL);
}

static void places_scale_with_the_image(void **state)
{
    const struct prompt_item small[] = {{.kind = PROMPT_BOX, .of.box = {20, 24, 40.5, 60}},
                                        {.kind = PROMPT_POINT, .of.point = {30, 40, false}}};
    const struct prompt_item wide[] = {{.kind = PROMPT_BOX, .of.box = {40, 24, 81, 60}},
                                       {.kind = PROMPT_POINT, .of.point = {60.5, 40, false}}};
    struct image a = image_of(256, 256, 1, DTYPE_U8), b = image_of(256, 512, 1, DTYPE_U8);
    (void)state;
    memset(a.pixels.data, 90, tensor_bytes(&a.pixels));
    memset(b.pixels.data, 90, tensor_bytes(&b.pixels));
    struct model_session *session = session_with(1, &a);
    struct answer of_a = ask(session, small, 2);
    ana_error err;
    assert_int_equal(session_set_image(session, &b, &err), ANA_OK);
    struct answer of_b = ask(session, wide, 2);
    assert_memory_equal(&of_a.presence, &of_b.presence, sizeof of_a.presence);
    answer_clear(&of_a);
    answer_clear(&of_b);
    session_free(session);
    image_clear(&a);
    image_clear(&b);
}

static void images_of_odd_shapes(void **state)
{
    static const int64_t sizes[][2] = {{1, 1}, {1, 300}, {77, 1}, {3, 4096}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int64_t h = sizes[i][0], w = sizes[i][1];
        const struct prompt_item items[] = {
            ask_words,
            {.kind = PROMPT_BOX, .of.box = {0, 0, (double)w, (double)h}},
            {.kind = PROMPT_POINT, .of.point = {(double)(w - 1), (double)(h - 1), false}}};
        struct image image = noise_image(h, w, i % 2 ? 3 : 1);
        struct model_session *session = session_with(1, &image);
        image_clear(&image); /* it may be freed */
        struct answer answer = ask(session, items, 3);
        expect_sane(&answer, h, w);
        answer_clear(&answer);
        session_free(session);
    }
}

static void a_prompt_before_any_image_is_an_error(void **state)
{
    struct model_session *session;
    struct answer answer;
    ana_error err;
    (void)state;
    assert_int_equal(session_create(&session, model, contexts[0], &err), ANA_OK);
    assert_int_equal(session_ask(session, &(struct prompt){&ask_words, 1}, &answer, &err),
                     ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "before any image"));
    session_free(session);
}

static bool cancel_at(void *user)
{
    return --*(int *)user == 0;
}

static void cancelling_leaves_a_session_that_works(void **state)
{
    struct image image = noise_image(16, 16, 1);
    struct model_session *session = session_with(0, &image);
    struct answer before = ask(session, &ask_words, 1), answer;
    ana_error err;
    int left = 10;
    (void)state;
    session->cancelled = cancel_at;
    session->cancel_user = &left;
    assert_int_equal(session_ask(session, &(struct prompt){&ask_box, 1}, &answer, &err),
                     ANA_ERR_CANCELLED);
    assert_null(answer.candidates[0].map.pixels.data);
    answer = ask(session, &ask_words, 1);
    assert_true(same_answer(&before, &answer));
    answer_clear(&answer);
    left = 10;
    assert_int_equal(session_set_image(session, &image, &err), ANA_ERR_CANCELLED);
    assert_int_equal(session_ask(session, &(struct prompt){&ask_words, 1}, &answer, &err),
                     ANA_ERR_ARGUMENT); /* no half-encoded image answers */
    answer_clear(&before);
    session_free(session);
    image_clear(&image);
}

static void exhausted_memory_is_an_error(void **state)
{
    struct image image = noise_image(20, 20, 1);
    struct model_session *session = session_with(0, &image);
    struct answer expected = ask(session, &ask_words, 1), answer;
    ana_error err;
    ana_status status = ANA_ERR_MEMORY;
    (void)state;
    for (int n = 1; status; n++) {
        failing_memory_start(n);
        status = session_ask(session, &(struct prompt){&ask_words, 1}, &answer, &err);
        const int live = failing_memory_live();
        const int failed = failing_memory_stop();
        assert_int_equal(status, failed ? ANA_ERR_MEMORY : ANA_OK);
        assert_int_equal(live, failed ? 0 : 1); /* the map */
        assert_true(n < 20);
    }
    assert_true(same_answer(&expected, &answer));
    /* The map was made under other hooks, which use the same heap. */
    answer_clear(&answer);
    answer_clear(&expected);
    session_free(session);
    image_clear(&image);
}

/* ---- the network's picture ---- */

static void expect_picture(const struct image *image, int64_t size, const float *expected)
{
    float out[4 * 4 * 3];
    ana_error err = {0};
    if (mini_picture(out, size, image, &err))
        fail_msg("%s", err.message);
    for (int64_t i = 0; i < size * size * 3; i++)
        if (!(fabsf(out[i] - expected[i]) <= 1e-6F))
            fail_msg("value %lld is %.9g, expected %.9g", (long long)i, (double)out[i],
                     (double)expected[i]);
}

static void a_picture_shrinks_by_the_mean_and_repeats_grey(void **state)
{
    struct image image = image_of(2, 4, 1, DTYPE_U8);
    static const uint8_t levels[] = {0, 51, 255, 255, 102, 51, 0, 0};
    (void)state;
    memcpy(image.pixels.data, levels, sizeof levels);
    /* Means 51 and 127.5 in a picture of 1 x 2; here the height grows from 2 to 2. */
    static const float expected[] = {0.1F, 0.1F, 0.1F, 1, 1, 1, 0.3F, 0.3F, 0.3F, 0, 0, 0};
    expect_picture(&image, 2, expected);
    image_clear(&image);
}

static void colours_keep_their_order(void **state)
{
    struct image image = image_of(1, 1, 3, DTYPE_U8);
    static const uint8_t rgb[] = {255, 51, 0};
    static const float expected[] = {1, 0.2F, 0, 1, 0.2F, 0, 1, 0.2F, 0, 1, 0.2F, 0};
    (void)state;
    memcpy(image.pixels.data, rgb, sizeof rgb);
    expect_picture(&image, 2, expected);
    image_clear(&image);
}

static struct image as_type(const struct image *u8, enum dtype dtype, int64_t repeat)
{
    const int64_t n = tensor_count(&u8->pixels);
    struct image out =
        image_of(image_height(u8), image_width(u8), image_channels(u8) * repeat, dtype);
    for (int64_t i = 0; i < n * repeat; i++) {
        const uint8_t level = ((const uint8_t *)u8->pixels.data)[i / repeat];
        if (dtype == DTYPE_U8)
            ((uint8_t *)out.pixels.data)[i] = level;
        else if (dtype == DTYPE_U16)
            ((uint16_t *)out.pixels.data)[i] = (uint16_t)(level * 257);
        else
            ((float *)out.pixels.data)[i] = (float)level / 255.0F;
    }
    return out;
}

/* One picture, stored in several ways, is one picture. */
static void types_and_channels_make_no_difference(void **state)
{
    enum { SIZE = 32, N = SIZE * SIZE * 3 };
    static float wanted[N], got[N];
    static const struct {
        enum dtype dtype;
        int64_t repeat;
    } ways[] = {{DTYPE_U16, 1}, {DTYPE_F32, 1}, {DTYPE_U8, 3}, {DTYPE_U16, 3}};
    struct image grey = noise_image(45, 71, 1);
    ana_error err;
    (void)state;
    assert_int_equal(mini_picture(wanted, SIZE, &grey, &err), ANA_OK);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct image other = as_type(&grey, ways[i].dtype, ways[i].repeat);
        assert_int_equal(mini_picture(got, SIZE, &other, &err), ANA_OK);
        assert_memory_equal(got, wanted, sizeof wanted);
        image_clear(&other);
    }
    image_clear(&grey);
}

/* ---- weights that do not fit ---- */

static void expect_refused(const char *name, const char *why)
{
    struct model *refused;
    ana_error err = {0};
    const ana_status status = model_open(&refused, &weights.source, &err);
    if (status != ANA_ERR_FORMAT || !strstr(err.message, name) || !strstr(err.message, why) ||
        !strstr(err.message, MINI_WEIGHTS_LABEL))
        fail_msg("status %d, \"%s\"; expected %d with \"%s\" and \"%s\"", (int)status, err.message,
                 ANA_ERR_FORMAT, name, why);
    assert_null(refused);
}

static void missing_and_unexpected_tensors_are_named(void **state)
{
    static const char name[] = "encoder.stage3.block2.first.conv.weight";
    (void)state;
    assert_non_null(mini_weights_find(&weights, name));
    mini_weights_rename(&weights, name, "encoder.stage3.nosuch.weight");
    expect_refused(name, "missing");
    expect_refused("encoder.stage3.nosuch.weight", "unexpected");
    mini_weights_rename(&weights, "encoder.stage3.nosuch.weight", name);
}

static void misshapen_tensors_are_named(void **state)
{
    struct tensor *bias = mini_weights_find(&weights, "condition.out.bias");
    const struct tensor right = *bias;
    (void)state;
    *bias = tensor_view(right.data, DTYPE_F32, SHAPE(64));
    expect_refused("condition.out.bias", "[64], expected [128]");
    *bias = tensor_view(right.data, DTYPE_F32, SHAPE(2, 64));
    expect_refused("condition.out.bias", "[2, 64], expected [128]");
    *bias = tensor_view(right.data, DTYPE_I32, SHAPE(128));
    expect_refused("condition.out.bias", "I32");
    *bias = right;
}

static void values_that_are_not_finite_are_named(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float *table = tensor_f32(mini_weights_find(&weights, "words.table.weight"));
    const float right = table[12345];
    (void)state;
    for (int i = 0; i < 3; i++) {
        table[12345] = bad[i];
        expect_refused("words.table.weight", "not finite");
    }
    table[12345] = right;
}

static void heads_of_training_are_unexpected(void **state)
{
    static const char name[] = "presence.out.bias";
    (void)state;
    mini_weights_rename(&weights, name, "auxiliary0.bias");
    expect_refused("auxiliary0.bias", "unexpected");
    mini_weights_rename(&weights, "auxiliary0.bias", name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_about_five_million_parameters),
        cmocka_unit_test(features_and_outputs_have_their_shapes),
        cmocka_unit_test(the_smallest_picture_has_one_pixel_at_the_bottom),
        cmocka_unit_test(taps_are_found_by_name),
        cmocka_unit_test(a_decoder_plan_leaves_the_encoder_out),
        cmocka_unit_test(the_image_is_encoded_once),
        cmocka_unit_test(answers_do_not_depend_on_threads_or_history),
        cmocka_unit_test(each_part_of_a_prompt_matters),
        cmocka_unit_test(calibration_is_honoured),
        cmocka_unit_test(places_scale_with_the_image),
        cmocka_unit_test(images_of_odd_shapes),
        cmocka_unit_test(a_prompt_before_any_image_is_an_error),
        cmocka_unit_test(cancelling_leaves_a_session_that_works),
        cmocka_unit_test(exhausted_memory_is_an_error),
        cmocka_unit_test(a_picture_shrinks_by_the_mean_and_repeats_grey),
        cmocka_unit_test(colours_keep_their_order),
        cmocka_unit_test(types_and_channels_make_no_difference),
        cmocka_unit_test(missing_and_unexpected_tensors_are_named),
        cmocka_unit_test(misshapen_tensors_are_named),
        cmocka_unit_test(values_that_are_not_finite_are_named),
        cmocka_unit_test(heads_of_training_are_unexpected),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
