/* The network: see network.h. */
#include "sim/network.h"

#include "crypto/seal.h"
#include "proto/must.h"
#include "sim/world.h"

enum { BURST_LOSS_PERMILLE = 600, MTU_LEAST = 576, TAIL_DOUBLINGS = 8 };

static const struct span replay_high = SPAN_MS(2000);

static struct network *the(struct world *w)
{
    return &w->network;
}

/* A base between the low end and the middle of the world's range, the rest is tail; far links have
 * more of both. */
static void open_link(struct world *w, struct link_weather *l)
{
    struct random *r = &the(w)->random;
    int64_t low = w->p.delay.low.ns, high = w->p.delay.high.ns;
    l->base = random_span(r, w->p.delay.low, (struct span){(low + high) / 2});
    l->tail.ns = (high - l->base.ns) / 3;
    if (random_chance(r, w->p.far_permille)) {
        l->base.ns += random_between(r, 0, w->p.far_high.ns);
        l->tail.ns += random_between(r, 0, w->p.far_high.ns / 8);
    }
    l->changes = random_span(r, (struct span){0}, w->p.good_length.high).ns;
}

void network_open(struct world *w)
{
    struct network *n = the(w);
    random_init(&n->random, w->seed, STREAM_NETWORK);
    n->buffers = pool_take(&w->pool, FLIGHT_MAX * sizeof *n->buffers);
    n->flights = pool_take(&w->pool, FLIGHT_MAX * sizeof *n->flights);
    n->free_buffers = pool_take(&w->pool, FLIGHT_MAX * sizeof *n->free_buffers);
    n->recorded = pool_take(&w->pool, RECORDED_MAX * sizeof *n->recorded);
    /* The lowest on top: memory is touched only as far as it is needed. */
    for (size_t i = 0; i < FLIGHT_MAX; i++)
        n->free_buffers[i] = (uint16_t)(FLIGHT_MAX - 1 - i);
    n->free_count = FLIGHT_MAX;
    n->recorded_next = RECORDED_OLD;
    for (size_t i = 0; i < MACHINES_MAX; i++) {
        n->mtu[i] = (uint16_t)random_between(&n->random, MTU_LEAST, DATAGRAM_MAX - 1);
        for (size_t k = 0; k < MACHINES_MAX; k++)
            open_link(w, &n->links[i][k]);
    }
}

/* Whether nothing happens to datagrams between these two: in the calm, and within the core of a
 * siege. */
static bool healed(const struct world *w, size_t from, size_t to)
{
    return world_heals(w, from) && world_heals(w, to);
}

bool network_passes(const struct network *n, size_t from, size_t to)
{
    bool inside = n->core >> from & n->core >> to & 1;
    return inside ? !(n->apart[from] >> to & 1) : n->cuts[from][to] == 0;
}

bool network_well(const struct world *w, size_t from, size_t to)
{
    const struct network *n = &w->network;
    if (healed(w, from, to))
        return network_passes(n, from, to);
    return network_clean(n, from, to) && !n->burst[from] && !n->burst[to] && !n->narrow[from] &&
           !n->narrow[to] && n->clogged[from] <= w->now && n->clogged[to] <= w->now;
}

/* --- what is lost --- */

/* The two-state chain of a link's direction, moved on to now. */
static bool is_bad(struct world *w, struct link_weather *l)
{
    if (w->p.bad_loss_permille == 0)
        return false;
    while (l->changes <= w->now) {
        l->bad = !l->bad;
        struct range length = l->bad ? w->p.bad_length : w->p.good_length;
        l->changes += random_span(&the(w)->random, length.low, length.high).ns;
    }
    return l->bad;
}

static bool is_lost(struct world *w, size_t from, size_t to, size_t size)
{
    struct network *n = the(w);
    if (healed(w, from, to))
        return w->siege.losing && random_chance(&n->random, BURST_LOSS_PERMILLE);
    if ((n->narrow[from] && size > n->mtu[from]) || (n->narrow[to] && size > n->mtu[to]))
        return true;
    uint32_t loss = w->p.loss_permille;
    if (is_bad(w, &n->links[from][to]))
        loss = w->p.bad_loss_permille;
    if (n->burst[from] || n->burst[to])
        loss = BURST_LOSS_PERMILLE;
    loss += n->lossy[from][to];
    if (loss == 0 || !random_chance(&n->random, loss))
        return false;
    coverage_hit(w, COVER_LOSS);
    return true;
}

/* --- on the way --- */

/* Half of the delays are within one tail of the base, half of the rest within two, and so on. */
static struct span draw_delay(struct world *w, size_t from, size_t to)
{
    struct network *n = the(w);
    const struct link_weather *l = &n->links[from][to];
    uint64_t doublings = random_u64(&n->random);
    int64_t tails = 0;
    while (tails < TAIL_DOUBLINGS && (doublings >> tails & 1))
        tails++;
    int64_t delay = l->base.ns + tails * l->tail.ns + random_between(&n->random, 0, l->tail.ns);
    int64_t clog = n->clogged[from] > n->clogged[to] ? n->clogged[from] : n->clogged[to];
    if (healed(w, from, to))
        return (struct span){delay};
    delay += n->slowed[from][to];
    if (clog > w->now)
        delay += clog - w->now;
    if (random_chance(&n->random, w->p.late_permille)) {
        delay += random_between(&n->random, 0, w->p.late_high.ns);
        coverage_hit(w, COVER_REORDER);
    }
    if (random_chance(&n->random, w->p.deep_permille)) {
        delay += random_between(&n->random, 0, w->p.deep_high.ns);
        coverage_hit(w, COVER_REORDER);
    }
    return (struct span){delay};
}

/* Flips bits, cuts it short, or makes it longer: never leaves it as it was. */
static void corrupt(struct random *r, uint8_t *bytes, struct flight *f)
{
    size_t flips = 0;
    switch (random_below(r, 3)) {
    case 0:
        flips = random_below(r, 3) ? 1 : 1 + 2 * random_below(r, 8);
        break;
    case 1:
        f->size = (uint16_t)random_below(r, f->size);
        break;
    default:
        if (f->size == DATAGRAM_MAX) {
            flips = 1;
            break;
        }
        size_t more = 1 + random_below(r, (uint64_t)(DATAGRAM_MAX - f->size));
        random_bytes(r, bytes + f->size, more);
        f->size = (uint16_t)(f->size + more);
        break;
    }
    /* An odd number of flips cannot undo itself. */
    for (; flips > 0; flips--)
        bytes[random_below(r, f->size)] ^= (uint8_t)(1 << random_below(r, 8));
    f->flaw = FLAW_CORRUPT;
}

/* Puts one copy on its way. */
static void launch(struct world *w, size_t from, size_t to, struct view bytes, struct span delay,
                   struct flight flight)
{
    struct network *n = the(w);
    if (n->free_count == 0) {
        n->lost_full++;
        return;
    }
    uint32_t buffer = n->free_buffers[--n->free_count];
    memcpy(n->buffers[buffer], bytes.bytes, bytes.size);
    flight.size = (uint16_t)bytes.size;
    if (!healed(w, from, to) && random_chance(&n->random, w->p.corrupt_permille)) {
        corrupt(&n->random, n->buffers[buffer], &flight);
        coverage_hit(w, COVER_FORGER);
    }
    n->flights[buffer] = flight;
    world_plan(
        w, delay,
        (struct item){
            .kind = HAPPEN_DATAGRAM, .machine = (uint16_t)to, .detail = buffer, .tag = from});
}

/* Keeps a copy for replays; the number of all that were sent decides which older one makes room. */
static size_t record(struct world *w, size_t from, size_t to, struct view bytes)
{
    struct network *n = the(w);
    size_t at = n->sent <= RECORDED_OLD ? n->sent - 1 : random_below(&n->random, n->sent);
    if (at >= RECORDED_OLD) {
        at = n->recorded_next;
        if (++n->recorded_next == RECORDED_MAX)
            n->recorded_next = RECORDED_OLD;
    }
    struct recorded *r = &n->recorded[at];
    r->number = n->sent;
    r->from = (uint16_t)from;
    r->to = (uint16_t)to;
    r->size = (uint16_t)bytes.size;
    r->taken = false;
    memcpy(r->bytes, bytes.bytes, bytes.size);
    return at;
}

void network_send(struct world *w, size_t from, size_t to, struct view bytes)
{
    struct network *n = the(w);
    must(bytes.size <= DATAGRAM_MAX);
    w->figures.datagrams++;
    struct flight flight = {.number = ++n->sent};
    if (w->p.weights[FAULT_REPLAY] > 0 && !w->calm)
        flight.recorded = (uint16_t)record(w, from, to, bytes);
    if (!network_passes(n, from, to) || is_lost(w, from, to, bytes.size))
        return;
    launch(w, from, to, bytes, draw_delay(w, from, to), flight);
    if (random_chance(&n->random, w->p.duplicate_permille)) {
        coverage_hit(w, COVER_REPLAY);
        launch(w, from, to, bytes, draw_delay(w, from, to), flight);
    }
}

/* --- replays --- */

static void replay_one(struct world *w, size_t index)
{
    struct network *n = the(w);
    const struct recorded *r = &n->recorded[index];
    struct flight flight = {.number = r->number, .recorded = (uint16_t)index};
    bool hello = r->size > 1 && r->bytes[1] == SEAL_HELLO;
    size_t to = r->to;
    if (r->number == 0)
        return;
    if (random_chance(&n->random, 500))
        to = random_chance(&n->random, 500) ? r->from
                                            : (size_t)random_below(&n->random, w->machine_count);
    /* A hello may be taken twice: it is no more than a question. */
    if (to != r->to || (r->taken && !hello))
        flight.flaw = FLAW_REPLAYED;
    launch(w, r->from, to, (struct view){r->bytes, r->size},
           random_span(&n->random, (struct span){0}, replay_high), flight);
}

void network_replay(struct world *w, size_t count)
{
    struct network *n = the(w);
    size_t first = random_below(&n->random, RECORDED_MAX);
    for (size_t i = 0; i < count && i < RECORDED_MAX; i++)
        replay_one(w, (first + i) % RECORDED_MAX);
}

/* --- the end of it --- */

bool network_clean(const struct network *n, size_t from, size_t to)
{
    enum { LOSSY_PERMILLE = 50 };
    static const int64_t slow = 100000000;
    return network_passes(n, from, to) && n->lossy[from][to] <= LOSSY_PERMILLE &&
           n->slowed[from][to] <= slow;
}

struct view network_bytes(const struct network *n, uint32_t buffer)
{
    return (struct view){n->buffers[buffer], n->flights[buffer].size};
}

enum flight_flaw network_flaw(const struct network *n, uint32_t buffer)
{
    return n->flights[buffer].flaw;
}

void network_taken(struct network *n, uint32_t buffer)
{
    const struct flight *f = &n->flights[buffer];
    struct recorded *r = &n->recorded[f->recorded];
    if (r->number == f->number)
        r->taken = true;
}

void network_release(struct network *n, uint32_t buffer)
{
    n->free_buffers[n->free_count++] = (uint16_t)buffer;
}
