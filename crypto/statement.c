/* Statements: see statement.h; their context strings are in context.c. */
#include "crypto/statement.h"

#include <sodium.h>
#include <string.h>

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
