/* The network: see network.h. */
#include "sim/network.h"

#include "proto/must.h"
#include "sim/world.h"

enum { BURST_LOSS_PERMILLE = 600 };

void network_open(struct world *w)
{
    struct network *n = &w->network;
    random_init(&n->random, w->seed, STREAM_NETWORK);
    n->buffers = pool_take(&w->pool, FLIGHT_MAX * sizeof *n->buffers);
    n->sizes = pool_take(&w->pool, FLIGHT_MAX * sizeof *n->sizes);
    n->free_buffers = pool_take(&w->pool, FLIGHT_MAX * sizeof *n->free_buffers);
    /* The lowest on top: memory is touched only as far as it is needed. */
    for (size_t i = 0; i < FLIGHT_MAX; i++)
        n->free_buffers[i] = (uint16_t)(FLIGHT_MAX - 1 - i);
    n->free_count = FLIGHT_MAX;
}

bool network_passes(const struct network *n, size_t from, size_t to)
{
    return n->cuts[from][to] == 0;
}

/* Puts one copy on its way. */
static void launch(struct world *w, size_t from, size_t to, struct view bytes)
{
    struct network *n = &w->network;
    if (n->free_count == 0) {
        n->lost_full++;
        return;
    }
    struct span delay = random_span(&n->random, w->p.delay.low, w->p.delay.high);
    if (!w->calm && random_chance(&n->random, w->p.late_permille))
        delay.ns += random_between(&n->random, 0, w->p.late_high.ns);
    uint32_t buffer = n->free_buffers[--n->free_count];
    memcpy(n->buffers[buffer], bytes.bytes, bytes.size);
    n->sizes[buffer] = (uint16_t)bytes.size;
    world_plan(
        w, delay,
        (struct item){
            .kind = HAPPEN_DATAGRAM, .machine = (uint16_t)to, .detail = buffer, .tag = from});
}

void network_send(struct world *w, size_t from, size_t to, struct view bytes)
{
    struct network *n = &w->network;
    must(bytes.size <= DATAGRAM_MAX);
    w->figures.datagrams++;
    if (!network_passes(n, from, to))
        return;
    bool burst = n->burst[from] || n->burst[to];
    uint32_t loss = w->calm ? 0 : burst ? BURST_LOSS_PERMILLE : w->p.loss_permille;
    if (loss && random_chance(&n->random, loss))
        return;
    launch(w, from, to, bytes);
    if (random_chance(&n->random, w->p.duplicate_permille))
        launch(w, from, to, bytes);
}

struct view network_bytes(const struct network *n, uint32_t buffer)
{
    return (struct view){n->buffers[buffer], n->sizes[buffer]};
}

void network_release(struct network *n, uint32_t buffer)
{
    n->free_buffers[n->free_count++] = (uint16_t)buffer;
}
