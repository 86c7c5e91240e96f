/* Probes and relays in flight: see probes.h. */
#include "proto/probes.h"

void probes_init(struct probes *p, uint32_t seq)
{
    *p = (struct probes){.seq_last = seq};
}

static uint32_t next_seq(struct probes *p)
{
    p->seq_last++;
    if (p->seq_last == 0)
        p->seq_last = 1;
    return p->seq_last;
}

struct probe *probes_open(struct probes *p, uint16_t target, struct instant now)
{
    struct probe *probe = &p->table[p->next];
    for (uint64_t left = p->recent; left; left &= left - 1)
        if (!p->table[__builtin_ctzll(left)].open)
            p->recent &= ~(left & -left);
    p->recent |= UINT64_C(1) << p->next;
    p->next = (p->next + 1) % PROBES_KEPT;
    *probe = (struct probe){.seq = next_seq(p),
                            .target = target,
                            .open = true,
                            .sent = now,
                            .ask_at = INSTANT_NEVER,
                            .judge_at = INSTANT_NEVER};
    return probe;
}

struct instant probes_deadline(const struct probes *p)
{
    struct instant at = INSTANT_NEVER;
    for (uint64_t left = p->recent; left; left &= left - 1) {
        const struct probe *probe = &p->table[__builtin_ctzll(left)];
        if (probe->open)
            at = instant_earlier(at, instant_earlier(probe->ask_at, probe->judge_at));
    }
    return at;
}

bool probes_busy(const struct probes *p, uint16_t target)
{
    for (uint64_t left = p->recent; left; left &= left - 1) {
        const struct probe *probe = &p->table[__builtin_ctzll(left)];
        if (probe->open && probe->target == target)
            return true;
    }
    return false;
}

struct probe *probes_find(struct probes *p, uint32_t seq, uint16_t target)
{
    for (size_t i = 0; i < PROBES_KEPT; i++) {
        struct probe *probe = &p->table[i];
        if (seq != 0 && probe->seq == seq && probe->target == target)
            return probe;
    }
    return NULL;
}

uint32_t probes_relay(struct probes *p, const struct relay *wanted, struct instant now)
{
    for (size_t i = 0; i < RELAYS_MAX; i++) {
        struct relay *relay = &p->relays[i];
        if (relay->seq != 0 && !instant_reached(now, relay->expires))
            continue;
        *relay = *wanted;
        relay->seq = next_seq(p);
        return relay->seq;
    }
    return 0;
}

bool probes_relayed(struct probes *p, uint32_t seq, uint16_t target, struct relay *out)
{
    for (size_t i = 0; i < RELAYS_MAX; i++) {
        struct relay *relay = &p->relays[i];
        if (seq == 0 || relay->seq != seq || relay->target != target)
            continue;
        *out = *relay;
        relay->seq = 0;
        return true;
    }
    return false;
}
