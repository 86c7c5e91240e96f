/*
 * What the suites, the fuzz targets and the seed generator of crypto/ have in common: keys from one
 * number, small rosters, and the pair of nodes between which datagrams are sealed. All of it is
 * fixed, so that a corpus made by one program opens in another.
 */
#ifndef TESTS_UNIT_CRYPTO_FIXTURE_H
#define TESTS_UNIT_CRYPTO_FIXTURE_H

#include "crypto/cert.h"
#include "crypto/drbg.h"
#include "crypto/proof.h"
#include "crypto/roster.h"
#include "crypto/session.h"

#include <stdio.h>
#include <string.h>

enum { FIXTURE_OPERATOR = 0x8000 }; /* number of the first operator's key; nodes count from 0 */

static inline struct key_pair fixture_key(unsigned number)
{
    uint8_t seed[KEY_SEED_SIZE];
    struct key_pair key;
    memset(seed, 0x5a, sizeof seed);
    seed[0] = (uint8_t)number;
    seed[1] = (uint8_t)(number >> 8);
    key_pair_make(&key, seed);
    return key;
}

/* A lab roster of epoch 1: slots 1, 3, 5, ... named n0, n1, ...; all vote and execute, each has a
 * device "lab:n0", ...; default jurors; one action, `power`. */
static inline void fixture_roster(struct roster *r, size_t nodes, uint8_t operators)
{
    memset(r, 0, sizeof *r);
    r->epoch = 1;
    r->shard_count = 1024;
    r->cohort_size = 5;
    r->least_version = 1;
    r->lab = true;
    r->detect_ms = 4000;
    r->action_count = 1;
    memcpy(r->actions[0], "power", sizeof "power");
    r->operator_count = operators;
    for (unsigned i = 0; i < operators; i++)
        r->operators[i] = fixture_key(FIXTURE_OPERATOR + i).public;
    r->node_count = nodes;
    for (size_t i = 0; i < nodes; i++) {
        struct roster_node *node = &r->nodes[i];
        node->slot = (uint16_t)(2 * i + 1);
        snprintf(node->name, sizeof node->name, "n%zu", i);
        node->key = fixture_key((unsigned)i).public;
        memcpy(node->store.bytes, &node->slot, sizeof node->slot);
        memcpy(node->machine.bytes, &node->slot, sizeof node->slot);
        node->address.ip[10] = node->address.ip[11] = 0xff;
        node->address.ip[12] = 127;
        node->address.ip[15] = 1;
        node->address.port = (uint16_t)(7000 + i);
        node->votes = node->executes = true;
        snprintf(node->device, sizeof node->device, "lab:n%zu", i);
    }
    roster_default_jurors(r);
}

/* A whole file signed by the first `signers` operators; returns its size. */
static inline size_t fixture_roster_file(uint8_t *out, const struct roster *r, uint8_t signers)
{
    static uint8_t canonical[ROSTER_BYTES_MAX];
    static const struct cluster_id none;
    struct roster_signature signatures[ROSTER_OPERATORS_MAX];
    size_t size = roster_encode(canonical, r);
    for (uint8_t i = 0; i < signers; i++) {
        struct key_pair key = fixture_key(FIXTURE_OPERATOR + i);
        signatures[i].operator_index = i;
        signatures[i].signature = statement_sign(STATEMENT_ROSTER, &none, canonical, size, &key);
    }
    return roster_file_encode(out, r, signatures, signers);
}

/* A certificate over `bytes` by the nodes with index first .. first + count - 1 of fixture_roster.
 */
static inline struct cert fixture_cert(size_t first, size_t count, enum statement_kind kind,
                                       const struct cluster_id *cluster, const void *bytes,
                                       size_t size)
{
    struct cert cert = {0};
    for (size_t i = first; i < first + count; i++) {
        struct key_pair key = fixture_key((unsigned)i);
        struct signature signature = statement_sign(kind, cluster, bytes, size, &key);
        cert_add(&cert, (uint16_t)(2 * i + 1), &signature);
    }
    return cert;
}

static inline struct digest fixture_digest(const struct roster *r)
{
    static uint8_t canonical[ROSTER_BYTES_MAX];
    return digest_of(canonical, roster_encode(canonical, r));
}

/* The order about life 7 of the node with that index. */
static inline struct order fixture_order(const struct roster *r, size_t target)
{
    return (struct order){
        .epoch = r->epoch, .roster = fixture_digest(r), .slot = r->nodes[target].slot, .life = 7};
}

/* Gives the roster a second action, `end-session`, which ends sessions: its index is returned. */
static inline uint8_t fixture_session_action(struct roster *r)
{
    r->action_count = 2;
    memcpy(r->actions[1], "end-session", sizeof "end-session");
    r->session_actions = 1u << 1;
    return 2;
}

/* The order about one session of that life. */
static inline struct order fixture_session_order(const struct roster *r, size_t target,
                                                 uint64_t session, const char *info)
{
    struct order order = fixture_order(r, target);
    if (!scope_make(&order.scope, session, 2, info, strlen(info)))
        __builtin_trap();
    return order;
}

/* The vote of the node with index `juror`. */
static inline struct vote fixture_vote(const struct order *order, size_t juror, uint32_t allows,
                                       const struct cluster_id *cluster)
{
    struct key_pair key = fixture_key((unsigned)juror);
    struct vote vote = {
        .juror = (uint16_t)(2 * juror + 1), .allows = allows, .age_ms = 4100 + (uint32_t)juror};
    vote_sign(&vote, order, cluster, &key);
    return vote;
}

/* Votes of the nodes with index first .. first + count - 1 for that order. */
static inline struct order_cert fixture_order_cert(const struct order *order, size_t first,
                                                   size_t count, uint32_t allows,
                                                   const struct cluster_id *cluster)
{
    struct order_cert cert = {.order = *order};
    for (size_t i = first; i < first + count; i++) {
        struct vote vote = fixture_vote(order, i, allows, cluster);
        order_cert_add(&cert, &vote);
    }
    return cert;
}

/* The end statement of the node with that index, under `life`. */
static inline struct proof fixture_end(size_t node, uint64_t life, const struct cluster_id *cluster)
{
    struct key_pair key = fixture_key((unsigned)node);
    struct proof proof = {.kind = PROOF_END,
                          .end = {.slot = (uint16_t)(2 * node + 1), .life = life}};
    memset(proof.end.nonce, 0x77, sizeof proof.end.nonce);
    end_statement_sign(&proof.end, cluster, &key);
    return proof;
}

/* Signs (again) the receipt as the node with index `executor`. */
static inline void fixture_receipt_sign(struct proof *proof, size_t executor,
                                        const struct cluster_id *cluster)
{
    struct key_pair key = fixture_key((unsigned)executor);
    proof->receipt.executor = (uint16_t)(2 * executor + 1);
    receipt_sign(&proof->receipt, &proof->cert.order, cluster, &key);
}

/* Action 1 against the node with index `target`, by votes of the first `votes` nodes. */
static inline struct proof fixture_executed(const struct roster *r, size_t target, size_t votes,
                                            size_t executor, const struct cluster_id *cluster)
{
    struct order order = fixture_order(r, target);
    struct proof proof = {.kind = PROOF_EXECUTED,
                          .cert = fixture_order_cert(&order, 0, votes, 1u << 1, cluster),
                          .receipt = {.action = 1, .witness = WITNESS_NONE}};
    memcpy(proof.receipt.device, r->nodes[target].device, DEVICE_SIZE);
    fixture_receipt_sign(&proof, executor, cluster);
    return proof;
}

/* Signs (again, or also) as that operator of the roster. */
static inline void fixture_operator_sign(struct proof *proof, uint8_t operator_index,
                                         const struct cluster_id *cluster)
{
    struct key_pair key = fixture_key(FIXTURE_OPERATOR + (unsigned)operator_index);
    operator_receipt_sign(&proof->operator_receipt, &proof->cert.order, cluster, operator_index,
                          &key);
}

/* Operator 0's word on an order against the node with index `target`, of the first `votes` nodes.
 */
static inline struct proof fixture_by_hand(const struct roster *r, size_t target, size_t votes,
                                           const struct cluster_id *cluster)
{
    struct order order = fixture_order(r, target);
    struct proof proof = {
        .kind = PROOF_OPERATOR,
        .cert = fixture_order_cert(&order, 0, votes, 1u << ACTION_RETIRE, cluster),
        .operator_receipt = {.form = votes ? OPERATOR_CONFIRMS : OPERATOR_BREAKS_GLASS}};
    memcpy(proof.operator_receipt.machine, r->nodes[target].name, ROSTER_NAME_SIZE);
    fixture_operator_sign(&proof, 0, cluster);
    return proof;
}

/* The statement of the node with that index about life 7: B = 9.334 s, W = 7 s. */
static inline struct armed fixture_armed(size_t node, const struct cluster_id *cluster)
{
    struct key_pair key = fixture_key((unsigned)node);
    struct armed armed = {
        .slot = (uint16_t)(2 * node + 1), .life = 7, .reset_ms = 9334, .timeout_ms = 7000};
    memset(armed.nonce, 0x77, sizeof armed.nonce);
    armed_sign(&armed, cluster, &key);
    return armed;
}

/* The word of the node with index `juror` that it was silent for so long. */
static inline struct silence fixture_silence(const struct order *order, const struct armed *armed,
                                             size_t juror, uint32_t silent_ms,
                                             const struct cluster_id *cluster)
{
    struct key_pair key = fixture_key((unsigned)juror);
    struct silence silence = {.juror = (uint16_t)(2 * juror + 1), .silent_ms = silent_ms};
    silence_sign(&silence, order, armed, cluster, &key);
    return silence;
}

/* The first `votes` nodes voted against the node with index `target`, and the first `silent` of all
 * were silent for H. */
static inline struct proof fixture_watchdog(const struct roster *r, size_t target, size_t votes,
                                            size_t silent, const struct cluster_id *cluster)
{
    struct order order = fixture_order(r, target);
    struct proof proof = {.kind = PROOF_WATCHDOG,
                          .cert = fixture_order_cert(&order, 0, votes, 1u, cluster),
                          .watchdog = {.armed = fixture_armed(target, cluster)}};
    uint32_t least = armed_hand_over_ms(&proof.watchdog.armed);
    for (size_t i = 0; i < silent; i++) {
        struct silence silence =
            fixture_silence(&order, &proof.watchdog.armed, i, least + (uint32_t)i, cluster);
        watchdog_receipt_add(&proof.watchdog, &silence);
    }
    return proof;
}

/* A session of the node with index `target` was ended by the action 2, by votes of the first
 * `votes` nodes. */
static inline struct proof fixture_ended(const struct roster *r, size_t target, size_t votes,
                                         size_t executor, uint64_t session, const char *info,
                                         const struct cluster_id *cluster)
{
    struct order order = fixture_session_order(r, target, session, info);
    struct proof proof = {.kind = PROOF_EXECUTED,
                          .cert = fixture_order_cert(&order, 0, votes, 1u << 2 | 1u, cluster),
                          .receipt = {.action = 2, .witness = WITNESS_NONE}};
    fixture_receipt_sign(&proof, executor, cluster);
    return proof;
}

/* Two nodes that know each other: a datagram from node 0 (slot 1) to node 1 (slot 3). */
struct fixture_pair {
    struct key_pair sender, receiver;
    struct seal_key key;
    struct seal_binding binding;
};

static inline void fixture_pair(struct fixture_pair *p, enum seal_kind kind)
{
    memset(p, 0, sizeof *p);
    p->sender = fixture_key(0);
    p->receiver = fixture_key(1);
    memset(&p->binding.cluster, 0xc1, sizeof p->binding.cluster);
    p->binding.kind = kind;
    p->binding.from = 1;
    p->binding.to = 3;
    memset(&p->binding.from_start, 0xa0, START_SIZE);
    memset(&p->binding.to_start, 0xb0, START_SIZE);
    seal_key_make(&p->key, &p->sender, &p->receiver.public, &p->binding.cluster);
}

static inline struct drbg fixture_drbg(uint8_t number)
{
    uint8_t seed[DRBG_SEED_SIZE] = {number};
    struct drbg d;
    drbg_init(&d, seed);
    return d;
}

#endif
