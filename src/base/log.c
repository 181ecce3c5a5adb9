/* Formats a line and hands it to the sink. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 1024 }; /* longer lines are cut */

void log_write(const struct log *log, ana_log_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;

    if (!log || !log->sink || level > log->level)
        return;
    va_start(args, format);
    const int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length >= 0)
        log->sink(log->user, level, line);
}
