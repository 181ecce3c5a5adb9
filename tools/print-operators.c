/* Prints docs/operators.md from the registry of operators, or tells where a page differs from it.
 *
 *     print_operators > docs/operators.md
 *     print_operators docs/operators.md
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "nn/ops/registry.h"

static const char head[] =
    "# Operators\n"
    "\n"
    "What a graph can be built of (`src/nn/ops.h`). *fast*: a SIMD kernel carries it, or it only\n"
    "moves elements by one. *reference only*: plain C, right and threaded, but not tuned.\n"
    "Where the forms of an operator differ, each has its row.\n"
    "\n"
    "This page is printed by `print_operators > docs/operators.md` from the registry; the test\n"
    "`check.operators` fails when it is old.\n"
    "\n"
    "| operator | form | forward | gradient |\n"
    "|---|---|---|---|\n";

static const char *speed(bool fast)
{
    return fast ? "fast" : "reference only";
}

static void print_operator(struct text *page, const struct nn_op *op)
{
    const struct op_variant whole[] = {{"", op->fast, op->fast}, {NULL, false, false}};
    for (const struct op_variant *v = op->variants ? op->variants : whole; v->name; v++)
        text_appendf(page, "| %s | %s | %s | %s |\n", op->name, v->name, speed(v->fast_forward),
                     op->backward ? speed(v->fast_backward) : "none");
}

enum { PAGE_LIMIT = 1 << 20 };

static int compare(const struct text *page, const char *path)
{
    ana_error err = {0};
    uint8_t *old = NULL;
    size_t size = 0;
    if (file_read(&old, &size, path, PAGE_LIMIT, &err)) {
        fprintf(stderr, "print_operators: %s\n", err.message);
        return 1;
    }
    const bool same = size == page->size && memcmp(old, page->data, size) == 0;
    if (!same)
        fprintf(stderr, "%s is not what the registry says: print_operators > docs/operators.md\n",
                path);
    memory_free(old);
    return same ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct text page = {0};
    if (argc > 2) {
        fprintf(stderr, "usage: print_operators [PAGE]\n");
        return 2;
    }
    text_append(&page, head);
    for (int i = 0; nn_op_at(i); i++)
        print_operator(&page, nn_op_at(i));
    if (page.failed) {
        fprintf(stderr, "print_operators: out of memory\n");
        return 1;
    }
    int code = 0;
    if (argc == 2)
        code = compare(&page, argv[1]);
    else
        fputs(text_string(&page), stdout);
    text_clear(&page);
    return code;
}
