/* Shared by the table's reader and its resolver. */
#ifndef ANA_TEXT_CONCEPTS_INTERNAL_H
#define ANA_TEXT_CONCEPTS_INTERNAL_H

#include "text/concepts.h"

enum { CONCEPT_WORD_SIZE = 48, CONCEPT_ALIAS_WORDS = 10 };

enum { WORD_STOP = 1, WORD_ALIAS = 2, WORD_CONTEXT = 4 };

struct known_word {
    char *text; /* canonical */
    int kinds;
};

/* A word as the table writes it ("lungs"), where that is not its canonical form ("lung"). */
struct known_spelling {
    char *text;
    int word;
};

/* The words of a phrasing that carry meaning, each once, as indices of known words. */
struct known_alias {
    int concept;
    const char *text; /* borrowed from the concept */
    bool heldout;
    int words[CONCEPT_ALIAS_WORDS];
    int n_words;
};

struct concept_index {
    struct known_word *words;
    int n_words;
    struct known_spelling *spellings;
    int n_spellings;
    struct known_alias *aliases;
    int n_aliases;
    /* [concepts, n_words]: the word may stand beside an alias of the concept. */
    bool *beside;
};

MUST_CHECK ana_status concept_index_create(struct concept_index **out,
                                           const struct concepts *concepts, const char *label,
                                           ana_error *err);
void concept_index_free(struct concept_index *index);

/* Lower case, American, singular. False if the word is too long to be one. */
bool concept_word_canonical(char out[CONCEPT_WORD_SIZE], const char *word, size_t length);

#endif
