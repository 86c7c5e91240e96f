/*
 * What a client changes about its hold: a conversion, the lock's value, its mark, a hand-over. One
 * at a time for each hold, as the peer has it (proto/changing.c). The call may go away; the change
 * goes on.
 *
 * A hold that is handed over is not believed from the call on, until the answer says that it was
 * refused; if it was made, nothing is killed: whoever acted under it was told to stop, or moved.
 */
#ifndef NODE_CHANGE_H
#define NODE_CHANGE_H

#include "node/operation.h"

struct change;

/* `event`: EVENT_CHANGE but for the hold and the handle. Answers `call`, now or later. */
void change_ask(struct operation *op, struct varlink_call *call, const struct event *event);
/* The operation is gone, or the agent ends; the call, if it waits, hears that the hold is. */
void change_gone(struct change *change);
/* Forgets it without a word. NULL is fine. */
void change_free(struct change *change);

#endif
