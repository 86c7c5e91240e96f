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
static bool lets(const struct world *w, const struct machine *m, uint16_t slot, uint64_t life,
                 uint8_t action, const struct order_cert *cert, struct fence_act *act)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer writer = writer_init(bytes, sizeof bytes);
    struct gate gate = {.self = w->cluster->roster.nodes[m->index].slot,
                        .cluster = &w->cluster->id,
                        .roster = &w->cluster->roster,
                        .roster_digest = &w->cluster->digest};
    order_cert_encode(&writer, cert);
    return !gate_check(&gate, slot, life, action, (struct view){bytes, writer_size(&writer)},
                       act) &&
           acts_look(&w->acts[m->index], act) == ACTS_NEW;
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
    judge(w, m, lets(w, m, run->slot, run->life, run->action, &few, &other), "with too few votes");
    judge(w, m, lets(w, m, run->slot, run->life + 1, run->action, cert, &other), "on another life");
    if (bystander != run->slot)
        judge(w, m, lets(w, m, bystander, run->life, run->action, cert, &other), "on another node");
    judge(w, m, lets(w, m, run->slot, run->life, ACTION_RETIRE, cert, &other),
          "by an action that touches no machine");
    judge(w, target, lets(w, target, run->slot, run->life, run->action, cert, &other),
          "on its own node");
    if (!lets(w, m, run->slot, run->life, run->action, cert, &act))
        return false;
    acts_add(&w->acts[m->index], &act);
    judge(w, m, lets(w, m, run->slot, run->life, run->action, cert, &act), "a second time");
    return true;
}
