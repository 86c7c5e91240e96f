/*
 * What a peer has to say, in order, until the link puts it into datagrams.
 *
 * Two queues in fixed memory: `ready` leaves with the next flush; `held` waits for the vote log. A
 * message whose truth rests on a write is given with the number of that write and cannot leave
 * earlier: this is the one place that makes "durable before spoken" (L6) true for every sender.
 *
 * A full queue drops the message and counts it: every conversation here survives loss.
 * A message to oneself takes the same way and comes out of outbox_next like any other.
 */
#ifndef PROTO_OUTBOX_H
#define PROTO_OUTBOX_H

#include "proto/wire.h"

struct outbox {
    uint8_t *ready; /* FIFO of entries: to u16, size u32, message bytes */
    size_t ready_room;
    size_t ready_start;
    size_t ready_end;
    uint8_t *held; /* the same with the write's number, u64, in front; ascending */
    size_t held_room;
    size_t held_start;
    size_t held_end;
    uint64_t held_last;    /* number of the last held entry */
    uint64_t durable;      /* the log is durable up to this number */
    uint64_t dropped_full; /* messages dropped for want of room */
    uint64_t sent;         /* messages taken */
};

/* `memory` is two equal halves, the caller's, as long as the outbox lives. */
void outbox_init(struct outbox *o, uint8_t *memory, size_t size, uint64_t durable);
void outbox_send(struct outbox *o, uint16_t to, const struct message *m);
/* Leaves only once the log is durable up to `lsn`. */
void outbox_send_after(struct outbox *o, uint64_t lsn, uint16_t to, const struct message *m);
/* The log is durable up to `lsn`: what waited for it becomes ready. */
void outbox_durable(struct outbox *o, uint64_t lsn);
/* After a failed sync: what is held will never be true. */
void outbox_drop_held(struct outbox *o);
/* What is ready is not said either: a vote that was true a moment ago may be among it (L6). */
void outbox_drop_ready(struct outbox *o);

struct outbox_entry {
    uint16_t to;
    struct view bytes; /* one encoded message; valid until the next call that sends */
};
/* Takes the oldest ready message. False if there is none. */
bool outbox_next(struct outbox *o, struct outbox_entry *out);

#endif
