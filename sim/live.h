/*
 * How long things took in a siege: for each demand of liveness the worst, and how often it was
 * judged. A run's own are in its figures; the program adds up all runs.
 */
#ifndef SIM_LIVE_H
#define SIM_LIVE_H

#include <stdint.h>
#include <stdio.h>

/* L(NAME, id, unit, text): what is measured. */
#define LIVES(L)                                                                                   \
    L(ACQUIRE, "V1", "ms", "a free name is granted within")                                        \
    L(PASSED, "V2", "ms", "a dead holder's lock passes on, beyond detection, within")              \
    L(BOOTED, "V2b", "ms", "the same, from the new life that counts")                              \
    L(EXPIRED, "V2c", "ms", "a dead holder's lease is let go, beyond its TTL, within")             \
    L(UNSEEN, "V3", "ms", "one of the core is not seen alive by another for")                      \
    L(VIEWS, "V4", "ms", "all of the core see each other alive within")                            \
    L(DUELS, "V5", "/1000", "ballots preempted per success")                                       \
    L(STARVED, "V5b", "ms", "a call of the core shows in no register for")                         \
    L(GOODPUT, "V6", "ms", "goodput is back to 90 % after a trigger within")                       \
    L(RELAYED, "V9", "ms", "a relay that is not needed is given up within")                        \
    L(WATCHDOG, "V2d", "ms", "a dead holder's lock passes on, by its watchdog, within")

enum live_kind {
#define LIVE_ENUM(NAME, id, unit, text) LIVE_##NAME,
    LIVES(LIVE_ENUM)
#undef LIVE_ENUM
        LIVE_KINDS
};
const char *live_id(enum live_kind kind);
const char *live_unit(enum live_kind kind);
const char *live_text(enum live_kind kind);

struct live {
    uint64_t judged[LIVE_KINDS];
    int64_t worst[LIVE_KINDS]; /* ms, or thousandths */
    uint64_t worst_seed[LIVE_KINDS];
};

/* One more was judged. */
void live_note(struct live *l, enum live_kind kind, int64_t value);
/* Adds up runs: `seed` is that of `more`. */
void live_add(struct live *l, const struct live *more, uint64_t seed);
void live_print(const struct live *l, FILE *out);
void live_print_json(const struct live *l, FILE *out);

#endif
