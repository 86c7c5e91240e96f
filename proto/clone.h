/*
 * Clones: two starts of one node that live at the same time (section 7, "two starts of one life").
 *
 * A start is drawn anew by each run of an agent, and runs of one agent follow each other. So of two
 * starts that are alive at once one is a copy: a cloned disk, a restored machine, an agent that was
 * started twice. What is known of a start, from its hellos (T1) alone:
 *
 *     seen      our hellos that were out when it was first heard: those that come later were sent
 *               after it began
 *     echoed    the newest hello of ours that it answered: it lived when that was sent
 *
 *     x:  |-- begins ... seen(x) ................ echoes above seen(y) --|
 *     y:            |-- begins ... seen(y) ... echoes above seen(x) -------------|
 *
 * If x echoed a hello sent after y was first heard, x ended after y began; if y did the same, y
 * ended after x began: the two overlap. An old hello that somebody kept proves nothing, since its
 * echo is old, and a restart never looks like a clone.
 *
 * A start that is known says no hello of itself, so it is asked: whoever gets a hello that echoes
 * another start than its own answers it. While a node is contested, all addresses from which its
 * hellos came are asked every D/6, in turns under either start, so that each answers within D/3.
 *
 * What follows is the peer's: nothing of such a node counts but what it says of membership, and an
 * alarm names the addresses. Told by a quorum of jurors, the node itself abstains (clone_self).
 */
#ifndef PROTO_CLONE_H
#define PROTO_CLONE_H

#include "crypto/roster.h"
#include "crypto/session.h"
#include "proto/jury.h"
#include "proto/time.h"
#include "proto/wire.h"

struct core;
struct outgoing;

struct clone_start {
    struct start_id start; /* zero: none */
    struct address from;   /* of its last answer, or hello; zero: not known */
    bool owed;             /* a hello of it is not answered there yet */
    uint32_t seen;
    uint32_t echoed;            /* 0: nothing yet */
    struct instant answered_at; /* when `echoed` rose last */
};

/* About one other node. */
struct clone {
    struct clone_start starts[2];
    struct instant contested_until; /* it is asked until then; ns 0: it is not */
    struct instant ask_at, asked_at;
    struct start_id told; /* the one that was told last that there are two */
    bool proven;          /* as of the last call of clone_judge */
};

void clone_init(struct clone *c);
/*
 * An opened hello of that node came from `from` (zero: not known), which `answers` if it echoes our
 * present start; `sent`: hellos that we said to it so far. The epochs of both are equal.
 */
void clone_hello(struct clone *c, struct instant now, struct span detect, const struct hello *hello,
                 bool answers, uint32_t sent, const struct address *from);
/* Whether two of its starts live at once: both answered within `detect`. */
bool clone_is_double(const struct clone *c, struct instant now, struct span detect);
enum clone_change { CLONE_SAME, CLONE_FOUND, CLONE_OVER };
/* The same; what it is if it is not what it was at the last call. */
enum clone_change clone_judge(struct clone *c, struct instant now, struct span detect);
/* Judges, and tells the operator once that `slot` runs twice, and once that it does no more. */
void clone_watch(struct clone *c, struct core *core, struct instant now, uint16_t slot);
/*
 * Where its starts are to be asked now, each address once: first where the roster has it; then from
 * where else its answers came, or a hello, which is answered there once (T2: no more goes out than
 * came in). Returns how many; 0: it is not time. Plans the next time.
 */
size_t clone_asks(struct clone *c, const struct core *core, struct instant now, uint16_t slot,
                  struct address out[3]);
/* Whether `start`, which is believed now, is to be told that there are two: each time that all are
 * `asked`, and whenever belief went from one to the other. */
bool clone_tells(struct clone *c, const struct core *core, uint16_t slot,
                 const struct start_id *start, bool asked, struct wire_cloned *out);
/* While there are two: what is for that start alone, if `count` of it there is, goes to where it
 * answered from. */
void clone_aim(const struct clone *c, struct outgoing *out, size_t count,
               const struct start_id *start);
/* When clone_asks, or clone_judge, has something to do; INSTANT_NEVER. */
struct instant clone_deadline(const struct clone *c);

/* That this node itself is cloned, as jurors say. */
struct clone_self {
    struct instant told[ROSTER_JURORS_MAX]; /* when each said so last; ns 0: never */
    struct address at[2];                   /* of the two starts, as the last of them said */
};

void clone_self_told(struct clone_self *c, struct instant now, size_t juror);
/* A quorum of the jurors said so within `detect`. One alone cannot stop a node. */
bool clone_self_is(const struct clone_self *c, const struct jury *jury, struct instant now,
                   struct span detect);

#endif
