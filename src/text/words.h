/* A phrase as the network sees it: hashed words and letter triples (mini.md 2).
 *
 * Every word gives FNV-1a of "w:" + word and of each three-letter piece of "<word>", modulo
 * WORDS_BUCKETS. There is no vocabulary, so a misspelt word still shares most of its pieces.
 */
#ifndef ANA_TEXT_WORDS_H
#define ANA_TEXT_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum {
    WORDS_BUCKETS = 4096,
    WORDS_MAX = 64,         /* indices of one phrase; what does not fit is dropped */
    WORDS_PHRASE_SIZE = 256 /* bytes of a normalised phrase with its 0; longer ones are cut */
};

/* Lower case, everything but ASCII letters and digits to one space, none at the ends. Cuts at
 * size - 1 bytes. Returns the length written. */
size_t words_normalise(char *out, size_t size, const char *phrase);

/* Fills index[0 .. max-1] with buckets, then -1. Returns how many are not -1. */
int words_features(int32_t *index, int max, const char *phrase);

#endif
