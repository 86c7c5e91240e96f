/*
 * What will happen, in order of virtual time; ties in the order in which they were planned, so that
 * one seed has one history (S19). A binary heap.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include "proto/time.h"

#include <stddef.h>

enum happening {
    HAPPEN_DATAGRAM,    /* detail: buffer; machine: receiver; tag: sender's index */
    HAPPEN_REFUSED,     /* detail: index of the one who did not listen; tag: the asker's run */
    HAPPEN_TICK,        /* tag: the agent's run */
    HAPPEN_SYNCED,      /* tag: the sync's number */
    HAPPEN_WRITTEN,     /* tag: the last record's number */
    HAPPEN_CLIENT,      /* detail: client; tag: its serial */
    HAPPEN_GUEST_END,   /* detail: client; tag: the guest's handle */
    HAPPEN_GUEST_STOP,  /* its driver stops it; as above */
    HAPPEN_AGENT_START, /* tag: number of the planned start */
    HAPPEN_AGENT_DIES,  /* tag: the agent's run */
    HAPPEN_BOOT,
    HAPPEN_DEVICE,   /* detail: index of the driver's run; tag: its number and what is due */
    HAPPEN_FORGERY,  /* forged and old orders and proofs are handed in */
    HAPPEN_OPERATOR, /* an operator says something; detail: see operator.h */
    HAPPEN_GOSSIP,   /* the gossiper says something */
    HAPPEN_TWIN,     /* detail: its log is durable up to there; 0: a deadline; tag: its run */
    HAPPEN_HANDED,   /* a relay hands on again what it kept; tag: the agent's run */
    HAPPEN_SCRIPT,   /* the next step of a scenario */
    HAPPEN_STORY,    /* detail: an act of a story; tag: what is due of it */
    HAPPEN_THAW,     /* tag: number of the pause */
    HAPPEN_WATCHDOG, /* tag: the pet's number and what is due */
    HAPPEN_FAULT,    /* the next fault of the schedule */
    HAPPEN_HEAL,     /* detail: index of the active fault; tag: its number */
    HAPPEN_SIEGE,    /* the faults freeze, and stop within the core */
    HAPPEN_WATCH,    /* ten times a second from then on */
    HAPPEN_CALM,     /* the faults stop */
    HAPPEN_FRESH,    /* fresh locks are asked for */
    HAPPEN_CLOSING,  /* the clients stop */
    HAPPEN_SWEEP,    /* every name is asked for once */
    HAPPEN_END
};
const char *happening_text(enum happening kind);

struct item {
    int64_t at;     /* virtual time, ns */
    uint64_t order; /* of planning */
    uint64_t tag;   /* tells a stale item from a live one; see above */
    uint32_t detail;
    uint16_t machine; /* index */
    uint16_t kind;    /* enum happening */
};

struct queue {
    struct item *items;
    size_t count;
    size_t room;
    uint64_t planned;
};

/* Plans an item; `order` is filled in. */
void queue_push(struct queue *q, struct item item);
/* Takes the earliest. False if there is none. */
bool queue_pop(struct queue *q, struct item *out);
void queue_free(struct queue *q);

#endif
