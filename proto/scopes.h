/*
 * What a juror keeps about single sessions of others' lives (F1, F2, F9), beside what it keeps
 * about the lives themselves (juror.h): its votes against them, who asked for them, and until when
 * an executor may act on them.
 *
 * The evidence for such a vote is the same as for one against the whole life, and so is what
 * follows from it: it is durable before it is sent, and no renewal of that life is ever
 * acknowledged after it. It spares the machine, no more. The same juror may vote against the whole
 * life later: that is another order, with other bytes.
 */
#ifndef PROTO_SCOPES_H
#define PROTO_SCOPES_H

#include "proto/juror.h"

enum { SCOPES_MAX = 128 };

struct scope_file {
    bool used;
    uint16_t slot;
    uint64_t life;
    struct scope scope;
    uint16_t accuser; /* who asked last, */
    struct instant asked_at;
    struct instant logged_at; /* when the fence log was told, or would have been; ns 0: never */
    bool voted;
    struct vote vote;
    struct evidence evidence;
    uint64_t vote_lsn;
    bool window;        /* an executor may act on it (F9), */
    uint16_t window_by; /* SLOT_NONE: several: none of them alone can close it */
    struct span window_span;
    struct instant window_until;
    uint64_t window_lsn;
};

struct scopes {
    struct juror *juror;
    struct scope_file *files; /* SCOPES_MAX */
};

size_t scopes_bytes(const struct peer_config *config);
void scopes_init(struct scopes *t, struct juror *juror, void *memory);
/* Records VOTE and WINDOW that name a session. */
void scopes_load(struct scopes *t, const struct record *record, uint64_t lsn);
void scopes_start(struct scopes *t, struct instant now);
/* An accusation of one session; what can be said of its life without looking is `opinion`. */
void scopes_accused(struct scopes *t, struct instant now, uint16_t from,
                    const struct wire_accuse *m, struct dossier *s, enum opinion opinion);
/* A look at its life has found nothing: votes against the sessions that were asked for just now. */
void scopes_vote(struct scopes *t, struct instant now, uint16_t slot, struct dossier *s);
/* EXEC_ASK about a session, by an executor that may ask. */
void scopes_exec_ask(struct scopes *t, struct instant now, uint16_t from,
                     const struct wire_exec_ask *m);
/* That executor has acted, and acts no more. */
void scopes_run_over(struct scopes *t, struct instant now, uint16_t executor,
                     const struct wire_exec_report *m);
/* Whether somebody may still act on a session of a life of `slot` below `life` (F9). */
bool scopes_acted_on(const struct scopes *t, struct instant now, uint16_t slot, uint64_t life);
/* The records of one file, one after another from *cursor = 0; false when there are no more. */
bool scopes_record(const struct scopes *t, size_t index, int *cursor, struct record *out);

#endif
