/*
 * `holdfast config show`: see config_show.h. What the file says is holdfastd's to say
 * (agent_program.h); what the agent runs with it says itself (the API's method Settings); the times
 * are those of `config explain` (explain.h).
 */
#include "client/config_show.h"

#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/agent_program.h"
#include "client/enrol.h"
#include "client/explain.h"
#include "client/table.h"

#define CONFIG_DEFAULT "/etc/holdfast/holdfast.conf"

struct shown {
    json_t *file;    /* what `holdfastd --show-config` says */
    json_t *running; /* what Settings replies; NULL: no agent was asked */
    struct enrolment roster;
    bool has_roster;
    struct explanation *times; /* NULL without a roster */
};

/* --- Asking --- */

/* What the agent runs with; NULL, and nothing is said, if none answers. One that will not say it,
 * as to a user who may not look, is no reason not to show the file. */
static json_t *ask_running(const struct cli *cli)
{
    struct varlink v;
    json_t *out = NULL;
    if (varlink_open(&v, cli->socket) != VARLINK_OK)
        return NULL;
    (void)agent_call(&v, cli, "Settings", NULL, &out);
    varlink_close(&v);
    return out;
}

static const json_t *settings_of(const json_t *said)
{
    return json_object_get(said, "settings");
}

/* Of an agent with a thousand devices there are thousands, each of which is looked for. */
static void index_settings(json_t *said)
{
    json_t *index = json_object(), *setting;
    size_t i;
    json_array_foreach(json_object_get(said, "settings"), i, setting)
    {
        json_object_set(index, json_text(setting, "name"), setting);
    }
    if (said)
        json_object_set_new(said, "by name", index);
    else
        json_decref(index);
}

static const json_t *setting_find(const json_t *said, const char *name)
{
    return json_object_get(json_object_get(said, "by name"), name);
}

/* The roster that the file names, and the times that follow from it. */
static void take_roster(struct shown *s)
{
    const json_t *path = setting_find(s->file, "roster");
    s->has_roster = enrol_load(&s->roster, json_text(path, "value"), true) == EXIT_OK;
    s->times = s->has_roster ? malloc(sizeof *s->times) : NULL;
    if (s->times)
        explain_make_under(s->times, s->roster.roster->node_count,
                           SPAN_MS(s->roster.roster->detect_ms),
                           SPAN_MS(json_number(s->running, "watchdog_ms")));
}

/* --- Comparing --- */

/* What the agent has in the place of that setting of the file; NULL if it is the same, or nothing
 * can be said. What the file leaves to the roster, and what the command line says, is no other. */
static const json_t *running_otherwise(const json_t *running, const json_t *setting)
{
    const json_t *now = setting_find(running, json_text(setting, "name"));
    const char *origin = json_text(now, "origin");
    bool above = strcmp(origin, "command-line") == 0 ||
                 (strcmp(origin, "roster") == 0 && !*json_text(setting, "value"));
    if (!now || above || strcmp(json_text(now, "value"), json_text(setting, "value")) == 0)
        return NULL;
    return now;
}

/* The agent's own, where that is above the file; else the file's. */
static const json_t *in_force(const struct shown *s, const json_t *setting)
{
    const json_t *now = setting_find(s->running, json_text(setting, "name"));
    const char *origin = json_text(now, "origin");
    bool above = strcmp(origin, "command-line") == 0 || strcmp(origin, "roster") == 0;
    return now && above && !running_otherwise(s->running, setting) ? now : setting;
}

/* "reload holdfastd", "restart holdfastd and holdfast-executor". */
void config_takes(char *text, size_t size, const json_t *setting)
{
    const json_t *restart = json_object_get(setting, "restart"), *program;
    size_t index;
    if (json_flag(setting, "reload")) {
        snprintf(text, size, "reload holdfastd");
        return;
    }
    snprintf(text, size, "restart");
    json_array_foreach(restart, index, program)
        snprintf(text + strlen(text), size - strlen(text), "%s %s", index ? " and" : "",
                 json_string_value(program));
}

/* One that differs: {"name", "running", "file", "line", "reload", "restart"}; null on the side that
 * has no such setting. */
static json_t *difference(const json_t *setting, const json_t *running, const json_t *file)
{
    return json_pack(
        "{s:O s:o s:o s:I s:O s:O}", "name", json_object_get(setting, "name"), "running",
        running ? json_incref(json_object_get(running, "value")) : json_null(), "file",
        file ? json_incref(json_object_get(file, "value")) : json_null(), "line",
        (json_int_t)json_number(file, "line"), "reload", json_object_get(setting, "reload"),
        "restart", json_object_get(setting, "restart"));
}

/* A section's option that is not there at all, and that matters. */
static bool lacks(const json_t *said, const json_t *setting)
{
    return strcmp(json_text(setting, "origin"), "file") == 0 &&
           !setting_find(said, json_text(setting, "name"));
}

static void compare_roster(json_t *out, const struct shown *s)
{
    long long runs = json_number(s->running, "epoch");
    if (s->has_roster && runs != s->roster.roster->epoch)
        json_array_append_new(
            out,
            json_pack("{s:s s:o s:o s:I s:b s:[s s]}", "name", "roster: epoch", "running",
                      json_sprintf("%lld", runs), "file",
                      json_sprintf("%llu", (unsigned long long)s->roster.roster->epoch), "line",
                      (json_int_t)0, "reload", 0, "restart", "holdfastd", "holdfast-executor"));
}

json_t *config_differences(json_t *file, json_t *running)
{
    json_t *out = json_array();
    const json_t *setting, *other;
    size_t index;
    if (!running)
        return out;
    index_settings(file);
    index_settings(running);
    json_array_foreach(settings_of(file), index, setting)
    {
        other = running_otherwise(running, setting);
        if (other || lacks(running, setting))
            json_array_append_new(out, difference(setting, other, setting));
    }
    json_array_foreach(settings_of(running), index, setting)
    {
        if (lacks(file, setting))
            json_array_append_new(out, difference(setting, setting, NULL));
    }
    return out;
}

static json_t *compare(const struct shown *s)
{
    json_t *out = config_differences(s->file, s->running);
    if (s->running)
        compare_roster(out, s);
    return out;
}

/* --- Text --- */

static void print_origin(struct table *t, const json_t *setting, const char *file)
{
    const char *origin = json_text(setting, "origin");
    if (strcmp(origin, "file") == 0)
        table_cell(t, "%s:%lld", file, json_number(setting, "line"));
    else if (strcmp(origin, "command-line") == 0)
        table_cell(t, "command line (--log-level)");
    else if (strcmp(origin, "roster") == 0)
        table_cell(t, "roster");
    else
        table_cell(t, "default");
}

static void print_settings(const struct shown *s)
{
    static const char *const heading[] = {"OPTION", "VALUE", "FROM"};
    const json_t *setting;
    struct table t;
    size_t index;
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    json_array_foreach(settings_of(s->file), index, setting)
    {
        const json_t *shown = in_force(s, setting);
        const char *value = json_text(shown, "value");
        table_cell(&t, "%s", json_text(shown, "name"));
        table_cell(&t, "%s", *value ? value : "-");
        print_origin(&t, shown, json_text(s->file, "file"));
    }
    table_print(&t);
}

static void print_times(const struct shown *s)
{
    static const char *const heading[] = {"TIME", "VALUE", "FROM"};
    const char *roster = json_text(setting_find(s->file, "roster"), "value");
    struct table t;
    if (!s->times) {
        printf("\nno times: %s is no roster that can be read; see holdfast roster check\n", roster);
        return;
    }
    putchar('\n');
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    for (size_t i = 0; i < s->times->timer_count; i++) {
        const struct explain_timer *timer = &s->times->timers[i];
        table_cell(&t, "%s", timer->name);
        table_cell(&t, "%lld ms", explain_ms(timer->value));
        if (strcmp(timer->name, EXPLAIN_KNOB) == 0)
            table_cell(&t, "%s, epoch %llu", roster, (unsigned long long)s->roster.roster->epoch);
        else if (strcmp(explain_from(timer), timer->formula) == 0)
            table_cell(&t, "%s", timer->formula); /* fixed, and no letter stands for it */
        else
            table_cell(&t, "%s: %s", explain_from(timer), timer->formula);
    }
    table_print(&t);
}

static void print_differences(const struct shown *s, const json_t *differs)
{
    const json_t *d;
    size_t index;
    bool restart = false, reload = false;
    if (!s->running) {
        return;
    }
    if (json_array_size(differs) == 0) {
        puts("\nthe agent runs with this");
        return;
    }
    puts("\nthe agent runs with other values:");
    json_array_foreach(differs, index, d)
    {
        const json_t *now = json_object_get(d, "running"), *file = json_object_get(d, "file");
        char takes[64];
        config_takes(takes, sizeof takes, d);
        printf("  %s: it has %s, the file %s%s%s: %s\n", json_text(d, "name"),
               json_is_null(now)         ? "no such section"
               : *json_string_value(now) ? json_string_value(now)
                                         : "none",
               json_is_null(file) ? "" : "says ",
               json_is_null(file)         ? "has no such section"
               : *json_string_value(file) ? json_string_value(file)
                                          : "none",
               json_number(d, "line") ? "" : " (by default)", takes);
        restart |= !json_flag(d, "reload");
        reload |= json_flag(d, "reload");
    }
    printf("-> %s%s%s\n", reload ? "systemctl reload holdfastd" : "", reload && restart ? "; " : "",
           restart ? "systemctl restart what is named: a restart keeps all locks" : "");
}

static void print_text(const struct cli *cli, const struct shown *s, const json_t *differs)
{
    const char *file = json_text(s->file, "file"), *runs = json_text(s->running, "file");
    if (!s->running)
        printf("%s alone: no agent at %s says what it runs with\n\n", file, cli->socket);
    else if (strcmp(file, runs) == 0)
        printf("%s, and the agent at %s\n\n", file, cli->socket);
    else
        printf("%s, and the agent at %s, which runs with %s\n\n", file, cli->socket, runs);
    print_settings(s);
    print_times(s);
    print_differences(s, differs);
}

/* --- JSON --- */

static json_t *settings_json(const struct shown *s)
{
    json_t *out = json_array();
    const json_t *setting;
    size_t index;
    json_array_foreach(settings_of(s->file), index, setting)
        json_array_append_new(out, json_deep_copy(in_force(s, setting)));
    return out;
}

static json_t *times_json(const struct shown *s)
{
    json_t *out = json_array();
    for (size_t i = 0; s->times && i < s->times->timer_count; i++) {
        const struct explain_timer *t = &s->times->timers[i];
        json_array_append_new(
            out, json_pack("{s:s s:s s:I s:s s:s}", "part", t->part, "name", t->name, "ms",
                           explain_ms(t->value), "from",
                           strcmp(t->name, EXPLAIN_KNOB) == 0 ? "roster" : explain_from(t),
                           "formula", t->formula));
    }
    return out;
}

static void print_json(const struct shown *s, json_t *differs)
{
    const json_t *d;
    size_t index;
    bool restart = false, reload = false;
    json_array_foreach(differs, index, d)
    {
        restart |= !json_flag(d, "reload");
        reload |= json_flag(d, "reload");
    }
    json_print(json_pack("{s:O s:b s:o s:o s:O s:b s:b}", "file", json_object_get(s->file, "file"),
                         "running", (int)(s->running != NULL), "settings", settings_json(s),
                         "times", times_json(s), "differs", differs, "reload", (int)reload,
                         "restart", (int)restart));
}

int config_show(struct cli *cli, const char *file)
{
    struct shown s = {0};
    s.running = ask_running(cli);
    if (!file)
        file = s.running ? json_text(s.running, "file") : CONFIG_DEFAULT;
    int code = agent_program_settings(file, false, &s.file);
    if (code == EXIT_OK) {
        index_settings(s.file);
        index_settings(s.running);
        take_roster(&s);
        json_t *differs = compare(&s);
        if (cli->json)
            print_json(&s, differs);
        else
            print_text(cli, &s, differs);
        json_decref(differs);
        enrol_deinit(&s.roster);
    }
    free(s.times);
    json_decref(s.file);
    json_decref(s.running);
    return code;
}
