/* The allocator: alignment, counters, limit, hooks, overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "failing_memory.h"

static void blocks_are_aligned_and_counted(void **state)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 100000};
    void *blocks[6];
    const size_t before = memory_in_use();
    size_t total = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        blocks[i] = memory_alloc(sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % MEMORY_ALIGNMENT, 0);
        memset(blocks[i], 0xff, sizes[i]);
        total += sizes[i];
        assert_int_equal(memory_in_use() - before, total);
    }
    assert_ptr_not_equal(blocks[0], blocks[1]);
    assert_true(memory_peak() >= before + total);
    for (int i = 0; i < 6; i++)
        memory_free(blocks[i]);
    assert_int_equal(memory_in_use(), before);
    assert_true(memory_peak() >= before + total);
    memory_free(NULL);
}

static void zeroed_is_zero(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        unsigned char *block = memory_alloc_zeroed(1000);
        unsigned char *array = memory_alloc_array_zeroed(10, 100);
        assert_non_null(block);
        assert_non_null(array);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(block[i] | array[i], 0);
        memset(block, 1, 1000);
        memset(array, 1, 1000);
        memory_free(block);
        memory_free(array);
    }
}

static void resize_keeps_content_and_count(void **state)
{
    const size_t before = memory_in_use();
    char *block = memory_resize(NULL, 4);

    (void)state;
    assert_non_null(block);
    memcpy(block, "abc", 4);
    char *grown = memory_resize(block, 10000);
    assert_non_null(grown);
    assert_string_equal(grown, "abc");
    assert_int_equal(memory_in_use() - before, 10000);
    char *shrunk = memory_resize(grown, 4);
    assert_non_null(shrunk);
    assert_string_equal(shrunk, "abc");
    assert_int_equal(memory_in_use() - before, 4);
    assert_null(memory_resize(shrunk, SIZE_MAX));
    assert_string_equal(shrunk, "abc");
    memory_free(shrunk);
}

static void limit_holds(void **state)
{
    const size_t before = memory_in_use();

    (void)state;
    memory_set_limit(before + 1000);
    void *a = memory_alloc(600);
    assert_non_null(a);
    assert_null(memory_alloc(401));
    void *b = memory_alloc(400);
    assert_non_null(b);
    assert_null(memory_alloc(1));
    memory_free(a);
    a = memory_alloc(600);
    assert_non_null(a);
    memory_set_limit(0);
    void *c = memory_alloc(100000);
    assert_non_null(c);
    memory_free(a);
    memory_free(b);
    memory_free(c);
    assert_int_equal(memory_in_use(), before);
}

static void failing_hooks_leave_counts_alone(void **state)
{
    const size_t before = memory_in_use();

    (void)state;
    failing_memory_start(2);
    void *a = memory_alloc(10);
    void *b = memory_alloc(20);
    void *c = memory_alloc(30);
    assert_non_null(a);
    assert_null(b);
    assert_non_null(c);
    assert_int_equal(memory_in_use() - before, 40);
    memory_free(a);
    memory_free(c);
    assert_int_equal(failing_memory_live(), 0);
    assert_int_equal(failing_memory_stop(), 1);
    assert_int_equal(memory_in_use(), before);
}

static void arrays_refuse_overflow(void **state)
{
    (void)state;
    assert_null(memory_alloc_array(SIZE_MAX / 2, 3));
    assert_null(memory_alloc_array_zeroed(SIZE_MAX / 4, 5));
    assert_null(memory_alloc(SIZE_MAX));
    assert_null(memory_alloc(SIZE_MAX - MEMORY_ALIGNMENT + 1));
    void *block = memory_alloc_array(0, 8);
    assert_non_null(block);
    memory_free(block);
}

static void sizes_are_checked(void **state)
{
    size_t size = 7;
    int64_t extent = 7;

    (void)state;
    assert_false(size_mul(&size, SIZE_MAX, 2));
    assert_false(size_mul(&size, SIZE_MAX / 2 + 1, 2));
    assert_false(size_add(&size, SIZE_MAX, 1));
    assert_int_equal(size, 7);
    assert_true(size_mul(&size, SIZE_MAX, 1) && size == SIZE_MAX);
    assert_true(size_mul(&size, 0, SIZE_MAX) && size == 0);
    assert_true(size_mul(&size, SIZE_MAX, 0) && size == 0);
    assert_true(size_add(&size, SIZE_MAX - 1, 1) && size == SIZE_MAX);
    assert_false(extent_mul(&extent, -1, 1));
    assert_false(extent_mul(&extent, 1, -1));
    assert_false(extent_mul(&extent, INT64_MIN, INT64_MIN));
    assert_false(extent_mul(&extent, INT64_C(1) << 32, INT64_C(1) << 31));
    assert_int_equal(extent, 7);
    assert_true(extent_mul(&extent, INT64_C(1) << 31, INT64_C(1) << 31));
    assert_true(extent == INT64_C(1) << 62);
    assert_true(extent_mul(&extent, INT64_MAX, 0) && extent == 0);
}

static void strings_are_copied(void **state)
{
    char *copy = memory_copy_string("vessel");

    (void)state;
    assert_non_null(copy);
    assert_string_equal(copy, "vessel");
    memory_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_counted),
        cmocka_unit_test(zeroed_is_zero),
        cmocka_unit_test(resize_keeps_content_and_count),
        cmocka_unit_test(limit_holds),
        cmocka_unit_test(failing_hooks_leave_counts_alone),
        cmocka_unit_test(arrays_refuse_overflow),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(strings_are_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
