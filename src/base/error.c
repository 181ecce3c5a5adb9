/* Statuses and their stories. Nothing here allocates, so that running out of memory can be told. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ORDER ana_status */
static const char *const status_names[] = {
    "ok",           "bad argument",  "out of memory", "input/output error", "bad format",
    "limit passed", "not supported", "not found",     "cancelled",          "internal error",
};
_Static_assert(sizeof status_names / sizeof *status_names == ANA_ERR_INTERNAL + 1, "one name each");

const char *ana_status_name(ana_status status)
{
    const int index = (int)status;

    if (index < 0 || index > (int)ANA_ERR_INTERNAL)
        return "unknown status";
    return status_names[index];
}

/* File names may hold line breaks and terminal escapes; a message is one harmless line. */
static void blank_controls(char *message)
{
    for (char *c = message; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
}

/* Shows that text is missing, and cuts before a UTF-8 sequence rather than inside it. */
static void mark_cut(char *message, size_t size)
{
    size_t end = size - sizeof "...";

    while (end > 0 && ((unsigned char)message[end] & 0xc0) == 0x80)
        end--;
    memcpy(message + end, "...", sizeof "...");
}

static void finish(ana_error *err, ana_status status, int length)
{
    err->status = status;
    if (length < 0)
        err->message[0] = '\0';
    else if ((size_t)length >= sizeof err->message)
        mark_cut(err->message, sizeof err->message);
    blank_controls(err->message);
}

/* Out of memory because of the limit is another story than out of memory. */
static void mention_limit(ana_error *err)
{
    const size_t wanted = memory_refused(), n = strlen(err->message);

    if (!wanted || strstr(err->message, "limit"))
        return;
    const int more = snprintf(err->message + n, sizeof err->message - n,
                              ": %zu bytes beside the %zu in use would pass the memory limit of "
                              "%zu",
                              wanted, memory_in_use(), memory_limit());
    finish(err, ANA_ERR_MEMORY, (int)n + more);
}

/* In parentheses, so that the stand-ins for clang-tidy leave the definitions alone. */
ana_status(ana_fail)(ana_error *err, ana_status status, const char *format, ...)
{
    va_list args;

    if (!err)
        return status;
    va_start(args, format);
    const int length = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    finish(err, status, length);
    if (status == ANA_ERR_MEMORY)
        mention_limit(err);
    return status;
}

ana_status(ana_fail_in)(ana_error *err, ana_status status, const char *format, ...)
{
    char before[sizeof err->message];
    char context[sizeof err->message];
    va_list args;

    if (!err)
        return status;
    va_start(args, format);
    const int length = vsnprintf(context, sizeof context, format, args);
    va_end(args);
    if (length < 0)
        context[0] = '\0';
    memcpy(before, err->message, sizeof before);
    before[sizeof before - 1] = '\0';
    const int total = snprintf(err->message, sizeof err->message, "%s%s%s", context,
                               before[0] ? ": " : "", before);
    finish(err, status, total);
    return status;
}

ana_status(ana_fail_memory)(ana_error *err, unsigned long long size_bytes)
{
    return ana_fail(err, ANA_ERR_MEMORY, "out of memory (%llu bytes wanted)", size_bytes);
}
