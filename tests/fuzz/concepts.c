/* The table of concepts, and phrases that are looked for in it: those of the table itself, and what
 * stands behind a form feed in the input. */
#include "text/concepts.h"

#include <string.h>

#include "base/memory.h"
#include "fuzz.h"

static void resolve(const struct concepts *concepts, const char *phrase)
{
    struct concept_match match;

    concepts_resolve(concepts, phrase, &match);
    EXPECT(match.concept >= -1 && match.concept < concepts->n);
    EXPECT(match.other >= -1 && match.other < concepts->n);
    EXPECT(match.verdict != CONCEPT_FOUND || match.concept >= 0);
    EXPECT(memchr(match.unknown, '\0', sizeof match.unknown));
}

static void visit(const struct concepts *concepts, const char *phrase)
{
    for (int c = 0; c < concepts->n; c++) {
        const struct concept *concept = &concepts->items[c];
        EXPECT(concepts_find(concepts, concept->name) >= 0);
        EXPECT(concept->mirror >= 0 && concept->mirror < concepts->n);
        EXPECT(concept->flip_percent >= 0 && concept->flip_percent <= 100);
        for (int k = 0; k < concept->aliases.n; k++)
            resolve(concepts, concept->aliases.items[k]);
        for (int k = 0; k < concept->heldout.n; k++)
            resolve(concepts, concept->heldout.items[k]);
    }
    resolve(concepts, phrase);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct concepts concepts;
    ana_error err = {0};

    char *table = fuzz_text(data, size);
    char *phrase = strchr(table, '\f');
    if (phrase)
        *phrase++ = '\0';
    const ana_status status = concepts_parse(&concepts, table, "table", &err);
    if (!status)
        visit(&concepts, phrase ? phrase : "");
    concepts_clear(&concepts);
    memory_free(table);
    fuzz_end(status, &err);
    return 0;
}
