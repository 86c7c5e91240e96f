/* The registers that are free: see idle.h. */
#include "proto/idle.h"

#include "proto/floor.h"
#include "proto/must.h"

enum {
    REST_SPANS = 4,   /* what is left over at others than the owner is named to it */
    TRIES_MAX = 4,    /* after a change: 2, 4, 8 and 16 spans apart */
    HURRY_FACTOR = 8, /* half of the registers are used; three quarters: once more */
    AGAIN_MAX = 1024  /* taken out of those parked at once */
};

void idle_init(struct idle *i, struct core *core, struct registers *registers)
{
    *i = (struct idle){.core = core, .registers = registers, .again_at = INSTANT_NEVER};
}

struct span idle_span(const struct idle *i)
{
    const struct registers *r = i->registers;
    struct span span = i->core->config.forget_span;
    for (uint32_t room = r->max / 2; r->count > r->max - room && room >= r->max / 4; room /= 2)
        span.ns = span.ns > HURRY_FACTOR ? span.ns / HURRY_FACTOR : span.ns;
    return span;
}

bool idle_is_free(struct idle *i, const struct lock_state *state, struct view bytes)
{
    return lock_is_blank(state, bytes, &i->blank);
}

/* --- The lists --- */

static uint32_t index_of(const struct idle *i, const struct lock_register *e)
{
    return (uint32_t)(e - i->registers->entries) + 1;
}

static void append(struct idle *i, struct lock_register *e, enum idle_kind kind)
{
    struct idle_list *list = &i->lists[kind];
    e->idle = kind;
    e->idle_next = 0;
    e->idle_prev = list->last;
    if (list->last)
        i->registers->entries[list->last - 1].idle_next = index_of(i, e);
    else
        list->first = index_of(i, e);
    list->last = index_of(i, e);
    list->count++;
}

void idle_remove(struct idle *i, struct lock_register *e)
{
    struct idle_list *list = &i->lists[e->idle];
    if (e->idle == IDLE_NONE)
        return;
    if (e->idle_prev)
        i->registers->entries[e->idle_prev - 1].idle_next = e->idle_next;
    else
        list->first = e->idle_next;
    if (e->idle_next)
        i->registers->entries[e->idle_next - 1].idle_prev = e->idle_prev;
    else
        list->last = e->idle_prev;
    list->count--;
    e->idle = IDLE_NONE;
}

void idle_move(struct idle *i, struct lock_register *e, enum idle_kind kind)
{
    idle_remove(i, e);
    append(i, e, kind);
}

void idle_renew(struct idle *i, struct instant now, struct lock_register *e)
{
    e->idle_since = now;
    idle_move(i, e, IDLE_FRESH);
}

void idle_note(struct idle *i, struct instant now, struct lock_register *e,
               const struct lock_state *state)
{
    uint32_t shard;
    idle_remove(i, e);
    if (floor_shard((struct view){e->name, e->name_size}, &shard) ||
        !idle_is_free(i, state, (struct view){e->state, e->state_size}))
        return;
    idle_renew(i, now, e);
}

void idle_start(struct idle *i, struct instant now, struct lock_state *scratch)
{
    uint32_t cursor = 0;
    struct lock_register *e;
    while ((e = registers_next(i->registers, &cursor))) {
        bool ok = lock_decode(scratch, (struct view){e->state, e->state_size});
        must(ok);
        idle_note(i, now, e, scratch);
    }
}

/* --- Time --- */

static struct instant due_at(const struct idle *i, const struct lock_register *e)
{
    return instant_after(e->idle_since,
                         span_times(idle_span(i), e->idle == IDLE_REST ? REST_SPANS : 1));
}

struct lock_register *idle_due(const struct idle *i, struct instant now, enum idle_kind kind,
                               const struct lock_register *after)
{
    uint32_t at = after ? after->idle_next : i->lists[kind].first;
    struct lock_register *e = at ? &i->registers->entries[at - 1] : NULL;
    return e && idle_span(i).ns > 0 && instant_reached(now, due_at(i, e)) ? e : NULL;
}

static void try_after(struct idle *i, struct instant now, uint32_t tries)
{
    i->tries = tries;
    i->again_at = tries < TRIES_MAX
                      ? instant_after(now, span_times(idle_span(i), INT64_C(2) << tries))
                      : INSTANT_NEVER;
}

/* They keep the time since when they are free, so they are due at once; those before them in the
 * list go first, which does no harm. */
void idle_again(struct idle *i, struct instant now)
{
    struct idle_list *parked = &i->lists[IDLE_PARKED];
    if (i->again_left == 0) {
        if (!instant_reached(now, i->again_at))
            return;
        i->again_left = parked->count;
        try_after(i, now, i->tries + 1);
    }
    for (int n = 0; n < AGAIN_MAX && i->again_left > 0 && parked->first; n++, i->again_left--)
        idle_move(i, &i->registers->entries[parked->first - 1], IDLE_FRESH);
    if (!parked->first)
        i->again_left = 0;
}

void idle_looked(struct idle *i, struct instant now, struct span wait)
{
    i->next_at = instant_after(now, wait);
}

void idle_changed(struct idle *i, struct instant now)
{
    struct instant at = i->again_at;
    try_after(i, now, 0);
    i->again_at = instant_earlier(i->again_at, at); /* not put off by one change after the other */
}

void idle_dropped(struct idle *i, struct instant now)
{
    if (i->again_at.ns == INSTANT_NEVER.ns)
        try_after(i, now, TRIES_MAX - 1);
}

struct instant idle_deadline(const struct idle *i)
{
    struct instant at = INSTANT_NEVER;
    if (i->core->config.forget_span.ns <= 0 || !core_votes(i->core))
        return at;
    for (enum idle_kind kind = IDLE_FRESH; kind <= IDLE_REST; kind++)
        if (i->lists[kind].first)
            at = instant_earlier(at, due_at(i, &i->registers->entries[i->lists[kind].first - 1]));
    if (i->lists[IDLE_PARKED].first)
        at = i->again_left ? i->next_at : instant_earlier(at, i->again_at);
    return at.ns < i->next_at.ns ? i->next_at : at;
}
