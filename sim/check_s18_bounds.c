/*
 * S18: memory, queues and timers stay within constants, and nobody is sent more than he sent before
 * he is authenticated (T2).
 *
 *   memory   a peer keeps within the arena that it asked for: guard bytes behind it stay as they
 * are tables   operations and registers within their bounds; a turn ends after a bounded number of
 *            calls; what is kept by deadline, or by mark, is what a look at all peers finds
 *   timers   no more than so many ticks in a second of virtual time
 *   bytes    a datagram that was dropped is answered by nothing; before the first message of a
 *            start is taken, its node is sent hellos at their own pace, and beyond that no more
 *            than came
 */
#include "sim/check.h"

#include "crypto/seal.h"
#include "crypto/session.h"
#include "sim/machine.h"
#include "sim/world.h"

enum {
    GUARD_BYTE = 0xa5,
    TURNS_MAX = 1000, /* calls of peer_effects in one turn */
    TICKS_MAX = 2000, /* in one second */
    HELLOS_FIRST = 8, /* they begin 100 ms apart, and end 2 s apart */
    HELLO_SIZE = SESSION_HELLO_PLAIN_SIZE + SEAL_OVERHEAD
};

static const struct span second = SPAN_MS(1000);

/* --- memory and tables --- */

void check_guard_set(struct machine *m, size_t size)
{
    m->bounds.guard = (uint8_t *)m->peer_memory + size;
    memset(m->bounds.guard, GUARD_BYTE, BOUNDS_GUARD_SIZE);
}

void check_guard(struct world *w, const struct machine *m)
{
    for (size_t i = 0; m->bounds.guard && i < BOUNDS_GUARD_SIZE; i++)
        if (m->bounds.guard[i] != GUARD_BYTE)
            world_fail(w, EXIT_BROKEN, "S18", "the peer of %s wrote behind its arena", m->name);
}

void check_tables(struct world *w, const struct machine *m, uint32_t ops_max, uint32_t locks_max)
{
    struct peer_status status;
    peer_status(m->peer, &status);
    if (status.op_count > ops_max || status.lock_count > locks_max)
        world_fail(w, EXIT_BROKEN, "S18", "%s has %u operations and %u registers", m->name,
                   status.op_count, status.lock_count);
    if (!peer_agrees(m->peer))
        world_fail(w, EXIT_BROKEN, "S18",
                   "what %s keeps up to date is not what all peers amount to", m->name);
}

void check_turns(struct world *w, const struct machine *m, size_t calls)
{
    if (calls > TURNS_MAX)
        world_fail(w, EXIT_BROKEN, "S18", "a turn of %s has no end", m->name);
}

/* --- timers --- */

void check_ticks(struct world *w, struct machine *m)
{
    struct bounds *b = &m->bounds;
    if (w->now - b->ticks_since >= second.ns) {
        b->ticks_since = w->now;
        b->ticks = 0;
    }
    if (++b->ticks > TICKS_MAX)
        world_fail(w, EXIT_BROKEN, "S18", "%s wakes more than %d times in a second", m->name,
                   TICKS_MAX);
}

/* --- bytes --- */

void check_traffic_reset(struct world *w, struct machine *m)
{
    memset(m->bounds.with, 0, sizeof m->bounds.with);
    m->bounds.started = w->now;
}

void check_traffic_in(struct world *w, struct machine *m, size_t from, size_t size)
{
    m->bounds.with[from].in += size;
    check_traffic_reached(w, m, from);
}

void check_traffic_reached(struct world *w, const struct machine *m, size_t author)
{
    w->machines[author].bounds.with[m->index].reached = true;
}

/* It can echo this start only if something of it came through. */
void check_traffic_hello(struct machine *m, size_t from)
{
    m->bounds.with[from].taken |= m->bounds.with[from].reached;
}

void check_traffic_thaw(struct machine *m)
{
    for (size_t i = 0; i < MACHINES_MAX; i++)
        check_traffic_hello(m, i);
}

void check_traffic_taken(struct machine *m, size_t from)
{
    m->bounds.with[from].taken = true;
}

void check_traffic_out(struct world *w, struct machine *m, size_t to, size_t size)
{
    struct traffic *t = &m->bounds.with[to];
    if (t->taken)
        return;
    t->out += size;
    uint64_t hellos = HELLOS_FIRST + (uint64_t)((w->now - m->bounds.started) / second.ns);
    if (t->out > t->in + hellos * HELLO_SIZE)
        world_fail(w, EXIT_BROKEN, "S18",
                   "%s sent %llu bytes to n%zu, which it does not know; %llu came from there",
                   m->name, (unsigned long long)t->out, to + 1, (unsigned long long)t->in);
}

void check_dropped(struct world *w, const struct machine *m, uint64_t sent_before, bool due)
{
    if (!due && w->figures.datagrams != sent_before)
        world_fail(w, EXIT_BROKEN, "S18", "%s answers a datagram that it dropped", m->name);
}
