/*
 * One machine: its power, its agent (a peer and the driver around it), its disk, its clients. The
 * driver here does what node/ does, in virtual time.
 *
 * An *epoch* of a machine is as long as what it holds can still be given back: it ends when the
 * power goes, or the store is lost. A *boot* is what ends lives; a surrender ends one without it.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "proto/peer.h"
#include "sim/client.h"
#include "sim/clock.h"
#include "sim/disk.h"
#include "sim/handed.h"
#include "sim/image.h"
#include "sim/watchdog.h"

enum { BACKLOG_MAX = 1024, BACKLOG_DATAGRAMS_MAX = 512, MACHINE_NAME_SIZE = 24 };

/* An event that waits for a paused agent. */
struct post {
    struct event event;
    uint32_t buffer; /* EVENT_DATAGRAM: of the network */
};

/* For S18 (check_s18_bounds.c). */
struct traffic {
    uint64_t in, out; /* bytes since the agent started, until it knows the other end: */
    bool taken;       /*   an answer or a message of it was taken */
    bool reached;     /* something of this start arrived there */
};

struct bounds {
    uint8_t *guard; /* behind the peer's memory */
    int64_t started;
    int64_t ticks_since;
    uint32_t ticks;
    struct traffic with[MACHINES_MAX];
};

struct machine {
    struct world *world;
    uint16_t index;
    char name[MACHINE_NAME_SIZE]; /* "n3", or as a story calls it */
    uint32_t workers;             /* clients that work all the time */
    struct random random;
    bool powered;
    bool agent_up;
    bool votes; /* its store is the one that the roster names; never true again once false */
    bool store_excused; /* a fault took or damaged the store: recovery has to notice */
    bool rolled_back;   /* by an old copy, that is: others have to tell it */
    int64_t checked_at; /* virtual time: its last run began to tell its commits; 0: it did not */
    uint32_t informed;  /*   machines that can, in bits, and did not start anew since */
    bool foreign;       /* its disk is another machine's: no agent starts from it */
    uint32_t epoch;
    uint64_t run;            /* counts starts of the agent */
    uint64_t starts_planned; /* a start item with another tag is stale */
    uint32_t held_down;      /* faults that keep the agent or the power off */
    uint8_t boot_id[16];
    uint64_t boot;       /* counts boots, from 1 */
    uint64_t life;       /* the highest that this boot wrote down; 0: none yet */
    uint64_t ready_life; /* the highest of this boot that counts (NOTICE_READY) */
    int64_t ready_at;    /* since when */
    int64_t off_at;      /* when its power went last */
    struct clock clock;  /* its CLOCK_BOOTTIME */

    bool paused;          /* the agent alone */
    int64_t frozen_until; /* the whole machine; virtual time */
    bool suspended;       /* frozen, and its network card too: what comes is lost */
    uint32_t starved;     /* faults: the agent runs a moment now and then */
    uint32_t api_stuck;   /* faults: calls of clients do not come through */
    uint32_t strike_in;   /* it dies at this effect from now, counted from 1; 0: it does not */
    bool strike_power;    /* of the whole machine */
    uint64_t pause_number;
    struct post *backlog;
    size_t backlog_count;
    size_t backlog_datagrams;

    struct bounds bounds;
    struct handed handed;
    uint16_t from; /* index of the machine of the last datagram */
    void *peer_memory;
    struct peer *peer; /* NULL while there is none */
    int64_t tick_at;   /* of the planned tick, virtual time; INT64_MAX if none */
    struct watchdog watchdog;
    struct disk disk;
    struct shadow *shadow;

    struct client clients[CLIENTS_MAX];
    struct op *ops; /* newest first */
};

void machine_open(struct world *w, struct machine *m, size_t index);
/* The power comes: a new boot, and the agent starts some time later. */
void machine_boot(struct world *w, struct machine *m);
void machine_power_crash(struct world *w, struct machine *m);
/* The agent dies and will be started after `down`, unless something keeps it down. */
void machine_agent_crash(struct world *w, struct machine *m);
/* As its agent is configured; the seed is fresh. */
void machine_config(struct world *w, struct machine *m, struct peer_config *config);
/* HAPPEN_AGENT_DIES: it crashes, and is started again soon. */
void machine_agent_dies(struct world *w, struct machine *m, uint64_t run);
/* It says that it leaves, and ends. */
void machine_agent_leave(struct world *w, struct machine *m);
void machine_plan_start(struct world *w, struct machine *m, struct span after);
/* HAPPEN_AGENT_START. */
void machine_agent_start(struct world *w, struct machine *m);
void machine_pause(struct world *w, struct machine *m, struct span length);
/* The machine and everything on it stands; `stop_clock`: its clock too. */
void machine_freeze(struct world *w, struct machine *m, struct span length, bool stop_clock);
/* HAPPEN_THAW, or the calm. */
void machine_thaw(struct world *w, struct machine *m);
/* The agent runs a moment now and then, until `starved` is 0 again. */
void machine_starve(struct world *w, struct machine *m);

/* One event to the agent, and what comes of it; it waits if the agent is paused. Names and the like
 * that it points at must stay until then. */
void machine_post(struct world *w, struct machine *m, const struct event *event);
void machine_datagram(struct world *w, struct machine *m, size_t from, uint32_t buffer);
void machine_tick(struct world *w, struct machine *m, uint64_t run);
/* Its own clock now. */
struct instant machine_clock(const struct machine *m);
/* A deadline `after` from now, by its clock. */
struct instant machine_deadline(const struct machine *m, struct span after);

#endif
