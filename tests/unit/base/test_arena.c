/* The arena: alignment, marks, large wishes, failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "failing_memory.h"

static void blocks_are_aligned_and_apart(void **state)
{
    struct arena arena;
    unsigned char *blocks[2000];

    (void)state;
    arena_init(&arena);
    for (int i = 0; i < 2000; i++) {
        const size_t size = (size_t)(i * 37 % 301);
        blocks[i] = arena_alloc(&arena, size);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % MEMORY_ALIGNMENT, 0);
        memset(blocks[i], i & 255, size);
    }
    for (int i = 0; i < 2000; i++) {
        const size_t size = (size_t)(i * 37 % 301);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(blocks[i][j], i & 255);
    }
    arena_clear(&arena);
    arena_clear(&arena);
}

static void reset_frees_what_came_after(void **state)
{
    const size_t before = memory_in_use();
    struct arena arena;

    (void)state;
    arena_init(&arena);
    char *kept = arena_copy_string(&arena, "kept");
    assert_non_null(kept);
    const struct arena_mark mark = arena_mark(&arena);
    const size_t at_mark = memory_in_use();
    void *first = arena_alloc(&arena, 100);
    void *huge = arena_alloc(&arena, 100u << 20);
    assert_non_null(huge);
    assert_true(memory_in_use() >= at_mark + (100u << 20));
    arena_reset(&arena, mark);
    assert_int_equal(memory_in_use(), at_mark);
    assert_string_equal(kept, "kept");
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    arena_clear(&arena);
    assert_int_equal(memory_in_use(), before);
}

static void a_mark_of_an_empty_arena_empties_it(void **state)
{
    const size_t before = memory_in_use();
    struct arena arena;

    (void)state;
    arena_init(&arena);
    const struct arena_mark mark = arena_mark(&arena);
    assert_non_null(arena_alloc(&arena, 0));
    arena_reset(&arena, mark);
    assert_int_equal(memory_in_use(), before);
    arena_clear(&arena);
}

static void zeroed_is_zero_after_reuse(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    void *first = arena_alloc(&arena, 1);
    assert_non_null(first);
    const struct arena_mark mark = arena_mark(&arena);
    unsigned char *dirty = arena_alloc(&arena, 500);
    assert_non_null(dirty);
    memset(dirty, 0xee, 500);
    arena_reset(&arena, mark);
    const unsigned char *clean = arena_alloc_zeroed(&arena, 500);
    assert_non_null(clean);
    for (int i = 0; i < 500; i++)
        assert_int_equal(clean[i], 0);
    arena_clear(&arena);
}

static void failure_gives_null_and_keeps_the_rest(void **state)
{
    struct arena arena;

    (void)state;
    failing_memory_start(2);
    arena_init(&arena);
    char *kept = arena_copy_string(&arena, "kept");
    assert_non_null(kept);
    assert_null(arena_alloc(&arena, 1u << 20));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 200));
    assert_non_null(arena_alloc(&arena, 16));
    assert_string_equal(kept, "kept");
    arena_clear(&arena);
    assert_int_equal(failing_memory_live(), 0);
    assert_int_equal(failing_memory_stop(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(reset_frees_what_came_after),
        cmocka_unit_test(a_mark_of_an_empty_arena_empties_it),
        cmocka_unit_test(zeroed_is_zero_after_reuse),
        cmocka_unit_test(failure_gives_null_and_keeps_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
