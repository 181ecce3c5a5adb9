/* One spelling for each word: American, singular. Both the table and the question pass through
 * here, so a rule that mangles a word ("pancreas") does no harm as long as it always does. */
#include <string.h>

#include "text/concepts_internal.h"

static const char *const british[][2] = {
    {"tumour", "tumor"}, {"oesoph", "esoph"},      {"naev", "nev"},
    {"haem", "hem"},     {"oedema", "edema"},      {"colour", "color"},
    {"grey", "gray"},    {"leucocyt", "leukocyt"}, {"foetal", "fetal"},
};

static const char *const irregular[][2] = {
    {"nuclei", "nucleus"},         {"bronchi", "bronchus"},
    {"hippocampi", "hippocampus"}, {"nevi", "nevus"},
    {"vertebrae", "vertebra"},     {"nuclear", "nucleus"},
    {"ulcerated", "ulcer"},        {"ulceration", "ulcer"},
    {"ulcerations", "ulcer"},      {"metastases", "metastasis"},
};

static bool ends_with(const char *word, size_t length, const char *ending)
{
    const size_t n = strlen(ending);
    return length > n && memcmp(word + length - n, ending, n) == 0;
}

static void replace_british(char word[CONCEPT_WORD_SIZE])
{
    for (size_t i = 0; i < sizeof british / sizeof british[0]; i++) {
        const size_t old = strlen(british[i][0]), new = strlen(british[i][1]);
        if (strncmp(word, british[i][0], old) == 0) {
            memmove(word + new, word + old, strlen(word + old) + 1);
            memcpy(word, british[i][1], new);
            return;
        }
    }
}

static void make_singular(char word[CONCEPT_WORD_SIZE])
{
    const size_t length = strlen(word);

    for (size_t i = 0; i < sizeof irregular / sizeof irregular[0]; i++)
        if (strcmp(word, irregular[i][0]) == 0) {
            memcpy(word, irregular[i][1], strlen(irregular[i][1]) + 1);
            return;
        }
    if (ends_with(word, length, "ies") && length > 4) {
        memcpy(word + length - 3, "y", 2);
    } else if (ends_with(word, length, "sses")) {
        word[length - 2] = 0;
    } else if (ends_with(word, length, "s") && length > 3 && !strchr("sui", word[length - 2])) {
        word[length - 1] = 0;
    }
}

bool concept_word_canonical(char out[CONCEPT_WORD_SIZE], const char *word, size_t length)
{
    /* Room for the longest irregular replacement. */
    if (length == 0 || length + 8 > CONCEPT_WORD_SIZE)
        return false;
    memcpy(out, word, length);
    out[length] = 0;
    replace_british(out);
    make_singular(out);
    return true;
}
