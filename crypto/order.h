/*
 * Fence orders (design F1). The bytes of an order are fixed by what it is about: roster epoch and
 * digest, slot and life, and its scope, where it is about one session of that life alone (the
 * cluster is part of every signature). No asker, reason or number is in it, so the votes of any two
 * askers add up. An order about a session allows its own action, beside `retire`; one about a whole
 * life none that ends sessions.
 *
 * A vote is a juror's signature over (order, the actions that it allows, how long ago it last
 * acknowledged a renewal of that life). An order is *certified* for an action by q votes that allow
 * it, of distinct jurors of that epoch, each strictly verified. Nothing less than a certified order
 * is ever acted upon (F4).
 */
#ifndef CRYPTO_ORDER_H
#define CRYPTO_ORDER_H

#include "crypto/bytes.h"
#include "crypto/roster.h"
#include "crypto/scope.h"
#include "crypto/statement.h"

/* A certified order's file: this, then its bytes. */
#define ORDER_FILE_MAGIC "HFORDER1"

enum {
    FENCE_FILE_MAGIC_SIZE = 8,
    /* Actions by their one-byte index: 0 is `retire`, 1.. are the roster's. A vote's mask has a bit
       each. */
    ACTION_RETIRE = 0,
    ACTIONS_MAX = 32,
    JURY_LEAST = 3, /* with fewer one vote, or each, would be one key: they order nothing (F12) */
    ORDER_BYTES = 4 + DIGEST_SIZE + 2 + 8 + SCOPE_NONE_BYTES, /* of one about a whole life */
    ORDER_BYTES_MAX = ORDER_BYTES - SCOPE_NONE_BYTES + SCOPE_BYTES_MAX,
    VOTE_BYTES = 2 + 4 + 4 + SIGNATURE_SIZE,
    ORDER_CERT_BYTES_MAX = ORDER_BYTES_MAX + 1 + ROSTER_JURORS_MAX * VOTE_BYTES
};

struct order {
    uint32_t epoch;
    struct digest roster;
    uint16_t slot; /* whose life ends, or a session of it */
    uint64_t life; /* from 1 */
    struct scope scope;
};

struct vote {
    uint16_t juror;  /* slot */
    uint32_t allows; /* mask of actions */
    uint32_t age_ms; /* since the juror last acknowledged a renewal of that life; what it does not
                      * know counts from its own start */
    struct signature signature;
};

struct order_cert {
    struct order order;
    uint8_t count; /* votes, ascending by juror */
    struct vote votes[ROSTER_JURORS_MAX];
};

enum order_verdict {
    ORDER_OK,
    ORDER_MALFORMED,
    ORDER_OTHER_ROSTER, /* another epoch, or the same with another digest */
    ORDER_NO_SUCH_NODE, /* the roster does not name the slot */
    ORDER_NOT_A_JUROR,
    ORDER_DUPLICATE,     /* a juror counted twice */
    ORDER_BAD_SIGNATURE, /* also: signed for another cluster, slot, life or roster */
    ORDER_TOO_FEW,       /* fewer than q votes allow the action */
    ORDER_NO_JURY,       /* the roster names fewer than JURY_LEAST jurors */
    ORDER_WRONG_ACTION /* the action ends sessions, and the order is about a life; or not its own */
};
/* One sentence naming the rule, without a final stop; static. */
const char *order_verdict_text(enum order_verdict verdict);

void order_encode(struct writer *w, const struct order *order);
/* Whether the action is one for what it is about; `retire` always is. */
bool order_suits(const struct order *order, uint8_t action, const struct roster *roster);
bool order_equal(const struct order *a, const struct order *b);
struct digest order_digest(const struct order *order);

void vote_sign(struct vote *vote, const struct order *order, const struct cluster_id *cluster,
               const struct key_pair *key);
/* One vote by itself: its signer is a juror, and its signature is good. */
enum order_verdict vote_verify(const struct vote *vote, const struct order *order,
                               const struct cluster_id *cluster, const struct roster *roster);

void order_cert_encode(struct writer *w, const struct order_cert *cert);
/*
 * Structural: keeps duplicates, so that order_cert_verify can name them. What follows the last vote
 * is left in the reader: ask reader_done where nothing may. On false (life 0, too many votes, not
 * ascending, cut short) the reader has failed and `out` is all zero.
 */
bool order_cert_decode(struct order_cert *out, struct reader *r);
/* Adds a vote in order; one of the same juror takes the place of the older. False when full. */
bool order_cert_add(struct order_cert *cert, const struct vote *vote);
/* Votes that allow the action, without looking at signatures. */
size_t order_cert_allowing(const struct order_cert *cert, uint8_t action);
/*
 * Strictly: every vote must be good, and at least roster_juror_quorum must allow `action`. *culprit
 * (may be NULL) names the juror at fault; it is left alone where no single one is.
 */
enum order_verdict order_cert_verify(const struct order_cert *cert, uint8_t action,
                                     const struct cluster_id *cluster, const struct roster *roster,
                                     const struct digest *roster_digest, uint16_t *culprit);

#endif
