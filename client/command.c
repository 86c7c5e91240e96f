/* What every subcommand shares: see command.h. */
#include "client/command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/lock.h"

void say(const char *format, ...)
{
    va_list ap;
    fputs("holdfast: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int usage_error(const struct cli *cli, const char *format, ...)
{
    va_list ap;
    const char *name = cli->command ? cli->command->name : NULL;
    fputs("holdfast: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, " (try 'holdfast %s%s--help')\n", name ? name : "", name ? " " : "");
    return EXIT_USAGE;
}

void command_socket(struct cli *cli, const char *path)
{
    if (*path == '\0')
        exit(usage_error(cli, "the socket's path is empty"));
    if (strlen(path) > SOCKET_PATH_MAX)
        exit(usage_error(cli, "the socket path '%s' has %zu bytes; %d are allowed", path,
                         strlen(path), SOCKET_PATH_MAX));
    cli->socket = path;
}

static _Noreturn void bad_option(const struct cli *cli, int found, char **argv)
{
    /* getopt gives the letter, or 0 or the value for a long one, which stands before optind. */
    const char *text = argv[optind - 1];
    if (found == ':' && optopt > 0 && optopt < OPTION_JSON)
        exit(usage_error(cli, "option '-%c' needs a value", optopt));
    if (found == ':')
        exit(usage_error(cli, "option '%s' needs a value", text));
    if (optopt > 0 && optopt < OPTION_JSON)
        exit(usage_error(cli, "unknown option '-%c'", optopt));
    exit(usage_error(cli, "unknown option '%s'", text));
}

int command_option(struct cli *cli, int argc, char **argv, const char *shorts,
                   const struct option *longs)
{
    opterr = 0;
    for (;;) {
        int found = getopt_long(argc, argv, shorts, longs, NULL);
        switch (found) {
        case '?':
        case ':':
            bad_option(cli, found, argv);
        case OPTION_JSON:
            cli->json = true;
            continue;
        case OPTION_SOCKET:
            command_socket(cli, optarg);
            continue;
        case OPTION_HELP:
            if (cli->command == NULL)
                return OPTION_HELP;
            fputs(cli->command->help, stdout);
            exit(fflush(stdout) == 0 ? EXIT_OK : EXIT_ERROR);
        default:
            if (found == -1 && cli->json && cli->command && !cli->command->json)
                exit(usage_error(cli, "'%s' has no --json", cli->command->name));
            return found;
        }
    }
}

int no_arguments(const struct cli *cli, int argc, char **argv)
{
    if (optind < argc)
        return usage_error(cli, "'%s' is one argument too many", argv[optind]);
    return EXIT_OK;
}

int check_lock_name(const struct cli *cli, const char *name)
{
    size_t size = strlen(name);
    if (size == 0)
        return usage_error(cli, "a lock's name cannot be empty");
    if (size > LOCK_NAME_MAX)
        return usage_error(cli, "the lock's name '%.32s...' has %zu bytes; %d are allowed", name,
                           size, LOCK_NAME_MAX);
    if (!lock_name_valid((struct view){(const uint8_t *)name, size}))
        return usage_error(cli, "a lock's name must be UTF-8 without control characters");
    return EXIT_OK;
}

bool parse_number(const char *text, long min, long max, long *out)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool parse_seconds(const char *text, long long *out_ms)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    if (strspn(text, "0123456789.") != strlen(text))
        return false;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || seconds > 366.0 * 86400.0)
        return false;
    *out_ms = (long long)(seconds * 1000.0 + 0.5);
    return true;
}

int take_patience(const struct cli *cli, long long *out_ms)
{
    if (parse_seconds(optarg, out_ms) && *out_ms <= 24LL * 3600 * 1000)
        return EXIT_OK;
    return usage_error(cli, "-w takes seconds, up to a day, not '%s'", optarg);
}
