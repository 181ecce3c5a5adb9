/* Escaping. File names and concept names come from outside and may hold anything. */
#include "report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TEXTF_BYTES = 1024 };

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

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
        const size_t bytes = utf8_length((const char *)at);
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
