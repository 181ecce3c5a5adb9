/* Subcommands and their options. One table per command serves parsing and --help. */
#ifndef ANA_CLI_COMMAND_H
#define ANA_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,       /* at least one case failed */
    EXIT_CODE_USAGE = 2,        /* the command line makes no sense */
    EXIT_CODE_INTERRUPTED = 130 /* as shells report SIGINT */
};

struct strings {
    const char **items; /* borrowed from argv */
    size_t n;
};
bool strings_append(struct strings *strings, const char *item);
void strings_clear(struct strings *strings);

enum option_type {
    OPTION_FLAG,   /* bool */
    OPTION_STRING, /* const char * */
    OPTION_LIST,   /* struct strings, repeatable */
    OPTION_COUNT,  /* int64_t, 0 and above */
    OPTION_NUMBER, /* double, above 0 */
    OPTION_SEED,   /* uint64_t */
    OPTION_SIZE    /* int64_t bytes or pixels: 4096, 64K, 8M, 2G (powers of 1024) */
};

struct option {
    char letter;          /* 0: none */
    const char *name;     /* without the dashes; NULL ends a table */
    const char *alias;    /* a second long name, not shown; NULL: none */
    const char *argument; /* "FILE"; NULL for flags */
    enum option_type type;
    size_t offset; /* of the value in the command's options */
    const char *help;
};

/* Options that every command has; the first member of each command's options. */
struct common_options {
    bool help;
    bool quiet;
    bool verbose;
    bool json;
    int64_t threads;
    int64_t memory_limit;
    struct strings inputs; /* positional arguments */
};

struct command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* after the name, lines of it */
    const char *about;   /* paragraph for --help, lines of at most 80 columns */
    const struct option *options;
    const char *examples; /* lines */
    size_t options_size;
    void (*init)(void *options);  /* defaults that are not zero; NULL */
    int (*run)(void *options);    /* returns an exit code */
    void (*clear)(void *options); /* frees lists; NULL */
};

/* Parses argv[1..] and runs the command. */
int command_main(const struct command *command, int argc, char **argv);
/* Options of all commands; ends in a nameless row. */
const struct option *command_common_options(void);
/* The command with those options that are not at their defaults, quoted for a shell: what gives the
 * same result again. The common options and those named in `without` (NULL at the end) are left
 * out. NULL when out of memory; free() it. */
char *command_text(const struct command *command, const void *options, const char *const *without);
/* To standard output. */
void command_print_help(const struct command *command);

/* Says what is wrong with the command line, and how it should look; returns EXIT_CODE_USAGE. */
int usage_error(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

extern const struct command command_segment, command_eval, command_train, command_models,
    command_info, command_bench;

#endif
