/*
 * Proofs from anywhere, receipts and end statements in them: what decodes encodes to the same
 * bytes, verification crashes on none, and what verifies keeps the rules of F6: the node's own good
 * signature, or a certified order with the receipt of another node that may execute, on the device
 * of the roster, or with an operator's signature and the machine's own name.
 */
#include "tests/unit/crypto_fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As in seed_crypto.c, so that its seeds verify here. */
static const struct cluster_id cluster = {{0xc1}};
static struct roster roster;
static struct digest digest;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_end(const struct end_statement *end)
{
    uint8_t bytes[2 + 8 + 16];
    int index = roster_find(&roster, end->slot);
    struct writer w = writer_init(bytes, sizeof bytes);
    write_u16(&w, end->slot);
    write_u64(&w, end->life);
    write_copy(&w, end->nonce, sizeof end->nonce);
    require(index >= 0 && end->life >= 2);
    require(statement_verify(STATEMENT_END, &cluster, bytes, sizeof bytes, &end->signature,
                             &roster.nodes[index].key));
}

static void check_executed(const struct proof *proof)
{
    const struct receipt *receipt = &proof->receipt;
    int target = roster_find(&roster, proof->cert.order.slot);
    int executor = roster_find(&roster, receipt->executor);
    require(target >= 0 && executor >= 0 && target != executor);
    require(roster.nodes[executor].executes);
    require(receipt->action != ACTION_RETIRE && receipt->action <= roster.action_count);
    bool session = proof->cert.order.scope.session != 0;
    require(session == roster_ends_sessions(&roster, receipt->action));
    require(session ||
            (receipt->device[0] && strcmp(receipt->device, roster.nodes[target].device) == 0));
    require(order_cert_allowing(&proof->cert, receipt->action) >= roster_juror_quorum(&roster));
    require(order_cert_verify(&proof->cert, receipt->action, &cluster, &roster, &digest, NULL) ==
            ORDER_OK);
}

/* Never break-glass: the jury can order. */
static void check_operator(const struct proof *proof)
{
    const struct operator_receipt *receipt = &proof->operator_receipt;
    int target = roster_find(&roster, proof->cert.order.slot);
    require(target >= 0 && receipt->form == OPERATOR_CONFIRMS && receipt->count > 0);
    require(strcmp(roster.nodes[target].name, receipt->machine) == 0);
    for (size_t i = 0; i < receipt->count; i++)
        require(receipt->signatures[i].operator_index < roster.operator_count);
    require(order_cert_verify(&proof->cert, ACTION_RETIRE, &cluster, &roster, &digest, NULL) ==
            ORDER_OK);
}

static void check_watchdog(const struct proof *proof)
{
    const struct watchdog_receipt *receipt = &proof->watchdog;
    require(receipt->armed.slot == proof->cert.order.slot);
    require(receipt->armed.life == proof->cert.order.life);
    require(order_cert_verify(&proof->cert, ACTION_RETIRE, &cluster, &roster, &digest, NULL) ==
            ORDER_OK);
    require(watchdog_receipt_verify(receipt, &proof->cert, &cluster, &roster) == WATCHDOG_OK);
}

static void check_verdict(const struct proof *proof)
{
    enum order_verdict order = ORDER_OK;
    enum proof_verdict verdict = proof_verify(proof, &cluster, &roster, &digest, &order);
    require(proof_verdict_text(verdict) != NULL);
    require(verdict != PROOF_MALFORMED);
    require((verdict == PROOF_ORDER) == (order != ORDER_OK));
    if (verdict != PROOF_OK)
        return;
    uint64_t life = proof_covers(proof);
    require(!proof_scope(proof, &life) == (proof_covers(proof) > 0) && life >= 1);
    if (proof->kind == PROOF_END)
        check_end(&proof->end);
    else if (proof->kind == PROOF_OPERATOR)
        check_operator(proof);
    else if (proof->kind == PROOF_EXECUTED)
        check_executed(proof);
    else
        check_watchdog(proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proof proof;
    uint8_t again[PROOF_BYTES_MAX];
    if (roster.node_count == 0) {
        fixture_roster(&roster, 6, 1);
        fixture_session_action(&roster);
        roster.nodes[4].executes = false;
        digest = fixture_digest(&roster);
    }

    struct reader r = reader_init(data, size);
    if (!proof_decode(&proof, &r))
        return 0;
    size_t used = size - reader_left(&r);
    struct writer w = writer_init(again, sizeof again);
    proof_encode(&w, &proof);
    require(!w.failed && writer_size(&w) == used && memcmp(again, data, used) == 0);
    struct digest name = proof_digest(&proof), expected = digest_of(data, used);
    require(memcmp(&name, &expected, sizeof name) == 0);
    check_verdict(&proof);
    return 0;
}
