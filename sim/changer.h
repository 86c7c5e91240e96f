/*
 * What clients change about what they hold: they convert it, write the lock's value, clear the mark
 * that their grant named, hand the hold over to somebody who waits. Each call is judged when it is
 * answered, and when its effect is seen: check_s14_changes.c.
 *
 * While a conversion is under way the guest does what both modes allow; from the call for a
 * hand-over on it does nothing, until the answer says that it was refused. If the agent dies in the
 * midst, a guest goes by what the next agent says: whose the hold is, and in which mode it is held.
 */
#ifndef SIM_CHANGER_H
#define SIM_CHANGER_H

#include "proto/peer.h"

struct world;
struct machine;
struct client;
struct op;

/* What a request asks besides: the head of the queue, a token, and data about itself. */
void changer_wishes(struct world *w, struct client *c);
/* Perhaps changes something, in the place of what a holder would do next. True if it does. */
bool changer_begins(struct world *w, struct client *c);
/* It has waited for long, or asks the next agent what it holds. */
void changer_wakes(struct world *w, struct client *c);
/* For scenarios: a client that holds does so now, without a deadline. */
void changer_convert(struct world *w, struct client *c, enum lock_mode mode, uint16_t limit);
void changer_write(struct world *w, struct client *c);
void changer_hand_over(struct world *w, struct client *c, struct op *to);
void changer_answer(struct world *w, struct client *c, const struct answer *a);
/* ANSWER_PASSED, ANSWER_LOST about a hold under which nobody acts. */
void changer_passed(struct world *w, struct machine *m, struct op_id hold);
void changer_lost(struct world *w, struct machine *m, struct op_id hold);
/* The agent died. True if its client waits for the next one. */
bool changer_agent_gone(struct world *w, struct client *c);
/* Whether a client waits to hear whose that hold is. */
bool changer_resumes(const struct machine *m, const struct op *op);

#endif
