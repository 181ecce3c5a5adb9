/* Escaping. File names and concept names come from outside and may hold anything. */
#include "report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TEXTF_BYTES = 1024 };

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Bytes of the character at `at`, 0 if it is no UTF-8 (RFC 3629: no overlong forms, surrogates or
 * values above U+10FFFF). The string's final 0 ends any sequence. */
static size_t character_bytes(const unsigned char *at)
{
    static const struct {
        unsigned char lead_low, lead_high, next_low, next_high;
        size_t bytes;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    if (at[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (at[0] < forms[i].lead_low || at[0] > forms[i].lead_high)
            continue;
        if (at[1] < forms[i].next_low || at[1] > forms[i].next_high)
            return 0;
        for (size_t k = 2; k < forms[i].bytes; k++)
            if ((at[k] & 0xC0) != 0x80)
                return 0;
        return forms[i].bytes;
    }
    return 0;
}

static const char *reference_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7F ? replacement : NULL;
    }
}

/* U+FFFE and U+FFFF are UTF-8 but no characters of XML. */
static bool is_noncharacter(const unsigned char *at, size_t bytes)
{
    return bytes == 3 && at[0] == 0xEF && at[1] == 0xBF && at[2] >= 0xBE;
}

void html_text(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;

    while (*at) {
        const size_t bytes = character_bytes(at);
        const char *reference = bytes == 1 ? reference_of(*at) : NULL;
        if (bytes == 0 || is_noncharacter(at, bytes))
            text_append(out, replacement);
        else if (reference)
            text_append(out, reference);
        else
            text_append_bytes(out, at, bytes);
        at += bytes ? bytes : 1;
    }
}

void html_textf(struct text *out, const char *format, ...)
{
    char line[TEXTF_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    html_text(out, line);
}

void html_element(struct text *out, const char *tag, const char *attributes, const char *string)
{
    text_appendf(out, "<%s%s%s>", tag, *attributes ? " " : "", attributes);
    html_text(out, string);
    text_appendf(out, "</%s>\n", tag);
}

void html_number(struct text *out, double value, int digits)
{
    if (isfinite(value))
        text_appendf(out, "%.*f", digits, value);
    else
        text_append(out, "\xE2\x80\x93");
}
