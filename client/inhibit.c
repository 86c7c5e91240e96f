/* Saying inhibitors: see inhibit.h. */
#include "client/inhibit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/agent.h"
#include "client/fence_text.h"
#include "client/span.h"

enum { POLL_MS = 200, WEEK_MS = 7 * 24 * 3600 * 1000, NAMES_MAX = 1024 };

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
}

int inhibit_take_span(const struct cli *cli, const char *option, const char *text,
                      long long *out_ms)
{
    bool until = strcmp(option, "--until") == 0;
    bool good = until ? span_parse_until(text, out_ms) : span_parse(text, out_ms);
    if (good && *out_ms <= WEEK_MS)
        return EXIT_OK;
    if (good)
        return usage_error(cli, "%s %s: a week is the longest; say it again then", option, text);
    return usage_error(cli,
                       until ? "%s takes HH:MM, YYYY-MM-DDTHH:MM or @SECONDS to come, not '%s'"
                             : "%s takes a span, as 90s, 15m, 2h or 3d, not '%s'",
                       option, text);
}

int inhibit_take_options(struct cli *cli, int argc, char **argv, struct inhibit_request *request,
                         long long *wait_ms)
{
    enum { FOR = OPTION_OWN, UNTIL, REASON };
    static const struct option longs[] = {{"for", required_argument, NULL, FOR},
                                          {"until", required_argument, NULL, UNTIL},
                                          {"reason", required_argument, NULL, REASON},
                                          COMMAND_OPTIONS};
    int option, code = EXIT_OK;
    while (code == EXIT_OK && (option = command_option(cli, argc, argv, ":w:", longs)) != -1) {
        if (option == FOR || option == UNTIL)
            code = inhibit_take_span(cli, option == FOR ? "--for" : "--until", optarg,
                                     &request->span_ms);
        else if (option == REASON)
            request->reason = optarg;
        else
            code = take_patience(cli, wait_ms);
    }
    return code;
}

static void print_one(const json_t *i, const char *prefix)
{
    char left[SPAN_TEXT_SIZE];
    const char *node = json_text(i, "node"), *reason = json_text(i, "reason");
    span_text(left, json_number(i, "left_ms"));
    printf("%s%s of %s for %s yet, said at %s by %s%s%s\n", prefix, json_text(i, "kind"),
           *node ? node : "all nodes", left, json_text(i, "by"), json_text(i, "who"),
           *reason ? ": " : "", reason);
}

void inhibit_print(const json_t *inhibitors, const char *prefix)
{
    json_t *i;
    size_t index;
    json_array_foreach(inhibitors, index, i)
    {
        if (json_flag(i, "on"))
            print_one(i, prefix);
    }
}

/* The one that was said; NULL if it is not there any more. */
static json_t *find(const json_t *reply, const struct inhibit_request *r)
{
    json_t *i;
    size_t index;
    json_array_foreach(json_object_get(reply, "inhibitors"), index, i)
    {
        if (strcmp(json_text(i, "kind"), r->kind) == 0 &&
            strcmp(json_text(i, "node"), r->node) == 0 && json_flag(i, "on") == r->on)
            return i;
    }
    return NULL;
}

/* A drain is in effect once the node itself has it. */
static bool in_effect(const struct inhibit_request *r, const json_t *i)
{
    return strcmp(r->kind, "drain") == 0 && r->on ? json_number(i, "held") >= 0
                                                  : json_flag(i, "in_effect");
}

static void tell(const struct inhibit_request *r, const json_t *i, bool effect)
{
    char names[NAMES_MAX], left[SPAN_TEXT_SIZE];
    const char *node = *r->node ? r->node : "all nodes";
    fence_text_list(names, sizeof names, json_object_get(i, "missing"));
    span_text(left, json_number(i, "left_ms"));
    printf("%s of %s %s: %zu jurors have it, %lld are needed", r->kind, node,
           !effect ? "is NOT in effect yet"
           : r->on ? "is in effect"
                   : "is lifted",
           json_array_size(json_object_get(i, "stored")), json_number(i, "needed"));
    printf(*names ? "; not heard from: %s" : "%s", names);
    if (r->on)
        printf("; it ends by itself in %s", left);
    putchar('\n');
}

/* Waits until nothing is held; `*i` is replaced. */
static int wait_drained(const struct cli *cli, const struct inhibit_request *r, json_t **reply,
                        json_t **i)
{
    long long until = now_ms() + r->drain_ms, told = -1;
    for (;;) {
        long long held = *i ? json_number(*i, "held") : -1;
        if (held == 0) {
            if (!cli->json)
                printf("%s holds nothing: it may be switched off\n", r->node);
            return EXIT_OK;
        }
        if (held != told && !cli->json) {
            printf("%s holds, or waits for, %lld locks yet\n", r->node, held);
            fflush(stdout);
        }
        told = held;
        if (!*i || (r->drain_ms >= 0 && now_ms() >= until)) {
            say("%s is not drained: %s", r->node,
                *i ? "its holders have been told" : "the drain has ended");
            return EXIT_NOT_GRANTED;
        }
        rest();
        json_decref(*reply);
        int code = agent_ask(cli, "Inhibitors", NULL, reply);
        if (code != EXIT_OK) {
            *reply = *i = NULL;
            return code;
        }
        *i = find(*reply, r);
    }
}

static json_t *parameters_of(const struct inhibit_request *r)
{
    json_t *p = json_pack("{s:s s:b s:s}", "kind", r->kind, "on", (int)r->on, "reason",
                          r->reason ? r->reason : "");
    if (p && *r->node)
        json_object_set_new(p, "node", json_string(r->node));
    if (p && r->on)
        json_object_set_new(p, "span_ms", json_integer(r->span_ms));
    return p;
}

int inhibit_run(const struct cli *cli, const struct inhibit_request *r)
{
    json_t *p = parameters_of(r), *reply = NULL, *i;
    long long until = now_ms() + r->wait_ms;
    if (p == NULL)
        return usage_error(cli, "names and reasons are UTF-8");
    int code = agent_ask_about(cli, *r->node ? r->node : NULL, "Inhibit", p, &reply);
    for (;;) {
        if (code != EXIT_OK)
            return code;
        i = find(reply, r);
        if (!i || in_effect(r, i) || now_ms() >= until)
            break;
        rest();
        json_decref(reply);
        code = agent_ask(cli, "Inhibitors", NULL, &reply);
    }
    bool effect = !i || in_effect(r, i);
    if (i && !cli->json)
        tell(r, i, effect);
    code = effect ? EXIT_OK : EXIT_NO_MAJORITY;
    if (effect && r->on && strcmp(r->kind, "drain") == 0)
        code = wait_drained(cli, r, &reply, &i);
    if (cli->json && i)
        json_print(json_incref(i));
    json_decref(reply);
    return code;
}
