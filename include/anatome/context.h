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

/* What a piece of work will need of memory, known before it is allocated. Borrowed for the call. */
typedef struct ana_memory_item {
    const char *what; /* "encoder plan" */
    size_t bytes;
} ana_memory_item;

typedef struct ana_memory_plan {
    const char *subject; /* what for: "chest.png" */
    const ana_memory_item *items;
    size_t n_items;
    size_t needed_bytes; /* sum of the items: the smallest limit that works */
    size_t limit_bytes;  /* 0: none. If it is below needed_bytes, the work is refused */
} ana_memory_plan;

/* Called in the thread of the call that plans: for each image, for a training. */
typedef void (*ana_memory_fn)(void *user, const ana_memory_plan *plan);

typedef struct ana_context_options {
    int n_threads; /* 0: as many as the process has cores */
    /* 0: none. Counts the library's own allocations in this process; those inside the libraries
     * that decode JPEG and TIFF and parse JSON are not seen. Never passed: what would pass it is
     * refused with ANA_ERR_MEMORY, as a rule before it begins. */
    size_t memory_limit_bytes;
    ana_log_fn log; /* NULL: silent */
    void *log_user;
    ana_log_level log_level;
    ana_memory_fn memory_plan; /* NULL: plans are not told */
    void *memory_user;
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

/* Results appear under their names when they are complete; a process that is killed may leave the
 * half of one, named .anatome-<numbers>.tmp, beside them. Removes such leftovers from a folder, but
 * none that a running process writes. ana_train() does it for its own folders. */
ANA_API void ana_remove_leftovers(const char *folder);

/* Bytes of the library's own allocations in this process: now, and at their highest. */
ANA_API size_t ana_memory_in_use(void);
ANA_API size_t ana_memory_peak(void);

#ifdef __cplusplus
}
#endif
#endif
