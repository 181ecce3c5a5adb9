/* The argument parser: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, flags, -- before names that
 * begin with a dash. What is no option is an input. */
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anatome/version.h"

bool strings_append(struct strings *strings, const char *item)
{
    const char **items = realloc(strings->items, (strings->n + 1) * sizeof *items);

    if (!items)
        return false;
    items[strings->n++] = item;
    strings->items = items;
    return true;
}

void strings_clear(struct strings *strings)
{
    free(strings->items);
    *strings = (struct strings){0};
}

/* ---- help ---- */

#define COMMON(member) offsetof(struct common_options, member)

static const struct option common_table[] = {
    {'j', "threads", NULL, "N", OPTION_COUNT, COMMON(threads),
     "threads to use (default: one per core; results do not depend on it)"},
    {0, "memory-limit", NULL, "SIZE", OPTION_SIZE, COMMON(memory_limit),
     "fail instead of using more memory than this (8G, 512M); what is\n"
     "needed is known and told before work begins"},
    {0, "json", NULL, NULL, OPTION_FLAG, COMMON(json),
     "one JSON object on standard output, people's text on standard error"},
    {'q', "quiet", NULL, NULL, OPTION_FLAG, COMMON(quiet), "only errors and warnings"},
    {'v', "verbose", NULL, NULL, OPTION_FLAG, COMMON(verbose), "more about what is done"},
    {'h', "help", NULL, NULL, OPTION_FLAG, COMMON(help), "this text"},
    {0, NULL, NULL, NULL, OPTION_FLAG, 0, NULL},
};

const struct option *command_common_options(void)
{
    return common_table;
}

enum { HELP_COLUMN = 30 };

static void print_option(const struct option *option)
{
    char left[80];
    const char *equals = option->argument ? " " : "";
    const char *argument = option->argument ? option->argument : "";

    if (option->letter)
        snprintf(left, sizeof left, "  -%c, --%s%s%s", option->letter, option->name, equals,
                 argument);
    else
        snprintf(left, sizeof left, "      --%s%s%s", option->name, equals, argument);
    printf("%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");

    for (const char *line = option->help; *line;) {
        const size_t n = strcspn(line, "\n");
        printf("%.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
        if (*line)
            printf("%*s", HELP_COLUMN, "");
    }
}

static void print_usage(FILE *stream, const struct command *command)
{
    const char *line = command->usage;

    for (int i = 0; *line; i++) {
        const size_t n = strcspn(line, "\n");
        fprintf(stream, "%s anatome %s %.*s\n", i ? "      " : "usage:", command->name, (int)n,
                line);
        line += n + (line[n] == '\n');
    }
}

void command_print_help(const struct command *command)
{
    print_usage(stdout, command);
    printf("\n%s\n\nOptions:\n", command->about);
    for (const struct option *option = command->options; option->name; option++)
        print_option(option);
    for (const struct option *option = common_table; option->name; option++)
        print_option(option);
    printf("\nExamples:\n%s\n\n%s\n", command->examples, ana_notice());
}

int usage_error(const struct command *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "anatome %s: ", command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    print_usage(stderr, command);
    fprintf(stderr, "See \"anatome %s --help\".\n", command->name);
    return EXIT_CODE_USAGE;
}

/* ---- values ---- */

static bool parse_count(int64_t *out, const char *text)
{
    char *end;

    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < 0)
        return false;
    *out = value;
    return true;
}

static bool parse_seed(uint64_t *out, const char *text)
{
    char *end;

    errno = 0;
    const unsigned long long value = strtoull(text, &end, 0);
    if (end == text || *end || errno || *text == '-')
        return false;
    *out = value;
    return true;
}

static bool parse_number(double *out, const char *text)
{
    char *end;

    const double value = strtod(text, &end);
    if (end == text || *end || !(value > 0) || value > 1e300)
        return false;
    *out = value;
    return true;
}

static bool parse_size(int64_t *out, const char *text)
{
    static const char units[] = "KMGT";
    char digits[24];
    size_t n = strlen(text);
    int shift = 0;

    const char *unit = n ? strchr(units, text[n - 1]) : NULL;
    if (n && unit && *unit) {
        shift = 10 * (int)(unit - units + 1);
        n--;
    }
    if (n == 0 || n >= sizeof digits)
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (!parse_count(out, digits) || *out > (INT64_MAX >> shift))
        return false;
    *out = (int64_t)((uint64_t)*out << shift);
    return true;
}

static bool store(const struct option *option, void *options, const char *value)
{
    void *at = (char *)options + option->offset;

    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_STRING:
        *(const char **)at = value;
        return *value != '\0';
    case OPTION_LIST:
        return strings_append(at, value);
    case OPTION_COUNT:
        return parse_count(at, value);
    case OPTION_NUMBER:
        return parse_number(at, value);
    case OPTION_SEED:
        return parse_seed(at, value);
    case OPTION_SIZE:
        return parse_size(at, value);
    }
    return false;
}

/* ---- arguments ---- */

static bool has_name(const struct option *option, const char *name, size_t n)
{
    return (strlen(option->name) == n && memcmp(option->name, name, n) == 0) ||
           (option->alias && strlen(option->alias) == n && memcmp(option->alias, name, n) == 0);
}

static const struct option *find_in(const struct option *table, char letter, const char *name,
                                    size_t n)
{
    for (; table->name; table++)
        if (name ? has_name(table, name, n) : table->letter == letter)
            return table;
    return NULL;
}

static const struct option *find_option(const struct command *command, char letter,
                                        const char *name, size_t n)
{
    const struct option *option = find_in(command->options, letter, name, n);

    return option ? option : find_in(common_table, letter, name, n);
}

struct arguments {
    const struct command *command;
    void *options;
    int argc;
    char **argv;
    int at; /* of the argument being read */
};

/* The value is attached (after = or the letter), or the next argument. */
static int take_value(struct arguments *a, const struct option *option, const char *attached)
{
    const char *value = attached;

    if (option->type == OPTION_FLAG) {
        if (attached)
            return usage_error(a->command, "--%s takes no value", option->name);
    } else if (!value) {
        if (a->at + 1 >= a->argc)
            return usage_error(a->command, "--%s needs a value: %s", option->name,
                               option->argument);
        value = a->argv[++a->at];
    }
    if (!store(option, a->options, value))
        return usage_error(a->command, "\"%s\" is no value for --%s %s", value, option->name,
                           option->argument);
    return EXIT_CODE_OK;
}

static int take_long(struct arguments *a, const char *name)
{
    const size_t n = strcspn(name, "=");
    const struct option *option = find_option(a->command, 0, name, n);

    if (!option)
        return usage_error(a->command, "unknown option --%.*s", (int)n, name);
    return take_value(a, option, name[n] ? name + n + 1 : NULL);
}

/* "-v", "-qv", "-ofile", "-o file" */
static int take_letters(struct arguments *a, const char *letters)
{
    while (*letters) {
        const struct option *option = find_option(a->command, *letters, NULL, 0);
        if (!option)
            return usage_error(a->command, "unknown option -%c", *letters);
        letters++;
        if (option->type != OPTION_FLAG)
            return take_value(a, option, *letters ? letters : NULL);
        const int code = take_value(a, option, NULL);
        if (code)
            return code;
    }
    return EXIT_CODE_OK;
}

static int parse(struct arguments *a)
{
    struct common_options *common = a->options;
    bool only_inputs = false;

    for (a->at = 1; a->at < a->argc; a->at++) {
        const char *text = a->argv[a->at];
        int code = EXIT_CODE_OK;
        if (only_inputs || text[0] != '-' || text[1] == '\0')
            code = strings_append(&common->inputs, text) ? EXIT_CODE_OK : EXIT_CODE_FAILED;
        else if (strcmp(text, "--") == 0)
            only_inputs = true;
        else if (text[1] == '-')
            code = take_long(a, text + 2);
        else
            code = take_letters(a, text + 1);
        if (code)
            return code;
    }
    return EXIT_CODE_OK;
}

int command_main(const struct command *command, int argc, char **argv)
{
    void *options = calloc(1, command->options_size);
    if (!options) {
        fputs("anatome: out of memory\n", stderr);
        return EXIT_CODE_FAILED;
    }

    if (command->init)
        command->init(options);
    struct arguments arguments = {command, options, argc, argv, 1};
    int code = parse(&arguments);
    if (!code && ((struct common_options *)options)->help)
        command_print_help(command);
    else if (!code)
        code = command->run(options);
    if (command->clear)
        command->clear(options);
    strings_clear(&((struct common_options *)options)->inputs);
    free(options);
    return code;
}
