/* Properties of the metrics; the exact values are in golden.clip.metrics and others. */
#include "imaging/metrics.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "helpers.h"

enum { H = 33, W = 41, N = H * W };

static struct confusion confusion_of(const uint8_t *truth, const uint8_t *prediction)
{
    return confusion_count(truth, prediction, N);
}

static void test_counts_by_hand(void **state)
{
    (void)state;
    const uint8_t truth[6] = {1, 255, 0, 0, 3, 0}, prediction[6] = {2, 0, 7, 0, 4, 0};
    const struct confusion c = confusion_count(truth, prediction, 6);
    assert_int_equal(c.tp, 2);
    assert_int_equal(c.fp, 1);
    assert_int_equal(c.fn, 1);
    assert_int_equal(c.tn, 2);
    assert_near(metric_dice(&c, EMPTY_CLIP), 4.0 / 6, 1e-15);
    assert_near(metric_iou(&c, EMPTY_CLIP), 2.0 / 4, 1e-15);
    assert_near(metric_dice_medlam(&c), 4.0 / 6.0001, 1e-15);
}

static void test_dice_with_itself_is_one(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        uint8_t *mask = random_mask(N, 0.05 + 0.1 * (double)seed, seed);
        const struct confusion c = confusion_of(mask, mask);
        for (int rule = EMPTY_CLIP; rule <= EMPTY_MEDLAM; rule++) {
            assert_near(metric_dice(&c, (enum empty_rule)rule), 1, 0);
            assert_near(metric_iou(&c, (enum empty_rule)rule), 1, 0);
        }
        memory_free(mask);
    }
}

static void test_empty_rules(void **state)
{
    (void)state;
    const struct confusion both = {0, 0, 0, 9}, no_truth = {0, 4, 0, 5},
                           no_prediction = {0, 0, 4, 5};
    assert_true(isnan(metric_dice(&both, EMPTY_CLIP)));
    assert_true(isnan(metric_iou(&both, EMPTY_CLIP)));
    assert_near(metric_dice(&both, EMPTY_VLSM), 1, 0);
    assert_near(metric_iou(&both, EMPTY_VLSM), 1, 0);
    assert_true(isnan(metric_dice(&both, EMPTY_MEDLAM)));
    for (int rule = EMPTY_CLIP; rule <= EMPTY_VLSM; rule++) {
        assert_near(metric_dice(&no_truth, (enum empty_rule)rule), 0, 0);
        assert_near(metric_iou(&no_prediction, (enum empty_rule)rule), 0, 0);
    }
    assert_true(isnan(metric_dice(&no_truth, EMPTY_MEDLAM)));
    assert_true(isnan(metric_iou(&no_prediction, EMPTY_MEDLAM)));
}

static void test_soft_overlap_of_binary_target_is_the_plain_one(void **state)
{
    (void)state;
    uint8_t *truth = random_mask(N, 0.4, 1), *prediction = random_mask(N, 0.3, 2);
    float target[N];
    for (int i = 0; i < N; i++)
        target[i] = (float)truth[i];
    const struct confusion c = confusion_of(truth, prediction);
    assert_near(metric_dice_soft(prediction, target, N), metric_dice(&c, EMPTY_VLSM), 1e-12);
    assert_near(metric_iou_soft(prediction, target, N), metric_iou(&c, EMPTY_VLSM), 1e-12);
    memset(prediction, 0, N);
    memset(target, 0, sizeof target);
    assert_near(metric_dice_soft(prediction, target, N), 1, 0);
    memory_free(truth);
    memory_free(prediction);
}

typedef ana_status (*open_fn)(struct surface_pair *out, const uint8_t *truth,
                              const uint8_t *prediction, const struct grid *grid, ana_error *err);

static struct surface_pair open_pair(open_fn open, const uint8_t *truth, const uint8_t *prediction,
                                     const struct grid *grid)
{
    struct surface_pair pair;
    assert_int_equal(open(&pair, truth, prediction, grid, NULL), ANA_OK);
    return pair;
}

/* NSD and HD do not ask which mask is the truth; a mask agrees with itself fully. */
static void test_surface_metrics_are_symmetric(void **state)
{
    (void)state;
    const struct grid grids[] = {grid_2d(H, W), {3, 11, 41, {0.7, 0.7, 2.5}}};
    for (uint64_t seed = 0; seed < 12; seed++) {
        const struct grid *grid = &grids[seed % 2];
        uint8_t *a = random_mask(N, 0.1 + 0.05 * (double)seed, seed);
        uint8_t *b = random_mask(N, 0.5, seed + 100);
        struct surface_pair ab = open_pair(surface_element_open, a, b, grid);
        struct surface_pair ba = open_pair(surface_element_open, b, a, grid);
        struct surface_pair aa = open_pair(surface_element_open, a, a, grid);
        assert_near(surface_element_nsd(&ab, 1), surface_element_nsd(&ba, 1), 1e-12);
        assert_near(surface_element_hd(&ab, 95), surface_element_hd(&ba, 95), 0);
        assert_near(surface_element_nsd(&aa, 0), 1, 1e-12);
        assert_near(surface_element_hd(&aa, 100), 0, 0);
        surface_pair_clear(&ab);
        surface_pair_clear(&ba);
        surface_pair_clear(&aa);

        ab = open_pair(boundary_pixel_open, a, b, grid);
        ba = open_pair(boundary_pixel_open, b, a, grid);
        aa = open_pair(boundary_pixel_open, a, a, grid);
        assert_near(boundary_pixel_nsd(&ab, 1), boundary_pixel_nsd(&ba, 1), 0);
        assert_near(boundary_pixel_hd_max(&ab, 95), boundary_pixel_hd_max(&ba, 95), 0);
        assert_near(boundary_pixel_hd_pool(&ab, 95), boundary_pixel_hd_pool(&ba, 95), 0);
        assert_near(boundary_pixel_assd(&ab), boundary_pixel_assd(&ba), 1e-12);
        assert_near(boundary_pixel_nsd(&aa, 0), 1, 0);
        assert_near(boundary_pixel_hd_max(&aa, 100), 0, 0);
        surface_pair_clear(&ab);
        surface_pair_clear(&ba);
        surface_pair_clear(&aa);
        memory_free(a);
        memory_free(b);
    }
}

/* The table of the specification for one image: corners weigh by the pixels around them. */
static void test_surface_element_weights_in_2d(void **state)
{
    (void)state;
    const double one = sqrt(3.0) / 4, two = sqrt(2.0), diagonal = sqrt(3.0) / 2;
    static const uint8_t masks[][4] = {
        {1, 0, 0, 0}, {1, 1, 0, 0}, {1, 0, 0, 1}, {1, 1, 1, 0}, {1, 1, 1, 1}};
    /* 2x2 images: the middle corner sees all four, the others one or two. */
    const double sums[] = {4 * one, 4 * one + 2 * two, 6 * one + diagonal,
                           5 * one + 2 * two + 2.299038105676658, 4 * one + 4 * two + 2};
    const struct grid grid = grid_2d(2, 2);
    for (int i = 0; i < 5; i++) {
        struct surface_pair pair = open_pair(surface_element_open, masks[i], masks[i], &grid);
        double sum = 0;
        for (int64_t j = 0; j < pair.truth.n; j++)
            sum += pair.truth.weight[j];
        assert_near(sum, sums[i], 1e-12);
        surface_pair_clear(&pair);
    }
}

/* The area of a large box tends to that of its faces, in the right axes. */
static void test_surface_area_of_a_box(void **state)
{
    (void)state;
    const struct grid grid = {20, 24, 28, {0.5, 2, 3}};
    uint8_t *box = test_alloc(grid_count(&grid), 1);
    for (int64_t z = 2; z < 18; z++)
        for (int64_t y = 2; y < 22; y++)
            for (int64_t x = 2; x < 26; x++)
                box[(z * 24 + y) * 28 + x] = 1;
    struct surface_pair pair = open_pair(surface_element_open, box, box, &grid);
    double area = 0;
    for (int64_t i = 0; i < pair.truth.n; i++)
        area += pair.truth.weight[i];
    const double lx = 24 * 0.5, ly = 20 * 2.0, lz = 16 * 3.0;
    const double faces = 2 * (lx * ly + ly * lz + lx * lz);
    assert_true(area < faces && area > 0.9 * faces); /* edges are cut */
    surface_pair_clear(&pair);
    memory_free(box);
}

static void test_discs_of_two_radii(void **state)
{
    (void)state;
    const struct grid grid = grid_2d(H, W);
    uint8_t *small = disc_mask(H, W, 20, 16, 8), *large = disc_mask(H, W, 20, 16, 12);
    struct surface_pair pair = open_pair(boundary_pixel_open, large, small, &grid);
    assert_near(boundary_pixel_hd_max(&pair, 100), 4, 0.8);
    assert_near(boundary_pixel_assd(&pair), 4, 0.8);
    assert_near(boundary_pixel_nsd(&pair, 2), 0, 0);
    assert_near(boundary_pixel_nsd(&pair, 6), 1, 0);
    assert_true(boundary_pixel_hd_pool(&pair, 95) <= boundary_pixel_hd_max(&pair, 100));
    surface_pair_clear(&pair);
    memory_free(small);
    memory_free(large);
}

static void test_surface_rules_for_empty_masks(void **state)
{
    (void)state;
    const struct grid grid = grid_2d(H, W);
    uint8_t *disc = disc_mask(H, W, 20, 16, 8), empty[N] = {0};
    struct surface_pair pair = open_pair(boundary_pixel_open, empty, empty, &grid);
    assert_near(boundary_pixel_nsd(&pair, 1), 1, 0);
    assert_near(boundary_pixel_hd_pool(&pair, 95), 0, 0);
    surface_pair_clear(&pair);
    pair = open_pair(boundary_pixel_open, disc, empty, &grid);
    assert_near(boundary_pixel_nsd(&pair, 1), 0, 0);
    assert_true(isinf(boundary_pixel_hd_max(&pair, 95)) && isinf(boundary_pixel_assd(&pair)));
    surface_pair_clear(&pair);
    pair = open_pair(surface_element_open, empty, empty, &grid);
    assert_true(isnan(surface_element_nsd(&pair, 1)) && isinf(surface_element_hd(&pair, 95)));
    surface_pair_clear(&pair);
    pair = open_pair(surface_element_open, empty, disc, &grid);
    assert_near(surface_element_nsd(&pair, 1), 0, 0);
    surface_pair_clear(&pair);
    memory_free(disc);
}

static void test_boxes_and_points(void **state)
{
    (void)state;
    const struct extent_box a = {{0, 0, 0}, {2, 4, 6}}, b = {{1, 0, 0}, {3, 4, 6}};
    const struct extent_box far = {{9, 9, 9}, {10, 10, 10}};
    const double spacing[3] = {1, 2, 3}; /* x, y, z */
    double axes[3];
    assert_near(extent_box_iou(&a, &a), 1, 0);
    assert_near(extent_box_iou(&a, &b), 24.0 / 72, 1e-15);
    assert_near(extent_box_iou(&a, &far), 0, 1e-9);
    assert_near(extent_box_wall_distance(axes, &a, &b, spacing), 1, 1e-15);
    assert_near(axes[0], 3, 1e-15);
    assert_near(axes[1], 0, 0);

    const double truth[6] = {0, 0, 0, 1, 1, 1}, prediction[6] = {0, 2, 0, 1, 1, 4};
    double each[2];
    assert_near(metric_ale(each, truth, prediction, 2, spacing), 3.5, 1e-15);
    assert_near(each[0], 4, 1e-15);
    assert_near(each[1], 3, 1e-15);

    struct extent_box box;
    const struct grid grid = {2, 3, 4, {1, 1, 1}};
    uint8_t mask[24] = {0};
    assert_false(extent_box_of_mask(&box, mask, &grid));
    mask[12 + 4 + 2] = mask[12 + 8 + 1] = 1;
    assert_true(extent_box_of_mask(&box, mask, &grid));
    assert_near(box.min[0], 1, 0);
    assert_near(box.min[1], 1, 0);
    assert_near(box.max[1], 2, 0);
    assert_near(box.min[2], 1, 0);
    assert_near(box.max[2], 2, 0);
}

struct two_masks {
    uint8_t *a, *b;
};

static ana_status open_both(void *context, ana_error *err)
{
    const struct two_masks *masks = context;
    const struct grid grid = grid_2d(H, W);
    struct surface_pair pair;
    ana_status status = surface_element_open(&pair, masks->a, masks->b, &grid, err);
    surface_pair_clear(&pair);
    if (!status)
        status = boundary_pixel_open(&pair, masks->a, masks->b, &grid, err);
    surface_pair_clear(&pair);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    struct two_masks masks = {random_mask(N, 0.3, 1), random_mask(N, 0.6, 2)};
    check_allocation_failures(open_both, &masks);
    memory_free(masks.a);
    memory_free(masks.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_by_hand),
        cmocka_unit_test(test_dice_with_itself_is_one),
        cmocka_unit_test(test_empty_rules),
        cmocka_unit_test(test_soft_overlap_of_binary_target_is_the_plain_one),
        cmocka_unit_test(test_surface_metrics_are_symmetric),
        cmocka_unit_test(test_surface_element_weights_in_2d),
        cmocka_unit_test(test_surface_area_of_a_box),
        cmocka_unit_test(test_discs_of_two_radii),
        cmocka_unit_test(test_surface_rules_for_empty_masks),
        cmocka_unit_test(test_boxes_and_points),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
