/* Which folders a report may replace, and how its files are called. */
#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "report/page.h"
#include "report/page_internal.h"

enum { HEAD_BYTES = 4096, NUMBER_DIGITS = 4, MOST_WORD_BYTES = 60 };

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Runs of anything else become one dash between the letters. */
static void append_words(struct text *out, const char *words)
{
    bool gap = false;

    for (size_t i = 0, n = 0; words[i] && n < MOST_WORD_BYTES; i++) {
        const char c = (char)tolower((unsigned char)words[i]);
        if (is_letter_or_digit(c)) {
            text_append(out, gap && n ? "-" : "");
            text_append_bytes(out, &c, 1);
            n++;
        }
        gap = !is_letter_or_digit(c);
    }
}

void page_picture_file(struct text *out, int64_t n, const char *concept_name, const char *rank)
{
    text_appendf(out, "%0*lld-", NUMBER_DIGITS, (long long)n);
    append_words(out, concept_name);
    text_append(out, "-");
    append_words(out, rank);
    text_append(out, ".png");
}

/* Is it one of ours? Four digits or more, a dash, words, ".png". */
static bool is_picture_name(const char *name)
{
    const size_t digits = strspn(name, "0123456789");

    return digits >= NUMBER_DIGITS && name[digits] == '-' && string_ends_with(name, ".png") &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name) - 4;
}

static bool has_mark(const char *folder)
{
    uint8_t *bytes = NULL;
    size_t size;
    bool found = false;

    char *path = path_join(folder, PAGE_FILE);
    if (path && file_read(&bytes, &size, path, 0, NULL) == ANA_OK) {
        bytes[size < HEAD_BYTES ? size : HEAD_BYTES] = 0;
        found = strstr((const char *)bytes, PAGE_MARK) != NULL;
    }
    memory_free(bytes);
    memory_free(path);
    return found;
}

ana_status page_folder_check(const char *folder, ana_error *err)
{
    struct path_list names;

    if (!path_exists(folder))
        return ANA_OK;
    if (!path_is_folder(folder))
        return ana_fail(err, ANA_ERR_ARGUMENT, "%s is there and no folder", folder);
    ana_status status = folder_list(&names, folder, err);
    if (status)
        return status;
    if (names.n > 0 && !has_mark(folder))
        status = ana_fail(err, ANA_ERR_ARGUMENT,
                          "%s is neither empty nor a former report; it was not touched", folder);
    for (size_t i = 0; !status && i < names.n; i++)
        if (strcmp(names.items[i], PAGE_FILE) != 0 && !is_picture_name(names.items[i]))
            status = ana_fail(err, ANA_ERR_ARGUMENT,
                              "%s is a former report, but holds %s too; it was not touched", folder,
                              names.items[i]);
    path_list_clear(&names);
    return status;
}
