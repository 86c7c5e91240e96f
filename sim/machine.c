/* One machine: see machine.h. */
#include "sim/machine.h"

#include "proto/must.h"
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/world.h"

enum { REFUSED_PERMILLE = 500, LOADED_MAX = 256 };

static const struct span start_low = SPAN_MS(20), start_high = SPAN_MS(500);
static const struct span dies_high = SPAN_MS(800); /* after a new life */

void machine_open(struct world *w, struct machine *m, size_t index)
{
    uint8_t store[CLUSTER_STORE_MAX];
    m->world = w;
    m->index = (uint16_t)index;
    snprintf(m->name, sizeof m->name, "n%u", (unsigned)index % MACHINES_MAX + 1);
    random_init(&m->random, w->seed, STREAM_MACHINE + index);
    m->votes = true;
    m->backlog = pool_take(&w->pool, BACKLOG_MAX * sizeof *m->backlog);
    m->shadow = pool_take(&w->pool, sizeof *m->shadow);
    m->tick_at = INT64_MAX;
    disk_open(w, m, store, cluster_store(store, &w->cluster->roster.nodes[index].store));
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_open(w, m, i);
}

struct instant machine_clock(const struct machine *m)
{
    return (struct instant){m->world->now + m->clock_offset};
}

struct instant machine_deadline(const struct machine *m, struct span after)
{
    return instant_after(machine_clock(m), after);
}

/* The window between raising a life and stating the end of those before it. */
static void maybe_die(struct world *w, struct machine *m)
{
    if (w->calm || !random_chance(&m->random, w->p.life_crash_permille))
        return;
    world_plan(w, random_span(&m->random, (struct span){0}, dies_high),
               (struct item){.kind = HAPPEN_AGENT_DIES, .machine = m->index, .tag = m->run});
}

static void carry_out_answers(struct world *w, struct machine *m, const struct effects *e)
{
    for (size_t i = 0; i < e->answer_count; i++) {
        trace_numbers(&w->trace, e->answers[i].kind, e->answers[i].handle, e->answers[i].token);
        client_answer(w, m, &e->answers[i]);
    }
    for (size_t i = 0; i < e->notice_count; i++) {
        observer_notice(w, m, &e->notices[i]);
        if (e->notices[i].kind == NOTICE_LIFE)
            maybe_die(w, m);
        else if (e->notices[i].kind == NOTICE_READY)
            client_ready(w, m);
    }
}

static void carry_out_runs(struct world *w, struct machine *m, const struct effects *e)
{
    for (size_t i = 0; i < e->run_count; i++) {
        trace_numbers(&w->trace, e->runs[i].kind, e->runs[i].slot, e->runs[i].life);
        device_begin(w, m, &e->runs[i]);
    }
}

static void carry_out_sends(struct world *w, struct machine *m, const struct effects *e)
{
    for (size_t i = 0; i < e->datagram_count; i++) {
        const struct outgoing *o = &e->datagrams[i];
        int to = cluster_index(w->cluster, o->to);
        trace_numbers(&w->trace, m->index, o->to, o->bytes.size);
        must(to >= 0 && to != m->index);
        network_send(w, m->index, (size_t)to, o->bytes);
    }
}

/* Plans a tick for the peer's deadline, unless one that is planned comes in time. */
static void plan_tick(struct world *w, struct machine *m)
{
    struct instant deadline = peer_deadline(m->peer);
    if (deadline.ns == INT64_MAX)
        return;
    int64_t at = deadline.ns - m->clock_offset;
    if (at < w->now)
        at = w->now;
    if (m->tick_at <= at)
        return;
    m->tick_at = at;
    world_plan(w, (struct span){at - w->now},
               (struct item){.kind = HAPPEN_TICK, .machine = m->index, .tag = m->run});
}

/* The end of a turn: carries out what it amounts to, in an order that nobody may rely on. */
static void settle(struct world *w, struct machine *m)
{
    struct effects e;
    do {
        peer_effects(m->peer, machine_clock(m), &e);
        bool sends_first = random_chance(&m->random, 500);
        if (sends_first)
            carry_out_sends(w, m, &e);
        disk_write(w, m, &e);
        carry_out_answers(w, m, &e);
        carry_out_runs(w, m, &e);
        if (!sends_first)
            carry_out_sends(w, m, &e);
    } while (peer_pending(m->peer));
    plan_tick(w, m);
}

static void step(struct world *w, struct machine *m, const struct post *post)
{
    struct event event = post->event;
    if (event.kind == EVENT_DATAGRAM)
        event.datagram = network_bytes(&w->network, post->buffer);
    peer_step(m->peer, machine_clock(m), &event);
    if (event.kind == EVENT_DATAGRAM)
        network_release(&w->network, post->buffer);
}

static void deliver(struct world *w, struct machine *m, const struct post *post)
{
    bool datagram = post->event.kind == EVENT_DATAGRAM;
    bool full = m->backlog_count == BACKLOG_MAX ||
                (datagram && m->backlog_datagrams == BACKLOG_DATAGRAMS_MAX);
    if (!m->agent_up || (m->paused && full)) {
        must(!m->agent_up || datagram);
        if (datagram)
            network_release(&w->network, post->buffer);
        return;
    }
    if (m->paused) {
        m->backlog[m->backlog_count++] = *post;
        m->backlog_datagrams += datagram;
        return;
    }
    step(w, m, post);
    settle(w, m);
    if (post->event.kind == EVENT_DURABLE)
        check_books(w, m);
}

void machine_post(struct world *w, struct machine *m, const struct event *event)
{
    deliver(w, m, &(struct post){.event = *event});
}

/* Nobody listens: the sender's kernel may hear of it. */
static void refuse(struct world *w, struct machine *m, size_t from)
{
    if (m->powered && network_passes(&w->network, m->index, from) &&
        random_chance(&w->network.random, REFUSED_PERMILLE))
        world_plan(w, w->p.delay.low,
                   (struct item){.kind = HAPPEN_REFUSED,
                                 .machine = (uint16_t)from,
                                 .detail = m->index,
                                 .tag = w->machines[from].run});
}

void machine_datagram(struct world *w, struct machine *m, size_t from, uint32_t buffer)
{
    if (!network_passes(&w->network, from, m->index)) {
        network_release(&w->network, buffer);
        return;
    }
    if (!m->agent_up)
        refuse(w, m, from);
    deliver(w, m, &(struct post){.event = {.kind = EVENT_DATAGRAM}, .buffer = buffer});
}

void machine_tick(struct world *w, struct machine *m, uint64_t run)
{
    if (!m->agent_up || run != m->run || w->now != m->tick_at)
        return;
    m->tick_at = INT64_MAX;
    if (instant_reached(machine_clock(m), peer_deadline(m->peer)))
        machine_post(w, m, &(struct event){.kind = EVENT_TICK});
    else
        plan_tick(w, m);
}

/* --- the agent --- */

static void make_peer(struct world *w, struct machine *m)
{
    struct peer_config config;
    peer_config_default(&config);
    config.roster = &w->cluster->roster;
    config.roster_digest = w->cluster->digest;
    config.cluster = w->cluster->id;
    config.self = cluster_slot(m->index);
    config.key = &w->cluster->keys[m->index];
    random_bytes(&m->random, config.seed, sizeof config.seed);
    memcpy(config.boot_id, m->boot_id, sizeof config.boot_id);
    config.max_locks = 512;
    config.max_ops = 256;
    config.max_served = w->p.served;
    config.register_bytes = 1024 * 1024;
    config.stop_on_isolation = w->p.stop_on_isolation;
    config.brake_span = w->p.brake_span;
    config.run_span = SPAN_MS(DEVICE_DEADLINE_MS);
    if (!m->peer_memory)
        m->peer_memory = pool_take(&w->pool, peer_size(&config));
    m->peer = peer_init(m->peer_memory, &config);
}

static void recover_lost(struct world *w, struct machine *m)
{
    struct store_id store;
    if (!m->store_excused && m->votes)
        world_fail(w, EXIT_BROKEN, "S4", "%s calls its store lost, but nothing happened to it",
                   m->name);
    m->votes = false;
    observer_store_lost(w, m);
    m->epoch++;
    image_lose(m);
    make_peer(w, m);
    random_bytes(&m->random, store.bytes, sizeof store.bytes);
    peer_recover_lost(m->peer, &store);
}

static void recover(struct world *w, struct machine *m)
{
    struct view bytes = disk_read(&m->disk);
    make_peer(w, m);
    enum peer_recovery recovery =
        bytes.size ? peer_recover(m->peer, bytes.bytes, bytes.size) : RECOVERY_LOST;
    world_trace(w, "%s: agent starts: %s", m->name, peer_recovery_text(recovery));
    switch (recovery) {
    case RECOVERED_TORN:
        w->figures.tears++;
        break;
    case RECOVERED:
        break;
    case RECOVERY_LOST:
        recover_lost(w, m);
        return;
    case RECOVERY_FOREIGN:
    case RECOVERY_TOO_LARGE:
        world_fail(w, EXIT_BROKEN, "S4", "%s does not start: %s", m->name,
                   peer_recovery_text(recovery));
    }
    if (m->store_excused && m->votes)
        world_fail(w, EXIT_BROKEN, "S13", "%s does not notice that its store is damaged", m->name);
    image_recover(w, m, bytes);
}

/* What the last run left: holds whose processes the driver watches, and gives back when they ended.
 */
static void watch_loaded(struct world *w, struct machine *m)
{
    struct op_id loaded[LOADED_MAX];
    size_t count = 0, cursor = 0;
    struct op_view view;
    while (peer_next_op(m->peer, &cursor, &view))
        if (view.loaded && view.state == OP_HELD && count < LOADED_MAX)
            loaded[count++] = view.id;
    for (size_t i = 0; i < count; i++)
        guest_loaded(w, m, loaded[i]);
}

void machine_agent_start(struct world *w, struct machine *m)
{
    if (!m->powered || m->agent_up || m->held_down)
        return;
    m->run++;
    m->tick_at = INT64_MAX;
    m->agent_up = true;
    recover(w, m);
    observer_attach(m);
    peer_start(m->peer, machine_clock(m));
    settle(w, m);
    check_books(w, m);
    watch_loaded(w, m);
}

void machine_plan_start(struct world *w, struct machine *m, struct span after)
{
    world_plan(
        w, after,
        (struct item){.kind = HAPPEN_AGENT_START, .machine = m->index, .tag = ++m->starts_planned});
}

static void drop_backlog(struct world *w, struct machine *m)
{
    for (size_t i = 0; i < m->backlog_count; i++)
        if (m->backlog[i].event.kind == EVENT_DATAGRAM)
            network_release(&w->network, m->backlog[i].buffer);
    m->backlog_count = m->backlog_datagrams = 0;
}

static void agent_gone(struct world *w, struct machine *m)
{
    m->agent_up = false;
    m->peer = NULL;
    m->paused = false;
    drop_backlog(w, m);
}

void machine_agent_crash(struct world *w, struct machine *m)
{
    if (!m->agent_up)
        return;
    world_trace(w, "%s: agent dies", m->name);
    w->figures.crashes++;
    agent_gone(w, m);
    disk_agent_crash(&m->disk);
    client_agent_gone(w, m);
}

void machine_agent_leave(struct world *w, struct machine *m)
{
    if (!m->agent_up)
        return;
    machine_post(w, m, &(struct event){.kind = EVENT_LEAVE});
    machine_agent_crash(w, m);
}

void machine_agent_dies(struct world *w, struct machine *m, uint64_t run)
{
    if (!m->agent_up || m->run != run || w->calm)
        return;
    machine_agent_crash(w, m);
    machine_plan_start(w, m, random_span(&m->random, start_low, start_high));
}

/* --- the machine --- */

void machine_boot(struct world *w, struct machine *m)
{
    if (m->powered || m->held_down)
        return;
    m->powered = true;
    m->boot++;
    m->life = m->ready_life = 0;
    random_bytes(&m->random, m->boot_id, sizeof m->boot_id);
    /* Its clock starts anew: instants of two boots have nothing to do with each other. */
    m->clock_offset = random_between(&m->random, 1, 60) * 1000000000 - w->now;
    world_trace(w, "%s: boots", m->name);
    machine_plan_start(w, m, random_span(&m->random, start_low, start_high));
}

void machine_power_crash(struct world *w, struct machine *m)
{
    if (!m->powered)
        return;
    world_trace(w, "%s: the power goes", m->name);
    w->figures.crashes++;
    client_power_gone(w, m);
    device_power_gone(w, m);
    m->epoch++;
    agent_gone(w, m);
    disk_power_crash(&m->disk);
    m->powered = false;
    m->ready_life = 0;
    m->frozen_until = 0;
}

void machine_pause(struct world *w, struct machine *m, struct span length)
{
    m->paused = m->agent_up;
    world_plan(w, length,
               (struct item){.kind = HAPPEN_THAW, .machine = m->index, .tag = ++m->pause_number});
}

/* A turn of the loop takes several events at once here, as an agent that was stopped finds them. */
void machine_thaw(struct world *w, struct machine *m)
{
    if (!m->paused)
        return;
    world_trace(w, "%s: goes on, %zu events behind", m->name, m->backlog_count);
    m->paused = false;
    size_t done = 0;
    while (done < m->backlog_count) {
        size_t turn = (size_t)random_between(&m->random, 1, 32);
        for (; turn > 0 && done < m->backlog_count; turn--)
            step(w, m, &m->backlog[done++]);
        settle(w, m);
    }
    m->backlog_count = m->backlog_datagrams = 0;
    settle(w, m);
}
