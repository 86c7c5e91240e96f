/*
 * S14: what clients see of one name is linearizable. With a token on every grant a sequential model
 * is enough: grants in the order of their tokens (check_tokens.c) never overlap in conflict
 * (check_exclusion.c); a refusal needs somebody in the way at some time between question and
 * answer; what is shown was chosen before the answer, and is not older than anything told before
 * the question.
 */
#include "sim/check.h"

#include "sim/linear.h"
#include "sim/machine.h"
#include "sim/world.h"

void check_asked(struct world *w, struct op *op)
{
    op->asked_at = w->now;
    op->token_floor = op->name->token_told;
}

/* Another request for the name that was under way while `op` was: requests that come together are
 * applied to one state, so one may have stood in the way of another and be gone in that same state.
 */
static bool crossed(const struct op *op)
{
    for (const struct op *o = op->name->ops; o; o = o->older_here)
        if (o != op && (!o->finished || o->finished_at >= op->asked_at))
            return true;
    return false;
}

void check_busy(struct world *w, struct op *op)
{
    const struct value *chosen = op->name->chosen;
    bool busy_now = chosen && (chosen->hold_count || chosen->waiter_count);
    if (!busy_now && op->name->busy_until < op->asked_at && !crossed(op))
        world_fail(w, EXIT_BROKEN, "S14",
                   "%s: %s is refused, but nobody held it or waited since it asked", op->name->text,
                   op->machine->name);
    linear_busy(w, op);
}

/* The highest token that a grant or a conversion gave the name, in a chosen state. */
static uint64_t highest_token(const struct name *name)
{
    for (const struct group *g = name->top; g; g = g->lower)
        for (size_t i = g->count; i-- > 0;)
            if (g->values[i]->chosen && !g->values[i]->born)
                return g->values[i]->token;
    return 0;
}

/* Of a lock that was forgotten the floor's token is told (L10), and nobody knows whether somebody
 * was granted it; else somebody was. */
void check_moved(struct world *w, const struct op *op, uint64_t token, bool forgotten)
{
    const struct value *born = w->observer->history.floors[op->name->shard]->chosen;
    bool given = token <= highest_token(op->name) || token <= op->name->token_spare;
    bool reached = forgotten ? born && token <= born->token : given;
    if (op->expect == 0 || token <= op->expect || token < op->token_floor || !reached)
        world_fail(
            w, EXIT_BROKEN, "S14",
            "%s: %s wants token %llu, and is refused since it is %llu%s; %llu was told before",
            op->name->text, op->machine->name, (unsigned long long)op->expect,
            (unsigned long long)token, forgotten ? ", as it was forgotten" : "",
            (unsigned long long)op->token_floor);
}

/* The highest chosen value with these bytes; NULL if there is none. */
static const struct value *find_chosen(const struct name *name, struct view bytes)
{
    for (const struct group *g = name->top; g; g = g->lower)
        for (size_t i = g->count; i-- > 0;)
            if (g->values[i]->chosen &&
                view_equal((struct view){g->values[i]->bytes, g->values[i]->size}, bytes))
                return g->values[i];
    return NULL;
}

/* The true state of the floor that a lock is born with; NULL if it is not. */
static const struct value *find_floor(struct world *w, const struct name *name,
                                      const struct lock_state *state)
{
    for (const struct group *g = w->observer->history.floors[name->shard]->top; g; g = g->lower)
        for (size_t i = g->count; i-- > 0;)
            if (g->values[i]->chosen && state->born && g->values[i]->token == state->token &&
                g->values[i]->generation == state->generation)
                return g->values[i];
    return NULL;
}

/* What is shown of a lock that a majority does not have is what it would be born with (L10). It
 * stands for the lock's last state, which is free, and not above it. */
static const struct value *find_forgotten(const struct name *name, const struct lock_state *state)
{
    const struct value *v;
    for (const struct group *g = name->top; g; g = g->lower)
        for (size_t i = g->count; i-- > 0;) {
            v = g->values[i];
            if (v->chosen && v->hold_count == 0 && v->waiter_count == 0 && !v->mark.set &&
                !v->written && v->token <= state->token && v->generation <= state->generation)
                return v;
        }
    return NULL;
}

void check_shown(struct world *w, struct name *name, const struct lock_state *state,
                 const struct value *floor, int64_t since)
{
    uint8_t *bytes = w->observer->scratch_bytes;
    struct writer writer = writer_init(bytes, LOCK_STATE_BYTES_MAX);
    lock_encode(&writer, state);
    struct view view = {bytes, writer_size(&writer)};
    const struct value *v = find_chosen(name, view);
    const struct value *born = find_floor(w, name, state);
    if (!v && born)
        v = find_forgotten(name, state);
    bool untouched = state->token == 0 && state->hold_count == 0 && state->waiter_count == 0;
    if (!v && !((untouched || born) && !floor))
        world_fail(w, EXIT_BROKEN, "S14", "%s is shown with token %llu as it never was", name->text,
                   (unsigned long long)state->token);
    if (v && floor && value_compare(v, floor) < 0)
        world_fail(w, EXIT_BROKEN, "S14", "%s is shown as %s, but %s had been told before",
                   name->text, value_text(v), value_text(floor));
    linear_shown(w, name, state, since);
    check_stamp(w, name, state, since);
    if (v && (!name->told || value_compare(v, name->told) > 0))
        name->told = v;
}
