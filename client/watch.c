/* What happens to the locks of a session: see watch.h. */
#include "client/watch.h"

#include <stdio.h>
#include <string.h>

#include "client/agent.h"

static enum varlink_status follow(struct watch *w)
{
    return varlink_send(
        &w->stream, AGENT_INTERFACE "Watch",
        json_pack("{s:[s s s s s]}", "kinds", "at-risk", "safe", "passed", "lost", "draining"),
        VARLINK_MORE);
}

static int join(struct watch *w, const struct cli *cli, const char *secret)
{
    json_t *reply = NULL;
    int code = agent_open(&w->stream, cli);
    if (code != EXIT_OK)
        return code;
    code = agent_call(&w->stream, cli, "JoinSession", json_pack("{s:s}", "secret", secret), &reply);
    json_decref(reply);
    if (code != EXIT_OK)
        return code;
    enum varlink_status status = follow(w);
    return status == VARLINK_OK ? EXIT_OK : agent_failed(cli, status);
}

int watch_open(struct watch *w, const struct cli *cli, struct varlink *session)
{
    json_t *reply = NULL;
    *w = (struct watch){.stream.fd = -1};
    int code = agent_call(session, cli, "OpenSession", NULL, &reply);
    if (code != EXIT_OK)
        return code;
    snprintf(w->secret, sizeof w->secret, "%s", json_text(reply, "secret"));
    code = join(w, cli, w->secret);
    json_decref(reply);
    if (code != EXIT_OK)
        watch_close(w);
    return code;
}

bool watch_again(struct watch *w, const char *socket, int ms)
{
    struct varlink_reply reply;
    json_t *p = json_pack("{s:s}", "secret", w->secret);
    if (varlink_open(&w->stream, socket) != VARLINK_OK) {
        json_decref(p);
        return false;
    }
    bool good =
        varlink_call(&w->stream, AGENT_INTERFACE "JoinSession", p, &reply, ms) == VARLINK_OK;
    if (good) {
        good = reply.error[0] == '\0' && follow(w) == VARLINK_OK;
        json_decref(reply.parameters);
    }
    if (!good)
        watch_close(w);
    return good;
}

void watch_close(struct watch *w)
{
    varlink_close(&w->stream);
}

static enum watch_event event_of(const char *kind)
{
    static const struct {
        const char *kind;
        enum watch_event event;
    } kinds[] = {{"at-risk", WATCH_AT_RISK},
                 {"safe", WATCH_SAFE},
                 {"passed", WATCH_PASSED},
                 {"draining", WATCH_DRAINING},
                 {"lost", WATCH_LOST}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].event;
    return WATCH_OTHER; /* of an agent that knows more */
}

/* What has been received, else what can be read now. */
static enum varlink_status take(struct watch *w, struct varlink_reply *reply)
{
    enum varlink_status status = varlink_take(&w->stream, reply);
    if (status != VARLINK_AGAIN)
        return status;
    status = varlink_fill(&w->stream);
    return status == VARLINK_OK ? varlink_take(&w->stream, reply) : status;
}

enum watch_event watch_next(struct watch *w, char hold[WATCH_HOLD_SIZE],
                            char reason[WATCH_REASON_SIZE])
{
    struct varlink_reply reply;
    hold[0] = reason[0] = '\0';
    if (w->stream.fd < 0)
        return WATCH_NONE;
    enum varlink_status status = take(w, &reply);
    if (status == VARLINK_AGAIN)
        return WATCH_NONE;
    if (status != VARLINK_OK) {
        watch_close(w);
        return WATCH_ENDED;
    }
    const json_t *event = json_object_get(reply.parameters, "event");
    enum watch_event found = event_of(json_text(event, "kind"));
    snprintf(hold, WATCH_HOLD_SIZE, "%s", json_text(event, "hold"));
    snprintf(reason, WATCH_REASON_SIZE, "%s", json_text(event, "reason"));
    if (reply.error[0] != '\0' || !reply.continues) {
        watch_close(w);
        found = found == WATCH_LOST ? WATCH_LOST : WATCH_ENDED;
    }
    json_decref(reply.parameters);
    return found;
}
