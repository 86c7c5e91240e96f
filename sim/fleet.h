/*
 * A fleet: whole peers, of up to a thousand nodes, in one process and in virtual time, for the
 * figures of fencing. Unlike a seed's world (world.h) it has no observer, no torn disks and no
 * restarts: what it measures is how long things take, and what is done to whom. The protocol is the
 * same code, and bulk crypto is meant to be behind it.
 *
 * Berths are what is at stake: a lock each, that one node holds under `fence` and another waits
 * for. A node whose lock is lost stops what acts under it in 100 ms, and gives it back. Fence
 * devices tell the truth, after a time; who was switched off stays off.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "proto/peer.h"
#include "proto/wire.h"
#include "sim/queue.h"
#include "sim/random.h"

enum { FLEET_NODES_MAX = 1000, FLEET_BERTHS_MAX = 256, FLEET_SIDES = 2, FLEET_NAME_MAX = 24 };

static const int64_t fleet_second = 1000000000;

struct fleet_options {
    uint64_t seed;
    size_t nodes;
    uint32_t loss_permille;
    struct span device; /* off, and a status query that says off */
    struct span brake;  /* F8's ten minutes */
    bool watchdogs;     /* each has one, in the place of a device; they never fire here: for fleets
                           whose nodes lose their power and nothing else */
    bool trace;
};

/* Of one kind of message, sent to others; bytes with its header, without seals: of what has to do
 * with orders alone. */
struct fleet_traffic {
    uint64_t count, bytes;
};

/* A lock: `holder` has it, `waiter` wants it. Instants are ns of virtual time; 0: not yet. */
struct berth {
    char name[FLEET_NAME_MAX];
    size_t holder, waiter;
    struct op_id hold;
    int64_t held_at, passed_at, risk_at, lost_at;
    bool waits;
};

struct ship {
    struct peer *peer;
    struct key_pair key;
    uint64_t lsn, syncing_lsn;
    bool wanted, syncing;
    int64_t tick_at; /* the earliest tick that is planned; INT64_MAX: none */
    bool off;        /* its power is gone */
    bool stalled;    /* its agent gets no CPU: what comes waits */
    bool turn_planned;
    uint64_t turns, sent; /* of its loop, and datagrams, since fleet_count_anew() */
    size_t side;          /* of a cut */
    uint32_t *backlog;
    size_t backlog_count, backlog_room;
    /* What others found about it. */
    int64_t dead_first; /* somebody holds it dead */
    int64_t *dead_at;   /* by juror */
    int64_t vote_first, ordered_at, receipt_at, ran_at, off_at;
    size_t votes;        /* of jurors against its life */
    size_t votes_well;   /*   of these, while it was well */
    size_t votes_larger; /*   and by nodes of the larger side */
    bool well;           /* nothing is done to it */
};

struct fleet {
    struct fleet_options o;
    struct roster *roster;
    struct digest digest;
    struct cluster_id cluster;
    struct ship *ships;
    struct random random;
    struct queue queue;
    struct fleet_packet *packets;
    size_t packet_count, packet_room;
    uint32_t packet_free; /* index + 1 */
    int64_t now;
    bool parted;   /* sides do not reach each other */
    size_t larger; /* of the sides */
    struct berth berths[FLEET_BERTHS_MAX];
    size_t berth_count;
    struct fleet_traffic traffic[WIRE_TYPES]; /* since fleet_count_anew() */
    uint64_t datagrams, datagram_bytes, events, kills;
    /* Of the first order that is certified. */
    int64_t timers_at; /* q jurors' own timers had ended */
    size_t memory_each;
};

/* All start with fresh stores, and have met when this returns; false if they do not. */
bool fleet_open(struct fleet *f, const struct fleet_options *options);
void fleet_close(struct fleet *f);
void fleet_run(struct fleet *f, struct span length);
/* Until `so` says so, at most so long; false if it never did. */
bool fleet_run_until(struct fleet *f, struct span length, bool (*so)(const struct fleet *f));
/* `holder` asks for a lock of its own, and once it holds, `waiter` does. */
void fleet_berth(struct fleet *f, size_t holder, size_t waiter);
/* All berths are held and awaited. */
bool fleet_berthed(const struct fleet *f);
void fleet_power_off(struct fleet *f, size_t ship);
/* Its agent gets no CPU, or goes on and finds what came. */
void fleet_stall(struct fleet *f, size_t ship, bool stalled);
void fleet_count_anew(struct fleet *f);

#endif
