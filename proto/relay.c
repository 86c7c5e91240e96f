/*
 * Relays: see relay.h.
 *
 *     |-- demand -- RELAY_WAIT: round -- RELAY_WAIT: round -- x 2: round ... RELAY_ROUNDS: given up
 *                              \ an answer, directly: direct
 *                               \ an answer, through C: relayed -- RELAY_PACE: round -- ...
 */
#include "proto/relay.h"

#include "proto/mutant.h"

void relay_init(struct relay_way *way)
{
    *way = (struct relay_way){.overdue_at = INSTANT_NEVER, .round_at = INSTANT_NEVER};
}

bool relay_demands(enum wire_type type)
{
    static const bool demands[WIRE_TYPES] = {
        [WIRE_PING] = true,    [WIRE_STORE_ASK] = true, [WIRE_LIFE_CLAIM] = true,
        [WIRE_RENEW] = true,   [WIRE_POKE] = true,      [WIRE_DOUBT] = true,
        [WIRE_PREPARE] = true, [WIRE_READ] = true,      [WIRE_ACCEPT] = true,
        [WIRE_CONFIRM] = true, [WIRE_REQUEST] = true,   [WIRE_LEASE] = true,
    };
    return type < WIRE_TYPES && demands[type];
}

void relay_demanded(struct relay_way *way, struct instant now)
{
    if (way->overdue_at.ns == INSTANT_NEVER.ns && !way->troubled)
        way->overdue_at = instant_after(now, RELAY_WAIT);
}

/* A relay is used from now on, since the peer uses it. At once it is asked whether the direct way
 * works after all. */
static void follow(struct relay_way *way, struct instant now, uint16_t via)
{
    way->via = via;
    way->fresh = 2;
    way->direct_oks = 0;
    way->rounds = 0;
    way->troubled = way->asked_round = false;
    way->round_at = now;
}

void relay_heard(struct relay_way *way, struct instant now, uint16_t via, bool counts)
{
    way->hint = via;
    if (!counts)
        return;
    way->overdue_at = INSTANT_NEVER;
    if (via == 0 || way->via != 0)
        return;
    bool known = way->direct_at.ns != 0;
    struct span age = span_between(way->direct_at, now);
    if (!known || age.ns > RELAY_DIRECT_OK.ns)
        follow(way, now, via);
    else if (age.ns > RELAY_PACE.ns && way->round_at.ns == INSTANT_NEVER.ns)
        way->round_at = now;
}

struct instant relay_deadline(const struct relay_way *way)
{
    return instant_earlier(way->overdue_at, way->round_at);
}

/* The direct way, and nothing more is asked. */
static void go_direct(struct relay_way *way)
{
    way->via = 0;
    way->rounds = way->fresh = way->direct_oks = 0;
    way->troubled = way->asked_round = false;
    way->overdue_at = INSTANT_NEVER;
    way->round_at = INSTANT_NEVER;
}

static struct span wait_of(const struct relay_way *way)
{
    struct span wait = RELAY_WAIT;
    for (int i = 0; i < way->rounds; i++)
        wait = span_min(span_times(wait, 2), RELAY_WAIT_MAX);
    return wait;
}

bool relay_round(struct relay_way *way, struct instant now, bool dead)
{
    if (!instant_reached(now, relay_deadline(way)))
        return false;
    bool silent = way->asked_round && !way->answered;
    way->rounds = silent ? (uint8_t)(way->rounds + 1) : 0;
    if (dead || way->rounds >= RELAY_ROUNDS) {
        go_direct(way);
        return false;
    }
    way->troubled |= silent || instant_reached(now, way->overdue_at);
    way->overdue_at = INSTANT_NEVER;
    if (!way->direct_answered)
        way->direct_oks = 0;
    if (way->fresh > 0)
        way->fresh--;
    way->asked_round = true;
    way->answered = way->direct_answered = false;
    way->round_at = instant_after(now, wait_of(way));
    return true;
}

uint32_t relay_ask(struct relay_way *way, uint16_t via)
{
    way->seq++;
    way->asked[way->seq % RELAY_ASKS] = via;
    return way->seq;
}

static void take_direct(struct relay_way *way, struct instant now)
{
    way->direct_at = now;
    way->direct_answered = true;
    way->direct_oks++;
    bool enough = way->via == 0 || way->fresh > 0 || way->direct_oks >= RELAY_DIRECT_OKS;
    if (enough && !(way->via && MUTANT(103))) /* "the direct way is never taken again" */
        go_direct(way);
    else
        way->round_at = instant_after(now, RELAY_WAIT);
}

static void take_relayed(struct relay_way *way, struct instant now, uint16_t via)
{
    if (way->via == 0 && !way->troubled)
        return; /* the direct answer was faster */
    if (way->troubled) {
        way->fresh = way->via == 0;
        way->via = via;
    }
    way->troubled = false;
    if (!way->direct_answered)
        way->round_at = instant_after(now, RELAY_PACE);
}

bool relay_answered(struct relay_way *way, struct instant now, uint32_t seq)
{
    uint32_t age = way->seq - seq;
    if (seq == 0 || age >= RELAY_ASKS || age >= way->seq)
        return false;
    way->answered = true;
    way->overdue_at = INSTANT_NEVER;
    if (way->asked[seq % RELAY_ASKS] == 0)
        take_direct(way, now);
    else
        take_relayed(way, now, way->asked[seq % RELAY_ASKS]);
    return true;
}

bool relay_meter_take(struct relay_meter *meter, struct instant now, uint32_t most)
{
    if (span_between(meter->since, now).ns >= SPAN_MS(1000).ns)
        *meter = (struct relay_meter){.since = now};
    if (meter->count >= most)
        return false;
    meter->count++;
    return true;
}
