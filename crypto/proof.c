/* Proofs that a life is over: see proof.h. */
#include "crypto/proof.h"

#include <string.h>

_Static_assert(sizeof PROOF_FILE_MAGIC - 1 == FENCE_FILE_MAGIC_SIZE, "the magic has no NUL");
_Static_assert(1 + 2 + 2 + DEVICE_SIZE + SIGNATURE_SIZE <= (int)OPERATOR_RECEIPT_BYTES_MAX,
               "PROOF_BYTES_MAX has room for an executor's receipt");

const char *proof_verdict_text(enum proof_verdict verdict)
{
    switch (verdict) {
    case PROOF_OK:
        return "the proof is good";
    case PROOF_MALFORMED:
        return "not a proof: truncated, altered or out of form (F5)";
    case PROOF_NO_SUCH_NODE:
        return "the roster does not name the node whose life it ends (F6)";
    case PROOF_ORDER:
        return "a receipt proves nothing without its certified order (F6)";
    case PROOF_NO_EXECUTOR:
        return "the roster does not let the receipt's executor, or its witness, do this (F9)";
    case PROOF_WRONG_DEVICE:
        return "the receipt is of another device than the roster names for this node (F6)";
    case PROOF_BAD_SIGNATURE:
        return "a signature does not verify (F6)";
    case PROOF_OPERATOR_REFUSED:
        return "the operator's receipt is refused (F6d)";
    case PROOF_NOT_ARMED:
        return "the target never stated that a watchdog ends this life (F6)";
    case PROOF_NOT_SILENT:
        return "fewer than a majority of the jurors voted and were silent for long enough (F6)";
    }
    __builtin_trap();
}

enum { END_BYTES = 2 + 8 + 16, RECEIPT_SIGNED_MAX = ORDER_BYTES_MAX + 1 + 2 + 2 + DEVICE_SIZE };

static void write_end(struct writer *w, const struct end_statement *end)
{
    write_u16(w, end->slot);
    write_u64(w, end->life);
    write_copy(w, end->nonce, sizeof end->nonce);
}

static void write_receipt(struct writer *w, const struct receipt *receipt)
{
    write_u8(w, receipt->action);
    write_u16(w, receipt->executor);
    write_u16(w, receipt->witness);
    write_padded(w, receipt->device, DEVICE_SIZE);
}

static size_t receipt_bytes(uint8_t out[RECEIPT_SIGNED_MAX], const struct receipt *receipt,
                            const struct order *order)
{
    struct writer w = writer_init(out, RECEIPT_SIGNED_MAX);
    order_encode(&w, order);
    write_receipt(&w, receipt);
    return writer_size(&w);
}

void end_statement_sign(struct end_statement *end, const struct cluster_id *cluster,
                        const struct key_pair *key)
{
    uint8_t bytes[END_BYTES];
    struct writer w = writer_init(bytes, sizeof bytes);
    write_end(&w, end);
    end->signature = statement_sign(STATEMENT_END, cluster, bytes, sizeof bytes, key);
}

void receipt_sign(struct receipt *receipt, const struct order *order,
                  const struct cluster_id *cluster, const struct key_pair *key)
{
    uint8_t bytes[RECEIPT_SIGNED_MAX];
    size_t size = receipt_bytes(bytes, receipt, order);
    receipt->signature = statement_sign(STATEMENT_RECEIPT, cluster, bytes, size, key);
}

void proof_encode(struct writer *w, const struct proof *proof)
{
    write_u8(w, (uint8_t)proof->kind);
    if (proof->kind == PROOF_END) {
        write_end(w, &proof->end);
        write_copy(w, proof->end.signature.bytes, SIGNATURE_SIZE);
    } else if (proof->kind == PROOF_OPERATOR) {
        order_cert_encode(w, &proof->cert);
        operator_receipt_encode(w, &proof->operator_receipt);
    } else if (proof->kind == PROOF_WATCHDOG) {
        order_cert_encode(w, &proof->cert);
        watchdog_receipt_encode(w, &proof->watchdog);
    } else {
        order_cert_encode(w, &proof->cert);
        write_receipt(w, &proof->receipt);
        write_copy(w, proof->receipt.signature.bytes, SIGNATURE_SIZE);
    }
}

bool proof_decode(struct proof *out, struct reader *r)
{
    memset(out, 0, sizeof *out);
    out->kind = (enum proof_kind)read_u8(r);
    if (out->kind == PROOF_END) {
        out->end.slot = read_u16(r);
        out->end.life = read_u64(r);
        read_copy(r, out->end.nonce, sizeof out->end.nonce);
        read_copy(r, out->end.signature.bytes, SIGNATURE_SIZE);
        if (out->end.life < 2)
            reader_fail(r);
    } else if (out->kind == PROOF_EXECUTED) {
        order_cert_decode(&out->cert, r);
        out->receipt.action = read_u8(r);
        out->receipt.executor = read_u16(r);
        out->receipt.witness = read_u16(r);
        read_copy(r, out->receipt.device, DEVICE_SIZE);
        read_copy(r, out->receipt.signature.bytes, SIGNATURE_SIZE);
        bool named = out->receipt.device[0] || out->cert.order.scope.session;
        if (!roster_device_valid(out->receipt.device) || !named)
            reader_fail(r);
    } else if (out->kind == PROOF_OPERATOR) {
        order_cert_decode(&out->cert, r);
        operator_receipt_decode(&out->operator_receipt, r);
    } else if (out->kind == PROOF_WATCHDOG) {
        order_cert_decode(&out->cert, r);
        watchdog_receipt_decode(&out->watchdog, r);
    } else {
        reader_fail(r);
    }
    if (out->kind != PROOF_EXECUTED && out->cert.order.scope.session)
        reader_fail(r);
    /* Nobody shall go on with half a proof by mistake. */
    if (r->failed)
        memset(out, 0, sizeof *out);
    return !r->failed;
}

static enum proof_verdict verify_end(const struct end_statement *end,
                                     const struct cluster_id *cluster, const struct roster *roster)
{
    uint8_t bytes[END_BYTES];
    int index = roster_find(roster, end->slot);
    /* Life 1 has none before it, and what life 0 covers would be every life there is. */
    if (end->life < 2)
        return PROOF_MALFORMED;
    if (index < 0)
        return PROOF_NO_SUCH_NODE;
    struct writer w = writer_init(bytes, sizeof bytes);
    write_end(&w, end);
    bool good = statement_verify(STATEMENT_END, cluster, bytes, sizeof bytes, &end->signature,
                                 &roster->nodes[index].key);
    return good ? PROOF_OK : PROOF_BAD_SIGNATURE;
}

/* A *further* node of the roster: neither the target nor the executor itself. */
static bool is_witness(const struct receipt *receipt, int target, const struct roster *roster)
{
    int witness = roster_find(roster, receipt->witness);
    return witness >= 0 && witness != target && receipt->witness != receipt->executor;
}

/* Who and what, before the curve. */
static enum proof_verdict check_executor(const struct proof *proof, const struct roster *roster)
{
    const struct receipt *receipt = &proof->receipt;
    int target = roster_find(roster, proof->cert.order.slot);
    int executor = roster_find(roster, receipt->executor);
    if (target < 0)
        return PROOF_NO_SUCH_NODE;
    if (executor < 0 || !roster->nodes[executor].executes || executor == target)
        return PROOF_NO_EXECUTOR;
    if (receipt->witness != WITNESS_NONE && !is_witness(receipt, target, roster))
        return PROOF_NO_EXECUTOR;
    if (receipt->action == ACTION_RETIRE || receipt->action > roster->action_count)
        return PROOF_NO_EXECUTOR;
    if (proof->cert.order.scope.session) /* nor does a session stand in any roster */
        return PROOF_OK;
    /* A node without a device cannot have been switched off by anybody. */
    size_t size = strnlen(receipt->device, DEVICE_SIZE);
    if (size == 0 || size == DEVICE_SIZE ||
        memcmp(roster->nodes[target].device, receipt->device, size + 1) != 0)
        return PROOF_WRONG_DEVICE;
    return PROOF_OK;
}

static enum proof_verdict verify_executed(const struct proof *proof,
                                          const struct cluster_id *cluster,
                                          const struct roster *roster,
                                          const struct digest *roster_digest,
                                          enum order_verdict *order_verdict)
{
    uint8_t bytes[RECEIPT_SIGNED_MAX];
    const struct receipt *receipt = &proof->receipt;
    enum proof_verdict verdict = check_executor(proof, roster);
    if (verdict != PROOF_OK)
        return verdict;
    *order_verdict =
        order_cert_verify(&proof->cert, receipt->action, cluster, roster, roster_digest, NULL);
    if (*order_verdict != ORDER_OK)
        return PROOF_ORDER;
    size_t size = receipt_bytes(bytes, receipt, &proof->cert.order);
    int executor = roster_find(roster, receipt->executor);
    bool good = statement_verify(STATEMENT_RECEIPT, cluster, bytes, size, &receipt->signature,
                                 &roster->nodes[executor].key);
    return good ? PROOF_OK : PROOF_BAD_SIGNATURE;
}

/* Only an executor's receipt may be about one session: the others speak of the whole life. */
static bool about_life(const struct proof *proof, enum order_verdict *order_verdict)
{
    if (proof->cert.order.scope.session)
        *order_verdict = ORDER_WRONG_ACTION;
    return proof->cert.order.scope.session == 0;
}

static enum proof_verdict verify_operator(const struct proof *proof,
                                          const struct cluster_id *cluster,
                                          const struct roster *roster,
                                          const struct digest *roster_digest,
                                          enum order_verdict *order_verdict)
{
    if (roster_find(roster, proof->cert.order.slot) < 0)
        return PROOF_NO_SUCH_NODE;
    if (!about_life(proof, order_verdict))
        return PROOF_ORDER;
    if (proof->operator_receipt.form != OPERATOR_BREAKS_GLASS) {
        *order_verdict =
            order_cert_verify(&proof->cert, ACTION_RETIRE, cluster, roster, roster_digest, NULL);
        if (*order_verdict != ORDER_OK)
            return PROOF_ORDER;
    }
    return operator_receipt_verify(&proof->operator_receipt, &proof->cert, cluster, roster,
                                   roster_digest) == OPERATOR_OK
               ? PROOF_OK
               : PROOF_OPERATOR_REFUSED;
}

static enum proof_verdict verify_watchdog(const struct proof *proof,
                                          const struct cluster_id *cluster,
                                          const struct roster *roster,
                                          const struct digest *roster_digest,
                                          enum order_verdict *order_verdict)
{
    if (!about_life(proof, order_verdict))
        return PROOF_ORDER;
    *order_verdict =
        order_cert_verify(&proof->cert, ACTION_RETIRE, cluster, roster, roster_digest, NULL);
    if (*order_verdict != ORDER_OK)
        return PROOF_ORDER;
    switch (watchdog_receipt_verify(&proof->watchdog, &proof->cert, cluster, roster)) {
    case WATCHDOG_OK:
        return PROOF_OK;
    case WATCHDOG_NOT_ARMED:
        return PROOF_NOT_ARMED;
    case WATCHDOG_NOT_A_JUROR:
    case WATCHDOG_DUPLICATE:
    case WATCHDOG_TOO_EARLY:
    case WATCHDOG_TOO_FEW:
        return PROOF_NOT_SILENT;
    case WATCHDOG_BAD_SIGNATURE:
        break;
    }
    return PROOF_BAD_SIGNATURE;
}

enum proof_verdict proof_verify(const struct proof *proof, const struct cluster_id *cluster,
                                const struct roster *roster, const struct digest *roster_digest,
                                enum order_verdict *order_verdict)
{
    enum order_verdict spare;
    if (proof->kind == PROOF_END)
        return verify_end(&proof->end, cluster, roster);
    if (proof->kind == PROOF_EXECUTED)
        return verify_executed(proof, cluster, roster, roster_digest,
                               order_verdict ? order_verdict : &spare);
    if (proof->kind == PROOF_OPERATOR)
        return verify_operator(proof, cluster, roster, roster_digest,
                               order_verdict ? order_verdict : &spare);
    if (proof->kind == PROOF_WATCHDOG)
        return verify_watchdog(proof, cluster, roster, roster_digest,
                               order_verdict ? order_verdict : &spare);
    return PROOF_MALFORMED;
}

struct digest proof_digest(const struct proof *proof)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    proof_encode(&w, proof);
    return digest_of(bytes, writer_size(&w));
}

uint16_t proof_slot(const struct proof *proof)
{
    return proof->kind == PROOF_END ? proof->end.slot : proof->cert.order.slot;
}

uint64_t proof_covers(const struct proof *proof)
{
    uint64_t life;
    if (proof->kind == PROOF_END)
        return proof->end.life - 1;
    return proof_scope(proof, &life) ? 0 : proof->cert.order.life;
}

const struct scope *proof_scope(const struct proof *proof, uint64_t *life)
{
    if (proof->kind != PROOF_EXECUTED || proof->cert.order.scope.session == 0)
        return NULL;
    *life = proof->cert.order.life;
    return &proof->cert.order.scope;
}
