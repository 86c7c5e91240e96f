/*
 * Inside of the link: what its files give each other.
 *
 *     link.c        the door: life cycle, hellos that are due, deadlines
 *     link_in.c     what comes in: datagrams are opened, long messages put together
 *     link_out.c    what goes out: messages share datagrams, long ones are cut, and all are sealed
 *     link_way.c    the way to each end, and what is handed on for others
 *
 * Ends are indices into the roster here, ways an index + 1; slots are for the wire and the outside.
 */
#ifndef PROTO_LINK_CORE_H
#define PROTO_LINK_CORE_H

#include "proto/link.h"

#define HELLO_WAIT_FIRST SPAN_MS(100)

static inline size_t link_end_count(const struct link *l)
{
    return l->core->config.roster->node_count;
}

/* NULL for this node itself, and for whom the roster does not name. */
static inline struct link_end *link_end_find(const struct link *l, uint16_t slot)
{
    int index = roster_find(l->core->config.roster, slot);
    return index >= 0 && l->ends[index].usable ? &l->ends[index] : NULL;
}

static inline uint16_t link_end_slot(const struct link *l, const struct link_end *end)
{
    return l->core->config.roster->nodes[end - l->ends].slot;
}

/* Both ends believe each other, as far as this one can see: no hello is needed. */
static inline bool link_end_settled(const struct link_end *end)
{
    return end->session.believed && end->session.trusted;
}

/* Something of it changed that link_end_due() or a flush looks at: it is looked at again in time.
 */
void link_end_changed(struct link *l, const struct link_end *end);
/* When a flush has something to do for it. */
struct instant link_end_due(const struct link_end *end);

/* Opens what came by out->via. False if it was dropped (and counted). */
bool link_in_open(struct link *l, struct instant now, struct view datagram,
                  struct link_messages *out);

/* Puts a small message into a datagram that goes by `via`; dropped (and counted) without room. */
void link_out_message(struct link *l, struct link_end *end, uint16_t via, const struct message *m);
/* Seals the datagram staged[index]. */
void link_out_data(struct link *l, size_t index);
void link_out_hello(struct link *l, struct link_end *end, uint16_t via);

/* The way was through relay `before` until now: it is counted and told if it changed. */
void link_way_count(struct link *l, const struct link_end *end, uint16_t before);
/* Gossip says that it is dead or has left. */
bool link_way_gone(const struct link *l, const struct link_end *end);
/* Up to `wanted` relays to `end`, others each time, beginning with the one through which it was
 * heard last. */
size_t link_way_choose(struct link *l, struct link_end *end, size_t wanted, uint16_t *out);
/* Asks by each way, if a round of questions is due. */
void link_way_ask(struct link *l, struct link_end *end, struct instant now);

#endif
