/* What happened on this node: a ring of the last events, and those who follow them. */
#include "node/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

#include "node/log.h"
#include "node/render.h"
#include "node/render_member.h"
#include "proto/must.h"

struct event_record {
    uint64_t seq;
    char time[LOG_TIME_SIZE];
    const char *kind; /* static */
    const char *node; /* the roster's name of whom it is about */
    struct render_change change;
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
    return json_pack("{s:{s:I s:s s:s s:s s:s s:o}}", "event", "seq", (json_int_t)r->seq, "time",
                     r->time, "kind", r->kind, "text", r->text, "node", r->node, "change",
                     render_change(&r->change));
}

/* How a notice is told. */
struct events_telling {
    enum log_level level;
    const char *kind;
    uint16_t node; /* whom it is about */
};

/* A verdict about a member has changed: gossip's, or this node's own (M3). */
static struct events_telling events_member(char *text, const struct agent *agent,
                                           const struct notice *n)
{
    bool reach = n->kind == NOTICE_REACH, dead = !reach && n->change.after == MEMBER_DEAD;
    render_change_text(text, EVENTS_TEXT_SIZE, agent, n);
    return (struct events_telling){dead ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
                                   reach ? "reach" : "member", reach ? n->slot : n->change.slot};
}

/* Of the registers' coordination and the store. */
static struct events_telling events_lock(char *text, const struct agent *agent,
                                         const struct notice *n)
{
    uint16_t self = agent_identity(agent)->self;
    bool higher = n->kind == NOTICE_STEPPED_DOWN && n->slot != SLOT_NONE;
    if (n->kind == NOTICE_COORDINATOR) {
        snprintf(text, EVENTS_TEXT_SIZE, "serves shard %u", n->shard);
        return (struct events_telling){LOG_LEVEL_DEBUG, "coordinator", self};
    }
    if (n->kind == NOTICE_STEPPED_DOWN) {
        snprintf(text, EVENTS_TEXT_SIZE, "serves shard %u no more%s%s", n->shard,
                 higher ? ": a higher ballot of " : "",
                 higher ? agent_node_name(agent, n->slot) : "");
        return (struct events_telling){LOG_LEVEL_DEBUG, "stepped-down", higher ? n->slot : self};
    }
    if (n->kind == NOTICE_GHOST) {
        snprintf(text, EVENTS_TEXT_SIZE,
                 "hold %s, granted but never told to a client, is given back",
                 render_hold(n->hold).text);
        return (struct events_telling){LOG_LEVEL_INFO, "ghost", self};
    }
    snprintf(text, EVENTS_TEXT_SIZE,
             "the room for locks is used up: raise max-locks or register-bytes and restart");
    return (struct events_telling){LOG_LEVEL_ERROR, "limit", self};
}

static struct events_telling events_store(char *text, const struct agent *agent,
                                          const struct notice *n)
{
    uint16_t self = agent_identity(agent)->self;
    const char *what = n->kind == NOTICE_STORE_CHECKED ? "the store is not behind: this node votes"
                       : n->kind == NOTICE_STORE_BEHIND
                           ? "the store is behind what others know of it (an old copy?): this node "
                             "votes no more"
                           : "the log cannot be written: this node votes no more";
    snprintf(text, EVENTS_TEXT_SIZE, "%s", what);
    return (struct events_telling){
        n->kind == NOTICE_STORE_CHECKED ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "store", self};
}

/* Of this node's own life and standing. */
static struct events_telling events_life(char *text, const struct agent *agent,
                                         const struct notice *n)
{
    uint16_t self = agent_identity(agent)->self;
    if (n->kind == NOTICE_LIFE) {
        snprintf(text, EVENTS_TEXT_SIZE, "life %" PRIu64, n->number);
        return (struct events_telling){LOG_LEVEL_INFO, "life", self};
    }
    if (n->kind == NOTICE_READY) {
        snprintf(text, EVENTS_TEXT_SIZE,
                 "life %" PRIu64 " counts: a majority of the jurors stored it, and the end of "
                 "those before (F6a, F9)",
                 n->number);
        return (struct events_telling){LOG_LEVEL_INFO, "life", self};
    }
    if (n->kind == NOTICE_BOUND) {
        snprintf(text, EVENTS_TEXT_SIZE,
                 "juror %s voted against this node's life: it takes no new lock under it (F2)",
                 agent_node_name(agent, n->slot));
        return (struct events_telling){LOG_LEVEL_ERROR, "vote", self};
    }
    snprintf(text, EVENTS_TEXT_SIZE, "%s",
             n->number == 1 ? "a majority of the jurors acknowledges this node (F7)"
             : n->number == 2
                 ? "at risk: a majority of the jurors has not acknowledged this node for a "
                   "while (F7)"
                 : "lost: no majority of the jurors acknowledges this node (F7)");
    return (struct events_telling){n->number == 1   ? LOG_LEVEL_INFO
                                   : n->number == 2 ? LOG_LEVEL_WARNING
                                                    : LOG_LEVEL_ERROR,
                                   "standing", self};
}

/* Of an order against somebody's life: from the vote to the break. */
static struct events_telling events_fence(char *text, const struct agent *agent,
                                          const struct notice *n)
{
    const char *name = agent_node_name(agent, n->slot);
    struct events_telling out = {LOG_LEVEL_WARNING, "order", n->slot};
    if (n->kind == NOTICE_VOTED) {
        out.kind = "vote";
        snprintf(text, EVENTS_TEXT_SIZE,
                 "this juror voted against %s, life %" PRIu64 "; the vote is final (F2)", name,
                 n->number);
    } else if (n->kind == NOTICE_OPINION) {
        out = (struct events_telling){LOG_LEVEL_INFO, "opinion", n->slot};
        snprintf(text, EVENTS_TEXT_SIZE,
                 "this juror does not vote against %s, life %" PRIu64 ": %s", name, n->number,
                 opinion_text(n->opinion));
    } else if (n->kind == NOTICE_ORDER) {
        snprintf(text, EVENTS_TEXT_SIZE,
                 "a majority of the jurors ordered the end of %s, life %" PRIu64 " (F1)", name,
                 n->number);
    } else {
        out.kind = "broken";
        snprintf(text, EVENTS_TEXT_SIZE,
                 "a lock of %s, life %" PRIu64
                 ", was broken: that life, or the session that held it, "
                 "is proven over (F5)",
                 name, n->number);
    }
    return out;
}

static struct events_telling events_executor(char *text, const struct agent *agent,
                                             const struct notice *n)
{
    const char *name = agent_node_name(agent, n->slot);
    if (n->kind == NOTICE_RUN) {
        snprintf(text, EVENTS_TEXT_SIZE,
                 "this node acts on the order against %s, life %" PRIu64 ", as its executor (F9)",
                 name, n->number);
        return (struct events_telling){LOG_LEVEL_WARNING, "executor", n->slot};
    }
    snprintf(text, EVENTS_TEXT_SIZE,
             "executor %s failed to end %s, life %" PRIu64 " (F9); `holdfast fence show` says why",
             agent_node_name(agent, n->other == SLOT_NONE ? agent_identity(agent)->self : n->other),
             name, n->number);
    return (struct events_telling){LOG_LEVEL_ERROR, "executor", n->slot};
}

static struct events_telling events_proof(char *text, const struct agent *agent,
                                          const struct notice *n)
{
    const char *name = agent_node_name(agent, n->slot);
    if (n->kind == NOTICE_PROOF) {
        snprintf(text, EVENTS_TEXT_SIZE, "%s is proven over up to life %" PRIu64 ": %s", name,
                 n->number,
                 n->executed ? "an executor's receipt (F6b)" : "its own end statement (F6a)");
        return (struct events_telling){LOG_LEVEL_INFO, "proof", n->slot};
    }
    if (n->kind == NOTICE_ENDED) {
        snprintf(text, EVENTS_TEXT_SIZE,
                 "a session of %s, life %" PRIu64 ", is proven over: an executor's receipt (F6b)",
                 name, n->number);
        return (struct events_telling){LOG_LEVEL_INFO, "proof", n->slot};
    }
    if (n->kind == NOTICE_PROOF_REFUSED) {
        snprintf(text, EVENTS_TEXT_SIZE, "a proof about %s was refused: %s", name,
                 n->text ? n->text : "");
        return (struct events_telling){LOG_LEVEL_WARNING, "proof", n->slot};
    }
    snprintf(text, EVENTS_TEXT_SIZE,
             "ALARM: %s is heard under life %" PRIu64 " after a receipt said that it was off: its "
             "fence device lies, or is another machine's (F6)",
             name, n->number);
    return (struct events_telling){LOG_LEVEL_ERROR, "alarm", n->slot};
}

static struct events_telling events_text(char *text, const struct agent *agent,
                                         const struct notice *n)
{
    switch (n->kind) {
    case NOTICE_MEMBER:
    case NOTICE_REACH:
        return events_member(text, agent, n);
    case NOTICE_COORDINATOR:
    case NOTICE_STEPPED_DOWN:
    case NOTICE_GHOST:
    case NOTICE_FULL:
        break;
    case NOTICE_STORE_CHECKED:
    case NOTICE_STORE_BEHIND:
    case NOTICE_SYNC_FAILED:
        return events_store(text, agent, n);
    case NOTICE_LIFE:
    case NOTICE_READY:
    case NOTICE_STANDING:
    case NOTICE_BOUND:
        return events_life(text, agent, n);
    case NOTICE_VOTED:
    case NOTICE_OPINION:
    case NOTICE_ORDER:
    case NOTICE_BROKEN:
        return events_fence(text, agent, n);
    case NOTICE_RUN:
    case NOTICE_RUN_FAILED:
        return events_executor(text, agent, n);
    case NOTICE_PROOF:
    case NOTICE_PROOF_REFUSED:
    case NOTICE_ENDED:
    case NOTICE_ALARM:
        return events_proof(text, agent, n);
    }
    return events_lock(text, agent, n);
}

void events_notice(struct events *events, const struct agent *agent, const struct notice *notice)
{
    struct event_record *r = &events->kept[(events->last + 1) % EVENTS_KEPT];
    struct events_telling telling = events_text(r->text, agent, notice);
    r->seq = ++events->last;
    r->kind = telling.kind;
    r->change = render_change_of(agent, notice);
    r->node = agent_node_name(agent, telling.node);
    log_time(r->time);
    log_event(telling.level, telling.kind, "node=%s text=\"%s\"", r->node, r->text);
    struct event_follower *f;
    DL_FOREACH(events->followers, f)
    if ((int64_t)r->seq > f->after)
        varlink_reply_more(f->call, events_json(r));
}

uint64_t events_last(const struct events *events)
{
    return events->last;
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
