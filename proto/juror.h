/*
 * The juror: what this node says about others' lives (F2, F7, F8, F9). Only a juror of the roster,
 * out of the store that the roster names, says any of it (L7).
 *
 *     the book     the highest life of each node and its nonce; a claim is answered once durable
 *     renewals     acknowledged while the life is in the book, not over and not voted against
 *     inquiries    an accusation makes the juror look for itself (inquiry.h)
 *     votes        final: durable before they are sent, and no renewal of that life is ever
 *                  acknowledged after one (F2)
 *     windows      an executor that asked may act for a while; until that is over no higher life of
 *                  its target is taken into the book (F9)
 */
#ifndef PROTO_JUROR_H
#define PROTO_JUROR_H

#include "proto/docket.h"
#include "proto/dues.h"
#include "proto/standing.h"

/* An executor begins within so long of asking (F9). */
#define ASK_SPAN SPAN_MS(2000)

/* What a juror keeps about one node. */
struct dossier {
    uint64_t life;    /* the book; 0: none */
    uint64_t claimed; /* the highest life claimed, taken into the book or not yet */
    struct nonce nonce;
    uint64_t lsn;
    uint64_t renewed_life; /* the last renewal */
    struct instant renewed_at;
    /* The vote. */
    uint64_t voted; /* the life voted against; 0: none */
    struct vote vote;
    struct evidence evidence;
    uint64_t vote_lsn;
    uint64_t scoped; /* the highest life of which a session was voted against (scopes.h); 0: none */
    uint64_t scoped_lsn;
    struct instant tell_at; /* the target hears of it again, but not before */
    /* F8: when it became unreachable, or came under a vote; ns 0: not, or over. */
    struct instant unreachable_at;
    uint64_t unreachable_life;
    struct instant voted_at;
    /* F9. */
    uint64_t window_life; /* an executor may act on it, */
    uint16_t window_by;
    struct span window_span;
    struct instant window_until;
    uint64_t window_lsn;
    /* The inquiry. */
    bool open;
    bool whole;        /* the whole life was asked for, not only sessions of it */
    uint64_t inquired; /* the life */
    bool requested;    /* by an operator, not for a waiter */
    uint16_t accuser;
    struct instant began_at, again_at, until;
    uint64_t told_life; /* of what this node's operator was told last */
    enum opinion told;
    struct instant clean_at; /* the last look that found nothing began then; ns 0: none */
    uint8_t clean_direct;    /*   and what it sent, and heard from relays */
    uint32_t clean_silent;
    struct instant prepare_at; /* before, and when, V since the last renewal is over; ns 0: not */
    uint8_t direct, relays;
    uint32_t alive;  /* relays that it answered */
    uint32_t silent; /* relays that say that it did not */
    /* What the fence log was told last. */
    uint64_t logged;   /* the life it was accused under; 0: none */
    bool logged_whole; /* or only a session of it */
    struct instant logged_at;
    enum opinion logged_opinion; /* OPINIONS: none */
    struct evidence logged_evidence;
};

struct scopes;

struct juror {
    struct core *core;
    struct scopes *scopes;
    const struct signs *signs;
    struct dossier *dossiers; /* by index in the roster */
    struct dues due;          /* by dossier: its inquiry's next step, or its `prepare_at` */
    struct instant started;
    bool serves; /* this node is a juror */
};

size_t juror_bytes(const struct peer_config *config);
void juror_init(struct juror *j, struct core *core, const struct signs *signs, void *memory);
void juror_load(struct juror *j, const struct record *record, uint64_t lsn);
void juror_start(struct juror *j, struct instant now);
/* Messages LIFE_CLAIM, RENEW, ACCUSE, FENCE_ASK, EXEC_ASK, DOUBT_ANSWER of its own relayed probes.
 */
void juror_take(struct juror *j, struct instant now, uint16_t from, const struct message *m);
/* The number that marks a DOUBT as a relayed probe of an inquiry. */
bool juror_asked(const struct wire_doubt_answer *m);
/* `slot` was heard under `life`: it is told of a vote against it. */
void juror_heard(struct juror *j, struct instant now, uint16_t slot, uint64_t life);
/* SWIM holds that life of it dead: it counts for F8. */
void juror_dead(struct juror *j, struct instant now, uint16_t slot, uint64_t life);
/* A proof about it is held: the end statement of what counts takes it out of F8's count. */
void juror_proof(struct juror *j, uint16_t slot);
/* An executor has acted, and the target is off: it acts no more. */
void juror_run_over(struct juror *j, struct instant now, uint16_t executor,
                    const struct wire_exec_report *m);
void juror_step(struct juror *j, struct instant now);
struct instant juror_deadline(const struct juror *j);
/* Whether that is what a look at every dossier finds; for checks. */
bool juror_agrees(const struct juror *j);
/* The life of `slot` that this juror voted against; 0: none. */
uint64_t juror_voted(const struct juror *j, uint16_t slot);
/* F8: this node's count, with `slot` in it, and what it must not exceed. */
size_t juror_brake(const struct juror *j, struct instant now, uint16_t slot, size_t *limit);
/* The records of one node, one after another from *cursor = 0; false when there are no more. */
bool juror_record(const struct juror *j, size_t index, int *cursor, struct record *out);

#endif
