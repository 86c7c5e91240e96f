/* Who watches a session, and what they hear. */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/render.h"
#include "node/session.h"
#include "proto/must.h"

struct session_watcher {
    struct session *session;
    struct varlink_call *call;
    uint32_t kinds; /* mask of those that it wants */
    char *prefix;   /* of the names of locks that it wants to hear about */
    struct session_watcher *next, *prev;
};

static const char *const session_kinds[] = {"granted", "blocking", "at-risk", "draining",
                                            "safe",    "passed",   "lost"};
enum { SESSION_KINDS = sizeof session_kinds / sizeof *session_kinds };

uint32_t session_kind(const char *kind)
{
    for (size_t i = 0; i < SESSION_KINDS; i++)
        if (strcmp(session_kinds[i], kind) == 0)
            return UINT32_C(1) << i;
    return 0;
}

static void session_watcher_free(struct session_watcher *w)
{
    free(w->prefix);
    free(w);
}

void session_unwatch(struct session *s, bool tell)
{
    struct session_watcher *w, *next;
    DL_FOREACH_SAFE(s->watchers, w, next)
    {
        if (tell)
            varlink_error(w->call, "org.holdfast.NoSuchSession", NULL);
        session_watcher_free(w);
    }
    s->watchers = NULL;
}

static void session_watch_cancelled(struct varlink_call *call)
{
    struct session_watcher *w = call->owner;
    DL_DELETE(w->session->watchers, w);
    session_watcher_free(w);
}

static void session_tell_one(const struct session_watcher *w, const char *kind,
                             const struct operation *op, enum lock_mode mode, const char *reason)
{
    if (!(w->kinds & session_kind(kind)) || strncmp(op->name, w->prefix, strlen(w->prefix)) != 0)
        return;
    varlink_reply_more(w->call, json_pack("{s:{s:s s:s s:s s:s s:s}}", "event", "kind", kind,
                                          "hold", render_hold(op->id).text, "name", op->name,
                                          "mode", lock_mode_text(mode), "reason", reason));
}

/* An administrator drains this node. */
static bool session_drained(const struct agent *agent)
{
    const struct peer *peer = agent_peer(agent);
    uint16_t self = agent_identity(agent)->self;
    struct inhibitor_view view;
    size_t cursor = 0;
    while (peer_next_inhibitor(peer, &cursor, &view))
        if (view.kind == INHIBIT_DRAIN && view.scope == self && view.on && view.left.ns > 0)
            return true;
    return false;
}

/* What is so with a hold now. */
static void session_tell_present(const struct session_watcher *w, const struct operation *op)
{
    if (op->blocking)
        session_tell_one(w, "blocking", op, op->blocking_mode, "somebody waits for it");
    if (op->at_risk && !op->lost)
        session_tell_one(w, "at-risk", op, op->mode,
                         "no majority of the jurors acknowledges this node");
    if (session_drained(op->session->all->agent) && !op->lost)
        session_tell_one(w, "draining", op, op->mode, SESSION_DRAINING);
}

void session_catch_up(const struct operation *op)
{
    const struct session_watcher *w;
    DL_FOREACH(op->session->watchers, w)
    session_tell_present(w, op);
}

void session_watch(struct session *s, struct varlink_call *call, uint32_t kinds, const char *prefix)
{
    struct session_watcher *w = calloc(1, sizeof *w);
    const struct operation *op;
    must(w);
    *w = (struct session_watcher){
        .session = s, .call = call, .kinds = kinds, .prefix = strdup(prefix)};
    must(w->prefix);
    call->owner = w;
    call->cancel = session_watch_cancelled;
    DL_APPEND(s->watchers, w);
    DL_FOREACH(s->operations, op)
    {
        if (op->state == OPERATION_HELD && !operation_untold(op))
            session_tell_present(w, op);
    }
}

void session_tell(struct session *s, const char *kind, const struct operation *op,
                  enum lock_mode mode, const char *reason)
{
    const struct session_watcher *w;
    DL_FOREACH(s->watchers, w)
    session_tell_one(w, kind, op, mode, reason);
}
