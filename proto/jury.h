/*
 * The jurors of the roster, by ordinal, so that a set of them is a mask of 32 bits. A quorum is
 * always of the jurors that the roster names, never of those alive (M1).
 */
#ifndef PROTO_JURY_H
#define PROTO_JURY_H

#include "crypto/order.h"

struct jury {
    size_t count;                      /* J, odd, at most ROSTER_JURORS_MAX */
    size_t quorum;                     /* q = floor(J/2) + 1 */
    uint16_t slots[ROSTER_JURORS_MAX]; /* ascending */
};

void jury_init(struct jury *jury, const struct roster *roster);
/* Ordinal of a slot, or -1 if it is no juror. */
int jury_find(const struct jury *jury, uint16_t slot);
/* F12: a jury of one is no jury: of one or two nodes no life is ended by the others' votes. */
bool jury_can_order(const struct jury *jury);
/* F8: b = max(min(2, J - q), N / 8), of N nodes. */
size_t jury_brake(const struct jury *jury, size_t nodes);
bool jury_is_quorum(const struct jury *jury, uint32_t mask);

#endif
