/* One machine: see machine.h. */
#include "sim/machine.h"

#include "proto/must.h"
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/world.h"

enum { REFUSED_PERMILLE = 500, LOADED_MAX = 256, LOCKS_MAX = 512, OPS_MAX = 256 };

static const struct span start_low = SPAN_MS(20), start_high = SPAN_MS(500);
static const struct span dies_high = SPAN_MS(800); /* after a new life */
static const struct range starved_pause = {SPAN_MS(5), SPAN_MS(700)};

void machine_open(struct world *w, struct machine *m, size_t index)
{
    uint8_t store[CLUSTER_STORE_MAX];
    m->world = w;
    m->index = (uint16_t)index;
    snprintf(m->name, sizeof m->name, "%.23s", w->cluster->roster.nodes[index].name);
    bool quiet = w->play && w->play->story->quiet >> index & 1;
    m->workers = quiet ? 0 : w->p.clients;
    random_init(&m->random, w->seed, STREAM_MACHINE + index);
    m->votes = true;
    m->backlog = pool_take(&w->pool, BACKLOG_MAX * sizeof *m->backlog);
    m->shadow = pool_take(&w->pool, sizeof *m->shadow);
    m->tick_at = INT64_MAX;
    m->clock.rate_ppm =
        (int32_t)random_between(&m->random, -(int64_t)w->p.clock_ppm, (int64_t)w->p.clock_ppm);
    disk_open(w, m, store, cluster_store(store, &w->cluster->roster.nodes[index].store));
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_open(w, m, i);
}

struct instant machine_clock(const struct machine *m)
{
    return clock_read(&m->clock, m->world->now);
}

struct instant machine_deadline(const struct machine *m, struct span after)
{
    return instant_after(machine_clock(m), after);
}

/* The window between raising a life and stating the end of those before it. */
static void maybe_die(struct world *w, struct machine *m)
{
    if (world_heals(w, m->index) || !random_chance(&m->random, w->p.life_crash_permille))
        return;
    world_plan(w, random_span(&m->random, (struct span){0}, dies_high),
               (struct item){.kind = HAPPEN_AGENT_DIES, .machine = m->index, .tag = m->run});
}

/* One effect was carried out: perhaps that was the last one. */
static bool struck(struct machine *m)
{
    if (m->strike_in == 0)
        return false;
    return --m->strike_in == 0;
}

static bool carry_out_answers(struct world *w, struct machine *m, const struct effects *e)
{
    check_told(w, m, e);
    for (size_t i = 0; i < e->answer_count; i++) {
        trace_numbers(&w->trace, e->answers[i].kind, e->answers[i].handle, e->answers[i].token);
        client_answer(w, m, &e->answers[i]);
        if (struck(m))
            return false;
    }
    for (size_t i = 0; i < e->notice_count; i++) {
        observer_notice(w, m, &e->notices[i]);
        if (e->notices[i].kind == NOTICE_LIFE)
            maybe_die(w, m);
        else if (e->notices[i].kind == NOTICE_READY)
            client_ready(w, m);
    }
    return true;
}

static bool carry_out_runs(struct world *w, struct machine *m, const struct effects *e)
{
    for (size_t i = 0; i < e->run_count; i++) {
        trace_numbers(&w->trace, e->runs[i].kind, e->runs[i].slot, e->runs[i].life);
        device_begin(w, m, &e->runs[i]);
        if (struck(m))
            return false;
    }
    return true;
}

/* The helper that pets is a process of its own: it does so whatever becomes of the agent. */
static bool carry_out_pet(struct world *w, struct machine *m, const struct effects *e)
{
    if (!e->pet)
        return true;
    watchdog_pet(w, m, e->pet_until);
    return !struck(m);
}

static bool carry_out_sends(struct world *w, struct machine *m, const struct effects *e)
{
    for (size_t i = 0; i < e->datagram_count; i++) {
        const struct outgoing *o = &e->datagrams[i];
        int to = cluster_index(w->cluster, o->to);
        trace_numbers(&w->trace, m->index, o->to, o->bytes.size);
        must(to >= 0 && to != m->index);
        check_traffic_out(w, m, (size_t)to, o->bytes.size);
        network_send(w, m->index, (size_t)to, o->bytes);
        if (struck(m))
            return false;
    }
    return true;
}

static bool carry_out_writes(struct world *w, struct machine *m, const struct effects *e)
{
    disk_write(w, m, e);
    return e->records.size == 0 || !struck(m);
}

/* In an order that nobody may rely on. False if it died in between. */
static bool carry_out(struct world *w, struct machine *m, const struct effects *e)
{
    bool sends_first = random_chance(&m->random, 500);
    if (e->run_count && scenario_mutes(w, m))
        sends_first = false;
    return (!sends_first || carry_out_sends(w, m, e)) && carry_out_writes(w, m, e) &&
           carry_out_answers(w, m, e) && carry_out_runs(w, m, e) && carry_out_pet(w, m, e) &&
           (sends_first || carry_out_sends(w, m, e));
}

/* It comes back by itself. */
static void strike(struct world *w, struct machine *m)
{
    world_trace(w, "%s dies between two effects", m->name);
    client_unheard(w, m);
    if (!m->strike_power) {
        machine_agent_crash(w, m);
        machine_plan_start(w, m, random_span(&m->random, start_low, start_high));
        return;
    }
    machine_power_crash(w, m);
    world_plan(w, random_span(&m->random, start_low, start_high),
               (struct item){.kind = HAPPEN_BOOT, .machine = m->index});
}

/* Plans a tick for the peer's deadline, unless one that is planned comes in time. */
static void plan_tick(struct world *w, struct machine *m)
{
    struct instant deadline = peer_deadline(m->peer);
    if (deadline.ns == INT64_MAX)
        return;
    int64_t at = clock_when(&m->clock, w->now, deadline);
    if (at == INT64_MAX) /* its clock stands: when it thaws */
        return;
    if (m->tick_at <= at)
        return;
    m->tick_at = at;
    world_plan(w, (struct span){at - w->now},
               (struct item){.kind = HAPPEN_TICK, .machine = m->index, .tag = m->run});
}

/* The end of a turn: carries out what it amounts to. False if the agent is gone after it. */
static bool settle(struct world *w, struct machine *m)
{
    struct effects e;
    size_t calls = 0;
    do {
        check_turns(w, m, ++calls);
        peer_effects(m->peer, machine_clock(m), &e);
        if (!carry_out(w, m, &e)) {
            strike(w, m);
            return false;
        }
    } while (peer_pending(m->peer));
    check_beliefs(w, m);
    plan_tick(w, m);
    return true;
}

/* True if the peer opened it. */
static bool step_datagram(struct world *w, struct machine *m, const struct event *event)
{
    uint64_t opened = peer_counters(m->peer)->datagrams_in;
    peer_step(m->peer, machine_clock(m), event);
    handed_settle(w, m);
    return peer_counters(m->peer)->datagrams_in != opened;
}

/* S17: what was damaged, what was taken already, and what was for somebody else is dropped, and
 * counted. */
static void step_flawed(struct world *w, struct machine *m, const struct event *event,
                        enum flight_flaw flaw)
{
    struct peer_counters before = *peer_counters(m->peer);
    bool opened = step_datagram(w, m, event);
    const struct peer_counters *after = peer_counters(m->peer);
    uint64_t dropped = after->drop_short - before.drop_short + after->drop_sender -
                       before.drop_sender + after->drop_unsealed - before.drop_unsealed +
                       after->drop_replay - before.drop_replay + after->drop_no_session -
                       before.drop_no_session;
    if (opened || after->messages_in != before.messages_in || dropped != 1)
        world_fail(w, EXIT_BROKEN, "S17", "%s %s a datagram that %s", m->name,
                   opened ? "takes" : "does not count",
                   flaw == FLAW_CORRUPT ? "was damaged" : "is a replay");
}

static void step(struct world *w, struct machine *m, const struct post *post)
{
    struct event event = post->event;
    if (event.kind != EVENT_DATAGRAM) {
        peer_step(m->peer, machine_clock(m), &event);
        return;
    }
    enum flight_flaw flaw = network_flaw(&w->network, post->buffer);
    event.datagram = network_bytes(&w->network, post->buffer);
    if (flaw != FLAW_NONE)
        step_flawed(w, m, &event, flaw);
    else if (step_datagram(w, m, &event))
        network_taken(&w->network, post->buffer);
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
    uint64_t sent = w->figures.datagrams, taken = peer_counters(m->peer)->datagrams_in;
    uint64_t hellos = peer_counters(m->peer)->hellos_in;
    bool due = instant_reached(machine_clock(m), peer_deadline(m->peer));
    step(w, m, post);
    bool dropped = datagram && peer_counters(m->peer)->datagrams_in == taken;
    if (datagram && peer_counters(m->peer)->hellos_in != hellos)
        check_traffic_hello(m, m->from);
    if (!settle(w, m))
        return;
    if (dropped)
        check_dropped(w, m, sent, due);
    if (post->event.kind == EVENT_DURABLE) {
        check_books(w, m);
        check_tables(w, m, OPS_MAX, LOCKS_MAX);
    }
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
    if (!network_passes(&w->network, from, m->index) || m->suspended) {
        network_release(&w->network, buffer);
        return;
    }
    if (!m->agent_up)
        refuse(w, m, from);
    check_traffic_in(w, m, from, network_bytes(&w->network, buffer).size);
    m->from = (uint16_t)from;
    twin_datagram(w, m, network_bytes(&w->network, buffer));
    deliver(w, m, &(struct post){.event = {.kind = EVENT_DATAGRAM}, .buffer = buffer});
}

void machine_tick(struct world *w, struct machine *m, uint64_t run)
{
    if (!m->agent_up || run != m->run || w->now != m->tick_at)
        return;
    m->tick_at = INT64_MAX;
    check_ticks(w, m);
    if (instant_reached(machine_clock(m), peer_deadline(m->peer)))
        machine_post(w, m, &(struct event){.kind = EVENT_TICK});
    else
        plan_tick(w, m);
}

/* --- the agent --- */

static void drop_backlog(struct world *w, struct machine *m)
{
    for (size_t i = 0; i < m->backlog_count; i++)
        if (m->backlog[i].event.kind == EVENT_DATAGRAM)
            network_release(&w->network, m->backlog[i].buffer);
    m->backlog_count = m->backlog_datagrams = 0;
}

static void agent_gone(struct world *w, struct machine *m)
{
    check_guard(w, m);
    m->agent_up = false;
    m->peer = NULL;
    for (size_t i = 0; i < w->machine_count; i++)
        w->machines[i].informed &= ~(UINT32_C(1) << m->index);
    m->paused = false;
    m->strike_in = 0;
    drop_backlog(w, m);
}

void machine_config(struct world *w, struct machine *m, struct peer_config *config)
{
    peer_config_default(config);
    config->roster = &w->cluster->roster;
    config->roster_digest = w->cluster->digest;
    config->cluster = w->cluster->id;
    config->self = cluster_slot(m->index);
    config->key = &w->cluster->keys[m->index];
    random_bytes(&m->random, config->seed, sizeof config->seed);
    memcpy(config->boot_id, m->boot_id, sizeof config->boot_id);
    config->max_locks = w->p.registers ? w->p.registers : LOCKS_MAX;
    config->max_ops = OPS_MAX;
    config->max_served = w->p.served;
    config->hush_among = w->p.hush_among;
    config->register_bytes = 1024 * 1024;
    config->forget_span = w->p.forget_span;
    config->stop_on_isolation = w->p.stop_on_isolation;
    config->brake_span = w->p.brake_span;
    config->run_span = SPAN_MS(DEVICE_DEADLINE_MS);
}

static void make_peer(struct world *w, struct machine *m)
{
    struct peer_config config;
    machine_config(w, m, &config);
    watchdog_open(w, m, &config);
    if (!m->peer_memory)
        m->peer_memory = pool_take(&w->pool, peer_size(&config) + BOUNDS_GUARD_SIZE);
    check_guard_set(m, peer_size(&config));
    check_traffic_reset(w, m);
    handed_open(w, m);
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

/* S13 for disks that are another machine's, and for old copies, which only others can tell. True if
 * the agent does not go on, or the observer has nothing to compare. */
static bool judge_recovery(struct world *w, struct machine *m, enum peer_recovery recovery)
{
    bool good = recovery == RECOVERED || recovery == RECOVERED_TORN;
    if (m->foreign && recovery != RECOVERY_FOREIGN)
        world_fail(w, EXIT_BROKEN, "S13", "%s starts from the store of another", m->name);
    if (m->foreign)
        return true;
    if (good && m->store_excused && !m->rolled_back && m->votes)
        world_fail(w, EXIT_BROKEN, "S13", "%s does not notice that its store is damaged", m->name);
    return false;
}

/* False if the agent refuses to start. */
static bool recover(struct world *w, struct machine *m)
{
    struct view bytes = disk_read(&m->disk);
    make_peer(w, m);
    enum peer_recovery recovery =
        bytes.size ? peer_recover(m->peer, bytes.bytes, bytes.size) : RECOVERY_LOST;
    world_trace(w, "%s: agent starts: %s", m->name, peer_recovery_text(recovery));
    if (judge_recovery(w, m, recovery))
        return false;
    switch (recovery) {
    case RECOVERED_TORN:
        w->figures.tears++;
        break;
    case RECOVERED:
        break;
    case RECOVERY_LOST:
        recover_lost(w, m);
        return true;
    case RECOVERY_FOREIGN:
    case RECOVERY_TOO_LARGE:
        world_fail(w, EXIT_BROKEN, "S4", "%s does not start: %s", m->name,
                   peer_recovery_text(recovery));
    }
    image_recover(w, m, bytes);
    return true;
}

/* What the last run left: holds whose processes the driver watches, and gives back when they ended.
 */
static void watch_loaded(struct world *w, struct machine *m)
{
    struct op_id loaded[LOADED_MAX];
    size_t count = 0, cursor = 0;
    struct op_view view;
    while (peer_next_op(m->peer, &cursor, &view))
        if (view.loaded && (view.state == OP_HELD || view.state == OP_PENDING) &&
            count < LOADED_MAX) {
            if (view.state == OP_PENDING)
                guest_never_held(w, m, view.id);
            loaded[count++] = view.id;
        }
    for (size_t i = 0; i < count; i++)
        guest_loaded(w, m, loaded[i]);
}

void machine_agent_start(struct world *w, struct machine *m)
{
    if (!m->powered || m->agent_up || m->held_down)
        return;
    if (m->frozen_until > w->now) {
        machine_plan_start(w, m, (struct span){m->frozen_until - w->now});
        return;
    }
    m->run++;
    m->checked_at = 0;
    m->tick_at = INT64_MAX;
    m->agent_up = true;
    if (!recover(w, m)) {
        agent_gone(w, m);
        return;
    }
    observer_attach(m);
    peer_start(m->peer, machine_clock(m));
    if (!settle(w, m))
        return;
    check_books(w, m);
    watch_loaded(w, m);
    if (m->starved)
        machine_starve(w, m);
}

void machine_plan_start(struct world *w, struct machine *m, struct span after)
{
    world_plan(
        w, after,
        (struct item){.kind = HAPPEN_AGENT_START, .machine = m->index, .tag = ++m->starts_planned});
}

void machine_agent_crash(struct world *w, struct machine *m)
{
    if (!m->agent_up)
        return;
    world_trace(w, "%s: agent dies", m->name);
    coverage_hit(w, COVER_AGENT);
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
    if (!m->agent_up || m->run != run || world_heals(w, m->index))
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
    clock_start(&m->clock, w->now, random_between(&m->random, 1, 60) * 1000000000);
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
    watchdog_power_gone(m);
    m->epoch++;
    agent_gone(w, m);
    disk_power_crash(&m->disk);
    m->powered = false;
    m->off_at = w->now;
    m->ready_life = 0;
    m->frozen_until = 0;
    m->suspended = false;
    clock_go_on(&m->clock, w->now);
}

void machine_pause(struct world *w, struct machine *m, struct span length)
{
    m->paused = m->agent_up;
    world_plan(w, length,
               (struct item){.kind = HAPPEN_THAW, .machine = m->index, .tag = ++m->pause_number});
}

void machine_freeze(struct world *w, struct machine *m, struct span length, bool stop_clock)
{
    if (!m->powered)
        return;
    m->frozen_until = w->now + length.ns;
    if (stop_clock)
        clock_stop(&m->clock, w->now);
    machine_pause(w, m, length);
}

void machine_starve(struct world *w, struct machine *m)
{
    if (m->agent_up && !m->paused)
        machine_pause(w, m, random_span(&m->random, starved_pause.low, starved_pause.high));
}

/* A turn of the loop takes several events at once here, as an agent that was stopped finds them.
 * What is taken is out of the backlog first: the agent may die of it. */
static bool catch_up(struct world *w, struct machine *m)
{
    size_t done = 0, count = m->backlog_count;
    struct post turn[32];
    while (done < count) {
        size_t size = (size_t)random_between(&m->random, 1, 32);
        size = size < count - done ? size : count - done;
        memcpy(turn, m->backlog, size * sizeof *turn);
        done += size;
        m->backlog_count -= size;
        memmove(m->backlog, m->backlog + size, m->backlog_count * sizeof *turn);
        for (size_t i = 0; i < size; i++)
            step(w, m, &turn[i]);
        check_traffic_thaw(m);
        if (!settle(w, m))
            return false;
    }
    m->backlog_datagrams = 0;
    return settle(w, m);
}

void machine_thaw(struct world *w, struct machine *m)
{
    m->suspended = false;
    clock_go_on(&m->clock, w->now);
    if (!m->paused)
        return;
    if (!m->starved)
        world_trace(w, "%s: goes on, %zu events behind", m->name, m->backlog_count);
    m->paused = false;
    if (catch_up(w, m) && m->starved && !w->calm)
        machine_starve(w, m);
}
