/* What commands share towards the user: messages, progress, interruption, the context. */
#ifndef ANA_CLI_TERMINAL_H
#define ANA_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "anatome/context.h"
#include "cli/command.h"

/* People's text: standard output, or standard error if standard output carries JSON; nothing when
 * quiet. */
void say(const struct common_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* To standard error, always. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* SIGINT and SIGTERM ask to stop: what is being done ends without half a file. A second one kills.
 */
void interruption_watch(void);
bool interrupted(void);

/* A context of the options, whose log goes to standard error. On failure complains; NULL. */
ana_context *open_context(const struct common_options *options);

double seconds_now(void); /* monotonic */
int64_t peak_memory_bytes(void);

/* A bar with the time left on a terminal; nothing in a pipe. */
struct bar {
    bool shown;
    double start;
    double last; /* when it was last drawn */
};
struct bar bar_start(const struct common_options *options);
void bar_draw(struct bar *bar, const char *what, double done);
void bar_wipe(struct bar *bar); /* before other text is written, and at the end */

#endif
