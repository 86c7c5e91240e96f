/*
 * Which modes may be held together, from the meaning of each and not from the table that the core
 * has: what a holder does with the data, and what it lets others do meanwhile. A bug in the core's
 * table is one that the checks see.
 */
#ifndef SIM_MODES_H
#define SIM_MODES_H

#include "proto/lock_mode.h"
#include "sim/random.h"

/* Two holders, without regard to limits. */
bool modes_agree(enum lock_mode a, enum lock_mode b);

/* Whether its holder changes the data. */
bool modes_write(enum lock_mode mode);
/* What a holder may do that does not know which of two modes it has: only what both allow, and it
 * lets others do what either lets them. */
enum lock_mode modes_both(enum lock_mode a, enum lock_mode b);

/* All that hold at one instant, one after another. */
struct modes {
    uint32_t count[LOCK_MODES];
    uint32_t least; /* of the limits of the counted ones */
};
struct modes modes_none(void);
void modes_add(struct modes *m, enum lock_mode mode, uint32_t limit);
/* Whether one more may hold beside these. */
bool modes_fit(const struct modes *m, enum lock_mode mode, uint32_t limit);
/* "counted 3", or the mode's own word. Static, overwritten by the fourth call from here. */
const char *modes_text(enum lock_mode mode, uint32_t limit);
/* A mode of all, and a limit of 1..`most` if it is counted. */
enum lock_mode modes_draw(struct random *r, uint32_t most, uint16_t *limit);

#endif
