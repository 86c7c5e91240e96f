/*
 * Proofs that a life is over (design F5, F6). A lock passes on from a holder that did not release
 * it only with one of these:
 *
 *   end statement   the node's own word, under a higher life: every life below `life` is over (F6a)
 *   executed order  a certified order for that life, and the receipt of an executor that carried it
 *                   out: off, then a status query that said off, on the device that the roster
 *                   names (F6b). Of an order about one session it covers the holds in that scope,
 *                   and no others; that has no device of the roster's
 *   operator's word on a certified order, or, where no jury can order, without one: a person's
 *                   signature that the machine is off (F6d, F12; crypto/operator_receipt)
 *   watchdog        a certified order, the node's word that its watchdog is armed, and q of the
 *                   jurors that voted saying that they were silent for long enough (F6c)
 *
 * A proof has one encoding, and its digest names it. Whoever holds the roster can check it.
 */
#ifndef CRYPTO_PROOF_H
#define CRYPTO_PROOF_H

#include "crypto/operator_receipt.h"
#include "crypto/watchdog.h"

enum {
    /* The longest kind is a watchdog's, on an order about a whole life. */
    PROOF_BYTES_MAX =
        1 + ORDER_CERT_BYTES_MAX - ORDER_BYTES_MAX + ORDER_BYTES + WATCHDOG_RECEIPT_BYTES_MAX,
    WITNESS_NONE = 0xffff
};
_Static_assert((int)WATCHDOG_RECEIPT_BYTES_MAX > (int)OPERATOR_RECEIPT_BYTES_MAX, "the longest");

enum proof_kind { PROOF_END = 1, PROOF_EXECUTED = 2, PROOF_WATCHDOG = 3, PROOF_OPERATOR = 4 };

struct end_statement {
    uint16_t slot;
    uint64_t life;              /* the present one: all below it are over */
    uint8_t nonce[16];          /* of that life */
    struct signature signature; /* the node's */
};

struct receipt {
    uint8_t action;
    uint16_t executor;        /* slot */
    uint16_t witness;         /* slot of the further node whose status query said off too (F6b),
                               * neither executor nor target; WITNESS_NONE if no other node reached
                               * the device */
    char device[DEVICE_SIZE]; /* identity that the device's status printed; of a session, what its
                               * action's status printed, if anything */
    /* The executor's, over (order, action, executor, witness, device). */
    struct signature signature;
};

struct proof {
    enum proof_kind kind;
    struct end_statement end;                 /* PROOF_END */
    struct order_cert cert;                   /* all others; of a break-glass without votes */
    struct receipt receipt;                   /* PROOF_EXECUTED */
    struct watchdog_receipt watchdog;         /* PROOF_WATCHDOG */
    struct operator_receipt operator_receipt; /* PROOF_OPERATOR */
};

/* A proof's file: this, then its bytes. */
#define PROOF_FILE_MAGIC "HFPROOF1"

enum proof_verdict {
    PROOF_OK,
    PROOF_MALFORMED,
    PROOF_NO_SUCH_NODE,
    PROOF_ORDER,       /* the order is not certified: see *order_verdict */
    PROOF_NO_EXECUTOR, /* the roster does not let this node execute, or it is the target itself; its
                        * witness is not a further node; or the action is none that executors know
                        */
    PROOF_WRONG_DEVICE, /* not the device that the roster names for the target */
    PROOF_BAD_SIGNATURE,
    PROOF_OPERATOR_REFUSED, /* the operator's receipt is not good: see operator_receipt_verify */
    PROOF_NOT_ARMED,        /* no word of the target that its watchdog ends this life */
    PROOF_NOT_SILENT /* fewer than q of the jurors that voted were silent for as long as it takes */
};
const char *proof_verdict_text(enum proof_verdict verdict);

void end_statement_sign(struct end_statement *end, const struct cluster_id *cluster,
                        const struct key_pair *key);
void receipt_sign(struct receipt *receipt, const struct order *order,
                  const struct cluster_id *cluster, const struct key_pair *key);
void proof_encode(struct writer *w, const struct proof *proof);
/*
 * Structural. What follows is left in the reader: ask reader_done where nothing may. On false the
 * reader has failed and `out` is all zero.
 */
bool proof_decode(struct proof *out, struct reader *r);
/* *order_verdict (may be NULL) says what is wrong with the order on PROOF_ORDER. */
enum proof_verdict proof_verify(const struct proof *proof, const struct cluster_id *cluster,
                                const struct roster *roster, const struct digest *roster_digest,
                                enum order_verdict *order_verdict);
/* Names it (F5). */
struct digest proof_digest(const struct proof *proof);
uint16_t proof_slot(const struct proof *proof);
/* The highest life of that slot that it proves over; 0: none, but a session at most. */
uint64_t proof_covers(const struct proof *proof);
/* The session that it proves over, and its life; NULL: it is about whole lives. */
const struct scope *proof_scope(const struct proof *proof, uint64_t *life);

#endif
