/* What a store durably says: see image.h. */
#include "sim/image.h"

#include "proto/must.h"
#include "proto/record.h"
#include "proto/votelog.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

/* Reads a record that concerns votes. False if it is of another kind. */
static bool entry_of(struct world *w, struct machine *m, uint64_t lsn, struct view payload,
                     struct image_entry *out)
{
    struct record record;
    if (!record_decode(&record, payload))
        world_fail(w, EXIT_BROKEN, "S4", "%s wrote a record that does not decode", m->name);
    *out = (struct image_entry){.lsn = lsn};
    if (record.kind == RECORD_PROMISE) {
        out->shard = record.promise.shard;
        out->promised = record.promise.promised;
    } else if (record.kind == RECORD_ACCEPT) {
        out->shard = record.accept.shard;
        out->promised = record.accept.ballot;
        out->value = history_value(w, record.accept.name, record.accept.ballot, record.accept.seq,
                                   record.accept.state);
    } else {
        return false;
    }
    if (out->shard >= w->p.shards)
        world_fail(w, EXIT_BROKEN, "S4", "%s wrote shard %u of %u", m->name, out->shard,
                   w->p.shards);
    if (!m->votes)
        world_fail(w, EXIT_BROKEN, "S13", "%s votes in its log, but its store was lost", m->name);
    return true;
}

static void set(struct image *i, const struct image_entry *e)
{
    i->promised[e->shard] = e->promised;
    if (e->value)
        i->stored[e->value->group->name->index] = e->value;
}

static void enqueue(struct world *w, struct machine *m, const struct image_entry *e)
{
    struct shadow *s = m->shadow;
    if (s->first == s->count)
        s->first = s->count = 0;
    if (s->count == s->room)
        s->entries = pool_grow(&w->pool, s->entries, s->count, &s->room, sizeof *s->entries);
    s->entries[s->count++] = *e;
    set(&s->appended, e);
}

void image_append(struct world *w, struct machine *m, uint64_t lsn, struct view payload)
{
    struct image_entry e;
    if (entry_of(w, m, lsn, payload, &e))
        enqueue(w, m, &e);
}

/* Loads a log into an empty image, as recovery does: the highest counts. Returns the last lsn. */
static uint64_t load(struct world *w, struct machine *m, struct view bytes, struct image *out)
{
    struct votelog_reader reader;
    struct votelog_record record;
    struct image_entry e;
    memset(out, 0, sizeof *out);
    if (votelog_open(&reader, bytes.bytes, bytes.size) != VOTELOG_RECORD)
        world_fail(w, EXIT_BROKEN, "S4", "the log of %s does not open: %s", m->name,
                   votelog_verdict_text(reader.ended));
    while (votelog_next(&reader, &record) == VOTELOG_RECORD) {
        if (!entry_of(w, m, record.lsn, record.payload, &e))
            continue;
        if (ballot_compare(e.promised, out->promised[e.shard]) < 0)
            e.promised = out->promised[e.shard];
        struct value *old = e.value ? out->stored[e.value->group->name->index] : NULL;
        if (old && value_compare(e.value, old) < 0)
            e.value = old;
        set(out, &e);
    }
    return reader.next_lsn - 1;
}

/* S4 between what was there and what is read back: nothing may be lower, or another one. */
static void compare(struct world *w, const struct machine *m, const struct image *before,
                    const struct image *after, const char *where)
{
    for (uint32_t shard = 0; shard < w->p.shards; shard++)
        if (ballot_compare(after->promised[shard], before->promised[shard]) < 0)
            world_fail(w, EXIT_BROKEN, "S4", "%s: %s lost its promise in shard %u", where, m->name,
                       shard);
    for (size_t i = 0; i < w->observer->history.name_count; i++) {
        const struct value *a = before->stored[i], *b = after->stored[i];
        if (a && (!b || value_compare(b, a) < 0))
            world_fail(w, EXIT_BROKEN, "S4", "%s: %s lost what it stored of %s", where, m->name,
                       w->observer->history.names[i]->text);
    }
}

/* Everything that `after` says above `before`, as entries under `lsn`. */
static void enqueue_difference(struct world *w, struct machine *m, const struct image *before,
                               const struct image *after, uint64_t lsn)
{
    for (size_t i = 0; i < w->observer->history.name_count; i++) {
        struct value *v = after->stored[i];
        if (!v || v == before->stored[i])
            continue;
        /* All of it became durable at once: each entry carries the promise as it is in the end. */
        struct image_entry e = {.lsn = lsn,
                                .shard = v->group->name->shard,
                                .promised = after->promised[v->group->name->shard],
                                .value = v};
        enqueue(w, m, &e);
    }
    for (uint32_t shard = 0; shard < w->p.shards; shard++) {
        if (ballot_equal(after->promised[shard], before->promised[shard]))
            continue;
        struct image_entry e = {.lsn = lsn, .shard = shard, .promised = after->promised[shard]};
        enqueue(w, m, &e);
    }
}

void image_segment(struct world *w, struct machine *m, struct view segment, uint64_t lsn)
{
    if (!m->votes)
        return;
    struct image *fresh = &w->observer->scratch_image;
    struct image *before = &w->observer->scratch_before;
    uint64_t last = load(w, m, segment, fresh);
    if (last != lsn)
        world_fail(w, EXIT_BROKEN, "S4", "%s: a segment ends at record %llu instead of %llu",
                   m->name, (unsigned long long)last, (unsigned long long)lsn);
    *before = m->shadow->appended;
    compare(w, m, before, fresh, "new segment");
    enqueue_difference(w, m, before, fresh, lsn);
}

void image_durable(struct world *w, struct machine *m, uint64_t lsn)
{
    struct shadow *s = m->shadow;
    while (s->first < s->count && s->entries[s->first].lsn <= lsn) {
        struct image_entry e = s->entries[s->first++];
        check_durable(w, m, &e);
        set(&s->durable, &e);
        if (e.value)
            check_accepted(w, m, e.value);
    }
}

void image_recover(struct world *w, struct machine *m, struct view bytes)
{
    struct shadow *s = m->shadow;
    s->first = s->count = 0;
    s->appended = s->durable;
    if (!m->votes)
        return;
    struct image *fresh = &w->observer->scratch_image;
    uint64_t lsn = load(w, m, bytes, fresh);
    compare(w, m, &s->durable, fresh, "restart");
    enqueue_difference(w, m, &s->durable, fresh, lsn);
}

void image_lose(struct machine *m)
{
    m->shadow->first = m->shadow->count = 0;
}
