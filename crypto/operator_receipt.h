/*
 * The operator's receipt (design F6d, F12): a person's signed word that a life is over, where no
 * executor and no watchdog can say so.
 *
 *   confirmation   on an existing certificate of the jurors; one operator key of the roster signs
 *   break-glass    there is no certificate, since the roster's jury is too small to order anything
 *                  (F12: fewer than three jurors); every operator key of the roster signs
 *
 * Both name the order (so cluster, roster, slot and life) and the machine by its name, as a person
 * has typed them. A signature of one form does not verify as the other.
 */
#ifndef CRYPTO_OPERATOR_RECEIPT_H
#define CRYPTO_OPERATOR_RECEIPT_H

#include "crypto/order.h"

enum {
    OPERATOR_RECEIPT_BYTES_MAX =
        1 + ROSTER_NAME_SIZE + 1 + ROSTER_OPERATORS_MAX * (1 + SIGNATURE_SIZE)
};

enum operator_form { OPERATOR_CONFIRMS = 1, OPERATOR_BREAKS_GLASS = 2 };

struct operator_receipt {
    enum operator_form form;
    char machine[ROSTER_NAME_SIZE]; /* the target's name by the roster */
    uint8_t count;                  /* signatures, strictly ascending by operator */
    struct roster_signature signatures[ROSTER_OPERATORS_MAX];
};

enum operator_verdict {
    OPERATOR_OK,
    OPERATOR_MALFORMED,
    OPERATOR_WRONG_MACHINE, /* the name is not that of the order's target */
    OPERATOR_UNKNOWN,       /* the roster has no such operator */
    OPERATOR_MISSING,       /* fewer signatures than the form needs */
    OPERATOR_NOT_ALLOWED,   /* break-glass under a roster whose jurors can order, or with votes */
    OPERATOR_BAD_SIGNATURE
};
/* One sentence naming the rule, without a final stop; static. */
const char *operator_verdict_text(enum operator_verdict verdict);

/* Adds operator `index`'s signature; one that is there is replaced. False when full. */
bool operator_receipt_sign(struct operator_receipt *receipt, const struct order *order,
                           const struct cluster_id *cluster, uint8_t index,
                           const struct key_pair *key);
void operator_receipt_encode(struct writer *w, const struct operator_receipt *receipt);
/* Structural. On false the reader has failed and `out` is all zero. */
bool operator_receipt_decode(struct operator_receipt *out, struct reader *r);
/*
 * Strictly: every signature must be good, and there must be as many as the form needs. Of a
 * confirmation the certificate is the caller's to verify; a break-glass must come with none.
 */
enum operator_verdict operator_receipt_verify(const struct operator_receipt *receipt,
                                              const struct order_cert *cert,
                                              const struct cluster_id *cluster,
                                              const struct roster *roster,
                                              const struct digest *roster_digest);

#endif
