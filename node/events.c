/* What happened on this node: a ring of the last events, and those who follow them. */
#include "node/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

#include "node/log.h"
#include "node/render.h"
#include "proto/must.h"

struct event_record {
    uint64_t seq;
    char time[LOG_TIME_SIZE];
    const char *kind; /* static */
    const char *node; /* the roster's name of whom it is about */
    char text[EVENTS_TEXT_SIZE];
};

struct event_follower {
    struct events *events;
    struct varlink_call *call;
    int64_t after;
    struct event_follower *next, *prev;
};

struct events {
    struct event_record kept[EVENTS_KEPT]; /* seq at index seq % EVENTS_KEPT */
    uint64_t last;                         /* seq of the newest; 0: none yet */
    struct event_follower *followers;
};

struct events *events_new(void)
{
    struct events *events = calloc(1, sizeof *events);
    must(events);
    return events;
}

void events_free(struct events *events)
{
    struct event_follower *f, *next;
    DL_FOREACH_SAFE(events->followers, f, next)
    free(f);
    free(events);
}

static json_t *events_json(const struct event_record *r)
{
    return json_pack("{s:{s:I s:s s:s s:s s:s}}", "event", "seq", (json_int_t)r->seq, "time",
                     r->time, "kind", r->kind, "text", r->text, "node", r->node);
}

/* How a notice is told. */
struct events_telling {
    enum log_level level;
    const char *kind;
    uint16_t node; /* whom it is about */
};

static struct events_telling events_member(char *text, const struct agent *agent,
                                           const struct swim_change *change)
{
    const char *name = agent_node_name(agent, change->slot);
    bool accused = change->accused_by != SLOT_NONE && change->after != MEMBER_ALIVE;
    snprintf(text, EVENTS_TEXT_SIZE, "%s is %s (life %" PRIu64 ", was %s)%s%s", name,
             member_state_text(change->after), change->life, member_state_text(change->before),
             accused ? ", accused by " : "",
             accused ? agent_node_name(agent, change->accused_by) : "");
    return (struct events_telling){
        change->after == MEMBER_DEAD ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "member", change->slot};
}

static struct events_telling events_text(char *text, const struct agent *agent,
                                         const struct notice *n)
{
    uint16_t self = agent_identity(agent)->self;
    switch (n->kind) {
    case NOTICE_MEMBER:
        return events_member(text, agent, &n->change);
    case NOTICE_COORDINATOR:
        snprintf(text, EVENTS_TEXT_SIZE, "serves shard %u", n->shard);
        return (struct events_telling){LOG_LEVEL_DEBUG, "coordinator", self};
    case NOTICE_STEPPED_DOWN:
        snprintf(text, EVENTS_TEXT_SIZE, "serves shard %u no more%s%s", n->shard,
                 n->slot == SLOT_NONE ? "" : ": a higher ballot of ",
                 n->slot == SLOT_NONE ? "" : agent_node_name(agent, n->slot));
        return (struct events_telling){LOG_LEVEL_DEBUG, "stepped-down",
                                       n->slot == SLOT_NONE ? self : n->slot};
    case NOTICE_STORE_CHECKED:
        snprintf(text, EVENTS_TEXT_SIZE, "the store is not behind: this node votes");
        return (struct events_telling){LOG_LEVEL_INFO, "store", self};
    case NOTICE_STORE_BEHIND:
        snprintf(
            text, EVENTS_TEXT_SIZE,
            "the store is behind what others know of it (an old copy?): this node votes no more");
        return (struct events_telling){LOG_LEVEL_ERROR, "store", self};
    case NOTICE_SYNC_FAILED:
        snprintf(text, EVENTS_TEXT_SIZE, "the log cannot be written: this node votes no more");
        return (struct events_telling){LOG_LEVEL_ERROR, "store", self};
    case NOTICE_LIFE:
        snprintf(text, EVENTS_TEXT_SIZE, "life %" PRIu64, n->number);
        return (struct events_telling){LOG_LEVEL_INFO, "life", self};
    case NOTICE_GHOST:
        snprintf(text, EVENTS_TEXT_SIZE,
                 "hold %s, granted but never told to a client, is given back",
                 render_hold(n->hold).text);
        return (struct events_telling){LOG_LEVEL_INFO, "ghost", self};
    case NOTICE_FULL:
        snprintf(text, EVENTS_TEXT_SIZE,
                 "the room for locks is used up: raise max-locks or register-bytes and restart");
        return (struct events_telling){LOG_LEVEL_ERROR, "limit", self};
    }
    return (struct events_telling){LOG_LEVEL_DEBUG, "limit", self};
}

void events_notice(struct events *events, const struct agent *agent, const struct notice *notice)
{
    struct event_record *r = &events->kept[(events->last + 1) % EVENTS_KEPT];
    struct events_telling telling = events_text(r->text, agent, notice);
    r->seq = ++events->last;
    r->kind = telling.kind;
    r->node = agent_node_name(agent, telling.node);
    log_time(r->time);
    log_event(telling.level, telling.kind, "node=%s text=\"%s\"", r->node, r->text);
    struct event_follower *f;
    DL_FOREACH(events->followers, f)
    if ((int64_t)r->seq > f->after)
        varlink_reply_more(f->call, events_json(r));
}

static void events_cancelled(struct varlink_call *call)
{
    struct event_follower *f = call->owner;
    DL_DELETE(f->events->followers, f);
    free(f);
}

void events_stream(struct events *events, struct varlink_call *call, int64_t after)
{
    static const struct event_record none = {.kind = "", .node = ""};
    uint64_t seq = events->last > EVENTS_KEPT ? events->last - EVENTS_KEPT + 1 : 1;
    if (after >= (int64_t)seq)
        seq = (uint64_t)after + 1;
    if (!call->more) {
        varlink_reply(call,
                      events_json(seq <= events->last ? &events->kept[seq % EVENTS_KEPT] : &none));
        return;
    }
    struct event_follower *f = calloc(1, sizeof *f);
    must(f);
    *f = (struct event_follower){.events = events, .call = call, .after = after};
    call->owner = f;
    call->cancel = events_cancelled;
    DL_APPEND(events->followers, f);
    for (; seq <= events->last; seq++)
        varlink_reply_more(call, events_json(&events->kept[seq % EVENTS_KEPT]));
}
