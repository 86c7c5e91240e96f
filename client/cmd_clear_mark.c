/*
 * `holdfast clear-mark`: says that what the lock protects is whole again, after a holder went
 * uncleanly. Only the very mark that the grant named is cleared: one that came since says something
 * new.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/own_hold.h"

static const char help[] = "usage: holdfast clear-mark [--mark MARK] [--json] [HOLD]\n"
                           "\n"
                           "Clears the mark that an unclean end left on the lock, once the data "
                           "was looked at and is whole:\n"
                           "that which the grant of the 'holdfast lock' around this named, "
                           "HOLDFAST_MARK. HOLD is another\n"
                           "hold of the same session than HOLDFAST_HOLD; MARK, as in "
                           "HOLDFAST_MARK, another mark: its slot,\n"
                           "life and token with dots between.\n"
                           "\n"
                           "The exit code is 1 if there is no mark to clear, or the lock bears "
                           "another one by now; 4 if the\n"
                           "hold was lost.\n";

enum { MARK = OPTION_OWN };

/* "SLOT.LIFE.TOKEN" as parameters of ClearMark; NULL if it is not that. */
static json_t *parse_mark(const char *text)
{
    long number[3];
    char part[24];
    for (int i = 0; i < 3; i++) {
        size_t size = strcspn(text, ".");
        if (size >= sizeof part || (text[size] == '.') == (i == 2))
            return NULL;
        memcpy(part, text, size);
        part[size] = '\0';
        if (!parse_number(part, 0, i == 0 ? UINT16_MAX : INT64_MAX, &number[i]))
            return NULL;
        text += size + 1;
    }
    return json_pack("{s:I, s:I, s:I}", "slot", (json_int_t)number[0], "life",
                     (json_int_t)number[1], "token", (json_int_t)number[2]);
}

static int clear(struct own_hold *hold, const char *mark)
{
    static const struct own_hold_doubt doubt = {
        .timed_out = "it is not known whether the mark was cleared",
        .no_majority = "it is not known whether the mark was cleared"};
    if (mark == NULL)
        mark = own_hold_env(hold, OWN_HOLD_ENV_MARK);
    if (mark == NULL) {
        say("%s: its grant named no mark", own_hold_subject(hold));
        return EXIT_ERROR;
    }
    json_t *parameters = parse_mark(mark);
    if (parameters == NULL)
        return usage_error(hold->cli, "'%s' is no mark: SLOT.LIFE.TOKEN", mark);
    int code = own_hold_call(hold, "ClearMark", parameters, &doubt);
    if (code == EXIT_OK && hold->cli->json)
        json_print(
            json_pack("{s:s, s:s, s:s}", "name", hold->name, "hold", hold->id, "mark", mark));
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"mark", required_argument, NULL, MARK}, COMMAND_OPTIONS};
    struct own_hold own;
    const char *mark = NULL;
    while (command_option(cli, argc, argv, ":", longs) != -1)
        mark = optarg;
    const char *hold = optind < argc ? argv[optind++] : NULL;
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = own_hold_open(&own, cli, hold);
    if (code != EXIT_OK)
        return code;
    code = clear(&own, mark);
    own_hold_close(&own);
    return code;
}

const struct command cmd_clear_mark = {"clear-mark", "says that the data is whole again", help,
                                       true, run};
