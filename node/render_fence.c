/* What the API says about fencing, as JSON. */
#include "node/render_fence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/must.h"

enum { RENDER_FENCE_TEXT = 512 };

/* One word for a juror's opinion, as in Opinion.verdict. */
static const char *render_fence_verdict(enum opinion opinion)
{
    static const char *const words[OPINIONS] = {
        [OPINION_VOTES] = "votes",         [OPINION_LOOKING] = "looking",
        [OPINION_RENEWED] = "renewed",     [OPINION_NOT_DEAD] = "not-dead",
        [OPINION_ANSWERS] = "answers",     [OPINION_CUT_OFF] = "cut-off",
        [OPINION_FEW_ALIVE] = "few-alive", [OPINION_LATE] = "late",
        [OPINION_NO_STAKE] = "no-stake",   [OPINION_OVER] = "over",
        [OPINION_BOUND] = "bound",         [OPINION_FROZEN] = "frozen"};
    return opinion < OPINIONS ? words[opinion] : "unknown";
}

static const char *render_fence_report_stage(enum run_stage stage)
{
    static const char *const words[RUN_STAGES] = {
        [RUN_BEGAN] = "began", [RUN_DONE] = "done", [RUN_FAILED] = "failed"};
    return stage < RUN_STAGES ? words[stage] : "unknown";
}

struct render_fence_hex {
    char text[2 * DIGEST_SIZE + 1];
};

static struct render_fence_hex render_fence_digest(const struct digest *digest)
{
    struct render_fence_hex out;
    hex_encode(out.text, digest->bytes, DIGEST_SIZE);
    return out;
}

/* The newest order against a life of a node, or a session of it, if this node knows one: that is
 * what is done now. */
static bool render_fence_find(const struct agent *agent, uint16_t slot, uint64_t life,
                              struct order_view *out)
{
    struct order_view view;
    size_t cursor = 0;
    bool found = false;
    while (peer_next_order(agent_peer(agent), &cursor, &view)) {
        if (view.cert.order.slot != slot || view.cert.order.life != life)
            continue;
        *out = view;
        found = true;
    }
    return found;
}

/* --- One line for whoever waits --- */

/* The newest report of that stage; NULL if there is none. */
static const struct fence_report *render_fence_report(const struct order_view *order,
                                                      enum run_stage stage)
{
    for (size_t i = order ? order->report_count : 0; i > 0; i--)
        if (order->reports[i - 1].stage == stage)
            return &order->reports[i - 1];
    return NULL;
}

/* "hv1: off: exit 1: no route; hv2: timed out": why it is not done yet. */
static void render_fence_failures(char *out, size_t size, const struct agent *agent,
                                  const struct order_view *order)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; order && i < order->report_count; i++) {
        const struct fence_report *report = &order->reports[i];
        if (report->stage == RUN_FAILED && at < size)
            at += (size_t)snprintf(out + at, size - at, "%s%s: %s", at ? "; " : " (",
                                   agent_node_name(agent, report->executor), report->text);
    }
    if (at > 0 && at < size)
        snprintf(out + at, size - at, ")");
}

/* `order`: NULL if it is not known here. */
static void render_fence_line(char out[RENDER_FENCE_TEXT], const struct agent *agent,
                              const struct stale_view *stale, const struct order_view *order)
{
    const char *name = agent_node_name(agent, stale->slot);
    size_t quorum = roster_juror_quorum(agent_identity(agent)->roster);
    const struct fence_report *began = render_fence_report(order, RUN_BEGAN);
    char failures[RENDER_FENCE_TEXT / 2];
    char subject[ROSTER_NAME_SIZE + 48];
    render_fence_failures(failures, sizeof failures, agent, order);
    snprintf(subject, sizeof subject, "%s (life %" PRIu64 ")", name, stale->life);
    switch (stale->stage) {
    case FENCE_NONE:
        out[0] = '\0';
        return;
    case FENCE_HOLD:
        snprintf(out, RENDER_FENCE_TEXT,
                 "%s is dead; its hold's policy is hold: it passes on when %s boots again", subject,
                 name);
        return;
    case FENCE_EXPIRES:
        snprintf(out, RENDER_FENCE_TEXT,
                 "%s is dead; its hold passes on when its lease is over, a TTL after its last "
                 "renewal",
                 subject);
        return;
    case FENCE_ASKING:
        snprintf(out, RENDER_FENCE_TEXT, "%s is dead; %u of %zu votes for an order so far", subject,
                 stale->votes, quorum);
        return;
    case FENCE_ORDERED:
        snprintf(out, RENDER_FENCE_TEXT,
                 "the order against %s is certified; no executor has begun yet%s", subject,
                 failures);
        return;
    case FENCE_NO_ACTION:
        snprintf(out, RENDER_FENCE_TEXT,
                 "the order against %s is certified, but nobody can carry it out: it passes on "
                 "when %s obeys or boots again",
                 subject, name);
        return;
    case FENCE_RUNNING:
        snprintf(out, RENDER_FENCE_TEXT, "the order against %s is certified; %s%s acts%s", subject,
                 began ? "executor " : "an executor",
                 began ? agent_node_name(agent, began->executor) : "", failures);
        return;
    case FENCE_FAILED:
        snprintf(out, RENDER_FENCE_TEXT,
                 "every executor failed to end %s: it passes on when %s boots again%s", subject,
                 name, failures);
        return;
    case FENCE_OVER:
        snprintf(out, RENDER_FENCE_TEXT, "%s is proven over: its locks pass on now", subject);
        return;
    case FENCE_WATCHDOG:
        snprintf(out, RENDER_FENCE_TEXT,
                 "the order against %s is certified, and nobody acts on it%s", subject, failures);
        return;
    }
}

/* When its locks pass on at the latest, whatever else is done about it (F6c). */
static void render_fence_watchdog(char out[RENDER_FENCE_TEXT], const struct stale_view *stale)
{
    size_t used = strlen(out);
    if (stale->watchdog_ms > 1)
        snprintf(out + used, RENDER_FENCE_TEXT - used, "; its watchdog will have fired in %u.%u s",
                 stale->watchdog_ms / 1000, stale->watchdog_ms / 100 % 10);
    else if (stale->watchdog_ms)
        snprintf(out + used, RENDER_FENCE_TEXT - used, "; its watchdog has fired by now");
}

json_t *render_fence_stale(const struct agent *agent, const struct stale_view *stale)
{
    char text[RENDER_FENCE_TEXT];
    struct order_view order;
    if (stale->stage == FENCE_NONE)
        return json_null();
    bool known = render_fence_find(agent, stale->slot, stale->life, &order);
    render_fence_line(text, agent, stale, known ? &order : NULL);
    render_fence_watchdog(text, stale);
    return json_pack("{s:s s:s s:i s:I s:I s:I s:I s:s}", "stage", fence_stage_text(stale->stage),
                     "node", agent_node_name(agent, stale->slot), "slot", (int)stale->slot, "life",
                     (json_int_t)stale->life, "votes", (json_int_t)stale->votes, "quorum",
                     (json_int_t)roster_juror_quorum(agent_identity(agent)->roster), "watchdog_ms",
                     (json_int_t)stale->watchdog_ms, "text", text);
}

/* --- Marks --- */

static const char *render_fence_by(enum lock_ended by)
{
    switch (by) {
    case LOCK_ENDED_BY_AGENT:
        return "agent";
    case LOCK_ENDED_BY_STATEMENT:
        return "end-statement";
    case LOCK_ENDED_BY_RECEIPT:
        return "receipt";
    case LOCK_ENDED_BY_EXPIRY:
        return "expiry";
    case LOCK_ENDED_BY_HAND:
        return "by-hand";
    case LOCK_ENDINGS:
        break;
    }
    must(false);
}

json_t *render_fence_mark(const struct agent *agent, const struct lock_mark *mark)
{
    if (!mark->set)
        return json_null();
    return json_pack("{s:s s:i s:I s:s s:I s:s s:s}", "node", agent_node_name(agent, mark->slot),
                     "slot", (int)mark->slot, "life", (json_int_t)mark->life, "mode",
                     lock_mode_text(mark->mode), "token", (json_int_t)mark->token, "by",
                     render_fence_by(mark->by), "proof",
                     lock_ended_with_proof(mark->by) ? render_fence_digest(&mark->proof).text : "");
}

/* --- Orders --- */

static const struct vote *render_fence_vote(const struct order_cert *cert, uint16_t juror)
{
    for (size_t i = 0; i < cert->count; i++)
        if (cert->votes[i].juror == juror)
            return &cert->votes[i];
    return NULL;
}

static json_t *render_fence_allows(const struct roster *roster, const struct vote *vote)
{
    json_t *out = json_array();
    for (uint8_t action = 0; vote && action < ACTIONS_MAX; action++) {
        const char *name = roster_action_name(roster, action);
        if ((vote->allows >> action & 1) && name)
            json_array_append_new(out, json_string(name));
    }
    return out;
}

static json_int_t render_fence_age(uint32_t ms)
{
    return ms == UINT32_MAX ? -1 : (json_int_t)ms;
}

json_t *render_fence_opinion(const struct agent *agent, uint16_t juror,
                             const struct evidence *evidence, const struct vote *vote)
{
    static const struct evidence unknown = {
        .opinion = OPINION_VOTES, .renewal_ms = UINT32_MAX, .heard_ms = UINT32_MAX};
    const struct evidence *e = evidence ? evidence : &unknown;
    return json_pack(
        "{s:s s:i s:s s:s s:I s:I s:i s:i s:i s:i s:i s:i s:b s:I s:o}", "juror",
        agent_node_name(agent, juror), "slot", (int)juror, "verdict",
        render_fence_verdict(e->opinion), "text",
        evidence ? opinion_text(e->opinion) : "it signed; what it had seen is not known here",
        "renewal_ms", render_fence_age(e->renewal_ms), "heard_ms", render_fence_age(e->heard_ms),
        "direct", (int)e->direct, "relays", (int)e->relays, "silent", (int)e->silent,
        "acknowledged", (int)e->acknowledged, "alive", (int)e->alive, "brake", (int)e->brake,
        "signed", vote != NULL, "age_ms", vote ? render_fence_age(vote->age_ms) : (json_int_t)-1,
        "allows", render_fence_allows(agent_identity(agent)->roster, vote));
}

static bool render_fence_told(const struct fence_story *story, uint16_t juror)
{
    for (size_t i = 0; i < story->count; i++)
        if (story->opinions[i].juror == juror)
            return true;
    return false;
}

static json_t *render_fence_opinions(const struct agent *agent, const struct order_view *view)
{
    const struct fence_story *story = &view->story;
    json_t *out = json_array();
    for (size_t i = 0; i < story->count; i++) {
        uint16_t juror = story->opinions[i].juror;
        json_array_append_new(out, render_fence_opinion(agent, juror, &story->opinions[i].evidence,
                                                        render_fence_vote(&view->cert, juror)));
    }
    for (size_t i = 0; i < view->cert.count; i++) {
        const struct vote *vote = &view->cert.votes[i];
        if (!render_fence_told(story, vote->juror))
            json_array_append_new(out, render_fence_opinion(agent, vote->juror, NULL, vote));
    }
    return out;
}

static json_t *render_fence_reports(const struct agent *agent, const struct order_view *view)
{
    json_t *out = json_array();
    for (size_t i = 0; i < view->report_count; i++)
        json_array_append_new(out,
                              json_pack("{s:s s:s s:s}", "executor",
                                        agent_node_name(agent, view->reports[i].executor), "stage",
                                        render_fence_report_stage(view->reports[i].stage), "text",
                                        view->reports[i].text));
    return out;
}

/* ?Receipt. */
static json_t *render_fence_receipt(const struct agent *agent, const struct order_view *view)
{
    struct proof proof;
    struct reader r = reader_init(view->proof.bytes, view->proof.size);
    if (view->proof.size == 0 || !proof_decode(&proof, &r) || proof.kind == PROOF_END)
        return json_null();
    if (proof.kind == PROOF_OPERATOR)
        return json_pack("{s:s s:s s:s s:s s:s}", "executor", "an operator", "action", "by-hand",
                         "device", "", "witness", "", "proof",
                         render_fence_digest(&view->proof_digest).text);
    if (proof.kind == PROOF_WATCHDOG)
        return json_pack("{s:s s:s s:s s:s s:s}", "executor", "", "action", "watchdog", "device",
                         "", "witness", "", "proof", render_fence_digest(&view->proof_digest).text);
    const struct receipt *receipt = &proof.receipt;
    const char *action = roster_action_name(agent_identity(agent)->roster, receipt->action);
    return json_pack("{s:s s:s s:s s:s s:s}", "executor", agent_node_name(agent, receipt->executor),
                     "action", action ? action : "?", "device", receipt->device, "witness",
                     receipt->witness == WITNESS_NONE ? ""
                                                      : agent_node_name(agent, receipt->witness),
                     "proof", render_fence_digest(&view->proof_digest).text);
}

static size_t render_fence_cert_size(const struct order_cert *cert)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, cert);
    must(!w.failed);
    return writer_size(&w);
}

/* Of an operator, as it came. */
static json_t *render_fence_words(struct view text)
{
    json_t *out = json_stringn(text.size ? (const char *)text.bytes : "", text.size);
    return out ? out : json_string("?"); /* not UTF-8 */
}

/* What it is narrowed to, if it is. */
static void render_fence_scope(json_t *out, const struct agent *agent, const struct scope *scope)
{
    char session[17] = "";
    const char *action = roster_action_name(agent_identity(agent)->roster, scope->action);
    if (scope->session)
        snprintf(session, sizeof session, "%016" PRIx64, scope->session);
    json_object_set_new(out, "session", json_string(session));
    json_object_set_new(out, "action", json_string(scope->session && action ? action : ""));
    json_object_set_new(
        out, "info",
        json_stringn(scope->info_size ? (const char *)scope->info : "", scope->info_size));
}

json_t *render_fence_order(const struct agent *agent, const struct order_view *view)
{
    const struct roster *roster = agent_identity(agent)->roster;
    const struct order *order = &view->cert.order;
    const struct stale_view stale = {
        .stage = view->stage, .slot = order->slot, .life = order->life, .votes = view->cert.count};
    char text[RENDER_FENCE_TEXT];
    render_fence_line(text, agent, &stale, view);
    json_t *out = json_pack(
        "{s:s s:i s:I s:s s:I s:s s:s s:I s:I s:I s:I s:o s:o s:o}", "node",
        agent_node_name(agent, order->slot), "slot", (int)order->slot, "life",
        (json_int_t)order->life, "order", render_fence_digest(&view->order).text, "epoch",
        (json_int_t)order->epoch, "stage", fence_stage_text(view->stage), "text", text,
        "signatures", (json_int_t)view->cert.count, "quorum",
        (json_int_t)roster_juror_quorum(roster), "jurors", (json_int_t)roster_juror_count(roster),
        "bytes", (json_int_t)render_fence_cert_size(&view->cert), "opinions",
        render_fence_opinions(agent, view), "reports", render_fence_reports(agent, view), "receipt",
        render_fence_receipt(agent, view));
    /* An order that was handed in comes without a story. */
    bool told = view->story.accuser != SLOT_NONE;
    json_object_set_new(out, "accuser",
                        json_string(told ? agent_node_name(agent, view->story.accuser) : ""));
    render_fence_scope(out, agent, &order->scope);
    /* The story is signed by nobody: its name may be none, which JSON could not even say. */
    struct view lock = lock_name_valid(view->story.name) ? view->story.name : (struct view){0};
    json_object_set_new(out, "lock",
                        json_stringn(lock.size ? (const char *)lock.bytes : "", lock.size));
    json_object_set_new(out, "requested_by", render_fence_words(view->story.who));
    json_object_set_new(out, "reason", render_fence_words(view->story.reason));
    return out;
}
