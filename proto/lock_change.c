/*
 * What a holder does to its hold, and to what stays with the lock: see lock.h.
 *
 * Each change has a counter, higher than the last one's, and the hold keeps the highest: a change
 * that comes a second time, or after it was cancelled, does nothing (L9). So there is one change of
 * a hold at a time, which its agent sees to. A refusal is kept too: a late duplicate of a transfer
 * that was refused must not move a hold whose client goes on acting under it.
 */
#include "proto/lock.h"

#include "proto/must.h"
#include "proto/mutant.h"

/* --- Conversions --- */

static void convert(struct lock_state *state, struct lock_hold *hold, enum lock_mode mode,
                    uint16_t limit)
{
    hold->mode = mode;
    hold->limit = limit;
    if (!lock_mode_writes(mode))
        return;
    /* Others may have written since its own grant: storage that checks tokens would refuse it. */
    hold->token = lock_next_token(state, hold);
    state->generation += !MUTANT(85); /* "the generation does not rise with a conversion" */
}

static void remove_convert(struct lock_state *state, size_t index)
{
    state->convert_count--;
    memmove(&state->converts[index], &state->converts[index + 1],
            (state->convert_count - index) * sizeof state->converts[0]);
}

/* The first one that fits by now; -1 if there is none. */
static int first_that_fits(const struct lock_state *state)
{
    for (size_t i = 0; i < state->convert_count; i++) {
        const struct lock_convert *c = &state->converts[i];
        if (lock_fits_beside(state, lock_find_hold(state, c->id), c->mode, c->limit))
            return (int)i;
    }
    return -1;
}

void lock_settle_converts(struct lock_state *state)
{
    int index;
    while ((index = first_that_fits(state)) >= 0) {
        struct lock_convert c = state->converts[index];
        convert(state, &state->holds[lock_find_hold(state, c.id)], c.mode, c.limit);
        remove_convert(state, (size_t)index);
    }
}

/* Whether one that converts has to wait for holds[index], which converts too: of counted ones, if
 * it would not fit even if all that may still be released were. */
static bool waits_for(const struct lock_state *state, const struct lock_convert *who, size_t index)
{
    int self = lock_find_hold(state, who->id);
    if ((int)index == self)
        return false;
    if (who->mode != LOCK_COUNTED || state->holds[index].mode != LOCK_COUNTED)
        return !lock_modes_compatible(state->holds[index].mode, who->mode);
    size_t count = 1, least = who->limit;
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *hold = &state->holds[i];
        if ((int)i == self || hold->mode != LOCK_COUNTED || lock_find_convert(state, hold->id) < 0)
            continue;
        count++;
        least = hold->limit < least ? hold->limit : least;
    }
    return count > least;
}

/* Whether the last of those that convert waits, through others that do, for itself. */
static bool deadlocked(const struct lock_state *state)
{
    uint32_t reached = 0, todo = 1u << (state->convert_count - 1);
    const uint32_t last = todo;
    _Static_assert(LOCK_CONVERTS_MAX <= 32, "they fit the mask");
    while (todo) {
        size_t from = (size_t)__builtin_ctz(todo);
        todo &= todo - 1;
        for (size_t to = 0; to < state->convert_count; to++) {
            uint32_t bit = 1u << to;
            int hold = lock_find_hold(state, state->converts[to].id);
            if (to == from || (reached & bit) ||
                !waits_for(state, &state->converts[from], (size_t)hold))
                continue;
            reached |= bit;
            todo |= bit;
        }
    }
    return (reached & last) && !MUTANT(80); /* "two upgraders wait for each other" */
}

static void lock_convert_op(struct lock_state *state, struct lock_hold *hold,
                            const struct lock_op *op, struct lock_result *result)
{
    int self = (int)(hold - state->holds), earlier = lock_find_convert(state, hold->id);
    must(lock_mode_valid(op->mode, op->limit));
    if (earlier >= 0) /* this one is wanted in its place */
        remove_convert(state, (size_t)earlier);
    if (lock_fits_beside(state, self, op->mode, op->limit)) {
        convert(state, hold, op->mode, op->limit);
        result->outcome = LOCK_GRANTED;
        result->token = hold->token;
        return;
    }
    if (op->try || state->convert_count == LOCK_CONVERTS_MAX) {
        result->outcome = op->try ? LOCK_BUSY : LOCK_FULL;
        return;
    }
    state->converts[state->convert_count++] = (struct lock_convert){
        .id = op->id, .change = op->change, .mode = op->mode, .limit = op->limit};
    if (deadlocked(state)) {
        state->convert_count--;
        result->outcome = LOCK_DEADLOCK;
        return;
    }
    result->outcome = LOCK_WAITS;
    result->place = state->convert_count;
}

/* --- The rest --- */

static void cancel(struct lock_state *state, struct lock_hold *hold, struct lock_result *result)
{
    int waiting = lock_find_convert(state, hold->id);
    if (waiting >= 0)
        remove_convert(state, (size_t)waiting);
    result->outcome = LOCK_DONE;
}

static void write_value(struct lock_state *state, const struct lock_hold *hold,
                        const struct lock_op *op, struct lock_result *result)
{
    must(op->bytes.size <= LOCK_VALUE_MAX);
    if (!lock_mode_writes(hold->mode)) {
        result->outcome = LOCK_NOT_WRITER;
        return;
    }
    state->value.token = hold->token;
    state->value.valid = true;
    state->value.size = (uint16_t)op->bytes.size;
    if (op->bytes.size)
        memcpy(state->value.bytes, op->bytes.bytes, op->bytes.size);
    result->outcome = LOCK_DONE;
}

static void clear_mark(struct lock_state *state, const struct lock_op *op,
                       struct lock_result *result)
{
    const struct lock_mark *mark = &state->mark;
    bool same = mark->set && mark->slot == op->other.slot && mark->life == op->other.life &&
                mark->token == op->token;
    result->outcome = same ? LOCK_DONE : LOCK_OTHER_MARK;
    if (same || MUTANT(81)) /* "another mark than the one named is cleared" */
        state->mark = (struct lock_mark){0};
}

static void transfer(struct lock_state *state, struct lock_hold *hold, const struct lock_op *op,
                     struct lock_result *result)
{
    int index = lock_find_waiter(state, op->other);
    if (index < 0) {
        result->outcome = LOCK_NO_WAITER;
        return;
    }
    struct lock_waiter who = state->waiters[index];
    if (who.expect && who.expect != state->token) { /* it waits only to hear so */
        result->outcome = LOCK_NO_WAITER;
        return;
    }
    if (!lock_fits_beside(state, (int)(hold - state->holds), who.mode, who.limit)) {
        result->outcome = LOCK_BUSY;
        return;
    }
    lock_remove_waiter(state, (size_t)index);
    lock_remove_hold(state, (size_t)(hold - state->holds));
    result->granted_first = state->hold_count;
    lock_grant(state, &who);
    result->outcome = LOCK_DONE;
}

/* What is said of a change that was applied, refused or cancelled before: as far as the state still
 * shows it. */
static void repeated(const struct lock_state *state, const struct lock_hold *hold,
                     const struct lock_op *op, struct lock_result *result)
{
    int waiting = lock_find_convert(state, hold->id);
    result->outcome = LOCK_DONE;
    if (op->kind == LOCK_TRANSFER) { /* it is still here */
        result->outcome = LOCK_BUSY;
    } else if (op->kind == LOCK_WRITE && !lock_mode_writes(hold->mode)) {
        result->outcome = LOCK_NOT_WRITER; /* its mode was this one then, too */
    } else if (op->kind == LOCK_CLEAR && state->mark.set) {
        result->outcome = LOCK_OTHER_MARK;
    } else if (op->kind == LOCK_CONVERT && hold->mode == op->mode && hold->limit == op->limit) {
        result->outcome = LOCK_GRANTED;
        result->token = hold->token;
    } else if (op->kind == LOCK_CONVERT) {
        result->outcome = waiting >= 0 ? LOCK_WAITS : LOCK_BUSY;
        result->place = waiting >= 0 ? (size_t)waiting + 1 : 0;
    }
}

/* Whether it was applied, refused or cancelled before (L9). A cancel bears the counter of what it
 * cancels. */
static bool over(const struct lock_state *state, const struct lock_hold *hold,
                 const struct lock_op *op)
{
    int waiting = lock_find_convert(state, hold->id);
    if (op->kind == LOCK_CANCEL && waiting >= 0 && state->converts[waiting].change <= op->change)
        return false;
    return op->change <= hold->changed && !MUTANT(82); /* "a change is applied twice" */
}

struct lock_result lock_change(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.outcome = LOCK_GONE};
    int index = lock_find_hold(state, op->id);
    if (index < 0) {
        result.granted_first = state->hold_count;
        return result;
    }
    struct lock_hold *hold = &state->holds[index];
    result.granted_first = state->hold_count;
    if (over(state, hold, op)) {
        repeated(state, hold, op, &result);
        return result;
    }
    if (op->kind == LOCK_CONVERT || op->kind == LOCK_TRANSFER)
        lock_used_tokens(state, hold, op->token);
    if (op->kind == LOCK_CONVERT)
        lock_convert_op(state, hold, op, &result);
    else if (op->kind == LOCK_CANCEL)
        cancel(state, hold, &result);
    else if (op->kind == LOCK_WRITE)
        write_value(state, hold, op, &result);
    else if (op->kind == LOCK_CLEAR)
        clear_mark(state, op, &result);
    else
        transfer(state, hold, op, &result);
    /* MUTANT(83): "a refused hand-over's duplicate moves the hold". */
    if (op->kind == LOCK_TRANSFER && result.outcome != LOCK_DONE && MUTANT(83))
        return result;
    result.changed = true;
    int still = lock_find_hold(state, op->id);
    if (still >= 0)
        state->holds[still].changed =
            op->change > state->holds[still].changed ? op->change : state->holds[still].changed;
    lock_settle(state);
    return result;
}
