/*
 * Certificates: a statement's signatures by a majority of the roster's jurors (design section 2 and
 * F1). A certificate proves itself: whoever holds the roster can check it, and nothing else counts.
 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include "crypto/bytes.h"
#include "crypto/roster.h"
#include "crypto/statement.h"

struct cert_entry {
    uint16_t slot;
    struct signature signature;
};

struct cert {
    uint8_t count; /* entries, strictly ascending by slot */
    struct cert_entry entries[ROSTER_JURORS_MAX];
};

enum { CERT_BYTES_MAX = 1 + ROSTER_JURORS_MAX * (2 + SIGNATURE_SIZE) };

enum cert_verdict {
    CERT_OK,
    CERT_MALFORMED,   /* order, count */
    CERT_TOO_FEW,     /* fewer than a majority of jurors */
    CERT_NOT_A_JUROR, /* a signer that the roster does not name as juror */
    CERT_DUPLICATE,   /* a signer counted twice */
    CERT_BAD_SIGNATURE
};

const char *cert_verdict_text(enum cert_verdict verdict);
void cert_encode(struct writer *w, const struct cert *cert);
/*
 * Structural only: duplicates are kept, so that cert_verify can name them. False, with the reader
 * failed and `out` empty, if malformed. A certificate may be part of something larger: reader_done
 * is the caller's.
 */
bool cert_decode(struct cert *out, struct reader *r);
/* Adds or ignores (same slot already there); keeps the order. False when full. */
bool cert_add(struct cert *cert, uint16_t slot, const struct signature *signature);
/*
 * Checks that at least roster_juror_quorum distinct jurors of `roster` signed `bytes`. Every entry
 * must be good: one bad signature spoils the certificate, since an honest collector never adds one.
 * On failure *culprit (may be NULL) names the slot, if the fault is one entry's: it is left alone
 * for CERT_TOO_FEW and for a count that is too large.
 */
enum cert_verdict cert_verify(const struct cert *cert, enum statement_kind kind,
                              const struct cluster_id *cluster, const void *bytes, size_t size,
                              const struct roster *roster, uint16_t *culprit);

#endif
