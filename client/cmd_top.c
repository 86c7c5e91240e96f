/*
 * `holdfast top`: one page that is drawn anew each second: this node, members in trouble, orders,
 * what this node holds and waits for (what waits first), and what happened last.
 *
 * It asks the local agent for each page: plain questions over one connection, and the last events
 * as a stream, which ends that connection. Nothing is asked of other nodes.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/agent.h"
#include "client/color.h"
#include "client/command.h"
#include "client/inhibit.h"
#include "client/member_list.h"
#include "client/screen.h"
#include "client/table.h"

static const char help[] =
    "usage: holdfast top [-d SEC] [-1] [--json]\n"
    "\n"
    "How this node is, as a page that is drawn anew: members in trouble, fence orders, what is "
    "held\n"
    "and waited for here, rates, and the last events. Ends with q and Enter, or an interrupt. "
    "Without a\n"
    "terminal the page is printed once.\n"
    "\n"
    "  -d, --delay SEC  seconds between two pages (1), 0.2 to 60\n"
    "  -1, --once       print it once\n"
    "  --json           once, as one object: status, members, orders, operations, events\n";

enum {
    EVENTS_MAX = 8,
    LINE_SIZE = 512,
    ROWS_LEAST = 3,
    DELAY_MS = 1000,
    DELAY_MIN_MS = 200,
    DELAY_MAX_MS = 60000
};

struct top {
    struct cli *cli;
    struct varlink link;
    long long delay_ms;
    bool once;
    bool terminal;
    json_t *before; /* the Status of the page before; NULL: this is the first */
};

/* --- What is asked --- */

/* The events that are kept, oldest first, of which the last EVENTS_MAX are taken. */
static int ask_events(struct top *t, json_t *page)
{
    struct varlink_reply reply;
    json_t *events = json_array();
    json_object_set_new(page, "events", events);
    long long newest = json_number(json_object_get(page, "members"), "seq");
    json_t *after =
        json_pack("{s:I}", "after", (json_int_t)(newest > EVENTS_MAX ? newest - EVENTS_MAX : 0));
    if (newest == 0) {
        json_decref(after);
        return EXIT_OK;
    }
    enum varlink_status status =
        varlink_send(&t->link, AGENT_INTERFACE "Events", after, VARLINK_MORE);
    bool last = false;
    while (status == VARLINK_OK && !last) {
        status = varlink_receive(&t->link, &reply, AGENT_TIMEOUT_MS);
        if (status != VARLINK_OK)
            break;
        json_t *event = json_object_get(reply.parameters, "event");
        last = json_number(event, "seq") >= newest || reply.error[0] != '\0';
        if (reply.error[0] == '\0')
            json_array_append(events, event);
        json_decref(reply.parameters);
    }
    if (status != VARLINK_OK)
        return agent_failed(t->cli, status);
    varlink_close(&t->link); /* which ends the stream */
    return agent_open(&t->link, t->cli);
}

static int ask(struct top *t, json_t **out)
{
    static const struct {
        const char *method, *key, *member;
    } plain[] = {{"Status", "status", NULL},
                 {"Members", "members", NULL},
                 {"Orders", "orders", "orders"},
                 {"List", "operations", "operations"}};
    json_t *page = json_object();
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0] && code == EXIT_OK; i++) {
        json_t *reply = NULL;
        code = agent_call(&t->link, t->cli, plain[i].method, NULL, &reply);
        if (code == EXIT_OK && plain[i].member)
            json_object_set(page, plain[i].key, json_object_get(reply, plain[i].member));
        else if (code == EXIT_OK)
            json_object_set(page, plain[i].key, reply);
        json_decref(reply);
    }
    if (code == EXIT_OK)
        code = ask_events(t, page);
    if (code == EXIT_OK)
        *out = page;
    else
        json_decref(page);
    return code;
}

/* --- What is shown --- */

/* A counter's rise per second since the page before, at the top level or below `counters`. */
static double rate(const struct top *t, const json_t *status, const char *key)
{
    const json_t *now = json_object_get(status, "counters");
    const json_t *then = json_object_get(t->before, "counters");
    if (!json_object_get(now, key)) {
        now = status;
        then = t->before;
    }
    long long ms = json_number(status, "uptime_ms") - json_number(t->before, "uptime_ms");
    if (!t->before || ms <= 0)
        return 0;
    return 1000.0 * (double)(json_number(now, key) - json_number(then, key)) / (double)ms;
}

static void print_node(const struct top *t, const json_t *status)
{
    bool majority = json_flag(status, "majority");
    const char *store = json_text(status, "store");
    bool votes = strcmp(store, "voting") == 0, bad = color_wanted();
    printf("%s%s life %lld: ", json_flag(status, "lab") ? "LAB  " : "", json_text(status, "node"),
           json_number(status, "life"));
    printf("%s%s%s, %lld of %lld voters alive; ", majority || !bad ? "" : COLOR_BAD,
           majority ? "majority" : "NO MAJORITY", majority || !bad ? "" : COLOR_END,
           json_number(status, "voters_alive"), json_number(status, "voters"));
    printf("store %s%s%s", votes || !bad ? "" : COLOR_BAD, store, votes || !bad ? "" : COLOR_END);
    if (json_flag(status, "standing_wanted"))
        printf("; standing %s (%lld of %lld jurors)", json_flag(status, "standing") ? "yes" : "NO",
               json_number(status, "acknowledging"), json_number(status, "jurors"));
    if (json_flag(status, "bound"))
        printf("; BOUND: under a vote or an order");
    printf(
        "\nlocks stored %lld, shards coordinated %lld, operations %lld, clients %lld, up %lld s\n",
        json_number(status, "locks"), json_number(status, "serving"),
        json_number(status, "operations"), json_number(status, "clients"),
        json_number(status, "uptime_ms") / 1000);
    printf("syncs %.0f/s (p50 %lld us, p99 %lld us), records %.0f/s\n", rate(t, status, "syncs"),
           json_number(status, "sync_p50_us"), json_number(status, "sync_p99_us"),
           rate(t, status, "lsn"));
}

static void print_members(const json_t *page)
{
    const struct member_filter all = {NULL, 0};
    const json_t *reply = json_object_get(page, "members");
    char text[MEMBER_SUMMARY_MAX];
    json_t *list = member_list_pick(json_object_get(reply, "members"), &all, true);
    member_list_summary(text, list, json_text(reply, "node"));
    printf("\n%s\n", text);
    member_list_health(text, reply);
    if (*text)
        puts(text);
    size_t troubled = 0;
    while (troubled < json_array_size(list) && member_trouble(json_array_get(list, troubled)) > 0)
        troubled++;
    if (troubled > 0)
        member_list_print(list, json_text(reply, "node"), color_wanted(), troubled);
    json_decref(list);
}

/* The newest first; those that are over are left out. */
static void print_orders(const json_t *page)
{
    const json_t *orders = json_object_get(page, "orders");
    for (size_t i = json_array_size(orders); i-- > 0;) {
        const json_t *o = json_array_get(orders, i);
        if (strcmp(json_text(o, "stage"), "over") == 0)
            continue;
        printf("order against %s (life %lld), %lld of %lld signatures: %s\n", json_text(o, "node"),
               json_number(o, "life"), json_number(o, "signatures"), json_number(o, "quorum"),
               json_text(o, "text"));
    }
}

static bool waits(const json_t *operation)
{
    const char *state = json_text(operation, "state");
    return strcmp(state, "pending") == 0 || strcmp(state, "converting") == 0;
}

static void print_operations(const json_t *page, size_t most)
{
    static const char *const heading[] = {"STATE", "NAME", "MODE", "STALE", "TOKEN", "HOLD"};
    const json_t *list = json_object_get(page, "operations");
    size_t count = json_array_size(list), shown = 0;
    if (count == 0)
        return;
    struct table table;
    table_init(&table, sizeof heading / sizeof heading[0], heading);
    for (int pass = 0; pass < 2; pass++) { /* what waits, then the rest */
        for (size_t i = 0; i < count && shown < most; i++) {
            const json_t *o = json_array_get(list, i);
            char mode[AGENT_MODE_SIZE], policy[AGENT_POLICY_SIZE];
            if (waits(o) != (pass == 0))
                continue;
            shown++;
            table_cell(&table, "%s", json_text(o, "state"));
            table_cell(&table, "%s", json_text(o, "name"));
            table_cell(&table, "%s", agent_mode(mode, o));
            table_cell(&table, "%s", agent_policy(policy, o));
            table_cell(&table, "%lld", json_number(o, "token"));
            table_cell(&table, "%s", json_text(o, "hold"));
        }
    }
    putchar('\n');
    table_print(&table);
    if (count > shown)
        printf("and %zu more (holdfast locks)\n", count - shown);
}

static void print_events(const struct top *t, const json_t *page)
{
    const json_t *events = json_object_get(page, "events");
    size_t columns = t->terminal ? screen_columns() : LINE_SIZE, index;
    const json_t *event;
    if (json_array_size(events) > 0)
        putchar('\n');
    json_array_foreach(events, index, event)
    {
        char line[LINE_SIZE];
        snprintf(line, sizeof line, "%s  %-11s %s", json_text(event, "time"),
                 json_text(event, "kind"), json_text(event, "text"));
        printf("%.*s\n", (int)columns, line);
    }
}

static void print_page(const struct top *t, const json_t *page)
{
    size_t rows = screen_rows(), other = 10 + EVENTS_MAX;
    if (t->terminal && !t->once)
        fputs(SCREEN_CLEAR, stdout);
    print_node(t, json_object_get(page, "status"));
    inhibit_print(json_object_get(json_object_get(page, "status"), "inhibitors"), "INHIBITED ");
    print_members(page);
    print_orders(page);
    print_operations(page, !t->terminal                ? (size_t)-1
                           : rows > other + ROWS_LEAST ? rows - other
                                                       : ROWS_LEAST);
    print_events(t, page);
}

/* --- Until somebody has had enough --- */

/* Waits; true if q was typed, or nobody reads what is shown. */
static bool enough(const struct top *t)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    if (fflush(stdout) != 0)
        return true;
    if (!isatty(STDIN_FILENO)) {
        (void)poll(NULL, 0, (int)t->delay_ms);
        return false;
    }
    return poll(&keys, 1, (int)t->delay_ms) > 0 && read(STDIN_FILENO, &key, 1) == 1 && key == 'q';
}

/* The agent went away, as it does in an upgrade: the page stays until one is back. False: that is
 * enough. What is counted begins anew with it. */
static bool wait_for_agent(struct top *t)
{
    json_decref(t->before);
    t->before = NULL;
    varlink_close(&t->link);
    while (varlink_open(&t->link, t->cli->socket) != VARLINK_OK)
        if (enough(t))
            return false;
    return true;
}

static int show(struct top *t)
{
    for (;;) {
        json_t *page = NULL;
        int code = ask(t, &page);
        if (code == EXIT_UNREACHABLE && !t->once && wait_for_agent(t))
            continue;
        if (code != EXIT_OK)
            return code;
        if (t->cli->json) {
            json_print(page);
            return EXIT_OK;
        }
        print_page(t, page);
        json_decref(t->before);
        t->before = json_incref(json_object_get(page, "status"));
        json_decref(page);
        if (t->once || enough(t))
            return EXIT_OK;
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"delay", required_argument, NULL, 'd'}, {"once", no_argument, NULL, '1'}, COMMAND_OPTIONS};
    struct top t = {
        .cli = cli, .link.fd = -1, .delay_ms = DELAY_MS, .terminal = isatty(STDOUT_FILENO)};
    int option;
    while ((option = command_option(cli, argc, argv, ":d:1", longs)) != -1) {
        if (option == '1')
            t.once = true;
        else if (!parse_seconds(optarg, &t.delay_ms) || t.delay_ms < DELAY_MIN_MS ||
                 t.delay_ms > DELAY_MAX_MS)
            return usage_error(cli, "--delay: '%s' is not 0.2 to 60 seconds", optarg);
    }
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    t.once = t.once || cli->json || !t.terminal;
    if (!t.once)
        screen_buffer();
    int code = agent_open(&t.link, cli);
    if (code == EXIT_OK)
        code = show(&t);
    json_decref(t.before);
    varlink_close(&t.link);
    return code;
}

const struct command cmd_top = {"top", "how this node is, drawn anew each second", help, true, run};
