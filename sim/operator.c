/* The operator: see operator.h. */
#include "sim/operator.h"

#include "proto/inequality.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

static const struct range gap = {SPAN_MS(200), SPAN_MS(4000)};
static const struct range lasts = {SPAN_MS(3000), SPAN_MS(15000)};
static const struct span hearing_span = SPAN_MS(2500);
static const struct span rest_span = SPAN_MS(30000); /* before the siege nothing is begun */

enum deed { DEED_FREEZE, DEED_THAW, DEED_MAINTAIN, DEED_DRAIN, DEED_REQUEST, DEED_HEAR };

static void plan(struct world *w, struct span after, uint32_t detail)
{
    world_plan(w, after, (struct item){.kind = HAPPEN_OPERATOR, .detail = detail});
}

void operator_open(struct world *w)
{
    struct operator_desk *o = &w->desk;
    random_init(&o->random, w->seed, STREAM_OPERATOR);
    o->left = w->p.operators;
    o->confirms = SLOT_NONE;
    if (o->left > 0)
        plan(w, random_span(&o->random, gap.low, gap.high), 0);
}

static struct machine *any(struct world *w)
{
    return &w->machines[random_below(&w->desk.random, w->machine_count)];
}

/* Whom people worry about: one that is off, or whose agent is gone, as a rule. */
static struct machine *suspect(struct world *w)
{
    struct machine *m = any(w);
    for (size_t i = 0; i < w->machine_count && random_chance(&w->desk.random, 900); i++) {
        struct machine *next = &w->machines[(m->index + i) % w->machine_count];
        if (!next->powered || !next->agent_up || next->paused)
            return next;
    }
    return m;
}

static uint64_t handle_of(struct world *w, enum inhibitor_kind kind, size_t scope)
{
    return ++w->desk.number << 24 | (uint64_t)kind << 16 | (uint64_t)scope << 8 | HANDLE_OPERATOR;
}

/* --- Inhibitors --- */

void operator_says(struct world *w, struct machine *m, enum inhibitor_kind kind, size_t scope,
                   bool on, struct span span)
{
    struct event e = {.kind = EVENT_INHIBIT};
    e.inhibit.handle = handle_of(w, kind, scope);
    e.inhibit.kind = kind;
    e.inhibit.scope = scope == MACHINES_MAX ? SLOT_NONE : cluster_slot(scope);
    e.inhibit.on = on;
    e.inhibit.span_ms = (uint32_t)(span.ns / 1000000);
    world_trace(w, "%s: an operator %s %s of %s", m->name, on ? "says" : "lifts",
                inhibitor_kind_text(kind), scope == MACHINES_MAX ? "all" : w->machines[scope].name);
    machine_post(w, m, &e);
}

/* It was said, durable or not: which word it is. */
static void note_word(struct world *w, const struct machine *m, enum inhibitor_kind kind,
                      size_t scope)
{
    struct operator_desk *o = &w->desk;
    uint16_t slot = scope == MACHINES_MAX ? SLOT_NONE : cluster_slot(scope);
    struct inhibitor_view view;
    size_t cursor = 0;
    while (m->peer && peer_next_inhibitor(m->peer, &cursor, &view)) {
        if (view.kind != kind || view.scope != slot || o->word_count == OPERATOR_WORDS)
            continue;
        o->words[o->word_count++] = (struct operator_word){.kind = kind,
                                                           .scope = scope,
                                                           .version = view.version,
                                                           .by = view.by,
                                                           .on = view.on,
                                                           .said_at = w->now,
                                                           .span = view.left};
    }
}

static const struct operator_word *word_of(const struct operator_desk *o, enum inhibitor_kind kind,
                                           size_t scope, uint64_t version, uint16_t by)
{
    for (size_t i = 0; i < o->word_count; i++) {
        const struct operator_word *word = &o->words[i];
        if (word->kind == kind && word->scope == scope && word->version == version &&
            word->by == by)
            return word;
    }
    return NULL;
}

/* Clocks may be fast: it ends no earlier than that. */
static int64_t end_of(const struct operator_word *word)
{
    return word->said_at + word->span.ns / 20 * 17;
}

static void note_kept(struct world *w, const struct machine *m, const struct wire_inhibited *said)
{
    struct operator_desk *o = &w->desk;
    size_t scope = MACHINES_MAX;
    if (said->kind >= INHIBITOR_KINDS)
        return;
    if (said->scope != SLOT_NONE) {
        int index = cluster_index(w->cluster, said->scope);
        if (index < 0)
            return;
        scope = (size_t)index;
    }
    const struct operator_word *word =
        word_of(o, (enum inhibitor_kind)said->kind, scope, said->version, said->by);
    struct operator_kept *kept = &o->kept[said->kind][m->index][scope];
    *kept = (struct operator_kept){.version = said->version, .by = said->by};
    if (word && word->on) {
        kept->on = true;
        kept->until = end_of(word);
    }
}

/* Whether the juror keeps to that for certain: it said so, and nobody has lifted it since. */
static bool binds(const struct world *w, const struct machine *m, enum inhibitor_kind kind,
                  size_t scope)
{
    const struct operator_desk *o = &w->desk;
    const struct operator_kept *kept = &o->kept[kind][m->index][scope];
    if (!kept->on || w->now >= kept->until)
        return false;
    for (size_t i = 0; i < o->word_count; i++) {
        const struct operator_word *word = &o->words[i];
        if (word->kind == kind && word->scope == scope && word->version > kept->version)
            return false; /* it may have heard of it */
        if (word->kind == kind && word->scope == scope && word->version == kept->version &&
            word->by > kept->by)
            return false;
    }
    return true;
}

void operator_said(struct world *w, const struct machine *m, const struct message *message)
{
    uint16_t slot = message->type == WIRE_VOTE      ? message->vote.slot
                    : message->type == WIRE_EXEC_OK ? message->exec_ok.slot
                                                    : SLOT_NONE;
    if (message->type == WIRE_INHIBITED)
        note_kept(w, m, &message->inhibited);
    int index = slot == SLOT_NONE ? -1 : cluster_index(w->cluster, slot);
    if (index < 0)
        return;
    const char *what = message->type == WIRE_VOTE ? "votes against" : "lets somebody act on";
    if (binds(w, m, INHIBIT_FREEZE, MACHINES_MAX) || binds(w, m, INHIBIT_FREEZE, (size_t)index))
        world_fail(w, EXIT_BROKEN, "S22", "%s %s %s within a freeze that it has stored", m->name,
                   what, w->machines[index].name);
    if (message->type == WIRE_EXEC_OK && binds(w, m, INHIBIT_MAINTENANCE, (size_t)index))
        world_fail(w, EXIT_BROKEN, "S22", "%s %s %s, which it knows to be under maintenance",
                   m->name, what, w->machines[index].name);
}

/* --- Orders and confirmations --- */

void operator_requests(struct world *w, struct machine *m, const struct machine *target,
                       uint64_t life)
{
    struct event e = {.kind = EVENT_FENCE};
    e.fence.handle = handle_of(w, INHIBITOR_KINDS, target->index);
    e.fence.slot = cluster_slot(target->index);
    e.fence.life = life;
    world_trace(w, "%s: an operator asks for an order against life %llu of %s", m->name,
                (unsigned long long)life, target->name);
    machine_post(w, m, &e);
}

/* An order that was certified against that life; NULL if there is none. */
static bool order_of(const struct world *w, size_t index, uint64_t life, struct order_cert *out)
{
    const struct lives *lives = &w->observer->lives;
    for (size_t i = lives->order_count; i-- > 0;) {
        struct reader r = reader_init(lives->orders[i].bytes, lives->orders[i].size);
        if (order_cert_decode(out, &r) && out->order.slot == cluster_slot(index) &&
            out->order.life == life)
            return true;
    }
    return false;
}

/* It acknowledged a renewal of that life so lately that it has to refuse. */
static bool knows_better(const struct world *w, const struct machine *m, size_t index,
                         uint64_t life)
{
    struct fence_times times;
    const struct lives *lives = &w->observer->lives;
    fence_times_derive(&times, SPAN_MS(w->p.detect_ms));
    return lives->renewed[m->index][index].life == life &&
           w->now - lives->renewed[m->index][index].at < times.hand_over.ns / 20 * 17;
}

/* Whoever looks at the machine sees whether it is off; who believes, does not look. */
void operator_hears(struct world *w, struct machine *m, struct machine *target)
{
    struct operator_desk *o = &w->desk;
    struct order_cert cert;
    uint64_t life = w->observer->lives.highest[target->index];
    bool off = life > 0 && lives_switched_off(w, target, life);
    if (life == 0 || !order_of(w, target->index, life, &cert) ||
        (!off && !w->p.wrong_hands && !knows_better(w, m, target->index, life)))
        return;
    struct event e = {.kind = EVENT_HEAR};
    e.fence.handle = handle_of(w, INHIBITOR_KINDS, target->index);
    e.fence.slot = cluster_slot(target->index);
    e.fence.life = life;
    o->confirms = target->index;
    o->life = life;
    o->at = m;
    world_trace(w, "%s: an operator asks who hears life %llu of %s", m->name,
                (unsigned long long)life, target->name);
    machine_post(w, m, &e);
    plan(w, hearing_span, 1);
}

static void confirm(struct world *w)
{
    struct operator_desk *o = &w->desk;
    struct proof proof = {.kind = PROOF_OPERATOR};
    size_t index = o->confirms;
    struct machine *m = o->at;
    if (index == SLOT_NONE)
        return;
    o->confirms = SLOT_NONE;
    bool off = lives_switched_off(w, &w->machines[index], o->life);
    if (!m->agent_up || m->paused || !order_of(w, index, o->life, &proof.cert) ||
        (!off && !w->p.wrong_hands && !knows_better(w, m, index, o->life)))
        return;
    proof.operator_receipt.form = OPERATOR_CONFIRMS;
    memcpy(proof.operator_receipt.machine, w->cluster->roster.nodes[index].name, ROSTER_NAME_SIZE);
    operator_receipt_sign(&proof.operator_receipt, &proof.cert.order, &w->cluster->id, 0,
                          &w->cluster->operator_key);
    struct writer out = writer_init(o->file, sizeof o->file);
    write_copy(&out, PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    proof_encode(&out, &proof);
    struct event e = {.kind = EVENT_SUBMIT};
    e.submit.handle = handle_of(w, INHIBITOR_KINDS + 1, index);
    e.submit.file = (struct view){o->file, writer_size(&out)};
    if (w->p.wrong_hands) /* A4 does not hold */
        w->observer->lives.of[index][o->life].lied |= !off;
    world_trace(w, "%s: an operator confirms the end of life %llu of %s, which is %s", m->name,
                (unsigned long long)o->life, w->machines[index].name, off ? "off" : "NOT off");
    machine_post(w, m, &e);
}

/* S9: not by a node that hears that life itself. */
static void judge_taken(struct world *w, const struct machine *m, size_t index)
{
    if (knows_better(w, m, index, w->desk.life))
        world_fail(w, EXIT_BROKEN, "S9",
                   "%s takes an operator's receipt, and acknowledged %s within H", m->name,
                   w->machines[index].name);
    w->figures.confirmed++;
}

/* --- In turn --- */

static void do_one(struct world *w, struct machine *m)
{
    struct operator_desk *o = &w->desk;
    struct machine *target = suspect(w);
    size_t scope = random_chance(&o->random, 600) ? MACHINES_MAX : target->index;
    struct span span = random_span(&o->random, lasts.low, lasts.high);
    switch ((enum deed)random_below(&o->random, DEED_HEAR + 1)) {
    case DEED_FREEZE:
        operator_says(w, m, INHIBIT_FREEZE, scope, true, span);
        return;
    case DEED_THAW:
        operator_says(w, m, INHIBIT_FREEZE, scope, false, span);
        return;
    case DEED_MAINTAIN:
        operator_says(w, m, INHIBIT_MAINTENANCE, target->index, random_chance(&o->random, 700),
                      span);
        return;
    case DEED_DRAIN:
        operator_says(w, m, INHIBIT_DRAIN, target->index, random_chance(&o->random, 700), span);
        return;
    case DEED_REQUEST:
        if (target->life && target != m)
            operator_requests(w, m, target, target->life);
        return;
    case DEED_HEAR:
        if (target != m)
            operator_hears(w, m, target);
        return;
    }
}

void operator_next(struct world *w, uint32_t detail)
{
    struct operator_desk *o = &w->desk;
    if (detail) {
        confirm(w);
        return;
    }
    if (w->calm || w->siege.on || w->now + rest_span.ns > w->siege_at)
        return;
    struct machine *m = any(w);
    if (m->agent_up && !m->paused && o->confirms == SLOT_NONE)
        do_one(w, m);
    if (--o->left > 0)
        plan(w, random_span(&o->random, gap.low, gap.high), 0);
}

/* What still holds when the siege begins: a drained machine takes no lock, and while votes are
 * frozen nobody's locks pass on. */
void operator_watch(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        const struct machine *m = &w->machines[i];
        struct inhibitor_view view;
        size_t cursor = 0;
        while (w->desk.word_count && m->agent_up && peer_next_inhibitor(m->peer, &cursor, &view)) {
            if (view.on && view.kind == INHIBIT_DRAIN && view.scope == cluster_slot(i))
                w->siege.occupied_at[i] = w->now;
            else if (view.on)
                w->desk.held_off_at = w->now;
        }
    }
}

void operator_answer(struct world *w, struct machine *m, const struct answer *a)
{
    unsigned kind = a->handle >> 16 & 0xff;
    size_t scope = a->handle >> 8 & 0xff;
    bool taken = a->kind == ANSWER_SUBMITTED;
    world_trace(w, "%s %s it: %s", m->name, taken ? "takes" : "refuses", a->text ? a->text : "");
    if (taken && kind < INHIBITOR_KINDS) {
        note_word(w, m, (enum inhibitor_kind)kind, scope);
        w->figures.inhibitors++;
    }
    if (taken && kind == INHIBITOR_KINDS + 1)
        judge_taken(w, m, scope);
}
