/* The gossiper: see gossiper.h. */
#include "sim/gossiper.h"

#include "sim/machine.h"
#include "sim/rude_relay.h"
#include "sim/world.h"

enum { WORLDS_PERMILLE = 250, LIES = 9 };

static const struct range first_at = {SPAN_MS(8000), SPAN_MS(30000)};
static const struct range between = {SPAN_MS(20), SPAN_MS(1500)};

static void plan(struct world *w, struct range when)
{
    world_plan(w, random_span(&w->gossiper.random, when.low, when.high),
               (struct item){.kind = HAPPEN_GOSSIP});
}

void gossiper_open(struct world *w)
{
    struct gossiper *g = &w->gossiper;
    random_init(&g->random, w->seed, STREAM_GOSSIPER);
    g->on = !w->play && random_chance(&g->random, WORLDS_PERMILLE);
    g->index = (uint16_t)random_below(&g->random, w->machine_count);
    if (g->on)
        plan(w, first_at);
}

void gossiper_begin(struct world *w, uint16_t index)
{
    random_init(&w->gossiper.random, w->seed, STREAM_GOSSIPER);
    w->gossiper.on = true;
    w->gossiper.index = index;
    plan(w, between);
}

void gossiper_end(struct world *w)
{
    w->gossiper.on = false;
}

/* A true word of the member, with one thing changed; its signature is the true one, or noise. */
static void forge_word(struct random *r, struct message *out, const struct wire_alive *held)
{
    *out = (struct message){.type = WIRE_ALIVE, .alive = *held};
    switch (random_below(r, 4)) {
    case 0:
        out->alive.left = true;
        break;
    case 1:
        out->alive.life += 1 + random_below(r, 3);
        break;
    case 2:
        out->alive.incarnation += 1 + (uint32_t)random_below(r, 1000);
        break;
    default:
        out->alive.life_nonce.bytes[random_below(r, 16)] ^= 1;
        break;
    }
    if (random_chance(r, 500))
        random_bytes(r, out->alive.signature.bytes, sizeof out->alive.signature.bytes);
}

/* What it holds against the victim, in somebody's name; now and then of an incarnation to come. */
static void forge_hearsay(struct world *w, struct message *out, bool dead,
                          const struct wire_alive *held)
{
    struct random *r = &w->gossiper.random;
    uint16_t by = cluster_slot(random_below(r, w->machine_count));
    uint32_t ahead = random_chance(r, 200) ? (uint32_t)random_u64(r) : 0;
    out->type = dead ? WIRE_DEAD : WIRE_SUSPECT;
    if (dead)
        out->dead = (struct wire_dead){.slot = held->slot,
                                       .life = held->life,
                                       .incarnation = held->incarnation + ahead,
                                       .by = by};
    else
        out->suspect = (struct wire_suspect){.slot = held->slot,
                                             .life = held->life,
                                             .incarnation = held->incarnation + ahead,
                                             .by = by};
}

static void say(struct world *w, struct machine *m, uint16_t to, const struct wire_alive *held)
{
    struct random *r = &w->gossiper.random;
    struct message lie = {0};
    uint64_t kind = random_below(r, LIES);
    if (kind < 3)
        forge_word(r, &lie, held);
    else if (kind < 6)
        forge_hearsay(w, &lie, kind == 3, held);
    else if (kind == 6)
        lie = (struct message){.type = WIRE_INDIRECT_ACK,
                               .indirect_ack = {(uint32_t)random_u64(r), held->slot, true}};
    else if (kind == 7)
        lie = (struct message){.type = WIRE_ACK, .ack = {.seq = (uint32_t)random_u64(r)}};
    else
        lie = (struct message){.type = WIRE_DIGEST, .digest = {.hash = random_u64(r)}};
    w->gossiper.said++;
    coverage_hit(w, COVER_FORGER);
    rude_relay_says(m->peer, to, &lie);
}

void gossiper_next(struct world *w)
{
    struct gossiper *g = &w->gossiper;
    struct machine *m = &w->machines[g->index];
    if (!g->on || w->calm || w->siege.on)
        return;
    plan(w, between);
    size_t victim =
        (g->index + 1 + random_below(&g->random, w->machine_count - 1)) % w->machine_count;
    size_t to = (g->index + 1 + random_below(&g->random, w->machine_count - 1)) % w->machine_count;
    struct wire_alive held;
    if (!m->agent_up || m->paused || m->frozen_until > w->now ||
        !rude_relay_word(m->peer, cluster_slot(victim), &held))
        return;
    say(w, m, cluster_slot(to), &held);
    machine_post(w, m, &(struct event){.kind = EVENT_TICK});
}
