/*
 * S16: a register is dropped only as L10 allows, and what was dropped does not come back.
 *
 *   (1) its state is free, unmarked, and nobody waits: but for token and generation there is
 * nothing (2) it is chosen, and each voter of the cohort has had it, or a later one of its ballot,
 * durably (3) the chosen state of the shard's floor has its token and generation (4) its voter
 * still promises the ballot of that state, and has it
 *
 * That what is stored anew is above all that was dropped is judged where it becomes durable, and
 * where a log is read back (image.c).
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

/* (1), by the bytes: they are those of a lock that was never more than a token and a generation,
 * its own or the floor's. */
static bool is_free(struct world *w, const struct value *v)
{
    struct lock_state *s = &w->observer->scratch_state;
    lock_init(s);
    s->token = v->token;
    s->generation = v->generation;
    s->born = v->born;
    struct writer writer = writer_init(w->observer->scratch_bytes, LOCK_STATE_BYTES_MAX);
    lock_encode(&writer, s);
    return view_equal((struct view){w->observer->scratch_bytes, writer_size(&writer)},
                      (struct view){v->bytes, v->size});
}

/* (2): the first machine of the cohort that never had it; -1 if all had. */
static int without(const struct world *w, const struct value *v)
{
    const struct group *g = v->group;
    for (size_t i = 0; i < w->machine_count; i++)
        if ((g->name->cohort >> i & 1) && (!(g->stored_bits >> i & 1) || g->stored_seq[i] < v->seq))
            return (int)i;
    return -1;
}

void check_forgotten(struct world *w, const struct machine *m, const struct value *v)
{
    const struct name *name = v->group->name;
    const struct value *floor = w->observer->history.floors[name->shard]->chosen;
    const char *wrong = NULL;
    int who = without(w, v);
    w->figures.forgotten++;
    if (!is_free(w, v))
        wrong = "it is not free";
    else if (!v->chosen)
        wrong = "it is not chosen";
    else if (v->token && (!floor || floor->token < v->token || floor->generation < v->generation))
        wrong = "the floor is lower";
    else if (!ballot_equal(m->shadow->appended.promised[name->shard], v->group->ballot))
        wrong = "its voter promises another ballot";
    else if (history_is_floor(name))
        wrong = "it is a floor";
    if (wrong)
        world_fail(w, EXIT_BROKEN, "S16", "%s drops %s of %s, but %s", m->name, value_text(v),
                   name->text, wrong);
    if (who >= 0)
        world_fail(w, EXIT_BROKEN, "S16", "%s drops %s of %s, which %s never had", m->name,
                   value_text(v), name->text, w->machines[who].name);
}

void check_stored_anew(struct world *w, const struct machine *m, const struct value *v)
{
    w->figures.anew += !ballot_none(m->shadow->durable.dropped[v->group->name->shard].ballot);
    if (!image_above(&m->shadow->durable, v))
        world_fail(w, EXIT_BROKEN, "S16", "%s stores %s of %s, and has dropped what was not below",
                   m->name, value_text(v), v->group->name->text);
}

/* --- S5: what was said to be dropped is not there any more --- */

void check_forget_said(struct world *w, const struct wire_forget *f)
{
    if (f->shard >= w->p.shards || f->locks.size > FORGET_BYTES_MAX)
        return;
    struct forget_seen *seen = &w->observer->forgets[f->shard];
    if (!ballot_equal(seen->ballot, f->ballot) || seen->round != f->round)
        seen->at = w->now;
    seen->ballot = f->ballot;
    seen->round = f->round;
    seen->size = f->locks.size;
    memcpy(seen->bytes, f->locks.bytes, f->locks.size);
}

void check_forgotten_said(struct world *w, const struct machine *m, const struct wire_forgotten *f)
{
    if (f->shard >= w->p.shards)
        return;
    const struct forget_seen *seen = &w->observer->forgets[f->shard];
    struct reader r = reader_init(seen->bytes, seen->size);
    struct view text;
    uint64_t seq;
    if (!ballot_equal(seen->ballot, f->ballot) || seen->round != f->round)
        return; /* late, and about an earlier batch */
    while (get_lock(&r, &seq, &text)) {
        const struct value *v = m->shadow->durable.stored[history_name(w, text)->index];
        if (v && version_compare(v->group->ballot, v->seq, f->ballot, seq) <= 0)
            world_fail(w, EXIT_BROKEN, "S5", "%s says that it dropped %s, but has %s durably",
                       m->name, v->group->name->text, value_text(v));
    }
}
