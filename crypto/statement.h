/*
 * Statements: canonical bytes that nodes or operators sign, each kind under a context string of its
 * own, so that a signature for one thing can never be read as another. What is signed is
 *
 *     context string, NUL, cluster id (32 bytes), the statement's bytes
 *
 * with Ed25519ph (RFC 8032 section 5.1). Verification is strict: libsodium refuses non-canonical S
 * and points of small order, so a signature has one form.
 */
#ifndef CRYPTO_STATEMENT_H
#define CRYPTO_STATEMENT_H

#include "crypto/hash.h"
#include "crypto/key.h"

enum statement_kind {
    STATEMENT_ROSTER,   /* an operator or a juror signs a roster */
    STATEMENT_MEMBER,   /* a node says how it is: alive, left (proto/swim) */
    STATEMENT_VOTE,     /* a juror's vote for a fence order (crypto/order) */
    STATEMENT_END,      /* a node says that its earlier lives are over (crypto/proof) */
    STATEMENT_RECEIPT,  /* an executor carried out an order (crypto/proof) */
    STATEMENT_OPERATOR, /* an operator's word that a life is over (crypto/operator_receipt) */
    STATEMENT_ARMED,    /* a node says that its watchdog ends its life (crypto/watchdog) */
    STATEMENT_SILENCE,  /* a juror says how long it has not acknowledged a life (crypto/watchdog) */
    STATEMENT_SCOPE /* a node says what is to be done about a session of its own (crypto/scope) */
};

/* The context string of a kind; static. */
const char *statement_context(enum statement_kind kind);
struct signature statement_sign(enum statement_kind kind, const struct cluster_id *cluster,
                                const void *bytes, size_t size, const struct key_pair *key);
bool statement_verify(enum statement_kind kind, const struct cluster_id *cluster, const void *bytes,
                      size_t size, const struct signature *signature, const struct public_key *key);

#endif
