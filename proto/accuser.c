/* The accuser: see accuser.h. */
#include "proto/accuser.h"

#include "proto/executor.h"
#include "proto/fence_told.h"
#include "proto/inhibitors.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/places.h"
#include "proto/vigil.h"

#define ASK_WAIT      SPAN_MS(500)
#define PROOF_WAIT    SPAN_MS(2000) /* for a proof to come; then asking goes on, but slower: */
#define STUCK_WAIT    SPAN_MS(1000)
#define TELL_WAIT     SPAN_MS(300)
#define TELL_WAIT_MAX SPAN_MS(4000)
#define TELL_ON       SPAN_MS(10) /* a round of many is told in parts, or it overflows the outbox */
#define TURN_SPAN     SPAN_MS(5000)  /* a place is kept so long when others want one */
#define NOTED_SPAN    SPAN_MS(6000)  /* waiters repeat their requests in less */
#define SILENT_SPAN   SPAN_MS(10000) /* an order about a session that nobody acts on for so long */

enum { TELL_AT_ONCE = 128 };

size_t accuser_bytes(const struct peer_config *config)
{
    return places_asked(config->roster) * sizeof(struct accusation) +
           turns_bytes(config->roster->node_count);
}

void accuser_init(struct accuser *a, struct core *core, struct docket *docket,
                  struct proofs *proofs, void *memory)
{
    *a = (struct accuser){.core = core, .docket = docket, .proofs = proofs, .table = memory};
    const struct roster *roster = core->config.roster;
    turns_init(&a->turns, roster->node_count, &a->table[places_asked(roster)]);
}

static struct accusation *find(const struct accuser *a, uint16_t slot, uint64_t life,
                               const struct scope *scope)
{
    for (size_t i = 0; a->used && i < a->count; i++)
        if (a->table[i].used && a->table[i].slot == slot && a->table[i].life == life &&
            scope_equal(&a->table[i].word.scope, scope))
            return &a->table[i];
    return NULL;
}

/* --- Asking --- */

/* It lives on under a higher life: no vote is wanted, but the proof that a juror may hold. */
static bool reborn(const struct accuser *a, const struct accusation *c)
{
    struct member_view view;
    swim_view(a->core->swim, c->slot, &view);
    return view.life > c->life;
}

/* Whatever was ordered has not come to pass: a juror may hold a proof, or know of a later life.
 * While it is only suspect nothing is: the jurors are asked at the same pace, so that what they saw
 * is fresh when it is dead. */
static bool stuck(const struct accusation *c, struct instant now)
{
    return c->dead && span_between(c->since, now).ns >= PROOF_WAIT.ns;
}

/* The actions that its order can allow. */
static uint32_t suiting(const struct accuser *a, const struct accusation *c)
{
    const struct roster *roster = a->core->config.roster;
    uint32_t actions = 0;
    for (uint8_t action = 0; action <= roster->action_count; action++)
        if (order_suits(&c->cert.order, action, roster))
            actions |= 1u << action;
    return actions;
}

static struct docket_entry *order_of(const struct accuser *a, const struct accusation *c)
{
    return docket_find_scope(a->docket, c->slot, c->life, &c->word.scope);
}

/* Whether this juror's vote, as it is, can still be improved upon. */
static bool to_ask(const struct accuser *a, const struct accusation *c, struct instant now,
                   uint16_t juror)
{
    if (reborn(a, c) || stuck(c, now))
        return juror != c->slot;
    uint32_t all = suiting(a, c);
    for (size_t i = 0; i < c->cert.count; i++)
        if (c->cert.votes[i].juror == juror)
            return c->cert.votes[i].allows != all;
    return juror != c->slot;
}

static void ask(struct accuser *a, struct instant now, const struct accusation *c)
{
    struct message m = {
        .type = WIRE_ACCUSE,
        .accuse = {
            .slot = c->slot, .life = c->life, .name = {c->name, c->name_size}, .word = c->word}};
    if (c->name_size == 0)
        m = (struct message){.type = WIRE_FENCE_ASK,
                             .fence_ask = {.slot = c->slot, .life = c->life}};
    for (size_t i = 0; i < a->core->jury.count; i++) {
        uint16_t juror = a->core->jury.slots[i];
        if (!to_ask(a, c, now, juror))
            continue;
        if (c->dead) /* SWIM's word need not wait for the next probe */
            swim_tell(a->core->swim, juror, c->slot);
        outbox_send(&a->core->outbox, juror, &m);
    }
}

/* Sends the order to who is alive and has not stored it, so many at once at most. How many. */
static size_t tell(struct accuser *a, struct accusation *c, const struct docket_entry *order)
{
    const struct roster *roster = a->core->config.roster;
    size_t sent = 0, i = c->tell_from;
    for (; i < roster->node_count && sent < TELL_AT_ONCE; i++) {
        uint16_t slot = roster->nodes[i].slot;
        bool target = slot == c->slot; /* it may hear, whatever SWIM says (F3) */
        if (slot == core_self(a->core) || (c->told[i / 8] >> (i % 8) & 1) ||
            !(target || swim_alive(a->core->swim, slot)))
            continue;
        docket_send(a->docket, slot, order);
        sent++;
    }
    c->tell_from = i < roster->node_count ? (uint16_t)i : 0;
    return sent;
}

/* Nothing more can be asked for: every action that the roster has is allowed. */
static bool complete(const struct accuser *a, const struct accusation *c,
                     const struct docket_entry *order)
{
    bool more = suiting(a, c) & ~(1u << ACTION_RETIRE);
    return order && (!more || docket_action(order) != ACTION_RETIRE);
}

static void act(struct accuser *a, struct instant now, struct accusation *c)
{
    const struct docket_entry *order = order_of(a, c);
    c->next_at = instant_after(now, stuck(c, now) ? STUCK_WAIT : ASK_WAIT);
    if (!complete(a, c, order) || reborn(a, c) || stuck(c, now))
        ask(a, now, c);
    size_t told = order ? tell(a, c, order) : 0;
    if (told && c->tell_from) {
        c->next_at = instant_after(now, TELL_ON);
    } else if (told) {
        c->next_at = instant_after(now, c->wait);
        c->wait = span_min(span_times(c->wait, 2), TELL_WAIT_MAX);
    }
}

static size_t session_count(const struct accuser *a)
{
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++)
        count += a->table[i].used && a->table[i].word.scope.session;
    return count;
}

/* Sessions leave half of the places to lives, which are the ladder's next rung; NULL if there is
 * none.
 */
static struct accusation *free_place(struct accuser *a, const struct scope_word *word)
{
    struct accusation *place = NULL;
    size_t places = places_asked(a->core->config.roster);
    if (word->scope.session && session_count(a) >= places / 2)
        return NULL;
    for (size_t i = 0; i < a->count && !place; i++)
        if (!a->table[i].used)
            place = &a->table[i];
    if (!place && a->count < places) {
        place = &a->table[a->count++];
        *place = (struct accusation){0};
    }
    return place;
}

static void drop(struct accuser *a, struct accusation *c)
{
    *c = (struct accusation){0};
    a->used--;
    a->serial++;
}

/* All places are taken, perhaps by lives that nothing can be done about: the one that had its place
 * for longest gives way, if it had it for a while, to whoever waited longest. Votes are final, so
 * when its turn comes again it finds them all at once. */
static struct accusation *take_turn(struct accuser *a, struct instant now, uint16_t slot,
                                    const struct scope_word *word)
{
    const struct roster *roster = a->core->config.roster;
    struct accusation *oldest = NULL;
    bool any = !word->scope.session || session_count(a) < places_asked(roster) / 2;
    for (size_t i = 0; i < a->count; i++) {
        struct accusation *c = &a->table[i];
        if (c->used && (any || c->word.scope.session) &&
            (!oldest || c->placed.ns < oldest->placed.ns))
            oldest = c;
    }
    if (!turns_next(&a->turns, now, roster_find(roster, slot)) || !oldest ||
        span_between(oldest->placed, now).ns < TURN_SPAN.ns)
        return NULL;
    drop(a, oldest);
    return oldest;
}

/* The accusation of that life or session, or a place for it; NULL if it has to wait for one. */
static struct accusation *place(struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                                const struct scope_word *word)
{
    struct accusation *c = find(a, slot, life, &word->scope);
    if (!c)
        c = free_place(a, word);
    return c ? c : take_turn(a, now, slot, word);
}

static void begin(struct accuser *a, struct instant now, struct accusation *c, uint16_t slot,
                  uint64_t life, const struct scope_word *word)
{
    a->used++;
    a->serial++;
    turns_got(&a->turns, now, roster_find(a->core->config.roster, slot));
    c->placed = c->since = now;
    c->used = true;
    c->slot = slot;
    c->life = life;
    c->held = life;
    c->word = *word;
    c->cert.order = (struct order){.epoch = a->core->config.roster->epoch,
                                   .roster = a->core->config.roster_digest,
                                   .slot = slot,
                                   .life = life,
                                   .scope = word->scope};
    c->wait = TELL_WAIT;
}

static void set_name(struct accusation *c, struct view name)
{
    memcpy(c->name, name.bytes, name.size);
    c->name_size = (uint8_t)name.size;
}

static void note(struct accuser *a, struct instant now, uint16_t slot, uint64_t life, uint64_t held,
                 const struct scope_word *word, struct view name)
{
    if (!jury_can_order(&a->core->jury)) /* F12 */
        return;
    struct accusation *c = place(a, now, slot, life, word);
    if (!c)
        return;
    enum member_state state = swim_state(a->core->swim, slot);
    bool dead = state == MEMBER_DEAD || state == MEMBER_LEFT || state == MEMBER_UNKNOWN;
    c->noted = now;
    if (c->used) {
        if (c->name_size == 0)
            set_name(c, name); /* an operator asked, and by now somebody waits */
        c->held = held > c->held ? held : c->held;
        if (dead && !c->dead) { /* the suspicion is over: now they may vote */
            c->dead = true;
            c->since = now;
            act(a, now, c);
        }
        return;
    }
    begin(a, now, c, slot, life, word);
    c->dead = dead;
    set_name(c, name);
    c->held = held;
    act(a, now, c);
}

void accuser_note(struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                  uint64_t held, struct view name)
{
    note(a, now, slot, life, held, &(struct scope_word){0}, name);
}

void accuser_note_session(struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                          const struct scope_word *word, struct view name)
{
    const struct inhibitors *t = a->core->inhibitors;
    struct docket_entry *order = docket_find_scope(a->docket, slot, life, &word->scope);
    /* F8: nobody may act, which is no reason to go up the ladder when somebody may again. */
    if (order && (inhibitors_freeze(t, now, slot) || inhibitors_maintain(t, now, slot)))
        order->at = now;
    note(a, now, slot, life, life, word, name);
}

/* So many jurors keep as many votes about sessions as they can that none about this one comes. */
static bool full(const struct accuser *a, const struct accusation *c)
{
    size_t count = 0;
    for (size_t i = 0; c && i < a->core->jury.count; i++)
        count += (c->answered >> i & 1) && c->evidence[i].opinion == OPINION_FULL;
    return count > a->core->jury.count - a->core->jury.quorum;
}

bool accuser_climbs(const struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                    const struct scope *scope)
{
    const struct docket_entry *order = docket_find_scope(a->docket, slot, life, scope);
    if (!order)
        return full(a, find(a, slot, life, scope)) && !MUTANT(184); /* "waits for ever" */
    if (executor_stage(a->core, order) == FENCE_FAILED)
        return true;
    struct instant last = order->runs_until.ns > order->at.ns ? order->runs_until : order->at;
    return span_between(last, now).ns >= SILENT_SPAN.ns;
}

/* Asked for as a whole, or in a session of it. */
static const struct accusation *find_any(const struct accuser *a, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; a->used && i < a->count; i++)
        if (a->table[i].used && a->table[i].slot == slot && a->table[i].life == life)
            return &a->table[i];
    return NULL;
}

static uint8_t copy_line(uint8_t *out, size_t most, struct view line)
{
    size_t size = line.size < most ? line.size : most;
    for (size_t i = 0; i < size; i++)
        out[i] = line.bytes[i] < ' ' || line.bytes[i] == 0x7f ? '?' : line.bytes[i];
    return (uint8_t)size;
}

const char *accuser_request(struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                            struct view who, struct view reason)
{
    if (!jury_can_order(&a->core->jury))
        return "fewer than three jurors order nothing: see `holdfast fence confirm` (F12)";
    if (slot == core_self(a->core))
        return "a node asks for no order against itself (F3)";
    struct accusation *c = place(a, now, slot, life, &(struct scope_word){0});
    if (!c)
        return "this node asks about as many lives as it can";
    c->noted = now;
    if (c->used && (c->name_size || c->who_size))
        return NULL;
    bool fresh = !c->used;
    if (fresh)
        begin(a, now, c, slot, life, &(struct scope_word){0});
    c->who_size = copy_line(c->who, ACCUSER_WHO_MAX, who);
    c->reason_size = copy_line(c->reason, ACCUSER_REASON_MAX, reason);
    if (fresh)
        act(a, now, c);
    return NULL;
}

bool accuser_story(const struct accuser *a, uint16_t slot, uint64_t life, const struct scope *scope,
                   struct fence_story *out)
{
    const struct accusation *c = find(a, slot, life, scope);
    *out = (struct fence_story){.accuser = core_self(a->core)};
    if (!c)
        return false;
    out->name = (struct view){c->name, c->name_size};
    out->who = (struct view){c->who, c->who_size};
    out->reason = (struct view){c->reason, c->reason_size};
    for (size_t i = 0; i < a->core->jury.count; i++) {
        if (!(c->answered & (1u << i)))
            continue;
        out->opinions[out->count].juror = a->core->jury.slots[i];
        out->opinions[out->count++].evidence = c->evidence[i];
    }
    return true;
}

uint64_t accuser_heir(const struct accuser *a, struct instant now, uint16_t slot, uint64_t life)
{
    struct member_view view;
    const struct accusation *c = find_any(a, slot, life);
    if (!c || span_between(c->since, now).ns < PROOF_WAIT.ns)
        return 0;
    swim_view(a->core->swim, slot, &view);
    uint64_t heir = view.life > c->heir ? view.life : c->heir;
    return heir > life ? heir : 0;
}

/* --- Answers --- */

static void certify(struct accuser *a, struct instant now, struct accusation *c)
{
    uint8_t cert[ORDER_CERT_BYTES_MAX], bytes[STORY_BYTES_MAX];
    struct fence_story story;
    accuser_story(a, c->slot, c->life, &c->word.scope, &story);
    struct writer w = writer_init(cert, sizeof cert), v = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &c->cert);
    story_encode(&v, &story);
    must(!w.failed && !v.failed);
    enum docket_news news = docket_offer(a->docket, now, (struct view){cert, writer_size(&w)},
                                         (struct view){bytes, writer_size(&v)}, NULL);
    if (news != DOCKET_NEW)
        return;
    /* Who has an order that allows less has not got this one. */
    memset(c->told, 0, sizeof c->told);
    c->tell_from = 0;
    c->wait = TELL_WAIT;
    act(a, now, c);
}

#ifdef HOLDFAST_MUTANTS
/* Planted bug 39: the same juror's vote is counted as often as it comes. */
static void add_again(struct order_cert *cert, const struct vote *vote)
{
    size_t at = 0;
    while (at < cert->count && cert->votes[at].juror <= vote->juror)
        at++;
    if (cert->count == ROSTER_JURORS_MAX)
        return;
    memmove(&cert->votes[at + 1], &cert->votes[at], (cert->count - at) * sizeof cert->votes[0]);
    cert->votes[at] = *vote;
    cert->count++;
}
#endif

/* For the fence log: an answer of another that is not the one before it. */
static void log_answer(struct accuser *a, const struct accusation *c, int juror,
                       const struct evidence *evidence, const struct vote *vote)
{
    uint16_t slot = a->core->jury.slots[juror];
    bool again =
        !vote && (c->answered & (1u << juror)) && c->evidence[juror].opinion == evidence->opinion;
    for (size_t i = 0; vote && i < c->cert.count; i++)
        if (c->cert.votes[i].juror == slot)
            again = c->cert.votes[i].allows == vote->allows;
    if (!again && slot != core_self(a->core))
        fence_told_opinion(a->core, &c->cert.order, slot, evidence, vote);
}

static bool has_voted(const struct accusation *c, uint16_t juror)
{
    for (size_t i = 0; i < c->cert.count; i++)
        if (c->cert.votes[i].juror == juror)
            return true;
    return false;
}

static bool take_vote(struct accuser *a, struct instant now, int juror, struct accusation *c,
                      const struct wire_vote *m)
{
    struct vote vote = {.juror = a->core->jury.slots[juror],
                        .allows = m->allows,
                        .age_ms = m->age_ms,
                        .signature = m->signature};
    const struct peer_config *config = &a->core->config;
    if (vote_verify(&vote, &c->cert.order, &config->cluster, config->roster) != ORDER_OK) {
        a->core->counters.drop_order++;
        return false;
    }
    log_answer(a, c, juror, &m->evidence, &vote);
#ifdef HOLDFAST_MUTANTS
    if (MUTANT(39))
        add_again(&c->cert, &vote);
    else
#endif
        order_cert_add(&c->cert, &vote);
    const struct docket_entry *before = order_of(a, c);
    bool more = false;
    for (uint8_t action = 0; action <= config->roster->action_count; action++)
        more |= order_suits(&c->cert.order, action, config->roster) &&
                order_cert_allowing(&c->cert, action) >= a->core->jury.quorum &&
                !(before && (before->actions >> action & 1));
    if (more)
        certify(a, now, c);
    return more;
}

/* What was stored may be an order that allows less than the one that is known by now, and without a
 * story that is sent by itself. */
static void take_stored(struct accuser *a, int index, struct accusation *c,
                        const struct wire_order_stored *m)
{
    const struct docket_entry *order = order_of(a, c);
    if (!order || (order->actions & ~m->actions) != 0)
        return;
    if (docket_long(order) && !(m->actions & ORDER_STORY_KEPT))
        docket_send_story(a->docket, a->core->config.roster->nodes[index].slot, order);
    else
        c->told[index / 8] |= (uint8_t)(1u << (index % 8));
}

/* A juror that was asked about a life speaks of a later one: nobody acts on the earlier any more.
 */
static void note_heir(struct accuser *a, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; a->used && i < a->count; i++) {
        struct accusation *c = &a->table[i];
        if (c->used && c->slot == slot && c->life < life && c->heir < life)
            c->heir = life;
    }
}

/* A juror tells what it would say of a life: that goes for all that was asked of it. */
static void take_opinion(struct accuser *a, int juror, const struct wire_opinion *m)
{
    note_heir(a, m->slot, m->life);
    for (size_t i = 0; a->used && i < a->count; i++) {
        struct accusation *c = &a->table[i];
        if (!c->used || c->slot != m->slot || c->life != m->life)
            continue;
        if (has_voted(c,
                      a->core->jury.slots[juror])) /* what it saw then stays; it spoke of another */
            continue;
        log_answer(a, c, juror, &m->evidence, NULL);
        c->answered |= 1u << juror;
        c->evidence[juror] = m->evidence;
    }
}

bool accuser_take(struct accuser *a, struct instant now, uint16_t from, const struct message *m)
{
    int juror = jury_find(&a->core->jury, from);
    int index = roster_find(a->core->config.roster, from);
    struct accusation *c;
    if (index < 0)
        return false;
    if (m->type == WIRE_ORDER_STORED) {
        const struct wire_order_stored *stored = &m->order_stored;
        c = find(a, stored->slot, stored->life, &stored->scope);
        if (c)
            take_stored(a, index, c, stored);
        return false;
    }
    if (juror < 0) {
        a->core->counters.drop_role++;
        return false;
    }
    if (m->type == WIRE_OPINION) {
        take_opinion(a, juror, &m->opinion);
        return false;
    }
    c = find(a, m->vote.slot, m->vote.life, &m->vote.scope);
    if (!c)
        return false;
    c->answered |= 1u << juror;
    c->evidence[juror] = m->vote.evidence;
    return take_vote(a, now, juror, c, &m->vote);
}

/* --- Time --- */

void accuser_step(struct accuser *a, struct instant now)
{
    for (size_t i = 0; a->used && i < a->count; i++) {
        struct accusation *c = &a->table[i];
        if (!c->used || !instant_reached(now, c->next_at))
            continue;
        if (proofs_covers(a->proofs, c->slot) >= c->held ||
            ended_of(a->core->ended, c->slot, c->life, &c->word.scope) ||
            span_between(c->noted, now).ns >= NOTED_SPAN.ns) {
            drop(a, c);
        } else {
            act(a, now, c);
        }
    }
}

struct instant accuser_deadline(const struct accuser *a)
{
    struct instant at = INSTANT_NEVER;
    for (size_t i = 0; a->used && i < a->count; i++)
        if (a->table[i].used)
            at = instant_earlier(at, a->table[i].next_at);
    return at;
}

struct stale_view accuser_view(const struct accuser *a, uint16_t slot, uint64_t life,
                               const struct scope *scope)
{
    const struct accusation *c = find(a, slot, life, scope);
    const struct docket_entry *order = docket_find_scope(a->docket, slot, life, scope);
    struct stale_view view = {.slot = slot, .life = life};
    if (c)
        view.votes = (uint32_t)order_cert_allowing(&c->cert, ACTION_RETIRE);
    if (order && view.votes < order->cert.count)
        view.votes = order->cert.count;
    if (proofs_covers(a->proofs, slot) >= life)
        view.stage = FENCE_OVER;
    else if (!order && !jury_can_order(&a->core->jury))
        view.stage = FENCE_NO_ACTION;
    else
        view.stage = order ? executor_stage(a->core, order) : FENCE_ASKING;
    struct instant due = vigil_due(a->core->vigil, slot, life);
    if (view.stage == FENCE_OVER || due.ns == INSTANT_NEVER.ns)
        return view;
    int64_t left = span_between(a->core->now, due).ns / 1000000;
    view.watchdog_ms = left > 0 ? (uint32_t)left : 1;
    if (view.stage == FENCE_NO_ACTION || view.stage == FENCE_FAILED)
        view.stage = FENCE_WATCHDOG;
    return view;
}
