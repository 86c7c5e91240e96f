/*
 * Several locks at once, all or nothing (AcquireAll).
 *
 *     ASKING, one name after the other --the last is granted--> the caller is told of all
 *        |  \--one is refused, timed out or lost--> DROPPING those granted --> the caller is told
 * why
 *        \--the caller's connection closes--> what is granted is dropped
 *
 * Names are asked for in the order of their bytes, so whoever waits for a name holds only names
 * before it: however many ask so, on however many nodes, no circle of them can wait for each other
 * (Coffman, Elphick and Shoshani, "System Deadlocks", 1971: resources taken in one order). That
 * says nothing of a client that takes one lock under another by itself.
 *
 * What must hold: the caller is told of all grants or of none, and of a failure only after what had
 * been granted is durably given back. What the caller was not told is untold (operation.h): nothing
 * acts under it, so its end is never unclean. But an agent that starts again cannot know what its
 * last run had not told: then these holds count as those of a client that died (F11).
 */
#ifndef NODE_SEVERAL_H
#define NODE_SEVERAL_H

#include "node/operation.h"

enum { SEVERAL_MAX = 32 }; /* names of one caller */

/* What is the same for all names. */
struct several_wish {
    struct operation_request request; /* without its name; what it points at is copied */
    size_t count;                     /* 1 to SEVERAL_MAX */
    const char *const *names;         /* good ones, without a double; copied */
};

/* On behalf of `call`, which is answered here. The holder's processes are in the stop set once. */
void several_ask(struct operations *all, struct session *session, struct varlink_call *call,
                 const struct several_wish *wish);
/* Forgets all of them without a word: the agent ends. */
void several_free_all(struct operations *all);

/* Puts positions 0 to count-1 of `names` into the order in which they are asked for. Returns a name
 * that is there twice, or NULL. */
const char *several_order(size_t order[SEVERAL_MAX], const char *const *names, size_t count);

#endif
