/* Strings. Numbers are read and written as in the C locale, whatever the application has set. */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_CAPACITY = 64 };

void text_clear(struct text *text)
{
    memory_free(text->data);
    *text = (struct text){0};
}

/* Makes room for `more` bytes and the terminator. */
static bool reserve(struct text *text, size_t more)
{
    size_t wanted;

    if (text->failed)
        return false;
    if (!size_add(&wanted, text->size, more) || !size_add(&wanted, wanted, 1)) {
        text->failed = true;
        return false;
    }
    if (wanted <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : FIRST_CAPACITY;
    while (capacity < wanted)
        capacity = capacity <= SIZE_MAX / 2 ? 2 * capacity : wanted;
    char *data = memory_resize(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_append_bytes(struct text *text, const void *data, size_t size)
{
    if (!reserve(text, size))
        return;
    if (size)
        memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_append(struct text *text, const char *string)
{
    text_append_bytes(text, string, strlen(string));
}

/* glibc hands out a shared object for "C", so this neither allocates nor fails there; elsewhere a
 * failure leaves the application's locale in force. */
static locale_t enter_c_locale(locale_t *before)
{
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    *before = plain ? uselocale(plain) : (locale_t)0;
    return plain;
}

static void leave_c_locale(locale_t plain, locale_t before)
{
    if (!plain)
        return;
    (void)uselocale(before);
    freelocale(plain);
}

void text_appendf(struct text *text, const char *format, ...)
{
    locale_t before;
    va_list args;
    const locale_t plain = enter_c_locale(&before);

    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        text->failed = true;
    } else if (reserve(text, (size_t)length)) {
        va_start(args, format);
        (void)vsnprintf(text->data + text->size, (size_t)length + 1, format, args);
        va_end(args);
        text->size += (size_t)length;
    }
    leave_c_locale(plain, before);
}

const char *text_string(const struct text *text)
{
    return text->data ? text->data : "";
}

bool string_starts_with(const char *string, const char *prefix)
{
    return strncmp(string, prefix, strlen(prefix)) == 0;
}

/* The terminating 0 is no continuation, so nothing behind it is read. */
size_t utf8_length(const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    if (at[0] < 0x80)
        return 1;
    const size_t n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    const unsigned char low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;

    if (at[0] < 0xc2 || at[0] > 0xf4 || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool string_is_utf8(const char *string)
{
    while (*string) {
        const size_t n = utf8_length(string);
        if (!n)
            return false;
        string += n;
    }
    return true;
}

bool string_ends_with(const char *string, const char *suffix)
{
    const size_t size = strlen(string);
    const size_t suffix_size = strlen(suffix);

    return size >= suffix_size && memcmp(string + size - suffix_size, suffix, suffix_size) == 0;
}

/* strto* would skip blanks and take words and hexadecimal. */
static bool only_has(const char *string, const char *allowed)
{
    return *string && string[strspn(string, allowed)] == '\0';
}

bool string_to_int64(const char *string, long long *out)
{
    char *end;

    if (!only_has(string, "+-0123456789"))
        return false;
    errno = 0;
    const long long value = strtoll(string, &end, 10);
    if (errno || *end)
        return false;
    *out = value;
    return true;
}

bool string_to_double(const char *string, double *out)
{
    locale_t before;
    char *end;

    if (!only_has(string, "+-.eE0123456789"))
        return false;
    const locale_t plain = enter_c_locale(&before);
    const double value = strtod(string, &end);
    leave_c_locale(plain, before);
    if (*end || end == string || !isfinite(value))
        return false;
    *out = value;
    return true;
}
