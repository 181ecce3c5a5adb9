/* See the header. */
#include "helpers.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

void *test_alloc(int64_t n, size_t size)
{
    void *block = memory_alloc_array_zeroed((size_t)n, size);
    assert_non_null(block);
    return block;
}

uint8_t *random_mask(int64_t n, double probability, uint64_t seed)
{
    uint8_t *mask = test_alloc(n, 1);
    struct random random = random_at(seed, 0, 0, 1);
    for (int64_t i = 0; i < n; i++)
        mask[i] = random_uniform(&random) < probability ? 1 : 0;
    return mask;
}

uint8_t *disc_mask(int64_t height, int64_t width, double cx, double cy, double r)
{
    uint8_t *mask = test_alloc(height * width, 1);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            mask[y * width + x] = hypot((double)x - cx, (double)y - cy) <= r ? 255 : 0;
    return mask;
}

struct image random_image(int64_t height, int64_t width, int64_t channels, enum dtype dtype,
                          uint64_t seed)
{
    struct image image;
    assert_int_equal(image_create_2d(&image, height, width, channels, dtype, NULL), ANA_OK);
    struct random random = random_at(seed, 0, 0, 2);
    for (int64_t i = 0; i < height * width * channels; i++) {
        const double u = random_uniform(&random);
        if (dtype == DTYPE_U8)
            ((uint8_t *)image.pixels.data)[i] = (uint8_t)(u * 256);
        else if (dtype == DTYPE_U16)
            ((uint16_t *)image.pixels.data)[i] = (uint16_t)(u * 65536);
        else
            ((float *)image.pixels.data)[i] = (float)(2 * u - 1);
    }
    return image;
}

static double squared(double a)
{
    return a * a;
}

static double border_distance_squared(const struct grid *g, int64_t z, int64_t y, int64_t x)
{
    double best = fmin(squared((double)(x + 1) * g->spacing[0]),
                       squared((double)(g->width - x) * g->spacing[0]));
    best = fmin(best, squared((double)(y + 1) * g->spacing[1]));
    best = fmin(best, squared((double)(g->height - y) * g->spacing[1]));
    if (g->depth > 1) {
        best = fmin(best, squared((double)(z + 1) * g->spacing[2]));
        best = fmin(best, squared((double)(g->depth - z) * g->spacing[2]));
    }
    return best;
}

double brute_distance_squared(const uint8_t *mask, const struct grid *g, int64_t index,
                              uint8_t target, int border_counts)
{
    const int64_t plane = g->height * g->width;
    const int64_t z = index / plane, y = index % plane / g->width, x = index % g->width;
    double best =
        border_counts && mask[index] != target ? border_distance_squared(g, z, y, x) : HUGE_VAL;
    for (int64_t i = 0; i < g->depth * plane; i++) {
        if (mask[i] != target)
            continue;
        const double dz = (double)(i / plane - z) * g->spacing[2];
        const double dy = (double)(i % plane / g->width - y) * g->spacing[1];
        const double dx = (double)(i % g->width - x) * g->spacing[0];
        best = fmin(best, dx * dx + dy * dy + dz * dz);
    }
    return best;
}

void assert_near(double got, double want, double tolerance)
{
    if (got == want || fabs(got - want) <= tolerance)
        return;
    fail_msg("got %.17g, expected %.17g within %g", got, want, tolerance);
}

static int64_t live, until_failure;

static void *failing_allocate(void *user, size_t size_bytes)
{
    (void)user;
    void *block = NULL;
    if (--until_failure == 0 || posix_memalign(&block, MEMORY_ALIGNMENT, size_bytes + 1))
        return NULL;
    live++;
    return block;
}

static void counting_release(void *user, void *block, size_t size_bytes)
{
    (void)user;
    (void)size_bytes;
    live--;
    free(block);
}

void check_allocation_failures(ana_status (*run)(void *context, ana_error *err), void *context)
{
    static const struct memory_hooks hooks = {failing_allocate, counting_release, NULL};
    ana_status status = ANA_ERR_MEMORY;
    for (int64_t n = 1; status != ANA_OK; n++) {
        ana_error err = {0};
        live = 0;
        until_failure = n;
        memory_set_hooks(&hooks);
        status = run(context, &err);
        memory_set_hooks(NULL);
        assert_int_equal(live, 0);
        assert_true(status == ANA_OK || status == ANA_ERR_MEMORY);
        assert_true(status == ANA_OK || err.message[0] != 0);
        assert_true(n < 1000);
    }
}
