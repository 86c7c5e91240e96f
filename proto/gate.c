/* The gate: see gate.h. */
#include "proto/gate.h"

#include <string.h>

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

/* What a script is told is what the holder had signed and the jurors voted upon, or nothing. */
static bool same_info(const struct scope *scope, struct view info)
{
    return scope->info_size == info.size &&
           (info.size == 0 || memcmp(scope->info, info.bytes, info.size) == 0);
}

const char *gate_check(const struct gate *gate, const struct gate_request *request,
                       struct fence_act *out)
{
    struct order_cert cert;
    struct reader r = reader_init(request->cert.bytes, request->cert.size);
    if (request->slot == gate->self && !MUTANT(108)) /* "the executor acts on its own node" */
        return "an executor never acts on its own node (F9)";
    if (request->action == ACTION_RETIRE)
        return "the action retire touches no machine (F6)";
    if (!order_cert_decode(&cert, &r) || !reader_done(&r))
        return order_verdict_text(ORDER_MALFORMED);
    bool about_it = cert.order.slot == request->slot && cert.order.life == request->life;
    if (!about_it && !MUTANT(107)) /* "a certificate serves for another node or life" */
        return "the certificate is about another node, life or order (F4)";
    if (!same_info(&cert.order.scope, request->info))
        return "the info is not the one that the certificate names (F4)";
    enum order_verdict verdict = verify(gate, &cert, request->action);
    if (verdict != ORDER_OK)
        return order_verdict_text(verdict);
    *out = (struct fence_act){.slot = request->slot,
                              .life = request->life,
                              .action = request->action,
                              .order = order_digest(&cert.order)};
    return NULL;
}

const char *gate_late(struct instant now, struct instant begin_by)
{
    if (!instant_reached(now, begin_by) || MUTANT(190)) /* "an executor that hung acts later" */
        return NULL;
    return "asked too late to begin (F9)";
}
