/*
 * The `holdfast` command: global options, then one row of the table below. What a subcommand does
 * is in the file of its name.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "client/command.h"
#include "crypto/version.h"
#include "proto/must.h"

static const struct command *const commands[] = {
    &cmd_lock,     &cmd_convert,     &cmd_value,   &cmd_clear_mark, &cmd_transfer, &cmd_stamp,
    &cmd_validate, &cmd_status,      &cmd_members, &cmd_locks,      &cmd_show,     &cmd_why,
    &cmd_fence,    &cmd_maintenance, &cmd_drain,   &cmd_undrain,    &cmd_events,   &cmd_top,
    &cmd_doctor,   &cmd_config,      &cmd_keygen,  &cmd_roster,     &cmd_lab,      &cmd_lab_machine,
};

static const char usage[] = "usage: holdfast [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
                            "\n"
                            "Locks for hypervisors, without a server.\n"
                            "\n";

static const char usage_end[] =
    "\n"
    "  --socket PATH  the agent's socket (HOLDFAST_SOCKET; " SOCKET_DEFAULT ")\n"
    "  --json         one JSON object instead of text\n"
    "  --help         this text; after a command, that command's\n"
    "  --version      the release\n";

_Noreturn void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "holdfast: a bug: '%s' does not hold at %s:%d\n", condition, file, line);
    abort();
}

static int print_usage(void)
{
    fputs(usage, stdout);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i]->summary)
            printf("  %-11s %s\n", commands[i]->name, commands[i]->summary);
    fputs(usage_end, stdout);
    return EXIT_OK;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"version", no_argument, NULL, OPTION_OWN},
                                          COMMAND_OPTIONS};
    const char *socket = getenv("HOLDFAST_SOCKET");
    command_socket(cli, socket && *socket ? socket : SOCKET_DEFAULT);
    int option;
    while ((option = command_option(cli, argc, argv, "+:", longs)) != -1) {
        if (option == OPTION_HELP)
            return print_usage();
        if (option == OPTION_OWN) {
            puts("holdfast " HOLDFAST_VERSION);
            return EXIT_OK;
        }
    }
    if (optind == argc)
        return usage_error(cli, "a command is missing");
    argc -= optind;
    argv += optind;
    const struct command *command = find_command(argv[0]);
    if (command == NULL)
        return usage_error(cli, "'%s' is not a command", argv[0]);
    cli->command = command;
    optind = 0; /* glibc: a scan of another argv begins */
    return command->run(cli, argc, argv);
}

/* A descriptor that is opened must not land where stdin, stdout or stderr are expected. */
static bool fill_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd > STDERR_FILENO && close(fd) == 0;
}

int main(int argc, char **argv)
{
    if (!fill_standard_descriptors())
        return EXIT_ERROR;
    if (sodium_init() < 0) {
        say("libsodium cannot be initialised");
        return EXIT_ERROR;
    }
    struct cli cli = {0};
    int code = run(&cli, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        say("the output could not be written");
        return code == EXIT_OK ? EXIT_ERROR : code;
    }
    return code;
}
