/* Whole peers by the hundred: see fleet.h. */
#include "sim/fleet.h"

#include "proto/inequality.h"
#include "proto/inquiry.h"
#include "proto/must.h"
#include "proto/peer_internal.h"
#include "proto/swim_core.h"
#include "proto/timing.h"
#include "sim/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    MEET_SECONDS = 120, /* whoever is not ready by then never will be */
    START_MS = 20,      /* between the starts of two */
    STATUS_MS = 200,    /* a witness's query */
    STOP_MS = 100,
    TURN_STEPS = 64
};

static const struct span delay_high = SPAN_MS(1), sync_low = SPAN_MS(1), sync_high = SPAN_MS(5);
/* What comes meanwhile is taken at once. */
static const struct span turn_span = {500000};

struct fleet_packet {
    uint16_t from;
    uint16_t size;
    uint32_t next_free;
    uint8_t bytes[DATAGRAM_MAX];
};

/* An item of the queue; machine is the ship. */
enum { DUE_DATAGRAM = 1, DUE_TURN, DUE_TICK, DUE_SYNCED, DUE_RUN, DUE_DROP };

static uint16_t slot_of(size_t index)
{
    return (uint16_t)(index + 1);
}

static size_t index_of(uint16_t slot)
{
    return (size_t)slot - 1;
}

/* Zeroed, and touched only as far as it is used. */
static void *take_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(memory != MAP_FAILED);
    return memory;
}

static void plan(struct fleet *f, int64_t at, size_t ship, int due, uint32_t detail, uint64_t tag)
{
    queue_push(&f->queue, (struct item){.at = at,
                                        .machine = (uint16_t)ship,
                                        .kind = (uint16_t)due,
                                        .detail = detail,
                                        .tag = tag});
}

/* --- The network --- */

static uint32_t packet_new(struct fleet *f)
{
    if (f->packet_free) {
        uint32_t at = f->packet_free - 1;
        f->packet_free = f->packets[at].next_free;
        return at;
    }
    if (f->packet_count == f->packet_room) {
        f->packet_room = f->packet_room ? 2 * f->packet_room : 4096;
        f->packets = realloc(f->packets, f->packet_room * sizeof *f->packets);
        must(f->packets);
    }
    return (uint32_t)f->packet_count++;
}

static void packet_drop(struct fleet *f, uint32_t at)
{
    f->packets[at].next_free = f->packet_free;
    f->packet_free = at + 1;
}

static void send_packet(struct fleet *f, size_t from, const struct outgoing *o)
{
    f->datagrams++;
    f->ships[from].sent++;
    f->datagram_bytes += o->bytes.size;
    if (random_chance(&f->random, f->o.loss_permille))
        return;
    uint32_t at = packet_new(f);
    f->packets[at].from = (uint16_t)from;
    f->packets[at].size = (uint16_t)o->bytes.size;
    memcpy(f->packets[at].bytes, o->bytes.bytes, o->bytes.size);
    plan(f, f->now + random_span(&f->random, (struct span){0}, delay_high).ns, index_of(o->to),
         DUE_DATAGRAM, at, 0);
}

/* What leaves, by kind. Sizes of the messages of an order alone: it takes to encode them again. */
static void tap(void *context, bool sent, uint16_t other, const struct message *m)
{
    static uint8_t scratch[MESSAGE_MAX + MESSAGE_HEADER];
    struct fleet *f = context;
    struct writer w = writer_init(scratch, sizeof scratch);
    (void)other;
    if (!sent)
        return;
    f->traffic[m->type].count++;
    bool about_orders = m->type >= WIRE_PROOF && m->type <= WIRE_WITNESS;
    if (m->type == WIRE_RENEW || m->type == WIRE_RENEWED ||
        (!about_orders && m->type != WIRE_STORY))
        return;
    wire_encode(&w, m);
    f->traffic[m->type].bytes += writer_size(&w);
}

/* --- What a ship's agent is told, and what it tells --- */

static void settle(struct fleet *f, size_t index);

static void post(struct fleet *f, size_t index, const struct event *e)
{
    if (f->ships[index].off)
        return;
    peer_step(f->ships[index].peer, (struct instant){f->now}, e);
    settle(f, index);
}

static void ask(struct fleet *f, size_t ship, size_t berth, uint64_t role)
{
    const struct berth *b = &f->berths[berth];
    struct event e = {.kind = EVENT_ACQUIRE,
                      .acquire = {.handle = berth * 2 + role + 1,
                                  .name = {(const uint8_t *)b->name, strlen(b->name)},
                                  .mode = LOCK_EXCLUSIVE,
                                  .policy = LOCK_STALE_FENCE,
                                  .deadline = INSTANT_NEVER}};
    post(f, ship, &e);
}

static void granted(struct fleet *f, size_t index, struct berth *b, bool to_waiter,
                    const struct answer *a)
{
    if (to_waiter) {
        b->passed_at = f->now;
        return;
    }
    must(index == b->holder);
    b->held_at = f->now;
    b->hold = a->hold;
}

static struct berth *berth_of(struct fleet *f, struct op_id hold)
{
    for (size_t i = 0; i < f->berth_count; i++)
        if (f->berths[i].held_at && f->berths[i].hold.slot == hold.slot &&
            f->berths[i].hold.life == hold.life && f->berths[i].hold.counter == hold.counter)
            return &f->berths[i];
    return NULL;
}

static void hear(struct fleet *f, size_t index, const struct answer *a)
{
    if (a->handle && a->handle <= 2 * f->berth_count) {
        struct berth *b = &f->berths[(a->handle - 1) / 2];
        bool to_waiter = (a->handle - 1) % 2;
        if (a->kind == ANSWER_GRANTED)
            granted(f, index, b, to_waiter, a);
        if (a->kind == ANSWER_WAITING && to_waiter && a->reason == WAIT_QUEUED)
            b->waits = true;
        return;
    }
    struct berth *b = berth_of(f, a->hold);
    if (b && a->kind == ANSWER_AT_RISK && !b->risk_at)
        b->risk_at = f->now;
    if (b && a->kind == ANSWER_LOST) {
        b->lost_at = f->now;
        plan(f, f->now + SPAN_MS(STOP_MS).ns, index, DUE_DROP, (uint32_t)(b - f->berths), 0);
    }
}

/* When the q-th of the jurors had both its timers behind it: V since the last renewal, and SWIM. */
static int64_t timers_end(const struct fleet *f, const struct ship *target, uint16_t slot)
{
    const struct jury *jury = &f->ships[0].peer->core.jury;
    int64_t ends[ROSTER_JURORS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < jury->count; i++) {
        const struct ship *s = &f->ships[index_of(jury->slots[i])];
        if (s == target || s->off || !target->dead_at[i])
            continue;
        const struct dossier *d = juror_dossier(&s->peer->fencing.juror, slot);
        int64_t renewed = d->renewed_at.ns + vote_span_of(SPAN_MS(f->roster->detect_ms)).ns;
        int64_t end = renewed > target->dead_at[i] ? renewed : target->dead_at[i];
        size_t at = count++;
        for (; at > 0 && ends[at - 1] > end; at--)
            ends[at] = ends[at - 1];
        ends[at] = end;
    }
    return count >= jury->quorum ? ends[jury->quorum - 1] : f->now;
}

static void note_change(struct fleet *f, size_t index, const struct swim_change *c)
{
    struct ship *s = &f->ships[index_of(c->slot)];
    int juror = jury_find(&f->ships[0].peer->core.jury, slot_of(index));
    if (c->after != MEMBER_DEAD)
        return;
    if (!s->dead_first)
        s->dead_first = f->now;
    if (juror >= 0)
        s->dead_at[juror] = f->now;
}

static void notice(struct fleet *f, size_t index, const struct notice *n)
{
    if (n->kind == NOTICE_MEMBER) {
        note_change(f, index, &n->change);
        return;
    }
    if (n->slot == 0 || n->slot > f->o.nodes)
        return;
    struct ship *s = &f->ships[index_of(n->slot)];
    if (f->o.trace && (n->kind == NOTICE_VOTED || n->kind == NOTICE_ORDER || n->kind == NOTICE_RUN))
        printf("%9.4f n%zu: %s n%u\n", (double)f->now / 1e9, index + 1,
               n->kind == NOTICE_VOTED   ? "votes against"
               : n->kind == NOTICE_ORDER ? "knows an order against"
                                         : "acts on",
               n->slot);
    if (n->kind == NOTICE_VOTED) {
        s->vote_first = s->vote_first ? s->vote_first : f->now;
        s->votes++;
        s->votes_well += s->well;
        s->votes_larger += f->ships[index].side == f->larger;
    } else if (n->kind == NOTICE_ORDER && !s->ordered_at) {
        s->ordered_at = f->now;
        f->timers_at = f->timers_at ? f->timers_at : timers_end(f, s, n->slot);
    } else if (n->kind == NOTICE_PROOF && n->executed && !s->receipt_at) {
        s->receipt_at = f->now;
    } else if (n->kind == NOTICE_RUN && !s->ran_at) {
        s->ran_at = f->now;
    }
}

static void begin_run(struct fleet *f, size_t index, const struct run *run)
{
    struct span takes = run->kind == RUN_STATUS ? SPAN_MS(STATUS_MS) : f->o.device;
    plan(f, f->now + takes.ns, index, DUE_RUN, run->slot,
         run->life << 1 | (run->kind == RUN_STATUS));
}

static void begin_sync(struct fleet *f, size_t index)
{
    struct ship *s = &f->ships[index];
    if (!s->wanted || s->syncing)
        return;
    s->wanted = false;
    s->syncing = true;
    s->syncing_lsn = s->lsn;
    plan(f, f->now + random_span(&f->random, sync_low, sync_high).ns, index, DUE_SYNCED, 0, 0);
}

/* A segment is written and forgotten: nobody starts anew here. */
static void write_segment(struct ship *s)
{
    size_t size = peer_segment_size(s->peer);
    uint8_t *bytes = malloc(size);
    must(bytes);
    peer_segment(s->peer, bytes, size, &s->lsn);
    free(bytes);
}

static void carry_out(struct fleet *f, size_t index, const struct effects *e)
{
    struct ship *s = &f->ships[index];
    for (size_t i = 0; i < e->datagram_count; i++)
        send_packet(f, index, &e->datagrams[i]);
    for (size_t i = 0; i < e->notice_count; i++)
        notice(f, index, &e->notices[i]);
    for (size_t i = 0; i < e->run_count; i++)
        begin_run(f, index, &e->runs[i]);
    for (size_t i = 0; i < e->answer_count; i++)
        hear(f, index, &e->answers[i]);
    if (e->segment_wanted)
        write_segment(s);
    s->lsn = e->segment_wanted ? s->lsn : e->lsn;
    s->wanted |= e->sync_wanted || e->write_wanted || e->segment_wanted;
    begin_sync(f, index);
}

static void settle(struct fleet *f, size_t index)
{
    struct ship *s = &f->ships[index];
    s->turns++;
    do {
        struct effects e;
        peer_effects(s->peer, (struct instant){f->now}, &e);
        carry_out(f, index, &e);
    } while (peer_pending(s->peer));
    struct instant deadline = peer_deadline(s->peer);
    if (deadline.ns < s->tick_at) {
        s->tick_at = deadline.ns;
        plan(f, deadline.ns > f->now ? deadline.ns : f->now, index, DUE_TICK, 0,
             (uint64_t)deadline.ns);
    }
}

/* --- What happens --- */

static void keep_back(struct ship *s, uint32_t packet)
{
    if (s->backlog_count == s->backlog_room) {
        s->backlog_room = s->backlog_room ? 2 * s->backlog_room : 256;
        s->backlog = realloc(s->backlog, s->backlog_room * sizeof *s->backlog);
        must(s->backlog);
    }
    s->backlog[s->backlog_count++] = packet;
}

static void take_packet(struct fleet *f, size_t index, uint32_t at)
{
    struct ship *s = &f->ships[index];
    if (s->off || (f->parted && s->side != f->ships[f->packets[at].from].side)) {
        packet_drop(f, at);
        return;
    }
    keep_back(s, at);
    if (s->stalled || s->turn_planned)
        return;
    s->turn_planned = true;
    plan(f, f->now + turn_span.ns, index, DUE_TURN, 0, 0);
}

/* A turn of an agent's loop takes what has come, so many at once at most. */
static void turn(struct fleet *f, size_t index)
{
    struct ship *s = &f->ships[index];
    size_t count = s->backlog_count;
    s->turn_planned = false;
    if (s->off || s->stalled)
        return;
    s->backlog_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct fleet_packet *packet = &f->packets[s->backlog[i]];
        struct event e = {.kind = EVENT_DATAGRAM, .datagram = {packet->bytes, packet->size}};
        peer_step(s->peer, (struct instant){f->now}, &e);
        packet_drop(f, s->backlog[i]);
        if (i % TURN_STEPS == TURN_STEPS - 1)
            settle(f, index);
    }
    settle(f, index);
}

static void end_run(struct fleet *f, size_t index, uint16_t slot, uint64_t tag)
{
    struct ship *target = &f->ships[index_of(slot)];
    bool status = tag & 1;
    if (f->ships[index].off) /* the driver died with its machine */
        return;
    if (!status && !target->off) {
        f->kills++;
        fleet_power_off(f, index_of(slot));
    }
    struct event e = {.kind = EVENT_EXECUTED};
    e.executed.slot = slot;
    e.executed.life = tag >> 1;
    e.executed.kind = status ? RUN_STATUS : RUN_OFF_STATUS;
    e.executed.outcome = target->off ? RUN_OFF : RUN_ON;
    memcpy(e.executed.device, f->roster->nodes[index_of(slot)].device, DEVICE_SIZE);
    post(f, index, &e);
}

static void happen(struct fleet *f, const struct item *item)
{
    struct ship *s = &f->ships[item->machine];
    if (item->kind == DUE_DATAGRAM) {
        take_packet(f, item->machine, item->detail);
    } else if (item->kind == DUE_TURN) {
        turn(f, item->machine);
    } else if (item->kind == DUE_TICK) {
        if (s->off || s->stalled || (int64_t)item->tag != s->tick_at)
            return;
        s->tick_at = INT64_MAX;
        post(f, item->machine, &(struct event){.kind = EVENT_TICK});
    } else if (item->kind == DUE_SYNCED) {
        if (s->stalled) { /* it hears of it when it goes on */
            plan(f, f->now + SPAN_MS(20).ns, item->machine, DUE_SYNCED, 0, 0);
            return;
        }
        s->syncing = false;
        post(f, item->machine, &(struct event){.kind = EVENT_DURABLE, .lsn = s->syncing_lsn});
    } else if (item->kind == DUE_RUN) {
        end_run(f, item->machine, (uint16_t)item->detail, item->tag);
    } else if (item->kind == DUE_DROP) {
        struct event e = {.kind = EVENT_DROP};
        e.drop.handle = UINT64_MAX;
        e.drop.hold = f->berths[item->detail].hold;
        e.drop.unclean = true;
        post(f, item->machine, &e);
    }
}

static bool step(struct fleet *f, int64_t until)
{
    struct item item;
    if (!queue_pop(&f->queue, &item))
        return false;
    if (item.at > until) {
        queue_push(&f->queue, item);
        return false;
    }
    f->now = item.at;
    f->events++;
    happen(f, &item);
    return true;
}

void fleet_run(struct fleet *f, struct span length)
{
    int64_t until = f->now + length.ns;
    while (step(f, until))
        ;
    f->now = until;
}

bool fleet_run_until(struct fleet *f, struct span length, bool (*so)(const struct fleet *f))
{
    int64_t until = f->now + length.ns;
    while (!so(f)) {
        if (f->now >= until)
            return false;
        fleet_run(f, SPAN_MS(10));
    }
    return true;
}

/* --- Acts --- */

void fleet_power_off(struct fleet *f, size_t ship)
{
    f->ships[ship].off = true;
    f->ships[ship].well = false;
    f->ships[ship].off_at = f->now;
}

void fleet_stall(struct fleet *f, size_t ship, bool stalled)
{
    struct ship *s = &f->ships[ship];
    s->stalled = stalled;
    if (stalled || s->off)
        return;
    turn(f, ship);
    s->tick_at = INT64_MAX;
    post(f, ship, &(struct event){.kind = EVENT_TICK});
}

void fleet_berth(struct fleet *f, size_t holder, size_t waiter)
{
    must(f->berth_count < FLEET_BERTHS_MAX && holder != waiter);
    struct berth *b = &f->berths[f->berth_count];
    *b = (struct berth){.holder = holder, .waiter = waiter};
    snprintf(b->name, sizeof b->name, "vm/%zu", f->berth_count);
    ask(f, holder, f->berth_count++, 0);
}

static bool all_held(const struct fleet *f)
{
    for (size_t i = 0; i < f->berth_count; i++)
        if (!f->berths[i].held_at)
            return false;
    return true;
}

static bool all_wait(const struct fleet *f)
{
    for (size_t i = 0; i < f->berth_count; i++)
        if (!f->berths[i].waits)
            return false;
    return true;
}

bool fleet_berthed(const struct fleet *f)
{
    struct fleet *mine = (struct fleet *)f;
    if (!fleet_run_until(mine, SPAN_MS(60000), all_held))
        return false;
    for (size_t i = 0; i < f->berth_count; i++)
        ask(mine, f->berths[i].waiter, i, 1);
    return fleet_run_until(mine, SPAN_MS(60000), all_wait);
}

void fleet_count_anew(struct fleet *f)
{
    memset(f->traffic, 0, sizeof f->traffic);
    f->datagrams = f->datagram_bytes = f->events = 0;
    for (size_t i = 0; i < f->o.nodes; i++)
        f->ships[i].turns = f->ships[i].sent = 0;
}

/* --- Beginning and end --- */

static void make_roster(struct fleet *f)
{
    struct roster *r = f->roster;
    r->epoch = 1;
    r->shard_count = 1024;
    r->cohort_size = 5;
    r->least_version = 1;
    r->lab = true;
    r->detect_ms = (uint16_t)(timing_detect_default(f->o.nodes).ns / 1000000);
    r->action_count = 1;
    memcpy(r->actions[0], "power", sizeof "power");
    r->node_count = f->o.nodes;
    for (size_t i = 0; i < f->o.nodes; i++) {
        struct roster_node *n = &r->nodes[i];
        uint8_t seed[KEY_SEED_SIZE];
        random_bytes(&f->random, seed, sizeof seed);
        key_pair_make(&f->ships[i].key, seed);
        f->ships[i].off = true; /* until it starts */
        n->slot = slot_of(i);
        snprintf(n->name, sizeof n->name, "n%zu", i + 1);
        n->key = f->ships[i].key.public;
        random_bytes(&f->random, n->store.bytes, sizeof n->store.bytes);
        random_bytes(&f->random, n->machine.bytes, sizeof n->machine.bytes);
        n->votes = true;
        n->executes = !f->o.watchdogs;
        if (n->executes)
            snprintf(n->device, sizeof n->device, "bmc-%zu", i + 1);
    }
    roster_default_jurors(r);
    random_bytes(&f->random, f->digest.bytes, sizeof f->digest.bytes);
    memcpy(f->cluster.bytes, f->digest.bytes, sizeof f->cluster.bytes);
}

/* It knows those that run, as an agent does that has met them before: a cold start of all at once
 * would tell everybody of everybody, which is not what is measured here. */
static void introduce(struct fleet *f, size_t index)
{
    struct swim *own = f->ships[index].peer->core.swim;
    for (size_t i = 0; i < index; i++) {
        const struct wire_alive *word = members_word(&f->ships[i].peer->core.swim->members, i);
        if (word->life)
            swim_recall(own, (struct instant){f->now}, word);
    }
}

static void start(struct fleet *f, size_t index)
{
    struct ship *s = &f->ships[index];
    struct peer_config config;
    uint8_t store[CLUSTER_STORE_MAX];
    peer_config_default(&config);
    config.roster = f->roster;
    config.roster_digest = f->digest;
    config.cluster = f->cluster;
    config.self = slot_of(index);
    config.key = &s->key;
    random_bytes(&f->random, config.seed, sizeof config.seed);
    random_bytes(&f->random, config.boot_id, sizeof config.boot_id);
    config.max_locks = 1024;
    config.max_served = 256;
    config.register_bytes = 512 * 1024;
    config.stop_on_isolation = true;
    config.brake_span = f->o.brake;
    config.run_span = SPAN_MS(10000);
    if (f->o.watchdogs) {
        struct fence_times times;
        fence_times_derive(&times, SPAN_MS(f->roster->detect_ms));
        config.watchdog = times.watchdog;
        config.watchdog_fresh = true;
    }
    f->memory_each = peer_size(&config);
    s->tick_at = INT64_MAX;
    s->well = true;
    s->off = false;
    s->dead_at = take_memory(ROSTER_JURORS_MAX * sizeof *s->dead_at);
    s->peer = peer_init(take_memory(f->memory_each), &config);
    size_t size = cluster_store(store, &f->roster->nodes[index].store);
    enum peer_recovery recovery = peer_recover(s->peer, store, size);
    must(recovery == RECOVERED);
    peer_set_tap(s->peer, tap, f);
    peer_start(s->peer, (struct instant){f->now});
    introduce(f, index);
    settle(f, index);
}

/* Everybody's life counts, and everybody holds all others alive. */
static bool all_met(const struct fleet *f)
{
    for (size_t i = 0; i < f->o.nodes; i++) {
        const struct peer *p = f->ships[i].peer;
        if (p->core.store != STORE_VOTING || !p->core.life_known)
            return false;
        for (size_t k = 0; k < f->o.nodes; k++)
            if (k != i && !swim_alive(p->core.swim, slot_of(k)))
                return false;
    }
    return true;
}

static bool looked_once_a_second(const struct fleet *f)
{
    return f->now / SPAN_MS(10).ns % 100 == 0 && all_met(f);
}

bool fleet_open(struct fleet *f, const struct fleet_options *options)
{
    *f = (struct fleet){.o = *options, .now = fleet_second};
    must(f->o.nodes >= 3 && f->o.nodes <= FLEET_NODES_MAX);
    random_init(&f->random, f->o.seed, STREAM_CLUSTER);
    f->roster = take_memory(sizeof *f->roster);
    f->ships = take_memory(f->o.nodes * sizeof *f->ships);
    make_roster(f);
    for (size_t i = 0; i < f->o.nodes; i++) {
        start(f, i);
        fleet_run(f, SPAN_MS(START_MS));
    }
    if (!fleet_run_until(f, SPAN_MS(MEET_SECONDS * 1000), looked_once_a_second))
        return false;
    fleet_run(f, SPAN_MS(10000)); /* and what is told of the start has been told */
    fleet_count_anew(f);
    return true;
}

void fleet_close(struct fleet *f)
{
    for (size_t i = 0; i < f->o.nodes; i++) {
        munmap(f->ships[i].peer, f->memory_each);
        munmap(f->ships[i].dead_at, ROSTER_JURORS_MAX * sizeof *f->ships[i].dead_at);
        free(f->ships[i].backlog);
    }
    munmap(f->ships, f->o.nodes * sizeof *f->ships);
    munmap(f->roster, sizeof *f->roster);
    free(f->packets);
    queue_free(&f->queue);
}
