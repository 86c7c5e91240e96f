/* What is said about members: see render_member.h. */
#include "node/render_member.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/version.h"
#include "proto/hush.h"
#include "proto/must.h"
#include "proto/reason.h"

enum { RENDER_WHY_SIZE = 256, RENDER_AGO_SIZE = 32, RENDER_ORDER_SHOWN = 8 };

static const char *render_node(const struct agent *agent, uint16_t slot)
{
    return slot == SLOT_NONE ? "" : agent_node_name(agent, slot);
}

static bool render_is_self(const struct agent *agent, uint16_t slot)
{
    return slot == agent_identity(agent)->self;
}

/* As the subject of a sentence. */
static const char *render_who(const struct agent *agent, uint16_t slot)
{
    return render_is_self(agent, slot) ? "this node"
           : slot == SLOT_NONE         ? "somebody"
                                       : agent_node_name(agent, slot);
}

/* "3.1 s", "14 min", "5 h". */
static void render_span(char out[RENDER_AGO_SIZE], struct span span)
{
    int64_t ms = span.ns < 0 ? 0 : span.ns / 1000000;
    if (ms < 120000)
        snprintf(out, RENDER_AGO_SIZE, "%" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
    else if (ms < 120 * 60000)
        snprintf(out, RENDER_AGO_SIZE, "%" PRId64 " min", ms / 60000);
    else
        snprintf(out, RENDER_AGO_SIZE, "%" PRId64 " h", ms / 3600000);
}

static json_int_t render_ms(struct span span)
{
    return (json_int_t)(span.ns / 1000000);
}

/* --- Why: one sentence for each verdict, without a final stop --- */

/* Whoever confirms shortens it (Lifeguard). */
static void render_why_suspect(char out[RENDER_WHY_SIZE], const struct agent *agent,
                               const struct member_view *m, struct instant now)
{
    char ago[RENDER_AGO_SIZE], left[RENDER_AGO_SIZE], by[RENDER_WHY_SIZE / 2] = "";
    size_t at = 0;
    render_span(ago, span_between(m->since, now));
    render_span(left, span_between(now, m->due));
    for (size_t i = 1; i < m->accuser_count && at + 1 < sizeof by; i++)
        at +=
            (size_t)snprintf(by + at, sizeof by - at, "%s%.24s", i == 1 ? ", confirmed by " : ", ",
                             render_who(agent, m->accusers[i]));
    snprintf(out, RENDER_WHY_SIZE,
             "%.24s got no answer from it, not through others either, %s ago%s; dead in %s unless "
             "it refutes",
             render_who(agent, m->by), ago, by, left);
}

static void render_why_alive(char out[RENDER_WHY_SIZE], const struct member_view *m,
                             struct instant now)
{
    char ago[RENDER_AGO_SIZE];
    render_span(ago, span_between(m->hushed_since, now));
    if (m->hushed)
        snprintf(out, RENDER_WHY_SIZE,
                 "for the others it is dead: it does not refute since %s, as %u of its last %d "
                 "probes got no answer from anybody; its link is bad, or its load too high",
                 ago, m->alone, HUSH_LOOKED);
    else
        snprintf(out, RENDER_WHY_SIZE, "it says so itself, signed");
}

static void render_why_gossip(char out[RENDER_WHY_SIZE], const struct agent *agent,
                              const struct member_view *m, struct instant now)
{
    char ago[RENDER_AGO_SIZE];
    render_span(ago, span_between(m->since, now));
    switch (m->state) {
    case MEMBER_UNKNOWN:
        snprintf(out, RENDER_WHY_SIZE, "no word that it signed has come since this agent started");
        return;
    case MEMBER_ALIVE:
        render_why_alive(out, m, now);
        return;
    case MEMBER_SUSPECT:
        render_why_suspect(out, agent, m, now);
        return;
    case MEMBER_DEAD:
        snprintf(out, RENDER_WHY_SIZE,
                 "suspected first by %s, and it did not refute in time, as %s found %s ago",
                 render_who(agent, m->accused_by), render_who(agent, m->by), ago);
        return;
    case MEMBER_LEFT:
        snprintf(out, RENDER_WHY_SIZE, "it said so itself, signed, %s ago", ago);
        return;
    }
}

static void render_why_reach(char out[RENDER_WHY_SIZE], const struct agent *agent,
                             const struct member_view *m, struct instant now)
{
    char ago[RENDER_AGO_SIZE];
    bool heard = m->heard.ns != 0;
    render_span(ago, span_between(m->heard, now));
    if (render_is_self(agent, m->slot))
        snprintf(out, RENDER_WHY_SIZE, "it is this node");
    else if (m->via != SLOT_NONE)
        snprintf(out, RENDER_WHY_SIZE, "not directly, but through %s; heard %s ago",
                 agent_node_name(agent, m->via), ago);
    else if (!m->unreachable && heard)
        snprintf(out, RENDER_WHY_SIZE, "heard %s ago", ago);
    else if (!m->unreachable)
        snprintf(out, RENDER_WHY_SIZE, "not heard since this agent started, nor found silent");
    else
        snprintf(out, RENDER_WHY_SIZE, "no answer to this node's last probe by any way; %s%s%s",
                 heard ? "heard " : "not heard since this agent started", heard ? ago : "",
                 heard ? " ago" : "");
}

static void render_why_fence(char out[RENDER_WHY_SIZE], const struct agent *agent,
                             const struct fenced_view *f)
{
    char order[2 * DIGEST_SIZE + 1], votes[RENDER_WHY_SIZE / 2];
    hex_encode(order, f->order.bytes, DIGEST_SIZE);
    snprintf(votes, sizeof votes, "order %.*s, which %u of %zu jurors signed", RENDER_ORDER_SHOWN,
             order, f->signatures, roster_juror_count(agent_identity(agent)->roster));
    if (f->signatures == 0)
        snprintf(votes, sizeof votes, "an order that is not kept here");
    switch (f->verdict) {
    case FENCED_NO:
        snprintf(out, RENDER_WHY_SIZE, "no order, receipt or end statement about it is known here");
        return;
    case FENCED_ORDERED:
        snprintf(out, RENDER_WHY_SIZE, "life %" PRIu64 " is under %s; no receipt yet", f->life,
                 votes);
        return;
    case FENCED_DONE:
        snprintf(out, RENDER_WHY_SIZE, "life %" PRIu64 ": %s, and the receipt of %s", f->life,
                 votes, render_who(agent, f->executor));
        return;
    case FENCED_ENDED:
        snprintf(out, RENDER_WHY_SIZE, "its own statement that life %" PRIu64 " is over", f->life);
        return;
    }
}

/* --- Member --- */

static json_t *render_member_who(const struct agent *agent, const struct roster_node *node)
{
    char address[UDP_ADDRESS_SIZE];
    udp_address_text(address, &node->address);
    return json_pack("{s:i s:s s:s s:b s:b s:s}", "slot", (int)node->slot, "name", node->name,
                     "address", address, "voter", (int)node->votes, "juror", (int)node->juror,
                     "version", render_is_self(agent, node->slot) ? HOLDFAST_VERSION : "");
}

static json_t *render_member_gossip(const struct agent *agent, const struct member_view *m,
                                    struct instant now)
{
    char why[RENDER_WHY_SIZE];
    bool suspect = m->state == MEMBER_SUSPECT;
    json_t *suspects = json_array();
    render_why_gossip(why, agent, m, now);
    for (size_t i = 0; i < m->accuser_count; i++)
        json_array_append_new(suspects, json_string(render_node(agent, m->accusers[i])));
    return json_pack(
        "{s:s s:I s:I s:s s:s s:o s:I s:I s:I s:s}", "gossip", member_state_text(m->state), "life",
        (json_int_t)m->life, "incarnation", (json_int_t)m->incarnation, "by",
        render_node(agent, m->by), "accused_by", render_node(agent, m->accused_by), "suspected_by",
        suspects, "suspects_full", (json_int_t)m->accusers_full, "since_ms",
        render_ms(span_between(m->since, now)), "dead_in_ms",
        suspect ? render_ms(span_between(now, m->due)) : (json_int_t)-1, "gossip_why", why);
}

static json_t *render_member_reach(const struct agent *agent, const struct member_view *m,
                                   struct instant now)
{
    char why[RENDER_WHY_SIZE];
    render_why_reach(why, agent, m, now);
    return json_pack("{s:b s:s s:I s:I s:s}", "unreachable", (int)m->unreachable, "via",
                     render_node(agent, m->via), "heard_ms",
                     m->heard.ns == 0 ? (json_int_t)-1 : render_ms(span_between(m->heard, now)),
                     "rtt_us", (json_int_t)(m->round_trip.ns / 1000), "reach_why", why);
}

static json_t *render_member_fence(const struct agent *agent, uint16_t slot)
{
    struct fenced_view f;
    char why[RENDER_WHY_SIZE], order[2 * DIGEST_SIZE + 1];
    peer_fenced(agent_peer(agent), slot, &f);
    render_why_fence(why, agent, &f);
    hex_encode(order, f.order.bytes, DIGEST_SIZE);
    return json_pack("{s:s s:I s:s s:s s:s}", "fence", fence_verdict_text(f.verdict), "fence_life",
                     (json_int_t)f.life, "fence_order", f.signatures ? order : "", "fence_by",
                     render_node(agent, f.executor), "fence_why", why);
}

json_t *render_member(const struct agent *agent, const struct roster_node *node)
{
    struct member_view m;
    struct instant now = clock_now();
    peer_member(agent_peer(agent), node->slot, &m);
    json_t *out = render_member_who(agent, node);
    json_t *parts[] = {render_member_gossip(agent, &m, now), render_member_reach(agent, &m, now),
                       render_member_fence(agent, node->slot)};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        must(json_object_update_missing(out, parts[i]) == 0);
        json_decref(parts[i]);
    }
    return out;
}

/* --- Change --- */

json_t *render_change(const struct render_change *c)
{
    if (!c->verdict)
        return json_null();
    return json_pack("{s:s s:s s:s s:s s:s s:I s:I}", "verdict", c->verdict, "before", c->before,
                     "after", c->after, "reason", c->reason, "by", c->by, "life",
                     (json_int_t)c->life, "incarnation", (json_int_t)c->incarnation);
}

/* The clause behind "hv3 is suspect (life 1, was alive): ". */
static void render_reason(char out[RENDER_WHY_SIZE], const struct agent *agent,
                          const struct swim_change *c, enum change_reason reason)
{
    static const char *const fixed[REASONS] = {
        [REASON_FIRST_WORD] = "its first signed word has come",
        [REASON_PROBE] = "no answer to this node's probe, directly or through others",
        [REASON_NEW_LIFE] = "it began this life",
        [REASON_CAME_BACK] = "it had left, and speaks again",
        [REASON_LEFT] = "it said so itself",
    };
    if (reason == REASON_HEARSAY)
        snprintf(out, RENDER_WHY_SIZE, "%s got no answer from it, directly or through others",
                 render_who(agent, c->by));
    else if (reason == REASON_UNREFUTED)
        snprintf(out, RENDER_WHY_SIZE, "it did not refute in time; suspected first by %s",
                 render_who(agent, c->accused_by));
    else if (reason == REASON_TOLD_DEAD)
        snprintf(out, RENDER_WHY_SIZE, "it did not refute in time, as %s tells; %s%s",
                 render_who(agent, c->by),
                 c->accused_by == c->by ? "suspected by the same" : "suspected first by ",
                 c->accused_by == c->by ? "" : render_who(agent, c->accused_by));
    else if (reason == REASON_REFUTED)
        snprintf(out, RENDER_WHY_SIZE, "it refuted, by incarnation %" PRIu32, c->incarnation);
    else
        snprintf(out, RENDER_WHY_SIZE, "%s", fixed[reason]);
}

/* Datagrams take another way (T3). */
static void render_way_text(char *text, size_t size, const struct agent *agent,
                            const struct notice *n)
{
    const char *name = agent_node_name(agent, n->slot), *relay = agent_node_name(agent, n->other);
    if (n->number == 2)
        snprintf(text, size,
                 "this node reaches %s through %s: the direct way does not work; look at the "
                 "network between the two",
                 name, relay);
    else
        snprintf(text, size, "this node reaches %s directly again, and not through %s", name,
                 relay);
}

void render_change_text(char *text, size_t size, const struct agent *agent, const struct notice *n)
{
    char why[RENDER_WHY_SIZE];
    const struct swim_change *c = &n->change;
    if (n->kind == NOTICE_REACH && n->number >= 2) {
        render_way_text(text, size, agent, n);
        return;
    }
    if (n->kind == NOTICE_REACH) {
        snprintf(
            text, size,
            n->number == 1 ? "this node reaches %s again: %s" : "this node reaches %s no more: %s",
            agent_node_name(agent, n->slot),
            n->number == 1 ? "it was heard" : "no answer to its probe, directly or through others");
        return;
    }
    render_reason(why, agent, c, change_reason(c, agent_identity(agent)->self));
    snprintf(text, size, "%s is %s (life %" PRIu64 ", was %s): %s", agent_node_name(agent, c->slot),
             member_state_text(c->after), c->life, member_state_text(c->before), why);
}

static struct render_change render_gossip(const struct agent *agent, const struct swim_change *c)
{
    enum change_reason reason = change_reason(c, agent_identity(agent)->self);
    return (struct render_change){.verdict = "gossip",
                                  .before = member_state_text(c->before),
                                  .after = member_state_text(c->after),
                                  .reason = change_reason_text(reason),
                                  .by = render_node(agent, c->by),
                                  .life = c->life,
                                  .incarnation = c->incarnation};
}

static struct render_change render_reach(const struct agent *agent, const struct notice *n)
{
    struct member_view m;
    bool reached = n->number == 1;
    peer_member(agent_peer(agent), n->slot, &m);
    if (n->number >= 2)
        return (struct render_change){.verdict = "reach",
                                      .before = n->number == 2 ? "direct" : "relayed",
                                      .after = n->number == 2 ? "relayed" : "direct",
                                      .reason = n->number == 2 ? "no-direct-answer" : "answer",
                                      .by = agent_node_name(agent, n->other),
                                      .life = m.life};
    return (struct render_change){.verdict = "reach",
                                  .before = reached ? "unreachable" : "reached",
                                  .after = reached ? "reached" : "unreachable",
                                  .reason = reached ? "heard" : "no-answer",
                                  .by = agent_identity(agent)->node->name,
                                  .life = m.life};
}

struct render_change render_change_of(const struct agent *agent, const struct notice *n)
{
    struct render_change fence = {.verdict = "fence", .before = "", .by = "", .life = n->number};
    if (n->kind == NOTICE_MEMBER)
        return render_gossip(agent, &n->change);
    if (n->kind == NOTICE_REACH)
        return render_reach(agent, n);
    if (n->kind == NOTICE_ORDER) {
        fence.after = fence_verdict_text(FENCED_ORDERED);
        fence.reason = "order";
        return fence;
    }
    if (n->kind == NOTICE_PROOF) {
        fence.after = fence_verdict_text(n->executed ? FENCED_DONE : FENCED_ENDED);
        fence.reason = n->executed ? "receipt" : "end-statement";
        return fence;
    }
    return (struct render_change){0};
}
