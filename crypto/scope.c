/* Scopes: see scope.h. */
#include "crypto/scope.h"

#include "crypto/text.h"

#include <string.h>

const struct scope scope_none;

enum { SIGNED_BYTES_MAX = 2 + 8 + SCOPE_BYTES_MAX };

bool scope_make(struct scope *out, uint64_t session, uint8_t action, const void *info, size_t size)
{
    memset(out, 0, sizeof *out);
    if (session == 0 || action == 0 || size > SCOPE_INFO_MAX || !text_valid(info, size))
        return false;
    out->session = session;
    out->action = action;
    out->info_size = (uint8_t)size;
    if (size)
        memcpy(out->info, info, size);
    return true;
}

bool scope_equal(const struct scope *a, const struct scope *b)
{
    return a->session == b->session && a->action == b->action && a->info_size == b->info_size &&
           memcmp(a->info, b->info, a->info_size) == 0;
}

void scope_encode(struct writer *w, const struct scope *scope)
{
    write_u64(w, scope->session);
    if (scope->session == 0)
        return;
    write_u8(w, scope->action);
    write_u8(w, scope->info_size);
    write_copy(w, scope->info, scope->info_size);
}

bool scope_decode(struct scope *out, struct reader *r)
{
    memset(out, 0, sizeof *out);
    uint64_t session = read_u64(r);
    if (session == 0)
        return !r->failed;
    uint8_t action = read_u8(r), size = read_u8(r);
    const uint8_t *info = read_view(r, size);
    if (r->failed || !scope_make(out, session, action, info, size))
        reader_fail(r);
    return !r->failed;
}

static size_t signed_bytes(uint8_t out[SIGNED_BYTES_MAX], const struct scope *scope, uint16_t slot,
                           uint64_t life)
{
    struct writer w = writer_init(out, SIGNED_BYTES_MAX);
    write_u16(&w, slot);
    write_u64(&w, life);
    scope_encode(&w, scope);
    return writer_size(&w);
}

void scope_sign(struct scope_word *word, uint16_t slot, uint64_t life,
                const struct cluster_id *cluster, const struct key_pair *key)
{
    uint8_t bytes[SIGNED_BYTES_MAX];
    size_t size = signed_bytes(bytes, &word->scope, slot, life);
    word->signature = statement_sign(STATEMENT_SCOPE, cluster, bytes, size, key);
}

bool scope_verify(const struct scope_word *word, uint16_t slot, uint64_t life,
                  const struct cluster_id *cluster, const struct roster *roster)
{
    uint8_t bytes[SIGNED_BYTES_MAX];
    int index = roster_find(roster, slot);
    if (index < 0 || word->scope.session == 0 || !roster_ends_sessions(roster, word->scope.action))
        return false;
    size_t size = signed_bytes(bytes, &word->scope, slot, life);
    return statement_verify(STATEMENT_SCOPE, cluster, bytes, size, &word->signature,
                            &roster->nodes[index].key);
}

void scope_word_encode(struct writer *w, const struct scope_word *word)
{
    scope_encode(w, &word->scope);
    if (word->scope.session)
        write_copy(w, word->signature.bytes, SIGNATURE_SIZE);
}

bool scope_word_decode(struct scope_word *out, struct reader *r)
{
    memset(out, 0, sizeof *out);
    if (scope_decode(&out->scope, r) && out->scope.session)
        read_copy(r, out->signature.bytes, SIGNATURE_SIZE);
    if (r->failed)
        memset(out, 0, sizeof *out);
    return !r->failed;
}

size_t scope_word_size(const struct scope_word *word)
{
    return word->scope.session ? SCOPE_NONE_BYTES + 2u + word->scope.info_size + SIGNATURE_SIZE
                               : SCOPE_NONE_BYTES;
}
