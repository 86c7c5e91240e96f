/* What certificates and receipts say of a member: see fenced.h. */
#include "proto/fenced.h"

#include "proto/must.h"

const char *fence_verdict_text(enum fence_verdict verdict)
{
    switch (verdict) {
    case FENCED_NO:
        return "none";
    case FENCED_ORDERED:
        return "ordered";
    case FENCED_DONE:
        return "fenced";
    case FENCED_ENDED:
        return "ended";
    }
    must(false);
}

/* Of orders against whole lives. */
static const struct docket_entry *highest(const struct docket *d, uint16_t slot)
{
    const struct docket_entry *found = NULL;
    for (size_t i = 0; i < d->count; i++) {
        const struct docket_entry *e = &d->entries[i];
        if (e->used && e->slot == slot && e->scope.session == 0 &&
            (!found || e->life > found->life))
            found = e;
    }
    return found;
}

/* The receipt's signer; a watchdog's has none. Proofs are verified when they are taken. */
static bool signed_by(struct fenced_view *out, const uint8_t *bytes, size_t size)
{
    struct proof proof;
    struct reader r = reader_init(bytes, size);
    if (!bytes || !proof_decode(&proof, &r) || proof.kind == PROOF_END)
        return false;
    if (proof.kind == PROOF_EXECUTED) /* neither a person nor a watchdog is a slot */
        out->executor = proof.receipt.executor;
    return true;
}

/* A node that comes back states by itself that the life is over, and that statement takes the
 * receipt's place among the proofs; the receipt stays with its order. */
void fenced_look(const struct docket *d, const struct proofs *p, uint16_t slot,
                 struct fenced_view *out)
{
    const struct proof_entry *proof = proofs_of(p, slot);
    const struct docket_entry *order = highest(d, slot);
    uint64_t covers = proof ? proof->covers : 0;
    *out = (struct fenced_view){.verdict = FENCED_NO, .executor = SLOT_NONE};
    if (order && order->life >= covers) {
        out->life = order->life;
        out->order = order->order;
        out->signatures = order->cert.count;
    } else {
        out->life = covers;
        order = NULL;
    }
    if (out->life == 0)
        return;
    if ((order && signed_by(out, order->proof, order->proof_size)) ||
        (covers == out->life && signed_by(out, proof->bytes, proof->size)))
        out->verdict = FENCED_DONE;
    else
        out->verdict = covers == out->life ? FENCED_ENDED : FENCED_ORDERED;
}
