/*
 * What every subcommand of `holdfast` shares: its row in the table, the options that all take, and
 * the way in which errors are said: one line on stderr that names the thing and what to do.
 */
#ifndef CLIENT_COMMAND_H
#define CLIENT_COMMAND_H

#include <getopt.h>
#include <stdbool.h>

#include "client/exit.h"

#define SOCKET_DEFAULT "/run/holdfast/holdfast.sock"

struct command;

/* One run of the program. */
struct cli {
    const struct command *command;
    const char
        *socket; /* --socket, HOLDFAST_SOCKET or the default; at most SOCKET_PATH_MAX bytes */
    bool json;   /* --json: one object on stdout instead of text */
};

struct command {
    const char *name;
    const char *summary; /* one line for `holdfast --help`; NULL hides the command there */
    const char *help;    /* what `holdfast NAME --help` prints, usage line first */
    bool json;           /* --json means something here */
    /* argv[0] is the command's name; returns the exit code. */
    int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command cmd_keygen, cmd_roster, cmd_lock, cmd_status, cmd_members, cmd_locks,
    cmd_show, cmd_fence, cmd_events, cmd_lab, cmd_lab_machine;
extern const struct command cmd_convert, cmd_value, cmd_clear_mark, cmd_transfer, cmd_stamp,
    cmd_validate, cmd_why, cmd_config, cmd_top, cmd_doctor;
extern const struct command cmd_maintenance, cmd_drain, cmd_undrain;

/* sockaddr_un has room for 108 bytes, one of them for the NUL (unix(7)). */
enum { SOCKET_PATH_MAX = 107 };

/* Values of long options: the common ones, and from OPTION_OWN on those of the command. */
enum { OPTION_JSON = 256, OPTION_SOCKET, OPTION_HELP, OPTION_OWN };

/* Ends a command's table of long options. */
#define COMMAND_OPTIONS                                                                            \
    {"json", no_argument, NULL, OPTION_JSON}, {"socket", required_argument, NULL, OPTION_SOCKET},  \
        {"help", no_argument, NULL, OPTION_HELP},                                                  \
    {                                                                                              \
        NULL, 0, NULL, 0                                                                           \
    }

/*
 * getopt_long with the common options carried out: returns the next option of the command's own, or
 * -1 at the end. --help prints the help and ends the process with 0; an option that is unknown or
 * lacks its argument ends it with 64. Set optind to 0 before the first call.
 */
int command_option(struct cli *cli, int argc, char **argv, const char *shorts,
                   const struct option *longs);
/* Checks --socket; ends the process with 64 if the path is too long. */
void command_socket(struct cli *cli, const char *path);

/* One line on stderr: "holdfast: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, with a hint at --help; returns EXIT_USAGE. */
int usage_error(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Refuses further arguments from argv[optind] on; EXIT_OK if there are none. */
int no_arguments(const struct cli *cli, int argc, char **argv);
/* A lock's name: EXIT_OK, or EXIT_USAGE after saying what is wrong with it. */
int check_lock_name(const struct cli *cli, const char *name);

/* Decimal digits only, from `min` to `max`. False (out unchanged) for anything else. */
bool parse_number(const char *text, long min, long max, long *out);
/* Seconds, with a fraction or not, as milliseconds; up to a year. */
bool parse_seconds(const char *text, long long *out_ms);
/* The value of -w, in optarg, up to a day: EXIT_OK, or EXIT_USAGE after saying what is wrong. */
int take_patience(const struct cli *cli, long long *out_ms);

#endif
