/*
 * The chronicle of one run: what a person would have seen, as a list of entries in order of time.
 *
 * It is made by comparing: after each event the machines, guests, votes, drivers and proofs are
 * looked at and what is new is noted. So nothing in the world has to call it but the loop, and it
 * cannot change what happens. Bulk runs have none.
 */
#ifndef SIM_CHRONICLE_H
#define SIM_CHRONICLE_H

#include "proto/lock.h"
#include "sim/device.h"
#include "sim/queue.h"

struct world;
struct op;

/* C(NAME): machine, then what the other fields say. */
#define CHRONICLE(C)                                                                               \
    C(BOOTS)      /* the power comes */                                                            \
    C(POWER_GOES) /* the power goes; `other`: machine + 1 whose fence driver did it, or 0 */       \
    C(AGENT_STARTS)                                                                                \
    C(AGENT_ENDS)                                                                                  \
    C(STANDS_STILL) /* its agent; `number` 1: the whole machine */                                 \
    C(GOES_ON)                                                                                     \
    C(READY)    /* life `number` counts */                                                         \
    C(STORE)    /* `number`: enum store_state; it says so of itself */                             \
    C(STANDING) /* `number` 0: it has none any more, 1: it has it (F7) */                          \
    C(VIEW)     /* `machine` sees `other`: `number` is an enum member_state */                     \
    C(GRANT)    /* `name`, `mode`, `span`: since it was asked for, `number`: token, `other`:       \
                   client */                                                                       \
    C(CONVERTS) /* the guest of that client acts in `mode` from now on, and not as `before` */     \
    C(END)      /* the guest of that client ended */                                               \
    C(LOST)     /* that client is told that its lock is lost */                                    \
    C(ASKS)     /* a client asks for `name` */                                                     \
    C(REFUSED)  /* and gets nothing */                                                             \
    C(VOTE)     /* juror `machine` votes against life `number` of `other` */                       \
    C(ORDERED)  /* a majority has voted against life `number` of `machine` */                      \
    C(DRIVER)   /* `machine` runs its fence driver against `other` */                              \
    C(OUTCOME)  /* and that ended: `number` 0 not known, 1 off, 2 on */                            \
    C(PROOF)    /* lives of `machine` are proven over; `number` 1: by its own word, 0: a receipt   \
                 */                                                                                \
    C(ACT)      /* act `number` of the story begins */                                             \
    C(HEALS)    /* and ends */

enum chronicle_kind {
#define CHRONICLE_ENUM(NAME) CHRONICLE_##NAME,
    CHRONICLE(CHRONICLE_ENUM)
#undef CHRONICLE_ENUM
        CHRONICLE_KINDS
};

struct entry {
    int64_t at;
    enum chronicle_kind kind;
    uint16_t machine;
    uint16_t other;
    uint32_t name; /* index in the history */
    enum lock_mode mode;
    uint16_t limit; /* of a counted one */
    enum lock_mode before;
    uint16_t before_limit;
    uint64_t number;
    int64_t span; /* ns */
};

/* What a machine was like when it was last looked at. */
struct seen_machine {
    bool powered, agent_up, paused, frozen, standing;
    uint64_t ready_life, run, boot;
    uint8_t store;
    uint8_t views[MACHINES_MAX];
    bool guest_runs[CLIENTS_MAX], asks[CLIENTS_MAX], lost[CLIENTS_MAX];
    uint64_t guest_handle[CLIENTS_MAX];
    enum lock_mode guest_mode[CLIENTS_MAX];
    uint16_t guest_limit[CLIENTS_MAX];
    uint64_t life;
    uint32_t votes;
    bool ordered;
};

struct chronicle {
    struct entry *entries;
    size_t count;
    size_t room;
    bool full; /* the rest is missing */
    uint64_t kills, lost, runs_begun;
    size_t proofs;
    struct seen_machine machines[MACHINES_MAX];
    struct {
        uint64_t number;
        bool answered;
    } runs[DEVICE_RUNS_MAX];
};

enum { CHRONICLE_MAX = 200000 };

void chronicle_open(struct world *w);
/* After each event. */
void chronicle_watch(struct world *w, const struct item *item);
void chronicle_note(struct world *w, struct entry entry);

#endif
