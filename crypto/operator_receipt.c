/* The operator's receipt: see operator_receipt.h. Checks go from cheap to dear. */
#include "crypto/operator_receipt.h"

#include <string.h>

const char *operator_verdict_text(enum operator_verdict verdict)
{
    switch (verdict) {
    case OPERATOR_OK:
        return "the operator's receipt is good";
    case OPERATOR_MALFORMED:
        return "not an operator's receipt: truncated, altered or out of form (F6d)";
    case OPERATOR_WRONG_MACHINE:
        return "the operator's receipt names another machine than the roster for this node (F6d)";
    case OPERATOR_UNKNOWN:
        return "the roster has no such operator key (F6d)";
    case OPERATOR_MISSING:
        return "an operator's signature is missing (F6d, F12)";
    case OPERATOR_NOT_ALLOWED:
        return "break-glass is for rosters of fewer than three jurors alone (F12)";
    case OPERATOR_BAD_SIGNATURE:
        return "an operator's signature does not verify for this cluster, roster, machine and "
               "life (F6d)";
    }
    __builtin_trap();
}

enum { SIGNED_BYTES = ORDER_BYTES + 1 + ROSTER_NAME_SIZE };

static void signed_bytes(uint8_t out[SIGNED_BYTES], const struct operator_receipt *receipt,
                         const struct order *order)
{
    struct writer w = writer_init(out, SIGNED_BYTES);
    order_encode(&w, order);
    write_u8(&w, (uint8_t)receipt->form);
    write_padded(&w, receipt->machine, ROSTER_NAME_SIZE);
}

bool operator_receipt_sign(struct operator_receipt *receipt, const struct order *order,
                           const struct cluster_id *cluster, uint8_t index,
                           const struct key_pair *key)
{
    uint8_t bytes[SIGNED_BYTES];
    size_t at = 0;
    while (at < receipt->count && receipt->signatures[at].operator_index < index)
        at++;
    bool there = at < receipt->count && receipt->signatures[at].operator_index == index;
    if (!there && receipt->count == ROSTER_OPERATORS_MAX)
        return false;
    if (!there) {
        memmove(&receipt->signatures[at + 1], &receipt->signatures[at],
                (receipt->count - at) * sizeof receipt->signatures[0]);
        receipt->count++;
    }
    signed_bytes(bytes, receipt, order);
    receipt->signatures[at] = (struct roster_signature){
        .operator_index = index,
        .signature = statement_sign(STATEMENT_OPERATOR, cluster, bytes, sizeof bytes, key)};
    return true;
}

void operator_receipt_encode(struct writer *w, const struct operator_receipt *receipt)
{
    write_u8(w, (uint8_t)receipt->form);
    write_padded(w, receipt->machine, ROSTER_NAME_SIZE);
    write_u8(w, receipt->count);
    for (size_t i = 0; i < receipt->count; i++) {
        write_u8(w, receipt->signatures[i].operator_index);
        write_copy(w, receipt->signatures[i].signature.bytes, SIGNATURE_SIZE);
    }
}

/* A name and then zeros only: one encoding for one receipt. */
static bool padded(const char name[ROSTER_NAME_SIZE])
{
    size_t size = strnlen(name, ROSTER_NAME_SIZE);
    for (size_t i = size; i < ROSTER_NAME_SIZE; i++)
        if (name[i] != '\0')
            return false;
    return size > 0 && size < ROSTER_NAME_SIZE;
}

bool operator_receipt_decode(struct operator_receipt *out, struct reader *r)
{
    memset(out, 0, sizeof *out);
    uint8_t form = read_u8(r);
    read_copy(r, out->machine, ROSTER_NAME_SIZE);
    uint8_t count = read_u8(r);
    if ((form != OPERATOR_CONFIRMS && form != OPERATOR_BREAKS_GLASS) || !padded(out->machine) ||
        count == 0 || count > ROSTER_OPERATORS_MAX)
        reader_fail(r);
    for (uint8_t i = 0; i < count && !r->failed; i++) {
        struct roster_signature *s = &out->signatures[i];
        s->operator_index = read_u8(r);
        read_copy(r, s->signature.bytes, SIGNATURE_SIZE);
        if (s->operator_index >= ROSTER_OPERATORS_MAX ||
            (i > 0 && s->operator_index <= s[-1].operator_index))
            reader_fail(r);
    }
    if (r->failed) {
        memset(out, 0, sizeof *out);
        return false;
    }
    out->form = (enum operator_form)form;
    out->count = count;
    return true;
}

/* What can be said without the curve. */
static enum operator_verdict check_form(const struct operator_receipt *receipt,
                                        const struct order_cert *cert, const struct roster *roster,
                                        const struct digest *roster_digest)
{
    int target = roster_find(roster, cert->order.slot);
    if (receipt->count == 0 || receipt->count > ROSTER_OPERATORS_MAX || cert->order.life < 1)
        return OPERATOR_MALFORMED;
    if (target < 0 || !padded(receipt->machine) ||
        memcmp(roster->nodes[target].name, receipt->machine,
               strnlen(receipt->machine, ROSTER_NAME_SIZE) + 1) != 0)
        return OPERATOR_WRONG_MACHINE;
    for (size_t i = 0; i < receipt->count; i++) {
        if (receipt->signatures[i].operator_index >= roster->operator_count)
            return OPERATOR_UNKNOWN;
        if (i > 0 &&
            receipt->signatures[i].operator_index <= receipt->signatures[i - 1].operator_index)
            return OPERATOR_MALFORMED;
    }
    if (receipt->form == OPERATOR_CONFIRMS)
        return OPERATOR_OK;
    /* Of the order nobody else has checked what it says. */
    if (receipt->form != OPERATOR_BREAKS_GLASS || cert->count > 0 ||
        roster_juror_count(roster) >= JURY_LEAST || cert->order.epoch != roster->epoch ||
        memcmp(cert->order.roster.bytes, roster_digest->bytes, DIGEST_SIZE) != 0)
        return OPERATOR_NOT_ALLOWED;
    return receipt->count < roster->operator_count ? OPERATOR_MISSING : OPERATOR_OK;
}

enum operator_verdict operator_receipt_verify(const struct operator_receipt *receipt,
                                              const struct order_cert *cert,
                                              const struct cluster_id *cluster,
                                              const struct roster *roster,
                                              const struct digest *roster_digest)
{
    uint8_t bytes[SIGNED_BYTES];
    enum operator_verdict verdict = check_form(receipt, cert, roster, roster_digest);
    if (verdict != OPERATOR_OK)
        return verdict;
    signed_bytes(bytes, receipt, &cert->order);
    for (size_t i = 0; i < receipt->count; i++) {
        const struct roster_signature *s = &receipt->signatures[i];
        if (!statement_verify(STATEMENT_OPERATOR, cluster, bytes, sizeof bytes, &s->signature,
                              &roster->operators[s->operator_index]))
            return OPERATOR_BAD_SIGNATURE;
    }
    return OPERATOR_OK;
}
