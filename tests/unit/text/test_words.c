/* Normalising and hashing of phrases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/hash.h"
#include "text/words.h"

static void normalises(void **state)
{
    char out[32];

    (void)state;
    assert_int_equal(words_normalise(out, sizeof out, "  Ground-glass\tOPACITIES!! "), 22);
    assert_string_equal(out, "ground glass opacities");
    assert_int_equal(words_normalise(out, sizeof out, "..\xc3\xa9 "), 0);
    assert_string_equal(out, "");
    assert_int_equal(words_normalise(out, 6, "ab cdefgh"), 5);
    assert_string_equal(out, "ab cd");
    assert_int_equal(words_normalise(out, 4, "abc d"), 3);
    assert_string_equal(out, "abc");
}

static int32_t bucket_of(const char *text)
{
    return (int32_t)(fnv1a(FNV1A_START, text, strlen(text)) % 4096);
}

static void hashes_words_and_triples(void **state)
{
    int32_t index[WORDS_MAX];

    (void)state;
    assert_int_equal(words_features(index, WORDS_MAX, "Lung, a"), 7);
    const char *const pieces[] = {"w:lung", "<lu", "lun", "ung", "ng>", "w:a", "<a>"};
    for (int i = 0; i < 7; i++)
        assert_int_equal(index[i], bucket_of(pieces[i]));
    for (int i = 7; i < WORDS_MAX; i++)
        assert_int_equal(index[i], -1);
}

static void cuts_long_phrases(void **state)
{
    int32_t index[4] = {0};
    char phrase[1000];

    (void)state;
    memset(phrase, 'x', sizeof phrase - 1);
    phrase[sizeof phrase - 1] = 0;
    assert_int_equal(words_features(index, 3, phrase), 3);
    assert_int_equal(index[3], 0);
    assert_int_equal(words_features(index, 4, ""), 0);
    assert_int_equal(index[0], -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalises),
        cmocka_unit_test(hashes_words_and_triples),
        cmocka_unit_test(cuts_long_phrases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
