/* The store's check at start: see storecheck.h. */
#include "proto/storecheck.h"

#include "proto/life.h"
#include "proto/must.h"

#define ASK_WAIT SPAN_MS(250)
/* No honest number comes near: a million a second reach it in 146,000 years. Above it there is room
 * to count on, whatever others say. */
#define NUMBER_MAX (UINT64_C(1) << 62)

size_t storecheck_bytes(const struct peer_config *config)
{
    size_t count = config->roster->node_count;
    return count * sizeof(struct known) + marks_bytes(count);
}

void storecheck_init(struct storecheck *s, struct core *core, void *memory)
{
    size_t count = core->config.roster->node_count;
    memset(s, 0, sizeof *s);
    s->core = core;
    s->known = memory;
    memset(s->known, 0, count * sizeof *s->known);
    marks_init(&s->dirty, s->known + count, count);
}

static void raise(uint64_t *at, uint64_t to)
{
    if (to > *at)
        *at = to;
}

/* Lives first: a new life may have a new store, whose numbers begin anew. */
static void raise_vitals(struct vitals *v, struct vitals to)
{
    if (to.life > v->life) {
        *v = to;
    } else if (to.life == v->life) {
        raise(&v->commits, to.commits);
        raise(&v->ops, to.ops);
    }
}

bool storecheck_behind(const struct storecheck *s, uint64_t life)
{
    return s->highest.life > life || (s->highest.life == life && s->highest.commits > s->commits);
}

void storecheck_load(struct storecheck *s, const struct record *record)
{
    int index =
        record->kind == RECORD_KNOWN ? roster_find(s->core->config.roster, record->known.slot) : -1;
    if (index >= 0)
        raise_vitals(&s->known[index].vitals, (struct vitals){.life = record->known.life,
                                                              .commits = record->known.commits,
                                                              .ops = record->known.ops});
}

/* Others whose answers are needed: with this node itself they are a majority of the roster. */
static size_t answers_needed(const struct storecheck *s)
{
    return s->core->config.roster->node_count / 2;
}

bool storecheck_done(const struct storecheck *s)
{
    return s->answers >= answers_needed(s);
}

static void ask(struct storecheck *s, struct instant now)
{
    const struct roster *roster = s->core->config.roster;
    struct message m = {.type = WIRE_STORE_ASK, .store_ask = {.seq = s->seq}};
    for (size_t i = 0; i < roster->node_count; i++)
        if (roster->nodes[i].slot != core_self(s->core) && !s->known[i].answered)
            outbox_send(&s->core->outbox, roster->nodes[i].slot, &m);
    s->ask_at = instant_after(now, core_jitter(s->core, ASK_WAIT, span_times(ASK_WAIT, 2)));
}

void storecheck_start(struct storecheck *s, struct instant now, uint64_t commits)
{
    s->seq = (uint32_t)drbg_u64(&s->core->drbg);
    s->commits = commits;
    s->asking = !storecheck_done(s);
    if (s->asking)
        ask(s, now);
}

static void answer(struct storecheck *s, uint16_t to, uint32_t seq)
{
    int index = roster_find(s->core->config.roster, to);
    /* What a lost store had heard is lost with it: its word would stand for one that knew. */
    if (index < 0 || s->core->store == STORE_LOST || s->core->store == STORE_BEHIND)
        return;
    struct vitals v = s->known[index].vitals;
    struct member_view view;
    swim_view(s->core->swim, to, &view);
    struct message m = {.type = WIRE_STORE_KNOWN,
                        .store_known = {.seq = seq,
                                        .commits = v.commits,
                                        .life = v.life,
                                        .ops = v.ops,
                                        .seen = view.life > v.life ? view.life : v.life}};
    outbox_send(&s->core->outbox, to, &m);
}

bool storecheck_take(struct storecheck *s, struct instant now, uint16_t from,
                     const struct message *m)
{
    (void)now;
    int index = roster_find(s->core->config.roster, from);
    if (index < 0)
        return false;
    if (m->type == WIRE_STORE_ASK) {
        answer(s, from, m->store_ask.seq);
        return false;
    }
    if (!s->asking || m->store_known.seq != s->seq || s->known[index].answered ||
        from == core_self(s->core))
        return false;
    uint64_t own = s->core->life;
    if (m->store_known.life > NUMBER_MAX || m->store_known.seen > NUMBER_MAX ||
        life_far(m->store_known.life, own) || life_far(m->store_known.seen, own) ||
        m->store_known.commits > NUMBER_MAX || m->store_known.ops > NUMBER_MAX) {
        s->core->counters.drop_role++;
        return false;
    }
    s->known[index].answered = true;
    s->answers++;
    raise_vitals(&s->highest, (struct vitals){.life = m->store_known.life,
                                              .commits = m->store_known.commits,
                                              .ops = m->store_known.ops});
    raise(&s->seen_life, m->store_known.seen);
    s->asking = !storecheck_done(s);
    return !s->asking;
}

void storecheck_step(struct storecheck *s, struct instant now)
{
    if (s->asking && instant_reached(now, s->ask_at))
        ask(s, now);
}

struct instant storecheck_deadline(const struct storecheck *s)
{
    return s->asking ? s->ask_at : INSTANT_NEVER;
}

bool storecheck_record(const struct storecheck *s, size_t index, struct record *out)
{
    struct vitals v = s->known[index].vitals;
    *out = (struct record){.kind = RECORD_KNOWN,
                           .known = {.slot = s->core->config.roster->nodes[index].slot,
                                     .commits = v.commits,
                                     .life = v.life,
                                     .ops = v.ops}};
    return v.life || v.commits;
}

/* One with no commits asks us itself what it is, and must not hear its own echo. */
static void note_vitals(struct storecheck *s, uint16_t slot, struct vitals v)
{
    int index = roster_find(s->core->config.roster, slot);
    if (index < 0 || slot == core_self(s->core) || v.commits == 0)
        return;
    struct vitals *mine = &s->known[index].vitals, before = *mine;
    raise_vitals(mine, v);
    if (memcmp(&before, mine, sizeof before) != 0)
        marks_put(&s->dirty, (size_t)index);
}

void storecheck_note(struct storecheck *s)
{
    uint16_t slot;
    struct vitals v;
    while (swim_next_vitals(s->core->swim, &slot, &v))
        note_vitals(s, slot, v);
    if (!s->core->journal.sync_wanted)
        return; /* nothing is written only for this */
    size_t index = marks_next_round(&s->dirty, s->next_dirty);
    struct record record;
    if (index == s->dirty.count)
        return;
    bool known = storecheck_record(s, index, &record);
    must(known);
    marks_drop(&s->dirty, index);
    s->next_dirty = index + 1;
    journal_append(&s->core->journal, &record, false);
}

bool storecheck_agrees(const struct storecheck *s)
{
    const struct roster *roster = s->core->config.roster;
    for (size_t i = 0; i < roster->node_count; i++) {
        struct vitals told, known = s->known[i].vitals, raised = known;
        if (roster->nodes[i].slot == core_self(s->core) ||
            !swim_vitals(s->core->swim, roster->nodes[i].slot, &told) || told.commits == 0)
            continue;
        raise_vitals(&raised, told);
        if (memcmp(&known, &raised, sizeof known) != 0)
            return false;
    }
    return true;
}
