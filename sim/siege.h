/*
 * The siege: the first part of what a run demands in the end. All faults freeze for good, and heal
 * within a *core* alone: a random majority of the machines, with working stores and enough jurors.
 * Whoever is outside stays as he is, or worse: dead, paused, cut off from some or from all, in one
 * direction or in both (V9). Then the core has to make progress within bounds, whatever the outside
 * does: V1 to V6, each in its own file check_v*.c.
 *
 *      faults      |  siege: settle | herd's trigger ... |   calm: everything heals
 *      ------------+----------------+--------------------+-------------------------
 *                since          settled_at            until
 *
 * A lock is judged only if a majority of its cohort is in the core. In half of the sieges links
 * within the core are cut too, in one direction or in both, such that all who miss each other have
 * a common neighbour there that both reach, in both directions (T3).
 */
#ifndef SIM_SIEGE_H
#define SIM_SIEGE_H

#include "sim/history.h"

struct world;
struct machine;

enum { PROBE_NAMES = 3 };

/* A machine's prober: asks for its own names in turn, which nobody else wants, and gives each back
 * at once. */
struct probe {
    struct name *names[PROBE_NAMES]; /* of shards that the core serves */
    size_t name_count;
    uint64_t turn;
    bool out; /* asks, since: */
    int64_t asked_at;
    int64_t next_at;
};

struct siege {
    struct random random;
    struct span length; /* from its beginning to the calm */
    bool on;
    bool split;      /* links within the core are cut */
    uint32_t inside; /* the core: bits of machines; 0: there is no siege in this run */
    uint32_t served; /* bits of shards */
    int64_t since;
    int64_t settled_at;
    int64_t until;
    uint64_t polls;
    /* In some seeds, a loss burst or a herd of clients hits the core (V6). */
    bool herd;
    bool lossy;  /* the trigger is loss: else it is load */
    bool losing; /* now */
    int64_t trigger_at, trigger_end;
    uint64_t done;        /* cycles of all probers */
    uint64_t done_before; /* when the window began */
    int64_t window_at;
    uint64_t usual_sum, usual_count; /* cycles in windows before the trigger */
    bool recovered;
    struct probe probes[MACHINES_MAX];
    bool viewed; /* V4 is met */
    /* V3: since when a machine of the core does not see another one alive; 0: it does. */
    int64_t unseen[MACHINES_MAX][MACHINES_MAX];
    /* V9: since when the way between them leads through a relay, and need not; 0: it does not. */
    int64_t relayed[MACHINES_MAX][MACHINES_MAX];
    int64_t gone_at[MACHINES_MAX];     /* V2: since when the core hears nothing of it; 0: it does */
    int64_t occupied_at[MACHINES_MAX]; /* last seen to act under a life that it has to give up */
    uint64_t preempted, succeeded;     /* V5: since settled_at */
};

/* Returns how long the siege of this world is. */
struct span siege_open(struct world *w);
/* HAPPEN_SIEGE: draws the core and begins. Without a possible core the faults go on. */
void siege_begin(struct world *w);
/* HAPPEN_WATCH: ten times a second, until the clients stop. */
void siege_watch(struct world *w);
/* The calm begins. */
void siege_end(struct world *w);

bool siege_inside(const struct world *w, size_t index);
/* Whether the core has a majority of the cohort. */
bool siege_serves(const struct world *w, const struct name *name);
/* The core is under its trigger or has just been: nothing but V6 is judged. */
bool siege_disturbed(const struct world *w);

#endif
