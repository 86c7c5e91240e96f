/*
 * What a watchdog proves (design F6c). A machine that is reset by its own watchdog unless a quorum
 * of the jurors goes on acknowledging it needs nobody to switch it off: that enough time has passed
 * is the proof. Three signed words, each of whoever alone can know:
 *
 *   armed      the node, before its first hold: "from a renewal that a quorum acknowledged to the
 *              reset pass at most B by my clock"
 *   vote       a juror, final: it acknowledges that life no more (order.h)
 *   silence    the same juror, later: "by my clock H has passed since I acknowledged it last"
 *
 *        s* sent       acknowledged                    reset
 *   node    |------------------ B ---------------------->|
 *   juror        |--------------------- H = B (1 + rho)/(1 - rho) + landed -------->| silence
 *
 * H follows from the B that the node itself has signed, never from a policy that may have changed.
 * Any two quorums share a juror, so of the q that were silent one had acknowledged s* or later.
 */
#ifndef CRYPTO_WATCHDOG_H
#define CRYPTO_WATCHDOG_H

#include "crypto/order.h"

enum {
    WATCHDOG_RATE_PPM = 500,   /* rho: clocks run faster or slower by at most so much (A2) */
    WATCHDOG_LANDED_MS = 1000, /* delta_io: what was out of the machine has landed (A5) */
    WATCHDOG_RESET_MAX_MS = 3600 * 1000,
    ARMED_BYTES = 2 + 8 + 16 + 4 + 4 + SIGNATURE_SIZE,
    SILENCE_BYTES = 2 + 4 + SIGNATURE_SIZE,
    WATCHDOG_RECEIPT_BYTES_MAX = ARMED_BYTES + 1 + ROSTER_JURORS_MAX * SILENCE_BYTES
};

struct armed {
    uint16_t slot;
    uint64_t life;
    uint8_t nonce[16];          /* of that life */
    uint32_t reset_ms;          /* B */
    uint32_t timeout_ms;        /* W, as read back from the device; at most B */
    struct signature signature; /* the node's */
};

struct silence {
    uint16_t juror;             /* slot */
    uint32_t silent_ms;         /* since it last acknowledged that life; what it does not know
                                 * counts from its own start */
    struct signature signature; /* over (order, digest of the armed statement, these) */
};

struct watchdog_receipt {
    struct armed armed;
    uint8_t count; /* ascending by juror */
    struct silence silences[ROSTER_JURORS_MAX];
};

enum watchdog_verdict {
    WATCHDOG_OK,
    WATCHDOG_NOT_ARMED,    /* the statement is not of the order's life, or its numbers cannot be */
    WATCHDOG_NOT_A_JUROR,  /* silent, and no juror; or its vote is not in the order */
    WATCHDOG_DUPLICATE,    /* a juror is counted twice, or they are not ascending */
    WATCHDOG_TOO_EARLY,    /* a juror was silent for less than H */
    WATCHDOG_TOO_FEW,      /* fewer than q were silent */
    WATCHDOG_BAD_SIGNATURE /* of the node, or of a juror */
};

/* H in milliseconds, rounded up. */
uint32_t armed_hand_over_ms(const struct armed *armed);
/* Whether its numbers can be: 0 < W <= B <= WATCHDOG_RESET_MAX_MS. */
bool armed_valid(const struct armed *armed);
void armed_sign(struct armed *armed, const struct cluster_id *cluster, const struct key_pair *key);
/* Of a node of the roster, with numbers that can be, signed by it. */
bool armed_verify(const struct armed *armed, const struct cluster_id *cluster,
                  const struct roster *roster);
/* Names it: of its encoding, without the signature. */
struct digest armed_digest(const struct armed *armed);
void armed_encode(struct writer *w, const struct armed *armed);
/* False, and all of `out` zero, if it is cut short or its numbers cannot be. */
bool armed_decode(struct armed *out, struct reader *r);

void silence_sign(struct silence *silence, const struct order *order, const struct armed *armed,
                  const struct cluster_id *cluster, const struct key_pair *key);
/* Its signer is a juror, and its signature is good for this order and this statement. */
bool silence_verify(const struct silence *silence, const struct order *order,
                    const struct armed *armed, const struct cluster_id *cluster,
                    const struct roster *roster);

/* Adds one in order; one of the same juror takes the place of the older. False when full. */
bool watchdog_receipt_add(struct watchdog_receipt *receipt, const struct silence *silence);
void watchdog_receipt_encode(struct writer *w, const struct watchdog_receipt *receipt);
/* Structural: keeps duplicates for the verdict. False, and all of `out` zero, on any flaw. */
bool watchdog_receipt_decode(struct watchdog_receipt *out, struct reader *r);
/* Strictly, all but the certificate itself: order_cert_verify is the caller's. */
enum watchdog_verdict watchdog_receipt_verify(const struct watchdog_receipt *receipt,
                                              const struct order_cert *cert,
                                              const struct cluster_id *cluster,
                                              const struct roster *roster);

#endif
