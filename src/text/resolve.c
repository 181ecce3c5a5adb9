/* From a phrase to a concept.
 *
 * A phrase is a bag of canonical words. An alias fits if all its words that carry meaning are in
 * the bag; the one with the most words wins, so "left lung" is not "lungs" and "tumor in the
 * breast" is "breast tumor". What is left over must be ignorable, or belong beside that concept.
 * Otherwise the phrase asks for something else ("lung tumor", "no polyp") and is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "text/concepts_internal.h"
#include "text/words.h"

enum { MAX_TOKENS = 48, MEND_LENGTH = 5 };

/* Words that say nothing about what is meant: requests, pictures, looks. Not "no", "without",
 * "left". */
static const char ignorable[] =
    "a an the of in on at by from to for and or with this that these those it its is are be being "
    "my your our their his her me us we you i please can could would will "
    "segment segmentation find show mark outline delineate delineation highlight trace draw locate "
    "detect extract identify label give get see select where which what "
    "image images picture pictures photo photograph photography scan scanning slice slices frame "
    "mask masks figure view views section sections pixel pixels "
    "mri mr ct cta cect xray x ray radiograph radiography radiographic roentgenogram ultrasound "
    "sonogram sonography ultrasonography echography endoscopy endoscopic colonoscopy dermoscopy "
    "dermatoscopy dermoscopic fundus microscopy micrograph microscope microscopic histology "
    "histopathology fluorescence fluorescent light electron em tem clinical medical cmr cxr "
    "tomography "
    "computed magnetic resonance imaging t1 t2 t1c t1w t2w flair weighted contrast enhanced plain "
    "axial coronal sagittal frontal lateral pa ap 2d short axis grayscale gray color colored "
    "all every each any entire whole complete full single one visible seen present here there "
    "shown "
    "displayed depicted containing appearing inside within area areas region regions zone "
    "structure "
    "structures part parts portion object objects shape contour boundary patient s person human "
    "body "
    "small large big tiny huge medium benign malignant suspicious abnormal possible normal healthy "
    "round oval irregular circular white dark bright black red brown pink yellow "
    "invasive ductal lobular primary";

static bool is_known(const struct concept_index *index, const char *word, int *at)
{
    for (int i = 0; i < index->n_words; i++)
        if (strcmp(index->words[i].text, word) == 0) {
            *at = i;
            return true;
        }
    return false;
}

/* Index of the word, added if new; -1 when out of memory. */
static int add_word(struct concept_index *index, const char *word, int kind)
{
    int at;

    if (!is_known(index, word, &at)) {
        const size_t size = ((size_t)index->n_words + 1) * sizeof *index->words;
        struct known_word *words = memory_resize(index->words, size);
        if (!words)
            return -1;
        index->words = words;
        at = index->n_words;
        words[at] = (struct known_word){memory_copy_string(word), 0};
        if (!words[at].text)
            return -1;
        index->n_words++;
    }
    index->words[at].kinds |= kind;
    return at;
}

/* A word of a phrase. */
struct spelt_word {
    char raw[CONCEPT_WORD_SIZE];       /* as written, normalised */
    char canonical[CONCEPT_WORD_SIZE]; /* as compared */
};

/* The next word of a normalised phrase; false at its end. Overlong words are passed over. */
static bool next_word(struct spelt_word *word, const char **at)
{
    while (**at) {
        const char *start = *at;
        const size_t length = strcspn(start, " ");
        *at = start + length + (start[length] == ' ');
        if (concept_word_canonical(word->canonical, start, length)) {
            memcpy(word->raw, start, length);
            word->raw[length] = 0;
            return true;
        }
    }
    return false;
}

/* False when out of memory. */
static bool add_spelling(struct concept_index *index, const char *text, int word)
{
    for (int i = 0; i < index->n_spellings; i++)
        if (strcmp(index->spellings[i].text, text) == 0)
            return true;
    const size_t size = ((size_t)index->n_spellings + 1) * sizeof *index->spellings;
    struct known_spelling *spellings = memory_resize(index->spellings, size);
    if (!spellings)
        return false;
    index->spellings = spellings;
    spellings[index->n_spellings] = (struct known_spelling){memory_copy_string(text), word};
    if (!spellings[index->n_spellings].text)
        return false;
    index->n_spellings++;
    return true;
}

/* Index of the word and its spelling, added if new; -1 when out of memory. */
static int add_spelt_word(struct concept_index *index, const struct spelt_word *word, int kind)
{
    const int at = add_word(index, word->canonical, kind);

    if (at < 0 || strcmp(word->raw, word->canonical) == 0)
        return at;
    return add_spelling(index, word->raw, at) ? at : -1;
}

static bool add_words_of(struct concept_index *index, const char *phrase, int kind)
{
    char plain[4096];
    struct spelt_word word;

    words_normalise(plain, sizeof plain, phrase);
    for (const char *p = plain; next_word(&word, &p);)
        if (add_spelt_word(index, &word, kind) < 0)
            return false;
    return true;
}

static ana_status add_alias(struct concept_index *index, int concept, const char *text,
                            bool heldout, const char *label, ana_error *err)
{
    char plain[WORDS_PHRASE_SIZE];
    struct spelt_word word;
    struct known_alias alias = {.concept = concept, .text = text, .heldout = heldout};

    words_normalise(plain, sizeof plain, text);
    for (const char *p = plain; next_word(&word, &p);) {
        const int at = add_spelt_word(index, &word, 0);
        if (at < 0)
            return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", label);
        bool seen = (index->words[at].kinds & WORD_STOP) != 0;
        for (int i = 0; i < alias.n_words; i++)
            seen = seen || alias.words[i] == at;
        if (seen)
            continue;
        if (alias.n_words == CONCEPT_ALIAS_WORDS)
            return ana_fail(err, ANA_ERR_LIMIT, "%s: too many words in \"%s\"", label, text);
        index->words[at].kinds |= WORD_ALIAS;
        alias.words[alias.n_words++] = at;
    }
    if (!alias.n_words)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: no word of \"%s\" says what it is", label, text);
    const size_t size = ((size_t)index->n_aliases + 1) * sizeof *index->aliases;
    struct known_alias *aliases = memory_resize(index->aliases, size);
    if (!aliases)
        return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", label);
    index->aliases = aliases;
    aliases[index->n_aliases++] = alias;
    return ANA_OK;
}

/* Words of its context and of its own other phrasings may stand beside an alias. */
static bool fill_beside(struct concept_index *index, const struct concepts *concepts)
{
    const size_t n_words = (size_t)index->n_words;
    char plain[WORDS_PHRASE_SIZE];
    struct spelt_word word;
    int at;

    index->beside = memory_alloc_array_zeroed((size_t)concepts->n * n_words, sizeof(bool));
    if (!index->beside)
        return false;
    for (int a = 0; a < index->n_aliases; a++)
        for (int i = 0; i < index->aliases[a].n_words; i++)
            index->beside[(size_t)index->aliases[a].concept * n_words +
                          (size_t)index->aliases[a].words[i]] = true;
    for (int c = 0; c < concepts->n; c++)
        for (int k = 0; k < concepts->items[c].context.n; k++) {
            words_normalise(plain, sizeof plain, concepts->items[c].context.items[k]);
            for (const char *p = plain; next_word(&word, &p);)
                if (is_known(index, word.canonical, &at))
                    index->beside[(size_t)c * n_words + (size_t)at] = true;
        }
    return true;
}

static ana_status add_concept(struct concept_index *index, int c, const struct concept *concept,
                              const char *label, ana_error *err)
{
    for (int k = 0; k < concept->context.n; k++)
        if (!add_words_of(index, concept->context.items[k], WORD_CONTEXT))
            return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", label);
    for (int k = 0; k < concept->aliases.n + concept->heldout.n; k++) {
        const bool heldout = k >= concept->aliases.n;
        const char *text =
            heldout ? concept->heldout.items[k - concept->aliases.n] : concept->aliases.items[k];
        const ana_status status = add_alias(index, c, text, heldout, label, err);
        if (status)
            return status;
    }
    return ANA_OK;
}

ana_status concept_index_create(struct concept_index **out, const struct concepts *concepts,
                                const char *label, ana_error *err)
{
    struct concept_index *index = memory_alloc_zeroed(sizeof *index);

    *out = NULL;
    if (!index)
        return ana_fail_memory(err, sizeof *index);
    ana_status status = ANA_OK;
    if (!add_words_of(index, ignorable, WORD_STOP))
        status = ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", label);
    for (int c = 0; c < concepts->n && !status; c++)
        status = add_concept(index, c, &concepts->items[c], label, err);
    if (!status && !fill_beside(index, concepts))
        status = ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", label);
    if (status) {
        concept_index_free(index);
        return status;
    }
    *out = index;
    return ANA_OK;
}

void concept_index_free(struct concept_index *index)
{
    if (!index)
        return;
    for (int i = 0; i < index->n_words; i++)
        memory_free(index->words[i].text);
    memory_free(index->words);
    for (int i = 0; i < index->n_spellings; i++)
        memory_free(index->spellings[i].text);
    memory_free(index->spellings);
    memory_free(index->aliases);
    memory_free(index->beside);
    memory_free(index);
}

/* One letter wrong, missing, too many, or two neighbours swapped. */
static bool one_edit_apart(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    size_t i = 0;

    if (n > m)
        return one_edit_apart(b, a);
    if (m > n + 1)
        return false;
    while (i < n && a[i] == b[i])
        i++;
    if (n < m)
        return strcmp(a + i, b + i + 1) == 0;
    if (i == n)
        return false;
    if (strcmp(a + i + 1, b + i + 1) == 0)
        return true;
    return i + 1 < n && a[i] == b[i + 1] && a[i + 1] == b[i] && strcmp(a + i + 2, b + i + 2) == 0;
}

static bool is_misspelling(const struct spelt_word *word, const char *known)
{
    return strlen(known) >= MEND_LENGTH - 1 &&
           (one_edit_apart(word->raw, known) || one_edit_apart(word->canonical, known));
}

static bool names_something(const struct concept_index *index, int word)
{
    return word >= 0 && (index->words[word].kinds & WORD_ALIAS);
}

/* The known word that a misspelt one stands for, words of names first; -1 if none. Compared with
 * canonical words and with words as the table writes them: the singular of "lunhs" is not "lung"
 * misspelt once, but "lunhs" is "lungs" misspelt once. */
static int mend(const struct concept_index *index, const struct spelt_word *word)
{
    int best = -1;

    if (strlen(word->raw) < MEND_LENGTH)
        return -1;
    for (int i = 0; i < index->n_words; i++)
        if (is_misspelling(word, index->words[i].text) &&
            (best < 0 || (names_something(index, i) && !names_something(index, best))))
            best = i;
    for (int i = 0; i < index->n_spellings; i++) {
        const int meant = index->spellings[i].word;
        if (is_misspelling(word, index->spellings[i].text) &&
            (best < 0 || (names_something(index, meant) && !names_something(index, best))))
            best = meant;
    }
    return best;
}

/* What was asked, as known words. */
struct question {
    char plain[WORDS_PHRASE_SIZE];
    struct spelt_word text[MAX_TOKENS];
    int word[MAX_TOKENS]; /* -1: not known */
    bool used[MAX_TOKENS];
    int n;
    int n_meaning; /* words that are not ignorable */
    bool typo;
};

static void read_question(struct question *q, const struct concept_index *index, const char *phrase)
{
    words_normalise(q->plain, sizeof q->plain, phrase);
    for (const char *p = q->plain; q->n < MAX_TOKENS && next_word(&q->text[q->n], &p); q->n++) {
        int at = -1;
        if (!is_known(index, q->text[q->n].canonical, &at)) {
            at = mend(index, &q->text[q->n]);
            q->typo = q->typo || at >= 0;
        }
        q->word[q->n] = at;
        q->n_meaning += at < 0 || !(index->words[at].kinds & WORD_STOP);
    }
}

static bool question_has(const struct question *q, int word)
{
    for (int i = 0; i < q->n; i++)
        if (q->word[i] == word && !q->used[i])
            return true;
    return false;
}

static bool alias_fits(const struct question *q, const struct known_alias *alias)
{
    for (int i = 0; i < alias->n_words; i++)
        if (!question_has(q, alias->words[i]))
            return false;
    return true;
}

/* Most words first; of equals the one that is written just so, then the first in the table. */
static const struct known_alias *best_alias(const struct question *q,
                                            const struct concept_index *index)
{
    const struct known_alias *best = NULL;
    int best_score = 0;

    for (int a = 0; a < index->n_aliases; a++) {
        const struct known_alias *alias = &index->aliases[a];
        if (2 * alias->n_words + 1 <= best_score || !alias_fits(q, alias))
            continue;
        char plain[WORDS_PHRASE_SIZE];
        words_normalise(plain, sizeof plain, alias->text);
        const int score = 2 * alias->n_words + (strcmp(plain, q->plain) == 0);
        if (score > best_score) {
            best = alias;
            best_score = score;
        }
    }
    return best;
}

static void mark_used(struct question *q, const struct known_alias *alias)
{
    for (int i = 0; i < q->n; i++)
        for (int k = 0; k < alias->n_words; k++)
            if (q->word[i] == alias->words[k])
                q->used[i] = true;
}

static void add_unknown(struct concept_match *out, const char *word)
{
    const size_t used = strlen(out->unknown), length = strlen(word);

    if (used + length + 3 > sizeof out->unknown)
        return;
    memcpy(out->unknown + used, used ? ", " : "", used ? 3 : 1);
    memcpy(out->unknown + strlen(out->unknown), word, length + 1);
}

/* Judges the words that the alias leaves over. */
static void judge_rest(struct concept_match *out, struct question *q,
                       const struct concept_index *index, const bool *beside)
{
    for (int i = 0; i < q->n; i++) {
        const int w = q->word[i];
        if (w >= 0 && ((index->words[w].kinds & WORD_STOP) || (beside && beside[w])))
            q->used[i] = true;
        if (!q->used[i])
            add_unknown(out, q->text[i].raw);
    }
    if (!out->unknown[0])
        return;
    out->verdict = CONCEPT_UNKNOWN;
    const struct known_alias *second = out->concept >= 0 ? best_alias(q, index) : NULL;
    if (second && second->concept != out->concept) {
        out->verdict = CONCEPT_SEVERAL;
        out->other = second->concept;
    }
}

void concepts_resolve(const struct concepts *concepts, const char *phrase,
                      struct concept_match *out)
{
    const struct concept_index *index = concepts->index;
    struct question q = {0};

    *out = (struct concept_match){.verdict = CONCEPT_NO_WORDS, .concept = -1, .other = -1};
    read_question(&q, index, phrase);
    out->typo = q.typo;
    if (!q.n_meaning)
        return;
    const struct known_alias *best = best_alias(&q, index);
    out->verdict = CONCEPT_FOUND;
    if (best) {
        out->concept = best->concept;
        out->alias = best->text;
        out->heldout = best->heldout;
        mark_used(&q, best);
    }
    judge_rest(out, &q, index,
               best ? index->beside + (size_t)best->concept * (size_t)index->n_words : NULL);
    if (!best)
        out->verdict = CONCEPT_UNKNOWN;
}
