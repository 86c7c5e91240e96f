/* The chronicle: see chronicle.h. */
#include "sim/chronicle.h"

#include "sim/machine.h"
#include "sim/world.h"

void chronicle_open(struct world *w)
{
    w->chronicle = pool_take(&w->pool, sizeof *w->chronicle);
}

void chronicle_note(struct world *w, struct entry entry)
{
    struct chronicle *c = w->chronicle;
    if (c->count == CHRONICLE_MAX) {
        c->full = true;
        return;
    }
    if (c->count == c->room)
        c->entries = pool_grow(&w->pool, c->entries, c->count, &c->room, sizeof *c->entries);
    entry.at = w->now;
    c->entries[c->count++] = entry;
}

static void note(struct world *w, enum chronicle_kind kind, size_t machine, size_t other,
                 uint64_t number)
{
    chronicle_note(w, (struct entry){.kind = kind,
                                     .machine = (uint16_t)machine,
                                     .other = (uint16_t)other,
                                     .number = number});
}

/* The driver that has just switched off this machine: the one of the newest effect. */
static size_t switched_by(struct world *w, size_t target)
{
    const struct device_run *newest = NULL;
    if (w->figures.kills == w->chronicle->kills)
        return 0;
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++) {
        const struct device_run *d = &w->devices.runs[i];
        if (d->number && d->target == target && (!newest || newest->number < d->number))
            newest = d;
    }
    return newest ? newest->executor + 1u : 0;
}

static void look_at_power(struct world *w, size_t i, const struct machine *m,
                          struct seen_machine *seen)
{
    bool rebooted = m->powered && seen->powered && m->boot != seen->boot;
    if ((seen->powered && !m->powered) || rebooted)
        note(w, CHRONICLE_POWER_GOES, i, switched_by(w, i), 0);
    if ((!seen->powered && m->powered) || rebooted)
        note(w, CHRONICLE_BOOTS, i, 0, 0);
    bool restarted = m->agent_up && seen->agent_up && m->run != seen->run;
    if (seen->agent_up && (!m->agent_up || restarted)) {
        if (m->powered && !rebooted)
            note(w, CHRONICLE_AGENT_ENDS, i, 0, 0);
        seen->paused = seen->frozen = false;
    }
    if (m->agent_up && (!seen->agent_up || restarted))
        note(w, CHRONICLE_AGENT_STARTS, i, 0, 0);
    bool paused = m->paused, frozen = m->frozen_until > w->now && m->powered;
    if ((paused || frozen) && !seen->paused && !seen->frozen)
        note(w, CHRONICLE_STANDS_STILL, i, 0, frozen);
    if (!paused && !frozen && (seen->paused || seen->frozen))
        note(w, CHRONICLE_GOES_ON, i, 0, 0);
    seen->paused = paused;
    seen->frozen = frozen;
    seen->powered = m->powered;
    seen->agent_up = m->agent_up;
    seen->run = m->run;
    seen->boot = m->boot;
}

/* What its agent says of itself and of the others. */
static void look_at_agent(struct world *w, size_t i, const struct machine *m,
                          struct seen_machine *seen)
{
    struct peer_status status;
    if (m->ready_life != seen->ready_life && m->ready_life)
        note(w, CHRONICLE_READY, i, 0, m->ready_life);
    seen->ready_life = m->ready_life;
    if (!m->agent_up) {
        seen->store = UINT8_MAX;
        seen->standing = false;
        return;
    }
    peer_status(m->peer, &status);
    if (status.store != seen->store)
        note(w, CHRONICLE_STORE, i, 0, status.store);
    seen->store = (uint8_t)status.store;
    if (status.standing_wanted && status.standing != seen->standing)
        note(w, CHRONICLE_STANDING, i, 0, status.standing);
    seen->standing = status.standing_wanted && status.standing;
    for (size_t k = 0; k < w->machine_count; k++) {
        struct member_view view;
        if (k == i)
            continue;
        peer_member(m->peer, cluster_slot(k), &view);
        if (view.state != seen->views[k])
            note(w, CHRONICLE_VIEW, i, k, view.state);
        seen->views[k] = (uint8_t)view.state;
    }
}

static void note_client(struct world *w, enum chronicle_kind kind, size_t i, size_t k,
                        const struct op *op, const struct name *name)
{
    const struct client *c = &w->machines[i].clients[k];
    const struct seen_machine *seen = &w->chronicle->machines[i];
    bool ends = kind == CHRONICLE_END; /* in the mode that it had when it was looked at last */
    struct entry e = {.kind = kind,
                      .machine = (uint16_t)i,
                      .other = (uint16_t)k,
                      .name = name->index,
                      .mode = ends ? seen->guest_mode[k]
                              : op ? c->guest_mode
                                   : LOCK_EXCLUSIVE,
                      .limit = ends ? seen->guest_limit[k]
                               : op ? c->guest_limit
                                    : 0,
                      .before = seen->guest_mode[k],
                      .before_limit = seen->guest_limit[k],
                      .number = op ? op->token_told : 0,
                      .span = op ? w->now - op->asked_at : 0};
    chronicle_note(w, e);
}

static void look_at_client(struct world *w, size_t i, size_t k, struct seen_machine *seen)
{
    const struct machine *m = &w->machines[i];
    const struct client *c = &m->clients[k];
    bool other = c->guest_runs && c->guest_handle != seen->guest_handle[k];
    bool lost = c->guest_runs && c->state == CLIENT_ORPHAN && m->agent_up &&
                w->figures.lost != w->chronicle->lost;
    if (seen->guest_runs[k] && (!c->guest_runs || other))
        note_client(w, CHRONICLE_END, i, k, c->guest_op, c->guest_op->name);
    if (c->guest_runs && (!seen->guest_runs[k] || other)) {
        note_client(w, CHRONICLE_GRANT, i, k, c->guest_op, c->guest_op->name);
        seen->lost[k] = false;
    } else if (c->guest_runs &&
               (c->guest_mode != seen->guest_mode[k] || c->guest_limit != seen->guest_limit[k])) {
        note_client(w, CHRONICLE_CONVERTS, i, k, c->guest_op, c->guest_op->name);
    }
    if (lost && !seen->lost[k])
        note_client(w, CHRONICLE_LOST, i, k, c->guest_op, c->guest_op->name);
    seen->lost[k] |= lost;
    bool asks = c->state == CLIENT_ASKS;
    if (asks && !seen->asks[k])
        note_client(w, CHRONICLE_ASKS, i, k, NULL, c->name);
    if (seen->asks[k] && !asks && !c->guest_runs && c->name)
        note_client(w, CHRONICLE_REFUSED, i, k, NULL, c->name);
    seen->asks[k] = asks;
    seen->guest_runs[k] = c->guest_runs;
    seen->guest_handle[k] = c->guest_handle;
    seen->guest_mode[k] = c->guest_mode;
    seen->guest_limit[k] = c->guest_limit;
}

/* Votes and orders against its present life. */
static void look_at_life(struct world *w, size_t i, struct seen_machine *seen)
{
    uint64_t number = w->observer->lives.highest[i];
    if (number != seen->life) {
        seen->life = number;
        seen->votes = 0;
        seen->ordered = false;
    }
    if (number == 0)
        return;
    const struct life *life = &w->observer->lives.of[i][number];
    uint32_t fresh = life->votes & ~seen->votes;
    for (size_t k = 0; fresh && k < w->machine_count; k++)
        if (fresh & UINT32_C(1) << k)
            note(w, CHRONICLE_VOTE, k, i, number);
    if (life->ordered && !seen->ordered)
        note(w, CHRONICLE_ORDERED, i, 0, number);
    seen->votes = life->votes;
    seen->ordered = life->ordered;
}

static void look_at_drivers(struct world *w)
{
    struct chronicle *c = w->chronicle;
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++) {
        const struct device_run *d = &w->devices.runs[i];
        if (d->number == 0 || d->run.kind != RUN_OFF_STATUS)
            continue;
        if (d->number != c->runs[i].number) {
            c->runs[i].number = d->number;
            c->runs[i].answered = false;
            note(w, CHRONICLE_DRIVER, d->executor, d->target, d->number);
        }
        if (d->answered && !c->runs[i].answered) {
            c->runs[i].answered = true;
            note(w, CHRONICLE_OUTCOME, d->executor, d->target, d->outcome);
        }
    }
}

static void look_at_proofs(struct world *w)
{
    const struct lives *lives = &w->observer->lives;
    for (; w->chronicle->proofs < lives->proof_count; w->chronicle->proofs++) {
        const struct proof_seen *p = &lives->proofs[w->chronicle->proofs];
        note(w, CHRONICLE_PROOF, p->index, 0, p->kind == PROOF_END);
    }
}

static void look_at_machine(struct world *w, size_t i)
{
    struct seen_machine *seen = &w->chronicle->machines[i];
    look_at_power(w, i, &w->machines[i], seen);
    for (size_t k = 0; k < CLIENTS_MAX; k++)
        look_at_client(w, i, k, seen);
    look_at_agent(w, i, &w->machines[i], seen);
}

void chronicle_watch(struct world *w, const struct item *item)
{
    bool anywhere = item->kind >= HAPPEN_AGENT_START;
    look_at_drivers(w);
    for (size_t i = 0; i < w->machine_count; i++)
        if (anywhere || i == item->machine)
            look_at_machine(w, i);
    for (size_t i = 0; i < w->machine_count; i++)
        look_at_life(w, i, &w->chronicle->machines[i]);
    look_at_proofs(w);
    w->chronicle->kills = w->figures.kills;
    w->chronicle->lost = w->figures.lost;
}
