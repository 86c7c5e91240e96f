/* What a store durably says: see image.h. */
#include "sim/image.h"

#include "proto/must.h"
#include "proto/record.h"
#include "proto/votelog.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

/* What a record says about lives. False if it says nothing. */
static bool life_entry_of(struct world *w, struct machine *m, const struct record *record,
                          struct image_entry *out)
{
    struct proof proof;
    uint16_t slot;
    if (record->kind == RECORD_VOTE && record->vote.scope.session == 0) {
        *out = (struct image_entry){.kind = ENTRY_VOTE, .number = record->vote.life};
        slot = record->vote.slot;
    } else if (record->kind == RECORD_BOOK) {
        *out = (struct image_entry){.kind = ENTRY_BOOK, .number = record->book.life};
        slot = record->book.slot;
    } else if (record->kind == RECORD_LIFE) {
        *out = (struct image_entry){.kind = ENTRY_LIFE, .number = record->life.number};
        slot = cluster_slot(m->index);
    } else if (record->kind == RECORD_PROOF) {
        struct reader r = reader_init(record->proof.bytes.bytes, record->proof.bytes.size);
        if (!proof_decode(&proof, &r) || !reader_done(&r))
            world_fail(w, EXIT_BROKEN, "S4", "%s stores a proof that is none", m->name);
        uint64_t life;
        if (proof_scope(&proof, &life))
            return false; /* of a session: sessions.h */
        *out = (struct image_entry){.kind = ENTRY_PROOF, .number = proof_covers(&proof)};
        slot = proof_slot(&proof);
    } else {
        return false;
    }
    lives_of(w, slot, out->number);
    out->index = (uint16_t)cluster_index(w->cluster, slot);
    return true;
}

/* It is written now, by the peer that runs: judged at once. */
static void judge_written(struct world *w, struct machine *m, const struct record *record)
{
    if (record->kind == RECORD_LIFE &&
        memcmp(record->life.boot_id.bytes, m->boot_id, sizeof m->boot_id) == 0)
        check_life_written(w, m, record->life.number);
    else if (record->kind == RECORD_VOTE && record->vote.scope.session)
        check_session_vote(w, m, &record->vote);
    else if (record->kind == RECORD_VOTE)
        check_vote_written(w, m, record->vote.slot, record->vote.life, record->vote.allows);
    else if (record->kind == RECORD_PROOF)
        check_proof(w, m, record->proof.bytes);
    else if (record->kind == RECORD_EXECUTED && record->executed.scope.session)
        check_session_act(w, m, &record->executed);
    else if (record->kind == RECORD_EXECUTED)
        check_act_written(w, m, record->executed.slot, record->executed.life);
    else if (record->kind == RECORD_ORDER)
        observer_order(w, m, record->order.cert);
    else if (record->kind == RECORD_ARMED)
        check_armed_written(w, m, record->armed.statement);
}

/* Reads a record that concerns votes or lives. False if it is of another kind. `written`: by the
 * peer that runs, just now. */
static bool entry_of(struct world *w, struct machine *m, bool written, uint64_t lsn,
                     struct view payload, struct image_entry *out)
{
    struct record record;
    if (!record_decode(&record, payload))
        world_fail(w, EXIT_BROKEN, "S4", "%s wrote a record that does not decode", m->name);
    if (written)
        judge_written(w, m, &record);
    else if (record.kind == RECORD_EXECUTED && record.executed.scope.session == 0)
        lives_of(w, record.executed.slot, record.executed.life)->spent |= UINT32_C(1) << m->index;
    if (life_entry_of(w, m, &record, out)) {
        out->lsn = lsn;
        if (out->kind == ENTRY_VOTE && !m->votes)
            world_fail(w, EXIT_BROKEN, "S13", "%s votes against a life, but its store was lost",
                       m->name);
        return true;
    }
    *out = (struct image_entry){.lsn = lsn};
    if (record.kind == RECORD_OP && record.op.transfer) {
        out->kind = ENTRY_HAND_OVER;
        out->number = record.op.counter;
        out->change = record.op.change;
        return true;
    }
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

static void raise(uint64_t *number, uint64_t to)
{
    if (*number < to)
        *number = to;
}

bool image_above(const struct image *i, const struct value *v)
{
    const struct version *dropped = &i->dropped[v->group->name->shard];
    return version_compare(v->group->ballot, v->seq, dropped->ballot, dropped->seq) > 0;
}

static void raise_dropped(struct image *i, uint32_t shard, struct ballot ballot, uint64_t seq)
{
    struct version *dropped = &i->dropped[shard];
    if (version_compare(ballot, seq, dropped->ballot, dropped->seq) > 0)
        *dropped = (struct version){.ballot = ballot, .seq = seq};
}

static void set(struct image *i, const struct image_entry *e)
{
    switch (e->kind) {
    case ENTRY_VOTE:
        raise(&i->voted[e->index], e->number);
        return;
    case ENTRY_BOOK:
        raise(&i->book[e->index], e->number);
        return;
    case ENTRY_PROOF:
        raise(&i->proven[e->index], e->number);
        return;
    case ENTRY_LIFE:
        raise(&i->life, e->number);
        return;
    case ENTRY_DROP:
        if (e->value)
            i->stored[e->value->group->name->index] = NULL;
        raise_dropped(i, e->shard, e->promised, e->number);
        return;
    case ENTRY_HAND_OVER:
        return;
    case ENTRY_REGISTER:
        break;
    }
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

/* Most records are not. */
static bool is_drop(struct view payload, struct record *out)
{
    return payload.size > 0 && payload.bytes[0] == RECORD_FORGET && record_decode(out, payload);
}

/* L10: what a record drops of what the image has; `drop` is called for each, and for the mark. */
static void each_drop(struct world *w, const struct machine *m, const struct image *image,
                      uint64_t lsn, const struct record_forget *f, void *context,
                      void (*drop)(void *context, const struct image_entry *e))
{
    struct reader r = reader_init(f->locks.bytes, f->locks.size);
    struct image_entry e = {
        .lsn = lsn, .kind = ENTRY_DROP, .shard = f->shard, .promised = f->ballot};
    struct view text;
    if (f->shard >= w->p.shards)
        world_fail(w, EXIT_BROKEN, "S4", "%s wrote shard %u of %u", m->name, f->shard, w->p.shards);
    if (!m->votes)
        world_fail(w, EXIT_BROKEN, "S13", "%s votes in its log, but its store was lost", m->name);
    while (get_lock(&r, &e.number, &text)) {
        e.value = image->stored[history_name(w, text)->index];
        if (e.value &&
            version_compare(e.value->group->ballot, e.value->seq, f->ballot, e.number) == 0)
            drop(context, &e);
    }
    e.value = NULL;
    e.number = f->seq;
    drop(context, &e);
}

static void drop_loaded(void *context, const struct image_entry *e)
{
    set(context, e);
}

static void drop_appended(void *context, const struct image_entry *e)
{
    struct machine *m = context;
    if (e->value)
        check_forgotten(m->world, m, e->value);
    enqueue(m->world, m, e);
}

void image_append(struct world *w, struct machine *m, uint64_t lsn, struct view payload)
{
    struct image_entry e;
    struct record record;
    if (is_drop(payload, &record))
        each_drop(w, m, &m->shadow->appended, lsn, &record.forget, m, drop_appended);
    else if (entry_of(w, m, true, lsn, payload, &e))
        enqueue(w, m, &e);
}

/* Loads a log into an empty image, as recovery does: the highest counts. LOAD_SNAPSHOT: no
 * further than the snapshot that it begins with. Returns the last lsn. */
enum load { LOAD_WRITTEN, LOAD_READ, LOAD_SNAPSHOT };
static uint64_t load(struct world *w, struct machine *m, enum load how, struct view bytes,
                     struct image *out)
{
    bool written = how == LOAD_WRITTEN;
    struct votelog_reader reader;
    struct votelog_record record;
    struct record decoded;
    struct image_entry e;
    memset(out, 0, sizeof *out);
    if (votelog_open(&reader, bytes.bytes, bytes.size) != VOTELOG_RECORD)
        world_fail(w, EXIT_BROKEN, "S4", "the log of %s does not open: %s", m->name,
                   votelog_verdict_text(reader.ended));
    while (votelog_next(&reader, &record) == VOTELOG_RECORD) {
        if (how == LOAD_SNAPSHOT && record.lsn > reader.header.base_lsn)
            return reader.header.base_lsn;
        if (is_drop(record.payload, &decoded)) {
            each_drop(w, m, out, record.lsn, &decoded.forget, out, drop_loaded);
            continue;
        }
        if (!entry_of(w, m, written, record.lsn, record.payload, &e))
            continue;
        if (e.kind != ENTRY_REGISTER) {
            set(out, &e);
            continue;
        }
        if (ballot_compare(e.promised, out->promised[e.shard]) < 0)
            e.promised = out->promised[e.shard];
        struct value *old = e.value ? out->stored[e.value->group->name->index] : NULL;
        if (old && value_compare(e.value, old) < 0)
            e.value = old;
        set(out, &e);
    }
    return reader.next_lsn - 1;
}

/* A store that never votes still has a life, and proofs and orders of others. */
static void judge_lives(struct world *w, struct machine *m, struct view bytes)
{
    struct votelog_reader reader;
    struct votelog_record record;
    struct record decoded;
    votelog_open(&reader, bytes.bytes, bytes.size);
    while (votelog_next(&reader, &record) == VOTELOG_RECORD)
        if (record_decode(&decoded, record.payload))
            judge_written(w, m, &decoded);
}

/* A vote is final, a book and a proof only rise; what a proof covers may be forgotten. */
static void compare_lives(struct world *w, const struct machine *m, const struct image *before,
                          const struct image *after, const char *where)
{
    const char *what = after->life < before->life ? "its own life" : NULL;
    for (size_t i = 0; i < w->machine_count; i++) {
        if (after->voted[i] < before->voted[i] && after->proven[i] < before->voted[i])
            what = "a vote";
        if (after->book[i] < before->book[i])
            what = "its book";
        if (after->proven[i] < before->proven[i])
            what = "a proof";
    }
    if (what)
        world_fail(w, EXIT_BROKEN, "S4", "%s: %s lost %s", where, m->name, what);
}

/* What was stored is there, or was dropped; what was dropped is not there again (S16). */
static void compare_registers(struct world *w, const struct machine *m, const struct image *before,
                              const struct image *after, const char *where)
{
    const struct name *name;
    size_t cursor = 0;
    for (uint32_t shard = 0; shard < w->p.shards; shard++)
        if (version_compare(after->dropped[shard].ballot, after->dropped[shard].seq,
                            before->dropped[shard].ballot, before->dropped[shard].seq) < 0)
            world_fail(w, EXIT_BROKEN, "S16", "%s: %s lost its mark of what it dropped in shard %u",
                       where, m->name, shard);
    while ((name = history_next(&w->observer->history, &cursor))) {
        const struct value *a = before->stored[name->index], *b = after->stored[name->index];
        if (a && (b ? value_compare(b, a) < 0 : image_above(after, a)))
            world_fail(w, EXIT_BROKEN, "S4", "%s: %s lost what it stored of %s", where, m->name,
                       name->text);
        if (b && !a && !image_above(before, b))
            world_fail(w, EXIT_BROKEN, "S16", "%s: %s has %s of %s again, which it had dropped",
                       where, m->name, value_text(b), name->text);
    }
}

/* S4 between what was there and what is read back: nothing may be lower, or another one. */
static void compare(struct world *w, const struct machine *m, const struct image *before,
                    const struct image *after, const char *where)
{
    for (uint32_t shard = 0; shard < w->p.shards; shard++)
        if (ballot_compare(after->promised[shard], before->promised[shard]) < 0)
            world_fail(w, EXIT_BROKEN, "S4", "%s: %s lost its promise in shard %u", where, m->name,
                       shard);
    compare_lives(w, m, before, after, where);
    compare_registers(w, m, before, after, where);
}

static void enqueue_lives(struct world *w, struct machine *m, const struct image *image,
                          uint64_t lsn)
{
    struct image_entry e = {.lsn = lsn, .kind = ENTRY_LIFE, .number = image->life};
    enqueue(w, m, &e);
    for (size_t i = 0; i < w->machine_count; i++) {
        e.index = (uint16_t)i;
        e.kind = ENTRY_VOTE, e.number = image->voted[i];
        enqueue(w, m, &e);
        e.kind = ENTRY_BOOK, e.number = image->book[i];
        enqueue(w, m, &e);
        e.kind = ENTRY_PROOF, e.number = image->proven[i];
        enqueue(w, m, &e);
    }
}

static void enqueue_drops(struct world *w, struct machine *m, const struct image *before,
                          const struct image *after, uint64_t lsn)
{
    const struct name *name;
    size_t cursor = 0;
    struct image_entry e = {.lsn = lsn, .kind = ENTRY_DROP};
    while ((name = history_next(&w->observer->history, &cursor))) {
        e.value = before->stored[name->index];
        e.shard = name->shard;
        e.promised = after->dropped[name->shard].ballot;
        e.number = after->dropped[name->shard].seq;
        if (e.value && !after->stored[name->index])
            enqueue(w, m, &e);
    }
    for (e.shard = 0, e.value = NULL; e.shard < w->p.shards; e.shard++) {
        e.promised = after->dropped[e.shard].ballot;
        e.number = after->dropped[e.shard].seq;
        enqueue(w, m, &e);
    }
}

/* Everything that `after` says above `before`, as entries under `lsn`. */
static void enqueue_difference(struct world *w, struct machine *m, const struct image *before,
                               const struct image *after, uint64_t lsn)
{
    const struct name *name;
    size_t cursor = 0;
    enqueue_lives(w, m, after, lsn);
    while ((name = history_next(&w->observer->history, &cursor))) {
        struct value *v = after->stored[name->index];
        if (!v || v == before->stored[name->index])
            continue;
        /* All of it became durable at once: each entry carries the promise as it is in the end. */
        struct image_entry e = {
            .lsn = lsn, .shard = name->shard, .promised = after->promised[name->shard], .value = v};
        enqueue(w, m, &e);
    }
    enqueue_drops(w, m, before, after, lsn);
    for (uint32_t shard = 0; shard < w->p.shards; shard++) {
        if (ballot_equal(after->promised[shard], before->promised[shard]))
            continue;
        struct image_entry e = {.lsn = lsn, .shard = shard, .promised = after->promised[shard]};
        enqueue(w, m, &e);
    }
}

void image_segment(struct world *w, struct machine *m, struct view segment, uint64_t lsn)
{
    if (!m->votes) {
        judge_lives(w, m, segment);
        return;
    }
    struct image *fresh = &w->observer->scratch_image;
    struct image *before = &w->observer->scratch_before;
    uint64_t last = load(w, m, LOAD_WRITTEN, segment, fresh);
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
        observer_durable(w, m, &e);
        if (e.value && e.kind == ENTRY_REGISTER)
            check_accepted(w, m, e.value);
    }
}

/* Whatever is higher in `other` is taken over. Who is without a register and has a mark that is not
 * below it is the later one: it dropped it. */
static void raise_to(const struct world *w, struct image *image, const struct image *other)
{
    const struct name *name;
    size_t cursor = 0;
    while ((name = history_next(&w->observer->history, &cursor))) {
        struct value **a = &image->stored[name->index], *b = other->stored[name->index];
        if (b && (*a ? value_compare(*a, b) < 0 : image_above(image, b)))
            *a = b;
        else if (*a && !b && !image_above(other, *a))
            *a = NULL;
    }
    for (uint32_t shard = 0; shard < w->p.shards; shard++) {
        if (ballot_compare(image->promised[shard], other->promised[shard]) < 0)
            image->promised[shard] = other->promised[shard];
        raise_dropped(image, shard, other->dropped[shard].ballot, other->dropped[shard].seq);
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
    /* Renamed only after it was synced, whether the agent lived to hear of it or not. */
    uint64_t lsn = load(w, m, LOAD_SNAPSHOT, bytes, fresh);
    raise_to(w, fresh, &s->durable); /* of later records it says nothing */
    enqueue_difference(w, m, &s->durable, fresh, lsn);
    image_durable(w, m, lsn);
    lsn = load(w, m, LOAD_READ, bytes, fresh);
    compare(w, m, &s->durable, fresh, "restart");
    enqueue_difference(w, m, &s->durable, fresh, lsn);
    check_votes_lost(w, m);
}

void image_lose(struct machine *m)
{
    m->shadow->first = m->shadow->count = 0;
}
