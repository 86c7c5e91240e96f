/* The lock's own rules: see lock.h. */
#include "proto/lock.h"

#include "proto/must.h"
#include "proto/mutant.h"

const char *lock_policy_text(enum lock_policy policy)
{
    switch (policy) {
    case LOCK_STALE_HOLD:
        return "hold";
    case LOCK_STALE_FENCE:
        return "fence";
    case LOCK_STALE_EXPIRE:
        return "expire";
    case LOCK_STALE_ACTION:
        return "action";
    case LOCK_POLICIES:
        break;
    }
    return "unknown";
}

bool lock_policy_valid(unsigned policy, uint32_t ttl_ms)
{
    if (policy == LOCK_STALE_EXPIRE)
        return ttl_ms >= LEASE_TTL_MIN_MS && ttl_ms <= LEASE_TTL_MAX_MS;
    return policy < LOCK_POLICIES && ttl_ms == 0;
}

bool lock_policy_fences(enum lock_policy policy)
{
    return policy == LOCK_STALE_FENCE || policy == LOCK_STALE_ACTION;
}

void lock_init(struct lock_state *state)
{
    state->token = 0;
    state->generation = 0;
    state->born = false;
    state->hold_count = 0;
    state->convert_count = 0;
    state->waiter_count = 0;
    state->value.valid = false;
    state->value.size = 0;
    state->value.token = 0;
    state->mark = (struct lock_mark){0};
    state->broken = (struct lock_break){0};
}

int lock_find_hold(const struct lock_state *state, struct op_id id)
{
    for (size_t i = 0; i < state->hold_count; i++)
        if (op_equal(state->holds[i].id, id))
            return (int)i;
    return -1;
}

int lock_find_waiter(const struct lock_state *state, struct op_id id)
{
    for (size_t i = 0; i < state->waiter_count; i++)
        if (op_equal(state->waiters[i].id, id))
            return (int)i;
    return -1;
}

int lock_find_convert(const struct lock_state *state, struct op_id id)
{
    for (size_t i = 0; i < state->convert_count; i++)
        if (op_equal(state->converts[i].id, id))
            return (int)i;
    return -1;
}

/* Whether a counted request finds as many as its limit, or the limit of one of them, allows. */
static bool counted_out(const struct lock_state *state, int except, uint16_t limit)
{
    size_t count = 1, least = limit; /* itself included */
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *hold = &state->holds[i];
        if (hold->mode != LOCK_COUNTED || (int)i == except)
            continue;
        count++;
        least = hold->limit < least ? hold->limit : least;
    }
    return count > least + MUTANT(64); /* "one more than the limit" */
}

bool lock_fits_beside(const struct lock_state *state, int except, enum lock_mode mode,
                      uint16_t limit)
{
    for (size_t i = 0; i < state->hold_count; i++)
        if ((int)i != except && !lock_modes_compatible(state->holds[i].mode, mode))
            return false;
    return mode != LOCK_COUNTED || !counted_out(state, except, limit);
}

bool lock_fits(const struct lock_state *state, enum lock_mode mode, uint16_t limit)
{
    return lock_fits_beside(state, -1, mode, limit);
}

bool lock_excludes(const struct lock_state *state, size_t index, int except, enum lock_mode mode,
                   uint16_t limit)
{
    enum lock_mode held = state->holds[index].mode;
    if ((int)index == except)
        return false;
    if (held == LOCK_COUNTED && mode == LOCK_COUNTED)
        return counted_out(state, except, limit);
    return !lock_modes_compatible(held, mode);
}

enum lock_stability lock_stability(const struct lock_state *state)
{
    for (size_t i = 0; i < state->hold_count; i++)
        if (lock_mode_writes(state->holds[i].mode))
            return LOCK_BEING_WRITTEN;
    /* A reader that went uncleanly has left nothing half written. */
    bool unclean = state->mark.set && lock_mode_writes(state->mark.mode);
    return unclean ? LOCK_LEFT_UNCLEAN : LOCK_STABLE;
}

bool lock_wanted(const struct lock_state *state, enum lock_mode *mode)
{
    if (state->convert_count > 0)
        *mode = state->converts[0].mode;
    else if (state->waiter_count > 0)
        *mode = state->waiters[0].mode;
    return state->convert_count > 0 || state->waiter_count > 0;
}

bool lock_in_the_way(const struct lock_state *state, size_t index)
{
    for (size_t i = 0; i < state->convert_count; i++) {
        const struct lock_convert *c = &state->converts[i];
        if (lock_excludes(state, index, lock_find_hold(state, c->id), c->mode, c->limit))
            return true;
    }
    if (state->waiter_count == 0)
        return false;
    if (state->hold_count == LOCK_HOLDS_MAX) /* the queue waits for room, */
        return true;
    if (lock_find_convert(state, state->holds[index].id) >= 0) /* or for who converts */
        return true;
    return lock_excludes(state, index, -1, state->waiters[0].mode, state->waiters[0].limit);
}

/* Whether its node may hand on tokens of its own. */
static bool hands_on(const struct lock_hold *hold)
{
    return hold->policy == LOCK_STALE_EXPIRE && hold->mode == LOCK_EXCLUSIVE;
}

static uint64_t last_token(const struct lock_hold *hold)
{
    return hold->token + (hands_on(hold) ? LOCK_TOKENS_SPARE - 1 : 0);
}

void lock_used_tokens(struct lock_state *state, const struct lock_hold *hold, uint64_t token)
{
    uint64_t last = last_token(hold), used = token < last ? token : last;
    if (used > state->token)
        state->token = used;
}

static uint64_t highest_token(const struct lock_state *state, const struct lock_hold *except)
{
    uint64_t highest = state->token;
    for (size_t i = 0; i < state->hold_count; i++)
        if (&state->holds[i] != except && last_token(&state->holds[i]) > highest)
            highest = last_token(&state->holds[i]);
    return highest;
}

uint64_t lock_highest_token(const struct lock_state *state)
{
    return highest_token(state, NULL);
}

uint64_t lock_next_token(struct lock_state *state, const struct lock_hold *of)
{
    state->token = highest_token(state, of);
    must(state->token < UINT64_MAX - LOCK_TOKENS_SPARE);
    return ++state->token;
}

void lock_grant(struct lock_state *state, const struct lock_waiter *who)
{
    must(state->hold_count < LOCK_HOLDS_MAX);
    uint64_t token = lock_next_token(state, NULL);
    state->holds[state->hold_count++] = (struct lock_hold){.id = who->id,
                                                           .mode = who->mode,
                                                           .limit = who->limit,
                                                           .policy = who->policy,
                                                           .ttl_ms = who->ttl_ms,
                                                           .token = token,
                                                           .word = who->word,
                                                           .data = who->data};
    state->born = false;
    if (lock_mode_writes(who->mode))
        state->generation++;
}

void lock_remove_waiter(struct lock_state *state, size_t index)
{
    state->waiter_count--;
    memmove(&state->waiters[index], &state->waiters[index + 1],
            (state->waiter_count - index) * sizeof state->waiters[0]);
}

bool lock_moved(const struct lock_state *state, uint64_t expect)
{
    return expect != 0 && (expect < state->token || expect > lock_highest_token(state));
}

/* The same of one that fits, beside a hold of which a node may hand on tokens: nobody can say that
 * it did not. */
static bool may_have_moved(const struct lock_state *state, uint64_t expect)
{
    return expect != 0 && expect != lock_highest_token(state);
}

static void settle_waiters(struct lock_state *state)
{
    while (state->waiter_count > 0 && state->hold_count < LOCK_HOLDS_MAX) {
        const struct lock_waiter *first = &state->waiters[0];
        if (!lock_moved(state, first->expect)) {
            if (!lock_fits(state, first->mode, first->limit))
                return;
            if (!may_have_moved(state, first->expect))
                lock_grant(state, first);
        }
        lock_remove_waiter(state, 0); /* one whose token has passed hears so when it asks again */
    }
}

bool lock_settle(struct lock_state *state)
{
    size_t waited = state->convert_count + state->waiter_count;
    lock_settle_converts(state);
    if (state->convert_count == 0) /* else newcomers could keep them waiting for ever */
        settle_waiters(state);
    return state->convert_count + state->waiter_count != waited;
}

/* Whether there is room for what such a request says is to be done. */
static bool scopes_full(const struct lock_state *state, const struct lock_op *op)
{
    size_t size = op->word ? scope_word_size(op->word) : 0;
    for (size_t i = 0; size && i < state->hold_count; i++)
        if (state->holds[i].policy == LOCK_STALE_ACTION)
            size += scope_word_size(&state->holds[i].word);
    for (size_t i = 0; size && i < state->waiter_count; i++)
        if (state->waiters[i].policy == LOCK_STALE_ACTION)
            size += scope_word_size(&state->waiters[i].word);
    return size > LOCK_SCOPES_MAX;
}

static struct lock_waiter asked_by(const struct lock_op *op)
{
    struct lock_waiter who = {.id = op->id,
                              .mode = op->mode,
                              .limit = op->limit,
                              .policy = op->policy,
                              .ttl_ms = op->ttl_ms,
                              .expect = op->token,
                              .data.size = (uint8_t)op->bytes.size};
    must(op->bytes.size <= LOCK_DATA_MAX &&
         (op->policy == LOCK_STALE_ACTION) == (op->word != NULL));
    if (op->word)
        who.word = *op->word;
    if (op->bytes.size)
        memcpy(who.data.bytes, op->bytes.bytes, op->bytes.size);
    return who;
}

/* A request that neither holds nor waits yet. */
static struct lock_result admit(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.granted_first = state->hold_count};
    struct lock_waiter who = asked_by(op);
    bool first = state->convert_count == 0 && (state->waiter_count == 0 || op->head);
    bool free = first && lock_fits(state, op->mode, op->limit);
    if (lock_moved(state, op->token) || (free && may_have_moved(state, op->token))) {
        bool unknown = state->born && op->token < state->token;
        unknown &= !MUTANT(68); /* "what was forgotten counts as granted since" */
        result.outcome = unknown ? LOCK_FORGOTTEN : LOCK_MOVED;
        result.token = lock_highest_token(state);
    } else if (scopes_full(state, op)) {
        result.outcome = LOCK_INFO_FULL;
    } else if (free && state->hold_count < LOCK_HOLDS_MAX) {
        lock_grant(state, &who);
        result.outcome = LOCK_GRANTED;
        result.token = state->token;
        result.changed = true;
        result.granted_first = state->hold_count; /* the asker itself is answered by the outcome */
        lock_settle(state); /* before the queue: somebody there waited for the token that it was */
    } else if (op->try) {
        result.outcome = free ? LOCK_FULL : LOCK_BUSY;
    } else if (state->waiter_count == LOCK_WAITERS_MAX) {
        result.outcome = LOCK_FULL;
    } else {
        size_t at = op->head ? 0 : state->waiter_count;
        memmove(&state->waiters[at + 1], &state->waiters[at],
                (state->waiter_count++ - at) * sizeof who);
        state->waiters[at] = who;
        result.outcome = LOCK_WAITS;
        result.place = at + 1;
        result.changed = true;
    }
    return result;
}

static struct lock_result acquire(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.granted_first = state->hold_count};
    must(lock_mode_valid(op->mode, op->limit) && lock_policy_valid(op->policy, op->ttl_ms));
    int hold = lock_find_hold(state, op->id);
    int waiter = lock_find_waiter(state, op->id);
    if (hold >= 0) {
        result.outcome = LOCK_GRANTED;
        result.token = state->holds[hold].token;
        return result;
    }
    if (waiter >= 0) {
        result.outcome = LOCK_WAITS;
        result.place = (size_t)waiter + 1;
        return result;
    }
    return admit(state, op);
}

void lock_remove_hold(struct lock_state *state, size_t index)
{
    int convert = lock_find_convert(state, state->holds[index].id);
    if (convert >= 0) {
        state->convert_count--;
        memmove(&state->converts[convert], &state->converts[convert + 1],
                (state->convert_count - (size_t)convert) * sizeof state->converts[0]);
    }
    state->hold_count--;
    memmove(&state->holds[index], &state->holds[index + 1],
            (state->hold_count - index) * sizeof state->holds[0]);
}

bool lock_ended_with_proof(enum lock_ended by)
{
    return by == LOCK_ENDED_BY_STATEMENT || by == LOCK_ENDED_BY_RECEIPT || by == LOCK_ENDED_BY_HAND;
}

/* A writing holder's mark is not covered up by a reading one's: the data may be half written. */
static void set_mark(struct lock_state *state, const struct lock_hold *hold, enum lock_ended by,
                     const struct digest *proof)
{
    if (lock_mode_writes(hold->mode) && !MUTANT(86)) /* "valid over an unclean end" */
        state->value.valid = false;                  /* it may have been about to write it */
    if (state->mark.set && lock_mode_writes(state->mark.mode) && !lock_mode_writes(hold->mode))
        return;
    state->mark = (struct lock_mark){.set = true,
                                     .slot = hold->id.slot,
                                     .life = hold->id.life,
                                     .mode = hold->mode,
                                     .token = hold->token,
                                     .by = by};
    if (lock_ended_with_proof(by))
        state->mark.proof = *proof;
}

static bool ended(const struct op_id *id, const struct lock_op *op)
{
    return id->slot == op->id.slot && id->life <= op->id.life;
}

bool lock_break_covers(const struct lock_op *op, const struct lock_hold *hold)
{
    if (!op->scope || MUTANT(110)) /* "a session's receipt ends all that its life holds" */
        return ended(&hold->id, op);
    return hold->id.slot == op->id.slot && hold->id.life == op->id.life &&
           hold->policy == LOCK_STALE_ACTION && scope_equal(&hold->word.scope, op->scope);
}

static struct lock_result break_holds(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.outcome = LOCK_DROPPED};
    for (size_t i = state->hold_count; i-- > 0;) {
        if (!lock_break_covers(op, &state->holds[i]))
            continue;
        set_mark(state, &state->holds[i],
                 op->by_hand   ? LOCK_ENDED_BY_HAND
                 : op->receipt ? LOCK_ENDED_BY_RECEIPT
                               : LOCK_ENDED_BY_STATEMENT,
                 &op->proof);
        lock_used_tokens(state, &state->holds[i], UINT64_MAX);
        lock_remove_hold(state, i);
        state->broken = (struct lock_break){
            .set = true, .slot = op->id.slot, .life = op->id.life, .proof = op->proof};
        if (op->scope)
            state->broken.scope = *op->scope;
        result.changed = true;
    }
    for (size_t i = state->waiter_count; i-- > 0;) {
        if (op->scope || !ended(&state->waiters[i].id, op))
            continue;
        lock_remove_waiter(state, i);
        result.changed = true;
    }
    result.granted_first = state->hold_count;
    result.changed |= lock_settle(state);
    return result;
}

static struct lock_result drop(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.outcome = LOCK_DROPPED};
    int hold = lock_find_hold(state, op->id);
    int waiter = lock_find_waiter(state, op->id);
    if (hold >= 0) {
        if (op->unclean)
            set_mark(state, &state->holds[hold], LOCK_ENDED_BY_AGENT, NULL);
        lock_used_tokens(state, &state->holds[hold], op->token);
        lock_remove_hold(state, (size_t)hold);
        result.changed = true;
    } else if (waiter >= 0) {
        lock_remove_waiter(state, (size_t)waiter);
        result.changed = true;
    }
    result.granted_first = state->hold_count;
    result.changed |= lock_settle(state);
    return result;
}

/* Who only read leaves no mark: nothing can be half written. */
static struct lock_result expire(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.outcome = LOCK_DROPPED};
    int hold = lock_find_hold(state, op->id);
    result.changed = hold >= 0 && state->holds[hold].policy == LOCK_STALE_EXPIRE;
    if (result.changed) {
        if (lock_mode_writes(state->holds[hold].mode))
            set_mark(state, &state->holds[hold], LOCK_ENDED_BY_EXPIRY, NULL);
        lock_used_tokens(state, &state->holds[hold], UINT64_MAX);
        lock_remove_hold(state, (size_t)hold);
    }
    result.granted_first = state->hold_count;
    lock_settle(state);
    return result;
}

struct lock_result lock_apply(struct lock_state *state, const struct lock_op *op)
{
    switch (op->kind) {
    case LOCK_ACQUIRE:
        return acquire(state, op);
    case LOCK_DROP:
        return drop(state, op);
    case LOCK_EXPIRE:
        return expire(state, op);
    case LOCK_BREAK:
        return break_holds(state, op);
    case LOCK_CONVERT:
    case LOCK_CANCEL:
    case LOCK_WRITE:
    case LOCK_CLEAR:
    case LOCK_TRANSFER:
        return lock_change(state, op);
    case LOCK_OPS:
        break;
    }
    must(false);
}
