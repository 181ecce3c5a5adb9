/* Recipes of a training. */
#include "train/recipe.h"

#include <math.h>

#include "fuzz.h"

static void visit(const struct train_recipe *recipe)
{
    ana_error err;
    const int64_t steps[] = {0, 1, recipe->steps / 2, recipe->steps - 1, recipe->steps};

    EXPECT(recipe_check(recipe, &err) == ANA_OK);
    EXPECT(recipe->steps >= 1 && recipe->n_images >= 1 && recipe->prompts_per_image >= 1);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const int size = recipe_size_at(recipe, steps[i]);
        const double rate = recipe_rate_at(recipe, steps[i]);
        EXPECT(size >= 32 && size <= 512 && size % 32 == 0);
        EXPECT(isfinite(rate) && rate >= 0 && rate <= 1);
    }
    (void)recipe_fingerprint(recipe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct train_recipe recipe = recipe_defaults();
    ana_error err = {0};

    const ana_status status = recipe_read(&recipe, fuzz_file(data, size), &err);
    if (!status)
        visit(&recipe);
    fuzz_end(status, &err);
    return 0;
}
