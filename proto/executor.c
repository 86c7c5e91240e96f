/* The executor: see executor.h. */
#include "proto/executor.h"

#include "proto/fence_told.h"
#include "proto/inhibitors.h"
#include "proto/juror.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/places.h"

#define ASK_AGAIN    SPAN_MS(200)
#define TURN_SPAN    SPAN_MS(3000) /* for an executor of a better rank to say that it began */
#define REST_FIRST   SPAN_MS(500)  /* after an asking that no quorum said yes to */
#define REST_MAX     SPAN_MS(8000)
#define WITNESS_SPAN SPAN_MS(3000)
#define LOOK_WAIT    SPAN_MS(250)

#define RUN_BEGAN_TEXT "off, then a status query"

size_t executor_bytes(const struct peer_config *config)
{
    return places_orders(config->roster) * sizeof(struct execution);
}

void executor_init(struct executor *x, struct core *core, struct docket *docket,
                   struct proofs *proofs, void *memory)
{
    const struct roster *roster = core->config.roster;
    *x = (struct executor){.core = core,
                           .docket = docket,
                           .proofs = proofs,
                           .table = memory,
                           .step_at = INSTANT_NEVER};
    x->serves = roster->nodes[roster_find(roster, core_self(core))].executes;
}

static struct execution *find(struct executor *x, uint16_t slot, uint64_t life,
                              const struct scope *scope)
{
    for (size_t i = 0; x->used && i < x->count; i++)
        if (x->table[i].used && x->table[i].slot == slot && x->table[i].life == life &&
            scope_equal(&x->table[i].scope, scope))
            return &x->table[i];
    return NULL;
}

static struct docket_entry *order_of(const struct executor *x, const struct execution *e)
{
    return docket_find_scope(x->docket, e->slot, e->life, &e->scope);
}

/* What it is about is proven over. */
static bool over(const struct executor *x, uint16_t slot, uint64_t life, const struct scope *scope)
{
    return proofs_covers(x->proofs, slot) >= life ||
           ended_of(x->core->ended, slot, life, scope) != NULL;
}

/* A place; that of an execution whose target is proven over gives way. Sessions leave half of the
 * places to lives. */
static struct execution *make(struct executor *x, uint16_t slot, uint64_t life,
                              const struct scope *scope)
{
    size_t sessions = 0, places = places_orders(x->core->config.roster);
    for (size_t i = 0; i < x->count; i++)
        sessions += x->table[i].used && x->table[i].scope.session &&
                    !over(x, x->table[i].slot, x->table[i].life, &x->table[i].scope);
    if (scope->session && sessions >= places / 2)
        return NULL;
    for (size_t i = 0; i < places; i++) {
        struct execution *e = &x->table[i];
        if (i == x->count) {
            x->count++;
            *e = (struct execution){0};
        }
        if (e->used && !(e->phase == EXECUTION_OVER && over(x, e->slot, e->life, &e->scope)))
            continue;
        x->used += !e->used;
        *e = (struct execution){.used = true,
                                .slot = slot,
                                .life = life,
                                .scope = *scope,
                                .witness = SLOT_NONE,
                                .again_at = INSTANT_NEVER};
        return e;
    }
    return NULL;
}

bool executor_load(struct executor *x, const struct record *record)
{
    const struct record_executed *r = &record->executed;
    if (record->kind != RECORD_EXECUTED || find(x, r->slot, r->life, &r->scope))
        return true;
    struct execution *e = make(x, r->slot, r->life, &r->scope);
    if (!e) /* F9: what is left out would be acted on again */
        return false;
    e->phase = EXECUTION_OVER;
    e->written = true;
    return true;
}

bool executor_record(const struct executor *x, size_t index, struct record *out)
{
    const struct execution *e = &x->table[index];
    *out = (struct record){.kind = RECORD_EXECUTED,
                           .executed = {.slot = e->slot, .life = e->life, .scope = e->scope}};
    return e->used && e->written;
}

/* --- Whose turn --- */

static uint64_t rank_of(const struct core *c, const struct docket_entry *e, uint16_t slot)
{
    uint8_t bytes[DIGEST_SIZE + 2];
    struct writer w = writer_init(bytes, sizeof bytes);
    write_copy(&w, e->order.bytes, DIGEST_SIZE);
    write_u16(&w, slot);
    return hash64(c->cohorts.hash_key, bytes, sizeof bytes);
}

uint64_t executor_rank(const struct core *c, const struct digest *order, uint16_t slot)
{
    struct docket_entry e = {.order = *order};
    return rank_of(c, &e, slot);
}

struct span executor_turn(void)
{
    return TURN_SPAN;
}

/* It may still act on the order, or has: alive, and it has not failed. */
static bool in_play(const struct core *c, const struct docket_entry *e, const struct roster_node *n)
{
    const struct fence_report *r = docket_report_of(e, n->slot);
    return n->executes && n->slot != e->slot && !(r && r->stage == RUN_FAILED) &&
           swim_alive(c->swim, n->slot);
}

#ifdef HOLDFAST_MUTANTS
/* Planted bug 146: an executor that said that it began is waited for, for ever. */
static bool began(const struct docket_entry *e)
{
    for (size_t i = 0; i < e->report_count; i++)
        if (e->reports[i].stage == RUN_BEGAN)
            return true;
    return false;
}
#endif

/* Executors in play of a better rank than this node's. */
static size_t better(const struct core *c, const struct docket_entry *e)
{
    const struct roster *roster = c->config.roster;
    uint64_t own = rank_of(c, e, core_self(c));
    size_t count = 0;
    for (size_t i = 0; i < roster->node_count; i++) {
        const struct roster_node *n = &roster->nodes[i];
        count += n->slot != core_self(c) && in_play(c, e, n) && rank_of(c, e, n->slot) < own;
    }
    return count;
}

enum fence_stage executor_stage(const struct core *c, const struct docket_entry *e)
{
    const struct roster *roster = c->config.roster;
    if (docket_action(e) == ACTION_RETIRE)
        return FENCE_NO_ACTION;
    size_t playing = 0, can = 0;
    for (size_t i = 0; i < roster->node_count; i++) {
        can += roster->nodes[i].executes && roster->nodes[i].slot != e->slot;
        playing += in_play(c, e, &roster->nodes[i]);
    }
    for (size_t i = 0; i < e->report_count; i++)
        if (e->reports[i].stage != RUN_FAILED && !instant_reached(c->now, e->runs_until))
            return FENCE_RUNNING;
    if (can == 0)
        return FENCE_NO_ACTION;
    return playing ? FENCE_ORDERED : FENCE_FAILED;
}

static bool may_act(struct executor *x, const struct docket_entry *e)
{
#ifdef HOLDFAST_MUTANTS
    if (MUTANT(146) && began(e))
        return false;
#endif
    return e->used && e->slot != core_self(x->core) && docket_action(e) != ACTION_RETIRE &&
           (!over(x, e->slot, e->life, &e->scope) || MUTANT(32)) &&
           (!standing_bound(x->core->standing) || MUTANT(41));
}

/* F8: nobody begins while it is frozen, or under maintenance. */
static bool inhibited(const struct executor *x, struct instant now, uint16_t slot)
{
    const struct inhibitors *t = x->core->inhibitors;
    return (inhibitors_freeze(t, now, slot) && !MUTANT(130)) ||
           (inhibitors_maintain(t, now, slot) && !MUTANT(133));
}

/* --- Reports --- */

/* What it takes at most from here to the ladder's end; of what others believe at a time (F9) the
 * docket takes no more. */
static struct span ladder_span(const struct executor *x, const struct execution *e)
{
    const struct docket_entry *order = order_of(x, e);
    int64_t rung = x->core->config.run_span.ns + WITNESS_SPAN.ns, all = rung;
    for (uint8_t a = e->action; order && (a = docket_action_after(order, a)) != ACTION_RETIRE;)
        all += ASK_SPAN.ns + rung;
    return (struct span){all < SPAN_MS(RUN_SPAN_MAX_MS).ns ? all : SPAN_MS(RUN_SPAN_MAX_MS).ns};
}

static struct message report_of(const struct execution *e, enum run_stage stage, struct span span,
                                const char *text)
{
    return (struct message){.type = WIRE_EXEC_REPORT,
                            .exec_report = {.slot = e->slot,
                                            .life = e->life,
                                            .stage = (uint8_t)stage,
                                            .span_ms = (uint32_t)(span.ns / 1000000),
                                            .text = {(const uint8_t *)text, strlen(text)},
                                            .scope = e->scope}};
}

/* To all that live, and to each juror: one that is only held dead may say yes to another executor
 * meanwhile (seed 809435). */
static void report(struct executor *x, const struct execution *e, enum run_stage stage,
                   const char *text)
{
    const struct roster *roster = x->core->config.roster;
    struct message m = report_of(e, stage, ladder_span(x, e), text);
    for (size_t i = 0; i < roster->node_count; i++) {
        uint16_t slot = roster->nodes[i].slot;
        if (slot == core_self(x->core) || swim_alive(x->core->swim, slot) ||
            jury_find(&x->core->jury, slot) >= 0)
            outbox_send(&x->core->outbox, slot, &m);
    }
}

static void fail(struct executor *x, struct execution *e, const char *text)
{
    e->phase = EXECUTION_OVER;
    e->again_at = INSTANT_NEVER;
    report(x, e, RUN_FAILED, text);
    struct notice *n = told_notice(&x->core->told, NOTICE_RUN_FAILED);
    n->slot = e->slot;
    n->number = e->life;
    n->other = core_self(x->core);
}

/* --- Acting --- */

static void ask(struct executor *x, struct instant now, struct execution *e)
{
    struct message m = {.type = WIRE_EXEC_ASK,
                        .exec_ask = {.slot = e->slot,
                                     .life = e->life,
                                     .nonce = e->nonce,
                                     .span_ms = (uint32_t)(x->core->config.run_span.ns / 1000000),
                                     .scope = e->scope}};
    struct message began = report_of(e, RUN_BEGAN, SPAN_MS(0), RUN_BEGAN_TEXT);
    const struct docket_entry *order = order_of(x, e);
    for (size_t i = 0; i < x->core->jury.count; i++) {
        uint16_t juror = x->core->jury.slots[i];
        if (e->yes & (1u << i) || juror == e->slot)
            continue;
        /* Who has not answered at once may not know the order yet (F4), or that it began. */
        bool again = order && juror != core_self(x->core) && e->asked_at.ns < now.ns;
        if (again)
            docket_send(x->docket, juror, order);
        if (again && e->began)
            outbox_send(&x->core->outbox, juror, &began);
        outbox_send(&x->core->outbox, juror, &m);
    }
    e->again_at = instant_after(now, ASK_AGAIN);
}

static void begin_asking(struct executor *x, struct instant now, struct execution *e)
{
    e->phase = EXECUTION_ASKING;
    e->resting = false;
    e->nonce = drbg_u64(&x->core->drbg);
    e->yes = 0;
    e->asked_at = now;
    ask(x, now, e);
}

static bool want_run(struct executor *x, enum run_kind kind, const struct docket_entry *order,
                     uint8_t action, struct instant begin_by)
{
    if (x->run_count == EFFECTS_RUNS_MAX)
        return false;
    x->runs[x->run_count++] =
        (struct run){.kind = kind,
                     .slot = order->slot,
                     .life = order->life,
                     .scope = order->scope,
                     .action = action,
                     .order = order->order,
                     .begin_by = begin_by,
                     .end_by = instant_after(begin_by, x->core->config.run_span)};
    return true;
}

static void sign_receipt(struct executor *x, struct instant now, struct execution *e);

static void run(struct executor *x, struct instant now, struct execution *e)
{
    const struct docket_entry *order = order_of(x, e);
    /* F9: within 2 s of asking a quorum, on an order that is certified for an action. */
    must(jury_is_quorum(&x->core->jury, e->yes));
    must(span_between(e->asked_at, now).ns < ASK_SPAN.ns && e->lsn <= x->core->journal.durable);
    if (!order ||
        !want_run(x, RUN_OFF_STATUS, order, e->action, instant_after(e->asked_at, ASK_SPAN))) {
        begin_asking(x, now, e); /* no room for it in these effects: ask anew */
        return;
    }
    e->phase = EXECUTION_RUNNING;
    e->again_at = INSTANT_NEVER;
    x->core->counters.fence_runs++;
    struct notice *n = told_notice(&x->core->told, NOTICE_RUN);
    n->slot = e->slot;
    n->number = e->life;
    e->began = true;
    report(x, e, RUN_BEGAN, RUN_BEGAN_TEXT);
    if (MUTANT(34)) /* "receipt before power effect" */
        sign_receipt(x, now, e);
}

/* A quorum said yes. Not earlier: an agent that finds this in its store acts no more (F9), and of
 * the asking alone nothing has come. */
static void write_down(struct executor *x, struct execution *e)
{
    struct record record = {.kind = RECORD_EXECUTED,
                            .executed = {.slot = e->slot, .life = e->life, .scope = e->scope}};
    if (!e->written)
        e->lsn = journal_append(&x->core->journal, &record, true);
    e->written = true;
    e->phase = EXECUTION_WRITING;
    e->again_at = INSTANT_NEVER;
}

/* The record is durable; if that took too long, the jurors are asked anew. */
static void written(struct executor *x, struct instant now, struct execution *e)
{
    if (span_between(e->asked_at, now).ns < ASK_SPAN.ns)
        run(x, now, e);
    else
        begin_asking(x, now, e);
}

void executor_look(struct executor *x, struct instant now)
{
    x->step_at = INSTANT_NEVER;
    if (!x->serves || !core_votes(x->core)) /* L7: it signs out of its store */
        return;
    for (size_t i = 0; i < x->docket->count; i++) {
        struct docket_entry *order = &x->docket->entries[i];
        if (!may_act(x, order) || find(x, order->slot, order->life, &order->scope))
            continue;
        if (inhibited(x, now, order->slot)) { /* turns count from its end: else it is all's */
            order->at = now;
            x->step_at = instant_earlier(x->step_at, instant_after(now, LOOK_WAIT));
            continue;
        }
        /* It costs what the roster names: at news of this order, and now and then. */
        if (order->at.ns != now.ns && !instant_reached(now, order->look_at)) {
            x->step_at = instant_earlier(x->step_at, order->look_at);
            continue;
        }
        order->look_at = instant_after(now, LOOK_WAIT);
        /* Counted from the last that is known of it: else, after a slow failure, it would be the
         * turn of all who are left at once. */
        struct instant from = order->runs_until.ns > order->at.ns ? order->runs_until : order->at;
        struct instant turn =
            instant_after(from, span_times(TURN_SPAN, (int64_t)better(x->core, order)));
        struct execution *e =
            instant_reached(now, turn) ? make(x, order->slot, order->life, &order->scope) : NULL;
        if (e) {
            e->action = docket_action(order);
            begin_asking(x, now, e);
        } else { /* not yet; or all places are taken */
            x->step_at = instant_earlier(x->step_at, order->look_at);
        }
    }
}

void executor_look_soon(struct executor *x, struct instant now)
{
    x->step_at = now;
}

/* The ladder's next rung, which is an act of its own: the jurors are asked anew (F9). That it acts
 * on this life is written already. */
static void climb(struct executor *x, struct instant now, struct execution *e, const char *text)
{
    const struct docket_entry *order = order_of(x, e);
    uint8_t next = order ? docket_action_after(order, e->action) : ACTION_RETIRE;
    if (next == ACTION_RETIRE || MUTANT(163)) { /* "the ladder ends at its first rung" */
        fail(x, e, text);
        return;
    }
    e->action = next;
    e->witness = SLOT_NONE;
    begin_asking(x, now, e);
}

/* --- The receipt (F6b) --- */

static void sign_receipt(struct executor *x, struct instant now, struct execution *e)
{
    struct core *c = x->core;
    const struct docket_entry *order = order_of(x, e);
    e->phase = EXECUTION_OVER;
    e->again_at = INSTANT_NEVER;
    if (!order || !core_votes(c)) /* L7: it signs out of its store alone */
        return;
    bool ordered = c->standing->ordered || c->standing->scoped;
    if (ordered && !MUTANT(41)) { /* F3: it signs nothing more */
        fail(x, e, "the executor's own life came under an order meanwhile (F3)");
        return;
    }
    const struct roster_node *target =
        &c->config.roster->nodes[roster_find(c->config.roster, e->slot)];
    struct proof proof = {.kind = PROOF_EXECUTED, .cert = order->cert};
    proof.receipt =
        (struct receipt){.action = e->action,
                         .executor = core_self(c),
                         .witness = e->witness == SLOT_NONE ? WITNESS_NONE : e->witness};
    memcpy(proof.receipt.device, e->scope.session ? e->device : target->device, DEVICE_SIZE);
    receipt_sign(&proof.receipt, &order->cert.order, &c->config.cluster, c->config.key);
    c->counters.fence_receipts++;
    if (e->scope.session && !ended_make(c->ended, now, &proof)) {
        fail(x, e, "this node keeps as many proofs about sessions as it can");
        return;
    }
    if (!e->scope.session)
        proofs_make(x->proofs, now, &proof);
    report(x, e, RUN_DONE, "off, and a status query says off");
}

/* One further node that can reach the device asks it too, where there is one. */
static void seek_witness(struct executor *x, struct instant now, struct execution *e)
{
    const struct roster *roster = x->core->config.roster;
    const struct docket_entry *order = order_of(x, e);
    size_t first = (size_t)drbg_below(&x->core->drbg, roster->node_count);
    for (size_t i = 0; order && i < roster->node_count; i++) {
        const struct roster_node *n = &roster->nodes[(first + i) % roster->node_count];
        if (!n->executes || n->slot == e->slot || n->slot == core_self(x->core) ||
            !swim_alive(x->core->swim, n->slot))
            continue;
        e->phase = EXECUTION_WITNESSING;
        e->nonce = drbg_u64(&x->core->drbg);
        e->again_at = instant_after(now, WITNESS_SPAN);
        struct message m = {.type = WIRE_WITNESS_ASK,
                            .witness_ask = {.slot = e->slot,
                                            .life = e->life,
                                            .action = e->action,
                                            .nonce = e->nonce,
                                            .scope = e->scope}};
        docket_send(x->docket, n->slot, order);
        outbox_send(&x->core->outbox, n->slot, &m);
        return;
    }
    sign_receipt(x, now, e); /* nobody else can be asked */
}

static void take_witness(struct executor *x, struct instant now, uint16_t from,
                         const struct wire_witness *m)
{
    struct execution *e = find(x, m->slot, m->life, &m->scope);
    if (!e || e->phase != EXECUTION_WITNESSING || m->nonce != e->nonce)
        return;
    if (m->outcome == RUN_ON) {
        climb(x, now, e, "another node's status query says that it is on (F6b)");
        return;
    }
    if (m->outcome == RUN_OFF)
        e->witness = from;
    sign_receipt(x, now, e); /* a witness that does not reach the device says nothing */
}

static void testify(struct executor *x, struct instant now, uint16_t from,
                    const struct wire_witness_ask *m)
{
    /* F4: a device is touched on a certified order alone, also to ask how it is. */
    const struct docket_entry *order = docket_find_scope(x->docket, m->slot, m->life, &m->scope);
    bool allowed = order && m->action != ACTION_RETIRE && m->action < ACTIONS_MAX &&
                   (order->actions >> m->action & 1);
    if (!x->serves || !allowed || m->slot == core_self(x->core))
        return;
    for (size_t i = 0; i < EFFECTS_RUNS_MAX; i++) {
        struct testimony *t = &x->testimonies[i];
        if (t->used && t->slot == m->slot && t->life == m->life && t->action != m->action &&
            scope_equal(&t->scope, &m->scope))
            return; /* its answer would be taken for that of another device */
    }
    for (size_t i = 0; i < EFFECTS_RUNS_MAX; i++) {
        if (x->testimonies[i].used)
            continue;
        /* Who asked waits no longer. */
        if (want_run(x, RUN_STATUS, order, m->action, instant_after(now, WITNESS_SPAN)))
            x->testimonies[i] = (struct testimony){.used = true,
                                                   .asker = from,
                                                   .slot = m->slot,
                                                   .life = m->life,
                                                   .scope = m->scope,
                                                   .action = m->action,
                                                   .nonce = m->nonce};
        return;
    }
}

/* --- What the driver says --- */

/* Whether the device that answered is the one that the roster names for the target (F6b). Of
 * sessions the roster knows nothing. */
static bool right_device(const struct executor *x, const struct event *event)
{
    if (event->executed.scope.session)
        return true;
    const struct roster *roster = x->core->config.roster;
    int index = roster_find(roster, event->executed.slot);
    const char *device = index >= 0 ? roster->nodes[index].device : "";
    char answered[DEVICE_SIZE];
    memcpy(answered, event->executed.device, sizeof answered);
    answered[DEVICE_SIZE - 1] = '\0';
    return device[0] && strcmp(device, answered) == 0;
}

static void ran_status(struct executor *x, const struct event *event)
{
    enum run_outcome outcome = event->executed.outcome;
    if (!right_device(x, event)) /* of another machine it says nothing */
        outcome = RUN_UNKNOWN;
    for (size_t i = 0; i < EFFECTS_RUNS_MAX; i++) {
        struct testimony *t = &x->testimonies[i];
        if (!t->used || t->slot != event->executed.slot || t->life != event->executed.life ||
            !scope_equal(&t->scope, &event->executed.scope))
            continue;
        struct message m = {.type = WIRE_WITNESS,
                            .witness = {.slot = t->slot,
                                        .life = t->life,
                                        .nonce = t->nonce,
                                        .outcome = (uint8_t)outcome,
                                        .scope = t->scope}};
        outbox_send(&x->core->outbox, t->asker, &m);
        t->used = false;
    }
}

static void ran_off(struct executor *x, struct instant now, const struct event *event)
{
    struct execution *e =
        find(x, event->executed.slot, event->executed.life, &event->executed.scope);
    if (!e || e->phase != EXECUTION_RUNNING)
        return;
    memcpy(e->device, event->executed.device, DEVICE_SIZE);
    e->device[DEVICE_SIZE - 1] = '\0';
    if (!roster_device_valid(e->device))
        memset(e->device, 0, DEVICE_SIZE);
    char text[FENCE_TEXT_MAX + 1] = {0};
    size_t size = event->executed.text.size;
    if (size)
        memcpy(text, event->executed.text.bytes, size < FENCE_TEXT_MAX ? size : FENCE_TEXT_MAX);
    if (event->executed.outcome == RUN_UNKNOWN && MUTANT(35)) /* "counted as success" */
        sign_receipt(x, now, e);
    else if (event->executed.outcome != RUN_OFF)
        climb(x, now, e, text);
    else if (!right_device(x, event))
        climb(x, now, e, "the device is not the one that the roster names for this node (F6b)");
    else
        seek_witness(x, now, e);
}

void executor_ran(struct executor *x, struct instant now, const struct event *event)
{
    fence_told_ran(x->core, event);
    if (event->executed.kind == RUN_STATUS)
        ran_status(x, event);
    else
        ran_off(x, now, event);
}

/* --- The door --- */

static void take_ok(struct executor *x, struct instant now, uint16_t from,
                    const struct wire_exec_ok *m)
{
    struct execution *e = find(x, m->slot, m->life, &m->scope);
    int juror = jury_find(&x->core->jury, from);
    if (juror < 0 || !e || e->phase != EXECUTION_ASKING || m->nonce != e->nonce ||
        span_between(e->asked_at, now).ns >= ASK_SPAN.ns)
        return;
    e->yes |= 1u << juror;
    bool done = over(x, e->slot, e->life, &e->scope) && !MUTANT(32);
    if (done || !jury_is_quorum(&x->core->jury, e->yes) || !core_votes(x->core)) /* L7 */
        return;
    write_down(x, e);
    if (e->lsn <= x->core->journal.durable) /* it was, before an earlier asking */
        run(x, now, e);
}

void executor_take(struct executor *x, struct instant now, uint16_t from, const struct message *m)
{
    if (m->type == WIRE_EXEC_OK)
        take_ok(x, now, from, &m->exec_ok);
    else if (m->type == WIRE_WITNESS_ASK)
        testify(x, now, from, &m->witness_ask);
    else if (m->type == WIRE_WITNESS)
        take_witness(x, now, from, &m->witness);
}

/* An asking is worth its time only; then comes another, with a fresh nonce, after a rest. */
static void ask_on(struct executor *x, struct instant now, struct execution *e)
{
    if (span_between(e->asked_at, now).ns < ASK_SPAN.ns / 2) {
        ask(x, now, e);
    } else if (e->resting) {
        begin_asking(x, now, e);
    } else {
        e->resting = true;
        e->rest = e->rest.ns ? span_min(span_times(e->rest, 2), REST_MAX) : REST_FIRST;
        e->again_at = instant_after(now, e->rest);
    }
}

static void step(struct executor *x, struct instant now, struct execution *e)
{
    bool done = over(x, e->slot, e->life, &e->scope) && !MUTANT(32);
    if (done && e->phase != EXECUTION_RUNNING) { /* the driver cannot be called back */
        e->phase = EXECUTION_OVER;
        e->again_at = INSTANT_NEVER;
    } else if (e->phase == EXECUTION_WRITING && e->lsn <= x->core->journal.durable) {
        written(x, now, e);
    } else if (e->phase == EXECUTION_ASKING && inhibited(x, now, e->slot) && !e->written) {
        *e = (struct execution){0}; /* it takes its turn anew */
        x->used--;
        x->step_at = now;
    } else if (e->phase == EXECUTION_ASKING && instant_reached(now, e->again_at)) {
        ask_on(x, now, e);
    } else if (e->phase == EXECUTION_WITNESSING && instant_reached(now, e->again_at)) {
        sign_receipt(x, now, e);
    }
}

void executor_step(struct executor *x, struct instant now)
{
    if (instant_reached(now, x->step_at))
        executor_look(x, now);
    for (size_t i = 0; x->used && i < x->count; i++)
        if (x->table[i].used && x->table[i].phase != EXECUTION_OVER)
            step(x, now, &x->table[i]);
}

struct instant executor_deadline(const struct executor *x)
{
    struct instant at = x->step_at;
    for (size_t i = 0; x->used && i < x->count; i++)
        if (x->table[i].used && x->table[i].phase != EXECUTION_WRITING &&
            x->table[i].phase != EXECUTION_OVER)
            at = instant_earlier(at, x->table[i].again_at);
    return at;
}

void executor_taken(struct executor *x)
{
    x->run_count = 0;
}
