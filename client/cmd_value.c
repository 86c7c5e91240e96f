/*
 * `holdfast value`: the value block of a lock, up to 256 bytes that stay with it. Anybody may read
 * it; a hold in a mode that writes, of the `holdfast lock` around this command, writes it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/own_hold.h"
#include "proto/limits.h"

static const char help[] =
    "usage: holdfast value get [-w SEC] [--json] NAME\n"
    "       holdfast value set [--json] [HOLD] TEXT\n"
    "       holdfast value set [--json] [HOLD] -\n"
    "\n"
    "Every lock has a value: up to 256 bytes that stay with it. 'get' prints that of the lock "
    "NAME,\n"
    "as it is, confirmed by a majority. 'set' writes TEXT, or with - what stands on stdin, into "
    "that\n"
    "of the 'holdfast lock' that this runs under: HOLDFAST_HOLD, or HOLD if it is another of the\n"
    "same session. Its mode must be one that writes.\n"
    "\n"
    "  -w, --wait SEC      get: give up after so long (5)\n"
    "  --json              one object on stdout: name, value (bytes in base64, token, valid)\n"
    "\n"
    "The exit code of 'get' is 1 if none was ever written (nothing is printed), or if a holder "
    "that\n"
    "writes went uncleanly since (it is printed, but may be of before). That of 'set' is 4 if the\n"
    "hold was lost.\n";

enum { BASE64_MAX = sodium_base64_ENCODED_LEN(LOCK_VALUE_MAX, sodium_base64_VARIANT_ORIGINAL) };

/* The bytes of the value on stdout; false if they are not base64. */
static bool print_bytes(const json_t *value)
{
    unsigned char bytes[LOCK_VALUE_MAX];
    size_t size = 0;
    const char *text = json_text(value, "bytes"), *end;
    if (sodium_base642bin(bytes, sizeof bytes, text, strlen(text), NULL, &size, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        *end)
        return false;
    fwrite(bytes, 1, size, stdout);
    return true;
}

static int get(const struct cli *cli, const char *name, long long wait_ms)
{
    json_t *reply = NULL;
    int code = agent_ask_lock(cli, "Show", json_pack("{s:s}", "name", name), wait_ms, &reply);
    if (code != EXIT_OK)
        return code;
    json_t *value = json_object_get(json_object_get(reply, "lock"), "value");
    bool written = json_is_object(value), valid = json_flag(value, "valid");
    if (cli->json)
        json_print(json_pack("{s:s, s:O}", "name", name, "value", written ? value : json_null()));
    else if (!written)
        say("%s: no value was ever written", name);
    else if (!print_bytes(value))
        say("%s: the agent gave a value that cannot be read", name);
    else if (!valid)
        say("%s: a holder that writes went uncleanly since: the value may be of before", name);
    json_decref(reply);
    return written && valid ? EXIT_OK : EXIT_ERROR;
}

/* All of stdin; -1 with errno, or what fits and one byte more. */
static ssize_t read_input(char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        ssize_t got = read(STDIN_FILENO, bytes + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        at += (size_t)got;
    }
    return (ssize_t)at;
}

static int put(struct cli *cli, const char *hold, const char *bytes, size_t size)
{
    static const struct own_hold_doubt doubt = {
        .timed_out = "it is not known whether the value was written",
        .no_majority = "it is not known whether the value was written"};
    struct own_hold own;
    char text[BASE64_MAX];
    int code = own_hold_open(&own, cli, hold);
    if (code != EXIT_OK)
        return code;
    sodium_bin2base64(text, sizeof text, (const unsigned char *)bytes, size,
                      sodium_base64_VARIANT_ORIGINAL);
    code = own_hold_call(&own, "SetValue", json_pack("{s:s}", "value", text), &doubt);
    if (code == EXIT_OK && cli->json)
        json_print(json_pack("{s:s, s:s, s:s}", "name", own.name, "hold", own.id, "bytes", text));
    own_hold_close(&own);
    return code;
}

static int set(struct cli *cli, const char *hold, const char *text)
{
    char input[LOCK_VALUE_MAX + 1];
    size_t size = strlen(text);
    if (strcmp(text, "-") == 0) {
        ssize_t got = read_input(input, sizeof input);
        if (got < 0) {
            say("stdin cannot be read: %s", strerror(errno));
            return EXIT_ERROR;
        }
        text = input;
        size = (size_t)got;
    }
    if (size > LOCK_VALUE_MAX)
        return usage_error(cli, "a value has at most %d bytes", (int)LOCK_VALUE_MAX);
    return put(cli, hold, text, size);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"wait", required_argument, NULL, 'w'}, COMMAND_OPTIONS};
    long long wait_ms = AGENT_TIMEOUT_MS;
    bool waits = false;
    while (command_option(cli, argc, argv, ":w:", longs) != -1) {
        waits = true;
        if (take_patience(cli, &wait_ms) != EXIT_OK)
            return EXIT_USAGE;
    }
    int count = argc - optind;
    const char *verb = count > 0 ? argv[optind] : "";
    if (strcmp(verb, "get") == 0 && count == 2)
        return check_lock_name(cli, argv[optind + 1]) == EXIT_OK
                   ? get(cli, argv[optind + 1], wait_ms)
                   : EXIT_USAGE;
    if (strcmp(verb, "set") == 0 && waits)
        return usage_error(cli, "-w goes with 'value get'");
    if (strcmp(verb, "set") == 0 && (count == 2 || count == 3))
        return set(cli, count == 3 ? argv[optind + 1] : NULL, argv[argc - 1]);
    return usage_error(cli, "'value get NAME' or 'value set [HOLD] TEXT' is expected");
}

const struct command cmd_value = {"value", "reads or writes what stays with a lock", help, true,
                                  run};
