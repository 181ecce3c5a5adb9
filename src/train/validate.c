/* One image and one prompt at a time, the concept's own name as words, no presence gate. */
#include "train/validate.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "imaging/resize.h"
#include "train/asker.h"

enum { MASK_PIXELS = DATASET_SMALL * DATASET_SMALL };

struct judge {
    struct asker asker;
    float *answer; /* [256, 256] logits */
    double *sum;   /* per concept */
    int *n;
};

static ana_status judge_prepare(struct judge *j, const struct trainee *trainee, int size,
                                const struct concepts *concepts, struct pool *pool, ana_error *err)
{
    const size_t n = (size_t)concepts->n + 1;
    j->answer = memory_alloc_array(MASK_PIXELS, sizeof(float));
    j->sum = memory_alloc_array_zeroed(n, sizeof(double));
    j->n = memory_alloc_array_zeroed(n, sizeof(int));
    if (!j->answer || !j->sum || !j->n)
        return ana_fail_memory(err, MASK_PIXELS * sizeof(float));
    return asker_prepare(&j->asker, trainee, size, pool, err);
}

static void judge_clear(struct judge *j)
{
    asker_clear(&j->asker);
    memory_free(j->answer);
    memory_free(j->sum);
    memory_free(j->n);
}

ana_status validate_bytes(size_t *out, const struct trainee *trainee,
                          const struct concepts *concepts, int size, struct pool *pool,
                          ana_error *err)
{
    const size_t before = memory_in_use();
    const struct plane_shape picture = {DATASET_SMALL, DATASET_SMALL, 3};
    struct judge j = {0};
    const ana_status status = judge_prepare(&j, trainee, size, concepts, pool, err);
    *out = status ? 0
                  : memory_in_use() - before + asker_bytes(&j.asker) +
                        plane_resize_bytes(DATASET_SMALL, DATASET_SMALL, &picture);
    judge_clear(&j);
    return status;
}

static double dice_of(const float *logits, const uint8_t *mask)
{
    int64_t both = 0, either = 0;
    for (int64_t i = 0; i < MASK_PIXELS; i++) {
        const bool found = logits[i] > 0, there = mask[i] > 127;
        both += found && there;
        either += found + there;
    }
    return either ? 2.0 * (double)both / (double)either : 1;
}

static ana_status ask(struct judge *j, const struct dataset_target *target, ana_error *err)
{
    double presence;
    ana_status status = asker_ask(&j->asker, target->name, &presence, err);
    if (!status)
        status = asker_map(&j->asker, j->answer, DATASET_SMALL, err);
    if (!status) {
        j->sum[target->concept] += dice_of(j->answer, target->small);
        j->n[target->concept]++;
    }
    return status;
}

static bool counts(const struct dataset_target *target, const char *split)
{
    return target->concept >= 0 && target->area > 0 && strcmp(target->row->split, split) == 0;
}

static ana_status judge_image(struct judge *j, const struct dataset_image *image, const char *split,
                              ana_error *err)
{
    bool encoded = false;
    ana_status status = ANA_OK;
    for (int k = 0; !status && k < image->n_targets; k++) {
        if (!counts(&image->targets[k], split))
            continue;
        if (!encoded)
            status = asker_look(&j->asker, image, err);
        encoded = true;
        if (!status)
            status = ask(j, &image->targets[k], err);
    }
    return status;
}

ana_status validate(double *dice, const struct trainee *trainee, const struct dataset *dataset,
                    const struct concepts *concepts, const char *split, int size, struct pool *pool,
                    ana_error *err)
{
    struct judge j = {0};
    ana_status status = judge_prepare(&j, trainee, size, concepts, pool, err);
    if (!status)
        status = asker_allocate(&j.asker, err);
    for (int i = 0; !status && i < dataset->n_images; i++)
        status = judge_image(&j, &dataset->images[i], split, err);
    double sum = 0;
    int n = 0;
    for (int c = 0; !status && c < concepts->n; c++)
        if (j.n[c]) {
            sum += j.sum[c] / j.n[c];
            n++;
        }
    *dice = n ? sum / n : (double)NAN;
    judge_clear(&j);
    return status;
}
