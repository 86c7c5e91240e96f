/* Inhibitors: see inhibitors.h. */
#include "proto/inhibitors.h"

#include "proto/must.h"
#include "proto/mutant.h"

#define SPREAD_WAIT_FIRST SPAN_MS(200)
#define SPREAD_WAIT_MAX   SPAN_MS(1000)
#define REFRESH_SPAN      SPAN_MS(60000) /* a restart makes one longer by so much at most */
#define PROMISE_SPAN      SPAN_MS(2 * (int64_t)WATCHDOG_RESET_MAX_MS) /* no H is longer */
#define SAID_SPAN         SPAN_MS(1000) /* who knows of a higher word answers within that */

enum { VERSION_BITS_MAX = 32 }; /* no honest one comes near */

const char *inhibitor_kind_text(enum inhibitor_kind kind)
{
    switch (kind) {
    case INHIBIT_FREEZE:
        return "freeze";
    case INHIBIT_MAINTENANCE:
        return "maintenance";
    case INHIBIT_DRAIN:
        return "drain";
    case INHIBITOR_KINDS:
        break;
    }
    must(false);
}

size_t inhibitors_bytes(const struct peer_config *config)
{
    (void)config;
    return INHIBITORS_MAX * sizeof(struct inhibitor);
}

void inhibitors_init(struct inhibitors *t, struct core *core, void *memory)
{
    *t = (struct inhibitors){.core = core,
                             .table = memory,
                             .spread_at = INSTANT_NEVER,
                             .ends_at = INSTANT_NEVER,
                             .refresh_at = INSTANT_NEVER};
    memset(memory, 0, inhibitors_bytes(&core->config));
}

static struct inhibitor *find(const struct inhibitors *t, enum inhibitor_kind kind, uint16_t scope)
{
    for (size_t i = 0; t->count && i < INHIBITORS_MAX; i++)
        if (t->table[i].used && t->table[i].kind == kind && t->table[i].scope == scope)
            return &t->table[i];
    return NULL;
}

/* When nothing is left of it: a promise not to vote is remembered for as long as somebody may count
 * from its end (inhibitors_promised). */
static struct instant forgotten_at(const struct inhibitor *e)
{
    struct instant promised = e->promised.ns ? instant_after(e->promised, PROMISE_SPAN) : e->until;
    return e->until.ns > promised.ns ? e->until : promised;
}

static bool over(const struct inhibitor *e, struct instant now)
{
    return instant_reached(now, forgotten_at(e));
}

/* The place of (kind, scope), or a new one; NULL if all are taken. */
static struct inhibitor *place(struct inhibitors *t, enum inhibitor_kind kind, uint16_t scope)
{
    struct inhibitor *e = find(t, kind, scope);
    for (size_t i = 0; !e && i < INHIBITORS_MAX; i++) {
        if (t->table[i].used)
            continue;
        e = &t->table[i];
        *e = (struct inhibitor){.used = true, .kind = kind, .scope = scope};
        t->count++;
    }
    return e;
}

static void forget(struct inhibitors *t, struct inhibitor *e)
{
    *e = (struct inhibitor){0};
    t->count--;
}

/* --- The log --- */

static uint32_t milliseconds_left(struct instant now, struct instant until)
{
    int64_t ms = span_between(now, until).ns / 1000000;
    return ms < 0 ? 0 : ms < INHIBITOR_SPAN_MAX_MS ? (uint32_t)ms : INHIBITOR_SPAN_MAX_MS;
}

static struct record record_of(const struct inhibitor *e, struct instant now)
{
    return (struct record){.kind = RECORD_INHIBITOR,
                           .inhibitor = {.kind = (uint8_t)e->kind,
                                         .scope = e->scope,
                                         .version = e->version,
                                         .by = e->by,
                                         .on = e->on,
                                         .left_ms = milliseconds_left(now, e->until),
                                         .promise_ms = milliseconds_left(now, e->promised),
                                         .who = {e->who, e->who_size},
                                         .reason = {e->reason, e->reason_size}}};
}

bool inhibitors_record(const struct inhibitors *t, size_t index, struct record *out)
{
    const struct inhibitor *e = &t->table[index];
    if (!e->used || over(e, t->core->now))
        return false;
    *out = record_of(e, t->core->now);
    return true;
}

static void write_down(struct inhibitors *t, struct instant now, struct inhibitor *e, bool sync)
{
    struct record record = record_of(e, now);
    uint64_t lsn = journal_append(&t->core->journal, &record, sync);
    if (sync)
        e->lsn = lsn;
    if (!instant_reached(now, e->until))
        t->refresh_at = instant_earlier(t->refresh_at, instant_after(now, REFRESH_SPAN));
}

/* When the next one ends; what is over altogether gives up its place. That is written, too, with
 * nothing left of it: else a log could name more of them than ever were there at once. */
static void sweep(struct inhibitors *t, struct instant now)
{
    t->ends_at = INSTANT_NEVER;
    for (size_t i = 0; t->count && i < INHIBITORS_MAX; i++) {
        struct inhibitor *e = &t->table[i];
        if (!e->used)
            continue;
        if (over(e, now)) {
            write_down(t, now, e, false);
            forget(t, e);
            continue;
        }
        t->ends_at = instant_earlier(t->ends_at,
                                     instant_reached(now, e->until) ? forgotten_at(e) : e->until);
    }
}

static void copy_text(uint8_t *out, uint8_t *size, size_t most, struct view text)
{
    *size = (uint8_t)(text.size < most ? text.size : most);
    for (size_t i = 0; i < *size; i++)
        out[i] = text.bytes[i] < ' ' || text.bytes[i] == 0x7f ? '?' : text.bytes[i];
}

static int64_t left_of(const struct inhibitor *e)
{
    return e->left.ns > e->promise_left.ns ? e->left.ns : e->promise_left.ns;
}

/* A log that names more than fit is of a build that did not write which are over: those with the
 * least left are the likeliest, and give way. */
static struct inhibitor *load_place(struct inhibitors *t, const struct record_inhibitor *r)
{
    struct inhibitor *least = &t->table[0];
    struct inhibitor *e = place(t, (enum inhibitor_kind)r->kind, r->scope);
    for (size_t i = 1; !e && i < INHIBITORS_MAX; i++)
        if (left_of(&t->table[i]) < left_of(least))
            least = &t->table[i];
    if (e)
        return e;
    forget(t, least);
    return place(t, (enum inhibitor_kind)r->kind, r->scope);
}

void inhibitors_load(struct inhibitors *t, const struct record *record, uint64_t lsn)
{
    if (record->kind != RECORD_INHIBITOR || record->inhibitor.kind >= INHIBITOR_KINDS)
        return;
    const struct record_inhibitor *r = &record->inhibitor;
    struct inhibitor *e = find(t, (enum inhibitor_kind)r->kind, r->scope);
    bool ended = r->left_ms == 0 && r->promise_ms == 0;
    if (ended && e)
        forget(t, e);
    if (ended)
        return;
    e = load_place(t, r);
    e->version = r->version;
    e->by = r->by;
    e->on = r->on;
    e->left = SPAN_MS((int64_t)r->left_ms);
    e->promise_left = SPAN_MS((int64_t)r->promise_ms);
    e->held = UINT32_MAX;
    e->lsn = lsn;
    copy_text(e->who, &e->who_size, INHIBITOR_WHO_MAX, r->who);
    copy_text(e->reason, &e->reason_size, INHIBITOR_REASON_MAX, r->reason);
}

/* --- Spreading --- */

static bool is_due(const struct inhibitor *e, size_t index)
{
    return e->due[index / 8] >> (index % 8) & 1;
}

static void set_due(struct inhibitor *e, size_t index, bool due)
{
    uint8_t bit = (uint8_t)(1u << (index % 8));
    e->due[index / 8] = (uint8_t)(due ? e->due[index / 8] | bit : e->due[index / 8] & ~bit);
}

static void spread_soon(struct inhibitors *t, struct instant now)
{
    t->spread_at = now;
    t->spread_wait = SPREAD_WAIT_FIRST;
}

/* Jurors bring one to those who come back; else it would be forgotten with whoever said it. */
static bool spreads(const struct inhibitors *t, const struct inhibitor *e)
{
    return e->by == core_self(t->core) || jury_find(&t->core->jury, core_self(t->core)) >= 0;
}

static void due_to_all(struct inhibitors *t, struct instant now, struct inhibitor *e)
{
    const struct roster *roster = t->core->config.roster;
    for (size_t i = 0; i < roster->node_count; i++)
        set_due(e, i, roster->nodes[i].slot != core_self(t->core));
    spread_soon(t, now);
}

void inhibitors_alive(struct inhibitors *t, struct instant now, uint16_t slot)
{
    int index = roster_find(t->core->config.roster, slot);
    if (index < 0 || slot == core_self(t->core))
        return;
    for (size_t i = 0; i < INHIBITORS_MAX; i++) {
        struct inhibitor *e = &t->table[i];
        if (!e->used || instant_reached(now, e->until) || !spreads(t, e))
            continue;
        set_due(e, (size_t)index, true);
        spread_soon(t, now);
    }
}

static void send(struct inhibitors *t, struct instant now, uint16_t to, const struct inhibitor *e)
{
    struct message m = {.type = WIRE_INHIBIT,
                        .inhibit = {.kind = (uint8_t)e->kind,
                                    .scope = e->scope,
                                    .version = e->version,
                                    .by = e->by,
                                    .on = e->on,
                                    .left_ms = milliseconds_left(now, e->until),
                                    .who = {e->who, e->who_size},
                                    .reason = {e->reason, e->reason_size}}};
    outbox_send_after(&t->core->outbox, e->lsn, to, &m);
}

static void answer(struct inhibitors *t, uint16_t to, const struct inhibitor *e, uint32_t held)
{
    struct message m = {.type = WIRE_INHIBITED,
                        .inhibited = {.kind = (uint8_t)e->kind,
                                      .scope = e->scope,
                                      .version = e->version,
                                      .by = e->by,
                                      .held = held}};
    outbox_send_after(&t->core->outbox, e->lsn, to, &m);
}

/* --- Saying and taking --- */

/* Of two words about the same, which counts: < 0, 0, > 0. */
static int compare(uint64_t version, uint16_t by, const struct inhibitor *e)
{
    if (version != e->version)
        return version < e->version ? -1 : 1;
    return by == e->by ? 0 : by < e->by ? -1 : 1;
}

static void tell(struct inhibitors *t, const struct inhibitor *e)
{
    struct notice *n = told_notice(&t->core->told, NOTICE_INHIBITOR);
    n->slot = e->scope;
    n->other = e->by;
    n->number = e->on;
    n->text = inhibitor_kind_text(e->kind);
}

/* A lifted one stays until it would have ended, so that nobody brings it back. */
static void set(struct inhibitors *t, struct instant now, struct inhibitor *e,
                const struct wire_inhibit *m)
{
    struct instant until = instant_after(now, SPAN_MS((int64_t)m->left_ms));
    e->version = m->version;
    e->by = m->by;
    e->on = m->on;
    e->until = until;
    if (m->on && e->kind == INHIBIT_FREEZE && until.ns > e->promised.ns)
        e->promised = until;
    copy_text(e->who, &e->who_size, INHIBITOR_WHO_MAX, m->who);
    copy_text(e->reason, &e->reason_size, INHIBITOR_REASON_MAX, m->reason);
    e->stored = 0;
    e->held = UINT32_MAX;
    e->said_at = (struct instant){0};
    memset(e->due, 0, sizeof e->due);
    write_down(t, now, e, true);
    sweep(t, now);
    tell(t, e);
}

static bool scope_valid(const struct inhibitors *t, enum inhibitor_kind kind, uint16_t scope)
{
    return roster_find(t->core->config.roster, scope) >= 0 ||
           (kind == INHIBIT_FREEZE && scope == SLOT_NONE);
}

bool inhibitors_say(struct inhibitors *t, struct instant now, const struct event *event,
                    const char **why)
{
    enum inhibitor_kind kind = event->inhibit.kind;
    uint16_t scope = event->inhibit.scope;
    must(scope_valid(t, kind, scope) && event->inhibit.span_ms <= INHIBITOR_SPAN_MAX_MS);
    struct inhibitor *e = find(t, kind, scope);
    *why = NULL;
    if (t->core->journal.failed)
        *why = "this node cannot write any more (L6)";
    else if (!event->inhibit.on && (!e || !e->on || instant_reached(now, e->until)))
        *why = "there is none to lift, as far as this node knows";
    else if (!(e = place(t, kind, scope)))
        *why = "as many as a cluster can have at once are in effect";
    if (*why)
        return false;
    uint32_t left = event->inhibit.on ? event->inhibit.span_ms : milliseconds_left(now, e->until);
    struct wire_inhibit m = {.version = e->version + 1,
                             .by = core_self(t->core),
                             .on = event->inhibit.on,
                             .left_ms = left,
                             .who = event->inhibit.who,
                             .reason = event->inhibit.reason};
    set(t, now, e, &m);
    e->said_at = now;
    due_to_all(t, now, e);
    return true;
}

bool inhibitors_take(struct inhibitors *t, struct instant now, uint16_t from,
                     const struct wire_inhibit *m, uint32_t held)
{
    enum inhibitor_kind kind = (enum inhibitor_kind)m->kind;
    if (m->kind >= INHIBITOR_KINDS || !scope_valid(t, kind, m->scope) ||
        m->version >> VERSION_BITS_MAX || m->left_ms > INHIBITOR_SPAN_MAX_MS ||
        roster_find(t->core->config.roster, m->by) < 0) {
        t->core->counters.drop_role++;
        return false;
    }
    struct inhibitor *e = find(t, kind, m->scope);
    int order = e ? compare(m->version, m->by, e) : 1;
    bool changed = false;
    if (order > 0) {
        e = place(t, kind, m->scope);
        if (!e) {
            t->core->counters.drop_effects_full++;
            return false;
        }
        set(t, now, e, m);
        changed = true;
    }
    answer(t, from, e, held);
    if (order < 0 && !instant_reached(now, e->until))
        send(t, now, from, e); /* it may not have heard */
    return changed;
}

/* Whoever said it here just now did not know of a higher word: it is said once more, above that.
 * Once, so that two that disagree do not go on for ever. */
static void say_again(struct inhibitors *t, struct instant now, struct inhibitor *e,
                      uint64_t version)
{
    if (!e->said_at.ns || span_between(e->said_at, now).ns >= SAID_SPAN.ns ||
        version >> VERSION_BITS_MAX)
        return;
    e->said_at = (struct instant){0};
    e->by = core_self(t->core);
    e->version = version + 1;
    e->stored = 0;
    write_down(t, now, e, true);
    due_to_all(t, now, e);
}

void inhibitors_take_stored(struct inhibitors *t, struct instant now, uint16_t from,
                            const struct wire_inhibited *m)
{
    struct inhibitor *e =
        m->kind < INHIBITOR_KINDS ? find(t, (enum inhibitor_kind)m->kind, m->scope) : NULL;
    int index = roster_find(t->core->config.roster, from);
    int juror = jury_find(&t->core->jury, from);
    if (!e || index < 0)
        return;
    int order = compare(m->version, m->by, e);
    if (order > 0)
        say_again(t, now, e, m->version);
    if (order != 0)
        return;
    if (juror >= 0)
        e->stored |= 1u << juror;
    if (from == e->scope)
        e->held = m->held;
    /* A drained node is asked on, until it holds nothing. */
    bool more = e->kind == INHIBIT_DRAIN && e->on && from == e->scope && m->held > 0;
    set_due(e, (size_t)index, more);
}

/* --- Time --- */

static bool spread_one(struct inhibitors *t, struct instant now, const struct inhibitor *e)
{
    const struct roster *roster = t->core->config.roster;
    bool any = false;
    for (size_t i = 0; i < roster->node_count; i++) {
        if (!is_due(e, i) || !swim_alive(t->core->swim, roster->nodes[i].slot))
            continue;
        send(t, now, roster->nodes[i].slot, e);
        any = true;
    }
    return any;
}

static void spread(struct inhibitors *t, struct instant now)
{
    bool any = false;
    for (size_t i = 0; i < INHIBITORS_MAX; i++)
        if (t->table[i].used && !instant_reached(now, t->table[i].until))
            any |= spread_one(t, now, &t->table[i]);
    t->spread_at = any ? instant_after(now, t->spread_wait) : INSTANT_NEVER;
    t->spread_wait = span_min(span_times(t->spread_wait, 2), SPREAD_WAIT_MAX);
}

/* How much is left is written once a minute: a restart does not know how long it was away. */
static void refresh(struct inhibitors *t, struct instant now)
{
    t->refresh_at = INSTANT_NEVER;
    for (size_t i = 0; i < INHIBITORS_MAX; i++)
        if (t->table[i].used && !over(&t->table[i], now))
            write_down(t, now, &t->table[i], false);
}

void inhibitors_start(struct inhibitors *t, struct instant now)
{
    for (size_t i = 0; i < INHIBITORS_MAX; i++) {
        struct inhibitor *e = &t->table[i];
        if (!e->used)
            continue;
        e->until = instant_after(now, e->left);
        e->promised =
            e->promise_left.ns ? instant_after(now, e->promise_left) : (struct instant){0};
        if (e->by == core_self(t->core))
            due_to_all(t, now, e);
        t->refresh_at = instant_after(now, REFRESH_SPAN);
        if (MUTANT(132)) /* "a freeze is forgotten with a restart" */
            e->until = e->promised = now;
    }
    sweep(t, now);
}

void inhibitors_step(struct inhibitors *t, struct instant now)
{
    if (instant_reached(now, t->spread_at))
        spread(t, now);
    if (instant_reached(now, t->refresh_at))
        refresh(t, now);
    if (instant_reached(now, t->ends_at))
        sweep(t, now);
}

struct instant inhibitors_deadline(const struct inhibitors *t)
{
    return instant_earlier(t->ends_at, instant_earlier(t->spread_at, t->refresh_at));
}

/* --- What holds --- */

static bool holds(const struct inhibitors *t, struct instant now, enum inhibitor_kind kind,
                  uint16_t scope)
{
    const struct inhibitor *e = find(t, kind, scope);
    return e && e->on && !instant_reached(now, e->until);
}

bool inhibitors_freeze(const struct inhibitors *t, struct instant now, uint16_t slot)
{
    return holds(t, now, INHIBIT_FREEZE, SLOT_NONE) || holds(t, now, INHIBIT_FREEZE, slot);
}

bool inhibitors_maintain(const struct inhibitors *t, struct instant now, uint16_t slot)
{
    return holds(t, now, INHIBIT_MAINTENANCE, slot);
}

bool inhibitors_drain(const struct inhibitors *t, struct instant now, uint16_t slot)
{
    return holds(t, now, INHIBIT_DRAIN, slot);
}

struct instant inhibitors_promised(const struct inhibitors *t, uint16_t slot)
{
    const struct inhibitor *all = find(t, INHIBIT_FREEZE, SLOT_NONE);
    const struct inhibitor *one = find(t, INHIBIT_FREEZE, slot);
    struct instant until = all ? all->promised : (struct instant){0};
    return one && one->promised.ns > until.ns ? one->promised : until;
}

bool inhibitors_next(const struct inhibitors *t, size_t *cursor, struct inhibitor_view *out)
{
    const struct core *c = t->core;
    while (*cursor < INHIBITORS_MAX) {
        const struct inhibitor *e = &t->table[(*cursor)++];
        if (!e->used || instant_reached(c->now, e->until))
            continue;
        int self = jury_find(&c->jury, core_self(c));
        bool durable = e->lsn <= c->journal.durable;
        *out = (struct inhibitor_view){
            .kind = e->kind,
            .scope = e->scope,
            .on = e->on,
            .by = e->by,
            .version = e->version,
            .who = {e->who, e->who_size},
            .reason = {e->reason, e->reason_size},
            .left = span_between(c->now, e->until),
            .durable = durable,
            .stored = e->stored | (self >= 0 && durable ? 1u << self : 0),
            .jurors = (uint32_t)c->jury.count,
            .needed = (uint32_t)(c->jury.count - c->jury.quorum + 1),
            .held = e->held,
        };
        return true;
    }
    return false;
}
