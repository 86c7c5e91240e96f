/*
 * The link: datagrams to messages and back (T1, T2). It keeps a session with every other node of
 * the roster, puts small messages to one node into one datagram, cuts long ones and puts them
 * together again.
 *
 * A datagram that does not open is dropped and counted, and nothing is sent in answer (T2). Hellos
 * that open are answered at a bounded rate. Until a session is believed, messages to that node are
 * dropped: every conversation above survives loss.
 *
 * It knows the way to each node (proto/relay): what is sealed for one that is not reached directly
 * goes to a third, inside a RELAY message (T3). Nothing above the link knows of it.
 */
#ifndef PROTO_LINK_H
#define PROTO_LINK_H

#include "crypto/session.h"
#include "proto/clone.h"
#include "proto/core.h"
#include "proto/dues.h"
#include "proto/relay.h"

/* A long message that is being put together; one at a time from each node. */
struct reassembly {
    uint32_t id;
    uint8_t count; /* fragments; 0: none in the works */
    uint8_t got;
    uint8_t seen[(FRAGMENTS_MAX + 7) / 8];
    size_t size;    /* known once the last fragment came; 0 before */
    uint8_t *bytes; /* count * FRAGMENT_BYTES in the arena */
};

struct link_end {
    struct seal_key key;
    bool usable; /* false for this node itself */
    struct session session;
    struct instant hello_next;  /* when to say hello: to be known, or in answer */
    struct span hello_wait;     /* doubles up to HELLO_WAIT_MAX */
    struct instant answer_next; /* no hello before: answers are rate-limited */
    uint32_t fragment_id;       /* of the last long message sent */
    uint8_t hellos_lost;        /* in a row without a session, up to HELLOS_DIRECT */
    bool answers_relayed;       /* the hello that is due answers one that a relay brought */
    struct relay_way way;
    struct clone clone;
    struct reassembly in;
    uint16_t open; /* index + 1 of the datagram being filled for this node; 0: none */
};

struct staged {
    uint16_t end; /* index of the link_end */
    uint16_t via; /* index + 1 of the relay that it is handed to; 0: it goes directly */
    uint16_t size;
    uint8_t plain[DATAGRAM_MAX - SEAL_OVERHEAD];
};

struct link {
    struct core *core;
    struct start_id start; /* of this run */
    struct link_end *ends; /* by index in the roster */
    struct staged *staged;
    uint8_t (*sealed)[DATAGRAM_MAX];
    struct outgoing *out;
    size_t staged_count;
    size_t out_count;
    struct dues due;           /* by end: the next hello, question or search for clones */
    struct dues doubles;       /* by end: always due while it is known to run twice */
    size_t relayed_now;        /* ends that are reached through a relay, */
    size_t relayed_ends;       /*   and as of the last flush */
    uint16_t came_via;         /* the way of the datagram whose messages are being taken, */
    struct address came_from;  /*   and the address; zero: not known */
    struct relay_meter handed; /* for all */
    uint8_t opened[DATAGRAM_MAX];
    uint8_t opened_inner[DATAGRAM_MAX]; /* the relayed one, while the rest of the outer is read */
};

/* What an opened datagram amounts to. */
struct link_messages {
    uint16_t from;
    uint16_t via;         /* index + 1 of the relay that handed it on; 0: it came directly */
    bool connected;       /* a session with `from` was newly established */
    struct reader reader; /* over the messages, all of which decode; empty for a hello */
};

size_t link_bytes(const struct peer_config *config);
void link_init(struct link *l, struct core *core, void *memory);
/* Says hello to everybody. */
void link_start(struct link *l, struct instant now);
/* Opens a datagram that came from `source` (zero: not known). False if it was dropped (and
 * counted). Valid until the next call. */
bool link_open(struct link *l, struct instant now, struct view datagram,
               const struct address *source, struct link_messages *out);
/*
 * Takes a RELAY message that `carrier` sealed. True: it is for this node, opened under the session
 * with its author and his replay window (T1), and *out is what it amounts to. False: it is handed
 * on, or dropped (and counted).
 */
bool link_relay(struct link *l, struct instant now, uint16_t carrier, const struct wire_relay *r,
                struct link_messages *out);
/* Takes an EDGE_ASK or EDGE_OK of a datagram that took the way `came_via`. */
void link_edge(struct link *l, struct instant now, uint16_t from, const struct message *m);
/* The slot of the relay through which `slot` is reached; SLOT_NONE: directly, or not at all. */
uint16_t link_via(const struct link *l, uint16_t slot);
/* Takes a fragment; true if it completes a message: then *out points to its bytes, which stay until
 * the next fragment from that node. */
bool link_reassemble(struct link *l, uint16_t from, const struct wire_fragment *f,
                     struct view *out);
/* Whether two starts of it answer: then nothing counts that it says but of membership (clone.h). */
bool link_is_double(const struct link *l, uint16_t slot);
bool link_connected(const struct link *l, uint16_t slot);
struct instant link_deadline(const struct link *l);
/* Whether what is kept about all ends is what a look at each finds; for checks. */
bool link_agrees(const struct link *l);
/* Room for at least one more message of any size? If not, flush and carry out the effects first. */
bool link_has_room(const struct link *l);
void link_put(struct link *l, uint16_t to, struct view message);
/* Seals what was put and the hellos that are due. The result is valid until the next link_put. */
size_t link_flush(struct link *l, struct instant now, const struct outgoing **out);

#endif
