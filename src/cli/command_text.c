/* Options written as a command line again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

/* Sticky: once out of memory, data is NULL and stays so. */
struct line {
    char *data;
    size_t size;
    bool failed;
};

static void append(struct line *line, const char *string, size_t n)
{
    char *grown = line->failed ? NULL : realloc(line->data, line->size + n + 1);

    if (!grown) {
        free(line->data);
        *line = (struct line){.failed = true};
        return;
    }
    memcpy(grown + line->size, string, n);
    line->data = grown;
    line->size += n;
    grown[line->size] = '\0';
}

/* Between single quotes a shell takes everything as it is, but the quote itself. */
static void append_quoted(struct line *line, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./,:=+@%";

    if (*value && strspn(value, plain) == strlen(value)) {
        append(line, value, strlen(value));
        return;
    }
    append(line, "'", 1);
    for (; *value; value++)
        append(line, *value == '\'' ? "'\\''" : value, *value == '\'' ? 4 : 1);
    append(line, "'", 1);
}

static void append_option(struct line *line, const struct option *option, const char *value)
{
    append(line, " --", 3);
    append(line, option->name, strlen(option->name));
    if (value) {
        append(line, " ", 1);
        append_quoted(line, value);
    }
}

/* One value of the options, unless it is the default. */
static void append_value(struct line *line, const struct option *option, const void *at,
                         const void *otherwise)
{
    char number[40];

    switch (option->type) {
    case OPTION_FLAG:
        if (*(const bool *)at != *(const bool *)otherwise)
            append_option(line, option, NULL);
        return;
    case OPTION_STRING: {
        const char *value = *(const char *const *)at, *usual = *(const char *const *)otherwise;
        if (value && (!usual || strcmp(value, usual) != 0))
            append_option(line, option, value);
        return;
    }
    case OPTION_LIST: {
        const struct strings *list = at;
        for (size_t i = 0; i < list->n; i++)
            append_option(line, option, list->items[i]);
        return;
    }
    case OPTION_COUNT:
    case OPTION_SIZE:
        snprintf(number, sizeof number, "%" PRId64, *(const int64_t *)at);
        if (*(const int64_t *)at != *(const int64_t *)otherwise)
            append_option(line, option, number);
        return;
    case OPTION_SEED:
        snprintf(number, sizeof number, "%" PRIu64, *(const uint64_t *)at);
        if (*(const uint64_t *)at != *(const uint64_t *)otherwise)
            append_option(line, option, number);
        return;
    case OPTION_NUMBER:
        snprintf(number, sizeof number, "%.9g", *(const double *)at);
        if (*(const double *)at < *(const double *)otherwise ||
            *(const double *)at > *(const double *)otherwise)
            append_option(line, option, number);
        return;
    }
}

static bool is_named(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

char *command_text(const struct command *command, const void *options, const char *const *without)
{
    struct line line = {0};
    char *defaults = calloc(1, command->options_size);

    if (!defaults)
        return NULL;
    if (command->init)
        command->init(defaults);
    append(&line, "anatome ", 8);
    append(&line, command->name, strlen(command->name));
    for (const struct option *option = command->options; option->name; option++)
        if (!is_named(without, option->name))
            append_value(&line, option, (const char *)options + option->offset,
                         defaults + option->offset);
    if (command->clear)
        command->clear(defaults);
    free(defaults);
    return line.data;
}
