/* Fencing on the stage: see fence_play.h. */
#include "tests/unit/fence_play.h"

#include "proto/peer_internal.h"
#include "tests/unit/crypto_fixture.h"

static size_t node_of(uint16_t slot)
{
    return (size_t)(slot - 1) / 2;
}

enum stage_fate stage_filters(void *context, size_t from, size_t to, uint64_t types)
{
    for (const struct stage_filter *f = context; f->types; f++)
        if (!f->off && (types & f->types) && (f->from == STAGE_NONE || f->from == (int)from) &&
            (f->to == STAGE_NONE || f->to == (int)to))
            return f->fate;
    return FATE_PASS;
}

/* --- Devices --- */

static enum stage_tool tool_of(const struct stage *s, const struct stage_node *n,
                               const struct run *run)
{
    return run->scope.session ? s->session_tool : run->action > 1 ? s->upper_tool : n->tool;
}

void stage_begin_run(struct stage *s, size_t executor, const struct run *run)
{
    const struct stage_node *n = &s->nodes[executor];
    ck_assert_uint_lt(s->run_count, STAGE_RUNS_MAX);
    ck_assert_uint_ne(run->slot, stage_slot(executor));
    s->runs[s->run_count++] = (struct stage_run){
        .executor = executor,
        .run = *run,
        .at = s->now,
        .due = tool_of(s, n, run) == TOOL_HANGS ? INSTANT_NEVER
                                                : instant_after(s->now, SPAN_MS(n->tool_ms))};
}

struct stage_run *stage_next_run(struct stage *s)
{
    struct stage_run *next = NULL;
    for (size_t i = 0; i < s->run_count; i++)
        if (s->runs[i].due.ns != INSTANT_NEVER.ns && (!next || s->runs[i].due.ns < next->due.ns))
            next = &s->runs[i];
    return next;
}

/* The same of a session: the machine is not touched. */
static enum run_outcome use_session_tool(struct stage *s, const struct run *run)
{
    bool ended = false;
    ck_assert_uint_eq(run->action, run->scope.action);
    if (run->kind == RUN_OFF_STATUS && s->session_tool == TOOL_WORKS &&
        s->ended_count < sizeof s->ended / sizeof s->ended[0])
        s->ended[s->ended_count++] = run->scope;
    for (size_t i = 0; i < s->ended_count; i++)
        ended |= scope_equal(&s->ended[i], &run->scope);
    return s->session_tool == TOOL_WORKS ? (ended ? RUN_OFF : RUN_ON) : RUN_UNKNOWN;
}

/* What the driver says, after it did what the tool does. */
static enum run_outcome use_tool(struct stage *s, enum stage_tool tool, const struct run *run)
{
    size_t target = node_of(run->slot);
    switch (tool) {
    case TOOL_WORKS:
        if (run->kind == RUN_OFF_STATUS)
            stage_power_cut(s, target);
        return s->nodes[target].powered ? RUN_ON : RUN_OFF;
    case TOOL_FAILS:
    case TOOL_HANGS:
        return RUN_UNKNOWN;
    case TOOL_SAYS_ON:
        return RUN_ON;
    case TOOL_LIES:
    case TOOL_WRONG_DEVICE:
    case TOOL_NO_NAME:
        return RUN_OFF;
    }
    ck_abort_msg("no such tool");
    return RUN_UNKNOWN;
}

void stage_end_run(struct stage *s, struct stage_run *run)
{
    const struct stage_node *n = &s->nodes[run->executor];
    size_t target = node_of(run->run.slot);
    enum stage_tool tool = tool_of(s, n, &run->run);
    struct event event = {.kind = EVENT_EXECUTED,
                          .executed = {.slot = run->run.slot,
                                       .life = run->run.life,
                                       .scope = run->run.scope,
                                       .kind = run->run.kind,
                                       .text = stage_view("as the script says")}};
    run->due = INSTANT_NEVER;
    event.executed.outcome =
        run->run.scope.session ? use_session_tool(s, &run->run) : use_tool(s, tool, &run->run);
    if (run->run.scope.session)
        memcpy(event.executed.device, "session", sizeof "session");
    else if (tool == TOOL_WRONG_DEVICE)
        memcpy(event.executed.device, "lab:other", sizeof "lab:other");
    else if (tool != TOOL_NO_NAME)
        memcpy(event.executed.device, s->roster.nodes[target].device, DEVICE_SIZE);
    if (n->up && !n->paused)
        stage_event(s, run->executor, &event);
}

void stage_tools(struct stage *s, enum stage_tool tool)
{
    for (size_t i = 0; i < s->count; i++)
        s->nodes[i].tool = tool;
}

size_t stage_run_count(const struct stage *s, enum run_kind kind, size_t target, int executor)
{
    size_t count = 0;
    for (size_t i = 0; i < s->run_count; i++)
        count += s->runs[i].run.kind == kind && s->runs[i].run.slot == stage_slot(target) &&
                 (executor == STAGE_NONE || s->runs[i].executor == (size_t)executor);
    return count;
}

bool stage_was_run(struct stage *s, void *target)
{
    return stage_run_count(s, RUN_OFF_STATUS, *(const size_t *)target, STAGE_NONE) > 0;
}

/* --- Words --- */

void stage_say(struct stage *s, size_t from, size_t to, const struct message *m)
{
    outbox_send(&s->nodes[from].peer->core.outbox, stage_slot(to), m);
    stage_event(s, from, &(struct event){.kind = EVENT_TICK});
    stage_run(s, 2);
}

uint64_t stage_submit(struct stage *s, size_t node, const char *magic, const void *bytes,
                      size_t size)
{
    uint8_t file[FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX + 1];
    struct writer w = writer_init(file, sizeof file);
    write_copy(&w, magic, strlen(magic));
    write_copy(&w, bytes, size);
    ck_assert(!w.failed);
    struct event event = {.kind = EVENT_SUBMIT,
                          .submit = {.handle = ++s->last_handle, .file = {file, writer_size(&w)}}};
    stage_event(s, node, &event);
    return s->last_handle;
}

/* --- Orders and proofs --- */

struct order_cert stage_order(const struct stage *s, size_t target, uint64_t life, size_t votes,
                              uint32_t allows)
{
    struct order_cert cert = {.order = {.epoch = s->roster.epoch,
                                        .roster = s->digest,
                                        .slot = stage_slot(target),
                                        .life = life}};
    for (size_t i = 0; cert.count < votes && i < s->count; i++) {
        if (i == target)
            continue;
        struct vote vote = fixture_vote(&cert.order, i, allows, &s->cluster);
        order_cert_add(&cert, &vote);
    }
    return cert;
}

size_t stage_order_bytes(uint8_t out[ORDER_CERT_BYTES_MAX], const struct order_cert *cert)
{
    struct writer w = writer_init(out, ORDER_CERT_BYTES_MAX);
    order_cert_encode(&w, cert);
    ck_assert(!w.failed);
    return writer_size(&w);
}

struct proof stage_receipt(const struct stage *s, const struct order_cert *cert, size_t executor)
{
    struct proof proof = {
        .kind = PROOF_EXECUTED, .cert = *cert, .receipt = {.action = 1, .witness = WITNESS_NONE}};
    memcpy(proof.receipt.device, s->roster.nodes[node_of(cert->order.slot)].device, DEVICE_SIZE);
    fixture_receipt_sign(&proof, executor, &s->cluster);
    return proof;
}

struct proof stage_end_statement(const struct stage *s, size_t node, uint64_t life)
{
    return fixture_end(node, life, &s->cluster);
}

size_t stage_proof_bytes(uint8_t out[PROOF_BYTES_MAX], const struct proof *proof)
{
    struct writer w = writer_init(out, PROOF_BYTES_MAX);
    proof_encode(&w, proof);
    ck_assert(!w.failed);
    return writer_size(&w);
}

/* --- Looking --- */

uint64_t stage_over(const struct stage *s, size_t observer, size_t node)
{
    uint64_t covers;
    peer_proof(s->nodes[observer].peer, stage_slot(node), &covers);
    return covers;
}

bool stage_known_order(const struct stage *s, size_t observer, size_t target, uint64_t life,
                       struct order_view *out)
{
    size_t cursor = 0;
    while (peer_next_order(s->nodes[observer].peer, &cursor, out))
        if (out->cert.order.slot == stage_slot(target) && out->cert.order.life == life)
            return true;
    return false;
}

size_t stage_votes(const struct stage *s, size_t target, uint64_t life)
{
    size_t count = 0;
    uint64_t voted;
    for (size_t i = 0; i < s->count; i++)
        count += s->nodes[i].peer && peer_vote(s->nodes[i].peer, stage_slot(target), &voted) &&
                 voted == life;
    return count;
}

uint64_t stage_sum(const struct stage *s, size_t offset)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->nodes[i].up)
            sum += *(const uint64_t *)((const uint8_t *)stage_counters(s, i) + offset);
    return sum;
}

uint64_t stage_sent(const struct stage *s, enum wire_type type)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++)
        sum += s->nodes[i].sent[type];
    return sum;
}

enum member_state stage_member(const struct stage *s, size_t observer, size_t node)
{
    struct member_view view;
    peer_member(s->nodes[observer].peer, stage_slot(node), &view);
    return view.state;
}

static bool dead_for_all(struct stage *s, void *context)
{
    size_t node = *(const size_t *)context;
    for (size_t i = 0; i < s->count; i++)
        if (i != node && s->nodes[i].up && !s->nodes[i].paused &&
            stage_member(s, i, node) != MEMBER_DEAD)
            return false;
    return true;
}

void stage_await_dead(struct stage *s, size_t node)
{
    ck_assert(stage_until(s, dead_for_all, &node, 30 * STAGE_SECOND));
}
