/*
 * Coverage: which kinds of faults began, or did their harm, while which phase of the protocol was
 * under way. The rows and columns are those of the fault matrix; a phase is told from the
 * observer's truth, not from what a peer believes. Counted over all runs of a job, so that a cell
 * that the portfolio never reaches is seen.
 */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include "proto/peer.h"
#include "proto/wire.h"
#include "sim/profile.h"

struct world;

/* P(NAME, short text) */
#define PHASES(P)                                                                                  \
    P(STEADY, "ST")    /* nothing of the rest */                                                   \
    P(ASKING, "AC")    /* an acquire or a release is on its way */                                 \
    P(BALLOT, "BP")    /* a ballot changes, or states are read under one */                        \
    P(FORGET, "GC")    /* locks are being forgotten */                                             \
    P(SUSPICION, "SU") /* somebody is suspected, or accused */                                     \
    P(ORDER, "OR")     /* there are votes against a life, and nobody acts on them yet */           \
    P(EXECUTION, "EX") /* a fence driver runs */                                                   \
    P(REGRANT, "RG")   /* a life is proven over, and locks of it are still held */                 \
    P(REBOOT, "RB")    /* a machine is on, and its life does not count yet */

enum phase {
#define PHASE_ENUM(NAME, text) PHASE_##NAME,
    PHASES(PHASE_ENUM)
#undef PHASE_ENUM
        PHASE_COUNT
};

/* R(NAME, text, cells): one letter for each phase: R the portfolio must reach it, D that and a
 * directed scenario, - does not apply. */
#define COVER_ROWS(R)                                                                              \
    R(LOSS, "loss, bursts of it", "RRRRRRRRR")                                                     \
    R(REORDER, "reordering, delay to minutes", "RDDDRDDDD")                                        \
    R(REPLAY, "duplicates, replay of old traffic", "RDDDRDDDD")                                    \
    R(PARTITION, "isolation, halves, flapping, swizzle-clog", "RRRRRDDDR")                         \
    R(ONE_WAY, "one-way cut, bridge, non-transitive", "RRDRDDRRR")                                 \
    R(AGENT, "agent crash, between any two effects", "RDDDRDDDD")                                  \
    R(POWER, "power loss: lost, torn, reordered writes", "RDDD-DDDD")                              \
    R(DISK, "sync fails, disk full, slow disk", "RDDRRRDRR")                                       \
    R(STORE, "store damaged, rolled back, swapped, lost", "RRDD-RRDD")                             \
    R(PAUSE, "pauses, CPU starvation", "RDRRDDDDD")                                                \
    R(CLOCK, "clock stands, jumps by a suspend", "RRRRDDDDD")                                      \
    R(DEVICE, "fence device fails, in any way", "------DDD")                                       \
    R(REBOOTS, "boots in quick succession", "RRRRRDDDD")                                           \
    R(GRAY, "gossip alive and store or API stuck", "RRR-DD-R-")                                    \
    R(CLIENT, "clients die, send twice, herd, are late", "RDRR---DR")                              \
    R(FORGER, "forged and old orders and proofs, garbage", "RRDRDDDDR")

/* What became of the changes that clients called for (changer.h). */
#define CHANGE_ENDS(E)                                                                             \
    E(MADE, "made")                                                                                \
    E(REFUSED, "refused")                                                                          \
    E(TIMED_OUT, "timed out")                                                                      \
    E(CRASHED, "crashed in the midst")

enum cover_end {
#define COVER_END_ENUM(NAME, text) COVER_##NAME,
    CHANGE_ENDS(COVER_END_ENUM)
#undef COVER_END_ENUM
        COVER_ENDS
};

/* What relays are for (T3), each of which must happen sometimes. */
#define COVER_RELAYS(C)                                                                            \
    C(RELAYED, "a way leads through a relay")                                                      \
    C(CHANGED, "a relay takes another's place")                                                    \
    C(DIRECT, "a way is direct again")                                                             \
    C(HELLO, "a hello comes through a relay")                                                      \
    C(HANDED, "a relay hands on")                                                                  \
    C(NOT_HANDED, "a relay does not reach the target itself")                                      \
    C(REPEATED, "what a relay hands on twice is dropped")

enum cover_relay {
#define COVER_RELAY_ENUM(NAME, text) COVER_##NAME,
    COVER_RELAYS(COVER_RELAY_ENUM)
#undef COVER_RELAY_ENUM
        COVER_RELAY_COUNT
};

/* What becomes of several readers under one cached hold (proto/readers.h). */
#define COVER_READERS(C)                                                                           \
    C(READERS_TOGETHER, "one is let in beside another")                                            \
    C(READERS_THREE, "beside two others")                                                          \
    C(READERS_LEFT, "one leaves, another reads on")                                                \
    C(READERS_RECALLED, "what several read under is recalled")                                     \
    C(READERS_LOST, "several lose it")                                                             \
    C(READERS_ALONE, "a conversion waits for the others")                                          \
    C(READERS_WEAKER, "one converts down beside others")

enum cover_readers {
#define COVER_READERS_ENUM(NAME, text) COVER_##NAME,
    COVER_READERS(COVER_READERS_ENUM)
#undef COVER_READERS_ENUM
        COVER_READERS_COUNT
};

enum cover_row {
#define COVER_ENUM(NAME, text, cells) COVER_##NAME,
    COVER_ROWS(COVER_ENUM)
#undef COVER_ENUM
        COVER_COUNT
};

struct coverage {
    uint64_t cells[COVER_COUNT][PHASE_COUNT];
    uint64_t kinds[FAULT_KINDS]; /* faults that began */
    uint64_t changes[CHANGES][COVER_ENDS];
    uint64_t relays[COVER_RELAY_COUNT];
    uint64_t readers[COVER_READERS_COUNT];
};

/* What the observer keeps to tell the phases. */
struct phases {
    int64_t ballot_at; /* virtual time of the last message of these; 0: never */
    int64_t forget_at;
    int64_t accused_at;
    int64_t cached_at;
    uint32_t cached; /* bits of phases, as of `cached_at` */
};

/* A message is sent. */
void coverage_message(struct world *w, enum wire_type type);
/* Something of this row begins, or does its harm, now. */
void coverage_hit(struct world *w, enum cover_row row);
/* A fault of this kind begins. */
void coverage_fault(struct world *w, enum fault_kind kind);
void coverage_change(struct world *w, enum change_kind kind, enum cover_end end);
void coverage_relay(struct world *w, enum cover_relay what);
void coverage_readers(struct world *w, enum cover_readers what);
void coverage_add(struct coverage *sum, const struct coverage *more);
/* Cells that apply and were never reached, of faults, changes and relays. */
size_t coverage_missing(const struct coverage *c);
/* The matrix, and the names of what is missing. */
void coverage_print(const struct coverage *c, FILE *out);

#endif
