/*
 * S10, at the executor's gate (proto/gate.h): beside each honest run the executor is asked for all
 * that an agent in other hands would ask for with that certificate. It opens for the honest run,
 * and for nothing else.
 */
#include "sim/check.h"

#include <stdlib.h>

#include "proto/gate.h"
#include "proto/must.h"
#include "sim/machine.h"
#include "sim/world.h"

void check_executors_open(struct world *w)
{
    /* Kept apart from the machine's disk: it is a file of another process. */
    w->acts = calloc(w->machine_count, sizeof *w->acts);
    must(w->acts);
}

void check_executors_close(struct world *w)
{
    free(w->acts);
    w->acts = NULL;
}

/* As the executor on `m` judges; *act is what it would note down. */
static bool lets(const struct world *w, const struct machine *m, const struct gate_request *asked,
                 const struct order_cert *cert, struct fence_act *act)
{
    struct gate_request request = *asked;
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer writer = writer_init(bytes, sizeof bytes);
    struct gate gate = {.self = w->cluster->roster.nodes[m->index].slot,
                        .cluster = &w->cluster->id,
                        .roster = &w->cluster->roster,
                        .roster_digest = &w->cluster->digest};
    order_cert_encode(&writer, cert);
    request.cert = (struct view){bytes, writer_size(&writer)};
    return !gate_check(&gate, &request, act) && acts_look(&w->acts[m->index], act) == ACTS_NEW;
}

static void judge(struct world *w, const struct machine *m, bool opened, const char *what)
{
    if (opened)
        world_fail(w, EXIT_BROKEN, "S10", "%s's executor would act for its agent %s (F4, F9)",
                   m->name, what);
}

bool check_executor(struct world *w, struct machine *m, const struct run *run,
                    const struct order_cert *cert)
{
    struct fence_act act = {0}, other = {0};
    struct order_cert few = *cert;
    const struct machine *target = world_machine(w, run->slot);
    uint16_t bystander = w->cluster->roster.nodes[m->index ? 0 : 1].slot;
    few.count = (uint8_t)(roster_juror_quorum(&w->cluster->roster) - 1);
    struct gate_request honest = {.slot = run->slot,
                                  .life = run->life,
                                  .action = run->action,
                                  .info = {run->scope.info, run->scope.info_size}};
    struct gate_request later = honest, elsewhere = honest, nothing = honest, reworded = honest;
    judge(w, m, lets(w, m, &honest, &few, &other), "with too few votes");
    later.life++;
    judge(w, m, lets(w, m, &later, cert, &other), "on another life");
    elsewhere.slot = bystander;
    if (bystander != run->slot)
        judge(w, m, lets(w, m, &elsewhere, cert, &other), "on another node");
    nothing.action = ACTION_RETIRE;
    judge(w, m, lets(w, m, &nothing, cert, &other), "by an action that touches no machine");
    reworded.info = (struct view){(const uint8_t *)"everything", 10};
    judge(w, m, lets(w, m, &reworded, cert, &other), "on what no holder named");
    judge(w, target, lets(w, target, &honest, cert, &other), "on its own node");
    if (!lets(w, m, &honest, cert, &act))
        return false;
    acts_add(&w->acts[m->index], &act);
    judge(w, m, lets(w, m, &honest, cert, &act), "a second time");
    return true;
}
