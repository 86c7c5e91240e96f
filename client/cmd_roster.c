/* `holdfast roster`: make, sign, show and check the signed list of nodes (R1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/card.h"
#include "client/command.h"
#include "client/enrol.h"
#include "client/explain.h"
#include "client/file.h"
#include "client/identity.h"
#include "client/table.h"

static const char help[] =
    "usage: holdfast roster make -o FILE --operator PUB... [--lab] [--cohort N|all]\n"
    "                            [--shards N] [--action NAME]... [--session-action NAME]...\n"
    "                            [--no-execute NODE]... [--detect MS] CARD...\n"
    "       holdfast roster sign -k KEY FILE\n"
    "       holdfast roster show FILE\n"
    "       holdfast roster check FILE\n"
    "\n"
    "make joins cards into the first roster of a cluster, unsigned; slots follow the order of the\n"
    "cards. sign adds an operator's signature, and prints the cluster's id once all have signed.\n"
    "show prints a roster; check says in one line whether it is good: exit code 0, or 78.\n"
    "\n"
    "  -o, --output FILE   where the roster goes\n"
    "  --operator PUB      a file with an operator's public key; once for each, all must sign\n"
    "  --cohort N|all      voters of each lock (5)\n"
    "  --shards N          units of coordination, 1 to 65536 (1024); fixed for ever\n"
    "  --action NAME       a fence action that agents may carry out (a section of that name in\n"
    "                      their configuration). It ends a machine; several are a ladder, tried "
    "in\n"
    "                      this order\n"
    "  --session-action NAME\n"
    "                      the same; it ends one session, by what its holder named: lock --stale\n"
    "                      'action NAME INFO'\n"
    "  --no-execute NODE   a node that carries out no fence order; by default every node may\n"
    "  --detect MS         the detection target, 1000 to 60000: no shorter cut costs a holder\n"
    "                      anything; after 1.16 times as long jurors may vote against it\n"
    "                      (4000 up to 16 nodes, 6000 up to 200, else 7500)\n"
    "  --lab               a cluster for rehearsal, on one machine\n"
    "  -k, --key KEY       the operator's secret key\n"
    "  --json              print JSON\n";

enum { OPERATOR = OPTION_OWN, LAB, COHORT, SHARDS, ACTION, SESSION_ACTION, NO_EXECUTE, DETECT };

/* What the options of all four say. */
struct request {
    const char *output;
    const char *key;
    const char *operators[ROSTER_OPERATORS_MAX];
    uint8_t operator_count;
    long cohort; /* 0: every voter */
    long shards;
    long detect_ms; /* 0: by the number of nodes */
    bool lab;
    const char *actions[ROSTER_ACTIONS_MAX];
    uint8_t action_count;
    uint8_t session_actions;            /* mask */
    const char *idle[ROSTER_NODES_MAX]; /* names of nodes that execute nothing */
    size_t idle_count;
};

static void cluster_text(char out[2 * DIGEST_SIZE + 1], const struct enrolment *e)
{
    hex_encode(out, e->digest.bytes, DIGEST_SIZE);
}

static int add_card(struct enrolment *e, const char *path)
{
    size_t size = 0;
    struct roster_node node;
    const char *problem = NULL;
    uint8_t *text = file_read(path, CARD_BYTES_MAX, &size);
    if (text == NULL)
        return EXIT_CONFIG;
    bool good = card_decode(&node, (const char *)text, size, &problem);
    free(text);
    if (!good) {
        say("the card %s is refused: %s", path, problem);
        return EXIT_CONFIG;
    }
    if (enrol_add(e, &node))
        return EXIT_OK;
    say("a roster has at most %d nodes", ROSTER_NODES_MAX);
    return EXIT_CONFIG;
}

/* F12. */
static void warn_of_few(const struct roster *r)
{
    size_t voters = roster_voter_count(r);
    if (voters == 1)
        say("warning: with one voter no order can be made: locks of a dead node wait until it "
            "boots, or until an operator hands them over ('holdfast fence confirm "
            "--break-glass'); two more voters, which may host nothing, would change that");
    if (voters == 2)
        say("warning: with two voters, locks of a dead node are not handed over by themselves "
            "(there is no majority without it); a witness, a third node that hosts nothing, would "
            "change that");
}

static void note_even(const struct roster *r)
{
    size_t voters = roster_voter_count(r);
    if (voters > 2 && voters % 2 == 0)
        say("note: %zu nodes bear the loss of no more than %zu do; an odd number is better", voters,
            voters - 1);
}

/* What keeps nodes from being fenced, said while it can still be changed. */
static void warn_of_fencing(const struct roster *r)
{
    size_t without = 0, executors = 0;
    for (size_t i = 0; i < r->node_count; i++) {
        without += r->nodes[i].device[0] == '\0';
        executors += r->nodes[i].executes;
    }
    if (r->session_actions == (1u << r->action_count) - 1u) {
        say("note: no action is named that ends a machine (--action), so nobody is fenced: a dead "
            "node's locks wait "
            "until it boots again");
        return;
    }
    if (executors == 0)
        say("warning: no node may execute, so nobody is fenced");
    if (without > 0)
        say("warning: %zu of %zu nodes have no device on their cards (keygen --device): nobody can "
            "fence them",
            without, r->node_count);
}

/* --no-execute, once the cards have said who there is. */
static int name_idle(struct roster *r, const struct request *q)
{
    for (size_t i = 0; i < q->idle_count; i++) {
        int index = roster_find_name(r, q->idle[i]);
        if (index < 0) {
            say("--no-execute %s: no card is of that name", q->idle[i]);
            return EXIT_CONFIG;
        }
        r->nodes[index].executes = false;
    }
    return EXIT_OK;
}

/* What two cards share that each node has for itself, and what to do; NULL: nothing. */
static const char *shared(const struct roster_node *a, const struct roster_node *b,
                          const char **mend)
{
    *mend = "it is one card, named twice: leave one out";
    if (memcmp(&a->key, &b->key, sizeof a->key) == 0 && strcmp(a->name, b->name) == 0)
        return "key";
    *mend = "make one of them anew with another --name";
    if (strcmp(a->name, b->name) == 0)
        return "name";
    *mend = "each node makes its own: was a card or key copied?";
    if (memcmp(&a->key, &b->key, sizeof a->key) == 0)
        return "key";
    if (memcmp(&a->store, &b->store, sizeof a->store) == 0)
        return "store";
    *mend = "were both made on one host, or is one of them a clone? (/etc/machine-id, see "
            "systemd-machine-id-setup(1))";
    if (memcmp(&a->machine, &b->machine, sizeof a->machine) == 0)
        return "machine id";
    *mend = "make one of them anew with another --address";
    return memcmp(&a->address, &b->address, sizeof a->address) == 0 ? "address" : NULL;
}

/* False if no two cards share anything. */
static bool say_twins(const struct roster *r)
{
    for (size_t i = 1; i < r->node_count; i++)
        for (size_t k = 0; k < i; k++) {
            const char *mend, *what = shared(&r->nodes[k], &r->nodes[i], &mend);
            if (!what)
                continue;
            say("no roster can be made of this: %s and %s have the same %s: %s", r->nodes[k].name,
                r->nodes[i].name, what, mend);
            return true;
        }
    return false;
}

static int fill(struct enrolment *e, const struct request *q, int count, char **cards)
{
    struct roster *r = e->roster;
    r->lab = q->lab;
    r->cohort_size = (uint8_t)q->cohort;
    r->shard_count = (uint16_t)q->shards; /* 65536 is written as 0 */
    r->detect_ms = (uint16_t)q->detect_ms;
    r->action_count = q->action_count;
    r->session_actions = q->session_actions;
    for (uint8_t i = 0; i < q->action_count; i++)
        memcpy(r->actions[i], q->actions[i], strlen(q->actions[i]));
    r->operator_count = q->operator_count;
    for (uint8_t i = 0; i < q->operator_count; i++)
        if (identity_load_public(&r->operators[i], q->operators[i]) != EXIT_OK)
            return EXIT_CONFIG;
    for (int i = 0; i < count; i++)
        if (add_card(e, cards[i]) != EXIT_OK)
            return EXIT_CONFIG;
    if (name_idle(r, q) != EXIT_OK)
        return EXIT_CONFIG;
    enum roster_verdict verdict = enrol_finish(e);
    if (verdict == ROSTER_UNSIGNED)
        return explain_check(r->node_count, SPAN_MS(r->detect_ms));
    if (!say_twins(r))
        say("no roster can be made of this: %s", roster_verdict_text(verdict));
    return EXIT_CONFIG;
}

static int make(const struct cli *cli, const struct request *q, int count, char **cards)
{
    struct enrolment e;
    char id[2 * DIGEST_SIZE + 1];
    if (q->output == NULL || q->operator_count == 0 || count == 0)
        return usage_error(cli, "%s missing",
                           q->output == NULL        ? "-o FILE, where the roster goes, is"
                           : q->operator_count == 0 ? "--operator PUB, whose key signs it, is"
                                                    : "the CARDs of its nodes are");
    enrol_init(&e);
    int code = fill(&e, q, count, cards);
    if (code == EXIT_OK) {
        warn_of_few(e.roster);
        note_even(e.roster);
        warn_of_fencing(e.roster);
        code = enrol_save(&e, q->output) ? EXIT_OK : EXIT_ERROR;
    }
    if (code == EXIT_OK) {
        cluster_text(id, &e);
        if (cli->json)
            json_print(json_pack("{s:s, s:s, s:I, s:b}", "file", q->output, "cluster", id, "nodes",
                                 (json_int_t)e.roster->node_count, "complete", 0));
        else
            printf("%s: %zu nodes, not signed yet: holdfast roster sign -k operator.key %s\n",
                   q->output, e.roster->node_count, q->output);
    }
    enrol_deinit(&e);
    return code;
}

static void print_signed(const struct cli *cli, const struct enrolment *e, const char *path)
{
    char id[2 * DIGEST_SIZE + 1];
    bool complete = e->verdict == ROSTER_OK;
    cluster_text(id, e);
    if (cli->json)
        json_print(json_pack("{s:s, s:s, s:i, s:i, s:b}", "file", path, "cluster", id, "signatures",
                             (int)e->signature_count, "operators", (int)e->roster->operator_count,
                             "complete", complete));
    else if (complete)
        printf("cluster %s\n", id);
    else
        printf("%s: signed by %u of %u operators\n", path, (unsigned)e->signature_count,
               (unsigned)e->roster->operator_count);
}

static int sign(const struct cli *cli, const struct request *q, const char *path)
{
    struct enrolment e;
    struct key_pair key;
    if (q->key == NULL)
        return usage_error(cli, "-k KEY is needed");
    int code = identity_load_key(&key, q->key);
    if (code != EXIT_OK)
        return code;
    code = enrol_load(&e, path, false);
    if (code == EXIT_OK && !enrol_sign(&e, &key)) {
        say("the key %s is none of the operator keys that %s names", q->key, path);
        code = EXIT_CONFIG;
    }
    if (code == EXIT_OK)
        code = enrol_save(&e, path) ? EXIT_OK : EXIT_ERROR;
    if (code == EXIT_OK)
        print_signed(cli, &e, path);
    enrol_deinit(&e);
    key_pair_wipe(&key);
    return code;
}

/* Its card, and what the roster says of it. */
static json_t *node_json(const struct roster_node *node)
{
    json_t *object = card_json(node);
    json_t *own =
        json_pack("{s:i, s:b, s:b, s:b}", "slot", (int)node->slot, "voter", (int)node->votes,
                  "juror", (int)node->juror, "executes", (int)node->executes);
    if (node->device[0] == '\0')
        json_object_set_new(object, "device", json_null());
    json_object_update_new(object, own);
    return object;
}

static void show_json(const struct enrolment *e)
{
    const struct roster *r = e->roster;
    char id[2 * DIGEST_SIZE + 1], previous[2 * DIGEST_SIZE + 1], key[2 * KEY_PUBLIC_SIZE + 1];
    json_t *nodes = json_array(), *operators = json_array(), *actions = json_array();
    json_t *sessions = json_array();
    cluster_text(id, e);
    hex_encode(previous, r->previous.bytes, DIGEST_SIZE);
    for (size_t i = 0; i < r->node_count; i++)
        json_array_append_new(nodes, node_json(&r->nodes[i]));
    for (size_t i = 0; i < r->action_count; i++)
        json_array_append_new(roster_ends_sessions(r, (uint8_t)(i + 1)) ? sessions : actions,
                              json_string(r->actions[i]));
    for (size_t i = 0; i < r->operator_count; i++) {
        hex_encode(key, r->operators[i].bytes, KEY_PUBLIC_SIZE);
        json_array_append_new(operators, json_string(key));
    }
    json_print(json_pack(
        "{s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:b, s:i, s:i, s:o, s:o, s:o, s:o}", "digest", id,
        "previous", previous, "epoch", (json_int_t)r->epoch, "lab", (int)r->lab, "shards",
        (json_int_t)roster_shard_count(r), "cohort", (json_int_t)roster_cohort_size(r), "jurors",
        (json_int_t)roster_juror_count(r), "complete", e->verdict == ROSTER_OK, "signatures",
        (int)e->signature_count, "detect_ms", (int)r->detect_ms, "actions", actions,
        "session_actions", sessions, "operators", operators, "nodes", nodes));
}

static void print_fencing(const struct roster *r)
{
    printf("detect   %u ms\nactions ", (unsigned)r->detect_ms);
    for (size_t i = 0; i < r->action_count; i++)
        printf("%s %s%s", i ? "," : "", r->actions[i],
               roster_ends_sessions(r, (uint8_t)(i + 1)) ? " (sessions)" : "");
    puts(r->action_count ? "" : " none: nobody is fenced");
}

static void show_text(const struct enrolment *e)
{
    static const char *const heading[] = {"SLOT",  "NAME",     "ADDRESS", "VOTES",
                                          "JUROR", "EXECUTES", "DEVICE",  "KEY"};
    const struct roster *r = e->roster;
    char text[2 * DIGEST_SIZE + 1], address[ADDRESS_TEXT_MAX];
    struct table t;
    cluster_text(text, e);
    if (r->lab)
        puts("LAB: a cluster for rehearsal");
    printf("%s  %s\n", r->epoch == 1 ? "cluster" : "digest ", text);
    printf("epoch    %u\nshards   %u\ncohort   %zu\njurors   %zu, %zu make a majority\n", r->epoch,
           roster_shard_count(r), roster_cohort_size(r), roster_juror_count(r),
           roster_juror_quorum(r));
    print_fencing(r);
    printf("signed   by %u of %u operators%s\n\n", (unsigned)e->signature_count,
           (unsigned)r->operator_count, e->verdict == ROSTER_OK ? "" : ": not valid yet");
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    for (size_t i = 0; i < r->node_count; i++) {
        const struct roster_node *node = &r->nodes[i];
        address_print(address, &node->address);
        hex_encode(text, node->key.bytes, 8);
        table_cell(&t, "%u", (unsigned)node->slot);
        table_cell(&t, "%s", node->name);
        table_cell(&t, "%s", address);
        table_cell(&t, "%s", node->votes ? "yes" : "no");
        table_cell(&t, "%s", node->juror ? "yes" : "no");
        table_cell(&t, "%s", node->executes ? "yes" : "no");
        table_cell(&t, "%s", node->device[0] ? node->device : "-");
        table_cell(&t, "%s...", text);
    }
    table_print(&t);
}

static int show(const struct cli *cli, const char *path)
{
    struct enrolment e;
    int code = enrol_load(&e, path, false);
    if (code == EXIT_OK && cli->json)
        show_json(&e);
    else if (code == EXIT_OK)
        show_text(&e);
    if (code == EXIT_OK)
        warn_of_few(e.roster);
    enrol_deinit(&e);
    return code;
}

static int check(const struct cli *cli, const char *path)
{
    struct enrolment e;
    int code = enrol_load(&e, path, true);
    bool good = e.verdict == ROSTER_OK;
    if (code == EXIT_ERROR) {
        enrol_deinit(&e);
        return EXIT_CONFIG;
    }
    if (cli->json)
        json_print(json_pack("{s:s, s:b, s:s}", "file", path, "good", good, "verdict",
                             roster_verdict_text(e.verdict)));
    else
        printf("%s: %s\n", path, roster_verdict_text(e.verdict));
    enrol_deinit(&e);
    return good ? EXIT_OK : EXIT_CONFIG;
}

/* --action NAME, --session-action NAME: its place among the options is its index in votes. */
static int take_action(const struct cli *cli, struct request *q, const char *name, bool session)
{
    size_t size = strlen(name);
    if (q->action_count == ROSTER_ACTIONS_MAX)
        return usage_error(cli, "a roster has at most %d actions", ROSTER_ACTIONS_MAX);
    if (size == 0 || size >= ROSTER_ACTION_SIZE ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != size)
        return usage_error(cli, "the action '%s' is not 1 to %d of a-z, 0-9, '.' and '-'", name,
                           ROSTER_ACTION_SIZE - 1);
    if (strcmp(name, "retire") == 0)
        return usage_error(cli, "'retire' is in every roster, and is no name for an action");
    for (uint8_t i = 0; i < q->action_count; i++)
        if (strcmp(q->actions[i], name) == 0)
            return usage_error(cli, "the action '%s' is named twice", name);
    if (session)
        q->session_actions |= (uint8_t)(1u << q->action_count);
    q->actions[q->action_count++] = name;
    return EXIT_OK;
}

/* One option of any of the four; an exit code. */
static int take_option(const struct cli *cli, struct request *q, int option)
{
    switch (option) {
    case 'o':
        q->output = optarg;
        break;
    case 'k':
        q->key = optarg;
        break;
    case LAB:
        q->lab = true;
        break;
    case OPERATOR:
        if (q->operator_count == ROSTER_OPERATORS_MAX)
            return usage_error(cli, "a roster has at most %d operators", ROSTER_OPERATORS_MAX);
        q->operators[q->operator_count++] = optarg;
        break;
    case COHORT:
        q->cohort = 0;
        if (strcmp(optarg, "all") != 0 && !parse_number(optarg, 1, ROSTER_COHORT_MAX, &q->cohort))
            return usage_error(cli, "--cohort takes 1 to %d, or all, not '%s'", ROSTER_COHORT_MAX,
                               optarg);
        break;
    case SHARDS:
        if (!parse_number(optarg, 1, ROSTER_SHARDS_MAX, &q->shards))
            return usage_error(cli, "--shards takes 1 to %d, not '%s'", ROSTER_SHARDS_MAX, optarg);
        break;
    case ACTION:
        return take_action(cli, q, optarg, false);
    case SESSION_ACTION:
        return take_action(cli, q, optarg, true);
    case NO_EXECUTE:
        if (q->idle_count == ROSTER_NODES_MAX)
            return usage_error(cli, "a roster has at most %d nodes", ROSTER_NODES_MAX);
        q->idle[q->idle_count++] = optarg;
        break;
    case DETECT:
        if (!parse_number(optarg, ROSTER_DETECT_MIN_MS, ROSTER_DETECT_MAX_MS, &q->detect_ms))
            return usage_error(cli, "--detect takes %d to %d milliseconds, not '%s'",
                               ROSTER_DETECT_MIN_MS, ROSTER_DETECT_MAX_MS, optarg);
        break;
    }
    return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"output", required_argument, NULL, 'o'},
        {"key", required_argument, NULL, 'k'},
        {"operator", required_argument, NULL, OPERATOR},
        {"lab", no_argument, NULL, LAB},
        {"cohort", required_argument, NULL, COHORT},
        {"shards", required_argument, NULL, SHARDS},
        {"action", required_argument, NULL, ACTION},
        {"session-action", required_argument, NULL, SESSION_ACTION},
        {"no-execute", required_argument, NULL, NO_EXECUTE},
        {"detect", required_argument, NULL, DETECT},
        COMMAND_OPTIONS};
    struct request q = {.cohort = 5, .shards = 1024};
    int option;
    while ((option = command_option(cli, argc, argv, ":o:k:", longs)) != -1)
        if (take_option(cli, &q, option) != EXIT_OK)
            return EXIT_USAGE;
    argc -= optind;
    argv += optind;
    const char *verb = argc > 0 ? argv[0] : "";
    if (strcmp(verb, "make") == 0)
        return make(cli, &q, argc - 1, argv + 1);
    bool known =
        strcmp(verb, "sign") == 0 || strcmp(verb, "show") == 0 || strcmp(verb, "check") == 0;
    if (!known)
        return usage_error(cli, "make, sign, show or check is expected, not '%s'", verb);
    if (argc != 2)
        return usage_error(cli, "roster %s takes one FILE", verb);
    if (verb[1] == 'i')
        return sign(cli, &q, argv[1]);
    return verb[0] == 'c' ? check(cli, argv[1]) : show(cli, argv[1]);
}

const struct command cmd_roster = {
    "roster", "makes, signs, shows or checks the signed list of nodes", help, true, run};
