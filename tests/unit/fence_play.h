/*
 * Fencing on the stage (peer_play.h): fence devices that do what the script says, words that a node
 * says against the protocol, orders and proofs made with the nodes' own keys, and what is known of
 * an order.
 *
 * Every node executes for every other, by the roster of crypto_fixture.h; what comes of it when a
 * node runs the driver is in its `tool`, and every run is kept in stage.runs.
 */
#ifndef TESTS_UNIT_FENCE_PLAY_H
#define TESTS_UNIT_FENCE_PLAY_H

#include "tests/unit/peer_play.h"

#define STAGE_TYPE(name) (UINT64_C(1) << WIRE_##name)

/* A way that treats datagrams with any of these messages, between these nodes, in one manner. */
struct stage_filter {
    int from, to; /* nodes; STAGE_NONE: any */
    uint64_t types;
    enum stage_fate fate;
    bool off;
};
/* A stage_way; its context is an array of filters that ends with one without types. */
enum stage_fate stage_filters(void *context, size_t from, size_t to, uint64_t types);

/* --- For the stage itself --- */
void stage_begin_run(struct stage *s, size_t executor, const struct run *run);
/* The run that ends next; NULL if none is under way. */
struct stage_run *stage_next_run(struct stage *s);
void stage_end_run(struct stage *s, struct stage_run *run);

/* --- Devices --- */
/* What the driver does from now on, on every node. */
void stage_tools(struct stage *s, enum stage_tool tool);
/* Runs of that kind against the node, over all lives; of one executor, or of any (STAGE_NONE). */
size_t stage_run_count(const struct stage *s, enum run_kind kind, size_t target, int executor);
bool stage_was_run(struct stage *s, void *target);

/* --- Words --- */
/* `from` says it, sealed, whatever the protocol would have it say. */
void stage_say(struct stage *s, size_t from, size_t to, const struct message *m);
/* The node is handed a file: magic, then bytes; the call's handle. */
uint64_t stage_submit(struct stage *s, size_t node, const char *magic, const void *bytes,
                      size_t size);

/* --- Orders and proofs --- */
/* About that life of the node; votes of the first `votes` other nodes that allow `allows`. */
struct order_cert stage_order(const struct stage *s, size_t target, uint64_t life, size_t votes,
                              uint32_t allows);
size_t stage_order_bytes(uint8_t out[ORDER_CERT_BYTES_MAX], const struct order_cert *cert);
/* An executor's word that action 1 was carried out on that order. */
struct proof stage_receipt(const struct stage *s, const struct order_cert *cert, size_t executor);
/* The node's word that its lives below `life` are over. */
struct proof stage_end_statement(const struct stage *s, size_t node, uint64_t life);
size_t stage_proof_bytes(uint8_t out[PROOF_BYTES_MAX], const struct proof *proof);

/* --- Looking --- */
/* The highest life of the node that `observer` knows to be over; 0: none. */
uint64_t stage_over(const struct stage *s, size_t observer, size_t node);
/* The order against that life as the observer knows it; false if it knows none. */
bool stage_known_order(const struct stage *s, size_t observer, size_t target, uint64_t life,
                       struct order_view *out);
/* Jurors that voted against a life of the node. */
size_t stage_votes(const struct stage *s, size_t target, uint64_t life);
/* A counter of struct peer_counters, summed over all nodes that are up. */
#define STAGE_SUM(s, counter) stage_sum(s, offsetof(struct peer_counters, counter))
uint64_t stage_sum(const struct stage *s, size_t offset);
/* So many of a kind of message were sent, by all. */
uint64_t stage_sent(const struct stage *s, enum wire_type type);
enum member_state stage_member(const struct stage *s, size_t observer, size_t node);
/* Time passes until every other node that is up holds the node dead; it must within 30 s. */
void stage_await_dead(struct stage *s, size_t node);

#endif
