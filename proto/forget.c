/* Forgetting: see forget.h. */
#include "proto/forget.h"

#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/room.h"
#include "proto/takeover.h"

enum {
    BATCH_BYTES = 1024,  /* of one FORGET: it fits a datagram */
    LOCKS_MAX = 128,     /* in all batches at once */
    LOOK_MAX = 512,      /* registers looked at in one step, of one list */
    NAMED_MAX = 32,      /* of these, named to others */
    TRIES_MAX = 5,       /* 100 ms apart, then ever longer: 3 s in all */
    LOOKS_IN_A_SPAN = 16 /* what is due meanwhile shares messages and syncs */
};

#define RETRY_FIRST SPAN_MS(100)
#define LOOK_SOON   SPAN_MS(50) /* more is due than was taken up */

/* --- Who is needed --- */

static uint32_t everybody(const struct coordinator *k)
{
    return (uint32_t)((UINT64_C(1) << k->core->cohorts.size) - 1);
}

/* Whether all k hold it, as far as they said. */
static bool at_all(const struct coordinator *k, uint32_t mask)
{
    if (MUTANT(19)) /* "delete after majority, not all" */
        return lead_majority(k, mask);
    return mask == everybody(k);
}

/* All k are needed: whoever is dead, or lives and does not answer, keeps the shard's locks. */
static bool all_there(const struct coordinator *k, uint32_t shard)
{
    const struct core *c = k->core;
    const uint16_t *cohort = cohort_of(&c->cohorts, shard);
    for (size_t i = 0; i < c->cohorts.size && !MUTANT(19); i++)
        if (!swim_alive(c->swim, cohort[i]) || k->mute[roster_find(c->config.roster, cohort[i])])
            return false;
    return true;
}

static void mute(struct coordinator *k, const struct lead *lead, uint32_t mask)
{
    const uint16_t *cohort = cohort_of(&k->core->cohorts, lead_shard(k, lead));
    for (size_t i = 0; i < k->core->cohorts.size; i++)
        if (mask >> i & 1)
            k->mute[roster_find(k->core->config.roster, cohort[i])] = true;
}

static void speaks(struct coordinator *k, struct instant now, uint16_t slot)
{
    bool *was_mute = &k->mute[roster_find(k->core->config.roster, slot)];
    if (*was_mute)
        idle_changed(k->idle, now);
    *was_mute = false;
}

void forget_member(struct coordinator *k, struct instant now, uint16_t slot)
{
    if (roster_find(k->core->config.roster, slot) < 0)
        return;
    k->mute[roster_find(k->core->config.roster, slot)] = false;
    idle_changed(k->idle, now);
}

/* --- The batch --- */

static uint32_t index_of(const struct coordinator *k, const struct served *s)
{
    return (uint32_t)(s - k->served.locks) + 1;
}

static struct view name_of(const struct served *s)
{
    return (struct view){s->name, s->name_size};
}

static size_t bytes_of(size_t name_size)
{
    return 8 + 1 + name_size;
}

static struct served *next_of(const struct coordinator *k, uint32_t index)
{
    return index ? &k->served.locks[index - 1] : NULL;
}

/* Takes it out of its batch. */
static void leave(struct coordinator *k, struct lead *lead, struct served *s)
{
    uint32_t *at = &lead->forget.first;
    while (*at != index_of(k, s))
        at = &k->served.locks[*at - 1].forget_next;
    *at = s->forget_next;
    s->forgetting = false;
    lead->forget.bytes -= bytes_of(s->name_size);
    k->forgetting--;
    if (!lead->forget.first)
        lead->forget.phase = FORGET_NONE;
}

/* This node's own register of a lock. */
static struct lock_register *own(const struct coordinator *k, struct view name)
{
    return registers_find(k->idle->registers, core_name_hash(k->core, name), name);
}

void forget_used(struct coordinator *k, struct instant now, struct lead *lead, struct served *s)
{
    struct lock_register *e = own(k, name_of(s));
    if (s->forgetting)
        leave(k, lead, s);
    if (e && e->idle != IDLE_NONE)
        idle_renew(k->idle, now, e);
}

void forget_leave(struct coordinator *k, struct instant now, struct lead *lead, struct served *s)
{
    if (s->forgetting)
        forget_used(k, now, lead, s);
}

void forget_end(struct coordinator *k, struct lead *lead)
{
    while (lead->forget.first)
        leave(k, lead, next_of(k, lead->forget.first));
}

static void enter(struct coordinator *k, struct instant now, struct lead *lead,
                  enum forget_phase phase)
{
    struct forgetting *f = &lead->forget;
    f->phase = phase;
    f->answered = 0;
    f->tries = 0;
    f->retry_at = now;
    lead_watch(k, lead);
}

/* Whether a request for that lock is under way. */
static bool asked_for(const struct coordinator *k, const struct lead *lead, const struct served *s)
{
    for (const struct asked *a = asked_first(&k->served, &lead->unsure); a;
         a = asked_next(&k->served, a))
        if (a->served == index_of(k, s))
            return true;
    return s->inbox.first || s->outcomes.first;
}

/* What became of a lock that is to be forgotten. WAITS: its batch is on its way, or there is no
 * room. */
enum added { ADDED, IN_USE, WAITS };

static enum added add(struct coordinator *k, struct instant now, struct lead *lead,
                      struct view name)
{
    struct forgetting *f = &lead->forget;
    uint32_t limit = k->served.max / 4 + 1;
    bool begun = f->phase > FORGET_SPREADING || (f->phase == FORGET_SPREADING && f->tries > 0);
    if (k->forgetting >= (limit < LOCKS_MAX ? limit : LOCKS_MAX) || begun ||
        f->bytes + bytes_of(name.size) > BATCH_BYTES)
        return WAITS;
    struct served *s = room_to_forget(k, now, lead, name);
    if (!s)
        return WAITS;
    if (asked_for(k, lead, s))
        return IN_USE;
    if (s->forgetting)
        return ADDED;
    s->forgetting = true;
    s->forget_next = f->first;
    f->first = index_of(k, s);
    f->bytes += bytes_of(name.size);
    k->forgetting++;
    if (f->phase == FORGET_NONE)
        enter(k, now, lead, FORGET_SPREADING);
    return ADDED;
}

/* --- Spreading: all k have the free state, under this ballot --- */

static bool is_free(struct coordinator *k, const struct served *s)
{
    struct view state = {s->state, s->state_size};
    bool ok = lock_decode(&k->served.scratch, state);
    must(ok);
    return idle_is_free(k->idle, &k->served.scratch, state);
}

/* Whether all k said that they have nothing: it was forgotten before. */
static bool nowhere(const struct coordinator *k, const struct served *s)
{
    return served_only_read(s) && ballot_none(s->best) && s->alike == everybody(k);
}

/* Under this ballot, and durable at all k: it can be dropped. */
static bool is_spread(const struct coordinator *k, const struct served *s)
{
    return s->phase == SERVED_TRUE && s->seq > 0 && at_all(k, s->alike);
}

/* The lock is forgotten here too; its place is free. */
static void let_go(struct coordinator *k, struct lead *lead, struct served *s)
{
    leave(k, lead, s);
    if (!asked_for(k, lead, s))
        served_forget(&k->served, s, &lead->locks);
}

/* What can be said of a lock whose state is true. */
static void look_at(struct coordinator *k, struct instant now, struct lead *lead, struct served *s)
{
    if (s->phase != SERVED_TRUE)
        return;
    if (!is_free(k, s))
        leave(k, lead, s);
    else if (nowhere(k, s))
        let_go(k, lead, s);
    else if (s->seq == 0 && (!ballot_none(s->best) || s->answered == everybody(k)))
        served_send_again(&k->served, now, s);
}

static void ask_missing(struct coordinator *k, struct instant now, struct served *s)
{
    if (s->phase != SERVED_TRUE || is_spread(k, s))
        return; /* what is not true yet is sent again anyway */
    if (s->seq == 0)
        served_read_missing(&k->served, s);
    else if (s->seq <= k->served.floors[s->shard].dropped)
        served_send_again(&k->served, now, s); /* whoever dropped another would not store it */
    else
        served_send_missing(&k->served, s);
}

/* --- Raising, dropping --- */

/* Whether the floor has that, and that is true. */
static bool raised(struct coordinator *k, struct instant now, struct lead *lead)
{
    const struct served_floor *floor = &k->served.floors[lead_shard(k, lead)];
    struct served *at = served_floor_of(&k->served, lead_shard(k, lead));
    uint64_t token = 0, generation = 0;
    for (struct served *s = next_of(k, lead->forget.first); s; s = next_of(k, s->forget_next)) {
        bool ok = lock_decode(&k->served.scratch, (struct view){s->state, s->state_size});
        must(ok);
        if (k->served.scratch.token > token)
            token = k->served.scratch.token;
        if (k->served.scratch.generation > generation)
            generation = k->served.scratch.generation;
    }
    if (floor->known && floor->token >= token && floor->generation >= generation)
        return true;
    if (at && at->phase == SERVED_TRUE)
        served_floor_raise(&k->served, now, at, token, generation);
    return false;
}

static void send_forget(struct coordinator *k, struct lead *lead)
{
    uint8_t bytes[BATCH_BYTES];
    struct writer w = writer_init(bytes, sizeof bytes);
    for (struct served *s = next_of(k, lead->forget.first); s; s = next_of(k, s->forget_next))
        put_lock(&w, s->seq, name_of(s));
    must(!w.failed);
    struct message m = {.type = WIRE_FORGET,
                        .forget = {.shard = lead_shard(k, lead),
                                   .ballot = lead->ballot,
                                   .round = lead->forget.round,
                                   .locks = {bytes, writer_size(&w)}}};
    lead_send_cohort(k, lead_shard(k, lead), lead->forget.answered, &m);
}

/* From here on a voter may have dropped them: what is sent has a higher number. */
static void begin_dropping(struct coordinator *k, struct instant now, struct lead *lead)
{
    uint64_t *dropped = &k->served.floors[lead_shard(k, lead)].dropped;
    for (struct served *s = next_of(k, lead->forget.first); s; s = next_of(k, s->forget_next))
        if (s->seq > *dropped)
            *dropped = s->seq;
    enter(k, now, lead, FORGET_DROPPING);
    lead->forget.round = ++k->forget_rounds;
}

static void dropped(struct coordinator *k, struct lead *lead)
{
    while (lead->forget.first) {
        k->core->counters.locks_forgotten++;
        let_go(k, lead, next_of(k, lead->forget.first));
    }
}

/* As far as it goes without another answer. */
static void advance(struct coordinator *k, struct instant now, struct lead *lead)
{
    struct forgetting *f = &lead->forget;
    bool spread = true;
    if (f->phase == FORGET_SPREADING) {
        for (struct served *s = next_of(k, f->first), *next; s; s = next) {
            next = next_of(k, s->forget_next);
            look_at(k, now, lead, s);
            spread &= !s->forgetting || is_spread(k, s);
        }
        if (spread && f->phase == FORGET_SPREADING)
            enter(k, now, lead, FORGET_RAISING);
    }
    if (f->phase == FORGET_RAISING && raised(k, now, lead))
        begin_dropping(k, now, lead);
}

/* --- Too late --- */

/* Who did not answer is not asked again before it says something; the others' locks go on. */
static void give_up(struct coordinator *k, struct instant now, struct lead *lead)
{
    struct forgetting *f = &lead->forget;
    if (f->phase == FORGET_DROPPING) {
        mute(k, lead, everybody(k) & ~f->answered);
        dropped(k, lead);
        return;
    }
    for (struct served *s = next_of(k, f->first), *next; s; s = next) {
        next = next_of(k, s->forget_next);
        if (is_spread(k, s) && f->phase == FORGET_SPREADING)
            continue;
        if (s->phase == SERVED_TRUE && f->phase == FORGET_SPREADING)
            mute(k, lead, everybody(k) & ~(s->seq == 0 ? s->answered : s->alike));
        leave(k, lead, s);
    }
    if (f->phase == FORGET_SPREADING) /* some are left */
        enter(k, now, lead, FORGET_RAISING);
}

void forget_carry_on(struct coordinator *k, struct instant now, struct lead *lead)
{
    struct forgetting *f = &lead->forget;
    if (f->phase == FORGET_NONE || !instant_reached(now, f->retry_at))
        return;
    if (f->tries == TRIES_MAX)
        give_up(k, now, lead);
    advance(k, now, lead);
    f->tries++;
    if (f->phase == FORGET_SPREADING)
        for (struct served *s = next_of(k, f->first); s; s = next_of(k, s->forget_next))
            ask_missing(k, now, s);
    else if (f->phase == FORGET_DROPPING)
        send_forget(k, lead);
    f->retry_at = instant_after(now, span_times(RETRY_FIRST, INT64_C(1) << (f->tries - 1)));
}

/* --- Answers --- */

void forget_answered(struct coordinator *k, struct instant now, struct lead *lead, int member)
{
    speaks(k, now, cohort_of(&k->core->cohorts, lead_shard(k, lead))[member]);
    if (lead->forget.phase == FORGET_NONE)
        return;
    enum forget_phase before = lead->forget.phase;
    advance(k, now, lead);
    if (before != lead->forget.phase)
        forget_carry_on(k, now, lead);
}

void forget_forgotten(struct coordinator *k, struct instant now, int member,
                      const struct wire_forgotten *m)
{
    struct lead *lead = &k->leads[m->shard];
    if (lead->phase != LEAD_SERVING || !ballot_equal(m->ballot, lead->ballot))
        return;
    speaks(k, now, cohort_of(&k->core->cohorts, m->shard)[member]);
    if (lead->forget.phase != FORGET_DROPPING || m->round != lead->forget.round)
        return;
    lead->forget.answered |= 1u << member;
    if (at_all(k, lead->forget.answered))
        dropped(k, lead);
}

void forget_idle(struct coordinator *k, struct instant now, uint16_t from,
                 const struct wire_idle *m)
{
    uint32_t shard = cohort_shard(&k->core->cohorts, m->name);
    struct lead *lead = &k->leads[shard];
    if (!lock_name_valid(m->name) || cohort_index(&k->core->cohorts, shard, from) < 0) {
        k->core->counters.drop_role++;
        return;
    }
    speaks(k, now, from);
    const struct lock_register *e = own(k, m->name);
    bool used = e && (e->idle == IDLE_NONE || e->idle == IDLE_FRESH); /* its time has not come */
    if (lead->phase == LEAD_SERVING && all_there(k, shard) && !used)
        add(k, now, lead, m->name);
}

/* --- Looking --- */

/* Left over here: named to the owner of the ballot, if there is one. */
static void name_it(struct coordinator *k, const struct lock_register *e)
{
    uint16_t owner = voter_promised(k->voter, e->shard).slot;
    struct message m = {.type = WIRE_IDLE, .idle = {.name = {e->name, e->name_size}}};
    if (owner != core_self(k->core) && swim_alive(k->core->swim, owner))
        outbox_send(&k->core->outbox, owner, &m);
}

/* A register of a shard that this node does not lead is due. */
static void consider_elsewhere(struct coordinator *k, struct lock_register *e, int *named)
{
    if (e->idle == IDLE_FRESH) {
        idle_move(k->idle, e, IDLE_REST);
        return;
    }
    name_it(k, e);
    ++*named;
    idle_move(k->idle, e, IDLE_PARKED);
}

/* A register is due. False if it has to wait. */
static bool consider(struct coordinator *k, struct instant now, struct lock_register *e, int *named)
{
    struct lead *lead = &k->leads[e->shard];
    if (!all_there(k, e->shard)) {
        idle_move(k->idle, e, IDLE_PARKED);
        return true;
    }
    if (lead->phase != LEAD_SERVING) {
        consider_elsewhere(k, e, named);
        return true;
    }
    enum added added = add(k, now, lead, (struct view){e->name, e->name_size});
    if (added == ADDED)
        idle_move(k->idle, e, IDLE_PARKED);
    else if (added == IN_USE)
        idle_renew(k->idle, now, e);
    return added != WAITS;
}

/* Of one list, what is due. False if some of it has to wait. */
static bool look_through(struct coordinator *k, struct instant now, enum idle_kind list)
{
    struct lock_register *e = idle_due(k->idle, now, list, NULL), *next;
    bool all = true;
    int looked = 0, named = 0;
    for (; e; e = next) {
        if (looked++ == LOOK_MAX || named == NAMED_MAX)
            return false;
        next = idle_due(k->idle, now, list, e);
        all &= consider(k, now, e, &named);
    }
    return all;
}

void forget_step(struct coordinator *k, struct instant now)
{
    if (!instant_reached(now, forget_deadline(k)))
        return;
    idle_again(k->idle, now);
    bool all = look_through(k, now, IDLE_FRESH);
    all &= look_through(k, now, IDLE_REST);
    struct span pace = {idle_span(k->idle).ns / LOOKS_IN_A_SPAN};
    idle_looked(k->idle, now, all ? pace : span_min(pace, LOOK_SOON));
}

struct instant forget_deadline(const struct coordinator *k)
{
    return idle_deadline(k->idle);
}
