/*
 * A lock as the API shows it (type Lock), read back into the protocol's own state, so that who
 * waits for whom, and who is let in next, is answered by the very rules that the lock's coordinator
 * applies (proto/lock.h). Pure.
 *
 * Indexes are those of the API's lists: holders[i] is holds[i], and so on.
 */
#ifndef CLIENT_WHY_STATE_H
#define CLIENT_WHY_STATE_H

#include <jansson.h>

#include "proto/lock.h"

/* False if it is no lock that these rules could be applied to; then `out` is empty. */
bool why_state_read(struct lock_state *out, const json_t *lock);

/* Who waits: one that converts (converting[index]), or the first of the queue. */
struct why_wish {
    int self; /* index of the hold that is converted; -1: none is */
    enum lock_mode mode;
    uint16_t limit;
};
struct why_wish why_state_convert(const struct lock_state *s, size_t index);
struct why_wish why_state_first(const struct lock_state *s);

/* Whether that hold has to end, alone or with others, before the wish is granted. */
bool why_state_excludes(const struct lock_state *s, size_t hold, const struct why_wish *wish);
/* The lock once all that exclude the wish have released it: waiters and conversions that are
 * granted by that, or by nothing at all, are holds of `s` then. */
void why_state_release(struct lock_state *s, struct why_wish wish);

/* Of a hold's id, "SLOT.LIFE.COUNTER". False if it is none. */
bool why_state_id(struct op_id *out, const char *text);

#endif
