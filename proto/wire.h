/*
 * The wire format: every message between peers, from one list.
 *
 * A datagram, once opened, is: counter u64, epoch u32, then messages. A message is type u8, size
 * u16, and a body of exactly the fields listed here, in that order, little-endian. Decoding is
 * strict: an unknown type, a value out of range or a byte too many makes a counted drop of the
 * whole datagram.
 *
 * Field kinds: u8 u16 u32 u64; flag (0 or 1); ballot (u32 u64 u16); op (u16 u64 u64); name (u8
 * size, 1..255 bytes); blob (u16 size); locks (a blob of: seq u64, name); nonce (16 bytes); sig (64
 * bytes); evidence (proto/fence.h); addr (16 bytes, u16); scope, scope_word (crypto/scope.h). name,
 * blob and locks point into the buffer that was decoded.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "proto/fields.h"

/* M(NAME, name): enum WIRE_NAME, struct wire_name, member `name` of struct message. */
#define WIRE_MESSAGES(M)                                                                           \
    /* Membership (SWIM, DSN 2002). Probes also carry the sender's vitals (L7), first-hand. */     \
    M(PING, ping)                                                                                  \
    M(ACK, ack)                                                                                    \
    M(PING_REQ, ping_req)                                                                          \
    M(INDIRECT_ACK, indirect_ack)                                                                  \
    M(ALIVE, alive)                                                                                \
    M(SUSPECT, suspect)                                                                            \
    M(DEAD, dead)                                                                                  \
    M(DIGEST, digest)                                                                              \
    M(AWAY, away)                                                                                  \
    /* Lives, proofs that one is over, standing (F5-F7). */                                        \
    M(LIFE_CLAIM, life_claim)                                                                      \
    M(LIFE_STORED, life_stored)                                                                    \
    M(PROOF, proof)                                                                                \
    M(PROOF_STORED, proof_stored)                                                                  \
    M(RENEW, renew)                                                                                \
    M(RENEWED, renewed)                                                                            \
    M(VOTED, voted)                                                                                \
    /* Orders: asking jurors, their votes, the certificate, its executor (F1, F2, F9). */          \
    M(ACCUSE, accuse)                                                                              \
    M(OPINION, opinion)                                                                            \
    M(VOTE, vote)                                                                                  \
    M(ORDER, order)                                                                                \
    M(ORDER_STORED, order_stored)                                                                  \
    M(EXEC_ASK, exec_ask)                                                                          \
    M(EXEC_OK, exec_ok)                                                                            \
    M(EXEC_REPORT, exec_report)                                                                    \
    M(WITNESS_ASK, witness_ask)                                                                    \
    M(WITNESS, witness)                                                                            \
    /* The store's check at start (L7). */                                                         \
    M(STORE_ASK, store_ask)                                                                        \
    M(STORE_KNOWN, store_known)                                                                    \
    /* Registers (L0-L5). */                                                                       \
    M(PREPARE, prepare)                                                                            \
    M(PROMISE, promise)                                                                            \
    M(REFUSE, refuse)                                                                              \
    M(READ, read)                                                                                  \
    M(STORED, stored)                                                                              \
    M(ACCEPT, accept)                                                                              \
    M(ACCEPTED, accepted)                                                                          \
    M(CONFIRM, confirm)                                                                            \
    M(CONFIRMED, confirmed)                                                                        \
    /* Forgetting (L10). */                                                                        \
    M(IDLE, idle)                                                                                  \
    M(FORGET, forget)                                                                              \
    M(FORGOTTEN, forgotten)                                                                        \
    /* Take-over on a requester's word (L8). */                                                    \
    M(DOUBT, doubt)                                                                                \
    M(DOUBT_ANSWER, doubt_answer)                                                                  \
    M(POKE, poke)                                                                                  \
    M(POKED, poked)                                                                                \
    /* The asking side (L9). */                                                                    \
    M(REQUEST, request)                                                                            \
    M(REPLY, reply)                                                                                \
    M(BLOCKING, blocking)                                                                          \
    /* Leases: a holder's node renews them with the shards' coordinators (section 6). */           \
    M(LEASE, lease)                                                                                \
    M(LEASE_KEPT, lease_kept)                                                                      \
    /* A piece of a message that is too long for one datagram. */                                  \
    M(FRAGMENT, fragment)                                                                          \
    /* Ways past a broken link (T3). */                                                            \
    M(EDGE_ASK, edge_ask)                                                                          \
    M(EDGE_OK, edge_ok)                                                                            \
    M(RELAY, relay)                                                                                \
    /* What administrators inhibit, ask for and confirm (F6d, F8). */                              \
    M(INHIBIT, inhibit)                                                                            \
    M(INHIBITED, inhibited)                                                                        \
    M(FENCE_ASK, fence_ask)                                                                        \
    M(HEARD_ASK, heard_ask)                                                                        \
    M(HEARD, heard)                                                                                \
    /* What does not fit the datagram of an order. */                                              \
    M(STORY, story)                                                                                \
    /* Two starts of one life (proto/clone.h). */                                                  \
    M(CLONED, cloned)                                                                              \
    /* Watchdogs (F6c). */                                                                         \
    M(ARMED, armed)                                                                                \
    M(SILENCE, silence)

/* seq: the prober's number; life, commits, ops: the sender's own life number, durable log number
 * and highest reserved operation counter. ring: of the watcher, from 1; 0: not as a watcher.
 * wait_ms: how long until a watcher shall come again; 0: it is told nothing (proto/watch.h). */
#define WIRE_FIELDS_ping(F) F(u32, seq) F(u64, life) F(u64, commits) F(u64, ops) F(u8, ring)
#define WIRE_FIELDS_ack(F)  F(u32, seq) F(u64, life) F(u64, commits) F(u64, ops) F(u16, wait_ms)
/* Please probe `target` and tell me under my `seq` if it answers. */
#define WIRE_FIELDS_ping_req(F) F(u32, seq) F(u16, target)
/* answered: the target answered; else only: I am here, and try (Lifeguard's nack, section IV-A). */
#define WIRE_FIELDS_indirect_ack(F) F(u32, seq) F(u16, target) F(flag, answered)
/* A node's own signed word (STATEMENT_MEMBER over these fields but sig): alive, or leaving (M2). */
#define WIRE_FIELDS_alive(F)                                                                       \
    F(u16, slot)                                                                                   \
    F(u64, life) F(nonce, life_nonce) F(u32, incarnation) F(flag, left) F(sig, signature)
/* Hearsay about one incarnation of one life; `by` first said it. */
#define WIRE_FIELDS_suspect(F) F(u16, slot) F(u64, life) F(u32, incarnation) F(u16, by)
#define WIRE_FIELDS_dead(F)    F(u16, slot) F(u64, life) F(u32, incarnation) F(u16, by)
/* Hash of the sender's view of `count` members of the roster from index `first` on; count 0: of
 * all. Whoever differs sends digests of the parts, or of a small one all it knows, and its own
 * digest if `ask`. */
#define WIRE_FIELDS_digest(F) F(u64, hash) F(u16, first) F(u16, count) F(flag, ask)
/* This agent, of that life, stops and means to come back: proto/away.h. */
#define WIRE_FIELDS_away(F) F(u64, life)

/* A juror keeps the highest life of each node and its nonce; a life counts once q have stored it.
 */
#define WIRE_FIELDS_life_claim(F) F(u64, life) F(nonce, life_nonce)
/* The life in the juror's book; `same`: with the nonce that was claimed. */
#define WIRE_FIELDS_life_stored(F) F(u64, life) F(flag, same)
/* A proof's bytes (crypto/proof). */
#define WIRE_FIELDS_proof(F) F(blob, bytes)
/* Durable here; and whoever asked this juror before can act on those lives no more (F9). With a
 * scope: that session of life `covers`. */
#define WIRE_FIELDS_proof_stored(F) F(u16, slot) F(u64, covers) F(scope, scope)
/* F7: a sign of life of whoever needs standing, answered by jurors that acknowledge it. */
#define WIRE_FIELDS_renew(F)   F(u64, life) F(u32, seq)
#define WIRE_FIELDS_renewed(F) F(u64, life) F(u32, seq)
/* This juror has voted against that life, and that is final (F2). */
#define WIRE_FIELDS_voted(F) F(u64, life)

/* F2e: `life` of `slot` holds `name` under a policy that asks for an order, and somebody waits for
 * it. Contains no bytes of an order. word: the holder's, of the session that is asked for; else
 * none: here and below a scope that is none stands for the whole life. */
#define WIRE_FIELDS_accuse(F)  F(u16, slot) F(u64, life) F(name, name) F(scope_word, word)
#define WIRE_FIELDS_opinion(F) F(u16, slot) F(u64, life) F(evidence, evidence)
#define WIRE_FIELDS_vote(F)                                                                        \
    F(u16, slot)                                                                                   \
    F(u64, life)                                                                                   \
    F(u32, allows) F(u32, age_ms) F(sig, signature) F(evidence, evidence) F(scope, scope)
/* A certified order's bytes (crypto/order) and its story (proto/docket). */
#define WIRE_FIELDS_order(F) F(blob, cert) F(blob, story)
/* actions: that the order allows which is durable here; ORDER_STORY_KEPT: and so is its story. */
#define WIRE_FIELDS_order_stored(F) F(u16, slot) F(u64, life) F(u32, actions) F(scope, scope)
/* F9: may I act on this life within 2 s, for span_ms at most? `nonce` is fresh. */
#define WIRE_FIELDS_exec_ask(F)                                                                    \
    F(u16, slot) F(u64, life) F(u64, nonce) F(u32, span_ms) F(scope, scope)
#define WIRE_FIELDS_exec_ok(F) F(u16, slot) F(u64, life) F(u64, nonce) F(scope, scope)
#define WIRE_FIELDS_exec_report(F)                                                                 \
    F(u16, slot) F(u64, life) F(u8, stage) F(u32, span_ms) F(blob, text) F(scope, scope)
/* F6b: please ask the target's device too; the order is known to you. */
#define WIRE_FIELDS_witness_ask(F)                                                                 \
    F(u16, slot) F(u64, life) F(u8, action) F(u64, nonce) F(scope, scope)
#define WIRE_FIELDS_witness(F)                                                                     \
    F(u16, slot) F(u64, life) F(u64, nonce) F(u8, outcome) F(scope, scope)

#define WIRE_FIELDS_store_ask(F) F(u32, seq)
/* What the sender knows of the asker's store: highest commit count, life and counter heard. seen:
 * the highest life it heard of by any word, also one that never got as far as to be checked. */
#define WIRE_FIELDS_store_known(F) F(u32, seq) F(u64, commits) F(u64, life) F(u64, ops) F(u64, seen)

#define WIRE_FIELDS_prepare(F) F(u32, shard) F(ballot, ballot)
#define WIRE_FIELDS_promise(F) F(u32, shard) F(ballot, ballot) F(u32, adopted)
/* `ballot` was refused, since `promised` is higher. */
#define WIRE_FIELDS_refuse(F) F(u32, shard) F(ballot, ballot) F(ballot, promised)
/* round: tells this reading of the lock from an earlier one under the same ballot; comes back (L0).
 */
#define WIRE_FIELDS_read(F) F(ballot, ballot) F(u32, round) F(name, name)
/* version none and an empty state: nothing is stored. proof: of the break that the state names
 * (F5); else empty. */
#define WIRE_FIELDS_stored(F)                                                                      \
    F(ballot, ballot)                                                                              \
    F(u32, round) F(name, name) F(ballot, version) F(u64, seq) F(blob, state) F(blob, proof)
#define WIRE_FIELDS_accept(F)                                                                      \
    F(ballot, ballot) F(u64, seq) F(name, name) F(blob, state) F(blob, proof)
#define WIRE_FIELDS_accepted(F)  F(ballot, ballot) F(u64, seq) F(name, name)
#define WIRE_FIELDS_confirm(F)   F(u32, shard) F(ballot, ballot) F(u32, round)
#define WIRE_FIELDS_confirmed(F) F(u32, shard) F(ballot, ballot) F(u32, round)
/* To whoever owns the ballot of its shard: the lock is free here, and has been for long. */
#define WIRE_FIELDS_idle(F) F(name, name)
/* All voters hold these states under the ballot, and they are free: drop them. `round` comes back.
 */
#define WIRE_FIELDS_forget(F)    F(u32, shard) F(ballot, ballot) F(u32, round) F(locks, locks)
#define WIRE_FIELDS_forgotten(F) F(u32, shard) F(ballot, ballot) F(u32, round)

#define WIRE_FIELDS_doubt(F) F(u16, slot) F(u32, seq)
/* heard: it can coordinate; alive: it answered at all. */
#define WIRE_FIELDS_doubt_answer(F) F(u16, slot) F(u32, seq) F(flag, heard) F(flag, alive)
#define WIRE_FIELDS_poke(F)         F(u32, seq)
#define WIRE_FIELDS_poked(F)        F(u32, seq) F(flag, votes)

/* low: lowest counter of this life still alive at the asker. ballot: the one that it believes in
 * (none if it knows none). doubt: a coordinator that does not answer it, or SLOT_NONE. insist: it
 * has had no answer from anybody for long: whoever gets this shall take the shard. limit: of a
 * counted mode; else 0. ttl_ms: under `expire`; else 0. sent: by the asker's clock; comes back.
 * change: the counter of a change of the hold `op`; else 0. target: TRANSFER: the waiter that gets
 * it; CLEAR: slot and life of the mark. token: CLEAR: of the mark; ACQUIRE: only if the lock's is
 * still this one (0: any). bytes: ACQUIRE: the holder's data; WRITE: the value. word: ACQUIRE under
 * `action`: what the asker says is to be done about that session; else none. */
#define WIRE_FIELDS_request(F)                                                                     \
    F(op, op)                                                                                      \
    F(u64, low)                                                                                    \
    F(ballot, ballot)                                                                              \
    F(u16, doubt)                                                                                  \
    F(u8, kind)                                                                                    \
    F(u8, mode)                                                                                    \
    F(u16, limit)                                                                                  \
    F(u8, policy)                                                                                  \
    F(u32, ttl_ms)                                                                                 \
    F(u64, sent)                                                                                   \
    F(flag, try)                                                                                   \
    F(flag, head)                                                                                  \
    F(flag, insist)                                                                                \
    F(flag, unclean)                                                                               \
    F(u64, change) F(op, target) F(u64, token) F(name, name) F(blob, bytes) F(scope_word, word)
/* change: as in the request. sent: of the request that it answers, after whose sending it was so;
 * 0: of none. token: of the grant; MOVED, FORGOTTEN: the lock's; WAITING: the last that was given
 * out. place: in the queue, from 1. owner: where to ask instead. detail: of a lock that is shown or
 * waited for, its state; of one that is granted, its mark and value; of a change, the hold as it is
 * now. stage, stale, life, votes: the dead holder in the way (enum fence_stage). watchdog_ms: until
 * its watchdog will have ended it; 0: it has none, or that is not known. seq: 0: it rests on a true
 * state; else on (ballot, seq), which lacks one vote: it is true once the asker's own is durable
 * (proto/provisional.h).
 */
#define WIRE_FIELDS_reply(F)                                                                       \
    F(op, op)                                                                                      \
    F(u64, change)                                                                                 \
    F(u8, kind)                                                                                    \
    F(u8, verdict)                                                                                 \
    F(ballot, ballot)                                                                              \
    F(u64, sent)                                                                                   \
    F(u64, token)                                                                                  \
    F(u32, place)                                                                                  \
    F(u16, owner)                                                                                  \
    F(u8, stage)                                                                                   \
    F(u16, stale)                                                                                  \
    F(u64, life)                                                                                   \
    F(u8, votes) F(u32, watchdog_ms) F(name, name) F(blob, detail) F(u64, seq)
/* Somebody waits in `mode` for what `hold` holds; tries: or would have to, and was refused. */
#define WIRE_FIELDS_blocking(F) F(op, hold) F(u8, mode) F(flag, tries) F(name, name)

/* What `life` holds in the shard goes on being believed. sent: by the sender's clock; comes back.
 */
#define WIRE_FIELDS_lease(F) F(u32, shard) F(ballot, ballot) F(u64, life) F(u64, sent)
/* kept: a majority confirmed the ballot since that came; else it is not served under it here. */
#define WIRE_FIELDS_lease_kept(F) F(u32, shard) F(ballot, ballot) F(u64, sent) F(flag, kept)

/* Bytes [index * FRAGMENT_BYTES ...) of message number `id`, header included. */
#define WIRE_FIELDS_fragment(F) F(u32, id) F(u8, index) F(u8, count) F(blob, bytes)

/* Did this reach you by the way that it took? The answer takes that way back, or, to what came
 * directly, the way that its sender uses. */
#define WIRE_FIELDS_edge_ask(F) F(u32, seq)
#define WIRE_FIELDS_edge_ok(F)  F(u32, seq)
/* `datagram`, sealed by `from` for `to`: handed to a third peer, and by it to `to`. Only these two
 * hops; never inside another one. */
#define WIRE_FIELDS_relay(F) F(u16, from) F(u16, to) F(blob, datagram)
/* The sender's watchdog ends that life: its statement (crypto/watchdog). stored: a juror's answer,
 * without it: durable here. */
#define WIRE_FIELDS_armed(F) F(u64, life) F(flag, stored) F(blob, statement)
/* asks: what do you know of a watchdog for that life? The answer has the node's statement, and how
 * long the juror has to be silent yet; then, if it voted, for how long it was, signed (0: not yet).
 */
#define WIRE_FIELDS_silence(F)                                                                     \
    F(u16, slot)                                                                                   \
    F(u64, life)                                                                                   \
    F(flag, asks) F(u32, left_ms) F(u32, silent_ms) F(blob, statement) F(sig, signature)

/* What was said at `by` as its word number `version` about (kind, scope): see proto/inhibitors.h.
 * left_ms: until it ends by itself. */
#define WIRE_FIELDS_inhibit(F)                                                                     \
    F(u8, kind)                                                                                    \
    F(u16, scope)                                                                                  \
    F(u64, version) F(u16, by) F(flag, on) F(u32, left_ms) F(blob, who) F(blob, reason)
/* The word that counts here, durably. held: locks that this node holds. */
#define WIRE_FIELDS_inhibited(F) F(u8, kind) F(u16, scope) F(u64, version) F(u16, by) F(u32, held)

/* As ACCUSE, but an operator asks, and nobody need wait: that replaces F2e and nothing else. */
#define WIRE_FIELDS_fence_ask(F) F(u16, slot) F(u64, life)
/* Do you hear that life? You probe it, too, and are asked once more. */
#define WIRE_FIELDS_heard_ask(F) F(u16, slot) F(u64, life) F(u32, seq)
/* age_ms: since it was heard here last; never: not since this node's start, from which that counts.
 */
#define WIRE_FIELDS_heard(F) F(u16, slot) F(u64, life) F(u32, seq) F(u32, age_ms) F(flag, never)
/* The story of an order that was sent without (proto/docket.h). */
#define WIRE_FIELDS_story(F) F(u16, slot) F(u64, life) F(blob, story) F(scope, scope)
/* To a node of which two starts answer, from these addresses: nothing that it says counts here. */
#define WIRE_FIELDS_cloned(F) F(addr, one) F(addr, other)

enum request_kind {
    REQUEST_ACQUIRE,
    REQUEST_DROP,
    REQUEST_SHOW,
    REQUEST_KEEP,    /* is it still held? Its lease is renewed with it */
    REQUEST_CONVERT, /* this and what follows: a change of a hold (proto/lock_change.c) */
    REQUEST_CANCEL,
    REQUEST_WRITE,
    REQUEST_CLEAR,
    REQUEST_TRANSFER,
    REQUEST_KINDS
};

static inline bool request_is_change(enum request_kind kind)
{
    return kind >= REQUEST_CONVERT && kind < REQUEST_KINDS;
}

enum reply_verdict {
    REPLY_GRANTED,
    REPLY_WAITING,
    REPLY_BUSY,     /* a try that would have to wait; a waiter that would not fit */
    REPLY_DROPPED,  /* the hold, or the place in the queue, is no more */
    REPLY_FULL,     /* too many holders or waiters */
    REPLY_BALLOT,   /* not applied: name my ballot */
    REPLY_REDIRECT, /* not applied: ask `owner` */
    REPLY_SHOWN,
    REPLY_NO_ROOM, /* not applied: it leads, and has no place for the lock just now */
    REPLY_DONE,    /* this and what follows as in enum lock_outcome */
    REPLY_MOVED,
    REPLY_FORGOTTEN,
    REPLY_DEADLOCK,
    REPLY_GONE,
    REPLY_NOT_WRITER,
    REPLY_OTHER_MARK,
    REPLY_NO_WAITER,
    REPLY_INFO_FULL,
    REPLY_VERDICTS
};

enum wire_type {
    WIRE_NONE,
#define WIRE_ENUM(NAME, name) WIRE_##NAME,
    WIRE_MESSAGES(WIRE_ENUM)
#undef WIRE_ENUM
        WIRE_TYPES
};

#define WIRE_STRUCT(NAME, name)                                                                    \
    struct wire_##name {                                                                           \
        WIRE_FIELDS_##name(FIELD_MEMBER)                                                           \
    };
WIRE_MESSAGES(WIRE_STRUCT)
#undef WIRE_STRUCT

struct message {
    enum wire_type type;
    union {
#define WIRE_UNION(NAME, name) struct wire_##name name;
        WIRE_MESSAGES(WIRE_UNION)
#undef WIRE_UNION
    };
};

/* A message's name, for traces; static. */
const char *wire_name(enum wire_type type);
/* Appends one message, header included. The writer fails if there is no room. */
void wire_encode(struct writer *w, const struct message *m);
/* Reads one message. False (and the reader failed) if it is not one. Of `out` the type is set, and
 * the one member that belongs to it. */
bool wire_decode(struct message *out, struct reader *r);
/* The canonical bytes that a member statement signs (fields of `alive` but the signature). */
enum { MEMBER_STATEMENT_SIZE = 2 + 8 + 16 + 4 + 1 };
void wire_member_statement(uint8_t out[MEMBER_STATEMENT_SIZE], const struct wire_alive *alive);

#endif
