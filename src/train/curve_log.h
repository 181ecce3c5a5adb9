/* The log of a run: a CSV line a step, flushed at once, cut back to the state when resumed. */
#ifndef ANA_TRAIN_CURVE_LOG_H
#define ANA_TRAIN_CURVE_LOG_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct curve_log {
    FILE *stream; /* NULL: no log is kept */
    char *path;
};

/* Keeps the header and the lines of the first `steps` steps of an old log; 0 starts anew.
 * path NULL keeps no log. */
MUST_CHECK ana_status curve_log_open(struct curve_log *log, const char *path, const char *header,
                                     int64_t steps, ana_error *err);
MUST_CHECK ana_status curve_log_line(struct curve_log *log, ana_error *err, const char *format, ...)
    PRINTF_LIKE(3, 4);
void curve_log_close(struct curve_log *log);

#endif
