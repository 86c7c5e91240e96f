/* `holdfast config`: explain, the times that follow from the detection target, and whether they
 * fit; show, what is set, and where that comes from (config_show.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/config_show.h"
#include "client/enrol.h"
#include "client/explain.h"
#include "client/table.h"
#include "proto/limits.h"

#define ROSTER_DEFAULT "/etc/holdfast/roster"

static const char help[] =
    "usage: holdfast config show [-c FILE] [--json]\n"
    "       holdfast config explain [-r ROSTER] [--detect MS] [--members N] [--watchdog S]\n"
    "                               [--json]\n"
    "\n"
    "show prints each option of the agent's configuration with its value and where it comes from:\n"
    "FILE:LINE, the default, the roster or the command line; the times that follow, each with the\n"
    "knob that it follows from; and what the running agent has otherwise, so what takes a reload\n"
    "or a restart after the file was edited.\n"
    "\n"
    "  -c, --config FILE    the configuration (the one that the agent runs with, else\n"
    "                       /etc/holdfast/holdfast.conf)\n"
    "\n"
    "explain prints every time that follows from the detection target, with its formula and its\n"
    "value in this cluster, and the inequalities that must hold between them. Exit code 78 if one\n"
    "does not.\n"
    "\n"
    "  -r, --roster ROSTER  of this cluster (" ROSTER_DEFAULT ")\n"
    "  --detect MS          with this target instead, 1000 to 60000\n"
    "  --members N          with so many members instead; with --detect no roster is read\n"
    "  --watchdog S         for machines whose watchdog has that time-out, 1 to 3600 seconds\n";

enum { DETECT = OPTION_OWN, MEMBERS, WATCHDOG };

struct question {
    const char *roster;
    long detect_ms; /* 0: the roster's, else the default */
    long members;   /* 0: the roster's */
    long watchdog;  /* seconds; 0: the least that the rules allow */
};

static int read_roster(struct question *q)
{
    struct enrolment e;
    int code = enrol_load(&e, q->roster, false);
    if (code == EXIT_OK && q->members == 0)
        q->members = (long)e.roster->node_count;
    if (code == EXIT_OK && q->detect_ms == 0)
        q->detect_ms = e.roster->detect_ms;
    enrol_deinit(&e);
    return code;
}

static void print_text(const struct explanation *e)
{
    static const char *const heading[] = {"TIME", "FORMULA", "VALUE", "WHAT IT IS"};
    const char *part = "";
    struct table t = {0};
    printf("%zu members, detection target D = %lld ms; rho = %d ppm bounds the clocks' rates\n",
           e->members, explain_ms(e->detect), CLOCK_RATE_PPM);
    for (size_t i = 0; i < e->timer_count; i++) {
        const struct explain_timer *timer = &e->timers[i];
        if (strcmp(part, timer->part) != 0) {
            if (*part)
                table_print(&t);
            part = timer->part;
            printf("\n%s\n", part);
            table_init(&t, sizeof heading / sizeof heading[0], heading);
        }
        table_cell(&t, "%s", timer->name);
        table_cell(&t, "%s", timer->formula);
        table_cell(&t, "%lld ms", explain_ms(timer->value));
        table_cell(&t, "%s", timer->text);
    }
    table_print(&t);
    static const char *const rules[] = {"HOLDS", "INEQUALITY", "HERE", "SO THAT"};
    puts("\ninequalities");
    table_init(&t, sizeof rules / sizeof rules[0], rules);
    for (size_t i = 0; i < e->rule_count; i++) {
        const struct explain_rule *rule = &e->rules[i];
        table_cell(&t, "%s", rule->holds ? "yes" : "NO");
        table_cell(&t, "%s", rule->formula);
        table_cell(&t, "%lld %s %lld ms", explain_left_ms(rule), rule->relation,
                   explain_ms(rule->right));
        table_cell(&t, "%s", rule->text);
    }
    table_print(&t);
}

static void print_json(const struct explanation *e)
{
    json_t *timers = json_array(), *rules = json_array();
    for (size_t i = 0; i < e->timer_count; i++) {
        const struct explain_timer *t = &e->timers[i];
        json_array_append_new(timers, json_pack("{s:s s:s s:s s:I s:s}", "part", t->part, "name",
                                                t->name, "formula", t->formula, "ms",
                                                explain_ms(t->value), "text", t->text));
    }
    for (size_t i = 0; i < e->rule_count; i++) {
        const struct explain_rule *r = &e->rules[i];
        json_array_append_new(rules,
                              json_pack("{s:s s:I s:I s:b s:s}", "formula", r->formula, "left_ms",
                                        explain_left_ms(r), "right_ms", explain_ms(r->right),
                                        "holds", (int)r->holds, "text", r->text));
    }
    json_print(json_pack("{s:I s:I s:o s:o s:b}", "members", (json_int_t)e->members, "detect_ms",
                         (json_int_t)explain_ms(e->detect), "timers", timers, "inequalities", rules,
                         "holds", (int)(explain_broken(e) == NULL)));
}

static int explain(const struct cli *cli, struct question *q)
{
    int code = q->members && q->detect_ms ? EXIT_OK : read_roster(q);
    if (code != EXIT_OK)
        return code;
    struct explanation *e = malloc(sizeof *e);
    if (e == NULL) {
        say("out of memory");
        return EXIT_ERROR;
    }
    explain_make_under(e, (size_t)q->members, SPAN_MS(q->detect_ms), SPAN_MS(q->watchdog * 1000));
    if (cli->json)
        print_json(e);
    else
        print_text(e);
    code = explain_refuse(e);
    free(e);
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"roster", required_argument, NULL, 'r'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"detect", required_argument, NULL, DETECT},
                                          {"members", required_argument, NULL, MEMBERS},
                                          {"watchdog", required_argument, NULL, WATCHDOG},
                                          COMMAND_OPTIONS};
    struct question q = {.roster = ROSTER_DEFAULT};
    const char *file = NULL;
    bool of_explain = false;
    int option;
    while ((option = command_option(cli, argc, argv, ":r:c:", longs)) != -1) {
        if (option == 'c')
            file = optarg;
        else
            of_explain = true;
        if (option == 'r')
            q.roster = optarg;
        if (option == DETECT &&
            !parse_number(optarg, ROSTER_DETECT_MIN_MS, ROSTER_DETECT_MAX_MS, &q.detect_ms))
            return usage_error(cli, "--detect takes %d to %d milliseconds, not '%s'",
                               ROSTER_DETECT_MIN_MS, ROSTER_DETECT_MAX_MS, optarg);
        if (option == MEMBERS && !parse_number(optarg, 1, ROSTER_NODES_MAX, &q.members))
            return usage_error(cli, "--members takes 1 to %d, not '%s'", ROSTER_NODES_MAX, optarg);
        if (option == WATCHDOG && !parse_number(optarg, 1, 3600, &q.watchdog))
            return usage_error(cli, "--watchdog takes 1 to 3600 seconds, not '%s'", optarg);
    }
    if (optind == argc)
        return usage_error(cli, "'config' needs a verb: show, explain");
    const char *verb = argv[optind++];
    bool show = strcmp(verb, "show") == 0;
    if (!show && strcmp(verb, "explain") != 0)
        return usage_error(cli, "'%s' is not a verb of 'config': show, explain", verb);
    if (show && of_explain)
        return usage_error(cli, "'config show' takes -c FILE alone; the others are of explain");
    if (!show && file)
        return usage_error(cli, "'config explain' reads a roster (-r), no configuration");
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    return show ? config_show(cli, file) : explain(cli, &q);
}

const struct command cmd_config = {
    "config", "what is set, where from, and the times that follow from it", help, true, run};
