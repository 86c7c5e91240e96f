/*
 * The observer's books on lives: who voted against which, what was ordered, and by what each is
 * proven over. Filled from the logs as they are written and from what is said on the wire, never
 * from what a peer believes.
 */
#ifndef SIM_LIVES_H
#define SIM_LIVES_H

#include "crypto/proof.h"
#include "proto/id.h"
#include "sim/profile.h"

struct world;
struct machine;

enum { LIVES_MAX = 1024, PROOFS_MAX = 512, ORDERS_MAX = 128 };

/* One life of one machine. Jurors are bits of machines. */
struct life {
    uint64_t boot;                  /* of the machine, that wrote it down; 0: never was */
    bool counted;                   /* a quorum of the jurors knew it (NOTICE_READY) */
    uint32_t votes;                 /* jurors that signed a vote, */
    uint32_t power;                 /*   one that allows more than to retire */
    uint32_t known;                 /* machines that hold a certified order */
    uint32_t executors;             /* that began to act, */
    uint32_t acted[4];              /*   by action */
    uint32_t spent;                 /*   or found in their store that they act: never again */
    int64_t power_at[MACHINES_MAX]; /* when each of these signed for more */
    uint32_t let[MACHINES_MAX];     /* jurors that let an executor act (F9) */
    bool ordered;                   /* a majority of the jurors voted, */
    int64_t ordered_at;             /*   and when; 0: never */
    int64_t written_at;             /* when its own machine first wrote it down; 0: never */
    uint32_t armed;                 /* machines that wrote its watchdog's statement down */
    int64_t acted_until;            /* the end of the last guest under it that has ended */
    int64_t over_at;                /* when the first proof that it is over was seen; 0: never */
    bool lied;                      /* a device said off while it was on */
    int64_t
        told_at[MACHINES_MAX]; /* when a machine durably held a proof that it is over; 0: never */
};

struct proof_seen {
    struct digest digest;
    uint16_t index;  /* whose lives, */
    uint64_t covers; /*   up to this one */
    enum proof_kind kind;
};

/* A certified order as it went over the wire: for whoever hands it in again later. */
struct order_seen {
    struct digest digest;
    size_t size;
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
};

struct lives {
    struct life of[MACHINES_MAX][LIVES_MAX];
    uint64_t highest[MACHINES_MAX]; /* that was written down */
    uint64_t covered[MACHINES_MAX]; /* the highest that any proof covers */
    uint64_t stated[MACHINES_MAX];  /* the highest that an end statement covers */
    struct proof_seen proofs[PROOFS_MAX];
    size_t proof_count;
    struct order_seen orders[ORDERS_MAX];
    size_t order_count;
    int64_t window_at[MACHINES_MAX]; /* when a juror last let an executor act on a machine (F9) */
    /* Since when a machine can reach another that answers, itself included, and is reached by it;
     * INT64_MAX: it cannot. */
    int64_t reached_since[MACHINES_MAX][MACHINES_MAX];
    /* When a juror last acknowledged a renewal of a machine. */
    struct {
        uint64_t life;
        int64_t at;
    } renewed[MACHINES_MAX][MACHINES_MAX]; /* [juror][machine] */
    /* When a juror last took any message of a machine. */
    int64_t heard_at[MACHINES_MAX][MACHINES_MAX];
};

/* A proof that was seen; NULL if nobody made it. */
const struct proof_seen *lives_proof(const struct lives *lives, const struct digest *digest);
/* Fails the run for a slot or a number that no machine can have. */
struct life *lives_of(struct world *w, uint16_t slot, uint64_t number);
/* Whether it is truly over: no guest of it or of an earlier one runs, and none can begin. */
bool lives_over(const struct world *w, const struct machine *m, uint64_t number);
/* Whether the boot that had this life is gone. */
bool lives_switched_off(struct world *w, const struct machine *m, uint64_t number);
/* Jurors that truly voted, of those that a certificate names, and allow the action. */
size_t lives_votes(struct world *w, const struct order_cert *cert, uint8_t action);

#endif
