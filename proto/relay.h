/*
 * Relays: the way that datagrams to a peer take, directly or through a third one (T3).
 *
 * Partial cuts are the common kind: A and B reach C, and not each other. Then A hands what it
 * sealed for B to C, inside a RELAY message, and C hands it on. It stays sealed end to end: C is
 * never trusted with more than the network is, and B opens it as if it had come directly, under the
 * same session and the same replay window.
 *
 *     A -- RELAY {from A, to B, sealed for B} --> C -- the same --> B
 *
 * Each end decides by itself how it reaches the other, from what it knows first-hand:
 *
 *   direct    the usual way, and it costs nothing: no timer runs, nothing is added
 *   troubled  a message that is answered at once was not, for RELAY_WAIT; or a question was not. An
 *             EDGE_ASK goes out by each way at once: directly, and through some relays, each time
 *             through others. The first EDGE_OK shows a way that works
 *   relayed   through that relay. Each RELAY_PACE an EDGE_ASK goes directly and through it; two
 *             answers in a row bring the direct way back, no answer means trouble again
 *
 * What comes through a relay says that its sender cannot reach us, or thinks so: we answer by the
 * same relay, unless an EDGE_OK has shown lately that our direct way works (a one-way cut); then we
 * ask again now and then, and no answer means trouble as ever.
 *
 * One hop: a relay hands on only what its own author gave it, and only directly. So nothing can go
 * round, and who reaches nobody that reaches the target is not helped. What is handed on is bounded
 * per author and in all.
 *
 * Peers are indices into the roster here. Pure arithmetic: nothing here seals or sends.
 */
#ifndef PROTO_RELAY_H
#define PROTO_RELAY_H

#include "proto/limits.h"
#include "proto/time.h"
#include "proto/wire.h"

#define RELAY_WAIT      SPAN_MS(250)   /* for an answer, before there is trouble */
#define RELAY_WAIT_MAX  SPAN_MS(2000)  /* between two rounds of questions: it doubles up to that */
#define RELAY_PACE      SPAN_MS(1000)  /* of questions while a relay is used */
#define RELAY_DIRECT_OK SPAN_MS(30000) /* so long a direct answer counts, unless one is missing */

enum {
    RELAY_TRIES = 3,        /* relays asked through in one round */
    RELAY_ROUNDS = 6,       /* without an answer: then it is given up until something is sent */
    RELAY_ASKS = 16,        /* questions that are remembered */
    RELAY_LOOKED_MAX = 256, /* peers looked at for one round */
    RELAY_DIRECT_OKS = 2,   /* direct answers in a row that end the use of a relay */
    RELAY_PEER_MAX = 2048,  /* datagrams handed on in one second for one author, */
    RELAY_ALL_MAX = 8192    /* and for all */
};

/* How one peer is reached. A `via` is an index + 1; 0: directly. */
struct relay_way {
    uint16_t via;
    uint16_t hint;  /* the way that the last datagram from there took */
    uint16_t next;  /* the search for relays goes on here */
    uint8_t rounds; /* in a row without an answer */
    uint8_t fresh;  /* rounds from now on in which one direct answer ends the use of the relay */
    uint8_t direct_oks;         /* direct answers in a row */
    bool troubled : 1;          /* no way is known to work */
    bool asked_round : 1;       /* a round was begun, */
    bool answered : 1;          /*   some question of it was answered, */
    bool direct_answered : 1;   /*   the direct one was */
    uint32_t seq;               /* of the last question */
    uint16_t asked[RELAY_ASKS]; /* the way that question seq % RELAY_ASKS took */
    struct instant direct_at;   /* a direct question was answered last; ns 0: never */
    struct instant overdue_at;  /* an answer is; INSTANT_NEVER: nothing is waited for */
    struct instant round_at;    /* the next round of questions; INSTANT_NEVER: none is wanted */
    struct relay_meter {
        struct instant since; /* of the present second */
        uint32_t count;
    } handed;
};

void relay_init(struct relay_way *way);
/* Whether such a message is answered at once by whoever gets it. */
bool relay_demands(enum wire_type type);
/* Such a message is sent. */
void relay_demanded(struct relay_way *way, struct instant now);
/* A datagram from there opened that came by `via`. It `counts` if it is new for sure: a hello that
 * establishes nothing may be a replay. */
void relay_heard(struct relay_way *way, struct instant now, uint16_t via, bool counts);
struct instant relay_deadline(const struct relay_way *way);
/*
 * Begins a round of questions if one is due: one directly, one by `via` if that is not 0, and, if
 * the way is troubled, some through other relays. `dead`: gossip says that the peer is, so that
 * nothing is worth a try.
 */
bool relay_round(struct relay_way *way, struct instant now, bool dead);
/* The number of a question that goes by `via`. */
uint32_t relay_ask(struct relay_way *way, uint16_t via);
/* An answer to one of them. False if it is too old, or to none. */
bool relay_answered(struct relay_way *way, struct instant now, uint32_t seq);
/* Counts one more within its second; false if that is more than `most`. */
bool relay_meter_take(struct relay_meter *meter, struct instant now, uint32_t most);

#endif
