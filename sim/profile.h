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
    MACHINES_MAX = 16,
    MACHINES_DRAWN_MAX = 9, /* of a seed's world; a story may have more */
    SHARDS_MAX = 16,
    CLIENTS_USUAL = 4, /* of one machine, that live by chance, at most; then three with a task: */
    CLIENT_HEIR = 4,   /*   waits in the siege for what the dead hold, */
    CLIENT_PROBER = 5, /*   asks in the siege for names that are free, */
    CLIENT_FRESH = 6,  /*   asks in the calm for a name that nobody ever used */
    CLIENTS_MAX = 7,
    NAMES_WIDTH_MAX = 32
};

/* F(NAME, row of the fault matrix, text) */
#define FAULTS(F)                                                                                  \
    F(AGENT_CRASH, AGENT, "agent crash")                                                           \
    F(COORDINATOR_CRASH, AGENT, "crash of a coordinating agent")                                   \
    F(MACHINE_CRASH, POWER, "power loss")                                                          \
    F(LEAVE, AGENT, "agent stopped on purpose")                                                    \
    F(CUT, ONE_WAY, "cut between two machines")                                                    \
    F(ONE_WAY, ONE_WAY, "one-way cut between two machines")                                        \
    F(ISOLATE, PARTITION, "isolation of a machine")                                                \
    F(HALVES, PARTITION, "cut into two halves")                                                    \
    F(BRIDGE, ONE_WAY, "cut into two halves with one bridge")                                      \
    F(FLAP, PARTITION, "a machine's links flap")                                                   \
    F(CLOG, PARTITION, "machines clogged one after the other")                                     \
    F(PAUSE, PAUSE, "agent paused")                                                                \
    F(FREEZE, PAUSE, "machine frozen")                                                             \
    F(STARVED, PAUSE, "agent starved of CPU")                                                      \
    F(SUSPEND, CLOCK, "machine suspended")                                                         \
    F(CLOCK_STOPS, CLOCK, "machine frozen, and its clock with it")                                 \
    F(LOSS, LOSS, "loss burst")                                                                    \
    F(MTU, GRAY, "large datagrams vanish")                                                         \
    F(REPLAY, REPLAY, "old traffic replayed")                                                      \
    F(SLOW_DISK, DISK, "slow disk")                                                                \
    F(STUCK_DISK, DISK, "disk stuck for up to 30 s")                                               \
    F(SYNC_FAIL, DISK, "sync failed")                                                              \
    F(DISK_FULL, DISK, "disk full")                                                                \
    F(API_STUCK, GRAY, "calls of clients stuck")                                                   \
    F(HERD, CLIENT, "all clients ask for one lock at once")                                        \
    F(MID_CRASH, AGENT, "agent dies between two effects")                                          \
    F(MID_POWER, POWER, "power lost between two effects")                                          \
    F(REBOOTS, REBOOTS, "boots in quick succession")                                               \
    F(BLACKOUT, POWER, "power loss everywhere")                                                    \
    F(STORE_LOST, STORE, "power loss and store lost")                                              \
    F(STORE_DAMAGED, STORE, "power loss and store damaged")                                        \
    F(STORE_BACK, STORE, "power loss and store rolled back to an old copy")                        \
    F(STORES_SWAPPED, STORE, "power loss and disks swapped")                                       \
    F(DEATH, POWER, "power loss for good")                                                         \
    F(TURNS, PARTITION, "a machine cut from one juror after the other")                            \
    F(SITE, POWER, "power loss everywhere, and machines that come back minutes apart")

/* What a fence device does when it is asked: D(NAME, text). */
#define DEVICES(D)                                                                                 \
    D(WORKS, "works")                                                                              \
    D(SLOW, "slow")                                                                                \
    D(FAILS, "fails")                                                                              \
    D(HANGS, "hangs")                                                                              \
    D(LATE, "acts after it was given up")                                                          \
    D(STAYS, "does nothing and says on")                                                           \
    D(SAYS_ON, "switches off and says on")                                                         \
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
#define FAULT_ENUM(NAME, row, text) FAULT_##NAME,
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
    uint32_t hush_among;       /* see swim.h; 0 but in plays */
    uint32_t registers;        /* locks that a voter can store; 0: 512 */
    struct span forget_span;   /* L10: free locks are forgotten after it; ns 0: never */
    uint32_t shards;           /* 1 .. SHARDS_MAX */
    uint32_t clients;          /* of one machine, without the last one */
    uint32_t names;            /* that clients choose from at one time */
    uint32_t shared_permille;  /* of acquires */
    uint32_t modes_permille;   /* of acquires: any mode, and any limit if it is counted */
    uint32_t try_permille;     /* of acquires */
    uint32_t forever_permille; /* of acquires that wait: without a deadline */
    uint32_t cancel_permille;  /* of acquires that wait: given up before the deadline */
    uint32_t show_permille;    /* of all a client does */
    uint32_t wish_permille;    /* of acquires: with wishes (changer.h) */
    uint32_t change_permille;  /* of holds, each time they would end: changes something instead */
    struct range think;        /* between two things that a client does */
    struct range hold;
    struct range wait;  /* deadlines */
    struct range delay; /* of a datagram */
    uint32_t loss_permille;
    uint32_t duplicate_permille;
    uint32_t late_permille; /* arrives up to `late_high` after */
    struct span late_high;
    uint32_t deep_permille; /* arrives up to `deep_high`, minutes, after */
    struct span deep_high;
    uint32_t far_permille; /* of links, each direction by itself: */
    struct span far_high;  /*   so much is added to every delay at most */
    /* Bursts (Gilbert): each direction of a link is bad now and then. 0: never. */
    uint32_t bad_loss_permille;
    struct range bad_length;
    struct range good_length;
    uint32_t corrupt_permille; /* bits flipped, cut short, or lengthened */
    uint32_t replay_most;      /* datagrams of one FAULT_REPLAY */
    uint32_t clock_ppm;        /* each machine's clock is wrong by up to so much, either way */
    /* --- clients' misdeeds --- */
    uint32_t double_permille;       /* of releases: sent twice */
    uint32_t wrong_permille;        /* of releases: before it, one of somebody else's hold */
    uint32_t late_drop_permille;    /* of releases: sent long after the guest ended */
    uint32_t change_crash_permille; /* of changes: the agent dies soon after the call */
    /* --- fencing --- */
    uint32_t detect_ms;           /* D */
    struct span brake_span;       /* F8's ten minutes */
    bool stop_on_isolation;       /* F7 */
    uint32_t fence_permille;      /* of acquires: under `fence`; else under `hold` */
    uint32_t expire_permille;     /* of acquires, before those: under `expire` */
    struct range ttl;             /*   with a TTL of whole milliseconds */
    uint32_t action_permille;     /* of acquires, instead of all these: under `action` */
    struct span stop_high;        /* K: a guest that is stopped is gone by then, usually */
    uint32_t stuck_permille;      /* of stops: up to a minute (D state) */
    uint32_t accident_permille;   /* of holds: the guest's parent dies, and its child goes on */
    uint32_t life_crash_permille; /* of new lives: the agent dies soon after raising it */
    uint32_t back_permille; /* of machines that were switched off: they boot again by themselves */
    uint32_t forgeries;     /* attempts in one run */
    uint32_t operators;     /* things that operators do in one run */
    bool wrong_hands;       /* they confirm what they believe (A4) */
    bool ladder;            /* the roster has two actions against machines */
    struct range death_length;
    struct range boot_spread;       /* FAULT_SITE: when each machine comes back */
    uint32_t devices[DEVICE_MOODS]; /* weights of what a device does when it is asked */
    int64_t extra_seconds;          /* longer than asked for: some faults take minutes */
    bool watchdog;                  /* each machine has one (watchdog.h), */
    uint32_t watchdog_extra_ms;     /*   that gives so much more than it was asked for; */
    bool watchdog_stops;            /*   it stands with the machine's clock, against A3 */

    struct range sync;      /* one sync of the log */
    struct range fault_gap; /* between the starts of two faults */
    struct range fault_length;
    uint32_t weights[FAULT_KINDS];
    bool beyond; /* more stores are destroyed than a cohort can lose: progress may stop */
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
