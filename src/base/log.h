/* Log lines carry a level and go to a sink, which is silent by default. */
#ifndef ANA_BASE_LOG_H
#define ANA_BASE_LOG_H

#include "anatome/context.h"
#include "base/compiler.h"

struct log {
    ana_log_fn sink; /* NULL is silent */
    void *user;
    ana_log_level level; /* messages above it are dropped */
};

void log_write(const struct log *log, ana_log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
