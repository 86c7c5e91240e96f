/* The lock's own rules: see lock.h. */
#include "proto/lock.h"

#include "proto/fields.h"
#include "proto/must.h"
#include "proto/mutant.h"

enum { STATE_FORMAT = 3 };

const char *lock_policy_text(enum lock_policy policy)
{
    switch (policy) {
    case LOCK_STALE_HOLD:
        return "hold";
    case LOCK_STALE_FENCE:
        return "fence";
    case LOCK_POLICIES:
        break;
    }
    return "unknown";
}

void lock_init(struct lock_state *state)
{
    state->token = 0;
    state->generation = 0;
    state->hold_count = 0;
    state->waiter_count = 0;
    state->mark = (struct lock_mark){0};
    state->broken = (struct lock_break){0};
}

int lock_find_hold(const struct lock_state *state, struct op_id id)
{
    for (size_t i = 0; i < state->hold_count; i++)
        if (op_equal(state->holds[i].id, id))
            return (int)i;
    return -1;
}

int lock_find_waiter(const struct lock_state *state, struct op_id id)
{
    for (size_t i = 0; i < state->waiter_count; i++)
        if (op_equal(state->waiters[i].id, id))
            return (int)i;
    return -1;
}

/* Whether a counted request finds as many as its limit, or the limit of one of them, allows. */
static bool counted_out(const struct lock_state *state, uint16_t limit)
{
    size_t count = 1, least = limit; /* itself included */
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *hold = &state->holds[i];
        if (hold->mode != LOCK_COUNTED)
            continue;
        count++;
        least = hold->limit < least ? hold->limit : least;
    }
    return count > least + MUTANT(64); /* "one more than the limit" */
}

bool lock_fits(const struct lock_state *state, enum lock_mode mode, uint16_t limit)
{
    for (size_t i = 0; i < state->hold_count; i++)
        if (!lock_modes_compatible(state->holds[i].mode, mode))
            return false;
    return mode != LOCK_COUNTED || !counted_out(state, limit);
}

bool lock_in_the_way(const struct lock_state *state, size_t index)
{
    if (state->waiter_count == 0)
        return false;
    const struct lock_waiter *first = &state->waiters[0];
    enum lock_mode mode = state->holds[index].mode;
    if (state->hold_count == LOCK_HOLDS_MAX) /* it waits for room */
        return true;
    if (mode == LOCK_COUNTED && first->mode == LOCK_COUNTED)
        return counted_out(state, first->limit);
    return !lock_modes_compatible(mode, first->mode);
}

static void grant(struct lock_state *state, const struct lock_waiter *who)
{
    must(state->hold_count < LOCK_HOLDS_MAX);
    must(state->token < UINT64_MAX);
    state->holds[state->hold_count++] = (struct lock_hold){.id = who->id,
                                                           .mode = who->mode,
                                                           .limit = who->limit,
                                                           .policy = who->policy,
                                                           .token = ++state->token};
    if (lock_mode_writes(who->mode))
        state->generation++;
}

static void remove_waiter(struct lock_state *state, size_t index)
{
    state->waiter_count--;
    memmove(&state->waiters[index], &state->waiters[index + 1],
            (state->waiter_count - index) * sizeof state->waiters[0]);
}

/* Lets in the head of the queue while it fits. */
static void grant_queue(struct lock_state *state)
{
    while (state->waiter_count > 0 && state->hold_count < LOCK_HOLDS_MAX &&
           lock_fits(state, state->waiters[0].mode, state->waiters[0].limit)) {
        grant(state, &state->waiters[0]);
        remove_waiter(state, 0);
    }
}

static struct lock_result acquire(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.granted_first = state->hold_count};
    must(lock_mode_valid(op->mode, op->limit));
    int hold = lock_find_hold(state, op->id);
    if (hold >= 0) {
        result.outcome = LOCK_GRANTED;
        result.token = state->holds[hold].token;
        return result;
    }
    int waiter = lock_find_waiter(state, op->id);
    if (waiter >= 0) {
        result.outcome = LOCK_WAITS;
        result.place = (size_t)waiter + 1;
        return result;
    }
    bool free = state->waiter_count == 0 && lock_fits(state, op->mode, op->limit);
    struct lock_waiter who = {
        .id = op->id, .mode = op->mode, .limit = op->limit, .policy = op->policy};
    if (free && state->hold_count < LOCK_HOLDS_MAX) {
        grant(state, &who);
        result.outcome = LOCK_GRANTED;
        result.token = state->token;
        result.changed = true;
        result.granted_first = state->hold_count; /* the asker itself is answered by the outcome */
    } else if (op->try) {
        result.outcome = free ? LOCK_FULL : LOCK_BUSY;
    } else if (state->waiter_count == LOCK_WAITERS_MAX) {
        result.outcome = LOCK_FULL;
    } else {
        state->waiters[state->waiter_count++] = who;
        result.outcome = LOCK_WAITS;
        result.place = state->waiter_count;
        result.changed = true;
    }
    return result;
}

static void remove_hold(struct lock_state *state, size_t index)
{
    state->hold_count--;
    memmove(&state->holds[index], &state->holds[index + 1],
            (state->hold_count - index) * sizeof state->holds[0]);
}

/* A writing holder's mark is not covered up by a reading one's: the data may be half written. */
static void set_mark(struct lock_state *state, const struct lock_hold *hold, enum lock_ended by,
                     const struct digest *proof)
{
    if (state->mark.set && lock_mode_writes(state->mark.mode) && !lock_mode_writes(hold->mode))
        return;
    state->mark = (struct lock_mark){.set = true,
                                     .slot = hold->id.slot,
                                     .life = hold->id.life,
                                     .mode = hold->mode,
                                     .token = hold->token,
                                     .by = by};
    if (by != LOCK_ENDED_BY_AGENT)
        state->mark.proof = *proof;
}

static bool ended(const struct op_id *id, const struct lock_op *op)
{
    return id->slot == op->id.slot && id->life <= op->id.life;
}

static struct lock_result break_holds(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.outcome = LOCK_DROPPED};
    for (size_t i = state->hold_count; i-- > 0;) {
        if (!ended(&state->holds[i].id, op))
            continue;
        set_mark(state, &state->holds[i],
                 op->receipt ? LOCK_ENDED_BY_RECEIPT : LOCK_ENDED_BY_STATEMENT, &op->proof);
        remove_hold(state, i);
        state->broken = (struct lock_break){
            .set = true, .slot = op->id.slot, .life = op->id.life, .proof = op->proof};
        result.changed = true;
    }
    for (size_t i = state->waiter_count; i-- > 0;) {
        if (!ended(&state->waiters[i].id, op))
            continue;
        remove_waiter(state, i);
        result.changed = true;
    }
    result.granted_first = state->hold_count;
    grant_queue(state);
    return result;
}

static struct lock_result drop(struct lock_state *state, const struct lock_op *op)
{
    struct lock_result result = {.outcome = LOCK_DROPPED};
    int hold = lock_find_hold(state, op->id);
    int waiter = lock_find_waiter(state, op->id);
    if (hold >= 0) {
        if (op->unclean)
            set_mark(state, &state->holds[hold], LOCK_ENDED_BY_AGENT, NULL);
        remove_hold(state, (size_t)hold);
        result.changed = true;
    } else if (waiter >= 0) {
        remove_waiter(state, (size_t)waiter);
        result.changed = true;
    }
    result.granted_first = state->hold_count;
    grant_queue(state);
    return result;
}

struct lock_result lock_apply(struct lock_state *state, const struct lock_op *op)
{
    switch (op->kind) {
    case LOCK_ACQUIRE:
        return acquire(state, op);
    case LOCK_DROP:
        return drop(state, op);
    case LOCK_BREAK:
        return break_holds(state, op);
    }
    must(false);
}

static bool untouched(const struct lock_state *state)
{
    return state->token == 0 && state->generation == 0 && state->hold_count == 0 &&
           state->waiter_count == 0 && !state->mark.set && !state->broken.set;
}

static void encode_mark(struct writer *w, const struct lock_mark *mark)
{
    put_flag(w, mark->set);
    if (!mark->set)
        return;
    write_u16(w, mark->slot);
    write_u64(w, mark->life);
    write_u8(w, (uint8_t)mark->mode);
    write_u64(w, mark->token);
    write_u8(w, (uint8_t)mark->by);
    if (mark->by != LOCK_ENDED_BY_AGENT)
        write_copy(w, mark->proof.bytes, DIGEST_SIZE);
}

static void encode_broken(struct writer *w, const struct lock_break *broken)
{
    put_flag(w, broken->set);
    if (!broken->set)
        return;
    write_u16(w, broken->slot);
    write_u64(w, broken->life);
    write_copy(w, broken->proof.bytes, DIGEST_SIZE);
}

/* Only a counted mode has a limit, and its bytes. */
static void encode_mode(struct writer *w, enum lock_mode mode, uint16_t limit)
{
    write_u8(w, (uint8_t)mode);
    if (mode == LOCK_COUNTED)
        write_u16(w, limit);
}

void lock_encode(struct writer *w, const struct lock_state *state)
{
    if (untouched(state))
        return;
    write_u8(w, STATE_FORMAT);
    write_u64(w, state->token);
    write_u64(w, state->generation);
    encode_mark(w, &state->mark);
    encode_broken(w, &state->broken);
    write_u16(w, (uint16_t)state->hold_count);
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *h = &state->holds[i];
        put_op(w, h->id);
        encode_mode(w, h->mode, h->limit);
        write_u8(w, (uint8_t)h->policy);
        write_u64(w, h->token);
    }
    write_u16(w, (uint16_t)state->waiter_count);
    for (size_t i = 0; i < state->waiter_count; i++) {
        const struct lock_waiter *v = &state->waiters[i];
        put_op(w, v->id);
        encode_mode(w, v->mode, v->limit);
        write_u8(w, (uint8_t)v->policy);
    }
}

static uint8_t read_below(struct reader *r, uint8_t bound)
{
    uint8_t v = read_u8(r);
    if (v >= bound) {
        reader_fail(r);
        return 0;
    }
    return v;
}

static size_t read_count(struct reader *r, size_t max)
{
    size_t count = read_u16(r);
    if (count > max)
        reader_fail(r);
    return r->failed ? 0 : count;
}

static void decode_mark(struct reader *r, struct lock_mark *mark)
{
    mark->set = read_flag(r);
    if (!mark->set)
        return;
    mark->slot = read_u16(r);
    mark->life = read_u64(r);
    mark->mode = (enum lock_mode)read_below(r, LOCK_MODES);
    mark->token = read_u64(r);
    mark->by = (enum lock_ended)read_below(r, LOCK_ENDINGS);
    if (mark->by != LOCK_ENDED_BY_AGENT)
        read_copy(r, mark->proof.bytes, DIGEST_SIZE);
}

static void decode_broken(struct reader *r, struct lock_break *broken)
{
    broken->set = read_flag(r);
    if (!broken->set)
        return;
    broken->slot = read_u16(r);
    broken->life = read_u64(r);
    read_copy(r, broken->proof.bytes, DIGEST_SIZE);
}

static enum lock_mode decode_mode(struct reader *r, uint16_t *limit)
{
    uint8_t mode = read_u8(r);
    *limit = mode == LOCK_COUNTED ? read_u16(r) : 0;
    if (!lock_mode_valid(mode, *limit)) {
        reader_fail(r);
        return LOCK_NL;
    }
    return (enum lock_mode)mode;
}

bool lock_decode(struct lock_state *out, struct view bytes)
{
    lock_init(out);
    if (bytes.size == 0)
        return true;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (read_u8(&r) != STATE_FORMAT)
        reader_fail(&r);
    out->token = read_u64(&r);
    out->generation = read_u64(&r);
    decode_mark(&r, &out->mark);
    decode_broken(&r, &out->broken);
    out->hold_count = read_count(&r, LOCK_HOLDS_MAX);
    for (size_t i = 0; i < out->hold_count; i++) {
        struct lock_hold *h = &out->holds[i];
        h->id = get_op(&r);
        h->mode = decode_mode(&r, &h->limit);
        h->policy = (enum lock_policy)read_below(&r, LOCK_POLICIES);
        h->token = read_u64(&r);
    }
    out->waiter_count = read_count(&r, LOCK_WAITERS_MAX);
    for (size_t i = 0; i < out->waiter_count; i++) {
        struct lock_waiter *v = &out->waiters[i];
        v->id = get_op(&r);
        v->mode = decode_mode(&r, &v->limit);
        v->policy = (enum lock_policy)read_below(&r, LOCK_POLICIES);
    }
    return reader_done(&r) && !untouched(out);
}

/* Bytes of the UTF-8 sequence that starts at p, by RFC 3629's table; 0 if there is none. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < size)
        return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool lock_name_valid(struct view name)
{
    if (name.size == 0 || name.size > LOCK_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size;) {
        size_t size = utf8_sequence(name.bytes + i, name.size - i);
        bool control = name.bytes[i] < 0x20 || name.bytes[i] == 0x7f ||
                       (name.bytes[i] == 0xc2 && size == 2 && name.bytes[i + 1] < 0xa0);
        if (size == 0 || control)
            return false;
        i += size;
    }
    return true;
}
