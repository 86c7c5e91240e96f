/* `holdfast members --watch`: see member_watch.h. */
#include "client/member_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/agent.h"
#include "client/color.h"
#include "client/screen.h"

enum {
    REDRAW_MS = 1000,
    RECENT_MAX = 8, /* changes below the table */
    RECENT_SIZE = 320
};

struct watching {
    const struct cli *cli;
    const struct member_filter *filter;
    struct varlink look;   /* asks for the members */
    struct varlink stream; /* follows the events */
    bool terminal;
    bool lab;
    char recent[RECENT_MAX]
               [RECENT_SIZE]; /* a ring; the newest at (recent_count - 1) % RECENT_MAX */
    size_t recent_count;
};

int member_check_filter(const struct member_filter *filter, const json_t *members)
{
    const char *missing = member_filter_missing(filter, members);
    if (!missing)
        return EXIT_OK;
    say("no member is named '%s' (holdfast members lists them)", missing);
    return EXIT_ERROR;
}

/* --- On a terminal --- */

/* Rows for members, when each may need a line or two of why, and the changes stand below. */
static size_t member_rows(const json_t *list)
{
    size_t rows = screen_rows(), other = 7 + RECENT_MAX, index;
    const json_t *m;
    json_array_foreach(list, index, m)
    {
        const char *verdict, *why;
        for (size_t i = 0; member_list_why(m, i, &verdict, &why); i++)
            other++;
    }
    return rows > other + 1 ? rows - other : 1;
}

static void draw(const struct watching *w, const json_t *reply)
{
    char summary[MEMBER_SUMMARY_MAX], health[MEMBER_SUMMARY_MAX];
    const char *node = json_text(reply, "node");
    json_t *list = member_list_pick(json_object_get(reply, "members"), w->filter, true);
    member_list_summary(summary, list, node);
    member_list_health(health, reply);
    printf(SCREEN_CLEAR "%s%s\n%s\n", w->lab ? "LAB: a cluster for rehearsal\n" : "", summary,
           health);
    member_list_print(list, node, color_wanted(), member_rows(list));
    if (w->recent_count > 0)
        putchar('\n');
    size_t first = w->recent_count > RECENT_MAX ? w->recent_count - RECENT_MAX : 0;
    for (size_t i = first; i < w->recent_count; i++)
        puts(w->recent[i % RECENT_MAX]);
    json_decref(list);
}

static int redraw(struct watching *w)
{
    json_t *reply = NULL;
    int code = agent_call(&w->look, w->cli, "Members", NULL, &reply);
    if (code != EXIT_OK)
        return code;
    draw(w, reply);
    json_decref(reply);
    return EXIT_OK;
}

/* --- One change --- */

static json_t *change_json(const json_t *event, json_t *change)
{
    json_t *out = json_pack("{s:I s:s s:s}", "seq", (json_int_t)json_number(event, "seq"), "time",
                            json_text(event, "time"), "node", json_text(event, "node"));
    json_object_update_missing(out, change);
    json_object_set_new(out, "text", json_string(json_text(event, "text")));
    return out;
}

static void take_event(struct watching *w, const json_t *event)
{
    json_t *change = json_object_get(event, "change");
    if (!json_is_object(change) || !member_filter_passes(w->filter, json_text(event, "node")))
        return;
    if (w->cli->json) {
        json_print(change_json(event, change));
        return;
    }
    char *line = w->recent[w->recent_count++ % RECENT_MAX];
    snprintf(line, RECENT_SIZE, "%s  %-6s  %s", json_text(event, "time"),
             json_text(change, "verdict"), json_text(event, "text"));
    if (!w->terminal)
        puts(line);
}

/* False: it is over, and *code says how. */
static bool follow(struct watching *w, int *code)
{
    struct varlink_reply reply;
    enum varlink_status status = varlink_receive(&w->stream, &reply, w->terminal ? REDRAW_MS : -1);
    if (status == VARLINK_AGAIN)
        return true;
    if (status != VARLINK_OK) {
        *code = agent_failed(w->cli, status);
        return false;
    }
    bool refused = reply.error[0] != '\0';
    if (refused)
        *code = agent_refused(&reply, NULL);
    else
        take_event(w, json_object_get(reply.parameters, "event"));
    json_decref(reply.parameters);
    return !refused;
}

/* The members as they are now, and the events from there on. */
static int begin(struct watching *w)
{
    json_t *status = NULL, *reply = NULL;
    int code = agent_call(&w->look, w->cli, "Status", NULL, &status);
    w->lab = json_flag(status, "lab");
    json_decref(status);
    if (code == EXIT_OK)
        code = agent_call(&w->look, w->cli, "Members", NULL, &reply);
    if (code != EXIT_OK)
        return code;
    code = member_check_filter(w->filter, json_object_get(reply, "members"));
    json_t *after = json_pack("{s:I}", "after", (json_int_t)json_number(reply, "seq"));
    json_decref(reply);
    if (code == EXIT_OK)
        code = agent_open(&w->stream, w->cli);
    if (code != EXIT_OK) {
        json_decref(after);
        return code;
    }
    enum varlink_status sent =
        varlink_send(&w->stream, AGENT_INTERFACE "Events", after, VARLINK_MORE);
    return sent == VARLINK_OK ? EXIT_OK : agent_failed(w->cli, sent);
}

static int watch_on(struct watching *w)
{
    int code = begin(w);
    while (code == EXIT_OK) {
        if (w->terminal)
            code = redraw(w);
        if (fflush(stdout) != 0)
            return EXIT_OK; /* nobody reads any more: main says so */
        if (code == EXIT_OK && !follow(w, &code))
            break;
    }
    return code;
}

int member_watch(const struct cli *cli, const struct member_filter *filter)
{
    struct watching *w = calloc(1, sizeof *w);
    if (w == NULL)
        return EXIT_ERROR;
    *w = (struct watching){.cli = cli,
                           .filter = filter,
                           .look.fd = -1,
                           .stream.fd = -1,
                           .terminal = isatty(STDOUT_FILENO) && !cli->json};
    if (w->terminal)
        screen_buffer();
    int code = agent_open(&w->look, cli);
    if (code == EXIT_OK)
        code = watch_on(w);
    varlink_close(&w->look);
    varlink_close(&w->stream);
    free(w);
    return code;
}
