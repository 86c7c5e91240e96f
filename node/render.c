/* What the API says, as JSON. */
#include "node/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/render_fence.h"

struct hold_text render_hold(struct op_id id)
{
    struct hold_text out;
    snprintf(out.text, sizeof out.text, "%u.%" PRIu64 ".%" PRIu64, id.slot, id.life, id.counter);
    return out;
}

bool render_parse_hold(struct op_id *out, const char *text)
{
    struct op_id id;
    if (sscanf(text, "%" SCNu16 ".%" SCNu64 ".%" SCNu64, &id.slot, &id.life, &id.counter) != 3)
        return false;
    /* Whatever sscanf lets pass beside the one spelling does not come out the same. */
    if (strcmp(render_hold(id).text, text) != 0)
        return false;
    *out = id;
    return true;
}

const char *render_reason(enum wait_reason reason)
{
    switch (reason) {
    case WAIT_UNKNOWN:
        return "unknown";
    case WAIT_QUEUED:
        return "queued";
    case WAIT_NO_MAJORITY:
        return "no-majority";
    case WAIT_STANDING:
        return "standing";
    }
    return "unknown";
}

json_t *render_party(const struct agent *agent, const struct party *party)
{
    return json_pack("{s:s s:s s:s s:i s:s s:I s:I}", "hold", render_hold(party->id).text, "node",
                     agent_node_name(agent, party->id.slot), "mode", lock_mode_text(party->mode),
                     "limit", (int)party->limit, "policy", party->policy ? party->policy : "",
                     "token", (json_int_t)party->token, "place", (json_int_t)party->place);
}

json_t *render_holders(const struct agent *agent, const struct answer *answer)
{
    json_t *out = json_array();
    for (size_t i = 0; i < answer->holder_count && i < ANSWER_HOLDERS_MAX; i++) {
        struct party party = {.id = answer->holders[i],
                              .mode = answer->holder_modes[i],
                              .limit = answer->holder_limits[i]};
        json_array_append_new(out, render_party(agent, &party));
    }
    return out;
}

json_t *render_lock(const struct agent *agent, struct view name, const struct answer *answer)
{
    const struct lock_state *s = answer->state;
    json_t *holders = json_array();
    json_t *waiters = json_array();
    for (size_t i = 0; i < s->hold_count; i++) {
        const struct lock_hold *h = &s->holds[i];
        struct party party = {.id = h->id,
                              .mode = h->mode,
                              .limit = h->limit,
                              .policy = lock_policy_text(h->policy),
                              .token = h->token};
        json_array_append_new(holders, render_party(agent, &party));
    }
    for (size_t i = 0; i < s->waiter_count; i++) {
        const struct lock_waiter *v = &s->waiters[i];
        struct party party = {.id = v->id,
                              .mode = v->mode,
                              .limit = v->limit,
                              .policy = lock_policy_text(v->policy),
                              .place = i + 1};
        json_array_append_new(waiters, render_party(agent, &party));
    }
    return json_pack(
        "{s:s% s:I s:I s:s s:o s:o s:o s:o}", "name", (const char *)name.bytes, name.size, "token",
        (json_int_t)s->token, "generation", (json_int_t)s->generation, "coordinator",
        answer->coordinator == SLOT_NONE ? "" : agent_node_name(agent, answer->coordinator),
        "holders", holders, "waiters", waiters, "mark", render_fence_mark(agent, &s->mark), "stale",
        render_fence_stale(agent, &answer->stale));
}

static json_int_t render_ms(struct span span)
{
    return (json_int_t)(span.ns / 1000000);
}

json_t *render_member(const struct agent *agent, const struct roster_node *node)
{
    struct member_view m;
    char address[UDP_ADDRESS_SIZE];
    struct instant now = clock_now();
    peer_member(agent_peer(agent), node->slot, &m);
    udp_address_text(address, &node->address);
    return json_pack(
        "{s:i s:s s:s s:s s:b s:I s:I s:s s:I s:I s:I s:b s:b}", "slot", (int)node->slot, "name",
        node->name, "address", address, "gossip", member_state_text(m.state), "unreachable",
        m.unreachable, "life", (json_int_t)m.life, "incarnation", (json_int_t)m.incarnation,
        "accused_by", m.accused_by == SLOT_NONE ? "" : agent_node_name(agent, m.accused_by),
        "since_ms", render_ms(span_between(m.since, now)), "heard_ms",
        m.heard.ns == 0 ? (json_int_t)-1 : render_ms(span_between(m.heard, now)), "rtt_us",
        (json_int_t)(m.round_trip.ns / 1000), "voter", node->votes, "juror", node->juror);
}
