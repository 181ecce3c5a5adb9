/* Is a text well-formed XML, as far as pages of ours use it? Elements nest, attributes are quoted
 * and not repeated, < and & stand for themselves nowhere. */
#ifndef ANA_TESTS_MARKUP_H
#define ANA_TESTS_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

/* An element's opening tag; values are as written, references included. */
struct markup_tag {
    const char *name;
    size_t name_size;
    const char *attributes; /* up to the closing > */
    size_t attributes_size;
};

/* Copies an attribute's value, cut to size; false if the tag has none of that name. */
bool markup_attribute(char *out, size_t size, const struct markup_tag *tag, const char *name);

/* NULL if all is well, else what is wrong, good until the next call. `see` may be NULL. */
const char *markup_check(const char *text, void (*see)(void *user, const struct markup_tag *tag),
                         void *user);

#endif
