/* Nodes, network and faults of membership alone: see members.h. */
#include "sim/members.h"

#include "crypto/hash.h"
#include "proto/must.h"

#include <stdlib.h>
#include <string.h>

/* Datagrams that a socket keeps for an agent that does not read: 208 KiB by Linux's default, each
 * accounted with 768 bytes at least. */
enum { INBOX_MAX = 277 };

/* --- Packets --- */

static uint32_t packet_new(struct members_world *w)
{
    if (w->packet_free) {
        uint32_t at = w->packet_free - 1;
        w->packet_free = w->packets[at].next;
        return at;
    }
    if (w->packet_count == w->packet_room) {
        w->packet_room = w->packet_room ? 2 * w->packet_room : 4096;
        w->packets = realloc(w->packets, w->packet_room * sizeof *w->packets);
        must(w->packets);
    }
    return (uint32_t)w->packet_count++;
}

static void packet_drop(struct members_world *w, uint32_t at)
{
    struct members_packet *p = &w->packets[at];
    free(p->large);
    p->large = NULL;
    p->next = w->packet_free;
    w->packet_free = at + 1;
}

static bool parted(const struct members_world *w, size_t from, size_t to)
{
    return w->nodes[to].deaf || (w->split && w->nodes[from].side != w->nodes[to].side);
}

static bool lost(struct members_world *w, size_t from, size_t to)
{
    bool bad = random_chance(&w->random, w->o.loss_permille);
    bad |= w->nodes[from].loss_permille && random_chance(&w->random, w->nodes[from].loss_permille);
    bad |= w->nodes[to].loss_permille && random_chance(&w->random, w->nodes[to].loss_permille);
    return bad;
}

void members_send(struct members_world *w, size_t from, size_t to, const uint8_t *bytes,
                  size_t size, size_t wire, bool reliable)
{
    w->f.datagrams++;
    w->f.bytes += wire;
    if (parted(w, from, to) || (!reliable && lost(w, from, to)))
        return;
    uint32_t at = packet_new(w);
    struct members_packet *p = &w->packets[at];
    *p = (struct members_packet){
        .from = (uint16_t)from, .to = (uint16_t)to, .size = (uint32_t)size, .reliable = reliable};
    if (size > sizeof p->small) {
        p->large = malloc(size);
        must(p->large);
    }
    memcpy(p->large ? p->large : p->small, bytes, size);
    struct span after = random_span(&w->random, w->o.delay_low, w->o.delay_high);
    queue_push(&w->queue, (struct item){.at = w->now + after.ns,
                                        .kind = HAPPEN_DATAGRAM,
                                        .machine = p->to,
                                        .detail = at});
}

/* --- The truth --- */

/* Neither is touched, both are there, and they can talk. */
static bool must_see(const struct members_world *w, size_t observer, size_t subject)
{
    const struct members_node *a = &w->nodes[observer], *b = &w->nodes[subject];
    return observer != subject && !a->dead && !b->dead && (!w->split || a->side == b->side);
}

static void see_victim(struct members_world *w, enum member_state before, enum member_state after)
{
    int64_t since = w->now - w->seen.struck;
    if (after == MEMBER_SUSPECT && w->seen.suspected_first < 0)
        w->seen.suspected_first = since;
    if (after == MEMBER_DEAD && w->seen.dead_first < 0)
        w->seen.dead_first = since;
    w->seen.missing += before == MEMBER_DEAD;
    w->seen.missing -= after == MEMBER_DEAD;
    if (after == MEMBER_DEAD && w->seen.missing == 0)
        w->seen.dead_last = since;
}

void members_changed(struct members_world *w, size_t observer, size_t subject,
                     enum member_state before, enum member_state after)
{
    if (observer == subject || before == after || w->nodes[observer].dead)
        return;
    if (subject == w->victim)
        see_victim(w, before, after);
    const struct members_node *s = &w->nodes[subject];
    if (must_see(w, observer, subject)) {
        w->f.wrong += before == MEMBER_ALIVE;
        w->f.wrong -= after == MEMBER_ALIVE;
        if (!s->faulty) {
            w->f.false_suspicions += before != MEMBER_UNKNOWN && after == MEMBER_SUSPECT;
            w->f.false_deaths += after == MEMBER_DEAD;
            w->f.false_deaths_healthy += after == MEMBER_DEAD && !w->nodes[observer].faulty;
        }
    } else if (w->split && !s->dead && w->nodes[observer].side != s->side) {
        w->f.across += before == MEMBER_DEAD;
        w->f.across -= after == MEMBER_DEAD;
    }
    w->f.readmitted += s->faulty && before == MEMBER_DEAD && after == MEMBER_ALIVE;
}

void members_count(struct members_world *w)
{
    w->f.wrong = w->f.across = 0;
    for (size_t i = 0; i < w->o.nodes; i++) {
        for (size_t k = 0; k < w->o.nodes; k++) {
            if (i == k || w->nodes[i].dead || w->nodes[k].dead)
                continue;
            enum member_state state = w->rules->state(w, i, k);
            if (must_see(w, i, k))
                w->f.wrong += state != MEMBER_ALIVE;
            else
                w->f.across += state != MEMBER_DEAD;
        }
    }
}

/* --- Events --- */

static void plan_tick(struct members_world *w, size_t node)
{
    struct members_node *n = &w->nodes[node];
    int64_t at = w->rules->deadline(w, node);
    if (at >= n->tick_at)
        return;
    n->tick_at = at;
    queue_push(&w->queue, (struct item){.at = at > w->now ? at : w->now,
                                        .kind = HAPPEN_TICK,
                                        .machine = (uint16_t)node,
                                        .tag = (uint64_t)at});
}

static void take_tick(struct members_world *w, const struct item *item)
{
    struct members_node *n = &w->nodes[item->machine];
    if ((int64_t)item->tag != n->tick_at)
        return;
    n->tick_at = INT64_MAX;
    if (n->dead || n->frozen)
        return;
    w->rules->step(w, item->machine);
    plan_tick(w, item->machine);
}

static void read_packet(struct members_world *w, uint32_t at)
{
    struct members_packet p = w->packets[at];
    w->packets[at].large = NULL;
    packet_drop(w, at);
    w->rules->take(w, p.to, p.from, p.large ? p.large : p.small, p.size);
    free(p.large);
    plan_tick(w, p.to);
}

static void take_packet(struct members_world *w, const struct item *item)
{
    struct members_packet *p = &w->packets[item->detail];
    struct members_node *n = &w->nodes[p->to];
    bool waits = n->frozen || n->blocked;
    bool full = waits && !p->reliable && n->waiting >= INBOX_MAX;
    if (n->dead || full || parted(w, p->from, p->to)) {
        packet_drop(w, item->detail);
    } else if (waits) {
        p->next = 0;
        if (n->inbox)
            w->packets[n->inbox_last - 1].next = item->detail + 1;
        else
            n->inbox = item->detail + 1;
        n->inbox_last = item->detail + 1;
        n->waiting++;
    } else {
        read_packet(w, item->detail);
    }
}

bool members_run(struct members_world *w, int64_t until, bool (*done)(const struct members_world *))
{
    static const uint8_t hash_key[HASH_KEY_SIZE] = "members";
    struct item item;
    while (queue_pop(&w->queue, &item)) {
        if (item.at > until) {
            queue_push(&w->queue, item);
            break;
        }
        uint64_t line[3] = {w->hash, (uint64_t)item.at, (uint64_t)item.kind << 32 | item.machine};
        w->hash = hash64(hash_key, (const uint8_t *)line, sizeof line);
        w->now = item.at;
        w->f.events++;
        if (item.kind == HAPPEN_TICK)
            take_tick(w, &item);
        else
            take_packet(w, &item);
        if (done && done(w))
            return true;
    }
    w->now = until;
    return false;
}

/* --- Faults --- */

void members_kill(struct members_world *w, size_t node)
{
    uint64_t living = 0, knowing = 0;
    w->nodes[node].dead = w->nodes[node].faulty = true;
    w->victim = node;
    for (size_t i = 0; i < w->o.nodes; i++) {
        living += !w->nodes[i].dead;
        knowing += !w->nodes[i].dead && w->rules->state(w, i, node) == MEMBER_DEAD;
        /* What it did not hold of others counts no more. */
        w->f.wrong -= !w->nodes[i].dead && w->rules->state(w, node, i) != MEMBER_ALIVE;
        w->f.wrong -= !w->nodes[i].dead && w->rules->state(w, i, node) != MEMBER_ALIVE;
    }
    w->seen = (struct members_seen){.struck = w->now,
                                    .suspected_first = -1,
                                    .dead_first = -1,
                                    .dead_last = -1,
                                    .missing = living - knowing};
}

static void read_inbox(struct members_world *w, size_t node)
{
    struct members_node *n = &w->nodes[node];
    while (n->inbox) {
        uint32_t at = n->inbox - 1;
        n->inbox = w->packets[at].next;
        read_packet(w, at);
    }
    n->waiting = 0;
}

void members_freeze(struct members_world *w, size_t node, bool frozen)
{
    struct members_node *n = &w->nodes[node];
    if (n->frozen == frozen || n->dead)
        return;
    n->frozen = frozen;
    if (frozen)
        return;
    if (w->rules->deadline(w, node) <= w->now)
        w->rules->step(w, node);
    n->tick_at = INT64_MAX;
    read_inbox(w, node);
    plan_tick(w, node);
}

void members_block(struct members_world *w, size_t node, bool blocked)
{
    struct members_node *n = &w->nodes[node];
    if (n->blocked == blocked || n->dead)
        return;
    n->blocked = blocked;
    if (blocked)
        return;
    n->tick_at = INT64_MAX;
    if (w->rules->deadline(w, node) <= w->now)
        w->rules->step(w, node);
    read_inbox(w, node);
    plan_tick(w, node);
}

/* --- Beginning and end --- */

struct members_world *members_open(const struct members_options *o)
{
    static const struct members_rules *const rules[MEMBERS_MODES] = {
        &members_rules_ours, &members_rules_swim, &members_rules_memberlist};
    struct members_world *w = calloc(1, sizeof *w);
    must(w);
    w->o = *o;
    w->rules = rules[o->mode];
    random_init(&w->random, o->seed, STREAM_CLUSTER);
    w->now = INT64_C(1000000000);
    w->victim = SIZE_MAX;
    w->nodes = calloc(o->nodes, sizeof *w->nodes);
    must(w->nodes);
    for (size_t i = 0; i < o->nodes; i++)
        w->nodes[i].tick_at = INT64_MAX;
    w->rules->open(w);
    members_count(w);
    for (size_t i = 0; i < o->nodes; i++) {
        w->rules->start(w, i);
        plan_tick(w, i);
    }
    return w;
}

void members_close(struct members_world *w)
{
    w->rules->close(w);
    for (size_t i = 0; i < w->packet_count; i++)
        free(w->packets[i].large);
    free(w->packets);
    free(w->nodes);
    queue_free(&w->queue);
    free(w);
}
