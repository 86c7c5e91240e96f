/*
 * `holdfast fence`: the orders that this node knows, the story of one, and handing one in. Nothing
 * here can make an order: jurors do, each by what it has seen itself (F2), and whoever acts on one
 * checks it (F4).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/fence_operate.h"
#include "client/fence_story.h"
#include "client/fence_submit.h"
#include "client/fence_text.h"
#include "client/fence_verbs.h"
#include "client/file.h"
#include "client/inhibit.h"
#include "client/table.h"
#include "crypto/proof.h"

static const char help[] =
    "usage: holdfast fence list [--json]\n"
    "       holdfast fence show NODE[/LIFE] [--export FILE] [--export-receipt FILE] [--json]\n"
    "       holdfast fence submit FILE [--json]\n"
    "       holdfast fence freeze [--node NODE] [--for SPAN | --until TIME] [--reason TEXT]\n"
    "                             [-w SEC]\n"
    "       holdfast fence thaw [--node NODE] [-w SEC]\n"
    "       holdfast fence request NODE[/LIFE] --reason TEXT [-w SEC] [--json]\n"
    "       holdfast fence confirm NODE[/LIFE] --key FILE... [--break-glass] | --dry-run [--json]\n"
    "       holdfast fence why NODE[/LIFE] [--json]\n"
    "       holdfast fence log [NODE[/LIFE]] [--after N] [-f] [--json]\n"
    "       holdfast fence log --verify [--file FILE] [--json]\n"
    "       holdfast fence preview NODE [--json]\n"
    "       holdfast fence verify FILE [--roster ROSTER] [--cluster ID] [--json]\n"
    "\n"
    "An order ends one life of a node whose locks others wait for; it is valid only with the\n"
    "signatures of a majority of the jurors. list prints the orders that this node knows, oldest\n"
    "first. show tells the story of the newest against NODE, or of that against the life LIFE of\n"
    "it: who asked, what each juror had seen, who signed, what executors did, the receipt. submit\n"
    "hands in an order or a receipt that was found or exported: it proves itself.\n"
    "\n"
    "  --export FILE          writes the certificate\n"
    "  --export-receipt FILE  writes the executor's receipt, with the certificate that it carried\n"
    "                         out\n"
    "\n"
    "freeze: no juror votes, against NODE or at all, and no executor begins, until it ends by "
    "itself\n"
    "or thaw lifts it. It waits until so many jurors have stored it that the others are no "
    "majority.\n"
    "request asks for an order that nobody waits for: each juror votes, or not, by what it has "
    "seen\n"
    "itself; so a node that lives is never fenced by it. confirm is an operator's signed word "
    "that\n"
    "the machine of an order is off, where nothing else can say so: the locks that pass on by it "
    "are\n"
    "marked `by-hand`.\n"
    "\n"
    "  --node NODE            freeze, thaw: about this one alone, not about all\n"
    "  --for SPAN             90s, 15m, 2h, 3d: it ends by itself then (1h), a week at most\n"
    "  --until TIME           the same as HH:MM, YYYY-MM-DDTHH:MM or @SECONDS\n"
    "  --reason TEXT          for others to read; kept with an order\n"
    "  -w SEC                 waits so long for the jurors to store it (10), or asks so long\n"
    "  --key FILE             an operator's secret key, which never leaves this command\n"
    "  --dry-run              says who still hears it, and what would be freed; signs nothing\n"
    "  --break-glass          where fewer than three jurors can order nothing: takes every "
    "operator\n"
    "                         key of the roster\n"
    "\n"
    "why says what became of NODE's newest life that anything is known of, or of LIFE: whether it\n"
    "is over, what is next, who asked and signed and who did not, what was done, what it freed; "
    "also\n"
    "of an accusation that is no order yet. log prints every step of a fence that this node saw;\n"
    "with --verify it reads the log's files anew and checks that their records chain. preview\n"
    "says what would follow if NODE vanished now: its locks, the jurors, the brake, the device, "
    "the\n"
    "executors, and how long it would take; nothing is done. verify checks an order or a receipt\n"
    "against a roster, signature by signature, without any agent.\n"
    "\n"
    "  --after N              only records with a higher number\n"
    "  -f, --follow           go on with each step as it is logged\n"
    "  --verify               check that the log's records chain\n"
    "  --file FILE            check this copy of a log, without any agent\n"
    "  -r, --roster ROSTER    of the cluster (/etc/holdfast/roster)\n"
    "  --cluster ID           the cluster's id, if the roster is not its first\n"
    "\n"
    "The exit code is 1 if there is no such order or receipt, if nothing is known, if what was\n"
    "handed in is refused, or if what was checked is not good.\n";

enum { EXPORT = OPTION_OWN, EXPORT_RECEIPT };

/* What the options of all three say. */
struct request {
    const char *export;
    const char *export_receipt;
};

/* --- list --- */

static void add_row(struct table *t, const json_t *order)
{
    char executor[128];
    fence_text_executor(executor, sizeof executor, order);
    table_cell(t, "%s", json_text(order, "node"));
    table_cell(t, "%lld", json_number(order, "life"));
    table_cell(t, "%s", json_text(order, "stage"));
    table_cell(t, "%lld of %lld", json_number(order, "signatures"), json_number(order, "jurors"));
    table_cell(t, "%s", executor);
    table_cell(t, "%.16s", json_text(order, "order"));
    const char *lock = json_text(order, "lock");
    table_cell(t, "%s", *lock ? lock : "-");
}

static int list(const struct cli *cli)
{
    static const char *const heading[] = {"NODE",     "LIFE",  "STAGE", "SIGNED",
                                          "EXECUTOR", "ORDER", "LOCK"};
    struct table t;
    json_t *reply = NULL, *order;
    size_t index;
    int code = agent_ask(cli, "Orders", NULL, &reply);
    if (code != EXIT_OK)
        return code;
    if (cli->json) {
        json_print(reply);
        return EXIT_OK;
    }
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    json_array_foreach(json_object_get(reply, "orders"), index, order) add_row(&t, order);
    table_print(&t);
    json_decref(reply);
    reply = NULL;
    if (agent_ask(cli, "Inhibitors", NULL, &reply) == EXIT_OK)
        inhibit_print(json_object_get(reply, "inhibitors"), "");
    json_decref(reply);
    return EXIT_OK;
}

/* --- show --- */

/* A rename takes the place of what is there: of a file, not of a device or a directory. */
static bool may_replace(const char *path)
{
    struct stat s;
    if (lstat(path, &s) != 0 || S_ISREG(s.st_mode))
        return true;
    say("%s is there and is not a file", path);
    return false;
}

/* Writes a file that the agent gave as base64; one that does not begin as it must is not written.
 */
static int export(const char *path, const char *base64, const char *magic, const char *what)
{
    uint8_t bytes[FENCE_FILE_MAX];
    size_t size = 0;
    if (*base64 == '\0') {
        say("there is no %s to export", what);
        return EXIT_ERROR;
    }
    if (sodium_base642bin(bytes, sizeof bytes, base64, strlen(base64), NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        size < FENCE_FILE_MAGIC_SIZE || memcmp(bytes, magic, FENCE_FILE_MAGIC_SIZE) != 0) {
        say("the agent gave a %s that cannot be read", what);
        return EXIT_ERROR;
    }
    return may_replace(path) && file_replace(path, 0644, bytes, size) ? EXIT_OK : EXIT_ERROR;
}

static int export_all(const struct request *request, const json_t *reply)
{
    int code = EXIT_OK;
    if (request->export)
        code = export(request->export, json_text(reply, "certificate"), ORDER_FILE_MAGIC,
                      "certificate");
    if (code == EXIT_OK && request->export_receipt)
        code = export(request->export_receipt, json_text(reply, "receipt"), PROOF_FILE_MAGIC,
                      "receipt");
    return code;
}

static int show(const struct cli *cli, const struct request *request, const char *target)
{
    char node[FENCE_TEXT_NODE_MAX + 1];
    long life;
    json_t *reply = NULL;
    if (!fence_text_target(target, node, &life))
        return usage_error(cli, "'%.96s' is neither NODE nor NODE/LIFE", target);
    json_t *p = json_pack("{s:s}", "node", node);
    if (p == NULL)
        return usage_error(cli, "a node's name is ASCII");
    if (life > 0)
        json_object_set_new(p, "life", json_integer(life));
    int code = agent_ask_about(cli, target, "Order", p, &reply);
    if (code != EXIT_OK)
        return code;
    code = export_all(request, reply);
    if (cli->json) {
        json_print(reply);
        return code;
    }
    fence_story_print(stdout, json_object_get(reply, "order"));
    json_decref(reply);
    return code;
}

/* --- submit --- */

static int submit(const struct cli *cli, const char *path)
{
    size_t size;
    uint8_t *bytes = file_read(path, FENCE_FILE_MAX, &size);
    int code = bytes ? fence_submit(cli, path, bytes, size) : EXIT_ERROR;
    free(bytes);
    return code;
}

/* --- The command --- */

/* Those with a file of their own. */
static const struct fence_verb verbs[] = {
    {"why", fence_why_run},         {"log", fence_log_run},    {"verify", fence_verify_run},
    {"preview", fence_preview_run}, {"freeze", fence_operate}, {"thaw", fence_operate},
    {"request", fence_operate},     {"confirm", fence_operate}};

/* The first argument that is no option; NULL if there is none. */
static const char *verb_of(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            return argv[i];
        if (strcmp(argv[i], "--socket") == 0)
            i++;
    }
    return NULL;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"export", required_argument, NULL, EXPORT},
        {"export-receipt", required_argument, NULL, EXPORT_RECEIPT},
        COMMAND_OPTIONS};
    struct request request = {0};
    int option;
    const char *verb = verb_of(argc, argv);
    for (size_t i = 0; verb && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verb, verbs[i].name) == 0)
            return verbs[i].run(cli, argc, argv);
    while ((option = command_option(cli, argc, argv, ":", longs)) != -1) {
        if (option == EXPORT)
            request.export = optarg;
        if (option == EXPORT_RECEIPT)
            request.export_receipt = optarg;
    }
    if (optind == argc)
        return usage_error(cli, "say what: see holdfast fence --help");
    const char *what = argv[optind++];
    bool lists = strcmp(what, "list") == 0, shows = strcmp(what, "show") == 0;
    if (!lists && !shows && strcmp(what, "submit") != 0)
        return usage_error(cli, "'%s' is nothing that fence does", what);
    if (!shows && (request.export || request.export_receipt))
        return usage_error(cli, "--export and --export-receipt go with show");
    if (!lists && optind == argc)
        return usage_error(cli, shows ? "the NODE is missing" : "the FILE is missing");
    const char *argument = lists ? NULL : argv[optind++];
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    return lists ? list(cli) : shows ? show(cli, &request, argument) : submit(cli, argument);
}

const struct command cmd_fence = {"fence", "orders against dead nodes, and their story", help, true,
                                  run};
