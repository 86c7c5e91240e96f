/* Holds of the dead: see stale.h. */
#include "proto/stale.h"

#include "proto/ended.h"
#include "proto/fence_told.h"
#include "proto/must.h"
#include "proto/mutant.h"

bool stale_over(const struct core *c, uint16_t slot, uint64_t life)
{
    uint64_t covers = proofs_covers(c->proofs, slot);
    return covers >= life || (MUTANT(33) && covers > 0); /* "receipt matched by node, not life" */
}

/* The receipt that covers this very hold, of a life that is not over; NULL if there is none (F6b).
 */
static const struct ended_entry *session_over(const struct core *c, const struct lock_hold *hold)
{
    return hold->policy == LOCK_STALE_ACTION
               ? ended_of(c->ended, hold->id.slot, hold->id.life, &hold->word.scope)
               : NULL;
}

/* The first hold of a life that is over, or of a session that is; NULL if there is none. */
static const struct lock_hold *first_over(const struct core *c, const struct lock_state *state)
{
    for (size_t i = 0; i < state->hold_count; i++)
        if (stale_over(c, state->holds[i].id.slot, state->holds[i].id.life) ||
            session_over(c, &state->holds[i]))
            return &state->holds[i];
    return NULL;
}

/* Whether its node lives under a higher life, by its own signed word: it asks no more for this one.
 * To let a place in the queue go needs no proof (M1): it is not a hold. */
static bool reborn(const struct core *c, const struct op_id *id)
{
    struct member_view view;
    swim_view(c->swim, id->slot, &view);
    return id->slot != core_self(c) && view.life > id->life;
}

bool stale_outlived(const struct core *c, const struct op_id *id)
{
    /* Whose session was ended takes no new lock in that life (F2). */
    return stale_over(c, id->slot, id->life) || reborn(c, id) ||
           ended_any(c->ended, id->slot, id->life);
}

/* Before a hold is broken: else it would be granted to the dead, and the mark would name them. */
static bool drop_dead_waiters(const struct core *c, struct lock_state *state, size_t *granted_first)
{
    bool changed = false;
    for (size_t i = state->waiter_count; i-- > 0;) {
        if (!stale_outlived(c, &state->waiters[i].id))
            continue;
        struct lock_op op = {.kind = LOCK_DROP, .id = state->waiters[i].id};
        struct lock_result result = lock_apply(state, &op);
        if (!changed || result.granted_first < *granted_first)
            *granted_first = result.granted_first;
        changed = true;
        if (i > state->waiter_count) /* others were let in by it */
            i = state->waiter_count;
    }
    return changed;
}

/* What breaks that hold, and names its proof (F5): the whole life if that is over, else its
 * session.
 */
static struct lock_op break_of(const struct core *c, const struct lock_hold *hold)
{
    const struct op_id *id = &hold->id;
    struct lock_op op = {.kind = LOCK_BREAK, .id = {.slot = id->slot, .life = id->life}};
    const struct proof_entry *proof = proofs_of(c->proofs, id->slot);
    const struct ended_entry *ended = session_over(c, hold);
    if (stale_over(c, id->slot, id->life)) {
        must(proof);
        op.proof = proof->digest;
        op.receipt = proof->executed;
        op.by_hand = proof->by_hand;
        if (op.id.life < proof->covers) /* else only with planted bug 33 */
            op.id.life = proof->covers;
    } else {
        must(ended);
        op.proof = ended->digest;
        op.receipt = true;
        op.scope = &hold->word.scope;
    }
    return op;
}

bool stale_break(struct core *c, struct lock_state *state, struct view name, size_t *granted_first)
{
    bool dropped = drop_dead_waiters(c, state, granted_first);
    const struct lock_hold *hold = first_over(c, state);
    if (!hold)
        return dropped;
    struct scope scope = hold->word.scope; /* the state moves its holds */
    struct lock_op op = break_of(c, hold);
    if (op.scope)
        op.scope = &scope;
    fence_told_breaks(c, state, name, &op);
    struct lock_result result = lock_apply(state, &op);
    must(result.changed && state->broken.set);
    /* Of two steps the first one's places have moved: all are told again, which is harmless. */
    *granted_first = dropped ? 0 : result.granted_first;
    c->counters.breaks++;
    struct notice *n = told_notice(&c->told, NOTICE_BROKEN);
    n->slot = op.id.slot;
    n->number = op.id.life;
    n->executed = op.receipt;
    return true;
}

/* INSTANT_NEVER for one that does not expire. */
static struct instant lease_over(const struct core *c, const struct lease_times *times,
                                 const struct lock_hold *hold)
{
    return hold->policy == LOCK_STALE_EXPIRE
               ? leases_end(c->leases, times, hold->id.slot, hold->id.life, hold->ttl_ms)
               : INSTANT_NEVER;
}

bool stale_lapsing(const struct core *c, struct instant now, const struct lease_times *times,
                   const struct lock_state *state)
{
    for (size_t i = 0; i < state->hold_count; i++) {
        struct instant over = lease_over(c, times, &state->holds[i]);
        if (instant_reached(now, over) && !instant_reached(times->sure, over))
            return !MUTANT(78); /* "lets go on what it knew before it was replaced" */
    }
    return false;
}

bool stale_let_go(struct core *c, const struct lease_times *times, struct lock_state *state,
                  size_t *first)
{
    struct instant sure = MUTANT(78) ? c->now : times->sure;
    bool changed = false;
    for (size_t i = *first; i-- > 0;) {
        const struct lock_hold *hold = &state->holds[i];
        if (!instant_reached(sure, lease_over(c, times, hold)))
            continue;
        struct lock_op op = {.kind = LOCK_EXPIRE, .id = hold->id};
        lock_apply(state, &op);
        c->counters.expired++;
        --*first; /* who is let in comes behind those that are left */
        changed = true;
    }
    return changed;
}

struct instant stale_lapse(const struct core *c, const struct lease_times *times,
                           const struct lock_state *state)
{
    struct instant first = INSTANT_NEVER;
    enum lock_mode mode;
    bool any = lock_wanted(state, &mode);
    for (size_t i = 0; any && i < state->hold_count; i++)
        first = instant_earlier(first, lease_over(c, times, &state->holds[i]));
    return first;
}

/* SWIM holds the holder's life in that state. */
static bool holder_is(const struct core *c, const struct lock_hold *hold, enum member_state state)
{
    struct member_view view;
    swim_view(c->swim, hold->id.slot, &view);
    return hold->id.slot != core_self(c) && view.state == state && view.life == hold->id.life;
}

/* Or it left, which frees nothing (M2), or nothing was ever heard of that life: this node started
 * after its end. */
static bool holder_dead(const struct core *c, const struct lock_hold *hold)
{
    struct member_view view;
    swim_view(c->swim, hold->id.slot, &view);
    return hold->id.slot != core_self(c) &&
           (((view.state == MEMBER_DEAD || view.state == MEMBER_LEFT) &&
             view.life <= hold->id.life) ||
            view.state == MEMBER_UNKNOWN);
}

/*
 * Once a later life was claimed nobody acts on the earlier one (F9). If that one dies too before it
 * stated the end of those before it, an order against it ends them all. Jurors that hold the end
 * statement would have said so at once: only when they had the time to is the later life accused.
 */
static void accuse_heir(struct core *c, struct instant now, const struct lock_hold *hold,
                        struct view name)
{
    struct member_view view;
    swim_view(c->swim, hold->id.slot, &view);
    uint64_t heir = accuser_heir(c->accuser, now, hold->id.slot, hold->id.life);
    if (heir && view.state != MEMBER_ALIVE)
        accuser_note(c->accuser, now, hold->id.slot, heir, hold->id.life, name);
}

/* The ladder: what its holder named for this one session comes first. False as long as that may do.
 */
static bool climb(struct core *c, struct instant now, const struct lock_hold *hold,
                  struct view name)
{
    uint16_t slot = hold->id.slot;
    uint64_t life = hold->id.life;
    if (hold->policy != LOCK_STALE_ACTION)
        return true;
    accuser_note_session(c->accuser, now, slot, life, &hold->word, name);
    return accuser_climbs(c->accuser, now, slot, life, &hold->word.scope);
}

void stale_accuse(struct core *c, struct instant now, const struct lock_state *state,
                  struct view name)
{
    enum lock_mode wanted;
    bool waited = lock_wanted(state, &wanted);
    for (size_t i = 0; waited && i < state->hold_count; i++) {
        const struct lock_hold *hold = &state->holds[i];
        /* Jurors look while it is suspect, so that their votes are ready when it is dead (F2). A
         * node that was reborn tells the jurors of its end, but this one it may not reach: they
         * answer with the proof. */
        bool gone =
            holder_is(c, hold, MEMBER_SUSPECT) || holder_dead(c, hold) || reborn(c, &hold->id);
        if (!lock_policy_fences(hold->policy) || !gone || !lock_in_the_way(state, i))
            continue;
        if (climb(c, now, hold, name))
            accuser_note(c->accuser, now, hold->id.slot, hold->id.life, hold->id.life, name);
        accuse_heir(c, now, hold, name);
    }
}

/* How far the narrowest order has come that is not given up. */
static struct stale_view fence_view(const struct core *c, const struct lock_hold *hold)
{
    uint16_t slot = hold->id.slot;
    uint64_t life = hold->id.life;
    bool session = hold->policy == LOCK_STALE_ACTION &&
                   !accuser_climbs(c->accuser, c->now, slot, life, &hold->word.scope);
    return accuser_view(c->accuser, slot, life, session ? &hold->word.scope : &scope_none);
}

struct stale_view stale_view_of(const struct core *c, const struct lock_state *state)
{
    enum lock_mode wanted;
    bool waited = lock_wanted(state, &wanted);
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *hold = &state->holds[i];
        if (waited && !lock_in_the_way(state, i))
            continue; /* nobody waits for this one */
        if (stale_over(c, hold->id.slot, hold->id.life) || session_over(c, hold))
            return (struct stale_view){
                .stage = FENCE_OVER, .slot = hold->id.slot, .life = hold->id.life};
        if (!holder_dead(c, hold) && !reborn(c, &hold->id))
            continue;
        if (lock_policy_fences(hold->policy))
            return fence_view(c, hold);
        enum fence_stage stage = hold->policy == LOCK_STALE_EXPIRE ? FENCE_EXPIRES : FENCE_HOLD;
        return (struct stale_view){.stage = stage, .slot = hold->id.slot, .life = hold->id.life};
    }
    return (struct stale_view){.stage = FENCE_NONE, .slot = SLOT_NONE};
}

/* Whether what is held proves this break. A session's receipt is no proof of another one. */
static bool proven(const struct core *c, const struct lock_break *b)
{
    return stale_over(c, b->slot, b->life) || ended_of(c->ended, b->slot, b->life, &b->scope);
}

bool stale_proven(struct core *c, struct instant now, const struct lock_state *state,
                  struct view proof)
{
    const struct lock_break *b = &state->broken;
    if (!b->set || proven(c, b))
        return true;
    if (proof.size)
        proofs_offer(c->proofs, now, proof, NULL);
    return proven(c, b);
}

struct view stale_proof(const struct core *c, const struct lock_break *broken)
{
    if (!broken->set)
        return (struct view){0};
    const struct ended_entry *ended =
        ended_of(c->ended, broken->slot, broken->life, &broken->scope);
    const struct proof_entry *proof = proofs_of(c->proofs, broken->slot);
    if (ended)
        return (struct view){ended->bytes, ended->size};
    return proof ? (struct view){proof->bytes, proof->size} : (struct view){0};
}
