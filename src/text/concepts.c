/* Reads the table of concepts. */
#include "text/concepts.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "text/concepts_internal.h"

/* ORDER concept columns */
enum column {
    COLUMN_NAME,
    COLUMN_GROUP,
    COLUMN_HEADLINE,
    COLUMN_LESION,
    COLUMN_VIEWS,
    COLUMN_LATERALITY,
    COLUMN_MIRROR,
    COLUMN_TURNS,
    COLUMN_FLIP,
    COLUMN_TILES,
    COLUMN_CONTEXT,
    COLUMN_ALIASES,
    COLUMN_HELDOUT,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    "name",  "group", "headline", "lesion",  "views",   "laterality", "mirror",
    "turns", "flip",  "tiles",    "context", "aliases", "heldout"};

enum { DEFAULT_FLIP = 50, MAX_FIELDS = 64 };

/* A piece of the text being read. */
struct piece {
    const char *at;
    size_t length;
};

struct reader {
    const char *at;
    const char *label;
    int line;
    int fields_expected;
    int column_of[COLUMN_COUNT]; /* field that holds it, or -1 */
};

static struct piece trimmed(const char *at, size_t length)
{
    while (length && (*at == ' ' || *at == '\t')) {
        at++;
        length--;
    }
    while (length && (at[length - 1] == ' ' || at[length - 1] == '\t'))
        length--;
    return (struct piece){at, length};
}

/* Next line that is not empty, split at commas. *n is 0 at the end. */
static ana_status read_fields(struct piece fields[MAX_FIELDS], int *n, struct reader *r,
                              ana_error *err)
{
    *n = 0;
    while (*r->at) {
        const size_t whole = strcspn(r->at, "\n");
        size_t length = whole;
        const char *p = r->at;
        r->at += whole + (r->at[whole] == '\n');
        r->line++;
        if (length && p[length - 1] == '\r')
            length--;
        if (!length)
            continue;
        if (memchr(p, '"', length))
            return ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: quotes are not supported", r->label,
                            r->line);
        for (const char *end = p + length;;) {
            const char *comma = memchr(p, ',', (size_t)(end - p));
            const char *stop = comma ? comma : end;
            if (*n == MAX_FIELDS)
                return ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: too many fields", r->label,
                                r->line);
            fields[(*n)++] = trimmed(p, (size_t)(stop - p));
            if (!comma)
                return ANA_OK;
            p = comma + 1;
        }
    }
    return ANA_OK;
}

static bool piece_is(struct piece piece, const char *text)
{
    return strlen(text) == piece.length && memcmp(piece.at, text, piece.length) == 0;
}

static ana_status read_header(struct reader *r, ana_error *err)
{
    struct piece fields[MAX_FIELDS];
    int n;
    const ana_status status = read_fields(fields, &n, r, err);

    if (status)
        return status;
    r->fields_expected = n;
    for (int c = 0; c < COLUMN_COUNT; c++) {
        r->column_of[c] = -1;
        for (int i = 0; i < n; i++)
            if (piece_is(fields[i], column_names[c]))
                r->column_of[c] = i;
    }
    if (r->column_of[COLUMN_NAME] < 0)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: no column \"name\"", r->label);
    return ANA_OK;
}

static struct piece cell(const struct reader *r, const struct piece *fields, enum column column)
{
    const int at = r->column_of[column];
    return at < 0 ? (struct piece){"", 0} : fields[at];
}

static char *copy_piece(struct piece piece)
{
    char *copy = memory_alloc(piece.length + 1);
    if (copy) {
        memcpy(copy, piece.at, piece.length);
        copy[piece.length] = 0;
    }
    return copy;
}

static bool list_add(struct string_list *list, struct piece piece)
{
    char **items = memory_resize(list->items, ((size_t)list->n + 1) * sizeof *items);

    if (!items)
        return false;
    list->items = items;
    items[list->n] = copy_piece(piece);
    if (!items[list->n])
        return false;
    list->n++;
    return true;
}

/* Parts between "|", empty ones left out. False when out of memory. */
static bool list_split(struct string_list *list, struct piece piece)
{
    const char *p = piece.at, *end = piece.at + piece.length;

    while (p < end) {
        const char *bar = memchr(p, '|', (size_t)(end - p));
        const char *stop = bar ? bar : end;
        const struct piece part = trimmed(p, (size_t)(stop - p));
        if (part.length && !list_add(list, part))
            return false;
        p = stop + 1;
    }
    return true;
}

static void list_clear(struct string_list *list)
{
    for (int i = 0; i < list->n; i++)
        memory_free(list->items[i]);
    memory_free(list->items);
    *list = (struct string_list){0};
}

static void concept_clear(struct concept *concept)
{
    memory_free(concept->name);
    memory_free(concept->group);
    memory_free(concept->mirror_name);
    list_clear(&concept->views);
    list_clear(&concept->context);
    list_clear(&concept->aliases);
    list_clear(&concept->heldout);
}

static ana_status read_flip(struct concept *out, const struct reader *r, struct piece text,
                            ana_error *err)
{
    char number[8];
    long long value = DEFAULT_FLIP;

    if (text.length >= sizeof number)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: flip is not a number", r->label,
                        r->line);
    memcpy(number, text.at, text.length);
    number[text.length] = 0;
    if (text.length && (!string_to_int64(number, &value) || value < 0 || value > 100))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: flip is \"%s\", expected 0 to 100",
                        r->label, r->line, number);
    out->flip_percent = (int)value;
    return ANA_OK;
}

/* "", "yes", or a number of tiles. */
static ana_status read_tiles(struct concept *out, const struct reader *r, struct piece text,
                             ana_error *err)
{
    if (text.length == 1 && *text.at >= '2' && *text.at <= '0' + CONCEPT_MOST_TILES)
        out->tile_grid = *text.at - '0';
    else if (text.length && !piece_is(text, "yes") && !piece_is(text, "no"))
        return ana_fail(err, ANA_ERR_FORMAT,
                        "%s: line %d: tiles is \"%.*s\", expected yes or 2 to %d", r->label,
                        r->line, (int)(text.length < 20 ? text.length : 20), text.at,
                        CONCEPT_MOST_TILES);
    out->tiles = out->tile_grid > 0 || piece_is(text, "yes");
    return ANA_OK;
}

static ana_status read_concept(struct concept *out, const struct reader *r,
                               const struct piece *fields, ana_error *err)
{
    const struct piece name = cell(r, fields, COLUMN_NAME);
    const struct piece side = cell(r, fields, COLUMN_LATERALITY);

    if (!name.length)
        return ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: no name", r->label, r->line);
    if (side.length && !piece_is(side, "left") && !piece_is(side, "right"))
        return ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: laterality is neither left nor right",
                        r->label, r->line);
    out->laterality = piece_is(side, "left")    ? LATERALITY_LEFT
                      : piece_is(side, "right") ? LATERALITY_RIGHT
                                                : LATERALITY_NONE;
    out->headline = piece_is(cell(r, fields, COLUMN_HEADLINE), "yes");
    out->lesion = piece_is(cell(r, fields, COLUMN_LESION), "yes");
    out->turns_any = piece_is(cell(r, fields, COLUMN_TURNS), "any");
    out->name = copy_piece(name);
    out->group = copy_piece(cell(r, fields, COLUMN_GROUP));
    out->mirror_name = copy_piece(cell(r, fields, COLUMN_MIRROR));
    if (!out->name || !out->group || !out->mirror_name ||
        !list_split(&out->views, cell(r, fields, COLUMN_VIEWS)) ||
        !list_split(&out->context, cell(r, fields, COLUMN_CONTEXT)) ||
        !list_add(&out->aliases, name) ||
        !list_split(&out->aliases, cell(r, fields, COLUMN_ALIASES)) ||
        !list_split(&out->heldout, cell(r, fields, COLUMN_HELDOUT)))
        return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", r->label);
    const ana_status status = read_tiles(out, r, cell(r, fields, COLUMN_TILES), err);
    return status ? status : read_flip(out, r, cell(r, fields, COLUMN_FLIP), err);
}

static ana_status add_concept(struct concepts *out, const struct reader *r,
                              const struct piece *fields, ana_error *err)
{
    struct concept *items = memory_resize(out->items, ((size_t)out->n + 1) * sizeof *items);

    if (!items)
        return ana_fail(err, ANA_ERR_MEMORY, "%s: out of memory", r->label);
    out->items = items;
    items[out->n] = (struct concept){0};
    const ana_status status = read_concept(&items[out->n], r, fields, err);
    if (status) {
        concept_clear(&items[out->n]);
        return status;
    }
    if (concepts_find(out, items[out->n].name) >= 0) {
        const ana_status twice = ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: \"%s\" again",
                                          r->label, r->line, items[out->n].name);
        concept_clear(&items[out->n]);
        return twice;
    }
    out->n++;
    return ANA_OK;
}

/* Twins must name each other, or a flipped picture would be asked for what it no longer shows. */
static ana_status link_mirrors(struct concepts *concepts, const char *label, ana_error *err)
{
    for (int i = 0; i < concepts->n; i++) {
        struct concept *c = &concepts->items[i];
        c->mirror = c->mirror_name[0] ? concepts_find(concepts, c->mirror_name) : i;
        if (c->mirror < 0 ||
            (c->mirror != i && strcmp(concepts->items[c->mirror].mirror_name, c->name) != 0))
            return ana_fail(err, ANA_ERR_FORMAT, "%s: \"%s\" and \"%s\" do not mirror each other",
                            label, c->name, c->mirror_name);
    }
    return ANA_OK;
}

ana_status concepts_parse(struct concepts *out, const char *csv, const char *label, ana_error *err)
{
    struct concepts table = {0};
    struct reader r = {.at = csv, .label = label};
    struct piece fields[MAX_FIELDS];
    int n = 0;

    *out = table;
    ana_status status = read_header(&r, err);
    while (!status) {
        status = read_fields(fields, &n, &r, err);
        if (status || !n)
            break;
        if (n != r.fields_expected)
            status = ana_fail(err, ANA_ERR_FORMAT, "%s: line %d: %d fields, expected %d", label,
                              r.line, n, r.fields_expected);
        else
            status = add_concept(&table, &r, fields, err);
    }
    if (!status)
        status = link_mirrors(&table, label, err);
    if (!status)
        status = concept_index_create(&table.index, &table, label, err);
    if (status) {
        concepts_clear(&table);
        return status;
    }
    *out = table;
    return ANA_OK;
}

void concepts_clear(struct concepts *concepts)
{
    for (int i = 0; i < concepts->n; i++)
        concept_clear(&concepts->items[i]);
    memory_free(concepts->items);
    concept_index_free(concepts->index);
    *concepts = (struct concepts){0};
}

int concepts_find(const struct concepts *concepts, const char *name)
{
    for (int i = 0; i < concepts->n; i++)
        if (strcmp(concepts->items[i].name, name) == 0)
            return i;
    return -1;
}
