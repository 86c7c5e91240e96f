/* A stage for whole peers: what clients ask there, and what can be looked at. See peer_play.h. */
#include <stdio.h>

#include "tests/unit/peer_play.h"

/* --- Clients --- */

struct view stage_view(const char *name)
{
    return (struct view){(const uint8_t *)name, strlen(name)};
}

static uint64_t ask(struct stage *s, size_t node, struct event *event)
{
    event->acquire.handle = ++s->last_handle;
    stage_event(s, node, event);
    return s->last_handle;
}

static uint64_t acquire(struct stage *s, size_t node, const char *name, enum lock_mode mode,
                        bool try, int64_t ms)
{
    struct event event = {
        .kind = EVENT_ACQUIRE,
        .acquire = {.name = stage_view(name),
                    .mode = mode,
                    .limit = mode == LOCK_COUNTED ? s->limit : 0,
                    .policy = s->policy,
                    .ttl_ms = s->policy == LOCK_STALE_EXPIRE ? s->ttl_ms : 0,
                    .scope = s->policy == LOCK_STALE_ACTION ? s->scope : scope_none,
                    .try = try,
                    .expect = s->expect,
                    .deadline = ms < 0 ? INSTANT_NEVER : instant_after(s->now, SPAN_MS(ms)),
                    .process = stage_view("a process")}};
    return ask(s, node, &event);
}

uint64_t stage_acquire_by(struct stage *s, size_t node, const char *name, enum lock_mode mode,
                          int64_t ms)
{
    return acquire(s, node, name, mode, false, ms);
}

uint64_t stage_acquire(struct stage *s, size_t node, const char *name, enum lock_mode mode)
{
    return acquire(s, node, name, mode, false, -1);
}

uint64_t stage_try(struct stage *s, size_t node, const char *name, enum lock_mode mode)
{
    return acquire(s, node, name, mode, true, -1);
}

static uint64_t drop(struct stage *s, size_t node, struct op_id hold, bool unclean)
{
    struct event event = {.kind = EVENT_DROP,
                          .drop = {.handle = ++s->last_handle, .hold = hold, .unclean = unclean}};
    stage_event(s, node, &event);
    return s->last_handle;
}

uint64_t stage_drop(struct stage *s, size_t node, struct op_id hold)
{
    return drop(s, node, hold, false);
}

uint64_t stage_drop_unclean(struct stage *s, size_t node, struct op_id hold)
{
    return drop(s, node, hold, true);
}

uint64_t stage_ask_show(struct stage *s, size_t node, const char *name)
{
    struct event event = {
        .kind = EVENT_SHOW,
        .show = {.handle = ++s->last_handle, .name = stage_view(name), .deadline = INSTANT_NEVER}};
    stage_event(s, node, &event);
    return s->last_handle;
}

const struct answer *stage_answer(const struct stage *s, uint64_t handle, enum answer_kind kind)
{
    for (size_t i = s->last_answers[handle]; i; i = s->answers[i - 1].before)
        if (s->answers[i - 1].answer.kind == kind)
            return &s->answers[i - 1].answer;
    return NULL;
}

size_t stage_answer_count(const struct stage *s, uint64_t handle, enum answer_kind kind)
{
    size_t count = 0;
    for (size_t i = s->last_answers[handle]; i; i = s->answers[i - 1].before)
        count += s->answers[i - 1].answer.kind == kind;
    return count;
}

size_t stage_told(const struct stage *s, struct op_id hold, enum answer_kind kind)
{
    size_t count = 0;
    for (size_t i = s->last_answers[0]; i; i = s->answers[i - 1].before)
        count +=
            s->answers[i - 1].answer.kind == kind && op_equal(s->answers[i - 1].answer.hold, hold);
    return count;
}

struct awaited {
    uint64_t handle;
    enum answer_kind kind;
};

static bool answered(struct stage *s, void *context)
{
    const struct awaited *awaited = context;
    return stage_answer(s, awaited->handle, awaited->kind) != NULL;
}

const struct answer *stage_await(struct stage *s, uint64_t handle, enum answer_kind kind,
                                 int64_t ms)
{
    struct awaited awaited = {handle, kind};
    stage_until(s, answered, &awaited, ms);
    return stage_answer(s, handle, kind);
}

struct op_id stage_id(const struct stage *s, uint64_t handle)
{
    const struct answer *accepted = stage_answer(s, handle, ANSWER_ACCEPTED);
    ck_assert_ptr_nonnull(accepted);
    return accepted->hold;
}

uint64_t stage_hold(struct stage *s, size_t node, const char *name, enum lock_mode mode)
{
    uint64_t handle = stage_acquire(s, node, name, mode);
    ck_assert_msg(stage_await(s, handle, ANSWER_GRANTED, 10 * STAGE_SECOND),
                  "node %zu does not get \"%s\"", node, name);
    return handle;
}

void stage_release(struct stage *s, size_t node, uint64_t handle)
{
    uint64_t drop = stage_drop(s, node, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    stage_run(s, 50);
}

const struct lock_state *stage_show(struct stage *s, size_t node, const char *name)
{
    uint64_t handle = stage_ask_show(s, node, name);
    ck_assert_msg(stage_await(s, handle, ANSWER_SHOWN, 5 * STAGE_SECOND),
                  "node %zu cannot look at \"%s\"", node, name);
    return &s->shown;
}

/* --- Looking --- */

struct peer_status stage_status(const struct stage *s, size_t node)
{
    struct peer_status status;
    peer_status(s->nodes[node].peer, &status);
    return status;
}

const struct peer_counters *stage_counters(const struct stage *s, size_t node)
{
    return peer_counters(s->nodes[node].peer);
}

static const struct peer *anybody(const struct stage *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->nodes[i].peer)
            return s->nodes[i].peer;
    ck_abort_msg("nobody was ever up");
    return NULL;
}

int stage_coordinator(const struct stage *s, const char *name)
{
    uint32_t shard = peer_shard(anybody(s), stage_view(name));
    int found = STAGE_NONE;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->nodes[i].up || peer_coordinator(s->nodes[i].peer, shard) != stage_slot(i))
            continue;
        if (found != STAGE_NONE)
            return STAGE_NONE;
        found = (int)i;
    }
    return found;
}

int stage_place(const struct stage *s, const char *name, size_t node)
{
    uint16_t cohort[ROSTER_COHORT_MAX];
    uint32_t shard = peer_shard(anybody(s), stage_view(name));
    size_t size = peer_cohort(anybody(s), shard, cohort);
    for (size_t i = 0; i < size; i++)
        if (cohort[i] == stage_slot(node))
            return (int)i;
    return -1;
}

const char *stage_name_of(const struct stage *s, size_t node)
{
    static char names[STAGE_NODES_MAX][32];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(names[node], sizeof names[node], "image-%u", i);
        if (stage_place(s, names[node], node) == 0)
            return names[node];
    }
    ck_abort_msg("no cohort begins with node %zu", node);
    return NULL;
}

size_t stage_other(const struct stage *s, size_t a, size_t b)
{
    for (size_t i = 0; i < s->count; i++)
        if (i != a && i != b)
            return i;
    ck_abort_msg("there is no third node");
    return 0;
}

bool stage_op(const struct stage *s, size_t node, struct op_id id, struct op_view *out)
{
    size_t cursor = 0;
    while (peer_next_op(s->nodes[node].peer, &cursor, out))
        if (op_equal(out->id, id))
            return true;
    return false;
}

size_t stage_op_count(const struct stage *s, size_t node)
{
    size_t cursor = 0, count = 0;
    struct op_view view;
    while (peer_next_op(s->nodes[node].peer, &cursor, &view))
        count++;
    return count;
}
