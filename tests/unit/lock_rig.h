/* One lock's state, and requests for it: for the suites of the lock's own rules (proto/lock.h). */
#ifndef TESTS_UNIT_LOCK_RIG_H
#define TESTS_UNIT_LOCK_RIG_H

#include "proto/lock.h"

/* As a lock that nobody ever touched; whatever was there is written over. */
static inline void lock_rig_begin(struct lock_state *state)
{
    memset(state, 0xa5, sizeof *state);
    lock_init(state);
}

/* Of five nodes in turn. */
static inline struct op_id lock_rig_id(uint64_t counter)
{
    return (struct op_id){.slot = (uint16_t)(counter % 5 + 1), .life = 1, .counter = counter};
}

/* limit: 0 but for LOCK_COUNTED. */
static inline struct lock_result lock_rig_acquire(struct lock_state *state, uint64_t counter,
                                                  enum lock_mode mode, uint16_t limit, bool try)
{
    struct lock_op op = {.kind = LOCK_ACQUIRE,
                         .id = lock_rig_id(counter),
                         .mode = mode,
                         .limit = limit,
                         .policy = LOCK_STALE_FENCE,
                         .try = try};
    return lock_apply(state, &op);
}

static inline struct lock_result lock_rig_drop(struct lock_state *state, uint64_t counter)
{
    struct lock_op op = {.kind = LOCK_DROP, .id = lock_rig_id(counter)};
    return lock_apply(state, &op);
}

#endif
