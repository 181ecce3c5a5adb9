/* One pass, with a stack of the names of open elements. */
#include "markup.h"

#include <stdio.h>
#include <string.h>

enum { DEEPEST = 64 };

static char message[160];

struct reader {
    const char *start, *at;
    struct markup_tag open[DEEPEST];
    int depth;
    void (*see)(void *user, const struct markup_tag *tag);
    void *user;
};

static const char *wrong(const struct reader *r, const char *what)
{
    int line = 1;

    for (const char *c = r->start; c < r->at; c++)
        line += *c == '\n';
    snprintf(message, sizeof message, "line %d: %s at \"%.40s\"", line, what, r->at);
    return message;
}

static size_t name_size(const char *at)
{
    return strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
}

/* "&amp;", "&#39;" */
static bool is_reference(const char *at)
{
    const char *name = at + (at[1] == '#' ? 2 : 1);
    const size_t n = name_size(name);

    return n > 0 && name[n] == ';';
}

bool markup_attribute(char *out, size_t size, const struct markup_tag *tag, const char *name)
{
    const char *at = tag->attributes, *end = at + tag->attributes_size;
    const size_t n = strlen(name);

    while (at < end) {
        at += strspn(at, " \n");
        const size_t this = name_size(at);
        if (this == 0 || at >= end)
            return false;
        const char *value = at + this + 2;
        const size_t value_size = strcspn(value, "\"");
        if (this == n && strncmp(at, name, n) == 0) {
            snprintf(out, size, "%.*s", (int)value_size, value);
            return true;
        }
        at = value + value_size + 1;
    }
    return false;
}

/* name="value" ..., up to > or />. */
static const char *read_attributes(struct reader *r, struct markup_tag *tag)
{
    char before[8];

    tag->attributes = r->at;
    while (*r->at != '>' && strncmp(r->at, "/>", 2) != 0) {
        const size_t space = strspn(r->at, " \n");
        const size_t n = name_size(r->at + space);
        if (space == 0 || (n == 0 && r->at[space] != '/' && r->at[space] != '>'))
            return wrong(r, "no attribute");
        r->at += space;
        if (n == 0)
            break;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)n, r->at);
        tag->attributes_size = (size_t)(r->at - tag->attributes);
        if (markup_attribute(before, sizeof before, tag, name))
            return wrong(r, "attribute given twice");
        r->at += n;
        if (strncmp(r->at, "=\"", 2) != 0)
            return wrong(r, "attribute without a quoted value");
        for (r->at += 2; *r->at && *r->at != '"'; r->at++)
            if (*r->at == '<' || (*r->at == '&' && !is_reference(r->at)))
                return wrong(r, "bare character in an attribute");
        if (!*r->at)
            return wrong(r, "unfinished attribute");
        r->at++;
    }
    tag->attributes_size = (size_t)(r->at - tag->attributes);
    return NULL;
}

static const char *read_opening(struct reader *r)
{
    struct markup_tag tag = {.name = r->at + 1, .name_size = name_size(r->at + 1)};

    if (tag.name_size == 0)
        return wrong(r, "bare <");
    r->at += 1 + tag.name_size;
    const char *error = read_attributes(r, &tag);
    if (error)
        return error;
    if (r->see)
        r->see(r->user, &tag);
    if (*r->at == '/') {
        r->at += 2;
        return NULL;
    }
    r->at++;
    if (r->depth == DEEPEST)
        return wrong(r, "nested too deeply");
    r->open[r->depth++] = tag;
    return NULL;
}

static const char *read_closing(struct reader *r)
{
    const size_t n = name_size(r->at + 2);
    const struct markup_tag *tag = r->depth > 0 ? &r->open[r->depth - 1] : NULL;

    if (!tag || tag->name_size != n || strncmp(tag->name, r->at + 2, n) != 0 || r->at[2 + n] != '>')
        return wrong(r, "closes what is not open");
    r->depth--;
    r->at += n + 3;
    return NULL;
}

const char *markup_check(const char *text, void (*see)(void *user, const struct markup_tag *tag),
                         void *user)
{
    static const char doctype[] = "<!DOCTYPE html>\n";
    struct reader r = {.start = text, .at = text, .see = see, .user = user};
    const char *error = NULL;
    int roots = 0;

    if (strncmp(text, doctype, sizeof doctype - 1) == 0)
        r.at += sizeof doctype - 1;
    while (*r.at && !error) {
        const bool outside = r.depth == 0;
        if (strncmp(r.at, "</", 2) == 0) {
            error = read_closing(&r);
        } else if (*r.at == '<') {
            error = outside && roots++ ? wrong(&r, "second root") : read_opening(&r);
        } else if ((*r.at == '&' && !is_reference(r.at)) || *r.at == '>' ||
                   ((unsigned char)*r.at < ' ' && *r.at != '\n' && *r.at != '\t')) {
            error = wrong(&r, "bare character");
        } else if (outside && *r.at != '\n') {
            error = wrong(&r, "text outside");
        } else {
            r.at++;
        }
    }
    return error ? error : r.depth > 0 || !roots ? wrong(&r, "ends too early") : NULL;
}
