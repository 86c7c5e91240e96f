/*
 * Until when the locks of a `holdfast lock` are held if the agent says nothing more: of those that
 * expire the end of the lease, as the agent said it last.
 *
 * An agent renews a lease before a third of it is over, without a word to its clients, and may then
 * hang for a while before it dies. So it is asked from time to time (ListSession, left_ms), and an
 * end is counted from when the question was sent. Before the first answer: a lease that is half
 * over is told as at risk with the grant.
 */
#ifndef CLIENT_LEASE_H
#define CLIENT_LEASE_H

#include "client/held.h"
#include "client/varlink.h"

struct lease {
    long long ttl_ms;    /* 0: these locks do not expire */
    long long ask_at_ms; /* all by waiting_now_ms() */
    long long asked_ms;  /* when the question was sent that has no answer yet; 0: there is none */
};

/* They were granted just now. */
void lease_begin(struct lease *lease, struct held *held, long long ttl_ms);
/* Asks, if it is time. False: the connection failed. */
bool lease_ask(struct lease *lease, struct varlink *agent);
/* How long one may sleep until then; -1: for ever. */
long long lease_sleep_ms(const struct lease *lease);
/* A reply that nothing else on this connection was asked for; `reply` stays the caller's. */
void lease_take(struct lease *lease, struct held *held, const json_t *reply);
/* Waits for the answer that is owed, at most so long: then the next reply is another's. False: it
 * did not come, and the connection is of no more use. */
bool lease_settle(struct lease *lease, struct held *held, struct varlink *agent, int ms);
/* The connection is given up: what was asked on it is asked again on the next. */
void lease_again(struct lease *lease);
/* How long all that is held is held for sure, at least 0; -1: it does not expire. */
long long lease_left_ms(const struct lease *lease, const struct held *held);
/* Whether the lease of one was not renewed for half of it, as was said. */
bool lease_at_risk(const struct lease *lease, const struct held *held);

#endif
