/* The default model's table of concepts, and how phrases find their row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "text/concepts.h"
#include "text/words.h"

#define TABLE TEST_DATA "/../../models/mini/concepts.csv"

static struct concepts table;

static int set_up(void **state)
{
    uint8_t *csv;
    size_t size;
    ana_error err = {0};

    (void)state;
    if (file_read(&csv, &size, TABLE, 1 << 20, &err) ||
        concepts_parse(&table, (const char *)csv, "concepts.csv", &err)) {
        print_error("%s\n", err.message);
        return -1;
    }
    memory_free(csv);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    concepts_clear(&table);
    return 0;
}

static void table_is_complete(void **state)
{
    int headline = 0;

    (void)state;
    for (int i = 0; i < table.n; i++) {
        const struct concept *c = &table.items[i];
        headline += c->headline;
        assert_true(c->aliases.n >= 3);
        assert_int_equal(c->heldout.n, 2);
        assert_true(c->views.n >= 1);
        assert_true(c->laterality == LATERALITY_NONE || c->mirror != i);
    }
    assert_int_equal(headline, 10);
    const char *const kept_out[] = {"left kidney", "spleen", "aorta", "soft tissue sarcoma"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(concepts_find(&table, kept_out[i]), -1);
}

static bool list_has(const struct string_list *list, const char *phrase)
{
    char a[WORDS_PHRASE_SIZE], b[WORDS_PHRASE_SIZE];

    words_normalise(a, sizeof a, phrase);
    for (int i = 0; i < list->n; i++) {
        words_normalise(b, sizeof b, list->items[i]);
        if (strcmp(a, b) == 0)
            return true;
    }
    return false;
}

static void every_phrasing_finds_its_row(void **state)
{
    (void)state;
    for (int i = 0; i < table.n; i++) {
        const struct concept *c = &table.items[i];
        for (int k = 0; k < c->aliases.n + c->heldout.n; k++) {
            const bool heldout = k >= c->aliases.n;
            const char *phrase = heldout ? c->heldout.items[k - c->aliases.n] : c->aliases.items[k];
            struct concept_match match;
            concepts_resolve(&table, phrase, &match);
            if (match.verdict != CONCEPT_FOUND || match.concept != i)
                fail_msg("\"%s\" finds %s, expected %s", phrase,
                         match.concept < 0 ? "nothing" : table.items[match.concept].name, c->name);
            assert_int_equal(match.heldout, heldout);
            assert_false(match.typo);
            if (heldout)
                assert_false(list_has(&c->aliases, phrase));
        }
    }
}

static void understands_questions(void **state)
{
    static const char *const cases[][2] = {
        {"lung", "lungs"},
        {"Please segment the LUNGS in this chest X-ray.", "lungs"},
        {"both lungs", "lungs"},
        {"the left lung", "left lung"},
        {"left lungs", "left lung"},
        {"lung on the right", "right lung"},
        {"left and right lung", "lungs"},
        {"heart and lungs", "lungs and heart region"},
        {"tumour in the breast ultrasound image", "breast tumor"},
        {"malignant breast tumor", "breast tumor"},
        {"invasive ductal carcinoma of the breast", "breast tumor"},
        {"fibroadenoma", "breast tumor"},
        {"glioma brain tumor", "brain tumor"},
        {"meningioma", "brain tumor"},
        {"pituitary brain tumor", "brain tumor"},
        {"skin melanoma", "skin lesion"},
        {"adenoma", "polyp"},
        {"polyps in the colon", "polyp"},
        {"nucleus", "cell nuclei"},
        {"retinal vesels", "retinal vessels"},
        {"braintumor", NULL},
        {"brian tumor", "brain tumor"},
        {"lunhs", "lungs"},
        {"cell nudlei", "cell nuclei"},
        {"foot ulces", "foot ulcer"},
        {"polpys", "polyp"},
        {"lunh", NULL},
        {"livre", "liver"},
        {"oesophagus", "esophagus"},
        {"ground glass opacity", "ground glass opacities"},
        {"the polyp", "polyp"},
        {"a photo of a foot ulcer", "foot ulcer"},
        {"LV", "left ventricle"},
        {"right ventricle", NULL},
        {"right kidney", NULL},
        {"spleen", NULL},
        {"volcano", NULL},
        {"thymus", NULL},
        {"lung tumor", NULL},
        {"liver without tumor", NULL},
        {"no polyp", NULL},
        {"tumor", NULL},
        {"brain", NULL},
        {"left liver", NULL},
        {"", NULL},
        {"segment the image", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct concept_match match;
        concepts_resolve(&table, cases[i][0], &match);
        const char *found =
            match.verdict == CONCEPT_FOUND ? table.items[match.concept].name : "nothing";
        const char *expected = cases[i][1] ? cases[i][1] : "nothing";
        if (strcmp(found, expected) != 0)
            fail_msg("\"%s\" finds %s, expected %s", cases[i][0], found, expected);
    }
}

static void tells_what_is_wrong(void **state)
{
    struct concept_match match;

    (void)state;
    concepts_resolve(&table, "the liver and a volcano", &match);
    assert_int_equal(match.verdict, CONCEPT_UNKNOWN);
    assert_int_equal(match.concept, concepts_find(&table, "liver"));
    assert_string_equal(match.unknown, "volcano");
    concepts_resolve(&table, "liver and lungs", &match);
    assert_int_equal(match.verdict, CONCEPT_SEVERAL);
    assert_true(match.other >= 0 && match.other != match.concept);
    concepts_resolve(&table, "please, the image", &match);
    assert_int_equal(match.verdict, CONCEPT_NO_WORDS);
    concepts_resolve(&table, "brain", &match);
    assert_int_equal(match.verdict, CONCEPT_UNKNOWN);
    assert_string_equal(match.unknown, "brain");
    concepts_resolve(&table, "retinal vesels", &match);
    assert_true(match.typo);
}

static void survives_long_questions(void **state)
{
    char phrase[4000];
    struct concept_match match;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof phrase; i++)
        phrase[i] = (i % 60 == 59 || i < 300) && i % 2 ? ' ' : 'q';
    phrase[sizeof phrase - 1] = 0;
    concepts_resolve(&table, phrase, &match);
    assert_int_equal(match.verdict, CONCEPT_UNKNOWN);
    assert_true(strlen(match.unknown) < sizeof match.unknown);
}

static void refuses_bad_tables(void **state)
{
    static const char *const cases[][2] = {
        {"group\nx\n", "no column \"name\""},
        {"name,group\na\n", "line 2: 1 fields, expected 2"},
        {"name\na\n\na\n", "line 4: \"a\" again"},
        {"name,mirror\nleft ear,right ear\n", "do not mirror"},
        {"name,mirror\na,b\nb,\n", "do not mirror"},
        {"name,laterality\na,up\n", "laterality"},
        {"name,flip\na,200\n", "flip is \"200\""},
        {"name,flip\na,12345678901\n", "flip"},
        {"name,aliases\na,\"b\"\n", "quotes"},
        {"name\nthe\n", "says what it is"},
        {"name,group\n,x\n", "no name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct concepts bad;
        ana_error err = {0};
        assert_int_not_equal(concepts_parse(&bad, cases[i][0], "t.csv", &err), ANA_OK);
        assert_null(bad.items);
        if (!strstr(err.message, cases[i][1]))
            fail_msg("\"%s\" lacks \"%s\"", err.message, cases[i][1]);
    }
}

static void reads_tiles(void **state)
{
    static const char csv[] = "name,tiles\nliver,\nspleen,yes\nvessels,3\nnuclei,no\n";
    static const char *const wrong[] = {"name,tiles\nliver,1\n", "name,tiles\nliver,9\n",
                                        "name,tiles\nliver,22\n", "name,tiles\nliver,often\n"};
    struct concepts read;
    ana_error err;

    (void)state;
    assert_int_equal(concepts_parse(&read, csv, "table", NULL), ANA_OK);
    const bool tiles[] = {false, true, true, false};
    const int grids[] = {0, 0, 3, 0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(read.items[i].tiles, tiles[i]);
        assert_int_equal(read.items[i].tile_grid, grids[i]);
    }
    concepts_clear(&read);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(concepts_parse(&read, wrong[i], "table", &err), ANA_ERR_FORMAT);
        assert_non_null(strstr(err.message, "tiles"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_complete),
        cmocka_unit_test(every_phrasing_finds_its_row),
        cmocka_unit_test(understands_questions),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(survives_long_questions),
        cmocka_unit_test(refuses_bad_tables),
        cmocka_unit_test(reads_tiles),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
