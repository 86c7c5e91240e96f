/*
 * Fencing: the door of section 7's modules, as peer.h is that of the whole peer. It hands each
 * message to the module that answers for it and carries news between them: what a proof frees, what
 * an order binds, what standing gives and takes, when this node's life ends and another counts.
 *
 *     life       this node's life: claimed, its predecessors' end stated
 *     standing   whether a quorum acknowledges it; whether a vote or an order binds it
 *     juror      what it says about others' lives (inquiry.c: its vote)
 *     accuser    what it asks the jurors, for those who wait behind the dead
 *     docket     certified orders and their stories
 *     executor   what it does about them
 *     proofs     end statements and receipts; signs: who is still heard
 *     inhibitors what administrators freeze, maintain and drain
 *     hearing    who still hears a life that an operator says is over
 *     armory     this node under a watchdog, and what jurors know of others'; vigil: their receipts
 *     ended      receipts about sessions; scopes: a juror's votes and windows about them
 */
#ifndef PROTO_FENCING_H
#define PROTO_FENCING_H

#include "proto/armed.h"
#include "proto/asker.h"
#include "proto/coordinator.h"
#include "proto/executor.h"
#include "proto/hearing.h"
#include "proto/inhibitors.h"
#include "proto/juror.h"
#include "proto/life.h"
#include "proto/scopes.h"
#include "proto/stale.h"
#include "proto/vigil.h"

struct fencing {
    struct core *core;
    struct asker *asker;
    struct coordinator *coordinator;
    struct signs signs;
    struct proofs proofs;
    struct ended ended;
    struct standing standing;
    struct life life;
    struct docket docket;
    struct juror juror;
    struct scopes scopes;
    struct accuser accuser;
    struct executor executor;
    struct inhibitors inhibitors;
    struct hearing hearing;
    struct armory armory;
    struct vigil vigil;
    struct instant alarm_at;  /* the next alarm, but not before */
    struct instant remind_at; /* whose session was ended hears of the order, but not before */
    bool obey;                /* F3: under an order that the last run of this agent knew of */
    bool spend;               /* what is held must end, and this life with it: see armory_start */
};

size_t fencing_bytes(const struct peer_config *config);
void fencing_init(struct fencing *f, struct core *core, struct asker *asker,
                  struct coordinator *coordinator, void *memory);
/* Takes a record of the log; kinds that are not fencing's are ignored. False if there is no room.
 */
bool fencing_load(struct fencing *f, const struct record *record, uint64_t lsn);
/* All is loaded. */
void fencing_start(struct fencing *f, struct instant now, bool store_lost);
/* L7: see life_checked. */
void fencing_checked(struct fencing *f, struct instant now, bool behind, uint64_t seen);
/* The log is durable further: what waited for it goes on. */
void fencing_durable(struct fencing *f, struct instant now);
/* `slot` was heard under `life`, by a message that names it. */
void fencing_heard(struct fencing *f, struct instant now, uint16_t slot, uint64_t life);
void fencing_take(struct fencing *f, struct instant now, uint16_t from, const struct message *m);
/* SWIM's word about `slot` is another one now. */
void fencing_member(struct fencing *f, struct instant now, const struct swim_change *change);
/* EVENT_SUBMIT. */
void fencing_submit(struct fencing *f, struct instant now, const struct event *event);
/* EVENT_INHIBIT. */
void fencing_inhibit(struct fencing *f, struct instant now, const struct event *event);
/* EVENT_FENCE, EVENT_HEAR. */
void fencing_ask(struct fencing *f, struct instant now, const struct event *event);
void fencing_step(struct fencing *f, struct instant now);
/* What this step brought is carried on to whom it concerns. */
void fencing_settle(struct fencing *f, struct instant now);
struct instant fencing_deadline(const struct fencing *f);
/* The live state as records, one after another from a zeroed cursor; false at the end. They point
 * at the peer's memory, and at the cursor's. */
struct fencing_cursor {
    size_t part, index;
    int step;
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
};
bool fencing_record(const struct fencing *f, struct fencing_cursor *cursor, struct record *out);
/* An upper bound on their number. */
size_t fencing_records(const struct fencing *f);

#endif
