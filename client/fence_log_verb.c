/* `holdfast fence log`: the steps of fences that this node saw, and whether their chain is whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_text.h"
#include "client/fence_verbs.h"
#include "client/file.h"
#include "crypto/chain.h"
#include "proto/limits.h"

enum { AFTER = OPTION_OWN, VERIFY, IN_FILE };

struct wish {
    const char *file; /* of --file; NULL: the agent is asked */
    char node[FENCE_TEXT_NODE_MAX + 1];
    long life;
    long after;
    bool about, verify, follow;
};

static bool print_step(const struct cli *cli, const json_t *step)
{
    const char *node = json_text(step, "node"), *lock = json_text(step, "lock");
    const char *session = json_text(step, "session");
    if (cli->json) {
        json_print(json_deep_copy(step));
        return fflush(stdout) == 0;
    }
    printf("%s  %-8s  ", json_text(step, "time"), json_text(step, "kind"));
    if (*node && json_number(step, "life") > 0)
        printf("%s (life %lld%s%s): ", node, json_number(step, "life"),
               *session ? ", session " : "", session);
    printf("%s%s%s\n", json_text(step, "text"), *lock ? "; lock " : "", lock);
    return fflush(stdout) == 0;
}

static bool print_steps(const struct cli *cli, const json_t *reply)
{
    json_t *step;
    size_t index;
    bool good = true;
    json_array_foreach(json_object_get(reply, "steps"), index, step)
    {
        good = good && print_step(cli, step);
    }
    return good;
}

static json_t *parameters(const struct wish *wish, long long after)
{
    json_t *p = json_pack("{s:I}", "after", (json_int_t)after);
    if (wish->about)
        json_object_set_new(p, "node", json_string(wish->node));
    if (wish->life)
        json_object_set_new(p, "life", json_integer(wish->life));
    return p;
}

/* All that is kept; *after moves behind it. */
static int print_kept(struct varlink *v, const struct cli *cli, const struct wish *wish,
                      long long *after)
{
    bool more = true;
    while (more) {
        json_t *reply = NULL;
        int code = agent_call(v, cli, "FenceLog", parameters(wish, *after), &reply);
        if (code != EXIT_OK)
            return code;
        more = print_steps(cli, reply) && json_flag(reply, "more");
        *after = json_number(reply, "after");
        if (!more && *json_text(reply, "trouble"))
            say("%s", json_text(reply, "trouble"));
        json_decref(reply);
    }
    return EXIT_OK;
}

/* --- Verifying --- */

/* `check` is stolen. */
static int tell_check(const struct cli *cli, json_t *check, const char *digest)
{
    bool good = json_flag(check, "good");
    long long first = json_number(check, "first"), last = json_number(check, "last");
    if (cli->json) {
        json_object_set_new(check, "digest", json_string(digest));
        json_print(check);
        return good ? EXIT_OK : EXIT_ERROR;
    }
    if (!good)
        printf("NOT whole: %s\n", json_text(check, "text"));
    else if (last >= first && last > 0)
        printf("whole: records %lld to %lld, the last one's digest is %s\n", first, last, digest);
    else
        puts("whole: there is no record in it yet");
    json_decref(check);
    return good ? EXIT_OK : EXIT_ERROR;
}

static int verify_by_agent(struct varlink *v, const struct cli *cli)
{
    json_t *reply = NULL;
    int code = agent_call(v, cli, "FenceLog", json_pack("{s:b}", "check", 1), &reply);
    if (code != EXIT_OK)
        return code;
    code =
        tell_check(cli, json_incref(json_object_get(reply, "check")), json_text(reply, "digest"));
    json_decref(reply);
    return code;
}

static int verify_file(const struct cli *cli, const char *path)
{
    struct chain_reader reader;
    struct chain_record record = {0};
    char text[256], digest[2 * DIGEST_SIZE + 1];
    size_t size;
    uint64_t first = 0;
    uint8_t *bytes = file_read(path, FENCE_LOG_FILE_MAX, &size);
    if (bytes == NULL)
        return EXIT_ERROR;
    enum chain_verdict verdict = chain_open(&reader, bytes, size);
    while (verdict == CHAIN_END || verdict == CHAIN_RECORD) {
        verdict = chain_next(&reader, &record);
        if (verdict == CHAIN_RECORD && first == 0)
            first = record.seq;
        if (verdict != CHAIN_RECORD)
            break;
    }
    hex_encode(digest, reader.tip.digest.bytes, DIGEST_SIZE);
    snprintf(text, sizeof text, "byte %zu, behind record %" PRIu64 ": %s", reader.at,
             first ? reader.tip.next - 1 : 0, chain_verdict_text(verdict));
    json_t *check =
        json_pack("{s:b s:I s:I s:s}", "good", verdict == CHAIN_END, "first", (json_int_t)first,
                  "last", (json_int_t)(first ? reader.tip.next - 1 : 0), "text", text);
    free(bytes);
    return tell_check(cli, check, digest);
}

/* --- The verb --- */

static int take_wish(struct wish *wish, struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"after", required_argument, NULL, AFTER},
                                          {"verify", no_argument, NULL, VERIFY},
                                          {"follow", no_argument, NULL, 'f'},
                                          {"file", required_argument, NULL, IN_FILE},
                                          COMMAND_OPTIONS};
    int option;
    while ((option = command_option(cli, argc, argv, ":f", longs)) != -1) {
        if (option == AFTER && !parse_number(optarg, 0, __LONG_MAX__, &wish->after))
            return usage_error(cli, "--after takes the number of a record, not '%s'", optarg);
        if (option == IN_FILE)
            wish->file = optarg;
        wish->verify |= option == VERIFY;
        wish->follow |= option == 'f';
    }
    optind++; /* the verb */
    wish->about = optind < argc;
    if (wish->about && fence_verb_target(cli, argc, argv, wish->node, &wish->life) != EXIT_OK)
        return EXIT_USAGE;
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    if (wish->file && !wish->verify)
        return usage_error(cli, "--file goes with --verify");
    if (wish->verify && (wish->follow || wish->about))
        return usage_error(cli, "--verify is about the whole log");
    return EXIT_OK;
}

int fence_log_run(struct cli *cli, int argc, char **argv)
{
    struct wish wish = {0};
    struct varlink v;
    long long after;
    int code = take_wish(&wish, cli, argc, argv);
    if (code != EXIT_OK)
        return code;
    if (wish.file)
        return verify_file(cli, wish.file);
    code = agent_open(&v, cli);
    if (code != EXIT_OK)
        return code;
    after = wish.after;
    code = wish.verify ? verify_by_agent(&v, cli) : print_kept(&v, cli, &wish, &after);
    if (code == EXIT_OK && wish.follow)
        code = agent_follow(&v, cli, "FenceLog", parameters(&wish, after), print_steps);
    varlink_close(&v);
    return code;
}
