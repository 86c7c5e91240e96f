/* A twin: see twin.h. */
#include "sim/twin.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/world.h"

static const struct span sync_span = SPAN_MS(2);

static void plan(struct world *w, struct span after, uint64_t lsn)
{
    world_plan(w, after.ns < 0 ? (struct span){0} : after,
               (struct item){.kind = HAPPEN_TWIN, .detail = (uint32_t)lsn, .tag = w->twin.run});
}

static struct instant clock_of(const struct world *w)
{
    return machine_clock(&w->machines[w->twin.of]);
}

static void carry_out(struct world *w, const struct effects *e)
{
    struct twin *t = &w->twin;
    uint64_t lsn = e->lsn;
    for (size_t i = 0; i < e->datagram_count; i++)
        network_send(w, t->of, (size_t)cluster_index(w->cluster, e->datagrams[i].to),
                     e->datagrams[i].bytes);
    if (e->segment_wanted) {
        must(peer_segment_size(t->peer) <= t->segment_size);
        peer_segment(t->peer, t->segment, t->segment_size, &lsn);
    }
    if (e->segment_wanted || e->sync_wanted || e->write_wanted)
        plan(w, sync_span, lsn);
    for (size_t i = 0; i < e->answer_count; i++) {
        t->granted += e->answers[i].kind == ANSWER_GRANTED;
        t->refused += e->answers[i].kind == ANSWER_NOT_READY;
    }
}

/* One event, and what comes of it. */
static void step(struct world *w, const struct event *event)
{
    struct twin *t = &w->twin;
    struct effects e;
    if (event)
        peer_step(t->peer, clock_of(w), event);
    do {
        peer_effects(t->peer, clock_of(w), &e);
        carry_out(w, &e);
    } while (peer_pending(t->peer));
    struct instant due = peer_deadline(t->peer);
    if (due.ns != INSTANT_NEVER.ns)
        plan(w, span_between(clock_of(w), due), 0);
}

void twin_begin(struct world *w, struct machine *m)
{
    struct twin *t = &w->twin;
    struct peer_config config;
    must(!t->up && m->agent_up);
    t->up = true;
    t->of = m->index;
    t->run++;
    random_init(&t->random, w->seed, STREAM_TWIN + t->run);
    machine_config(w, m, &config);
    random_bytes(&t->random, config.seed, sizeof config.seed);
    if (!t->memory)
        t->memory = pool_take(&w->pool, peer_size(&config));
    t->peer = peer_init(t->memory, &config);
    struct view bytes = disk_read(&m->disk);
    must(peer_recover(t->peer, bytes.bytes, bytes.size) <= RECOVERED_TORN);
    size_t size = peer_segment_size(t->peer) + (size_t)1024 * 1024;
    if (!t->segment)
        t->segment = pool_take(&w->pool, size);
    t->segment_size = t->segment_size ? t->segment_size : size;
    peer_start(t->peer, clock_of(w));
    step(w, NULL);
}

void twin_end(struct world *w)
{
    w->twin.up = false;
    w->twin.run++;
}

void twin_asks(struct world *w, const struct name *name)
{
    struct event e = {.kind = EVENT_ACQUIRE};
    e.acquire.name = name->view;
    e.acquire.mode = LOCK_EXCLUSIVE;
    e.acquire.policy = LOCK_STALE_FENCE;
    e.acquire.deadline = INSTANT_NEVER;
    step(w, &e);
}

void twin_wakes(struct world *w, uint64_t run, uint32_t lsn)
{
    struct twin *t = &w->twin;
    if (!t->up || run != t->run)
        return;
    if (lsn)
        step(w, &(struct event){.kind = EVENT_DURABLE, .lsn = lsn});
    else if (instant_reached(clock_of(w), peer_deadline(t->peer)))
        step(w, &(struct event){.kind = EVENT_TICK});
}

void twin_datagram(struct world *w, const struct machine *m, struct view bytes)
{
    if (w->twin.up && w->twin.of == m->index)
        step(w, &(struct event){.kind = EVENT_DATAGRAM, .datagram = bytes});
}
