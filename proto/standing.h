/*
 * Standing (F7): what a node has while a quorum of the jurors acknowledged it recently.
 *
 * While this node holds or asks for a lock under a policy that may end its life, it renews every r
 * with the jurors, and every r/4 while it has standing and a quorum has not answered. s* is the
 * q-th newest *sending* time, by this node's own clock, among the renewals that each juror
 * acknowledged last; it has standing while now < s* + F. At s* + F/2 holders are warned, at s* + F
 * their locks are lost.
 *
 * A juror that says that it voted makes this node *bound*: it takes no new lock in this life, and
 * gives the life up as soon as it holds nothing (F2). A certified order binds at once (F3).
 */
#ifndef PROTO_STANDING_H
#define PROTO_STANDING_H

#include "proto/core.h"

/* Renewals whose sending time is remembered, so that their answers count: those of 8.8 s and more,
 * which is F at a thousand nodes, r/4 apart and beside these one for evidence every 20 ms. */
enum { STANDING_SENT = 512 };

enum standing_change {
    STANDING_SAME,
    STANDING_GAINED,
    STANDING_RISKED, /* F/2 without a quorum */
    STANDING_SAVED,  /* and again with one */
    STANDING_GONE    /* F without one */
};

enum standing_state { STANDING_NONE, STANDING_HELD, STANDING_AT_RISK };

struct standing {
    struct core *core;
    enum standing_state state;
    uint32_t users;                     /* operations that need it; counted by the asker */
    uint32_t seq;                       /* of the last renewal */
    struct instant sent[STANDING_SENT]; /* by seq, a ring */
    struct instant
        acked[ROSTER_JURORS_MAX]; /* sending time of the last one acknowledged; ns 0: none */
    struct instant newest;        /* the q-th newest of these: every turn asks for it */
    struct instant since;         /* holds found at a start count from then */
    struct instant renew_at;
    struct instant prove_at;     /* one for evidence is due, which came too soon after the last */
    struct instant linger_until; /* renews so long after the last user went */
    uint32_t voted;              /* jurors that voted against this life */
    bool gone;                   /* told that it is; once, however long that lasts */
    bool ordered;                /* it is under a certified order */
    bool scoped;                 /* or a session of it is */
    bool spent; /* under a watchdog: a span of F passed without a quorum, or its device is not the
                   one that this life was armed with. It ends, by itself or by the device */
};

void standing_init(struct standing *s, struct core *core);
/* A new life, or a new start: nothing is acknowledged, nobody voted. */
void standing_reset(struct standing *s, struct instant now);
/* An operation that needs it begins or ends. */
void standing_use(struct standing *s, struct instant now);
void standing_unuse(struct standing *s, struct instant now);
/* Renews, whatever the timer says: for a juror's own evidence, whose probes are sent by then (F2c).
 * Now; or within 20 ms, if one was sent so lately, which serves all that asked meanwhile: a juror
 * that looks for hundreds at once would else forget when it sent what is answered. */
void standing_prove(struct standing *s, struct instant now);
/* Messages RENEWED, VOTED. */
enum standing_change standing_take(struct standing *s, struct instant now, uint16_t from,
                                   const struct message *m);
enum standing_change standing_step(struct standing *s, struct instant now);
struct instant standing_deadline(const struct standing *s);

/* s*; ns 0 if fewer than q jurors ever acknowledged this life. */
struct instant standing_newest(const struct standing *s);
bool standing_has(const struct standing *s, struct instant now);
/* Jurors that acknowledged a renewal sent at `since` or later. */
uint32_t standing_acknowledged(const struct standing *s, struct instant since);
bool standing_bound(const struct standing *s);

#endif
