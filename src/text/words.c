/* Hashing of a phrase into buckets (mini.md 2). */
#include "text/words.h"

#include <stdbool.h>
#include <string.h>

#include "base/hash.h"

/* ASCII only, whatever the locale says. Returns 0 for what separates words. */
static char plain_letter(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return (char)c;
    return 0;
}

size_t words_normalise(char *out, size_t size, const char *phrase)
{
    size_t used = 0;
    bool gap = false;

    if (size == 0)
        return 0;
    for (const unsigned char *p = (const unsigned char *)phrase; *p; p++) {
        const char c = plain_letter(*p);
        if (!c) {
            gap = used > 0;
            continue;
        }
        if (used + (gap ? 2 : 1) >= size)
            break;
        if (gap)
            out[used++] = ' ';
        gap = false;
        out[used++] = c;
    }
    out[used] = 0;
    return used;
}

static int32_t bucket(uint64_t hash)
{
    return (int32_t)(hash % WORDS_BUCKETS);
}

/* The word itself, then every three letters of "<word>". Returns the new count. */
static int add_word(int32_t *index, int n, int max, const char *word, size_t length)
{
    char marked[WORDS_PHRASE_SIZE + 2];

    if (n < max)
        index[n++] = bucket(fnv1a(fnv1a(FNV1A_START, "w:", 2), word, length));
    marked[0] = '<';
    memcpy(marked + 1, word, length);
    marked[length + 1] = '>';
    for (size_t i = 0; i + 3 <= length + 2 && n < max; i++)
        index[n++] = bucket(fnv1a(FNV1A_START, marked + i, 3));
    return n;
}

int words_features(int32_t *index, int max, const char *phrase)
{
    char plain[WORDS_PHRASE_SIZE] = "";
    int n = 0;

    words_normalise(plain, sizeof plain, phrase);
    for (const char *p = plain; *p && n < max;) {
        const size_t length = strcspn(p, " ");
        n = add_word(index, n, max, p, length);
        p += length;
        p += *p == ' ';
    }
    for (int i = n; i < max; i++)
        index[i] = -1;
    return n;
}
