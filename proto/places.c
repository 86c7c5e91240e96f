/* Places in the tables of fencing: see places.h. */
#include "proto/places.h"

_Static_assert(PLACES_ORDERS_MAX >= 1024 / 2,
               "of 1,024 nodes as many as a majority can do without");
_Static_assert(PLACES_ASKED_MAX >= 2 * (1024 / 8), "2b of 1,024 nodes (F8)");
_Static_assert(PLACES_ORDERS_MAX >= PLACES_ASKED_MAX, "what is asked for has a place as an order");

static size_t within(size_t wanted, size_t least, size_t most)
{
    return wanted < least ? least : wanted > most ? most : wanted;
}

size_t places_orders(const struct roster *roster)
{
    return within(roster->node_count / 2, PLACES_ORDERS, PLACES_ORDERS_MAX);
}

size_t places_asked(const struct roster *roster)
{
    struct jury jury;
    jury_init(&jury, roster);
    return within(2 * jury_brake(&jury, roster->node_count), PLACES_ASKED, PLACES_ASKED_MAX);
}
