/* The distance transform against looking at every pixel, and interior points. */
#include "imaging/distance.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "helpers.h"

static void check_grid(const struct grid *grid, double probability, uint64_t seed, double tolerance)
{
    const int64_t n = grid_count(grid);
    uint8_t *mask = random_mask(n, probability, seed);
    double *out = test_alloc(n, sizeof *out);
    for (int t = DISTANCE_TO_FOREGROUND; t <= DISTANCE_TO_OUTSIDE; t++) {
        assert_int_equal(distance_squared(out, mask, grid, (enum distance_target)t, NULL), ANA_OK);
        for (int64_t i = 0; i < n; i++)
            assert_near(out[i],
                        brute_distance_squared(mask, grid, i, t == DISTANCE_TO_FOREGROUND,
                                               t == DISTANCE_TO_OUTSIDE),
                        tolerance);
    }
    memory_free(mask);
    memory_free(out);
}

static void test_pixels_exactly(void **state)
{
    (void)state;
    static const double shares[] = {0.0, 0.01, 0.1, 0.5, 0.97, 1.0};
    for (uint64_t i = 0; i < 6; i++) {
        struct grid grid = grid_2d(19, 27);
        check_grid(&grid, shares[i], i, 0);
        grid = grid_2d(1, 40);
        check_grid(&grid, shares[i], i, 0);
        grid = grid_2d(40, 1);
        check_grid(&grid, shares[i], i, 0);
    }
}

static void test_spacing_and_volumes(void **state)
{
    (void)state;
    static const double shares[] = {0.003, 0.1, 0.5, 0.99};
    for (uint64_t i = 0; i < 4; i++) {
        const struct grid flat = {1, 17, 22, {0.7, 1.9, 1}};
        const struct grid volume = {7, 9, 11, {0.8, 0.5, 3}};
        check_grid(&flat, shares[i], i, 1e-9);
        check_grid(&volume, shares[i], i, 1e-9);
    }
}

static void test_transform_is_the_root(void **state)
{
    (void)state;
    const uint8_t mask[6] = {1, 0, 0, 0, 0, 0}; /* 2 x 3 */
    const struct grid grid = grid_2d(2, 3);
    double out[6];
    assert_int_equal(distance_transform(out, mask, &grid, DISTANCE_TO_FOREGROUND, NULL), ANA_OK);
    assert_near(out[0], 0, 0);
    assert_near(out[2], 2, 0);
    assert_near(out[5], sqrt(5), 1e-15);
}

/* By the definition of the evaluation interface: farthest from the outside, first in row order. */
static void test_interior_point_matches_brute_force(void **state)
{
    (void)state;
    const struct grid grid = grid_2d(15, 21);
    for (uint64_t seed = 0; seed < 40; seed++) {
        uint8_t *mask = random_mask(15 * 21, 0.6 + 0.01 * (double)seed, seed);
        int64_t best = -1, x, y;
        double farthest = 0;
        for (int64_t i = 0; i < 15 * 21; i++) {
            const double d = mask[i] ? brute_distance_squared(mask, &grid, i, 0, 1) : 0;
            if (d > farthest) {
                farthest = d;
                best = i;
            }
        }
        assert_int_equal(mask_interior_point(&x, &y, mask, 15, 21, NULL), ANA_OK);
        assert_int_equal(y * 21 + x, best);
        memory_free(mask);
    }
}

static void test_interior_point_at_the_border(void **state)
{
    (void)state;
    int64_t x, y;
    uint8_t full[30];
    memset(full, 1, sizeof full);
    assert_int_equal(mask_interior_point(&x, &y, full, 5, 6, NULL), ANA_OK);
    assert_int_equal(x, 2); /* of (2, 2) and (3, 2) the first */
    assert_int_equal(y, 2);

    uint8_t empty[30] = {0};
    ana_error err;
    assert_int_equal(mask_interior_point(&x, &y, empty, 5, 6, &err), ANA_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "empty"));
    empty[17] = 9;
    assert_int_equal(mask_interior_point(&x, &y, empty, 5, 6, NULL), ANA_OK);
    assert_int_equal(x, 5);
    assert_int_equal(y, 2);
}

static ana_status find_point(void *context, ana_error *err)
{
    int64_t x, y;
    return mask_interior_point(&x, &y, context, 5, 6, err);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    uint8_t *mask = random_mask(30, 0.7, 1);
    check_allocation_failures(find_point, mask);
    memory_free(mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels_exactly),
        cmocka_unit_test(test_spacing_and_volumes),
        cmocka_unit_test(test_transform_is_the_root),
        cmocka_unit_test(test_interior_point_matches_brute_force),
        cmocka_unit_test(test_interior_point_at_the_border),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
