/*
 * The plays about several readers under one cached hold (proto/readers.h): a's clients read, b's
 * wants to write.
 */
#include "sim/plays_readers.h"

#include "proto/must.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

enum { TTL_MS = 20000 };

static struct client *reader(struct world *w, const struct script *s, size_t index)
{
    return &step_machine(w, s->a)->clients[index];
}

static void asks(struct world *w, const struct script *s, struct client *c, enum lock_mode mode)
{
    c->ttl_ms = TTL_MS;
    client_demand(w, c, s->name, mode, LOCK_STALE_EXPIRE);
}

static void reads(struct world *w, const struct script *s, size_t index)
{
    asks(w, s, reader(w, s, index), LOCK_SHARED);
}

/* It is granted by its node alone, so within the call. */
static bool reads_at_once(struct world *w, struct script *s, size_t index)
{
    const struct client *c = reader(w, s, index);
    if (!c->guest_runs)
        step_must_not(w, "a reader waits");
    if (!c->guest_op->under)
        step_must_not(w, "its hold is its own");
    s->at = w->now;
    return true;
}

static const struct op *hold_of(struct world *w, const struct script *s, size_t index)
{
    return reader(w, s, index)->guest_op->under;
}

/* --- Steps --- */

static bool first_asks(struct world *w, struct script *s)
{
    s->a = 0, s->b = 1;
    s->name = history_name_new(w);
    must(s->name);
    reads(w, s, 0);
    return true;
}

static bool first_reads(struct world *w, struct script *s)
{
    if (!reader(w, s, 0)->guest_runs)
        return false;
    client_let_go(w, reader(w, s, 0));
    return true;
}

static bool first_is_through(struct world *w, struct script *s)
{
    return reader(w, s, 0)->state == CLIENT_IDLE;
}

static bool two_ask(struct world *w, struct script *s)
{
    reads(w, s, 1);
    reads(w, s, 2);
    return true;
}

static bool two_read(struct world *w, struct script *s)
{
    if (!reads_at_once(w, s, 1) || !reads_at_once(w, s, 2))
        return false;
    if (hold_of(w, s, 1) != hold_of(w, s, 2))
        step_must_not(w, "they have a hold each");
    return true;
}

static bool b_asks(struct world *w, struct script *s)
{
    asks(w, s, step_client(w, s->b), LOCK_EXCLUSIVE);
    s->at = w->now;
    return true;
}

static bool b_waits(struct world *w, struct script *s)
{
    if (step_client(w, s->b)->guest_runs)
        step_must_not(w, "b writes beside readers");
    return w->now - s->at >= SPAN_MS(2000).ns;
}

static bool late_asks(struct world *w, struct script *s)
{
    reads(w, s, 0);
    s->at = w->now;
    return true;
}

static bool late_waits(struct world *w, struct script *s)
{
    if (reader(w, s, 0)->guest_runs)
        step_must_not(w, "a reader overtakes who waits");
    return b_waits(w, s);
}

static bool one_leaves(struct world *w, struct script *s)
{
    client_let_go(w, reader(w, s, 1));
    s->at = w->now;
    return true;
}

static bool the_other_leaves(struct world *w, struct script *s)
{
    client_let_go(w, reader(w, s, 2));
    return true;
}

static bool b_writes(struct world *w, struct script *s)
{
    if (!step_client(w, s->b)->guest_runs)
        return false;
    if (reader(w, s, 0)->guest_runs)
        step_must_not(w, "a reader overtakes who waits");
    client_let_go(w, step_client(w, s->b));
    return true;
}

static bool late_reads(struct world *w, struct script *s)
{
    return reader(w, s, 0)->guest_runs;
}

static bool a_is_cut_off(struct world *w, struct script *s)
{
    step_isolate(w, s->a, 1);
    return true;
}

/* S1 and S8 see to the rest. */
static bool both_have_lost_it(struct world *w, struct script *s)
{
    return !reader(w, s, 1)->guest_runs && !reader(w, s, 2)->guest_runs;
}

static bool b_holds_now(struct world *w, struct script *s)
{
    return step_client(w, s->b)->guest_runs;
}

static bool the_cut_ends(struct world *w, struct script *s)
{
    step_isolate(w, s->a, -1);
    return true;
}

/* Two may be in at once, and three ask: one by one under what their node holds. */
static void counts(struct world *w, const struct script *s, size_t index)
{
    struct client *c = reader(w, s, index);
    c->ttl_ms = TTL_MS;
    client_demand_counted(w, c, s->name, 2, LOCK_STALE_EXPIRE);
}

static bool first_counts(struct world *w, struct script *s)
{
    s->a = 0, s->b = 1;
    s->name = history_name_new(w);
    must(s->name);
    counts(w, s, 0);
    return true;
}

static bool three_ask(struct world *w, struct script *s)
{
    for (size_t i = 0; i < 3; i++)
        counts(w, s, i);
    s->at = w->now;
    return true;
}

/* S1 sees to it that they are not three. */
static bool two_are_in(struct world *w, struct script *s)
{
    size_t in = 0;
    for (size_t i = 0; i < 3; i++)
        in += reader(w, s, i)->guest_runs;
    return in == 2 && w->now - s->at >= SPAN_MS(2000).ns;
}

/* clang-format off: a play reads like one */
static const struct play plays[] = {
    {"readers",
     "two read under one cached hold, somebody waits: nobody more, and both are waited for (S8)",
     .mutant = 151, .device = DEVICE_FAILS,
     .steps = {{"a reader asks", first_asks},
               {"reads, and lets go", first_reads},
               {"its node has it cached", first_is_through},
               {"two ask", two_ask},
               {"both read under it", two_read},
               {"b asks to write", b_asks},
               {"and waits", b_waits},
               {"a third reader asks", late_asks},
               {"and waits behind b", late_waits},
               {"one of the two leaves", one_leaves},
               {"b waits on", b_waits},
               {"the other leaves", the_other_leaves},
               {"b writes", b_writes},
               {"the third reads", late_reads}}},
    {"readers-cut-off", "the lease of a hold that two read under is over: both have lost it (S1)",
     .mutant = 153, .device = DEVICE_FAILS,
     .steps = {{"a reader asks", first_asks},
               {"reads, and lets go", first_reads},
               {"its node has it cached", first_is_through},
               {"two ask", two_ask},
               {"both read under it", two_read},
               {"a is cut off", a_is_cut_off},
               {"b asks to write", b_asks},
               {"both have lost it", both_have_lost_it},
               {"b writes", b_holds_now},
               {"the cut ends", the_cut_ends}}},
    {"counted-apart", "three of a node ask for what two may hold: a count is not shared (S1)",
     .mutant = 154, .device = DEVICE_FAILS,
     .steps = {{"one asks", first_counts},
               {"is in, and lets go", first_reads},
               {"it is through", first_is_through},
               {"three ask", three_ask},
               {"two are in", two_are_in}}},
};
/* clang-format on */

size_t plays_readers_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_readers_get(size_t index)
{
    return &plays[index];
}
