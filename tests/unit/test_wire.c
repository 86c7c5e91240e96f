/* The wire format: strict both ways, for every message of the list. */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/wire_sample.h"

Suite *suite_wire(void);

static uint8_t buffer[MESSAGE_MAX + 2 * MESSAGE_HEADER + 16];
static uint8_t again[MESSAGE_MAX + MESSAGE_HEADER];

static size_t encode(uint8_t *out, size_t room, const struct message *m)
{
    struct writer w = writer_init(out, room);
    wire_encode(&w, m);
    return w.failed ? 0 : writer_size(&w);
}

static bool decodes(const void *bytes, size_t size)
{
    struct reader r = reader_init(bytes, size);
    struct message m;
    return wire_decode(&m, &r) && reader_done(&r);
}

/* Whatever decodes has exactly one encoding: the bytes it was read from. */
static bool fails_or_is_canonical(const uint8_t *bytes, size_t size)
{
    struct reader r = reader_init(bytes, size);
    struct message m;
    if (!wire_decode(&m, &r))
        return true;
    size_t used = (size_t)(r.at - bytes);
    return encode(again, sizeof again, &m) == used && memcmp(again, bytes, used) == 0;
}

static bool same_evidence(struct evidence a, struct evidence b)
{
    return a.opinion == b.opinion && a.renewal_ms == b.renewal_ms && a.heard_ms == b.heard_ms &&
           a.direct == b.direct && a.relays == b.relays && a.silent == b.silent &&
           a.acknowledged == b.acknowledged && a.alive == b.alive && a.brake == b.brake;
}

#define SAME_PLAIN(a, b) ((a) == (b))
#define SAME_u8          SAME_PLAIN
#define SAME_u16         SAME_PLAIN
#define SAME_u32         SAME_PLAIN
#define SAME_u64         SAME_PLAIN
#define SAME_flag        SAME_PLAIN
#define SAME_ballot      ballot_equal
#define SAME_op          op_equal
#define SAME_name        view_equal
#define SAME_blob        view_equal
#define SAME_locks       view_equal
#define SAME_nonce(a, b) (memcmp((a).bytes, (b).bytes, sizeof(a).bytes) == 0)
#define SAME_sig         SAME_nonce
#define SAME_evidence    same_evidence
#define SAME_addr(a, b)  (memcmp((a).ip, (b).ip, sizeof(a).ip) == 0 && (a).port == (b).port)
#define SAME_scope(a, b) scope_equal(&(a), &(b))
#define SAME_scope_word(a, b)                                                                      \
    (SAME_scope((a).scope, (b).scope) && SAME_sig((a).signature, (b).signature))

/* loop test: _i is the type. */
START_TEST(round_trip)
{
    enum wire_type type = (enum wire_type)_i;
    struct message m = wire_sample(type), out;
    size_t size = encode(buffer, sizeof buffer, &m);
    ck_assert_uint_gt(size, MESSAGE_HEADER);
    struct reader r = reader_init(buffer, size);
    ck_assert(wire_decode(&out, &r) && reader_done(&r));
    ck_assert_int_eq(out.type, type);
    switch (type) {
    case WIRE_NONE:
    case WIRE_TYPES:
        break;
#define CHECK_FIELD(kind, field) ck_assert_msg(SAME_##kind(a->field, b->field), #field);
#define CHECK_CASE(NAME, name)                                                                     \
    case WIRE_##NAME: {                                                                            \
        const struct wire_##name *a = &m.name, *b = &out.name;                                     \
        WIRE_FIELDS_##name(CHECK_FIELD) break;                                                     \
    }
        WIRE_MESSAGES(CHECK_CASE)
#undef CHECK_CASE
#undef CHECK_FIELD
    }
    ck_assert(fails_or_is_canonical(buffer, size));
}
END_TEST

/* The copy is cut out of the heap, so that the sanitizer sees a byte read too far. */
START_TEST(truncation_fails)
{
    struct message m = wire_sample((enum wire_type)_i);
    size_t size = encode(buffer, sizeof buffer, &m);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy + 1, buffer, cut);
        ck_assert(!decodes(copy + 1, cut));
        free(copy);
    }
}
END_TEST

/* Cut short, with a header that says so: the fields do not fill the body. */
START_TEST(short_body_fails)
{
    struct message m = wire_sample((enum wire_type)_i);
    size_t size = encode(buffer, sizeof buffer, &m);
    for (size_t body = 0; body + MESSAGE_HEADER < size; body++) {
        buffer[1] = (uint8_t)body;
        buffer[2] = (uint8_t)(body >> 8);
        ck_assert(!decodes(buffer, MESSAGE_HEADER + body));
    }
}
END_TEST

START_TEST(bit_flips_fail_or_are_canonical)
{
    struct message m = wire_sample((enum wire_type)_i);
    size_t size = encode(buffer, sizeof buffer, &m);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        buffer[bit / 8] ^= (uint8_t)(1U << bit % 8);
        ck_assert(fails_or_is_canonical(buffer, size));
        buffer[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}
END_TEST

START_TEST(trailing_byte_in_the_body_fails)
{
    struct message m = wire_sample((enum wire_type)_i);
    size_t size = encode(buffer, sizeof buffer, &m);
    size_t body = size - MESSAGE_HEADER + 1;
    buffer[size] = 0;
    buffer[1] = (uint8_t)body;
    buffer[2] = (uint8_t)(body >> 8);
    ck_assert(!decodes(buffer, size + 1));
}
END_TEST

/* A writer without room fails, and what stands in it is not part of a message. */
START_TEST(lack_of_room_latches)
{
    struct message m = wire_sample((enum wire_type)_i);
    size_t size = encode(buffer, sizeof buffer, &m);
    for (size_t room = 0; room < size; room++) {
        struct writer w = writer_init(buffer, room);
        wire_encode(&w, &m);
        ck_assert(w.failed);
        ck_assert_uint_eq(writer_size(&w), 0);
        wire_encode(&w, &(struct message){.type = WIRE_POKE});
        ck_assert_uint_eq(writer_size(&w), 0);
    }
}
END_TEST

START_TEST(names_have_1_to_255_bytes)
{
    uint8_t long_name[LOCK_NAME_MAX + 1];
    memset(long_name, 'x', sizeof long_name);
    struct message m = {.type = WIRE_READ};
    m.read.name = (struct view){long_name, 0};
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &m), 0);
    m.read.name.size = LOCK_NAME_MAX + 1;
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &m), 0);
    m.read.name.size = LOCK_NAME_MAX;
    size_t size = encode(buffer, sizeof buffer, &m);
    ck_assert(decodes(buffer, size));
    m.read.name.size = 1;
    size = encode(buffer, sizeof buffer, &m);
    ck_assert(decodes(buffer, size));
    /* The empty name, as another implementation might write it. */
    buffer[1]--;
    buffer[size - 2] = 0;
    ck_assert(!decodes(buffer, size - 1));
}
END_TEST

START_TEST(blobs_fill_a_message_and_no_more)
{
    static uint8_t bytes[MESSAGE_MAX + 1];
    const size_t rest = 4 + 1 + 1 + 2; /* of a fragment's body */
    struct message m = {.type = WIRE_FRAGMENT};
    m.fragment.bytes = (struct view){bytes, MESSAGE_MAX - rest};
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &m), MESSAGE_MAX + MESSAGE_HEADER);
    ck_assert(decodes(buffer, MESSAGE_MAX + MESSAGE_HEADER));
    m.fragment.bytes.size++;
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &m), 0);
    m.fragment.bytes.size = MESSAGE_MAX + 1;
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &m), 0);
    m.fragment.bytes = (struct view){NULL, 0};
    ck_assert(decodes(buffer, encode(buffer, sizeof buffer, &m)));
}
END_TEST

START_TEST(flags_are_0_or_1)
{
    struct message m = {.type = WIRE_DIGEST};
    size_t size = encode(buffer, sizeof buffer, &m);
    buffer[size - 1] = 1;
    ck_assert(decodes(buffer, size));
    buffer[size - 1] = 2;
    ck_assert(!decodes(buffer, size));
    buffer[size - 1] = 0xff;
    ck_assert(!decodes(buffer, size));
}
END_TEST

START_TEST(unknown_types_fail)
{
    const uint8_t types[] = {WIRE_NONE, WIRE_TYPES, WIRE_TYPES + 1, 0x80, 0xff};
    for (size_t i = 0; i < sizeof types; i++) {
        const uint8_t bytes[] = {types[i], 0, 0};
        ck_assert(!decodes(bytes, sizeof bytes));
    }
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &(struct message){.type = WIRE_NONE}), 0);
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &(struct message){.type = WIRE_TYPES}), 0);
}
END_TEST

START_TEST(many_in_a_row)
{
    struct writer w = writer_init(buffer, sizeof buffer);
    struct message m;
    for (int type = WIRE_NONE + 1; type < WIRE_TYPES; type++) {
        m = wire_sample((enum wire_type)type);
        wire_encode(&w, &m);
    }
    ck_assert(!w.failed);
    struct reader r = reader_init(buffer, writer_size(&w));
    for (int type = WIRE_NONE + 1; type < WIRE_TYPES; type++) {
        ck_assert(wire_decode(&m, &r));
        ck_assert_int_eq(m.type, type);
    }
    ck_assert(reader_done(&r));
    ck_assert(!wire_decode(&m, &r));
}
END_TEST

START_TEST(layout_is_fixed)
{
    const uint8_t expected[] = {WIRE_SUSPECT, 16,   0,    0x02, 0x01, 8,   7, 6, 5, 4, 3, 2, 1,
                                0x0d,         0x0c, 0x0b, 0x0a, 0x04, 0x03};
    struct message m = {.type = WIRE_SUSPECT,
                        .suspect = {0x0102, UINT64_C(0x0102030405060708), 0x0a0b0c0d, 0x0304}};
    ck_assert_uint_eq(encode(buffer, sizeof buffer, &m), sizeof expected);
    ck_assert_mem_eq(buffer, expected, sizeof expected);
}
END_TEST

START_TEST(member_statement_is_the_words_body_without_signature)
{
    struct message m = wire_sample(WIRE_ALIVE);
    encode(buffer, sizeof buffer, &m);
    uint8_t statement[MEMBER_STATEMENT_SIZE];
    wire_member_statement(statement, &m.alive);
    ck_assert_mem_eq(buffer + MESSAGE_HEADER, statement, sizeof statement);
}
END_TEST

START_TEST(types_have_names)
{
    ck_assert_str_eq(wire_name(WIRE_NONE), "none");
    ck_assert_str_eq(wire_name(WIRE_PING_REQ), "ping_req");
    ck_assert_str_eq(wire_name(WIRE_FRAGMENT), "fragment");
    ck_assert_str_eq(wire_name(WIRE_TYPES), "unknown");
}
END_TEST

Suite *suite_wire(void)
{
    Suite *suite = suite_create("wire");
    TCase *each = tcase_create("each type");
    tcase_add_loop_test(each, round_trip, WIRE_NONE + 1, WIRE_TYPES);
    tcase_add_loop_test(each, truncation_fails, WIRE_NONE + 1, WIRE_TYPES);
    tcase_add_loop_test(each, short_body_fails, WIRE_NONE + 1, WIRE_TYPES);
    tcase_add_loop_test(each, bit_flips_fail_or_are_canonical, WIRE_NONE + 1, WIRE_TYPES);
    tcase_add_loop_test(each, trailing_byte_in_the_body_fails, WIRE_NONE + 1, WIRE_TYPES);
    tcase_add_loop_test(each, lack_of_room_latches, WIRE_NONE + 1, WIRE_TYPES);
    suite_add_tcase(suite, each);
    TCase *bounds = tcase_create("bounds");
    tcase_add_test(bounds, names_have_1_to_255_bytes);
    tcase_add_test(bounds, blobs_fill_a_message_and_no_more);
    tcase_add_test(bounds, flags_are_0_or_1);
    tcase_add_test(bounds, unknown_types_fail);
    tcase_add_test(bounds, many_in_a_row);
    tcase_add_test(bounds, layout_is_fixed);
    tcase_add_test(bounds, member_statement_is_the_words_body_without_signature);
    tcase_add_test(bounds, types_have_names);
    suite_add_tcase(suite, bounds);
    return suite;
}
