/*
 * Grants that their asker's own vote makes true (L5).
 *
 * Whoever asks for a lock is often one of its voters, and the last step of its grant was a way
 * there and back: its vote to the coordinator, and the coordinator's word that a majority has
 * voted. So a coordinator that lacks one vote to a majority, and has not heard the asker's own,
 * says so:
 *
 *      asker        request            stores (b, 7) . . . . . . . durable: granted
 *                          \          /            \              ^
 *      coordinator          decides, Accept (b, 7)   \   own vote /  "granted, if (b, 7) is
 *                                                     \  durable -+   durable at you"
 *                                                      `-------------> a majority: true here too
 *
 * The asker believes it once its own voter has that state durably: under the very ballot, with that
 * seq or a higher one, just as its answer to the Accept counts (L3). Then a majority has accepted
 * the state, so it is true, whatever becomes of the coordinator and of the vote's answer. Until
 * then the word is kept, one for each request that is asked for; where the vote cannot come (a
 * higher ballot was promised, this node does not vote) it is dropped and counted, and the grant is
 * told in the ordinary way, to the next repeat of the request, which is then due soon.
 *
 * Only a grant to an asker is told so. All else that rests on the state (others' places, a holder
 * that hears that somebody waits, an accusation) waits until its coordinator knows that it is true;
 * and what its asker does next, the coordinator applies to that state and not before.
 */
#ifndef PROTO_PROVISIONAL_H
#define PROTO_PROVISIONAL_H

#include "proto/asker.h"

/* A message REPLY whose seq is not 0. */
void provisional_take(struct asker *a, struct instant now, uint16_t from,
                      const struct wire_reply *r);
/* More of the log is durable, perhaps a vote that was missing; or the log has failed. */
void provisional_durable(struct asker *a, struct instant now);
/* Whatever is kept for the operation is not wanted any more. */
void provisional_forget(struct asker *a, struct asker_op *op);

#endif
