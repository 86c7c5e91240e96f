/*
 * Statements: see statement.h. A context string ends at its NUL and none is a prefix of another,
 * and the cluster id has a fixed size, so what is signed can be read in one way only.
 */
#include "crypto/statement.h"

#include <sodium.h>
#include <string.h>

const char *statement_context(enum statement_kind kind)
{
    switch (kind) {
    case STATEMENT_ROSTER:
        return "holdfast roster 1";
    case STATEMENT_MEMBER:
        return "holdfast member 1";
    }
    /* A kind that does not exist is a bug here: signing it under any context would be worse. */
    __builtin_trap();
}

static void absorb(crypto_sign_state *state, enum statement_kind kind,
                   const struct cluster_id *cluster, const void *bytes, size_t size)
{
    const char *context = statement_context(kind);
    crypto_sign_init(state);
    crypto_sign_update(state, (const uint8_t *)context, strlen(context) + 1);
    crypto_sign_update(state, cluster->bytes, sizeof cluster->bytes);
    crypto_sign_update(state, bytes, size);
}

struct signature statement_sign(enum statement_kind kind, const struct cluster_id *cluster,
                                const void *bytes, size_t size, const struct key_pair *key)
{
    crypto_sign_state state;
    struct signature signature;
    absorb(&state, kind, cluster, bytes, size);
    crypto_sign_final_create(&state, signature.bytes, NULL, key->secret);
    return signature;
}

bool statement_verify(enum statement_kind kind, const struct cluster_id *cluster, const void *bytes,
                      size_t size, const struct signature *signature, const struct public_key *key)
{
    crypto_sign_state state;
    absorb(&state, kind, cluster, bytes, size);
    return crypto_sign_final_verify(&state, signature->bytes, key->bytes) == 0;
}
