/* Batches: repeatable, and every prompt with its right answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "little_set.h"
#include "train/absence.h"
#include "train/prompt_sim.h"
#include "train/sampler.h"

enum { S = 64, STEPS = 60 };

static struct little_set set;
static struct sampler *sampler;
static struct sampler_options options;
static struct sample_batch batch;

static int set_up(void **state)
{
    ana_error err = {0};

    (void)state;
    little_set_make(&set);
    options = sampler_defaults();
    options.seed = 3;
    options.n_images = 6;
    options.size = S;
    if (sampler_create(&sampler, &set.dataset, &set.concepts, &options, &err) ||
        sample_batch_create(&batch, &options, &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sample_batch_clear(&batch);
    sampler_free(sampler);
    little_set_remove(&set);
    return 0;
}

static void fill(uint64_t step)
{
    ana_error err = {0};

    if (sampler_fill(sampler, step, &batch, NULL, &err))
        fail_msg("%s", err.message);
}

static void same_batch_for_any_threads_and_history(void **state)
{
    struct sample_batch other;
    struct pool *pool;

    (void)state;
    assert_int_equal(sample_batch_create(&other, &options, NULL), ANA_OK);
    assert_int_equal(pool_create(&pool, 3, NULL), ANA_OK);
    fill(17);
    for (uint64_t step = 12; step <= 17; step++)
        assert_int_equal(sampler_fill(sampler, step, &other, pool, NULL), ANA_OK);
    const size_t b = 6, p = 18, s2 = S * S;
    assert_memory_equal(batch.images, other.images, b * s2 * 3 * sizeof(float));
    assert_memory_equal(batch.maps, other.maps, p * s2 * 3 * sizeof(float));
    assert_memory_equal(batch.targets, other.targets, p * s2 * sizeof(float));
    assert_memory_equal(batch.words, other.words, p * WORDS_MAX * sizeof(int32_t));
    assert_memory_equal(batch.flags, other.flags, p * 3 * sizeof(float));
    assert_memory_equal(batch.concept, other.concept, p * sizeof(int32_t));
    fill(18);
    assert_true(memcmp(batch.images, other.images, b * s2 * 3 * sizeof(float)) != 0);
    pool_free(pool);
    sample_batch_clear(&other);
}

struct seen {
    double area, x; /* of the target, and its mean x */
    double box, positive, negative;
    double hit;    /* target at the positive clicks' peaks */
    double in_box; /* share of the target inside the box */
};

static struct seen look(int p)
{
    const float *target = batch.targets + (size_t)p * S * S;
    const float *maps = batch.maps + (size_t)p * S * S * 3;
    struct seen seen = {.hit = 1.0};

    for (int i = 0; i < S * S; i++) {
        const double t = (double)target[i];
        seen.area += t;
        seen.x += t * (i % S);
        seen.box += (double)maps[3 * i];
        seen.in_box += t * (double)maps[3 * i];
        seen.positive = fmax(seen.positive, (double)maps[3 * i + 1]);
        seen.negative = fmax(seen.negative, (double)maps[3 * i + 2]);
        if (maps[3 * i + 1] > 0.999f)
            seen.hit = fmin(seen.hit, t);
        if (maps[3 * i + 2] > 0.999f)
            assert_true(t <= 0.5);
    }
    if (seen.area > 0) {
        seen.x /= seen.area;
        seen.in_box /= seen.area;
    }
    return seen;
}

static void check_prompt(int p)
{
    const struct seen seen = look(p);
    const bool present = batch.present[p] > 0;
    const float *flags = batch.flags + 3 * p;

    assert_true(flags[0] + flags[1] + flags[2] > 0);
    assert_int_equal(flags[0] > 0, batch.words[p * WORDS_MAX] >= 0);
    assert_int_equal(flags[0] > 0, batch.phrase[p][0] != 0);
    assert_int_equal(flags[1] > 0, seen.box > 0);
    assert_int_equal(flags[2] > 0, seen.positive > 0.99);
    assert_int_equal(present, seen.area > 0);
    assert_int_equal(batch.dice_weight[p] > 0, present);
    assert_true(batch.mask_weight[p] > 0);
    assert_int_equal(batch.image_of[p], p / 3);
    if (!present) {
        assert_true(flags[0] > 0); /* only words can be wrong */
        return;
    }
    assert_true(seen.hit > 0.5); /* every positive click is on the target */
    if (flags[1] > 0)
        assert_true(seen.in_box > 0.6);
}

static void prompts_fit_their_answers(void **state)
{
    int present = 0, n = 0;

    (void)state;
    for (uint64_t step = 0; step < STEPS; step++) {
        fill(step);
        for (int p = 0; p < batch.n_prompts; p++, n++) {
            check_prompt(p);
            present += batch.present[p] > 0;
        }
    }
    assert_true(present > 0.6 * n && present < 0.85 * n);
}

/* Without augmentation and with it, "left lung" lies in the right half of the picture. */
static void words_keep_their_side(void **state)
{
    int seen_sides = 0;

    (void)state;
    for (uint64_t step = 0; step < 2 * STEPS; step++) {
        fill(step);
        for (int p = 0; p < batch.n_prompts; p++) {
            const int c = batch.concept[p];
            if (batch.present[p] > 0 && (c == 0 || c == 1) && batch.flags[3 * p] > 0) {
                const bool says_left = strstr(batch.phrase[p], "left") != NULL ||
                                       strstr(batch.phrase[p], "LEFT") != NULL ||
                                       strstr(batch.phrase[p], "Left") != NULL;
                const bool says_right = strstr(batch.phrase[p], "right") != NULL ||
                                        strstr(batch.phrase[p], "RIGHT") != NULL ||
                                        strstr(batch.phrase[p], "Right") != NULL;
                assert_false(says_left && says_right);
                if (says_left || says_right)
                    assert_int_equal(says_left, c == 0);
                seen_sides++;
            }
        }
    }
    assert_true(seen_sides > 100);
}

/* In whole views the side can be seen: the bright disc is the right one unless mirrored. */
static void sides_match_the_picture(void **state)
{
    struct sampler_options plain = options;
    struct sampler *s;
    int n = 0;

    (void)state;
    plain.augment = false;
    assert_int_equal(sampler_create(&s, &set.dataset, &set.concepts, &plain, NULL), ANA_OK);
    for (uint64_t step = 0; step < STEPS; step++) {
        assert_int_equal(sampler_fill(s, step, &batch, NULL, NULL), ANA_OK);
        for (int p = 0; p < batch.n_prompts; p++)
            if (batch.present[p] > 0 && batch.concept[p] >= 0 && batch.concept[p] < 2) {
                const struct seen seen = look(p);
                assert_int_equal(batch.concept[p] == 0, seen.x > S / 2);
                n++;
            }
    }
    assert_true(n > 50);
    sampler_free(s);
}

static void never_asks_for_what_is_kept_out(void **state)
{
    int n_groups;
    const struct sampler_group *groups = sampler_groups(sampler, &n_groups);

    (void)state;
    for (int g = 0; g < n_groups; g++)
        assert_string_not_equal(groups[g].concept, "spleen");
    for (uint64_t step = 0; step < STEPS; step++) {
        fill(step);
        for (int p = 0; p < batch.n_prompts; p++) {
            const struct dataset_image *image = &set.dataset.images[batch.source[p / 3]];
            assert_string_equal(image->split, "train");
            assert_null(strstr(batch.phrase[p], "spleen"));
            /* scan2 has only the right lung to ask for; its spleen lies where a left lung would. */
            if (strcmp(image->row->image, "scan2.png") == 0 && batch.present[p] > 0)
                assert_true(batch.concept[p] == 0 || batch.concept[p] == 1);
        }
    }
}

static void knows_what_is_absent(void **state)
{
    uint8_t absent[5];

    (void)state;
    absence_of(absent, &set.dataset.images[1], &set.concepts); /* dots, microscopy */
    assert_int_equal(absent[2], ABSENCE_UNSURE);
    assert_int_equal(absent[0], ABSENCE_FAR);
    assert_int_equal(absent[3], ABSENCE_FAR);
    assert_int_equal(absent[4], ABSENCE_NEAR);
    absence_of(absent, &set.dataset.images[2], &set.concepts); /* left lung only */
    assert_int_equal(absent[1], ABSENCE_UNSURE); /* a right lung may be there, unlabelled */
    assert_int_equal(absent[3], ABSENCE_NEAR);
    assert_int_equal(absent[2], ABSENCE_FAR);
    struct dataset_image unknown = set.dataset.images[1];
    unknown.family = "";
    unknown.n_targets = 0;
    absence_of(absent, &unknown, &set.concepts);
    for (int c = 0; c < 5; c++)
        assert_int_equal(absent[c], ABSENCE_UNSURE);
}

static void boxes_name_one_part(void **state)
{
    const struct dataset_target *dots = &set.dataset.images[1].targets[0];
    static float mask[256 * 256], target[256 * 256];
    struct parts parts;
    int single = 0, whole = 0;

    (void)state;
    for (int i = 0; i < 256 * 256; i++)
        mask[i] = (float)dots->small[i] / 255.0f;
    assert_int_equal(parts_find(&parts, mask, 256, NULL), ANA_OK);
    assert_int_equal(parts.n_large, 3);
    for (uint32_t i = 0; i < 200; i++) {
        struct random random = random_at(1, 0, i, 0);
        struct chosen chosen;
        parts_choose(&chosen, &parts, false, &random);
        chosen_mask(target, mask, &parts, &chosen);
        double area = 0;
        for (int k = 0; k < 256 * 256; k++)
            area += (double)target[k];
        whole += chosen.whole;
        single += !chosen.whole;
        const double one = 32.0 * 40.0; /* 10x10 of 80x64 px, stretched */
        assert_true(fabs(area - (chosen.whole ? 3 * one : one)) < 0.06 * one);
    }
    assert_in_range(whole, 25, 80);
    assert_int_equal(single + whole, 200);
    parts_clear(&parts);
}

/* A network of lines whose soft pixels stay under one half but for some knots. */
static void thin_things_are_whole(void **state)
{
    static float mask[128 * 128], target[128 * 128];
    struct parts parts;
    double sum = 0;

    (void)state;
    for (int y = 0; y < 128; y++)
        for (int x = 0; x < 128; x++) {
            mask[y * 128 + x] = y % 16 == 0 ? 0.4f : 0.0f;
            if (y % 64 < 4 && x % 64 < 4)
                mask[y * 128 + x] = 1.0f;
            sum += (double)mask[y * 128 + x];
        }
    assert_int_equal(parts_find(&parts, mask, 128, NULL), ANA_OK);
    assert_int_equal(parts.n_large, 4);
    assert_true(parts.thin);
    for (uint32_t i = 0; i < 20; i++) {
        struct random random = random_at(1, 0, i, 0);
        struct chosen chosen;
        double area = 0;
        parts_choose(&chosen, &parts, i % 2, &random);
        chosen_mask(target, mask, &parts, &chosen);
        for (int k = 0; k < 128 * 128; k++)
            area += (double)target[k];
        assert_true(fabs(area - sum) < 1e-3);
    }
    parts_clear(&parts);
}

static void phrases_name_their_concept(void **state)
{
    char phrase[WORDS_PHRASE_SIZE];
    int found = 0, n = 600;

    (void)state;
    for (uint32_t i = 0; i < (uint32_t)n; i++) {
        struct random random = random_at(2, 0, i, 0);
        struct concept_match match;
        const int concept = (int)(i % 5);
        sampler_phrase(phrase, &set.concepts, concept, i % 2 ? "chest X-ray" : "", &random);
        assert_null(strchr(phrase, '%'));
        concepts_resolve(&set.concepts, phrase, &match);
        if (match.concept >= 0)
            assert_int_equal(match.concept, concept);
        found += match.concept == concept;
        sampler_phrase(phrase, &set.concepts, -1, "", &random);
        concepts_resolve(&set.concepts, phrase, &match);
        assert_int_not_equal(match.verdict, CONCEPT_FOUND);
    }
    assert_true(found > 0.9 * n);
}

static void weights_are_read(void **state)
{
    struct sampler_weight *weights;
    int n, n_groups;
    ana_error err = {0};

    (void)state;
    assert_int_equal(sampler_weights_parse(&weights, &n,
                                           "set,concept,weight\na,left lung,3\na,-,0\n*,*,1\n",
                                           "w.csv", &err),
                     ANA_OK);
    assert_int_equal(n, 3);
    assert_string_equal(weights[0].concept, "left lung");
    struct sampler_options weighted = options;
    weighted.weights = weights;
    weighted.n_weights = n;
    struct sampler *s;
    assert_int_equal(sampler_create(&s, &set.dataset, &set.concepts, &weighted, &err), ANA_OK);
    const struct sampler_group *groups = sampler_groups(s, &n_groups);
    assert_int_equal(n_groups, 4); /* left, right, dots, "-" */
    for (int g = 0; g < n_groups; g++) {
        const double expected = strcmp(groups[g].concept, "left lung") == 0 ? 0.6
                                : strcmp(groups[g].concept, "-") == 0       ? 0.0
                                                                            : 0.2;
        assert_true(fabs(groups[g].share - expected) < 1e-9);
    }
    sampler_free(s);
    memory_free(weights);
    assert_int_not_equal(
        sampler_weights_parse(&weights, &n, "set,concept,weight\na,b,x\n", "w.csv", &err), ANA_OK);
    assert_non_null(strstr(err.message, "w.csv: line 2"));
    assert_int_not_equal(sampler_weights_parse(&weights, &n, "set,weight\na,1\n", "w.csv", &err),
                         ANA_OK);
}

static void needs_something_to_train_on(void **state)
{
    struct sampler_options other = options;
    struct sampler *s;
    ana_error err = {0};

    (void)state;
    other.split = "nothing";
    assert_int_equal(sampler_create(&s, &set.dataset, &set.concepts, &other, &err),
                     ANA_ERR_NOT_FOUND);
    assert_null(s);
    assert_non_null(strstr(err.message, "\"nothing\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_batch_for_any_threads_and_history),
        cmocka_unit_test(prompts_fit_their_answers),
        cmocka_unit_test(words_keep_their_side),
        cmocka_unit_test(sides_match_the_picture),
        cmocka_unit_test(never_asks_for_what_is_kept_out),
        cmocka_unit_test(knows_what_is_absent),
        cmocka_unit_test(boxes_name_one_part),
        cmocka_unit_test(thin_things_are_whole),
        cmocka_unit_test(phrases_name_their_concept),
        cmocka_unit_test(weights_are_read),
        cmocka_unit_test(needs_something_to_train_on),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
