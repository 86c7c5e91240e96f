/*
 * Certificates: see cert.h. Encoded as count u8, then per entry slot u16 and signature 64.
 *
 * cert_verify does what is cheap first: a certificate that cannot count for its form or its signers
 * costs no signature check, and one that can costs at most ROSTER_JURORS_MAX of them (T4).
 */
#include "crypto/cert.h"

#include <string.h>

const char *cert_verdict_text(enum cert_verdict verdict)
{
    switch (verdict) {
    case CERT_OK:
        return "the certificate is good";
    case CERT_MALFORMED:
        return "the certificate's entries are out of order or too many";
    case CERT_TOO_FEW:
        return "fewer than a majority of the jurors signed";
    case CERT_NOT_A_JUROR:
        return "a signer is not a juror of this roster";
    case CERT_DUPLICATE:
        return "a signer is counted twice";
    case CERT_BAD_SIGNATURE:
        return "a signature does not verify";
    }
    __builtin_trap();
}

void cert_encode(struct writer *w, const struct cert *cert)
{
    write_u8(w, cert->count);
    for (size_t i = 0; i < cert->count; i++) {
        write_u16(w, cert->entries[i].slot);
        write_copy(w, cert->entries[i].signature.bytes, SIGNATURE_SIZE);
    }
}

bool cert_decode(struct cert *out, struct reader *r)
{
    memset(out, 0, sizeof *out);
    uint8_t count = read_u8(r);
    if (count > ROSTER_JURORS_MAX)
        reader_fail(r);
    for (uint8_t i = 0; i < count && !r->failed; i++) {
        struct cert_entry *entry = &out->entries[i];
        entry->slot = read_u16(r);
        read_copy(r, entry->signature.bytes, SIGNATURE_SIZE);
        if (i > 0 && entry->slot < entry[-1].slot)
            reader_fail(r);
    }
    if (r->failed) {
        memset(out, 0, sizeof *out);
        return false;
    }
    out->count = count;
    return true;
}

bool cert_add(struct cert *cert, uint16_t slot, const struct signature *signature)
{
    size_t at = 0;
    while (at < cert->count && cert->entries[at].slot < slot)
        at++;
    if (at < cert->count && cert->entries[at].slot == slot)
        return true;
    if (cert->count == ROSTER_JURORS_MAX)
        return false;
    memmove(&cert->entries[at + 1], &cert->entries[at],
            (cert->count - at) * sizeof cert->entries[0]);
    cert->entries[at] = (struct cert_entry){.slot = slot, .signature = *signature};
    cert->count++;
    return true;
}

/* All but the signatures; *bad is the entry at fault, left alone where no single one is. */
static enum cert_verdict check_signers(const struct cert *cert, const struct roster *roster,
                                       size_t *bad)
{
    if (cert->count > ROSTER_JURORS_MAX)
        return CERT_MALFORMED;
    for (size_t i = 0; i < cert->count; i++) {
        *bad = i;
        uint16_t slot = cert->entries[i].slot;
        if (i > 0 && slot < cert->entries[i - 1].slot)
            return CERT_MALFORMED;
        if (i > 0 && slot == cert->entries[i - 1].slot)
            return CERT_DUPLICATE;
        int index = roster_find(roster, slot);
        if (index < 0 || !roster->nodes[index].juror)
            return CERT_NOT_A_JUROR;
    }
    *bad = ROSTER_JURORS_MAX;
    return cert->count < roster_juror_quorum(roster) ? CERT_TOO_FEW : CERT_OK;
}

enum cert_verdict cert_verify(const struct cert *cert, enum statement_kind kind,
                              const struct cluster_id *cluster, const void *bytes, size_t size,
                              const struct roster *roster, uint16_t *culprit)
{
    size_t bad = ROSTER_JURORS_MAX;
    enum cert_verdict verdict = check_signers(cert, roster, &bad);
    for (size_t i = 0; verdict == CERT_OK && i < cert->count; i++) {
        const struct cert_entry *entry = &cert->entries[i];
        const struct roster_node *node = &roster->nodes[roster_find(roster, entry->slot)];
        if (!statement_verify(kind, cluster, bytes, size, &entry->signature, &node->key)) {
            bad = i;
            verdict = CERT_BAD_SIGNATURE;
        }
    }
    if (verdict != CERT_OK && culprit && bad < ROSTER_JURORS_MAX)
        *culprit = cert->entries[bad].slot;
    return verdict;
}
