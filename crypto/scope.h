/*
 * The scope of a fence order that is narrower than a whole life (design sections 6 and 7): one
 * session of it, to be ended by one of the roster's session actions, which is told `info`: a
 * session to end, a process to kill, an export to revoke.
 *
 * A scope comes from the holder alone. Its node signs it, for its own slot and life (a *word*); the
 * word is stored with the hold, jurors check it before they vote, and executors hand over the info
 * that stands in the order. So no coordinator, juror or executor can choose what is ended: a key
 * that was stolen names sessions of its own node, and of no other.
 */
#ifndef CRYPTO_SCOPE_H
#define CRYPTO_SCOPE_H

#include "crypto/bytes.h"
#include "crypto/roster.h"
#include "crypto/statement.h"

enum {
    SCOPE_INFO_MAX = 128, /* bytes of UTF-8 without control characters: it becomes a variable */
    SCOPE_NONE_BYTES = 8, /* of a scope that is none */
    SCOPE_BYTES_MAX = SCOPE_NONE_BYTES + 1 + 1 + SCOPE_INFO_MAX,
    SCOPE_WORD_BYTES_MAX = SCOPE_BYTES_MAX + SIGNATURE_SIZE
};

struct scope {
    uint64_t session;  /* the agent's number for it, never used twice in a life; 0: no scope, the
                        * whole life */
    uint8_t action;    /* of the roster, one that ends sessions; 0 without a scope */
    uint8_t info_size; /* 0 without a scope */
    uint8_t info[SCOPE_INFO_MAX];
};

/* What a node says of itself: this is to be done about that session. */
struct scope_word {
    struct scope scope;
    struct signature signature; /* over (slot, life, scope) */
};

/* The whole life. */
extern const struct scope scope_none;

/* Fills in the info; false, and no scope, if it is too long or no text (crypto/text.h). */
bool scope_make(struct scope *out, uint64_t session, uint8_t action, const void *info, size_t size);
bool scope_equal(const struct scope *a, const struct scope *b);
/* Session u64; unless that is 0: action u8, size u8, info. */
void scope_encode(struct writer *w, const struct scope *scope);
/* False, and the reader failed, if it is none; `out` is then no scope. */
bool scope_decode(struct scope *out, struct reader *r);

void scope_sign(struct scope_word *word, uint16_t slot, uint64_t life,
                const struct cluster_id *cluster, const struct key_pair *key);
/* The word of that slot about that life, for an action that the roster has for sessions. */
bool scope_verify(const struct scope_word *word, uint16_t slot, uint64_t life,
                  const struct cluster_id *cluster, const struct roster *roster);
/* The scope, then, unless there is none, its signature. */
void scope_word_encode(struct writer *w, const struct scope_word *word);
bool scope_word_decode(struct scope_word *out, struct reader *r);
/* The bytes that scope_word_encode takes. */
size_t scope_word_size(const struct scope_word *word);

#endif
