/* What people type when they mean a concept, and what they type when they mean nothing that we
 * know.
 *
 * "please delineate every X visible here" and its like are left to tests: no template here says so.
 */
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "train/sampler.h"

/* %X is the phrasing, %M the kind of picture; templates with %M are passed over where that is
 * unknown. */
static const char *const templates[] = {
    "the %X",           "segment the %X",  "segment %X",           "%X in %M",
    "%X in the %M",     "a photo of %X",   "an image of the %X",   "find the %X",
    "show me the %X",   "%M of the %X",    "outline the %X",       "where is the %X",
    "all %X",           "%X segmentation", "please mark the %X",   "mask of the %X",
    "%X in this image", "%X on %M",        "a picture showing %X", "highlight %X in the %M",
};

static const char *const nonsense[] = {
    "volcanic rock", "bicycle",     "coffee cup", "the moon",      "traffic light", "keyboard",
    "giraffe",       "apple tree",  "mountain",   "a red car",     "sailing boat",  "guitar",
    "window frame",  "newspaper",   "cloud",      "hammer",        "banana",        "the sea",
    "umbrella",      "chess board", "violin",     "road sign",     "suitcase",      "penguin",
    "wooden chair",  "paper plane", "tea pot",    "snowflake",     "candle",        "garden hose",
    "tooth",         "hair",        "thyroid",    "uterus",        "ovary",         "appendix",
    "knee joint",    "optic disc",  "lens",       "cornea",        "fetus",         "placenta",
    "adrenal",       "skull",       "tongue",     "ear",           "fracture",      "cataract",
    "something",     "anything",    "nothing",    "asdf",          "lorem ipsum",   "hello",
    "text",          "background",  "noise",      "unknown thing", "blue square",   "left",
    "right",         "object",      "thing",      "qwerty",        "test",          "foo bar",
};

static const double chance_of_name = 0.4;     /* the canonical name instead of any phrasing */
static const double chance_of_template = 0.6; /* else the bare phrasing */
static const double chance_of_upper = 0.08, chance_of_capital = 0.08, chance_of_typo = 0.10;
enum {
    TYPO_LENGTH = 5,
    NONSENSE_COUNT = sizeof nonsense / sizeof nonsense[0],
    TEMPLATE_COUNT = sizeof templates / sizeof templates[0]
};

static char any_letter(struct random *random)
{
    return (char)('a' + random_below(random, 26));
}

static void random_letters(char out[WORDS_PHRASE_SIZE], struct random *random)
{
    const int64_t n_words = 1 + random_below(random, 2);
    size_t used = 0;

    for (int64_t w = 0; w < n_words; w++) {
        if (w)
            out[used++] = ' ';
        for (int64_t i = 4 + random_below(random, 6); i > 0; i--)
            out[used++] = any_letter(random);
    }
    out[used] = 0;
}

static const char *draw_alias(const struct concept *concept, struct random *random)
{
    if (random_uniform(random) < chance_of_name)
    return concept->name;
    return concept->aliases.items[random_below(random, concept->aliases.n)];
}

/* As much as fits; phrases are far shorter than the buffer. */
static void append(char out[WORDS_PHRASE_SIZE], const char *text, size_t length)
{
    const size_t used = strlen(out), room = WORDS_PHRASE_SIZE - 1 - used;
    const size_t n = length < room ? length : room;

    memcpy(out + used, text, n);
    out[used + n] = 0;
}

static void fill_template(char out[WORDS_PHRASE_SIZE], const char *pattern, const char *alias,
                          const char *modality)
{
    out[0] = 0;
    for (const char *p = pattern; *p;) {
        const char *mark = strchr(p, '%');
        append(out, p, mark ? (size_t)(mark - p) : strlen(p));
        if (!mark)
            return;
        const char *text = mark[1] == 'X' ? alias : modality;
        append(out, text, strlen(text));
        p = mark + 2;
    }
}

/* One letter wrong, missing or swapped inside one longer word; first letters are seldom wrong. */
static void make_typo(char *phrase, struct random *random)
{
    char *words[32];
    size_t lengths[32];
    int n = 0;

    for (char *p = phrase; *p && n < 32;) {
        const size_t length = strcspn(p, " ");
        if (length >= TYPO_LENGTH && strncmp(p, "right", 5) != 0) {
            words[n] = p;
            lengths[n++] = length;
        }
        p += length;
        p += *p == ' ';
    }
    if (!n)
        return;
    const int64_t w = random_below(random, n);
    char *at = words[w] + 1 + random_below(random, (int64_t)lengths[w] - 2);
    switch (random_below(random, 3)) {
    case 0:
        *at = any_letter(random);
        break;
    case 1:
        memmove(at, at + 1, strlen(at));
        break;
    default: {
        const char c = at[0];
        at[0] = at[1];
        at[1] = c;
    }
    }
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static void change_case(char *phrase, struct random *random)
{
    const double u = random_uniform(random);

    if (u < chance_of_upper)
        for (char *p = phrase; *p; p++)
            *p = upper(*p);
    else if (u < chance_of_upper + chance_of_capital)
        phrase[0] = upper(phrase[0]);
}

static void draw_nonsense(char out[WORDS_PHRASE_SIZE], struct random *random)
{
    if (random_uniform(random) < 0.3) {
        random_letters(out, random);
        return;
    }
    const char *text = nonsense[random_below(random, NONSENSE_COUNT)];
    fill_template(out, random_uniform(random) < 0.3 ? "segment the %X" : "%X", text, "");
}

void sampler_phrase(char out[WORDS_PHRASE_SIZE], const struct concepts *concepts, int concept,
                    const char *modality, struct random *random)
{
    if (concept < 0) {
        draw_nonsense(out, random);
        return;
    }
    const char *alias = draw_alias(&concepts->items[concept], random);
    const char *pattern = "%X";
    if (random_uniform(random) < chance_of_template) {
        pattern = templates[random_below(random, TEMPLATE_COUNT)];
        if (strstr(pattern, "%M") && !(modality && modality[0]))
            pattern = "%X";
    }
    fill_template(out, pattern, alias, modality ? modality : "");
    if (random_uniform(random) < chance_of_typo)
        make_typo(out, random);
    change_case(out, random);
}
