/* The gate: see gate.h. */
#include "proto/gate.h"

#include "proto/mutant.h"

/* One signature too few, or votes for another action, are no certificate. */
static enum order_verdict verify(const struct gate *g, const struct order_cert *cert,
                                 uint8_t action)
{
    enum order_verdict verdict =
        order_cert_verify(cert, action, g->cluster, g->roster, g->roster_digest, NULL);
    if (verdict == ORDER_TOO_FEW && MUTANT(105)) /* "the executor takes the agent's word" */
        return ORDER_OK;
    return verdict;
}

const char *gate_check(const struct gate *g, uint16_t slot, uint64_t life, uint8_t action,
                       struct view bytes, struct fence_act *out)
{
    struct order_cert cert;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (slot == g->self && !MUTANT(108)) /* "the executor acts on its own node" */
        return "an executor never acts on its own node (F9)";
    if (action == ACTION_RETIRE)
        return "the action retire touches no machine (F6)";
    if (!order_cert_decode(&cert, &r) || !reader_done(&r))
        return order_verdict_text(ORDER_MALFORMED);
    bool about_it = cert.order.slot == slot && cert.order.life == life;
    if (!about_it && !MUTANT(107)) /* "a certificate serves for another node or life" */
        return "the certificate is about another node, life or order (F4)";
    enum order_verdict verdict = verify(g, &cert, action);
    if (verdict != ORDER_OK)
        return order_verdict_text(verdict);
    *out = (struct fence_act){
        .slot = slot, .life = life, .action = action, .order = order_digest(&cert.order)};
    return NULL;
}
