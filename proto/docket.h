/*
 * The docket: the certified orders that this node knows (F1, F4), with their story: who asked, what
 * each juror said and had seen, what executors told, and the receipt. Durable on everybody who was
 * told, so that "why was this machine rebooted?" can be asked of any of them.
 *
 * An order is verified here, once, by whoever acts on it: the target, an executor, a juror that is
 * asked by an executor. Nothing else makes an order usable.
 */
#ifndef PROTO_DOCKET_H
#define PROTO_DOCKET_H

#include "proto/ended.h"
#include "proto/proofs.h"

enum { STORY_BYTES_MAX = 2 + 1 + LOCK_NAME_MAX + 1 + ROSTER_JURORS_MAX * 24 + 2 * 256 };
/* In ORDER_STORED, beside the actions: the story is kept, too. */
#define ORDER_STORY_KEPT (UINT32_C(1) << 31)

struct docket_entry {
    bool used;
    uint16_t slot;
    uint64_t life;
    struct scope scope; /* none: the whole life */
    uint32_t actions;   /* mask: q votes allow each */
    struct digest order;
    struct order_cert cert;
    uint8_t *story; /* in the arena; NULL: none */
    uint32_t story_size;
    uint64_t lsn;
    uint64_t serial;           /* order of coming: the oldest gives way */
    struct instant at;         /* the last news of it, in this run */
    struct instant look_at;    /* the executor's: whose turn it is */
    struct instant runs_until; /* an executor said that it acts until then */
    uint16_t yes_to;           /* F9: it may begin until then, by this */
    struct instant yes_until;  /*   juror's word (begun.h) */
    uint16_t first;            /* of those that asked lately the best rank */
    struct instant first_until;
    struct fence_report reports[FENCE_REPORTS_MAX]; /* one of each executor, oldest first */
    size_t report_count;
    uint8_t *proof; /* the receipt with its order; in the arena; NULL: none */
    uint32_t proof_size;
    struct digest proof_digest;
};

struct docket {
    struct core *core;
    struct proofs *proofs;
    struct docket_entry *entries; /* places_orders() of them at most; */
    size_t count;                 /* so many were ever used */
    uint64_t serial;
};

enum docket_news { DOCKET_NEW, DOCKET_HELD, DOCKET_REFUSED };

size_t docket_bytes(const struct peer_config *config);
void docket_init(struct docket *d, struct core *core, struct proofs *proofs, void *memory);
/* Records ORDER, REPORT, PROOF. */
bool docket_load(struct docket *d, const struct record *record, uint64_t lsn);
void docket_start(struct docket *d, struct instant now);
/* A certificate's bytes; story may be empty. *why (may be NULL) is set on DOCKET_REFUSED. */
enum docket_news docket_offer(struct docket *d, struct instant now, struct view bytes,
                              struct view story, const char **why);
/* Verifies the bytes strictly, whatever is held: NULL, or the rule that they break; static. */
const char *docket_judge(struct docket *d, struct view bytes);
/* The order against the whole life. */
struct docket_entry *docket_find(const struct docket *d, uint16_t slot, uint64_t life);
/* The one in that scope, be it none. */
struct docket_entry *docket_find_scope(const struct docket *d, uint16_t slot, uint64_t life,
                                       const struct scope *scope);
/* An executor tells about its work. False if nothing is known of the order, or it says nothing new.
 */
bool docket_report(struct docket *d, struct instant now, uint16_t executor,
                   const struct wire_exec_report *m);
const struct fence_report *docket_report_of(const struct docket_entry *e, uint16_t executor);
/* A proof about `slot` is held: a receipt belongs to the story of its order. */
void docket_proof(struct docket *d, uint16_t slot);
/* The same of a session. */
void docket_ended(struct docket *d, const struct ended_entry *ended);
/* Sends the order in one datagram: with its story if both fit, else the story is for
 * docket_send_story, once the order is stored there. */
void docket_send(struct docket *d, uint16_t to, const struct docket_entry *e);
/* Whether the story has to go by itself. */
bool docket_long(const struct docket_entry *e);
void docket_send_story(struct docket *d, uint16_t to, const struct docket_entry *e);
/* A story comes by itself. The entry it belongs to, which has one from now on; NULL if nothing is
 * known of the order, or it is no story. */
struct docket_entry *docket_story(struct docket *d, const struct wire_story *m);
/* Tells `to` what of it is durable here, as soon as it is. */
void docket_acknowledge(struct docket *d, uint16_t to, const struct docket_entry *e);
/* Whether an order binds that life. */
bool docket_binds(const struct docket *d, uint16_t slot, uint64_t life);
/* Whether one about a session of it does. */
bool docket_binds_session(const struct docket *d, uint16_t slot, uint64_t life);
/* Whether what the order is about is proven over. */
bool docket_over(const struct docket *d, const struct docket_entry *e);
/* The ladder: of an order about a session its own action, of one about a life the roster's, in its
 * order, as far as q votes allow them. The first; ACTION_RETIRE if there is none. */
uint8_t docket_action(const struct docket_entry *e);
/* The one after `action`; ACTION_RETIRE if that was the last. */
uint8_t docket_action_after(const struct docket_entry *e, uint8_t action);

void story_encode(struct writer *w, const struct fence_story *story);
/* The name points into the bytes. */
bool story_decode(struct fence_story *out, struct view bytes);

/* The records of one entry, one after another from *cursor = 0; false when there are no more. What
 * they point at is the docket's, and `bytes`. */
bool docket_record(const struct docket *d, size_t index, int *cursor, struct record *out,
                   uint8_t bytes[ORDER_CERT_BYTES_MAX]);

#endif
