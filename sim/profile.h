/*
 * What kind of world a seed makes: sizes, how busy the clients are, how bad network and disks are,
 * and which faults come how often. A profile is a named corner of that space; the seed draws the
 * rest.
 */
#ifndef SIM_PROFILE_H
#define SIM_PROFILE_H

#include "sim/random.h"

#include <stdio.h>

enum {
    MACHINES_MAX = 7,
    SHARDS_MAX = 16,
    CLIENTS_MAX = 5, /* of one machine; the last one only asks for fresh names in the calm */
    NAMES_WIDTH_MAX = 32
};

/* F(NAME, text) */
#define FAULTS(F)                                                                                  \
    F(AGENT_CRASH, "agent crash")                                                                  \
    F(COORDINATOR_CRASH, "crash of a coordinating agent")                                          \
    F(MACHINE_CRASH, "power loss")                                                                 \
    F(LEAVE, "agent stopped on purpose")                                                           \
    F(CUT, "cut between two machines")                                                             \
    F(ONE_WAY, "one-way cut between two machines")                                                 \
    F(ISOLATE, "isolation of a machine")                                                           \
    F(HALVES, "cut into two halves")                                                               \
    F(PAUSE, "agent paused")                                                                       \
    F(FREEZE, "machine frozen")                                                                    \
    F(LOSS, "loss burst")                                                                          \
    F(SLOW_DISK, "slow disk")                                                                      \
    F(SYNC_FAIL, "sync failed")                                                                    \
    F(BLACKOUT, "power loss everywhere")                                                           \
    F(STORE_LOST, "power loss and store lost")                                                     \
    F(STORE_DAMAGED, "power loss and store damaged")                                               \
    F(DEATH, "power loss for good")                                                                \
    F(TURNS, "a machine cut from one juror after the other")                                       \
    F(SITE, "power loss everywhere, and machines that come back minutes apart")

/* What a fence device does when it is asked: D(NAME, text). */
#define DEVICES(D)                                                                                 \
    D(WORKS, "works")                                                                              \
    D(SLOW, "slow")                                                                                \
    D(FAILS, "fails")                                                                              \
    D(HANGS, "hangs")                                                                              \
    D(LATE, "acts after it was given up")                                                          \
    D(STAYS, "says on")                                                                            \
    D(OTHER, "is another machine's")                                                               \
    D(LIES, "lies")

enum device_mood {
#define DEVICE_ENUM(NAME, text) DEVICE_##NAME,
    DEVICES(DEVICE_ENUM)
#undef DEVICE_ENUM
        DEVICE_MOODS
};
const char *device_mood_text(enum device_mood mood);

enum fault_kind {
#define FAULT_ENUM(NAME, text) FAULT_##NAME,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_KINDS
};
const char *fault_text(enum fault_kind kind);

struct range {
    struct span low;
    struct span high;
};

struct parameters {
    const char *profile;
    uint32_t nodes;            /* 3 .. MACHINES_MAX */
    uint32_t cohort;           /* 3 or 5, as the roster says */
    uint32_t served;           /* locks that a node coordinates at once; few make it forget */
    uint32_t shards;           /* 1 .. SHARDS_MAX */
    uint32_t clients;          /* of one machine, without the last one */
    uint32_t names;            /* that clients choose from at one time */
    uint32_t shared_permille;  /* of acquires */
    uint32_t try_permille;     /* of acquires */
    uint32_t forever_permille; /* of acquires that wait: without a deadline */
    uint32_t cancel_permille;  /* of acquires that wait: given up before the deadline */
    uint32_t show_permille;    /* of all a client does */
    struct range think;        /* between two things that a client does */
    struct range hold;
    struct range wait;  /* deadlines */
    struct range delay; /* of a datagram */
    uint32_t loss_permille;
    uint32_t duplicate_permille;
    uint32_t late_permille; /* arrives up to `late_high` after */
    struct span late_high;
    /* --- fencing --- */
    uint32_t detect_ms;           /* D */
    struct span brake_span;       /* F8's ten minutes */
    bool stop_on_isolation;       /* F7 */
    uint32_t fence_permille;      /* of acquires: under `fence`; else under `hold` */
    struct span stop_high;        /* K: a guest that is stopped is gone by then, usually */
    uint32_t stuck_permille;      /* of stops: up to a minute (D state) */
    uint32_t accident_permille;   /* of holds: the guest's parent dies, and its child goes on */
    uint32_t life_crash_permille; /* of new lives: the agent dies soon after raising it */
    uint32_t back_permille; /* of machines that were switched off: they boot again by themselves */
    uint32_t forgeries;     /* attempts in one run */
    struct range death_length;
    struct range boot_spread;       /* FAULT_SITE: when each machine comes back */
    uint32_t devices[DEVICE_MOODS]; /* weights of what a device does when it is asked */
    int64_t extra_seconds;          /* longer than asked for: some faults take minutes */

    struct range sync;      /* one sync of the log */
    struct range fault_gap; /* between the starts of two faults */
    struct range fault_length;
    uint32_t weights[FAULT_KINDS];
};

size_t profile_count(void);
const char *profile_name(size_t index);
/* -1 if there is no such profile. */
int profile_find(const char *name);
/* Whether it breaks what the design assumes (A4): never drawn by chance, and expected to break. */
bool profile_apart(size_t index);
/* Draws a world of the profile `index`, or of any one if it is negative. */
void profile_draw(struct parameters *out, int index, uint64_t seed);
void profile_print(const struct parameters *p, FILE *out);

#endif
