/* What would follow if a member vanished now, as JSON: see render_preview.h. */
#include "node/render_preview.h"

#include "node/render.h"
#include "proto/must.h"
#include "proto/preview.h"

enum { PREVIEW_LOCKS_MAX = 256 }; /* shown; all are counted */

static const char *preview_gossip(const struct agent *agent, uint16_t slot)
{
    static const char *const words[] = {[MEMBER_UNKNOWN] = "unknown",
                                        [MEMBER_ALIVE] = "alive",
                                        [MEMBER_SUSPECT] = "suspect",
                                        [MEMBER_DEAD] = "dead",
                                        [MEMBER_LEFT] = "left"};
    struct member_view view;
    peer_member(agent_peer(agent), slot, &view);
    return words[view.state];
}

static json_t *preview_lock(struct view name, const struct lock_state *state,
                            const struct lock_hold *hold)
{
    return json_pack("{s:s% s:s s:i s:s s:I s:I s:s s:I}", "name", (const char *)name.bytes,
                     name.size, "mode", lock_mode_text(hold->mode), "limit", (int)hold->limit,
                     "policy", lock_policy_text(hold->policy), "ttl_ms", (json_int_t)hold->ttl_ms,
                     "token", (json_int_t)hold->token, "hold", render_hold(hold->id).text,
                     "waiters", (json_int_t)state->waiter_count + (json_int_t)state->convert_count);
}

/* What it holds, out of the registers that this node stores. */
static json_t *preview_locks(const struct agent *agent, uint16_t slot, json_int_t *count)
{
    static struct lock_state state; /* it is large */
    struct ballot ballot;
    uint64_t seq;
    struct view name, bytes;
    size_t cursor = 0;
    json_t *locks = json_array();
    *count = 0;
    while (peer_next_register(agent_peer(agent), &cursor, &name, &ballot, &seq, &bytes)) {
        if (!lock_name_valid(name) || !lock_decode(&state, bytes)) /* or the floor of a shard */
            continue;
        for (size_t i = 0; i < state.hold_count; i++) {
            if (state.holds[i].id.slot != slot)
                continue;
            if (++*count <= PREVIEW_LOCKS_MAX)
                json_array_append_new(locks, preview_lock(name, &state, &state.holds[i]));
        }
    }
    return locks;
}

static json_t *preview_jurors(const struct agent *agent, const struct preview *p)
{
    json_t *out = json_array();
    for (size_t i = 0; i < p->juror_count; i++)
        json_array_append_new(out, json_pack("{s:s s:b}", "juror",
                                             agent_node_name(agent, p->juror[i].slot), "reachable",
                                             (int)p->juror[i].reachable));
    return out;
}

static json_t *preview_executors(const struct agent *agent, const struct preview *p)
{
    json_t *out = json_array();
    for (size_t i = 0; i < p->executor_count; i++)
        json_array_append_new(out, json_pack("{s:s s:b}", "executor",
                                             agent_node_name(agent, p->executors[i].slot), "alive",
                                             (int)p->executors[i].alive));
    return out;
}

/* That end its life: a session's is named by its holder. */
static json_t *preview_actions(const struct roster *roster)
{
    json_t *out = json_array();
    for (size_t i = 0; i < roster->action_count; i++)
        if (!roster_ends_sessions(roster, (uint8_t)(i + 1)))
            json_array_append_new(out, json_string(roster->actions[i]));
    return out;
}

static json_int_t preview_ms(struct span span)
{
    return span.ns / 1000000;
}

json_t *render_preview(const struct agent *agent, uint16_t slot)
{
    const struct roster *roster = agent_identity(agent)->roster;
    const struct roster_node *node = &roster->nodes[roster_find(roster, slot)];
    struct preview p;
    json_int_t count;
    if (!peer_preview(agent_peer(agent), clock_now(), slot, &p))
        return NULL;
    json_t *locks = preview_locks(agent, slot, &count);
    json_t *out =
        json_pack("{s:s s:i s:I s:s s:o s:I s:I s:I s:I s:b s:b}", "node", node->name, "slot",
                  (int)slot, "life", (json_int_t)p.life, "gossip", preview_gossip(agent, slot),
                  "locks", locks, "lock_count", count, "shards", (json_int_t)p.shards,
                  "shards_known", (json_int_t)p.known, "shards_voted", (json_int_t)p.votes_in,
                  "voter", (int)node->votes, "juror", (int)node->juror);
    json_t *rest = json_pack("{s:I s:I s:o s:I s:I s:s s:o s:o s:b s:I s:I s:I s:I}", "jurors",
                             (json_int_t)p.jurors, "quorum", (json_int_t)p.quorum, "asked",
                             preview_jurors(agent, &p), "brake", (json_int_t)p.brake, "brake_limit",
                             (json_int_t)p.brake_limit, "device", node->device, "actions",
                             preview_actions(roster), "executors", preview_executors(agent, &p),
                             "executes", (int)node->executes, "ordered_ms", preview_ms(p.ordered),
                             "executed_ms", preview_ms(p.executed), "turn_ms", preview_ms(p.turn),
                             "watchdog_ms", preview_ms(p.watchdog));
    must(out && rest);
    json_object_update_missing(out, rest);
    json_decref(rest);
    return out;
}
