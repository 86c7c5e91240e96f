/* A lock's state as bytes, which voters store: see lock.h. One state has one form. */
#include "proto/fields.h"
#include "proto/lock.h"
#include "proto/must.h"
#include "proto/mutant.h"

enum { STATE_FORMAT = 6 };

static bool untouched(const struct lock_state *state)
{
    return state->token == 0 && state->generation == 0 && state->hold_count == 0 &&
           state->waiter_count == 0 && !state->mark.set && !state->broken.set &&
           state->value.token == 0;
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
    if (lock_ended_with_proof(mark->by))
        write_copy(w, mark->proof.bytes, DIGEST_SIZE);
}

static void encode_broken(struct writer *w, const struct lock_break *broken)
{
    put_flag(w, broken->set);
    if (!broken->set)
        return;
    write_u16(w, broken->slot);
    write_u64(w, broken->life);
    scope_encode(w, &broken->scope);
    write_copy(w, broken->proof.bytes, DIGEST_SIZE);
}

/* Only a counted mode has a limit, and its bytes. */
static void encode_mode(struct writer *w, enum lock_mode mode, uint16_t limit)
{
    write_u8(w, (uint8_t)mode);
    if (mode == LOCK_COUNTED)
        write_u16(w, limit);
}

/* Only `expire` has a TTL, and only `action` a word, and their bytes. */
static void encode_policy(struct writer *w, enum lock_policy policy, uint32_t ttl_ms,
                          const struct scope_word *word)
{
    write_u8(w, (uint8_t)policy);
    if (policy == LOCK_STALE_EXPIRE)
        write_u32(w, ttl_ms);
    if (policy == LOCK_STALE_ACTION)
        scope_word_encode(w, word);
}

static void encode_value(struct writer *w, const struct lock_value *value)
{
    write_u64(w, value->token);
    if (value->token == 0)
        return;
    put_flag(w, value->valid);
    put_blob(w, (struct view){value->bytes, value->size});
}

static void encode_data(struct writer *w, const struct lock_data *data)
{
    write_u8(w, data->size);
    write_copy(w, data->bytes, data->size);
}

static void encode_holds(struct writer *w, const struct lock_state *state)
{
    write_u16(w, (uint16_t)state->hold_count);
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *h = &state->holds[i];
        put_op(w, h->id);
        encode_mode(w, h->mode, h->limit);
        encode_policy(w, h->policy, h->ttl_ms, &h->word);
        write_u64(w, h->token);
        write_u64(w, h->changed);
        encode_data(w, &h->data);
    }
}

static void encode_converts(struct writer *w, const struct lock_state *state)
{
    write_u8(w, (uint8_t)state->convert_count);
    for (size_t i = 0; i < state->convert_count; i++) {
        const struct lock_convert *c = &state->converts[i];
        put_op(w, c->id);
        write_u64(w, c->change);
        encode_mode(w, c->mode, c->limit);
    }
}

void lock_encode(struct writer *w, const struct lock_state *state)
{
    if (untouched(state))
        return;
    write_u8(w, STATE_FORMAT);
    write_u64(w, state->token);
    write_u64(w, state->generation);
    put_flag(w, state->born);
    encode_mark(w, &state->mark);
    encode_broken(w, &state->broken);
    encode_value(w, &state->value);
    encode_holds(w, state);
    encode_converts(w, state);
    write_u16(w, (uint16_t)state->waiter_count);
    for (size_t i = 0; i < state->waiter_count; i++) {
        const struct lock_waiter *v = &state->waiters[i];
        put_op(w, v->id);
        encode_mode(w, v->mode, v->limit);
        encode_policy(w, v->policy, v->ttl_ms, &v->word);
        write_u64(w, v->expect);
        encode_data(w, &v->data);
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
    if (lock_ended_with_proof(mark->by))
        read_copy(r, mark->proof.bytes, DIGEST_SIZE);
}

static void decode_broken(struct reader *r, struct lock_break *broken)
{
    broken->set = read_flag(r);
    if (!broken->set)
        return;
    broken->slot = read_u16(r);
    broken->life = read_u64(r);
    scope_decode(&broken->scope, r);
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

static void decode_value(struct reader *r, struct lock_value *value)
{
    value->token = read_u64(r);
    if (value->token == 0)
        return;
    value->valid = read_flag(r);
    struct view bytes = get_blob(r);
    if (bytes.size > LOCK_VALUE_MAX)
        reader_fail(r);
    if (r->failed)
        return;
    value->size = (uint16_t)bytes.size;
    memcpy(value->bytes, bytes.bytes, bytes.size);
}

static void decode_data(struct reader *r, struct lock_data *data)
{
    data->size = read_u8(r);
    if (data->size > LOCK_DATA_MAX)
        reader_fail(r);
    if (r->failed)
        data->size = 0;
    read_copy(r, data->bytes, data->size);
}

/* *room: for words, of all that hold and wait. */
static enum lock_policy decode_policy(struct reader *r, uint32_t *ttl_ms, struct scope_word *word,
                                      size_t *room)
{
    uint8_t policy = read_u8(r);
    *ttl_ms = policy == LOCK_STALE_EXPIRE ? read_u32(r) : 0;
    if (!lock_policy_valid(policy, *ttl_ms)) {
        reader_fail(r);
        return LOCK_STALE_HOLD;
    }
    if (policy == LOCK_STALE_ACTION) {
        size_t size = scope_word_decode(word, r) ? scope_word_size(word) : 0;
        if (word->scope.session == 0 || size > *room)
            reader_fail(r);
        else
            *room -= size;
    }
    return (enum lock_policy)policy;
}

static void decode_holds(struct reader *r, struct lock_state *out, size_t *room)
{
    out->hold_count = read_count(r, LOCK_HOLDS_MAX);
    for (size_t i = 0; i < out->hold_count; i++) {
        struct lock_hold *h = &out->holds[i];
        h->id = get_op(r);
        h->mode = decode_mode(r, &h->limit);
        h->word = (struct scope_word){0};
        h->policy = decode_policy(r, &h->ttl_ms, &h->word, room);
        h->token = read_u64(r);
        h->changed = read_u64(r);
        decode_data(r, &h->data);
    }
}

/* Each is one of the holds, and there once. */
static void decode_converts(struct reader *r, struct lock_state *out)
{
    size_t count = read_below(r, LOCK_CONVERTS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        struct lock_convert *c = &out->converts[i];
        c->id = get_op(r);
        c->change = read_u64(r);
        c->mode = decode_mode(r, &c->limit);
        if (lock_find_hold(out, c->id) < 0 || lock_find_convert(out, c->id) >= 0)
            reader_fail(r);
        out->convert_count = i + 1;
    }
}

static void decode_waiters(struct reader *r, struct lock_state *out, size_t *room)
{
    out->waiter_count = read_count(r, LOCK_WAITERS_MAX);
    for (size_t i = 0; i < out->waiter_count; i++) {
        struct lock_waiter *v = &out->waiters[i];
        v->id = get_op(r);
        v->mode = decode_mode(r, &v->limit);
        v->word = (struct scope_word){0};
        v->policy = decode_policy(r, &v->ttl_ms, &v->word, room);
        v->expect = read_u64(r);
        decode_data(r, &v->data);
    }
}

/* Each grant needs one more: who names the last ones would leave nothing to count on. */
static bool numbers_honest(const struct lock_state *s)
{
    bool ok = s->token <= LOCK_NUMBER_MAX && s->generation <= LOCK_NUMBER_MAX &&
              s->value.token <= LOCK_NUMBER_MAX && s->mark.token <= LOCK_NUMBER_MAX;
    for (size_t i = 0; i < s->hold_count; i++)
        ok &= s->holds[i].token <= LOCK_NUMBER_MAX;
    return ok;
}

bool lock_decode(struct lock_state *out, struct view bytes)
{
    size_t room = LOCK_SCOPES_MAX;
    lock_init(out);
    if (bytes.size == 0)
        return true;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (read_u8(&r) != STATE_FORMAT)
        reader_fail(&r);
    out->token = read_u64(&r);
    out->generation = read_u64(&r);
    out->born = read_flag(&r);
    decode_mark(&r, &out->mark);
    decode_broken(&r, &out->broken);
    decode_value(&r, &out->value);
    decode_holds(&r, out, &room);
    if (out->born && (out->token == 0 || out->hold_count > 0))
        reader_fail(&r);
    decode_converts(&r, out);
    decode_waiters(&r, out, &room);
    return reader_done(&r) && !untouched(out) && numbers_honest(out);
}

bool lock_is_blank(const struct lock_state *state, struct view bytes, struct lock_state *blank)
{
    uint8_t buffer[128];
    if (state->hold_count > 0 || state->waiter_count > 0)
        return false;
    lock_init(blank);
    blank->token = state->token;
    blank->generation = state->generation;
    blank->born = state->born;
    if (MUTANT(67)) /* "the unclean mark is forgotten" */
        blank->mark = state->mark;
    struct writer w = writer_init(buffer, sizeof buffer);
    lock_encode(&w, blank);
    must(!w.failed);
    return view_equal((struct view){buffer, writer_size(&w)}, bytes);
}
