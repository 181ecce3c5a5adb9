/* Who is set aside: whole patients, a share of each set, the same ones every time, never drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "little_set.h"
#include "train/aside.h"
#include "train/sampler.h"

enum { SETS = 3, PATIENTS = 40, EACH = 3, IMAGES = SETS * PATIENTS * EACH + EACH };

static struct dataset_image images[IMAGES];
static char names[PATIENTS][32];
static const char *const sets[SETS] = {"a", "b", "c"};

/* Three images a patient, and a set of one patient. */
static struct dataset make(void)
{
    int n = 0;

    for (int p = 0; p < PATIENTS; p++)
        (void)snprintf(names[p], sizeof names[p], "patient%02d", p);
    for (int k = 0; k < EACH; k++)
        for (int s = 0; s < SETS; s++)
            for (int p = 0; p < PATIENTS; p++)
                images[n++] = (struct dataset_image){
                    .split = p % 4 ? "train" : "val", .set = sets[s], .patient = names[p]};
    for (int k = 0; k < EACH; k++)
        images[n++] =
            (struct dataset_image){.split = "train", .set = "lonely", .patient = "only one"};
    return (struct dataset){.images = images, .n_images = n};
}

static void whole_patients_of_each_set(void **state)
{
    const struct dataset dataset = make();
    bool aside[IMAGES];
    int n, counted = 0, of_set[SETS] = {0};

    (void)state;
    assert_int_equal(aside_mark(aside, &n, &dataset, "train", 0.1, NULL), ANA_OK);
    for (int i = 0; i < IMAGES; i++) {
        counted += aside[i];
        assert_false(aside[i] && strcmp(images[i].split, "val") == 0);
        assert_false(aside[i] && strcmp(images[i].set, "lonely") == 0);
        for (int s = 0; s < SETS; s++)
            of_set[s] += aside[i] && images[i].set == sets[s];
        for (int k = 0; k < IMAGES; k++)
            if (images[i].set == images[k].set && images[i].patient == images[k].patient)
                assert_int_equal(aside[i], aside[k]);
    }
    assert_int_equal(counted, n);
    for (int s = 0; s < SETS; s++)
        assert_int_equal(of_set[s], 3 * EACH); /* of 30 patients in train */
    /* Names that two sets share are two people. */
    bool same = true;
    for (int p = 0; p < PATIENTS; p++)
        same = same && aside[p] == aside[PATIENTS + p];
    assert_false(same);
}

static void the_order_does_not_matter(void **state)
{
    struct dataset dataset = make();
    bool before[IMAGES], after[IMAGES];
    int n;

    (void)state;
    assert_int_equal(aside_mark(before, &n, &dataset, "train", 0.2, NULL), ANA_OK);
    for (int i = 0; i < IMAGES / 2; i++) {
        const struct dataset_image swap = images[i];
        images[i] = images[IMAGES - 1 - i];
        images[IMAGES - 1 - i] = swap;
    }
    assert_int_equal(aside_mark(after, &n, &dataset, "train", 0.2, NULL), ANA_OK);
    for (int i = 0; i < IMAGES; i++)
        assert_int_equal(before[i], after[IMAGES - 1 - i]);
}

static void they_are_never_drawn(void **state)
{
    struct little_set set;
    struct sampler *sampler;
    struct sample_batch batch;
    bool aside[16];
    int n, drawn = 0;

    (void)state;
    little_set_make(&set);
    assert_true(set.dataset.n_images <= 16);
    assert_int_equal(aside_mark(aside, &n, &set.dataset, "train", 0.5, NULL), ANA_OK);
    assert_true(n > 0);
    struct sampler_options options = sampler_defaults();
    options.size = 32;
    options.set_aside = aside;
    assert_int_equal(sampler_create(&sampler, &set.dataset, &set.concepts, &options, NULL), ANA_OK);
    assert_int_equal(sample_batch_create(&batch, &options, NULL), ANA_OK);
    for (uint64_t step = 0; step < 10; step++) {
        assert_int_equal(sampler_fill(sampler, step, &batch, NULL, NULL), ANA_OK);
        for (int i = 0; i < batch.n_images; i++)
            drawn += aside[batch.source[i]];
    }
    assert_int_equal(drawn, 0);
    sample_batch_clear(&batch);
    sampler_free(sampler);
    little_set_remove(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_patients_of_each_set),
        cmocka_unit_test(the_order_does_not_matter),
        cmocka_unit_test(they_are_never_drawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
