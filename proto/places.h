/*
 * Places in the tables of fencing, by the size of the roster: in a disaster an order that nothing
 * comes of (its device is dead, too) must not keep those out that could be carried out.
 *
 * No more orders are open than lives were lost beside a majority (F2c): N/2. Of so many jurors
 * together allow fewer than 2b within ten minutes that somebody acts on (F8), and these are asked
 * about at a time; where there are more, they take turns (proto/turns.h).
 */
#ifndef PROTO_PLACES_H
#define PROTO_PLACES_H

#include "proto/jury.h"

enum { PLACES_ORDERS = 64, PLACES_ORDERS_MAX = 512, PLACES_ASKED = 16, PLACES_ASKED_MAX = 256 };

/* Orders that are known, and executions of them: enough for all up to 1,024 nodes. */
size_t places_orders(const struct roster *roster);
/* Lives and sessions that one node asks the jurors about. */
size_t places_asked(const struct roster *roster);

#endif
