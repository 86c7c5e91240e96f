/* The vote log's records: strict both ways, for every kind of the list, like the wire's messages.
 */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/record_sample.h"

Suite *suite_record(void);

static uint8_t buffer[RECORD_BYTES_MAX + 16];
static uint8_t again[RECORD_BYTES_MAX];

static size_t encode(uint8_t *out, size_t room, const struct record *r)
{
    struct writer w = writer_init(out, room);
    record_encode(&w, r);
    return w.failed ? 0 : writer_size(&w);
}

static bool decodes(const uint8_t *bytes, size_t size)
{
    struct record r;
    return record_decode(&r, (struct view){bytes, size});
}

/* loop test: _i is the kind. */
START_TEST(what_was_written_is_read)
{
    struct record in = record_sample((enum record_kind)_i), out;
    size_t size = encode(buffer, sizeof buffer, &in);
    ck_assert_uint_gt(size, 1);
    ck_assert(record_decode(&out, (struct view){buffer, size}));
    ck_assert_int_eq(out.kind, in.kind);
    ck_assert_uint_eq(encode(again, sizeof again, &out), size);
    ck_assert_mem_eq(again, buffer, size);
}
END_TEST

START_TEST(cut_or_long_records_are_refused)
{
    struct record in = record_sample((enum record_kind)_i);
    size_t size = encode(buffer, sizeof buffer, &in);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* of that very size, for the address sanitizer */
        memcpy(exact, buffer, cut);
        ck_assert(!decodes(exact, cut));
        ck_assert_uint_eq(encode(again, cut, &in), 0);
        free(exact);
    }
    buffer[size] = 0;
    ck_assert(!decodes(buffer, size + 1));
}
END_TEST

/* Whatever decodes has exactly one encoding. */
START_TEST(flipped_bits_are_refused_or_another_record)
{
    struct record in = record_sample((enum record_kind)_i), out;
    size_t size = encode(buffer, sizeof buffer, &in);
    for (size_t bit = 0; bit < size * 8; bit++) {
        buffer[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (record_decode(&out, (struct view){buffer, size})) {
            ck_assert_uint_eq(encode(again, sizeof again, &out), size);
            ck_assert_mem_eq(again, buffer, size);
        }
        buffer[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}
END_TEST

START_TEST(fields_are_where_they_belong)
{
    struct record in = record_sample(RECORD_ACCEPT), out;
    size_t size = encode(buffer, sizeof buffer, &in);
    ck_assert(record_decode(&out, (struct view){buffer, size}));
    ck_assert_uint_eq(out.accept.shard, in.accept.shard);
    ck_assert(ballot_equal(out.accept.ballot, in.accept.ballot));
    ck_assert_uint_eq(out.accept.seq, in.accept.seq);
    ck_assert(view_equal(out.accept.name, in.accept.name));
    ck_assert(view_equal(out.accept.state, in.accept.state));
    in = record_sample(RECORD_OP);
    size = encode(buffer, sizeof buffer, &in);
    ck_assert(record_decode(&out, (struct view){buffer, size}));
    ck_assert_uint_eq(out.op.life, in.op.life);
    ck_assert_uint_eq(out.op.counter, in.op.counter);
    ck_assert_uint_eq(out.op.state, in.op.state);
    ck_assert_uint_eq(out.op.token, in.op.token);
    ck_assert(view_equal(out.op.process, in.op.process));
}
END_TEST

START_TEST(unknown_kinds_are_refused)
{
    enum { ENOUGH = 128 }; /* bytes for the least of each kind */
    memset(buffer, 0, ENOUGH);
    for (unsigned kind = 0; kind < 256; kind++) {
        buffer[0] = (uint8_t)kind;
        bool known = false;
        for (size_t size = 1; size <= ENOUGH; size++)
            known |= decodes(buffer, size);
        /* A name of no bytes is none, so kinds with a name do not decode from zeros. */
        bool named = kind == RECORD_ACCEPT || kind == RECORD_OP;
        ck_assert_int_eq(known, kind > RECORD_NONE && kind < RECORD_KINDS_END && !named);
    }
    ck_assert(!decodes(NULL, 0));
    struct record none = {.kind = RECORD_NONE}, end = {.kind = RECORD_KINDS_END};
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &none), 0);
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &end), 0);
}
END_TEST

START_TEST(the_largest_record_has_room)
{
    static uint8_t blob[UINT16_MAX + 1];
    struct record r = {.kind = RECORD_ACCEPT,
                       .accept = {.name = {blob, LOCK_NAME_MAX}, .state = {blob, UINT16_MAX}}};
    size_t size = encode(buffer, RECORD_BYTES_MAX, &r);
    ck_assert_uint_eq(size, RECORD_BYTES_MAX);
    ck_assert(decodes(buffer, size));
    r.accept.state.size++;
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &r), 0);
    r.accept.state.size = 1;
    r.accept.name.size = LOCK_NAME_MAX + 1;
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &r), 0);
    r.accept.name.size = 0;
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &r), 0);
}
END_TEST

Suite *suite_record(void)
{
    Suite *suite = suite_create("record");
    TCase *tcase = tcase_create("codec");
    tcase_add_loop_test(tcase, what_was_written_is_read, RECORD_NONE + 1, RECORD_KINDS_END);
    tcase_add_loop_test(tcase, cut_or_long_records_are_refused, RECORD_NONE + 1, RECORD_KINDS_END);
    tcase_add_loop_test(tcase, flipped_bits_are_refused_or_another_record, RECORD_NONE + 1,
                        RECORD_KINDS_END);
    tcase_add_test(tcase, fields_are_where_they_belong);
    tcase_add_test(tcase, unknown_kinds_are_refused);
    tcase_add_test(tcase, the_largest_record_has_room);
    suite_add_tcase(suite, tcase);
    return suite;
}
