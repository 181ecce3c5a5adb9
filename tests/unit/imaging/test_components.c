/* Labels against flood fill, order, measures; morphology, which builds on them. */
#include "imaging/components.h"

#include <string.h>

#include "base/memory.h"
#include "helpers.h"
#include "imaging/morphology.h"

enum { H = 23, W = 31, N = H * W };

/* Labels in the order of first pixels, one recursion-free fill for each. */
static int32_t flood_fill(int32_t *labels, const uint8_t *mask, int connectivity)
{
    static int64_t stack[N * 9];
    int32_t n = 0;
    memset(labels, 0, N * sizeof *labels);
    for (int64_t i = 0; i < N; i++) {
        if (!mask[i] || labels[i])
            continue;
        int64_t size = 0;
        stack[size++] = i;
        n++;
        while (size > 0) {
            const int64_t at = stack[--size], y = at / W, x = at % W;
            if (labels[at])
                continue;
            labels[at] = n;
            for (int64_t v = y - 1; v <= y + 1; v++)
                for (int64_t u = x - 1; u <= x + 1; u++)
                    if (v >= 0 && v < H && u >= 0 && u < W && mask[v * W + u] &&
                        !labels[v * W + u] && (connectivity == 8 || u == x || v == y))
                        stack[size++] = v * W + u;
        }
    }
    return n;
}

static void test_labels_match_flood_fill(void **state)
{
    (void)state;
    int32_t got[N], want[N];
    for (uint64_t seed = 0; seed < 60; seed++)
        for (int connectivity = 4; connectivity <= 8; connectivity += 4) {
            uint8_t *mask = random_mask(N, 0.1 + 0.014 * (double)seed, seed);
            struct components components;
            const int32_t n = flood_fill(want, mask, connectivity);
            assert_int_equal(components_label(&components, got, mask, H, W, connectivity, NULL),
                             ANA_OK);
            assert_int_equal(components.n, n);
            assert_memory_equal(got, want, sizeof got);
            components_clear(&components);
            memory_free(mask);
        }
}

static void test_measures(void **state)
{
    (void)state;
    /* Two L shapes and a pixel that touches the first diagonally. */
    static const uint8_t mask[5 * 6] = {
        1, 0, 0, 0, 9, 9, /* any non-zero value counts */
        1, 0, 0, 0, 0, 9, /**/
        1, 1, 0, 0, 0, 0, /**/
        0, 0, 1, 0, 0, 0, /**/
        0, 0, 0, 0, 0, 0,
    };
    struct components c;
    assert_int_equal(components_label(&c, NULL, mask, 5, 6, 4, NULL), ANA_OK);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.items[0].area, 4);
    assert_int_equal(c.items[0].x0, 0);
    assert_int_equal(c.items[0].y0, 0);
    assert_int_equal(c.items[0].x1, 2);
    assert_int_equal(c.items[0].y1, 3);
    assert_near(c.items[0].cx, 0.25, 1e-15);
    assert_near(c.items[0].cy, 1.25, 1e-15);
    assert_int_equal(c.items[1].x0, 4);
    assert_int_equal(c.items[1].x1, 6);
    assert_int_equal(c.items[2].area, 1);
    components_clear(&c);

    assert_int_equal(components_label(&c, NULL, mask, 5, 6, 8, NULL), ANA_OK);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.items[0].area, 5);
    components_clear(&c);
}

static void test_empty_full_and_single(void **state)
{
    (void)state;
    uint8_t mask[N];
    struct components c;
    memset(mask, 0, sizeof mask);
    assert_int_equal(components_label(&c, NULL, mask, H, W, 8, NULL), ANA_OK);
    assert_int_equal(c.n, 0);
    components_clear(&c);
    memset(mask, 1, sizeof mask);
    assert_int_equal(components_label(&c, NULL, mask, H, W, 4, NULL), ANA_OK);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.items[0].area, N);
    components_clear(&c);
    assert_int_equal(components_label(&c, NULL, mask, 1, 1, 4, NULL), ANA_OK);
    assert_int_equal(c.n, 1);
    components_clear(&c);
}

/* The most provisional labels there can be. */
static void test_checkerboard(void **state)
{
    (void)state;
    uint8_t mask[N];
    struct components c;
    for (int i = 0; i < N; i++)
        mask[i] = (uint8_t)((i / W + i % W + 1) % 2);
    assert_int_equal(components_label(&c, NULL, mask, H, W, 4, NULL), ANA_OK);
    assert_int_equal(c.n, (N + 1) / 2);
    components_clear(&c);
    assert_int_equal(components_label(&c, NULL, mask, H, W, 8, NULL), ANA_OK);
    assert_int_equal(c.n, 1);
    components_clear(&c);
}

static void test_largest(void **state)
{
    (void)state;
    struct component items[] = {{.area = 5}, {.area = 9}, {.area = 5}, {.area = 2}, {.area = 12}};
    const struct components c = {items, 5};
    int64_t indices[5];
    assert_int_equal(components_largest(indices, 5, &c, 3), 4);
    const int64_t all[] = {4, 1, 0, 2};
    assert_memory_equal(indices, all, sizeof all);
    assert_int_equal(components_largest(indices, 3, &c, 1), 3);
    assert_memory_equal(indices, all, 3 * sizeof *all);
    assert_int_equal(components_largest(indices, 5, &c, 100), 0);
}

static void test_erode_and_dilate_are_dual(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++)
        for (int element = 0; element < 2; element++) {
            /* A background frame, since beyond the image all is background for both. */
            uint8_t *mask = random_mask(N, 0.5, seed), inverse[N], eroded[N], dilated[N];
            for (int i = 0; i < N; i++) {
                const int y = i / W, x = i % W;
                if (y < 3 || x < 3 || y >= H - 3 || x >= W - 3)
                    mask[i] = 0;
                inverse[i] = !mask[i];
            }
            const enum morphology_element e = element ? MORPHOLOGY_SQUARE : MORPHOLOGY_CROSS;
            assert_int_equal(mask_dilate(dilated, mask, H, W, e, 2, NULL), ANA_OK);
            assert_int_equal(mask_erode(eroded, inverse, H, W, e, 2, NULL), ANA_OK);
            for (int i = 0; i < N; i++) {
                const int y = i / W, x = i % W;
                if (y >= 2 && x >= 2 && y < H - 2 && x < W - 2)
                    assert_int_equal(eroded[i], !dilated[i]);
            }
            memory_free(mask);
        }
}

static void test_elements(void **state)
{
    (void)state;
    uint8_t mask[25] = {0}, out[25];
    mask[12] = 200;
    assert_int_equal(mask_dilate(out, mask, 5, 5, MORPHOLOGY_CROSS, 2, NULL), ANA_OK);
    for (int i = 0; i < 25; i++) {
        const int dy = i / 5 - 2, dx = i % 5 - 2;
        assert_int_equal(out[i], (dy < 0 ? -dy : dy) + (dx < 0 ? -dx : dx) <= 2);
    }
    assert_int_equal(mask_dilate(out, mask, 5, 5, MORPHOLOGY_SQUARE, 1, NULL), ANA_OK);
    assert_int_equal(out[6] + out[8] + out[16] + out[18], 4);
    assert_int_equal(mask_dilate(mask, mask, 5, 5, MORPHOLOGY_SQUARE, 2, NULL), ANA_OK);
    assert_int_equal(mask_erode(mask, mask, 5, 5, MORPHOLOGY_SQUARE, 1, NULL), ANA_OK);
    for (int i = 0; i < 25; i++) /* beyond the image is background: the frame goes */
        assert_int_equal(mask[i], i / 5 % 4 != 0 && i % 5 % 4 != 0);
}

static void test_fill_holes(void **state)
{
    (void)state;
    static const uint8_t ring[49] = {
        1, 1, 1, 1, 0, 0, 0, /* closed by corners only at the right, which counts as closed */
        1, 0, 0, 1, 0, 1, 0, /**/
        1, 0, 0, 1, 1, 0, 1, /**/
        1, 1, 1, 1, 0, 1, 0, /**/
        0, 0, 0, 0, 0, 0, 0, /**/
        1, 1, 0, 0, 0, 0, 0, /**/
        0, 1, 0, 0, 0, 0, 0, /* open to the border */
    };
    uint8_t out[49];
    assert_int_equal(mask_fill_holes(out, ring, 7, 7, NULL), ANA_OK);
    for (int i = 0; i < 49; i++) {
        const int y = i / 7, x = i % 7;
        const int hole = ((y == 1 || y == 2) && (x == 1 || x == 2)) || (y == 2 && x == 5);
        assert_int_equal(out[i], ring[i] || hole);
    }
}

static void test_keep_components(void **state)
{
    (void)state;
    static const uint8_t mask[12] = {7, 0, 1, 1, 0, 7, 0, 0, 0, 0, 0, 1}; /* 3 x 4 */
    uint8_t out[12];
    static const uint8_t four[12] = {0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t eight[12] = {1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0};
    assert_int_equal(mask_keep_components(out, mask, 3, 4, 4, 2, NULL), ANA_OK);
    assert_memory_equal(out, four, 12);
    assert_int_equal(mask_keep_components(out, mask, 3, 4, 8, 2, NULL), ANA_OK);
    assert_memory_equal(out, eight, 12);
}

static ana_status fill_and_keep(void *context, ana_error *err)
{
    uint8_t out[N];
    const ana_status status = mask_fill_holes(out, context, H, W, err);
    return status ? status : mask_keep_components(out, out, H, W, 8, 4, err);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    uint8_t *mask = random_mask(N, 0.5, 1);
    check_allocation_failures(fill_and_keep, mask);
    memory_free(mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_match_flood_fill),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_empty_full_and_single),
        cmocka_unit_test(test_checkerboard),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_erode_and_dilate_are_dual),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_fill_holes),
        cmocka_unit_test(test_keep_components),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
