/* anatome: which subcommand, and what there is. */
#include <stdio.h>
#include <string.h>

#include "anatome/version.h"
#include "cli/command.h"
#include "cli/man.h"
#include "cli/terminal.h"

static const struct command *const commands[] = {
    &command_segment, &command_eval, &command_train, &command_models, &command_info, &command_bench,
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void print_overview(FILE *stream)
{
    fputs("usage: anatome COMMAND ...\n\n"
          "Segments medical images from words, boxes or points, on this machine and offline.\n\n"
          "Commands:\n",
          stream);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  help       help on a command: anatome help segment\n"
          "  version    what this is and what it computes with\n\n"
          "Examples:\n"
          "  anatome segment retina.jpg --text \"retinal vessels\" --overlay\n"
          "  anatome segment chest/ --text \"left lung\" --text \"right lung\" -o out/\n"
          "  anatome models\n\n",
          stream);
    fprintf(stream, "%s\n", ana_notice());
}

static int print_version(void)
{
    printf("anatome %s (%s)\n%s\n", ana_version(), ana_instruction_set(), ana_notice());
    return EXIT_CODE_OK;
}

static int unknown_command(const char *name)
{
    complain("there is no command \"%s\"", name);
    print_overview(stderr);
    return EXIT_CODE_USAGE;
}

static int help(const char *name, bool as_man)
{
    const struct command *command = name ? find_command(name) : NULL;

    if (name && !command)
        return unknown_command(name);
    if (command && as_man)
        man_print(command);
    else if (command)
        command_print_help(command);
    else
        print_overview(stdout);
    return EXIT_CODE_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_CODE_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        const bool as_man = argc > 3 && strcmp(argv[2], "--man") == 0;
        return help(argc > 2 ? argv[as_man ? 3 : 2] : NULL, as_man);
    }
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0)
        return print_version();

    const struct command *command = find_command(name);
    return command ? command_main(command, argc - 1, argv + 1) : unknown_command(name);
}

int main(int argc, char **argv)
{
    interruption_watch();
    int code = dispatch(argc, argv);

    /* A full disk or a closed pipe behind standard output is a failure too. */
    if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
        complain("cannot write to standard output");
        code = EXIT_CODE_FAILED;
    }
    return code;
}
