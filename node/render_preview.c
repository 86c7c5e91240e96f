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

/* One hold: in a register, with who waits behind it, or in the book of this node. */
struct preview_hold {
    struct view name;
    struct op_id id; /* by which the register knows it */
    enum lock_mode mode;
    uint16_t limit;
    enum lock_policy policy;
    uint32_t ttl_ms;
    uint64_t token;
};

struct preview_list {
    json_t *locks;
    json_t *book; /* of this node: what it holds, by the register's id; NULL: of another one */
    json_int_t count;
};

/* A lock without `waiters`. */
static json_t *preview_lock(const struct preview_hold *h)
{
    return json_pack("{s:s% s:s s:i s:s s:I s:I s:s s:n}", "name", (const char *)h->name.bytes,
                     h->name.size, "mode", lock_mode_text(h->mode), "limit", (int)h->limit,
                     "policy", lock_policy_text(h->policy), "ttl_ms", (json_int_t)h->ttl_ms,
                     "token", (json_int_t)h->token, "hold", render_hold(h->id).text, "waiters");
}

/* What this node's own clients hold, or it holds for the next ones: each hold once, however many
 * read under it. */
static void preview_own(const struct agent *agent, struct preview_list *list)
{
    struct op_view view;
    size_t cursor = 0;
    list->book = json_object();
    while (peer_next_op(agent_peer(agent), &cursor, &view)) {
        if (view.state != OP_HELD && view.state != OP_CACHED)
            continue;
        struct preview_hold hold = {view.name,   view.under.counter ? view.under : view.id,
                                    view.mode,   view.limit,
                                    view.policy, view.ttl_ms,
                                    view.token};
        json_object_set_new(list->book, render_hold(hold.id).text, preview_lock(&hold));
    }
}

static void preview_add(struct preview_list *list, json_t *lock)
{
    if (++list->count <= PREVIEW_LOCKS_MAX)
        json_array_append(list->locks, lock);
}

/* What it holds out of one register; what the book has as well is listed here, once. */
static void preview_register(struct preview_list *list, uint16_t slot, struct view name,
                             const struct lock_state *state)
{
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *h = &state->holds[i];
        if (h->id.slot != slot)
            continue;
        struct preview_hold hold = {name, h->id, h->mode, h->limit, h->policy, h->ttl_ms, h->token};
        json_t *lock = preview_lock(&hold);
        json_object_set_new(
            lock, "waiters",
            json_integer((json_int_t)state->waiter_count + (json_int_t)state->convert_count));
        preview_add(list, lock);
        json_decref(lock);
        if (list->book)
            json_object_del(list->book, render_hold(h->id).text);
    }
}

/* What it holds, out of the registers that this node stores; of this node itself, with the rest of
 * its own book. */
static void preview_locks(const struct agent *agent, uint16_t slot, struct preview_list *list)
{
    static struct lock_state state; /* it is large */
    struct ballot ballot;
    uint64_t seq;
    struct view name, bytes;
    size_t cursor = 0;
    const char *hold;
    json_t *lock;
    *list = (struct preview_list){.locks = json_array()};
    if (slot == agent_identity(agent)->self)
        preview_own(agent, list);
    while (peer_next_register(agent_peer(agent), &cursor, &name, &ballot, &seq, &bytes))
        if (lock_name_valid(name) && lock_decode(&state, bytes)) /* and no floor of a shard */
            preview_register(list, slot, name, &state);
    json_object_foreach(list->book, hold, lock)
    {
        preview_add(list, lock);
    }
    json_decref(list->book);
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
    bool own = slot == agent_identity(agent)->self;
    struct preview p;
    struct preview_list list;
    if (!peer_preview(agent_peer(agent), clock_now(), slot, &p))
        return NULL;
    preview_locks(agent, slot, &list);
    json_t *out = json_pack(
        "{s:s s:i s:I s:s s:o s:I s:b s:b s:I s:I s:I s:b s:b}", "node", node->name, "slot",
        (int)slot, "life", (json_int_t)p.life, "gossip", preview_gossip(agent, slot), "locks",
        list.locks, "lock_count", list.count, "own", (int)own, "whole", own || p.known == p.shards,
        "shards", (json_int_t)p.shards, "shards_known", (json_int_t)p.known, "shards_voted",
        (json_int_t)p.votes_in, "voter", (int)node->votes, "juror", (int)node->juror);
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
