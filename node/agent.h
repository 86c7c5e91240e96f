/*
 * The agent: drives the peer (proto/peer.h) with real time, a real socket and a real disk.
 *
 *     datagrams, requests, the disk's news, the clock  ->  peer_step, up to AGENT_STEPS times
 *                                                              |
 *       store_append / store_segment, udp_send, answers, executor_link_run
 *                                                        <-  peer_effects, while peer_pending
 *
 * Requests are queued and stepped in the next turn, so an answer never arrives inside the call that
 * asked.
 */
#ifndef NODE_AGENT_H
#define NODE_AGENT_H

#include "node/clock.h"
#include "node/config.h"
#include "node/fault.h"
#include "node/fence_log.h"
#include "node/figures.h"
#include "node/identity.h"
#include "node/store.h"
#include "node/udp.h"
#include "proto/peer.h"

enum { AGENT_STEPS = 32 }; /* events between two peer_effects */

struct agent;
struct watchdog;

struct agent_hooks {
    void *context;
    /* An answer about a hold that no request asked for (ANSWER_BLOCKING, AT_RISK, SAFE, LOST). What
     * it points at is valid during the call. */
    void (*about_hold)(void *context, const struct answer *answer);
    void (*notice)(void *context, const struct notice *notice);
    /* Of the fence log (node/fence_log.h). */
    void (*fence_logged)(void *context);
    void (*fence_log_trouble)(void *context, const char *text);
};

/*
 * Opens and recovers the store, makes the peer, binds the socket. Nothing is sent before
 * agent_start. `config`, `identity`, `clock`, `hooks`' context outlive it. NULL with *fault.
 * A store that fails its checks is such a fault, unless `store_lost`: then it is moved aside and
 * this node goes on without a vote (L7), as it does by itself where there is no store at all.
 */
struct agent *agent_open(struct event_base *base, struct clock *clock, const struct config *config,
                         const struct identity *identity, bool store_lost,
                         const struct agent_hooks *hooks, struct fault *fault);
void agent_start(struct agent *agent);
/* One turn of the loop: steps what is queued and carries out what it amounts to. */
void agent_turn(struct agent *agent);
/* Says to all that this node stops. Holds are kept: an upgrade loses no lock. */
void agent_leave(struct agent *agent);
/* Finishes the store's queue. False if something of it could not be written. */
bool agent_close(struct agent *agent);

typedef void (*agent_answer)(void *context, const struct answer *answer);

/*
 * Queues a request (EVENT_ACQUIRE, EVENT_DROP, EVENT_SHOW, EVENT_SUBMIT; its handle is filled in
 * here) and copies what it points at. Every answer to it goes to `answer` until agent_forget; what
 * an answer points at is valid during the call. Returns the handle. Requests are bounded by who
 * makes them: one for each call of a connection, one drop for each hold.
 */
uint64_t agent_ask(struct agent *agent, const struct event *event, agent_answer answer,
                   void *context);
void agent_forget(struct agent *agent, uint64_t handle);

const struct peer *agent_peer(const struct agent *agent);
const struct config *agent_config(const struct agent *agent);
const struct identity *agent_identity(const struct agent *agent);
const struct store_news *agent_store_news(const struct agent *agent);
const struct udp_counters *agent_udp_counters(const struct agent *agent);
struct fence_log *agent_fence_log(const struct agent *agent);
const struct store *agent_store(const struct agent *agent);
/* NULL: this machine has none. */
const struct watchdog *agent_watchdog(const struct agent *agent);
/* What is counted: by the agent itself, and by those who serve its clients. */
struct figures *agent_figures(struct agent *agent);
struct instant agent_started(const struct agent *agent);
/* The roster's name of a node; "?" if it has none. */
const char *agent_node_name(const struct agent *agent, uint16_t slot);

#endif
