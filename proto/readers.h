/*
 * Readers that one node lets in at the same time under one hold that it has cached (delegating.h):
 * no message and no sync for any of them.
 *
 *        the register's hold, by its own id          CACHED ---- a reader comes ----> shared
 *                                                      ^                                |
 *                                                      '------- the last one leaves ----'
 *                                                        (given up instead, if it was recalled)
 *
 * Each reader is an operation of its own in the asker's table: with its id, its process, what it is
 * owed. It has no record, no request and no lease: it believes as long as the hold that it reads
 * under, hears what its node hears of that one (somebody waits, at risk, lost), and its token is
 * that one's. What it does ends nothing but its own part. So to the register, the voters and the
 * coordinator it looks as if one client held the lock all the time.
 *
 * A recall: from then on nobody is let in under the hold, and it is given up when the last one has
 * left. If the lease is over all of them have lost it; each is dropped by its driver once its
 * processes have ended, and the last one to go takes the hold along.
 *
 * A change of what a reader holds is one of the register's hold (changing.c), under which others
 * act. So:
 *
 *     alone under the hold   it takes the hold over; the change goes through the register
 *     down, beside others    made here at once, the hold covers it; told once it is alone
 *     up, beside others      waits until it is alone; a second one is refused (a deadlock)
 *     hand-over              refused beside others: what it would leave behind is theirs
 *     a value, a mark        refused: beside others it only reads, and nobody died writing
 *
 * Counted holds are never shared: each one who is in counts.
 */
#ifndef PROTO_READERS_H
#define PROTO_READERS_H

#include "proto/core.h"

struct asker;
struct asker_op;

/* Lets in the client that asks. False if there is no room for it. */
bool readers_let_in(struct asker *a, struct instant now, struct asker_op *root,
                    const struct event *event);
/* What a reader reads under, NULL if that is gone; of all others the operation itself. */
const struct asker_op *readers_root(const struct asker *a, const struct asker_op *op);
/* Its client is through: it goes, and the hold too if it was the last one and nobody may follow. */
void readers_leave(struct asker *a, struct instant now, struct asker_op *op);
/* Somebody waits for the hold, in that mode. */
void readers_blocked(struct asker *a, struct instant now, struct asker_op *root,
                     enum lock_mode mode);
/* The hold's lease is half over; or was renewed. */
void readers_warn(struct asker *a, struct asker_op *root, bool risk);
/* It is over. */
void readers_lapse(struct asker *a, struct instant now, struct asker_op *root);
/* A reader's change (EVENT_CHANGE): the operation whose change it is, the reader itself if it has
 * to wait for others; NULL if it is answered already. */
struct asker_op *readers_change(struct asker *a, struct asker_op *op, const struct event *event);
/* Its conversion waits until it is alone. */
void readers_await(struct asker *a, struct instant now, struct asker_op *op);
/* Who else reads under the hold. */
void readers_fill(const struct asker *a, const struct asker_op *op, struct answer *answer);
/* The entry goes: a reader's, or what some read under. */
void readers_forget(struct asker *a, struct asker_op *op);

#endif
