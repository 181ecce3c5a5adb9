/* Manual pages from the same tables as --help, so that the two cannot disagree. */
#include "cli/man.h"

#include <stdio.h>
#include <string.h>

#include "anatome/version.h"

/* Text with what troff would take for commands made harmless. */
static void print_text(const char *text)
{
    bool line_start = true;

    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        line_start = *text == '\n';
    }
}

static void print_option(const struct option *option)
{
    printf(".TP\n\\fB");
    if (option->letter)
        printf("\\-%c\\fR, \\fB", option->letter);
    printf("\\-\\-");
    print_text(option->name);
    printf("\\fR");
    if (option->argument) {
        printf(" \\fI");
        print_text(option->argument);
        printf("\\fR");
    }
    putchar('\n');
    print_text(option->help);
    putchar('\n');
}

static void print_options(const struct option *table)
{
    for (; table->name; table++)
        print_option(table);
}

static void print_synopsis(const struct command *command)
{
    const char *line = command->usage;

    while (*line) {
        const size_t n = strcspn(line, "\n");
        char copy[256];
        snprintf(copy, sizeof copy, "%.*s", (int)n, line);
        printf(".B anatome %s\n", command->name);
        print_text(copy);
        line += n + (line[n] == '\n');
        fputs(*line ? "\n.br\n" : "\n", stdout);
    }
}

void man_print(const struct command *command)
{
    printf(".\\\" Made from the tables of the command line by \"anatome help --man %s\".\n"
           ".TH ANATOME\\-%s 1 \"\" \"anatome %s\" \"User Commands\"\n"
           ".SH NAME\nanatome\\-%s \\- ",
           command->name, command->name, ana_version(), command->name);
    print_text(command->summary);
    printf("\n.SH SYNOPSIS\n");
    print_synopsis(command);
    printf(".SH DESCRIPTION\n");
    print_text(command->about);
    printf("\n.SH OPTIONS\n");
    print_options(command->options);
    print_options(command_common_options());
    printf(
        ".SH EXIT STATUS\n0 if all went well, 1 if something failed, 2 if the command line makes "
        "no sense, 130 if interrupted.\n.SH EXAMPLES\n.nf\n");
    print_text(command->examples);
    printf("\n.fi\n.SH NOTICE\n%s\n"
           "The licence and the intended use of the weights in use are shown by\n"
           ".BR anatome\\-models (1),\n.BR anatome\\-info (1)\nand the JSON reports.\n"
           ".SH SEE ALSO\n.BR anatome (1)\n",
           ana_notice());
}
