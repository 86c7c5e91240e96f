/* The fence log's steps and open inquiries, as JSON: see render_step.h. */
#include "node/render_step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "node/executor_wire.h"
#include "node/log.h"
#include "node/render.h"
#include "node/render_fence.h"
#include "proto/must.h"

enum { STEP_TEXT = FENCE_STEP_TEXT_MAX + 512, STEP_WHO = ROSTER_NAME_SIZE + 48 };

/* What a step says beside whom it is about; all "" or 0 at first. */
struct step_parts {
    uint16_t by; /* SLOT_NONE: nobody */
    struct view lock;
    struct op_id hold;
    const char *mode;
    uint64_t token;
    const struct digest *digest;
    const char *detail;
    json_t *opinion;
    char text[STEP_TEXT];
};

static const char *stage_text(uint8_t stage)
{
    static const char *const words[RUN_STAGES] = {
        [RUN_BEGAN] = "began", [RUN_DONE] = "done", [RUN_FAILED] = "failed"};
    return stage < RUN_STAGES ? words[stage] : "unknown";
}

static const char *note_text(uint8_t about)
{
    static const char *const words[] = {[FENCE_NOTE_OTHER] = "note",
                                        [FENCE_NOTE_FREEZE] = "freeze",
                                        [FENCE_NOTE_REQUEST] = "request",
                                        [FENCE_NOTE_CONFIRM] = "confirm"};
    return about < sizeof words / sizeof *words ? words[about] : "note";
}

/* By the kinds of crypto/proof.h; the numbers of what is not built here are kept by others' logs.
 */
static const char *proof_text(uint8_t kind)
{
    static const char *const words[] = {
        "", [PROOF_END] = "end-statement", [PROOF_EXECUTED] = "executor", "watchdog", "operator"};
    return kind < sizeof words / sizeof *words ? words[kind] : "unknown";
}

/* A text of others as one line. */
static void clean(char *out, size_t size, struct view text)
{
    size_t n = text.size < size - 1 ? text.size : size - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(text.bytes[i] < ' ' || text.bytes[i] > '~' ? '?' : text.bytes[i]);
    out[n] = '\0';
}

static void fill_opinion(struct step_parts *p, const struct agent *agent,
                         const struct fence_step *step)
{
    const struct fence_step_opinion *m = &step->opinion;
    p->by = m->juror;
    p->opinion = render_fence_opinion(agent, m->juror, &m->evidence, NULL);
    snprintf(p->text, sizeof p->text, "juror %s does not vote: %s",
             agent_node_name(agent, m->juror), opinion_text(m->evidence.opinion));
}

static void fill_vote(struct step_parts *p, const struct agent *agent,
                      const struct fence_step *step)
{
    const struct fence_step_vote *m = &step->vote;
    struct vote vote = {.juror = m->juror, .allows = m->allows, .age_ms = m->age_ms};
    p->by = m->juror;
    p->opinion = render_fence_opinion(agent, m->juror, &m->evidence, &vote);
    snprintf(p->text, sizeof p->text,
             "juror %s voted for its end: by its clock %" PRIu32 ".%" PRIu32
             " s after it last acknowledged that life",
             agent_node_name(agent, m->juror), m->age_ms / 1000, m->age_ms % 1000 / 100);
}

static void fill_order(struct step_parts *p, const struct agent *agent,
                       const struct fence_step *step)
{
    const struct fence_step_order *m = &step->order;
    p->by = m->accuser;
    p->lock = m->lock;
    p->digest = &m->order;
    snprintf(p->text, sizeof p->text, "certified: %u jurors ordered its end%s%s", m->votes,
             m->accuser == SLOT_NONE ? "; the order was handed in" : ", asked by ",
             m->accuser == SLOT_NONE ? "" : agent_node_name(agent, m->accuser));
}

static void fill_report(struct step_parts *p, const struct agent *agent,
                        const struct fence_step *step)
{
    const struct fence_step_report *m = &step->report;
    char said[STEP_TEXT / 2];
    clean(said, sizeof said, m->text);
    p->by = m->executor;
    p->detail = stage_text(m->stage);
    snprintf(p->text, sizeof p->text, "executor %s %s%s: %s", agent_node_name(agent, m->executor),
             m->stage == RUN_DONE ? "is " : "", p->detail, said);
}

static void fill_ran(struct step_parts *p, const struct agent *agent, const struct fence_step *step)
{
    const struct fence_step_ran *m = &step->ran;
    char said[STEP_TEXT / 2], device[DEVICE_SIZE];
    clean(said, sizeof said, m->text);
    clean(device, sizeof device, m->device);
    p->by = agent_identity(agent)->self;
    p->detail = executor_outcome_text(m->outcome);
    snprintf(p->text, sizeof p->text, "this node's driver (%s) says %s%s%s: %s",
             m->run == RUN_STATUS ? "status" : "off, status", p->detail,
             device[0] ? ", on the device " : "", device, said);
}

static void fill_proof(struct step_parts *p, const struct agent *agent,
                       const struct fence_step *step)
{
    const struct fence_step_proof *m = &step->proof;
    const char *who = agent_node_name(agent, m->executor);
    p->by = m->executor;
    p->digest = &m->digest;
    p->detail = proof_text(m->proof);
    if (m->proof == PROOF_END)
        snprintf(p->text, sizeof p->text, "proven over: by its own statement it has started since");
    else
        snprintf(p->text, sizeof p->text, "proven over: by the receipt of %s (%s)", who, p->detail);
}

static void fill_freed(struct step_parts *p, const struct agent *agent,
                       const struct fence_step *step)
{
    const struct fence_step_freed *m = &step->freed;
    (void)agent;
    p->lock = m->lock;
    p->hold = m->hold;
    p->token = m->token;
    p->digest = &m->proof;
    p->mode = m->mode < LOCK_MODES ? lock_mode_text((enum lock_mode)m->mode) : "";
    snprintf(p->text, sizeof p->text, "its hold of a lock was broken: %s, token %" PRIu64, p->mode,
             m->token);
}

static void fill_note(struct step_parts *p, const struct fence_step *step)
{
    p->by = step->note.by;
    p->detail = note_text(step->note.about);
    clean(p->text, sizeof p->text, step->note.text);
}

static void fill_parts(struct step_parts *p, const struct agent *agent,
                       const struct fence_step *step)
{
    switch (step->kind) {
    case FENCE_STEP_NONE:
    case FENCE_STEP_KINDS_END:
        return;
    case FENCE_STEP_STARTED:
        snprintf(p->text, sizeof p->text, "the agent started; what follows is of this run");
        return;
    case FENCE_STEP_GAP:
        clean(p->text, sizeof p->text, step->gap.text);
        return;
    case FENCE_STEP_ACCUSED:
        p->by = step->accused.accuser;
        p->lock = step->accused.lock;
        snprintf(p->text, sizeof p->text, "%s asked this juror about it, for whoever waits",
                 agent_node_name(agent, p->by));
        return;
    case FENCE_STEP_OPINION:
        fill_opinion(p, agent, step);
        return;
    case FENCE_STEP_VOTE:
        fill_vote(p, agent, step);
        return;
    case FENCE_STEP_ORDER:
        fill_order(p, agent, step);
        return;
    case FENCE_STEP_REPORT:
        fill_report(p, agent, step);
        return;
    case FENCE_STEP_RAN:
        fill_ran(p, agent, step);
        return;
    case FENCE_STEP_PROOF:
        fill_proof(p, agent, step);
        return;
    case FENCE_STEP_REFUSED:
        clean(p->text, sizeof p->text, step->refused.text);
        p->detail = "refused";
        return;
    case FENCE_STEP_FREED:
        fill_freed(p, agent, step);
        return;
    case FENCE_STEP_ALARM:
        snprintf(p->text, sizeof p->text,
                 "ALARM: it is heard after a receipt said that it was off (F6)");
        return;
    case FENCE_STEP_NOTE:
        fill_note(p, step);
        return;
    }
}

static void time_text(char out[LOG_TIME_SIZE], uint64_t ms)
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    out[0] = '\0';
    if (!gmtime_r(&seconds, &tm)) /* no year has so many digits: the file was written by others */
        return;
    size_t n = strftime(out, LOG_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, LOG_TIME_SIZE - n, ".%03uZ", (unsigned)(ms % 1000));
}

static json_t *name_json(struct view name)
{
    return lock_name_valid(name) ? json_stringn((const char *)name.bytes, name.size)
                                 : json_string("");
}

static void hex_of(char out[2 * DIGEST_SIZE + 1], const struct digest *digest)
{
    out[0] = '\0';
    if (digest)
        hex_encode(out, digest->bytes, DIGEST_SIZE);
}

json_t *render_step(const struct agent *agent, const struct fence_log_entry *entry)
{
    const struct fence_step *step = &entry->step;
    struct step_parts p = {.by = SLOT_NONE, .mode = "", .detail = ""};
    char time[LOG_TIME_SIZE], digest[2 * DIGEST_SIZE + 1], link[2 * DIGEST_SIZE + 1];
    char session[17] = "";
    if (step->about.session) /* as `holdfast fence show` calls it */
        snprintf(session, sizeof session, "%016" PRIx64, step->about.session);
    fill_parts(&p, agent, step);
    time_text(time, entry->time_ms);
    hex_of(digest, p.digest);
    hex_of(link, &entry->digest);
    json_t *out =
        json_pack("{s:I s:s s:s s:s s:i s:I s:s s:s s:I s:s s:s s:s s:s s:o s:o}", "seq",
                  (json_int_t)entry->seq, "time", time, "kind", fence_step_word(step->kind), "node",
                  step->about.slot == SLOT_NONE ? "" : agent_node_name(agent, step->about.slot),
                  "slot", (int)step->about.slot, "life", (json_int_t)step->about.life, "by",
                  p.by == SLOT_NONE ? "" : agent_node_name(agent, p.by), "mode", p.mode, "token",
                  (json_int_t)p.token, "hold", p.hold.counter ? render_hold(p.hold).text : "",
                  "digest", digest, "detail", p.detail, "text", p.text, "lock", name_json(p.lock),
                  "opinion", p.opinion ? p.opinion : json_null());
    must(out);
    json_object_set_new(out, "link", json_string(link));
    json_object_set_new(out, "session", json_string(session));
    return out;
}

json_t *render_inquiry(const struct agent *agent, const struct inquiry_view *view)
{
    static const struct vote signed_vote = {0};
    json_t *answers = json_array();
    bool told = false;
    uint16_t self = agent_identity(agent)->self;
    for (size_t i = 0; i < view->answers.count; i++) {
        uint16_t juror = view->answers.opinions[i].juror;
        bool voted = view->voted >> i & 1;
        told |= juror == self;
        json_array_append_new(answers, render_fence_opinion(agent, juror,
                                                            &view->answers.opinions[i].evidence,
                                                            voted ? &signed_vote : NULL));
    }
    if (!told && view->answered)
        json_array_append_new(answers, render_fence_opinion(agent, self, &view->own,
                                                            view->votes ? &signed_vote : NULL));
    const struct roster *roster = agent_identity(agent)->roster;
    json_int_t since = view->asks ? span_between(view->since, clock_now()).ns / 1000000 : -1;
    return json_pack("{s:s s:i s:I s:b s:b s:I s:o s:I s:I s:I s:o}", "node",
                     agent_node_name(agent, view->slot), "slot", (int)view->slot, "life",
                     (json_int_t)view->life, "asks", view->asks, "asked", view->asked, "since_ms",
                     since, "lock", name_json(view->name), "votes",
                     (json_int_t)__builtin_popcount(view->voted), "quorum",
                     (json_int_t)roster_juror_quorum(roster), "jurors",
                     (json_int_t)roster_juror_count(roster), "answers", answers);
}
