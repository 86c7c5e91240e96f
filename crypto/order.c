/* Fence orders: see order.h. Checks go from cheap to dear; the curve comes last. */
#include "crypto/order.h"

#include <string.h>

_Static_assert(sizeof ORDER_FILE_MAGIC - 1 == FENCE_FILE_MAGIC_SIZE, "the magic has no NUL");
_Static_assert((int)ROSTER_ACTIONS_MAX < (int)ACTIONS_MAX,
               "a vote's mask has a bit for each action");

const char *order_verdict_text(enum order_verdict verdict)
{
    switch (verdict) {
    case ORDER_OK:
        return "the order is certified";
    case ORDER_MALFORMED:
        return "not an order: truncated, altered or out of form (F1)";
    case ORDER_OTHER_ROSTER:
        return "the order is of another roster (F1)";
    case ORDER_NO_SUCH_NODE:
        return "the roster does not name the order's target (F1)";
    case ORDER_NOT_A_JUROR:
        return "a signer is not a juror of this roster (F1)";
    case ORDER_DUPLICATE:
        return "a signer is counted twice (F1)";
    case ORDER_BAD_SIGNATURE:
        return "a signature does not verify for this cluster, roster, target and life (F1)";
    case ORDER_TOO_FEW:
        return "fewer than a majority of the jurors allow the action (F1)";
    case ORDER_NO_JURY:
        return "fewer than three jurors order nothing (F12)";
    case ORDER_WRONG_ACTION:
        return "the action is not one for what the order is about, a session or a life (F1)";
    }
    __builtin_trap();
}

void order_encode(struct writer *w, const struct order *order)
{
    write_u32(w, order->epoch);
    write_copy(w, order->roster.bytes, DIGEST_SIZE);
    write_u16(w, order->slot);
    write_u64(w, order->life);
    scope_encode(w, &order->scope);
}

static void order_read(struct order *out, struct reader *r)
{
    out->epoch = read_u32(r);
    read_copy(r, out->roster.bytes, DIGEST_SIZE);
    out->slot = read_u16(r);
    out->life = read_u64(r);
    scope_decode(&out->scope, r);
}

bool order_equal(const struct order *a, const struct order *b)
{
    return a->epoch == b->epoch && a->slot == b->slot && a->life == b->life &&
           memcmp(a->roster.bytes, b->roster.bytes, DIGEST_SIZE) == 0 &&
           scope_equal(&a->scope, &b->scope);
}

bool order_suits(const struct order *order, uint8_t action, const struct roster *roster)
{
    bool ends_sessions = roster_ends_sessions(roster, action);
    if (order->scope.session == 0)
        return !ends_sessions;
    return action == ACTION_RETIRE || (ends_sessions && action == order->scope.action);
}

struct digest order_digest(const struct order *order)
{
    uint8_t bytes[ORDER_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_encode(&w, order);
    return digest_of(bytes, writer_size(&w));
}

enum { SIGNED_BYTES_MAX = ORDER_BYTES_MAX + 2 + 4 + 4 };

static size_t signed_bytes(uint8_t out[SIGNED_BYTES_MAX], const struct vote *vote,
                           const struct order *order)
{
    struct writer w = writer_init(out, SIGNED_BYTES_MAX);
    order_encode(&w, order);
    write_u16(&w, vote->juror);
    write_u32(&w, vote->allows);
    write_u32(&w, vote->age_ms);
    return writer_size(&w);
}

void vote_sign(struct vote *vote, const struct order *order, const struct cluster_id *cluster,
               const struct key_pair *key)
{
    uint8_t bytes[SIGNED_BYTES_MAX];
    size_t size = signed_bytes(bytes, vote, order);
    vote->signature = statement_sign(STATEMENT_VOTE, cluster, bytes, size, key);
}

/* NULL if the slot is nobody's, or no juror's. */
static const struct roster_node *find_juror(const struct roster *roster, uint16_t slot)
{
    int index = roster_find(roster, slot);
    return index >= 0 && roster->nodes[index].juror ? &roster->nodes[index] : NULL;
}

enum order_verdict vote_verify(const struct vote *vote, const struct order *order,
                               const struct cluster_id *cluster, const struct roster *roster)
{
    uint8_t bytes[SIGNED_BYTES_MAX];
    const struct roster_node *juror = find_juror(roster, vote->juror);
    if (juror == NULL)
        return ORDER_NOT_A_JUROR;
    size_t size = signed_bytes(bytes, vote, order);
    bool good =
        statement_verify(STATEMENT_VOTE, cluster, bytes, size, &vote->signature, &juror->key);
    return good ? ORDER_OK : ORDER_BAD_SIGNATURE;
}

void order_cert_encode(struct writer *w, const struct order_cert *cert)
{
    order_encode(w, &cert->order);
    write_u8(w, cert->count);
    for (size_t i = 0; i < cert->count; i++) {
        const struct vote *vote = &cert->votes[i];
        write_u16(w, vote->juror);
        write_u32(w, vote->allows);
        write_u32(w, vote->age_ms);
        write_copy(w, vote->signature.bytes, SIGNATURE_SIZE);
    }
}

bool order_cert_decode(struct order_cert *out, struct reader *r)
{
    memset(out, 0, sizeof *out);
    order_read(&out->order, r);
    uint8_t count = read_u8(r);
    if (out->order.life < 1 || count > ROSTER_JURORS_MAX)
        reader_fail(r);
    for (uint8_t i = 0; i < count && !r->failed; i++) {
        struct vote *vote = &out->votes[i];
        vote->juror = read_u16(r);
        vote->allows = read_u32(r);
        vote->age_ms = read_u32(r);
        read_copy(r, vote->signature.bytes, SIGNATURE_SIZE);
        if (i > 0 && vote->juror < vote[-1].juror)
            reader_fail(r);
    }
    if (r->failed) {
        memset(out, 0, sizeof *out);
        return false;
    }
    out->count = count;
    return true;
}

bool order_cert_add(struct order_cert *cert, const struct vote *vote)
{
    size_t at = 0;
    while (at < cert->count && cert->votes[at].juror < vote->juror)
        at++;
    bool there = at < cert->count && cert->votes[at].juror == vote->juror;
    if (!there) {
        if (cert->count == ROSTER_JURORS_MAX)
            return false;
        memmove(&cert->votes[at + 1], &cert->votes[at], (cert->count - at) * sizeof cert->votes[0]);
        cert->count++;
    }
    cert->votes[at] = *vote;
    return true;
}

static bool allows(const struct vote *vote, uint8_t action)
{
    return action < ACTIONS_MAX && (vote->allows >> action & 1);
}

size_t order_cert_allowing(const struct order_cert *cert, uint8_t action)
{
    size_t count = 0;
    for (size_t i = 0; i < cert->count; i++)
        count += allows(&cert->votes[i], action);
    return count;
}

/* What can be said without the curve; *bad is the vote at fault, left alone where no single one is.
 */
static enum order_verdict check_form(const struct order_cert *cert, uint8_t action,
                                     const struct roster *roster,
                                     const struct digest *roster_digest, size_t *bad)
{
    if (cert->order.life < 1 || cert->count > ROSTER_JURORS_MAX)
        return ORDER_MALFORMED;
    if (cert->order.epoch != roster->epoch ||
        memcmp(cert->order.roster.bytes, roster_digest->bytes, DIGEST_SIZE) != 0)
        return ORDER_OTHER_ROSTER;
    if (roster_find(roster, cert->order.slot) < 0)
        return ORDER_NO_SUCH_NODE;
    bool suits =
        cert->order.scope.session == 0 || roster_ends_sessions(roster, cert->order.scope.action);
    if (!suits || !order_suits(&cert->order, action, roster))
        return ORDER_WRONG_ACTION;
    for (size_t i = 0; i < cert->count; i++) {
        *bad = i;
        if (i > 0 && cert->votes[i].juror < cert->votes[i - 1].juror)
            return ORDER_MALFORMED;
        if (i > 0 && cert->votes[i].juror == cert->votes[i - 1].juror)
            return ORDER_DUPLICATE;
        if (!find_juror(roster, cert->votes[i].juror))
            return ORDER_NOT_A_JUROR;
    }
    *bad = ROSTER_JURORS_MAX;
    if (roster_juror_count(roster) < JURY_LEAST)
        return ORDER_NO_JURY;
    return order_cert_allowing(cert, action) < roster_juror_quorum(roster) ? ORDER_TOO_FEW
                                                                           : ORDER_OK;
}

enum order_verdict order_cert_verify(const struct order_cert *cert, uint8_t action,
                                     const struct cluster_id *cluster, const struct roster *roster,
                                     const struct digest *roster_digest, uint16_t *culprit)
{
    size_t bad = ROSTER_JURORS_MAX;
    enum order_verdict verdict = check_form(cert, action, roster, roster_digest, &bad);
    for (size_t i = 0; verdict == ORDER_OK && i < cert->count; i++) {
        verdict = vote_verify(&cert->votes[i], &cert->order, cluster, roster);
        if (verdict != ORDER_OK)
            bad = i;
    }
    if (verdict != ORDER_OK && culprit && bad < ROSTER_JURORS_MAX)
        *culprit = cert->votes[bad].juror;
    return verdict;
}
