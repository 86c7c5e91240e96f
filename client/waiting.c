/* What is said while something is waited for: see waiting.h. */
#include "client/waiting.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/agent.h"

enum {
    LOOK_EVERY_MS = 1000,
    LOOK_PATIENCE_MS = 1000 /* an agent that is stuck is found out by the caller */
};

long long waiting_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void waiting_begin(struct waiting *w, const struct cli *cli, bool verbose)
{
    *w = (struct waiting){.cli = cli, .verbose = verbose, .look.fd = -1};
}

void waiting_end(struct waiting *w)
{
    varlink_close(&w->look);
    json_decref(w->holders);
    w->holders = NULL;
}

void waiting_say(struct waiting *w, const char *subject, const char *line)
{
    char full[FENCE_TEXT_LINE_MAX];
    snprintf(full, sizeof full, "%s: %s", subject, line);
    bool said = strcmp(full, w->line) == 0;
    memcpy(w->line, full, sizeof full);
    if (!said && (w->verbose || isatty(STDERR_FILENO)))
        say("%s", full);
}

void waiting_reply(struct waiting *w, const char *subject, const json_t *reply)
{
    char line[FENCE_TEXT_LINE_MAX];
    json_t *holders = json_object_get(reply, "holders");
    fence_text_waiting(line, sizeof line, reply);
    snprintf(w->subject, sizeof w->subject, "%s", subject);
    /* What is done about a dead one stands in the line already. */
    if (json_is_object(json_object_get(reply, "stale")) || json_array_size(holders) == 0)
        holders = NULL;
    if (!holders || !json_equal(holders, w->holders))
        w->health[0] = '\0'; /* it was about others */
    json_decref(w->holders);
    w->holders = json_incref(holders);
    if (line[0] != '\0')
        waiting_say(w, subject, line);
    else if (w->verbose && w->line[0] == '\0')
        waiting_say(w, subject, "asking");
    /* Else it is asked again, as happens now and then: what was said last still holds. */
}

long long waiting_sleep_ms(const struct waiting *w, long long ms)
{
    if (!w->verbose || w->holders == NULL)
        return ms;
    long long left = w->look_ms - waiting_now_ms();
    left = left > 0 ? left : 0;
    return ms >= 0 && ms < left ? ms : left;
}

/* Of the first whose node is not well. */
static void health_of(char *text, size_t size, const json_t *holders, const json_t *members,
                      bool times)
{
    const json_t *holder;
    size_t index;
    text[0] = '\0';
    json_array_foreach(holders, index, holder)
    {
        if (member_text(text, size, member_find(members, json_text(holder, "node")),
                        member_hold_life(json_text(holder, "hold")), times))
            return;
    }
}

static bool ask_members(struct waiting *w, struct varlink_reply *reply)
{
    if (w->look.fd < 0 && varlink_open(&w->look, w->cli->socket) != VARLINK_OK)
        return false;
    if (varlink_call(&w->look, AGENT_INTERFACE "Members", NULL, reply, LOOK_PATIENCE_MS) ==
        VARLINK_OK)
        return true;
    varlink_close(&w->look);
    return false;
}

void waiting_look(struct waiting *w)
{
    struct varlink_reply reply;
    char health[sizeof w->health], text[sizeof w->health];
    long long now = waiting_now_ms();
    if (!w->verbose || w->holders == NULL || now < w->look_ms)
        return;
    w->look_ms = now + LOOK_EVERY_MS;
    if (!ask_members(w, &reply))
        return;
    /* A refusal has no members: then nothing is said of them. */
    const json_t *members = json_object_get(reply.parameters, "members");
    health_of(health, sizeof health, w->holders, members, false);
    health_of(text, sizeof text, w->holders, members, true);
    if (strcmp(health, w->health) != 0) {
        if (text[0] != '\0')
            say("%s: %s", w->subject, text);
        else
            say("%s: the holder's node is well again", w->subject);
        memcpy(w->health, health, sizeof health);
    }
    json_decref(reply.parameters);
}
