/* The steps of a fence, for the fence log: see fence_told.h. */
#include "proto/fence_told.h"

static void tell(struct core *c, const struct fence_step *step)
{
    told_step(&c->told, step);
}

static struct view text_view(const char *text)
{
    return (struct view){(const uint8_t *)text, strlen(text)};
}

void fence_told_accused(struct core *c, uint16_t from, const struct wire_accuse *m)
{
    tell(c, &(struct fence_step){.kind = FENCE_STEP_ACCUSED,
                                 .accused = {.slot = m->slot,
                                             .life = m->life,
                                             .session = m->word.scope.session,
                                             .accuser = from,
                                             .lock = m->name}});
}

void fence_told_opinion(struct core *c, const struct order *order, uint16_t juror,
                        const struct evidence *evidence, const struct vote *vote)
{
    struct fence_step step = {.kind = vote ? FENCE_STEP_VOTE : FENCE_STEP_OPINION};
    static const struct vote none = {0};
    if (MUTANT(141) && !vote) { /* "a refusal is logged as a vote" */
        step.kind = FENCE_STEP_VOTE;
        vote = &none;
    }
    if (vote)
        step.vote = (struct fence_step_vote){.slot = order->slot,
                                             .life = order->life,
                                             .session = order->scope.session,
                                             .juror = juror,
                                             .allows = vote->allows,
                                             .age_ms = vote->age_ms,
                                             .evidence = *evidence};
    else
        step.opinion = (struct fence_step_opinion){.slot = order->slot,
                                                   .life = order->life,
                                                   .session = order->scope.session,
                                                   .juror = juror,
                                                   .evidence = *evidence};
    tell(c, &step);
}

/* --- Orders --- */

static const struct evidence *said_by(const struct fence_story *story, uint16_t juror)
{
    for (size_t i = 0; i < story->count; i++)
        if (story->opinions[i].juror == juror)
            return &story->opinions[i].evidence;
    return NULL;
}

static const struct vote *vote_of(const struct order_cert *cert, uint16_t juror)
{
    for (size_t i = 0; i < cert->count; i++)
        if (cert->votes[i].juror == juror)
            return &cert->votes[i];
    return NULL;
}

/* Of all but this node, which has told its own: whoever voted, then whoever did not. */
static void tell_jurors(struct core *c, const struct order_cert *cert,
                        const struct fence_story *story)
{
    static const struct evidence unknown = {
        .opinion = OPINION_VOTES, .renewal_ms = UINT32_MAX, .heard_ms = UINT32_MAX};
    for (size_t i = 0; i < cert->count; i++) {
        const struct evidence *said = said_by(story, cert->votes[i].juror);
        if (cert->votes[i].juror != core_self(c))
            fence_told_opinion(c, &cert->order, cert->votes[i].juror, said ? said : &unknown,
                               &cert->votes[i]);
    }
    for (size_t i = 0; i < story->count; i++) {
        uint16_t juror = story->opinions[i].juror;
        if (juror != core_self(c) && !vote_of(cert, juror))
            fence_told_opinion(c, &cert->order, juror, &story->opinions[i].evidence, NULL);
    }
}

void fence_told_order(struct core *c, const struct order_cert *cert, uint32_t actions,
                      const struct fence_story *story, bool fresh)
{
    if (fresh && story->accuser != core_self(c)) /* else it told each answer as it came */
        tell_jurors(c, cert, story);
    tell(c, &(struct fence_step){.kind = FENCE_STEP_ORDER,
                                 .order = {.slot = cert->order.slot,
                                           .life = cert->order.life,
                                           .session = cert->order.scope.session,
                                           .epoch = cert->order.epoch,
                                           .order = order_digest(&cert->order),
                                           .accuser = story->accuser,
                                           .lock = story->name,
                                           .actions = actions,
                                           .votes = cert->count}});
}

/* --- Executors and proofs --- */

void fence_told_report(struct core *c, const struct order *order, const struct fence_report *report)
{
    tell(c, &(struct fence_step){.kind = FENCE_STEP_REPORT,
                                 .report = {.slot = order->slot,
                                            .life = order->life,
                                            .session = order->scope.session,
                                            .executor = report->executor,
                                            .stage = (uint8_t)report->stage,
                                            .text = text_view(report->text)}});
}

void fence_told_ran(struct core *c, const struct event *event)
{
    struct view text = event->executed.text;
    size_t size = strnlen(event->executed.device, DEVICE_SIZE);
    if (text.size > FENCE_STEP_TEXT_MAX)
        text.size = FENCE_STEP_TEXT_MAX;
    tell(c, &(struct fence_step){.kind = FENCE_STEP_RAN,
                                 .ran = {.slot = event->executed.slot,
                                         .life = event->executed.life,
                                         .session = event->executed.scope.session,
                                         .run = (uint8_t)event->executed.kind,
                                         .outcome = (uint8_t)event->executed.outcome,
                                         .device = {(const uint8_t *)event->executed.device, size},
                                         .text = text}});
}

/* Who answers for it with a signature. */
static uint16_t signer_of(const struct proof *proof)
{
    return proof->kind == PROOF_EXECUTED ? proof->receipt.executor : proof_slot(proof);
}

void fence_told_proof(struct core *c, struct view bytes)
{
    struct proof proof;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (!proof_decode(&proof, &r))
        return;
    uint64_t life = proof_covers(&proof);
    const struct scope *scope = proof_scope(&proof, &life);
    tell(c, &(struct fence_step){.kind = FENCE_STEP_PROOF,
                                 .proof = {.slot = proof_slot(&proof),
                                           .life = life,
                                           .session = scope ? scope->session : 0,
                                           .proof = (uint8_t)proof.kind,
                                           .executor = signer_of(&proof),
                                           .digest = digest_of(bytes.bytes, bytes.size)}});
}

void fence_told_refused(struct core *c, uint16_t slot, const char *text)
{
    tell(c, &(struct fence_step){.kind = FENCE_STEP_REFUSED,
                                 .refused = {.slot = slot, .text = text_view(text)}});
}

void fence_told_alarm(struct core *c, uint16_t slot, uint64_t life)
{
    tell(c, &(struct fence_step){.kind = FENCE_STEP_ALARM, .alarm = {.slot = slot, .life = life}});
}

/* --- Locks --- */

void fence_told_breaks(struct core *c, const struct lock_state *state, struct view name,
                       const struct lock_op *op)
{
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *hold = &state->holds[i];
        if (!lock_break_covers(op, hold))
            continue;
        struct fence_step step = {.kind = FENCE_STEP_FREED,
                                  .freed = {.slot = hold->id.slot,
                                            .life = hold->id.life,
                                            .session = op->scope ? op->scope->session : 0,
                                            .lock = name,
                                            .hold = hold->id,
                                            .mode = (uint8_t)hold->mode,
                                            .token = hold->token,
                                            .proof = op->proof}};
        if (MUTANT(142)) /* "what is freed is logged under another life" */
            step.freed.life++;
        tell(c, &step);
    }
}

/* The state no longer has the hold; its mark tells of it, but for its id. */
void fence_told_broken(struct core *c, const struct lock_state *state, struct view name)
{
    const struct lock_mark *mark = &state->mark;
    if (!state->broken.set || !mark->set || mark->slot != state->broken.slot ||
        mark->life > state->broken.life)
        return;
    bool same = memcmp(mark->proof.bytes, state->broken.proof.bytes, DIGEST_SIZE) == 0;
    if (state->broken.scope.session && !same) /* of another session, which ended before */
        return;
    tell(c, &(struct fence_step){.kind = FENCE_STEP_FREED,
                                 .freed = {.slot = mark->slot,
                                           .life = mark->life,
                                           .session = state->broken.scope.session,
                                           .lock = name,
                                           .hold = {.slot = mark->slot, .life = mark->life},
                                           .mode = (uint8_t)mark->mode,
                                           .token = mark->token,
                                           .proof = mark->proof}});
}
