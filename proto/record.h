/*
 * What the vote log's records say: the durable state of a node, from one list, in the manner of
 * wire.h. A record's payload is a kind (u8) and exactly the fields listed. Loading them in order
 * gives the state.
 */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include "proto/fields.h"

#define RECORD_KINDS(R)                                                                            \
    R(STORE, store)                                                                                \
    R(LIFE, life)                                                                                  \
    R(OPS, ops)                                                                                    \
    R(PROMISE, promise)                                                                            \
    R(ACCEPT, accept)                                                                              \
    R(OP, op)                                                                                      \
    R(OP_END, op_end)                                                                              \
    R(KNOWN, known)                                                                                \
    R(BOOK, book)                                                                                  \
    R(VOTE, vote)                                                                                  \
    R(WINDOW, window)                                                                              \
    R(ORDER, order)                                                                                \
    R(REPORT, report)                                                                              \
    R(PROOF, proof)                                                                                \
    R(EXECUTED, executed)                                                                          \
    R(FORGET, forget)                                                                              \
    R(INHIBITOR, inhibitor)                                                                        \
    R(ARMED, armed)

/* The epoch that every shard of this store has adopted unless a PROMISE says more: 1 only in a
 * store made for the first roster, else 0 (R2). lost: this store never votes again, or never did
 * (L7). unchecked: no run since has done the store's check; life and commits are what it held
 * before the first of these. */
#define RECORD_FIELDS_store(F)                                                                     \
    F(u32, adopted) F(flag, lost) F(flag, unchecked) F(u64, life) F(u64, commits)
/* A life, raised because the boot id is another one, or by a surrender. ends: this store knows that
 * those before it are over, and may state so (F6a). */
#define RECORD_FIELDS_life(F) F(u64, number) F(nonce, life_nonce) F(nonce, boot_id) F(flag, ends)
/* Operation counters up to `reserved` may be in use (L9). */
#define RECORD_FIELDS_ops(F)     F(u64, reserved)
#define RECORD_FIELDS_promise(F) F(u32, shard) F(ballot, promised) F(u32, adopted)
/* L3: the state, and promised = ballot for its shard, in one write. */
#define RECORD_FIELDS_accept(F)                                                                    \
    F(u32, shard) F(ballot, ballot) F(u64, seq) F(name, name) F(blob, state)
/* L10: these registers are dropped; (ballot, seq) is the highest that was ever dropped in the
 * shard.
 */
#define RECORD_FIELDS_forget(F) F(u32, shard) F(ballot, ballot) F(u64, seq) F(locks, locks)
/* One request or hold of this node, rewritten as it changes; state is enum op_state. limit: of a
 * counted mode; else 0. ttl_ms: under `expire`; else 0. change: counter of a change that may have
 * moved the hold since; else 0. transfer: it may be another's by that. scope: under `action`. */
#define RECORD_FIELDS_op(F)                                                                        \
    F(u64, life)                                                                                   \
    F(u64, counter)                                                                                \
    F(u8, state)                                                                                   \
    F(u8, mode)                                                                                    \
    F(u16, limit)                                                                                  \
    F(u8, policy)                                                                                  \
    F(u32, ttl_ms)                                                                                 \
    F(flag, unclean)                                                                               \
    F(u64, change) F(flag, transfer) F(u64, token) F(name, name) F(blob, process) F(scope, scope)
#define RECORD_FIELDS_op_end(F) F(u64, life) F(u64, counter)
/* The highest that `slot` told of itself, or others of it (L7). */
#define RECORD_FIELDS_known(F) F(u16, slot) F(u64, commits) F(u64, life) F(u64, ops)

/* A juror's book: the highest life of a node and its nonce. */
#define RECORD_FIELDS_book(F) F(u16, slot) F(u64, life) F(nonce, life_nonce)
/* This juror's vote against a life, final (F2), and what it had seen. */
#define RECORD_FIELDS_vote(F)                                                                      \
    F(u16, slot)                                                                                   \
    F(u64, life)                                                                                   \
    F(u32, allows) F(u32, age_ms) F(sig, signature) F(evidence, evidence) F(scope, scope)
/* An executor asked this juror whether it may act on that life, for so long (F9); 0: it has acted.
 */
#define RECORD_FIELDS_window(F)                                                                    \
    F(u16, slot) F(u64, life) F(u16, executor) F(u32, span_ms) F(scope, scope)
/* A certified order and its story, as their bytes (crypto/order, proto/docket). */
#define RECORD_FIELDS_order(F) F(blob, cert) F(blob, story)
/* What an executor told about its work on it. */
#define RECORD_FIELDS_report(F)                                                                    \
    F(u16, slot) F(u64, life) F(u16, executor) F(u8, stage) F(blob, text) F(scope, scope)
/* A proof's bytes (crypto/proof). */
#define RECORD_FIELDS_proof(F) F(blob, bytes)
/* This node has begun to act against that life, or that session of it: it never does so again (F9).
 */
#define RECORD_FIELDS_executed(F) F(u16, slot) F(u64, life) F(scope, scope)
/* A node's statement that its watchdog ends its life (crypto/watchdog): a juror's, and its own. */
#define RECORD_FIELDS_armed(F) F(blob, statement)

/* What an administrator inhibits (proto/inhibitors.h). left_ms: it ends then, counted anew from a
 * start; promise_ms: the same of the latest end of a freeze that was ever said. */
#define RECORD_FIELDS_inhibitor(F)                                                                 \
    F(u8, kind)                                                                                    \
    F(u16, scope)                                                                                  \
    F(u64, version)                                                                                \
    F(u16, by)                                                                                     \
    F(flag, on) F(u32, left_ms) F(u32, promise_ms) F(blob, who) F(blob, reason)

enum record_kind {
    RECORD_NONE,
#define RECORD_ENUM(NAME, name) RECORD_##NAME,
    RECORD_KINDS(RECORD_ENUM)
#undef RECORD_ENUM
        RECORD_KINDS_END
};

#define RECORD_STRUCT(NAME, name)                                                                  \
    struct record_##name {                                                                         \
        RECORD_FIELDS_##name(FIELD_MEMBER)                                                         \
    };
RECORD_KINDS(RECORD_STRUCT)
#undef RECORD_STRUCT

struct record {
    enum record_kind kind;
    union {
#define RECORD_UNION(NAME, name) struct record_##name name;
        RECORD_KINDS(RECORD_UNION)
#undef RECORD_UNION
    };
};

enum { RECORD_BYTES_MAX = 1 + 4 + 14 + 8 + 1 + LOCK_NAME_MAX + 2 + 65535 };

/* Writes the payload. */
void record_encode(struct writer *w, const struct record *record);
/* False if it is not a record; names and blobs point into the payload. */
bool record_decode(struct record *out, struct view payload);

#endif
