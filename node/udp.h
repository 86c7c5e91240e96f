/*
 * The agent's UDP socket: bound to the roster's own address, nonblocking, many datagrams with one
 * system call. Every error of sending is transient and counted by kind (T2); nothing is kept for
 * later, since every conversation above survives loss.
 *
 * IP_RECVERR (ip(7)) makes the kernel say, by its error queue, at which peer's address nobody
 * listens.
 */
#ifndef NODE_UDP_H
#define NODE_UDP_H

#include "node/udp_address.h"
#include "crypto/roster.h"
#include "node/fault.h"
#include "proto/peer.h"

struct event_base;
struct udp;

enum { UDP_BATCH = 64 };

/* Kinds of errors in sending, and what else is counted. */
#define UDP_COUNTERS(C)                                                                            \
    C(udp_received)                                                                                \
    C(udp_sent)                                                                                    \
    C(udp_oversized)                                                                               \
    C(udp_refused)                                                                                 \
    C(udp_error_eperm)                                                                             \
    C(udp_error_einval)                                                                            \
    C(udp_error_eacces)                                                                            \
    C(udp_error_ehostunreach)                                                                      \
    C(udp_error_enetunreach)                                                                       \
    C(udp_error_econnrefused) C(udp_error_enobufs) C(udp_error_eagain) C(udp_error_other)

struct udp_counters {
#define UDP_COUNTER(name) uint64_t name;
    UDP_COUNTERS(UDP_COUNTER)
#undef UDP_COUNTER
};

struct udp_hooks {
    void *context;
    /* A datagram of at most DATAGRAM_MAX bytes, valid during the call. */
    void (*datagram)(void *context, struct view bytes, const struct address *from);
    /* Nobody listens at `slot`'s address, says its kernel. */
    void (*refused)(void *context, uint16_t slot);
};

/* Binds to `own`, or, if that has no port, to `self`'s address in the roster. NULL with *fault. The
 * roster outlives it. */
struct udp *udp_open(struct event_base *base, const struct roster *roster, uint16_t self,
                     const struct address *own, const struct udp_hooks *hooks, struct fault *fault);
void udp_close(struct udp *udp);
void udp_send(struct udp *udp, const struct outgoing *datagrams, size_t count);
const struct udp_counters *udp_counters(const struct udp *udp);

#endif
