/*
 * S14 for what holders change (L9): each change is applied at most once, in the order of its
 * counters, and only as its client called for it; a hand-over exchanges two holds in one step.
 *
 * A *step* leads from the highest chosen value to the next one: a coordinator applies a batch of
 * requests to a state that is true, so nothing lies between. What is only proposed may come from a
 * coordinator that does not know what clients were told since.
 */
#include "sim/changes.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/sessions.h"
#include "sim/world.h"

/* --- what an agent asks --- */

static const struct {
    enum request_kind request;
    const char *text;
} kinds[] = {
    [CHANGE_CONVERT] = {REQUEST_CONVERT, "a conversion"},
    [CHANGE_WRITE] = {REQUEST_WRITE, "a write"},
    [CHANGE_CLEAR] = {REQUEST_CLEAR, "a clearing"},
    [CHANGE_TRANSFER] = {REQUEST_TRANSFER, "a hand-over"},
};

const char *check_change_text(enum change_kind kind)
{
    return kinds[kind].text;
}

/* That a change which has no counter yet may come so. */
static bool comes_as(const struct change *c, const struct wire_request *r)
{
    if (r->kind == REQUEST_CANCEL)
        return true;
    bool convert = c->kind == CHANGE_CONVERT;
    return (enum request_kind)r->kind == kinds[c->kind].request &&
           (!convert || (r->mode == (uint8_t)c->mode && r->limit == c->limit));
}

/* The change that comes under a new counter: the last that was called for and not refused. It may
 * have waited for others who read under the hold, or was made for its client at once and is the
 * register's only now (readers.h). An agent that starts again cancels what the last run may have
 * asked for. */
static struct change *take_up(struct op *op, const struct wire_request *r)
{
    struct change *c = op->changes;
    while (c && (c->counter || c->end == CHANGE_REFUSED || !comes_as(c, r)))
        c = c->older;
    if (!c || r->change <= op->chosen_changed)
        return NULL;
    c->counter = r->change;
    return c;
}

void check_change_sent(struct world *w, const struct machine *m, const struct wire_request *r)
{
    struct op *op = history_op_named(w, history_name(w, r->name), r->op);
    struct change *c = changes_find(op, r->change);
    if (!c)
        c = take_up(op, r);
    bool same =
        c && (r->kind == REQUEST_CANCEL || (enum request_kind)r->kind == kinds[c->kind].request);
    if (!same)
        world_fail(w, EXIT_BROKEN, "S14",
                   "%s: %s asks for change %llu of operation %llu, which no client called for",
                   op->name->text, m->name, (unsigned long long)r->change,
                   (unsigned long long)op->id.counter);
    /* S5: else it could believe, after a restart, that it holds what is another's. */
    if (r->kind == REQUEST_TRANSFER && m->votes && op->handed_over < r->change)
        world_fail(w, EXIT_BROKEN, "S5",
                   "%s: %s asks to hand operation %llu over, and has not written so durably",
                   op->name->text, m->name, (unsigned long long)op->id.counter);
}

/* S6, L5: what is said of a change rests on a chosen state that shows it, or on one without its
 * hold. */
void check_change_reply(struct world *w, const struct machine *m, const struct op *op,
                        const struct wire_reply *r)
{
    enum reply_verdict verdict = (enum reply_verdict)r->verdict;
    bool about = request_is_change((enum request_kind)r->kind) && verdict != REPLY_BALLOT &&
                 verdict != REPLY_REDIRECT && verdict != REPLY_NO_ROOM;
    const struct value *chosen = op->name->chosen;
    bool gone = verdict == REPLY_GONE || (verdict == REPLY_DONE && r->kind == REQUEST_TRANSFER);
    if (about && (gone ? chosen && history_hold(chosen, op) : op->chosen_changed < r->change))
        world_fail(w, EXIT_BROKEN, "S6",
                   "%s says what became of change %llu of operation %llu of %s, and no chosen "
                   "state of %s does",
                   m->name, (unsigned long long)r->change, (unsigned long long)op->id.counter,
                   op->machine->name, op->name->text);
}

/* --- steps --- */

static _Noreturn void fail(struct world *w, const struct value *before, const struct value *after,
                           const struct op *op, const char *what)
{
    world_fail(w, EXIT_BROKEN, "S14", "%s: from %s to %s the hold of %s, operation %llu, %s",
               op->name->text, value_text(before), value_text(after), op->machine->name,
               (unsigned long long)op->id.counter, what);
}

/* Whether it ended and was granted anew, by a late duplicate: a ghost (L9). */
static bool anew(const struct value *before, const struct value_hold *hold)
{
    bool gone = hold->op->drop_sent || !check_believed(hold->op);
    return gone && hold->token > before->token && hold->changed == 0;
}

/* A conversion that explains what became of `old`: a new one, or one that waited. */
static bool converted(const struct value *before, const struct value_hold *old,
                      const struct value_hold *new)
{
    const struct change *c = changes_find(new->op, new->changed);
    const struct value_convert *waits = history_convert(before, new->op);
    bool now = new->changed > old->changed || (waits && waits->change == new->changed);
    return c && c->kind == CHANGE_CONVERT && now && c->mode == new->mode && c->limit == new->limit;
}

static void judge_kept(struct world *w, const struct value *before, const struct value *after,
                       const struct value_hold *old, const struct value_hold *new)
{
    if (new->changed < old->changed)
        fail(w, before, after, new->op, "forgets a change (L9)");
    if (new->changed > old->changed && !changes_find(new->op, new->changed))
        fail(w, before, after, new->op, "shows a change that was never asked for");
    bool same = old->mode == new->mode && old->limit == new->limit && old->token == new->token;
    if (same)
        return;
    if (!converted(before, old, new))
        fail(w, before, after, new->op, "is another one, by no change that is new (L9)");
    bool risen = new->token > before->token;
    if (modes_write(new->mode) ? !risen : new->token != old->token)
        fail(w, before, after, new->op, "is converted, and has the wrong token");
}

static void judge_new(struct world *w, const struct value *before, const struct value *after,
                      const struct value_hold *new)
{
    const struct op *op = new->op;
    if (!op->accepted)
        return; /* what was asked for is not known yet */
    if (new->changed != 0)
        fail(w, before, after, op, "is new, and shows a change");
    if (new->mode != op->mode || new->limit != op->limit)
        fail(w, before, after, op, "is new, and in a mode that was not asked for");
    if (op->expect && new->token != op->expect + 1)
        fail(w, before, after, op, "was to be granted only while the token was another one");
}

/* It was given back, its life is over, or its lease is. */
static bool ended(const struct world *w, const struct op *op)
{
    return op->drop_sent || op->id.life <= w->observer->lives.covered[op->machine->index] ||
           sessions_over(w, op) || !check_believed(op);
}

/* Whether the one to whom it goes holds now, or does so no more. */
static bool goes_to(const struct world *w, const struct value *before, const struct value *after,
                    const struct op *to)
{
    const struct value_hold *hold = history_hold(after, to);
    return (hold && hold->token > before->token) || ended(w, to);
}

/* A hold that is missing, of which S15 found that it may be: perhaps since it was handed over. */
static void judge_missing(struct world *w, const struct value *before, const struct value *after,
                          const struct op *op)
{
    if (ended(w, op))
        return;
    for (struct change *c = changes_hand_over(op->changes); c; c = changes_hand_over(c->older))
        if (goes_to(w, before, after, c->to))
            return;
    fail(w, before, after, op, "is gone, and nobody to whom it was handed over has it");
}

/* A lock without holders and the rest may have been forgotten since, and is born again with what
 * the shard's floor has (L10). */
static bool is_free(const struct value *v)
{
    return v->hold_count == 0 && v->waiter_count == 0 && !v->mark.set && !v->written;
}

/* So does a free state that one voter alone has, not chosen yet, when the next coordinator reads
 * it: it may be what others have dropped. */
static bool may_be_raised(const struct world *w, const struct value *v)
{
    const struct value *floor = w->observer->history.floors[v->group->name->shard]->chosen;
    return is_free(v) && floor && v->generation <= floor->generation;
}

/* Each new token in a mode that writes came with a rise of the generation. */
static void judge_generation(struct world *w, const struct value *before, const struct value *after)
{
    uint64_t writers = 0, tokens = after->token - before->token;
    for (size_t i = 0; i < after->hold_count; i++)
        writers += after->holds[i].token > before->token && modes_write(after->holds[i].mode);
    uint64_t risen = after->generation - before->generation;
    if (risen < writers || (risen > tokens && !is_free(before) && !may_be_raised(w, after)))
        world_fail(w, EXIT_BROKEN, "S7",
                   "%s: from %s to %s the generation rises by %llu, with %llu new holds that "
                   "write, and %llu new tokens",
                   after->group->name->text, value_text(before), value_text(after),
                   (unsigned long long)risen, (unsigned long long)writers,
                   (unsigned long long)tokens);
}

/* Whoever waits to be converted holds, called for it, and was not told that it is over. */
static void judge_waiting(struct world *w, const struct value *before, const struct value *after,
                          const struct value_convert *v)
{
    const struct change *c = changes_find(v->op, v->change);
    const struct value_hold *hold = history_hold(after, v->op);
    bool called = c && c->kind == CHANGE_CONVERT && c->mode == v->mode && c->limit == v->limit;
    if (!hold || hold->changed != v->change || !called)
        fail(w, before, after, v->op, "waits for a conversion that was not called for");
    if (c->end == CHANGE_MADE || c->end == CHANGE_REFUSED)
        fail(w, before, after, v->op, "waits for a conversion that its client was told of");
}

void check_step(struct world *w, const struct value *before, const struct value *after)
{
    for (size_t i = 0; i < after->hold_count; i++) {
        const struct value_hold *new = &after->holds[i], *old = history_hold(before, new->op);
        if (old && !anew(before, new))
            judge_kept(w, before, after, old, new);
        else
            judge_new(w, before, after, new);
    }
    for (size_t i = 0; i < before->hold_count; i++)
        if (!history_hold(after, before->holds[i].op))
            judge_missing(w, before, after, before->holds[i].op);
    for (size_t i = 0; i < after->convert_count; i++)
        judge_waiting(w, before, after, &after->converts[i]);
    judge_generation(w, before, after);
    check_queue(w, before, after);
    check_value(w, before, after);
}

/* --- a value is chosen --- */

static void lower(const struct value **at, const struct value *v)
{
    if (!*at || value_compare(v, *at) < 0)
        *at = v;
}

void check_changes_chosen(struct value *v, const struct value *before)
{
    struct change *below = before ? before->written : NULL;
    if (v->written && v->written != below)
        v->written->shown = true;
    if (below && v->written != below)
        lower(&below->over, v);
    for (size_t i = 0; i < v->hold_count; i++) {
        struct op *op = v->holds[i].op;
        if (v->holds[i].changed <= op->chosen_changed)
            continue;
        op->chosen_changed = v->holds[i].changed;
        struct change *c = changes_find(op, op->chosen_changed);
        if (!c)
            continue;
        lower(&c->in, v);
        c->shown |= v->written != below;
    }
    for (size_t i = 0; before && i < before->hold_count; i++) {
        struct op *op = before->holds[i].op;
        struct change *c = history_hold(v, op) ? NULL : changes_hand_over(op->changes);
        if (c)
            lower(&c->in, v);
    }
}

/* --- what clients are told --- */

static void rests_on(struct name *name, const struct value *v)
{
    if (v && (!name->told || value_compare(v, name->told) > 0))
        name->told = v;
}

/* Whether some conversion to a mode that writes is under way, or may have been made. */
static bool may_write(const struct op *op)
{
    uint32_t modes = changes_modes(op);
    for (int mode = 0; mode < LOCK_MODES; mode++)
        if ((modes >> mode & 1) && modes_write((enum lock_mode)mode))
            return true;
    return false;
}

static const char *conversion_wrong(struct change *c, const struct answer *a)
{
    struct op *op = c->op;
    const struct value *chosen = op->name->chosen;
    const struct value_hold *hold = chosen ? history_hold(chosen, op) : NULL;
    if (a->mode != c->mode || a->limit != c->limit)
        return "to another mode than was called for";
    /* One that its node handed on, else the register's. */
    bool same = c->nothing && a->token == c->by->token_told; /* it was cancelled */
    bool lent = c->by->under && (!modes_write(c->mode) || same);
    uint64_t token = hold && !lent ? hold->token : c->by->token_told;
    /* Of a reader among others: the hold that they share covers it (readers.h). */
    bool covered = hold && c->by->under && c->counter == 0 && hold->mode == LOCK_SHARED &&
                   lock_mode_covers(hold->mode, hold->limit, c->mode, c->limit);
    if (covered && token == a->token)
        return NULL;
    if (!hold || hold->mode != c->mode || hold->limit != c->limit || token != a->token)
        return "and the chosen state says otherwise";
    if (!may_write(op) && a->token != c->by->token_told)
        return "with a new token, in a mode that does not write";
    return NULL;
}

/* What the chosen state has to show of it. */
static const char *made_wrong(struct change *c, const struct answer *a)
{
    const struct value *chosen = c->op->name->chosen;
    const struct lock_mark *mark = chosen ? &chosen->mark : NULL;
    if (c->kind == CHANGE_CONVERT)
        return conversion_wrong(c, a);
    if (c->kind == CHANGE_WRITE && !c->shown)
        return "and no chosen state has it";
    if (c->kind == CHANGE_TRANSFER && chosen && history_hold(chosen, c->op))
        return "and the chosen state has the hold still";
    bool marked = mark && mark->set && mark->token == c->mark_token && mark->slot == c->mark.slot &&
                  mark->life == c->mark.life;
    return c->kind == CHANGE_CLEAR && marked ? "and the chosen state has the mark still" : NULL;
}

void check_changed(struct world *w, struct change *c, const struct answer *a)
{
    struct op *op = c->op;
    const char *wrong = made_wrong(c, a);
    if (wrong)
        world_fail(w, EXIT_BROKEN, "S6", "%s: %s is told that %s was made, %s", op->name->text,
                   op->machine->name, check_change_text(c->kind), wrong);
    if (c->kind == CHANGE_CONVERT && c->by->under && c->counter == 0)
        coverage_readers(w, COVER_READERS_WEAKER);
    c->end = CHANGE_MADE;
    c->answered_at = w->now;
    rests_on(op->name, c->in);
    if (c->kind != CHANGE_CONVERT)
        return;
    c->token = a->token;
    if (modes_write(c->mode) && !(c->nothing && a->token == c->by->token_told))
        check_token_told(w, op, c->mode, a->token, c->token_floor);
    op->token_told = c->by->token_told = a->token;
}

/* Why it cannot have been refused so; NULL if it can. */
static const char *refusal_wrong(const struct change *c, enum answer_kind kind, enum lock_mode mode)
{
    const struct value *chosen = c->op->name->chosen;
    bool marked = chosen && chosen->mark.set && chosen->mark.token == c->mark_token &&
                  chosen->mark.slot == c->mark.slot && chosen->mark.life == c->mark.life;
    if (kind == ANSWER_NOT_WRITER && modes_write(mode))
        return "it may write";
    if (kind == ANSWER_OTHER_MARK && marked)
        return "the mark is this very one";
    if (kind == ANSWER_NO_WAITER && chosen && history_waits(chosen, c->to) >= 0 &&
        c->to->waits_since < c->called_at && (!c->to->expect || c->to->expect == chosen->token))
        return "that one waits all the time";
    return NULL;
}

void check_change_refused(struct world *w, struct change *c, enum answer_kind kind,
                          enum lock_mode mode)
{
    const char *wrong = refusal_wrong(c, kind, mode);
    if (wrong)
        world_fail(w, EXIT_BROKEN, "S14", "%s: %s of %s is refused, but %s", c->op->name->text,
                   check_change_text(c->kind), c->op->machine->name, wrong);
    c->end = CHANGE_REFUSED;
    c->answer = kind;
    c->answered_at = w->now;
}
