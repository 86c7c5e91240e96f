/* What the API says, as JSON. */
#include "node/render.h"

#include <sodium.h>
#include <string.h>

#include "node/render_fence.h"

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

/* Base64 of at most a value block. */
static json_t *render_bytes(const uint8_t *bytes, size_t size)
{
    char text[sodium_base64_ENCODED_LEN(LOCK_VALUE_MAX, sodium_base64_VARIANT_ORIGINAL)];
    return json_string(
        sodium_bin2base64(text, sizeof text, bytes, size, sodium_base64_VARIANT_ORIGINAL));
}

json_t *render_value(const struct lock_value *value)
{
    if (!value || value->token == 0)
        return json_null();
    return json_pack("{s:o s:I s:b}", "bytes", render_bytes(value->bytes, value->size), "token",
                     (json_int_t)value->token, "valid", (int)value->valid);
}

/* []Reader: those that this node has let in under that hold. */
static json_t *render_readers(const struct agent *agent, const struct party *party)
{
    json_t *out = json_array();
    struct op_view view;
    size_t cursor = 0;
    while (party->readers && peer_next_op(agent_peer(agent), &cursor, &view)) {
        bool under = op_equal(view.under, party->id);
        if (under)
            json_array_append_new(out, json_pack("{s:s s:s}", "hold", render_hold(view.id).text,
                                                 "mode", lock_mode_text(view.mode)));
    }
    return out;
}

json_t *render_party(const struct agent *agent, const struct party *party)
{
    static const struct lock_data none = {0};
    const struct lock_data *data = party->data ? party->data : &none;
    const struct scope *scope = party->scope ? party->scope : &scope_none;
    const char *action = roster_action_name(agent_identity(agent)->roster, scope->action);
    return json_pack("{s:s s:s s:s s:i s:s s:I s:I s:I s:o s:b s:o s:s s:s%}", "hold",
                     render_hold(party->id).text, "node", agent_node_name(agent, party->id.slot),
                     "mode", lock_mode_text(party->mode), "limit", (int)party->limit, "policy",
                     party->policy ? party->policy : "", "ttl_ms", (json_int_t)party->ttl_ms,
                     "token", (json_int_t)party->token, "place", (json_int_t)party->place, "data",
                     render_bytes(data->bytes, data->size), "cached", (int)party->cached, "readers",
                     render_readers(agent, party), "action", scope->session && action ? action : "",
                     "info", (const char *)scope->info, (size_t)scope->info_size);
}

/* Whether this node has it cached for its clients, and how many of them read under it now. */
static void render_delegation(const struct agent *agent, struct party *party)
{
    struct op_view view;
    bool kept = peer_op(agent_peer(agent), party->id, &view) && view.state == OP_CACHED;
    party->readers = kept ? view.readers : 0;
    party->cached = kept && view.readers == 0;
}

static json_t *render_holds(const struct agent *agent, const struct lock_hold *holds, size_t count)
{
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct lock_hold *h = &holds[i];
        struct party party = {.id = h->id,
                              .mode = h->mode,
                              .limit = h->limit,
                              .policy = lock_policy_text(h->policy),
                              .ttl_ms = h->ttl_ms,
                              .scope = &h->word.scope,
                              .token = h->token,
                              .data = &h->data};
        render_delegation(agent, &party);
        json_array_append_new(out, render_party(agent, &party));
    }
    return out;
}

json_t *render_holders(const struct agent *agent, const struct answer *answer)
{
    return render_holds(agent, answer->holders, answer->holder_count);
}

json_t *render_lock_holders(const struct agent *agent, const struct lock_state *s)
{
    return render_holds(agent, s->holds, s->hold_count);
}

static json_t *render_lock_converts(const struct agent *agent, const struct lock_state *s)
{
    json_t *out = json_array();
    for (size_t i = 0; i < s->convert_count; i++) {
        const struct lock_convert *c = &s->converts[i];
        struct party party = {.id = c->id, .mode = c->mode, .limit = c->limit, .place = i + 1};
        json_array_append_new(out, render_party(agent, &party));
    }
    return out;
}

static json_t *render_lock_waiters(const struct agent *agent, const struct lock_state *s)
{
    json_t *out = json_array();
    for (size_t i = 0; i < s->waiter_count; i++) {
        const struct lock_waiter *v = &s->waiters[i];
        struct party party = {.id = v->id,
                              .mode = v->mode,
                              .limit = v->limit,
                              .policy = lock_policy_text(v->policy),
                              .ttl_ms = v->ttl_ms,
                              .scope = &v->word.scope,
                              .place = i + 1,
                              .data = &v->data};
        json_array_append_new(out, render_party(agent, &party));
    }
    return out;
}

json_t *render_lock(const struct agent *agent, struct view name, const struct answer *answer)
{
    const struct lock_state *s = answer->state;
    return json_pack(
        "{s:s% s:I s:I s:s s:o s:o s:o s:o s:o s:o}", "name", (const char *)name.bytes, name.size,
        "token", (json_int_t)s->token, "generation", (json_int_t)s->generation, "coordinator",
        answer->coordinator == SLOT_NONE ? "" : agent_node_name(agent, answer->coordinator),
        "holders", render_lock_holders(agent, s), "converting", render_lock_converts(agent, s),
        "waiters", render_lock_waiters(agent, s), "mark", render_fence_mark(agent, &s->mark),
        "value", render_value(&s->value), "stale", render_fence_stale(agent, &answer->stale));
}
