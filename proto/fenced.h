/*
 * "Fenced" (M3): the one verdict about a member that rests on signatures of others, a certified
 * order and a receipt. Gossip's "dead" is no part of it, nor is what this node reaches.
 */
#ifndef PROTO_FENCED_H
#define PROTO_FENCED_H

#include "proto/docket.h"

/* What these say of the highest life of `slot` that they say anything of. */
void fenced_look(const struct docket *d, const struct proofs *p, uint16_t slot,
                 struct fenced_view *out);

#endif
