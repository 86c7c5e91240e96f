/* What happened on this node: a ring of the last events, and those who follow them. */
#include "node/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <utlist.h>

#include "node/log.h"
#include "node/render.h"
#include "node/render_member.h"
#include "node/udp.h"
#include "proto/must.h"

struct event_record {
    uint64_t seq;
    char time[LOG_TIME_SIZE];
    const char *kind; /* static */
    const char *node; /* the roster's name of whom it is about */
    struct render_change change;
    char text[EVENTS_TEXT_SIZE];
};

struct events_follower {
    struct events *events;
    uint64_t told; /* seq of the last that it was told */
    events_hear tell;
    void *context;
    struct events_follower *next, *prev;
};

struct events {
    struct event_record kept[EVENTS_KEPT]; /* seq at index seq % EVENTS_KEPT */
    uint64_t last;                         /* seq of the newest; 0: none yet */
    char start[17];                        /* of this run, hex, in the ids */
    struct events_follower *followers;
};

struct events *events_new(void)
{
    uint8_t start[8];
    struct events *events = calloc(1, sizeof *events);
    must(events);
    randombytes_buf(start, sizeof start);
    sodium_bin2hex(events->start, sizeof events->start, start, sizeof start);
    return events;
}

void events_free(struct events *events)
{
    struct events_follower *f, *next;
    DL_FOREACH_SAFE(events->followers, f, next)
    free(f);
    free(events);
}

static void events_id(char out[EVENTS_ID_SIZE], const struct events *events, uint64_t seq)
{
    snprintf(out, EVENTS_ID_SIZE, "%s:%" PRIu64, events->start, seq);
}

static json_t *events_json(const struct events *events, const struct event_record *r)
{
    char id[EVENTS_ID_SIZE] = "";
    if (*r->kind)
        events_id(id, events, r->seq);
    return json_pack("{s:I s:s s:s s:s s:s s:s s:o}", "seq", (json_int_t)r->seq, "id", id, "time",
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
    dead |= reach && n->number == 2;
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
                 n->number, n->executed ? "a receipt (F6b, F6c)" : "its own end statement (F6a)");
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

static struct events_telling events_inhibitor(char *text, const struct agent *agent,
                                              const struct notice *n)
{
    bool all = n->slot == SLOT_NONE;
    snprintf(text, EVENTS_TEXT_SIZE, "%s of %s: %s at %s (F8)", n->text,
             all ? "all nodes" : agent_node_name(agent, n->slot), n->number ? "said" : "lifted",
             agent_node_name(agent, n->other));
    return (struct events_telling){LOG_LEVEL_WARNING, "inhibitor",
                                   all ? agent_identity(agent)->self : n->slot};
}

/* Two agents answer under one key: proto/clone.h. */
static struct events_telling events_clone(char *text, const struct agent *agent,
                                          const struct notice *n)
{
    const char *name = agent_node_name(agent, n->slot);
    char one[UDP_ADDRESS_SIZE], other[UDP_ADDRESS_SIZE];
    udp_address_text(one, &n->at[0]);
    udp_address_text(other, &n->at[1]);
    if (n->number != 2) {
        snprintf(text, EVENTS_TEXT_SIZE, "%s runs once again: it counts as before", name);
        return (struct events_telling){LOG_LEVEL_WARNING, "clone", n->slot};
    }
    snprintf(
        text, EVENTS_TEXT_SIZE,
        "ALARM: %s runs twice: two agents answer with its key, at %s and %s. Until one is off "
        "neither takes a lock, votes or is acknowledged. Switch the copy off (a cloned disk, a "
        "restored machine), and enrol it under a key of its own",
        name, one, strcmp(one, other) == 0 ? "the same address" : other);
    return (struct events_telling){LOG_LEVEL_ERROR, "clone", n->slot};
}

/* proto/hush.h. */
static struct events_telling events_hush(char *text, const struct agent *agent,
                                         const struct notice *n)
{
    uint16_t self = agent_identity(agent)->self;
    snprintf(
        text, EVENTS_TEXT_SIZE, "%s",
        n->number
            ? "most of this node's probes get no answer from anybody, again and again: it does "
              "not refute, and is held dead, until its link is well. Look at its cable, "
              "switch port, network card and load"
            : "this node's probes are answered again: it refutes what was said of it");
    return (struct events_telling){n->number ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "hush", self};
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
    case NOTICE_INHIBITOR:
        return events_inhibitor(text, agent, n);
    case NOTICE_CLONE:
        return events_clone(text, agent, n);
    case NOTICE_HUSH:
        return events_hush(text, agent, n);
    }
    return events_lock(text, agent, n);
}

/* The seq of the oldest that is kept. */
static uint64_t events_oldest(const struct events *events)
{
    return events->last > EVENTS_KEPT ? events->last - EVENTS_KEPT + 1 : 1;
}

static void events_tell_one(struct events_follower *f, uint64_t seq, const json_t *event)
{
    char id[EVENTS_ID_SIZE];
    if (seq <= f->told)
        return;
    f->told = seq;
    events_id(id, f->events, seq);
    f->tell(f->context, id, event);
}

static void events_tell_all(struct events *events, const struct event_record *r)
{
    json_t *event = events->followers ? events_json(events, r) : NULL;
    struct events_follower *f, *next;
    DL_FOREACH_SAFE(events->followers, f, next)
    events_tell_one(f, r->seq, event);
    json_decref(event);
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
    events_tell_all(events, r);
}

void events_tell(struct events *events, const char *node, const char *kind, const char *text)
{
    struct event_record *r = &events->kept[(events->last + 1) % EVENTS_KEPT];
    *r = (struct event_record){.seq = ++events->last, .kind = kind, .node = node};
    snprintf(r->text, sizeof r->text, "%s", text);
    log_time(r->time);
    events_tell_all(events, r);
}

uint64_t events_last(const struct events *events)
{
    return events->last;
}

json_t *events_recent(const struct events *events, size_t most)
{
    json_t *out = json_array();
    uint64_t seq = events_oldest(events);
    if (events->last >= most && seq <= events->last - most)
        seq = events->last - most + 1;
    for (; seq <= events->last; seq++)
        json_array_append_new(out, events_json(events, &events->kept[seq % EVENTS_KEPT]));
    return out;
}

/* --- Places --- */

bool events_place_parse(const struct events *events, struct events_place *out, const char *text)
{
    const char *colon = strchr(text, ':');
    const char *digits = colon ? colon + 1 : text;
    uint64_t seq = 0;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 18 || digits[count] != '\0')
        return false;
    if (colon && (colon == text || (size_t)(colon - text) >= sizeof events->start ||
                  strspn(text, "0123456789abcdef") != (size_t)(colon - text)))
        return false;
    for (size_t i = 0; i < count; i++)
        seq = seq * 10 + (uint64_t)(digits[i] - '0');
    bool ours = !colon || ((size_t)(colon - text) == strlen(events->start) &&
                           memcmp(text, events->start, strlen(events->start)) == 0);
    /* A number that is not reached yet is of an earlier start, too. */
    ours = ours && seq <= events->last;
    *out = (struct events_place){.after = ours ? seq : 0, .resumed = true, .missed = !ours};
    return true;
}

/* What a reader who goes on from `place` has missed; false: nothing. Its seq is that of the last
 * one missed, so whoever resumes behind it misses nothing more. */
static bool events_gap(const struct events *events, const struct events_place *place,
                       struct event_record *out)
{
    uint64_t oldest = events_oldest(events);
    if (!place->resumed || (!place->missed && place->after + 1 >= oldest))
        return false;
    *out = (struct event_record){.seq = oldest - 1, .kind = "gap", .node = ""};
    log_time(out->time);
    if (place->missed)
        snprintf(out->text, sizeof out->text,
                 "the agent was started anew since, and counts anew: what it had not told by then "
                 "is lost");
    else
        snprintf(out->text, sizeof out->text,
                 "%" PRIu64 " events are not kept any more: %" PRIu64 " to %" PRIu64,
                 oldest - 1 - place->after, place->after + 1, oldest - 1);
    return true;
}

struct events_follower *events_follow(struct events *events, const struct events_place *place,
                                      events_hear tell, void *context)
{
    struct event_record gap;
    struct events_follower *f = calloc(1, sizeof *f);
    must(f);
    *f = (struct events_follower){
        .events = events, .told = place->after, .tell = tell, .context = context};
    if (events_gap(events, place, &gap)) {
        char id[EVENTS_ID_SIZE];
        json_t *event = events_json(events, &gap);
        events_id(id, events, gap.seq);
        tell(context, id, event);
        json_decref(event);
    }
    uint64_t seq = events_oldest(events);
    if (place->after >= seq)
        seq = place->after + 1;
    DL_APPEND(events->followers, f);
    for (; seq <= events->last; seq++) {
        json_t *event = events_json(events, &events->kept[seq % EVENTS_KEPT]);
        events_tell_one(f, seq, event);
        json_decref(event);
    }
    return f;
}

void events_unfollow(struct events_follower *f)
{
    DL_DELETE(f->events->followers, f);
    free(f);
}

/* --- Method Events --- */

static void events_cancelled(struct varlink_call *call)
{
    events_unfollow(call->owner);
}

static void events_reply_more(void *context, const char *id, const json_t *event)
{
    (void)id;
    json_t *borrowed = (json_t *)(uintptr_t)event;
    varlink_reply_more(context, json_pack("{s:O}", "event", borrowed));
}

void events_stream(struct events *events, struct varlink_call *call,
                   const struct events_place *place)
{
    static const struct event_record none = {.kind = "", .node = ""};
    struct event_record gap;
    if (call->more) {
        call->owner = events_follow(events, place, events_reply_more, call);
        call->cancel = events_cancelled;
        return;
    }
    uint64_t seq = events_oldest(events);
    if (place->after >= seq)
        seq = place->after + 1;
    const struct event_record *r = events_gap(events, place, &gap) ? &gap
                                   : seq <= events->last ? &events->kept[seq % EVENTS_KEPT]
                                                         : &none;
    varlink_reply(call, json_pack("{s:o}", "event", events_json(events, r)));
}
