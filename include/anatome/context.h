/* The context: thread pool, log sink and memory budget that everything else works in. */
#ifndef ANATOME_CONTEXT_H
#define ANATOME_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "anatome/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ana_log_level {
    ANA_LOG_ERROR,
    ANA_LOG_WARNING,
    ANA_LOG_INFO,
    ANA_LOG_DEBUG
} ana_log_level;

typedef void (*ana_log_fn)(void *user, ana_log_level level, const char *line);

/* `done` runs from 0 to 1 within the named stage. Returning false cancels; the call then ends with
 * ANA_ERR_CANCELLED and leaves nothing half-written. */
typedef bool (*ana_progress_fn)(void *user, const char *stage, double done);

typedef struct ana_context_options {
    int n_threads;             /* 0: as many as the process has cores */
    size_t memory_limit_bytes; /* 0: none. Counts the library's own allocations in this process */
    ana_log_fn log;            /* NULL: silent */
    void *log_user;
    ana_log_level log_level;
} ana_context_options;

typedef struct ana_context ana_context;

ANA_API ana_context_options ana_context_defaults(void);

/* options NULL means the defaults. On success *out is the caller's to ana_context_free(). A context
 * may be used by several threads at once. */
ANA_API ANA_MUST_CHECK ana_status ana_context_create(ana_context **out,
                                                     const ana_context_options *options,
                                                     ana_error *err);
ANA_API void ana_context_free(ana_context *context); /* NULL is fine; free its users first */
ANA_API int ana_context_threads(const ana_context *context);

#ifdef __cplusplus
}
#endif
#endif
